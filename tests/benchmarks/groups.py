"""The groups of the benchmark: what each runs, the tables that it prints, and the bars that it judges."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nsmagic.agent import later, series
from tests.benchmarks import builds, kernels, peers, pictures, place, reads, reasons, rounds, small
from tests.benchmarks.bars import Bar
from tests.benchmarks.place import Absent
from tests.benchmarks.rounds import Record

#: What stands in the way of a bar that is not met, as the profile shows it.
WHY = {
    "described": "the kernel's listeners (our monitor's socket) and Python's part of each namespace come on top of the floor's calls",
    "frames": "rows of what changed travel as JSON and become columns in Python",
    "changed": (
        "neighbours change without an event when a packet is sent (STALE to DELAY), so each namespace's are read for each "
        "snapshot when any was made on the whole machine meanwhile; of a table that changed, the columns that differ are made anew for pandas"
    ),
    "cells": "pandas makes and shows the frame, and a message goes to the agent and back over two wake-ups",
    "gone": (
        "one work queue of the kernel takes down the namespaces of the whole machine, batch by batch, each in 25 ms and more however few it "
        "holds; whether those of a lab, or of the floor, come in one batch or in two is a matter of microseconds. Before that, pid 1 has to end"
    ),
    "start": "the start of two processes and of the sandbox is in it",
    "picture": (
        "Python reads the lab, writes 140 KB of DOT and edits 380 KB of SVG, which takes two fifths of Graphviz's own CPU time; more than half "
        "of that is done while Graphviz starts, where a processor is free for it"
    ),
    "event": (
        "the callback's thread has to be woken, and the agent hears the event too: where there is no processor for both, the thread "
        "waits for its turn; the raw socket of the comparison has the event when the kernel answers, and nobody is woken for it"
    ),
}


@dataclass
class Plan:
    """How much is run (quick or whole, rounds, sizes), whom to tell what is under way, and the bars judged so far."""

    quick: bool
    rounds: int
    sizes: tuple[int, ...] | None
    say: Callable[[str], None]
    bars: list[Bar] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def keep(self, record: Record) -> Record:
        """Remember a record for the raw values."""
        self.records.append(record)
        return record

    def budget(self, count: int, *seconds: float) -> float:
        """Seconds for the rounds with so many namespaces, of those for up to 10, up to 100, and more; a quarter when quick."""
        return seconds[(count > 10) + (count > 100)] / (4 if self.quick else 1)

    def chosen(self, quick: tuple[int, ...], whole: tuple[int, ...]) -> tuple[int, ...]:
        """The sizes to run."""
        return self.sizes or (quick if self.quick else whole)


def build(plan: Plan) -> Iterator[str]:
    """Build N namespaces on one bridge, and end them."""
    for count in plan.chosen((10, 100), (10, 100, 500)):
        names = list(peers.BUILDS) if not plan.quick and count < 500 else ["ip -batch", "bash, ip -n"]
        record = plan.keep(rounds.run(
            f"build N = {count}", builds.subjects(count, names), plan.rounds, between=place.settle, say=plan.say,
            budget=plan.budget(count, 35, 100, 150),
        ))  # fmt: skip
        yield rounds.table(record, "build", builds.FLOOR)
        if 8 * count > series.MANY:
            yield from _until_told(record)
        yield from _where(record, count)
        yield rounds.table(
            record,
            "gone",
            builds.FLOOR,
            title=f"end of the lab, until nothing is left, N = {count}",
            only=(builds.FLOOR, builds.OURS),
        )
        if count < 100 and not plan.sizes:
            continue  # the bars are for 100 and 500
        described = record.ratios(builds.DESCRIBED, "build", builds.FLOOR)
        told, quiet = _in_the_way(record, quiet=False), _in_the_way(record, quiet=True)
        plan.bars += [
            Bar(f"build N = {count} from a description, of the C floor", 1.3, described, why=WHY["described"]),
            Bar(f"build N = {count} by a cell, of ip -batch", 1.0, record.ratios(builds.OURS, "build", "ip -batch"), why=told),
            Bar("the same with --quiet, of ip -batch", 1.0, record.ratios(builds.QUIET, "build", "ip -batch"), why=quiet),
            Bar(
                f"build N = {count} by a cell, faster than bash with ip -n", 8,
                record.ratios("bash, ip -n", "build", builds.OURS), least=True, why=told,
            ),
            Bar("the same with --quiet, faster than bash with ip -n", 8, record.ratios("bash, ip -n", "build", builds.QUIET), least=True, why=quiet),
            Bar(f"end of a lab of N = {count}, of the C floor", 1.2, record.ratios(builds.OURS, "gone", builds.FLOOR), why=WHY["gone"]),
        ]  # fmt: skip


def _in_the_way(record: Record, *, quiet: bool) -> str:
    """What stands in the way of a cell of typed commands: the kernel's part of it, as measured beside it, and ours."""

    def faster(subject: str) -> float:
        return statistics.median(record.ratios("bash, ip -n", "build", subject) or [0.0])

    ways = [faster(name) for name in (builds.TYPED, builds.SENDS, builds.AHEAD)]
    least, most = min(ways), max(ways)
    kernel = (
        f"a C program that sends the same requests in the order in which they are typed, and does nothing else, is {least:.1f} to {most:.1f} "
        "times faster than bash with ip -n (one by one, in two sends for each namespace, with a second thread that makes the namespaces)"
    )
    if most < 8:
        return f"{kernel}: the kernel alone takes longer than the bar allows"
    ours = "reading the cell and Python's part of each request" if quiet else (
        "reading the cell, Python's part of each request, and asking, reading and telling what each command changed"
    )  # fmt: skip
    return (
        f"{kernel}: what is left of the bar for {ours} is {most / 8 - 1:.0%} of that program's time. Where ports come up on a bridge that is "
        "switched on, as typed, the first packets of IPv6 go to all ports before them, within the build and more with each: the floor, which "
        f"does the same in another order, is {faster(builds.FLOOR):.1f} times faster than bash"
    )


