"""The notebook's copy of what was read last, so that a read brings only what differs (``shelf.py`` is the other end)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nsmagic.snapshot import Part, Snapshot, Table

if TYPE_CHECKING:
    from nsmagic.agent.client import Client


class Kept:
    """Tables of one lab by name, each with the number of its state. Threads may read at the same time."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[int, dict[str, Part], Table[Any]]] = {}
        self._lock = threading.Lock()

    def seen(self, name: str) -> bool:
        """Whether a namespace of that name was there at the last read of them."""
        known = self._tables.get("namespaces")
        return known is not None and any(row[0] == name and row[2] for row in known[2].values)

    def read(self, client: Client, tables: Sequence[str], *, settle: bool = True) -> Snapshot:
        """What the kernel has now (``settle``: when it has come to rest). Tables in which nothing differs are the same objects as before."""
        had = {table: self._tables[table] for table in tables if table in self._tables}
        call = client.call(
            "tables", since={table: had[table][0] if table in had else 0 for table in tables}, settle=settle
        )
        fresh: dict[str, dict[str, list[Sequence[Any]]]] = {}
        for item in call.items():
            parts = fresh.setdefault(item["table"], {})
            for ns, rows in item["parts"]:
                if ns in parts:
                    parts[ns] += rows
                else:
                    parts[ns] = rows
        found: dict[str, Table[Any]] = {}
        states: Mapping[str, Any] = call.result()
        for table in tables:
            number, names = states[table]["number"], states[table]["names"]
            known = had.get(table)
            if known is None or known[0] != number:
                known = _merged(table, known, number, names, fresh.get(table, {}))
                with self._lock:
                    if table not in self._tables or self._tables[table][0] < number:
                        self._tables[table] = known
            found[table] = known[2]
        return Snapshot(found)


def _merged(
    table: str,
    known: tuple[int, dict[str, Part], Table[Any]] | None,
    number: int,
    names: Sequence[str] | None,
    fresh: Mapping[str, list[Sequence[Any]]],
) -> tuple[int, dict[str, Part], Table[Any]]:
    old = known[1] if known is not None else {}
    parts = {ns: Part(ns, fresh[ns]) if ns in fresh else old[ns] for ns in (names if names is not None else old)}
    # Of a table that nobody looked at nothing was made: then what was made of the one before that is still a beginning.
    before = None if known is None else known[2].memo or known[2].before
    return number, parts, Table(table, parts=parts.values(), before=before)
