"""A journey: what a command sent and what came back, from interface to interface.

``Lab.trace`` captures on every interface of every namespace while a command runs, and joins what was seen (``join.py``). What the rules
of nftables and of ``iptables-nft`` decided is joined as well (``ruling.py``): in namespaces that have rules the kernel traces packets for a
table that goes with its socket, so that the rules are the same before and after. Of the old iptables, and where the kernel cannot do
that, the rules are told whose counters rose meanwhile (``counters.py``). What came of it all is worked out in ``ending.py``; here it is shown.
"""

from __future__ import annotations

import html
import ipaddress
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from nsmagic.printable import columns, printable
from nsmagic.snapshot import Snapshot
from nsmagic.trace.capture import Capture
from nsmagic.trace.counters import Counted, by_counters, by_itself
from nsmagic.trace.ending import Ending, Place
from nsmagic.trace.join import Sighting, foreground, join
from nsmagic.trace.ruling import Ruling, in_order, rulings
from nsmagic.trace.sequence import Drawing, diagram
from nsmagic.trace.wiring import Wiring

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.result import Result
    from nsmagic.topology.picture import Topology

#: Sightings that are displayed; ``packets`` has all.
_SHOWN = 200


class Live(Protocol):
    """What a live picture is to a journey (``widgets.live.Live``)."""

    def static(self) -> Topology: ...

    def packets(self, flashes: Sequence[tuple[str, int, int]]) -> None: ...


