"""What the rules of nftables (and so of ``iptables-nft``) decide over the packets of a lab, while a capture runs.

The kernel tells it as long as our tables are there (``netlink/nftrace.py``), which go with their sockets. Only namespaces that have
rules when it begins are looked at: the others are asked one question each. What cannot be traced (a kernel without nftables, the old iptables) is
left out. A flood of packets ends the tracing in its namespace, and not the flood.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import socket
from collections.abc import Iterable
from typing import Any

from nsmagic.agent.loop import Loop
from nsmagic.agent.namespaces import Namespaces
from nsmagic.netlink import nftrace
from nsmagic.netlink.socket import NetlinkError

#: Asked of the kernel; it gives twice what net.core.rmem_max allows.
_BUFFER = 1 << 22
#: So many steps are read of a namespace, so many datagrams before others get their turn.
MOST, _BURST = 20_000, 256
#: What ends a packet's way through a chain; ``jump``, ``return`` and what only counts do not.
_DECIDED = frozenset({"accept", "drop", "stolen", "queue"})


class _Traced:
    """A namespace under way."""

    __slots__ = ("headers", "inode", "ns", "read", "rows", "sock")

    def __init__(self, sock: socket.socket, ns: str, inode: int) -> None:
        self.sock, self.ns, self.inode = sock, ns, inode
        self.read = 0
        self.rows: list[dict[str, Any]] = []
        #: What the kernel tells of a packet with the first step in a chain; later steps name it by its number.
        self.headers: dict[int, tuple[str, str]] = {}


class RuleTrace:
    """Traces until ``end()``.

    Parameters
    ----------
    names
        The namespaces to look at.
    """

    def __init__(self, loop: Loop, namespaces: Namespaces, names: Iterable[str]) -> None:
        self._loop, self._namespaces = loop, namespaces
        self._traced: list[_Traced] = []
        self._rows: list[dict[str, Any]] = []
        try:
            for name in names:
                self._open(name)
        except BaseException:
            for each in self._traced:
                self._close(each)
            raise

    def _open(self, name: str) -> None:
        with self._namespaces.inside(self._namespaces.nsfd(name)):
            try:
                sock = nftrace.open_socket()
            except OSError:
                return  # a kernel without netfilter
        try:
            families = nftrace.families(sock)
            if not families:
                sock.close()
                return
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            nftrace.start(sock, families)
        except (NetlinkError, OSError):
            sock.close()  # older than Linux 5.12, which brought tables that go with their socket
            return
        sock.setblocking(False)
        traced = _Traced(sock, name, self._namespaces.entries[name].inode)
        self._traced.append(traced)
        self._loop.watch(sock.fileno(), lambda: self._wake(traced))

    def moved(self) -> None:
        """A namespace went or has another name. One that went must not be kept alive by our socket."""
        names = {entry.inode: name for name, entry in reversed(self._namespaces.entries.items()) if not entry.further}
        for each in list(self._traced):
            if each.inode in names:
                each.ns = names[each.inode]
            else:
                self._finish(each)

    def end(self) -> list[dict[str, Any]]:
        """End it, and say what the rules decided, in the kernel's order in each namespace: ``ns``, ``family``, ``table``, ``chain``,
        ``position`` (from 1, 0 when it cannot be known), ``handle``, ``type`` (``rule policy``), ``verdict``, ``iif``, ``oif`` (numbers of
        interfaces), ``network`` and ``transport``: the beginnings of the packet's headers, in base64."""
        for each in list(self._traced):
            self._finish(each)
        return self._rows

    def _wake(self, traced: _Traced) -> None:
        if self._read(traced, _BURST) and traced.read >= MOST:
            self._finish(traced)

    def _read(self, traced: _Traced, burst: int) -> bool:
        for _ in range(burst):
            if traced.read >= MOST:
                return True
            try:
                data = traced.sock.recv(1 << 16)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue  # some were lost: what is told is true all the same
                raise
            traced.read += 1
            for step in nftrace.read(data):
                self._take(traced, step)
        return True

    @staticmethod
    def _take(traced: _Traced, step: dict[str, Any]) -> None:
        network, transport, number = step.pop("network"), step.pop("transport"), step.pop("id")
        if network:
            traced.headers[number] = base64.b64encode(network).decode(), base64.b64encode(transport).decode()
        if step["verdict"] not in _DECIDED or (step["type"] == "policy" and step["verdict"] == "accept"):
            return
        del step["target"]
        head = traced.headers.get(number, ("", ""))
        traced.rows.append({"position": 0, **step, "network": head[0], "transport": head[1]})

    def _finish(self, traced: _Traced) -> None:
        places: dict[tuple[str, str, str], list[int]] = {}
        try:
            with contextlib.suppress(OSError):
                while self._read(traced, _BURST) and traced.read < MOST:
                    continue
                places = nftrace.stop(traced.sock) if traced.rows else {}
        finally:
            self._close(traced)
        for row in traced.rows:
            handles = places.get((row["family"], row["table"], row["chain"]), [])
            row["position"] = handles.index(row["handle"]) + 1 if row["handle"] in handles else 0
            self._rows.append({"ns": traced.ns, **row})

    def _close(self, traced: _Traced) -> None:
        self._loop.watch(traced.sock.fileno())
        traced.sock.close()
        if traced in self._traced:
            self._traced.remove(traced)
