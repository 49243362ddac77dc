"""Reading ``nft -j list ruleset``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nsmagic.firewall import nft
from nsmagic.model import FirewallRule, make_row


def read(*things: dict[str, Any]) -> list[FirewallRule]:
    return [
        make_row("firewall", row) for row in nft.read(json.dumps({"nftables": [{"metainfo": {}}, *things]}), "host")
    ]


def rule(*expressions: Any, **more: Any) -> FirewallRule:
    (row,) = read(
        {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 7, "expr": list(expressions), **more}}
    )
    return row


def payload(protocol: str, field: str, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


WORDS = [
    ([payload("ip", "saddr", {"prefix": {"addr": "10.0.0.0", "len": 8}}), {"accept": None}], "from 10.0.0.0/8", "ACCEPT"),
    ([payload("tcp", "dport", {"set": [22, {"range": [80, 90]}]}), {"drop": None}], "tcp, to port {22, 80-90}", "DROP"),
    ([payload("ip", "daddr", "@bad", "!="), {"jump": {"target": "mine"}}], "not to @bad", "mine"),
    ([{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": None}],
     "state established,related", "ACCEPT"),
    ([{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "eth0"}}, {"masquerade": None}], "out at eth0", "MASQUERADE"),
    ([{"dnat": {"addr": "192.168.15.2", "port": 80}}], "", "DNAT to 192.168.15.2:80"),
    ([{"redirect": {"port": 8080}}], "", "REDIRECT to :8080"),
    ([{"reject": {"type": "icmpx", "expr": "port-unreachable"}}], "", "REJECT with port-unreachable"),
    ([{"log": {"prefix": "in: "}}, {"drop": None}], "", 'LOG with prefix "in: ", DROP'),
    ([{"limit": {"rate": 5, "per": "second"}}, {"goto": {"target": "x"}}], "at most 5/second", "goto x"),
    ([{"xt": {"type": "match", "name": "comment"}}, {"xt": {"type": "target", "name": "MARK"}}], "comment", "MARK"),
    ([payload("icmp", "type", "echo-request"), {"drop": None}], "icmp, echo-request", "DROP"),
    ([payload("ip", "ttl", 5, "<"), "notrack"], "ip ttl < 5", "NOTRACK"),
    ([{"vmap": {"key": {"meta": {"key": "iif"}}, "data": {"set": [["lo", {"accept": None}]]}}}], "", None),
]  # fmt: skip


@pytest.mark.parametrize(("expressions", "match", "target"), WORDS, ids=range(len(WORDS)))
def test_words(expressions: list[Any], match: str, target: str | None) -> None:
    row = rule(*expressions)
    assert row.match == match
    assert row.target == target if target is not None else row.target


def test_counters_comments_and_handles() -> None:
    row = rule({"counter": {"packets": 3, "bytes": 252}}, {"accept": None}, comment="why not")
    assert (row.packets, row.bytes, row.match, row.rule) == (3, 252, '"why not"', "handle 7")


def test_tables_chains_and_sets() -> None:
    rows = read(
        {"table": {"family": "ip", "name": "t", "handle": 1}},
        {"set": {"family": "ip", "name": "bad", "table": "t", "type": "ipv4_addr", "handle": 2, "elem": ["10.0.0.1"]}},
        {"chain": {"family": "ip", "table": "t", "name": "c", "handle": 3, "type": "nat", "hook": "postrouting", "prio": 100,
                   "policy": "drop"}},
        {"chain": {"family": "ip", "table": "t", "name": "own", "handle": 4}},
        {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 5, "expr": [{"masquerade": None}]}},
    )  # fmt: skip
    assert [(row.chain, row.type, row.hook, row.position, row.match, row.target) for row in rows] == [
        ("", "table", "", 0, "", ""),
        ("@bad", "set", "", 0, "10.0.0.1", "ipv4_addr"),
        ("c", "nat", "postrouting", 0, "", "DROP"),
        ("own", "", "", 0, "", ""),
        ("c", "nat", "postrouting", 1, "", "MASQUERADE"),
    ]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"nftables": 3}', '{"nftables": [{"rule": {}}]}', '{"nftables": [3]}']
)
def test_what_nft_never_says_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nft"):
        nft.read(text, "host")
