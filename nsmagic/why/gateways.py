"""Who is behind a cable, and which neighbour knows the way: what a missing or wrong route should have been."""

from __future__ import annotations

import ipaddress

from nsmagic.model import Link
from nsmagic.why import wire
from nsmagic.why.situation import Question, Situation, family_of
from nsmagic.why.situation import ip as parsed

_PRIVATE4 = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def nearest(s: Situation, ns: str, dst: str) -> tuple[Link, wire.Path] | None:
    """Our interface behind which somebody has the address, with the best way to it."""
    holders = {wire.Place(row.ns, row.ifname) for row in s.owners(dst) if row.ns != ns}
    found: list[tuple[int, int, Link, wire.Path]] = []
    if not holders:
        return None
    for link in s.cables(ns):
        if link.master and (above := s.link(ns, link.master)) is not None and above.kind == "bridge":
            continue
        for place, path in wire.reach(s, ns, link.ifname).items():
            if place in holders:
                # Between equals, one that has an address is more likely meant.
                plain = not s.addresses(ns, link.ifname, family_of(dst), automatic=False)
                found.append((path.cost + (not link.up), plain, link, path))
    best = min(found, key=lambda each: each[:2], default=None)
    return (best[2], best[3]) if best is not None else None


def gateway_for(s: Situation, ns: str, dst: str, broken: bool = False) -> str | None:
    """A neighbour that knows the way: the address by which we would have to name it. With ``broken``, also one that cannot be reached as long as
    something else is not mended."""
    family = family_of(dst)
    found: list[tuple[int, str]] = []
    for row in s.addresses(ns, family=family, automatic=False):
        link = s.link(ns, row.ifname)
        if link is None or not link.up or link.kind == "loopback":
            continue
        for place, path in wire.reach(s, ns, row.ifname).items():
            if (path.cost and not broken) or place.ns == ns or needs(s, path, dst):
                continue
            theirs = [
                each
                for each in s.addresses(place.ns, place.dev, family, automatic=False)
                if parsed(each.address) in s.network(row)
            ]
            rank = knows(s, place, dst) if theirs else None
            if theirs and rank is None and broken:
                rank = _would_know(s, place, dst)
            if rank is not None:
                found.append((rank + 2 * bool(path.tunnels) + 4 * path.cost, theirs[0].address))
    return min(found)[1] if found else None


def needs(s: Situation, path: wire.Path, dst: str) -> bool:
    """Whether a way goes through a tunnel whose own packets go where ``dst`` is: with a route through it they would go through it too."""
    return any(parsed(dst) in s.network(row) for tunnel in path.tunnels for row in s.owners(tunnel.remote))


def _would_know(s: Situation, place: wire.Place, dst: str) -> int | None:
    """Whether a neighbour would know a way if it were mended: it is beside the goal, and its own route is wrong (2); or it has a route, and
    something that goes before (3)."""
    if nearest(s, place.ns, dst) is not None:
        return 2
    onward = (
        row for row in s.routes(place.ns, family_of(dst)) if row.type == "unicast" and row.dev not in ("", place.dev)
    )
    return 3 if any(row.dst == "default" or parsed(dst) in ipaddress.ip_network(row.dst) for row in onward) else None


def knows(s: Situation, place: wire.Place, dst: str) -> int | None:
    """Whether a neighbour knows a way to somewhere that does not lead back to us: 0 when it forwards, 1 when it does not yet."""
    if any(row.ns == place.ns for row in s.owners(dst)):
        return 0
    if len([link for link in s.links(place.ns) if link.kind != "loopback"]) < 2:
        return None  # with one interface it is nobody's router
    answer = s.ask(Question(place.ns, dst))
    if answer.errno or answer.route is None or answer.route.dev in ("", place.dev):
        return None
    return 0 if forwards(s, place.ns, place.dev, dst) else 1


def forwards(s: Situation, ns: str, dev: str, dst: str) -> bool:
    """Whether a namespace passes on what comes in by an interface."""
    if family_of(dst) == "inet6":
        return bool(s.sysctl(ns, "ipv6/conf/all/forwarding"))
    return bool(s.sysctl(ns, f"ipv4/conf/{dev}/forwarding", s.sysctl(ns, "ipv4/ip_forward")))


def outside_of_us(s: Situation, ns: str, address: str) -> bool:
    """Whether a namespace cannot be expected to know a private address: an outside one, or one with a public address."""
    if ns.startswith("("):
        return True
    private = any(parsed(address) in net for net in _PRIVATE4 if net.version == parsed(address).version)
    theirs = [
        row
        for row in s.addresses(ns, family=family_of(address), automatic=False)
        if row.ifname != "lo" or row.scope == "global"
    ]
    return private and any(parsed(row.address).is_global for row in theirs)
