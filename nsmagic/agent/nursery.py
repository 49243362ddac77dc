"""New network namespaces, made by a child process while the agent does something else.

A fifth of the time of a cell that makes hundreds is the kernel's ``unshare(CLONE_NEWNET)``, which the next commands need not wait for when
one has been made in advance. The child (``newborns.py``) also opens the socket that the agent keeps in each, and has the monitor's hidden
namespace number it. It moves only itself into what it makes, and hands over descriptors.

It is no thread: two threads of Python have one interpreter, and at each of its system calls one waited for the other.
"""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import struct
import sys
from collections import deque
from typing import NamedTuple

from nsmagic.agent import newborns
from nsmagic.netlink.follow import Ready
from nsmagic.netlink.hidden import Hidden
from nsmagic.netlink.socket import OPTIONS, RouteSocket

#: So many are made in a row at first, so that the first are there soon, and at most later on, each row twice as long as the one before:
#: each time that two processes meet, one wakes the other, which may take its processor. Two rows are made in advance.
_FIRST_ROW, _LONGEST_ROW = 4, 16
_ROWS = 2
#: Seconds that a row may take.
_PATIENCE = 1


class Newborn(NamedTuple):
    """A new namespace: its descriptor, and what the monitor needs to follow it. Both are the taker's."""

    fd: int
    ready: Ready

    def drop(self) -> None:
        """Let go of it."""
        self.ready.sock.close()
        os.close(self.fd)


class Nursery:
    """A child that makes namespaces on demand, a few ahead of who takes them.

    Parameters
    ----------
    home
        A descriptor of the agent's own namespace, in which each is made.
    hidden
        The namespace that numbers them.

    Raises
    ------
    OSError
        There may be no more processes, or Python is not to be found.
    """

    def __init__(self, home: int, hidden: Hidden) -> None:
        self._hidden = hidden
        self._made: deque[Newborn] = deque()
        #: How many are wanted that were not ordered yet, and how many rows are under way.
        self._wanted = self._coming = 0
        self._row = _FIRST_ROW
        # It takes a few milliseconds until the child runs; until then nobody waits for it.
        self._patience: int = socket.MSG_DONTWAIT
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        numbering, home = hidden.one_more(), os.dup(home)
        fds = (home, numbering.sock.fileno(), theirs.fileno())
        options = [word for level, option, value in OPTIONS for word in (str(level), str(option), value.hex())]
        argv = [sys.executable, "-I", "-S", os.path.abspath(newborns.__file__), *map(str, fds), *options]
        try:
            for fd in fds:
                os.set_inheritable(fd, True)  # all others that are open are not
            self.pid = os.posix_spawn(argv[0], argv, {})
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(home)
            numbering.close()
            theirs.close()
        # Whoever may stop processes of the lab may stop it.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", _PATIENCE, 0))
        self._channel = ours

    def fileno(self) -> int:
        """Readable when a row is there."""
        return self._channel.fileno()

    def want(self, count: int) -> None:
        """So many more will be taken, at most."""
        self._wanted += count
        self._order()

    def _order(self) -> None:
        while self._wanted and self._coming < _ROWS:
            count = min(self._row, self._wanted)
            try:
                self._channel.send(newborns.ORDER.pack(count, self._hidden.reserve(count)))
            except OSError:  # it has ended
                self._wanted = 0
                return
            self._wanted -= count
            self._coming += 1
            self._row = min(2 * self._row, _LONGEST_ROW)

    def take(self) -> Newborn | None:
        """A new namespace; None when there are no more, or none yet."""
        if not self._made and self._coming:
            try:
                self._receive(self._patience)
            except BlockingIOError:
                self._wanted, self._patience = max(0, self._wanted - 1), socket.MSG_DONTWAIT
                return None
            self._order()
        return self._made.popleft() if self._made else None

    def _receive(self, flags: int) -> None:
        """Take the next row."""
        try:
            data, ancillary, _, _ = self._channel.recvmsg(
                newborns.SAID.size * _LONGEST_ROW, socket.CMSG_SPACE(8 * _LONGEST_ROW), socket.MSG_CMSG_CLOEXEC | flags
            )
        except ConnectionError:  # it has ended
            data, ancillary = b"", []
        self._patience = 0
        self._coming = self._coming - 1 if data else 0
        fds = array.array("i")
        for _, _, payload in ancillary:
            fds.frombytes(payload)
        for at in range(len(fds) // 2):
            inode, nsid = newborns.SAID.unpack_from(data, at * newborns.SAID.size)
            # Family, type and protocol are said, so that Python does not ask the kernel for them.
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 0, fileno=fds[2 * at + 1])
            self._made.append(Newborn(fds[2 * at], Ready(nsid, inode, RouteSocket(sock))))
        if not fds:  # a limit, say: who asks next for one makes it himself, and is told
            self._wanted = 0

    def close(self) -> None:
        """Make no more; what nobody took is let go of."""
        while self._made:
            self._made.popleft().drop()
        self._channel.close()
        with contextlib.suppress(ChildProcessError):  # the agent's loop may have seen its end already
            if not os.waitpid(self.pid, os.WNOHANG)[0]:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
