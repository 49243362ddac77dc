"""What a picture costs, part by part, beside Graphviz alone on the same DOT: ``python -m tests.benchmarks.bench_topology``.

Without a lab: snapshots are made up, so that nothing but drawing is measured (``run.py`` draws real labs).
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable

from nsmagic.snapshot import Snapshot
from nsmagic.topology.build import build
from nsmagic.topology.dot import source
from nsmagic.topology.render import Renderer, svg
from nsmagic.topology.svg import finish

_UP = 0x10043


def star(count: int) -> Snapshot:
    """So many namespaces on one bridge, each with an address and a default route."""
    rooms: list[list[object]] = [["host", 1]]
    links: list[list[object]] = [["host", 2, "br0", "bridge", _UP, "UP", "02:00:00:00:00:01", 1500]]
    addrs, routes = [["host", 2, "br0", "inet", "10.0.255.254", 16]], []
    for number in range(count):
        ns, address = f"h{number}", f"10.0.{number // 250}.{number % 250 + 1}"
        rooms.append([ns, number + 2])
        links.append(["host", 3 + number, f"veth{number}", "veth", _UP, "UP", "", 1500, "br0", "", "eth0", ns])
        links.append([ns, 3 + count + number, "eth0", "veth", _UP, "UP", "", 1500, "", "", f"veth{number}", "host"])
        addrs.append([ns, 3 + count + number, "eth0", "inet", address, 16])
        routes.append([ns, "inet", "default", "10.0.255.254", "eth0"])
    return Snapshot.from_data({"namespaces": rooms, "links": links, "addrs": addrs, "routes": routes})


def mesh(count: int) -> Snapshot:
    """So many namespaces, a cable from each to each."""
    links = [
        [f"h{a}", b + 2, f"to-{b}", "veth", _UP, "UP", "", 1500, "", "", f"to-{a}", f"h{b}"]
        for a in range(count)
        for b in range(count)
        if a != b
    ]
    return Snapshot.from_data({"namespaces": [["host"], *([f"h{at}"] for at in range(count))], "links": links})


def measured(data: dict[str, list[list[object]]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each part, in shuffled rounds."""
    graph = build(Snapshot.from_data(data))
    found = source(graph)
    with Renderer() as kept:
        drawn = kept.svg(found.text, found.engine)
        subjects: dict[str, Callable[[], object]] = {
            "snapshot to graph": lambda: build(Snapshot.from_data(data)),
            "graph to DOT": lambda: source(graph),
            "Graphviz alone": lambda: svg(found.text, found.engine),
            "Graphviz kept running": lambda: kept.svg(found.text, found.engine),
            "SVG for people": lambda: finish(drawn),
            "all of it": lambda: finish(svg(source(build(Snapshot.from_data(data))).text, found.engine)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(rounds):
            for name in random.sample(list(subjects), len(subjects)):
                began = time.perf_counter()
                subjects[name]()
                seconds[name].append(time.perf_counter() - began)
    return seconds


def main(rounds: int = 9) -> None:
    """Print a table for each kind of lab: median milliseconds, and the ratio to Graphviz alone (median of the rounds)."""
    for title, snapshot in {
        "10 on a bridge": star(10), "100 on a bridge": star(100), "500 on a bridge": star(500), "full mesh of 30": mesh(30),
    }.items():  # fmt: skip
        seconds = measured(snapshot.to_data(), rounds)
        print(f"{title}\n{'':26}{'median ms':>10}{'of Graphviz alone':>20}")
        for name, times in seconds.items():
            ratios = [mine / alone for mine, alone in zip(times, seconds["Graphviz alone"], strict=True)]
            print(f"  {name:24}{statistics.median(times) * 1000:10.1f}{statistics.median(ratios):20.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
