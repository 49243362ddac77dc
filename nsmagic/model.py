"""The nouns of a lab: frozen rows, and what changed of them.

Nothing here talks to a kernel. ``netlink/`` fills these from what the kernel says, ``tables/`` and ``topology/`` show
them, ``changes/`` says what became of them. A row's fields are in the order in which the row travels: a frame carries a table as
``{"columns": [...], "rows": [[...], …]}`` and ``snapshot.py`` keeps it that way until somebody asks for objects.

A namespace is named by its name in ``ip netns``; the lab's own root is ``host``; one without a name is shown in
parentheses: ``(lan)``, ``(unnamed-1)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

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


def make_row(table: str, values: Sequence[Any]) -> Any:
    """A row object of a table from its values in column order.

    >>> make_row("neighbours", ["red", "inet", "10.0.0.2", "02:00:00:00:00:01", "eth0", "REACHABLE", 0]).dev
    'eth0'
    """
    return _CLASSES[table](*[tuple(v) if isinstance(v, list) else v for v in values])


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

    ``data`` None: it is not known yet (``known`` says so); ``wait`` is then called by who looks, and has ``become`` called meanwhile.

    >>> changes = Changes([["+", "namespaces", None, ["red", 4026531840, True, []]]])
    >>> len(changes), list(changes.kinds()), changes[0].new.ns
    (1, [('+', 'namespaces')], 'red')
    """

    __slots__ = ("_data", "_made", "_wait")

    def __init__(self, data: Sequence[Sequence[Any]] | None = (), wait: Callable[[], object] | None = None) -> None:
        self._data, self._wait = data, wait
        self._made: tuple[Change, ...] | None = None

    @property
    def known(self) -> bool:
        """Whether nobody has to wait for it."""
        return self._data is not None

    def become(self, data: Sequence[Sequence[Any]]) -> None:
        """It is known now."""
        self._data, self._wait = data, None

    @property
    def _rows(self) -> Sequence[Sequence[Any]]:
        wait = self._wait
        if self._data is None and wait is not None:
            wait()
        return self._data or ()

    @property
    def all(self) -> tuple[Change, ...]:
        """They themselves."""
        if self._made is None:
            self._made = tuple(Change.from_data(each) for each in self._rows)
        return self._made

    def kinds(self) -> Iterator[tuple[str, str]]:
        """What is known of each without making it: ``op`` and ``table``."""
        return ((each[0], each[1]) for each in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

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

    def __reduce__(self) -> tuple[type[Changes], tuple[Sequence[Sequence[Any]]]]:
        """A copy, or what goes to another process, waits for nobody."""
        return Changes, (self._rows,)


@dataclass(frozen=True, slots=True)
class SysctlValue:
    """A kernel parameter of a namespace: ``net.ipv4.ip_forward`` and its value as text."""

    ns: str
    name: str
    value: str

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> SysctlValue:
        return cls(str(values[0]), str(values[1]), str(values[2]))
