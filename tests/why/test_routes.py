"""What mends a missing or wrong route when something else is broken too, on data."""

from __future__ import annotations

from dataclasses import replace

from nsmagic.model import Address, Link, Route, Rule
from nsmagic.why.judge import judge
from nsmagic.why.reading import Request
from nsmagic.why.situation import Situation
from nsmagic.why.verdict import Verdict
from tests.why.data import UP, bridge, cable, situation, table

_DOWN = UP & ~1


def house(*addresses: str, switch: int = UP, loose: str = "", down: str = "", more: tuple[Link, ...] = ()) -> Situation:
    """red, blue and gw on a switch, and lan behind gw; ``loose`` is a port that nobody has enslaved."""
    ports = [
        link for at, ns in enumerate(("red", "blue", "gw")) for link in cable(f"{ns}/eth0", f"host/{ns}-br", 2 + 2 * at)
    ]
    ports = [replace(each, master="br0") if each.ns == "host" and each.ifname != loose else each for each in ports]
    links = [*ports, replace(bridge("host", "br0", 20), flags=switch), *cable("gw/out", "lan/eth0", 30), *more]
    links = [replace(each, flags=_DOWN) if f"{each.ns}/{each.ifname}" == down else each for each in links]
    made = situation(links, list(addresses), sysctls={"gw": {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}})
    six = [replace(row, family="inet6") for row in made.snapshot.rules]
    return changed(made, rules=[*made.snapshot.rules, *six])


def changed(s: Situation, **tables: list[object]) -> Situation:
    rows = {name: table(name, each) for name, each in tables.items()}
    s.answers.situation = s = replace(s, snapshot=replace(s.snapshot, tables={**s.snapshot.tables, **rows}))  # type: ignore[attr-defined]
    return s


def routed(s: Situation, *routes: Route) -> Situation:
    return changed(s, routes=[*s.snapshot.routes, *routes])


def said(s: Situation, dst: str) -> Verdict:
    return judge(s, Request("red", dst))


_RED, _BLUE, _GW = "red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24", "gw eth0 10.0.0.9/24"
_LAN = "gw out 10.1.0.9/24", "lan eth0 10.1.0.3/24"
_BACK = Route("lan", "inet", "default", "10.1.0.9", "eth0")


def test_cables_that_lead_elsewhere() -> None:
    """red has nothing but a cable to one that has no address there."""
    far = cable("red/spare", "green/spare", 40)
    s = house("blue eth0 10.0.0.2/24", more=tuple(far))
    mine = [each for each in s.snapshot.links if (each.ns, each.ifname) not in {("red", "eth0"), ("host", "red-br")}]
    verdict = said(changed(s, links=mine), "10.0.0.2")
    assert (verdict.cause, verdict.where) == ("not-plugged", "red")
    assert verdict.explanation.startswith("No cable of red leads to where 10.0.0.2 is, and at the other end of spare")
    assert verdict.fix == (
        "ip link add veth-red netns red type veth peer name veth-red-br", "ip -n red link set veth-red up",
        "ip link set veth-red-br master br0 up",
    )  # fmt: skip


def test_a_switch_that_is_broken_too_is_one_to_plug_into() -> None:
    s = house(_BLUE, _GW, *_LAN, switch=_DOWN)
    mine = [each for each in s.snapshot.links if (each.ns, each.ifname) not in {("red", "eth0"), ("host", "red-br")}]
    verdict = said(changed(s, links=mine), "10.1.0.3")
    assert (verdict.cause, verdict.fix[-1]) == ("not-plugged", "ip link set veth-red-br master br0 up")


def test_the_route_of_an_address_is_gone_and_nobody_is_behind_its_interface() -> None:
    empty = bridge("red", "empty", 40)
    far = cable("red/spare", "green/spare", 42)
    s = house("red empty 10.0.0.1/24", "blue eth0 10.0.0.2/24", more=(empty, *far))
    mine = [each for each in s.snapshot.links if (each.ns, each.ifname) not in {("red", "eth0"), ("host", "red-br")}]
    s = changed(s, links=mine)
    verdict = said(s, "10.0.0.2")
    assert (verdict.cause, verdict.where) == ("no-carrier", "red/empty"), "not a wrong route"
    gone = [row for row in s.snapshot.routes if row.ns != "red"]
    verdict = said(changed(s, routes=gone), "10.0.0.2")
    assert (verdict.cause, verdict.fix) == ("no-route", ("ip -n red route add 10.0.0.0/24 dev empty",))


def test_a_gateway_that_cannot_be_reached_yet_is_still_the_right_one() -> None:
    s = house(_RED, _BLUE, _GW, *_LAN, loose="red-br")
    wrong = Route("red", "inet", "default", "10.99.0.1", "eth0")
    verdict = said(routed(s, wrong, _BACK), "10.1.0.3")
    assert (verdict.cause, verdict.fix) == ("gateway-off-link", ("ip -n red route replace default via 10.0.0.9",))


def test_a_gateway_whose_rules_keep_its_route_from_it() -> None:
    further = cable("lan/out", "far/eth0", 40)
    s = house(_RED, _BLUE, _GW, *_LAN, "lan out 10.2.0.9/24", "far eth0 10.2.0.3/24", more=tuple(further))
    s = routed(s, Route("gw", "inet", "10.2.0.0/24", "10.1.0.3", "out"))
    s = changed(s, rules=[*s.snapshot.rules, Rule("gw", "inet", 9, dst="10.2.0.0/24", action="unreachable")])
    verdict = said(s, "10.2.0.3")
    assert (verdict.cause, verdict.fix) == ("no-route", ("ip -n red route add default via 10.0.0.9",))


def test_an_address_is_of_the_network_behind_what_is_broken_too() -> None:
    s = house(_BLUE, _GW, *_LAN, loose="red-br")
    verdict = said(s, "10.1.0.3")
    assert (verdict.cause, verdict.fix) == ("no-address", ("ip -n red addr add 10.0.0.1/24 dev eth0",))


def test_an_address_that_nobody_has_is_of_the_one_who_is_switched_off() -> None:
    s = house(_RED, "gw eth0 10.0.0.9/24", down="blue/eth0")
    verdict = said(s, "10.0.0.2")
    assert (verdict.cause, verdict.fix) == ("address-not-local", ("ip -n blue addr add 10.0.0.2/24 dev eth0",))


def test_one_without_an_ipv6_address_that_still_has_its_route() -> None:
    s = house("blue eth0 fd00::2/64", "gw out fd00:1::9/64", "lan eth0 fd00:1::3/64")
    verdict = said(routed(s, Route("red", "inet6", "default", "fd00::9", "eth0")), "fd00:1::3")
    assert (verdict.cause, verdict.where) == ("no-address", "red/eth0")
    assert verdict.fix == ("ip -n red addr add fd00::1/64 dev eth0",)


def test_a_switch_and_a_gateway_that_have_lost_their_ipv6_addresses() -> None:
    """Either may have been the gateway; that the switch is off comes before both."""
    s = house("red eth0 fd00::1/64", "gw out fd00:1::9/64", "lan eth0 fd00:1::3/64", switch=_DOWN, down="gw/eth0")
    s = changed(s, addrs=[*s.snapshot.addrs, Address("blue", 4, "eth0", "inet6", "fe80::2", 64)])
    verdict = said(routed(s, Route("red", "inet6", "default", "fd00::9", "eth0")), "fd00:1::3")
    assert (verdict.cause, verdict.where) == ("bridge-down", "host/br0")
