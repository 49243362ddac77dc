"""Bad input, tried one by one on a live lab: what is seen is what ``table.txt`` says, and nothing is changed by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input import reading
from tests.bad_input.reading import Row

pytestmark = pytest.mark.sandbox
ROWS = list(reading.rows(reading.TABLE.read_text()))
IN_LAB = [row for row in ROWS if row.where not in ("In", "$", "py")]


def _id(row: Row) -> str:
    return f"{row.where}> {row.typed}"[:70].replace("\n", " / ")


def _check(row: Row, seen: list[str], ok: bool) -> None:
    assert reading.fits(row, seen), f"seen instead:\n{Row(row.where, row.typed, tuple(seen))}"
    assert not any("Traceback" in line or "internal error" in line for line in seen)
    # A ping that is not answered is a result, and no error.
    assert not ok or row.typed.startswith(("ping", "%netns red ping"))


def test_the_table_is_long_and_says_each_thing_once() -> None:
    assert len(ROWS) >= 150
    assert len({(row.where, row.typed) for row in ROWS}) == len(ROWS)
    assert all(row.seen for row in ROWS)


@pytest.fixture(scope="module")
def scene() -> Iterator[Any]:
    from nsmagic import Lab

    with Lab() as lab:
        lab.run(reading.SCENE).check()
        yield lab


@pytest.mark.parametrize("row", IN_LAB, ids=_id)
def test_in_a_cell(row: Row, scene: Any) -> None:
    before = reading.state(scene)
    seen, ok = reading.in_lab(scene, row)
    _check(row, seen, ok)
    assert reading.state(scene) == before


@pytest.mark.parametrize("row", [row for row in ROWS if row.where == "In"], ids=_id)
def test_in_a_notebook(row: Row, notebook: Any) -> None:
    _check(row, *reading.in_notebook(notebook, row))


@pytest.mark.parametrize("row", [row for row in ROWS if row.where == "$"], ids=_id)
def test_in_a_shell(row: Row, tmp_path: Path) -> None:
    _check(row, *reading.in_shell(row, tmp_path))


@pytest.mark.parametrize("row", [row for row in ROWS if row.where == "py"], ids=_id)
def test_in_python(row: Row) -> None:
    _check(row, *reading.in_python(row))
