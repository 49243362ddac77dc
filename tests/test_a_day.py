"""A day's use of one notebook: a thousand times building, using and resetting a lab in one kernel, which then has no more than at first.

``pytest -m heavy -s tests/test_a_day.py`` (``NSMAGIC_CYCLES`` times); the plot is ``tests/artefacts/a-day.svg``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import further
from tests.sandbox import observe
from tests.test_interrupts import Kernel, keep_loops

ARTEFACTS = Path(__file__).with_name("artefacts")
#: What somebody does with a lab: two rooms and a switch, commands, tables, a picture, a script, a job, Python in a room, a reason, a
#: mistake; then a new one.
CELLS = (
    """%%netns
ip netns add red
ip netns add blue
ip link add br0 type bridge
ip link set br0 up
ip link add veth-red netns red type veth peer name red-br
ip link add veth-blue netns blue type veth peer name blue-br
ip link set red-br master br0 up
ip link set blue-br master br0 up
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
ip -n blue link set lo up""",
    "%netns red ping -c 1 192.168.15.2",
    "df = %netns red ip route",
    "%links",
    "%topology",
    "%%netns blue\nfor word in one two; do echo $word; done | tail -1\nsleep 60 &",
    """%%netns blue --python
import socket
with socket.create_server(("192.168.15.2", 80)) as server, socket.create_connection(("192.168.15.2", 80)) as other:
    print(other.getpeername())""",
    "%why red 192.168.15.2",
    "%netns --no-raise-error ip link set nothing up",
    "%lab reset",
    # IPython (since 9) keeps everything that was ever shown, for %notebook; that is not ours to count.
    "getattr(get_ipython().history_manager, 'outputs', {}).clear()",
)
#: In every tenth cycle, in place of the fifth cell: a job is watched for a second.
RARE = "%netns red --bg sleep 60"


@dataclass(frozen=True)
class Seen:
    """What the kernel had after a cycle: descriptors, threads, memory in KiB, children that nobody reaped, processes below it."""

    fds: int
    threads: int
    memory: int
    zombies: int
    below: int


def look(pid: int) -> Seen:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Seen(
        fds=len(os.listdir(f"/proc/{pid}/fd")), threads=int(status["Threads"]), memory=int(status["VmRSS"].split()[0]),
        zombies=len(observe.zombies_of(pid)), below=len(observe.children(pid)),
    )  # fmt: skip


def settled(pid: int) -> Seen:
    """The same once what the last lab had is gone: its threads and descriptors end a moment after it."""
    observe.until(lambda: not observe.children(pid), 2.0)
    least = look(pid)
    observe.until(lambda: (now := look(pid)).threads <= least.threads and now.fds <= least.fds, 0.1)
    return look(pid)


@pytest.fixture(scope="module", autouse=True)
def loops() -> None:
    keep_loops()


@pytest.mark.heavy
@pytest.mark.sandbox
def test_a_thousand_times(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    further.install("matplotlib")
    count = int(os.environ.get("NSMAGIC_CYCLES", "1000"))
    kernel = Kernel(tmp_path)
    seen: list[Seen] = []
    began = time.monotonic()
    try:
        pid = kernel.manager.provisioner.pid
        for number in range(count):
            for cell in (*CELLS[:4], RARE if number % 10 == 9 else CELLS[4], *CELLS[5:]):
                # Not kept in Out, where IPython keeps a thousand values.
                reply = kernel.client.execute_interactive(
                    cell, timeout=120, store_history=False, output_hook=lambda _: None
                )
                assert reply["content"]["status"] == "ok", (number, cell, reply["content"])
            seen.append(settled(pid))
            if number % 100 == 99:
                print(f"after {number + 1} cycles, {time.monotonic() - began:.0f} s: {seen[-1]}", flush=True)
    finally:
        kernel.close()
    early, last, late = seen[count // 10 - 1], seen[-1], seen[count // 5 :]
    growth = slope([each.memory for each in late])
    draw(seen, growth)
    assert [each.zombies for each in seen] == [0] * count
    assert (last.fds, last.threads, last.below) == (early.fds, early.threads, early.below)
    assert max(each.fds for each in late) - min(each.fds for each in late) < 8
    assert growth < 4.0, "KiB for each cycle"
    words = (
        f"after {count // 10} and after {count}: descriptors {early.fds} and {last.fds}, threads {early.threads} and {last.threads},"
        f" zombies {early.zombies} and {last.zombies}, memory {early.memory / 1024:.1f} and {last.memory / 1024:.1f} MiB"
        f" ({growth:+.2f} KiB a cycle over the last {len(late)}); {(time.monotonic() - began) / count:.2f} s a cycle"
    )
    record_property("figure", (f"{count} cycles of build, use and reset in one kernel", words))


def slope(values: list[int]) -> float:
    """The straight line through the values: how much it rises from one to the next.

    >>> round(slope([3, 5, 7]), 6)
    2.0
    """
    import numpy

    return float(numpy.polyfit(range(len(values)), values, 1)[0])


def draw(seen: list[Seen], growth: float) -> None:
    """The plot."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    rows: list[tuple[str, list[Any]]] = [
        ("memory, MiB", [each.memory / 1024 for each in seen]), ("open descriptors", [each.fds for each in seen]),
        ("threads", [each.threads for each in seen]), ("zombies", [each.zombies for each in seen]),
    ]  # fmt: skip
    figure, axes = pyplot.subplots(
        len(rows), sharex=True, figsize=(8, 8), height_ratios=(3, 2, 2, 1), layout="constrained"
    )
    for (name, values), part in zip(rows, axes, strict=True):
        part.plot(range(1, len(values) + 1), values, linewidth=1)
        part.set_ylabel(name)
        part.set_ylim(0, max(max(values) * 1.15, 1))
        part.grid(alpha=0.3)
    axes[0].set_title(f"One kernel: build, use and reset a lab {len(seen)} times ({growth:+.2f} KiB a cycle)")
    axes[-1].set_xlabel("cycles")
    ARTEFACTS.mkdir(exist_ok=True)
    figure.savefig(ARTEFACTS / "a-day.svg")
    figure.savefig(ARTEFACTS / "a-day.png", dpi=110)
    pyplot.close(figure)
