"""The kernel has no route for a packet, or one that leads astray: which of the many reasons it is.

The question behind it is always "behind which interface is the one that is meant?". If one of ours is on the same cable or
switch, its address or length is wrong, or it is down; if none is, a gateway is missing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from nsmagic.model import HOST, Address, Link, Route, Rule
from nsmagic.why import addresses, fib, gateways, mending, stacked, wire
from nsmagic.why.finding import Finding, ip
from nsmagic.why.situation import Situation, family_of
from nsmagic.why.situation import ip as parsed


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
        return addresses.ipv6_disabled(ns, "all")
    near = gateways.nearest(s, ns, dst)
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
        bool(s.addresses(*place, family_of(towards), automatic=False)) and gateways.knows(s, place, towards) == 0
    )


def _same_wire(s: Situation, ns: str, link: Link, path: wire.Path, dst: str, way: str) -> Finding:
    """The other is on the same cable or switch, and still there is no route."""
    if not link.up:
        return wire.down(s, link)
    family = family_of(dst)
    if family == "inet6" and s.sysctl(ns, f"ipv6/conf/{link.ifname}/disable_ipv6"):
        return addresses.ipv6_disabled(ns, link.ifname)
    owner = next(row for row in s.owners(dst) if (row.ns, row.ifname) == path.end)
    mine = s.addresses(ns, link.ifname, family, automatic=family == "inet6" and parsed(dst).is_link_local)
    if not mine:
        return addresses.no_address(s, ns, link.ifname, owner)
    waiting = next((row for row in mine if s.tentative(row)), None)
    if waiting is not None:
        return addresses.tentative(waiting)
    return _connected(s, ns, dst, way, link.ifname) or addresses.length_or_subnet(
        s, ns, link.ifname, mine[0], owner, dst
    )


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
            return addresses.ipv6_disabled(ns, dev.ifname)
        if dev is not None:
            near = addresses.somebody(s, ns, dev.ifname, family)
            missing = addresses.no_address(s, ns, dev.ifname, near, dst)
            return missing if missing.fix else _elsewhere(s, ns, dev.ifname, dst) or missing
    waiting = next((row for row in s.addresses(ns, family=family, automatic=False) if s.tentative(row)), None)
    if waiting is not None:
        return addresses.tentative(waiting)
    downed = next(
        (link for link in usable if not link.up and s.addresses(ns, link.ifname, family, automatic=False)), None
    )
    gateway = gateways.gateway_for(s, ns, dst)
    if downed is not None and gateway is None:
        return wire.down(s, downed)
    gateway = gateway or gateways.gateway_for(s, ns, dst, broken=True)
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
    near = gateways.nearest(s, ns, dst)
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
    better = gateways.gateway_for(s, ns, dst) or gateways.gateway_for(s, ns, dst, broken=True)
    facts = {"gateway": gateway, "dst": dst, "dev": dev, "others": other[0].ns if other else ""}
    fix = (ip(ns, *six, "route", "replace", entry.dst, "via", better),) if better else _nobody(s, ns, dev, gateway)
    if not s.addresses(ns, dev, entry.family, automatic=False) and not parsed(gateway).is_link_local:
        return addresses.no_address(s, ns, dev, addresses.somebody(s, ns, dev, entry.family), gateway)
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
    gateway = gateways.gateway_for(s, ns, dst)
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
    elif (gateway := gateways.gateway_for(s, ns, dst)) is not None:
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
