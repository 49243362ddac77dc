"""What a command changed, in words: one line for each thing, ``+`` new, ``-`` gone, ``~`` changed.

What the kernel does by itself as a consequence is left out, because the line of its cause says enough and because much of
it comes a moment later and would make the output vary: carrier and operational state, link-local addresses, the routes
that an address brings, entries of the local table, what bridges learn, what a namespace just made is born with, everything
in one that was deleted.
The same thing typed by a person, alone in its batch, is shown.

:func:`lines` lays out, and :class:`Lines` does so for who wants only the first of many. What belongs together, and what is a consequence of what, a ``Batch`` knows (``batch.py``); ``links.py`` and
``entries.py`` find the words by it.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Sequence
from functools import cached_property
from itertools import takewhile
from typing import overload

from nsmagic.changes.batch import Batch, Said
from nsmagic.changes.entries import EntryWords
from nsmagic.changes.links import LinkWords
from nsmagic.model import Change, Changes
from nsmagic.printable import pad, printable, width
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot
from nsmagic.words.typed import firewall_place, firewall_words, rule_words

__all__ = ["Lines", "lines"]

_WORD = {
    "namespaces": "namespace",
    "links": "link",
    "addrs": "addr",
    "routes": "route",
    "neighbours": "neighbour",
    "rules": "rule",
    "fdb": "fdb",
    "sysctls": "sysctl",
    "firewall": "",
}
#: Wider subjects than this do not push the second column of other lines to the right.
_WIDEST = 48
#: Priorities of the rules that every namespace is born with.
_OWN_RULES = frozenset({0, 32766, 32767})


def lines(changes: Sequence[Change], context: Snapshot | None = None) -> list[str]:
    """The lines for a batch of changes, in their order; names and values aligned over the batch.

    Parameters
    ----------
    changes
        What one command, or one cell, changed, in the order in which it happened.
    context
        The lab afterwards. It knows what the changed rows do not say: MACs and kinds of links, addresses beside a new one.

    >>> from nsmagic.model import Link
    >>> down = Link("red", 2, "veth-red", "veth", peer="veth-blue", peer_ns="blue")
    >>> up = Link("red", 2, "veth-red", "veth", flags=1, peer="veth-blue", peer_ns="blue")
    >>> print(*lines([Change("~", "links", down, up)]))
    ~ link red/veth-red  up, no carrier: the other end is down
    """
    return _aligned(_first(changes, context, sys.maxsize)[0])


class Lines(Sequence[str]):
    """The lines for what some commands changed, found when somebody reads them.

    >>> made = Changes([["+", "namespaces", None, [name, 1, True, []]] for name in ("red", "blue", "green")])
    >>> print(*Lines([made]).first(1), sep="\\n")
    + namespace red
    … and 2 changes more: + 2 namespaces   (%config Netns.most_changes = 0 shows all)
    """

    def __init__(self, commands: Sequence[Changes]) -> None:
        self._commands = commands

    @cached_property
    def _all(self) -> list[str]:
        return lines([change for changes in self._commands for change in changes])

    def first(self, most: int) -> list[str]:
        """At most so many, and then one that counts the changes that are not shown, or, of what is not known yet, the commands; 0: all."""
        known: Sequence[Changes] = list(takewhile(lambda changes: changes.known, self._commands))
        late = len(self._commands) - len(known)
        if late and (not most or sum(map(len, known)) < most):
            known, late = self._commands, 0  # it has to be waited for
        if not late and (not most or sum(map(len, known)) <= most):
            return self._all
        begun: list[Change] = []
        shown: list[Said] = []
        left: Sequence[Change] = ()
        commands = deque(known)
        while commands and len(shown) < most:
            wanted = max(most, 2 * len(begun))  # of some nothing is said
            while commands and len(begun) < wanted:
                begun += commands.popleft()
            shown, left = _first(begun, None, most)
        if late:
            return [*_aligned(shown), say("changes-later", count=late + len(commands) + bool(left))]
        kinds = Counter((change.op, change.table) for change in left)
        for changes in commands:
            kinds.update(changes.kinds())
        if not kinds:
            return _aligned(shown)
        words = ", ".join(f"{op} {count} {table}" for (op, table), count in kinds.items())
        return [*_aligned(shown), say("changes-more", count=kinds.total(), kinds=words)]

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        return self._all[place]


def _first(changes: Sequence[Change], context: Snapshot | None, most: int) -> tuple[list[Said], Sequence[Change]]:
    """What is said of the first so many of which something is said, and the changes behind them."""
    batch = Batch(changes, context)
    words_of = _Words(batch)
    shown: list[Said] = []
    for at, change in enumerate(batch.changes):
        if len(shown) >= most:
            return shown, batch.changes[at:]
        said = words_of.said(change)
        if said[0]:
            shown.append(said)
    return shown, ()


def _aligned(shown: Sequence[Said]) -> list[str]:
    heads = max((width(head) for head, words, _ in shown if words and width(head) <= _WIDEST), default=0)
    values = max((width(words) for _, words, note in shown if note), default=0)
    return [
        f"{pad(head, heads)}  {pad(words, values if note else 0)}{'   ' if note else ''}{note}".rstrip()
        for head, words, note in shown
    ]


class _Words:
    """The words for each change of a batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.links, self.entries = batch, LinkWords(batch), EntryWords(batch)

    def said(self, change: Change) -> Said:
        """The beginning of a line, its words, its remark; nothing for a change that is left out."""
        subject, words, note = self._describe(change)
        if not subject:
            return "", "", ""
        word = f"{_WORD[change.table]} " if _WORD[change.table] else ""
        return f"{change.op} {word}{printable(subject)}", printable(words), note

    def _describe(self, change: Change) -> Said:
        """``(subject, words, note)``; an empty subject leaves the change out."""
        row, batch = change.new if change.new is not None else change.old, self.batch
        if change.table == "namespaces":
            return (row.ns, "", "") if change.op != "~" else _renamed(change)
        if change.table == "sysctls":
            return row.ns, f"{row.name} {_arrow(change)}", ""
        if change.table == "links":
            return self.links.describe(change)
        if change.table == "firewall":
            return ("", "", "") if row.ns in batch.gone_ns else (f"{firewall_place(row)}:", firewall_words(row), "")
        if row.ns in batch.gone_ns or (
            row.ns in batch.new_ns and change.table == "rules" and row.priority in _OWN_RULES
        ):
            return "", "", ""
        if change.table == "addrs":
            return self.entries.addr(change, row)
        if change.table == "routes":
            return self.entries.route(change, row)
        if change.table == "neighbours":
            return self.entries.neighbour(change, row)
        if change.table == "fdb":
            return self.entries.fdb(change, row)
        return row.ns, rule_words(row), ""


def _renamed(change: Change) -> Said:
    """A namespace that has another name now."""
    return (change.old.ns, f"named {change.new.ns}", "") if change.old.ns != change.new.ns else ("", "", "")


def _arrow(change: Change) -> str:
    old, new = (side.value if side is not None else "none" for side in (change.old, change.new))
    return f"{old} → {new}"
