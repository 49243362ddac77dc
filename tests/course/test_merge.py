"""Which cells of a submission are run, and how marks are written down."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from nsmagic import NsmagicError
from nsmagic.course.grading import marks, merge


def cell(name: str, source: str | list[str], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": name, "source": source, "metadata": metadata}


def steps(teacher: list[dict[str, Any]], student: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(step.source, step.check) for step in merge.steps({"cells": teacher}, {"cells": student})]


LOCKED = {"nbgrader": {"locked": True, "solution": False, "grade": False, "grade_id": "lock"}}
TEST = {"nbgrader": {"locked": True, "solution": False, "grade": True, "grade_id": "test", "points": 3}}
ANSWER = {"nbgrader": {"locked": False, "solution": True, "grade": False, "grade_id": "answer"}}


def test_nbgraders_marks_count_and_its_ids_match() -> None:
    teacher = [cell("1", "setup", **LOCKED), cell("2", "stub", **ANSWER), cell("3", "assert lab", **TEST)]
    student = [cell("x", "mine", **LOCKED), cell("y", ["an", "swer"], **ANSWER), cell("z", "pass", **TEST)]
    assert steps(teacher, student) == [("setup", False), ("answer", False), ("assert lab", True)]
    (check,) = [step for step in merge.steps({"cells": teacher}, {"cells": student}) if step.check]
    assert (check.points, check.name) == (3.0, "test")


def test_tags() -> None:
    teacher = [cell("a", "setup", tags=["locked"]), cell("b", "assert 1", tags=["check"])]
    assert steps(teacher, [cell("a", "x"), cell("b", "y")]) == [("setup", False), ("assert 1", True)]


def test_cells_added_stand_where_the_student_put_them() -> None:
    teacher = [cell("a", "A"), cell("b", "%check cable")]
    student = [
        cell("p", "first"),
        cell("a", "mine"),
        cell("q", "between"),
        cell("b", "%check two-rooms"),
        cell("r", "last"),
    ]
    assert steps(teacher, student) == [
        ("first", False), ("mine", False), ("between", False), ("%check cable", True), ("last", False),
    ]  # fmt: skip


def test_what_is_missing_counts_for_nothing_and_a_second_copy_neither() -> None:
    teacher = [cell("a", "# YOUR CODE HERE"), cell("b", "%check cable")]
    assert steps(teacher, []) == [("", False), ("%check cable", True)]
    assert steps(teacher, [cell("a", "one"), cell("a", "two")]) == [("one", False), ("%check cable", True)]


def test_the_first_line_of_a_task_is_the_teachers() -> None:
    teacher = [cell("t", "%%task cable --seed 3\nstub")]
    assert steps(teacher, [cell("t", "%%task two-rooms\nip link")]) == [
        ("%%task cable --seed 3\nip link", False), ("%check cable --seed 3", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"), ("[" * 100000, "no JSON"), ("[]", "format 4"), ('{"cells": {}}', "format 4"), ('{"cells": [1]}', "format 4"),
        ('{"cells": [{"source": 3}]}', "format 4"), ('{"cells": [{"metadata": []}]}', "format 4"),
    ],
)  # fmt: skip
def test_files_that_are_no_notebooks(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(NsmagicError, match=words):
        marks.read(path)
    with pytest.raises(NsmagicError, match="No such file"):
        marks.read(tmp_path / "no")


def test_tables() -> None:
    one = marks.Mark(
        "=cmd()", 3, [marks.CheckMark("cable", 0.5, 1.0, ("x",)), marks.CheckMark("own", 2.0, 2.0)], ["a, b"]
    )
    (row,) = csv.DictReader(io.StringIO(marks.as_csv([one])))
    assert row == {
        "name": "'=cmd()",
        "seed": "3",
        "points": "2.5",
        "of": "3",
        "cable": "0.5",
        "own": "2",
        "notes": "a, b",
    }
    (data,) = json.loads(marks.as_json([one]))
    assert (data["points"], data["checks"][0]["missing"]) == (2.5, ["x"])
    assert "2.5 of 3" in marks.as_text([one])


def test_copied_outputs_show() -> None:
    ann, bob = marks.Mark("ann", macs={"02:00:00:00:00:01"}), marks.Mark("bob", macs={"02:00:00:00:00:02"})
    marks._compare([ann, bob], [{"02:00:00:00:00:01"}, {"02:00:00:00:00:01", "00:00:00:00:00:00"}])
    assert ann.notes == []
    assert bob.notes == ["stored outputs are of another seed, as those of ann"]
