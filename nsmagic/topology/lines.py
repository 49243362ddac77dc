"""What is written on rooms and sockets: lines of words in styles, and the same as Graphviz's HTML-like text.

Every text goes through :func:`say`, since names are data. Names and addresses are set in a font whose letters are all 0.6 em
wide, whichever font of that sort a browser has, so that what Graphviz measures is what one sees on any machine.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from nsmagic.printable import printable, width
from nsmagic.topology import palette
from nsmagic.topology.marks import Marks, numbers
from nsmagic.topology.model import MASTERS, Room, Socket, route_words

MONO = "Courier"
NAME, SMALL, TITLE = 12, 11, 15
_LONGEST = 48

STATES = {
    "UP": ("●", "up", palette.UP),
    "DOWN": ("○", "down", palette.DOWN),
    "no carrier": ("○", "no carrier", palette.NO_CARRIER),
}
_SAID_BY_CABLE = frozenset(["veth", "ether", "loopback", ""])


@lru_cache(maxsize=8192)
def key(path: str) -> str:
    """A name as an identifier of plain ASCII, the same every time and different for different names.

    >>> key("red/veth-red"), key("<b>/a:b")
    ('red/veth-red', '%3Cb%3E/a%3Ab')
    """
    return quote(path, safe="/", errors="surrogateescape")


@lru_cache(maxsize=8192)
def say(text: str) -> str:
    r"""A text of ours or of anybody's for an HTML-like label: shown as it is, never read as markup or as an escape.

    >>> print(say('<b>\\N & "x"'))
    &lt;b&gt;\\N &amp; &quot;x&quot;
    """
    return html.escape(printable(text)).replace("\\", "\\\\")


def short(text: str, longest: int = _LONGEST) -> str:
    """A text that fits: its beginning and its end.

    >>> short("a" * 60, 20)
    'aaaaaaaa…aaaaaaaaaaa'
    """
    shown = printable(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 12]}…{shown[-11:]}"


def attributes(**values: str | int) -> str:
    """Attributes of a tag of an HTML-like label; empty ones are left out, the others escaped.

    >>> attributes(BORDER=1, COLOR="", TITLE='"q"')
    ' BORDER="1" TITLE="&quot;q&quot;"'
    """
    return "".join(
        [
            f' {name}="{value if isinstance(value, int) else html.escape(value)}"'
            for name, value in values.items()
            if value != ""
        ]
    )


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line: text in one style. ``size`` in points."""

    text: str
    size: int = SMALL
    color: str = ""
    mono: bool = False
    bold: bool = False
    struck: bool = False

    def html(self) -> str:
        """As HTML-like text."""
        begin, end = _tags(self.size, self.color, self.mono, self.bold, self.struck)
        return f"{begin}{say(self.text)}{end}"

    @property
    def wide(self) -> float:
        """Its width in points: exact for the fixed-width font, at least as much as needed for the other."""
        text = self.text
        columns = len(text) if text.isascii() and text.isprintable() else width(printable(text))
        return columns * self.size * (0.6 if self.mono or self.bold else 0.54)


@lru_cache(maxsize=256)
def _tags(size: int, color: str, mono: bool, bold: bool, struck: bool) -> tuple[str, str]:
    """What stands around a text of a style."""
    style = attributes(FACE=MONO if mono else "", COLOR=color, **{"POINT-SIZE": size})
    inner = [tag for tag, wanted in (("S", struck), ("B", bold)) if wanted]
    begin = f"<FONT{style}>" + "".join(f"<{tag}>" for tag in inner)
    return begin, "".join(f"</{tag}>" for tag in reversed(inner)) + "</FONT>"


Line = Sequence[Run]

_STATE_RUNS = {word: Run(f"  {sign} {said} ", SMALL, color) for word, (sign, said, color) in STATES.items()}
_SPACE = Run(" ")


def wide(lines: Iterable[Line]) -> int:
    """The width of the widest line, in points."""
    return math.ceil(max([sum([run.wide for run in line]) for line in lines], default=0))


def lines_html(lines: Sequence[Line]) -> str:
    """Lines of a cell, left-aligned."""
    return "".join(["".join([run.html() for run in line]) + '<BR ALIGN="LEFT"/>' for line in lines])


def state(word: str) -> Run:
    """``● up``, ``○ down``, ``○ no carrier``."""
    return _STATE_RUNS[word]


def mark(word: str) -> list[Run]:
    """``new``, ``changed``, ``gone``: the word beside what is framed."""
    return [Run(f" {word}", SMALL, palette.GHOST if word == "gone" else palette.MARK_INK, bold=True)] if word else []


