"""FAULTS.md 5.E: HOST, byte for byte, around a tour of everything that changes a machine's network."""

from __future__ import annotations

import pytest

from nsmagic import Lab
from tests import machine

pytestmark = pytest.mark.sandbox

TOUR = """
    ip link set lo down
    ip link set lo up
    ip addr add 10.9.9.9/32 dev lo
    ip link add v type veth peer name w
    ip link set v up
    ip link set w up
    ip addr add 10.9.0.1/24 dev v
    ip route add 10.99.0.0/16 via 10.9.0.2
    ip route add default via 10.9.0.2
    ip rule add from 10.9.0.0/24 lookup 99
    ip route flush table main
    ip neigh add 10.9.0.7 lladdr 02:00:00:00:00:07 dev v
    ip netns add red
    iptables -t nat -A POSTROUTING -j MASQUERADE
    iptables -P FORWARD DROP
    iptables -F
    nft add table ip t
    nft flush ruleset
    sysctl -w net.ipv4.ip_forward=1
    sysctl -w net.ipv4.conf.all.rp_filter=2
    hostname changed
    tc qdisc add dev v root tbf rate 1mbit burst 32kbit latency 400ms
    mkdir -p /etc/netns/red
    mount -t tmpfs none /mnt
"""


def test_049_a_tour_of_commands_leaves_the_machine_as_it_was() -> None:
    before = machine.observe()
    with Lab() as lab:
        result = lab.run(TOUR)
        assert not result.errors, [error.render() for error in result.errors]
        assert machine.differences(before, machine.observe()) == [], "while the lab lives"
    assert machine.differences(before, machine.observe()) == [], "and after"
