"""Where a frame can get from an interface: through cables, bridges, VLANs, macvlans and vxlans, to whom it is handed in the end.

The search goes through what is broken as well, at a cost of one for each fault, so that the way with the fewest faults to
somebody is known, and the first fault on it is the reason why a frame does not get there. With cost 0 it does.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nsmagic.model import HOST, Link
from nsmagic.sentences import say_verdict
from nsmagic.why import remaking
from nsmagic.why.finding import Finding, Hop, bridge, ip
from nsmagic.why.situation import Situation

#: Kinds whose frames leave the kernel, or which we cannot follow.
OPAQUE = frozenset(
    {
        "tun",
        "wireguard",
        "ipip",
        "gre",
        "gretap",
        "sit",
        "ip6tnl",
        "ip6gre",
        "vti",
        "xfrm",
        "can",
        "ppp",
        "bond",
        "team",
    }
)
_UNTAGGED, _PVID = 4, 2


class Place(NamedTuple):
    """An interface whose packets go up to IP."""

    ns: str
    dev: str


class Node(NamedTuple):
    """``out``: an interface sends; ``in``: it has received; ``bridge``: the bridge has the frame. ``vid`` is its tag, 0 for none."""

    kind: str
    ns: str
    dev: str
    vid: int = 0
    isolated: bool = False


class Tunnel(NamedTuple):
    """A way over IP: the packets of a vxlan, from its namespace to the other end."""

    ns: str
    dev: str
    local: str
    remote: str
    port: int


@dataclass(frozen=True)
class Path:
    """A way to somebody: what is broken on it, in order, and what it goes through."""

    end: Place
    faults: tuple[Finding, ...] = ()
    hops: tuple[Hop, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @property
    def cost(self) -> int:
        return len(self.faults)


@dataclass(frozen=True)
class Edge:
    """One step of the search."""

    to: Node
    fault: Finding | None = None
    hop: Hop | None = None
    tunnel: Tunnel | None = None


def reach(s: Situation, ns: str, dev: str) -> dict[Place, Path]:
    """Everybody that a frame of an interface could come to, with the best way to each."""
    start = Node("out", ns, dev)
    counter = itertools.count()
    empty = Path(Place(ns, dev))
    todo: list[tuple[int, int, Node, Path]] = [(0, next(counter), start, empty)]
    done: set[Node] = set()
    found: dict[Place, Path] = {}
    while todo:
        _, _, node, path = heapq.heappop(todo)
        if node in done:
            continue
        done.add(node)
        here = Place(node.ns, node.dev)
        if _goes_up(s, node) and here != (ns, dev) and (here not in found or path.cost < found[here].cost):
            found[here] = Path(here, path.faults, path.hops, path.tunnels, (*path.links, here))
        never = _back(s, node, path)
        for edge in _edges(s, node):
            if edge.to in done or edge.to[:3] == never:
                continue
            further = Path(
                empty.end,
                path.faults + ((edge.fault,) if edge.fault else ()),
                path.hops + ((edge.hop,) if edge.hop else ()),
                path.tunnels + ((edge.tunnel,) if edge.tunnel else ()),
                (*path.links, here),
            )
            heapq.heappush(todo, (further.cost, next(counter), edge.to, further))
    return found


def _back(s: Situation, node: Node, path: Path) -> tuple[str, str, str] | None:
    """The way on that a switch never takes: by the port by which the frame came, unless that port is a hairpin."""
    if node.kind != "bridge" or not path.links:
        return None
    ns, dev = path.links[-1]
    port = s.link(ns, dev)
    return None if port is None or port.port.get("hairpin") else ("out", ns, dev)


def _goes_up(s: Situation, node: Node) -> bool:
    """Whether the frame is handed to IP here."""
    if node.vid:
        return False
    link = s.link(node.ns, node.dev)
    if link is None:
        return False
    return node.kind == "in" and not _bridge_of(s, link)


def _bridge_of(s: Situation, link: Link) -> Link | None:
    master = s.link(link.ns, link.master) if link.master else None
    return master if master is not None and master.kind == "bridge" else None


def _edges(s: Situation, node: Node) -> Iterator[Edge]:
    link = s.link(node.ns, node.dev)
    if link is None:
        return
    if node.kind == "out":
        yield from _sent(s, node, link)
    elif node.kind == "in":
        yield from _received(s, node, link)
    else:
        yield from _bridged(s, node, link)


# Sending


def _sent(s: Situation, node: Node, link: Link) -> Iterator[Edge]:
    if link.kind == "veth":
        peer = s.link(link.peer_ns, link.peer) if link.peer else None
        if peer is not None:
            fault = None if peer.up else down(s, peer, other=link)
            yield Edge(
                Node("in", peer.ns, peer.ifname, node.vid), fault, Hop(peer.ns, peer.ifname, "receives", peer.up)
            )
    elif link.kind == "bridge":
        vid, wrong = _tag_in(s, node, link, link)
        yield Edge(Node("bridge", node.ns, node.dev, vid), wrong)
    elif link.kind == "vlan" and link.lower:
        below = s.below(link)
        if below is not None:
            fault = None if below.up else down(s, below)
            tag = int(link.info.get("id") or 0)
            yield Edge(
                Node("out", below.ns, below.ifname, tag),
                fault,
                Hop(below.ns, below.ifname, f"sends with VLAN tag {tag}"),
            )
    elif link.kind in ("macvlan", "macvtap", "ipvlan") and link.lower:
        yield from _macvlan(s, node, link)
    elif link.kind == "vxlan":
        yield from _vxlan(s, node, link)


def _macvlan(s: Situation, node: Node, link: Link) -> Iterator[Edge]:
    below = s.below(link)
    if below is None:
        return
    fault = None if below.up else down(s, below)
    yield Edge(Node("out", below.ns, below.ifname, node.vid), fault)
    if link.info.get("mode", "bridge") in ("bridge", "l2", "l3"):
        for other in s.upper.get((below.ns, below.ifname), ()):
            if other.kind == link.kind and (other.ns, other.ifname) != (link.ns, link.ifname):
                fault = down(s, below) if not below.up else None if other.up else down(s, other)
                yield Edge(Node("in", other.ns, other.ifname, node.vid), fault, Hop(other.ns, other.ifname, "receives"))


def _vxlan(s: Situation, node: Node, link: Link) -> Iterator[Edge]:
    """To each remote end that the vxlan knows: its own ``remote``, and those of its forwarding entries."""
    port = _port(link)
    remotes = [str(link.info.get(word)) for word in ("remote", "remote6", "group", "group6") if link.info.get(word)]
    remotes += [entry.dst for entry in s.fdb(node.ns, node.dev) if entry.dst]
    for remote in dict.fromkeys(remotes):
        for ns in {row.ns for row in s.owners(remote)}:
            for other in s.links(ns):
                if other.kind != "vxlan" or (other.ns, other.ifname) == (link.ns, link.ifname):
                    continue
                fault = None if other.up else down(s, other)
                if other.info.get("id") != link.info.get("id") or _port(other) != port:
                    fault = vxlan_mismatch(s, link, other)
                tunnel = Tunnel(
                    node.ns, node.dev, str(link.info.get("local") or link.info.get("local6") or ""), remote, port
                )
                hop = Hop(other.ns, other.ifname, f"takes it out of the vxlan packet to {remote}")
                yield Edge(Node("in", other.ns, other.ifname, node.vid), fault, hop, tunnel)


def _port(link: Link) -> int:
    return int(link.info.get("port") or link.info.get("dstport") or 8472)


# Receiving


def _received(s: Situation, node: Node, link: Link) -> Iterator[Edge]:
    above = _bridge_of(s, link)
    if above is not None:
        yield from _into(s, node, link, above)
        return
    for upper in s.upper.get((node.ns, node.dev), ()):
        fault = None if upper.up else down(s, upper)
        if upper.kind == "vlan":
            tag = int(upper.info.get("id") or 0)
            if tag != node.vid:
                fault = vlan_mismatch(s, upper, node.vid, tag)
            yield Edge(
                Node("in", upper.ns, upper.ifname), fault, Hop(upper.ns, upper.ifname, f"takes VLAN tag {tag} off")
            )
        elif upper.kind in ("macvlan", "macvtap", "ipvlan"):
            yield Edge(Node("in", upper.ns, upper.ifname, node.vid), fault, Hop(upper.ns, upper.ifname, "receives"))
    if node.vid and s.addresses(node.ns, node.dev, automatic=False):
        yield Edge(Node("in", node.ns, node.dev), vlan_mismatch(s, link, node.vid, 0))
    bridges = [each for each in s.links(node.ns) if each.kind == "bridge"]
    if loose(s, link):
        for each in bridges:
            yield Edge(Node("bridge", node.ns, each.ifname, node.vid), not_enslaved(link, each))
    if not bridges and (others := _parted(s, link)):
        fault = no_switch(s, link, others)
        for each in others:
            yield Edge(Node("out", each.ns, each.ifname, node.vid), fault)


def _parted(s: Situation, link: Link) -> list[Link]:
    """Other cables that end beside this one, with nothing between, and lead to somebody of the same network."""
    mine = _far_networks(s, link)
    return [
        other
        for other in (s.links(link.ns) if mine else ())
        if other.ifname != link.ifname and not mine.isdisjoint(_far_networks(s, other))
    ]


def _far_networks(s: Situation, link: Link) -> set[object]:
    """The networks of whoever is at the other end of a cable, when this end is of no other network and serves nothing else."""
    peer = s.link(link.peer_ns, link.peer) if link.kind == "veth" and link.peer and not link.master else None
    if peer is None or peer.ns == link.ns or s.upper.get((link.ns, link.ifname)):
        return set()
    far, near = (
        {s.network(row) for row in s.addresses(end.ns, end.ifname, automatic=False)} for end in (peer, link)
    )  # fmt: skip
    return set(far) if near <= far else set()


def loose(s: Situation, link: Link) -> bool:
    """A cable's end that serves nothing: no bridge, no address, nothing upon it."""
    return (
        link.kind == "veth"
        and not link.master
        and not s.addresses(link.ns, link.ifname, automatic=False)
        and not s.upper.get((link.ns, link.ifname))
    )