def socket_lines(
    socket: Socket, marks: Marks, *, port: bool = False, tight: bool = False, short_wire: bool = False
) -> list[Line]:
    """What is written on a socket: name and state; its addresses; what it is. ``port``: in small letters; ``tight``: all on
    one line where it fits; ``short_wire``: with the other end in words."""
    head: list[Run] = [Run(socket.link.ifname, SMALL if port else NAME, mono=True, bold=not port)]
    if socket.link.kind in MASTERS:
        head.append(Run(f" {socket.link.kind}", SMALL, palette.FAINT))
    head += [state(socket.state), *mark(marks.sockets.get(socket.path, ""))]
    if socket.path in marks.steps:
        head.append(Run(f" {short(numbers(marks.steps[socket.path]), 40)} ", SMALL, palette.MARK_INK, bold=True))
    more: list[Line] = [
        [Run(text, SMALL, mono=True), *mark("new" if (socket.path, text) in marks.addresses else "")]
        for text in socket.addresses
    ]
    if marks.gone_addresses:
        more += [
            [Run(text, SMALL, palette.GHOST, mono=True, struck=True), *mark("gone")]
            for path, text in sorted(marks.gone_addresses)
            if path == socket.path
        ]
    remark = f"⇄ {short(socket.other_end)}" if short_wire else what(socket)
    more += [[Run(remark, SMALL, palette.FAINT)]] if remark else []
    return [[*head, _SPACE, *more[0]]] if tight and len(more) == 1 else [head, *more]


def route_lines(room: Room, marks: Marks) -> list[Line]:
    """The default routes of a room, with the device only where it could be another."""
    several = len([socket for socket in room if socket.link.kind != "loopback"]) > 1
    found: list[Line] = []
    for route in room.default_routes:
        words = route_words(route)
        shown = words if several or " and " in words else words.partition(" dev ")[0]
        new = "new" if (room.ns, words) in marks.routes else ""
        found.append([Run(short(shown, 90), SMALL, palette.FAINT), *mark(new)])
    return found + [
        [Run(short(words, 90), SMALL, palette.GHOST, struck=True), *mark("gone")]
        for ns, words in sorted(marks.gone_routes)
        if ns == room.ns
    ]


def title_line(room: Room, marks: Marks) -> Line:
    """The name of a room, and what it does."""
    changed = room.ns in marks.badges
    ink = palette.INK if room.ns == "host" else palette.shade(room.ns).ink
    remarks = (["forwards packets"] if room.forwards else []) + [short(each, 80) for each in room.badges]
    remarks += ["forwards no packets"] if changed and not room.forwards else []
    if room.pids and not room.named and not room.world and room.ns != "host":
        remarks.append(f"process {', '.join(map(str, room.pids[:3]))}")
    line = [Run(short(room.ns), TITLE, ink, bold=True), *mark(marks.rooms.get(room.ns, ""))]
    if remarks:
        line.append(Run("   " + " · ".join(remarks), SMALL, palette.FAINT))
    return [*line, *mark("changed" if changed else "")]


def what(socket: Socket) -> str:
    """What a socket is, in words, unless its name, its place or its cable says it."""
    if socket.link.kind == "veth":
        return "" if socket.other_end else "other end out of sight"
    return "" if socket.link.kind in _SAID_BY_CABLE | MASTERS else socket.kind


# Tooltips


def tip(socket: Socket) -> str:
    """The tooltip of a socket."""
    link = socket.link
    words = [f"{socket.path}: {socket.kind or link.kind}", STATES[socket.state][1]]
    words += [f"mac {link.mac}"] if link.mac.strip("0:") else []
    words += [f"mtu {link.mtu}"] if link.mtu else []
    words += list(socket.addresses)
    words += [f"plugged into {link.master}"] if link.master else []
    words += [f"other end {socket.other_end}"] if socket.other_end else []
    words += [f'alias "{link.alias}"'] if link.alias else []
    return printable(", ".join(words))


def room_tip(room: Room) -> str:
    """The tooltip of a room."""
    words = [f"{room.ns}: {'the host of the lab' if room.ns == 'host' else 'network namespace'}"]
    words += [] if room.named or room.ns == "host" else ["without a name in ip netns"]
    words += [f"held by process {', '.join(map(str, room.pids))}"] if room.pids and not room.named else []
    words += ["forwards packets"] if room.forwards else []
    words += [*room.badges, *map(route_words, room.default_routes)]
    return printable(", ".join(words))
