"""The bars of the issue on speed: what, our figure, the bar, met or not. The median decides; nothing here fails a run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.rounds import figure, spread


@dataclass(frozen=True)
class Bar:
    """One bar. ``values`` are our figures, round by round; ``limit`` the bar, a top or with ``least`` a bottom.

    ``unit`` is ``×`` for a ratio. Without values, ``note`` says why there are none; ``why`` is what stands in the way when the bar
    is not met.
    """

    what: str
    limit: float
    values: Sequence[float] = ()
    least: bool = False
    unit: str = "×"
    note: str = ""
    why: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the median keeps it; None when it was not measured."""
        if not self.values:
            return None
        median = statistics.median(self.values)
        return median >= self.limit if self.least else median <= self.limit

    @property
    def verdict(self) -> str:
        """``met``, ``not met`` or ``not measured``."""
        return {True: "met", False: "not met", None: "not measured"}[self.met]

    @property
    def wanted(self) -> str:
        """The bar in short: ``≤ 1.3 ×``."""
        return f"{'≥' if self.least else '≤'} {self.limit:g} {self.unit}"


def table(bars: Sequence[Bar]) -> str:
    """All bars as plain text.

    >>> print(table([Bar("build", 1.3, [1.0, 1.2, 2.0])]).splitlines()[-1].split())
    ['build', '1.00', '1.20', '2.00', '≤', '1.3', '×', 'met']
    """
    width = max([len(bar.what) for bar in bars], default=4) + 2
    lines = ["the bars (our figure: minimum, median, maximum; the median decides)"]
    lines.append(f"  {'':<{width}}{'min':>6}  {'median':>6}  {'max':>6}  {'bar':>9}")
    for bar in bars:
        figures = spread(bar.values) if bar.values else " " * 22
        note = f" ({bar.note})" if bar.note else ""
        lines.append(f"  {bar.what:<{width}}{figures}  {bar.wanted:>9}  {bar.verdict}{note}")
    missed = dict.fromkeys(bar.why for bar in bars if bar.met is False and bar.why)
    return "\n".join([*lines, *(f"  not met, because {why}" for why in missed)])


def markdown(bars: Sequence[Bar]) -> str:
    """All bars as a table for RESULTS.md."""
    lines = ["| work | ours (median) | min … max | bar | |", "|---|---|---|---|---|"]
    for bar in bars:
        median = f"{figure(statistics.median(bar.values))} {bar.unit}" if bar.values else ""
        between = f"{figure(min(bar.values))} … {figure(max(bar.values))}" if bar.values else ""
        verdict = f"**{bar.verdict}**" if bar.met is False else bar.verdict
        lines.append(
            f"| {bar.what} | {median} | {between} | {bar.wanted} | "
            f"{'; '.join(filter(None, (verdict, bar.note, bar.why if bar.met is False else '')))} |"
        )
    return "\n".join(lines)
