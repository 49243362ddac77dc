"""Worlds: the outside of a lab, described as data in files that a teacher can copy.

A world is a TOML file: rooms without a name in ``ip netns`` (they are drawn as the outside), cables, and the commands that set
them up. ``Lab(world="home-lan")`` takes one of this folder by its name, or any file by its path.

::

    about = "one line for people"

    [[room]]
    name = "router"               # shown as (router)
    commands = ["ip addr add 192.168.1.1/24 dev eth0", …]

    [[cable]]
    ends = ["host/eth0", "(lan)/port-host"]

Commands run in their room in the order of the file, after all cables are there; ``host`` is a room too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsmagic.errors import LabError
from nsmagic.model import HOST

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Room:
    """A room of a world: its name (``host``, or one in parentheses) and what is typed in it."""

    name: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cable:
    """A veth pair; each end is ``(room, interface)``."""

    first: tuple[str, str]
    second: tuple[str, str]


@dataclass(frozen=True)
class World:
    """A world, read."""

    name: str
    about: str
    rooms: tuple[Room, ...]
    cables: tuple[Cable, ...]

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
        raise LabError(
            f'there is no world "{name}"', hint=f"worlds: {', '.join(names())}; or a path to a .toml"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from None
    try:
        return _world(path.stem, data)
    except (KeyError, TypeError, ValueError) as error:
        raise LabError(
            f"{path}: not a world: {error}", hint="nsmagic/worlds/__init__.py says what one looks like"
        ) from None


def _world(name: str, data: Mapping[str, Any]) -> World:
    rooms = tuple(
        Room(HOST if room["name"] == HOST else f"({room['name']})", tuple(map(str, room.get("commands", ()))))
        for room in data["room"]
    )
    known = {HOST, *(room.name for room in rooms)}
    cables = []
    for cable in data.get("cable", ()):
        first, second = (_end(str(end), known) for end in cable["ends"])
        cables.append(Cable(first, second))
    return World(name, str(data.get("about", "")), rooms, tuple(cables))


def _end(text: str, known: set[str]) -> tuple[str, str]:
    room, _, interface = text.rpartition("/")
    if room not in known or not interface:
        raise ValueError(f"a cable ends at {text!r}, which is no room/interface")
    return room, interface