def _until_told(record: Record) -> Iterator[str]:
    """When the result of a cell was complete."""
    whole = [each["whole"] / each["build"] for each in record.values.get(builds.OURS, {}).values() if "whole" in each]
    if whole:
        than_bash = statistics.median(record.ratios("bash, ip -n", "build", builds.OURS) or [0.0]) / statistics.median(
            whole
        )
        yield (
            f"of a cell of more than {series.MANY} commands the changes after the first {later.AT_ONCE} are told when it has ended: all of them were after "
            f"{statistics.median(whole):.2f} ({min(whole):.2f} to {max(whole):.2f}) of its time, {than_bash:.1f} times faster than bash with ip -n"
        )


def _where(record: Record, count: int) -> Iterator[str]:
    """CPU time of our two processes during the build, and of the machine's packets."""
    keys = ("notebook user", "notebook system", "agent user", "agent system", "machine's softirqs")
    if record.values.get(builds.OURS):
        spent = {key: statistics.median(record.numbers(builds.OURS, key)) / count * 1e6 for key in keys}
        yield "our CPU time, microseconds per namespace: " + ", ".join(
            f"{key} {value:.0f}" for key, value in spent.items()
        )


def snapshot(plan: Plan) -> Iterator[str]:
    """Read links, addresses, routes and neighbours of N namespaces."""
    for count in plan.chosen((100,), (10, 100, 500)):
        few = {reads.IP_FRAMES: plan.rounds} if plan.quick or count > 100 else dict.fromkeys(reads.PEERS, plan.rounds)
        record = plan.keep(reads.record(count, plan.rounds, few, plan.budget(count, 15, 45, 80), plan.say))
        yield rounds.table(record, "seconds", reads.FLOOR)
        floor = next(iter(record.values[reads.FLOOR].values()))
        yield "rows read by the floor: " + ", ".join(f"{floor[table]:.0f} {table}" for table in reads.TABLES)
        if count < 100 and not plan.sizes:
            continue
        plan.bars += [
            Bar(f"snapshot N = {count} into four DataFrames, of the C floor", 3.5, record.ratios(reads.FRAMES, "seconds", reads.FLOOR), why=WHY["frames"]),
            Bar(
                f"snapshot N = {count}, faster than an ip -j loop to DataFrames", 60,
                record.ratios(reads.IP_FRAMES, "seconds", reads.FRAMES), least=True, why=WHY["frames"],
            ),
            Bar(f"snapshot N = {count}, one namespace changed", 0.5, record.ratios(reads.CHANGED, "seconds", reads.FLOOR), why=WHY["changed"]),
        ]  # fmt: skip


