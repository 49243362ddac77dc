"""Who answers for an address on a cable or switch: the question of ARP and of neighbour discovery, and what spoils it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsmagic.model import IFF_NOARP, Address, Link, Route
from nsmagic.why import addresses, gateways, mending, routes, stacked, wire
from nsmagic.why.finding import Finding, inside, ip
from nsmagic.why.situation import Question, Situation, family_of

#: States of an entry that are of no use.
_USELESS = frozenset({"FAILED", "INCOMPLETE", "NONE", ""})


class Delivery:
    """What became of one leg: who gets the packet, by which way; or why nobody does."""

    def __init__(self, path: wire.Path | None, finding: Finding | None = None, more: tuple[Finding, ...] = ()) -> None:
        self.path, self.finding, self.more = path, finding, more


def deliver(s: Situation, ns: str, link: Link, route: Route, dst: str, nexthop: str, way: str) -> Delivery:
    """One leg: from an interface to whoever answers for the next hop's address."""
    if not link.up:
        return Delivery(None, wire.down(s, link))
    if link.kind in wire.OPAQUE:
        return Delivery(None, opaque(link))
    reach = wire.reach(s, ns, link.ifname)
    near = {place: path for place, path in reach.items() if not path.cost}
    holders = [place for place in near if answers_for(s, place, nexthop)]
    own = [place for place in holders if any((row.ns, row.ifname) == place for row in s.owners(nexthop))]
    holders = own or holders[:1]
    entry = s.neighbour(ns, link.ifname, nexthop)
    if entry is not None and entry.mac and entry.state not in _USELESS:
        return _known(s, ns, link, nexthop, entry.mac, entry.state, near, holders) or _search(
            s, ns, link, route, dst, nexthop, way, reach
        )
    if (on_port := stacked.port(s, ns, link.ifname, route.family)) is not None:
        return Delivery(None, on_port)
    if link.flags & IFF_NOARP and link.kind not in ("loopback", "dummy", "vxlan") and holders:
        fix = (ip(ns, "link", "set", link.ifname, "arp", "on"),)
        finding = Finding(
            "arp-unanswered",
            ns,
            link.ifname,
            {"dst": nexthop},
            (ip(ns, "link", "show", link.ifname),),
            fix,
            say="arp-off-here",
        )
        return Delivery(near[holders[0]], finding)
    if len(holders) > 1:
        return Delivery(near[holders[0]], duplicate(s, holders, nexthop))
    if holders:
        twin = _twin(s, ns, link, holders[0], near)
        return Delivery(near[holders[0]], twin)
    return _search(s, ns, link, route, dst, nexthop, way, reach)


def opaque(link: Link) -> Finding:
    """An interface behind which the kernel's packets go where we cannot look."""
    facts = {"kind": link.kind, "dev": link.ifname}
    return Finding("not-supported", link.ns, link.ifname, facts, (ip(link.ns, "-d", "link", "show", link.ifname),))


def answers_for(s: Situation, place: wire.Place, address: str) -> bool:
    """Whether an interface would answer who has the address (``arp_process`` in net/ipv4/arp.c, ``ndisc_recv_ns``)."""
    ns, dev = place
    link = s.link(ns, dev)
    if link is None or not link.up or link.flags & IFF_NOARP:
        return False
    mine = [row for row in s.addresses(ns) if row.address == address and s.is_up(row)]
    if address in s.proxies(ns, dev):
        return True
    if family_of(address) == "inet6":
        return any(row.ifname == dev for row in mine)
    if not mine:
        return _proxies(s, place, address)
    ignore = max(s.sysctl(ns, "ipv4/conf/all/arp_ignore"), s.sysctl(ns, f"ipv4/conf/{dev}/arp_ignore"))
    if ignore == 0:
        return True
    return ignore < 3 and any(row.ifname == dev for row in mine)


def _proxies(s: Situation, place: wire.Place, address: str) -> bool:
    """``proxy_arp``: a router answers for what it knows behind another interface."""
    ns, dev = place
    if not (s.sysctl(ns, f"ipv4/conf/{dev}/proxy_arp") or s.sysctl(ns, "ipv4/conf/all/proxy_arp")):
        return False
    answer = s.ask(Question(ns, address))
    return answer.route is not None and answer.route.type == "unicast" and answer.route.dev not in ("", dev)


