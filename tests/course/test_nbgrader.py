"""Real nbgrader: generates an assignment from cells of ours, autogrades two submissions, and returns feedback.

nbgrader brings extensions of JupyterLab along, which the browser tests must not meet, so it gets an environment of its own: the one that
``NSMAGIC_NBGRADER`` names (its Python), else one made for the test. Run by: ``pytest -m heavy tests/course/test_nbgrader.py``.
"""

from __future__ import annotations

import csv
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

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "net"
c.CourseDirectory.root = {root!r}
c.Exchange.root = {exchange!r}
c.ExecutePreprocessor.timeout = 120
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has nbgrader and what nsmagic needs."""
    if os.environ.get("NSMAGIC_NBGRADER"):
        return os.environ["NSMAGIC_NBGRADER"]
    folder = tmp_path_factory.mktemp("nbgrader") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    needed = ["nbgrader>=0.9", "ipykernel", "pandas>=2.2", "pyroute2>=0.9.5,<0.10", "graphviz>=0.20.3"]
    subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *needed], check=True, timeout=1500)
    return str(folder / "bin" / "python")


def cell(name: str, source: str, **marks: Any) -> dict[str, Any]:
    mark = {
        "grade": False,
        "locked": False,
        "schema_version": 3,
        "solution": False,
        "task": False,
        "grade_id": name,
        **marks,
    }
    return {
        "cell_type": "code", "id": name, "source": source, "execution_count": None, "outputs": [],
        "metadata": {"nbgrader": mark} if marks else {},
    }  # fmt: skip


def assignment() -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "cells": [
            cell("load", "%load_ext nsmagic"),
            cell("begin", "%task cable", locked=True),
            cell("answer", f"%%netns\n### BEGIN SOLUTION\n{SOLUTION}\n### END SOLUTION", solution=True),
            cell(
                "test", "from nsmagic import course\ncourse.check('cable').check()", grade=True, locked=True, points=4
            ),
        ],
    }


@pytest.mark.heavy
@pytest.mark.sandbox
def test_one_assignment(python: str, tmp_path: Path) -> None:
    course, exchange = tmp_path / "course", tmp_path / "exchange"
    source = course / "source" / "ps1"
    source.mkdir(parents=True)
    exchange.mkdir()
    exchange.chmod(0o777)
    (source / "p1.ipynb").write_text(json.dumps(assignment()))
    (course / "nbgrader_config.py").write_text(CONFIG.format(root=str(course), exchange=str(exchange)))

    def nbgrader(*words: str) -> str:
        done = subprocess.run(
            [python, "-m", "nbgrader", *words], cwd=course, capture_output=True, text=True, timeout=300,
            env={
                **os.environ, "PYTHONPATH": str(TOP), "HOME": str(tmp_path), "PATH": f"{Path(python).parent}:{os.environ['PATH']}",
                "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "USER": "teacher",
            },
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    nbgrader("generate_assignment", "ps1")
    released = json.loads((course / "release" / "ps1" / "p1.ipynb").read_text())
    stub = next(each for each in released["cells"] if each["metadata"].get("nbgrader", {}).get("grade_id") == "answer")
    text = "".join(stub["source"])
    assert text == "%%netns\n# YOUR CODE HERE\nraise NotImplementedError()"
    for name, answer in (("ann", f"%%netns\n{SOLUTION}"), ("bob", text)):
        folder = course / "submitted" / name / "ps1"
        folder.mkdir(parents=True)
        stub["source"] = answer
        (folder / "p1.ipynb").write_text(json.dumps(released))
        # As submitting and collecting write them.
        (folder / "timestamp.txt").write_text("2026-01-01 12:00:00.000000 UTC")
        (folder / "submission_secret.txt").write_text(f"secret of {name}")
    nbgrader("autograde", "ps1")
    graded = (course / "autograded" / "bob" / "ps1" / "p1.ipynb").read_text()
    assert "not done yet: this cell still has its stub" in graded
    assert "no cable leads from red to blue" in graded
    nbgrader("generate_feedback", "ps1")
    assert "no cable leads from red to blue" in (course / "feedback" / "bob" / "ps1" / "p1.html").read_text()
    assert (course / "feedback" / "ann" / "ps1" / "p1.html").is_file()
    nbgrader("release_feedback", "ps1")
    assert len(list((exchange / "net" / "feedback").glob("*.html"))) == 2
    nbgrader("export")
    with (course / "grades.csv").open(newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"ann": 4.0, "bob": 0.0}
