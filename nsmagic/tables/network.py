"""The tables of what the kernel has: interfaces, addresses, routes, neighbours, rules, forwarding entries, namespaces, parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nsmagic import columns
from nsmagic import rows as ask
from nsmagic.columns import Choice, Columns
from nsmagic.model import SysctlValue
from nsmagic.snapshot import Snapshot
from nsmagic.tables.display import NetTable
from nsmagic.tables.frames import built, dressed


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
    return built("links", snapshot, ns, Choice(all, given))


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
    return built("addrs", snapshot, ns, Choice(all, given, family))


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
    return built("routes", snapshot, ns, Choice(all, given, family, table))


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
    return built("neighbours", snapshot, ns, Choice(all, given, family))


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
    in :func:`routes`; ``extra`` is what else the rule says, as ``ip rule`` words it (``ipproto tcp dport 80``).

    >>> len(rules(Snapshot()))
    0
    """
    return built("rules", snapshot, ns, Choice(all, given, family))


def fdb(snapshot: Snapshot, ns: str | None = None, all: bool = False, *, given: bool = False) -> NetTable:
    """Forwarding entries of bridges and vxlans, by interface and MAC: which MAC is behind which port.

    Columns are called as in ``bridge -j fdb``, but ``dev`` for ``ifname``. ``state`` is blank for an address that the
    bridge learned from traffic. ``vlan`` and ``dst`` (the far end of a vxlan) are displayed when some row has one.
    Multicast entries (``33:33:…``, ``01:00:5e:…``) are left out unless ``all``.

    >>> list(fdb(Snapshot()).columns)
    ['ns', 'mac', 'dev', 'master', 'vlan', 'dst', 'state']
    """
    return built("fdb", snapshot, ns, Choice(all, given))


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
    return dressed("namespaces", columns.namespaces(snapshot, ns, all or given, host=host), None, all)


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
    return dressed("sysctls", Columns(lists), ns, all)
