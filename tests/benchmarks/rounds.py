"""Shuffled rounds: everything that is compared runs once in each, in another order, and ratios are taken within a round."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.place import Absent, Failed


@dataclass(frozen=True)
class Subject:
    """Something to be measured: ``run()`` gives seconds (or other numbers) by name. ``rounds``: in so many only (a slow peer)."""

    name: str
    run: Callable[[], Mapping[str, float]]
    rounds: int = 1000


@dataclass
class Record:
    """What came of the rounds: for each subject a list with a dict for each round that it took part in."""

    title: str
    values: dict[str, dict[int, Mapping[str, float]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def numbers(self, subject: str, key: str) -> list[float]:
        """The values of one subject, round by round."""
        return [each[key] for each in self.values.get(subject, {}).values() if key in each]

    def ratios(self, subject: str, key: str, base: str) -> list[float]:
        """Subject over base, within each round in which both were measured."""
        own, other = self.values.get(subject, {}), self.values.get(base, {})
        return [own[at][key] / other[at][key] for at in own if key in own[at] and at in other and other[at].get(key)]


def run(
    title: str,
    subjects: Sequence[Subject],
    rounds: int,
    *,
    between: Callable[[], None] | None = None,
    budget: float = float("inf"),
    say: Callable[[str], None] = lambda text: None,
    seed: int = 1,
) -> Record:
    """Run the subjects in shuffled rounds; ``between`` is called after each.

    After ``budget`` seconds slow peers (those with fewer rounds) are left out, and a quarter later no further round begins: on a
    busy machine there are fewer of them. A subject that is absent is not asked again; one
    that failed is, unless its failure took long.
    """
    record = Record(title, missing={each.name: "too slow for this size" for each in subjects if not each.rounds})
    shuffle = random.Random(seed)
    until = time.monotonic() + budget
    last = until + budget / 4
    given_up = set(record.missing)
    for at in range(rounds):
        if at and time.monotonic() > last:
            break
        order = [each for each in subjects if at < each.rounds and each.name not in given_up]
        shuffle.shuffle(order)
        for subject in order:
            began = time.monotonic()
            if subject.rounds < rounds and began > until:
                if subject.name not in record.values:
                    record.missing.setdefault(subject.name, "no time was left for it")
                continue
            try:
                record.values.setdefault(subject.name, {})[at] = subject.run()
            except (Absent, Failed) as error:
                record.missing[subject.name] = str(error)
                if isinstance(error, Absent) or time.monotonic() - began > 10:
                    given_up.add(subject.name)
            say(f"{title}, round {at + 1} of {rounds}: {subject.name} ({time.monotonic() - began:.1f} s)")
            if between is not None:
                between()
    return record


def spread(values: Sequence[float]) -> str:
    """Minimum, median and maximum.

    >>> spread([3.0, 1.0, 20.0])
    '  1.00    3.00    20.0'
    """
    return "  ".join(f"{figure(each):>6}" for each in (min(values), statistics.median(values), max(values)))


def figure(value: float) -> str:
    """A ratio with three digits.

    >>> figure(0.1234), figure(12.34), figure(1234.0)
    ('0.12', '12.3', '1234')
    """
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def table(record: Record, key: str, base: str, *, title: str = "", only: Sequence[str] | None = None) -> str:
    """All subjects, or ``only`` some, as ratios to the base, fastest first, and who is missing with the reason."""
    rows = []
    for subject in record.values:
        if only is not None and subject not in only:
            continue
        ratios, seconds = record.ratios(subject, key, base), record.numbers(subject, key)
        if ratios:
            median = statistics.median(seconds) * 1000
            rows.append(
                (
                    statistics.median(ratios),
                    f"{subject:<34}{spread(ratios)}  {len(ratios):>6}  {median:>9.{3 if median < 10 else 1}f} ms",
                )
            )
    lines = [
        title or record.title,
        f"  {'ratio to ' + base:<34}{'min':>6}  {'median':>6}  {'max':>6}  {'rounds':>6}  {'median':>12}",
    ]
    lines += [f"  {line}" for _, line in sorted(rows)]
    for name, why in record.missing.items() if only is None else ():
        lines.append(f"  {name:<34}{'failed in a round' if record.values.get(name) else 'not measured'}: {why}")
    return "\n".join(lines)
