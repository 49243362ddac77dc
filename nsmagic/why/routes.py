"""The kernel has no route for a packet, or one that leads astray: which of the many reasons it is.

The question behind it is always "behind which interface is the one that is meant?". If one of ours is on the same cable or
switch, its address or length is wrong, or it is down; if none is, a gateway is missing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace

from nsmagic.model import HOST, Address, Link, Route, Rule
from nsmagic.why import fib, mending, stacked, wire
from nsmagic.why.finding import Finding, inside, ip
from nsmagic.why.situation import Network, Question, Situation, family_of
from nsmagic.why.situation import ip as parsed

_PRIVATE4 = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def refused(
    s: Situation,
    ns: str,
    dst: str,
    src: str = "",
    iif: str = "",
    way: str = "out",
    transport: tuple[int, int, int] | None = None,
) -> Finding:
    """Why the kernel has no way to ``dst``; asked in the namespace that has to send."""  # fmt: skip
    family = family_of(dst)
    mine = next((row for row in s.owners(dst) if row.ns == ns), None)
    if mine is not None:
        link = s.link(ns, mine.ifname)
        if link is not None and not link.up:
            return wire.down(s, link)
    lo = s.link(ns, "lo")
    if (mine is not None or parsed(dst).is_loopback) and lo is not None and not lo.up:
        return wire.down(s, lo)
    match = fib.decide(s, ns, dst, src, iif, transport)
    if match.refuses:
        return _refusing(ns, match, dst)
    if match.rule is None and (sideways := _policy(s, ns, dst, src, iif, transport)) is not None:
        return sideways
    cables = s.cables(ns)
    if not cables:
        return not_plugged(s, ns, dst)
    if family == "inet6" and s.sysctl(ns, "ipv6/conf/all/disable_ipv6") and not s.addresses(ns, family="inet6"):
        return ipv6_disabled(ns, "all")
    near = nearest(s, ns, dst)
    if near is not None:
        return _same_wire(s, ns, near[0], near[1], dst, way)
    return _beyond(s, ns, cables, dst, src, way)


def _refusing(ns: str, match: fib.Match, dst: str) -> Finding:
    family = family_of(dst)
    six = ("-6",) if family == "inet6" else ()
    if match.route is None:
        rule = match.rule
        assert rule is not None
        fix = (ip(ns, *six, "rule", "del", "priority", str(rule.priority)),)
        facts = {"priority": rule.priority, "action": rule.action, "dst": dst}
        return Finding("policy-rule", ns, "", facts, (ip(ns, *six, "rule"),), fix)
    route = match.route
    table = () if route.table == 254 else ("table", str(route.table))
    facts = {"type": route.type, "route": route.dst, "dst": dst}
    fix = (ip(ns, *six, "route", "del", route.type, route.dst, *table),)
    see = (ip(ns, *six, "route", *(("show", *table) if table else ())),)
    return Finding("blackhole-route", ns, "", facts, see, fix)


def _policy(
    s: Situation, ns: str, dst: str, src: str, iif: str, transport: tuple[int, int, int] | None
) -> Finding | None:
    """The main table knows the way, but no rule leads to it."""
    if fib.best(s, ns, dst) is None:
        return None
    family = family_of(dst)
    six = ("-6",) if family == "inet6" else ()
    del src, iif, transport
    fix = (ip(ns, *six, "rule", "add", "priority", "32766", "table", "main"),)
    return Finding("policy-rule", ns, "", {"dst": dst}, (ip(ns, *six, "rule"),), fix, say="policy-main")


def not_plugged(s: Situation, ns: str, towards: str) -> Finding:
    """No interface but lo: a cable that nobody has plugged in may lie about, else one is made to where an address (or a namespace) is."""
    loose = [
        link
        for link in s.snapshot.links
        if wire.loose(s, link) and ns not in (link.ns, link.peer_ns) and (link.ns == HOST or ns in link.ifname)
    ]
    see = (ip(ns, "link"),)
    if not loose:
        return Finding(
            "not-plugged",
            ns,
            "",
            {},
            see,
            mending.plugged(s, ns, towards, knows=_known(s, towards)),
            say="not-plugged-none",
        )
    best = max(loose, key=lambda link: (ns in link.ifname, link.ns == HOST))
    fix = (ip(best.ns, "link", "set", best.ifname, "netns", ns),)
    return Finding("not-plugged", ns, "", {"cable": f"{best.ns}/{best.ifname}"}, see, fix)


def _known(s: Situation, towards: str) -> Callable[[wire.Place], bool] | None:
    """Who knows the way to an address; None for a namespace's name."""
    if not s.owners(towards):
        return None
    return lambda place: (
        bool(s.addresses(*place, family_of(towards), automatic=False)) and knows(s, place, towards) == 0
    )