def _into(s: Situation, node: Node, port: Link, above: Link) -> Iterator[Edge]:
    """A frame comes into a bridge by one of its ports."""
    fault = None if above.up else bridge_down(above)
    state = str(port.port.get("state", "forwarding")).lower()
    if fault is None and above.up and state in ("listening", "learning", "blocking", "disabled") and port.up:
        fault = port_blocked(port, above, state)
    vid, wrong = _tag_in(s, node, port, above)
    hop = Hop(node.ns, above.ifname, f"gets it by its port {port.ifname}", fault is None and wrong is None)
    yield Edge(Node("bridge", node.ns, above.ifname, vid, bool(port.port.get("isolated"))), fault or wrong, hop)


def _filters(above: Link) -> bool:
    return bool(above.info.get("vlan_filtering"))


def _tag_in(s: Situation, node: Node, port: Link, above: Link) -> tuple[int, Finding | None]:
    if not _filters(above):
        return node.vid, None
    vlans = s.vlans.get(node.ns, {}).get(port.ifname, ())
    if not node.vid:
        pvid = next((first for first, _, flags in vlans if flags & _PVID), 0)
        return pvid, None if pvid else vlan_port(s, port, above, 0)
    if any(first <= node.vid <= last for first, last, _ in vlans):
        return node.vid, None
    return node.vid, vlan_port(s, port, above, node.vid)


