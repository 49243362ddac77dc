"""The groups of the benchmark: what each runs, and the tables that it prints."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.benchmarks import builds, peers, place, rounds
from tests.benchmarks.rounds import Record


@dataclass(frozen=True)
class Plan:
    """How much is run: quick or whole, how many rounds, which sizes, since when, and whom to tell what is under way."""

    quick: bool
    rounds: int
    sizes: tuple[int, ...] | None
    began: float
    say: Callable[[str], None]

    def until(self, seconds: float) -> float:
        """The clock at which slow peers are left out."""
        return time.monotonic() + seconds


def build(plan: Plan) -> Iterator[str]:
    """Build N namespaces on one bridge."""
    for count in plan.sizes or ((10, 100) if plan.quick else (10, 100, 500)):
        names = list(peers.BUILDS) if count < 100 and not plan.quick else ["ip -batch", "bash, ip -n"]
        record = rounds.run(
            f"build N = {count}", builds.subjects(count, names), plan.rounds, between=place.settle, say=plan.say,
            until=plan.until(120),
        )  # fmt: skip
        yield rounds.table(record, "build", builds.FLOOR)
        yield from where(record, count)
        yield rounds.table(record, "gone", builds.FLOOR, title=f"end of the lab, until nothing is left, N = {count}")


def where(record: Record, count: int) -> Iterator[str]:
    """CPU time of our two processes during the build."""
    keys = ("notebook user", "notebook system", "agent user", "agent system")
    if record.values.get(builds.OURS):
        spent = {key: statistics.median(record.numbers(builds.OURS, key)) / count * 1e6 for key in keys}
        yield "our CPU time, microseconds per namespace: " + ", ".join(f"{key} {value:.0f}" for key, value in spent.items())


GROUPS: dict[str, Callable[[Plan], Iterator[str]]] = {"build": build}
