"""What a router does with a packet that is not for itself: may it pass it on, does it believe the source, does it live long enough."""

from __future__ import annotations

from nsmagic.why import fib, gateways, wire
from nsmagic.why.finding import Finding, inside, ip
from nsmagic.why.situation import Question, Situation, family_of
from nsmagic.why.situation import ip as parsed


def spoofed(s: Situation, ns: str, dev: str, src: str, dst: str) -> Finding | None:
    """Why the kernel does not believe a source address (``__fib_validate_source`` in net/ipv4/fib_frontend.c)."""
    twins = [row for row in s.owners(src) if row.ns == ns]
    if twins:
        row = twins[0]
        facts = {"address": src, "places": f"{ns}/{row.ifname} and the sender"}
        fix = (ip(ns, "addr", "del", f"{src}/{row.prefixlen}", "dev", row.ifname),)
        return Finding(
            "duplicate-address",
            ns,
            row.ifname,
            facts,
            (ip(ns, "addr", "show", "dev", row.ifname),),
            fix,
            say="source-mine",
        )
    every, own = s.sysctl(ns, "ipv4/conf/all/rp_filter"), s.sysctl(ns, f"ipv4/conf/{dev}/rp_filter")
    if not max(every, own):
        return None
    back = s.ask(Question(ns, src, dst if any(row.ns == ns for row in s.owners(dst)) else ""))
    via = back.route.dev if back.route is not None else ""
    names = [name for name, value in (("all", every), (dev, own)) if value]
    see = (inside(ns, "sysctl", *(f"net.ipv4.conf.{name}.rp_filter" for name in names)), ip(ns, "route", "get", src))
    fix = (inside(ns, "sysctl", "-w", *(f"net.ipv4.conf.{name}.rp_filter=0" for name in names)),)
    facts = {"src": src, "dev": dev, "via": via, "ns": ns}
    return Finding("rp-filter", ns, dev, facts, see, fix, say="" if via else "rp-filter-none")


def forwards(s: Situation, ns: str, dev: str, dst: str) -> Finding | None:
    """Whether the namespace passes packets on."""
    if gateways.forwards(s, ns, dev, dst):
        return None
    six = family_of(dst) == "inet6"
    name = "net.ipv6.conf.all.forwarding" if six else "net.ipv4.ip_forward"
    switched = not six and s.sysctl(ns, "ipv4/ip_forward")
    word = f"net.ipv4.conf.{dev}.forwarding" if switched else name
    facts = {"ns": ns, "name": word, "dst": dst}
    fix = (inside(ns, "sysctl", "-w", f"{word}=1"),)
    return Finding("no-forwarding", ns, "", facts, (inside(ns, "sysctl", word),), fix)


def ttl(s: Situation, ns: str, dev: str, dst: str) -> int:
    """How many routers a packet of ours may pass."""
    if family_of(dst) == "inet6":
        return s.sysctl(ns, f"ipv6/conf/{dev}/hop_limit", 64)
    return s.sysctl(ns, "ipv4/ip_default_ttl", 64)


def died(origin: str, ns: str, dev: str, dst: str, limit: int) -> Finding:
    """The packet has passed as many routers as it may."""
    six = family_of(dst) == "inet6"
    word = f"net.ipv6.conf.{dev}.hop_limit" if six else "net.ipv4.ip_default_ttl"
    facts = {"limit": limit, "origin": origin, "dst": dst}
    return Finding(
        "ttl", ns, "", facts, (inside(origin, "sysctl", word),), (inside(origin, "sysctl", "-w", f"{word}=64"),)
    )


def circle(s: Situation, ns: str, dst: str, seen: list[str]) -> Finding:
    """The packet comes back to a router where it has been."""
    names = list(dict.fromkeys(seen[seen.index(ns) :]))
    see = tuple(ip(name, "route", "get", dst) for name in names)
    owner = next((row.ns for row in s.owners(dst)), "")
    facts = {"routers": " and ".join(names), "dst": dst, "owner": owner}
    fix: tuple[str, ...] = ()
    for name in names:
        entry = fib.decide(s, name, dst).route
        if entry is None:
            continue
        six = ("-6",) if entry.family == "inet6" else ()
        near = gateways.nearest(s, name, dst)
        if near is not None and not near[1].cost:
            # It is a neighbour of this router, which need not give the packet to anybody else.
            fix = (ip(name, *six, "route", "del", entry.dst, "via", entry.gateway),)
            break
        better = _towards(s, name, names, dst)
        if better:
            fix = (ip(name, *six, "route", "replace", entry.dst, "via", better),)
            break
    return Finding("loop", ns, "", facts, see, fix)


def _towards(s: Situation, ns: str, loop: list[str], dst: str) -> str:
    """A neighbour outside the circle that knows the way."""
    for row in s.addresses(ns, family=family_of(dst), automatic=False):
        link = s.link(ns, row.ifname)
        if link is None or not link.up or link.kind == "loopback":
            continue
        for place, path in wire.reach(s, ns, row.ifname).items():
            if path.cost or place.ns in loop or gateways.needs(s, path, dst):
                continue
            theirs = [
                each for each in s.addresses(place.ns, place.dev, row.family) if parsed(each.address) in s.network(row)
            ]
            if theirs and gateways.knows(s, place, dst) is not None:
                return theirs[0].address
    return ""
