"""What the kernel had at one moment: its tables, in columns, with row objects when somebody asks for them.

The rows themselves are in ``model.py``. A table is kept namespace by namespace, so that what was made of a namespace in which
nothing differs is not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from nsmagic.model import (
    ROWS,
    Address,
    Connection,
    FdbEntry,
    FirewallRule,
    Link,
    NamespaceInfo,
    Neighbour,
    Route,
    Rule,
    make_row,
)
from nsmagic.shape import COLUMNS

R = TypeVar("R")


class Part:
    """The rows of one namespace in a table. Never changed, so that ``memo`` may keep what was made of them."""

    __slots__ = ("memo", "ns", "rows")

    def __init__(self, ns: str, rows: list[Sequence[Any]]) -> None:
        self.ns, self.rows = ns, rows
        self.memo: dict[Any, Any] = {}

    def objects(self, table: str) -> list[Any]:
        """The same rows as objects. Nobody may write into the list."""
        found: list[Any] | None = self.memo.get("objects")
        if found is None:
            found = self.memo["objects"] = [make_row(table, row) for row in self.rows]
        return found


class Table(Generic[R]):
    """One table of a snapshot: rows of values always, row objects when asked for. It is never changed: snapshots share those in
    which nothing differs, and ``memo`` keeps what was made of it. ``before`` is the memo of the table before it, where there is
    one: most namespaces are the same, and so is most of what was made of them.

    >>> table = Table("neighbours", [["red", "inet", "10.0.0.2", "02:00:00:00:00:01", "eth0", "STALE", 0]])
    >>> table.column("state"), table.rows[0].address
    (['STALE'], '10.0.0.2')
    """

    __slots__ = ("_parts", "_rows", "_values", "before", "memo", "name", "split")

    def __init__(
        self,
        name: str,
        values: Iterable[Sequence[Any]] = (),
        *,
        parts: Iterable[Part] | None = None,
        before: Mapping[Any, Any] | None = None,
    ) -> None:
        self.name = name
        self.memo: dict[Any, Any] = {}
        self.before: Mapping[Any, Any] = before or {}
        #: It was made of parts, as those are that a lab keeps; parts that are made of values may stand in another order.
        self.split = parts is not None
        self._values: list[Sequence[Any]] | None = None if parts is not None else list(values)
        self._parts: tuple[Part, ...] | None = None if parts is None else tuple(parts)
        self._rows: tuple[R, ...] | None = None

    @property
    def values(self) -> list[Sequence[Any]]:
        """All rows, as they travel."""
        if self._values is None:
            self._values = [row for part in self._parts or () for row in part.rows]
        return self._values

    @property
    def parts(self) -> tuple[Part, ...]:
        """The rows namespace by namespace, each with all its columns."""
        if self._parts is None:
            width, groups = len(COLUMNS[self.name]), dict[str, list[Sequence[Any]]]()
            for row in self.values:
                full = row if len(row) == width else _full(self.name, row)
                groups.setdefault(full[0], []).append(full)
            self._parts = tuple(Part(ns, rows) for ns, rows in groups.items())
        return self._parts

    def column(self, column: str) -> list[Any]:
        """The values of one column, in row order."""
        at = COLUMNS[self.name].index(column)
        return [row[at] for row in self.values]

    def columns(self) -> dict[str, list[Any]]:
        """All columns by name, in the model's order."""
        names = COLUMNS[self.name]
        if not self.values:
            return {name: [] for name in names}
        return dict(zip(names, map(list, zip(*self.values, strict=True)), strict=True))

    @property
    def rows(self) -> tuple[R, ...]:
        """The row objects, made once; those of a namespace in which nothing differs are the ones of the table before."""
        if self._rows is None:
            if self.split:
                self._rows = tuple([row for part in self._parts or () for row in part.objects(self.name)])
            else:
                self._rows = tuple([make_row(self.name, row) for row in self.values])
        return self._rows

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.name == other.name and list(self.rows) == list(other.rows)

    __hash__ = None  # type: ignore[assignment]


def _full(table: str, values: Sequence[Any]) -> list[Any]:
    """A row with its left out columns."""
    row = make_row(table, values)
    return [getattr(row, name) for name in COLUMNS[table]]


@dataclass(frozen=True)
class Snapshot:
    """What the kernel had at one moment. A table that was not asked for is empty and not in ``tables``.

    >>> snapshot = Snapshot.from_data({"links": [["host", 1, "lo", "loopback", 9, "UNKNOWN"]]})
    >>> snapshot.links.rows[0].up
    True
    """

    tables: Mapping[str, Table[Any]] = field(default_factory=dict)

    names: ClassVar[tuple[str, ...]] = tuple(ROWS)

    @classmethod
    def from_data(cls, data: Mapping[str, Iterable[Sequence[Any]]]) -> Snapshot:
        """From rows in column order, as they come from the agent."""
        return cls({name: Table(name, rows) for name, rows in data.items()})

    def to_data(self) -> dict[str, list[list[Any]]]:
        """JSON-ready, the opposite of :meth:`from_data`."""
        return {name: [list(row) for row in table.values] for name, table in self.tables.items()}

    def _table(self, name: str) -> Table[Any]:
        return self.tables.get(name) or Table(name)

    @cached_property
    def namespaces(self) -> Table[NamespaceInfo]:
        return self._table("namespaces")

    @cached_property
    def links(self) -> Table[Link]:
        return self._table("links")

    @cached_property
    def addrs(self) -> Table[Address]:
        return self._table("addrs")

    @cached_property
    def routes(self) -> Table[Route]:
        return self._table("routes")

    @cached_property
    def neighbours(self) -> Table[Neighbour]:
        return self._table("neighbours")

    @cached_property
    def rules(self) -> Table[Rule]:
        return self._table("rules")

    @cached_property
    def fdb(self) -> Table[FdbEntry]:
        return self._table("fdb")

    @cached_property
    def firewall(self) -> Table[FirewallRule]:
        return self._table("firewall")

    @cached_property
    def conntrack(self) -> Table[Connection]:
        return self._table("conntrack")
