"""From a snapshot to the graph that is drawn. Pure: asks the snapshot and nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from nsmagic import rows as ask
from nsmagic.model import COLUMNS, HOST, Link, Route, make_row
from nsmagic.snapshot import Snapshot
from nsmagic.topology.model import Cable, Graph, Outer, Room, Socket, Stack, State, Tunnel, is_default

_DST = COLUMNS["routes"].index("dst")
_LOOPBACK = frozenset(["127.0.0.1/8", "::1/128"])

#: How the agent calls a namespace that it found by its processes; other unnamed ones are rooms of a world.
_FOUND = "(unnamed-"


def build(
    snapshot: Snapshot,
    ns: Collection[str] | None = None,
    *,
    all: bool = False,
    forwarding: Collection[str] = (),
    badges: Mapping[str, Sequence[str]] | None = None,
) -> Graph:
    """The graph of a snapshot.

    Parameters
    ----------
    ns
        Draw these namespaces only (a cable to another one keeps its name and is not ``seen``); None: all.
    all
        Unnamed namespaces, fallback devices and automatic link-local addresses too.
    forwarding
        Namespaces that forward packets (``net.ipv4.ip_forward`` is 1); a snapshot does not hold kernel parameters.
    badges
        Namespace → further remarks on it, from whoever reads its firewall.

    >>> from nsmagic.topology.sample import cable
    >>> [(cable.a, cable.b, cable.works) for cable in build(cable()).cables]
    [('blue/veth-blue', 'red/veth-red', False)]
    """
    hidden = frozenset() if all else ask.unnamed(snapshot)
    addresses = ask.addresses(snapshot, all=all)
    if not all:  # every namespace has them on lo; in a picture they are noise
        addresses = {key: [text for text in texts if text not in _LOOPBACK] for key, texts in addresses.items()}
    by_room: dict[str, list[Link]] = {}
    infos = {row.ns: row for row in snapshot.namespaces}
    for name in sorted({*infos, *snapshot.links.column("ns")}, key=ask.ns_order):
        if (name in ns) if ns is not None else (name not in hidden):
            by_room[name] = []
    for link in snapshot.links:
        if link.ns in by_room and (all or not ask.fallback(link)):
            by_room[link.ns].append(link)
    defaults = _defaults(snapshot)
    rooms = []
    for name, links in by_room.items():
        info = infos.get(name)
        # A person may choose a name in brackets too.
        named = info.named if info else not name.startswith("(")
        rooms.append(
            Room(
                name,
                _sockets(sorted(links, key=lambda link: link.ifindex), addresses),
                tuple(defaults.get(name, ())),
                named,
                name in forwarding,
                info.pids if info else (),
                tuple((badges or {}).get(name, ())),
                not named and is_world(name),
                _inside(name, links) if not named and name.startswith(_FOUND) else "",
            )
        )
    sockets = [socket for room in rooms for socket in room]
    owners = {row.address: ask.path(row.ns, row.ifname) for row in snapshot.addrs if row.scope != "host"}
    cables = tuple(_cables(sockets))
    return Graph(
        tuple(rooms),
        cables,
        tuple(_tunnels(sockets, owners)),
        tuple(_stacks(sockets)),
        tuple(_outers(snapshot, sockets, set(by_room))),
    )


def _sockets(links: list[Link], addresses: Mapping[tuple[str, int], list[str]]) -> tuple[Socket, ...]:
    """The links of one room as sockets, ports below their master."""
    names = {link.ifname for link in links}
    ports: dict[str, list[Link]] = {}
    for link in links:
        if link.master in names and link.master != link.ifname:
            ports.setdefault(link.master, []).append(link)

    placed: set[str] = set()

    def socket(link: Link) -> Socket:
        placed.add(link.ifname)
        inside = [port for port in ports.get(link.ifname, ()) if port.ifname not in placed]
        members = tuple(socket(port) for port in inside)
        return Socket(link, _state(link, inside), tuple(addresses.get((link.ns, link.ifindex), ())), members)

    found = [socket(link) for link in links if link.master not in names or link.master == link.ifname]
    # A snapshot taken while masters change could hold a ring; what it would hide is drawn from its first link on.
    found += [socket(link) for link in links if link.ifname not in placed]
    return tuple(sorted(found, key=lambda item: item.link.ifindex))


def _state(link: Link, ports: list[Link]) -> State:
    """Down, or up and useless, or up. A bridge's own carrier flag follows its ports a moment later; they are asked."""
    if not link.up:
        return "DOWN"
    if link.kind == "bridge":
        return "UP" if any(port.up and port.carrier for port in ports) else "no carrier"
    return "UP" if link.carrier else "no carrier"


