"""All figures of the note are run in the notebooks, and show what they must; notebooks/FIGURES.md says where."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.notebooks.figures import FIGURES, Figure, Step, find, page
from tests.notebooks.reading import FOLDER


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.name}, {figure.notebook[:2]}")
def test_each_figure_is_run_and_shows_what_it_must(figure: Figure) -> None:
    assert len(find(figure)) == len(figure.steps)


def test_all_figures_and_the_three_remarks_are_there() -> None:
    names = [figure.name for figure in FIGURES]
    assert {f"nn-{number}" for number in range(1, 26)} <= set(names)
    assert {"remark: the netmask", "remark: the firewall", "remark: and vice versa"} <= set(names)


def test_they_come_in_the_order_of_the_note() -> None:
    for first, second in pairwise(FIGURES):
        if first.notebook == second.notebook and first.name.startswith("nn") and second.name.startswith("nn"):
            assert find(first)[0].number <= find(second)[0].number, (first.name, second.name)


def test_the_page_is_up_to_date() -> None:
    assert (FOLDER / "FIGURES.md").read_text() == page(), "python -m tests.notebooks.figures writes it"


def test_a_step_that_is_not_there_is_noticed() -> None:
    (first, *_) = FIGURES
    for wrong in (Step(("%topology",), ("├─ green",), ""), Step(("%nothing",), (), "")):
        with pytest.raises(AssertionError):
            find(Figure("x", "", first.notebook, (wrong,)))
