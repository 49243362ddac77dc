"""Frames: four bytes of length, then JSON. Data, never code.

Notebook → agent: ``{"id": 7, "op": "run", …}`` and ``{"id": 8, "op": "cancel", "target": 7}``.
Agent → notebook: any number of ``{"id": 7, "item": …}``, then one ``{"id": 7, "done": …}`` or ``{"id": 7, "error": …}``.
``id`` 0 belongs to no request: the agent's first words and events. ``fds`` says how many descriptors ride along.
From a virtual machine ``{"id": 0, "taken": 1024}`` says that it has read so many bytes (``pace.py``).

Both ends bound what they read (``MAX_FRAME``, ``MAX_DEPTH``): a frame that breaks the rules ends the connection.
Standard library only: the launcher imports this before any other folder is on its path.
"""

from __future__ import annotations

import array
import base64
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from nsmagic.agent.pace import TOLD, Pace

#: Raised when either end changes what a frame means; both ends must have the same.
VERSION = 1
MAX_FRAME = 1 << 20
MAX_DEPTH = 32
MAX_FDS = 16
HEADER = struct.Struct("!I")

#: Both kinds of bracket as one; all that is neither bracket nor quote.
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(c for c in range(256) if c not in b'[]{}"')

Message = dict[str, Any]


class ProtocolError(Exception):
    """The other end sent something that is not a frame."""


def pack(message: Message) -> bytes:
    """The bytes of a frame.

    >>> pack({"id": 1})
    b'\\x00\\x00\\x00\\x08{"id":1}'

    Raises
    ------
    ProtocolError
        When the message is larger than a frame may be: the sender must split it.
    """
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode()
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a frame of {len(body)} bytes is larger than {MAX_FRAME}")
    return HEADER.pack(len(body)) + body


