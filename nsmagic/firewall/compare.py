"""What changed between two readings of a namespace's rules: counters apart, and without the shift of a rule's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = list[Any]
#: ``[op, "firewall", old row or None, new row or None]``, as all changes travel.
Delta = list[Any]

_TOOL, _FAMILY, _TABLE, _CHAIN, _POSITION, _MATCH, _TARGET, _RULE = 1, 2, 3, 4, 8, 9, 10, 13
_CHAIN_KEY = (_TOOL, _FAMILY, _TABLE, _CHAIN)


def changes(old: Sequence[Row], new: Sequence[Row]) -> list[Delta]:
    """What is gone, new or different, chain by chain. A chain with a policy that just came is told only by another policy than ACCEPT.

    >>> rule = ["host", "iptables", "ip", "filter", "INPUT", "filter", "input", 0, 1, "icmp", "DROP", 0, 0, "-A INPUT -p icmp -j DROP"]
    >>> changes([], [rule]) == [["+", "firewall", None, rule]]
    True
    >>> changes([rule], [[*rule[:11], 7, 588, rule[13]]])
    []
    """
    before, after = _by_chain(old), _by_chain(new)
    found: list[Delta] = []
    for key in [*before, *(key for key in after if key not in before)]:
        was, now = before.get(key, []), after.get(key, [])
        found += _chain(_head(was), _head(now))
        found += _rules([row for row in was if row[_POSITION]], [row for row in now if row[_POSITION]])
    return found


def _by_chain(rows: Sequence[Row]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[at] for at in _CHAIN_KEY), []).append(row)
    return found


def _head(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if not row[_POSITION]), None)


def _chain(old: Row | None, new: Row | None) -> list[Delta]:
    if old is not None and new is not None:
        same = (old[_MATCH], old[_TARGET]) == (new[_MATCH], new[_TARGET])
        return [] if same else [["~", "firewall", old, new]]
    row = new if new is not None else old
    if row is None or (row[_TOOL] != "nft" and _built_in(row) and row[_TARGET] == "ACCEPT"):
        return []
    if row[_TOOL] != "nft" and _built_in(row):
        accept = [*row[:_TARGET], "ACCEPT", *row[_TARGET + 1 :]]
        return [["~", "firewall", accept, row] if new is not None else ["~", "firewall", row, accept]]
    return [["+", "firewall", None, row] if new is not None else ["-", "firewall", row, None]]


def _built_in(row: Row) -> bool:
    """Whether the chain comes with its table, which comes with the first rule."""
    return bool(row[6])


def _rules(old: Sequence[Row], new: Sequence[Row]) -> list[Delta]:
    def identity(row: Row) -> tuple[Any, ...]:
        return row[_MATCH], row[_TARGET], row[_RULE]

    import difflib

    matcher = difflib.SequenceMatcher(a=[*map(identity, old)], b=[*map(identity, new)], autojunk=False)
    found: list[Delta] = []
    for op, first, last, begin, end in matcher.get_opcodes():
        if op != "equal":
            found += [["-", "firewall", row, None] for row in old[first:last]]
            found += [["+", "firewall", None, row] for row in new[begin:end]]
    return found
