"""Frames: four bytes of length, then JSON. Data, never code.

Notebook → agent: ``{"id": 7, "op": "run", …}`` and ``{"id": 8, "op": "cancel", "target": 7}``.
Agent → notebook: any number of ``{"id": 7, "item": …}``, then one ``{"id": 7, "done": …}`` or ``{"id": 7, "error": …}``.
``id`` 0 belongs to no request: the agent's first words and events. ``fds`` says how many descriptors ride along.

Both ends bound what they read (``MAX_FRAME``, ``MAX_DEPTH``): a frame that breaks the rules ends the connection.
Standard library only: the launcher imports this before any other folder is on its path.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

#: Raised when either end changes what a frame means; both ends must have the same.
VERSION = 1
MAX_FRAME = 1 << 20
MAX_DEPTH = 32
MAX_FDS = 16
HEADER = struct.Struct("!I")

_BRACKETS = b"[]{}"
_OTHERS = bytes(c for c in range(256) if c not in _BRACKETS)

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
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict) or not isinstance(message.get("id"), int):
        raise ProtocolError("a frame is not an object with an id")
    return message


def _too_deep(body: bytes) -> bool:
    # Brackets inside strings count too, which can only overestimate; then the exact walk decides.
    brackets = body.translate(None, _OTHERS)
    if len(brackets) <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            return not _strings_explain(body)
    return False


def _strings_explain(body: bytes) -> bool:
    depth, inside, escaped = 0, False, False
    for byte in body:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return False
        elif byte in b"]}":
            depth -= 1
    return True


class Reader:
    """Bytes in, messages out, in whatever pieces the bytes come.

    >>> reader = Reader()
    >>> reader.feed(pack({"id": 1})[:6]); list(reader.messages())
    []
    >>> reader.feed(pack({"id": 1})[6:]); list(reader.messages())
    [{'id': 1}]
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def messages(self) -> Iterator[Message]:
        while len(self._buffer) >= 4:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise ProtocolError(f"a frame announces {length} bytes")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            yield unpack(body)


class Channel:
    """One end of the connection: a Unix stream socket, or any descriptor for the vm kind (then no descriptors ride along).

    Not thread-safe for two readers or two writers; the client guards its writes.
    """

    def __init__(self, sock: socket.socket | None = None, fd: int = -1) -> None:
        self._sock = sock
        self._fd = sock.fileno() if sock is not None else fd
        self._reader = Reader()
        self._fds: deque[int] = deque()

    def fileno(self) -> int:
        return self._fd

    @property
    def carries_fds(self) -> bool:
        """Whether descriptors can be handed across (both sides share a kernel)."""
        return self._sock is not None

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send all of a message, waiting as long as it takes."""
        data = memoryview(pack({**message, "fds": len(fds)} if fds else message))
        if fds:
            if self._sock is None:
                raise ProtocolError("this connection carries no descriptors")
            sent = self._sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
            data = data[sent:]
        while data:
            try:
                data = data[self._write(data) :]
            except BlockingIOError:
                self._wait_writable()

    def _write(self, data: memoryview) -> int:
        return self._sock.send(data, socket.MSG_NOSIGNAL) if self._sock is not None else os.write(self._fd, data)

    def _wait_writable(self) -> None:
        import select

        poller = select.poll()
        poller.register(self._fd, select.POLLOUT)
        poller.poll()

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
        return [(message, self._take(message)) for message in self._reader.messages()]

    def _take(self, message: Message) -> list[int]:
        wanted = message.get("fds", 0)
        if not isinstance(wanted, int) or not 0 <= wanted <= len(self._fds):
            raise ProtocolError("a frame promises descriptors that did not come")
        return [self._fds.popleft() for _ in range(wanted)]

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.popleft())
        if self._sock is not None:
            self._sock.close()
        elif self._fd >= 0:
            os.close(self._fd)
