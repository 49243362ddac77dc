"""The way of a packet, hop by hop, as the kernel would take it; and the first thing on it that stops it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace

from nsmagic.model import Route
from nsmagic.why import addresses, fib, forwarding, gateways, mending, neighbours, routes, sockets, wire
from nsmagic.why.finding import Finding, Hop, inside, ip
from nsmagic.why.situation import Question, Situation, family_of
from nsmagic.why.situation import ip as parsed

_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17}
_MOST_HOPS = 300
#: What becomes of answers to a private address among those who know nothing of it.
_ASTRAY = frozenset(
    {"no-return-route", "wrong-route", "no-forwarding", "loop", "blackhole-route", "gateway-unreachable"}
)


@dataclass(frozen=True)
class Packet:
    """What travels. ``answer``: it is the answer to one, so its addresses are given."""

    src: str
    dst: str
    proto: str = "icmp"
    port: int = 0
    sport: int = 0
    answer: bool = False

    @property
    def transport(self) -> tuple[int, int, int]:
        number = 58 if self.proto == "icmp" and ":" in self.dst else _NUMBERS[self.proto]
        return (number, self.port, self.sport) if self.answer else (number, self.sport, self.port)


@dataclass(frozen=True)
class Stage:
    """A packet in one of the namespaces on its way: as it came in by ``iif``, and as its destination was translated there."""

    ns: str
    iif: str
    arrived: Packet
    routed: Packet


@dataclass
class Trail:
    """How far a packet came: its hops, what stopped it, what would stop it behind that, and where it ended."""

    packet: Packet
    hops: list[Hop] = field(default_factory=list)
    finding: Finding | None = None
    more: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    end: str = ""
    end_dev: str = ""
    routers: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    legs: list[tuple[str, str, wire.Path]] = field(default_factory=list)
    translated: str = ""
    redirected: str = ""
    tunnels: set[tuple[str, int]] = field(default_factory=set)
    #: The ways of the packets that carry it through tunnels, by the number of its own leg.
    carried: dict[int, list[Trail]] = field(default_factory=dict)


def travel(s: Situation, ns: str, packet: Packet, way: str = "out", oif: str = "", depth: int = 0) -> Trail:
    """Send a packet from a namespace and follow it."""
    trail = Trail(packet)
    _travel(s, ns, trail, way, oif, depth)
    if trail.finding is not None:
        if way == "back" and not depth:
            trail.finding = _nat_missing(s, trail.packet, trail.finding)
        trail.finding = _of_translation(s, trail, trail.finding).on_the_way(way)
        dev = trail.finding.dev
        what = f"stops here: {trail.finding.code}"
        trail.hops.append(Hop(trail.finding.ns, dev, what, False))
    trail.hops = [replace(hop, way=way) for hop in trail.hops]
    return trail


def _travel(s: Situation, ns: str, trail: Trail, way: str, oif: str, depth: int) -> None:
    if parsed(trail.packet.dst).is_multicast or trail.packet.dst == "255.255.255.255":
        facts = {"kind": "a broadcast or multicast address", "dev": trail.packet.dst}
        trail.finding = Finding("not-supported", ns, "", facts, say="not-unicast")
        return
    at, iif, passed = ns, "", 0
    limit = 64
    visited: set[tuple[str, str, str]] = set()
    for _ in range(_MOST_HOPS):
        arrived = trail.packet
        packet = trail.packet = _translated_in(s, at, trail)
        trail.routers.append(at)
        trail.stages.append(Stage(at, iif, arrived, packet))
        key = (at, iif, packet.dst)
        if key in visited:
            trail.finding = forwarding.circle(s, at, packet.dst, trail.routers[:-1])
            return
        visited.add(key)
        if iif and (off := _switched_off(s, at, iif, packet.dst)) is not None:
            trail.finding = off
            return
        answer = s.ask(Question(at, packet.dst, packet.src, iif, oif if not iif else "", 0, _transport(s, at, packet)))
        route = answer.route
        if answer.errno or route is None or route.type in fib.REFUSING:
            trail.finding = _refused(s, at, trail, iif, way, answer.errno)
            return
        if not packet.src:
            packet = trail.packet = replace(packet, src=route.prefsrc)
            trail.stages[-1] = Stage(at, iif, replace(arrived, src=packet.src), packet)
        if route.type == "local":
            _arrived(s, at, iif, trail)
            return
        if (row := _not_yet(s, at, route, packet, iif)) is not None:
            trail.finding = row
            return
        if route.type != "unicast":
            trail.finding = Finding(
                "not-supported",
                at,
                route.dev,
                {"kind": f"a {route.type} address", "dev": packet.dst},
                say="not-unicast",
            )
            return
        if iif and parsed(packet.src).is_link_local and family_of(packet.dst) == "inet6" and trail.legs:
            trail.finding = addresses.link_local_only(s, *trail.legs[0][:2], packet.src, packet.dst)
            return
        if iif:
            stopped = forwarding.forwards(s, at, iif, packet.dst)
            if stopped is not None:
                trail.finding = _no_router(s, at, stopped, trail)
                return
            passed += 1
            if passed >= limit:
                trail.finding = forwarding.died(ns, at, trail.hops[0].dev if trail.hops else "", packet.dst, limit)
                return
        else:
            limit = forwarding.ttl(s, at, route.dev, packet.dst)
        if not _leg(s, at, route, trail, way, depth):
            return
        _translated_out(s, at, trail)
        at, iif = trail.end, trail.end_dev
    trail.finding = forwarding.died(ns, at, "", trail.packet.dst, limit)


def _transport(s: Situation, ns: str, packet: Packet) -> tuple[int, int, int] | None:
    """Ports are told to the kernel only where a rule looks at them: IPv4 answers another question then."""
    looks = any(set(rule.extra) & {"ipproto", "sport", "dport"} for rule in s.rules(ns, family_of(packet.dst)))
    return packet.transport if looks else None


def _switched_off(s: Situation, ns: str, dev: str, dst: str) -> Finding | None:
    if family_of(dst) == "inet6" and s.sysctl(ns, f"ipv6/conf/{dev}/disable_ipv6"):
        return addresses.ipv6_disabled(ns, dev)
    return None


def _not_yet(s: Situation, at: str, route: Route, packet: Packet, iif: str) -> Finding | None:
    """IPv6 addresses that cannot be used yet: the receiver's, ours, or the link-local one with which a router asks its neighbours."""
    if family_of(packet.dst) != "inet6":
        return None
    mine = [row for row in s.owners(packet.dst) if row.ns == at and s.tentative(row)]
    if mine and route.type != "local":
        return addresses.tentative(mine[0])
    if route.type == "local" or parsed(packet.dst).is_link_local:
        return None
    here = s.addresses(at, route.dev, "inet6")
    if iif or packet.answer:
        own = [row for row in here if parsed(row.address).is_link_local]
        if any(row.address == packet.src and not s.tentative(row) for row in here):
            return None
    else:
        own = [row for row in here if not parsed(row.address).is_link_local]
    return addresses.tentative(own[0]) if own and all(map(s.tentative, own)) else None


