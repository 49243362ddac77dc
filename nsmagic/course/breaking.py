"""Break it: a house with a fault in it, to be found and mended. The same seed and level give the same fault.

The house and the faults are data: ``faults/house.toml`` and ``faults/faults.toml``, where a teacher can add one.

>>> from nsmagic import Lab
>>> with Lab() as lab:
...     broken = break_lab(lab, seed=3, level=1)
...     broken.report().ok
False
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsmagic.course import checks, practice, tasks
from nsmagic.errors import NsmagicError
from nsmagic.sentences import say_task as say

if TYPE_CHECKING:
    from nsmagic.lab import Lab

FOLDER = Path(__file__).resolve().parent / "faults"
LEVELS = (1, 2, 3)


@dataclass(frozen=True)
class Fault:
    """A fault: the commands that make it and mend it, the points of the house that it breaks, hints."""

    code: str
    level: int
    title: str
    inject: tuple[str, ...]
    mend: tuple[str, ...]
    breaks: tuple[str, ...]
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A point of the house: its check, and what is said when it does not hold."""

    words: str
    check: Mapping[str, Any]


@dataclass(frozen=True)
class House:
    """The house, whole."""

    world: str
    build: tuple[str, ...]
    points: Mapping[str, Place]


@cache
def _data(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name).read_text())


def _net(seed: int) -> str:
    return tasks.net_of("break", seed)


def house(seed: int = 0) -> House:
    """The house, with the network of a seed."""
    data = tasks.filled(_data("house.toml"), _net(seed))
    points = {name: Place(each["words"], each["check"]) for name, each in data["point"].items()}
    return House(data["world"], tuple(data["build"]), points)


def faults(seed: int = 0) -> list[Fault]:
    """All faults there are, with the network of a seed.

    >>> len(faults()) >= 20
    True
    """
    data = tasks.filled(_data("faults.toml"), _net(seed))
    fields = ("inject", "mend", "breaks", "hints")
    return [
        Fault(code, each["level"], each["title"], *(tuple(each[name]) for name in fields))
        for code, each in data.items()
    ]


def choose(seed: int, level: int) -> Fault:
    """The fault of a seed and a level.

    Raises
    ------
    NsmagicError
        There is no such level.
    """
    if level not in LEVELS:
        raise NsmagicError(say("break-level", level=level), hint=say("break-levels"))
    there = sorted((fault for fault in faults(seed) if fault.level == level), key=lambda fault: fault.code)
    return random.Random(f"{seed}/{level}").choice(there)


def build(lab: Lab, seed: int = 0) -> None:
    """End the lab and start it anew with the house, whole."""
    whole = house(seed)
    lab.reset()
    lab.seed = seed
    lab.world(whole.world)
    lab.run("\n".join(whole.build)).check()


@dataclass
class Broken:
    """A house with a fault in it. ``report()`` looks at every point of the house; ``fault`` is what it is, for those who give up."""

    lab: Lab
    fault: Fault
    seed: int
    name: str = "break"

    @property
    def hints(self) -> tuple[str, ...]:
        return (*self.fault.hints, self.fault.title)

    def report(self) -> practice.Report:
        """Which points of the house hold."""
        points = []
        for place in house(self.seed).points.values():
            try:
                points.append(practice.Point(True, checks.run(self.lab, place.check)))
            except checks.NotYet:
                points.append(practice.Point(False, place.words))
        whole = all(point.ok for point in points)
        return practice.Report(self.name, tuple(points), say("break-whole", title=self.fault.title) if whole else "")

    def mend(self) -> None:
        """Mend it, for those who give up."""
        self.lab.run("\n".join(self.fault.mend)).check()

    def __str__(self) -> str:
        symptom = house(self.seed).points[self.fault.breaks[0]].words
        first = say("break-began", seed=self.seed, level=self.fault.level, symptom=symptom)
        return f"{first}\n{say('break-next')}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def break_lab(lab: Lab | None = None, *, seed: int = 0, level: int = 1) -> Broken:
    """End the lab, start it anew with a whole house, and put the fault of a seed and level into it.

    Raises
    ------
    NsmagicError
        There is no such level.
    """
    fault = choose(seed, level)
    lab = lab or practice.current_lab()
    build(lab, seed)
    lab.run("\n".join(fault.inject)).check()
    # What was typed to break it is not for the learner to read in %lab script.
    lab.history.clear()
    broken = Broken(lab, fault, seed)
    practice.begin(broken, lab)
    return broken