def ipv6_disabled(ns: str, dev: str) -> Finding:
    words = f"net.ipv6.conf.{dev}.disable_ipv6"
    return Finding(
        "ipv6-disabled",
        ns,
        dev if dev != "all" else "",
        {},
        (inside(ns, "sysctl", words),),
        (inside(ns, "sysctl", "-w", f"{words}=0"),),
    )


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


def _same_wire(s: Situation, ns: str, link: Link, path: wire.Path, dst: str, way: str) -> Finding:
    """The other is on the same cable or switch, and still there is no route."""
    if not link.up:
        return wire.down(s, link)
    family = family_of(dst)
    if family == "inet6" and s.sysctl(ns, f"ipv6/conf/{link.ifname}/disable_ipv6"):
        return ipv6_disabled(ns, link.ifname)
    owner = next(row for row in s.owners(dst) if (row.ns, row.ifname) == path.end)
    mine = s.addresses(ns, link.ifname, family, automatic=family == "inet6" and parsed(dst).is_link_local)
    if not mine:
        return no_address(s, ns, link.ifname, owner)
    waiting = next((row for row in mine if s.tentative(row)), None)
    if waiting is not None:
        return tentative(waiting)
    return _connected(s, ns, dst, way, link.ifname) or _length_or_subnet(s, ns, link.ifname, mine[0], owner, dst)


def _connected(s: Situation, ns: str, dst: str, way: str, dev: str = "") -> Finding | None:
    """An address of ours is of the same network, and the route that came with it is gone."""
    for row in s.addresses(ns, dev, family_of(dst)):
        link = s.link(ns, row.ifname)
        if parsed(dst) in s.network(row) and row.ifname != "lo" and link is not None and link.up:
            network = s.network(row)
            facts = {"dst": dst, "network": network, "dev": row.ifname}
            fix = (ip(ns, "route", "add", str(network), "dev", row.ifname),)
            return Finding(_missing(way), ns, row.ifname, facts, _see(ns, dst), fix, say="no-route-connected")
    return None


def _length_or_subnet(s: Situation, ns: str, dev: str, mine: Address, owner: Address, dst: str) -> Finding:
    six = ("-6",) if mine.family == "inet6" else ()
    length = _length(mine, owner)
    if length is not None:
        facts = {
            "address": f"{mine.address}/{mine.prefixlen}", "dst": dst, "ns": ns, "dev": dev,
            "table": "the route table is empty" if not s.routes_of_main(ns, mine.family) else "no route covers " + dst,
        }  # fmt: skip
        full = mine.prefixlen == parsed(mine.address).max_prefixlen
        fix = (
            ip(ns, "addr", "del", f"{mine.address}/{mine.prefixlen}", "dev", dev),
            ip(ns, "addr", "add", f"{mine.address}/{length}", "dev", dev),
        )
        return Finding(
            "prefix-length", ns, dev, facts, (ip(ns, *six, "route"),), fix, say="" if full else "prefix-narrow"
        )
    return _two_networks(s, ns, dev, mine, owner, dst)


def _two_networks(s: Situation, ns: str, dev: str, mine: Address, owner: Address, dst: str) -> Finding:
    """One wire, and the addresses at its ends are of different networks."""
    network = s.network(owner)
    facts = {"address": f"{mine.address}/{mine.prefixlen}", "dst": dst, "other": owner.ns}
    facts["theirs"] = f"{owner.address}/{owner.prefixlen}"
    free = _free(s, network)
    fix: tuple[str, ...] = (ip(ns, "addr", "add", f"{free}/{network.prefixlen}", "dev", dev),) if free else ()
    see = (ip(ns, "addr", "show", "dev", dev), ip(owner.ns, "addr", "show", "dev", owner.ifname))
    return Finding("wrong-subnet", ns, dev, facts, see, fix)


