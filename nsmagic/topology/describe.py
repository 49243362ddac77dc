"""A picture in words: the text that stands for it where it cannot be seen."""

from __future__ import annotations

from nsmagic.printable import printable
from nsmagic.topology.lines import short, what
from nsmagic.topology.model import Graph, Room, Socket, is_host, route_words

_SAID = {"UP": "up", "DOWN": "down", "no carrier": "no carrier"}
#: Rooms that are told; more would be no help to a listener.
_MOST_ROOMS = 12


def describe(graph: Graph) -> str:
    """What is in a picture, in sentences.

    >>> from nsmagic.topology import build
    >>> from nsmagic.topology.sample import cable
    >>> print(describe(build(cable())))
    Network of the lab: 2 rooms, 1 cable. host. blue: veth-blue down, cable to red/veth-red. red: veth-red down, cable to blue/veth-blue.
    """
    rooms = [room for room in graph.rooms if not is_host(room)]
    counts = [_count(len(rooms), "room"), _count(len(graph.cables), "cable")]
    counts += [_count(len(graph.tunnels), "tunnel")] if graph.tunnels else []
    told = [room for room in graph.rooms if is_host(room)] + rooms[:_MOST_ROOMS]
    parts = [f"Network of the lab: {', '.join(counts)}.", *(f"{_room(room)}." for room in told)]
    if len(rooms) > _MOST_ROOMS:
        parts.append(f"And {_count(len(rooms) - _MOST_ROOMS, 'room')} more.")
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _room(room: Room) -> str:
    words = [_socket(socket) for top in room.sockets if top.link.kind != "loopback" for socket in top]
    words += ["forwards packets"] if room.forwards else []
    words += [*room.badges, *(route_words(route) for route in room.default_routes)]
    inside = f" (in {room.inside})" if room.inside else ""
    return printable(short(room.ns) + inside + (f": {'; '.join(words)}" if words else ""))


def _socket(socket: Socket) -> str:
    link = socket.link
    words = [f"{link.ifname} {_SAID[socket.state]}", *socket.addresses]
    if link.kind == "bridge":
        words.insert(0, "bridge")
    text = " ".join(words)
    more = [what(socket)] if what(socket) else []
    more += [f"plugged into {link.master}"] if link.master else []
    more += [f"cable to {socket.other_end}"] if socket.other_end else []
    return ", ".join([text, *more])
