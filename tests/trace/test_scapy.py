"""``Capture.to_scapy``: the same packets, read by Scapy itself."""

from __future__ import annotations

import sys

import pytest

from nsmagic import Lab
from nsmagic.errors import NsmagicError

pytestmark = pytest.mark.sandbox


def test_packets_are_scapy_s() -> None:
    from scapy.layers.inet import ICMP, IP
    from scapy.layers.l2 import ARP, Ether

    with Lab() as lab:
        lab.run(
            """ip netns add red
            ip netns add blue
            ip link add veth-red netns red type veth peer name veth-blue netns blue
            ip -n red addr add 192.168.15.1/24 dev veth-red
            ip -n blue addr add 192.168.15.2/24 dev veth-blue
            ip -n red link set veth-red up
            ip -n blue link set veth-blue up"""
        ).check()
        with lab.sniff("blue:veth-blue", "arp or icmp", background=True) as capture:
            lab.run("ping -c 1 192.168.15.2", "red").check()
    made = capture.to_scapy()
    asked, answered, request, reply = made[:4]
    assert all(isinstance(packet, Ether) for packet in made)
    assert (asked[ARP].pdst, answered[ARP].psrc, answered.dst) == ("192.168.15.2", "192.168.15.2", asked.src)
    assert (request[IP].src, request[IP].dst, request[ICMP].type, reply[ICMP].type) == (
        "192.168.15.1",
        "192.168.15.2",
        8,
        0,
    )
    assert reply[ICMP].seq == request[ICMP].seq == 1
    assert {packet.sniffed_on for packet in made} == {"blue:veth-blue"}
    assert [float(packet.time) for packet in made] == sorted(frame.time / 1e9 for frame in capture)
    assert [packet.wirelen for packet in made] == [len(packet) for packet in made]


def test_without_it_the_line_that_installs_it_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = lab.sniff("host:lo", timeout=0.01)
    monkeypatch.setitem(sys.modules, "scapy.layers.inet", None)
    with pytest.raises(NsmagicError, match="scapy is not installed") as caught:
        capture.to_scapy()
    assert caught.value.hint == "pip install scapy"