class Journey:
    """What ``lab.trace()`` saw. Shown as a table with the picture of the way; printed as lines and a sequence diagram.

    >>> from nsmagic import Lab
    >>> with Lab() as lab:
    ...     journey = lab.trace("host", "127.0.0.1")
    >>> [(each.frame.dev, each.frame.direction) for each in journey.steps], journey.answered
    ([('lo', 'out'), ('lo', 'in'), ('lo', 'out'), ('lo', 'in')], True)
    """

    def __init__(
        self,
        ns: str,
        command: str,
        capture: Capture,
        snapshot: Snapshot,
        result: Result | None = None,
        *,
        counted: Sequence[Counted] = (),
        forwarding: frozenset[str] = frozenset(),
        badges: Mapping[str, Sequence[str]] | None = None,
        pending: Collection[tuple[str, str]] = (),
        explains: bool = False,
        rules: Snapshot | None = None,
    ) -> None:
        self.ns, self.command, self.capture, self.snapshot, self.result = ns, command, capture, snapshot, result
        self.counted = tuple(counted)
        self._forwarding, self._badges = forwarding, badges
        self._explains = explains
        seen = list(zip(capture, capture.decoded(), strict=False))
        # An address that this command is about, or on the way to it, is asked for on its account as well.
        wanted = {
            self._address(),
            *(route.gateway for route in snapshot.routes),
            *(what.dst for _, what in seen if not what.request),
        }
        self._background = [(frame, what) for frame, what in seen if what.background]
        old = {(room, address) for room, address in pending if address not in wanted}
        #: Every sighting, in order; what the kernel says of its own accord is left out.
        self.steps: list[Sighting] = join(foreground(seen, old), Wiring(snapshot.links.rows))
        #: What rules decided, in the order of the steps: those of nftables by what the kernel tells, those of the old iptables that
        #: drop by their counters.
        self.rulings: tuple[Ruling, ...] = in_order(
            [
                *rulings(capture.decided, self.steps, snapshot, rules or Snapshot()),
                *by_counters(self.counted, self.steps),
            ]
        )
        self._ruled: dict[int, list[Ruling]] = {}
        for ruling in self.rulings:
            self._ruled.setdefault(ruling.step, []).append(ruling)
        self._end = Ending(ns, self.steps, self.rulings)

    # What came of it

    @property
    def answered(self) -> bool:
        """Whether whoever the first packet was for has sent one back, and it has arrived."""
        return self._end.answered

    @property
    def ended(self) -> Place | None:
        """Where the journey ended: with an answer where that arrived, else where the packet that got lost was seen last (the first
        one sent, or its answer); None when nothing was sent."""
        return self._end.place

    @property
    def outcome(self) -> str:
        """What came of it, in a sentence."""
        return self._end.told(self._said())

    def _said(self) -> str:
        """What the command said went wrong."""
        if self.result is None:
            return ""
        pings = [each.ping.error for each in self.result.outcomes if each.ping is not None and each.ping.error]
        return next(iter([*pings, *(error.message.splitlines()[0] for error in self.result.errors)]), "")

    @property
    def _offer(self) -> str:
        """Who explains it."""
        sent = self._end.sent
        if self.answered or not self._explains:
            return ""
        to = sent.what.dst if sent is not None and not sent.what.request else self._address()
        return f"%why {self.ns} {to} explains" if to else ""

    def _address(self) -> str:
        """The address that the command names."""
        for word in self.command.split():
            try:
                return str(ipaddress.ip_address(word))
            except ValueError:
                continue
        return ""

    # Tables

    @property
    def packets(self) -> pd.DataFrame:
        """A row for each sighting: ``step``, ``packet`` (which of them), ``time`` (milliseconds since the first), ``ns``, ``dev``, ``dir``,
        ``proto``, ``src``, ``dst``, ``info``, ``length``, ``translated``: what became of the addresses since the sighting before, and ``verdict``: what rules of nftables
        decided there (``dropped by filter INPUT rule 1``)."""
        return self._table(None)

    def _table(self, most: int | None) -> pd.DataFrame:
        from nsmagic import tables

        start = self.steps[0].frame.time if self.steps else 0
        rows = [
            (
                each.step, each.packet, (each.frame.time - start) / 1e6, *each.frame.place, each.frame.direction, each.what.proto,
                each.what.src, each.what.dst, each.what.words, each.frame.length, each.translated,
                self._verdict(each),
            )
            for each in self.steps[:most]
        ]  # fmt: skip
        return tables.journey(rows, f"journey of: {self.command}")

    def _verdict(self, sighting: Sighting) -> str:
        """What rules decided at a sighting; one that several packets met, or that was met twice, is said once."""
        return ", ".join(dict.fromkeys(str(each) for each in self._ruled.get(sighting.step, ())))

    @property
    def verdicts(self) -> pd.DataFrame:
        """What rules of nftables decided, packet by packet: ``step`` (0: no interface saw it), ``ns``, ``family``, ``table``, ``chain``, ``position``,
        ``verdict``, ``src``, ``dst``, ``rule``. A policy (``position`` 0) is told when it dropped; in rooms that had rules when it began."""
        from nsmagic import tables

        names = ["step", "ns", "family", "table", "chain", "position", "verdict", "src", "dst", "rule"]
        rows = [
            [each.step, each.ns, each.family, each.table, each.chain, each.position, each.verdict, *each.what.addresses, each.rule]
            for each in self.rulings
        ]  # fmt: skip
        return tables.generic(names, rows, "verdicts")

    @property
    def rules(self) -> pd.DataFrame:
        """The firewall's rules that counted packets meanwhile: ``ns``, ``table``, ``chain``, ``rule``, ``packets``."""
        from nsmagic import tables

        rows = [[each.ns, each.table, each.chain, each.rule, each.packets] for each in self.counted]
        return tables.generic(["ns", "table", "chain", "rule", "packets"], rows, "rules that counted")

    # As text

    @property
    def sequence(self) -> str:
        """A sequence diagram: a column for each room, an arrow for each cable that a packet went through."""
        return Drawing(diagram(self.steps[:_SHOWN]))

    def _lines(self) -> list[str]:
        start = self.steps[0].frame.time if self.steps else 0
        rows = []
        for each in self.steps[:_SHOWN]:
            what, frame = each.what, each.frame
            words = what.words if what.request or not what.src else f"{what.src} > {what.dst}: {what.words}"
            words += f"   ({each.translated})" if each.translated else ""
            verdict = self._verdict(each)
            words += f"   [{verdict}]" if verdict else ""
            time = f"{(frame.time - start) / 1e6:.3f} ms"
            rows.append([f"{each.step:>2}", time, f"{frame.ns}:{frame.dev}", f"{frame.direction:<3}", words])
        lines = columns(rows)
        if len(self.steps) > _SHOWN:
            lines.append(f"… {len(self.steps)} sightings in all; .packets has them")
        return lines

    def _ending(self) -> list[str]:
        lines = [
            f"counted by {each.ns}, table {each.table}, chain {each.chain}: "
            f"{each.rule.removeprefix(f'-A {each.chain} ')}"
            for each in self.counted
            if each.packets > by_itself(each, self._background)
        ]
        lines.append(self.outcome)
        lines += [self._offer] if self._offer else []
        lines += (
            [f"{self.capture.dropped} packets were dropped by the kernel: not all is here"]
            if self.capture.dropped
            else []
        )
        return [printable(line) for line in lines]

    def __str__(self) -> str:
        parts = [self._lines(), self.sequence.splitlines(), self._ending()]
        return "\n\n".join("\n".join(part) for part in parts if part)

    __repr__ = __str__

    # As a picture

    @cached_property
    def topology(self) -> Topology:
        """The rooms that packets came through, with the numbers of the steps at their interfaces."""
        from nsmagic.topology.picture import Topology

        rooms = {each.frame.ns for each in self.steps}
        steps: dict[str, list[int]] = {}
        for each in self.steps:
            steps.setdefault("/".join(each.frame.place), []).append(each.step)
        there = {row.ns for row in self.snapshot.namespaces}
        return Topology(
            self.snapshot, [*(rooms & there), self.ns], forwarding=self._forwarding, badges=self._badges, steps=steps
        )

    def play(self, *live: Live, seconds: float = 0.5) -> None:
        """Show the way in live pictures (``lab.live()``, ``%topology --live``): each cable lights up when a packet crosses it, a step at a
        time, so many seconds apart. Comes back at the end; an interrupt ends it."""
        pause = threading.Event()
        pause.wait(2 * seconds)  # until what the packets themselves have lit up is dark again
        for each in self.steps:
            before = self.steps[each.before - 1] if each.before else None
            if before is None or (before.frame.direction, each.frame.direction) != ("out", "in"):
                continue
            crossed = False
            for picture in live:
                ends = picture.static().ends
                # An end out of sight (behind the LAN's cloud) is known by the other one.
                name, first = ends.get("/".join(before.frame.place), ("", False))
                if not name:
                    name, other = ends.get("/".join(each.frame.place), ("", False))
                    first = not other
                if name:
                    picture.packets([(name, int(first), int(not first))])
                    crossed = True
            if crossed:
                pause.wait(seconds)  # nothing but the eye needs it

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": str(self)}
        if not self.steps:
            return bundle
        table = self._table(_SHOWN)._repr_html_()  # type: ignore[operator]
        if not table:
            return bundle
        picture = self.topology._repr_mimebundle_()
        drawn = picture.get("text/html", f"<pre>{html.escape(picture['text/plain'])}</pre>")
        ending = "<br/>".join(html.escape(line) for line in self._ending())
        bundle["text/html"] = f"{drawn}\n<p>{ending}</p>\n{table}"
        return bundle
