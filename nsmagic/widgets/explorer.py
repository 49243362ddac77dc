"""The explorer: the live picture with a room's tables, the frequent things as buttons, and the lab's steps one by one.

Each button writes the command that it ran into a text that can be copied into a cell: the mouse teaches the command line. All of it is
ipywidgets; the pictures and tables come with the live picture's frames, from its threads, also while a cell runs. Buttons run when
the notebook's kernel is free.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as w
import traitlets

from nsmagic import changes as words_of_changes
from nsmagic import rows as ask
from nsmagic.errors import NsmagicError
from nsmagic.model import HOST
from nsmagic.printable import printable
from nsmagic.snapshot import Snapshot
from nsmagic.topology.lines import key
from nsmagic.widgets import pieces, typed
from nsmagic.widgets.live import HERE, Live, notebook_html

if TYPE_CHECKING:
    from nsmagic.lab import Lab

_TABLES = ("links", "addresses", "routes", "neighbours")
_NONE_YET = "%%netns"


class _Place(anywidget.AnyWidget):
    """Puts a widget into the places of a page that ask for it, as the live picture does for itself: so a notebook stores no widget."""

    _esm = HERE / "place.js"

    place = traitlets.Unicode("").tag(sync=True)
    child = traitlets.Instance(w.Widget, allow_none=True).tag(sync=True, **w.widget_serialization)


class Explorer:
    """Made by ``lab.explorer()``; shown by a notebook. ``close()`` ends it and leaves the static picture."""

    def __init__(self, lab: Lab, live: Live) -> None:
        self._lab, self.live = lab, live
        self._closed = False
        self._steps_seen = -1
        self._labels: dict[str, str] = {}
        self._make()
        self._place = _Place(place=secrets.token_hex(8), child=self.box)
        self._follow(None)
        live.observe(self._follow, names="frame")
        live.observe(self._picked, names="chosen")

    # What is on the page

    def _make(self) -> None:
        self.room = w.Dropdown(options=[HOST], description="room", layout=pieces.flexible(200), style=pieces.STYLE)
        self.table = w.ToggleButtons(options=_TABLES, style={"button_width": "auto"}, layout=w.Layout(margin="4px 0"))
        self.shown = w.HTML()
        self.room.observe(lambda change: self._other_room(), names="value")
        self.table.observe(lambda change: self._show_table(), names="value")

        self.name = pieces.field("name", "green")
        self.end, self.other_room, self.other_end = (
            pieces.field("one end", "veth-a"),
            pieces.choice("to room"),
            pieces.field("other end", "veth-b"),
        )
        self.bridge = pieces.field("name", "v-net-0")
        self.link, self.into = pieces.choice("link"), pieces.choice("into")
        self.address = pieces.field("address", "192.168.15.1/24")
        self.target = w.Combobox(
            placeholder="192.168.15.2", description="address", layout=pieces.flexible(200), style=pieces.STYLE
        )

        self.commands = w.Textarea(
            value=_NONE_YET,
            rows=6,
            description="as a cell",
            layout=w.Layout(width="auto", margin="0"),
            style=pieces.STYLE,
        )
        self.said = w.HTML()
        self.steps = w.Select(
            options=[], rows=8, description="steps", layout=w.Layout(width="auto", margin="0"), style=pieces.STYLE
        )
        self.step = w.HTML()
        self.steps.observe(lambda change: self._show_step(), names="value")

        rows = [
            pieces.row(self.name, pieces.button("Add namespace", self._add_namespace)),
            pieces.row(self.end, self.other_room, self.other_end, pieces.button("Add cable", self._add_cable)),
            pieces.row(self.bridge, pieces.button("Add bridge", self._add_bridge)),
            pieces.row(self.link, pieces.button("Up", lambda: self._switch(True)), pieces.button("Down", lambda: self._switch(False)),
                self.into, pieces.button("Plug in", self._plug),
            ),
            pieces.row(self.address, pieces.button("Add address", self._add_address)),
            pieces.row(self.target, pieces.button("Ping", self._ping)),
        ]  # fmt: skip
        tables = w.VBox([pieces.heading("One room"), pieces.row(self.room), self.table, self.shown])
        buttons = w.VBox([pieces.heading("Do something in this room"), *rows])
        typed_so_far = w.VBox([pieces.heading("The commands of the buttons"), self.commands, self.said])
        history = w.VBox([pieces.heading("Step by step"), self.steps, self.step])
        for part in (tables, buttons, typed_so_far, history):
            part.add_class("nsmagic-part")
        grid = w.VBox([tables, buttons, typed_so_far, history])
        grid.add_class("nsmagic-grid")
        self.box = w.VBox([self.live, grid])
        self.box.add_class("nsmagic-explorer")

    # What the kernel says

    def _follow(self, change: Any) -> None:
        """A new picture, from the thread that drew it."""
        rooms = self.live.frame.get("rooms") or {}
        if not rooms or self._closed:
            return
        names = {identifier: room["name"] for identifier, room in rooms.items()}
        if names != self._labels:
            self._labels = names
            options = [(label, identifier) for identifier, label in names.items()]
            pieces.offer(self.room, options)
            pieces.offer(self.other_room, options)
        self._show_table()
        entries = self._lab.history.entries
        if len(entries) != self._steps_seen:
            self._steps_seen = len(entries)
            self.steps.options = [(pieces.step_words(number, entry), number) for number, entry in enumerate(entries, 1)]
            self.steps.value = None

    def _picked(self, change: Any) -> None:
        """A room or a socket was clicked in the picture."""
        kind, _, rest = str(change["new"]).partition("/")
        room, _, socket = rest.partition("/")
        if room in self._labels:
            self.room.value = room
        for _, ifname in self.link.options:
            if kind == "socket" and key(ifname) == socket:
                self.link.value = ifname

    def _tables(self) -> dict[str, Any]:
        room = (self.live.frame.get("rooms") or {}).get(self.room.value)
        return {table["title"]: table for table in room["tables"]} if room else {}

    def _other_room(self) -> None:
        self.link.options, self.into.options = [], []
        self._show_table()

    def _show_table(self) -> None:
        tables = self._tables()
        if not tables:
            return
        self.shown.value = pieces.table_html(tables[self.table.value])
        here = [link for link in self._snapshot().links if key(link.ns) == self.room.value and not ask.fallback(link)]
        here.sort(key=lambda link: (link.kind == "loopback", link.ifindex))
        pieces.offer(self.link, [(printable(link.ifname), link.ifname) for link in here])
        pieces.offer(self.into, [(printable(link.ifname), link.ifname) for link in here if link.kind == "bridge"])
        found = tuple(sorted({row.address for row in self._snapshot().addrs if row.scope == "global"}))
        if found != self.target.options:
            self.target.options = found

    def _snapshot(self) -> Snapshot:
        """What the picture was drawn from, with the true names of things."""
        return self.live.static().snapshot

    # What a button does

    @property
    def _ns(self) -> str:
        """The room chosen, by its true name: labels are made printable."""
        return self._true(self.room.value)

    def _true(self, identifier: str) -> str:
        return next((row.ns for row in self._snapshot().namespaces if key(row.ns) == identifier), HOST)

    def _add_namespace(self) -> None:
        self._run(typed.namespace, self.name)

    def _add_cable(self) -> None:
        there = self._true(self.other_room.value or HOST)
        self._run(lambda one, other: typed.cable(self._ns, one, there, other), self.end, self.other_end)

    def _add_bridge(self) -> None:
        self._run(lambda name: f"{typed.bridge(self._ns, name)}\n{typed.switch(self._ns, name, True)}", self.bridge)

    def _switch(self, up: bool) -> None:
        self._run(lambda dev: typed.switch(self._ns, dev, up), self.link)

    def _plug(self) -> None:
        self._run(lambda dev, into: typed.plug(self._ns, dev, into), self.link, self.into)

    def _add_address(self) -> None:
        self._run(lambda dev, value: typed.address(self._ns, dev, value), self.link, self.address)

    def _ping(self) -> None:
        self._run(lambda target: typed.ping(self._ns, target), self.target)

    def press(self, words: str) -> None:
        """Press the button that bears these words."""
        next(
            each for each in pieces.all_of(self.box) if isinstance(each, w.Button) and each.description == words
        ).click()

    def _run(self, command: Callable[..., str], *fields: Any) -> None:
        """Write the command and run it; what came of it is said below."""
        values = [str(field.value or "").strip() for field in fields]
        for field, value in zip(fields, values, strict=True):
            if not value:
                self.said.value = pieces.said(f"{field.description}: nothing is given", wrong=True)
                return
        text = command(*values)
        self.commands.value = f"{self.commands.value.rstrip()}\n{text}"
        try:
            result = self._lab.run(text)
        except NsmagicError as error:
            self.said.value = pieces.said(error.render(), wrong=True)
            return
        self.said.value = pieces.said(result.text.strip(), wrong=not result.ok)
        if result.ok and all(isinstance(field, w.Text) for field in fields) and fields[0] is not self.target:
            for field in fields:
                field.value = ""

    # Steps

    def _show_step(self) -> None:
        number = self.steps.value
        if number is None:
            self.step.value = ""
            return
        try:
            entry = self._lab.history.entries[number - 1]
            picture = self._lab.topology(step=number, diff=True)
        except (NsmagicError, IndexError) as error:
            self.step.value = pieces.said(
                error.message if isinstance(error, NsmagicError) else "the lab was reset", wrong=True
            )
            return
        lines = "\n".join(words_of_changes.lines(entry.changes))
        self.step.value = f"<p>After step {number}, <code>{html.escape(pieces.one_line(entry.text))}</code>:</p>{pieces.said(lines)}{pieces.picture(picture)}"

    # Showing it

    def close(self) -> None:
        """End it, and the live picture in it; the static picture stays where it was shown."""
        self._closed = True
        self.live.unobserve(self._follow, names="frame")
        self.live.unobserve(self._picked, names="chosen")
        self._place.close()
        for widget in pieces.all_of(self.box):
            widget.close()

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def __repr__(self) -> str:
        return repr(self.live)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return notebook_html(self.live.static(), "" if self._closed else f'data-nsmagic-explorer="{self._place.place}"')
