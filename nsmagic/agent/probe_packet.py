"""The packets of ``%why``'s probe: made, and recognised wherever they are seen, also translated or inside a tunnel.

What makes a packet ours is a random number of 8 bytes: the first of an echo's or a datagram's data. A TCP segment carries
none; there it is the sequence number, which comes back, one higher, in the answer.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, NamedTuple

ETH_IP, ETH_IP6, ETH_ARP = 0x0800, 0x86DD, 0x0806
_MARK = b"nsmagic why\n"
_ICMP, _ICMP6, _TCP, _UDP = 1, 58, 6, 17
_ERRORS = {3: "unreachable", 4: "quench", 5: "redirect", 11: "time-exceeded", 12: "parameter"}
_ERRORS6 = {1: "unreachable", 2: "too-big", 3: "time-exceeded", 4: "parameter"}
_ND = {133: "rs", 134: "ra", 135: "ns", 136: "na"}


class Not(NamedTuple):
    """Packets that are of no interest: of a protocol above IP, and fitting all tests of what stands there: offset, bytes, and whether they must be
    so or must not."""

    protocol: int
    tests: tuple[tuple[int, bytes, bool], ...]


class Probe(NamedTuple):
    """One probe: what is sent, and how it is known again."""

    family: int
    proto: str
    port: int
    nonce: bytes
    sport: int
    size: int = 0

    @property
    def number(self) -> int:
        """The protocol above IP."""
        if self.proto == "icmp":
            return _ICMP6 if self.family == socket.AF_INET6 else _ICMP
        return _TCP if self.proto == "tcp" else _UDP

    @property
    def data(self) -> bytes:
        base = self.nonce + _MARK
        return base + bytes(max(0, self.size - len(base)))

    def packet(self, src: str, dst: str) -> bytes:
        """The bytes above IP. The checksum of ICMPv6 is the kernel's work."""
        if self.proto == "icmp":
            kind = 128 if self.family == socket.AF_INET6 else 8
            body = struct.pack(">BBHHH", kind, 0, 0, self.sport, 1) + self.data
            return body if kind == 128 else body[:2] + struct.pack(">H", checksum(body)) + body[4:]
        if self.proto == "tcp":
            seq = int.from_bytes(self.nonce[:4], "big")
            body = (
                struct.pack(">HHIIBBHHH", self.sport, self.port, seq, 0, 6 << 4, 2, 64240, 0, 0) + b"\x02\x04\x05\xb4"
            ) + bytes(self.size)  # what a SYN carries is not taken, and answered all the same (RFC 9293, 3.10.7.2)
            return body[:16] + struct.pack(">H", checksum(self._pseudo(src, dst, len(body)) + body)) + body[18:]
        return self.data  # a socket of the kernel's makes the datagram

    def _pseudo(self, src: str, dst: str, size: int) -> bytes:
        ends = socket.inet_pton(self.family, src) + socket.inet_pton(self.family, dst)
        return ends + (
            struct.pack(">IHBB", size, 0, 0, self.number)
            if self.family == socket.AF_INET6
            else struct.pack(">BBH", 0, self.number, size)
        )

    @property
    def others(self) -> list[Not]:
        """What certainly is neither the probe nor an answer to it nor an error about it, nor carries it through a tunnel."""
        echoes = ((_ICMP, 8), (_ICMP, 0), (_ICMP6, 128), (_ICMP6, 129))
        found = [Not(number, ((0, bytes([kind]), True), (8, self.nonce, False))) for number, kind in echoes]
        if self.proto != "tcp":
            return [*found, Not(_TCP, ())]
        seq = self.nonce[:4]
        return [*found, Not(_TCP, ((4, seq, False), (8, _following(seq), False)))]

    def is_ours(self, frame: bytes) -> bool:
        """Whether a packet is the probe, an answer to it, or an error about it."""
        if self.proto != "tcp":
            return self.nonce in frame
        seq = self.nonce[:4]
        return seq in frame or _following(seq) in frame


