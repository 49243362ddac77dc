"""Pictures: a lab read, described in DOT and drawn, beside Graphviz alone on the same DOT; and a graph as dense as they come."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping

from nsmagic import Lab
from nsmagic.topology import render
from nsmagic.topology.picture import Topology
from tests.benchmarks import ours, place, rounds
from tests.benchmarks.place import Absent
from tests.benchmarks.rounds import Record, Subject

OURS = "nsmagic: snapshot, DOT, SVG"
ALONE = "Graphviz alone, the same DOT"


def renderer() -> str:
    """Which Graphviz draws here: the one that nsmagic would take, else the machine's own.

    Raises
    ------
    Absent
        There is none.
    """
    chosen = os.environ.get("NSMAGIC_GRAPHVIZ") or "bundled"
    try:
        render.svg("graph { a }", which=chosen)
    except render.RenderError as error:
        if shutil.which("dot") is None:
            raise Absent(str(error)) from None
        return "path"
    return chosen


def house(count: int, plan_rounds: int, say: Callable[[str], None]) -> Record:
    """A lab of one bridge: everything that ``%topology`` does, and what Graphviz takes of it."""
    which = renderer()
    with ours.built(count) as lab:
        picture = _drawn(lab, which)
        text, engine = picture.dot(), picture._source.engine

        def alone() -> Mapping[str, float]:
            return _timed(lambda: render.svg(text, engine, which=which))

        subjects = [
            Subject(OURS, lambda: _timed(lambda: _shown(lab, which))),
            Subject(ALONE, alone),
            Subject("nsmagic: snapshot and DOT", lambda: _timed(lambda: _drawn(lab, which).dot())),
            Subject("nsmagic: the text drawing", lambda: _timed(lambda: str(_drawn(lab, which)))),
            Subject("dot -Tsvg of the machine", lambda: _timed(lambda: _dot(text, engine))),
        ]
        return rounds.run(
            f"picture N = {count}, drawn by the {which} Graphviz ({engine})", subjects, plan_rounds, say=say
        )


def mesh(count: int, plan_rounds: int, say: Callable[[str], None]) -> Record:
    """A cable from each namespace to each other one."""
    which = renderer()
    lines = [f"ip netns add h{number}" for number in range(count)]
    for one, other in itertools.combinations(range(count), 2):
        lines.append(f"ip -n h{one} link add to{other} type veth peer name to{one} netns h{other}")
        lines.append(f"ip -n h{one} link set to{other} up")
        lines.append(f"ip -n h{other} link set to{one} up")
    with Lab() as lab:
        lab.run("\n".join(lines), changes=False).check()
        _drawn(lab, which)
        subject = Subject(OURS, lambda: _timed(lambda: _shown(lab, which)))
        return rounds.run(f"full mesh of {count}", [subject], plan_rounds, say=say)


def _drawn(lab: Lab, which: str) -> Topology:
    picture = lab.topology()
    picture._renderer = which
    return picture


def _shown(lab: Lab, which: str) -> str:
    """As ``%topology`` does it."""
    return Topology.at_once(lambda: _drawn(lab, which), which).svg()


def _timed(what: Callable[[], object]) -> Mapping[str, float]:
    began = time.perf_counter()
    what()
    return {"seconds": time.perf_counter() - began}


def _dot(text: str, engine: str) -> None:
    program = shutil.which("dot")
    if program is None:
        raise Absent("no dot on the PATH")
    subprocess.run(
        [program, f"-K{engine}", "-Tsvg"], input=text.encode(), stdout=subprocess.DEVNULL, check=True, timeout=60,
        env=place.environment(),
    )  # fmt: skip
