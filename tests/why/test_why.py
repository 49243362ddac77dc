"""``lab.why``: what people meet. The causes one by one are in ``test_matrix.py``."""

from __future__ import annotations

import re
import socket
import time

import pytest

from nsmagic import Lab
from nsmagic.errors import NamespaceNotFound, NsmagicError
from tests.why.play import build, serving, settle
from tests.why.scenes import CABLE, CABLE6, GATEWAY, NAT, ROUTERS, SWITCH, VXLAN

pytestmark = pytest.mark.sandbox


def mend(lab: Lab, fix: tuple[str, ...]) -> None:
    lab.run("\n".join(fix)).check()


def test_two_mistakes_are_told_one_by_one(lab: Lab) -> None:
    """The storyboard's cells 6 to 9: both ends without a length."""
    lab.run(
        """ip netns add red
        ip netns add blue
        ip link add veth-red netns red type veth peer name veth-blue netns blue
        ip -n red addr add 192.168.15.1 dev veth-red
        ip -n blue addr add 192.168.15.2 dev veth-blue
        ip -n red link set veth-red up
        ip -n blue link set veth-blue up"""
    ).check()
    first = lab.why("red", "192.168.15.2")
    assert str(first) == (
        "✗ prefix-length at red/veth-red\n"
        "red has 192.168.15.1/32, so it believes that nobody else is on this cable; the route table is empty.\n"
        "see it:   ip -n red route\n"
        "mend it:  ip -n red addr del 192.168.15.1/32 dev veth-red\n"
        "          ip -n red addr add 192.168.15.1/24 dev veth-red\n"
        "then:     blue has the same mistake; %why again will show it"
    )
    assert first.confidence == "the kernel refused to send"
    mend(lab, first.fix)
    second = lab.why("red", "192.168.15.2")
    assert (second.cause, second.where, second.then) == ("prefix-length", "blue/veth-blue", "")
    assert list(second.evidence[second.evidence.way == "out"].seen.dropna().unique()) == [True]
    mend(lab, second.fix)
    third = lab.why("red", "192.168.15.2")
    assert str(third) == "✓ red reaches 192.168.15.2 (blue)\nThe echo came back."
    assert third
    assert list(third.evidence.way.unique()) == ["out", "back"]


def test_two_faults_of_different_kinds(lab: Lab) -> None:
    build(lab, ROUTERS)
    lab.run("ip -n r1 route del 10.2.0.0/24\nip -n blue route del default").check()
    first = lab.why("red", "blue")
    assert (first.cause, first.where) == ("no-route", "r1")
    assert first.then == "no-return-route at blue follows; %why again will explain it"
    mend(lab, first.fix)
    second = lab.why("red", "blue")
    assert (second.cause, second.where) == ("no-return-route", "blue")
    mend(lab, second.fix)
    assert lab.why("red", "blue").reachable


def test_a_rule_behind_a_fault_is_told_with_the_fault(lab: Lab) -> None:
    """No packet has come to it yet: it is read."""
    build(lab, CABLE)
    lab.run("ip -n red route add blackhole 192.168.15.2").check()
    alone = lab.why("red", "blue")
    assert (alone.cause, alone.then) == ("blackhole-route", "")
    lab.run("iptables -A INPUT -s 192.168.15.0/24 -p icmp --icmp-type echo-request -j DROP", "blue").check()
    first = lab.why("red", "blue")
    place = "blue: chain INPUT of ip filter, rule 1"
    assert (first.cause, first.then) == (
        "blackhole-route", f"dropped-by-rule at {place} follows; %why again will explain it",
    )  # fmt: skip
    mend(lab, first.fix)
    second = lab.why("red", "blue")
    assert (second.cause, second.where, second.then) == ("dropped-by-rule", place, "")


