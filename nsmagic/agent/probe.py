"""The probe of ``%why``: one packet is sent, and watched on every interface of the lab; nftables tells which rules it meets.

What it leaves is what any packet leaves: neighbour entries, conntrack entries, counters. A TCP probe is a bare SYN from a raw
socket: the program that listens never hears of it, since our kernel, which has no connection, ends it with a RST.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.agent import probe_filter
from nsmagic.agent import probe_packet as packets
from nsmagic.agent.loop import Loop, Timer
from nsmagic.agent.namespaces import Namespaces
from nsmagic.netlink import nftrace
from nsmagic.netlink.socket import NetlinkError

#: Seconds without anything new after which the probe counts as lost, and the most that it may take. In a lab a packet is
#: there within a thousandth of a second; what takes longer is a queue that delays on purpose.
_QUIET, _MOST = 0.15, 0.8
_ETH_P_ALL, _OUTGOING = 0x0003, 4
_DIRECTIONS = {0: "in", 1: "in", 2: "in", 3: "in", 4: "out"}
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE = 10, 23, 3
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_SO_ATTACH_FILTER = 26
_MOST_SIGHTINGS, _MOST_READ = 400, 3000


class Watching:
    """One probe under way."""

    def __init__(
        self, loop: Loop, namespaces: Namespaces, done: Any, ns: str, dst: str, args: Mapping[str, Any]
    ) -> None:
        self._loop, self._namespaces, self._done = loop, namespaces, done
        self._ns, self._dst, self._dev = ns, dst, args.get("dev", "")
        family = socket.AF_INET6 if ":" in dst else socket.AF_INET
        sport = 0xC000 | (int.from_bytes(os.urandom(2)) & 0x1FFF)
        self._probe = packets.Probe(
            family, args["proto"], args.get("port") or 0, os.urandom(8), sport, args.get("size") or 0
        )
        self._src = args.get("src", "")
        self._quiet = args.get("quiet") or _QUIET
        self._most = max(_MOST, 1.5 * self._quiet)
        self._taps: dict[int, tuple[socket.socket, str]] = {}
        self._traces: dict[int, tuple[socket.socket, str]] = {}
        self._sock: socket.socket | None = None
        self._began = self._latest = time.monotonic()
        self._read = 0
        self._timer: Timer | None = None
        self._ended = False
        self.result: dict[str, Any] = {
            "src": "", "errno": 0, "words": "", "answer": "", "sightings": [], "traces": [], "untraced": [],
        }  # fmt: skip

    def start(self, watch: Sequence[str], trace: Sequence[str]) -> None:
        """Open what is to be watched, send, and wait."""
        try:
            for name in watch:
                self._tap(name)
            for name in trace:
                self._trace(name)
            self._send()
        except OSError as error:
            self.result |= {"errno": error.errno or errno.EIO, "words": error.strerror or str(error)}
        except BaseException:
            self._close()
            raise
        if self.result["errno"]:
            self._drain()
            self._finish()
        else:
            self._look()

    def _tap(self, name: str) -> None:
        with self._namespaces.inside(self._namespaces.nsfd(name)):
            kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            sock = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
            words, _memory = probe_filter.attachment(self._probe.others)
            sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, words)
        self._taps[sock.fileno()] = sock, name

    def _trace(self, name: str) -> None:
        with self._namespaces.inside(self._namespaces.nsfd(name)):
            sock = nftrace.open_socket()
        self._traces[sock.fileno()] = sock, name
        try:
            nftrace.start(sock, nftrace.families(sock), self._probe.others)
        except (NetlinkError, OSError) as error:
            self.result["untraced"].append([name, str(error)])
        sock.setblocking(False)

    def _send(self) -> None:
        probe = self._probe
        kind = socket.SOCK_DGRAM if probe.proto == "udp" else socket.SOCK_RAW
        with self._namespaces.inside(self._namespaces.nsfd(self._ns)):
            sock = socket.socket(
                probe.family,
                kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
                0 if kind == socket.SOCK_DGRAM else probe.number,
            )
        self._sock = sock
        level, discover, errors = (
            (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IPV6_RECVERR)
            if probe.family == socket.AF_INET6
            else (socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_RECVERR)
        )
        if probe.size:
            sock.setsockopt(level, discover, _PMTUDISC_PROBE)
        if probe.proto == "udp" or probe.size:
            # An ICMP error that comes back for it, so that a packet too large is known to have been complained about.
            sock.setsockopt(level, errors, 1)
        if self._dev:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, os.fsencode(self._dev) + b"\0")
        if self._src:
            sock.bind((self._src, 0))
        scope = 0
        if self._dev and probe.family == socket.AF_INET6:
            scope = self._namespaces.ifindex(self._ns, self._dev)
        address: Any = (self._dst, probe.port if kind == socket.SOCK_DGRAM else 0)
        sock.connect((*address, 0, scope) if probe.family == socket.AF_INET6 else address)
        self.result["src"] = sock.getsockname()[0].partition("%")[0]
        if probe.proto == "udp":
            self.result["sport"] = sock.getsockname()[1]
        else:
            self.result["sport"] = probe.sport
        self._began = self._latest = time.monotonic()
        try:
            sock.send(probe.packet(self.result["src"], self._dst))
        except OSError as error:
            # The link dropped it (the other end of a cable takes less): lost on the way, like any other.
            if error.errno != errno.ENOBUFS:
                raise

    # Waiting

    def _look(self) -> None:
        """Take what has come; end when there is an answer, or nothing has come for a while."""
        if self._ended:
            return
        if self._drain():
            self._latest = time.monotonic()
        now = time.monotonic()
        if self.result["answer"] or now > self._latest + self._quiet or now > self._began + self._most:
            self._finish()
            return
        # A packet within one machine is there at once: look again soon, then less often.
        self._timer = self._loop.later(0.0005 if now < self._began + 0.01 else 0.01, self._look)

    def _drain(self) -> bool:
        seen = False
        for sock, name in self._taps.values():
            while self._read < _MOST_READ:
                try:
                    data, (dev, kind, direction, _, mac) = sock.recvfrom(1 << 12)
                except BlockingIOError:
                    break
                except OSError:
                    break  # the interface has just gone
                self._read += 1
                seen |= self._sight(name, dev, kind, direction, mac, data)
        for sock, name in self._traces.values():
            seen |= self._traced(sock, name)
        if self._sock is not None:
            seen |= self._answered(self._sock)
        return seen

    def _sight(self, ns: str, dev: str, kind: int, direction: int, mac: bytes, data: bytes) -> bool:
        found = packets.what(kind, data)
        resolving = found is not None and found["what"] in ("arp-who-has", "arp-is-at", "ns", "na")
        if found is None or not (resolving or self._probe.is_ours(data)):
            return False
        if len(self.result["sightings"]) < _MOST_SIGHTINGS:
            ms = round((time.monotonic() - self._began) * 1000, 3)
            way = _DIRECTIONS.get(direction, "in")
            other = {"other": True} if direction == 3 else {}
            self.result["sightings"].append({"ms": ms, "ns": ns, "dev": dev, "dir": way, **other, **found})
        return not resolving

    def _traced(self, sock: socket.socket, name: str) -> bool:
        seen = False
        while self._read < _MOST_READ:
            try:
                data = sock.recv(1 << 16)
            except (BlockingIOError, OSError):
                break
            for step in nftrace.read(data):
                self._read += 1
                network, transport = step.pop("network"), step.pop("transport")
                step["ours"] = self._is_ours(network, transport)
                step["what"] = packets.what(_ether(network, step["family"]), network + transport) if network else None
                self.result["traces"].append({"ns": name, **step})
                seen = True
        return seen

    def _is_ours(self, network: bytes, transport: bytes) -> bool:
        if self._probe.proto == "udp":
            return len(transport) >= 4 and self.result["sport"] in struct.unpack_from(">HH", transport)
        return self._probe.is_ours(transport)

    def _answered(self, sock: socket.socket) -> bool:
        probe, answer = self._probe, ""
        while not answer:
            try:
                data = sock.recv(1 << 12)
            except BlockingIOError:
                break
            except OSError as error:
                answer = f"error {error.errno}"
                break
            if probe.proto == "udp":
                answer = "udp"
                break
            if not probe.is_ours(data):
                continue
            if probe.family == socket.AF_INET:
                found = packets.what(packets.ETH_IP, data)
            else:
                found = packets._above(probe.number, data, probe.family)
            kind = found["what"] if found else ""
            if kind in ("echo-reply", "syn-ack", "rst"):
                answer = kind
        if answer:
            self.result["answer"] = answer
        return bool(answer)

    def _finish(self) -> None:
        self._ended = True
        with contextlib.suppress(OSError):
            self._drain()
        self._close()
        self.result["ms"] = round((time.monotonic() - self._began) * 1000, 3)
        self._done(self.result)

    def _close(self) -> None:
        for sock, _ in [*self._taps.values(), *self._traces.values()]:
            sock.close()
        if self._sock is not None:
            self._sock.close()
        if self._timer is not None:
            self._timer.cancel()


def _ether(network: bytes, family: str) -> int:
    if family == "arp":
        return packets.ETH_ARP
    return packets.ETH_IP6 if network[0] >> 4 == 6 else packets.ETH_IP
