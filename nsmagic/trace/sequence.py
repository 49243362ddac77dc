"""Journeys as a sequence diagram in text: a column for each room, an arrow for each cable that a packet went through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nsmagic.printable import pad, printable, width
from nsmagic.trace.join import Sighting

_GAP = 4


class Drawing(str):
    """A drawing in text, shown as it is."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def diagram(sightings: Sequence[Sighting]) -> str:
    """The lines; the numbers before the words are the steps at both ends of the arrow. ``✗``: what went out came in nowhere.

    >>> diagram([])
    ''
    """
    names = list(dict.fromkeys(each.frame.ns for each in sightings))
    if not names:
        return ""
    at, places = 1, dict[str, int]()
    for name in names:
        places[name] = at
        at += max(width(printable(name)), 6) + _GAP
    by_step = {each.step: each for each in sightings}
    arrivals: dict[int, list[Sighting]] = {}
    for each in sightings:
        before = by_step.get(each.before)
        if before is not None:
            arrivals.setdefault(before.step, []).append(each)
    head, reach = "", 0
    for name in names:
        head += " " * (places[name] - reach) + printable(name)
        reach = places[name] + width(printable(name))
    rows = [(head, "")]
    for each in sightings:
        before = by_step.get(each.before)
        if each.frame.direction == "in" and before is not None and before.frame.direction == "out":
            numbers = f"{before.step}→{each.step}"
            drawn = _arrow(places, before.frame.ns, each.frame.ns)
            rows.append((drawn, f"{numbers:<6} {_told(before)}"))
        elif each.frame.direction == "out" and not arrivals.get(each.step):
            rows.append((_lost(places, each.frame.ns), f"{each.step:<6} {_told(each)}"))
        elif each.frame.direction == "in" and before is None:
            rows.append((_arrow(places, each.frame.ns, each.frame.ns), f"{each.step:<6} {_told(each)}"))
    widest = max(width(drawn) for drawn, _ in rows)
    return "\n".join((pad(drawn, widest + 2) + printable(words)).rstrip() for drawn, words in rows)


def _told(sighting: Sighting) -> str:
    return sighting.what.words + (f"   ({sighting.translated})" if sighting.translated else "")


def _lanes(places: dict[str, int]) -> list[str]:
    row = [" "] * (max(places.values()) + _GAP)
    for x in places.values():
        row[x] = "│"
    return row


def _arrow(places: dict[str, int], start: str, end: str) -> str:
    row, a, b = _lanes(places), places[start], places[end]
    if a == b:
        row[a : a + 3] = "├─┐"  # within the room: its loopback, or a cable to itself
        return "".join(row).rstrip()
    left, right = sorted((a, b))
    for x in range(left + 1, right):
        row[x] = "┼" if row[x] == "│" else "─"
    row[a] = "├" if a < b else "┤"
    row[b - 1 if a < b else b + 1] = "▶" if a < b else "◀"
    return "".join(row).rstrip()


def _lost(places: dict[str, int], start: str) -> str:
    row = _lanes(places)
    row[places[start] : places[start] + 4] = "├──✗"
    return "".join(row).rstrip()
