"""Which rule would drop a packet that has not come to it yet: only one of which that is certain."""

from __future__ import annotations

import pytest

from nsmagic.model import FirewallRule
from nsmagic.why import passing
from nsmagic.why.passing import Visit, matches
from nsmagic.why.reading import Request, read
from nsmagic.why.situation import Situation, Translation, Unread
from nsmagic.why.walk import Packet
from tests.why.data import cable, situation

_ECHO = Packet("10.0.0.1", "10.0.0.2")
_ANSWER = Packet("10.0.0.2", "10.0.0.1", answer=True)
_WEB = Packet("fd00::1", "fd00::2", "tcp", 80, 40000)


def rule(match: str, target: str = "DROP", position: int = 1, **more: str) -> FirewallRule:
    words = {"tool": "iptables", "family": "ip", "table": "filter", "chain": "INPUT", "hook": "input", **more}
    return FirewallRule("blue", position=position, match=match, target=target, rule="-A INPUT …", **words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("match", "packet", "fits"),
    [
        ("", _ECHO, True),
        ("icmp", _ECHO, True),
        ("icmp, echo-request", _ECHO, True),
        ("icmp, echo-request", _ANSWER, False),
        ("icmpv6", _ECHO, False),
        ("tcp, to port 80", _ECHO, False),
        ("not tcp", _ECHO, True),
        ("from 10.0.0.0/24", _ECHO, True),
        ("not from 10.0.0.0/24", _ECHO, False),
        ("to 10.0.0.9", _ECHO, False),
        ("in at eth0", _ECHO, True),
        ("in at eth+, out at eth1", _ECHO, False),
        ('icmp, "a remark, with a comma"', _ECHO, True),
        ("tcp, to ports 80,443", _WEB, True),
        ("tcp, to port 81:90", _WEB, False),
        ("tcp, to port {22, 80}", _WEB, None),
        ("state NEW", _ECHO, True),
        ("state RELATED,ESTABLISHED", _ECHO, False),
        ("state RELATED,ESTABLISHED", _ANSWER, None),
        ("at most 5/sec", _ECHO, None),
        ("at most 5/sec, tcp", _ECHO, False),
        ("of user 1000", _ECHO, None),
    ],
)
def test_words_of_a_match(match: str, packet: Packet, fits: bool | None) -> None:
    assert matches(rule(match), Visit("blue", "input", packet, packet, "eth0")) is fits


def walled(*rules: FirewallRule, policy: str = "ACCEPT") -> Situation:
    first = rule("", policy, 0)
    return situation(
        cable("red/eth0", "blue/eth0", 2), ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"],
        firewall={"blue": (first, *rules)}, tables={"blue": frozenset({"ip"})},
    )  # fmt: skip


def dropped(s: Situation) -> str:
    found = passing.along(s, read(s, Request("red", "10.0.0.2")).out, "out").finding
    return f"{found.code} {found.where}" if found is not None else ""


def test_the_first_rule_that_drops_for_certain() -> None:
    place = "blue: chain INPUT of ip filter"
    assert dropped(walled(rule("icmp"))) == f"dropped-by-rule {place}, rule 1"
    assert dropped(walled(rule("tcp"), rule("", "REJECT with icmp-port-unreachable", 2))) == (
        f"dropped-by-rule {place}, rule 2"
    )
    assert dropped(walled(policy="DROP")) == f"dropped-by-rule {place}, the policy"
    assert dropped(walled(rule("icmp", "ACCEPT"), policy="DROP")) == ""
    assert dropped(walled(rule("", 'LOG with prefix "x"'), rule("icmp", position=2))) == (
        f"dropped-by-rule {place}, rule 2"
    )


def test_where_a_rule_before_it_may_have_accepted_nothing_is_said() -> None:
    assert dropped(walled(rule("at most 5/sec", "ACCEPT"), policy="DROP")) == ""
    assert dropped(walled(rule("at most 5/sec", "DROP"))) == ""
    assert dropped(walled(rule("", "NFQUEUE"), policy="DROP")) == ""


def test_chains_to_which_rules_jump() -> None:
    inner = {"chain": "wall", "hook": ""}
    head, end = rule("", "", 0, **inner), "blue: chain wall of ip filter, rule 1"
    assert dropped(walled(rule("", "wall"), head, rule("icmp", **inner))) == f"dropped-by-rule {end}"
    assert dropped(walled(rule("", "wall"), head, rule("icmp", "RETURN", **inner))) == ""
    assert dropped(walled(rule("", "wall"), head, rule("icmp", "ACCEPT", **inner), policy="DROP")) == ""


def passage(*rules: FirewallRule) -> passing.Passage:
    way = walled(*rules)
    return passing.along(way, read(way, Request("red", "10.0.0.2")).out, "out")


@pytest.mark.parametrize(
    ("target", "made"),
    [
        ("DNAT to 10.0.0.9", Translation("10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.0.1")),
        ("DNAT to 10.0.0.9:80", None),
        ("DNAT to 10.0.0.9:80-90", None),
        ("DNAT to 10.0.0.9-10.0.0.12", None),
        ("DNAT to 127.0.0.1", None),
        ("REDIRECT to ports 80", None),
    ],
)
def test_what_a_translation_makes_of_a_packet(target: str, made: Translation | None) -> None:
    nat = {"table": "nat", "chain": "PREROUTING", "hook": "prerouting", "type": "nat"}
    found = passage(rule("", "ACCEPT", 0, **nat), rule("icmp", target, **nat), rule("icmp"))
    assert (found.finding, found.translated, found.translation) == (None, True, made)
    doubtful = passage(rule("", "ACCEPT", 0, **nat), rule("at most 5/sec", target, **nat), rule("icmp"))
    assert (doubtful.finding, doubtful.translated, doubtful.translation) == (None, True, None)
    other = walled(rule("", "ACCEPT", 0, **nat), rule("tcp", "DNAT to 10.0.0.9", **nat), rule("icmp"))
    assert dropped(other).startswith("dropped-by-rule")


def test_rules_that_are_not_read_yet_are_asked_for() -> None:
    s = situation(
        cable("red/eth0", "blue/eth0", 2), ["red eth0 10.0.0.1/24", "blue eth0 10.0.0.2/24"],
        tables={"blue": frozenset({"ip"})},
    )  # fmt: skip
    with pytest.raises(Unread) as caught:
        dropped(s)
    assert caught.value.what == "blue"