def _bridged(s: Situation, node: Node, above: Link) -> Iterator[Edge]:
    """A bridge gives a frame to itself and to its other ports."""
    own, wrong = _tag_out(s, node, above, above)
    yield Edge(Node("in", node.ns, node.dev, own), wrong)
    for port in s.ports.get((node.ns, node.dev), ()):
        fault = None if above.up else bridge_down(above)
        if fault is None and not port.up:
            fault = port_down(port, above)
        state = str(port.port.get("state", "forwarding")).lower()
        if fault is None and port.carrier and state in ("listening", "learning", "blocking", "disabled"):
            fault = port_blocked(port, above, state)
        if fault is None and node.isolated and port.port.get("isolated"):
            fault = port_blocked(port, above, "isolated")
        vid, wrong = _tag_out(s, node, port, above)
        hop = Hop(node.ns, port.ifname, f"{above.ifname} sends it by this port", fault is None and wrong is None)
        yield Edge(Node("out", node.ns, port.ifname, vid), fault or wrong, hop)
    for link in s.links(node.ns):
        if loose(s, link):
            yield Edge(Node("out", node.ns, link.ifname, node.vid), not_enslaved(link, above))


def _tag_out(s: Situation, node: Node, port: Link, above: Link) -> tuple[int, Finding | None]:
    if not _filters(above):
        return node.vid, None
    for first, last, flags in s.vlans.get(node.ns, {}).get(port.ifname, ()):
        if first <= node.vid <= last:
            return (0 if flags & _UNTAGGED else node.vid), None
    return 0, vlan_port(s, port, above, node.vid)


