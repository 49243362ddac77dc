"""What is drawn: rooms with sockets, cables between sockets, switches with ports; ``build.py`` makes them from a snapshot.

Pure dataclasses; every drawing (text here, graphviz, the live view) starts from the same :class:`Graph`, so that they
cannot disagree on what a cable is or whether it works. Everything is in a fixed order: the host first, rooms by name,
sockets by interface number; the same snapshot gives an equal graph.

A thing is named by its path, ``red/veth-red``; a room by its namespace. Those names are data: a drawing quotes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from nsmagic import rows as ask
from nsmagic.model import HOST, Link, Route

State = Literal["UP", "DOWN", "no carrier"]

#: Kinds whose members are drawn inside them.
MASTERS = frozenset(["bridge", "bond", "team", "vrf", "openvswitch"])


@dataclass(frozen=True, slots=True)
class Socket:
    """An interface as drawn. ``addresses`` are texts like ``192.168.15.1/24``; ``ports`` what is plugged into it (bridges)."""

    link: Link
    state: State
    addresses: tuple[str, ...] = ()
    ports: tuple[Socket, ...] = ()
    #: Kept, since a drawing asks for it a dozen times.
    path: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", ask.path(self.link.ns, self.link.ifname))

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
    """A namespace. ``sockets`` are those that are plugged into nothing of the room; ports hang below their switch.

    ``badges`` are remarks on the whole room (``NAT 192.168.15.0/24 → eth0``). ``world`` tells that it belongs to the outside
    of the lab; ``inside`` names the room in which an unnamed one is drawn: the one to which all its cables lead.
    """

    ns: str
    sockets: tuple[Socket, ...] = ()
    default_routes: tuple[Route, ...] = ()
    named: bool = True
    forwards: bool = False
    pids: tuple[int, ...] = ()
    badges: tuple[str, ...] = ()
    world: bool = False
    inside: str = ""

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
class Outer:
    """What lies behind cables that leave the picture: namespaces that are not drawn and are wired to each other.

    ``ends`` are the paths of the drawn sockets that lead there, ``networks`` the IP networks on them. ``world`` tells that it is
    the outside of the lab, which is called ``LAN``.
    """

    name: str
    namespaces: tuple[str, ...]
    ends: tuple[str, ...]
    networks: tuple[str, ...] = ()
    world: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """All that is drawn."""

    rooms: tuple[Room, ...] = ()
    cables: tuple[Cable, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    stacks: tuple[Stack, ...] = ()
    outers: tuple[Outer, ...] = ()

    def sockets(self) -> dict[str, Socket]:
        """Every socket by its path."""
        return {socket.path: socket for room in self.rooms for socket in room}


def is_host(room: Room) -> bool:
    """Whether the room is the house itself."""
    return room.ns == HOST


def is_default(route: Route) -> bool:
    """Whether it is a default route of the main table, which is what a picture shows of routing."""
    return route.dst == "default" and route.table == 254 and route.type == "unicast"


def route_words(route: Route) -> str:
    """A default route in the words of ``ip route``.

    >>> route_words(Route("red", "inet", "default", "10.0.0.1", "eth0"))
    'default via 10.0.0.1 dev eth0'
    """
    hops = route.nexthops or ({"gateway": route.gateway, "dev": route.dev},)
    words = [_hop(str(hop.get("gateway") or ""), str(hop.get("dev") or "")) for hop in hops]
    return f"default {' and '.join(words)}"


def _hop(gateway: str, dev: str) -> str:
    return " ".join([*(["via", gateway] if gateway else []), *(["dev", dev] if dev else [])])
