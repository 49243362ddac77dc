"""A journey: what a command sent and what came back, from interface to interface.

``Lab.trace`` captures on every interface of every namespace while a command runs, and joins what was seen (``join.py``). What the rules
of nftables and of ``iptables-nft`` decided is joined as well (``ruling.py``): in namespaces that have rules the kernel traces packets for a
table that goes with its socket, so that the rules are the same before and after. Of the old iptables, and where the kernel cannot do
that, the rules are told whose counters rose meanwhile.
"""

from __future__ import annotations

import html
import ipaddress
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from nsmagic.model import Snapshot
from nsmagic.printable import columns, printable
from nsmagic.trace.capture import Capture
from nsmagic.trace.join import Sighting, foreground, join
from nsmagic.trace.ruling import Ruling, by_counters, in_order, rulings
from nsmagic.trace.sequence import diagram
from nsmagic.trace.wiring import Wiring

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.result import Result
    from nsmagic.topology.picture import Topology

_IPV4, _IPV6 = 0x0800, 0x86DD
#: Sightings that are displayed; ``packets`` has all.
_SHOWN = 200


class Live(Protocol):
    """What a live picture is to a journey (``widgets.live.Live``)."""

    def static(self) -> Topology: ...

    def packets(self, flashes: Sequence[tuple[str, int, int]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a packet was seen last. ``direction`` is ``in`` or ``out``, as the interface sees it. ``rule`` is the rule that ended its way,
    in words (``dropped in blue by filter INPUT rule 1``), empty when none did or that is not known."""

    ns: str
    dev: str
    direction: str
    step: int
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.ns}:{self.dev}"


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule that counted packets meanwhile. ``hook`` is where the kernel calls its chain, ``family`` ``ip``, ``ip6`` or one of nft's own;
    ``tool``, ``position`` and ``target`` are those of ``FirewallRule``."""

    ns: str
    table: str
    chain: str
    rule: str
    packets: int
    hook: str = ""
    family: str = ""
    tool: str = ""
    position: int = 0
    target: str = ""


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
        self._by_itself = [(frame, what) for frame, what in seen if what.background]
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

    # What came of it

    @cached_property
    def _sent(self) -> Sighting | None:
        """The first thing that the room itself sent: no question for a neighbour, if there is anything else."""
        own = [
            each
            for each in self.steps
            if each.frame.ns == self.ns and not each.before and each.frame.direction == "out"
        ]
        return next((each for each in own if not each.what.request), own[0] if own else None)

    @cached_property
    def _answer(self) -> Sighting | None:
        """The first thing that came in where the first was sent, from whom it was for."""
        sent = self._sent
        if sent is None or sent.what.request:
            return None
        wanted = (sent.what.dst, sent.what.src)
        back = [
            each
            for each in self.steps
            if each.frame.ns == self.ns and each.frame.direction == "in" and each.step > sent.step
        ]
        return next((each for each in back if each.what.addresses == wanted and each.what.quoted is None), None)

    @cached_property
    def _refusal(self) -> Sighting | None:
        """Where somebody said no: an ICMP error about what was sent, or a reset in answer to it."""
        sent = self._sent
        if sent is None:
            return None
        # NAT translates what an error quotes too.
        pairs = {each.what.addresses for each in self.steps if each.packet == sent.packet}
        error = next((each for each in self.steps if each.what.quoted in pairs), None)
        answer = self._answer
        if error is None and answer is not None and answer.what.proto == "TCP" and " RST" in answer.what.info:
            return next(each for each in self.steps if each.packet == answer.packet)
        return error

    @property
    def answered(self) -> bool:
        """Whether whoever the first packet was for has sent one back, and it has arrived."""
        return self._answer is not None and self._refusal is None

    @property
    def ended(self) -> Place | None:
        """Where the journey ended: with an answer where that arrived, else where the packet that got lost was seen last (the first
        one sent, or its answer); None when nothing was sent."""
        last = self._last()
        if last is None:
            return None
        stopped = self._stopped
        said = f"{stopped.verdict} in {stopped.ns} by {stopped.where}" if stopped is not None else ""
        return Place(*last.frame.place, last.frame.direction, last.step, said)

    def _last(self) -> Sighting | None:
        if self._answer is not None and self._refusal is None:
            return self._answer
        if self._refusal is not None:
            return self._end_of(self._refusal)
        sent = self._sent
        if sent is None:
            return None
        wanted = (sent.what.dst, sent.what.src)
        # An answer that got lost on its way back was seen somewhere; its addresses may have been translated.
        pairs = {each.what.addresses for each in self.steps if each.packet == sent.packet}
        back = {(dst, src) for src, dst in pairs} | {wanted}
        if not sent.what.request:
            # Where its neighbour answered that it is there is no answer to it.
            answers = [
                each
                for each in self.steps
                if each.what.addresses in back and each.packet != sent.packet and not each.what.request
            ]
            if answers:
                return self._end_of(answers[0])
            questions = [each for each in self._unanswered() if each.step > sent.step]
            if questions:
                return self._end_of(questions[-1])
        return self._end_of(sent)

    @cached_property
    def _stopped(self) -> Ruling | None:
        """The rule that ended the way of the first packet, or of its answer."""
        sent, stops = self._sent, [each for each in self.rulings if each.stops]
        if sent is None:
            # It never came to an interface; what the kernel says of its own accord is no part of it.
            own = [each for each in stops if each.ns == self.ns and not each.step]
            return next((each for each in own if not each.what.background and not each.what.request), None)
        last = self._last()
        if self.answered or last is None:
            return None
        lost = sent.packet if self._refusal is not None else last.packet
        here = next(
            (each for each in stops if each.packet == lost and (each.step == last.step or lost != last.packet)), None
        )
        if here is not None:
            return here
        # An answer that no interface saw: it ended in the room in which the packet arrived.
        back = [each for each in stops if not each.step and each.ns == last.frame.ns]
        wanted = (last.what.dst, last.what.src)
        return next((each for each in back if each.what.addresses == wanted), None)

    def _unanswered(self) -> list[Sighting]:
        """Questions for neighbours that nobody has answered."""
        answered = {each.what.subject for each in self.steps if each.what.request == "answers"}
        return [
            each
            for each in self.steps
            if each.what.request == "asks" and not each.before and each.what.subject not in answered
        ]

    def _end_of(self, sighting: Sighting) -> Sighting:
        seen = [each for each in self.steps if each.packet == sighting.packet]
        # A bridge may have sent copies elsewhere as well: where a rule dropped it, it was for.
        return next((each for each in seen if any(ruling.stops for ruling in self._ruled.get(each.step, ()))), seen[-1])

    @property
    def outcome(self) -> str:
        """What came of it, in a sentence."""
        ended, last, stopped = self.ended, self._last(), self._stopped
        by_rule = f": {stopped}" if stopped is not None else ""
        if ended is None or last is None:
            said = self._said()
            return f"nothing was sent from {self.ns}" + (f": {said}" if said else "") + by_rule
        if self._refusal is not None:
            by = self._refusal
            return f"refused by {by.frame.ns}: {by.what.info}{by_rule}"
        if self._answer is not None:
            return f"answered: {self._answer.what.words} came back to {ended}"
        if last.what.request:
            return f"ended at {ended}: nobody answered “{last.what.info}”"
        way = "came in and went no further" if ended.direction == "in" else "went out and came in nowhere"
        if ended.direction == "in" and not last.before:
            way = "was seen only there"
        if stopped is not None and not stopped.step:
            by_rule = f": its answer was {stopped}"
        return f"ended at {ended}: {last.what.words} {way}{by_rule}"

    def _said(self) -> str:
        """What the command said went wrong."""
        if self.result is None:
            return ""
        pings = [each.ping.error for each in self.result.outcomes if each.ping is not None and each.ping.error]
        return next(iter([*pings, *(error.message.splitlines()[0] for error in self.result.errors)]), "")

    @property
    def _offer(self) -> str:
        """Who explains it."""
        sent = self._sent
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

    def _noise(self, rule: Counted) -> int:
        """How many packets that the kernel sent of its own accord a rule may have counted: groups are joined at any moment, and a
        notebook must say the same every time."""
        way = {"prerouting": "in", "input": "in", "output": "out", "postrouting": "out"}.get(rule.hook.lower())
        kinds = {"ip": (_IPV4,), "ip6": (_IPV6,)}.get(rule.family, (_IPV4, _IPV6))
        seen: dict[bytes, Counter[str]] = {}
        for frame, what in self._by_itself:
            here = (frame.ns, frame.direction) == (rule.ns, way) and frame.protocol in kinds
            if here and _may_match(rule.rule, frame.dev, *what.addresses):
                # At a bridge and at its ports it is the same packet.
                seen.setdefault(what.key, Counter())[frame.dev] += 1
        return sum(max(each.values()) for each in seen.values())

    def _ending(self) -> list[str]:
        lines = [
            f"counted by {each.ns}, table {each.table}, chain {each.chain}: "
            f"{each.rule.removeprefix(f'-A {each.chain} ')}"
            for each in self.counted
            if each.packets > self._noise(each)
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


class Drawing(str):
    """A drawing in text, shown as it is."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def counted(before: Snapshot, after: Snapshot) -> list[Counted]:
    """The rules, and policies that drop, whose counters rose, in the order in which the kernel has them."""
    known = {_identity(row): row.packets for row in before.firewall.rows}
    found = []
    for row in after.firewall.rows:
        packets = row.packets - known.get(_identity(row), 0)
        # That a chain's policy lets a packet pass is no rule that it met.
        if packets > 0 and (row.position or row.target != "ACCEPT"):
            place = row.ns, row.table, row.chain, row.rule, packets
            found.append(Counted(*place, row.hook, row.family, row.tool, row.position, row.target))
    return found


def _may_match(rule: str, dev: str, src: str, dst: str) -> bool:
    """Whether a packet may be one that a rule of iptables counts, as far as interface and addresses say.

    >>> _may_match("-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE", "eth0", "10.1.1.1", "224.0.0.22")
    True
    """
    for option, value in pairwise(rule.split()):
        if option in ("-i", "-o") and value != dev:
            return False
        address = {"-s": src, "-d": dst}.get(option)
        if address is not None:
            try:
                if ipaddress.ip_address(address) not in ipaddress.ip_network(value, strict=False):
                    return False
            except ValueError:
                continue  # a name, or several networks
    return True


def _identity(row: Any) -> tuple[Any, ...]:
    return (row.ns, row.tool, row.family, row.table, row.chain, row.position, row.rule)


def is_address(text: str) -> bool:
    """Whether a text is an IP address.

    >>> is_address("8.8.8.8"), is_address("fe80::1%eth0"), is_address("ping 8.8.8.8")
    (True, True, False)
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
