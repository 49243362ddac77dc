"""``nsmagic grade``: the right marks for good, wrong, empty and hostile submissions, and the machine unharmed."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from nsmagic import cli
from nsmagic.course import tasks
from nsmagic.course.grading import marks

SEED = 11
CABLE = tasks.answers("cable", SEED)[0].commands
ADDRESSES = tasks.answers("addresses", SEED)[0].commands


def notebook(*cells: tuple[str, str], **metadata: Any) -> dict[str, Any]:
    """A notebook of code cells ``(id, source)``."""
    return {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [
            {"cell_type": "code", "id": name, "source": source, "metadata": metadata.get(name, {}), "outputs": [], "execution_count": None}
            for name, source in cells
        ],
    }  # fmt: skip


#: The teacher's: two tasks, and a check of the teacher's own in Python, locked.
TEACHER = notebook(
    ("load", "%load_ext nsmagic"),
    ("cable", "%%task cable\n# YOUR CODE HERE\nraise NotImplementedError()"),
    ("begin", "%task addresses"),
    ("answer", "# YOUR CODE HERE"),
    ("check", "%check addresses"),
    ("own", "assert lab['red'].links.ifname.tolist() == ['lo', 'veth-red'], 'red has other interfaces'"),
    check={"points": 2},
    own={"nbgrader": {"grade": True, "locked": True, "solution": False, "points": 1, "grade_id": "own"}},
)


def submission(to_cable: str, answer: str, *more: tuple[str, str], **changed: str) -> dict[str, Any]:
    """A student's copy: the two answers, cells added at the end, and cells of the teacher's that were changed."""
    cells = [(cell["id"], cell["source"]) for cell in TEACHER["cells"]]
    texts = {"cable": "%%task cable\n" + to_cable, "answer": answer, **changed}
    return notebook(*((name, texts.get(name, source)) for name, source in cells), *more)


def netns(commands: str) -> str:
    return "%%netns\n" + commands


GOOD = submission(CABLE, netns(ADDRESSES))
_BOMB = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
_LIE = (
    "from nsmagic.course import practice, checks\n"
    "practice.Report.ok = property(lambda self: True)\nfor name in list(checks.KINDS): checks.KINDS[name] = lambda lab, **x: 'fine'\n"
    "practice.check = lambda *a, **k: None\nget_ipython().register_magic_function(lambda line: 'all well', 'line', 'check')"
)
_READ = """
import glob, os, sys, nsmagic
found = []
where = os.path.dirname(nsmagic.__file__)
found += glob.glob(where + "/course/solutions/*")
for top in ("/root", "/home", "/work", "/tmp", "/var", "/mnt"):
    for folder, _, files in os.walk(top):
        found += [f"{folder}/{name}" for name in files if name.endswith(".ipynb") and "site-packages" not in folder]
found += [pid for pid in os.listdir("/proc") if pid.isdigit() and "supervisor" in open(f"/proc/{pid}/cmdline").read()]
open("/student/found", "w").write(repr(found))
assert not found, found
import socket
reached = []
for address in (("192.0.2.1", 9), ("127.0.0.1", 22)):
    try:
        socket.create_connection(address, 1).close()
        reached.append(address)
    except OSError:
        pass
