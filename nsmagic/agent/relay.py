"""Visitors of a lab in a virtual machine (``nsmagic shell``, ``nsmagic ls``): no descriptor can be handed into it, so the launcher
copies their frames to a serial line and back.

A line has no end that its other side could see, and the next visitor gets the same one. So only whole frames are passed on, and when a
visitor leaves the agent is told so (``LEFT``) and answers when nothing of that visitor's is under way; what comes before the
answer is nobody's. The launcher never waits for anybody: everything is non-blocking and bounded. Of what is for the guest only so much
is under way as ``pace.py`` allows. Standard library only.
"""

from __future__ import annotations

import select
import socket

from nsmagic.agent import pace, protocol

#: Visitors at once.
LINES = 4
LEFT = protocol.pack({"id": 0, "op": "left"})
_TAKEN = b'{"id":0,"taken":'
ANSWER = protocol.pack({"id": 0, "done": {"left": True}})
#: Bytes that may wait for the guest, after which a visitor is not read; and for a visitor, after which that one is sent away.
_MUCH, _TOO_MUCH = 2 << 20, 8 << 20
_CHUNK = 1 << 16


class Line:
    """One serial line, and the visitor who has it, if anybody.

    >>> ours, guest = socket.socketpair()
    >>> line = Line(ours)
    >>> them, visitor = socket.socketpair()
    >>> line.take(visitor); line.free
    False
    >>> them.sendall(protocol.pack({"id": 1})[:5]); line.turn(); guest.setblocking(False)
    >>> them.sendall(protocol.pack({"id": 1})[5:]); line.turn(); guest.recv(100)
    b'\\x00\\x00\\x00\\x08{"id":1}'
    >>> them.close(); line.turn(); guest.recv(100) == LEFT, line.free
    (True, False)
    >>> guest.send(protocol.pack({"id": 1, "item": 1}) + ANSWER); line.turn(); line.free
    54
    True
    >>> for each in (ours, guest): each.close()
    """

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(False)
        self.line = line
        self.visitor: socket.socket | None = None
        self._leaving = False
        self._broken = False
        self._in = bytearray()  # from the visitor, a frame that is not complete
        self._out = bytearray()  # from the guest, likewise
        self._to_guest = bytearray()
        self._to_visitor = bytearray()
        self._room = pace.WINDOW

    @property
    def free(self) -> bool:
        """Whether a visitor can have it."""
        return self.visitor is None and not self._leaving and not self._broken

    @property
    def waiting(self) -> int:
        """Bytes of frames that are not complete yet."""
        return len(self._in) + len(self._out)

    def take(self, visitor: socket.socket) -> None:
        """Give it to a visitor."""
        visitor.setblocking(False)
        self.visitor = visitor

    def wanted(self) -> dict[int, int]:
        """The descriptors to be polled, each with its events."""
        found = {self.line.fileno(): select.POLLIN | (select.POLLOUT if self._to_guest and self._room else 0)}
        if self.visitor is not None:
            reads = select.POLLIN if len(self._to_guest) < _MUCH else 0
            found[self.visitor.fileno()] = reads | (select.POLLOUT if self._to_visitor else 0)
        return found

    def turn(self) -> None:
        """Copy what there is, both ways, as far as it goes."""
        if self.visitor is not None and len(self._to_guest) < _MUCH:
            self._from_visitor(self.visitor)
        self._from_guest()
        self._feed()
        if self.visitor is not None and not self._send(self.visitor, self._to_visitor):
            self._leave()
            self._feed()

    def _from_visitor(self, visitor: socket.socket) -> None:
        try:
            data = visitor.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._leave()
            return
        self._in += data
        frames = _whole(self._in)
        if frames is None:
            self._leave()
        else:
            self._to_guest += b"".join(frames)

    def _from_guest(self) -> None:
        try:
            data = self.line.recv(_CHUNK)
        except OSError:
            return
        if self._broken:
            return
        self._out += data
        frames = _whole(self._out)
        if frames is None:
            # Where the next frame begins cannot be known any more: what comes is dropped, and nobody gets this line again.
            self._broken = True
            self._out.clear()
            self._leave()
            return
        for frame in frames:
            if frame[4:].startswith(_TAKEN):
                self._room = min(self._room + _taken(frame), pace.WINDOW)
            elif self._leaving:
                self._leaving = frame != ANSWER
            elif self.visitor is not None:
                self._to_visitor += frame
        if len(self._to_visitor) > _TOO_MUCH:
            self._leave()

    def _leave(self) -> None:
        if self.visitor is not None:
            self.visitor.close()
            self.visitor = None
            self._in.clear()
            self._to_visitor.clear()
            self._leaving = True
            self._to_guest += LEFT

    def _feed(self) -> None:
        part = self._to_guest[: self._room]
        before = len(part)
        self._send(self.line, part)
        sent = before - len(part)
        del self._to_guest[:sent]
        self._room -= sent

    def close(self) -> None:
        """Close both ends."""
        self.line.close()
        if self.visitor is not None:
            self.visitor.close()

    @staticmethod
    def _send(to: socket.socket, data: bytearray) -> bool:
        """Send what goes; False when the other end is gone."""
        try:
            while data:
                del data[: to.send(data, socket.MSG_NOSIGNAL)]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


def _taken(frame: bytes) -> int:
    """How much the guest says it has read.

    >>> _taken(protocol.pack({"id": 0, "taken": 1024})), _taken(protocol.pack({"id": 0, "taken": -1}))
    (1024, 0)
    """
    try:
        taken = protocol.unpack(frame[4:]).get("taken")
    except protocol.ProtocolError:
        return 0
    return max(taken, 0) if isinstance(taken, int) else 0


def _whole(data: bytearray) -> list[bytes] | None:
    """Take the complete frames out of what has come; None when these are no frames."""
    frames = []
    while len(data) >= 4:
        (length,) = protocol.HEADER.unpack_from(data)
        if length > protocol.MAX_FRAME:
            return None
        if len(data) < 4 + length:
            break
        frames.append(bytes(data[: 4 + length]))
        del data[: 4 + length]
    return frames
