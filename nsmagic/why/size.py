"""Packets that are too large: small ones pass, and large ones are lost.

Three ways lead there. A cable or switch whose parts do not agree loses them in silence. A router that would have to send them on by a
link that takes less tells the sender so (ICMP "fragmentation needed", "packet too big": ``ip_forward`` in net/ipv4/ip_forward.c), and
whoever heeds that sends smaller ones: a warning only. Where a firewall takes that message, they vanish: a black hole (RFC 2923).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from nsmagic.model import Link
from nsmagic.why import filters
from nsmagic.why.finding import Finding, inside, ip
from nsmagic.why.situation import Probe, Sighting, Situation, Step
from nsmagic.why.walk import Trail

#: What a router says of a packet that is too large.
_TOLD = frozenset({"unreachable", "too-big"})
#: Bytes before the data: of IPv4 and IPv6; of an echo or a datagram, and of our SYN with its option.
_IP = {"inet": 20, "inet6": 40}
_ABOVE = {"icmp": 8, "udp": 8, "tcp": 24}


@dataclass(frozen=True)
class Narrow:
    """A place that takes less than what comes to it. ``routed``: a router hands packets to it, which can tell the sender."""

    link: Link
    size: int
    routed: bool = False


def whole(family: str, proto: str, data: int) -> int:
    """The length of an IP packet with so many bytes of data.

    >>> whole("inet", "icmp", 1472)
    1500
    """
    return _IP[family] + _ABOVE[proto] + data


def data_of(family: str, proto: str, packet: int) -> int:
    """How many bytes of data an IP packet holds."""
    return packet - whole(family, proto, 0)


def unequal(s: Situation, trails: list[Trail]) -> Narrow | None:
    """Where somebody sends larger packets than the next on the same wire takes."""
    for trail in trails:
        for ns, dev, path in trail.legs:
            sender = s.link(ns, dev)
            for place in path.links if not path.tunnels else ():
                link = s.link(*place)
                if sender is not None and link is not None and link.mtu < sender.mtu and link.kind != "bridge":
                    return Narrow(link, sender.mtu)
    return None


def narrowest(s: Situation, out: Trail, size: int = 0) -> Narrow | None:
    """The first link, in the order of the way, that takes less than a packet of that length (0: than what the first one takes)."""
    first = s.link(*out.legs[0][:2]) if out.legs else None
    if first is None:
        return None
    size = size or first.mtu
    for number, (ns, dev, path) in enumerate(out.legs):
        for place in ((ns, dev), *(path.links if not path.tunnels else ())):
            link = s.link(*place)
            if link is not None and link.mtu < size and link.kind != "bridge":
                return Narrow(link, size, bool(number) and place == (ns, dev))
    return None


def lost(s: Situation, out: Trail, back: Trail | None, large: Probe, length: int) -> Finding:
    """Why a packet of that length got no answer, when a small one did."""
    drop = next((step for step in large.steps if step.verdict == "drop" and _is_message(step, out, s)), None)
    narrow = narrowest(s, out, length)
    if drop is not None:
        return _hole(s, drop, narrow, large, length)
    taken = next((step for step in large.steps if step.verdict == "drop" and step.ours), None)
    if taken is not None:
        return filters.finding(s, taken, taken.ns not in set(out.routers))
    if narrow is None and back is not None:
        narrow = narrowest(s, back, length)
    if narrow is None:
        return _somewhere(large, length, out)
    if narrow.routed and large.answer == f"error {errno.EMSGSIZE}":
        return _finding(s, narrow, "mtu-told", out, soft=True)
    if narrow.routed:
        return _finding(s, narrow, "mtu-silent", out)
    return _finding(s, narrow, "mtu-own" if large.errno == errno.EMSGSIZE else "", out)


def _is_message(step: Step, out: Trail, s: Situation) -> bool:
    """Whether a rule took what a router tells the sender. The kernel's tracing shows what the packet is; the counters of the old iptables do
    not, but a drop in OUTPUT of a router on the way, or in INPUT of the sender, cannot be of a packet that passes through."""
    if step.what in _TOLD:
        return bool(step.mtu)
    if step.what or step.tool == "nft":
        return False
    routers = out.routers[1:-1]
    return (step.ns in routers and step.chain == "OUTPUT") or (step.ns == out.routers[0] and step.chain == "INPUT")


def _hole(s: Situation, drop: Step, narrow: Narrow | None, large: Probe, length: int) -> Finding:
    found = filters.finding(s, drop, False)
    dev, router = "a link", drop.ns
    mtu = drop.mtu
    if narrow is not None:
        dev, router, mtu = narrow.link.ifname, narrow.link.ns, narrow.link.mtu
    rule = found.facts["rule"]
    facts = {"size": length, "dev": dev, "router": router, "mtu": mtu, "rule": rule, "ns": drop.ns}
    return Finding("mtu", drop.ns, "", facts, found.see, found.fix, say="mtu-hole", chain=found.chain, way="out")


def _finding(s: Situation, narrow: Narrow, say: str, out: Trail, soft: bool = False) -> Finding:
    link, size = narrow.link, narrow.size
    facts = {"size": size, "mtu": link.mtu, "ns": link.ns, "dev": link.ifname, "sender": out.routers[0]}
    see: tuple[str, ...] = (ip(link.ns, "link", "show", link.ifname),)
    if say == "mtu-told":
        see = (*see, inside(out.routers[0], "ip", "route", "get", out.packet.dst))
    fix = [ip(link.ns, "link", "set", link.ifname, "mtu", str(size))]
    peer = s.link(link.peer_ns, link.peer) if link.peer else None
    if peer is not None and peer.mtu < size:
        fix.append(ip(peer.ns, "link", "set", peer.ifname, "mtu", str(size)))
    return Finding("mtu", link.ns, link.ifname, facts, see, tuple(fix), say=say, soft=soft)


def _somewhere(large: Probe, length: int, out: Trail) -> Finding:
    """Nothing that was read is too small for it."""
    last: Sighting | None = next(
        (each for each in reversed(large.sightings) if each.what not in ("arp-who-has", "ns")), None
    )
    ns, dev = (last.ns, last.dev) if last is not None else (out.routers[0], "")
    return Finding(
        "mtu", ns, dev, {"size": length}, (ip(ns, "-s", "link", "show", *([dev] if dev else [])),), say="mtu-lost"
    )
