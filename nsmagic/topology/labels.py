"""Rooms, sockets and switches as Graphviz's HTML-like labels. Every text goes through :func:`say`, since names are data.

Names and addresses are set in a font whose letters are all 0.6 em wide, whichever font of that sort a browser has, so that
what Graphviz measures is what one sees on any machine; so are columns of equal width, which would otherwise be ragged.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from nsmagic.printable import printable, width
from nsmagic.topology import palette
from nsmagic.topology.marks import Marks
from nsmagic.topology.model import Room, Socket, route_words
from nsmagic.topology.plan import Plan

MONO = "Courier"
_NAME, _SMALL, _TITLE = 12, 11, 15
#: Widest box that the others of its column follow; a longer text widens only its own.
_WIDEST = 300
_LONGEST = 48

_STATES = {
    "UP": ("●", "up", palette.UP),
    "DOWN": ("○", "down", palette.DOWN),
    "no carrier": ("○", "no carrier", palette.NO_CARRIER),
}


def key(path: str) -> str:
    """A name as an identifier of plain ASCII, the same every time and different for different names.

    >>> key("red/veth-red"), key("<b>/a:b")
    ('red/veth-red', '%3Cb%3E/a%3Ab')
    """
    return quote(path, safe="/", errors="surrogateescape")


def say(text: str) -> str:
    r"""A text of ours or of anybody's for an HTML-like label: shown as it is, never read as markup or as an escape.

    >>> print(say('<b>\\N & "x"'))
    &lt;b&gt;\\N &amp; &quot;x&quot;
    """
    return html.escape(printable(text)).replace("\\", "\\\\")


def short(text: str, longest: int = _LONGEST) -> str:
    """A name that fits: its beginning and its end."""
    shown = printable(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 12]}…{shown[-11:]}"


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line: text in one style. ``size`` in points, which a browser shows as pixels."""

    text: str
    size: int = _SMALL
    color: str = ""
    mono: bool = False
    bold: bool = False
    struck: bool = False

    def html(self) -> str:
        inner = say(self.text)
        inner = f"<B>{inner}</B>" if self.bold else inner
        inner = f"<S>{inner}</S>" if self.struck else inner
        face = f' FACE="{MONO}"' if self.mono else ""
        color = f' COLOR="{self.color}"' if self.color else ""
        return f'<FONT{face}{color} POINT-SIZE="{self.size}">{inner}</FONT>'

    @property
    def wide(self) -> float:
        """Its width: exact for the fixed-width font, at least as much as needed for the other."""
        return width(printable(self.text)) * self.size * (0.6 if self.mono else 0.6 if self.bold else 0.54)


Line = Sequence[Run]


def wide(lines: Iterable[Line]) -> int:
    """The width of the widest line."""
    return math.ceil(max((sum(run.wide for run in line) for line in lines), default=0))


def lines_html(lines: Sequence[Line]) -> str:
    """Lines of a cell, left-aligned."""
    return "".join("".join(run.html() for run in line) + '<BR ALIGN="LEFT"/>' for line in lines)


def attributes(**values: str | int) -> str:
    """Attributes of a tag; the values are escaped."""
    return "".join(f' {name}="{html.escape(str(value))}"' for name, value in values.items() if value != "")


# Lines


def state(word: str) -> list[Run]:
    """``● up``, ``○ down``, ``○ no carrier``. The blank behind makes up for the sign, which Graphviz takes for narrower."""
    sign, said, color = _STATES[word]
    return [Run(f"  {sign} {said} ", _SMALL, color)]


def mark(word: str) -> list[Run]:
    """``new``, ``changed``, ``gone``: the word beside what is framed."""
    return [Run(f" {word}", _SMALL, palette.GHOST if word == "gone" else palette.MARK_INK, bold=True)] if word else []


def socket_lines(
    socket: Socket, marks: Marks, *, plain: bool = False, tight: bool = False, ports: bool = True
) -> list[Line]:
    """What is written on a socket: name and state; its addresses; what it is. ``tight``: all on one line."""
    name = Run(socket.link.ifname, _SMALL if plain else _NAME, mono=True, bold=not plain)
    kind = (
        []
        if not ports or socket.link.kind not in _SAID_BESIDE
        else [Run(f" {socket.link.kind}", _SMALL, palette.FAINT)]
    )
    head: Line = [name, *kind, *state(socket.state), *mark(marks.sockets.get(socket.path, ""))]
    more: list[Line] = [
        [Run(text, _SMALL, mono=True), *mark("new" if (socket.path, text) in marks.addresses else "")]
        for text in socket.addresses
    ]
    more += [
        [Run(text, _SMALL, palette.GHOST, mono=True, struck=True), *mark("gone")]
        for path, text in sorted(marks.gone_addresses)
        if path == socket.path
    ]
    remark = what(socket)
    if remark:
        more.append([Run(remark, _SMALL, palette.FAINT)])
    return [[*head, Run(" "), *more[0]]] if tight and len(more) == 1 else [head, *more]


_SAID_BESIDE = frozenset(["bridge", "bond", "team", "vrf", "openvswitch"])
_SAID_BY_CABLE = frozenset(["veth", "ether", "loopback", ""])


