"""That more follow, on data: of what is certain, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nsmagic.model import FirewallRule, Link, Route
from nsmagic.why.judge import judge
from nsmagic.why.reading import Request
from nsmagic.why.situation import Situation, Translation, Unread
from nsmagic.why.verdict import Verdict
from tests.why.data import UP, cable, situation, table

_ASKED = Request("red", "10.0.0.2")


def verdict(red: str, blue: str, **more: object) -> Verdict:
    return judge(situation(cable("red/eth0", "blue/eth0", 2), [f"red eth0 {red}", f"blue eth0 {blue}"], **more), _ASKED)


def test_the_same_at_the_other_end() -> None:
    assert verdict("10.0.0.1/32", "10.0.0.2/32").then == "blue has the same mistake; %why again will show it"
    assert verdict("10.0.0.1/32", "10.0.0.2/24").then == ""


def test_a_setting_of_the_receiver() -> None:
    deaf = verdict("10.0.0.1/32", "10.0.0.2/24", sysctls={"blue": {"ipv4/icmp_echo_ignore_all": "1"}})
    assert (deaf.cause, deaf.then) == (
        "prefix-length",
        "echo-ignored at blue follows; %why again will explain it",
    )


def test_a_rule_of_the_receiver_and_of_the_sender_on_the_way_back() -> None:
    for ns, chain, match in (
        ("blue", "INPUT", "icmp"),
        ("blue", "OUTPUT", "icmp, echo-reply"),
        ("red", "INPUT", "state ESTABLISHED"),
    ):
        rule = FirewallRule(
            ns, "iptables", "ip", "filter", chain, hook=chain.lower(), position=1, match=match, target="DROP"
        )
        walled = {"firewall": {ns: (rule,)}, "tables": {ns: frozenset({"ip"})}}
        said = verdict("10.0.0.1/32", "10.0.0.2/24", **walled).then
        assert said == (
            f"dropped-by-rule at {ns}: chain {chain} of ip filter, rule 1 follows; %why again will explain it"
        )
        doubtful = {**walled, "firewall": {ns: (replace(rule, match="at most 5/sec", target="ACCEPT"), rule)}}
        assert verdict("10.0.0.1/32", "10.0.0.2/24", **doubtful).then == ""


def test_routes_that_the_fix_of_the_first_takes_with_it() -> None:
    """A link that was down has lost the route through it, which the second verdict will tell."""
    links = [*cable("red/eth0", "mid/left", 2), *cable("mid/right", "blue/eth0", 4)]
    links[0] = replace(links[0], flags=UP & ~1)
    made = situation(
        links,
        ["red eth0 10.1.0.1/24", "mid left 10.1.0.9/24", "mid right 10.0.0.9/24", "blue eth0 10.0.0.2/24"],
        sysctls={"mid": {"ipv4/ip_forward": "1"}},
    )
    kept = replace(made, answers=_without(made))
    said = judge(kept, _ASKED)
    assert (said.cause, said.then) == ("link-down", "no-route at red follows; %why again will explain it")


def _without(s: Situation) -> object:
    """The kernel's answers, with the routes of a link that is down taken away."""
    from nsmagic.why.answering import Supposed

    rows = [row for row in s.snapshot.routes if row.ns != "red"]
    less = replace(s, snapshot=replace(s.snapshot, tables={**s.snapshot.tables, "routes": table("routes", rows)}))
    answers = Supposed({}, frozenset(s.namespaces()))
    answers.situation = less
    return answers


def masked(target: str, *more: FirewallRule, **others: object) -> Situation:
    """red behind a router that puts an address into what it sends on to blue."""
    links = [*cable("red/eth0", "mid/left", 2), *cable("mid/right", "blue/eth0", 4)]
    head = FirewallRule("mid", "iptables", "ip", "nat", "POSTROUTING", "nat", "postrouting", 100, target="ACCEPT")
    rule = replace(head, position=1, match="out at right", target=target, rule="-A POSTROUTING -o right -j " + target)
    made = situation(
        links,
        ["red eth0 10.1.0.1/24", "mid left 10.1.0.9/24", "mid right 10.0.0.9/24", "blue eth0 10.0.0.2/24"],
        firewall={"mid": (head, rule, *more)}, tables={"mid": frozenset({"ip"})}, **others,
    )  # fmt: skip
    routes = [*made.snapshot.routes, Route("red", "inet", "default", "10.1.0.9", "eth0")]
    tables = {**made.snapshot.tables, "routes": table("routes", routes)}
    made.answers.situation = made = replace(made, snapshot=replace(made.snapshot, tables=tables))  # type: ignore[attr-defined]
    return made


