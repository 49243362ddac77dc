"""Snapshot: links, addresses, routes and neighbours of every namespace, read by us from outside and by others inside one lab.

All read the same kernel objects: the lab is built once, and the floor and the peers run as programs of it.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from nsmagic import Lab, tables
from tests.benchmarks import ours, place, rounds
from tests.benchmarks.place import Absent, Failed
from tests.benchmarks.rounds import Record, Subject

FLOOR = "C floor, kept sockets"
FRAMES = "nsmagic, four DataFrames"
CHANGED = "nsmagic, one namespace changed"
IP_FRAMES = "ip -j loop to DataFrames"
TABLES = ("links", "addrs", "routes", "neighbours")


def record(count: int, plan_rounds: int, peers: Mapping[str, int], budget: float, say: Callable[[str], None]) -> Record:
    """The rounds; ``peers`` are names of ``PEERS`` with the number of rounds each gets."""
    with ours.built(count) as lab:
        frames(lab)  # pandas is loaded, as it is in a notebook that has shown a table
        _quiet(lab)
        floor = shlex.quote(place.floor())
        subjects = [
            Subject(FLOOR, lambda: _floor(lab, floor)),
            Subject(FRAMES, lambda: _timed(lambda: frames(lab))),
            Subject("nsmagic, snapshot only", lambda: _timed(lambda: lab.snapshot(*TABLES))),
            Subject(
                "nsmagic, lab.links … one by one",
                lambda: _timed(lambda: (lab.links, lab.addrs, lab.routes, lab.neighbours)),
            ),
            Subject(CHANGED, lambda: _after_change(lab, count)),
        ]
        subjects += [Subject(name, _peer(lab, PEERS[name]), rounds=few) for name, few in peers.items()]
        return rounds.run(f"snapshot N = {count}", subjects, plan_rounds, budget=budget, say=say)


def frames(lab: Lab) -> list[object]:
    """One read of everything, made into the four tables."""
    snapshot = lab.snapshot("namespaces", *TABLES)
    return [tables.of(table, snapshot, all=True) for table in TABLES]


def _timed(what: Callable[[], object]) -> Mapping[str, float]:
    """The median of three in a row, as the floor's."""
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        what()
        spent.append(time.perf_counter() - began)
    return {"seconds": sorted(spent)[1]}


def _after_change(lab: Lab, count: int) -> Mapping[str, float]:
    spent = []
    for number in range(3):
        at = number * 7 % count
        lab.run(f"ip -n h{at} link set eth0 mtu {1400 + number}", changes=False).check()
        began = time.perf_counter()
        frames(lab)
        spent.append(time.perf_counter() - began)
        lab.run(f"ip -n h{at} link set eth0 mtu 1500", changes=False).check()
        frames(lab)
    return {"seconds": sorted(spent)[1]}


def _inside(lab: Lab, command: str) -> Mapping[str, float]:
    """A program of the lab, with the folder of the benchmarks as its own; its last line is JSON."""
    result = lab.run(command)
    if not result.ok:
        raise Failed(str(result.errors[0]).splitlines()[0])
    answer: dict[str, float] = json.loads(result.text.strip().splitlines()[-1])
    return answer


def _floor(lab: Lab, floor: str) -> Mapping[str, float]:
    answer = dict(_inside(lab, f"{floor} snap 3"))
    answer["seconds"] = sorted(answer["seconds"])[1]  # type: ignore[call-overload]
    return answer


def _peer(lab: Lab, way: str) -> Callable[[], Mapping[str, float]]:
    def run() -> Mapping[str, float]:
        if way == "plotnetcfg":
            _bring("plotnetcfg")
        script = place.folder() / "readers.py"
        shutil.copyfile(place.HERE / "readers.py", script)
        return _inside(lab, f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {shlex.quote(way)}")

    return run


def _bring(name: str) -> None:
    """A program of the machine into the folder that the lab sees."""
    there, path = place.folder() / name, shutil.which(name, path=place.environment()["PATH"])
    if path is None:
        raise Absent(f"{name} is not installed (run.py --install-peers)")
    if not there.exists():
        shutil.copy2(path, there)


def _quiet(lab: Lab, limit: float = 8.0) -> None:
    """Wait until the flood of neighbour discovery that follows a build is over, or for ``limit`` seconds."""
    end = time.monotonic() + limit
    before = _softirqs()
    while time.monotonic() < end:
        time.sleep(0.3)
        now = _softirqs()
        if now - before < 300:
            return
        before = now


def _softirqs() -> int:
    for line in Path("/proc/softirqs").read_text().splitlines():
        if line.strip().startswith("NET_RX"):
            return sum(map(int, line.split()[1:]))
    return 0


#: Peers → their way in ``readers.py``.
PEERS = {
    IP_FRAMES: "frames",
    "ip -j loop, parsed as JSON": "json",
    "ip -all netns exec ip -j": "at once",
    "pyroute2, as documented": "pyroute2",
    "plotnetcfg -f json": "plotnetcfg",
}
