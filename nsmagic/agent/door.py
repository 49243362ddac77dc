"""The lab's door: how a terminal of the same user gets into a running lab, for ``nsmagic shell`` and ``nsmagic ls``.

The launcher listens on an abstract Unix socket, ``@nsmagic-UID-LAB``, made before the lab's namespaces so that it belongs to the
machine's network, and hands each connection of its own user to the agent as a descriptor. Nothing enters the lab's pid namespace
from outside (a process put there that nobody reaps would keep the lab from ending), and no file is left behind.

Whoever watches over the lab must never wait for a visitor: every step on the launcher's side is non-blocking, and a connection
that cannot be handed over at once is closed. Standard library only.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
import socket
import struct

#: Visitors at once; further ones are turned away.
MOST = 16
#: Seconds that the agent waits for a visitor who does not read.
PATIENCE = 1.0

_UCRED = struct.Struct("=iII")
#: What ``accept`` says of the one connection and not of the socket.
_PASSING = (errno.EAGAIN, errno.EINTR, errno.ECONNABORTED, errno.EPERM, errno.EPROTO)


def name_of(uid: int, lab: str) -> str:
    """The abstract name of a lab's door.

    >>> name_of(1000, "0badcafe")
    '\\x00nsmagic-1000-0badcafe'
    """
    return f"\0nsmagic-{uid}-{lab}"


def peer(sock: socket.socket) -> tuple[int, int]:
    """Pid and uid of the other end, as this process's namespaces number them."""
    pid, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return pid, uid


class Door:
    """The launcher's side: the listening socket, and the way to the agent.

    Raises
    ------
    OSError
        The name cannot be had; the lab then has no door.
    """

    def __init__(self, lab: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self._listener.bind(name_of(os.getuid(), lab))
            self._listener.listen(32)
            # Packets, so that each carries exactly one descriptor.
            self._ours, self.inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError:
            self._listener.close()
            raise

    def fileno(self) -> int:
        """What is readable when somebody knocks."""
        return self._listener.fileno()

    def accept(self) -> socket.socket | None:
        """One waiting connection, if it is our own user's."""
        try:
            visitor, _ = self._listener.accept()
        except OSError:
            return None
        if peer(visitor)[1] == os.getuid():
            return visitor
        visitor.close()
        return None

    def let_in(self) -> bool:
        """Hand one waiting connection to the agent, if it is our own user's; False when the door can no longer be used."""
        try:
            visitor, _ = self._listener.accept()
        except OSError as error:
            return error.errno in _PASSING
        with visitor, contextlib.suppress(OSError):
            # In the lab's user namespace our uid is 0 and everybody else's is not mapped; without one it is our own number.
            if peer(visitor)[1] == os.getuid():
                message = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [visitor.fileno()]))]
                # Refused when the agent is busy or gone: then the visitor sees the connection close.
                self._ours.sendmsg([b"v"], message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        return True

    def keep_outside(self) -> None:
        """In the launcher, once the agent's process is made: close the agent's end."""
        self.inside.close()

    def keep_inside(self) -> int:
        """In the agent's process: the number of its end. The other numbers are let go of unclosed, as the caller closes all
        that it does not keep: closed a second time, they would be somebody else's."""
        self._listener.detach()
        self._ours.detach()
        return self.inside.detach()

    def close(self) -> None:
        """Take the name away; visitors who are in stay."""
        self._listener.close()


def receive(inside: socket.socket) -> list[socket.socket] | None:
    """In the agent: the visitors who came; None when the launcher is gone."""
    data, ancillary, _, _ = inside.recvmsg(16, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)
    if not data:
        return None
    numbers = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
    visitors = [socket.socket(fileno=number) for number in numbers]
    for visitor in visitors:
        # A visitor who does not read must not stop the agent: sending gives up after this, and the connection ends.
        visitor.settimeout(PATIENCE)
    return visitors
