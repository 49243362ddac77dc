"""The filter of a probe's sockets, tried on the kernel: what it refuses, and what it lets by."""

from __future__ import annotations

import socket
import struct

import pytest

from nsmagic.agent import probe_filter
from nsmagic.agent.probe_packet import ETH_ARP, ETH_IP, ETH_IP6, Probe

_SOCKETS = {ETH_IP: socket.AF_INET, ETH_IP6: socket.AF_INET6}


def ran(probe: Probe, protocol: int, data: bytes) -> bool:
    """What the kernel's machine makes of a packet: the instructions are few enough to be followed here."""
    memory, at, store, x, a = probe_filter.program(probe.others), 0, 0, 0, 0
    while True:
        operation, yes, no, k = memory[at]
        at += 1
        try:
            match operation:
                case 0x28:
                    a = protocol
                case 0x30:
                    a = data[k]
                case 0x40:
                    (a,) = struct.unpack_from(">I", data, x + k)
                case 0x50:
                    a = data[x + k]
                case 0x01:
                    x = k
                case 0xB1:
                    x = 4 * (data[k] & 15)
                case 0x02:
                    store = a
                case 0x60:
                    a = store
                case 0x15:
                    at += yes if a == k else no
                case 0x05:
                    at += k
                case 0x06:
                    return bool(k)
        except (IndexError, struct.error):
            return False  # the kernel ends a program that reads beyond the packet


def packet(family: int, number: int, above: bytes) -> bytes:
    if family == ETH_IP:
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(above), 0, 0, 64, number, 0) + bytes(8) + above
    return struct.pack(">IHBB", 6 << 28, len(above), number, 64) + bytes(32) + above


@pytest.mark.parametrize("family", [ETH_IP, ETH_IP6])
@pytest.mark.parametrize("proto", ["icmp", "tcp", "udp"])
def test_only_what_is_certainly_of_others_is_refused(family: int, proto: str) -> None:
    probe = Probe(_SOCKETS[family], proto, 80, b"12345678", 50000)
    own = probe.packet(*(("10.0.0.1", "10.0.0.2") if family == ETH_IP else ("fd00::1", "fd00::2")))
    icmp, request, reply, error = (1, 8, 0, 3) if family == ETH_IP else (58, 128, 129, 1)
    if proto == "udp":
        own = struct.pack(">HHHH", 50000, 80, 8 + len(own), 0) + own
    assert ran(probe, family, packet(family, probe.number, own))
    seen = {
        "another echo": (icmp, struct.pack(">BBHHH", request, 0, 0, 1, 1) + b"1234567X" + bytes(40)),
        "another reply": (icmp, struct.pack(">BBHHH", reply, 0, 0, 1, 1) + b"X2345678" + bytes(40)),
        "an error": (icmp, struct.pack(">BBHI", error, 0, 0, 0) + bytes(40)),
        "tcp": (6, struct.pack(">HHIIHHHH", 1, 2, 3, 4, 0, 0, 0, 0)),
        "answer": (6, struct.pack(">HHIIHHHH", 80, 50000, 3, int.from_bytes(b"1235", "big"), 0, 0, 0, 0)),
        "udp": (17, struct.pack(">HHHH", 4789, 4789, 8, 0)),
        "gre": (47, bytes(20)),
    }
    passed = [name for name, (number, above) in seen.items() if ran(probe, family, packet(family, number, above))]
    assert passed == ["an error", *(["answer"] if proto == "tcp" else []), "udp", "gre"]
    if proto == "icmp":
        assert ran(probe, family, packet(family, icmp, struct.pack(">BBHHH", reply, 0, 0, 1, 1) + b"12345678"))
    assert ran(probe, ETH_ARP, bytes(28))


def test_the_kernel_takes_it() -> None:
    probe = Probe(socket.AF_INET, "tcp", 80, b"12345678", 50000)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        words, _memory = probe_filter.attachment(probe.others)
        ours.setsockopt(socket.SOL_SOCKET, 26, words)