def _defaults(snapshot: Snapshot) -> dict[str, list[Route]]:
    """The default routes of each namespace, best first."""
    found: dict[str, list[Route]] = {}
    # There are ten other routes for each of them, of which no objects need to be made.
    for row in snapshot.routes.values:
        if row[_DST] == "default" and is_default(route := make_row("routes", row)):
            found.setdefault(route.ns, []).append(route)
    for routes in found.values():
        routes.sort(key=lambda route: (route.family, route.metric, route.gateway, route.dev))
    return found


def _cables(sockets: list[Socket]) -> list[Cable]:
    known = {socket.path: socket for socket in sockets}
    found: dict[tuple[str, str], Cable] = {}
    for socket in sockets:
        if socket.link.kind != "veth":
            continue
        other = known.get(socket.other_end)
        a, b = sorted((socket.path, socket.other_end)) if socket.other_end else (socket.path, "")
        works = socket.state == "UP" and (other is None or other.state == "UP")
        found[a, b] = Cable(a, b, works, other is not None)
    return [found[key] for key in sorted(found)]


def _tunnels(sockets: list[Socket], owners: Mapping[str, str]) -> list[Tunnel]:
    found = []
    for socket in sockets:
        if socket.link.kind != "vxlan":
            continue
        info = socket.link.info
        remote = str(info.get("remote") or info.get("remote6") or info.get("group") or info.get("group6") or "")
        local = str(info.get("local") or info.get("local6") or "")
        over = ask.path(socket.link.ns, socket.link.lower) if socket.link.lower else ""
        found.append(Tunnel(socket.path, int(info.get("id") or 0), local, remote, over, owners.get(remote, "")))
    return sorted(found, key=lambda tunnel: tunnel.socket)


def _stacks(sockets: list[Socket]) -> list[Stack]:
    found = [
        Stack(socket.path, ask.path(socket.link.ns, socket.link.lower), socket.kind)
        for socket in sockets
        if socket.link.lower and socket.link.kind not in ("veth", "vxlan")
    ]
    return sorted(found, key=lambda stack: (stack.upper, stack.lower))


def is_world(ns: str) -> bool:
    """Whether a namespace belongs to the outside of a lab: it has no name in ``ip netns``, and no process keeps it.

    >>> is_world("(lan)"), is_world("(unnamed-1)"), is_world("red")
    (True, False, False)
    """
    return ns.startswith("(") and ns.endswith(")") and not ns.startswith(_FOUND)


def _inside(ns: str, links: Iterable[Link]) -> str:
    """The room to which all cables of an unnamed one lead: who unshared it there wired it there. Not the host: it has them all."""
    ends = {link.peer_ns for link in links if link.kind == "veth" and link.peer_ns != ns}
    (only,) = ends if len(ends) == 1 else ("",)
    return "" if only == HOST or only.startswith("(") else only


def _outers(snapshot: Snapshot, sockets: Iterable[Socket], drawn: Collection[str]) -> Iterator[Outer]:
    """What is not drawn and has a cable to what is, in groups that are wired to each other."""
    group: dict[str, str] = {}

    def root(ns: str) -> str:
        while group.setdefault(ns, ns) != ns:
            ns = group[ns]
        return ns

    for link in snapshot.links:
        # Rooms of the outside belong together; any other is called by its own name.
        ends = {link.ns, link.peer_ns} if link.kind == "veth" else set()
        if ends and all(is_world(ns) and ns not in drawn for ns in ends):
            a, b = sorted((root(link.ns), root(link.peer_ns)))
            group[b] = a
    leading: dict[str, list[Socket]] = {}
    for socket in sockets:
        link = socket.link
        if link.kind == "veth" and link.peer_ns and link.peer_ns not in drawn:
            leading.setdefault(root(link.peer_ns), []).append(socket)
    for first, there in sorted(leading.items()):
        members = tuple(sorted(ns for ns in group if root(ns) == first))
        world = is_world(first)
        yield Outer(
            "LAN" if world else first,
            members,
            tuple(sorted(socket.path for socket in there)),
            tuple(sorted({net for socket in there for text in socket.addresses for net in _networks(text)})),
            world,
        )


def _networks(address: str) -> Iterator[str]:
    """The network of an address as shown, if it holds more than the address itself and reaches beyond the link."""
    try:
        network = ipaddress.ip_interface(address).network
    except ValueError:  # "10.0.0.1 peer 10.0.0.2/32"
        return
    if network.num_addresses > 1 and not network.is_link_local:
        yield str(network)