def _known(
    s: Situation,
    ns: str,
    link: Link,
    nexthop: str,
    mac: str,
    state: str,
    near: dict[wire.Place, wire.Path],
    holders: list[wire.Place],
) -> Delivery | None:
    """An entry is there already; nobody is asked, right or wrong."""  # fmt: skip
    macs = {place: found.mac for place in near if (found := s.link(*place)) is not None}
    right = [place for place in holders if macs[place] == mac]
    if right:
        twin = _twin(s, ns, link, right[0], near)
        return Delivery(near[right[0]], twin if len(holders) == 1 else duplicate(s, holders, nexthop, mac))
    taken = [place for place, each in macs.items() if each == mac]
    if not holders:
        # Nobody would answer, but with this entry nobody is asked: who has the address and this MAC gets it.
        fits = [place for place in taken if any(row.ns == place.ns for row in s.owners(nexthop))]
        return Delivery(near[fits[0]]) if fits else None
    if state not in ("PERMANENT", "NOARP"):
        # The kernel asks again before long when nobody confirms it.
        outdated = _outdated(ns, link, nexthop, mac, holders[0], macs[holders[0]])
        return Delivery(near[holders[0]], outdated if len(holders) == 1 else duplicate(s, holders, nexthop, mac))
    facts = {
        "dst": nexthop,
        "mac": mac,
        "state": state.lower(),
        "right": macs[holders[0]],
        "owner": "/".join(holders[0]),
    }
    fix = (ip(ns, "neigh", "del", nexthop, "dev", link.ifname),)
    see = (ip(ns, "neigh", "show", nexthop, "dev", link.ifname), ip(holders[0].ns, "link", "show", holders[0].dev))
    return Delivery(near[holders[0]], Finding("wrong-static-neighbour", ns, link.ifname, facts, see, fix))


def _outdated(ns: str, link: Link, dst: str, mac: str, owner: wire.Place, right: str) -> Finding:
    """An entry that was right once. Of weight only when the packet is lost."""
    facts = {"dst": dst, "mac": mac, "right": right, "owner": "/".join(owner)}
    see = (ip(ns, "neigh", "show", dst, "dev", link.ifname), ip(owner.ns, "link", "show", owner.dev))
    fix = (ip(ns, "neigh", "del", dst, "dev", link.ifname),)
    return Finding(
        "wrong-static-neighbour", ns, link.ifname, facts, see, fix, say="neighbour-outdated", soft=True, idle=True
    )


def duplicate(s: Situation, holders: list[wire.Place], address: str, known: str = "") -> Finding:
    """Several have the same address on one wire: whoever answers first gets the packets. The one whose MAC is ``known`` already, or
    that is a router, was there before; the other is named."""

    def rank(place: wire.Place) -> tuple[bool, bool, wire.Place]:
        link = s.link(*place)
        return not (known and link is not None and link.mac == known), not gateways.forwards(s, *place, address), place

    places = sorted(holders, key=rank)
    rows = [row for row in s.owners(address) if (row.ns, row.ifname) == places[-1]]
    length = rows[0].prefixlen if rows else 24
    facts = {"address": address, "places": " and ".join("/".join(place) for place in places)}
    fix = (ip(places[-1].ns, "addr", "del", f"{address}/{length}", "dev", places[-1].dev),)
    see = tuple(ip(place.ns, "addr", "show", "dev", place.dev) for place in places)
    return Finding("duplicate-address", places[-1].ns, places[-1].dev, facts, see, fix, soft=True)


def _twin(s: Situation, ns: str, link: Link, holder: wire.Place, near: dict[wire.Place, wire.Path]) -> Finding | None:
    """Somebody else on the wire has the MAC of the receiver, or ours."""
    target = s.link(*holder)
    if (
        target is None
        or not target.mac
        or link.kind in ("macvlan", "ipvlan", "vlan")
        or target.kind in ("vlan", "ipvlan")
    ):
        return None
    if not any(place != holder for place in near) and link.mac != target.mac:
        return None
    others = [(ns, link.ifname), *(place for place in near if place != holder)]
    for place in others:
        other = s.link(*place)
        if other is not None and other.mac == target.mac and other.kind not in ("vlan", "ipvlan"):
            if (place == (ns, link.ifname)) and not any(hop.what.startswith("gets it by") for hop in near[holder].hops):
                continue  # a cable's two ends do not mind
            bytes_ = bytes.fromhex(target.mac.replace(":", ""))
            new = "02:" + bytes((*bytes_[1:5], bytes_[5] ^ 0x55)).hex(":")
            facts = {"mac": target.mac, "one": "/".join(holder), "other": "/".join(place)}
            fix = (ip(holder.ns, "link", "set", holder.dev, "address", new),)
            see = (ip(holder.ns, "link", "show", holder.dev), ip(place[0], "link", "show", place[1]))
            return Finding("duplicate-mac", holder.ns, holder.dev, facts, see, fix, soft=True)
    return None


def _search(
    s: Situation,
    ns: str,
    link: Link,
    route: Route,
    dst: str,
    nexthop: str,
    way: str,
    reach: dict[wire.Place, wire.Path],
) -> Delivery:
    """Nobody answers: where is the one that should?"""
    owners = {wire.Place(row.ns, row.ifname): row for row in s.owners(nexthop) if row.ns != ns}
    places = [place for place in reach if place in owners or place.ns in {each.ns for each in owners}]
    places.sort(key=lambda place: (reach[place].cost, place not in owners))
    if not owners and (dead := _without_addresses(s, nexthop, reach)) is not None:
        return dead
    if not places:
        astray = routes.astray(s, ns, route, dst, nexthop)
        return Delivery(None, _cut(s, link, nexthop, reach) or astray)
    best = reach[places[0]]
    if best.faults:
        return Delivery(best, best.faults[0], best.faults[1:])
    for row in owners.values():
        if (on_port := stacked.port(s, row.ns, row.ifname, row.family)) is not None:
            return Delivery(best, on_port)
    return Delivery(best, _silent(s, places[0], owners, nexthop))


