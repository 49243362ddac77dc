"""What everybody can read: one title, ordered headings, alternative texts, links that lead somewhere and say where; nothing without its output."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.notebooks.reading import FOLDER, Cell, cells, notebooks

EACH = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
#: Words that tell nobody where a link leads.
EMPTY = {"here", "this", "link", "click here", "more", "this page", "next"}


def prose(path: Path) -> str:
    """The Markdown of a notebook, without fenced blocks."""
    text = "\n\n".join(cell.source for cell in cells(path) if cell.kind == "markdown")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_there_are_twelve() -> None:
    assert [path.stem[:2] for path in notebooks()] == [f"{number:02}" for number in range(12)]


@EACH
def test_headings_are_in_order(path: Path) -> None:
    levels = [len(found[1]) for found in re.finditer(r"^(#+) \S", prose(path), flags=re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(second <= first + 1 for first, second in pairwise(levels))


@EACH
def test_links_lead_somewhere_and_say_where(path: Path) -> None:
    links = re.findall(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", prose(path))
    assert links, "a notebook says where to go next"
    for words, target in links:
        assert words.strip().lower() not in EMPTY
        assert len(words.strip()) > 2
        if not target.startswith("https://"):
            assert (FOLDER / target.partition("#")[0]).exists(), target


@EACH
def test_pictures_have_an_alternative_text(path: Path) -> None:
    for alternative, _ in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", prose(path)):
        assert len(alternative) > 10
    raw = path.read_text()
    assert raw.count("<img ") == len(re.findall(r'<img alt=\\"[^"\\]{20,}', raw))


@EACH
def test_every_cell_has_run_and_nothing_failed_unexpectedly(path: Path) -> None:
    for cell in cells(path):
        if cell.kind == "code":
            assert ("error" in cell.types) == ("raises-exception" in cell.tags), cell.number
            assert cell.output or silent(cell), f"cell {cell.number} shows nothing"


def silent(cell: Cell) -> bool:
    """Cells that say nothing by their nature: the extension, a capture in the background, an empty cell for the learner, ``--out``, ``--quiet``."""
    first = cell.source.splitlines()[0]
    return (
        first == "%load_ext nsmagic"
        or "--bg" in first
        or "--out" in first
        or "--quiet" in first
        or cell.source.startswith("%%netns\n#")
    )


@EACH
def test_it_is_a_lesson(path: Path) -> None:
    """A live picture, questions before the surprise, questions at the end. (The tour is no lesson, and the capstone asks by itself.)"""
    text = prose(path)
    number = int(path.stem[:2])
    assert any(cell.source.startswith("%topology") for cell in cells(path))
    if 1 <= number <= 8:
        assert "**Predict first:**" in text
    if number >= 1:
        (questions,) = re.findall(r"^## Check yourself\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
        asked, _, answered = questions.partition("<summary>Answers</summary>")
        count = len(re.findall(r"^\d+\. ", asked, flags=re.MULTILINE))
        assert count >= 2
        assert count == len(re.findall(r"^\d+\. ", answered, flags=re.MULTILINE))
