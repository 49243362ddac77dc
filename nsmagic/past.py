"""What the lab was like after one of its steps: the agent keeps the tables, the history has what was changed since in what they lack.

Kernel parameters and firewalls are in no state of the monitor's; so those of today are taken, and what later steps changed is undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nsmagic import watching
from nsmagic.agent.client import Client
from nsmagic.errors import NsmagicError
from nsmagic.history import Entry
from nsmagic.model import Change, FirewallRule
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot


@dataclass(frozen=True)
class Step:
    """The lab after a step, and what the step changed."""

    snapshot: Snapshot
    forwarding: frozenset[str]
    badges: dict[str, list[str]]
    changes: Sequence[Change]


def step(client: Client, entries: Sequence[Entry], number: int) -> Step:
    """The lab after the step of this number, counted from 1.

    Raises
    ------
    NsmagicError
        There is no such step.
    LabError
        It is too long ago.
    """
    if not 1 <= number <= len(entries):
        there = say("steps", most=len(entries)) if entries else say("steps-none")
        raise NsmagicError(f"there is no step {number}", hint=there)
    entry, later = entries[number - 1], [change for each in entries[number:] for change in each.changes]
    snapshot = moment(client, entry.moment)
    names = [row.ns for row in snapshot.namespaces]
    return Step(snapshot, _forwarding(client, names, later), _badges(client, later), entry.changes)


def moment(client: Client, number: int) -> Snapshot:
    """The tables that the agent kept after a command, by the number that came with its answer.

    Raises
    ------
    LabError
        It is too long ago.
    """
    call = client.call("moment", number=number)
    data: dict[str, list[list[object]]] = {}
    for item in call.items():
        data.setdefault(item["table"], []).extend(item["rows"])
    return Snapshot.from_data({table: data.get(table, []) for table in call.result()["tables"]})


def _forwarding(client: Client, names: list[str], later: Sequence[Change]) -> frozenset[str]:
    there = set(watching.names(client))
    found = watching.forwarding(client, [name for name in names if name in there])
    for change in reversed(later):
        if change.table == "sysctls" and change.old is not None and change.old.name == "net.ipv4.ip_forward":
            (found.add if change.old.value != "0" else found.discard)(change.old.ns)
    return frozenset(found)


def _badges(client: Client, later: Iterable[Change]) -> dict[str, list[str]]:
    from nsmagic.words.typed import nat_badges

    undone = [change for change in later if change.table == "firewall"]
    if not undone:
        return watching.nat_badges(client)
    rules = watching.rules(client)
    for change in reversed(undone):
        if change.new is not None:
            same = [rule for rule in rules if _key(rule) == _key(change.new)]
            if same:
                rules.remove(same[-1])
        if change.old is not None:
            rules.append(change.old)
    return nat_badges(rules)


def _key(rule: FirewallRule) -> tuple[str, ...]:
    """A rule without its counters and its place."""
    return (rule.ns, rule.tool, rule.family, rule.table, rule.chain, rule.match, rule.target)
