"""Drops that were traced: of the packet's own question for a neighbour's MAC too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nsmagic.model import FirewallRule
from nsmagic.why.filters import solicited
from nsmagic.why.judge import judge
from nsmagic.why.reading import Request
from nsmagic.why.situation import Sighting, Step
from nsmagic.why.verdict import Verdict
from tests.why.data import bridge, cable, situation

_ASKED = Request("red", "fd00::2")
_STEP = Step("host", "ip6", "filter", "FORWARD", 5, "rule", "drop", "ns", ours=False, text="-A FORWARD -j DROP",
             src="fd00::1", dst="ff02::1:ff00:2", place=1, tool="ip6tables")  # fmt: skip


def verdict(step: Step, *seen: Sighting) -> Verdict:
    ports = [*cable("red/eth0", "host/p1", 2), *cable("blue/eth0", "host/p2", 4)]
    links = [replace(link, master="br0") if link.ns == "host" else link for link in ports]
    rule = FirewallRule("host", "iptables", "ip6", "filter", "FORWARD", hook="forward", position=1, target="DROP")
    s = situation(
        [*links, bridge("host", "br0", 9)], ["red eth0 fd00::1/64", "blue eth0 fd00::2/64"], seen=seen,
        sysctls={"host": {"bridge/bridge-nf-call-ip6tables": "1"}}, tables={"host": frozenset({"ip6"})},
        firewall={"host": (rule,)},
    )  # fmt: skip
    six = [replace(row, family="inet6") for row in s.snapshot.rules]
    from tests.why.data import table

    snapshot = replace(s.snapshot, tables={**s.snapshot.tables, "rules": table("rules", six)})
    assert s.probe is not None
    s.answers.situation = s = replace(s, snapshot=snapshot, probe=replace(s.probe, steps=(step,)))  # type: ignore[attr-defined]
    return judge(s, _ASKED)


@pytest.mark.parametrize(("what", "dst"), [("ns", "ff02::1:ff00:2"), ("ns", "fd00::2"), ("na", "fd00::1")])
def test_a_rule_takes_the_question_for_the_neighbour(what: str, dst: str) -> None:
    said = verdict(replace(_STEP, what=what, dst=dst))
    assert (said.cause, said.where) == ("bridge-netfilter", "host: chain FORWARD of ip6 filter, rule 1")
    assert said.fix == ("sysctl -w net.bridge.bridge-nf-call-ip6tables=0",)


def test_questions_of_others_and_of_a_way_that_is_known() -> None:
    assert verdict(replace(_STEP, dst="ff02::1:ff00:9")).cause == "unknown"
    assert verdict(replace(_STEP, src="::")).cause == "unknown", "that asks if an address is taken"
    assert verdict(_STEP, Sighting(0.1, "red", "eth0", "out", "echo-request")).cause == "unknown"


def test_the_question_in_words() -> None:
    ns = replace(_STEP, ns="blue", chain="INPUT")
    assert "dropped the question for the next one's MAC address" in verdict(ns).explanation
    assert solicited("fe80::aabb:ccdd") == "ff02::1:ffbb:ccdd"