def test_a_black_hole_for_large_packets(lab: Lab) -> None:
    """Small packets pass; that a large one does not fit is told to the sender, which a rule forbids."""
    build(lab, ROUTERS)
    lab.run("ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300").check()
    small = lab.why("red", "blue")
    assert (small.reachable, small.cause) == (True, "")
    assert small.then == (
        "packets of more than 1300 bytes do not fit through r1/right: %why red 10.2.0.2 --size 1472 tries one"
    )
    assert "mtu" not in lab.run("ip route get 10.2.0.2", "red").text, "nothing was left in the sender's memory of paths"
    lab.run("iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP", "r1").check()
    hole = lab.why("red", "blue", size=1472)
    assert (hole.reachable, hole.cause) == (False, "mtu")
    assert hole.where == "r1: chain OUTPUT of ip filter, rule 1"
    assert "a black hole" in hole.explanation
    mend(lab, hole.fix)
    told = lab.why("red", "blue", size=1472)
    assert (told.reachable, told.cause, told.where) == (True, "mtu", "r1/right")
    assert lab.why("red", "blue", size=1272).explanation == (
        "The echo came back by way of r1 and r2, with 1272 bytes in one packet."
    )


def kernel_state(lab: Lab) -> dict[str, list[str]]:
    """Everything that a probe must leave as it was, read by the tools."""
    found = {}
    for ns in ["host", *lab.names()]:
        text = lab.run(
            "ip -d link; ip addr; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; bridge fdb; bridge -d link; "
            "nft list ruleset; iptables-save; sysctl -a 2>/dev/null | grep ^net; ss -lntu",
            ns,
        ).text
        # What runs by itself: counters, timers, lifetimes, learned entries' ages.
        text = re.sub(
            r"packets \d+ bytes \d+|\[\d+:\d+\]|# (?:Generated|Completed).*|expires \d+sec|_lft \w+|\S*timer +[\d.]+",
            "",
            text,
        )
        text = re.sub(
            r"net\.netfilter\.nf_conntrack_count = \d+|net\.\S*(?:random|error_cost|msgs_burst)\S* = .*", "", text
        )
        # A switch learns where the sender is, as from any packet; link-local addresses come when the kernel has made sure of them.
        itself = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2} dev \S+ master \S+ *$|.*fe80::|.*valid_lft")
        found[ns] = [line for line in text.splitlines() if not itself.match(line)]
    return found


def test_it_changes_nothing(lab: Lab) -> None:
    build(lab, GATEWAY)
    lab.run(
        "iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE\niptables -A FORWARD -p tcp --dport 81 -j DROP\n"
        "nft 'add table inet mine; add chain inet mine c { type filter hook input priority 0; }; add rule inet mine c counter accept'"
    ).check()
    before = kernel_state(lab)
    for verdict in (
        lab.why("red", "lan"), lab.why("red", "blue"), lab.why("red", "lan", port=80), lab.why("red", "lan", port=53, proto="udp"),
        lab.why("red", "lan", port=81), lab.why("red", "10.99.99.99"), lab.why("host", "red"),
    ):  # fmt: skip
        assert verdict.confidence
    assert lab.why("red", "lan", port=81).cause == "dropped-by-rule"
    after = kernel_state(lab)
    for ns, lines in before.items():
        # Somebody else on the machine may have a kernel module loaded meanwhile: its parameters appear everywhere.
        parameters = {line.partition("=")[0] for line in lines if line.startswith("net.")}
        now = [line for line in after[ns] if not line.startswith("net.") or line.partition("=")[0] in parameters]
        assert now == lines


def test_datagrams(lab: Lab) -> None:
    build(lab, CABLE)
    closed = lab.why("red", "blue", port=53, proto="udp")
    assert (closed.cause, closed.where, closed.reachable) == ("port-closed", "blue", False)
    with lab.socket("blue", socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 53))
        open_ = lab.why("red", "blue", port=53, proto="udp")
        assert (open_.reachable, open_.cause) == (True, "")
        server.setblocking(False)
        assert b"nsmagic" in server.recv(100)
    lab.run("iptables -A INPUT -p udp -j DROP", "blue").check()
    with lab.socket("blue", socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 53))
        assert lab.why("red", "blue", port=53, proto="udp").cause == "dropped-by-rule"


