"""What was read last of each table, with numbers: a reader that names the number of its last read gets what differs since.

Of five hundred namespaces, one has changed: its rows travel, and those of the others are the reader's already. The number of
a read is the agent's, the same for all readers, so nothing has to be known of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Rows = list[Any]
#: Rows in one item of an answer at most, so that no frame grows too large.
_MOST = 1000


class Shelf:
    """The parts of tables (a namespace's rows), and at which read each differed last.

    >>> shelf = Shelf()
    >>> shelf.put("links", [("host", [1]), ("red", [2])]), shelf.put("links", [("host", [1]), ("red", [3])])
    (1, 2)
    >>> shelf.since("links", 1), shelf.since("links", 2)
    ((None, [('red', [3])]), (None, []))
    """

    def __init__(self) -> None:
        self._read = 0
        self._parts: dict[str, dict[str, tuple[int, Rows]]] = {}
        self._names: dict[str, tuple[int, list[str]]] = {}
        self._last: dict[str, int] = {}
        self._put: dict[str, Sequence[tuple[str, Rows]]] = {}

    def put(self, table: str, parts: Sequence[tuple[str, Rows]]) -> int:
        """A table as it is now; returns the number of this state of it. The very list of the last time is what it was then."""
        if self._put.get(table) is parts:
            return self._last[table]
        self._put[table] = parts
        known, kept = self._parts.get(table, {}), dict[str, tuple[int, Rows]]()
        read, differs = self._read + 1, False
        for name, rows in parts:
            entry = known.get(name)
            if entry is None or not (entry[1] is rows or entry[1] == rows):
                entry = (read, rows)
                differs = True
            kept[name] = entry
        names = list(kept)
        if table not in self._names or self._names[table][1] != names:
            self._names[table] = (read, names)
            differs = True
        self._parts[table] = kept
        if differs:
            self._read = self._last[table] = read
        return self._last[table]

    def since(self, table: str, number: int) -> tuple[list[str] | None, list[tuple[str, Rows]]]:
        """What differs from the state with that number (0: from nothing): the names in order when they do, and the parts."""
        if number == self._last[table]:
            return None, []
        read, names = self._names[table]
        parts = [(name, rows) for name, (when, rows) in self._parts[table].items() if when > number]
        return names if read > number else None, parts


def items(table: str, parts: Sequence[tuple[str, Rows]]) -> list[dict[str, Any]]:
    """The parts as items of an answer, none of them with too many rows; a large part is in several."""
    found: list[dict[str, Any]] = []
    room = 0
    for name, rows in parts:
        for at in range(0, max(len(rows), 1), _MOST):
            piece = rows[at : at + _MOST]
            if room < len(piece) + 1:
                found.append({"table": table, "parts": []})
                room = _MOST + 1
            found[-1]["parts"].append([name, piece])
            room -= len(piece) + 1
    return found
