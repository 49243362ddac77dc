"""The socket of one ping: whom it sends to, from where, with which options; and how to read it.

The order of the steps is iputils' (20221126), because each of them can be what fails, and then it says so: a UDP socket is
connected first to learn the source address and whether there is a route at all ("connect: Network is unreachable"), then the
raw socket gets its device, source and options. Everything happens in the namespace in which ``open_socket`` opens.

Longer than 300 lines because IPv4 and IPv6 take the same steps with other options and other words.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nsmagic.agent import ping_packet as packet
from nsmagic.netlink.socket import RouteSocket

OpenSocket = Callable[[int, int, int], socket.socket]

_ICMPV6, _SOL_RAW = 58, 255
_IP_MTU_DISCOVER, _IP_RECVERR, _IPV6_MTU_DISCOVER, _IPV6_RECVERR = 10, 11, 23, 25
_IPV6_PKTINFO, _IPV6_HOPLIMIT, _SO_TIMESTAMP = 50, 52, 29
_SO_ATTACH_FILTER, _SO_MARK = 26, 36
_PMTU = {"dont": 0, "want": 1, "do": 2}
_SIOCGIFNAME, _SIOCGIFINDEX = 0x8910, 0x8933
_RTM_GETADDR, _IFA_ADDRESS, _IFA_LOCAL = 22, 1, 2
#: A number that is no address of its own but that C libraries read as one: ``127.1``, ``0``, ``0x7f.1``.
_NUMERIC = re.compile(r"[0-9a-fA-FxX.]+")


class PingFailed(Exception):
    """Ping cannot start; the text is what it says, without ``ping: ``. ``before`` are the lines that it said first."""

    before: tuple[str, ...] = ()


class Target(NamedTuple):
    """Whom to ping: the address, the number of its interface (link-local IPv6), and the name for the title and for replies."""

    family: int
    address: str
    scope: int = 0
    title: str = ""
    name: str = ""

    @property
    def multicast(self) -> bool:
        first = socket.inet_pton(self.family, self.address)[0]
        return first == 0xFF if self.family == socket.AF_INET6 else first >> 4 == 14

    @property
    def link_local(self) -> bool:
        head = socket.inet_pton(self.family, self.address)[:2]
        return self.family == socket.AF_INET6 and _link_local(head)


def _link_local(head: bytes) -> bool:
    return (head[0] == 0xFE and head[1] & 0xC0 == 0x80) or (head[0] == 0xFF and head[1] & 0xF == 2)


def literal(text: str, open_socket: OpenSocket) -> Target | None:
    """The target when the text is an address, in any form that a C library reads; None when it is a name.

    Raises
    ------
    PingFailed
        An IPv6 address with an interface that is not there.
    """
    if _NUMERIC.fullmatch(text):
        with contextlib.suppress(OSError):
            return Target(socket.AF_INET, socket.inet_ntoa(socket.inet_aton(text)), 0, text)
    address, percent, scope = text.partition("%")
    try:
        raw = socket.inet_pton(socket.AF_INET6, address)
    except OSError:
        return None
    number = 0
    if percent:
        if scope.isascii() and scope.isdigit():
            number = int(scope)
        elif _link_local(raw[:2]):
            with open_socket(socket.AF_INET6, socket.SOCK_DGRAM, 0) as probe:
                number = interface_index(probe, scope)
        if not number:
            raise PingFailed(f"{text}: Name or service not known")
    return Target(socket.AF_INET6, socket.inet_ntop(socket.AF_INET6, raw), number, text)


def interface_index(sock: socket.socket, name: str) -> int:
    """The number of an interface in the socket's namespace; 0 when there is none."""
    if not 0 < len(os.fsencode(name)) < 16:
        return 0
    request = struct.pack("=16sI20x", os.fsencode(name), 0)
    try:
        return int(struct.unpack_from("=I", fcntl.ioctl(sock.fileno(), _SIOCGIFINDEX, request), 16)[0])
    except OSError:
        return 0


def interface_name(sock: socket.socket, index: int) -> str:
    """The name of an interface in the socket's namespace; its number when there is none."""
    try:
        answer = fcntl.ioctl(sock.fileno(), _SIOCGIFNAME, struct.pack("=16xI20x", index))
    except OSError:
        return str(index)
    return os.fsdecode(answer[:16].split(b"\0")[0])