def _length(mine: Address, owner: Address) -> int | None:
    """The length with which ours would cover the other's address; None when they do not look like one network."""
    full = parsed(mine.address).max_prefixlen
    usual = 24 if full == 32 else 64
    for length in dict.fromkeys((owner.prefixlen, usual)):
        if length < full and length < mine.prefixlen:
            network = ipaddress.ip_network(f"{mine.address}/{length}", strict=False)
            if parsed(owner.address) in network:
                return length
    if mine.prefixlen == full and owner.prefixlen == full:
        for length in (16, 8) if full == 32 else (48,):
            if parsed(owner.address) in ipaddress.ip_network(f"{mine.address}/{length}", strict=False):
                return length
    return None


def _free(s: Situation, network: Network, dst: str = "") -> str:
    """An address of a network that nobody has, and that is not the one to be reached."""
    taken = {dst, *(row.address for row in s.snapshot.addrs)}
    for number in range(1, min(network.num_addresses - 1, 512)):
        address = str(network[number])
        if address not in taken:
            return address
    return ""


def no_address(s: Situation, ns: str, dev: str, near: Address | None, dst: str = "") -> Finding:
    """An interface without an address of the family: one of its neighbour's network, or, where nobody near has any, of that of ``dst``."""
    fix: tuple[str, ...] = ()
    if near is None and dst and parsed(dst).is_private and not s.owners(dst):
        near = Address(ns, 0, dev, family_of(dst), dst, parsed(dst).max_prefixlen)
    if near is not None:
        network = s.network(near)
        if network.prefixlen == network.max_prefixlen:
            network = ipaddress.ip_network(f"{near.address}/{24 if network.version == 4 else 64}", strict=False)
        free = _free(s, network, dst)
        if free:
            fix = (ip(ns, "addr", "add", f"{free}/{network.prefixlen}", "dev", dev),)
    return Finding("no-address", ns, dev, {}, (ip(ns, "addr", "show", "dev", dev),), fix)


def link_local_only(s: Situation, ns: str, dev: str, src: str, dst: str) -> Finding:
    """The sender has nothing but a link-local address, which a router does not pass on (``ip6_forward`` in net/ipv6/ip6_output.c)."""
    found = no_address(s, ns, dev, _somebody(s, ns, dev, "inet6"), dst)
    return replace(found, facts={"address": src}, say="no-address-link-local")


def tentative(row: Address) -> Finding:
    """An IPv6 address that the kernel still asks around for."""
    see = (ip(row.ns, "-6", "addr", "show", "dev", row.ifname),)
    return Finding(
        "address-tentative", row.ns, row.ifname, {"address": row.address}, see, ("sleep 2",), say="tentative"
    )


def _beyond(s: Situation, ns: str, cables: Sequence[Link], dst: str, src: str, way: str) -> Finding:
    """Nobody on our cables has the address: a gateway is needed."""
    family = family_of(dst)
    usable = [link for link in cables if not link.master]
    if usable and not any(link.up for link in usable):
        return wire.down(s, usable[0])
    if not s.addresses(ns, family=family, automatic=False) or all(
        row.ifname == "lo" for row in s.addresses(ns, family=family, automatic=False)
    ):
        dev = next((link for link in usable if link.up), None)
        if dev is not None and family == "inet6" and s.sysctl(ns, f"ipv6/conf/{dev.ifname}/disable_ipv6"):
            return ipv6_disabled(ns, dev.ifname)
        if dev is not None:
            near = _somebody(s, ns, dev.ifname, family)
            missing = no_address(s, ns, dev.ifname, near, dst)
            return missing if missing.fix else _elsewhere(s, ns, dev.ifname, dst) or missing
    waiting = next((row for row in s.addresses(ns, family=family, automatic=False) if s.tentative(row)), None)
    if waiting is not None:
        return tentative(waiting)
    downed = next(
        (link for link in usable if not link.up and s.addresses(ns, link.ifname, family, automatic=False)), None
    )
    gateway = gateway_for(s, ns, dst)
    if downed is not None and gateway is None:
        return wire.down(s, downed)
    gateway = gateway or gateway_for(s, ns, dst, broken=True)
    if gateway is None and (gone := _connected(s, ns, dst, way)) is not None:
        return gone
    goal = "default" if fib.best(s, ns, "::" if family == "inet6" else "0.0.0.0") is None else _network_of(s, dst)
    facts = {"dst": dst, "src": src, "gateway": gateway or ""}
    fix = (ip(ns, "route", "add", goal, "via", gateway),) if gateway else ()
    return Finding(
        _missing(way), ns, "", facts, _see(ns, dst), fix, say="" if gateway else _missing(way) + "-no-gateway"
    )


