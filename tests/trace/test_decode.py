"""Frames in words, and what stays the same of a packet on its way."""

from __future__ import annotations

import socket
import struct

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.trace.decode import Decoded, decode
from nsmagic.trace.frame import Frame
from nsmagic.trace.tree import tree

A, B = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"


def ip4(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET, text)


def ip6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


def read(data: bytes, *, ethernet: bool = True, protocol: int = 0) -> Decoded:
    return decode(Frame(0, "red", "veth-red", "in", "us", ethernet, protocol, len(data), data))


def ether(kind: int, body: bytes, *, dst: bytes = B) -> bytes:
    return dst + A + struct.pack("!H", kind) + body


def packet(
    proto: int, body: bytes, src: str = "10.0.0.1", dst: str = "10.0.0.2", *, ident: int = 7, ttl: int = 64
) -> bytes:
    return bytes(dpkt.ip.IP(src=ip4(src), dst=ip4(dst), p=proto, id=ident, ttl=ttl, data=body, len=20 + len(body)))


def packet6(proto: int, body: bytes, src: str = "2001:db8::1", dst: str = "2001:db8::2", *, hops: int = 64) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(body), proto, hops) + ip6(src) + ip6(dst) + body


def echo(kind: int, ident: int = 0x12AB, seq: int = 1, data: bytes = b"payload") -> bytes:
    return struct.pack("!BBHHH", kind, 0, 0, ident, seq) + data


def tcp(sport: int, dport: int, flags: int, data: bytes = b"", *, seq: int = 100) -> bytes:
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 0, 5 << 4, flags, 1000, 0, 0) + data


def udp(sport: int, dport: int, data: bytes = b"") -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def arp(op: int, spa: str, tpa: str) -> bytes:
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + A + ip4(spa) + (B if op == 2 else bytes(6)) + ip4(tpa)


def solicit(target: str) -> bytes:
    return struct.pack("!BBHI", 135, 0, 0, 0) + ip6(target) + b"\x01\x01" + A


QUOTED = packet(17, udp(4000, 53), "10.0.0.1", "9.9.9.9")[:28]
QUOTED6 = packet6(17, udp(4000, 53), dst="2001:db8::9")
ALL = b"\xff" * 6

#: Bytes → the words.
WORDS = {
    "arp request": (ether(0x0806, arp(1, "192.168.15.2", "192.168.15.1"), dst=ALL), "ARP who has 192.168.15.1? tell 192.168.15.2"),
    "arp reply": (ether(0x0806, arp(2, "192.168.15.1", "192.168.15.2")), "ARP 192.168.15.1 is at 02:00:00:00:00:01"),
    "arp probe": (ether(0x0806, arp(1, "0.0.0.0", "192.168.15.1"), dst=ALL), "ARP who has 192.168.15.1? (is it taken?)"),
    "echo request": (ether(0x0800, packet(1, echo(8))), "ICMP echo request id 0x12ab seq 1"),
    "echo reply": (ether(0x0800, packet(1, echo(0))), "ICMP echo reply id 0x12ab seq 1"),
    "port unreachable": (ether(0x0800, packet(1, struct.pack("!BBHI", 3, 3, 0, 0) + QUOTED)), "ICMP 9.9.9.9 udp port 53 unreachable"),
    "net unreachable": (ether(0x0800, packet(1, struct.pack("!BBHI", 3, 0, 0, 0) + QUOTED)), "ICMP net 9.9.9.9 unreachable"),
    "fragmentation needed": (
        ether(0x0800, packet(1, struct.pack("!BBHHH", 3, 4, 0, 0, 1400) + QUOTED)),
        "ICMP 9.9.9.9 unreachable - need to frag (mtu 1400)",
    ),
    "time exceeded": (ether(0x0800, packet(1, struct.pack("!BBHI", 11, 0, 0, 0) + QUOTED)), "ICMP time exceeded in-transit"),
    "redirect": (ether(0x0800, packet(1, b"\x05\x01\0\0" + ip4("10.0.0.254") + QUOTED)), "ICMP redirect 9.9.9.9 to 10.0.0.254"),
    "syn": (ether(0x0800, packet(6, tcp(41234, 80, 2))), "TCP 41234 > 80 SYN"),
    "syn ack": (ether(0x0800, packet(6, tcp(80, 41234, 18))), "TCP 80 > 41234 SYN ACK"),
    "http": (
        ether(0x0800, packet(6, tcp(41234, 80, 24, b"GET / HTTP/1.1\r\nHost: a\r\n"))),
        "TCP 41234 > 80 PSH ACK 25 bytes GET / HTTP/1.1",
    ),
    "udp": (ether(0x0800, packet(17, udp(5000, 6000, b"12345"))), "UDP 5000 > 6000 5 bytes"),
    "dns": (ether(0x0800, packet(17, udp(5000, 53, bytes(dpkt.dns.DNS(qd=[dpkt.dns.DNS.Q(name="red.lab")]))))), "DNS A? red.lab"),
    "fragment": (
        ether(0x0800, packet(17, bytes(16))[:6] + struct.pack("!H", 185) + packet(17, bytes(16))[8:]),
        "UDP fragment at 1480, 16 bytes",
    ),
    "echo request 6": (ether(0x86DD, packet6(58, echo(128))), "ICMP6 echo request id 0x12ab seq 1"),
    "neighbour": (
        ether(0x86DD, packet6(58, solicit("fe80::2"), "fe80::1", "ff02::1:ff00:2"), dst=b"\x33\x33\xff\0\0\x02"),
        "ICMP6 neighbor solicitation who has fe80::2? tell fe80::1",
    ),
    "duplicate": (
        ether(0x86DD, packet6(58, solicit("fe80::2"), "::", "ff02::1:ff00:2"), dst=b"\x33\x33\xff\0\0\x02"),
        "ICMP6 neighbor solicitation who has fe80::2? (is it taken?)",
    ),
    "advertisement": (
        ether(0x86DD, packet6(58, struct.pack("!BBHI", 136, 0, 0, 0x60000000) + ip6("fe80::2") + b"\x02\x01" + A)),
        "ICMP6 neighbor advertisement fe80::2 is at 02:00:00:00:00:01",
    ),
    "unreachable 6": (
        ether(0x86DD, packet6(58, struct.pack("!BBHI", 1, 4, 0, 0) + QUOTED6)),
        "ICMP6 2001:db8::9 udp port 53 unreachable",
    ),
    "too big": (ether(0x86DD, packet6(58, struct.pack("!BBHI", 2, 0, 0, 1280) + QUOTED6)), "ICMP6 packet too big, mtu 1280"),
    "vlan": (ether(0x8100, struct.pack("!HH", 10, 0x0806) + arp(1, "10.0.0.1", "10.0.0.2"), dst=ALL), "VLAN 10: ARP who has 10.0.0.2? tell 10.0.0.1"),
    "vxlan": (
        ether(0x0800, packet(17, udp(50000, 4789, b"\x08\0\0\0\0\0\x2a\0" + ether(0x0800, packet(1, echo(8), "10.9.0.1", "10.9.0.2"))))),
        "VXLAN 42: ICMP echo request id 0x12ab seq 1",
    ),
    "gre": (ether(0x0800, packet(47, b"\0\0\x08\0" + packet(1, echo(8)))), "GRE: ICMP echo request id 0x12ab seq 1"),
    "ipip": (ether(0x0800, packet(4, packet(1, echo(8)))), "IPIP: ICMP echo request id 0x12ab seq 1"),
    "stp": (ether(38, b"\x42\x42\x03" + bytes(35)), "STP"),
    "unknown": (ether(0x88CC, b"x"), "ethertype 0x88cc"),
    "sctp": (ether(0x0800, packet(132, bytes(12))), "SCTP 12 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_words(name: str) -> None:
    data, words = WORDS[name]
    assert read(data).words == words


def test_links_without_an_ethernet_header() -> None:
    assert read(packet(1, echo(8)), ethernet=False, protocol=0x0800).words == "ICMP echo request id 0x12ab seq 1"
    assert read(packet6(58, echo(129)), ethernet=False, protocol=0x86DD).words == "ICMP6 echo reply id 0x12ab seq 1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (packet(1, echo(8)), packet(1, echo(8, ident=99), "192.168.1.2", "8.8.8.8", ttl=63)),
        (packet(6, tcp(41234, 80, 24, b"x")), packet(6, tcp(1024, 8080, 24, b"x"), "1.1.1.1", "2.2.2.2", ttl=60)),
        (packet(17, udp(5000, 53, b"xy")), packet(17, udp(1025, 5353, b"xy"), "1.1.1.1", "2.2.2.2")),
    ],
)  # fmt: skip
def test_neither_routing_nor_nat_changes_the_key(one: bytes, other: bytes) -> None:
    assert read(ether(0x0800, one)).key == read(ether(0x0800, other)).key