def test_a_program_that_listens_never_hears_of_a_tcp_probe(lab: Lab) -> None:
    build(lab, CABLE)
    with lab.socket("blue", socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("0.0.0.0", 80))
        server.listen()
        assert lab.why("red", "blue", 80).reachable
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_target_in_every_form(lab: Lab) -> None:
    build(lab, NAT)
    assert lab.why("red", "192.168.15.2").dst == "192.168.15.2 (blue)"
    assert lab.why("red", "192.168.15.2/24").dst == "192.168.15.2 (blue)"
    assert lab.why("red", "blue").dst == "192.168.15.2 (blue)"
    assert lab.why("red", "host").dst == "192.168.15.5 (host)"
    assert lab.why("red", "red").reachable
    lab.run("mkdir -p /etc/netns/red; echo '192.168.15.2 server.lab' > /etc/netns/red/hosts").check()
    assert lab.why("red", "server.lab").dst == "192.168.15.2 (server.lab)"
    with pytest.raises(NsmagicError, match=r'"nowhere\.lab" is neither an address nor a namespace'):
        lab.why("red", "nowhere.lab")
    with pytest.raises(NamespaceNotFound, match='there is no namespace "yellow"'):
        lab.why("yellow", "red")
    with pytest.raises(NsmagicError, match="99999 is no port"):
        lab.why("red", "blue", 99999)
    with pytest.raises(NsmagicError, match="70000 is no size of a packet's data"):
        lab.why("red", "blue", size=70000)
    with pytest.raises(NsmagicError, match="tcp needs a port"):
        lab.why("red", "blue", proto="tcp")
    with pytest.raises(NsmagicError, match='"sctp" is no protocol'):
        lab.why("red", "blue", 80, "sctp")


def test_addresses_of_many_or_of_one_wire_only(lab: Lab) -> None:
    build(lab, CABLE6)
    settle(lab)
    here = next(row.address for row in lab.snapshot("addrs", ns="blue").addrs if row.scope == "link")
    assert lab.why("red", f"{here}%veth-red").reachable
    assert lab.why("red", "224.0.0.1").cause == "not-supported"
    assert lab.why("red", "255.255.255.255").cause == "not-supported"


def test_a_world(lab: Lab) -> None:
    """Outside namespaces are followed like others, and cannot be mended: the address must be translated."""
    lab.world("home-lan")
    lab.run(
        """ip netns add red
        ip link add veth-red netns red type veth peer name veth-red-br
        ip link add v-net-0 type bridge
        ip link set v-net-0 up
        ip link set veth-red-br master v-net-0 up
        ip addr add 192.168.15.5/24 dev v-net-0
        ip -n red addr add 192.168.15.1/24 dev veth-red
        ip -n red link set veth-red up
        ip -n red route add default via 192.168.15.5"""
    ).check()
    first = lab.why("red", "8.8.8.8")
    assert first.cause == "no-forwarding"
    mend(lab, first.fix)
    second = lab.why("red", "8.8.8.8")
    assert (second.cause, second.where) == ("nat-missing", "host/eth0")
    mend(lab, second.fix)
    assert lab.why("red", "8.8.8.8").reachable
    assert lab.why("red", "192.168.1.3").reachable
    assert lab.why("host", "8.8.8.8").reachable


def test_a_tunnel_whole(lab: Lab) -> None:
    build(lab, VXLAN)
    verdict = lab.why("red", "blue")
    assert verdict.reachable
    assert any(what.startswith("(vxlan)") for what in verdict.evidence.what)


