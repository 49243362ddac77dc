"""The nouns of a lab: frozen rows, and the snapshot that holds them in columns.

Nothing here talks to a kernel. ``netlink/`` fills these from what the kernel says, ``tables/`` and ``topology/`` show
them, ``changes/`` says what became of them. A row's fields are in the order in which the row travels: a frame carries a table as
``{"columns": [...], "rows": [[...], …]}`` and ``Snapshot`` keeps it that way until somebody asks for objects.

A namespace is named by its name in ``ip netns``; the lab's own root is ``host``; one without a name is shown in
parentheses: ``(lan)``, ``(unnamed-1)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, overload

from nsmagic.names import HOST as HOST
from nsmagic.shape import COLUMNS as COLUMNS
from nsmagic.shape import IFF_ALLMULTI as IFF_ALLMULTI
from nsmagic.shape import IFF_BROADCAST as IFF_BROADCAST
from nsmagic.shape import IFF_LOOPBACK as IFF_LOOPBACK
from nsmagic.shape import IFF_LOWER_UP as IFF_LOWER_UP
from nsmagic.shape import IFF_MULTICAST as IFF_MULTICAST
from nsmagic.shape import IFF_NOARP as IFF_NOARP
from nsmagic.shape import IFF_POINTOPOINT as IFF_POINTOPOINT
from nsmagic.shape import IFF_PROMISC as IFF_PROMISC
from nsmagic.shape import IFF_UP as IFF_UP


@dataclass(frozen=True, slots=True)
class NamespaceInfo:
    """A network namespace. ``inode`` is the number that ``ls -i`` shows; ``pids`` the lab's processes that live in it."""

    ns: str
    inode: int = 0
    named: bool = True
    pids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface. ``kind`` is ``loopback``, ``veth``, ``bridge``, … (``ether`` when the kernel names none).

    ``flags`` are the kernel's IFF_* bits, ``operstate`` its word (``UP``, ``DOWN``, ``LOWERLAYERDOWN``, ``UNKNOWN`` …).
    ``master`` and ``lower`` are names of links in the same namespace (bridge of a port; parent of a vlan or macvlan).
    ``peer`` and ``peer_ns`` name the other end of a veth, wherever it is; empty when it cannot be seen.
    ``info`` is kind-specific (``{"id": 10}`` of a vlan), ``port`` what a bridge says of its port (``{"state": …}``).
    """

    ns: str
    ifindex: int
    ifname: str
    kind: str = "ether"
    flags: int = 0
    operstate: str = "DOWN"
    mac: str = ""
    mtu: int = 0
    master: str = ""
    lower: str = ""
    peer: str = ""
    peer_ns: str = ""
    alias: str = ""
    qdisc: str = ""
    txqlen: int = 0
    group: int = 0
    promiscuity: int = 0
    altnames: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict, hash=False)
    port: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def up(self) -> bool:
        """Switched on by its owner (``ip link set … up``); says nothing about the cable."""
        return bool(self.flags & IFF_UP)

    @property
    def carrier(self) -> bool:
        """The cable works: this end and the other are up."""
        return bool(self.flags & IFF_LOWER_UP)


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address on a link. ``family`` is ``inet`` or ``inet6``; ``peer`` is set on point-to-point addresses only."""

    ns: str
    ifindex: int
    ifname: str
    family: str
    address: str
    prefixlen: int
    broadcast: str = ""
    scope: str = "global"
    label: str = ""
    peer: str = ""
    flags: int = 0
    valid_lft: int = 0xFFFFFFFF
    preferred_lft: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Route:
    """A route. ``dst`` is ``default`` or a prefix (a host route has no ``/32``), ``table`` the number (254 is main).

    ``gateway`` may be of another family than the route (``via inet6``). ``nexthops`` are dicts of ``gateway, dev, weight``
    for a route with several.
    """

    ns: str
    family: str
    dst: str
    gateway: str = ""
    dev: str = ""
    prefsrc: str = ""
    protocol: str = ""
    scope: str = ""
    metric: int = 0
    table: int = 254
    type: str = "unicast"
    src: str = ""
    flags: int = 0
    nexthops: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    metrics: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the neighbour (ARP, NDP) table. ``state`` is the kernel's word; ``flags`` its NTF_* bits."""

    ns: str
    family: str
    address: str
    mac: str
    dev: str
    state: str
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the routing policy database (``ip rule``). ``table`` is the number, 0 when the rule names none."""

    ns: str
    family: str
    priority: int
    src: str = "all"
    dst: str = "all"
    iif: str = ""
    oif: str = ""
    fwmark: str = ""
    table: int = 0
    action: str = "lookup"
    invert: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class FdbEntry:
    """An entry of a bridge's or vxlan's forwarding database: which MAC is behind which port."""

    ns: str
    mac: str
    dev: str
    master: str = ""
    vlan: int = 0
    dst: str = ""
    state: str = ""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """A rule of a firewall, or (``position`` 0) a chain with its policy, or (``chain`` empty) a table of nft, or a set of it (``@name``).

    ``tool`` made it: ``iptables`` (by way of nft), ``iptables-legacy`` or ``nft``. ``family`` is ``ip``, ``ip6``, or one of nft's own. ``type`` is
    ``filter`` or ``nat``, ``hook`` where the kernel calls the chain (empty for one that others jump to). ``position`` counts
    from 1 within the chain. ``match`` and ``target`` are words; ``rule`` is what one types to name it to its tool.
    """

    ns: str
    tool: str
    family: str
    table: str
    chain: str
    type: str = "filter"
    hook: str = ""
    priority: int = 0
    position: int = 0
    match: str = ""
    target: str = ""
    packets: int = 0
    bytes: int = 0
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that a namespace tracks, with both tuples: as the first packet came, and as the answer will come.

    ``state`` is TCP's; ``status`` is ``UNREPLIED``, ``ASSURED`` or empty; ``nat`` names what is translated (``source``, ``destination``).
    For ICMP ``sport`` is its number and ``dport`` 0. ``timeout`` in seconds.
    """

    ns: str
    family: str
    protocol: str
    state: str = ""
    status: str = ""
    nat: str = ""
    src: str = ""
    sport: int = 0
    dst: str = ""
    dport: int = 0
    reply_src: str = ""
    reply_sport: int = 0
    reply_dst: str = ""
    reply_dport: int = 0
    mark: int = 0
    timeout: int = 0