def test_a_tunnel_keeps_the_key_of_what_is_inside() -> None:
    inner = ether(0x0800, packet(1, echo(8), "10.9.0.1", "10.9.0.2"))
    outer = ether(0x0800, packet(17, udp(50000, 4789, b"\x08\0\0\0\0\0\x2a\0" + inner)))
    assert read(inner).key == read(outer).key
    assert read(outer).addresses == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (packet(1, echo(8)), packet(1, echo(0))),
        (packet(1, echo(8)), packet(1, echo(8, seq=2))),
        (packet(1, echo(8)), packet(1, echo(8), ident=8)),
        (packet(6, tcp(1, 2, 16)), packet(6, tcp(1, 2, 16, seq=101))),
        (packet(17, udp(1, 2, b"x")), packet(17, udp(1, 2, b"y"))),
    ],
)
def test_other_packets_have_other_keys(one: bytes, other: bytes) -> None:
    assert read(ether(0x0800, one)).key != read(ether(0x0800, other)).key


def test_what_the_kernel_does_by_itself() -> None:
    background = {name for name, (data, _) in WORDS.items() if read(data).background}
    assert background == {"arp probe", "duplicate", "stp"}
    assert read(ether(0x0806, arp(1, "10.0.0.1", "10.0.0.2"))).background, "a known neighbour is asked again"


@given(st.binary(max_size=200), st.booleans(), st.sampled_from([0x0800, 0x86DD, 0x0806, 0x8100, 4]))
def test_no_frame_raises_an_error(data: bytes, ethernet: bool, protocol: int) -> None:
    frame = Frame(0, "red", "veth-red", "in", "us", ethernet, protocol, len(data), data)
    assert decode(frame).words
    assert tree(frame, 1)


@given(st.sampled_from(sorted(WORDS)), st.integers(0, 120), st.integers(0, 255))
def test_no_frame_that_was_cut_or_damaged_raises_an_error(name: str, at: int, byte: int) -> None:
    data = WORDS[name][0]
    damaged = bytearray(data)
    damaged[at % len(data)] = byte
    for each in (data[:at], bytes(damaged)):
        frame = Frame(0, "red", "veth-red", "in", "us", True, 0, len(each), each)
        assert decode(frame).words
        assert tree(frame, 1)
