"""The old iptables tells nobody what it does with a packet; but its rules count. What counted one more while the probe was under way,
and drops, dropped it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from nsmagic.model import FirewallRule
from nsmagic.why.situation import Step

Rules = dict[tuple[str, str, str, str, int], FirewallRule]


def rules(read: Callable[[str], Iterable[FirewallRule]], names: Iterable[str]) -> Rules:
    """The rules and policies of the old iptables in some namespaces, by their place."""
    found: Rules = {}
    for ns in names:
        for row in read(ns):
            if row.tool == "iptables-legacy" and row.chain:
                found[row.ns, row.family, row.table, row.chain, row.position] = row
    return found


def steps(before: Rules, after: Rules, typed: Mapping[str, str]) -> tuple[Step, ...]:
    """The rules that took a packet in between; ``typed`` is the word for their tool, by family.

    >>> rule = FirewallRule("red", "iptables-legacy", "ip", "filter", "INPUT", position=1, target="DROP", rule="-A INPUT -j DROP")
    >>> from dataclasses import replace
    >>> at = ("red", "ip", "filter", "INPUT", 1)
    >>> [step.text for step in steps({at: rule}, {at: replace(rule, packets=1)}, {})]
    ['-A INPUT -j DROP']
    """
    return tuple(
        Step(
            row.ns, row.family, row.table, row.chain, 0, "rule" if row.position else "policy", "drop", text=row.rule,
            place=row.position, tool=typed.get(row.family, row.tool),
        )
        for place, row in after.items()
        if row.target.startswith(("DROP", "REJECT")) and place in before and row.packets > before[place].packets
    )  # fmt: skip