def _refused(s: Situation, at: str, trail: Trail, iif: str, way: str, number: int) -> Finding:
    packet = trail.packet
    if iif:
        if number == errno.EINVAL and family_of(packet.dst) == "inet":
            found = forwarding.spoofed(s, at, iif, packet.src, packet.dst)
            if found is not None:
                return found
        match = fib.decide(s, at, packet.dst, packet.src, iif, packet.transport)
        if not match.refuses and (stopped := forwarding.forwards(s, at, iif, packet.dst)) is not None:
            mine = next((row for row in s.owners(packet.dst) if row.ns == at), None)
            if mine is None or s.is_up(mine):
                return _no_router(s, at, stopped, trail)
    return routes.refused(s, at, packet.dst, packet.src, iif, way, packet.transport)


def _nat_missing(s: Situation, packet: Packet, found: Finding) -> Finding:
    """An answer that does not know its way back to a private address: the router should have put its own there."""
    if found.code not in _ASTRAY or not gateways.outside_of_us(s, found.ns, packet.dst):
        return found
    owner = next(iter(s.owners(packet.dst)), None)
    border = _border(s, packet, owner.ns) if owner is not None else None
    if border is None or owner is None:
        return found
    router, dev = border
    tool = "ip6tables" if ":" in packet.dst else "iptables"
    facts = {"src": packet.dst, "at": wire.home(found.ns), "router": router, "dev": dev}
    network = str(s.network(owner))
    fix = (inside(router, tool, "-t", "nat", "-A", "POSTROUTING", "-s", network, "-o", dev, "-j", "MASQUERADE"),)
    see: tuple[str, ...] = (inside(router, tool, "-t", "nat", "-S", "POSTROUTING"),)
    if not found.ns.startswith("("):
        see = (ip(found.ns, "route", "get", packet.dst), *see)
    return Finding("nat-missing", router, dev, facts, see, fix)


