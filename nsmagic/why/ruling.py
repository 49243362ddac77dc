"""What would be read of a firewall if a command for it had been typed: ``iptables`` and ``nft``, in the forms of which fixes consist."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

from nsmagic.firewall.save import HOOKS, place_of
from nsmagic.firewall.words import rule_words
from nsmagic.model import FirewallRule
from nsmagic.why.draft import Draft

#: Tool, family, table, chain.
Chain = tuple[str, str, str, str]


def iptables(tool: str) -> Callable[[Draft, str, list[str]], bool]:
    """The command of that name, for a draft: whether it would succeed."""
    family = "ip6" if tool.startswith("ip6") else "ip"

    def done(draft: Draft, ns: str, words: list[str]) -> bool:
        table = "filter"
        if words[:1] == ["-t"]:
            table, words = words[1], words[2:]
        if len(words) < 3:
            return False
        kinds = ("iptables-legacy",) if tool.endswith("-legacy") else ("iptables", "iptables-legacy")
        verb, name = words[:2]
        if verb in ("-A", "-R"):
            there = {_chain_of(row) for row in _rules_of(draft, ns)}
            kind = next((each for each in kinds if (each, family, table, name) in there), kinds[0])
            return _ruled(draft, ns, (kind, family, table, name), verb, words[2:])
        return len(words) == 3 and any(
            _unruled(draft, ns, (kind, family, table, name), verb, words[2]) for kind in kinds
        )

    return done


def _ruled(draft: Draft, ns: str, chain: Chain, verb: str, words: list[str]) -> bool:
    """``-A CHAIN RULE``, ``-R CHAIN NUMBER RULE``."""
    at = 0
    if verb == "-R":
        if not words[0].isdigit():
            return False
        at, words = int(words[0]), words[1:]
    match, target = rule_words(words)
    return bool(target) and _placed(draft, ns, chain, at, match, target, shlex.join(["-A", chain[3], *words]))


def _unruled(draft: Draft, ns: str, chain: Chain, verb: str, what: str) -> bool:
    if verb == "-D" and what.isdigit():
        return _taken(draft, ns, lambda row: _of(row, chain) and row.position == int(what))
    return (verb, what) == ("-P", "ACCEPT") and _accepting(draft, ns, lambda row: _of(row, chain))


def _of(row: FirewallRule, chain: Chain) -> bool:
    return _chain_of(row) == chain


def nft(draft: Draft, ns: str, words: list[str]) -> bool:
    """``nft``, for a draft: whether it would succeed."""
    if words[:2] == ["delete", "rule"] and words[-2:-1] == ["handle"]:
        place, name = ("nft", words[2], words[3], words[4]), f"handle {words[-1]}"
        return _taken(draft, ns, lambda row: _of(row, place) and row.rule == name)
    if words[:1] == ["chain"] and words[-1] == "{ policy accept; }":
        chain = ("nft", words[1], words[2], words[3])
        return _accepting(draft, ns, lambda row: _of(row, chain))
    if words[:2] == ["add", "rule"] and (words[5:6], words[7:]) == (["oifname"], ["masquerade"]):
        chain = ("nft", words[2], words[3], words[4])
        return _placed(draft, ns, chain, 0, f"out at {words[6]}", "MASQUERADE", "handle 0")
    return False


# Rows


def _rules_of(draft: Draft, ns: str) -> tuple[FirewallRule, ...]:
    """The rules of a namespace, as they are by now.

    Raises
    ------
    Unread
        They have to be read first.
    """
    return draft.firewall.get(ns) or draft.s.rules_of(ns)


def _placed(draft: Draft, ns: str, chain: Chain, at: int, match: str, target: str, rule: str) -> bool:
    """Put a rule in the place of another; with ``at`` 0, behind the others of its chain, which iptables makes when it is not there."""
    rows = _rules_of(draft, ns)
    mine = [row for row in rows if _chain_of(row) == chain]
    old = next((row for row in mine if at and row.position == at), None)
    if at and old is None:
        return False
    if not mine:
        if chain[0] != "iptables" or chain[3] not in HOOKS:
            return False
        head = FirewallRule(ns, *chain, *place_of(chain[2], chain[3], HOOKS[chain[3]]), target="ACCEPT")
        rows, mine = (*rows, head), [head]
    last = max(row.position for row in mine)
    new = replace(old or mine[0], position=at or last + 1, match=match, target=target, rule=rule)
    if new.type == "nat":
        draft.conntrack = {}  # what was done to the probe would be done otherwise
    draft.firewall[ns] = tuple(new if row is old else row for row in rows) + (() if old is not None else (new,))
    draft.tables[ns] = draft.tables.get(ns, frozenset()) | {chain[1]}
    return True


def _taken(draft: Draft, ns: str, fits: Callable[[FirewallRule], bool]) -> bool:
    """Take away one rule, and count those behind it anew."""
    rows = _rules_of(draft, ns)
    gone = next((row for row in rows if row.position and fits(row)), None)
    if gone is None:
        return False
    if gone.type == "nat":
        draft.conntrack = {}  # what it did to the probe it would do no more

    def counted(row: FirewallRule) -> FirewallRule:
        behind = _chain_of(row) == _chain_of(gone) and row.position > gone.position
        return replace(row, position=row.position - 1) if behind else row

    draft.firewall[ns] = tuple(counted(row) for row in rows if row is not gone)
    return True


def _accepting(draft: Draft, ns: str, fits: Callable[[FirewallRule], bool]) -> bool:
    """Let a chain accept what none of its rules says."""
    rows = _rules_of(draft, ns)
    if not any(not row.position and fits(row) for row in rows):
        return False
    draft.firewall[ns] = tuple(replace(row, target="ACCEPT") if not row.position and fits(row) else row for row in rows)
    return True


def _chain_of(row: FirewallRule) -> Chain:
    return row.tool, row.family, row.table, row.chain
