"""A frame taken apart: what it is in words, its addresses, and what of it stays the same on its way.

The words are tcpdump's where tcpdump has some (``print-arp.c``, ``print-icmp.c``, ``print-icmp6.c``), without what says nothing to a
reader. ``key`` is what neither a bridge nor a router nor NAT changes: two sightings with the same key may be the same packet. Of IPv4
that is the identification and the payload, without addresses, ports, time to live and checksums.

Whatever is not understood, or cut off, is told as far as it goes; no frame raises an error.
"""

from __future__ import annotations

import hashlib
import socket
import struct
from dataclasses import dataclass, replace
from typing import Any

import dpkt
from dpkt.ethernet import ETH_TYPE_ARP, ETH_TYPE_IP, ETH_TYPE_IP6

from nsmagic.trace import ndp
from nsmagic.trace.applications import inside_udp, of_tcp
from nsmagic.trace.frame import Frame

_VXLAN_PORTS = (4789, 8472)
_VXLAN_HEADER = 8
#: Tunnels in tunnels are followed so deep.
_DEEPEST = 4
_PROTOCOLS = {
    1: "ICMP",
    2: "IGMP",
    6: "TCP",
    17: "UDP",
    41: "IPv6",
    47: "GRE",
    58: "ICMP6",
    89: "OSPF",
    112: "VRRP",
    132: "SCTP",
}
_UNREACHABLE = {
    -1: "{dst} port unreachable", 0: "net {dst} unreachable", 1: "host {dst} unreachable", 2: "{dst} protocol {protocol} unreachable",
    3: "{dst} {protocol} port {port} unreachable", 4: "{dst} unreachable - need to frag (mtu {mtu})",
    5: "source route failed to {dst}", 6: "net {dst} unreachable - unknown", 7: "host {dst} unreachable - unknown",
    9: "net {dst} unreachable - admin prohibited", 10: "host {dst} unreachable - admin prohibited",
    13: "host {dst} unreachable - admin prohibited filter",
}  # fmt: skip
_TCP_FLAGS = ((2, "SYN"), (1, "FIN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"))


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a frame is.

    ``proto`` is the innermost protocol that has a name here. ``src`` and ``dst`` are those of IP, else of Ethernet; of ARP and neighbour discovery they
    are the IP addresses that it is about. ``ports`` are those of TCP and UDP. ``tunnels`` are the wrappings around what ``info`` tells (``VXLAN 42``), outermost first, and then ``src`` and ``dst``
    are the wrapping's. ``key`` identifies the packet along its way, ``request`` what it asks for (``"asks"``, ``"answers"``, ``""``) in ARP and
    neighbour discovery, ``subject`` the address that this is about. ``quoted`` are the addresses of the packet that an ICMP error is about.
    """

    proto: str = ""
    src: str = ""
    dst: str = ""
    info: str = ""
    key: bytes = b""
    tunnels: tuple[str, ...] = ()
    ports: tuple[int, int] | None = None
    request: str = ""
    subject: str = ""
    quoted: tuple[str, str] | None = None
    #: Nobody asked for it: routers solicited, groups joined, addresses tried, known neighbours asked again.
    background: bool = False

    @property
    def words(self) -> str:
        """What it is, with its wrappings."""
        return "".join(f"{tunnel}: " for tunnel in self.tunnels) + self.info

    @property
    def addresses(self) -> tuple[str, str]:
        return self.src, self.dst


def decode(frame: Frame) -> Decoded:
    """What a frame is.

    >>> decode(Frame(0, "red", "veth-red", "out", "out", True, 0x88CC, 16, bytes(12) + b"\\x88\\xcc..")).info
    'ethertype 0x88cc'
    """
    if frame.ethernet:
        return _ethernet(frame.data, 0)
    return _network(frame.protocol, frame.data, 0)


def _ethernet(data: bytes, depth: int) -> Decoded:
    if len(data) < 14:
        return Decoded("", "", "", f"{len(data)} bytes, cut off", _digest(data))
    at, tags = 12, list[str]()
    protocol = int.from_bytes(data[at : at + 2], "big")
    while protocol in (0x8100, 0x88A8) and len(data) >= at + 6:
        tags.append(f"VLAN {int.from_bytes(data[at + 2 : at + 4], 'big') & 0xFFF}")
        at += 4
        protocol = int.from_bytes(data[at : at + 2], "big")
    body = data[at + 2 :]
    to, by = data[:6], data[6:12]
    if protocol < 1536:
        words = "STP" if body[:2] == b"\x42\x42" else "LLC"
        return Decoded(words, _mac(by), _mac(to), words, _digest(data[:12], body), background=words == "STP")
    unicast = not to[0] & 1
    found = _network(protocol, body, depth, unicast=unicast, ethernet=(by, to))
    # A tag comes and goes at bridges and vlan interfaces: it is told, but the packet is the same.
    return replace(found, info=f"{' '.join(tags)}: {found.info}") if tags else found


def _network(
    protocol: int, data: bytes, depth: int, *, unicast: bool = False, ethernet: tuple[bytes, bytes] | None = None
) -> Decoded:
    try:
        match protocol:
            case _ if protocol == ETH_TYPE_ARP:
                return _arp(dpkt.arp.ARP(data), unicast)
            case _ if protocol == ETH_TYPE_IP:
                return _ip(data, depth)
            case _ if protocol == ETH_TYPE_IP6:
                return _ip6(data, depth, unicast)
    except (dpkt.UnpackError, ValueError, IndexError, struct.error):
        pass  # told by its type, as everything that is not known
    src, dst = map(_mac, ethernet) if ethernet else ("", "")
    words = {ETH_TYPE_ARP: "ARP", ETH_TYPE_IP: "IP", ETH_TYPE_IP6: "IP6"}.get(protocol)
    if words:
        return Decoded(words, src, dst, f"{words}, cut off or malformed", _digest(data))
    return Decoded("", src, dst, f"ethertype 0x{protocol:04x}", _digest(struct.pack("!H", protocol), data))


def _arp(arp: Any, unicast: bool) -> Decoded:
    src, dst = _address(arp.spa), _address(arp.tpa)
    key = _digest(b"arp", bytes(arp))
    if arp.op == 1:
        gratuitous = arp.spa == arp.tpa or not any(arp.spa)
        words = f"ARP who has {dst}? tell {src}" if not gratuitous else f"ARP who has {dst}? (is it taken?)"
        return Decoded(
            "ARP", src, dst, words, key, request="asks", subject=dst, background=unicast or gratuitous
        )  # fmt: skip
    if arp.op == 2:
        return Decoded("ARP", src, dst, f"ARP {src} is at {_mac(arp.sha)}", key, request="answers", subject=src)
    return Decoded("ARP", src, dst, f"ARP operation {arp.op}", key)


def _ip(data: bytes, depth: int) -> Decoded:
    ip = dpkt.ip.IP(data)
    src, dst = _address(ip.src), _address(ip.dst)
    # Its length is 0 in a packet that a network card would still cut into pieces.
    body = data[ip.hl * 4 : ip.len or len(data)]
    if ip.offset:
        return _fragment(ip.p, ip.offset * 8, src, dst, body, struct.pack("!H", ip.id))
    found = _transport(ip.p, body, src, dst, depth)
    return replace(found, key=_digest(b"4", struct.pack("!HB", ip.id, ip.p), found.key)) if not found.tunnels else found


def _ip6(data: bytes, depth: int, unicast: bool) -> Decoded:
    ip = dpkt.ip6.IP6(data)
    src, dst = _address(ip.src), _address(ip.dst)
    body = data[40 + sum(header.length for header in ip.all_extension_headers) : 40 + ip.plen if ip.plen else len(data)]
    fragment = ip.extension_hdrs.get(44)
    if fragment is not None and fragment.frag_off:
        return _fragment(fragment.nxt, fragment.frag_off * 8, src, dst, body, struct.pack("!I", fragment.id))
    if ip.p == 58:
        return _icmp6(body, src, dst, unicast)
    found = _transport(ip.p, body, src, dst, depth)
    return replace(found, key=_digest(b"6", found.key)) if not found.tunnels else found


def _fragment(protocol: int, at: int, src: str, dst: str, body: bytes, ident: bytes) -> Decoded:
    name = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    key = _digest(b"fragment", ident, struct.pack("!BI", protocol, at), body)
    return Decoded(name, src, dst, f"{name} fragment at {at}, {len(body)} bytes", key)


def _transport(protocol: int, data: bytes, src: str, dst: str, depth: int) -> Decoded:
    if protocol == 1:
        return _icmp(data, src, dst)
    if protocol == 6 and len(data) >= 20:
        return _tcp(data, src, dst)
    if protocol == 17 and len(data) >= 8:
        return _udp(data, src, dst, depth)
    if protocol in (4, 41) and depth < _DEEPEST:
        inner = _network(ETH_TYPE_IP if protocol == 4 else ETH_TYPE_IP6, data, depth + 1)
        return _wrapped(inner, "IPIP" if protocol == 4 else "6in4", src, dst)
    if protocol == 47 and len(data) >= 4 and depth < _DEEPEST:
        flags, kind = struct.unpack_from("!HH", data)
        at = 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
        inner = _ethernet(data[at:], depth + 1) if kind == 0x6558 else _network(kind, data[at:], depth + 1)
        return _wrapped(inner, "GRE", src, dst)
    name = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    return Decoded(name, src, dst, f"{name} {len(data)} bytes", _digest(data), background=protocol == 2)


def _wrapped(inner: Decoded, name: str, src: str, dst: str) -> Decoded:
    return replace(inner, src=src, dst=dst, tunnels=(name, *inner.tunnels), ports=None)


def _tcp(data: bytes, src: str, dst: str) -> Decoded:
    sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", data)
    payload = data[(offset >> 4) * 4 :]
    names = " ".join(name for bit, name in _TCP_FLAGS if flags & bit) or "no flags"
    words = f"TCP {sport} > {dport} {names}"
    if payload:
        words += f" {len(payload)} bytes" + of_tcp(payload)
    key = _digest(struct.pack("!IIB", seq, ack, flags), payload)
    return Decoded("TCP", src, dst, words, key, ports=(sport, dport))


def _udp(data: bytes, src: str, dst: str, depth: int) -> Decoded:
    sport, dport = struct.unpack_from("!HH", data)
    payload = data[8:]
    if dport in _VXLAN_PORTS and len(payload) > _VXLAN_HEADER + 14 and payload[0] & 0x08 and depth < _DEEPEST:
        vni = int.from_bytes(payload[4:7], "big")
        return _wrapped(_ethernet(payload[_VXLAN_HEADER:], depth + 1), f"VXLAN {vni}", src, dst)
    proto, said = inside_udp(sport, dport, payload)
    words = said or f"UDP {sport} > {dport} {len(payload)} bytes"
    key = _digest(payload)
    return Decoded(proto or "UDP", src, dst, words, key, ports=(sport, dport), background=5353 in (sport, dport))


def _icmp(data: bytes, src: str, dst: str) -> Decoded:
    if len(data) < 8:
        return Decoded("ICMP", src, dst, "ICMP, cut off", _digest(data))
    kind, code, _, ident, seq = struct.unpack_from("!BBHHH", data)
    if kind in (0, 8):
        words = f"ICMP echo {'request' if kind else 'reply'} id 0x{ident:04x} seq {seq}"
        # NAT may give another identifier.
        return Decoded("ICMP", src, dst, words, _digest(bytes((kind,)), data[6:]))
    quoted = _quoted(data[8:])
    facts = {
        "dst": quoted.dst if quoted else "?",
        "protocol": (quoted.proto.lower() if quoted else "") or "?",
        "port": quoted.ports[1] if quoted and quoted.ports else "?",
        "mtu": seq,
    }
    if (kind, code) == (3, 3) and not (quoted and quoted.ports):
        code = -1
    words = {
        3: _UNREACHABLE.get(code, "{dst} unreachable, code " + str(code)),
        4: "source quench", 5: f"redirect {{dst}} to {_address(data[4:8])}",
        11: "time exceeded in-transit" if code == 0 else "ip reassembly time exceeded", 12: "parameter problem",
    }.get(kind, f"type {kind}, code {code}").format(**facts)  # fmt: skip
    key = _digest(data[:2], data[4:8], quoted.key if quoted else data[8:])
    return Decoded("ICMP", src, dst, f"ICMP {words}", key, quoted=quoted.addresses if quoted else None)


def _quoted(data: bytes) -> Decoded | None:
    """The packet that an ICMP error is about: its header and the first bytes of what it carried. NAT translates those too."""
    if len(data) < 28 or data[0] >> 4 != 4:
        return None
    size = (data[0] & 15) * 4
    protocol = data[9]
    ports = struct.unpack_from("!HH", data, size) if protocol in (6, 17) and len(data) >= size + 4 else None
    key = data[4:6] + bytes((protocol,)) + (data[size + 4 : size + 8] if ports is None else b"")
    name = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    return Decoded(name, _address(data[12:16]), _address(data[16:20]), "", key, ports=ports)


def _icmp6(data: bytes, src: str, dst: str, unicast: bool) -> Decoded:
    if len(data) < 8:
        return Decoded("ICMP6", src, dst, "ICMP6, cut off", _digest(data))
    kind, code, _, ident, seq = struct.unpack_from("!BBHHH", data)
    if kind in (128, 129):
        words = f"ICMP6 echo {'request' if kind == 128 else 'reply'} id 0x{ident:04x} seq {seq}"
        return Decoded("ICMP6", src, dst, words, _digest(b"6", bytes((kind,)), data[6:]))
    found = ndp.read(kind, code, data, src, dst)
    asks_again = found.request == "asks" and unicast
    return Decoded(
        "ICMP6", src, dst, f"ICMP6 {found.words}", _digest(b"6", data[:2], data[4:]), request=found.request,
        subject=found.subject, quoted=found.quoted, background=found.background or asks_again,
    )  # fmt: skip


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"\0".join(parts), digest_size=12).digest()


def _mac(data: bytes) -> str:
    return data.hex(":")


def _address(data: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)
