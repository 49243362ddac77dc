"""Where things stand from left to right: what a picture's columns are, and which way each cable leaves its socket.

The outside is on the left, then the host, then the rooms by their distance from it in cables. Rooms that are not wired to the
host begin beside it: the two ends of a chain left and right, else the one with most neighbours first. Graphviz is told these
columns, so a cable more or an address more moves nothing else sideways.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from nsmagic.model import HOST

#: A place is a room that stands by itself, or an outer network; which place is wired to which.
Neighbours = Mapping[str, Collection[str]]


def columns(places: Iterable[str], neighbours: Neighbours, outside: Collection[str]) -> dict[str, int]:
    """Place → its column. The host's is 0.

    >>> columns(["host", "red", "blue", "lan"], {"host": ["red", "lan"], "red": ["host"], "lan": ["host"]}, ["lan"])
    {'host': 0, 'red': 1, 'lan': -1, 'blue': 1}
    """
    order = list(places)
    if set(order) <= set(outside):
        outside = ()
    found: dict[str, int] = {}
    first = 1 if HOST in order else 0
    if HOST in order:
        _spread(HOST, 0, 1, found, neighbours, lambda place: place not in outside)
        _outwards(found, neighbours, outside)
    for place in order:
        if place in found or place in outside:
            continue
        members = _component(place, neighbours, found)
        begin = _begin([each for each in order if each in members and each not in outside], neighbours)
        _spread(begin, first, 1, found, neighbours, lambda each: each not in outside)
        _outwards(found, neighbours, outside)
    for place in order:  # an outside that nothing leads to
        if place not in found:
            _spread(place, -1, -1, found, neighbours, lambda each: True)
    return found


def _spread(
    place: str, column: int, step: int, found: dict[str, int], neighbours: Neighbours, may: Callable[[str], bool]
) -> None:
    """Number what is reached from a place, breadth first."""
    found[place] = column
    front = [place]
    while front:
        here = front.pop(0)
        for other in sorted(neighbours.get(here, ())):
            if other not in found and may(other):
                found[other] = found[here] + step
                front.append(other)


def _outwards(found: dict[str, int], neighbours: Neighbours, outside: Collection[str]) -> None:
    """Number the outside, to the left of what it is wired to, and what only it leads to, to the right of the host."""
    front = [place for place in sorted(found) if place not in outside]
    while front:
        here = front.pop(0)
        for other in sorted(neighbours.get(here, ())):
            if other not in found:
                leaves = other in outside
                found[other] = found[here] - 1 if leaves else max(found[here] + 1, 1)
                front.append(other)


def _component(place: str, neighbours: Neighbours, found: Collection[str]) -> set[str]:
    members, front = {place}, [place]
    while front:
        for other in neighbours.get(front.pop(), ()):
            if other not in members and other not in found:
                members.add(other)
                front.append(other)
    return members


def _begin(places: list[str], neighbours: Neighbours) -> str:
    """Where a group that is not wired to the host begins: the end of a chain, else the place with most neighbours."""
    inside = set(places)
    degree = {place: len(inside.intersection(neighbours.get(place, ()))) for place in places}
    ends = [place for place in places if degree[place] == 1]
    if max(degree.values()) <= 2 and ends:
        return ends[0]
    return max(places, key=lambda place: degree[place])
