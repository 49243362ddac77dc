"""Labs described as data: rooms, switches, cables, addresses, in a TOML file or as the same in Python. ``Lab.build`` makes them.

::

    ipv6 = false                              # leave IPv6 off in the rooms; default: true

    [[switch]]                                # a bridge
    name = "br0"
    room = "host"                             # default: host
    addresses = ["10.0.0.1/24"]

    [[room]]                                  # a namespace; "host" may stand here too
    name = "red"
    addresses = { eth0 = "10.0.0.2/24" }      # one text, or a list
    gateway = "10.0.0.1"
    commands = ["sysctl -w net.ipv4.ip_forward=1"]      # what else there is to do there, once all is up

    [[cable]]                                 # a veth pair
    ends = ["red/eth0", "host/br0"]           # room/interface, or room/switch: the port there is called red-eth0

    [[cable]]
    ends = ["blue/eth0", "host/blue-port"]    # or with a name of your own for the port
    switch = "br0"

Everything is switched on; switches last, so that no packet floods ports that are still to come. The order of a file does not
matter but for ``commands``. What is made is what the same typed commands make; :func:`read` gives those.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nsmagic.commands.command import Command
from nsmagic.commands.parse import parse
from nsmagic.errors import LabError
from nsmagic.model import HOST
from nsmagic.sentences import say

#: What a description is given as: the path of a TOML file, or the data itself.
Source = str | os.PathLike[str] | Mapping[str, Any]
_KEYS = {
    "": {"about", "ipv6", "switch", "room", "cable"},
    "switch": {"name", "room", "addresses"},
    "room": {"name", "addresses", "gateway", "commands"},
    "cable": {"ends", "switch"},
}
_IFNAME = 15


class Typed(NamedTuple):
    """A command of ours, as one would type it on the host, and read."""

    text: str
    data: Mapping[str, Any]


class Description(NamedTuple):
    """A description as commands: first those of its frame, then what it says is to be run in its rooms."""

    commands: tuple[Typed, ...]
    texts: tuple[tuple[str, str], ...]


def read(source: Source) -> Description:
    """What is to be done for a description.

    >>> found = read({"room": [{"name": "red", "addresses": {"eth0": "10.0.0.2/24"}}], "cable": [{"ends": ["red/eth0", "host/v0"]}]})
    >>> for each in found.commands:
    ...     print(each.text)
    ip netns add red
    ip link add v0 type veth peer name eth0 netns red
    ip -n red link set lo up
    ip -n red addr add 10.0.0.2/24 dev eth0
    ip -n red link set eth0 up
    ip link set v0 up

    Raises
    ------
    LabError
        It is not a description: what is wrong where.
    """
    if isinstance(source, Mapping):
        return _Reader(source, "the description").read()
    path = Path(source)
    try:
        return _Reader(tomllib.loads(path.read_text()), str(path)).read()
    except FileNotFoundError:
        raise LabError(f"there is no file {path}", hint=say("build-form")) from None
    except tomllib.TOMLDecodeError as error:
        raise LabError(f"{path}: {error}") from None


class _Reader:
    def __init__(self, data: Mapping[str, Any], name: str) -> None:
        self._name = name
        self._known("", data)
        self.ipv6 = data.get("ipv6", True)
        self.switches = self._listed(data, "switch")
        self.rooms = self._listed(data, "room")
        self.cables = self._listed(data, "cable")
        self.out: list[Typed] = []
        self._read: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._bridges = {(each.get("room", HOST), each["name"]) for each in self.switches}
        self._made: set[str] = set()
        for name, times in Counter(each["name"] for each in self.rooms).items():
            if times > 1:
                raise self._wrong(f"{times} rooms are called {name}: put what they have into one")
        self._names = {HOST, *(each["name"] for each in self.rooms)}

    def read(self) -> Description:
        for each in self.switches:
            room, name = each.get("room", HOST), each["name"]
            self._room(room, f"switch {name}")
            self._namespace(room)
            self._typed(f"{_ip(room)}link add {name} type bridge", "link.add", room, {"ifname": name, "kind": "bridge"})
        # A room is made with its first cable and finished with its last, not all rooms at once: so the kernel can make the next
        # namespaces beside the cables (agent/nursery.py).
        cables = [(self._ends(cable), cable.get("switch", "")) for cable in self.cables]
        plugs = Counter(room for both, _ in cables for room, _ in both)
        rooms = {each["name"]: each for each in self.rooms}
        ends: dict[str, list[str]] = {}
        for both, switch in cables:
            for room, _ in both:
                self._namespace(room)
            self._cable(both, switch, ends)
            for room, _ in both:
                plugs[room] -= 1
                if not plugs[room] and room in rooms:
                    self._inside(rooms.pop(room), ends.pop(room, []))
        for name, alone in rooms.items():
            self._namespace(name)
            self._inside(alone, [])
        for name in ends.pop(HOST, ()):
            self._up(HOST, name)
        for each in self.switches:
            room = each.get("room", HOST)
            self._addresses(room, each["name"], each.get("addresses", ()))
        for each in self.switches:
            self._up(each.get("room", HOST), each["name"])
        texts = tuple((each["name"], text) for each in self.rooms for text in _texts(each.get("commands", ())))
        return Description(tuple(self.out), texts)

    # Parts

    def _namespace(self, room: str) -> None:
        """Make it, unless it is there."""
        if room == HOST or room in self._made:
            return
        self._made.add(room)
        self._typed(f"ip netns add {room}", "netns.add", HOST, {"name": room})
        if not self.ipv6:
            assignments = [[f"net.ipv6.conf.{part}.disable_ipv6", "1"] for part in ("all", "default")]
            words = ("sysctl", "-q", "-w", *("=".join(pair) for pair in assignments))
            self._parsed(room, words, f"ip netns exec {room} ")

    def _ends(self, cable: Mapping[str, Any]) -> list[tuple[str, str]]:
        given = cable.get("ends", ())
        if isinstance(given, str) or len(given) != 2:
            raise self._wrong(f"a cable has two ends, not {given!r}")
        return [self._end(str(end)) for end in given]

    def _cable(self, both: Sequence[tuple[str, str]], switch: str, ends: dict[str, list[str]]) -> None:
        (room, name), (far, far_name) = both
        if (room, name) in self._bridges:
            (room, name), (far, far_name) = (far, far_name), (room, name)
        if not switch and (far, far_name) in self._bridges:
            switch, far_name = far_name, f"{room}-{name}"[:_IFNAME]
        if not switch:
            if far == HOST:  # which has no name that `netns` takes: the command runs there
                (room, name), (far, far_name) = (far, far_name), (room, name)
            args: dict[str, Any] = {"ifname": name, "kind": "veth", "peer": {"ifname": far_name}}
            where = there = ""
            if room != HOST:
                args["netns"], where = room, f" netns {room}"
            if far != HOST:
                args["peer"]["netns"], there = far, f" netns {far}"
            text = f"ip link add {name}{where} type veth peer name {far_name}{there}"
            self._typed(text, "link.add", HOST, args)
            ends.setdefault(far, []).append(far_name)
        else:
            if (far, switch) not in self._bridges:
                first, second = ("/".join(end) for end in both)
                raise self._wrong(f"the cable {first} … {second} goes to {far}/{switch}, which is no switch")
            peer = {"ifname": name, "netns": room}
            args = {"ifname": far_name, "kind": "veth", "master": switch, "up": True, "peer": peer}
            text = f"{_ip(far)}link add {far_name} up master {switch} type veth peer name {name} netns {room}"
            self._typed(text, "link.add", far, args)
        ends.setdefault(room, []).append(name)

    def _inside(self, room: Mapping[str, Any], links: Sequence[str]) -> None:
        name = room["name"]
        if name != HOST:
            self._up(name, "lo")
        addresses = room.get("addresses", {})
        if not isinstance(addresses, Mapping):
            raise self._wrong(f"room {name}: addresses are a table, interface = address")
        for link, texts in addresses.items():
            self._addresses(name, link, texts)
        for link in dict.fromkeys([*links, *(each for each in addresses if each != "lo")]):
            self._up(name, link)
        if "gateway" in room:
            self._parsed(name, ("ip", "route", "add", "default", "via", str(room["gateway"])))

    def _up(self, room: str, link: str) -> None:
        self._typed(f"{_ip(room)}link set {link} up", "link.set", room, {"dev": link, "up": True})

    def _addresses(self, room: str, link: str, texts: str | Iterable[str]) -> None:
        for text in _texts(texts):
            self._parsed(room, ("ip", "addr", "add", text, "dev", link))

    # Commands

    def _typed(self, text: str, verb: str, ns: str, args: Mapping[str, Any]) -> None:
        self.out.append(Typed(text, {"tool": "ip", "verb": verb, "args": args, "ns": ns}))

    def _parsed(self, room: str, words: tuple[str, ...], there: str = "") -> None:
        """A command as one types it in a room; many rooms have the same, which is read once. ``there`` is what one types before it on
        the host, if it is no ``ip -n``."""
        text = there + " ".join(words) if there else _ip(room) + " ".join(words[1:])
        known = self._read.get(words)
        if known is None:
            run = parse(words, HOST)
            if not isinstance(run, Command):
                why = getattr(run, "why", None)
                raise self._wrong(f"{text}: {why.message if why else 'not a command that nsmagic knows'}")
            known = self._read[words] = run.to_data()
        self.out.append(Typed(text, {**known, "ns": room}))

    # What is given

    def _listed(self, data: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
        found = data.get(kind, [])
        if isinstance(found, (str, Mapping)) or not all(isinstance(each, Mapping) for each in found):
            raise self._wrong(f"{kind} is a list of tables, [[{kind}]]")
        for each in found:
            self._known(kind, each)
            name = each.get("name", "")
            if kind != "cable" and (not isinstance(name, str) or not name or name.split() != [name] or "/" in name):
                raise self._wrong(f"a {kind} needs a name without spaces and slashes, not {name!r}")
        return list(found)

    def _known(self, kind: str, data: Mapping[str, Any]) -> None:
        for key in data:
            if key not in _KEYS[kind]:
                raise self._wrong(
                    f'{kind or "a description"} has no "{key}": there are {", ".join(sorted(_KEYS[kind]))}'
                )

    def _end(self, text: str) -> tuple[str, str]:
        room, _, link = text.rpartition("/")
        if not room or not link or link.split() != [link]:
            raise self._wrong(f"a cable ends at room/interface, not at {text!r}")
        self._room(room, f"the cable end {text}")
        return room, link

    def _room(self, room: str, who: str) -> None:
        if room not in self._names:
            raise self._wrong(f'{who}: there is no room "{room}"')

    def _wrong(self, words: str) -> LabError:
        return LabError(f"{self._name}: {words}", hint=say("description-form"))


def _ip(room: str) -> str:
    return "ip " if room == HOST else f"ip -n {room} "


def _texts(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else [str(each) for each in given]