def cells(plan: Plan) -> Iterator[str]:
    """Round trips of cells in live kernels."""
    record = plan.keep(kernels.latency(15 if plan.quick else 60, plan.say))
    over = kernels.over_empty(record)
    empty = statistics.median(record.numbers(kernels.EMPTY, "seconds"))
    lines = [f"cells in live kernels: round trip over an empty cell ({empty * 1000:.2f} ms), milliseconds"]
    lines.append(f"  {'':<44}{'min':>8}{'median':>8}{'max':>8}")
    for name, values in sorted(over.items(), key=lambda item: statistics.median(item[1])):
        shown = "".join(f"{each * 1000:>8.2f}" for each in (min(values), statistics.median(values), max(values)))
        lines.append(f"  {name:<44}{shown}")
    # What is left when neither side pays for its notebook: the bar is for cells, this is what they run.
    apart = statistics.median(_each(over[kernels.EXEC_PING], over[kernels.API_PING]))
    lines.append(
        f"  ping without a cell, faster than subprocess with ip netns exec (both over an empty cell): {apart:.1f} ×"
    )
    yield "\n".join(lines)
    plan.bars += [
        _faster("%netns red ip link, faster than !ip -n red link", 25, over[kernels.BANG], over[kernels.OURS]),
        Bar(
            "%netns red ip link, of a kept raw socket to a DataFrame", 1.5,
            _each(over[kernels.OURS], over[kernels.RAW]), why=WHY["cells"], note="medians over an empty cell, by fifths of the rounds",
        ),
        _faster("%netns red ping -c1, faster than !ip netns exec red ping -c1", 15, over[kernels.PING_BANG], over[kernels.PING]),
    ]  # fmt: skip


def _faster(what: str, limit: float, slow: list[float], fast: list[float]) -> Bar:
    return Bar(what, limit, _each(slow, fast), least=True, why=WHY["cells"])


