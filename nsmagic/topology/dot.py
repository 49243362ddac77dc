"""The picture as DOT, Graphviz's language, written with the ``graphviz`` package: the same graph gives the same bytes.

Identifiers are the names of things, percent-encoded: a thing keeps its identifier as long as it has its name, which is what an
animation needs, and nothing that a person typed is ever syntax. What is shown stands in labels and tooltips, escaped.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import graphviz

from nsmagic.model import HOST
from nsmagic.topology import palette
from nsmagic.topology.labels import MONO, Run, Writer, key, room_tip, say, short
from nsmagic.topology.marks import Marks
from nsmagic.topology.model import Graph, Outer
from nsmagic.topology.plan import Plan, Wire, plan

#: From so many rooms on, each socket has one line.
_TIGHT = 12

#: Layouts that draw the host as a house around the rooms and stand in columns.
_IN_COLUMNS = frozenset(["dot"])


@dataclass(frozen=True, slots=True)
class Source:
    """A text in DOT, and the layout that it is written for."""

    text: str
    engine: str


def source(graph: Graph, marks: Marks | None = None, *, engine: str | None = None, all: bool = False) -> Source:
    """The DOT source of a graph.

    Parameters
    ----------
    marks
        What to mark as new, changed or gone.
    engine
        One of Graphviz's layouts; only ``dot`` has columns and the house around them. None: chosen by size and density.
    all
        ``lo`` everywhere.

    >>> from nsmagic.topology import build
    >>> from nsmagic.topology.sample import cable
    >>> source(build(cable())).engine
    'dot'
    """
    made = plan(graph, marks, all=all)
    chosen = engine or "dot"
    return Source(_Drawing(made, chosen).source(), chosen)


class _Drawing:
    def __init__(self, made: Plan, engine: str) -> None:
        self.plan = made
        self.columns = engine in _IN_COLUMNS
        self.writer = Writer(made, tight=len(made.rooms) > _TIGHT)
        many = len(made.wires)
        self.dot = graphviz.Graph(
            "lab",
            graph_attr={
                "rankdir": "LR", "nodesep": "0.14" if many > _TIGHT else "0.2", "ranksep": f"{0.7 + min(many, 60) * 0.025:.2f}",
                "fontname": "Helvetica", "bgcolor": "transparent", "pad": "0.12", "splines": "true",
                # Bounds on the search for a better order: a full mesh of 30 took 8 s without them.
                "nslimit": "2", "nslimit1": "2", "mclimit": "1",
                **({} if self.columns else {"overlap": "prism", "sep": "+8", "outputorder": "edgesfirst"}),
            },
            node_attr={"shape": "plain", "fontname": "Helvetica", "fontsize": "12", "fontcolor": palette.INK},
            edge_attr={"penwidth": "2", "color": palette.CABLE, "dir": "both", "arrowsize": "0.5"},
        )  # fmt: skip

    def source(self) -> str:
        made = self.plan
        house = made.in_house if self.columns else []
        if house:
            with self.dot.subgraph(name="cluster_house") as inner:
                shade = palette.shade(HOST)
                inner.attr(
                    label=f"<{self.writer.house_title(made.rooms[HOST])}>",
                    labeljust="l", style="rounded,filled", color=palette.MARK if HOST in made.marks.rooms else shade.ink,
                    fillcolor=shade.fill, margin="12", id="house", tooltip=_tooltip(room_tip(made.rooms[HOST])),
                )  # fmt: skip
                self._places(inner, house)
        self._places(self.dot, [place for place in made.column if place not in house])
        for ns in sorted(made.marks.gone_rooms - set(made.rooms)):
            self._gone_room(ns)
        self._anchors()
        for wire in made.wires:
            self._wire(wire)
        return str(self.dot.source)

    def _places(self, into: graphviz.Graph, places: list[str]) -> None:
        made = self.plan
        for place in places:
            name, column = _node(place), made.column[place]
            if place in made.outers:
                outer = made.outers[place]
                into.node(name, f"<{_cloud(outer)}>", id=name, tooltip=_tooltip(_outer_tip(outer)))
                continue
            room = made.rooms[place]
            if place == HOST and self.columns:
                table = self.writer.hall_table(room) or _hint()
                into.node(name, f"<{table}>", id=name)
            else:
                table = self.writer.room_table(room, column)
                into.node(name, f"<{table}>", id=name, tooltip=_tooltip(room_tip(room)))

    def _gone_room(self, ns: str) -> None:
        name = _node(ns)
        title = (
            Run(short(ns), 15, palette.GHOST, bold=True, struck=True).html() + Run(" gone", 11, palette.GHOST).html()
        )
        self.dot.node(
            name,
            f'<<TABLE BORDER="1" STYLE="rounded,dotted" COLOR="{palette.GHOST}" CELLBORDER="0" CELLPADDING="6">'
            f"<TR><TD>{title}</TD></TR></TABLE>>",
            id=name,
            tooltip=_tooltip(f"{ns}: gone"),
        )

    def _anchors(self) -> None:
        """Places that nothing ties to the host begin in the column that was worked out for them."""
        made = self.plan
        if not self.columns or HOST not in made.column:
            return
        tied, front = {HOST}, [HOST]
        beside: dict[str, set[str]] = {}
        for wire in made.wires:
            if not wire.level:
                beside.setdefault(wire.left, set()).add(wire.right)
                beside.setdefault(wire.right, set()).add(wire.left)
        for place, column in sorted(made.column.items(), key=lambda item: item[1]):
            while front:
                for other in beside.get(front.pop(), ()):
                    if other not in tied:
                        tied.add(other)
                        front.append(other)
            if place not in tied:
                tied.add(place)
                front.append(place)
                if column > 0:
                    self.dot.edge(_node(HOST), _node(place), style="invis", minlen=str(column), weight="0")

    def _wire(self, wire: Wire) -> None:
        drawn = {
            "cable": {"style": "" if wire.works else "dashed"},
            "tunnel": {"style": "dashed", "penwidth": "3.2", "arrowhead": "none", "arrowtail": "none"},
            "gone": {"style": "dotted", "color": palette.GHOST, "arrowhead": "none", "arrowtail": "none"},
        }[wire.kind]
        name = f"{wire.kind}/{key(wire.a or wire.left)}--{key(wire.b or wire.right)}"
        attributes = {
            "id": name,
            "class": f"{wire.kind} {'up' if wire.works else 'down'}",
            "tooltip": _tooltip(wire.words),
            "color": self._color(wire),
            "arrowtail": _plug(wire.a_up),
            "arrowhead": _plug(wire.b_up),
            **drawn,
        }
        if {self.plan.marks.sockets.get(wire.a), self.plan.marks.sockets.get(wire.b)} & {"new"}:
            attributes["penwidth"] = "3.6"
        if wire.level:
            attributes["constraint"] = "false"
        self.dot.edge(
            self._end(wire.left, wire.a),
            self._end(wire.right, wire.b),
            **{name: value for name, value in sorted(attributes.items()) if value},
        )

    def _end(self, place: str, path: str) -> str:
        """A wire's end: the socket, on the side to which the wire leaves it."""
        if not path:
            return _node(place)
        side = ("w" if self.plan.ports.get(path) else "e") if self.columns else "_"
        return f"{_node(place)}:{key(path)}:{side}"

    def _color(self, wire: Wire) -> str:
        """A cable has its room's colour; between two rooms, half and half."""
        inks = [
            palette.shade(place).ink
            for place in dict.fromkeys((wire.left, wire.right))
            if place in self.plan.rooms and place != HOST and not self.plan.is_outside(place)
        ]
        return f"{inks[0]};0.5:{inks[1]}" if len(inks) == 2 else (inks or [palette.CABLE])[0]


