"""Times of packets: the kernel notes when it handled a packet only while some socket on the machine has asked for that.

The first to ask makes it begin a moment later: ``net_enable_timestamp`` (net/core/dev.c) hands that to a work queue. A packet of
before has no time, and the socket that reads it shows when it was *read* (``__sock_recv_timestamp`` in net/socket.c), which says
nothing about the order of packets in two namespaces. So whoever captures holds ``Stamps``, which asks, and comes back when a
datagram of its own, sent in the monitor's hidden namespace, has been stamped before it was read.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time

from nsmagic.agent.namespaces import Namespaces

#: SO_TIMESTAMPNS is also the type of the ancillary message (asm-generic/socket.h).
SCM_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_PATIENCE = 0.1


class Stamps:
    """Keeps the kernel stamping while somebody holds it."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._holders = 0
        self._sock: socket.socket | None = None

    def hold(self) -> None:
        """Packets from now on have times."""
        self._holders += 1
        if self._sock is None:
            hidden = self._namespaces.monitor.loopback()
            try:
                with self._namespaces.inside(hidden):
                    self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            finally:
                os.close(hidden)
            self._sock.bind(("127.0.0.1", 0))
            self._sock.setsockopt(socket.SOL_SOCKET, SCM_TIMESTAMPNS, 1)
            self._sock.setblocking(False)
            self._await(self._sock)

    def release(self) -> None:
        self._holders -= 1
        if not self._holders and self._sock is not None:
            self._sock.close()
            self._sock = None

    @staticmethod
    def _await(sock: socket.socket) -> None:
        deadline = time.monotonic() + _PATIENCE
        own = sock.getsockname()
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                sock.sendto(b"?", own)
                before = time.clock_gettime_ns(time.CLOCK_REALTIME)
                _, ancillary, _, _ = sock.recvmsg(16, 64)
                for level, kind, value in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, SCM_TIMESTAMPNS):
                        seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                        if seconds * 1_000_000_000 + nanoseconds <= before:
                            return
            select.poll().poll(1)