def test_a_house_of_a_hundred_rooms(lab: Lab) -> None:
    """Only those on the way are watched, and some more: it takes no longer than a lost ping."""
    lines = ["ip link add br0 type bridge", "ip link set br0 up", "ip addr add 10.0.0.1/16 dev br0"]
    for number in range(100):
        lines += [
            f"ip netns add h{number}", f"ip link add v{number} type veth peer name eth0 netns h{number}", f"ip link set v{number} master br0 up",
            f"ip -n h{number} addr add 10.0.1.{number}/16 dev eth0", f"ip -n h{number} link set eth0 up",
        ]  # fmt: skip
    lab.run("\n".join(lines)).check()
    assert lab.why("h1", "h99").reachable
    lab.run("iptables -A INPUT -p icmp -j DROP", "h99").check()
    began = time.monotonic()
    assert lab.why("h1", "h99").cause == "dropped-by-rule"
    assert lab.why("h1", "10.7.0.1").cause == "no-route"
    assert time.monotonic() - began < 20  # of a machine that does much else meanwhile


def test_without_mounts() -> None:
    with Lab(sandbox="rootless-nomount") as lab:
        build(lab, CABLE)
        assert lab.why("red", "blue").reachable
        lab.run("ip -n blue link set veth-blue down").check()
        assert (lab.why("red", "blue").cause, lab.why("red", "blue").where) == ("peer-down", "blue/veth-blue")


def test_a_probe_while_others_talk(lab: Lab) -> None:
    """A flood beside it neither hides the probe nor is taken for it."""
    build(lab, SWITCH)
    job = lab.run("ping -f -q 192.168.15.2", "green", background=True).value
    try:
        assert lab.why("red", "blue").reachable
        lab.run("iptables -A INPUT -s 192.168.15.1 -j DROP", "blue").check()
        assert lab.why("red", "blue").cause == "dropped-by-rule"
    finally:
        job.stop()


def test_serving_helper_listens(lab: Lab) -> None:
    build(lab, CABLE)
    with serving(lab, "blue 127.0.0.1 8080"):
        verdict = lab.why("red", "blue", 8080)
    assert (verdict.cause, "127.0.0.1" in verdict.explanation) == ("wrong-listen-address", True)


def test_a_rule_that_takes_the_question_for_a_neighbour_in_ipv6(lab: Lab) -> None:
    """The packet waits for the answer, and never comes to the rule: the question is an IPv6 packet too."""
    build(lab, CABLE6)
    lab.run("ip netns exec blue ip6tables -A INPUT -p icmpv6 -j DROP").check()
    verdict = lab.why("red", "fd00:15::2")
    assert (verdict.cause, verdict.where) == ("dropped-by-rule", "blue: chain INPUT of ip6 filter, rule 1")
    assert "dropped the question for the next one's MAC address" in verdict.explanation
    mend(lab, verdict.fix)
    assert lab.why("red", "fd00:15::2").reachable


def test_behind_a_wrong_translation(lab: Lab) -> None:
    """What follows is told with it: its mending, ``iptables -R``, is thought through."""
    build(lab, ROUTERS)
    lab.run(
        """ip netns exec r1 iptables -t nat -A POSTROUTING -o right -j SNAT --to-source 172.31.0.1
        ip netns exec red iptables -A INPUT -p icmp -j DROP"""
    ).check()
    first = lab.why("red", "blue")
    assert (first.cause, first.where) == ("nat-wrong", "r1")
    assert first.then.startswith("dropped-by-rule at red: chain INPUT of ip filter, rule 1 follows")
    mend(lab, first.fix)
    assert lab.why("red", "blue").cause == "dropped-by-rule"


@pytest.mark.heavy
def test_a_question_that_an_earlier_probe_has_asked(lab: Lab) -> None:
    """The kernel asks three times, once a second, and then gives up what waited. Whenever a probe comes in between, the rule is found."""
    build(lab, CABLE6)
    lab.run("ip netns exec blue ip6tables -A INPUT -p icmpv6 -j DROP").check()
    assert [lab.why("red", "fd00:15::2").cause for _ in range(12)] == ["dropped-by-rule"] * 12
