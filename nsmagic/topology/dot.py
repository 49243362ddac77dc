"""The picture as DOT, Graphviz's language, written with the ``graphviz`` package: the same graph gives the same bytes.

The lines of boxes and wires, of which there are hundreds, are put together here, in the form in which that package would: its own
general way takes three times as long.

Identifiers are the names of things, percent-encoded: a thing keeps its identifier as long as it has its name, which is what an
animation needs, and nothing that a person typed is ever syntax. What is shown stands in labels and tooltips, escaped.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import graphviz

from nsmagic.model import HOST
from nsmagic.topology import palette
from nsmagic.topology.labels import Writer, cloud, gone_room, hint
from nsmagic.topology.lines import key, room_tip, short
from nsmagic.topology.marks import Marks
from nsmagic.topology.model import Graph, Outer
from nsmagic.topology.plan import Plan, Wire, plan

#: The font by which Graphviz measures words and titles: as wide as any that a browser may have instead of the one asked for, so that
#: texts stay in their boxes also where Arial and its like are not installed.
_MEASURED = "Verdana"
#: From so many rooms on, each socket has one line.
_TIGHT = 12
#: From so many cables within columns on, columns are no help, and rooms stand in a circle.
_DENSE = 8
#: Sockets up to which a room of such a circle shows them.
_FEW = 6


@dataclass(frozen=True, slots=True)
class Source:
    """A text in DOT, and the layout that it is written for. ``ends`` tells for a socket with a cable how the cable is called in the
    picture, and whether it begins there (on its left)."""

    text: str
    engine: str
    ends: Mapping[str, tuple[str, bool]] = field(default_factory=dict)


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
    made = plan(graph, marks, all=all, walls=engine in (None, "dot"))
    circle = engine is None and sum(wire.level and wire.left != wire.right for wire in made.wires) > _DENSE
    if circle:
        made = plan(graph, marks, all=all, walls=False)
    chosen = engine or ("neato" if circle else "dot")
    ends: dict[str, tuple[str, bool]] = {}
    for wire in made.wires:
        if wire.kind == "cable":
            ends |= {path: (_name(wire), path == wire.a) for path in (wire.a, wire.b) if path}
    return Source(_Drawing(made, chosen, circle=circle).source(), chosen, ends)


class _Drawing:
    def __init__(self, made: Plan, engine: str, *, circle: bool = False) -> None:
        self.plan = made
        self.columns = engine == "dot"
        tight = len(made.rooms) > _TIGHT
        self.folded = circle and max(len(made.shown(room)) for room in made.rooms.values()) > _FEW
        self.writer = Writer(made, tight=tight)
        self.at = _circle(made, folded=self.folded) if circle else {}
        # Cables that fan out need room between the columns, in proportion to their number.
        apart = 0.7 + min(len(made.wires), 60) * 0.02
        self.dot = graphviz.Graph(
            "lab",
            graph_attr={
                "bgcolor": "transparent", "fontname": _MEASURED, "pad": "0.12",
                **(
                    # nslimit and the like bound the search for a better order: a full mesh of 30 took 8 s without them.
                    {"rankdir": "LR", "nodesep": "0.1" if tight else "0.17", "ranksep": f"{apart:.2f}", "splines": "true",
                     "nslimit": "2", "nslimit1": "2", "mclimit": "1"}
                    if self.columns
                    else {"overlap": "true" if circle else "prism", "outputorder": "edgesfirst", "splines": "line",
                          "inputscale": "72"}
                ),
            },
            node_attr={"id": r"\N", "shape": "plain", "fontname": _MEASURED, "fontsize": "12", "fontcolor": palette.INK},
            edge_attr={
                "penwidth": "2", "color": palette.CABLE, "dir": "both", "arrowsize": "0.5", "arrowhead": "dot", "arrowtail": "dot",
            },
        )  # fmt: skip

    def source(self) -> str:
        made = self.plan
        inside = {place for places in made.holds.values() for place in places}
        top = [place for place in (*made.rooms, *made.outers) if place not in inside]
        self._places(self.dot, [place for place in top if place in made.holds or place in made.column])
        if HOST not in made.holds:
            self._gone_rooms(self.dot)
        self._anchors()
        for wire in made.wires:
            self._wire(wire)
        return str(self.dot.source)

    # Boxes

    def _places(self, into: graphviz.Graph, places: Iterable[str]) -> None:
        made = self.plan
        alone: dict[int, list[str]] = {}
        wired = made.wired()
        for place in places:
            if place in made.outers:
                outer = made.outers[place]
                self._box(into, place, cloud(outer), _outer_tip(outer))
            elif place in made.holds:
                self._walls(into, place)
            else:
                room = made.rooms[place]
                table = self.writer.folded(room) if self.folded else self.writer.room(room, made.column[place])
                self._box(into, place, table, room_tip(room))
                if place not in wired:
                    alone.setdefault(made.column[place], []).append(_room(place))
        if self.columns:
            for names in alone.values():
                _in_order(into, names)

    def _box(self, into: graphviz.Graph, place: str, table: str, words: str) -> None:
        at = f' pos="{self.at[place]}"' if place in self.at else ""
        into.body.append(f'\t"{_node(place)}" [label=<{table}>{at} tooltip={_quoted(_tooltip(words))}]\n')

    def _walls(self, into: graphviz.Graph, ns: str) -> None:
        """A room around others: its title, its sockets as boxes by themselves, and what it holds."""
        made = self.plan
        room, shade, marked = made.rooms[ns], palette.shade(ns), ns in made.marks.rooms
        with into.subgraph(name=f"cluster_{key(ns)}") as inner:
            inner.attr(
                label=f"<{self.writer.walls_title(room)}>", labeljust="l", margin="12",
                style="rounded,filled" + ("" if room.named else ",dashed"),
                color=palette.MARK if marked else shade.ink, penwidth="2.5" if marked else "1", fillcolor=shade.fill,
                id=_room(ns), tooltip=_tooltip(room_tip(room)),
            )  # fmt: skip
            column = made.column.get(ns, 0)
            boxes = []
            for group in made.units[ns]:
                boxes.append(_unit(group[0].path))
                inner.node(boxes[-1], f"<{self.writer.unit(group, column)}>")
            for path in made.ghosts(ns):
                boxes.append(_unit(path))
                inner.node(boxes[-1], f"<{self.writer.ghost_unit(path)}>")
            _in_order(inner, boxes)
            self._places(inner, made.holds[ns])
            if ns == HOST:
                self._gone_rooms(inner)
                self._side_room(inner)
                if not boxes and not made.holds[ns] and not made.marks.gone_rooms:
                    inner.node("empty", f"<{hint()}>")

    def _side_room(self, into: graphviz.Graph) -> None:
        """Cables within the last column swing out to the right: the house is wide enough for them."""
        made = self.plan
        last = max((column for place, column in made.column.items() if not made.is_outside(place)), default=0)
        swinging = [wire for wire in made.wires if wire.level and made.column[wire.left] == last]
        if swinging:
            into.node("side", "", shape="box", style="invis", width=f"{0.1 * len(swinging):.1f}", height="0.1")
            into.edge(self._some_box(swinging[0].left), "side", style="invis", weight="0")

    def _gone_rooms(self, into: graphviz.Graph) -> None:
        for ns in sorted(self.plan.marks.gone_rooms - set(self.plan.rooms)):
            into.node(_room(ns), f"<{gone_room(short(ns))}>", tooltip=_tooltip(f"{ns}: gone"))
            if self.columns and HOST in self.plan.column:
                into.edge(self._some_box(HOST), _room(ns), style="invis", weight="0")

    def _anchors(self) -> None:
        """Places that nothing ties to the host begin in the column that was worked out for them."""
        made = self.plan
        if not self.columns or HOST not in made.column:
            return
        beside: dict[str, set[str]] = {}
        for wire in made.wires:
            if not wire.level:
                beside.setdefault(wire.left, set()).add(wire.right)
                beside.setdefault(wire.right, set()).add(wire.left)
        tied: set[str] = set()
        for place, column in sorted(made.column.items(), key=lambda item: (item[0] != HOST, item[1])):
            if place in tied:
                continue
            if place != HOST and column > 0:
                self.dot.edge(
                    self._some_box(HOST), self._some_box(place), style="invis", minlen=str(column), weight="0"
                )
            front = [place]
            while front:
                here = front.pop()
                if here not in tied:
                    tied.add(here)
                    front += beside.get(here, ())

    def _some_box(self, place: str) -> str:
        made = self.plan
        if place not in made.holds:
            return _node(place)
        units = made.units[place]
        return _unit(units[0][0].path if units else made.ghosts(place)[0])

    # Lines

    def _wire(self, wire: Wire) -> None:
        if wire.kind == "cable":
            tail, head, style = "" if wire.a_up else "odot", "" if wire.b_up else "odot", "" if wire.works else "dashed"
            width = "3.6" if "new" in self._marks_at(wire) else ""
        else:
            tail = head = "none"
            style, width = ("dotted", "") if wire.kind == "gone" else ("dashed", "3.2")
        color = palette.GHOST if wire.kind == "gone" else self._color(wire)
        looks = "".join([
            f"arrowhead={head} " if head else "",
            f"arrowtail={tail} " if tail else "",
            f'color="{color}" ' if color else "",
            "constraint=false " if wire.level else "",
            f'id="{_name(wire)}" ',
            f"penwidth={width} " if width else "",
            f"style={style} " if style else "",
        ])  # fmt: skip
        ends = f"{self._end(wire.left, wire.a)} -- {self._end(wire.right, wire.b)}"
        self.dot.body.append(f"\t{ends} [{looks}tooltip={_quoted(_tooltip(wire.words))}]\n")

    def _marks_at(self, wire: Wire) -> set[str]:
        return {self.plan.marks.sockets.get(path, "") for path in (wire.a, wire.b) if path}

    def _end(self, place: str, path: str) -> str:
        """A wire's end in DOT: the socket, on the side to which the wire leaves it."""
        if not path or self.folded:
            return f'"{_node(place)}"'
        box = self.plan.box[path]
        left = self.plan.faces_left[path]
        side = ("w" if left else "e") if self.columns else "_"
        port = key(path)
        if left and box in self.plan.rooms and self.writer.in_one_row(self.plan.rooms[box]):
            port += "/wall"
        return f'"{_room(box) if box in self.plan.rooms else _unit(box)}":"{port}":{side}'

    def _color(self, wire: Wire) -> str:
        """A cable has its room's colour; between two rooms, half and half."""
        inks = [
            palette.shade(place).ink
            for place in dict.fromkeys((wire.left, wire.right))
            if place in self.plan.rooms and place != HOST and not self.plan.is_outside(place)
        ]
        return f"{inks[0]};0.5:{inks[1]}" if len(inks) == 2 else "".join(inks)