def _without_addresses(s: Situation, nexthop: str, reach: dict[wire.Place, wire.Path]) -> Delivery | None:
    """A link that goes down loses its IPv6 addresses: nobody has this one, but somebody with none has his link down."""
    if family_of(nexthop) == "inet":
        return None
    dead = [path for place, path in reach.items() if path.faults and not s.addresses(place.ns, place.dev, "inet6")]
    dead = [path for path in dead if (link := s.link(*path.end)) is not None and not link.up]
    if len({path.faults[0] for path in dead}) != 1:
        return None
    # What stands before all of them comes first, whichever of them it is.
    return Delivery(dead[0], dead[0].faults[0], dead[0].faults[1:] if len(dead) == 1 else ())


def _cut(s: Situation, link: Link, nexthop: str, reach: dict[wire.Place, wire.Path]) -> Finding | None:
    """Nobody at all is behind the interface; or nobody as things are, and it is known where a cable is missing."""
    found = _without_cable(s, link, nexthop)
    others = [path.cost for place, path in reach.items() if place.ns != link.ns]
    return found if found is not None and (not others or (found.fix and min(others))) else None


def _without_cable(s: Situation, link: Link, nexthop: str) -> Finding | None:
    see = (ip(link.ns, "link", "show", link.ifname),)
    if link.kind == "veth" and not link.peer:
        return Finding("no-carrier", link.ns, link.ifname, {}, see, say="no-carrier-peer")
    if link.kind == "bridge" and not s.ports.get((link.ns, link.ifname)):
        return Finding(
            "no-carrier",
            link.ns,
            link.ifname,
            {},
            see,
            mending.plugged(s, link.ns, nexthop, link.ifname),
            say="no-carrier-bridge",
        )
    if link.kind not in ("veth", "bridge", "loopback", "dummy") and not link.carrier:
        return Finding("no-carrier", link.ns, link.ifname, {}, see)
    return None


def _silent(s: Situation, place: wire.Place, owners: Mapping[wire.Place, object], address: str) -> Finding:
    """The one that has the address is there, and says nothing."""
    ns, dev = place
    link = s.link(ns, dev)
    rows = [row for row in s.owners(address) if row.ns == ns]
    unusable = next((found for row in rows if (found := _unusable(s, row)) is not None), None)
    if unusable is not None:
        return unusable
    facts: dict[str, Any] = {"dst": address, "dev": dev, "ns": ns}
    see: tuple[str, ...] = (ip(ns, "addr", "show", "dev", dev),)
    if link is not None and link.flags & IFF_NOARP:
        on = (ip(ns, "link", "set", dev, "arp", "on"),)
        return Finding("arp-unanswered", ns, dev, facts, (ip(ns, "link", "show", dev),), on, say="arp-off")
    name = next((word for word in (dev, "all") if s.sysctl(ns, f"ipv4/conf/{word}/arp_ignore")), "")
    if family_of(address) == "inet" and name:
        word = f"net.ipv4.conf.{name}.arp_ignore"
        facts["value"] = s.sysctl(ns, f"ipv4/conf/{name}/arp_ignore")
        see, zero = (inside(ns, "sysctl", word),), (inside(ns, "sysctl", "-w", f"{word}=0"),)
        return Finding("arp-unanswered", ns, dev, facts, see, zero, say="arp-ignore")
    elsewhere = next((row for row in rows if row.ifname != dev), None)
    if elsewhere is not None and place not in owners:
        facts["holder"] = elsewhere.ifname
        prefix = f"{address}/{elsewhere.prefixlen}"
        move = (ip(ns, "addr", "del", prefix, "dev", elsewhere.ifname), ip(ns, "addr", "add", prefix, "dev", dev))
        return Finding("arp-unanswered", ns, dev, facts, (ip(ns, "addr"),), move, say="address-on-other")
    return Finding("arp-unanswered", ns, dev, facts, see)


def _unusable(s: Situation, row: Address) -> Finding | None:
    """An address that its owner does not use: its link is down, or somebody else was found to have it."""
    held = s.link(row.ns, row.ifname)
    if held is not None and not held.up:
        return wire.down(s, held)
    if s.tentative(row):
        return addresses.tentative(row)
    if s.is_up(row):
        return None
    facts = {"address": row.address, "places": f"{row.ns}/{row.ifname} and another"}
    see = (ip(row.ns, "addr", "show", "dev", row.ifname),)
    fix = (ip(row.ns, "addr", "del", f"{row.address}/{row.prefixlen}", "dev", row.ifname),)
    return Finding("duplicate-address", row.ns, row.ifname, facts, see, fix)
