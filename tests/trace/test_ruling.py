"""What rules decided over a journey's packets: told at the right sighting, by the right rule, on the real kernel; and nothing is left."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.snapshot import Snapshot
from nsmagic.trace.journey import Journey
from nsmagic.trace.ruling import identity, rulings
from tests.conftest import Notebook
from tests.trace.test_journey import CABLE, NN_25

sandboxed = pytest.mark.sandbox
PING = "ping -c 1 -W 0.2 192.168.15.2"
NFT = """
nft add table inet mine
nft add chain inet mine c '{ type filter hook input priority 0; policy accept; }'
nft add chain inet mine other
nft add rule inet mine c ip saddr 10.0.0.0/8 accept
nft add rule inet mine c jump other
nft add rule inet mine other icmp type echo-request drop
"""


def test_what_the_kernel_sends_by_itself_is_no_part_of_the_journey() -> None:
    """A room joins a group at any moment; the rules that its report meets say nothing of the packets that are followed."""

    def told_of(protocol: int, transport: bytes) -> dict[str, Any]:
        network = struct.pack("!BBHHHBBH8x", 0x45, 0, 40, 0, 0, 1, protocol, 0)
        return {
            "ns": "host", "family": "ip", "table": "filter", "chain": "OUTPUT", "handle": 1, "position": 1, "verdict": "drop", "iif": 0, "oif": 0,
            "network": base64.b64encode(network).decode(), "transport": base64.b64encode(transport).decode(),
        }  # fmt: skip

    igmp, icmp = told_of(2, b"\x22" + bytes(19)), told_of(1, b"\x08" + bytes(19))
    found = rulings([igmp, icmp], [], Snapshot(), Snapshot())
    assert [(each.what.proto, each.verdict) for each in found] == [("ICMP", "dropped")]


@pytest.fixture
def cable() -> Iterator[Lab]:
    with Lab() as lab:
        lab.run(CABLE).check()
        yield lab


def told(journey: Journey) -> list[tuple[str, str, str, str]]:
    """Verdicts with the place at which each is told."""
    steps = {each.step: each.frame for each in journey.steps}
    return [
        (steps[each.step].ns, steps[each.step].dev, steps[each.step].direction, str(each))
        if each.step
        else (each.ns, "", "", str(each))
        for each in journey.rulings
    ]


def test_what_stays_the_same_of_a_packet() -> None:
    def ip(src: str, ident: int, ttl: int) -> bytes:
        return struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 28, ident, 0, ttl, 1, ttl, bytes(map(int, src.split("."))), b"\x08" * 4
        )

    echo = struct.pack("!BBHHH", 8, 0, 1, 77, 1)
    translated = struct.pack("!BBHHH", 8, 0, 2, 78, 1)
    first = identity(ip("10.0.0.1", 5, 64), echo, 0x0800)
    assert first == identity(ip("192.168.1.2", 5, 63), translated, 0x0800)
    assert first != identity(ip("10.0.0.1", 6, 64), echo, 0x0800)
    assert first != identity(ip("10.0.0.1", 5, 64), struct.pack("!BBHHH", 8, 0, 1, 77, 2), 0x0800)
    assert identity(b"\x45", b"", 0x0800) == ()


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
@sandboxed
@pytest.mark.parametrize(
    ("made", "says", "rule"),
    [
        ("iptables -A INPUT -p tcp -j ACCEPT\niptables -A INPUT -p icmp -j DROP", "dropped by filter INPUT rule 2", "-A INPUT -p icmp -j DROP"),
        ("iptables -P INPUT DROP", "dropped by the policy of filter INPUT", ""),
        ("iptables -A INPUT -p icmp -j REJECT", "rejected by filter INPUT rule 1", "-A INPUT -p icmp -j REJECT --reject-with icmp-port-unreachable"),
        (NFT, "dropped by inet mine other rule 1", "icmp, echo-request DROP"),
    ],
)  # fmt: skip
def test_the_rule_that_stopped_it(cable: Lab, made: str, says: str, rule: str) -> None:
    cable.run(made, "blue").check()
    before = cable.run("nft list tables", "blue").text
    journey = cable.trace("red", PING)
    assert cable.run("nft list tables", "blue").text == before
    stops = [each for each in journey.rulings if each.stops]
    assert [(str(each), each.rule) for each in stops] == [(says, rule)]
    assert told(journey)[-1][:3] == ("blue", "veth-blue", "in")
    assert journey.ended is not None
    assert journey.ended.rule == says.replace(" by ", " in blue by ")
    assert journey.outcome.endswith(f": {says}")
    assert f"   [{says}]" in str(journey)
    assert says in list(journey.packets["verdict"].fillna(""))
    html = journey._repr_mimebundle_()["text/html"]
    assert ">verdict</th>" in html
    assert f">{says}</td>" in html


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
@sandboxed
def test_what_no_interface_saw(cable: Lab) -> None:
    """Dropped on its way out: the answer of blue, and what blue sends itself."""
    cable.run("iptables -A OUTPUT -p icmp -j DROP", "blue").check()
    there = cable.trace("red", PING)
    assert str(there.ended) == "blue:veth-blue"
    assert there.outcome.endswith("came in and went no further: its answer was dropped by filter OUTPUT rule 1")
    own = cable.trace("blue", "ping -c 1 -W 0.2 192.168.15.1")
    assert own.ended is None
    assert own.outcome.startswith("nothing was sent from blue: ")
    assert own.outcome.endswith(": dropped by filter OUTPUT rule 1")


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
@sandboxed
def test_what_let_it_pass_and_ipv6(cable: Lab) -> None:
    cable.run("ip addr add fd00::1/64 dev veth-red nodad", "red").check()
    cable.run("ip addr add fd00::2/64 dev veth-blue nodad", "blue").check()
    cable.run("ip6tables -A INPUT -p icmpv6 --icmpv6-type echo-request -j ACCEPT", "blue").check()
    journey = cable.trace("red", "fd00::2")
    assert journey.answered
    assert told(journey) == [("blue", "veth-blue", "in", "accepted by filter INPUT rule 1")]
    assert journey.ended is not None
    assert journey.ended.rule == ""
    row = journey.verdicts.iloc[0]
    assert (row["ns"], row["family"], row["position"], row["dst"]) == ("blue", "ip6", 1, "fd00::2")


@pytest.mark.not_in_vm("User Mode Linux has no nftables for IPv4")
@sandboxed
def test_through_a_gateway_that_translates() -> None:
    with Lab(world="home-lan") as lab:
        lab.run(NN_25 + "iptables -A FORWARD -s 192.168.15.0/24 -j ACCEPT\n").check()
        journey = lab.trace("blue", "8.8.8.8")
        assert [each for each in told(journey) if each[0] == "host"] == [
            ("host", "v-net-0", "in", "accepted by filter FORWARD rule 1"),
            ("host", "eth0", "out", "translated by nat POSTROUTING rule 1"),
        ]
        lab.run("iptables -I FORWARD -d 192.168.15.0/24 -j DROP").check()
        back = lab.trace("blue", "ping -c 1 -W 0.2 8.8.8.8")
        assert str(back.ended) == "host:eth0"
        assert back.outcome.endswith(": dropped by filter FORWARD rule 1")


@sandboxed
def test_rooms_without_rules_and_the_old_iptables(cable: Lab) -> None:
    assert cable.trace("red", PING).rulings == ()
    if not cable.run("iptables-legacy -A INPUT -p icmp -j DROP", "blue").ok:
        pytest.skip("no legacy iptables here")
    journey = cable.trace("red", PING)
    assert [(str(each), each.ns, each.rule) for each in journey.rulings] == [
        ("dropped by filter INPUT rule 1", "blue", "-A INPUT -p icmp -j DROP")
    ]
    assert journey.outcome.endswith("came in and went no further: dropped by filter INPUT rule 1")


@sandboxed
def test_the_table_that_traces_is_no_change_of_the_lab(notebook: Notebook) -> None:
    """A command that changes rules while they are traced tells its own change, and the next cell none; a room that goes is let go."""
    assert notebook.cell("%%netns\n" + CABLE + "ip netns exec blue iptables -A INPUT -p tcp -j ACCEPT").ok
    assert notebook.cell("%trace --out journey blue iptables -A INPUT -p icmp -j DROP").ok
    result = notebook.shell.user_ns["journey"].result
    assert [change.new.target for change in result.changes if change.table == "firewall"] == ["DROP"]
    quiet = notebook.cell("%netns -n blue true")
    assert "nsmagic-why" not in quiet.out
    gone = notebook.cell("%trace --out journey host ip netns delete blue")
    assert gone.ok
    assert "blue" not in {row.ns for row in notebook.shell.user_ns["journey"].snapshot.namespaces}
