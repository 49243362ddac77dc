"""Frames made of columns or of rows: dtypes, order of columns, title, what is displayed of them."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nsmagic import columns
from nsmagic import rows as ask
from nsmagic.columns import Choice, Columns
from nsmagic.snapshot import Snapshot
from nsmagic.tables.display import NetTable, View, cell_text

#: Columns and kinds of each table, in order; part of the public interface (a test freezes them).
DTYPES = columns.KINDS

#: What is displayed by default.
SHOWN: dict[str, tuple[str, ...]] = {
    "links": ("ns", "ifname", "kind", "admin", "operstate", "mac", "master", "peer", "peer_ns", "addresses"),
    "addrs": ("ns", "ifname", "address", "prefixlen", "scope"),
    "routes": ("ns", "dst", "gateway", "dev"),
    "neighbours": ("ns", "address", "mac", "dev", "state"),
    "rules": ("ns", "family", "priority", "src", "dst", "action", "table"),
    "fdb": ("ns", "mac", "dev", "master", "state"),
    "namespaces": ("ns",),
    "sysctls": ("ns", "name", "value"),
    "firewall": ("ns", "table", "chain", "hook", "position", "match", "target"),
    "nat": ("ns", "chain", "hook", "position", "match", "target"),
    "conntrack": (
        *("ns", "protocol", "state", "status", "nat", "src", "dst", "dport", "reply_src", "reply_sport", "reply_dst"),
    ),
    "evidence": ("step", "way", "ns", "dev", "what", "seen", "ok"),
    "packets": ("time", "ns", "dev", "dir", "proto", "src", "dst", "info", "length"),
    "journey": ("step", "time", "ns", "dev", "dir", "src", "dst", "info", "translated", "verdict"),
}

_TITLES = {
    "addrs": "addresses", "fdb": "forwarding entries", "sysctls": "kernel parameters", "firewall": "firewall rules",
    "nat": "NAT rules", "conntrack": "connections",
}  # fmt: skip
_NAMES = {table: pd.Index(list(kinds)) for table, kinds in DTYPES.items()}
_NUMPY = {"int": "int64", "bool": "bool", "float": "float64"}
_COPY_ON_WRITE = int(pd.__version__.partition(".")[0]) >= 3
_BIG = 1 << 63  # what Int64 holds; longer counters become text


def built(table: str, snapshot: Snapshot, ns: str | None, choice: Choice) -> NetTable:
    """The frame, made once for as long as nothing in the tables that it is made of differs."""
    source = snapshot.tables.get(table)
    if source is None or not source.split:  # the answer to one command: nobody comes back to it
        return dressed(table, columns.of(table, snapshot, ns, choice), ns, choice.all)
    made_of = [snapshot.tables.get(name) for name in ("namespaces", "addrs")[: 1 + (table == "links")]]
    key = (table, ns, choice)
    known = source.memo.get(key)
    if known is None or not all(map(operator.is_, known[0], made_of)):
        made, before = columns.of(table, snapshot, ns, choice), known or source.before.get(key)
        frame = _replaced(table, made, before[1], before[2]) if before is not None and _COPY_ON_WRITE else None
        if frame is None:
            frame = dressed(table, made, ns, choice.all)
        else:
            frame._view = _view_of(table, made, ns, choice.all)
        known = source.memo[key] = (made_of, made, frame)
    # Who writes into a table writes into its own: pandas 3 copies then, before that we do now.
    return _dress(known[2] if _COPY_ON_WRITE else known[2].copy(), known[2]._view)


def _replaced(table: str, made: Columns, old: Columns, frame: NetTable) -> NetTable | None:
    """The frame of the table before this one with other columns where something differs; None where that is no gain."""
    differing = [at for at, values in enumerate(made.lists) if values is not old.lists[at]]
    if len(made.lists[0]) != len(frame) or len(differing) * 2 > len(made.lists):
        return None
    kinds = list(DTYPES[table].values())
    frame = _shallow(frame)
    for at in differing:
        frame.isetitem(at, _array(made.lists[at], kinds[at]))
    return frame


def rows_of(snapshot: Snapshot, table: str, ns: str | None, all: bool) -> list[Any]:
    """The row objects of one namespace, or of all that are to be seen."""
    rows: Sequence[Any] = getattr(snapshot, table).rows
    if ns is not None:
        return [row for row in rows if row.ns == ns]
    hidden = frozenset() if all else ask.unnamed(snapshot)
    return [row for row in rows if row.ns not in hidden] if hidden else list(rows)


def attributes(table: str, rows: Sequence[Any]) -> dict[str, list[Any]]:
    """The columns of row objects, by name."""
    return {name: [getattr(row, name) for row in rows] for name in DTYPES[table]}


def table_of(
    table: str, data: Mapping[str, list[Any]], ns: str | None, all: bool, more: Collection[str] = frozenset()
) -> NetTable:
    """The frame of columns by name, in any order; those of ``more`` are displayed although they usually are not."""
    lists = [_blank(data[name], kind) for name, kind in DTYPES[table].items()]
    return dressed(table, Columns(lists, frozenset(more)), ns, all)


def _blank(values: Sequence[Any], kind: str) -> Sequence[Any]:
    """An empty text is a missing one."""
    return [value or None for value in values] if kind == "text" else values


def dressed(table: str, made: Columns, ns: str | None, all: bool) -> NetTable:
    """The frame of columns."""
    kinds = DTYPES[table]
    frame = _framed(
        _NAMES[table], [_array(values, kind) for kind, values in zip(kinds.values(), made.lists, strict=True)]
    )
    frame._view = _view_of(table, made, ns, all)
    return frame


def _framed(names: pd.Index[str], arrays: list[Any]) -> NetTable:
    """A frame of arrays that are nobody else's. What it is made of is known to be right, so pandas' own way around its checks is taken
    where it is there: they take longer than all the rest."""
    try:
        made: NetTable = NetTable._from_arrays(  # type: ignore[attr-defined]
            arrays, columns=names.view(), index=pd.RangeIndex(len(arrays[0])), verify_integrity=False
        )
    except (AttributeError, TypeError):
        return NetTable(dict(zip(names, arrays, strict=True)), copy=False)
    return made


def _view_of(table: str, made: Columns, ns: str | None, all: bool) -> View:
    title = _TITLES.get(table, table) + (f" of {ns}" if ns is not None else "")
    hidden = set() if all else set(DTYPES[table]) - set(SHOWN[table]) - made.more
    if ns is not None and not all:
        hidden.add("ns")
    return View(title, frozenset(hidden), "ns" in hidden)


def _array(values: Sequence[Any], kind: str) -> Any:
    if kind == "text":
        return pd.arrays.StringArray(np.array(values, dtype=object))
    if kind == "bool?":
        return pd.array(values, dtype="boolean")
    return pd.array(values, dtype="Int64") if kind == "int?" else np.array(values, dtype=_NUMPY[kind])


def _guess(values: list[Any]) -> Any:
    known = [value for value in values if value is not None and value is not pd.NA]
    if known and all(isinstance(value, bool) for value in known):
        return pd.Series(values, dtype="boolean")
    if known and all(
        isinstance(value, int) and not isinstance(value, bool) and -_BIG <= value < _BIG for value in known
    ):
        return pd.Series(values, dtype="Int64")
    texts = [None if value is None or value is pd.NA else cell_text(value) for value in values]
    return pd.Series(texts, dtype="string[python]")


def listed(table: str, rows: Sequence[Sequence[Any]], view: View) -> NetTable:
    """A frame of rows that have the table's columns in order."""
    data = {
        name: _array(_blank([row[at] for row in rows], kind), kind)
        for at, (name, kind) in enumerate(DTYPES[table].items())
    }
    return _dress(pd.DataFrame(data), view)


def _dress(frame: pd.DataFrame, view: View) -> NetTable:
    table = _shallow(frame)
    table._view = view
    return table


def _shallow(frame: pd.DataFrame) -> NetTable:
    """Another frame with the same columns. ``DataFrame(frame)`` copies what holds them twice, which is most of a read of a lab in which
    nothing has changed; so that, too, goes around pandas' own way where it can."""
    try:
        manager = frame._mgr.copy(deep=False)
        made: NetTable = NetTable._from_mgr(manager, axes=manager.axes)  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        return NetTable(frame)
    return made


def generic(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> NetTable:
    """Any table in the same dress. A column of whole numbers becomes ``Int64``, of truth values ``boolean``, else ``string``.

    >>> generic(["packets"], [[3], [None]]).dtypes["packets"].name
    'Int64'
    """
    listed = [list(row) for row in rows]
    data = {name: _guess([row[at] for row in listed]) for at, name in enumerate(columns)}
    frame = pd.DataFrame(data, columns=list(columns))
    return _dress(frame, View(caption, frozenset(), bool(caption)))
