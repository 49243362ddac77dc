"""Build: N namespaces on one bridge, by the floor, by nsmagic, and by everything a user could take instead."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks import peers, place
from tests.benchmarks.rounds import Subject

FLOOR = "C floor"
OURS = "nsmagic, a cell of 8 N commands"
QUIET = "nsmagic, the same cell with --quiet"
DESCRIBED = "nsmagic, from a description"
#: The eight commands of each namespace in the order in which they are typed, by the floor's program. What no pipeline can pass that
#: keeps the order: the bridge is switched on first, as typed.
TYPED = "C as typed, one by one"
SENDS = "C as typed, two sends for each"
AHEAD = "the same, namespaces by a thread"

#: Seconds after which one run of a build is given up, by N.
_LIMIT = {2: 30, 10: 60, 100: 90, 500: 150}


def subjects(count: int, names: Sequence[str]) -> list[Subject]:
    """What is measured with so many namespaces; ``names`` are peers, by their names in ``peers.BUILDS``."""
    limit = _LIMIT.get(count, 150)
    found = [
        Subject(FLOOR, lambda: _floor(count, limit)),
        Subject("C floor, bridge up last", lambda: _floor(count, limit, "cycle", "last")),
        Subject(TYPED, lambda: _floor(count, limit, "typed")),
        Subject(SENDS, lambda: _floor(count, limit, "typed", "sends")),
        Subject(AHEAD, lambda: _floor(count, limit, "typed", "ahead")),
        Subject(OURS, lambda: _built("build", count, limit)),
        Subject(QUIET, lambda: _built("quiet", count, limit)),
        Subject(DESCRIBED, lambda: _built("described", count, limit)),
    ]
    return found + [Subject(name, _peer(name, count, limit), rounds=peers.BUILDS[name].rounds(count)) for name in names]


def ours(what: str, count: int, limit: float) -> Mapping[str, float]:
    """One of the things that ``ours.py`` measures, in a fresh process; it makes its own sandbox."""
    return place.call([sys.executable, "-m", "tests.benchmarks.ours", what, str(count)], limit)


def _built(what: str, count: int, limit: float) -> Mapping[str, float]:
    return _median(count, lambda: ours(what, count, limit))


def _floor(count: int, limit: float, how: str = "cycle", *more: str) -> Mapping[str, float]:
    return _median(count, lambda: place.call(place.sandboxed([place.floor(), how, str(count), *more]), limit))


def _median(count: int, run: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
    """The median of three runs where they are short, of ours as of the floor: the end of a lab takes one batch of the kernel's or two."""
    runs = []
    for _ in range(3 if count <= 100 else 1):
        runs.append(run())
        place.settle()
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _peer(name: str, count: int, limit: float) -> Callable[[], Mapping[str, float]]:
    def run() -> Mapping[str, float]:
        words = peers.BUILDS[name].command(count)
        return place.call(
            place.sandboxed(words), limit, env={"FLOOR": place.floor(), "HOME": os.fspath(place.folder())}
        )

    return run