Row = NamespaceInfo | Link | Address | Route | Neighbour | Rule | FdbEntry | FirewallRule | Connection

#: Table name → row class. The order is the order in which a full snapshot is sent.
ROWS: dict[str, type[Any]] = {
    "namespaces": NamespaceInfo,
    "links": Link,
    "addrs": Address,
    "routes": Route,
    "neighbours": Neighbour,
    "rules": Rule,
    "fdb": FdbEntry,
}

#: The same of ``shape.ON_REQUEST``.
FURTHER: dict[str, type[Any]] = {"firewall": FirewallRule, "conntrack": Connection}

_CLASSES = {**ROWS, **FURTHER}

R = TypeVar("R")


def make_row(table: str, values: Sequence[Any]) -> Any:
    """A row object of a table from its values in column order.

    >>> make_row("neighbours", ["red", "inet", "10.0.0.2", "02:00:00:00:00:01", "eth0", "REACHABLE", 0]).dev
    'eth0'
    """
    return _CLASSES[table](*[tuple(v) if isinstance(v, list) else v for v in values])


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


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: ``op`` is ``+`` new, ``-`` gone or ``~`` changed; ``old``/``new`` are rows of ``table``.

    A link that moved to another namespace is one ``~`` whose rows differ in ``ns``.
    Table ``sysctls`` has no row class: its old and new are ``SysctlValue``.
    """

    op: str
    table: str
    old: Any = None
    new: Any = None

    @classmethod
    def from_data(cls, data: Sequence[Any]) -> Change:
        """From ``[op, table, old values or None, new values or None]``."""
        op, table, old, new = data
        if table == "sysctls":
            make = SysctlValue.from_values
            return cls(str(op), table, make(old) if old is not None else None, make(new) if new is not None else None)
        return cls(
            str(op), str(table), make_row(table, old) if old is not None else None, make_row(table, new) if new is not None else None
        )  # fmt: skip


class Changes(Sequence[Change]):
    """What one command changed. The objects are made when somebody looks at them: of a cell of thousands, hardly any ever is.

    >>> changes = Changes([["+", "namespaces", None, ["red", 4026531840, True, []]]])
    >>> len(changes), list(changes.kinds()), changes[0].new.ns
    (1, [('+', 'namespaces')], 'red')
    """

    __slots__ = ("_data", "_made")

    def __init__(self, data: Sequence[Sequence[Any]] = ()) -> None:
        self._data = data
        self._made: tuple[Change, ...] | None = None

    @property
    def all(self) -> tuple[Change, ...]:
        """They themselves."""
        if self._made is None:
            self._made = tuple(Change.from_data(each) for each in self._data)
        return self._made

    def kinds(self) -> Iterator[tuple[str, str]]:
        """What is known of each without making it: ``op`` and ``table``."""
        return ((each[0], each[1]) for each in self._data)

    def __len__(self) -> int:
        return len(self._data)

    @overload
    def __getitem__(self, place: int) -> Change: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Change, ...]: ...

    def __getitem__(self, place: int | slice) -> Change | tuple[Change, ...]:
        return self.all[place]

    def __iter__(self) -> Iterator[Change]:
        return iter(self.all)

    def __eq__(self, other: object) -> bool:
        return self.all == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.all)

    def __repr__(self) -> str:
        return repr(self.all)


@dataclass(frozen=True, slots=True)
class SysctlValue:
    """A kernel parameter of a namespace: ``net.ipv4.ip_forward`` and its value as text."""

    ns: str
    name: str
    value: str

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> SysctlValue:
        return cls(str(values[0]), str(values[1]), str(values[2]))