def _each(upper: list[float], lower: list[float], parts: int = 5) -> list[float]:
    """Ratios of medians, of each fifth of the rounds: what is left over an empty cell is too noisy to be divided one by one."""
    size = max(1, len(upper) // parts)
    cut = [slice(at, at + size) for at in range(0, size * parts, size)]
    return [
        statistics.median(upper[part]) / max(statistics.median(lower[part]), 1e-5)
        for part in cut
        if upper[part] and lower[part]
    ]


def start(plan: Plan) -> Iterator[str]:
    """Loading the extension, and the first cell of a fresh kernel."""
    record = plan.keep(small.loading(10 if plan.quick else 20, plan.say))
    loading = [each * 1000 for each in record.numbers(small.LOAD, "seconds")]
    heavy = max(record.numbers(small.LOAD, "heavy"), default=0)
    modules = statistics.median(record.numbers(small.LOAD, "modules"))
    yield f"%load_ext nsmagic in a fresh IPython: {rounds.spread(loading)} ms, {modules:.0f} modules, {heavy:.0f} heavy ones"
    first = plan.keep(kernels.first_cell(plan.rounds, plan.say))
    yield rounds.table(first, "seconds", kernels.APART)
    plan.bars += [
        Bar("import nsmagic and %load_ext over bare IPython", 15, loading, unit="ms"),
        Bar("heavy modules that it loads", 0, record.numbers(small.LOAD, "heavy"), unit="modules"),
        Bar(
            "first cell of a fresh kernel, of Python + pyroute2 + unshare",
            1.5,
            first.ratios(kernels.FIRST, "seconds", kernels.APART),
        ),
    ]


def picture(plan: Plan) -> Iterator[str]:
    """Draw N namespaces, and a full mesh."""
    count, dense = (20, 8) if plan.quick else (100, 30)
    house = mesh = None
    note = ""
    try:
        house = plan.keep(pictures.house(count, plan.rounds, plan.say))
        mesh = plan.keep(pictures.mesh(dense, plan.rounds, plan.say))
    except Absent as error:
        note = str(error)
    drawn = [] if house is None else house.ratios(pictures.OURS, "seconds", pictures.ALONE)
    dense_seconds = [] if mesh is None else mesh.numbers(pictures.OURS, "seconds")
    if house is not None:
        yield rounds.table(house, "seconds", pictures.ALONE)
    if dense_seconds:
        yield f"full mesh of {dense}: {rounds.spread(dense_seconds)} seconds"
    plan.bars += [
        Bar(f"%topology of N = {count}, of Graphviz alone", 1.5, drawn, note=note, why=WHY["picture"]),
        Bar(f"full mesh of {dense} with labels", 1, dense_seconds, unit="s", note=note),
    ]


def why(plan: Plan) -> Iterator[str]:
    """Verdicts beside a lost ping."""
    record = plan.keep(reasons.record(plan.rounds, plan.say))
    yield rounds.table(record, "seconds", reasons.PING)
    plan.bars += [
        Bar(f"{name}, of one lost ping -c 1 -W 1", 1, record.ratios(name, "seconds", reasons.PING))
        for name in (reasons.LOST, reasons.TRACED, reasons.REFUSED, reasons.REACHES)
    ]


def rest(plan: Plan) -> Iterator[str]:
    """Memory and events."""
    count = 10 if plan.quick else 100
    record = plan.keep(small.memory(count, 1 if plan.quick else 3, plan.say))
    agent = [each / 2**20 for each in record.numbers(small.agent(count), "bytes")]
    lines = [f"memory, MiB resident (agent of a lab of {count} namespaces)"]
    lines += [
        f"  {name:<34}{rounds.spread([each / 2**20 for each in record.numbers(name, 'bytes')])}"
        for name in record.values
    ]
    yield "\n".join(lines)
    events = plan.keep(small.events(150, plan.rounds, plan.say))
    raw, ours = events.numbers(small.EVENTS, "raw"), events.numbers(small.EVENTS, "ours")
    acknowledged = events.numbers(small.EVENTS, "acknowledged")
    lines = ["events, microseconds from the request on"]
    lines += [
        f"  {name:<34}{rounds.spread([each * 1e6 for each in values])}"
        for name, values in (
            ("acknowledged", acknowledged),
            ("seen by a raw socket", raw),
            ("seen by a thread at a raw socket", events.numbers(small.EVENTS, "thread")),
            ("seen by our callback", ours),
        )
    ]
    yield "\n".join(lines)
    plan.bars += [
        Bar(
            "event seen by a Python callback, of a raw socket",
            3,
            [a / b for a, b in zip(ours, raw, strict=True)],
            why=WHY["event"],
        ),
        Bar(f"memory of the agent, {count} namespaces", 60, agent, unit="MB"),
    ]


GROUPS: dict[str, Callable[[Plan], Iterator[str]]] = {
    "build": build, "snapshot": snapshot, "cells": cells, "start": start, "picture": picture, "why": why, "rest": rest,
}  # fmt: skip
