"""Tables: the rows of a snapshot as pandas DataFrames that read well in a notebook and in a terminal.

The only user of pandas; imported when the first table is shown, never before. The *value* is complete: fixed columns in a
fixed order, fixed dtypes also when there is no row, sorted. Only the *display* of :class:`NetTable` is ours: the columns
that a beginner reads, no index, blanks for what is missing, nothing elided. What one derives from a table (``df[…]``,
``df.head()``) is an ordinary DataFrame.

dtypes are the same under pandas 2.2 and 3: text is ``string`` (kept by Python, whatever else is installed), numbers that
every row has are ``int64``, others ``Int64``; a missing value is ``pd.NA``.

Rules that hold for every function of a table: ``ns=None`` gives all namespaces and displays the column ``ns``; with
``ns="red"`` the column stays in the value and the caption says ``of red`` instead. ``all=True`` displays every column and
keeps the rows that are otherwise left out: those of unnamed namespaces, fallback devices (``tunl0``) and what each
docstring names. ``given=True`` says that the rows are the answer to a typed command, which chose them: none is left out. Rows are sorted by namespace (the host first), then as the docstring says.

Long for a module here, because pandas may be imported by one file only and each table's docstring maps its columns to
the names that iproute2's JSON has for them.
"""

from __future__ import annotations

import html
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nsmagic import columns, whole
from nsmagic import rows as ask
from nsmagic.columns import Choice, Columns
from nsmagic.model import Snapshot, SysctlValue
from nsmagic.printable import columns as text_columns
from nsmagic.printable import printable

whole.load("pandas")  # and numpy with it: in the two lines below an interrupt would do lasting harm

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

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
_MISSING: Any = None
_BIG = 1 << 63  # what Int64 holds; longer counters become text
_LEFT = ' style="text-align:left;white-space:pre-wrap"'
_WHOLE = ' style="text-align:left;white-space:pre"'
#: Columns of tables of packets that may be broken into lines, so that the others need not be.
_LONG = frozenset({"info", "translated"})


@dataclass(frozen=True, slots=True)
class View:
    """How a table is displayed: its title (``links of red``) and the columns that are left out."""

    title: str = ""
    hidden: frozenset[str] = frozenset()
    caption: bool = False


class NetTable(pd.DataFrame):
    """A DataFrame that displays itself plainly; everything else about it is pandas.

    ``print(table)`` and a notebook show the same cells. Columns that you add are displayed too; ``table.to_string()``
    and ``table.to_html()`` remain those of pandas, with every column.

    >>> table = generic(["job", "state"], [[1, "running"], [2, None]], "jobs of red")
    >>> print(table)
    jobs of red
    job  state
    1    running
    2
    >>> type(table[table.job == 1]).__name__
    'DataFrame'
    """

    _metadata = ["_view"]  # noqa: RUF012 (the name and type are pandas' own)
    _view: View = View()

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    @property
    def title(self) -> str:
        """What the caption says, or would say: ``links of red``."""
        return self._view.title

    def _displayed(self) -> list[int]:
        return [at for at, name in enumerate(self.columns) if name not in self._view.hidden]

    def _caption(self) -> str:
        view = self._view
        if not len(self):
            return f"{view.title}: none" if view.title else "none"
        return view.title if view.caption else ""

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and displayed columns as text, printable."""
        all_names = list(self.columns)
        at = self._displayed()
        names = [str(all_names[i]) for i in at]
        columns = _values(self)
        cells = [
            _times(columns[i]) if name == "time" and self.dtypes.iloc[i] == "float64" else _texts(columns[i])
            for name, i in zip(names, at, strict=True)
        ]
        return [printable(name) for name in names], cells

    def __repr__(self) -> str:
        return self._as_text(*self._cells())

    __str__ = __repr__

    def _repr_html_(self) -> str | None:
        return self._as_html(*self._cells()) if pd.get_option("display.notebook_repr_html") else None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Text and HTML of the same cells, which are made once for both."""
        made = self._cells()
        bundle = {"text/plain": self._as_text(*made)}
        if pd.get_option("display.notebook_repr_html"):
            bundle["text/html"] = self._as_html(*made)
        return bundle

    def _as_text(self, header: list[str], cells: list[list[str]]) -> str:
        lines = [printable(self._caption())] if self._caption() else []
        if header:
            lines += text_columns([header, *map(list, zip(*cells, strict=True))])
        return "\n".join(lines)

    def _as_html(self, header: list[str], cells: list[list[str]]) -> str:
        caption = self._caption()
        label = "" if caption or not self._view.title else f' aria-label="{_escape(self._view.title)}"'
        lines = [f"<table{label}>"]
        if caption:
            lines.append(f'<caption style="text-align:left">{_escape(caption)}</caption>')
        head = "".join(f'<th scope="col"{_LEFT}>{_escape(name)}</th>' for name in header)
        lines.append(f"<thead><tr>{head}</tr></thead>")
        lines.append("<tbody>")
        whole = {name for name in header if name not in _LONG} if "time" in header else set()
        styles = [_WHOLE if name in whole else _LEFT for name in header]
        marked = [
            [f"<td{style}>{html.escape(cell)}</td>" for cell in column]
            for style, column in zip(styles, cells, strict=True)
        ]
        lines.extend(f"<tr>{''.join(row)}</tr>" for row in zip(*marked, strict=True))
        lines.append("</tbody>")
        lines.append("</table>")
        return "\n".join(lines)


