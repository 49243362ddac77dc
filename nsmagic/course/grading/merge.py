"""Which cells of a submission are run, and which of the teacher's: pure, on notebooks as plain data.

The teacher's copy leads. A cell of it is *locked* (nbgrader's ``locked``, or the tag ``locked``), a *check* (nbgrader's ``grade`` without
``solution``, a cell with ``%check``, or the tag ``check``), or an *answer*: the student's cell of the same id is run in its place. Cells that
the student added run where they stand. A student's locked cell or check is never run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CHECK = re.compile(r"^\s*%check\b", re.MULTILINE)
_TASK = re.compile(r"^\s*%%task\s+([^\s-]\S*)(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A cell to be run in the student's kernel, or a check to be made outside of it. ``points`` is what a check is worth."""

    source: str
    check: bool = False
    points: float = 1.0
    name: str = ""


def source(cell: Mapping[str, Any]) -> str:
    """A cell's text, which a file may hold as lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def identity(cell: Mapping[str, Any]) -> str:
    """What a cell is known by in both copies: nbgrader's id, else the notebook's own."""
    return str(_nbgrader(cell).get("grade_id") or cell.get("id") or "")


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = cell.get("metadata", {}).get("nbgrader", {})
    return found


def _tags(cell: Mapping[str, Any]) -> Sequence[str]:
    tags: Sequence[str] = cell.get("metadata", {}).get("tags", ())
    return tags


def is_check(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of the teacher's is a check.

    >>> is_check({"source": "%check cable"}), is_check({"source": "x = 1"})
    (True, False)
    """
    mark = _nbgrader(cell)
    return bool(
        (mark.get("grade") and not mark.get("solution")) or "check" in _tags(cell) or _CHECK.search(source(cell))
    )


def is_locked(cell: Mapping[str, Any]) -> bool:
    """Whether the teacher's text of a cell is run whatever the student has made of it."""
    mark = _nbgrader(cell)
    return bool((mark.get("locked") and not mark.get("solution")) or "locked" in _tags(cell))


def steps(teacher: Mapping[str, Any], student: Mapping[str, Any]) -> list[Step]:
    """What is run and checked of a submission, in order.

    >>> one = {"cells": [{"cell_type": "code", "id": "a", "source": "# YOUR CODE HERE"},
    ...                  {"cell_type": "code", "id": "b", "source": "%check cable"}]}
    >>> two = {"cells": [{"cell_type": "code", "id": "a", "source": "ip link"},
    ...                  {"cell_type": "code", "id": "b", "source": "print('all well')"}]}
    >>> [(step.source, step.check) for step in steps(one, two)]
    [('ip link', False), ('%check cable', True)]
    """
    theirs = [cell for cell in student["cells"] if cell.get("cell_type") == "code"]
    ours = [cell for cell in teacher["cells"] if cell.get("cell_type") == "code"]
    known = {identity(cell) for cell in ours} - {""}
    answers: dict[str, str] = {}
    added: dict[str, list[str]] = {}
    last = ""
    for cell in theirs:
        name = identity(cell)
        if name in known:
            # The first counts: a copy pasted below must not take its place.
            answers.setdefault(name, source(cell))
            last = name
        else:
            added.setdefault(last, []).append(source(cell))
    found = [Step(text) for text in added.get("", ())]
    for cell in ours:
        found += _steps_of(cell, answers)
        found += [Step(text) for text in added.get(identity(cell), ())]
    return found


def _steps_of(cell: Mapping[str, Any], answers: Mapping[str, str]) -> list[Step]:
    name, text = identity(cell), source(cell)
    points = float(_nbgrader(cell).get("points") or cell.get("metadata", {}).get("points") or 1)
    if is_check(cell):
        return [Step(text, True, points, name)]
    if is_locked(cell):
        return [Step(text)]
    task = _TASK.match(text)
    if task is None:
        return [Step(answers.get(name, ""))]
    # The first line says which task it is, and that is the teacher's word. What came of it is looked at outside.
    body = answers.get(name, text).partition("\n")[2]
    return [
        Step(f"{text.partition(chr(10))[0]}\n{body}"),
        Step(f"%check {task[1]}{task[2]}", True, points, name or task[1]),
    ]
