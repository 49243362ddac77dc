"""One kept NETLINK_ROUTE socket per namespace: send, wait for the ACK, dump.

The socket is opened by entering the namespace for a moment (``setns``, open, ``setns`` back: two system calls, no child
process), which is safe because the agent has one thread. A netlink socket belongs to its namespace for ever, so nothing
has to enter it again. ``iproute`` is the same socket as a pyroute2 ``IPRoute``, for the rarely used parts.

Message layout, flags and the extended ACK are those of ``include/uapi/linux/netlink.h``.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any

NETLINK_ROUTE = 0
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP = 1, 2
NETLINK_LISTEN_ALL_NSID = 8
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_ROOT = 0x100
NLM_F_MATCH = 0x200
NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSGERR_ATTR_MSG = 1
NLMSGERR_ATTR_OFFS = 2

CLONE_NEWNET = 0x40000000

HEADER = struct.Struct("=IHHII")
_ATTR = struct.Struct("=HH")
#: No datagram of the kernel's is longer (a dump's are 32 KiB at most). From 128 KiB on, each ``recv`` would map fresh memory.
_BUFFER = 1 << 16
_LAST_SEQ = 0x7FFFFFFF - 1000
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")
#: A reply that does not come within this many seconds is a bug or a dead kernel; the agent must not hang for ever.
_PATIENCE = 10

_ON, _LIMIT = struct.pack("@i", 1), struct.pack("@ll", _PATIENCE, 0)
#: The options of each socket: level, number, value. ``settimeout()`` would cost a poll before every call.
OPTIONS = (
    (SOL_NETLINK, NETLINK_EXT_ACK, _ON), (SOL_NETLINK, NETLINK_CAP_ACK, _ON), (SOL_NETLINK, NETLINK_GET_STRICT_CHK, _ON),
    (socket.SOL_SOCKET, socket.SO_RCVTIMEO, _LIMIT), (socket.SOL_SOCKET, socket.SO_SNDTIMEO, _LIMIT),
)  # fmt: skip

#: A message that came: the buffer that holds it, start and end of what follows its header.
Answer = tuple[bytes, int, int]

_libc = ctypes.CDLL(None, use_errno=True)


class NetlinkError(OSError):
    """The kernel's refusal of one message.

    ``errno`` is the positive number; ``ext`` the kernel's own sentence from the extended ACK, ``""`` when it gave none.

    >>> str(NetlinkError(17, ""))
    'File exists'
    """

    def __init__(self, errno: int, ext: str = "") -> None:
        super().__init__(errno, ext or os.strerror(errno))
        self.ext = ext

    def __str__(self) -> str:
        return self.ext or os.strerror(self.errno or 0)


def setns(fd: int, kind: int = CLONE_NEWNET) -> None:
    """Enter the namespace behind a descriptor (``setns(2)``; Python has it only from 3.12 on)."""
    if _libc.setns(fd, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class RouteSocket:
    """A kept rtnetlink socket of one namespace.

    >>> RouteSocket.open().dump(18, struct.pack("=BxHiII", 0, 0, 0, 0, 0)).__next__()[0]   # RTM_GETLINK: RTM_NEWLINK
    16
    """

    __slots__ = ("_iproute", "_seq", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._seq = 0
        self._iproute: Any = None

    @classmethod
    def open(cls, nsfd: int | None = None, home: int | None = None) -> RouteSocket:
        """Open a socket in the namespace behind ``nsfd`` (None: where we are); ``home`` is where to come back to."""
        if nsfd is not None:
            assert home is not None
            setns(nsfd)
        try:
            # SOCK_DGRAM: asyncio, which pyroute2 uses on ``fileno=``, refuses SOCK_RAW; to netlink they are the same.
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
        finally:
            if nsfd is not None and home is not None:
                setns(home)
        for level, option, value in OPTIONS:
            sock.setsockopt(level, option, value)
        sock.bind((0, 0))
        return cls(sock)

    def close(self) -> None:
        if self._iproute is not None:
            self._iproute.close()
            self._iproute = None
        self.sock.close()

    def message(self, kind: int, flags: int, body: bytes) -> bytes:
        """A message with the next sequence number, ready to send."""
        self._seq = (self._seq + 1) & 0x7FFFFFFF
        return HEADER.pack(16 + len(body), kind, flags | NLM_F_REQUEST, self._seq, 0) + body

    def request(self, kind: int, flags: int, body: bytes) -> None:
        """Send one message and wait for its ACK.

        Raises
        ------
        NetlinkError
            With the kernel's number and words.
        """
        self.sock.send(self.message(kind, flags | NLM_F_ACK, body))
        seq = self._seq
        while True:
            data = self.sock.recv(_BUFFER)
            for number, _, flags_, at, end in _messages(data, seq):
                if number == NLMSG_ERROR:
                    error = ack_error(data, at, end, flags_)
                    if error is not None:
                        raise error
                    return

    def requests(
        self, messages: Sequence[tuple[int, int, bytes]], answers: dict[int, Answer] | None = None
    ) -> dict[int, NetlinkError]:
        """Send several messages (type, flags, body) at once and wait until all are done; the refusals by place.

        Only the last asks for an acknowledgement; the others answer only when they are refused. What those are answered with that
        ask for something (RTM_GETLINK of one link, NLM_F_ECHO) comes into ``answers``, by place.
        """
        seq, last = self._seq, len(messages) - 1
        if seq + last > _LAST_SEQ:
            seq = 0
        first, pack = seq + 1, HEADER.pack
        parts: list[bytes] = []
        for at, (kind, flags, body) in enumerate(messages, first):
            flags |= NLM_F_REQUEST if at <= seq + last else NLM_F_REQUEST | NLM_F_ACK
            parts += pack(16 + len(body), kind, flags, at, 0), body, _PAD[len(body) & 3]
        self._seq = first + last
        self.sock.send(b"".join(parts))
        refused: dict[int, NetlinkError] = {}
        receive, unpack = self.sock.recv, HEADER.unpack_from
        while True:
            answer = receive(_BUFFER)
            at, size = 0, len(answer)
            while at + 16 <= size:
                length, number, flags, of, _ = unpack(answer, at)
                if length < 16:
                    break
                place = of - first
                if 0 <= place <= last:
                    if number != NLMSG_ERROR:
                        if answers is not None:
                            answers[place] = (answer, at + 16, at + length)
                    else:
                        error = ack_error(answer, at + 16, at + length, flags)
                        if error is not None:
                            refused[place] = error
                        if place == last:
                            return refused
                at += (length + 3) & ~3

    def get(self, kind: int, flags: int, body: bytes) -> tuple[int, bytes]:
        """Send a request that has one answer (RTM_GETROUTE, RTM_GETLINK by index): ``(message type, its body)``."""
        self.sock.send(self.message(kind, flags, body))
        seq = self._seq
        while True:
            data = self.sock.recv(_BUFFER)
            for number, _, flags_, at, end in _messages(data, seq):
                if number == NLMSG_ERROR:
                    raise ack_error(data, at, end, flags_) or NetlinkError(71, "empty answer")
                return number, data[at:end]

    def ask(self, kind: int, flags: int, body: bytes) -> bytes:
        """Send a request whose answers the caller reads with ``receive``; its sequence number, as it stands in each of them."""
        self.sock.send(self.message(kind, flags, body))
        return self._seq.to_bytes(4, sys.byteorder)

    def receive(self) -> bytes:
        """The next datagram."""
        return self.sock.recv(_BUFFER)

    def dump(self, kind: int, body: bytes) -> Iterator[tuple[int, bytes, int, int]]:
        """Ask for a whole table; yields ``(message type, buffer, start of body, end)`` without copying.

        An interrupted dump (``NLM_F_DUMP_INTR``: the table changed meanwhile) raises ``NetlinkError(EINTR)`` at its end; callers
        start again.
        """
        self.sock.send(self.message(kind, NLM_F_DUMP, body))
        seq = self._seq
        interrupted = False
        while True:
            data = self.sock.recv(_BUFFER)
            at, size = 0, len(data)
            while at + 16 <= size:  # as _messages() does, without a second generator for each row
                length, number, flags_, of, _ = HEADER.unpack_from(data, at)
                if length < 16:
                    break
                start, end = at + 16, at + length
                at += (length + 3) & ~3
                if of != seq:
                    continue
                if flags_ & NLM_F_DUMP_INTR:
                    interrupted = True
                if number == NLMSG_DONE:
                    code = struct.unpack_from("=i", data, start)[0] if end - start >= 4 else 0
                    if code < 0:
                        raise NetlinkError(-code, _words(data, start + 4, end) if flags_ & NLM_F_ACK_TLVS else "")
                    if interrupted:
                        raise NetlinkError(4, "the table changed while it was read")
                    return
                if number == NLMSG_ERROR:
                    error = ack_error(data, start, end, flags_)
                    if error is not None:
                        raise error
                    return
                yield number, data, start, end

    @property
    def iproute(self) -> Any:
        """The same socket as a pyroute2 ``IPRoute`` (made at first use; in the agent's thread no event loop runs)."""
        if self._iproute is None:
            from pyroute2 import IPRoute

            self._iproute = IPRoute(fileno=os.dup(self.sock.fileno()), ext_ack=True)
            # asyncio has made the shared descriptor non-blocking: from now on we must wait by ourselves.
            self.sock.settimeout(_PATIENCE)
        return self._iproute


def _messages(data: bytes, seq: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The messages of a datagram that answer ``seq``: ``(type, seq, flags, start of body, end)``."""
    at, size = 0, len(data)
    while at + 16 <= size:
        length, kind, flags, number, _ = HEADER.unpack_from(data, at)
        if length < 16:
            return
        if number == seq:
            yield kind, number, flags, at + 16, at + length
        at += (length + 3) & ~3


def ack_error(data: bytes, at: int, end: int, flags: int) -> NetlinkError | None:
    """The refusal in an NLMSG_ERROR body, or None when it is an ACK (error 0)."""
    code = struct.unpack_from("=i", data, at)[0]
    if code == 0:
        return None
    words = ""
    if flags & NLM_F_ACK_TLVS and end - at >= 20:
        # errno, then the request's header (capped) or the whole request, then the attributes.
        inner = struct.unpack_from("=I", data, at + 4)[0]
        words = _words(data, at + 4 + (16 if flags & NLM_F_CAPPED else (inner + 3) & ~3), end)
    return NetlinkError(-code, words)


def _words(data: bytes, at: int, end: int) -> str:
    """The kernel's sentence among the attributes of an extended ACK."""
    words = ""
    while at + 4 <= end:
        length, kind = _ATTR.unpack_from(data, at)
        if length < 4:
            break
        if kind & 0x3FFF == NLMSGERR_ATTR_MSG:
            words = data[at + 4 : at + length].rstrip(b"\0").decode(errors="replace")
        at += (length + 3) & ~3
    return words
