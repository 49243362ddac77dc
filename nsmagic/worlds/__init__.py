"""Worlds: the outside of a lab, described as data in files that a teacher can copy.

``Lab(world="home-lan")`` takes one of this folder by its name, or any file by its path. README.md beside this file says how one is
written; ``read`` refuses what it does not know, naming it.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsmagic.errors import LabError
from nsmagic.model import HOST
from nsmagic.sentences import say

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Room:
    """A room of a world: its name (``host``, or one in parentheses), what is typed in it, and what it serves: names (name →
    address, on port 53) and a web page (on port 80)."""

    name: str
    commands: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    page: str = ""


@dataclass(frozen=True)
class Cable:
    """A veth pair; each end is ``(room, interface)``."""

    first: tuple[str, str]
    second: tuple[str, str]


@dataclass(frozen=True)
class World:
    """A world, read. ``resolver`` is the address of the name server that the lab asks."""

    name: str
    about: str
    rooms: tuple[Room, ...]
    cables: tuple[Cable, ...]
    resolver: str = ""

    @property
    def outside(self) -> tuple[str, ...]:
        """The names of the rooms to be made, without their parentheses."""
        return tuple(room.name[1:-1] for room in self.rooms if room.name != HOST)


def names() -> list[str]:
    """The worlds that come with nsmagic.

    >>> names()
    ['home-lan']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def read(name: str) -> World:
    """A world by its name or the path of its file.

    >>> read("home-lan").outside
    ('lan', 'pc', 'router', 'internet')

    Raises
    ------
    LabError
        There is none of that name, or its file does not describe one.
    """
    path = Path(name) if name.endswith(".toml") else _FOLDER / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise LabError(f'there is no world "{name}"', hint=say("worlds", known=", ".join(names()))) from None
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from None
    try:
        return _world(path.stem, data)
    except (KeyError, TypeError, ValueError) as error:
        raise LabError(f"{path}: not a world: {error}", hint=say("world-form")) from None


_KEYS = {"about", "resolver", "room", "cable"}
_ROOM_KEYS = {"name", "commands", "names", "page"}


def _world(name: str, data: Mapping[str, Any]) -> World:
    _only(data, _KEYS, "a world")
    rooms = tuple(_room(room) for room in data["room"])
    known = {HOST, *(room.name for room in rooms)}
    cables = []
    for cable in data.get("cable", ()):
        _only(cable, {"ends"}, "a cable")
        first, second = (_end(str(end), known) for end in cable["ends"])
        cables.append(Cable(first, second))
    resolver = str(data.get("resolver", ""))
    if resolver:
        ipaddress.ip_address(resolver)
    return World(name, str(data.get("about", "")), rooms, tuple(cables), resolver)


def _room(data: Mapping[str, Any]) -> Room:
    _only(data, _ROOM_KEYS, "a room")
    name = HOST if data["name"] == HOST else f"({data['name']})"
    names = {
        str(each).lower().rstrip("."): str(ipaddress.ip_address(address))
        for each, address in data.get("names", {}).items()
    }
    return Room(name, tuple(map(str, data.get("commands", ()))), names, str(data.get("page", "")))


def _only(data: Mapping[str, Any], keys: set[str], what: str) -> None:
    for key in data:
        if key not in keys:
            raise ValueError(f'{what} has no "{key}" (it has {", ".join(sorted(keys))})')


def _end(text: str, known: set[str]) -> tuple[str, str]:
    room, _, interface = text.rpartition("/")
    if room not in known or not interface:
        raise ValueError(f"a cable ends at {text!r}, which is no room/interface")
    return room, interface