def unpack(body: bytes) -> Message:
    """The message in a frame's body; raises ``ProtocolError`` for anything but an object of bounded depth."""
    if _too_deep(body):
        raise ProtocolError(f"a frame nests deeper than {MAX_DEPTH}")
    try:
        # Decoded here: on bytes, json.loads would take UTF-16 and UTF-32 too.
        message = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict) or not _is_number(message.get("id")):
        raise ProtocolError("a frame is not an object with an id")
    return message


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _too_deep(body: bytes) -> bool:
    """Whether brackets nest deeper than allowed; those inside strings do not count.

    >>> _too_deep(b"[" * 33 + b"]" * 33), _too_deep(b'["' + b"[" * 33 + b'"]')
    (True, False)
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(_AS_SQUARE, _OTHERS)
    if marks.count(b"[") <= MAX_DEPTH:
        return False
    # Every second piece between quotes is a string, also when two quotes side by side have been taken away, as most can be.
    brackets = b"".join(marks.replace(b'""', b"").split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # takes away the innermost level
    return bool(brackets)


def to_data(address: Any) -> Any:
    """A socket's address as JSON can carry it.

    >>> to_data(("eth0", 2048, 0, 1, b"\\x02")), from_data(["eth0", 2048, 0, 1, {"bytes": "Ag=="}])
    (['eth0', 2048, 0, 1, {'bytes': 'Ag=='}], ('eth0', 2048, 0, 1, b'\\x02'))
    """
    if isinstance(address, (tuple, list)):
        return [to_data(each) for each in address]
    if isinstance(address, (bytes, bytearray)):
        return {"bytes": base64.b64encode(address).decode()}
    return address


def from_data(data: Any) -> Any:
    """The address that ``to_data`` was given."""
    if isinstance(data, list):
        return tuple(from_data(each) for each in data)
    if isinstance(data, dict):
        return base64.b64decode(data["bytes"])
    return data


class Reader:
    """Bytes in, messages out, in whatever pieces the bytes come; a ``lenient`` one passes over whole frames that are no messages.

    >>> reader = Reader()
    >>> reader.feed(pack({"id": 1})[:6]); list(reader.messages())
    []
    >>> reader.feed(pack({"id": 1})[6:]); list(reader.messages())
    [{'id': 1}]
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self._buffer = bytearray()
        self._lenient = lenient

    @property
    def waiting(self) -> int:
        """How many bytes of a frame that is not complete yet are here."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """More bytes."""
        self._buffer += data

    def messages(self) -> Iterator[Message]:
        """The messages that are complete by now.

        Raises
        ------
        ProtocolError
            The bytes are not frames; there is no going on after that.
        """
        while len(self._buffer) >= 4:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise ProtocolError(f"a frame announces {length} bytes")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            try:
                message = unpack(body)
            except ProtocolError:
                if self._lenient:
                    continue
                raise
            yield message


class Channel:
    """One end of the connection: a Unix stream socket, or any descriptor for the vm kind (then no descriptors ride along).

    ``shared`` says whether the other end runs on the same kernel: behind a socket, too, there may be a virtual machine.
    ``paced``: it is the line of a virtual machine, which takes only so much at a time (``pace.py``).
    ``patience`` is for how many seconds ``send`` waits for a non-blocking other end that does not read (None: for ever).
    A ``lenient`` one passes over frames that are no messages: a line that several have one after the other must outlast them.
    Not thread-safe for two readers or two writers; the client guards its writes.
    """

    def __init__(
        self,
        sock: socket.socket | None = None,
        fd: int = -1,
        patience: float | None = None,
        *,
        shared: bool = True,
        paced: bool = False,
        lenient: bool = False,
    ) -> None:
        self._patience = patience
        self._shared = shared and sock is not None
        self._sock = sock
        self._fd = sock.fileno() if sock is not None else fd
        self._lenient = lenient
        self._reader = Reader(lenient=lenient)
        self._fds: deque[int] = deque()
        self._pace = Pace() if paced else None
        self._untold = 0

    def fileno(self) -> int:
        return self._fd

    @property
    def carries_fds(self) -> bool:
        """Whether descriptors can be handed across (both sides share a kernel)."""
        return self._shared

    def send(
        self, message: Message, fds: Sequence[int] = (), *, first: Message | None = None, to_launcher: bool = False
    ) -> None:
        """Send all of a message, waiting as long as it takes. ``first`` is one that goes before it, and wakes nobody by itself.
        ``to_launcher``: it is read before the line of a virtual machine begins.

        Raises
        ------
        ProtocolError
            The message is too large, has too many descriptors, or the connection carries none. Nothing was sent.
        OSError
            The other end is gone.
        """
        if fds and not self._shared:
            raise ProtocolError("this connection carries no descriptors")
        if len(fds) > MAX_FDS:
            raise ProtocolError(f"{len(fds)} descriptors are more than the {MAX_FDS} that a frame may carry")
        packed = pack({**message, "fds": len(fds)} if fds else message)
        data = memoryview(packed if first is None else pack(first) + packed)
        while data:
            part = data if self._pace is None or to_launcher else data[: self._pace.take(len(data))]
            while part:
                try:
                    sent = self._write(part, fds)
                except BlockingIOError:
                    self._wait_writable()
                    continue
                part, data = part[sent:], data[sent:]
                fds = ()  # they went with the first bytes

    def _write(self, data: memoryview, fds: Sequence[int]) -> int:
        if self._sock is None:
            return os.write(self._fd, data)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        return self._sock.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)

    def _wait_writable(self) -> None:
        import select

        poller = select.poll()
        poller.register(self._fd, select.POLLOUT)
        if not poller.poll(None if self._patience is None else self._patience * 1000):
            raise TimeoutError("the other end does not read")

    def receive(self) -> list[tuple[Message, list[int]]] | None:
        """Read once: the messages complete by now with their descriptors; None at the end of the connection.

        Raises
        ------
        ProtocolError
            The bytes are not frames.
        """
        if self._sock is not None:
            data, ancillary, _, _ = self._sock.recvmsg(1 << 18, socket.CMSG_SPACE(4 * MAX_FDS), socket.MSG_CMSG_CLOEXEC)
            for level, kind, payload in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    numbers = array.array("i")
                    numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
                    self._fds.extend(numbers)
        else:
            data = os.read(self._fd, 1 << 18)
        if not data:
            return None
        self._reader.feed(data)
        if self._sock is None:
            self._tell_taken(len(data))
        arrived: list[tuple[Message, list[int]]] = []
        try:
            for message in self._reader.messages():
                if self._pace is not None and message["id"] == 0 and _is_number(message.get("taken")):
                    self._pace.give(message["taken"])
                elif not (self._lenient and "fds" in message):
                    arrived.append((message, self._take(message)))
            # The kernel hands descriptors over with the first bytes of their frame: those left belong to one under way.
            if self._fds and (not self._reader.waiting or len(self._fds) > MAX_FDS):
                raise ProtocolError("descriptors came that no frame promises")
        except ProtocolError:
            for _, fds in arrived:
                for fd in fds:
                    os.close(fd)
            raise
        return arrived

    def _tell_taken(self, size: int) -> None:
        self._untold += size
        if self._untold >= TOLD:
            taken, self._untold = self._untold, 0
            self.send({"id": 0, "taken": taken})

    def _take(self, message: Message) -> list[int]:
        wanted = message.get("fds", 0)
        if not _is_number(wanted) or not 0 <= wanted <= len(self._fds):
            raise ProtocolError("a frame promises descriptors that did not come")
        return [self._fds.popleft() for _ in range(wanted)]

    def close(self) -> None:
        if self._pace is not None:
            self._pace.end()
        while self._fds:
            os.close(self._fds.popleft())
        if self._sock is not None:
            self._sock.close()
        elif self._fd >= 0:
            os.close(self._fd)
