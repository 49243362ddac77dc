"""Rooms, sockets and switches as tables of Graphviz's HTML-like labels. Boxes of one column are equally wide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nsmagic.topology import palette
from nsmagic.topology.lines import (
    NAME,
    SMALL,
    STATES,
    Line,
    Run,
    attributes,
    key,
    lines_html,
    mark,
    route_lines,
    say,
    short,
    socket_lines,
    tip,
    title_line,
    wide,
)
from nsmagic.topology.model import MASTERS, Outer, Room, Socket
from nsmagic.topology.plan import Plan, stacked

#: Widest box that the others of its column follow; a longer text widens only its own.
_WIDEST = 300
#: What a socket that is a box by itself is wider than one in a room: the room's walls.
_WALLS = 10
_PADDING = 5


class Writer:
    """The labels of one plan's boxes. ``tight``: a line for each socket, for labs of many rooms."""

    def __init__(self, plan: Plan, *, tight: bool) -> None:
        self.plan, self.marks, self.tight = plan, plan.marks, tight
        self._written: dict[str, list[Line]] = {}
        self._titles: dict[str, Line] = {}
        self._routes: dict[str, list[Line]] = {}
        self._least: dict[int, int] = {}
        for place, column in plan.column.items():
            if place in plan.rooms:
                need = wide(self._all_lines(plan.rooms[place]))
                if need <= _WIDEST:
                    self._least[column] = max(self._least.get(column, 0), need)

    def _all_lines(self, room: Room) -> list[Line]:
        lines = [line for top in self.plan.shown(room) for each in top for line in self._lines(each, each is not top)]
        if room.ns in self.plan.holds:
            return lines
        return [*lines, self._title_line(room), *self._route_lines(room)]

    def _lines(self, socket: Socket, port: bool = False) -> list[Line]:
        # Asked for twice: how wide it is, and what it says.
        path = socket.path
        if path not in self._written:
            self._written[path] = socket_lines(
                socket, self.marks, port=port, tight=self.tight or port, short_wire=path in self.plan.short_wires
            )
        return self._written[path]

    def _title_line(self, room: Room) -> Line:
        if room.ns not in self._titles:
            self._titles[room.ns] = title_line(room, self.marks)
        return self._titles[room.ns]

    def _route_lines(self, room: Room) -> list[Line]:
        if room.ns not in self._routes:
            self._routes[room.ns] = route_lines(room, self.marks)
        return self._routes[room.ns]

    def _width(self, column: int) -> int | str:
        least = self._least.get(column, 0)
        return least + 2 * _PADDING if least else ""

    # Boxes

    def room(self, room: Room, column: int) -> str:
        """A room as one box: title, sockets, default routes."""
        title = lines_html([self._title_line(room)])
        sockets = [socket for group in stacked(self.plan.shown(room)) for socket in group]
        routes = self._route_lines(room)
        if self.in_one_row(room):
            # The cable from the left ends at the wall, since it would cross the title.
            rows = [f'<TD PORT="{key(sockets[0].path)}/wall" ALIGN="LEFT">{title}</TD>{self._row(sockets[0], column)}']
        else:
            rows = [f'<TD ALIGN="LEFT" BALIGN="LEFT">{title}</TD>']
            rows += [self._row(socket, column) for socket in sockets]
            rows += [self._ghost(path) for path in self.plan.ghosts(room.ns)]
            if len(rows) == 1:
                lo = room.sockets[0] if room.sockets else None
                words = Run(f"only lo, {STATES[lo.state][1]}" if lo else "no interface", SMALL, palette.FAINT)
                rows.append(f'<TD ALIGN="LEFT"{attributes(WIDTH=self._width(column))}>{words.html()}</TD>')
            if routes:
                rows.append(f'<TD ALIGN="LEFT" BALIGN="LEFT">{lines_html(routes)}</TD>')
        marked = self.marks.rooms.get(room.ns, "")
        shade = palette.shade(room.ns)
        return _table(
            rows,
            BORDER=3 if marked == "new" else 2 if marked else 1,
            STYLE="rounded" if room.named else "rounded,dashed",
            COLOR=palette.MARK if marked else shade.ink,
            BGCOLOR=shade.fill,
            CELLBORDER=0,
            CELLSPACING=3 if self.tight else 4,
            CELLPADDING=1,
        )

    def folded(self, room: Room) -> str:
        """A room of very many sockets: how many, and what is wrong with them."""
        states = [socket.state for top in self.plan.shown(room) for socket in top]
        words = f"{len(states)} interfaces" + (", all up" if set(states) == {"UP"} else "")
        counts = [(states.count(state), STATES[state]) for state in ("DOWN", "no carrier") if state in states]
        told = [Run(f"  {sign} {number} {said}", SMALL, color) for number, (sign, said, color) in counts]
        lines = [
            self._title_line(room),
            [Run(words, SMALL, palette.FAINT), *told],
            *self._route_lines(room),
        ]
        shade = palette.shade(room.ns)
        color = palette.MARK if room.ns in self.marks.rooms else shade.ink
        cell = f'<TD ALIGN="LEFT" BALIGN="LEFT">{lines_html(lines)}</TD>'
        return _table([cell], BORDER=1, STYLE="rounded", COLOR=color, BGCOLOR=shade.fill, CELLBORDER=0, CELLPADDING=4)

    def in_one_row(self, room: Room) -> bool:
        """Whether a room's title and its only socket stand side by side."""
        if not self.tight or room.ns in self.plan.holds:
            return False
        sockets = self.plan.shown(room)
        alone = len(sockets) == 1 and not sockets[0].ports and sockets[0].link.kind not in MASTERS
        return alone and not self.plan.ghosts(room.ns) and not self._route_lines(room)

    def unit(self, group: Sequence[Socket], column: int) -> str:
        """Sockets of a room that is drawn as walls, as one box: a socket and what stands on it."""
        rows = [self._row(socket, column, _WALLS) for socket in group]
        return _table(rows, BORDER=0, CELLBORDER=0, CELLSPACING=0 if len(group) == 1 else 2, CELLPADDING=0)

    def ghost_unit(self, path: str) -> str:
        """A link that went, as a box by itself."""
        return _table([self._ghost(path)], BORDER=0, CELLBORDER=0, CELLSPACING=0)

    def walls_title(self, room: Room) -> str:
        """The title of a room that is drawn as walls: as a table, so that it can have several lines."""
        lines = [self._title_line(room), *self._route_lines(room)]
        rows = [f'<TD ALIGN="LEFT">{"".join(run.html() for run in line)}</TD>' for line in lines]
        return _table(rows, BORDER=0, CELLBORDER=0, CELLSPACING=0, CELLPADDING=1)

    # Cells

    def _row(self, socket: Socket, column: int, wider: int = 0) -> str:
        least = self._width(column)
        if socket.link.kind in MASTERS:
            return f'<TD ALIGN="LEFT">{self._switch(socket, least)}</TD>'
        return self._cell(socket, least + wider if isinstance(least, int) else "")

    def _cell(self, socket: Socket, least: int | str, *, port: bool = False) -> str:
        marked = socket.path in self.marks.sockets or socket.path in self.marks.steps
        shape = _shape(socket.state == "UP", marked, port, least)
        return f"<TD{self._names(socket)}{shape}>{lines_html(self._lines(socket, port))}</TD>"

    def _names(self, socket: Socket) -> str:
        """What a cell is called: where wires end, for a script, and for people."""
        path, name = socket.path, key(socket.path)
        title = say(tip(socket))
        port = f' PORT="{name}"' if path in self.plan.faces_left else ""
        return f'{port} ID="socket/{name}" TITLE="{title}"'

    def _switch(self, socket: Socket, least: int | str) -> str:
        """A bridge as a switch: its own lines on top, its ports below."""
        own = attributes(ALIGN="LEFT", BALIGN="LEFT", CELLPADDING=3, WIDTH=least)
        rows = [f"<TD{self._names(socket)}{own}>{lines_html(socket_lines(socket, self.marks))}</TD>"]
        rows += [self._cell(port, "", port=True) for top in socket.ports for port in top]
        if not socket.ports:
            rows.append(f'<TD ALIGN="LEFT">{Run("no port is plugged in", SMALL, palette.FAINT).html()}</TD>')
        marked = self.marks.sockets.get(socket.path, "")
        return _table(
            rows,
            BORDER=2 if marked else 1,
            STYLE="rounded" if socket.state == "UP" else "rounded,dashed",
            COLOR=palette.MARK if marked else palette.SWITCH.ink,
            BGCOLOR=palette.SWITCH.fill,
            CELLBORDER=0,
            CELLSPACING=3,
            CELLPADDING=3,
        )

    @staticmethod
    def _ghost(path: str) -> str:
        cell = attributes(
            PORT=key(path), ALIGN="LEFT", BORDER=1, STYLE="rounded,dotted", COLOR=palette.GHOST, CELLPADDING=_PADDING
        )
        name = Run(path.rpartition("/")[2], NAME, palette.GHOST, mono=True, struck=True)
        return f"<TD{cell}>{lines_html([[name, *mark('gone')]])}</TD>"


