"""Real otter-grader: makes an assignment from cells of ours, runs its tests against the solution, and marks two submissions.

It gets an environment of its own, as nbgrader does: the one that ``NSMAGIC_OTTER`` names (its Python), else one made for the test. Run
by: ``pytest -m heavy tests/course/test_otter.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nsmagic.course import tasks

TOP = Path(__file__).resolve().parent.parent.parent
SOLUTION = tasks.answers("cable")[0].commands.strip()
NEEDED = ("otter-grader>=6.1", "ipykernel", "pandas>=2.2", "pyroute2>=0.9.5,<0.10", "graphviz>=0.20.3")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has otter-grader and what nsmagic needs."""
    if os.environ.get("NSMAGIC_OTTER"):
        return os.environ["NSMAGIC_OTTER"]
    folder = tmp_path_factory.mktemp("otter") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *NEEDED], check=True, timeout=1500)
    return str(folder / "bin" / "python")


def assignment() -> dict[str, Any]:
    """A master notebook of Otter Assign: two questions, one of a whole task, one of two plain assert functions."""

    def raw(source: str) -> dict[str, Any]:
        return {"cell_type": "raw", "source": source}

    def code(source: str) -> dict[str, Any]:
        return {"cell_type": "code", "source": source, "execution_count": None, "outputs": []}

    cells = [
        raw("# ASSIGNMENT CONFIG\nname: net\ninit_cell: false\ncheck_all_cell: false\nexport_cell: false"),
        code("%load_ext nsmagic"),
        code("%task cable"),
        raw("# BEGIN QUESTION\nname: cable\npoints: 4"),
        raw("# BEGIN SOLUTION"),
        code(f"%%netns\n# BEGIN SOLUTION\n{SOLUTION}\n# END SOLUTION"),
        raw("# END SOLUTION"),
        raw("# BEGIN TESTS"),
        code("from nsmagic import course\nassert course.check('cable'), course.check('cable').text()"),
        raw("# END TESTS"),
        raw("# END QUESTION"),
        raw("# BEGIN QUESTION\nname: up\npoints: 2"),
        raw("# BEGIN SOLUTION"),
        code(
            "%%netns\n# BEGIN SOLUTION\nip -n red link set veth-red up\nip -n blue link set veth-blue up\n# END SOLUTION"
        ),
        raw("# END SOLUTION"),
        raw("# BEGIN TESTS"),
        code(
            "from nsmagic.course import checks, practice\n"
            "_ = checks.cable(practice.current_lab(), 'red', 'blue')\n"
            "_ = checks.up(practice.current_lab(), 'red', 'veth-red', carrier=True)"
        ),
        raw("# END TESTS"),
        raw("# END QUESTION"),
    ]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "cells": [{"id": f"cell-{number}", "metadata": {}, **each} for number, each in enumerate(cells)],
    }


@pytest.mark.heavy
@pytest.mark.sandbox
def test_one_assignment(python: str, tmp_path: Path) -> None:
    (tmp_path / "net.ipynb").write_text(json.dumps(assignment()))

    def otter(*words: str) -> str:
        done = subprocess.run(
            [python, "-m", "otter", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300,
            env={
                **os.environ, "PYTHONPATH": str(TOP), "HOME": str(tmp_path), "PATH": f"{Path(python).parent}:{os.environ['PATH']}",
                "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            },
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    # It runs the tests against the teacher's solution, too.
    assert "All autograder tests passed" in otter("assign", "-v", "net.ipynb", "dist")
    (archive,) = (tmp_path / "dist" / "autograder").glob("*.zip")
    given = json.loads((tmp_path / "dist" / "student" / "net.ipynb").read_text())
    stubs = [each for each in given["cells"] if "otter_answer_cell" in each["metadata"].get("tags", ())]
    assert ["".join(each["source"]) for each in stubs] == ["%%netns\n..."] * 2
    answers = {
        "ann": [f"%%netns\n{SOLUTION}", "%%netns\nip -n red link set veth-red up\nip -n blue link set veth-blue up"],
        "bob": ["%%netns\n...", "%%netns\n..."],
        "cyd": [f"%%netns\n{SOLUTION}", "%%netns\nip -n red link set veth-red up"],
    }
    marks, said = {}, {}
    for name, texts in answers.items():
        for stub, text in zip(stubs, texts, strict=True):
            stub["source"] = text
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(given))
        (tmp_path / name).mkdir()
        otter("run", "--no-logo", "-a", str(archive), "-o", name, f"{name}.ipynb")
        tests = json.loads((tmp_path / name / "results.json").read_text())["tests"]
        marks[name] = {each["name"]: each["score"] for each in tests if "score" in each}
        said[name] = "\n".join(each["output"] for each in tests)
    assert marks == {"ann": {"cable": 4, "up": 2}, "bob": {"cable": 0, "up": 0}, "cyd": {"cable": 4, "up": 0}}
    assert "no cable leads from red to blue" in said["bob"]
    assert "veth-red" in said["cyd"]
    assert "NotYet" in said["cyd"]
