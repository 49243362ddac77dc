"""A picture that follows the lab: drawn again when the kernel says that something changed, at most ten times a second.

Two threads: the watch hears of changes and packets (``watching.py``), the drawer takes a snapshot when one is due, has it drawn
by a Graphviz that is kept running, and hands it on. However fast the changes come, each picture is of the newest state, and
none waits behind another. Nothing here knows a widget: who shows the pictures gives two functions. Nothing here prints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nsmagic import watching
from nsmagic.agent.client import Client
from nsmagic.errors import NsmagicError
from nsmagic.sandbox import short
from nsmagic.snapshot import Snapshot
from nsmagic.topology.details import Room, details
from nsmagic.topology.picture import Topology
from nsmagic.topology.render import Renderer

if TYPE_CHECKING:
    from nsmagic.lab import Lab

#: Seconds from one picture to the next at least.
INTERVAL = 0.1
#: Seconds after packets within which the tables are read again: neighbours come and go without an event of their own.
_AFTER_PACKETS = 0.5
#: Seconds after which the lab is looked at again when nothing was heard: of some changes the kernel says nothing (kernel parameters,
#: firewalls, neighbours that go).
LOOK = 1.0
#: Seconds between two signs of life.
BEAT = 4.0
_TABLES = ("namespaces", "links", "addrs", "routes", "neighbours")


@dataclass(frozen=True)
class Frame:
    """A picture and what belongs to it. ``problem`` says in a line why there is no ``svg``; ``text`` is always there.

    ``rooms`` are the tables of each room by its identifier in the picture. ``ended``: the lab is gone, this was its last.
    """

    svg: str = ""
    alt: str = ""
    text: str = ""
    problem: str = ""
    rooms: dict[str, Room] = field(default_factory=dict)
    ended: bool = False

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "svg": self.svg, "alt": self.alt, "text": self.text, "problem": self.problem, "rooms": self.rooms,
            "ended": self.ended,
        }  # fmt: skip


#: A cable that packets crossed: its identifier in the picture, how many went away from its beginning, how many towards it.
Flash = tuple[str, int, int]


class Feed:
    """Pictures of a lab as it changes, until ``close()``.

    Parameters
    ----------
    show
        Called with each new picture, from a thread.
    flash
        Called with the cables that packets crossed, from a thread.
    beat
        Called every few seconds while the lab lives, from a thread.
    ns, all
        As ``Lab.topology`` takes them.

    >>> from nsmagic import Lab
    >>> seen = threading.Event()
    >>> with Lab() as lab:
    ...     feed = Feed(lab, lambda frame: seen.set() if "red" in frame.rooms else None)
    ...     _ = lab.run("ip netns add red")
    ...     print(seen.wait(10))
    ...     feed.close()
    True
    """

    def __init__(
        self,
        lab: Lab,
        show: Callable[[Frame], object],
        flash: Callable[[Sequence[Flash]], object] = lambda flashes: None,
        beat: Callable[[], object] = lambda: None,
        *,
        ns: Collection[str] | None = None,
        all: bool = False,
    ) -> None:
        self._show, self._flash, self._beat = show, flash, beat
        self._ns, self._all = ns, all
        self._wake = threading.Condition()
        self._due: float | None = None
        self._over = False
        self._closed = False
        self._drawer: threading.Thread | None = None
        #: The last picture, and what it was drawn from.
        self.frame = Frame()
        self.topology: Topology | None = None
        self._source = ""
        self._made_of: tuple[Any, ...] = ()
        self._snapshot: Snapshot | None = None  # keeps the tables, whose identities are compared
        self._beaten = time.monotonic()
        self._quiet = False
        self._badges: dict[str, list[str]] = {}
        self._forwarding: set[str] = set()
        self._silent_read, self._silent_names = float("-inf"), list[str]()
        assert lab.client is not None  # a lab that cannot start says so here, not in a thread
        self._watch = lab.watch(self._heard)

    def close(self) -> None:
        """No more pictures. Does nothing the second time."""
        self._closed = True
        self._watch.close()
        self._end_drawer()

    # In the thread of the watch

    def _heard(self, client: Client, notice: watching.Notice) -> None:
        if notice.ended:
            self._end_drawer()
            if not self._closed:
                self._publish(Frame(**{**vars(self.frame), "ended": True}))
            return
        if self._drawer is None and not self._closed:
            self._over = False
            self._drawer = threading.Thread(target=self._draw, args=(client,), name="nsmagic-drawer", daemon=True)
            self._drawer.start()
        if notice.changed:
            self._want(0.0)
        if notice.crossed:
            self._crossed(notice.crossed)
            self._want(_AFTER_PACKETS)

    def _crossed(self, crossed: Sequence[watching.Crossed]) -> None:
        topology = self.topology
        if topology is None or self.frame.problem:
            return
        found: dict[str, list[int]] = {}
        for each in crossed:
            name, first = topology.ends.get(f"{each.ns}/{each.ifname}", ("", False))
            if name:
                counts = found.setdefault(name, [0, 0])
                away, towards = (each.sent, each.received) if first else (each.received, each.sent)
                # Both ends count the same packets.
                counts[:] = max(counts[0], away), max(counts[1], towards)
        if found:
            self._flash([(name, away, towards) for name, (away, towards) in sorted(found.items())])

    def _want(self, within: float) -> None:
        with self._wake:
            due = time.monotonic() + within
            self._due = due if self._due is None else min(self._due, due)
            self._wake.notify()

    def _end_drawer(self) -> None:
        with self._wake:
            self._over = True
            self._wake.notify()
        drawer, self._drawer = self._drawer, None
        if drawer is not None and drawer is not threading.current_thread():
            drawer.join(2.0)

    # In the thread of the drawer

    def _draw(self, client: Client) -> None:
        with Renderer() as renderer:
            earliest = 0.0
            while self._wait(earliest):
                earliest = time.monotonic() + INTERVAL
                try:
                    frame = self._frame(client, renderer)
                except NsmagicError:
                    continue  # the lab ends; the watch hears of it too, and ends this
                if frame != self.frame:
                    self._publish(frame)

    def _wait(self, earliest: float) -> bool:
        """Until a picture is due; False when there is to be none any more."""
        while True:
            with self._wake:
                if self._over:
                    return False
                now = time.monotonic()
                if self._due is not None:
                    left = max(self._due, earliest) - now
                    if left <= 0:
                        self._due, self._quiet = None, False
                        return True
                    self._wake.wait(left)
                    continue
                if not self._wake.wait(LOOK):
                    break
        self._quiet = True
        if time.monotonic() > self._beaten + BEAT:
            self._beaten = time.monotonic()
            self._beat()
        return True

    def _frame(self, client: Client, renderer: Renderer) -> Frame:
        # Changes are shown as they come; when it has become quiet, what the kernel did in silence a moment later is looked at too.
        snapshot = client.kept.read(client, _TABLES, settle=self._quiet)
        forwarding, badges = self._silent(client, [row.ns for row in snapshot.namespaces])
        # Tables in which nothing differs are the same objects as at the read before.
        made_of = ([id(snapshot.tables[table]) for table in _TABLES], forwarding, badges)
        if made_of == self._made_of and not self.frame.ended:
            return self.frame
        self._made_of, self._snapshot = made_of, snapshot
        topology = Topology(
            snapshot, self._ns, all=self._all, forwarding=forwarding, badges=badges, renderer=renderer, sandbox=short.of(client.about),
        )  # fmt: skip
        rooms = details(snapshot, [room.ns for room in topology.graph.rooms])
        text, alt = str(topology), topology.alt
        before = self.frame
        try:
            source = topology.dot()
            svg = before.svg if source == self._source and before.svg else topology.svg()
        except NsmagicError as error:
            self.topology, self._source = topology, ""
            words = f"no picture: {error.message}" + (f" ({error.hint})" if error.hint else "")
            return Frame("", alt, text, " ".join(words.split()), rooms)
        self.topology, self._source = topology, source
        return Frame(svg, alt, text, "", rooms)

    def _silent(self, client: Client, names: list[str]) -> tuple[set[str], dict[str, list[str]]]:
        """Who forwards packets, and what is translated: of neither is there an event, and reading them costs more than the rest
        (a file in each namespace; a program where there are rules). So they are not read for each picture."""
        if time.monotonic() > self._silent_read + LOOK or names != self._silent_names:
            self._silent_names = names
            self._forwarding, self._badges = watching.forwarding(client, names), watching.nat_badges(client)
            self._silent_read = time.monotonic()
        return self._forwarding, self._badges

    def _publish(self, frame: Frame) -> None:
        self.frame = frame
        self._show(frame)
