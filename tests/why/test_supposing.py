"""What would be read after a fix: on data, with what the kernel does besides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nsmagic.model import IFF_NOARP, IFF_UP, Address, FirewallRule, Link, Neighbour, Route, Rule
from nsmagic.why.answering import supposed, worked_out
from nsmagic.why.situation import Answer, Listener, Question, Situation
from nsmagic.why.supposing import mended
from tests.why.data import bridge, cable, situation, table


def plain(**more: object) -> Situation:
    s = situation(cable("red/eth0", "blue/eth0", 2), ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"], **more)
    routes = [
        *s.snapshot.routes,
        Route("red", "inet", "default", "10.0.0.2", "eth0", protocol="boot"),
        Route("red", "inet", "10.9.0.0/16", type="blackhole"),
    ]
    tables = {
        **s.snapshot.tables,
        "routes": table("routes", routes),
        "neighbours": table(
            "neighbours", [Neighbour("red", "inet", "10.0.0.2", "02:99:99:99:99:99", "eth0", "PERMANENT")]
        ),
    }
    return replace(s, snapshot=replace(s.snapshot, tables=tables))


def after(*commands: str, s: Situation | None = None) -> Situation:
    found = mended(s or plain(), commands)
    assert found is not None
    return supposed(*found)


def routes(s: Situation, ns: str = "red") -> list[str]:
    return sorted(f"{row.type} {row.dst} {row.dev} {row.gateway}".strip() for row in s.routes(ns, "inet"))


def test_nothing_is_changed() -> None:
    s = plain()
    before = s.snapshot.to_data()
    after("ip -n red link set eth0 down", "ip -n red link del eth0", s=s)
    assert s.snapshot.to_data() == before


def test_a_longer_address_takes_the_routes_of_its_link_with_it() -> None:
    then = after("ip -n red addr del 10.0.0.1/24 dev eth0", "ip -n red addr add 10.0.0.1/16 dev eth0")
    assert routes(then) == ["blackhole 10.9.0.0/16", "local 10.0.0.1 eth0", "unicast 10.0.0.0/16 eth0"]
    assert [row.prefixlen for row in then.addresses("red")] == [16]


def test_a_link_that_goes_down_and_comes_up_again() -> None:
    then = after("ip -n red link set eth0 down", "ip -n red link set eth0 up")
    assert routes(then) == ["blackhole 10.9.0.0/16", "local 10.0.0.1 eth0", "unicast 10.0.0.0/24 eth0"]
    assert then.link("blue", "eth0").carrier  # type: ignore[union-attr]
    off = after("ip -n red link set eth0 down")
    assert not off.link("blue", "eth0").carrier  # type: ignore[union-attr]


def test_routes_and_rules() -> None:
    assert "unicast 10.3.0.0/16 eth0 10.0.0.2" in routes(after("ip -n red route add 10.3.0.0/16 via 10.0.0.2"))
    assert "unicast default eth0 10.0.0.77" in routes(after("ip -n red route replace default via 10.0.0.77"))
    assert len(routes(after("ip -n red route del blackhole 10.9.0.0/16"))) == 2
    s = plain()
    policy = [*s.snapshot.rules, Rule("red", "inet", 100, action="prohibit")]
    s = replace(s, snapshot=replace(s.snapshot, tables={**s.snapshot.tables, "rules": table("rules", policy)}))
    assert worked_out(s, Question("red", "10.0.0.2")).errno == 13
    then = after("ip -n red rule del priority 100", s=s)
    assert then.ask(Question("red", "10.0.0.2")).route.dev == "eth0"  # type: ignore[union-attr]


def test_settings_neighbours_and_switches() -> None:
    then = after("ip netns exec red sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.eth0.7.arp_ignore=0")
    assert (then.sysctl("red", "ipv4/ip_forward"), then.sysctl("red", "ipv4/conf/eth0/forwarding")) == (1, 1)
    assert then.sysctl("red", "ipv4/conf/eth0.7/arp_ignore", 9) == 0
    assert after("ip -n red neigh del 10.0.0.2 dev eth0").neighbour("red", "eth0", "10.0.0.2") is None
    ports = [*cable("red/eth0", "host/p1", 2), bridge("host", "br0", 9)]
    ports[0] = replace(ports[0], flags=ports[0].flags | IFF_NOARP)
    ports[1] = replace(ports[1], flags=ports[1].flags & ~IFF_UP)
    s = situation(ports, ["red eth0 10.0.0.1/24"])
    port = after("ip link set p1 master br0 up", s=s).link("host", "p1")
    assert port is not None
    assert (port.up, port.master, port.port["state"]) == (True, "br0", "forwarding")
    arp = after("ip -n red link set eth0 arp on", s=s).link("red", "eth0")
    assert arp is not None
    assert not arp.flags & IFF_NOARP


def test_loopbacks_and_addresses_that_are_not_usable_yet() -> None:
    s = plain()
    lo = Link("red", 1, "lo", "loopback", 0, "DOWN")
    waiting = Address("red", 2, "eth0", "inet6", "fd00::1", 64, flags=0x40)
    tables = {
        **s.snapshot.tables,
        "links": table("links", [*s.snapshot.links, lo]),
        "addrs": table("addrs", [*s.snapshot.addrs, waiting]),
        "rules": table(
            "rules", [*s.snapshot.rules, Rule("red", "inet6", 0, table=255), Rule("red", "inet6", 9, table=254)]
        ),
    }
    s = replace(s, snapshot=replace(s.snapshot, tables=tables))
    then = after("ip -n red link set lo up", s=s)
    assert [then.ask(Question("red", each)).route.type for each in ("127.0.0.1", "127.7.7.7", "::1")] == ["local"] * 3  # type: ignore[union-attr]
    assert worked_out(s, Question("red", "fd00::1")).errno == 101
    assert after("sleep 2", s=s).ask(Question("red", "fd00::1")).route.type == "local"  # type: ignore[union-attr]


def test_a_cable_is_made() -> None:
    then = after(
        "ip link add cable netns red type veth peer name far netns blue", "ip -n red link set cable up", "ip -n blue link set far up",
        "ip -n red addr add 10.5.0.1/24 dev cable",
    )  # fmt: skip
    link = then.link("red", "cable")
    assert link is not None
    assert (link.carrier, link.peer_ns, link.peer) == (True, "blue", "far")
    assert "unicast 10.5.0.0/24 cable" in routes(then)


def test_a_vlan_with_another_tag() -> None:
    s = plain()
    then = after(
        "ip -n red link add link eth0 name eth0.7 type vlan id 7", "ip -n red addr del 10.0.0.1/24 dev eth0",
        "ip -n red addr add 10.0.0.1/24 dev eth0.7", "ip -n red link set eth0.7 up", s=s,
    )  # fmt: skip
    link = then.link("red", "eth0.7")
    assert link is not None
    assert (link.kind, link.lower, link.info["id"], link.up) == ("vlan", "eth0", 7, True)
    assert "unicast 10.0.0.0/24 eth0.7" in routes(then)
    made = "ip -n red link add link eth0 name eth0.7 type vlan id 7"
    assert mended(s, ["ip -n red link set eth0 down", made, "ip -n red link set eth0.7 up"]) is None


@pytest.mark.parametrize(("kind", "mode"), [("macvlan", "bridge"), ("ipvlan", "l2")])
def test_a_link_of_the_lower_ones_own(kind: str, mode: str) -> None:
    add = f"ip -n red link add mv0 link eth0 type {kind} mode {mode}"
    then = after(add, "ip -n red link set mv0 up", "ip -n red route add 10.4.0.1/32 dev mv0")
    made, lower = then.link("red", "mv0"), then.link("red", "eth0")
    assert made is not None
    assert lower is not None
    assert (made.kind, made.lower, made.info, made.up) == (kind, "eth0", {"mode": mode}, True)
    assert (made.mac == lower.mac) == (kind == "ipvlan")
    assert "unicast 10.4.0.1 mv0" in routes(then)
    other = after(add, f"ip -n red link set mv0 type {kind} mode private").link("red", "mv0")
    assert other is not None
    assert other.info == {"mode": "private"}
    wrong = {"macvlan": "ipvlan", "ipvlan": "macvlan"}[kind]
    assert mended(plain(), [add, f"ip -n red link set mv0 type {wrong} mode {mode}"]) is None


def test_a_vxlan_made_anew() -> None:
    then = after(
        "ip -n red link add vx0 type vxlan id 42 local 10.0.0.1 remote 10.0.0.2 dev eth0 dstport 4789 nolearning",
        "ip -n red link set vx0 up",
        "bridge -n red fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.3",
    )
    link = then.link("red", "vx0")
    assert link is not None
    assert (link.kind, link.lower, link.info["id"], link.info["port"]) == ("vxlan", "eth0", 42, 4789)
    assert [entry.dst for entry in then.fdb("red", "vx0")] == ["10.0.0.3"]
    assert list(after("ip -n red link del vx0", s=then).fdb("red", "vx0")) == []


def test_vlans_of_a_port() -> None:
    ports = [*cable("red/eth0", "host/p1", 2), bridge("host", "br0", 9, vlan_filtering=1)]
    s = situation(ports, ["red eth0 10.0.0.1/24"], vlans={"host": {}})
    then = after("ip link set p1 master br0", s=s)
    assert then.vlans["host"]["p1"] == ((1, 1, 6),)
    assert after("bridge vlan add dev p1 vid 7 pvid untagged", s=then).vlans["host"]["p1"] == ((7, 7, 6), (1, 1, 4))
    assert after("bridge vlan add dev br0 vid 8 self", s=then).vlans["host"]["br0"] == ((8, 8, 0),)


def test_programs_that_are_started() -> None:
    def waiting(*commands: str, s: Situation | None = None) -> list[tuple[str, str, int]]:
        then = after(*commands, s=s).listeners.get("blue", ())
        return [(each.proto, each.address, each.port) for each in then]

    assert waiting("ip netns exec blue python3 -m http.server 80 &") == [("tcp", "0.0.0.0", 80)]
    assert waiting("ip netns exec blue python3 -m http.server --bind :: 80 &") == [("tcp6", "::", 80)]
    assert waiting("ip netns exec blue nc -6 -luk 53 &") == [("udp6", "::", 53)]
    there = Listener("tcp", "127.0.0.1", 80, 99, ("serve", "--at", "127.0.0.1", "80"))
    s = plain(listeners={"blue": (there,)})
    assert waiting("kill 99", "ip netns exec blue serve --at 0.0.0.0 80 &", s=s) == [("tcp", "0.0.0.0", 80)]
    assert mended(s, ["kill 99", "ip netns exec blue other --at 0.0.0.0 80 &"]) is None


def test_rules_of_a_firewall_are_counted_anew() -> None:
    def rule(place: int, tool: str = "iptables", name: str = "") -> FirewallRule:
        return FirewallRule(
            "red", tool, "ip", "filter", "INPUT", position=place, target="DROP", rule=name or f"r{place}"
        )

    s = plain(firewall={"red": (rule(0), rule(1), rule(2), rule(1, "nft", "handle 7"))}, conntrack={"red": ()})
    then = after("ip netns exec red iptables -D INPUT 1", s=s)
    assert [(row.position, row.rule) for row in then.firewall["red"]] == [(0, "r0"), (1, "r2"), (1, "handle 7")]
    then = after("ip netns exec red nft delete rule ip filter INPUT handle 7", s=s)
    assert len(then.firewall["red"]) == 3
    assert then.conntrack == s.conntrack != {}
    nat = FirewallRule(
        "red", "iptables", "ip", "nat", "PREROUTING", "nat", "prerouting", position=1, target="DNAT to 10.0.0.9"
    )
    then = after("iptables -t nat -D PREROUTING 1", s=replace(s, firewall={"host": (replace(nat, ns="host"),)}))
    assert then.conntrack == {}, "what a rule did to the probe, it would do no more"
    then = after("ip netns exec red iptables -P INPUT ACCEPT", s=s)
    assert [row.target for row in then.firewall["red"]] == ["ACCEPT", "DROP", "DROP", "DROP"]


@pytest.mark.parametrize(
    "command",
    [
        "ip -n red link set nosuch up",
        "ip -n red addr add 10.0.0.1/24 dev eth0",
        "ip -n red addr del 10.0.0.9/24 dev eth0",
        "ip -n red route add default via 10.0.0.2",
        "ip -n red route add 10.3.0.0/16 via 10.99.0.1",
        "ip -n red route del 10.3.0.0/16 via 10.0.0.2",
        "ip -n red link add link eth9 name eth9.7 type vlan id 7",
        "ip -n red link add eth0 type vxlan id 7 dstport 4789",
        "ip -n red neigh del 10.0.0.77 dev eth0",
        "ip netns exec red iptables -D INPUT 1",
        "ip netns exec red iptables -t nat -R POSTROUTING 1 -j MASQUERADE",
        "ip netns exec red python3 serve.py 80 &",
        "kill 1",
    ],
)
def test_of_what_is_not_known_or_would_fail_nothing_is_supposed(command: str) -> None:
    assert mended(plain(), [command]) is None
    assert mended(plain(), []) is None


def test_the_kernel_is_asked_where_nothing_would_be_otherwise() -> None:
    question = Question("blue", "10.0.0.1")
    s = replace(plain(), answers={question: Answer(words="of the kernel")})
    then = after("ip -n red route del default via 10.0.0.2", s=s)
    assert then.ask(question).words == "of the kernel"
    assert then.ask(Question("red", "10.7.0.1")).errno == 101


def test_a_source_that_is_not_believed() -> None:
    s = plain(sysctls={"red": {"ipv4/conf/all/rp_filter": "1"}})
    assert worked_out(s, Question("red", "10.0.0.1", "10.0.0.2", iif="eth0")).errno == 0
    assert worked_out(s, Question("red", "10.0.0.1", "10.0.0.2", iif="other")).errno == 22
    assert worked_out(s, Question("red", "10.0.0.2", "10.0.0.1", iif="eth0")).errno == 22
    loose = plain(sysctls={"red": {"ipv4/conf/all/rp_filter": "2"}})
    assert worked_out(loose, Question("red", "10.0.0.1", "10.0.0.2", iif="other")).errno == 0
