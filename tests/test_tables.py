"""The tables: frozen columns and dtypes, order, and a display that is the same under every pandas we support."""

from __future__ import annotations

import html.parser
import pickle
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic import columns, tables
from nsmagic.model import Part, Snapshot, SysctlValue, Table
from nsmagic.tables import BUILDERS, NetTable, generic, of
from nsmagic.topology.sample import cable, switch

COLUMNS = {
    "links": "ns ifindex ifname kind admin operstate mac mtu master peer peer_ns addresses",
    "addrs": "ns ifname family address prefixlen broadcast scope label",
    "routes": "ns dst gateway dev prefsrc protocol scope metric table type family",
    "neighbours": "ns address mac dev state family",
    "rules": "ns family priority src dst iif oif fwmark action table invert",
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

FULL = Snapshot.from_data(
    {
        **switch().to_data(),
        "neighbours": [
            ["red", "inet", "192.168.15.10", "02:00:00:00:00:10", "veth-red", "STALE"],
            ["red", "inet", "192.168.15.9", "02:00:00:00:00:09", "veth-red", "REACHABLE"],
            ["blue", "inet", "192.168.15.3", "", "veth-blue", "FAILED"],
            ["red", "inet6", "ff02::16", "33:33:00:00:00:16", "veth-red", "NOARP"],
        ],
        "rules": [["host", "inet", 32766, "all", "all", "", "", "", 254], ["host", "inet", 0, "all", "all", "", "", "", 255]],
        "fdb": [
            ["host", "33:33:00:00:00:01", "v-net-0", "", 0, "", "permanent"],
            ["host", "02:00:00:00:00:01", "veth-red-br", "v-net-0"],
        ],
    }
)  # fmt: skip


class Reader(html.parser.HTMLParser):
    """Tags opened and closed, cell texts, attributes: enough to see that the HTML means what we meant."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.caption = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] == "caption":
            self.caption += data


def read(table: NetTable) -> Reader:
    reader = Reader()
    markup = table._repr_html_()
    assert markup is not None
    reader.feed(markup)
    assert not reader.open
    return reader


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


def test_namespaces_read_as_ip_netns_lists_them() -> None:
    assert str(tables.namespaces(cable(), host=False)) == "ns\nblue\nred"
    assert list(tables.namespaces(cable()).ns) == ["host", "blue", "red"]


def test_an_empty_table_says_so() -> None:
    assert str(tables.routes(Snapshot(), "red")) == "routes of red: none\ndst  gateway  dev"
    assert read(tables.routes(Snapshot(), "red")).caption == "routes of red: none"


def test_missing_is_na_in_the_value_and_blank_in_the_display() -> None:
    table = tables.links(cable(), "red")
    assert table.master.isna().all()
    assert table.loc[table.peer == "veth-blue", "ifname"].tolist() == ["veth-red"]
    assert "NA" not in str(table)
    assert "None" not in str(table)


def test_rows_are_sorted_the_host_first() -> None:
    assert list(tables.links(FULL).ns.unique()) == ["host", "blue", "gray", "red"]
    assert list(tables.links(FULL, "host").ifindex) == [1, 2, 3, 4, 5]
    assert list(tables.routes(FULL, "red").dst) == ["default", "192.168.15.0/24"]
    assert list(tables.rules(FULL).priority) == [0, 32766]
    assert list(tables.rules(FULL).table) == ["local", "main"]


def test_routes_are_those_of_main_unless_asked() -> None:
    rows = [
        ["red", "inet", "192.168.15.1", "", "veth-red", "192.168.15.1", "kernel", "host", 0, 255, "local"],
        ["red", "inet", "10.0.0.0/8", "", "", "", "boot", "", 0, 254, "blackhole"],
        ["red", "inet", "default", "", "", "", "boot", "", 0, 254, "unicast", "", 0,
         [{"gateway": "10.0.0.1", "dev": "a"}, {"gateway": "10.0.0.2", "dev": "b"}]],
        ["red", "inet", "default", "10.9.9.9", "c", "", "boot", "", 0, 100],
    ]  # fmt: skip
    snapshot = Snapshot.from_data({"routes": rows})
    assert str(tables.routes(snapshot, "red")) == (
        "routes of red\n"
        "dst         gateway             dev   type\n"
        "default     10.0.0.1, 10.0.0.2  a, b  unicast\n"
        "10.0.0.0/8                            blackhole"
    )
    assert list(tables.routes(snapshot, "red", table=100).table) == ["100"]
    assert list(tables.routes(snapshot, "red", table=None).table) == ["main", "main", "100", "local"]
    assert len(tables.routes(snapshot, "red", all=True)) == 4
    assert len(tables.routes(snapshot, "red", family="inet6")) == 0


def test_the_link_local_route_of_every_link_is_left_out_but_not_one_that_was_typed() -> None:
    rows = [
        ["red", "inet6", "fe80::/64", "", "a", "", "kernel", "global", 256],
        ["red", "inet6", "fe80::/64", "", "b", "", "boot", "global", 1024],
    ]
    snapshot = Snapshot.from_data({"routes": rows})
    assert list(tables.routes(snapshot).dev) == ["b"]
    assert list(tables.routes(snapshot, all=True).dev) == ["a", "b"]


def test_what_the_kernel_made_by_itself_is_left_out_unless_all() -> None:
    snapshot = Snapshot.from_data(
        {
            "namespaces": [["red", 1], ["(lan)", 2, False], ["(a name)", 3, True]],
            "links": [
                ["red", 2, "tunl0", "ipip", 0x80],
                ["red", 3, "e0", "ether", 1, "UP", "02:00:00:00:00:01"],
                ["(lan)", 1, "lo", "loopback"],
                ["(a name)", 1, "lo", "loopback"],
            ],
            "addrs": [
                ["red", 3, "e0", "inet", "10.0.0.1", 24],
                ["red", 3, "e0", "inet6", "fe80::ff:fe00:1", 64, "", "link"],
                ["red", 3, "e0", "inet6", "fe80::1", 64, "", "link"],
                ["red", 3, "e0", "inet", "10.1.0.1", 32, "", "global", "", "10.1.0.2"],
            ],
        }
    )
    few = tables.links(snapshot)
    assert list(few.ns) == ["red", "(a name)"]
    assert few[few.ifname == "e0"].addresses.item() == "10.0.0.1/24, fe80::1/64, 10.1.0.1 peer 10.1.0.2/32"
    every = tables.links(snapshot, all=True)
    assert len(every) == 4
    assert "fe80::ff:fe00:1/64" in every[every.ifname == "e0"].addresses.item()
    assert list(tables.links(snapshot, "(lan)").ifname) == ["lo"]
    assert list(tables.namespaces(snapshot, all=True).named) == [True, True, False]
    assert list(tables.namespaces(snapshot).ns) == ["red", "(a name)"]
    assert list(tables.neighbours(FULL, "red").state) == ["REACHABLE", "STALE"]
    assert "NOARP" in list(tables.neighbours(FULL, "red", all=True).state)
    assert list(tables.fdb(FULL).mac) == ["02:00:00:00:00:01"]
    assert len(tables.fdb(FULL, all=True)) == 2


def test_the_answer_to_a_typed_command_is_shown_whole() -> None:
    rows = {
        "routes": [["red", "inet", "10.0.0.0/8", "", "e0", "", "boot", "link", 0, 100]],
        "neighbours": [["red", "inet6", "ff02::16", "33:33:00:00:00:16", "e0", "NOARP"]],
        "fdb": [["red", "33:33:00:00:00:01", "br0", "", 0, "", "permanent"]],
        "links": [["red", 2, "tunl0", "ipip", 0x80]],
    }
    for name, values in rows.items():
        snapshot = Snapshot.from_data({name: values})
        assert len(of(name, snapshot, "red")) == 0
        assert len(of(name, snapshot, "red", given=True)) == 1
    both = Snapshot.from_data({"links": [["red", 1, "lo", "loopback"], ["red", 2, "tunl0", "ipip", 0x80]]})
    assert list(of("links", both, "red", given=True).ifname) == ["lo"]


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


def test_generic_keeps_kinds_and_order() -> None:
    table = generic(["b", "a", "on", "which"], [[1, "x", True, [1, 2]], [None, None, None, None]], "things")
    assert list(table.columns) == ["b", "a", "on", "which"]
    assert [str(dtype) for dtype in table.dtypes] == ["Int64", "string", "boolean", "string"]
    assert str(table) == "things\nb  a  on   which\n1  x  yes  1, 2\n"
    assert str(generic(["a"], [])) == "none\na"
    assert str(generic([], [])) == "none"


def test_sysctls() -> None:
    values = [SysctlValue("red", "net.ipv4.ip_forward", "0"), SysctlValue("blue", "net.ipv4.ip_forward", "1")]
    assert str(tables.sysctls(values)).splitlines()[1] == "blue  net.ipv4.ip_forward  1"
    assert str(tables.sysctls(values, "red")).splitlines()[0] == "kernel parameters of red"
    assert list(tables.sysctls([["red", "a.b", "1"]]).value) == ["1"]
    assert [str(dtype) for dtype in tables.sysctls([]).dtypes] == ["string"] * 3


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


def test_without_the_ways_of_pandas_that_are_not_public_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = cable()
    made = {name: of(name, snapshot, all=True) for name in BUILDERS}
    added = made["links"].assign(
        day=pd.Timestamp("2026-11-30"), part=0.5, known=pd.array([True] + [None] * (len(made["links"]) - 1))
    )
    columns_of = tables._values(added)
    # An attribute of that name that cannot be called stands for a pandas that has no such way.
    monkeypatch.setattr(pd.DataFrame, "_from_arrays", None)
    monkeypatch.setattr(pd.DataFrame, "_iter_column_arrays", None)
    for name, table in made.items():
        slow = of(name, cable(), all=True)
        pd.testing.assert_frame_equal(table, slow, check_index_type="exact", check_column_type="exact")
        assert (repr(table), table._repr_html_()) == (repr(slow), slow._repr_html_())
    assert [[tables._text(each) for each in column] for column in tables._values(added)] == [
        [tables._text(each) for each in column] for column in columns_of
    ]


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