def _border(s: Situation, packet: Packet, ns: str) -> tuple[str, str] | None:
    """Where the packet that is answered left what is ours: the router, and its interface."""
    trail = Trail(Packet(packet.dst, packet.src))
    _travel(s, ns, trail, "out", "", 1)
    inner = [(router, dev) for router, dev, _ in trail.legs[1:] if not router.startswith("(")]
    public = [each for each in inner if any(parsed(row.address).is_global for row in s.addresses(*each))]
    return (public[0] if public else inner[-1]) if inner else None


def _no_router(s: Situation, at: str, stopped: Finding, trail: Trail) -> Finding:
    """A namespace that does not pass on what it is given: is it a router at all?"""
    if len([link for link in s.cables(at) if not link.master and link.up]) > 1 or not trail.legs:
        return stopped
    ns, dev, _ = trail.legs[-1]
    dst = trail.packet.dst
    entry = fib.decide(s, ns, dst).route
    better = gateways.gateway_for(s, ns, dst)
    if entry is None or not entry.gateway or better in (None, entry.gateway):
        return stopped
    fix = (ip(ns, *(("-6",) if entry.family == "inet6" else ()), "route", "replace", entry.dst, "via", str(better)),)
    facts = {"route": entry.dst, "gateway": entry.gateway, "dst": dst, "other": at, "better": better}
    return Finding("wrong-route", ns, dev, facts, (ip(ns, "route", "get", dst),), fix, say="wrong-gateway")


def _leg(s: Situation, at: str, route: Route, trail: Trail, way: str, depth: int) -> bool:
    """From one namespace to the next; False when it does not get there."""
    link = s.link(at, route.dev)
    dst = trail.packet.dst
    if link is None:
        trail.finding = Finding("unknown", at, route.dev, {})
        return False
    hop = route.nexthops[0] if route.nexthops else {}
    nexthop = route.gateway or str(hop.get("gateway") or "") or dst
    if parsed(nexthop).version != parsed(dst).version:
        trail.finding = Finding(
            "not-supported", at, route.dev, {"kind": "a gateway of another family", "dev": nexthop}, say="not-unicast"
        )
        return False
    to = f"to the gateway {nexthop}" if nexthop != dst else f"to {dst}"
    trail.hops.append(Hop(at, route.dev, f"sends it {to}", routes=True))
    delivery = neighbours.deliver(s, at, link, route, dst, nexthop, way)
    path = delivery.path
    if path is not None and depth < 3:
        # What a tunnel carries arrives after what carries it.
        before, behind = _parted(_until(path.hops, delivery.finding), path)
        trail.hops += before
        if not all(_through(s, tunnel, trail, way, depth) for tunnel in path.tunnels):
            return False
        trail.hops += behind
    if delivery.finding is not None and not delivery.finding.soft:
        trail.finding, trail.more = delivery.finding, list(delivery.more)
        return False
    if delivery.finding is not None:
        trail.warnings.append(delivery.finding.on_the_way(way))
    assert path is not None
    trail.legs.append((at, route.dev, path))
    trail.end, trail.end_dev = path.end
    return True


def _until(hops: tuple[Hop, ...], finding: Finding | None) -> list[Hop]:
    """The hops up to the one where it stops."""
    kept = []
    for hop in hops:
        if finding is not None and not hop.ok:
            break
        kept.append(hop)
    return kept


def _parted(hops: list[Hop], path: wire.Path) -> tuple[list[Hop], list[Hop]]:
    at = (
        next((at for at, hop in enumerate(hops) if hop.what.startswith("takes it out")), len(hops))
        if path.tunnels
        else 0
    )
    return hops[:at], hops[at:]


