"""What a picture consists of before it has shapes: places, the lines between them, and who faces whom.

A *place* is one box of the picture: a room that stands by itself, with the rooms inside it, or what lies outside. A *wire* is
one line: a cable, or a tunnel's way. Graphviz places boxes and draws lines; what they are is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from nsmagic.model import HOST
from nsmagic.topology.columns import columns
from nsmagic.topology.marks import Marks
from nsmagic.topology.model import Graph, Outer, Room, Socket

Kind = Literal["cable", "tunnel", "gone"]

_LO_SILENT = frozenset(["127.0.0.1/8", "::1/128"])


@dataclass(frozen=True, slots=True)
class Wire:
    """A line: from the left place to the right one (in one column: by name). ``a`` and ``b`` are paths of sockets, ``""`` where
    it ends at a place as a whole; ``a_up`` and ``b_up`` tell whether the end itself is up."""

    kind: Kind
    left: str
    right: str
    a: str
    b: str
    level: bool
    works: bool = True
    a_up: bool = True
    b_up: bool = True
    words: str = ""


@dataclass(slots=True)
class Plan:
    """Places by name (those of outer networks begin with ``→``), their columns, the wires, and the marks."""

    graph: Graph
    marks: Marks
    all: bool
    rooms: dict[str, Room] = field(default_factory=dict)
    outers: dict[str, Outer] = field(default_factory=dict)
    inside: dict[str, list[Room]] = field(default_factory=dict)
    column: dict[str, int] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    ports: dict[str, bool] = field(default_factory=dict)
    """Path of a socket that a wire ends at → whether the wire leaves to the left."""

    def shown(self, room: Room) -> list[Socket]:
        """The sockets of a room that are drawn: ``lo`` only when it has something to say, or all."""
        return [socket for socket in room.sockets if self.all or self._speaks(socket)]

    def _speaks(self, socket: Socket) -> bool:
        if socket.link.kind != "loopback" or socket.path in self.marks.sockets:
            return True
        return any(text not in _LO_SILENT for text in socket.addresses)

    def has_body(self, ns: str) -> bool:
        """Whether a room is a box of the picture: all but a host that has nothing to show and is only the house of others."""
        if ns != HOST or len(self.rooms) == 1:
            return True
        room = self.rooms[ns]
        return bool(self.shown(room)) or any(link.ns == ns for link in self.marks.gone_sockets.values())

    @property
    def in_house(self) -> list[str]:
        """The places that stand in the house: all but the outside of the lab; none when the host is not drawn."""
        return [place for place in self.column if not self.is_outside(place)] if HOST in self.rooms else []

    def is_outside(self, place: str) -> bool:
        """Whether a place belongs to the outside of the lab."""
        if place in self.rooms:
            return self.rooms[place].world
        return place in self.outers and self.outers[place].world


def plan(graph: Graph, marks: Marks | None = None, *, all: bool = False) -> Plan:
    """The plan of a graph.

    >>> from nsmagic.topology import build
    >>> from nsmagic.topology.sample import cable
    >>> [(wire.left, wire.right, wire.works) for wire in plan(build(cable())).wires]
    [('blue', 'red', False)]
    """
    made = Plan(graph, marks or Marks(), all)
    made.rooms = {room.ns: room for room in graph.rooms}
    made.outers = {f"→{outer.name}": outer for outer in graph.outers}
    home = {room.ns: room.inside if room.inside in made.rooms else room.ns for room in graph.rooms}
    for room in graph.rooms:
        if home[room.ns] != room.ns:
            made.inside.setdefault(home[room.ns], []).append(room)
    wires = [*_cables(made, home), *_tunnels(made, home), *_gone(made, home)]
    places = [name for name in made.rooms if home[name] == name and made.has_body(name)] + list(made.outers)
    neighbours: dict[str, set[str]] = {}
    for wire in wires:
        if wire.left != wire.right and wire.kind == "cable":
            neighbours.setdefault(wire.left, set()).add(wire.right)
            neighbours.setdefault(wire.right, set()).add(wire.left)
    outside = {place for place in places if made.is_outside(place)}
    made.column = columns(places, neighbours, outside)
    made.wires = sorted(
        (_turned(wire, made.column) for wire in wires), key=lambda wire: (wire.kind, wire.left, wire.right, wire.a)
    )
    for wire in made.wires:
        made.ports.setdefault(wire.a, False)
        made.ports.setdefault(wire.b, not wire.level)
    return made


def _turned(wire: Wire, column: Mapping[str, int]) -> Wire:
    """The wire with its left end on the left."""
    left, right = column[wire.left], column[wire.right]
    if left < right or (left == right and (wire.left, wire.a) <= (wire.right, wire.b)):
        return replace(wire, level=left == right)
    return Wire(
        wire.kind, wire.right, wire.left, wire.b, wire.a, left == right, wire.works, wire.b_up, wire.a_up, wire.words
    )


def _cables(made: Plan, home: Mapping[str, str]) -> list[Wire]:
    sockets = made.graph.sockets()
    outer = {path: place for place, each in made.outers.items() for path in each.ends}
    found = []
    for cable in made.graph.cables:
        a, b = sockets.get(cable.a), sockets.get(cable.b)
        seen = a or b
        if seen is None:
            continue
        words = f"{cable.a} ⇄ {cable.b or '(out of sight)'}: {'up' if cable.works else 'down'}"
        if a is not None and b is not None:
            left, right = home[a.link.ns], home[b.link.ns]
            found.append(_wire("cable", left, right, a, b, cable.works, words))
        elif seen.path in outer:
            found.append(_wire("cable", home[seen.link.ns], outer[seen.path], seen, None, cable.works, words))
    return found


def _wire(kind: Kind, left: str, right: str, a: Socket, b: Socket | None, works: bool, words: str) -> Wire:
    return Wire(
        kind, left, right, a.path, b.path if b else "", left == right,
        works, a.link.up, b.link.up if b else works, words,
    )  # fmt: skip


def _tunnels(made: Plan, home: Mapping[str, str]) -> list[Wire]:
    """A vxlan's way to the vxlan at its far end, or to the interface that has the remote address."""
    sockets = made.graph.sockets()
    ways = {tunnel.socket: tunnel for tunnel in made.graph.tunnels}
    found: dict[tuple[str, str], Wire] = {}
    for path, tunnel in ways.items():
        here, there = sockets[path], sockets.get(tunnel.to)
        if there is None:
            continue
        # Both ends are seen when the far room has a tunnel of the same number that leads back here.
        back = [
            other
            for other in ways.values()
            if other.vni == tunnel.vni
            and sockets[other.socket].link.ns == there.link.ns
            and other.to in sockets
            and sockets[other.to].link.ns == here.link.ns
        ]
        far = sockets[back[0].socket] if back else there
        a, b = sorted((here, far), key=lambda socket: socket.path)
        works = here.link.up and far.link.up
        words = f"vxlan {tunnel.vni} from {tunnel.local or 'any'} to {tunnel.remote}"
        found.setdefault((a.path, b.path), _wire("tunnel", home[a.link.ns], home[b.link.ns], a, b, works, words))
    return list(found.values())


def _gone(made: Plan, home: Mapping[str, str]) -> list[Wire]:
    """The cables that went, between what is left of their ends."""
    found = []
    for path, link in made.marks.gone_sockets.items():
        other = f"{link.peer_ns}/{link.peer}"
        both = link.kind == "veth" and path < other and other in made.marks.gone_sockets
        if both and link.ns in home and link.peer_ns in home:
            left, right = home[link.ns], home[link.peer_ns]
            words = f"{path} ⇄ {other}: gone"
            found.append(Wire("gone", left, right, path, other, left == right, False, False, False, words))
    return found
