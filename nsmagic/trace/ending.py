"""What came of the first packet of a journey: answered, refused, or lost, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nsmagic.trace.join import Sighting
from nsmagic.trace.ruling import Ruling


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


class Ending:
    """What became of the first packet that a room sent, by what interfaces saw and rules decided."""

    def __init__(self, ns: str, steps: Sequence[Sighting], rulings: Sequence[Ruling]) -> None:
        self.ns, self.steps, self.rulings = ns, steps, rulings
        self._stopping = {each.step for each in rulings if each.stops}

    @cached_property
    def sent(self) -> Sighting | None:
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
        sent = self.sent
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
        sent = self.sent
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
    def place(self) -> Place | None:
        """Where the journey ended: with an answer where that arrived, else where the packet that got lost was seen last (the first
        one sent, or its answer); None when nothing was sent."""
        last = self.last
        if last is None:
            return None
        stopped = self._stopped
        said = f"{stopped.verdict} in {stopped.ns} by {stopped.where}" if stopped is not None else ""
        return Place(*last.frame.place, last.frame.direction, last.step, said)

    @cached_property
    def last(self) -> Sighting | None:
        """Where the packet that matters was seen last: the answer, the refusal, or the one that got lost."""
        if self._answer is not None and self._refusal is None:
            return self._answer
        if self._refusal is not None:
            return self._end_of(self._refusal)
        sent = self.sent
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
        sent, stops = self.sent, [each for each in self.rulings if each.stops]
        if sent is None:
            # It never came to an interface; what the kernel says of its own accord is no part of it.
            own = [each for each in stops if each.ns == self.ns and not each.step]
            return next((each for each in own if not each.what.background and not each.what.request), None)
        last = self.last
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
        return next((each for each in seen if each.step in self._stopping), seen[-1])

    def told(self, said: str) -> str:
        """What came of it, in a sentence. ``said`` is what the command said went wrong."""
        place, last, stopped = self.place, self.last, self._stopped
        by_rule = f": {stopped}" if stopped is not None else ""
        if place is None or last is None:
            return f"nothing was sent from {self.ns}" + (f": {said}" if said else "") + by_rule
        if self._refusal is not None:
            by = self._refusal
            return f"refused by {by.frame.ns}: {by.what.info}{by_rule}"
        if self._answer is not None:
            return f"answered: {self._answer.what.words} came back to {place}"
        if last.what.request:
            return f"ended at {place}: nobody answered “{last.what.info}”"
        way = "came in and went no further" if place.direction == "in" else "went out and came in nowhere"
        if place.direction == "in" and not last.before:
            way = "was seen only there"
        if stopped is not None and not stopped.step:
            by_rule = f": its answer was {stopped}"
        return f"ended at {place}: {last.what.words} {way}{by_rule}"
