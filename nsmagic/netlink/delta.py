"""What changed between two states, as a person would say it: one entry per thing, without what the kernel does by itself.

Left out as a consequence of something else or as weather:

* of a link: operational state, carrier, promiscuity count, queueing discipline, what spanning tree found out;
* of an address: lifetimes and the progress of duplicate address detection; addresses that the kernel makes (link-local,
  the loopback's, those of router advertisements);
* routes that the kernel makes for addresses (tables local, multicast, broadcast; protocol kernel), unless one of them
  goes while its address stays: then somebody deleted it;
* learned neighbours; the loopback, the rules and the fallback devices that a new namespace has from the start; all that
  was in a namespace that is gone.

A route that somebody made and that vanished because its link went down *is* a change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from nsmagic.netlink import peers
from nsmagic.netlink.peers import PAIRED, Space, State
from nsmagic.netlink.prefixes import inside
from nsmagic.netlink.raw import RawAddr, RawLink, RawNeighbour, RawRoute, RawRule
from nsmagic.shape import IFF_UP

#: ``[op, table, old row or None, new row or None]``, as ``Change.from_data`` reads it.
Delta = list[Any]
#: What an event was about, as ``follow.py`` notes it: ``("uid", identity)`` of a link, else ``(namespace id, table, …)``.
Touch = tuple[Any, ...]

#: Devices that every namespace has from the start when the kernel has their module.
FALLBACK = frozenset(
    ("tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0")
)  # fmt: skip
_TABLES = ("namespaces", "links", "addrs", "routes", "neighbours", "rules")
#: IFF_RUNNING, IFF_LOWER_UP, IFF_DORMANT
LINK_WEATHER = 0x40 | 0x10000 | 0x20000
#: IFA_F_TENTATIVE, OPTIMISTIC, DADFAILED, DEPRECATED, SECONDARY
_ADDR_WEATHER = 0x40 | 0x04 | 0x08 | 0x20 | 0x01
#: RTNH_F_DEAD, RTNH_F_LINKDOWN
_ROUTE_WEATHER = 0x01 | 0x10
_INFO_WEATHER = frozenset(
    ("root_id", "bridge_id", "root_port", "root_path_cost", "topology_change", "topology_change_detected")
)  # fmt: skip
_PORT_WEATHER = frozenset(
    ("state", "designated_port", "designated_cost", "bridge_id", "root_id", "topology_change_ack", "config_pending")
)  # fmt: skip
_KERNEL_TYPES = frozenset({"local", "broadcast", "multicast", "anycast"})
LOCAL_TABLE = 255


class _Changes:
    """Collects the entries with the place of each in time."""

    def __init__(self, old: State, new: State, touched: Sequence[Touch]) -> None:
        self.old, self.new = old, new
        self._place: dict[Touch, int] = {}
        for place, key in enumerate(touched):
            self._place.setdefault(key, place)
            self._place.setdefault(key[:1], place)
        self._end = len(touched)
        self._found: list[tuple[tuple[int, ...], Delta]] = []

    def place(self, nsid: int, *keys: Touch) -> int:
        """When the first of the keys was touched; if none was, when its namespace was."""
        known = [self._place[key] for key in keys if key in self._place]
        return min(known) if known else self._place.get((nsid,), self._end)

    def with_link(self, nsid: int, index: int, key: Touch) -> int:
        """When something on a link changed: by itself, else with the link; with the link always when that is gone."""
        before, after = (state[nsid].links.get(index) if nsid in state else None for state in (self.old, self.new))
        link = after or before
        keys = [("uid", link[0])] if link else []
        return self.place(nsid, *keys, *([key] if after or not link else []))

    def add(self, place: int, table: str, old: Any, new: Any, later: int = 0) -> None:
        op = "+" if old is None else "-" if new is None else "~"
        at = (place, _TABLES.index(table), later, len(self._found))
        self._found.append((at, [op, table, old, new]))

    def sorted(self) -> list[Delta]:
        return [delta for _, delta in sorted(self._found, key=lambda found: found[0])]


def changes(
    old: State, new: State, touched: Sequence[Touch] = (), *, weather: bool = False, among: Set[int] | None = None
) -> list[Delta]:
    """The net effect, in the order in which things were first touched. ``weather``: changes of links without the
    exceptions above, for a picture that shows carrier and operational state. ``among``: no other namespaces differ."""
    out = _Changes(old, new, touched)
    both: Iterable[int] = {**old, **new} if among is None or len(among) > 1 else among
    changed = [
        nsid for nsid in both if (among is None or nsid in among) and old.get(nsid) is not new.get(nsid)
    ]  # fmt: skip
    for nsid in changed:
        before, after = old.get(nsid), new.get(nsid)
        if before is None or after is None or before[:3] != after[:3]:
            # A script's namespaces are found later than what is in them, and came before it.
            out.add(
                out.place(nsid, (nsid, "namespaces")) if before else -1,
                "namespaces",
                peers.namespace_row(before) if before else None,
                peers.namespace_row(after) if after else None,
            )
    _links(out, changed, weather)
    for nsid in changed:
        after = new.get(nsid)
        if after is not None:  # what was in a namespace that is gone went with it
            before = old.get(nsid) or Space(after.name, after.inode, after.named, {})
            _addrs(out, nsid, before, after)
            _routes(out, nsid, before, after)
            _neighbours(out, nsid, before, after)
            _rules(out, nsid, before, after)
    return out.sorted()


# Links


def _links(out: _Changes, changed: Iterable[int], weather: bool) -> None:
    before: dict[int, tuple[int, RawLink]] = {}
    after: dict[int, tuple[int, RawLink]] = {}
    for nsid in changed:
        was = out.old[nsid].links if nsid in out.old else {}
        now = out.new[nsid].links if nsid in out.new else {}
        if was is now:
            continue
        before.update((entry[0], (nsid, entry[1])) for index, entry in was.items() if now.get(index) is not entry)
        after.update((entry[0], (nsid, entry[1])) for index, entry in now.items() if was.get(index) is not entry)
    _join_unseen_moves(before, after)
    born = {(nsid, link.ifindex): uid for uid, (nsid, link) in after.items() if uid not in before}
    dead = {(nsid, link.ifindex): uid for uid, (nsid, link) in before.items() if uid not in after}
    for uid in {**before, **after}:
        gone, come = before.get(uid), after.get(uid)
        if gone and not come and gone[0] not in out.new:
            continue
        if come and not gone and come[0] not in out.old and _from_the_start(come[1]):
            continue
        if gone and come and gone[0] == come[0] and not weather and not _decided(out, *gone, come[1]):
            continue
        nsid, link = come or gone  # type: ignore[misc]
        place, later = out.place(nsid, ("uid", uid)), uid
        if not (come and gone) and link.kind in PAIRED:
            end = peers.other_end(out.new if come else out.old, nsid, link)
            other = (born if come else dead).get(end) if end else None
            if end and other:
                place = min(place, out.place(end[0], ("uid", other)))
                # The kernel makes the other end first; a person names it second.
                later = -uid if come else out.place(nsid, ("uid", uid))
        out.add(
            place,
            "links",
            peers.link_row(out.old, *gone) if gone else None,
            peers.link_row(out.new, *come) if come else None,
            later,
        )


def _join_unseen_moves(before: dict[int, tuple[int, RawLink]], after: dict[int, tuple[int, RawLink]]) -> None:
    """A link whose move was not seen as an event (they were lost, its new namespace was not known yet, or its namespace was
    forgotten for a while) has the same number, kind and hardware address. A loopback does not move."""

    def mark(nsid: int, link: RawLink) -> tuple[Any, ...]:
        return (link.ifindex, link.kind, link.mac, nsid if link.kind == "loopback" else -1)

    left = {mark(nsid, link): uid for uid, (nsid, link) in before.items() if uid not in after and link.mac}
    for uid, (nsid, link) in list(after.items()):
        if uid not in before:
            origin = left.pop(mark(nsid, link), None)
            if origin is not None:
                after[origin] = after.pop(uid)


def _decided(out: _Changes, nsid: int, was: RawLink, now: RawLink) -> bool:
    """Whether somebody decided the difference. A bridge takes its hardware address from its ports by itself."""
    if was.kind == "bridge" and was.mac != now.mac:
        ports = {
            link.mac
            for state, mine in ((out.old, was), (out.new, now))
            for _, link in state[nsid].links.values()
            if link.master == mine.ifindex
        }
        if was.mac in ports or now.mac in ports:
            was = was._replace(mac=now.mac)
    return decided(was, now)


def _from_the_start(link: RawLink) -> bool:
    return link.kind == "loopback" or link.ifname in FALLBACK


def decided(was: RawLink, now: RawLink) -> bool:
    """Whether somebody decided what differs."""
    if (was.flags ^ now.flags) & ~LINK_WEATHER or was.master != now.master:
        return True  # what commands do most, in a fraction of the time
    return significant(was) != significant(now)


def significant(link: RawLink) -> tuple[Any, ...]:
    """What of a link somebody has decided."""
    return (
        link.ifname, link.kind, link.flags & ~LINK_WEATHER, link.mac, link.mtu, link.master,
        None if link.kind in PAIRED else (link.lower, link.netnsid), link.alias, link.txqlen, link.group, link.altnames,
        decided_info(link.info), decided_port(link.port),
    )  # fmt: skip


def decided_info(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a kind's own facts somebody has decided."""
    return {word: value for word, value in info.items() if word not in _INFO_WEATHER} if info else info