def _circle(made: Plan, *, folded: bool) -> dict[str, str]:
    """Place → its position on a circle, by name, from above and clockwise."""
    around = [place for place in made.column if place in made.wired()]
    apart = 150 if folded else 230
    radius = max(apart * len(around) / (2 * math.pi), apart)
    found = {}
    for number, place in enumerate(around):
        angle = 2 * math.pi * number / len(around)
        found[place] = f"{radius * 1.25 * math.sin(angle):.0f},{radius * math.cos(angle):.0f}!"
    # What has no cable stands below, side by side.
    for number, place in enumerate(place for place in made.column if place not in found):
        found[place] = f"{number * apart - radius:.0f},{-radius - apart:.0f}!"
    return found


def _in_order(into: graphviz.Graph, names: list[str]) -> None:
    """Keep boxes of one column in their order, from above. With rankdir=LR, what comes first is below."""
    if len(names) < 2:
        return
    with into.subgraph(graph_attr={"rank": "same"}) as inner:
        for above, below in pairwise(names):
            inner.edge(below, above, style="invis")


def _room(ns: str) -> str:
    return f"room/{key(ns)}"


def _name(wire: Wire) -> str:
    return f"{wire.kind}/{key(wire.a or wire.left)}--{key(wire.b or wire.right)}"


def _unit(path: str) -> str:
    return f"unit/{key(path)}"


def _node(place: str) -> str:
    return f"outer/{key(place[1:])}" if place.startswith("→") else _room(place)


def _tooltip(text: str) -> str:
    """A text as an attribute that Graphviz reads for escapes and entities."""
    return str(graphviz.escape(html.escape(text)))


def _quoted(text: str) -> str:
    r"""A text in DOT. With a space it is no plain word; with a backslash or a quote it is left to who knows the rules.

    >>> print(_quoted("red: up"), _quoted("red"), _quoted('a "b" \\ c'))
    "red: up" red "a \"b\" \ c"
    """
    if " " in text and "\\" not in text and '"' not in text and text[0] != "<":
        return f'"{text}"'
    return str(graphviz.quoting.quote(text))


def _outer_tip(outer: Outer) -> str:
    if outer.world:
        return f"the outside of the lab: {', '.join(outer.namespaces) or outer.name} (shown with --all)"
    return f"{outer.name}, which is not in this picture"
