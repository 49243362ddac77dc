"""The columns of a snapshot's tables, made part by part."""

from __future__ import annotations

from typing import Any

from nsmagic import columns
from nsmagic.snapshot import Part, Snapshot, Table


def test_a_table_made_from_the_one_before_is_the_one_made_anew() -> None:
    """Of many namespaces only those that differ are put in; rows may have come or gone, and columns that are shown for them."""

    def rows(ns: str, many: int, table: int = 254) -> list[list[object]]:
        return [
            [ns, "inet", f"10.{at}.0.0/16", "", "eth0", "", "boot", "link", 0, table, "unicast", "", 0, [], {}]
            for at in range(many)
        ]  # fmt: skip

    def of(table: Table[Any]) -> columns.Columns:
        return columns.of("routes", Snapshot({"routes": table}), None, columns.Choice(given=True))

    parts = {f"h{number:02}": Part(f"h{number:02}", rows(f"h{number:02}", 2)) for number in range(20)}
    table: Table[Any] = Table("routes", parts=parts.values())
    of(table)
    for changed in ({"h03": 5}, {"h00": 0, "h19": 1}, {"h07": 2}, {f"h{number:02}": 3 for number in range(15)}, {}):
        parts |= {ns: Part(ns, rows(ns, many, 100)) for ns, many in changed.items()}
        after: Table[Any] = Table("routes", parts=parts.values(), before=table.memo)
        anew = of(Table("routes", [row for part in parts.values() for row in part.rows]))
        made = of(after)
        assert [list(each) for each in made.lists] == [list(each) for each in anew.lists]
        assert made.more == anew.more
        table = after
