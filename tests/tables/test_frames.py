"""Frames: frozen columns and dtypes, what is displayed of them, and what is kept from one to the next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from nsmagic import tables
from nsmagic.snapshot import Part, Snapshot, Table
from nsmagic.tables import BUILDERS, generic, of
from nsmagic.topology.sample import cable
from tests.tables.data import FULL

COLUMNS = {
    "links": "ns ifindex ifname kind admin operstate mac mtu master peer peer_ns addresses",
    "addrs": "ns ifname family address prefixlen broadcast scope label",
    "routes": "ns dst gateway dev prefsrc protocol scope metric table type family",
    "neighbours": "ns address mac dev state family",
    "rules": "ns family priority src dst iif oif fwmark action table invert extra",
    "fdb": "ns mac dev master vlan dst state",
    "namespaces": "ns inode named pids",
}
SHOWN = {
    "links": "ns ifname kind admin operstate mac master peer peer_ns addresses",
    "addrs": "ns ifname address prefixlen scope",
    "routes": "ns dst gateway dev",
    "neighbours": "ns address mac dev state",
    "rules": "ns family priority src dst action table",
    "fdb": "ns mac dev master state",
    "namespaces": "ns",
}
INTS = {"ifindex", "mtu", "prefixlen", "metric", "priority", "inode"}


@pytest.mark.parametrize("snapshot", [Snapshot(), FULL], ids=["empty", "full"])
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_and_dtypes_are_fixed_also_when_empty(name: str, snapshot: Snapshot) -> None:
    table = of(name, snapshot, all=True)
    assert " ".join(table.columns) == COLUMNS[name]
    for column, dtype in table.dtypes.items():
        expected = "int64" if column in INTS else "Int64" if column == "vlan" else "string"
        assert dtype == ("bool" if column in ("named", "invert") else expected), column
    assert set(BUILDERS) == set(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_what_a_beginner_reads_is_fixed_too(name: str) -> None:
    every = of(name, Snapshot())
    assert str(every).splitlines()[1].split() == SHOWN[name].split()
    assert str(of(name, Snapshot(), all=True)).splitlines()[1].split() == COLUMNS[name].split()


def test_generic_keeps_kinds_and_order() -> None:
    table = generic(["b", "a", "on", "which"], [[1, "x", True, [1, 2]], [None, None, None, None]], "things")
    assert list(table.columns) == ["b", "a", "on", "which"]
    assert [str(dtype) for dtype in table.dtypes] == ["Int64", "string", "boolean", "string"]
    assert str(table) == "things\nb  a  on   which\n1  x  yes  1, 2\n"
    assert str(generic(["a"], [])) == "none\na"
    assert str(generic([], [])) == "none"


def test_what_is_done_to_the_columns_of_a_table_is_not_in_the_next() -> None:
    table = of("links", cable())
    table.columns.name = "mine"
    assert of("links", cable()).columns.name is None


def test_a_frame_made_from_the_one_before_is_the_one_made_anew() -> None:
    """Where only some columns differ the others are those of the frame before, and what somebody writes into either is in that alone."""

    def part(ns: str, mtu: int = 1500, name: str = "eth0") -> Part:
        row = [ns, 2, name, "veth", 1, "UP", "02:00:00:00:00:01", mtu, "", "", "", "", "", "", 0, {}, [], 0, 0, ""]
        return Part(ns, [row])

    parts = {f"h{number:02}": part(f"h{number:02}") for number in range(20)}
    table: Table[Any] = Table("links", parts=parts.values())
    seen: list[tuple[Any, Any]] = []
    for changed in (
        part("h03", 1400),
        part("h00", 9000),
        part("h19", 1400, "renamed"),
        Part("h07", []),
        part("h07", 1400),
    ):
        for all_ in (False, True):
            shown = tables.links(Snapshot({"links": table}), all=all_)
            anew = tables.links(
                Snapshot({"links": Table("links", [row for each in parts.values() for row in each.rows])}), all=all_
            )
            pd.testing.assert_frame_equal(shown, anew)
            assert (repr(shown), shown._repr_html_()) == (repr(anew), anew._repr_html_())
            shown.loc[:, "kind"] = "mine"
            shown.loc[:, "mtu"] = 1
            seen.append((shown, shown.copy(deep=True)))
        parts[changed.ns] = changed
        table = Table("links", parts=parts.values(), before=table.memo)
    for shown, as_written in seen:
        pd.testing.assert_frame_equal(shown, as_written)