def _through(s: Situation, tunnel: wire.Tunnel, trail: Trail, way: str, depth: int) -> bool:
    """The packet inside a tunnel's packet: does that one get there?"""
    trail.tunnels.add((tunnel.remote, tunnel.port))
    outer = travel(s, tunnel.ns, Packet(tunnel.local, tunnel.remote, "udp", tunnel.port, 0), way, depth=depth + 1)
    trail.hops += [
        replace(hop, what=f"(vxlan) {hop.what}") for hop in outer.hops if not hop.what.startswith("stops here")
    ]
    trail.routers += outer.routers
    trail.carried.setdefault(len(trail.legs), []).append(outer)
    if outer.finding is not None and outer.finding.code not in ("port-closed", "wrong-listen-address"):
        trail.finding, trail.more = outer.finding, outer.more
        return False
    return True


def _arrived(s: Situation, at: str, iif: str, trail: Trail) -> None:
    packet = trail.packet
    trail.end, trail.end_dev = at, iif
    lo = s.link(at, "lo")
    if not iif and lo is not None and not lo.up:
        trail.finding = wire.down(s, lo)
        return
    trail.hops.append(Hop(at, iif or "lo", f"{packet.dst} is its own address", routes=True))
    if not packet.answer:
        trail.finding = sockets.waits(s, at, packet.dst, packet.proto, packet.port)


# Translation: what conntrack remembers of this very flow


def _translated_in(s: Situation, at: str, trail: Trail) -> Packet:
    """Before the route is looked up, the destination is translated (or, for an answer, translated back)."""
    packet = trail.packet
    for entry in s.conntrack.get(at, ()):
        other = entry.back_src != entry.dst or entry.back_port
        if not packet.answer and (entry.src, entry.dst) == (packet.src, packet.dst) and other:
            trail.translated = trail.redirected = at
            port = f" port {entry.back_port}" if entry.back_port else ""
            trail.hops.append(Hop(at, "", f"translates the destination {packet.dst} to {entry.back_src}{port}"))
            return replace(packet, dst=entry.back_src, port=entry.back_port or packet.port)
        if packet.answer and (entry.back_src, entry.back_dst) == (packet.src, packet.dst) and entry.src != packet.dst:
            trail.hops.append(Hop(at, "", f"translates the destination {packet.dst} back to {entry.src}"))
            return replace(packet, dst=entry.src)
    return packet


def _translated_out(s: Situation, at: str, trail: Trail) -> None:
    """After the route is known, the source is."""
    packet = trail.packet
    for entry in s.conntrack.get(at, ()):
        if packet.answer:
            fits = entry.back_src == packet.src and packet.dst in (entry.src, entry.back_dst)
            new, words = entry.dst, " back"
        else:
            fits = entry.src == packet.src and packet.dst in (entry.dst, entry.back_src)
            new, words = entry.back_dst, ""
        if fits and new != packet.src:
            trail.translated = trail.translated if packet.answer else at
            sent = max(number for number, hop in enumerate(trail.hops) if hop.ns == at and hop.routes)
            hop = Hop(at, "", f"translates the source {packet.src}{words} to {new}")
            trail.hops.insert(sent + 1, hop)
            was = entry.port if packet.answer and packet.port == entry.back_port else 0
            trail.packet = replace(packet, src=new, port=was or packet.port)
            return


def _of_translation(s: Situation, trail: Trail, found: Finding) -> Finding:
    """A packet that goes astray with an address that a router put there: the translation is wrong."""
    if (
        not trail.redirected
        or trail.packet.answer
        or found.code not in ("address-not-local", "no-route", "wrong-route", "gateway-unreachable")
    ):
        return found
    ns = trail.redirected
    facts = {"address": trail.packet.dst, "ns": ns}
    see = (inside(ns, "ip6tables" if ":" in trail.packet.dst else "iptables", "-t", "nat", "-S"),)
    fix = mending.redirected(s, ns, trail.packet.dst, trail.packet.proto, trail.packet.port)
    return Finding("nat-wrong", ns, "", facts, see, fix, say="nat-wrong-destination")