def circle(s: Situation, names: Collection[str]) -> Finding | None:
    """Switches that are connected in a ring, without the spanning tree that would open it (each joined with what it reaches already)."""
    joined: dict[Place, Place] = {}

    def root(place: Place) -> Place:
        while joined.get(place, place) != place:
            place = joined[place]
        return place

    for link in s.snapshot.links:
        peer = s.link(link.peer_ns, link.peer) if link.kind == "veth" and link.peer else None
        if peer is None or (peer.ns, peer.ifindex) < (link.ns, link.ifindex) or link.ns not in names:
            continue
        one, other = _bridge_of(s, link), _bridge_of(s, peer)
        if one is None or other is None or not (link.up and peer.up and one.up and other.up):
            continue
        ends = root(Place(one.ns, one.ifname)), root(Place(other.ns, other.ifname))
        if ends[0] == ends[1] and not (one.info.get("stp_state") or other.info.get("stp_state")):
            routers = " and ".join(dict.fromkeys(f"{each.ns}/{each.ifname}" for each in (one, other)))
            fix = (ip(link.ns, "link", "set", link.ifname, "down"),)
            see = tuple(dict.fromkeys(bridge(each.ns, "link", "show") for each in (one, other)))
            return Finding("loop", one.ns, one.ifname, {"routers": routers}, see, fix, say="bridge-loop")
        joined[ends[0]] = ends[1]
    return None


# Faults


def down(s: Situation, link: Link, other: Link | None = None) -> Finding:
    """An interface that is switched off: of this side, of the other, or a bridge's."""
    fix = (ip(link.ns, "link", "set", link.ifname, "up"),)
    see = (ip(link.ns, "link", "show", link.ifname),)
    master = _bridge_of(s, link)
    if link.kind == "loopback":
        return Finding("loopback-down", link.ns, link.ifname, {}, see, fix)
    if master is not None:
        return port_down(link, master)
    if link.kind == "bridge":
        return bridge_down(link)
    if other is not None:
        facts = {"other": f"{other.ns}/{other.ifname}"}
        return Finding("peer-down", link.ns, link.ifname, facts, see, fix)
    return Finding("link-down", link.ns, link.ifname, {}, see, fix)


def bridge_down(link: Link) -> Finding:
    fix = (ip(link.ns, "link", "set", link.ifname, "up"),)
    return Finding("bridge-down", link.ns, link.ifname, {}, (ip(link.ns, "link", "show", link.ifname),), fix)


def port_down(link: Link, above: Link) -> Finding:
    fix = (ip(link.ns, "link", "set", link.ifname, "up"),)
    see = (bridge(link.ns, "link", "show"),)
    return Finding("bridge-port-down", link.ns, link.ifname, {"bridge": above.ifname}, see, fix)


def port_blocked(link: Link, above: Link, state: str) -> Finding:
    facts = {"bridge": above.ifname, "state": state}
    see = (bridge(link.ns, "-d", "link", "show", "dev", link.ifname),)
    if state == "isolated":
        fix = (bridge(link.ns, "link", "set", "dev", link.ifname, "isolated", "off"),)
        return Finding("bridge-port-blocked", link.ns, link.ifname, facts, see, fix, say="port-isolated")
    if above.info.get("stp_state"):
        fix = (ip(link.ns, "link", "set", above.ifname, "type", "bridge", "stp_state", "0"),)
        return Finding("bridge-port-blocked", link.ns, link.ifname, facts, see, fix, say="port-stp")
    fix = (bridge(link.ns, "link", "set", "dev", link.ifname, "state", "3"),)
    return Finding("bridge-port-blocked", link.ns, link.ifname, facts, see, fix)


