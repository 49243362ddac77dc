"""The picture as indented text, for a terminal, a screen reader and exact comparison.

The host's links come first, then the rooms by name, each with its links by number; a switch has its ports below it. Beside
a link stand its state (``UP``, ``DOWN``, or ``no carrier``: switched on, but the cable is dead), its addresses, and the
other end of its cable or what kind of link it is. A room's default routes close it, in the words of ``ip route``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from nsmagic.model import Route, Snapshot
from nsmagic.printable import pad, printable, width
from nsmagic.topology.model import Graph, Room, Socket, build, is_host

#: Where the states begin: two levels of branches and the longest name that Linux allows, so that lines seldom move.
_STATE_AT = 22


@dataclass(slots=True)
class _Node:
    name: str
    cells: tuple[str, str, str] | None = None
    children: list[_Node] = field(default_factory=list)


def text(
    snapshot: Snapshot,
    ns: Collection[str] | None = None,
    *,
    all: bool = False,
    forwarding: Collection[str] = (),
) -> str:
    """The drawing of a snapshot; parameters as those of :func:`nsmagic.topology.model.build`.

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
    return draw(build(snapshot, ns, all=all, forwarding=forwarding))


def draw(graph: Graph) -> str:
    """The drawing of a graph; the empty string when it has no room.

    >>> draw(Graph())
    ''
    """
    house = [room for room in graph.rooms if is_host(room)]
    others = [_room(room) for room in graph.rooms if not is_host(room)]
    roots = [_room(room) for room in house]
    if roots:
        roots[0].children += others
    else:
        roots = others
    lines = [line for root in roots for line in _walk(root, "", "")]
    with_cells = [(head, cells) for head, cells in lines if cells]
    at = max([_STATE_AT, *(width(head) + 1 for head, cells in with_cells)])
    # A room's own remark stands where the states do and must not widen their column.
    states = max((width(cells[0]) for _, cells in with_cells if any(cells[1:])), default=0)
    addresses = max((width(cells[1]) for _, cells in with_cells if cells[2]), default=0)
    drawn = []
    for head, cells in lines:
        if cells is None:
            drawn.append(head)
            continue
        line = pad(head, at) + pad(cells[0], states)
        if any(cells[1:]):
            line += "  " + (pad(cells[1], addresses) + "  " if addresses or cells[1] else "") + cells[2]
        drawn.append(line.rstrip())
    return "\n".join(drawn)


def _room(room: Room) -> _Node:
    node = _Node(printable(room.ns), ("forwards packets", "", "") if room.forwards else None)
    node.children = [_socket(socket) for socket in room.sockets]
    node.children += [_Node(_route(route)) for route in room.default_routes]
    return node


def _socket(socket: Socket) -> _Node:
    node = _Node(
        printable(socket.link.ifname),
        (socket.state, ", ".join(map(printable, socket.addresses)), printable(_remark(socket))),
    )
    node.children = [_socket(port) for port in socket.ports]
    return node


def _remark(socket: Socket) -> str:
    """What the link leads to: the other end of a cable, else its kind unless the name says it all."""
    if socket.link.kind == "veth":
        return f"⇄ {socket.other_end}" if socket.other_end else "⇄ (out of sight)"
    return "" if socket.link.kind in ("loopback", "ether", "") else socket.kind


def _route(route: Route) -> str:
    hops = route.nexthops or ({"gateway": route.gateway, "dev": route.dev},)
    words = [_hop(str(hop.get("gateway") or ""), str(hop.get("dev") or "")) for hop in hops]
    return printable(f"default {' and '.join(words)}")


def _hop(gateway: str, dev: str) -> str:
    return " ".join([*(["via", gateway] if gateway else []), *(["dev", dev] if dev else [])])


def _walk(node: _Node, head: str, below: str) -> Iterator[tuple[str, tuple[str, str, str] | None]]:
    """Each line's left part and its cells; ``head`` is what stands before the node, ``below`` before its children."""
    yield head + node.name, node.cells
    for child in node.children:
        last = child is node.children[-1]
        yield from _walk(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