def _plug(up: bool) -> str:
    return "dot" if up else "odot"


def _node(place: str) -> str:
    return f"outer/{key(place[1:])}" if place.startswith("→") else f"room/{key(place)}"


def _tooltip(text: str) -> str:
    """A text as an attribute that Graphviz reads for escapes and entities."""
    return str(graphviz.escape(html.escape(text)))


def _cloud(outer: Outer) -> str:
    name = Run(short(outer.name), 13, palette.FAINT, bold=True).html()
    rows = [f"<TR><TD>{name}</TD></TR>"]
    rows += [f'<TR><TD><FONT FACE="{MONO}" POINT-SIZE="11">{say(net)}</FONT></TD></TR>' for net in outer.networks]
    return (
        f'<TABLE BORDER="1" STYLE="rounded,dashed" COLOR="{palette.LINE}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4">'
        f"{''.join(rows)}</TABLE>"
    )


def _outer_tip(outer: Outer) -> str:
    if outer.world:
        return f"the outside of the lab: {', '.join(outer.namespaces) or outer.name} (shown with --all)"
    return f"{outer.name}, which is not in this picture"


def _hint() -> str:
    text = (
        Run("no room yet:  ", 11, palette.FAINT).html() + Run("ip netns add red", 11, palette.FAINT, mono=True).html()
    )
    return f'<TABLE BORDER="0"><TR><TD>{text}</TD></TR></TABLE>'