def test_behind_a_translation_that_no_packet_has_met_yet() -> None:
    """The router does not forward; with that mended it gives the packet an address of its own, or one of nobody, to which no answer comes."""
    said = judge(masked("MASQUERADE"), _ASKED)
    assert (said.cause, said.then) == ("no-forwarding", "")
    said = judge(masked("SNAT to 10.0.0.77"), _ASKED)
    assert (said.cause, said.then) == ("no-forwarding", "nat-wrong at mid follows; %why again will explain it")
    wall = FirewallRule(
        "mid", "iptables", "ip", "filter", "FORWARD", "filter", "forward", position=1, match="from 10.1.0.1",
        target="DROP", rule="-A FORWARD -s 10.1.0.1 -j DROP",
    )  # fmt: skip
    said = judge(masked("MASQUERADE", wall), _ASKED)
    assert said.then.startswith("dropped-by-rule at mid: chain FORWARD"), "a rule sees the packet as it is there"
    assert judge(masked("MASQUERADE", replace(wall, match="from 10.0.0.9")), _ASKED).then == ""


def test_behind_a_translation_that_is_mended() -> None:
    """``iptables -R`` is the mending; blue, which drops what it is asked, is the next."""
    forwarding = {"mid": {"ipv4/ip_forward": "1"}}
    known = Translation("10.1.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.77")
    s = masked(
        "SNAT to 10.0.0.77",
        sysctls={**forwarding, "blue": {"ipv4/icmp_echo_ignore_all": "1"}},
        conntrack={"mid": (known,)},
    )
    said = judge(s, _ASKED)
    assert said.cause == "echo-ignored"
    deaf = {**forwarding, "red": {"ipv4/conf/all/rp_filter": "0"}}
    s = masked("SNAT to 10.0.0.77", sysctls=deaf, conntrack={"mid": (known,)})
    said = judge(s, _ASKED)
    assert (said.cause, said.fix) == (
        "nat-wrong",
        ("ip netns exec mid iptables -t nat -R POSTROUTING 1 -o right -j MASQUERADE",),
    )
    assert said.then == ""
    wall = FirewallRule(
        "red",
        "iptables",
        "ip",
        "filter",
        "INPUT",
        "filter",
        "input",
        position=1,
        target="DROP",
        rule="-A INPUT -j DROP",
    )
    s = replace(s, firewall={**s.firewall, "red": (wall,)}, tables={**s.tables, "red": frozenset({"ip"})})
    assert judge(s, _ASKED).then.startswith("dropped-by-rule at red: chain INPUT")
    unread = replace(s, firewall={})
    with pytest.raises(Unread) as caught:
        judge(unread, _ASKED)
    assert caught.value.what == "mid"


def tunnel(flags: int = UP, **more: object) -> Situation:
    """A vxlan between red and blue, over a router with a link that may be off."""
    links = [*cable("red/eth0", "mid/left", 2), *cable("mid/right", "blue/eth0", 4)]
    links[2] = replace(links[2], flags=flags)
    ends = {"red": ("10.1.0.1", "10.2.0.2"), "blue": ("10.2.0.2", "10.1.0.1")}
    links += [
        Link(ns, 8 + at, "vx0", "vxlan", UP, "UP", f"02:00:00:00:00:8{at}", 1450,
             info={"id": 42, "port": 4789, "local": local, "remote": remote})
        for at, (ns, (local, remote)) in enumerate(ends.items())
    ]  # fmt: skip
    made = situation(
        links,
        ["red eth0 10.1.0.1/24", "mid left 10.1.0.9/24", "mid right 10.2.0.9/24", "blue eth0 10.2.0.2/24",
         "red vx0 10.0.0.1/24", "blue vx0 10.0.0.2/24"],
        **more,
    )  # fmt: skip
    there = [row for row in made.snapshot.routes if flags == UP or (row.ns, row.dev) != ("mid", "right")]
    gateways = [
        Route("red", "inet", "10.2.0.0/24", "10.1.0.9", "eth0"),
        Route("blue", "inet", "default", "10.2.0.9", "eth0"),
    ]
    tables = {**made.snapshot.tables, "routes": table("routes", [*there, *gateways])}
    made.answers.situation = made = replace(made, snapshot=replace(made.snapshot, tables=tables))  # type: ignore[attr-defined]
    return made


def test_a_rule_under_a_tunnel() -> None:
    """What carries the packet through a vxlan is met by rules too."""
    wall = FirewallRule(
        "mid", "iptables", "ip", "filter", "FORWARD", "filter", "forward", position=1, match="udp, to port 4789",
        target="DROP", rule="-A FORWARD -p udp --dport 4789 -j DROP",
    )  # fmt: skip
    said = judge(tunnel(firewall={"mid": (wall,)}, tables={"mid": frozenset({"ip"})}), _ASKED)
    assert said.cause == "no-forwarding"
    assert said.then == "dropped-by-rule at mid: chain FORWARD of ip filter, rule 1 follows; %why again will explain it"


def test_no_way_leads_through_the_tunnel_that_needs_it() -> None:
    """The router has one link that is up, and looks like none; but the way through the tunnel is no better one."""
    said = judge(tunnel(UP & ~1), _ASKED)
    assert (said.cause, said.where) == ("no-forwarding", "mid")
