"""What the last commands changed, by the names that things have now: what a picture marks as new, changed or gone.

A cell makes a cable, moves its end, gives it an address: three changes, one new socket. So changes are followed in order,
and what was made and removed again leaves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nsmagic import rows as ask
from nsmagic.model import Change, Link
from nsmagic.topology.model import is_default, route_words

Mark = Literal["new", "changed"]

#: What a link's owner sets; everything else (carrier, what a bridge works out) is a consequence.
_OWN = ("ns", "ifname", "mac", "mtu", "master", "lower", "alias", "group", "txqlen")


@dataclass(slots=True)
class Marks:
    """Rooms by name, sockets by path, addresses and default routes by ``(path or room, words)``."""

    rooms: dict[str, Mark] = field(default_factory=dict)
    sockets: dict[str, Mark] = field(default_factory=dict)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    routes: set[tuple[str, str]] = field(default_factory=set)
    gone_rooms: set[str] = field(default_factory=set)
    gone_sockets: dict[str, Link] = field(default_factory=dict)
    gone_addresses: set[tuple[str, str]] = field(default_factory=set)
    gone_routes: set[tuple[str, str]] = field(default_factory=set)
    badges: set[str] = field(default_factory=set)
    #: Not changes but a journey: the steps at which a packet was seen at a socket.
    steps: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def without_gone(self) -> Marks:
        """New and changed things only."""
        return Marks(self.rooms, self.sockets, self.addresses, self.routes, badges=self.badges, steps=self.steps)


def numbers(steps: Sequence[int]) -> str:
    """Numbers of steps in few words.

    >>> numbers([1, 2, 3, 7, 9, 10])
    '1–3 7 9 10'
    """
    found: list[list[int]] = []
    for number in steps:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return " ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else " ".join(map(str, run)) for run in found)


def marks(changes: Sequence[Change]) -> Marks:
    """What changes come to.

    >>> end = Link("host", 2, "veth-red", "veth")
    >>> moved = Link("red", 2, "veth-red", "veth")
    >>> marks([Change("+", "links", None, end), Change("~", "links", end, moved)]).sockets
    {'red/veth-red': 'new'}
    """
    found = Marks()
    for change in changes:
        if change.table == "namespaces":
            _room(found, change)
        elif change.table == "links":
            _link(found, change)
        elif change.table == "addrs":
            for came, row in _rows(change):
                _turn(came, (ask.path(row.ns, row.ifname), ask.prefix(row)), found.addresses, found.gone_addresses)
        elif change.table == "routes":
            for came, row in _rows(change):
                if is_default(row):
                    _turn(came, (row.ns, route_words(row)), found.routes, found.gone_routes)
        elif change.table == "sysctls" and change.new is not None and change.new.name.endswith("forward"):
            found.badges.add(change.new.ns)
        elif change.table == "firewall":
            row = change.new if change.new is not None else change.old
            if row.type == "nat" and row.position:
                found.badges.add(row.ns)
    # What left with its room or its link is not told again.
    found.gone_sockets = {path: link for path, link in found.gone_sockets.items() if link.ns not in found.gone_rooms}
    found.gone_addresses = {each for each in found.gone_addresses if each[0] not in found.gone_sockets}
    return found


def _room(found: Marks, change: Change) -> None:
    if change.op == "+":
        found.gone_rooms.discard(change.new.ns)
        found.rooms[change.new.ns] = "new"
    elif change.op == "-":
        if found.rooms.pop(change.old.ns, None) != "new":
            found.gone_rooms.add(change.old.ns)
    elif change.old.ns != change.new.ns:
        found.rooms[change.new.ns] = found.rooms.pop(change.old.ns, "changed")


def _link(found: Marks, change: Change) -> None:
    if change.op == "+":
        path = ask.path(change.new.ns, change.new.ifname)
        if change.new.kind != "loopback":  # it comes with its room
            found.sockets[path] = "changed" if found.gone_sockets.pop(path, None) else "new"
        return
    old = ask.path(change.old.ns, change.old.ifname)
    if change.op == "-":
        if found.sockets.pop(old, None) != "new" and change.old.kind != "loopback":
            found.gone_sockets[old] = change.old
        return
    path = ask.path(change.new.ns, change.new.ifname)
    before = found.sockets.pop(old, None)
    if before or change.old.up != change.new.up or any(getattr(change.old, n) != getattr(change.new, n) for n in _OWN):
        found.sockets[path] = before or "changed"
    for texts in (found.addresses, found.gone_addresses):
        for each in [each for each in texts if each[0] == old]:
            texts.remove(each)
            texts.add((path, each[1]))


def _rows(change: Change) -> list[tuple[bool, Any]]:
    """The row that went (False) and the row that came (True)."""
    return [(came, row) for came, row in ((False, change.old), (True, change.new)) if row is not None]


def _turn(came: bool, key: tuple[str, str], here: set[tuple[str, str]], gone: set[tuple[str, str]]) -> None:
    """Something came or went: if it did the opposite before, nothing remains to be told."""
    into, out = (here, gone) if came else (gone, here)
    if key in out:
        out.remove(key)
    else:
        into.add(key)
