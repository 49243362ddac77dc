"""What changed between two readings, and which tools are asked."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.firewall import compare, plan

Row = list[Any]


def rule(text: str, position: int = 1, chain: str = "INPUT", packets: int = 0) -> Row:
    return [
        "host",
        "iptables",
        "ip",
        "filter",
        chain,
        "filter",
        "input",
        0,
        position,
        text,
        "DROP",
        packets,
        0,
        f"-A {text}",
    ]


def policy(target: str, chain: str = "FORWARD", hook: str = "forward", tool: str = "iptables") -> Row:
    return ["host", tool, "ip", "filter", chain, "filter", hook, 0, 0, "", target, 0, 0, ""]


def rules(words: list[str]) -> list[Row]:
    return [rule(word, at + 1) for at, word in enumerate(words)]


letters = st.lists(st.sampled_from("abcd"), max_size=8)


@given(letters, letters)
def test_what_came_and_went_makes_the_new_of_the_old(before: list[str], after: list[str]) -> None:
    found = compare.changes(rules(before), rules(after))
    gone = Counter(old[9] for op, _, old, _ in found if op == "-")
    came = Counter(new[9] for op, _, _, new in found if op == "+")
    left = Counter(before)
    left.subtract(gone)
    assert min(left.values(), default=0) >= 0
    assert +(+left + came) == Counter(after)
    assert (not found) == (before == after)


def test_counters_and_numbers_are_no_change() -> None:
    old = [rule("a", 1, packets=1), rule("b", 2)]
    new = [rule("z", 1), rule("a", 2, packets=9), rule("b", 3)]
    assert compare.changes(old, new) == [["+", "firewall", None, rule("z", 1)]]


def test_policies() -> None:
    accept, drop = policy("ACCEPT"), policy("DROP")
    assert compare.changes([], [accept]) == []
    assert [change[0] for change in compare.changes([], [drop])] == ["~"]
    assert compare.changes([accept], [drop]) == [["~", "firewall", accept, drop]]
    assert compare.changes([drop], [])[0][3][10] == "ACCEPT"
    own = policy("", "MINE", "")
    assert compare.changes([], [own]) == [["+", "firewall", None, own]]
    made = policy("ACCEPT", "c", "input", "nft")
    assert compare.changes([], [made])[0][0] == "+"


HAVE_ALL = {"iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save", "nft", "iptables-save"}.__contains__


@pytest.mark.parametrize(
    ("tables", "legacy", "asked"),
    [
        ([], [], []),
        ([("ip", "nat"), ("ip", "filter"), ("ip6", "filter")], [], ["iptables-nft-save", "ip6tables-nft-save"]),
        ([("ip", "mine")], [], ["nft"]),
        ([("inet", "filter"), ("ip", "raw")], ["ip"], ["iptables-nft-save", "nft", "iptables-legacy-save"]),
    ],
)
def test_whom_to_ask(tables: list[tuple[str, str]], legacy: list[str], asked: list[str]) -> None:
    assert [argv[0] for argv in plan.programs(dict.fromkeys(tables, 1), legacy, HAVE_ALL)] == asked
    assert not tables or [argv[0] for argv in plan.programs(dict.fromkeys(tables, 0), [], HAVE_ALL)] == ["nft"]


def test_who_is_missing_is_named() -> None:
    with pytest.raises(plan.ToolMissing, match="nft"):
        plan.programs({("inet", "t"): 1}, [], lambda _: None)
    with pytest.raises(plan.ToolMissing, match="ip6tables-legacy-save"):
        plan.programs({}, ["ip6"], HAVE_ALL)
    assert plan.programs({("ip", "nat"): 1}, [], {"nft"}.__contains__) == [plan.ALSO]


def test_a_table_that_iptables_cannot_read_is_asked_of_nft() -> None:
    saved = {("iptables-nft-save", "-c"): "# Table `filter' is incompatible, use 'nft' tool.\n"}
    assert plan.incompatible(saved)
    text = '{"nftables": [{"chain": {"family": "ip", "table": "filter", "name": "x", "handle": 1}}]}'
    rows = plan.rows({**saved, plan.ALSO: text}, "host", {("ip", "filter")})
    assert [row[:5] for row in rows] == [["host", "nft", "ip", "filter", "x"]]


def test_chains_that_nft_hooked_in_beside_those_of_iptables() -> None:
    """iptables-save lists the chains that it would make, says that there are more, and not which."""
    saved = {
        ("iptables-nft-save", "-c"): "# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n"
        "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n[1:2] -A POSTROUTING -j MASQUERADE\nCOMMIT\n"
    }
    assert plan.incompatible(saved)
    own = [{"chain": {"family": "ip", "table": "nat", "name": name, "handle": 1}} for name in ("mine", "POSTROUTING")]
    text = json.dumps({"nftables": [{"table": {"family": "ip", "name": "nat", "handle": 9}}, *own]})
    rows = plan.rows({**saved, plan.ALSO: text}, "host", {("ip", "nat")})
    assert [(row[1], row[4], row[10]) for row in rows] == [
        ("iptables", "POSTROUTING", "ACCEPT"), ("iptables", "POSTROUTING", "MASQUERADE"), ("nft", "mine", ""),
    ]  # fmt: skip
