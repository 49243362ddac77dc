"""The reasoning, on data: what this kernel cannot have, what must not be tried, and what no commands lead to."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest

from nsmagic.model import FirewallRule, Link
from nsmagic.sentences import say_look, say_why
from nsmagic.why.finding import Finding
from nsmagic.why.judge import judge
from nsmagic.why.reading import Request
from nsmagic.why.sentences import explain, nudge
from nsmagic.why.situation import Question, Sighting, Situation, Step, Unasked, Unread
from nsmagic.why.verdict import Verdict
from nsmagic.why.wire import Place, reach
from tests.why.data import UP, bridge, cable, situation

_ASKED = Request("red", "10.0.0.2")


def vlan(ns: str, number: int, tag: int) -> Link:
    return Link(ns, number, f"eth0.{tag}", "vlan", UP, "UP", "", 1500, lower="eth0", info={"id": tag})


def test_vlans_of_a_cable() -> None:
    same = [*cable("red/eth0", "blue/eth0", 2), vlan("red", 10, 7), vlan("blue", 11, 7)]
    good = situation(same, ["red eth0.7 10.0.0.1/24", "blue eth0.7 10.0.0.2/24"], lost=False)
    assert judge(good, _ASKED).reachable
    other = [*cable("red/eth0", "blue/eth0", 2), vlan("red", 10, 7), vlan("blue", 11, 8)]
    verdict = judge(situation(other, ["red eth0.7 10.0.0.1/24", "blue eth0.8 10.0.0.2/24"]), _ASKED)
    assert (verdict.cause, verdict.where) == ("vlan-mismatch", "blue/eth0.8")
    assert verdict.explanation.startswith("The frame reaches blue/eth0.8 with tag 7, but tag 8 is expected there.")
    assert verdict.fix == (
        "ip -n blue link del eth0.8", "ip -n blue link add link eth0 name eth0.7 type vlan id 7",
        "ip -n blue addr add 10.0.0.2/24 dev eth0.7", "ip -n blue link set eth0.7 up",
    )  # fmt: skip
    untagged = [*cable("red/eth0", "blue/eth0", 2), vlan("red", 10, 7)]
    verdict = judge(situation(untagged, ["red eth0.7 10.0.0.1/24", "blue eth0 10.0.0.2/24"]), _ASKED)
    assert (verdict.cause, verdict.where) == ("vlan-mismatch", "blue/eth0")


def switched(red: tuple[int, int, int], blue: tuple[int, int, int]) -> Situation:
    ports = [*cable("red/eth0", "host/p1", 2), *cable("blue/eth0", "host/p2", 4)]
    links = [replace(link, master="br0") if link.ns == "host" else link for link in ports]
    made = situation(
        [*links, bridge("host", "br0", 9, vlan_filtering=1)], ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"],
        vlans={"host": {"p1": (red,), "p2": (blue,)}},
    )  # fmt: skip
    return made


def test_vlans_of_a_switch() -> None:
    """Flags: 2 is the PVID, 4 untagged."""
    assert reach(switched((7, 7, 6), (7, 7, 6)), "red", "eth0")[Place("blue", "eth0")].cost == 0
    verdict = judge(switched((7, 7, 6), (8, 8, 6)), _ASKED)
    assert (verdict.cause, verdict.where) == ("vlan-mismatch", "host/p2")
    assert verdict.fix == ("bridge vlan add dev p2 vid 7 pvid untagged",)
    verdict = judge(switched((7, 7, 0), (7, 7, 6)), _ASKED)
    assert (verdict.cause, verdict.where) == ("vlan-mismatch", "host/p1")
    assert verdict.fix == ("bridge vlan add dev p1 vid 7 pvid untagged",)


def test_macvlans_meet_by_their_lower_link_and_never_meet_it() -> None:
    eth0 = Link("host", 2, "eth0", "ether", UP, "UP", "02:00:00:00:00:02", 1500)
    mine = Link(
        "red",
        3,
        "mv0",
        "macvlan",
        UP,
        "UP",
        "02:00:00:00:00:03",
        1500,
        lower="eth0",
        peer_ns="host",
        info={"mode": "bridge"},
    )
    theirs = replace(mine, ns="blue", ifindex=4, mac="02:00:00:00:00:04")
    made = situation(
        [eth0, mine, theirs], ["red mv0 10.0.0.1/24", "blue mv0 10.0.0.2/24", "host eth0 10.0.0.3/24"], lost=False
    )
    assert judge(made, _ASKED).reachable
    assert Place("host", "eth0") not in reach(made, "red", "mv0")


def test_a_ring_of_switches() -> None:
    ports = [
        *cable("red/eth0", "host/p1", 2),
        *cable("blue/eth0", "far/p2", 4),
        *cable("host/a", "far/a", 6),
        *cable("host/b", "far/b", 8),
    ]
    links = [replace(link, master="br0") if link.ns in ("host", "far") else link for link in ports]
    made = situation(
        [*links, bridge("host", "br0", 20), bridge("far", "br0", 21)], ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"]
    )
    verdict = judge(made, _ASKED)
    assert verdict.cause == "loop"
    assert "connected twice" in verdict.explanation
    assert verdict.fix[0].endswith("down")


def test_behind_a_tun_device_nobody_can_look() -> None:
    tun = Link("red", 2, "tun0", "tun", UP, "UP", "", 1500)
    verdict = judge(situation([tun], ["red tun0 10.0.0.1/24"]), _ASKED)
    assert (verdict.cause, verdict.where) == ("not-supported", "red/tun0")


def test_what_nothing_explains_is_said_to_be_so() -> None:
    seen = (Sighting(0.1, "red", "eth0", "out", "echo-request"), Sighting(0.2, "blue", "eth0", "in", "echo-request"))
    made = situation(cable("red/eth0", "blue/eth0", 2), ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"], seen=seen)
    verdict = judge(made, _ASKED)
    assert (verdict.cause, verdict.where, verdict.reachable) == ("unknown", "blue/eth0", False)
    assert verdict.confidence == "nothing that was read explains what the probe met"
    assert "note:     nothing that was read" in str(verdict)
    assert list(verdict.evidence.seen.dropna()) == [True, True, True, True]


def test_the_probe_has_the_last_word() -> None:
    """An answer that comes although what was read forbids it: reachable, and a word on it."""
    links = cable("red/eth0", "blue/eth0", 2)
    made = situation(
        [links[0], replace(links[1], flags=0)], ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"], lost=False
    )
    verdict = judge(made, _ASKED)
    assert (verdict.reachable, verdict.cause) == (True, "")
    assert verdict.confidence == "the probe was answered, though what was read says peer-down at blue/eth0"
    assert "note:     the probe was answered" in str(verdict)


def test_a_drop_that_was_traced_goes_before_all_else() -> None:
    links = cable("red/eth0", "blue/eth0", 2)
    made = situation([links[0], replace(links[1], flags=0)], ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"])
    assert made.probe is not None
    step = Step("red", "inet", "wall", "out", 5, "rule", "drop", "echo-request", text="icmp type echo-request drop")
    rule = FirewallRule("red", "nft", "inet", "wall", "out", hook="output", position=1, target="DROP", rule="handle 5")
    made = replace(made, probe=replace(made.probe, steps=(step,)), tables={"red": frozenset({"inet"})})
    with pytest.raises(Unread):
        judge(made, _ASKED)
    verdict = judge(replace(made, firewall={"red": (rule,)}), _ASKED)
    assert (verdict.cause, verdict.where) == ("dropped-by-rule", "red: chain out of inet wall, handle 5")
    assert verdict.then == "peer-down at blue/eth0 follows; %why again will explain it"
    assert verdict.fix == ("ip netns exec red nft delete rule inet wall out handle 5",)


def test_the_kernel_is_asked_for_what_matters_and_for_nothing_else() -> None:
    made = replace(situation(cable("red/eth0", "blue/eth0", 2), ["red eth0 10.0.0.1/24"]), answers={})
    with pytest.raises(Unasked) as caught:
        judge(made, _ASKED)
    assert caught.value.what == Question("red", "10.0.0.2", "10.0.0.1")


@pytest.mark.parametrize("code", sorted(say_look.table()))
def test_every_code_has_its_words(code: str) -> None:
    finding = Finding(code, "red", "eth0", _Anything())
    assert nudge(finding)
    assert code in say_why.table() or code == "address-tentative"


@pytest.mark.parametrize("key", sorted(say_why.table()))
def test_every_sentence_is_whole(key: str) -> None:
    fields = {name for _, name, _, _ in string.Formatter().parse(say_why.table()[key]) if name}
    text = explain(Finding("unknown", "red", "eth0", dict.fromkeys(fields, "X"), say=key))
    assert "{" not in text
    assert text.endswith(".")


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key


def test_what_is_shown_is_escaped() -> None:
    verdict = Verdict("<b>", "\x1b[31m", False, "no-route", "<script>/x", "<i>", ("<u>",), ("&",))
    assert "<script>" not in verdict._html()
    assert "<i>" not in verdict._html()
    assert "\x1b" not in str(verdict)
