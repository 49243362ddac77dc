"""That more follow, on data: of what is certain, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

from nsmagic.model import FirewallRule
from nsmagic.why.judge import judge
from nsmagic.why.reading import Request
from nsmagic.why.situation import Situation
from nsmagic.why.verdict import Verdict
from tests.why.data import UP, cable, situation

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
    from tests.why.data import table

    rows = [row for row in s.snapshot.routes if row.ns != "red"]
    less = replace(s, snapshot=replace(s.snapshot, tables={**s.snapshot.tables, "routes": table("routes", rows)}))
    answers = Supposed({}, frozenset(s.namespaces()))
    answers.situation = less
    return answers
