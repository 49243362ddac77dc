"""Capture: what passes the interfaces of any namespaces, as the kernel shows it to tcpdump, read in the agent's loop.

One AF_PACKET socket for each namespace hears all its interfaces, in the order in which the kernel handled the packets; with an
interface named, only that. It is opened with protocol 0, gets its filter and options, and is then bound: between two of these
steps nothing arrives, and no grace period of RCU is waited for (``packet_do_bind`` in the kernel's net/packet/af_packet.c; a
socket opened with a protocol and bound later waits 12 ms). Closing always waits for one, so a thread does it.

Nothing is set to promiscuous mode: the kernel counts that on the interface, and virtual interfaces show every frame anyway.

Times are the kernel's, taken when it handled the packet, not when we read it (``stamps.py``). What is not read in time waits in
the socket's buffer, which the kernel bounds; what does not fit there is lost and counted (PACKET_STATISTICS).
Frames travel as data in batches of bounded size, so a capture works in every kind of lab.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from nsmagic import syscalls as sys_
from nsmagic.agent import pcap_filter, process
from nsmagic.agent.aside import aside
from nsmagic.agent.loop import Loop, Timer
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.rule_trace import RuleTrace
from nsmagic.agent.stamps import SCM_TIMESTAMPNS, Stamps
from nsmagic.errors import KernelRefused, LimitReached, NsmagicError, from_data
from nsmagic.netlink.context import NoSuchDevice
from nsmagic.sentences import say

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_SO_ATTACH_FILTER = 26
#: struct tpacket_auxdata: status, length, captured, link header, network header, VLAN tag, VLAN protocol.
_AUXDATA = struct.Struct("=IIIHHHH")
_VLAN_VALID, _VLAN_TPID_VALID = 1 << 4, 1 << 6
_TIMESPEC = struct.Struct("@ll")
#: What tcpdump keeps of a packet, bytes: more than any packet has.
SNAPLEN = 262144
#: Asked of the kernel; it gives twice what net.core.rmem_max allows.
_BUFFER = 1 << 23
#: Packets that are read before others get their turn, and bytes of frames that travel together.
_BURST, _BATCH = 256, 128 << 10
#: What one capture may bring to the notebook: packets, bytes.
MOST_PACKETS, MOST_BYTES = 100_000, 64 << 20
#: So many captures at once.
MOST = 16
#: A capture that is asked to end waits until nothing came for so many seconds, but no longer than so many.
_QUIET, _PATIENCE = 0.004, 0.06

#: time in ns, namespace, interface, type of link, direction, protocol, length on the wire, bytes in base64.
Row = list[Any]


class _Tap:
    """A socket that listens."""

    __slots__ = ("dropped", "inode", "ns", "sock")

    def __init__(self, sock: socket.socket, ns: str, inode: int) -> None:
        self.sock, self.ns, self.inode = sock, ns, inode
        self.dropped = 0


class Capture:
    """One capture.

    Parameters
    ----------
    where
        Namespaces and in each one interface, ``""`` for all. Empty: all namespaces, also those that are made meanwhile.
    program
        The filter (``pcap_filter.py``); empty: everything passes.
    count, timeout
        End after so many packets, so many seconds; 0: no such end.
    on_rows
        Gets the packets as they come, a list of ``Row``.
    on_end
        Gets the figures, once: ``packets``, ``dropped``, ``why`` it ended (``count timeout full asked``).
    on_rules
        Gets what the rules of nftables decided meanwhile, before the end (``rule_trace.py``); None: that is not traced.

    Raises
    ------
    NamespaceNotFound, KernelRefused
    """

    def __init__(
        self,
        loop: Loop,
        namespaces: Namespaces,
        stamps: Stamps,
        where: Sequence[tuple[str, str]],
        *,
        program: Sequence[Sequence[int]] = (),
        count: int = 0,
        timeout: float | None = None,
        on_rows: Callable[[list[Row]], None],
        on_end: Callable[[dict[str, Any]], None],
        on_rules: Callable[[list[dict[str, Any]]], None] | None = None,
    ) -> None:
        self._loop, self._namespaces, self._stamps = loop, namespaces, stamps
        self._on_rows, self._on_end, self._on_rules = on_rows, on_end, on_rules
        self._rules: RuleTrace | None = None
        self._program = pcap_filter.pack(program) if program else None
        self._count = count
        self._everywhere = not where
        self._taps: dict[int, _Tap] = {}
        self._buffer = bytearray(SNAPLEN + 64)
        self._packets = self._bytes = self._dropped = 0
        self._last = time.monotonic()
        self._ending = ""
        self._ended = False
        self._timer: Timer | None = None
        stamps.hold()
        try:
            for ns, dev in where:
                self._open(ns, dev)
            if self._everywhere:
                for ns in list(namespaces.entries):
                    if not namespaces.entries[ns].further:
                        self._open(ns, "")
            if on_rules is not None:
                self._rules = RuleTrace(loop, namespaces, self.places)
        except BaseException:
            self._close()
            raise
        namespaces.listeners.append(self._moved)
        if timeout:
            self._timer = loop.later(timeout, lambda: self.end("timeout"))

    @property
    def places(self) -> list[str]:
        """The namespaces it listens in."""
        return [tap.ns for tap in self._taps.values()]

    def _open(self, ns: str, dev: str) -> None:
        index = self._index(ns, dev) if dev else 0
        fd = self._namespaces.nsfd(ns)
        with self._namespaces.inside(fd):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        try:
            if self._program is not None:
                sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pcap_filter.attachment(self._program))
            sock.setsockopt(socket.SOL_SOCKET, SCM_TIMESTAMPNS, 1)
            sock.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            sys_.bind_packet(sock.fileno(), _ETH_P_ALL, index)
        except OSError as error:
            sock.close()
            words = error.strerror or str(error)
            raise KernelRefused(f"capture in {ns}: {words}", errno=error.errno or 0, kernel=words) from None
        tap = _Tap(sock, ns, self._namespaces.entries[ns].inode)
        self._taps[sock.fileno()] = tap
        self._loop.watch(sock.fileno(), lambda: self._wake(tap))

    def _index(self, ns: str, dev: str) -> int:
        try:
            return self._namespaces.ifindex(ns, dev)
        except NoSuchDevice:
            there = ", ".join(link.ifname for _, link in self._namespaces.monitor.space(ns).links.values())
            raise KernelRefused(
                f'Cannot find device "{dev}" in {ns}', errno=errno.ENODEV, hint=say("dev-none", ns=ns, have=there)
            ) from None

    def _moved(self) -> None:
        """A namespace came, went or has another name. One that went must not be kept alive by our socket."""
        names = {entry.inode: name for name, entry in reversed(self._namespaces.entries.items()) if not entry.further}
        gone = [tap for tap in self._taps.values() if tap.inode not in names]
        for tap in gone:
            self._read(tap)
            self._dropped += _dropped(tap.sock)
            self._loop.watch(tap.sock.fileno())
            del self._taps[tap.sock.fileno()]
        _close_aside([tap.sock for tap in gone])
        if self._rules is not None:
            self._rules.moved()
        for tap in self._taps.values():
            tap.ns = names[tap.inode]
        if self._everywhere:
            heard = {tap.inode for tap in self._taps.values()}
            for inode, name in names.items():
                if inode not in heard:
                    self._open(name, "")

    # Reading

    def _wake(self, tap: _Tap) -> None:
        if not self._ended:
            self._read(tap)

    def _read(self, tap: _Tap) -> bool:
        """Take what is there, up to a burst; whether there was anything."""
        rows: list[Row] = []
        size = total = 0
        for _ in range(_BURST):
            try:
                got, ancillary, _, address = tap.sock.recvmsg_into([self._buffer], 256)
            except BlockingIOError:
                break
            except OSError:
                continue  # its interface went down or away, which is said once
            if self._full():
                continue
            row = self._row(tap.ns, memoryview(self._buffer)[:got], ancillary, address)
            rows.append(row)
            size += got
            total += got
            self._packets += 1
            self._bytes += got
            if size >= _BATCH:
                self._on_rows(rows)
                rows, size = [], 0
        if total:
            self._last = time.monotonic()
        if rows:
            self._on_rows(rows)
        if self._full() and not self._ended:
            enough = self._count and self._packets >= self._count
            self._finish("count" if enough else "full")
        return bool(total)

    def _full(self) -> bool:
        most = min(self._count, MOST_PACKETS) if self._count else MOST_PACKETS
        return self._packets >= most or self._bytes >= MOST_BYTES

    @staticmethod
    def _row(ns: str, data: memoryview, ancillary: Sequence[Any], address: Any) -> Row:
        dev, protocol, direction, link_type, _ = address
        stamp, length, frame = 0, len(data), bytes(data)
        for level, kind, value in ancillary:
            if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
                status, length, _, _, _, tag, tpid = _AUXDATA.unpack_from(value)
                if status & _VLAN_VALID and len(frame) >= 12:
                    # The kernel keeps the tag beside the packet: here it goes back to where it was on the wire.
                    tpid = tpid if status & _VLAN_TPID_VALID else 0x8100
                    frame = frame[:12] + struct.pack("!HH", tpid, tag) + frame[12:]
                    length += 4
            elif level == socket.SOL_SOCKET and kind == SCM_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                stamp = seconds * 1_000_000_000 + nanoseconds
        return [stamp, ns, dev, link_type, direction, protocol, length, base64.b64encode(frame).decode()]

    # The end

    def end(self, why: str = "asked") -> None:
        """End it as soon as what is under way has arrived."""
        if self._ending or self._ended:
            return
        self._ending = why
        asked = self._last = time.monotonic()

        def look() -> None:
            if self._ended:
                return
            # Sending what was read may take longer than the quiet that is waited for: as long as there was something, there may be more.
            fresh = [self._read(tap) for tap in list(self._taps.values())]
            now = time.monotonic()
            if self._ended:
                return
            if not any(fresh) and now - self._last >= _QUIET:
                self._finish(why)
            elif now - asked > _PATIENCE:
                self._empty()
                if not self._ended:
                    self._finish(why)
            else:
                self._timer = self._loop.later(_QUIET / 2, look)

        if self._timer is not None:
            self._timer.cancel()
        look()

    def _empty(self) -> None:
        """Let nothing more come in, and read what is there: each packet is either in the capture or counted as dropped."""
        nothing = pcap_filter.pack(pcap_filter.keep(0))
        for tap in self._taps.values():
            tap.sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pcap_filter.attachment(nothing))
        for tap in list(self._taps.values()):
            while not self._ended and self._read(tap):
                continue

    def _finish(self, why: str) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._dropped += sum(_dropped(tap.sock) for tap in self._taps.values())
        self._close()
        if self._rules is not None and self._on_rules is not None:
            self._on_rules(self._rules.end())
        self._on_end({"packets": self._packets, "dropped": self._dropped, "why": why})

    def _close(self) -> None:
        if self._moved in self._namespaces.listeners:
            self._namespaces.listeners.remove(self._moved)
        for fd in self._taps:
            self._loop.watch(fd)
        _close_aside([tap.sock for tap in self._taps.values()])
        self._taps.clear()
        self._stamps.release()


def _dropped(sock: socket.socket) -> int:
    """The packets that did not fit into the socket's buffer since the last time this was asked."""
    with contextlib.suppress(OSError):
        _, lost = struct.unpack("=II", sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        return int(lost)
    return 0


def _close_aside(socks: Sequence[socket.socket]) -> None:
    """Close in a thread: the kernel waits for a grace period with each."""

    def close() -> None:
        for sock in socks:
            sock.close()

    if not socks:
        return
    try:
        threading.Thread(target=close, name="nsmagic-close", daemon=True).start()
    except RuntimeError:
        close()  # the lab has as many processes and threads as it may have


class Captures:
    """The captures of a lab."""

    def __init__(self, loop: Loop, namespaces: Namespaces) -> None:
        self._loop, self._namespaces = loop, namespaces
        self._stamps = Stamps(namespaces)
        self._running = 0

    def start(
        self,
        call: Any,
        place: process.Place,
        where: Sequence[tuple[str, str]],
        *,
        filter: str = "",
        snaplen: int = 0,
        count: int = 0,
        timeout: float | None = None,
        rules: bool = False,
    ) -> None:
        """Answer a request: ``{"ready": […]}`` when it listens, ``{"frames": […]}`` as they come, ``{"rules": […]}`` when these are asked for, the
        figures at the end.

        ``place`` is where names in the filter are looked up.
        """
        if self._running >= MOST:
            raise LimitReached(f"{MOST} captures run already", limit="captures", hint=say("capture-most"))
        self._running += 1
        snaplen = snaplen or SNAPLEN

        def begin(program: Sequence[Sequence[int]]) -> None:
            def ended(figures: dict[str, Any]) -> None:
                self._running -= 1
                call.done(figures)

            def told(rows: list[dict[str, Any]]) -> None:
                for at in range(0, len(rows), _BURST):
                    call.item({"rules": rows[at : at + _BURST]})

            capture = Capture(
                self._loop, self._namespaces, self._stamps, where, program=program, count=count, timeout=timeout,
                on_rows=lambda rows: call.item({"frames": rows}), on_end=ended,
                on_rules=told if rules else None,
            )  # fmt: skip
            call.on_cancel = capture.end
            call.item({"ready": capture.places})

        def compiled(answer: Any) -> None:
            try:
                if call.cancelled:
                    raise NsmagicError("the capture was ended before it began")
                if answer is None:
                    raise NsmagicError("libpcap ended without an answer", hint=say("filter-none"))
                if "error" in answer:
                    raise from_data(answer["error"])
                begin(answer["program"])
            except NsmagicError as error:
                self._running -= 1
                call.fail(error)

        def compile_() -> dict[str, Any]:
            try:
                return {"program": pcap_filter.compile_text(filter, snaplen)}
            except NsmagicError as error:
                return {"error": error.to_data()}

        try:
            if filter.strip():
                aside(self._loop, place, compile_, compiled)
            else:
                begin(pcap_filter.keep(snaplen) if snaplen != SNAPLEN else ())
        except BaseException:
            self._running -= 1
            raise
