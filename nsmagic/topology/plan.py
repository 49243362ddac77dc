"""What a picture consists of before it has shapes: places, boxes, the lines between them, and who faces whom.

A *place* is a room, or what lies outside. A room that holds others (the host holds all of them) is drawn as walls around them,
and each of its sockets is a box by itself; any other room is one box. A *wire* is one line: a cable, or a tunnel's way. Graphviz
places boxes and draws lines; what they are is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    works: bool = True
    a_up: bool = True
    b_up: bool = True
    words: str = ""
    level: bool = False

    def placed(self, *, turned: bool, level: bool) -> Wire:
        """The same where it is, with its ends exchanged or not."""
        if turned:
            ends = (self.right, self.left, self.b, self.a, self.works, self.b_up, self.a_up)
        else:
            ends = (self.left, self.right, self.a, self.b, self.works, self.a_up, self.b_up)
        return Wire(self.kind, *ends, self.words, level)


@dataclass(slots=True)
class Plan:
    """Places by name (those of outer networks begin with ``→``), their columns, the wires, and the marks."""

    graph: Graph
    marks: Marks
    all: bool
    rooms: dict[str, Room]
    outers: dict[str, Outer]
    holds: dict[str, list[str]]
    """Room that is drawn as walls → the places that stand in it."""
    units: dict[str, list[list[Socket]]] = field(default_factory=dict)
    """Such a room → its sockets in groups, each a box: a socket and what stands on it."""
    box: dict[str, str] = field(default_factory=dict)
    """Path of a socket → the box that it is in: a path (the first socket of a unit) or a place."""
    column: dict[str, int] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    faces_left: dict[str, bool] = field(default_factory=dict)
    """Path of a socket at which a wire ends → whether the wire leaves to the left."""
    short_wires: set[str] = field(default_factory=set)
    """Paths of sockets whose cable ends in the same box: said in words, since a line would only be a loop."""
    _shown: dict[str, list[Socket]] = field(default_factory=dict)

    def shown(self, room: Room) -> list[Socket]:
        """The sockets of a room that are drawn: ``lo`` only when it has something to say, or all. Nobody may write into the list."""
        found = self._shown.get(room.ns)
        if found is None:
            found = self._shown[room.ns] = [socket for socket in room.sockets if self.all or self._speaks(socket)]
        return found

    def _speaks(self, socket: Socket) -> bool:
        if socket.link.kind != "loopback" or socket.path in self.marks.sockets or socket.path in self.marks.steps:
            return True
        return any(text not in _LO_SILENT for text in socket.addresses)

    def ghosts(self, ns: str) -> list[str]:
        """The paths of the links of a room that went."""
        if not self.marks.gone_sockets:
            return []
        return [path for path, link in sorted(self.marks.gone_sockets.items()) if link.ns == ns]

    def is_outside(self, place: str) -> bool:
        """Whether a place belongs to the outside of the lab."""
        if place in self.rooms:
            return self.rooms[place].world
        return place in self.outers and self.outers[place].world

    def wired(self) -> set[str]:
        """The places at which a wire ends."""
        return {place for wire in self.wires for place in (wire.left, wire.right)}


def plan(graph: Graph, marks: Marks | None = None, *, all: bool = False, walls: bool = True) -> Plan:
    """The plan of a graph; without ``walls`` every room is one box, and none stands in another.

    >>> from nsmagic.topology import build
    >>> from nsmagic.topology.sample import cable
    >>> [(wire.left, wire.right, wire.works) for wire in plan(build(cable())).wires]
    [('blue', 'red', False)]
    """
    rooms = {room.ns: room for room in graph.rooms}
    outers = {f"→{outer.name}": outer for outer in graph.outers}
    made = Plan(graph, marks or Marks(), all, rooms, outers, _holds(rooms, outers) if walls else {})
    for room in graph.rooms:
        groups = stacked(made.shown(room))
        if room.ns in made.holds:
            made.units[room.ns] = groups
        for group in groups:
            box = group[0].path if room.ns in made.holds else room.ns
            made.box.update((socket.path, box) for top in group for socket in top)
        for path in made.ghosts(room.ns):
            made.box[path] = path if room.ns in made.holds else room.ns
    wires = [*_cables(made), *_tunnels(made), *_gone(made)]
    # A host that has nothing to show is only the house of the others.
    bare = {ns for ns in made.holds if not (made.units[ns] or made.ghosts(ns))}
    if not walls and len(rooms) > 1 and HOST in rooms and not (made.shown(rooms[HOST]) or made.ghosts(HOST)):
        bare.add(HOST)
    places = [ns for ns in rooms if ns not in bare] + list(outers)
    neighbours: dict[str, set[str]] = {}
    for wire in wires:
        if wire.left != wire.right and wire.kind == "cable":
            neighbours.setdefault(wire.left, set()).add(wire.right)
            neighbours.setdefault(wire.right, set()).add(wire.left)
    made.column = columns(places, neighbours, {place for place in places if made.is_outside(place)})
    made.wires = sorted(
        (_leftmost_first(wire, made.column) for wire in wires),
        key=lambda wire: (wire.kind, wire.left, wire.right, wire.a, wire.b),
    )
    for wire in made.wires:
        made.faces_left.setdefault(wire.a, False)
        made.faces_left.setdefault(wire.b, not wire.level)
    return made


def _holds(rooms: dict[str, Room], outers: dict[str, Outer]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {HOST: []} if HOST in rooms else {}
    for ns, room in rooms.items():
        if room.inside in rooms:
            found.setdefault(room.inside, []).append(ns)
        elif HOST in found and ns != HOST and not room.world:
            found[HOST].append(ns)
    if HOST in found:
        found[HOST] += [place for place, outer in outers.items() if not outer.world]
    return found


def _leftmost_first(wire: Wire, column: dict[str, int]) -> Wire:
    left, right = column[wire.left], column[wire.right]
    turn = left > right or (left == right and (wire.left, wire.a) > (wire.right, wire.b))
    return wire.placed(turned=turn, level=left == right)


def stacked(sockets: Sequence[Socket]) -> list[list[Socket]]:
    """Sockets in groups: what stands on another link (vlan, macvlan) directly below it.

    >>> from nsmagic.model import Link
    >>> eth0, lo, vlan = Link("r", 2, "eth0"), Link("r", 1, "lo"), Link("r", 3, "eth0.5", "vlan", lower="eth0")
    >>> [[each.link.ifname for each in group] for group in stacked([Socket(link, "UP") for link in (lo, eth0, vlan)])]
    [['lo'], ['eth0', 'eth0.5']]
    """
    names = {socket.link.ifname for socket in sockets}
    above: dict[str, list[Socket]] = {}
    for socket in sockets:
        lower = socket.link.lower
        if lower in names and lower != socket.link.ifname and socket.link.kind != "veth":
            above.setdefault(lower, []).append(socket)
    upper = {socket.link.ifname for group in above.values() for socket in group}
    placed: set[str] = set()

    def tower(socket: Socket) -> list[Socket]:
        placed.add(socket.link.ifname)
        found = [socket]
        for each in above.get(socket.link.ifname, ()):
            if each.link.ifname not in placed:
                found += tower(each)
        return found

    groups = [tower(socket) for socket in sockets if socket.link.ifname not in upper]
    # A ring of lower links, seen in the midst of a change, has no lowest: it is drawn from its first on.
    return groups + [tower(socket) for socket in sockets if socket.link.ifname not in placed]


def _cables(made: Plan) -> list[Wire]:
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
            if made.box[a.path] == made.box[b.path]:
                made.short_wires |= {a.path, b.path}
            else:
                found.append(_wire("cable", a, b, cable.works, words))
        elif seen.path in outer:
            found.append(
                Wire(
                    "cable",
                    seen.link.ns,
                    outer[seen.path],
                    seen.path,
                    "",
                    cable.works,
                    seen.link.up,
                    cable.works,
                    words,
                )
            )
    return found


def _wire(kind: Kind, a: Socket, b: Socket, works: bool, words: str) -> Wire:
    return Wire(kind, a.link.ns, b.link.ns, a.path, b.path, works, a.link.up, b.link.up, words)


def _tunnels(made: Plan) -> list[Wire]:
    """A vxlan's way to the vxlan at its far end, or to the interface that has the remote address."""
    sockets = made.graph.sockets()
    found: dict[tuple[str, str], Wire] = {}
    for tunnel in made.graph.tunnels:
        here, there = sockets[tunnel.socket], sockets.get(tunnel.to)
        if there is None:
            continue
        # Both ends are seen when the far room has a tunnel of the same number that leads back here.
        back = [
            other.socket
            for other in made.graph.tunnels
            if other.vni == tunnel.vni
            and sockets[other.socket].link.ns == there.link.ns
            and other.to in sockets
            and sockets[other.to].link.ns == here.link.ns
        ]
        far = sockets[back[0]] if back else there
        a, b = sorted((here, far), key=lambda socket: socket.path)
        if made.box[a.path] != made.box[b.path]:
            words = f"vxlan {tunnel.vni} from {tunnel.local or 'any'} to {tunnel.remote}"
            found.setdefault((a.path, b.path), _wire("tunnel", a, b, here.link.up and far.link.up, words))
    return list(found.values())


def _gone(made: Plan) -> list[Wire]:
    """The cables that went, between what is left of their ends."""
    found = []
    for path, link in made.marks.gone_sockets.items():
        other = f"{link.peer_ns}/{link.peer}"
        both = link.kind == "veth" and path < other and path in made.box and other in made.box
        if both and other in made.marks.gone_sockets and made.box[path] != made.box[other]:
            words = f"{path} ⇄ {other}: gone"
            found.append(Wire("gone", link.ns, link.peer_ns, path, other, False, False, False, words))
    return found