def not_enslaved(link: Link, above: Link) -> Finding:
    see = (bridge(link.ns, "link", "show"),)
    fix: tuple[str, ...] = (ip(link.ns, "link", "set", link.ifname, "master", above.ifname),)
    if not link.up:
        fix += (ip(link.ns, "link", "set", link.ifname, "up"),)
    return Finding("not-enslaved", link.ns, link.ifname, {"bridge": above.ifname}, see, fix)


def no_switch(s: Situation, link: Link, others: Sequence[Link]) -> Finding:
    """Cables of one network that end in a namespace which has no switch for them."""
    taken = {each.ifname for each in s.links(link.ns)}
    name = next(name for number in itertools.count() if (name := f"br{number}") not in taken)
    fix: tuple[str, ...] = (ip(link.ns, "link", "add", name, "type", "bridge"), ip(link.ns, "link", "set", name, "up"))
    ends = sorted([link, *others], key=lambda each: each.ifindex)
    for end in ends:
        fix += (ip(link.ns, "link", "set", end.ifname, "master", name), *remaking.moved(s, link.ns, end.ifname, name))
        fix += () if end.up else (ip(link.ns, "link", "set", end.ifname, "up"),)
    names = [end.ifname for end in ends]
    facts = {"ends": f"{', '.join(names[:-1])} {say_verdict('and')} {names[-1]}"}
    return Finding("not-enslaved", link.ns, link.ifname, facts, (ip(link.ns, "link"),), fix, say="no-switch")


def vlan_mismatch(s: Situation, link: Link, got: int, wants: int) -> Finding:
    """A frame whose tag nobody takes off at an interface, or without the tag that is expected there."""
    facts = {"got": f"tag {got}" if got else "no tag", "wants": f"tag {wants}" if wants else "none"}
    see = (ip(link.ns, "-d", "link", "show", link.ifname),)
    if link.kind != "vlan":
        upper = f"{link.ifname}.{got}"[-15:]
        fix = (
            ip(link.ns, "link", "add", "link", link.ifname, "name", upper, "type", "vlan", "id", str(got)),
            *remaking.moved(s, link.ns, link.ifname, upper),
            ip(link.ns, "link", "set", upper, "up"),
        )
    elif got:
        fix = remaking.anew(s, link, remaking.other_name(link, got), id=got)
    else:
        fix = remaking.moved(s, link.ns, link.ifname, link.lower)
    return Finding("vlan-mismatch", link.ns, link.ifname, facts, see, fix)


def vlan_port(s: Situation, port: Link, above: Link, vid: int) -> Finding:
    """A port of a switch that does not carry a VLAN (0: what comes without a tag). An end that knows nothing of VLANs gets its frames
    without a tag."""
    end = port if port is above else s.link(port.peer_ns, port.peer) if port.peer else None
    plain = end is None or not (end.master or s.upper.get((end.ns, end.ifname)))
    words = ("vlan", "add", "dev", port.ifname, "vid", str(vid or remaking.vlan_of(s, port, above)))
    tags = ("pvid", "untagged") if plain or not vid else ()
    itself = ("self",) if port is above else ()
    facts = {"got": f"tag {vid}" if vid else "no tag"}
    see, fix = (bridge(port.ns, "vlan", "show"),), (bridge(port.ns, *words, *tags, *itself),)
    return Finding("vlan-mismatch", port.ns, port.ifname, facts, see, fix, say="vlan-port")


def vxlan_mismatch(s: Situation, link: Link, other: Link) -> Finding:
    """The two ends of a tunnel with different numbers or ports; this one is mended."""
    facts = {
        "other": f"{other.ns}/{other.ifname}", "mine": f"number {link.info.get('id')} port {_port(link)}",
        "theirs": f"number {other.info.get('id')} port {_port(other)}",
    }  # fmt: skip
    see = (ip(link.ns, "-d", "link", "show", link.ifname), ip(other.ns, "-d", "link", "show", other.ifname))
    fix = remaking.anew(s, link, id=int(other.info.get("id") or 0), port=_port(other))
    return Finding("vlan-mismatch", link.ns, link.ifname, facts, see, fix, say="vxlan")


def home(ns: str) -> str:
    """The namespace in words."""
    return "the host" if ns == HOST else ns