# IPython asks for each of these at each display, and a frame searches its columns for a name that it has not.
for _name in ("_ipython_canary_method_should_not_exist_", "_ipython_display_", *(
    f"_repr_{kind}_" for kind in ("markdown", "svg", "png", "jpeg", "pdf", "json", "javascript")
)):  # fmt: skip
    setattr(NetTable, _name, None)


def _values(frame: pd.DataFrame) -> list[Sequence[Any]]:
    """The values of each column as Python's objects.

    Public pandas has only ways that take longer to cut out a column than we to write it, or that first make one array of all; its own
    one is taken where it is there.
    """
    try:
        arrays = list(frame._iter_column_arrays())  # type: ignore[operator]
    except (AttributeError, TypeError):
        rows = frame.to_numpy(dtype=object, na_value=_MISSING)
        return list(zip(*rows, strict=True)) if len(rows) else [()] * len(frame.columns)
    return [each.tolist() if isinstance(each, np.ndarray) else each.to_numpy(dtype=object) for each in arrays]


def _escape(text: str) -> str:
    return html.escape(printable(text))


def _texts(values: Sequence[Any]) -> list[str]:
    return [printable(value) if isinstance(value, str) else printable(_text(value)) for value in values]


def _times(values: Sequence[Any]) -> list[str]:
    """The times of packets, which are milliseconds."""
    return ["" if value is None or value != value else f"{value:.3f} ms" for value in values]


