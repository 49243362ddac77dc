"""The changes that belong together, and what happened in them to links and namespaces: of that other changes are consequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import Change, Link
from nsmagic.snapshot import Snapshot

#: What a line is made of: what it is about, words, a remark.
Said = tuple[str, str, str]


class Batch:
    """The changes that belong together: what happened to which link tells which other changes are consequences."""

    def __init__(self, changes: Sequence[Change], context: Snapshot | None) -> None:
        self.context = context
        self.new_ns: set[str] = set()
        self.gone_ns: set[str] = set()
        self.gone: set[tuple[str, str]] = set()
        self.names: dict[tuple[str, str], tuple[str, str]] = {}
        self.macs: dict[tuple[str, str], str] = {}
        self.kinds: dict[tuple[str, str], str] = {}
        for row in context.links.rows if context else ():
            self._know(row)
        #: Links to which something happened that has consequences: came, went, moved, was switched or plugged.
        self.touched: set[tuple[str, str]] = set()
        for change in changes:
            old, new = change.old, change.new
            if change.table == "links":
                before = self._touch(old) if old is not None else None
                after = self._touch(new) if new is not None else None
                if before is not None and after is None:
                    self.gone.add(before)
                elif before is not None and after is not None and before != after:
                    self.names[before] = after
            elif change.table == "namespaces":
                if old is None:
                    self.new_ns.add(new.ns)
                elif new is None:
                    self.gone_ns.add(old.ns)
        self.changes = self._without_renamed(changes)
        self.tables = {change.table for change in self.changes}
        self.explained = bool(self.tables & {"namespaces", "links", "addrs"})

    def _know(self, row: Link) -> tuple[str, str]:
        place = row.ns, row.ifname
        self.macs[place], self.kinds[place] = row.mac, row.kind
        return place

    def _touch(self, row: Link) -> tuple[str, str]:
        place = self._know(row)
        self.touched.add(place)
        return place

    def _without_renamed(self, changes: Sequence[Change]) -> list[Change]:
        """Without pairs that only say a link's new name or place: ``- route … dev veth0``, ``+ route … dev eth0``."""
        if not self.names:
            return list(changes)
        added = [change for change in changes if change.op == "+"]
        dropped: set[int] = set()
        for change in changes:
            if change.op != "-" or change.table in ("links", "namespaces", "sysctls"):
                continue
            renamed = _renamed(change.old, self.names)
            for other in added:
                if other.table == change.table and id(other) not in dropped and renamed == _plain(other.new):
                    dropped |= {id(change), id(other)}
                    break
        return [change for change in changes if id(change) not in dropped]


def _plain(row: Any) -> dict[str, Any]:
    # The number of an interface may change when it moves.
    return {name: getattr(row, name) for name in row.__dataclass_fields__ if name not in ("ifindex", "flags")}


def _renamed(row: Any, names: Mapping[tuple[str, str], tuple[str, str]]) -> dict[str, Any]:
    """A row's values as they would be if it only followed the new names of its links."""
    values = _plain(row)
    ns = row.ns
    for field in ("dev", "ifname", "master", "iif", "oif", "label"):
        new = names.get((ns, values.get(field) or ""))
        if new is not None:
            values["ns"], values[field] = new
    return values


def value(value: Any) -> str:
    """A value in words: ``on``, ``none``."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in (None, "") else str(value)
