"""The picture as indented text, for a terminal, a screen reader and exact comparison.

The host's links come first, then the rooms by name, each with its links by number; a switch has its ports below it. Beside
a link stand its state (``UP``, ``DOWN``, or ``no carrier``: switched on, but the cable is dead), its addresses, and the
other end of its cable or what kind of link it is. A room's default routes close it, in the words of ``ip route``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nsmagic.model import HOST
from nsmagic.printable import pad, printable, width
from nsmagic.snapshot import Snapshot
from nsmagic.topology.build import build
from nsmagic.topology.marks import Marks, numbers
from nsmagic.topology.model import Graph, Room, Socket, route_words

#: Where the states begin: two levels of branches and the longest name that Linux allows, so that lines seldom move.
_STATE_AT = 22


@dataclass(slots=True)
class _Node:
    name: str
    cells: tuple[str, str, str] | None = None
    note: str = ""
    children: list[_Node] = field(default_factory=list)


def text(
    snapshot: Snapshot,
    ns: Collection[str] | None = None,
    *,
    all: bool = False,
    forwarding: Collection[str] = (),
    badges: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The drawing of a snapshot; parameters as those of :func:`nsmagic.topology.build.build`.

    >>> from nsmagic.topology.sample import switch
    >>> print(text(switch(), forwarding={"host"}))
    host                  forwards packets
    ├─ lo                 UP
    ├─ v-net-0            UP          192.168.15.5/24  bridge
    │  ├─ veth-blue-br    UP                           ⇄ blue/veth-blue
    │  ├─ veth-gray-br    no carrier                   ⇄ gray/veth-gray
    │  └─ veth-red-br     UP                           ⇄ red/veth-red
    ├─ blue
    │  ├─ lo              DOWN
    │  ├─ veth-blue       UP          192.168.15.1/24  ⇄ host/veth-blue-br
    │  └─ default via 192.168.15.5 dev veth-blue
    ├─ gray
    │  ├─ lo              DOWN
    │  └─ veth-gray       DOWN                         ⇄ host/veth-gray-br
    └─ red
       ├─ lo              DOWN
       ├─ veth-red        UP          192.168.15.3/24  ⇄ host/veth-red-br
       └─ default via 192.168.15.5 dev veth-red
    """
    return draw(build(snapshot, ns, all=all, forwarding=forwarding, badges=badges))


def draw(graph: Graph, marks: Marks | None = None) -> str:
    """The drawing of a graph; the empty string when it has no room. ``marks``: what to mark as new, changed or gone.

    >>> draw(Graph())
    ''
    """
    marked = marks or Marks()
    nodes = {room.ns: _room(room, marked) for room in graph.rooms}
    nodes |= {ns: _Node(printable(ns), note="gone") for ns in sorted(marked.gone_rooms) if ns not in nodes}
    roots: list[_Node] = []
    inside = {room.ns: room.inside for room in graph.rooms}
    for ns, node in nodes.items():
        above = inside.get(ns) or HOST
        (nodes[above].children if above in nodes and ns != HOST else roots).append(node)
    lines = [line for root in roots for line in _walk(root, "", "")]
    with_cells = [(head, cells) for head, cells, _ in lines if cells]
    at = max([_STATE_AT, *(width(head) + 1 for head, cells in with_cells)])
    # A room's own remark stands where the states do and must not widen their column.
    states = max((width(cells[0]) for _, cells in with_cells if any(cells[1:])), default=0)
    addresses = max((width(cells[1]) for _, cells in with_cells if cells[2]), default=0)
    drawn = []
    for head, cells, note in lines:
        line = head
        if cells is not None:
            line = pad(head, at) + pad(cells[0], states)
            if any(cells[1:]):
                line += "  " + (pad(cells[1], addresses) + "  " if addresses or cells[1] else "") + cells[2]
        drawn.append(line.rstrip() + (f"  ← {note}" if note else ""))
    return "\n".join(drawn)


def _room(room: Room, marks: Marks) -> _Node:
    remarks = (["forwards packets"] if room.forwards else []) + [printable(each) for each in room.badges]
    node = _Node(printable(room.ns), (" · ".join(remarks), "", "") if remarks else None)
    node.note = marks.rooms.get(room.ns, "changed" if room.ns in marks.badges else "")
    node.children = [_socket(socket, marks) for socket in room.sockets]
    node.children += [
        _Node(printable(link.ifname), note="gone")
        for _, link in sorted(marks.gone_sockets.items())
        if link.ns == room.ns
    ]
    for route in room.default_routes:
        words = route_words(route)
        node.children.append(_Node(printable(words), note="new" if (room.ns, words) in marks.routes else ""))
    node.children += [_Node(printable(words), note="gone") for ns, words in sorted(marks.gone_routes) if ns == room.ns]
    return node


def _socket(socket: Socket, marks: Marks) -> _Node:
    node = _Node(
        printable(socket.link.ifname),
        (socket.state, ", ".join(map(printable, socket.addresses)), printable(_remark(socket))),
    )
    notes = [str(marks.sockets[socket.path])] if socket.path in marks.sockets else []
    notes += [f"new {text}" for text in socket.addresses if (socket.path, text) in marks.addresses and notes != ["new"]]
    if socket.path in marks.steps:
        notes.append(numbers(marks.steps[socket.path]))
    notes += [f"gone {text}" for path, text in sorted(marks.gone_addresses) if path == socket.path]
    node.note = printable(", ".join(notes))
    node.children = [_socket(port, marks) for port in socket.ports]
    return node


def _remark(socket: Socket) -> str:
    """What the link leads to: the other end of a cable, else its kind unless the name says it all."""
    if socket.link.kind == "veth":
        return f"⇄ {socket.other_end}" if socket.other_end else "⇄ (out of sight)"
    return "" if socket.link.kind in ("loopback", "ether", "") else socket.kind


def _walk(node: _Node, head: str, below: str) -> Iterator[tuple[str, tuple[str, str, str] | None, str]]:
    """Each line's left part, cells and note; ``head`` is what stands before the node, ``below`` before its children."""
    yield head + node.name, node.cells, node.note
    for child in node.children:
        last = child is node.children[-1]
        yield from _walk(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