def _following(seq: bytes) -> bytes:
    """The number that acknowledges a SYN of this one."""
    return ((int.from_bytes(seq, "big") + 1) & 0xFFFFFFFF).to_bytes(4, "big")


def checksum(data: bytes) -> int:
    """The checksum of IP and its kin (RFC 1071).

    >>> checksum(bytes.fromhex("45000073000040004011 0000 c0a80001c0a800c7"))
    47201
    """
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def what(kind: int, data: bytes) -> dict[str, Any] | None:
    """What a packet is, in a few words: ``what``, ``src``, ``dst``, and what else tells it from others; None when it is neither
    IP nor ARP, or too short to be."""
    try:
        if kind == ETH_ARP:
            return _arp(data)
        if kind == ETH_IP:
            at = (data[0] & 15) * 4
            ends = {
                "src": socket.inet_ntop(socket.AF_INET, data[12:16]),
                "dst": socket.inet_ntop(socket.AF_INET, data[16:20]),
            }
            more = struct.unpack_from(">H", data, 6)[0] & 0x1FFF
            return {**(_fragment() if more else _above(data[9], data[at:], socket.AF_INET)), **ends, "ttl": data[8]}
        if kind == ETH_IP6:
            ends = {
                "src": socket.inet_ntop(socket.AF_INET6, data[8:24]),
                "dst": socket.inet_ntop(socket.AF_INET6, data[24:40]),
            }
            return {**_above(data[6], data[40:], socket.AF_INET6), **ends, "ttl": data[7]}
    except (struct.error, IndexError, ValueError):
        return None
    return None


def _fragment() -> dict[str, Any]:
    return {"what": "fragment"}


def _arp(data: bytes) -> dict[str, Any]:
    op = struct.unpack_from(">H", data, 6)[0]
    sender, target = (socket.inet_ntop(socket.AF_INET, data[at : at + 4]) for at in (14, 24))
    if op == 1:
        return {"what": "arp-who-has", "src": sender, "dst": target}
    return {"what": "arp-is-at", "src": sender, "dst": target, "mac": data[8:14].hex(":")}


def _above(number: int, data: bytes, family: int) -> dict[str, Any]:
    if number in (_ICMP, _ICMP6):
        kind, code = data[0], data[1]
        if number == _ICMP6 and kind in _ND:
            whole = kind in (135, 136) and len(data) >= 24  # a trace of the kernel has the first 20 bytes only
            target = socket.inet_ntop(socket.AF_INET6, data[8:24]) if whole else ""
            return {"what": _ND[kind], "target": target}
        if kind in ((128,) if number == _ICMP6 else (8,)):
            return {"what": "echo-request"}
        if kind in ((129,) if number == _ICMP6 else (0,)):
            return {"what": "echo-reply"}
        name = (_ERRORS6 if number == _ICMP6 else _ERRORS).get(kind, f"icmp {kind}")
        about = what(ETH_IP6 if family == socket.AF_INET6 else ETH_IP, data[8:])
        size = struct.unpack_from(">HH", data, 4)
        mtu = {"mtu": size[1] or size[0]} if name == "too-big" or (kind, code) == (3, 4) else {}
        return {"what": name, "code": code, "about": about.get("what", "") if about else "", **mtu}
    if number == _TCP:
        sport, dport = struct.unpack_from(">HH", data)
        flags = data[13] if len(data) > 13 else 2
        words = "rst" if flags & 4 else "syn-ack" if flags & 0x12 == 0x12 else "syn" if flags & 2 else "tcp"
        return {"what": words, "sport": sport, "dport": dport}
    if number == _UDP:
        sport, dport = struct.unpack_from(">HH", data)
        return {"what": "udp", "sport": sport, "dport": dport}
    return {"what": f"protocol {number}"}