def decided_port(port: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same of a bridge's port."""
    return {word: value for word, value in port.items() if word not in _PORT_WEATHER} if port else port


# Addresses


def made_by_kernel(addr: RawAddr) -> bool:
    """Whether the kernel gave itself this address."""
    if addr.family == "inet":
        return addr.address == "127.0.0.1" and addr.scope == "host"
    # A kernel before 5.18 does not say who made it; there, any link-local address counts as the kernel's.
    return addr.origin != 0 or addr.address == "::1"


def _addrs(out: _Changes, nsid: int, before: Space, after: Space) -> None:
    for was, now in ((before.addrs4, after.addrs4), (before.addrs6, after.addrs6)):
        if was is now:
            continue
        old, new = ({addr[0:4] + addr[7:8]: addr for addr in side if not made_by_kernel(addr)} for side in (was, now))
        for key in {**old, **new}:
            a, b = old.get(key), new.get(key)
            if a and b and _addr_facts(before, a) == _addr_facts(after, b):
                continue
            place = out.with_link(nsid, key[0], (nsid, "addrs", key[0], key[2]))
            out.add(
                place,
                "addrs",
                peers.addr_row(before, a) if a else None,
                peers.addr_row(after, b) if b else None,
            )


def _addr_facts(space: Space, addr: RawAddr) -> tuple[Any, ...]:
    # A label begins with the link's name and follows when that changes.
    label = addr.label.removeprefix(peers.dev(space, addr.ifindex))
    return addr.broadcast, addr.scope, label, addr.flags & ~_ADDR_WEATHER


# Routes


def by_kernel(route: RawRoute) -> bool:
    """Whether the route is one that the kernel makes for an address or a link."""
    return route.table == LOCAL_TABLE or route.type in _KERNEL_TYPES or route.protocol in ("kernel", "ra", "redirect")


def _routes(out: _Changes, nsid: int, before: Space, after: Space) -> None:
    for was, now in ((before.routes4, after.routes4), (before.routes6, after.routes6)):
        if was is now:
            continue
        old, new = (Counter(map(_route_key, side)) for side in (was, now))
        example = {_route_key(route): route for side in (was, now) for route in side}
        gone = [example[key] for key in (old - new).elements()]
        come = [example[key] for key in (new - old).elements()]
        gone = [route for route in gone if not by_kernel(route) or _deleted(route, after)]
        come = [route for route in come if not by_kernel(route)]
        for a in gone:
            same = next(
                (b for b in come if (a.dst, a.table, a.metric, a.src) == (b.dst, b.table, b.metric, b.src)), None
            )
            if same is not None:
                come.remove(same)
            _add_route(out, nsid, before, after, a, same)
        for b in come:
            _add_route(out, nsid, before, after, None, b)


def _add_route(
    out: _Changes, nsid: int, before: Space, after: Space, a: RawRoute | None, b: RawRoute | None
) -> None:  # fmt: skip
    route = b or a
    assert route is not None
    key = (nsid, "routes", route.family, route.dst, route.table)
    out.add(
        out.with_link(nsid, route.oif or next((hop[1] for hop in route.nexthops), 0), key),
        "routes",
        peers.route_row(before, a) if a else None,
        peers.route_row(after, b) if b else None,
    )


def _route_key(route: RawRoute) -> tuple[Any, ...]:
    """A route without its weather, as something to count."""
    hops = tuple((gateway, oif, weight) for gateway, oif, weight, _ in route.nexthops)
    return (*route[:11], route.flags & ~_ROUTE_WEATHER, hops, tuple(sorted(route.metrics.items())))


def _deleted(route: RawRoute, after: Space) -> bool:
    """Whether the kernel's route for an address went although the address is there and its link is up."""
    link = after.links.get(route.oif)
    if route.protocol != "kernel" or route.type != "unicast" or link is None or not link[1].flags & IFF_UP:
        return False
    for other in after.routes4 if route.family == "inet" else after.routes6:
        if other.protocol == "kernel" and (other.dst, other.oif) == (route.dst, route.oif):
            return False  # it is in another table now, or has another metric
    if route.family == "inet":
        return any(a.ifindex == route.oif and a.address == route.prefsrc for a in after.addrs4)
    return any(a.ifindex == route.oif and not made_by_kernel(a) and inside(a.address, route.dst) for a in after.addrs6)


# Neighbours and rules


def _neighbours(out: _Changes, nsid: int, before: Space, after: Space) -> None:
    if before.fixed is after.fixed:
        return
    old, new = ({(e.family, e.ifindex, e.address, e.flags & 8): e for e in side.fixed} for side in (before, after))
    for key in {**old, **new}:
        a, b = old.get(key), new.get(key)
        if a and b and (a.mac, a.state, a.flags) == (b.mac, b.state, b.flags):
            continue
        out.add(
            out.with_link(nsid, key[1], (nsid, "neighbours", key[1], key[2])),
            "neighbours",
            peers.neighbour_row(before, a) if a else None,
            peers.neighbour_row(after, b) if b else None,
        )


def fixed(entries: Iterable[RawNeighbour], links: Mapping[int, tuple[int, RawLink]]) -> list[RawNeighbour]:
    """The neighbours that somebody set. NOARP ones are the kernel's own on links without ARP and for groups."""

    def counts(entry: RawNeighbour) -> bool:
        if entry.flags & 8 or entry.state == "PERMANENT":
            return True
        link = links.get(entry.ifindex)
        # IFF_NOARP, IFF_LOOPBACK, IFF_POINTOPOINT
        return (
            entry.state == "NOARP" and entry.type == 1 and link is not None and not link[1].flags & (0x80 | 0x8 | 0x10)
        )

    return [entry for entry in entries if counts(entry)]


def _rules(out: _Changes, nsid: int, before: Space, after: Space) -> None:
    for was, now in ((before.rules4, after.rules4), (before.rules6, after.rules6)):
        if was is now:
            continue
        old, new = (Counter(map(_rule_key, side)) for side in (was, now))
        example = {_rule_key(rule): rule for side in (was, now) for rule in side}
        for counter, come in ((old - new, False), (new - old, True)):
            for key in counter.elements():
                rule = example[key]
                if come and rule.extra.get("protocol") == "kernel":
                    continue
                row = peers.rule_row(after if come else before, rule)
                place = out.place(nsid, (nsid, "rules", rule.family, rule.priority))
                out.add(place, "rules", None if come else row, row if come else None)


def _rule_key(rule: RawRule) -> tuple[Any, ...]:
    return (*rule[:10], tuple(sorted(rule.extra.items())))
