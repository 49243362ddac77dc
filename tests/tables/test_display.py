"""The display: the same under every pandas that we support, in text and in HTML."""

from __future__ import annotations

import pickle
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic import tables
from nsmagic.snapshot import Snapshot
from nsmagic.tables import BUILDERS, NetTable, display, generic, of
from nsmagic.topology.sample import cable
from tests.tables.data import FULL, read


def test_one_namespace_stands_in_the_caption_and_stays_in_the_value() -> None:
    table = tables.links(cable(), "red")
    assert list(table.ns) == ["red", "red"]
    assert str(table) == (
        "links of red\n"
        "ifname    kind      admin  operstate  mac                master  peer       peer_ns  addresses\n"
        "lo        loopback  DOWN   DOWN       00:00:00:00:00:00\n"
        "veth-red  veth      DOWN   DOWN       02:00:00:00:00:01          veth-blue  blue"
    )
    reader = read(table)
    assert reader.caption == "links of red"
    assert [scope for tag, scope in ((t, a.get("scope")) for t, a in reader.tags) if tag == "th"] == ["col"] * 9


def test_all_namespaces_have_the_column_and_no_caption() -> None:
    table = tables.neighbours(FULL)
    assert str(table) == (
        "ns    address        mac                dev        state\n"
        "blue  192.168.15.3                      veth-blue  FAILED\n"
        "red   192.168.15.9   02:00:00:00:00:09  veth-red   REACHABLE\n"
        "red   192.168.15.10  02:00:00:00:00:10  veth-red   STALE"
    )
    reader = read(table)
    assert (reader.caption, reader.tags[0]) == ("", ("table", {"aria-label": "neighbours"}))
    assert reader.rows[1] == ["blue", "192.168.15.3", "", "veth-blue", "FAILED"]


def test_an_empty_table_says_so() -> None:
    assert str(tables.routes(Snapshot(), "red")) == "routes of red: none\ndst  gateway  dev"
    assert read(tables.routes(Snapshot(), "red")).caption == "routes of red: none"


def test_missing_is_na_in_the_value_and_blank_in_the_display() -> None:
    table = tables.links(cable(), "red")
    assert table.master.isna().all()
    assert table.loc[table.peer == "veth-blue", "ifname"].tolist() == ["veth-red"]
    assert "NA" not in str(table)
    assert "None" not in str(table)


def test_what_is_derived_is_plain_pandas() -> None:
    table = tables.links(FULL)
    for derived in (
        table[table.ns == "red"],
        table.head(1),
        table.copy(),
        table[["ns"]],
        table.sort_values("mtu"),
        table.T,
    ):
        assert type(derived) is pd.DataFrame
    assert type(table.ifname) is pd.Series
    assert "[1 rows x 12 columns]" in str(table.head(1))
    assert pickle.loads(pickle.dumps(table)).title == "links"
    assert str(pickle.loads(pickle.dumps(table))) == str(table)


def test_columns_one_adds_are_shown_and_columns_one_drops_are_not(recwarn: pytest.WarningsRecorder) -> None:
    table = tables.neighbours(FULL, "red")
    table["note"] = "mine"
    del table["mac"]
    assert isinstance(table, NetTable)
    assert str(table).splitlines()[1].split() == ["address", "dev", "state", "note"]
    assert [str(warning.message) for warning in recwarn.list] == []


def test_names_are_data_in_html_and_text() -> None:
    evil = '<script>alert("1")</script>'
    snapshot = Snapshot.from_data(
        {"links": [[evil, 1, "a\x1b[31mb", "dummy"], [evil, 2, "x\u202ey", "dummy"], [evil, 3, "two\nlines", "dummy"]]}
    )
    for table in (tables.links(snapshot, evil), tables.links(snapshot)):
        text, markup = str(table), table._repr_html_() or ""
        assert "<script" not in markup
        assert read(table).rows[1][-9] == "a\\x1b[31mb"
        for shown in (text, markup):
            assert all(char == "\n" or char.isprintable() for char in shown)
        assert len(text.splitlines()) == 4 + ("of" in text.splitlines()[0])


def test_nothing_is_elided_and_a_thousand_rows_are_quick() -> None:
    rows = [["red", f"10.0.{i // 256}.{i % 256}", "x" * 200] for i in range(1000)]
    table = generic(["ns", "address", "long"], rows)
    assert len(str(table).splitlines()) == 1001
    assert "..." not in str(table) + (table._repr_html_() or "")
    assert (table._repr_html_() or "").count("x" * 200) == 1000
    snapshot = Snapshot.from_data({"links": [["red", i, f"e{i}", "veth"] for i in range(1000)]})
    began = time.process_time()
    links = tables.links(snapshot)
    _ = str(links), links._repr_html_()
    assert time.process_time() - began < 0.5


def test_pandas_own_switch_for_html_is_obeyed() -> None:
    with pd.option_context("display.notebook_repr_html", False):
        assert tables.links(FULL)._repr_html_() is None


def test_display_options_of_pandas_change_nothing() -> None:
    table = tables.links(FULL)
    before = str(table), table._repr_html_()
    with pd.option_context(
        "display.max_rows", 2, "display.max_columns", 2, "display.max_colwidth", 5, "display.width", 20
    ):
        assert (str(table), table._repr_html_()) == before


@given(
    st.lists(
        st.lists(st.one_of(st.text(max_size=9), st.integers(), st.none(), st.booleans()), min_size=2, max_size=2),
        max_size=5,
    )
)
def test_any_cells_can_be_displayed(rows: list[list[Any]]) -> None:
    table = generic(["a", "b"], rows, "anything")
    assert len(str(table).split("\n")) == len(rows) + 2
    reader = read(table)
    assert len(reader.rows) == len(rows) + 1


def test_without_the_ways_of_pandas_that_are_not_public_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = cable()
    made = {name: of(name, snapshot, all=True) for name in BUILDERS}
    added = made["links"].assign(
        day=pd.Timestamp("2026-11-30"), part=0.5, known=pd.array([True] + [None] * (len(made["links"]) - 1))
    )
    columns_of = display._values(added)
    # An attribute of that name that cannot be called stands for a pandas that has no such way.
    monkeypatch.setattr(pd.DataFrame, "_from_arrays", None)
    monkeypatch.setattr(pd.DataFrame, "_iter_column_arrays", None)
    for name, table in made.items():
        slow = of(name, cable(), all=True)
        pd.testing.assert_frame_equal(table, slow, check_index_type="exact", check_column_type="exact")
        assert (repr(table), table._repr_html_()) == (repr(slow), slow._repr_html_())
    assert [[display.cell_text(each) for each in column] for column in display._values(added)] == [
        [display.cell_text(each) for each in column] for column in columns_of
    ]