def _text(value: Any) -> str:
    """A cell as text: nothing for a missing value, words for truth values, comma-separated for lists."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(_text, value))
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


# ------------------------------------------------------------------------------------------------------------------
# the tables


def links(snapshot: Snapshot, ns: str | None = None, all: bool = False, *, given: bool = False) -> NetTable:
    """Interfaces, by number within their namespace.

    ========= ======================= =========================================================================
    column    ``ip -d -j addr``       meaning
    ========= ======================= =========================================================================
    ns        (none)                  the namespace
    ifindex   ifindex                 the kernel's number of the interface
    ifname    ifname                  name
    kind      linkinfo.info_kind      ``veth``, ``bridge``, …; ``loopback``; ``ether`` where the kernel names no kind
    admin     flags (UP)              ``UP`` or ``DOWN``: what its owner asked for
    operstate operstate               the kernel's word for what became of it
    mac       address                 hardware address
    mtu       mtu                     biggest packet, bytes
    master    master                  the bridge it is plugged into
    peer      link, link_index        the other end of a veth
    peer_ns   link_netnsid            and the namespace of that end
    addresses addr_info               ``"192.168.15.1/24, …"``: one text, joined by a comma and a space; without the
                                      link-local address that the kernel derives from the MAC, unless ``all``
    ========= ======================= =========================================================================

    >>> print(links(Snapshot.from_data({"links": [["red", 1, "lo", "loopback"]]}), "red"))
    links of red
    ifname  kind      admin  operstate  mac  master  peer  peer_ns  addresses
    lo      loopback  DOWN   DOWN
    """
    return _built("links", snapshot, ns, Choice(all, given))


def addrs(
    snapshot: Snapshot,
    ns: str | None = None,
    all: bool = False,
    *,
    family: str | None = None,
    given: bool = False,
) -> NetTable:
    """IP addresses, by interface number, IPv4 first, then in the kernel's order (the first is the primary one).

    Columns are those of ``addr_info`` in ``ip -j addr``: ``address`` is its ``local``, ``prefixlen``, ``broadcast``,
    ``scope``, ``label`` and ``family`` are called the same; ``ifname`` stands beside ``addr_info``.
    ``family`` keeps ``"inet"`` or ``"inet6"`` alone.

    >>> addrs(Snapshot()).dtypes["prefixlen"].name
    'int64'
    """
    return _built("addrs", snapshot, ns, Choice(all, given, family))


def routes(
    snapshot: Snapshot,
    ns: str | None = None,
    all: bool = False,
    *,
    family: str | None = None,
    table: int | None = 254,
    given: bool = False,
) -> NetTable:
    """Routes of the main table, ``default`` first, then by destination.

    Columns are called as in ``ip -j route``. ``table`` is text: ``main``, ``local``, ``default`` or the number, as one
    would type it; ``family`` is ``inet`` or ``inet6``. A route with several next hops has them joined by a comma in
    ``gateway`` and ``dev``. ``table=None`` (or ``all``) gives the routes of every table, another number those of that one.
    Without ``all``, the route ``fe80::/64`` that the kernel gives every IPv6 link is left out. Columns
    ``type`` and ``table`` are displayed when some row has another than ``unicast`` and ``main``.

    >>> snapshot = Snapshot.from_data({"routes": [["red", "inet", "default", "10.0.0.1", "eth0"]]})
    >>> print(routes(snapshot, "red"))
    routes of red
    dst      gateway   dev
    default  10.0.0.1  eth0
    """
    return _built("routes", snapshot, ns, Choice(all, given, family, table))


def neighbours(
    snapshot: Snapshot,
    ns: str | None = None,
    all: bool = False,
    *,
    family: str | None = None,
    given: bool = False,
) -> NetTable:
    """Neighbour (ARP and NDP) entries, IPv4 first, by address.

    Columns against ``ip -j neigh``: ``address`` is ``dst``, ``mac`` is ``lladdr``, ``dev`` the same, ``state`` the word in
    ``state``. As ``ip neigh`` does, entries in state ``NOARP`` (multicast, loopback) are left out unless ``all``.

    >>> list(neighbours(Snapshot()).columns)
    ['ns', 'address', 'mac', 'dev', 'state', 'family']
    """
    return _built("neighbours", snapshot, ns, Choice(all, given, family))


def rules(
    snapshot: Snapshot,
    ns: str | None = None,
    all: bool = False,
    *,
    family: str | None = None,
    given: bool = False,
) -> NetTable:
    """Routing policy rules, IPv4 first, in the order in which the kernel tries them.

    Columns are called as in ``ip -j rule``, but ``invert`` (``not``) and ``action``, which there is part of the words:
    ``lookup`` (then ``table`` says where), ``blackhole``, ``unreachable``, ``prohibit``, ``goto`` or ``nop``. ``table`` is text, as
    in :func:`routes`.

    >>> len(rules(Snapshot()))
    0
    """
    return _built("rules", snapshot, ns, Choice(all, given, family))


def fdb(snapshot: Snapshot, ns: str | None = None, all: bool = False, *, given: bool = False) -> NetTable:
    """Forwarding entries of bridges and vxlans, by interface and MAC: which MAC is behind which port.

    Columns are called as in ``bridge -j fdb``, but ``dev`` for ``ifname``. ``state`` is blank for an address that the
    bridge learned from traffic. ``vlan`` and ``dst`` (the far end of a vxlan) are displayed when some row has one.
    Multicast entries (``33:33:…``, ``01:00:5e:…``) are left out unless ``all``.

    >>> list(fdb(Snapshot()).columns)
    ['ns', 'mac', 'dev', 'master', 'vlan', 'dst', 'state']
    """
    return _built("fdb", snapshot, ns, Choice(all, given))


def namespaces(
    snapshot: Snapshot, ns: str | None = None, all: bool = False, *, host: bool = True, given: bool = False
) -> NetTable:
    """The namespaces of a lab; ``host=False`` leaves the host out, as ``ip netns`` does, which lists names only.

    ``inode`` is the number of the namespace (``ls -iL /run/netns/red``, ``readlink /proc/self/ns/net``), ``pids`` the process
    ids in it, joined by a comma and a space.

    >>> print(namespaces(Snapshot.from_data({"namespaces": [["red", 7], ["host", 1], ["blue", 9]]}), host=False))
    ns
    blue
    red
    """
    return _dressed("namespaces", columns.namespaces(snapshot, ns, all or given, host=host), None, all)


def sysctls(values: Iterable[SysctlValue | Sequence[Any]], ns: str | None = None, all: bool = False) -> NetTable:
    """Kernel parameters by name, as ``sysctl`` names them (``net.ipv4.ip_forward``); values are text. Rows may be sequences of ns, name, value.

    >>> print(sysctls([SysctlValue("red", "net.ipv4.ip_forward", "0")], "red"))
    kernel parameters of red
    name                 value
    net.ipv4.ip_forward  0
    """
    listed = (list(row) if not isinstance(row, SysctlValue) else [row.ns, row.name, row.value] for row in values)
    chosen = sorted(
        (row for row in listed if ns in (None, row[0])), key=lambda row: (ask.ns_order(row[0]), row[1].split("."))
    )
    lists = [[str(row[at]) or None for row in chosen] for at in range(3)]
    return _dressed("sysctls", Columns(lists), ns, all)


def packets(rows: Sequence[Sequence[Any]], title: str = "packets") -> NetTable:
    """Packets, a row for each sighting at an interface, in the order given; rows have the columns' values in order.

    ``time`` is in milliseconds since the first, ``dir`` is ``in`` or ``out`` as the interface sees it, ``src`` and ``dst`` are IP addresses where
    the packet has some, ``info`` says what it is, ``length`` is in bytes on the wire.

    >>> print(packets([(0.0125, "red", "veth-red", "out", "ARP", "10.0.0.1", "10.0.0.2", "ARP who has 10.0.0.2? tell 10.0.0.1", 42)]))
    time      ns   dev       dir  proto  src       dst       info                                 length
    0.013 ms  red  veth-red  out  ARP    10.0.0.1  10.0.0.2  ARP who has 10.0.0.2? tell 10.0.0.1  42
    """
    data = {name: [row[at] for row in rows] for at, name in enumerate(DTYPES["packets"])}
    frame = pd.DataFrame({name: _array(_blank(data[name], kind), kind) for name, kind in DTYPES["packets"].items()})
    return _dress(frame, View(title, frozenset(), False))


def journey(rows: Sequence[Sequence[Any]], title: str = "journey") -> NetTable:
    """The sightings of a journey, in the order of their steps; rows have the columns' values in order.

    ``packet`` counts the packets; ``translated`` says what became of the addresses since the sighting before, ``verdict`` what rules decided; both are
    displayed when there is one; the others are those of :func:`packets`.

    >>> list(journey([]).columns)[:4]
    ['step', 'packet', 'time', 'ns']
    """
    data = {name: [row[at] for row in rows] for at, name in enumerate(DTYPES["journey"])}
    frame = pd.DataFrame({name: _array(_blank(data[name], kind), kind) for name, kind in DTYPES["journey"].items()})
    hidden = set(DTYPES["journey"]) - set(SHOWN["journey"])
    hidden |= {name for name in ("translated", "verdict") if not any(data[name])}
    return _dress(frame, View(title, frozenset(hidden), True))


def evidence(rows: Sequence[Sequence[Any]], title: str = "evidence") -> NetTable:
    """The way of a packet, as a ``Verdict`` has it, a row for each step, in the order given.

    ``way`` is ``out`` or ``back``, ``what`` says what happens in ``ns`` at ``dev``, ``seen`` whether the probe was seen on this interface (missing
    where there is none), ``ok`` whether the packet goes on from there.

    >>> print(evidence([(1, "out", "red", "veth-red", "sends it to 10.0.0.2", True, True)], "the way from red"))
    the way from red
    step  way  ns   dev       what                  seen  ok
    1     out  red  veth-red  sends it to 10.0.0.2  yes   yes
    """
    kinds = DTYPES["evidence"]
    data = {name: [row[at] for row in rows] for at, name in enumerate(kinds)}
    frame = pd.DataFrame({name: _array(_blank(data[name], kind), kind) for name, kind in kinds.items()})
    return _dress(frame, View(title, frozenset(), True))


def generic(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> NetTable:
    """Any table in the same dress. A column of whole numbers becomes ``Int64``, of truth values ``boolean``, else ``string``.

    >>> generic(["packets"], [[3], [None]]).dtypes["packets"].name
    'Int64'
    """
    listed = [list(row) for row in rows]
    data = {name: _guess([row[at] for row in listed]) for at, name in enumerate(columns)}
    frame = pd.DataFrame(data, columns=list(columns))
    return _dress(frame, View(caption, frozenset(), bool(caption)))


#: Table name → function of ``(snapshot, ns, all, **options)``.
BUILDERS: Mapping[str, Callable[..., NetTable]] = {
    "links": links,
    "addrs": addrs,
    "routes": routes,
    "neighbours": neighbours,
    "rules": rules,
    "fdb": fdb,
    "namespaces": namespaces,
}


_OF_FIREWALLS = frozenset({"firewall", "nat", "conntrack"})


def of(table: str, snapshot: Snapshot, ns: str | None = None, all: bool = False, **options: Any) -> NetTable:
    """A table by its name; ``options`` are those of its function.

    Raises
    ------
    KeyError
        There is no such table.

    >>> of("links", Snapshot()).title
    'links'
    """
    if table in _OF_FIREWALLS:
        from nsmagic import tables_firewall

        builder: Callable[..., NetTable] = getattr(tables_firewall, table)
        return builder(snapshot, ns, all, **options)
    return BUILDERS[table](snapshot, ns, all, **options)


# ------------------------------------------------------------------------------------------------------------------
# building blocks


def _built(table: str, snapshot: Snapshot, ns: str | None, choice: Choice) -> NetTable:
    """The frame, made once for as long as nothing in the tables that it is made of differs."""
    source = snapshot.tables.get(table)
    if source is None or not source.split:  # the answer to one command: nobody comes back to it
        return _dressed(table, columns.of(table, snapshot, ns, choice), ns, choice.all)
    made_of = [snapshot.tables.get(name) for name in ("namespaces", "addrs")[: 1 + (table == "links")]]
    key = (table, ns, choice)
    known = source.memo.get(key)
    if known is None or not all(map(operator.is_, known[0], made_of)):
        made, before = columns.of(table, snapshot, ns, choice), known or source.before.get(key)
        frame = _replaced(table, made, before[1], before[2]) if before is not None and _COPY_ON_WRITE else None
        if frame is None:
            frame = _dressed(table, made, ns, choice.all)
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
    frame = NetTable(frame)
    for at in differing:
        frame.isetitem(at, _array(made.lists[at], kinds[at]))
    return frame


def _rows(snapshot: Snapshot, table: str, ns: str | None, all: bool) -> list[Any]:
    """The row objects of one namespace, or of all that are to be seen."""
    rows: Sequence[Any] = getattr(snapshot, table).rows
    if ns is not None:
        return [row for row in rows if row.ns == ns]
    hidden = frozenset() if all else ask.unnamed(snapshot)
    return [row for row in rows if row.ns not in hidden] if hidden else list(rows)


def _attributes(table: str, rows: Sequence[Any]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in DTYPES[table]}


def _table(
    table: str, data: Mapping[str, list[Any]], ns: str | None, all: bool, more: Collection[str] = frozenset()
) -> NetTable:
    lists = [_blank(data[name], kind) for name, kind in DTYPES[table].items()]
    return _dressed(table, Columns(lists, frozenset(more)), ns, all)


def _blank(values: Sequence[Any], kind: str) -> Sequence[Any]:
    """An empty text is a missing one."""
    return [value or None for value in values] if kind == "text" else values


def _dressed(table: str, made: Columns, ns: str | None, all: bool) -> NetTable:
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
    texts = [None if value is None or value is pd.NA else _text(value) for value in values]
    return pd.Series(texts, dtype="string[python]")


def _dress(frame: pd.DataFrame, view: View) -> NetTable:
    table = NetTable(frame)
    table._view = view
    return table