def _elsewhere(s: Situation, ns: str, dev: str, dst: str) -> Finding | None:
    """Our cables lead to nobody who has an address: they are not those that are needed."""
    fix = mending.plugged(s, ns, dst, knows=_known(s, dst)) if s.owners(dst) else ()
    return (
        Finding("not-plugged", ns, "", {"dst": dst, "dev": dev}, (ip(ns, "link"),), fix, say="not-plugged-elsewhere")
        if fix
        else None
    )


def _missing(way: str) -> str:
    return "no-return-route" if way == "back" else "no-route"


def _see(ns: str, dst: str) -> tuple[str, ...]:
    return (ip(ns, "route", "get", dst),)


def _network_of(s: Situation, dst: str) -> str:
    owner = next(iter(s.owners(dst)), None)
    return str(s.network(owner)) if owner is not None else dst


def _somebody(s: Situation, ns: str, dev: str, family: str) -> Address | None:
    """An address on our cable; one behind something that is broken too is better than none."""
    for place, _ in sorted(wire.reach(s, ns, dev).items(), key=lambda each: each[1].cost):
        for row in s.addresses(place.ns, place.dev, family, automatic=False):
            return row
    return None


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


def astray(s: Situation, ns: str, route: Route, dst: str, nexthop: str) -> Finding:
    """There is a route, but behind its interface nobody has the next hop's address."""
    match = fib.decide(s, ns, dst, route.prefsrc)
    entry = match.route or route
    for owner in s.owners(nexthop):
        if owner.ns != ns and (on_port := stacked.port(s, owner.ns, owner.ifname, owner.family)) is not None:
            return on_port
    if nexthop != dst:
        return _gateway_astray(s, ns, route.dev, entry, dst, nexthop)
    if match.by_policy and match.rule is not None:
        return _sent_by_rule(ns, match.rule, route.dev, dst)
    owners = [row for row in s.owners(nexthop) if row.ns != ns]
    if not owners:
        facts = {"dst": dst, "dev": route.dev}
        see = (ip(ns, "neigh", "show", "dev", route.dev),)
        return Finding("address-not-local", ns, route.dev, facts, see, _nobody(s, ns, route.dev, dst))
    for owner in owners:
        if (apart := stacked.apart(s, ns, route.dev, owner)) is not None:
            return apart
    near = nearest(s, ns, dst)
    if (
        near is None
        and entry.protocol == "kernel"
        and (wide := _too_wide(s, ns, route.dev, owners[0], dst)) is not None
    ):
        return wide
    return _wrong(s, ns, route.dev, entry, near, owners[0], dst)


def _six(family: str) -> tuple[str, ...]:
    return ("-6",) if family == "inet6" else ()


def _gateway_astray(s: Situation, ns: str, dev: str, entry: Route, dst: str, gateway: str) -> Finding:
    other, six = s.owners(gateway), _six(entry.family)
    better = gateway_for(s, ns, dst) or gateway_for(s, ns, dst, broken=True)
    facts = {"gateway": gateway, "dst": dst, "dev": dev, "others": other[0].ns if other else ""}
    fix = (ip(ns, *six, "route", "replace", entry.dst, "via", better),) if better else _nobody(s, ns, dev, gateway)
    if not s.addresses(ns, dev, entry.family, automatic=False) and not parsed(gateway).is_link_local:
        return no_address(s, ns, dev, _somebody(s, ns, dev, entry.family), gateway)
    on_link = any(parsed(gateway) in s.network(row) for row in s.addresses(ns, dev))
    if not on_link and not parsed(gateway).is_link_local:
        return Finding("gateway-off-link", ns, dev, facts, (ip(ns, *six, "route"),), fix)
    see = (ip(ns, *six, "route"), ip(ns, "neigh", "show", "dev", dev))
    return Finding("gateway-unreachable", ns, dev, facts, see, fix, say="gateway-elsewhere" if other else "")