def what(socket: Socket) -> str:
    """What a socket is, in words, unless its name, its place or its cable says it."""
    if socket.link.kind == "veth":
        return "" if socket.other_end else "other end out of sight"
    return "" if socket.link.kind in _SAID_BY_CABLE | _SAID_BESIDE else socket.kind


def tip(socket: Socket) -> str:
    """The tooltip of a socket."""
    link = socket.link
    words = [f"{socket.path}: {socket.kind or link.kind}", _STATES[socket.state][1]]
    words += [f"mac {link.mac}"] if link.mac.strip("0:") else []
    words += [f"mtu {link.mtu}"] if link.mtu else []
    words += list(socket.addresses)
    words += [f"plugged into {link.master}"] if link.master else []
    words += [f"other end {socket.other_end}"] if socket.other_end else []
    words += [f'alias "{link.alias}"'] if link.alias else []
    return printable(", ".join(words))


def room_tip(room: Room) -> str:
    """The tooltip of a room."""
    words = [f"{room.ns}: {'the lab’s host' if room.ns == 'host' else 'network namespace'}"]
    words += [] if room.named or room.ns == "host" else ["without a name in ip netns"]
    words += [f"held by process {', '.join(map(str, room.pids))}"] if room.pids and not room.named else []
    words += ["forwards packets"] if room.forwards else []
    words += [*room.badges, *map(route_words, room.default_routes)]
    return printable(", ".join(words))


# Cells


def socket_cell(
    socket: Socket, lines: Sequence[Line], mark_: str, least: int, ports: Collection[str], *, square: bool = False
) -> str:
    """A socket as a cell. Its port is there when a wire ends at it."""
    style = "" if square else "rounded"
    if socket.state != "UP":
        style = "dashed" if square else "rounded,dashed"
    return (
        "<TD"
        + attributes(
            PORT=key(socket.path) if socket.path in ports else "",
            ID=f"socket/{key(socket.path)}",
            TITLE=tip(socket).replace("\\", "\\\\"),
            ALIGN="LEFT",
            BALIGN="LEFT",
            BORDER=2 if mark_ else 1,
            STYLE=style,
            COLOR=palette.MARK if mark_ else palette.LINE,
            BGCOLOR=palette.SOCKET,
            CELLPADDING=4 if square else 5,
            WIDTH=least + 14 if least else "",
        )
        + f">{lines_html(lines)}</TD>"
    )