@lru_cache(maxsize=256)
def _shape(up: bool, marked: bool, port: bool, least: int | str) -> str:
    """How a socket's cell looks; the same for most of a picture."""
    shape = [*([] if port else ["rounded"]), *([] if up else ["dashed"])]
    return attributes(
        ALIGN="LEFT",
        BALIGN="LEFT",
        BORDER=2 if marked else 1,
        STYLE=",".join(shape),
        COLOR=palette.MARK if marked else palette.LINE,
        BGCOLOR=palette.SOCKET,
        CELLPADDING=_PADDING - 1 if port else _PADDING,
        WIDTH=least,
    )


#: The same few again and again.
_looks = lru_cache(maxsize=1024)(attributes)


def cloud(outer: Outer) -> str:
    """What lies behind cables that leave the picture."""
    lines: list[Line] = [[Run(short(outer.name), 13, palette.FAINT, bold=True)]]
    lines += [[Run(network, SMALL, mono=True)] for network in outer.networks]
    rows = ["<TD>" + "<BR/>".join("".join(run.html() for run in line) for line in lines) + "</TD>"]
    return _table(
        rows, BORDER=1, STYLE="rounded,dashed", COLOR=palette.LINE, CELLBORDER=0, CELLSPACING=0, CELLPADDING=8
    )


def gone_room(ns: str) -> str:
    """A room that went."""
    line = [Run(ns, 15, palette.GHOST, bold=True, struck=True), *mark("gone")]
    rows = [f"<TD>{''.join(run.html() for run in line)}</TD>"]
    return _table(rows, BORDER=1, STYLE="rounded,dotted", COLOR=palette.GHOST, CELLBORDER=0, CELLPADDING=6)


def hint() -> str:
    """What stands in an empty house."""
    line = [Run("no room yet:  ", SMALL, palette.FAINT), Run("ip netns add red", SMALL, palette.FAINT, mono=True)]
    return _table([f"<TD>{''.join(run.html() for run in line)}</TD>"], BORDER=0)


def _table(rows: Sequence[str], **values: str | int) -> str:
    return f"<TABLE{_looks(**values)}>{''.join([f'<TR>{row}</TR>' for row in rows])}</TABLE>"