def _sent_by_rule(ns: str, rule: Rule, dev: str, dst: str) -> Finding:
    facts = {"priority": rule.priority, "table": rule.table, "dst": dst, "dev": dev}
    six = _six(rule.family)
    see = (ip(ns, *six, "rule"), ip(ns, *six, "route", "show", "table", str(rule.table)))
    fix = (ip(ns, *six, "rule", "del", "priority", str(rule.priority)),)
    return Finding("policy-rule", ns, "", facts, see, fix, say="policy-table")


def _too_wide(s: Situation, ns: str, dev: str, owner: Address, dst: str) -> Finding | None:
    """Our own network is so large that it takes in one that is elsewhere."""
    mine = next((row for row in s.addresses(ns, dev) if parsed(dst) in s.network(row)), None)
    if mine is None or owner.prefixlen <= mine.prefixlen:
        return None
    length = owner.prefixlen
    if parsed(owner.address) in ipaddress.ip_network(f"{mine.address}/{length}", strict=False):
        return None
    gateway = gateway_for(s, ns, dst)
    facts = {"address": f"{mine.address}/{mine.prefixlen}", "dst": dst, "length": length}
    fix = [
        ip(ns, "addr", "del", f"{mine.address}/{mine.prefixlen}", "dev", dev),
        ip(ns, "addr", "add", f"{mine.address}/{length}", "dev", dev),
    ]
    if gateway:
        fix.append(ip(ns, "route", "add", "default", "via", gateway))
    see = (ip(ns, *_six(mine.family), "route"),)
    return Finding("prefix-length", ns, dev, facts, see, tuple(fix), say="prefix-wide")


def _wrong(
    s: Situation, ns: str, dev: str, entry: Route, near: tuple[Link, wire.Path] | None, owner: Address, dst: str
) -> Finding:
    """The route leads out by one interface, and the address is behind another, or behind a gateway."""
    six = _six(entry.family)
    facts = {"route": entry.dst, "dev": dev, "dst": dst, "other": f"{owner.ns}/{owner.ifname}"}
    fix = [ip(ns, *six, "route", "del", entry.dst, "dev", dev)]
    if near is not None and near[0].ifname != dev:
        covering = [row for row in s.addresses(ns, near[0].ifname) if parsed(dst) in s.network(row)]
        twice = next((row for row in covering if entry.dst == str(s.network(row))), None)
        if twice is not None and any(str(s.network(row)) == entry.dst for row in s.addresses(ns, dev)):
            facts["near"] = near[0].ifname
            host = (f"{dst}/{32 if entry.family == 'inet' else 128}", "dev", near[0].ifname, "src", twice.address)
            see = (ip(ns, *six, "route"), ip(ns, "route", "get", dst))
            return Finding(
                "wrong-route", ns, dev, facts, see, (ip(ns, *six, "route", "add", *host),), say="wrong-route-twice"
            )
        if not covering or entry.dst == str(s.network(covering[0])):
            fix.append(ip(ns, *six, "route", "replace", entry.dst, "dev", near[0].ifname))
    elif (gateway := gateway_for(s, ns, dst)) is not None:
        fix.append(ip(ns, *six, "route", "replace", entry.dst, "via", gateway))
    return Finding("wrong-route", ns, dev, facts, (ip(ns, "route", "get", dst),), tuple(fix))


def _nobody(s: Situation, ns: str, dev: str, dst: str) -> tuple[str, ...]:
    """Give the address to the neighbour whose it must be."""
    reach, family = wire.reach(s, ns, dev), family_of(dst)
    near = [place for place, path in reach.items() if not path.cost and place.ns != ns]
    # If it is none of those that we reach, it is one of those that we would if something else were mended too.
    owner = mending.lone(s, near, family) or mending.lone(s, [place for place in reach if place.ns != ns], family)
    lengths = mending.networks(s, ns, dev, dst)
    if owner is None or not lengths:
        return ()
    return (ip(owner.ns, "addr", "add", f"{dst}/{lengths[0]}", "dev", owner.dev),)


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
