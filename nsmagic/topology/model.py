"""What is drawn: a snapshot as rooms with sockets, cables between sockets, and switches with ports.

Pure dataclasses; every drawing (text here, graphviz, the live view) starts from the same :class:`Graph`, so that they
cannot disagree on what a cable is or whether it works. Everything is in a fixed order: the host first, rooms by name,
sockets by interface number; the same snapshot gives an equal graph.

A thing is named by its path, ``red/veth-red``; a room by its namespace. Those names are data: a drawing quotes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from nsmagic import rows as ask
from nsmagic.model import HOST, Link, Route, Snapshot

State = Literal["UP", "DOWN", "no carrier"]

#: Kinds whose members are drawn inside them.
MASTERS = frozenset(["bridge", "bond", "team", "vrf", "openvswitch"])


_LOOPBACK = frozenset(["127.0.0.1/8", "::1/128"])


@dataclass(frozen=True, slots=True)
class Socket:
    """An interface as drawn. ``addresses`` are texts like ``192.168.15.1/24``; ``ports`` what is plugged into it (bridges)."""

    link: Link
    state: State
    addresses: tuple[str, ...] = ()
    ports: tuple[Socket, ...] = ()

    @property
    def path(self) -> str:
        return ask.path(self.link.ns, self.link.ifname)

    @property
    def other_end(self) -> str:
        """The path of the other end of a veth; ``""`` for what is no veth and for an end out of sight."""
        link = self.link
        return ask.path(link.peer_ns, link.peer) if link.kind == "veth" and link.peer and link.peer_ns else ""

    @property
    def kind(self) -> str:
        """What it is, in words: ``bridge``, ``vlan 10 on eth0`` …"""
        return ask.kind_words(self.link)

    def __iter__(self) -> Iterator[Socket]:
        """The socket itself, then its ports."""
        yield self
        for port in self.ports:
            yield from port


@dataclass(frozen=True, slots=True)
class Room:
    """A namespace. ``sockets`` are those that are plugged into nothing of the room; ports hang below their switch."""

    ns: str
    sockets: tuple[Socket, ...] = ()
    default_routes: tuple[Route, ...] = ()
    named: bool = True
    forwards: bool = False
    pids: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[Socket]:
        for socket in self.sockets:
            yield from socket


@dataclass(frozen=True, slots=True)
class Cable:
    """A veth: the paths of its ends, smaller first. ``b`` is ``""`` when the other end is out of sight.

    ``works`` is true when both ends are up; ``seen`` tells whether both ends are in the graph.
    """

    a: str
    b: str
    works: bool
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A vxlan's way: from its socket, by its endpoints; ``to`` is the path of the interface of this lab that has the remote
    address, ``""`` when it is elsewhere or learned."""

    socket: str
    vni: int
    local: str = ""
    remote: str = ""
    over: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """An interface that stands on another of the same room (vlan, macvlan, ipvlan)."""

    upper: str
    lower: str
    words: str


@dataclass(frozen=True, slots=True)
class Graph:
    """All that is drawn."""

    rooms: tuple[Room, ...] = ()
    cables: tuple[Cable, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    stacks: tuple[Stack, ...] = ()

    def sockets(self) -> dict[str, Socket]:
        """Every socket by its path."""
        return {socket.path: socket for room in self.rooms for socket in room}


def build(
    snapshot: Snapshot,
    ns: Collection[str] | None = None,
    *,
    all: bool = False,
    forwarding: Collection[str] = (),
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
        rooms.append(
            Room(
                name,
                _sockets(sorted(links, key=lambda link: link.ifindex), addresses),
                tuple(defaults.get(name, ())),
                info.named if info else not name.startswith("("),
                name in forwarding,
                info.pids if info else (),
            )
        )
    sockets = [socket for room in rooms for socket in room]
    owners = {row.address: ask.path(row.ns, row.ifname) for row in snapshot.addrs if row.scope != "host"}
    return Graph(tuple(rooms), tuple(_cables(sockets)), tuple(_tunnels(sockets, owners)), tuple(_stacks(sockets)))


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
    for route in snapshot.routes:
        if route.dst == "default" and route.table == 254 and route.type == "unicast":
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


def is_host(room: Room) -> bool:
    """Whether the room is the house itself."""
    return room.ns == HOST
