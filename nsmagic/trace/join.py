"""From sightings to journeys: which of them are the same packet, in which order, and what became of its addresses on the way.

Sightings with the same key (``decode.py``) are the same packet when each can follow another that was seen before (``wiring.py``). A packet that is
copied (a bridge that does not know where to) has a tree of sightings. One that is sent again begins anew: nothing leads to its
first place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from nsmagic.trace.decode import Decoded
from nsmagic.trace.frame import Frame
from nsmagic.trace.wiring import Wiring

#: Of the sightings with one key, so many of the last are candidates: in a loop of bridges there are thousands.
_LOOKED_AT = 64


@dataclass(frozen=True, slots=True)
class Sighting:
    """A packet at a place. ``step`` counts all sightings from 1, ``packet`` the packets; ``before`` is the step that led here, 0 for the first
    of its packet."""

    step: int
    packet: int
    before: int
    frame: Frame
    what: Decoded
    translated: str = ""


def join(seen: Iterable[tuple[Frame, Decoded]], wiring: Wiring) -> list[Sighting]:
    """Order sightings, and tell which packet each is of.

    They are ordered by the kernel's time. The kernel may stamp a packet once for several places (a bridge's port, then the bridge); of
    such sightings, one follows another that leads to it.
    """
    found: list[Sighting] = []
    by_key: dict[bytes, list[Sighting]] = {}
    led: set[tuple[int, str, str, str]] = (
        set()
    )  # nothing leads twice to the same place: that would be the packet sent again
    packets = 0
    for _, group in groupby(sorted(seen, key=lambda each: each[0].time), key=lambda each: each[0].time):
        waiting = list(group)
        while waiting:
            at, before = _next(waiting, by_key, led, wiring)
            frame, what = waiting.pop(at)
            if before is None:
                packets += 1
            else:
                led.add((before.step, *frame.place, frame.direction))
            sighting = Sighting(
                len(found) + 1, before.packet if before else packets, before.step if before else 0, frame, what,
                translated=translation(before.what, what) if before else "",
            )  # fmt: skip
            found.append(sighting)
            by_key.setdefault(what.key, []).append(sighting)
    return found


def _next(
    waiting: Sequence[tuple[Frame, Decoded]],
    by_key: dict[bytes, list[Sighting]],
    led: Collection[tuple[int, str, str, str]],
    wiring: Wiring,
) -> tuple[int, Sighting | None]:
    """Which of the sightings of one moment is next, and what led to it."""
    for at, (frame, what) in enumerate(waiting):
        free = [
            each
            for each in by_key.get(what.key, [])[-_LOOKED_AT:]
            if (each.step, *frame.place, frame.direction) not in led
        ]
        before = _leads_to(frame, what, free, wiring)
        if before is not None:
            return at, before
    # None goes on with what was before: then one that begins something, if there is one.
    for at, (frame, _) in enumerate(waiting):
        if frame.direction == "out":
            return at, None
    return 0, None


def _leads_to(frame: Frame, what: Decoded, candidates: Sequence[Sighting], wiring: Wiring) -> Sighting | None:
    for each in reversed(candidates):
        if wiring.follows(each.frame, each.what, frame, what):
            return each
    return None


def translation(before: Decoded, after: Decoded) -> str:
    """What became of the addresses between two sightings; ``""`` when nothing did.

    >>> translation(Decoded(src="192.168.15.2", dst="8.8.8.8"), Decoded(src="192.168.1.2", dst="8.8.8.8"))
    'src 192.168.15.2 → 192.168.1.2'
    """
    if len(before.tunnels) != len(after.tunnels):
        return ""
    ports = [before.ports or (0, 0), after.ports or (0, 0)]
    words = []
    for at, name in enumerate(("src", "dst")):
        old, new = before.addresses[at], after.addresses[at]
        if ports[0][at] != ports[1][at]:
            old, new = f"{_bracketed(old)}:{ports[0][at]}", f"{_bracketed(new)}:{ports[1][at]}"
        if old != new:
            words.append(f"{name} {old} → {new}")
    return ", ".join(words)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def foreground(
    seen: Iterable[tuple[Frame, Decoded]], pending: Collection[tuple[str, str]] = ()
) -> list[tuple[Frame, Decoded]]:
    """Without what the kernel does of its own accord: groups joined, routers looked for, known neighbours asked again, what an earlier
    command still asks for (``pending``: the room and the address), and what is answered to all that."""
    kept = []
    asked: set[tuple[str, str]] = set()
    old: set[bytes] = set()
    for frame, what in sorted(seen, key=lambda each: each[0].time):
        if what.request == "asks" and frame.direction == "out" and (frame.ns, what.subject) in pending:
            old.add(what.key)
        background = what.background or what.key in old
        if what.request == "asks" and not background:
            asked.add((what.subject, what.src))
        unasked = what.request == "answers" and (what.subject, what.dst) not in asked
        if not (background or unasked):
            kept.append((frame, what))
    return kept