class Writer:
    """The labels of one plan's places."""

    def __init__(self, plan: Plan, *, tight: bool) -> None:
        self.plan, self.marks, self.tight = plan, plan.marks, tight
        self._least: dict[int, int] = {}
        for place, column in plan.column.items():
            if place in plan.rooms:
                need = wide(self._all_lines(plan.rooms[place]))
                if need <= _WIDEST:
                    self._least[column] = max(self._least.get(column, 0), need)

    def _all_lines(self, room: Room) -> list[Line]:
        sockets = [each for top in self.plan.shown(room) for each in top]
        return [line for socket in sockets for line in self._lines(socket)]

    def _lines(self, socket: Socket, *, port: bool = False) -> list[Line]:
        return socket_lines(socket, self.marks, plain=port, tight=self.tight or port)

    def title(self, room: Room) -> list[Line]:
        """The name of a room, what it does, and its default routes."""
        ink = palette.shade(room.ns).ink
        badge = palette.MARK_INK if room.ns in self.marks.badges else palette.FAINT
        head = [Run(short(room.ns), _TITLE, palette.INK if room.ns == "host" else ink, bold=True)]
        head += mark(self.marks.rooms.get(room.ns, ""))
        remarks = (["forwards packets"] if room.forwards else []) + [short(each, 80) for each in room.badges]
        if remarks:
            head.append(Run("   " + " · ".join(remarks), _SMALL, badge, bold=room.ns in self.marks.badges))
        return [head]

    def routes(self, room: Room) -> list[Line]:
        """The default routes of a room."""
        words = [route_words(route) for route in room.default_routes]
        found: list[Line] = [
            [
                Run(short(self._route(text, room), 90), _SMALL, palette.FAINT),
                *mark("new" if (room.ns, text) in self.marks.routes else ""),
            ]
            for text in words
        ]
        return found + [
            [Run(short(text, 90), _SMALL, palette.GHOST, struck=True), *mark("gone")]
            for ns, text in sorted(self.marks.gone_routes)
            if ns == room.ns
        ]

    def _route(self, text: str, room: Room) -> str:
        """Without the device where there is only one that it could be."""
        several = len([socket for socket in room if socket.link.kind != "loopback"]) > 1
        return text if several or " and " in text else text.partition(" dev ")[0]

    def rows(self, room: Room, column: int) -> list[str]:
        """The sockets, switches and inner rooms of a room, a row of its table for each."""
        least = self._least.get(column, 0)
        found: list[str] = []
        for socket in self._stacked(self.plan.shown(room)):
            if socket.link.kind in _SAID_BESIDE:
                found.append(f'<TR><TD ALIGN="LEFT">{self._switch(socket, least)}</TD></TR>')
            else:
                marked = self.marks.sockets.get(socket.path, "")
                found.append(f"<TR>{socket_cell(socket, self._lines(socket), marked, least, self.plan.ports)}</TR>")
        found += [self._ghost(path) for path, link in sorted(self.marks.gone_sockets.items()) if link.ns == room.ns]
        for inner in self.plan.inside.get(room.ns, ()):
            found.append(f'<TR><TD ALIGN="LEFT" CELLPADDING="2">{self.room_table(inner, column)}</TD></TR>')
        return found

    @staticmethod
    def _stacked(sockets: Sequence[Socket]) -> list[Socket]:
        """What stands on another link (vlan, macvlan) directly below it."""
        names = {socket.link.ifname for socket in sockets}
        above: dict[str, list[Socket]] = {}
        for socket in sockets:
            lower = socket.link.lower
            if lower in names and lower != socket.link.ifname and socket.link.kind != "veth":
                above.setdefault(lower, []).append(socket)
        stacked = {id(each) for group in above.values() for each in group}
        found: list[Socket] = []

        def put(socket: Socket) -> None:
            if socket not in found:
                found.append(socket)
                for each in above.get(socket.link.ifname, ()):
                    put(each)

        for socket in sockets:
            if id(socket) not in stacked:
                put(socket)
        for socket in sockets:  # a ring of lower links, seen in the midst of a change
            put(socket)
        return found

    def _switch(self, socket: Socket, least: int) -> str:
        """A bridge as a switch: its own line on top, its ports below."""
        marked = self.marks.sockets.get(socket.path, "")
        head = socket_lines(socket, self.marks)
        own = attributes(
            PORT=key(socket.path) if socket.path in self.plan.ports else "",
            ID=f"socket/{key(socket.path)}",
            TITLE=tip(socket).replace("\\", "\\\\"),
            ALIGN="LEFT",
            BALIGN="LEFT",
            CELLPADDING=3,
            WIDTH=least + 14 if least else "",
        )
        rows = [f"<TR><TD{own}>{lines_html(head)}</TD></TR>"]
        for port in [each for top in socket.ports for each in top]:
            mark_ = self.marks.sockets.get(port.path, "")
            cell = socket_cell(port, self._lines(port, port=True), mark_, 0, self.plan.ports, square=True)
            rows.append(f"<TR>{cell}</TR>")
        if not socket.ports:
            rows.append(f'<TR><TD ALIGN="LEFT">{Run("no port is plugged in", _SMALL, palette.FAINT).html()}</TD></TR>')
        table = attributes(
            BORDER=2 if marked else 1,
            STYLE="rounded" if socket.state == "UP" else "rounded,dashed",
            COLOR=palette.MARK if marked else palette.SWITCH.ink,
            BGCOLOR=palette.SWITCH.fill,
            CELLBORDER=0,
            CELLSPACING=3,
            CELLPADDING=3,
        )
        return f"<TABLE{table}>{''.join(rows)}</TABLE>"

    def _ghost(self, path: str) -> str:
        """What is left of a link that went."""
        name = path.rpartition("/")[2]
        cell = attributes(
            PORT=key(path), ALIGN="LEFT", BORDER=1, STYLE="rounded,dotted", COLOR=palette.GHOST, CELLPADDING=5
        )
        run = [Run(name, _NAME, palette.GHOST, mono=True, struck=True), *mark("gone")]
        return f"<TR><TD{cell}>{lines_html([run])}</TD></TR>"

    def room_table(self, room: Room, column: int) -> str:
        """A room as a table: title, sockets, default routes."""
        shade = palette.shade(room.ns)
        marked = self.marks.rooms.get(room.ns, "")
        rows = [f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{lines_html(self.title(room))}</TD></TR>']
        body = self.rows(room, column)
        if not body:
            words = "only lo" if room.sockets else "no interface"
            body = [f'<TR><TD ALIGN="LEFT">{Run(words, _SMALL, palette.FAINT).html()}</TD></TR>']
        rows += body
        routes = self.routes(room)
        if routes:
            rows.append(f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{lines_html(routes)}</TD></TR>')
        table = attributes(
            BORDER=3 if marked == "new" else 2 if marked else 1,
            STYLE="rounded" if room.named else "rounded,dashed",
            COLOR=palette.MARK if marked else shade.ink,
            BGCOLOR=shade.fill,
            CELLBORDER=0,
            CELLSPACING=3 if self.tight else 4,
            CELLPADDING=1,
        )
        return f"<TABLE{table}>{''.join(rows)}</TABLE>"

    def hall_table(self, room: Room) -> str:
        """What the host itself has: like a room's, without walls; ``""`` when there is nothing."""
        rows = self.rows(room, 0)
        if not rows:
            return ""
        return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="6" CELLPADDING="0">{"".join(rows)}</TABLE>'

    def house_title(self, room: Room) -> str:
        """The title of the house, as a table so that it can have several lines."""
        lines = [*self.title(room), *self.routes(room)]
        rows = "".join(f'<TR><TD ALIGN="LEFT">{"".join(run.html() for run in line)}</TD></TR>' for line in lines)
        return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