class Wire:
    """The raw socket of a ping, ready to send.

    ``before`` are the lines said on the way (warnings), ``source`` the address that the first line shows, ``multicast``
    whether several may answer.

    Raises
    ------
    PingFailed
    """

    def __init__(self, open_socket: OpenSocket, args: Mapping[str, Any], target: Target, ident: int) -> None:
        self.args, self.target, self.family, self.ident = args, target, target.family, ident
        self.before: list[str] = []
        self.multicast = target.multicast or (bool(args.get("broadcast")) and self.family == socket.AF_INET)
        self.device: str = args.get("dev", "")
        typed: str = args.get("source", "")
        # An address of the other family says only that the source is to be fixed, as in iputils.
        self.fixed_source = bool(typed) or bool(args.get("strict_source"))
        self.source = typed if typed and (":" in typed) == (self.family == socket.AF_INET6) else ""
        self._open = open_socket
        self._control: list[tuple[int, int, bytes]] = []
        self._size = min(args.get("size", 56), 1 << 17) + (136 if self.family == socket.AF_INET else 4160)
        protocol = socket.IPPROTO_ICMP if self.family == socket.AF_INET else _ICMPV6
        try:
            self.sock = open_socket(self.family, socket.SOCK_RAW, protocol)
        except OSError as error:
            raise PingFailed(f"socket: {error.strerror}") from None
        try:
            self.sock.setblocking(False)
            if self.family == socket.AF_INET:
                self._prepare4()
            else:
                self._prepare6()
            self._prepare_common()
        except PingFailed as failure:
            self.sock.close()
            failure.before = tuple(self.before)
            raise
        except BaseException:
            self.sock.close()
            raise

    def close(self) -> None:
        self.sock.close()

    # Setting up

    def _set(self, sock: socket.socket, level: int, option: int, value: int | bytes, words: str) -> None:
        try:
            sock.setsockopt(level, option, value)
        except OSError as error:
            raise PingFailed(f"{words}: {error.strerror}") from None

    def _bind_device(self, sock: socket.socket, words: str = "SO_BINDTODEVICE {}") -> None:
        if self.target.multicast and not interface_index(sock, self.device):
            raise PingFailed(f"unknown iface: {self.device}")
        name = os.fsencode(self.device) + b"\0"
        self._set(sock, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name, words.format(self.device))

    def _mark(self, sock: socket.socket) -> None:
        if self.args.get("mark"):
            mark = struct.pack("=I", self.args["mark"])
            self._set(sock, socket.SOL_SOCKET, _SO_MARK, mark, f"WARNING: failed to set mark: {self.args['mark']}")

    def _connect(self, probe: socket.socket, to: tuple[Any, ...]) -> None:
        try:
            probe.connect(to)
        except OSError as error:
            raise PingFailed(f"connect: {error.strerror}") from None

    def _warn_other_device(self, index: int) -> None:
        """The source may be an address of another interface: a slip worth a line."""
        if not any(at == index and address == self.source for at, address in self._addresses()):
            self.before.append(f"ping: Warning: source address might be selected on device other than: {self.device}\n")

    def _addresses(self) -> list[tuple[int, str]]:
        with self._open(socket.AF_NETLINK, socket.SOCK_DGRAM, 0) as sock:
            sock.settimeout(10.0)
            found = []
            for _, data, at, end in RouteSocket(sock).dump(
                _RTM_GETADDR, struct.pack("=BBBBI", self.family, 0, 0, 0, 0)
            ):
                index = struct.unpack_from("=I", data, at + 4)[0]
                values: dict[int, bytes] = {}
                at += 8
                while at + 4 <= end:
                    length, kind = struct.unpack_from("=HH", data, at)
                    values[kind] = bytes(data[at + 4 : at + length])
                    at += max(4, (length + 3) & ~3)
                address = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS) or b""
                found.append((index, socket.inet_ntop(self.family, address)))
        return found

    def _prepare4(self) -> None:
        if not self.source:
            with self._open(socket.AF_INET, socket.SOCK_DGRAM, 0) as probe:
                self._learn_source4(probe)
        elif self.device:
            self._bind_device(self.sock)
        if self.target.address == "0.0.0.0":
            self.target = Target(socket.AF_INET, self.source, 0, self.target.title, self.target.name)
        if self.device and not interface_index(self.sock, self.device):
            raise PingFailed(f"unknown iface: {self.device}")
        pmtu = _PMTU.get(self.args.get("pmtudisc", ""), _PMTU["do"] if self.multicast else None)
        if pmtu is not None:
            self._set(self.sock, socket.IPPROTO_IP, _IP_MTU_DISCOVER, pmtu, "IP_MTU_DISCOVER")
        if self.fixed_source:
            try:
                self.sock.bind((self.source, 0))
            except OSError as error:
                raise PingFailed(f"bind: {error.strerror}") from None
        kinds = (
            packet.ECHO_REPLY, packet.UNREACHABLE, packet.QUENCH, packet.REDIRECT, packet.EXCEEDED, packet.PARAMETER
        )  # fmt: skip
        self.sock.setsockopt(_SOL_RAW, 1, packet.icmp_filter(*kinds))
        self.sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        options = 0
        if self.args.get("record_route"):
            options = 40
            self._set(self.sock, socket.IPPROTO_IP, socket.IP_OPTIONS, packet.RECORD_ROUTE, "record route")
        self._buffers(options + 20)
        if self.args.get("broadcast"):
            self._set(self.sock, socket.SOL_SOCKET, socket.SO_BROADCAST, 1, "cannot set broadcasting")
        if self.args.get("no_loop"):
            self._set(self.sock, socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0, "cannot disable multicast loopback")
        if "ttl" in self.args:
            ttl = self.args["ttl"]
            self._set(self.sock, socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl, "cannot set multicast time-to-live")
            self._set(self.sock, socket.IPPROTO_IP, socket.IP_TTL, ttl, "cannot set unicast time-to-live")
        if self.args.get("tos"):
            self._set(self.sock, socket.IPPROTO_IP, socket.IP_TOS, self.args["tos"], "setsockopt")

    def _learn_source4(self, probe: socket.socket) -> None:
        if self.device:
            self._bind_device(probe)
            self._bind_device(self.sock)
        if self.args.get("tos"):
            self._set(probe, socket.IPPROTO_IP, socket.IP_TOS, self.args["tos"], "warning: QOS sockopts")
        self._mark(probe)
        to = (self.target.address, 1025)
        try:
            probe.connect(to)
        except OSError as error:
            if error.errno != errno.EACCES:
                raise PingFailed(f"connect: {error.strerror}") from None
            if not self.args.get("broadcast"):
                raise PingFailed(
                    "Do you want to ping broadcast? Then -b. If not, check your local firewall rules"
                ) from None
            self.before.append("WARNING: pinging broadcast address\n")
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._connect(probe, to)
        self.source = probe.getsockname()[0]
        if self.device:
            index = interface_index(probe, self.device)
            if self.source == self.target.address and (index, self.source) in self._addresses():
                # Our own address: the answer comes through the loopback, not through the device.
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"")
            else:
                self._warn_other_device(index)

    def _prepare6(self) -> None:
        index = 0
        if self.device:
            index = interface_index(self.sock, self.device)
            if not index:
                raise PingFailed(f"unknown iface: {self.device}")
        scope = 0
        if not self.source:
            with self._open(socket.AF_INET6, socket.SOCK_DGRAM, 0) as probe:
                self._learn_source6(probe, index)
        elif _link_local(socket.inet_pton(socket.AF_INET6, self.source)[:2]):
            scope = index
        if self.device:
            self._control = [(socket.IPPROTO_IPV6, _IPV6_PKTINFO, struct.pack("=16xI", index))]
            if self.fixed_source:
                self._bind_device(self.sock)
        pmtu = _PMTU.get(self.args.get("pmtudisc", ""), _PMTU["do"] if self.multicast else None)
        if pmtu is not None:
            self._set(self.sock, socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, pmtu, "IPV6_MTU_DISCOVER")
        if self.fixed_source:
            try:
                self.sock.bind((self.source, 0, 0, scope))
            except OSError as error:
                raise PingFailed(f"bind icmp socket: {error.strerror}") from None
        self._set(self.sock, socket.IPPROTO_IPV6, _IPV6_RECVERR, 1, "IPV6_RECVERR")
        self._buffers(40)
        self._set(self.sock, _ICMPV6, 1, packet.icmp6_filter(packet.ECHO_REPLY6), "setsockopt(ICMP6_FILTER)")
        if self.args.get("no_loop"):
            self._set(self.sock, socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0, "can't disable multicast loopback")
        if "ttl" in self.args:
            ttl = self.args["ttl"]
            self._set(self.sock, socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl, "can't set multicast hop limit")
            self._set(self.sock, socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl, "can't set unicast hop limit")
        if self.args.get("tos"):
            self._set(self.sock, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, self.args["tos"], "setsockopt")
        self._set(self.sock, socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1, "can't receive hop limit")

    def _learn_source6(self, probe: socket.socket, index: int) -> None:
        if self.device:
            self._bind_device(probe, "setsockopt(SO_BINDTODEVICE) {}")
            self._bind_device(self.sock, "setsockopt(SO_BINDTODEVICE) {}")
        self._mark(probe)
        if self.target.link_local:
            # iputils does not connect then, and shows no source.
            self.source = "::"
        else:
            self._connect(probe, (self.target.address, 1025, 0, self.target.scope))
            self.source = probe.getsockname()[0].partition("%")[0]
        if self.device:
            self._warn_other_device(index)

    def _buffers(self, header: int) -> None:
        """Room for what may be under way at once, by iputils' estimate of the kernel's cost of a packet."""
        one = self.args.get("size", 56) + 8
        one += (one + 511) // 512 * (header + 16 + 64 + 160)
        one = min(one, 1 << 24)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, one)
        most = min(max(one * self.args.get("preload", 1), 65536), (1 << 31) - 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most)

    def _prepare_common(self) -> None:
        if self.args.get("dont_route"):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
        if not self.args.get("user_latency"):
            self.sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMP, 1)
        self._mark(self.sock)
        program = packet.reply_filter(self.family, self.ident)
        buffer = ctypes.create_string_buffer(program, len(program))
        # struct sock_fprog: the number of instructions, and where they are.
        fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
        self.sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)

    # Running

    def send(self, data: bytes) -> None:
        """Send one packet now; raises OSError with the kernel's reason."""
        flags = socket.MSG_DONTWAIT
        if self.family == socket.AF_INET:
            self.sock.sendto(data, flags, (self.target.address, 0))
        else:
            to = (self.target.address, 0, 0, self.target.scope)
            self.sock.sendmsg([data], self._control, flags, to)

    def receive(self) -> tuple[packet.Icmp | None, str, int, int]:
        """The next message: itself, whose it is, the interface (link-local IPv6), and when it came, in microseconds.

        Raises
        ------
        OSError
            Nothing there (EAGAIN), or an error report is waiting.
        """
        data, ancillary, _, sender = self.sock.recvmsg(self._size, 512, socket.MSG_DONTWAIT)
        stamp, hops = 0, -1
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMP:
                seconds, microseconds = packet.STAMP.unpack_from(value)
                stamp = seconds * 1_000_000 + microseconds
            elif level == socket.IPPROTO_IPV6 and kind == _IPV6_HOPLIMIT:
                hops = struct.unpack_from("=i", value)[0]
        if self.family == socket.AF_INET:
            return packet.read_ipv4(data), sender[0], 0, stamp
        return packet.read_ipv6(data, hops), sender[0].partition("%")[0], sender[3], stamp

    def receive_report(self) -> tuple[packet.Report | None, str]:
        """The next error report of the kernel and whom the packet was for; raises OSError (EAGAIN) when there is none."""
        data, ancillary, _, to = self.sock.recvmsg(512, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        for level, kind, value in ancillary:
            if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                return packet.read_report(value, data), to[0].partition("%")[0] if to else ""
        return None, ""

    def only_replies(self) -> None:
        """Errors come as reports from now on; the copies on the raw socket would only wake us (IPv4)."""
        if self.family == socket.AF_INET:
            kinds = (packet.QUENCH, packet.REDIRECT, packet.ECHO_REPLY)
            self.sock.setsockopt(_SOL_RAW, 1, packet.icmp_filter(*kinds))

    def shown(self, address: str, scope: int = 0) -> str:
        """An address as ping writes it: a link-local one with its interface."""
        if scope and ":" in address and _link_local(socket.inet_pton(socket.AF_INET6, address)[:2]):
            return f"{address}%{interface_name(self.sock, scope)}"
        return address
