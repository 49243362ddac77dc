"""Who is who: from indexes to names, across all namespaces.

The kernel says "index 7 of namespace id 3"; the model says ``blue/veth-blue``. A ``State`` is everything that the monitor
knows at one moment, and is never changed afterwards: the next moment is a new one that shares what stayed the same. So
an old state can be compared with a new one (``delta.py``), each with the names of its own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nsmagic.names import HOST
from nsmagic.netlink.raw import RawAddr, RawLink, RawNeighbour, RawRoute, RawRule

#: Kinds whose IFLA_LINK is the other end of a pair, not a parent.
PAIRED = frozenset({"veth", "netkit", "vxcan"})

#: Facts of a kind that are an interface's index; a row has its name.
_INDEXES = ("link", "active_slave", "primary")

#: The first that an entry has is its word; a learned one has none.
_FDB_STATES = (("PERMANENT", "permanent"), ("NOARP", "static"), ("STALE", "stale"), ("REACHABLE", ""))

Row = list[Any]


class Space(NamedTuple):
    """One namespace at one moment. ``links`` maps an index to ``(identity, link)``; the identity stays the same when the
    link is renamed or moved. ``fixed`` are the neighbours that somebody set: permanent ones and proxies."""

    name: str
    inode: int
    named: bool
    links: Mapping[int, tuple[int, RawLink]]
    addrs4: Sequence[RawAddr] = ()
    addrs6: Sequence[RawAddr] = ()
    routes4: Sequence[RawRoute] = ()
    routes6: Sequence[RawRoute] = ()
    rules4: Sequence[RawRule] = ()
    rules6: Sequence[RawRule] = ()
    fixed: Sequence[RawNeighbour] = ()


#: Namespace id (as the monitor's own namespace counts) → namespace.
State = Mapping[int, Space]


def order(name: str) -> tuple[bool, str]:
    """Sort key of namespaces: host, then by name."""
    return (name != HOST, name)


def dev(space: Space, index: int) -> str:
    """The name of a link; ``if7`` when it is not (or no longer) there, ``""`` for 0."""
    if not index:
        return ""
    found = space.links.get(index)
    return found[1].ifname if found else f"if{index}"


def other_end(state: State, nsid: int, link: RawLink) -> tuple[int, int] | None:
    """``(namespace id, index)`` of a pair's other end or of the link below, where it can be seen."""
    index = link.lower
    if not index and link.kind == "vxlan":
        index = link.info.get("link", 0)
    there = nsid if link.netnsid < 0 else link.netnsid
    if index and there in state and index in state[there].links and (there, index) != (nsid, link.ifindex):
        return there, index
    return None


def namespace_row(space: Space) -> Row:
    """A row of ``namespaces``; processes are not the kernel's netlink's business."""
    return [space.name, space.inode, space.named, []]


def link_row(state: State, nsid: int, link: RawLink) -> Row:
    """A row of ``links``. A parent in another namespace is ``lower`` with its namespace in ``peer_ns`` and no ``peer``."""
    space = state[nsid]
    lower = peer = peer_ns = ""
    found = other_end(state, nsid, link)
    if found is not None:
        there = state[found[0]]
        name = there.links[found[1]][1].ifname
        if link.kind in PAIRED:
            peer, peer_ns = name, there.name
        else:
            lower, peer_ns = name, there.name if found[0] != nsid else ""
    info = link.info
    for word in _INDEXES:
        if isinstance(info.get(word), int):
            home = state.get(link.netnsid, space) if link.netnsid >= 0 else space
            info = {**info, word: dev(home, info[word])}
    return [
        space.name, link.ifindex, link.ifname, link.kind, link.flags, link.operstate, link.mac, link.mtu,
        dev(space, link.master), lower, peer, peer_ns, link.alias, link.qdisc, link.txqlen, link.group,
        link.promiscuity, list(link.altnames), info, link.port,
    ]  # fmt: skip


def addr_row(space: Space, addr: RawAddr) -> Row:
    """A row of ``addrs``."""
    return [space.name, addr.ifindex, dev(space, addr.ifindex), *addr[1:-1]]


def route_row(space: Space, route: RawRoute) -> Row:
    """A row of ``routes``."""
    row = [space.name, *route]
    row[4] = dev(space, route.oif)
    if route.nexthops:
        row[13] = [
            {"gateway": gateway, "dev": dev(space, oif), "weight": weight, "flags": flags}
            for gateway, oif, weight, flags in route.nexthops
        ]
    else:
        row[13] = []
    return row


def rule_row(space: Space, rule: RawRule) -> Row:
    """A row of ``rules``."""
    return [space.name, *rule]


def neighbour_row(space: Space, entry: RawNeighbour) -> Row:
    """A row of ``neighbours``."""
    return [
        space.name, entry.family, entry.address, entry.mac, dev(space, entry.ifindex), entry.state, entry.flags
    ]  # fmt: skip


def fdb_row(space: Space, entry: RawNeighbour) -> Row:
    """A row of ``fdb``; ``state`` is iproute2's word (``permanent``, ``static``, ``stale``; ``""`` for a learned one)."""
    states = entry.state.split(",")
    return [
        space.name, entry.mac, dev(space, entry.ifindex), dev(space, entry.master), entry.vlan, entry.address,
        next((word for state, word in _FDB_STATES if state in states), entry.state.lower()), entry.flags,
    ]  # fmt: skip


def by_index(addrs: Iterable[RawAddr]) -> list[RawAddr]:
    """Addresses grouped by link, otherwise in the kernel's order."""
    return sorted(addrs, key=lambda addr: addr.ifindex)