assert not reached, reached
"""
#: Name → (the submission, points of four, what its note says).
HOSTILE: dict[str, tuple[dict[str, Any], float, str]] = {
    "loop": (submission(CABLE, "while True: pass"), 2.0, "a cell took too long"),
    "stubborn": (
        submission(CABLE, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"),
        2.0,
        "its kernel was ended",
    ),
    "bomb": (submission(CABLE, _BOMB), 2.0, ""),
    "shell-bomb": (submission(CABLE, "!bash -c ':(){ :|:& };:'"), 2.0, ""),
    "much": (submission(CABLE, "for n in range(1000): print('x' * (1 << 20))"), 2.0, "."),
    "much-at-once": (submission(CABLE, "print('x' * (1 << 30))"), 2.0, ""),
    "much-in-lab": (submission(CABLE, netns("yes" + "\n" + ADDRESSES)), 4.0, ""),
    "remove": (submission(CABLE, "!rm -rf ~ / 2>/dev/null", ("more", netns(ADDRESSES))), 2.0, ""),
    "remove-then": (submission("rm -rf ~ /root /student 2>/dev/null\n" + CABLE, netns(ADDRESSES)), 4.0, ""),
    "lie": (submission("", _LIE, check="print('all well')", own="pass"), 1.0, ""),
    "read": (
        submission(CABLE, _READ + "\nget_ipython().run_cell_magic('netns', '', '''" + ADDRESSES + "''')"),
        4.0,
        "",
    ),
    "exit": (submission(CABLE, "import os\nos._exit(0)"), 2.0, "its kernel died"),
    "kill": (submission(CABLE, "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), 9)"), 2.0, ""),
    "memory": (submission(CABLE, "x = []\nwhile True: x.append(bytearray(50 << 20))"), 2.0, ""),
    "other-task": (submission("", "pass", cable="%%task two-rooms\nip netns add red\nip netns add blue"), 1.0, ""),
    "close": (submission(CABLE, "%lab reset"), 1.0, ""),
}
BOUNDS = marks.Bounds(time=60, cell_time=6, memory=1500, processes=96)


def graded(folder: Path, submissions: dict[str, Any], bounds: marks.Bounds = BOUNDS) -> dict[str, marks.Mark]:
    (folder / "teacher").mkdir()
    (folder / "in").mkdir()
    teacher = folder / "teacher" / "ps1.ipynb"
    teacher.write_text(json.dumps(TEACHER))
    paths = []
    for name, data in submissions.items():
        path = folder / "in" / f"{name}.ipynb"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        paths.append(path)
    found = marks.grade(paths, teacher, seeds=dict.fromkeys(submissions, SEED), bounds=bounds)
    return {mark.name: mark for mark in found}


@pytest.mark.sandbox
@pytest.mark.parametrize("names", [["bomb", "remove", "lie"]])
def test_a_handful(names: list[str], tmp_path: Path) -> None:
    found = graded(tmp_path, {"good": GOOD, **{name: HOSTILE[name][0] for name in names}})
    assert found["good"].points == found["good"].of == 4.0, found["good"]
    assert found["good"].notes == []
    for name in names:
        assert found[name].points == HOSTILE[name][1], found[name]
        assert re.search(HOSTILE[name][2], "; ".join(found[name].notes)), found[name]
    assert len(list((tmp_path / "in").iterdir())) == len(names) + 1


@pytest.mark.sandbox
def test_as_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command line, with seeds: one who copied from another has wrong addresses, and outputs that are not his own."""
    teacher, ann, bob = (tmp_path / f"{name}.ipynb" for name in ("teacher", "ann", "bob"))
    teacher.write_text(json.dumps(notebook(("load", "%load_ext nsmagic"), ("t", "%%task addresses\n"), ("links", ""))))
    answer = notebook(
        ("load", "%load_ext nsmagic"),
        ("t", "%%task addresses\n" + tasks.answers("addresses", 3)[0].commands),
        ("links", "%links"),
    )
    for path in (ann, bob):
        path.write_text(json.dumps(answer))
    (tmp_path / "seeds.csv").write_text("name,seed\nann,3\nbob,4\n")
    common = ["--teacher", str(teacher), "--seeds", str(tmp_path / "seeds.csv")]
    assert cli.main(["grade", str(ann), str(bob), *common, "--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert (found["ann"]["points"], found["bob"]["points"]) == (1.0, 0.0)
    assert found["bob"]["checks"][0]["missing"] == [
        f"red does not have the address {tasks.net_of('addresses', 4)}.1",
        f"blue does not have the address {tasks.net_of('addresses', 4)}.2",
    ]
    assert found["ann"]["notes"] == found["bob"]["notes"] == []


@pytest.mark.heavy
@pytest.mark.sandbox
def test_thirty_copies(tmp_path: Path) -> None:
    """Run by: ``pytest -m heavy tests/course/test_grading.py`` (some four minutes)."""
    from tests import machine

    before = machine.observe()
    whole = {path: path.read_bytes() for path in tasks.SOLUTIONS.glob("*.toml")}
    submissions: dict[str, Any] = {name: data for name, (data, _, _) in HOSTILE.items()}
    expected = {name: points for name, (_, points, _) in HOSTILE.items()}
    for number in range(5):
        submissions[f"good-{number}"], expected[f"good-{number}"] = GOOD, 4.0
    for number, (cable, answer, points) in enumerate(
        [
            (CABLE, netns(ADDRESSES.replace("/24", "")), 2.0),
            ("ip link add veth-red type veth peer name veth-blue", netns(ADDRESSES), 3.0),
            ("ip link add veth-red netns red type veth peer name veth-blue", netns(ADDRESSES), 3.0 + 1 / 3),
            (CABLE, netns(tasks.answers("addresses", SEED + 1)[0].commands), 2.0),
            (CABLE, "this is no Python", 2.0),
        ]
    ):
        submissions[f"wrong-{number}"], expected[f"wrong-{number}"] = submission(cable, answer), points
    submissions["untouched"], expected["untouched"] = TEACHER, 1.0
    submissions["no-cells"], expected["no-cells"] = notebook(), 0.0
    submissions["empty-file"], expected["empty-file"] = "", 0.0
    submissions["no-notebook"], expected["no-notebook"] = json.dumps([1, 2]), 0.0
    submissions["twice"], expected["twice"] = notebook(*[(c["id"], c["source"]) for c in GOOD["cells"]] * 2), 4.0
    assert len(submissions) >= 30
    found = graded(tmp_path, submissions)
    wrong = {
        name: (mark.points, expected[name], mark.notes, mark.checks)
        for name, mark in found.items()
        if abs(mark.points - expected[name]) > 0.01
    }
    assert wrong == {}
    notes = {name: "; ".join(found[name].notes) for name in HOSTILE}
    assert {name: said for name, said in notes.items() if not re.search(HOSTILE[name][2], said)} == {}
    # The machine is as it was: its network and mounts, the solutions, the submissions, other processes of ours.
    assert machine.differences(before, machine.observe()) == []
    assert {path: path.read_bytes() for path in whole} == whole
    assert len(list((tmp_path / "in").iterdir())) == len(submissions)
    table = list(csv.DictReader(io.StringIO(marks.as_csv(list(found.values())))))
    assert [row["points"] for row in table if row["name"].startswith("good")] == ["4"] * 5
