"""The capstone: nothing is reached in the beginning, everything with the solution that it shows."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Notebook
from tests.notebooks.reading import FOLDER, cells

CELLS = cells(FOLDER / "09-the-whole-house.ipynb")
(CHECK,) = [cell for cell in CELLS if cell.source.startswith("goals = ")]


def test_as_it_comes_nothing_is_reached() -> None:
    lines = CHECK.output.splitlines()
    assert len(lines) == 7
    assert all(line.startswith("not yet") for line in lines)


@pytest.mark.sandbox
def test_the_solution_reaches_all_and_a_part_of_it_a_part(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    prose = "\n".join(cell.source for cell in CELLS if cell.kind == "markdown")
    server, solution = re.findall(r"^```text\n(%%netns.*?)^```$", prose, flags=re.MULTILINE | re.DOTALL)
    assert notebook.cell("%lab world home-lan").ok
    assert notebook.cell(solution).ok
    assert notebook.cell(server).ok
    assert notebook.cell(CHECK.source).out.count("reached  ") == 7
    # What the answers say: without the rule that forwards the port, the page is lost and nothing else.
    assert notebook.cell("%netns iptables -t nat -F PREROUTING").ok
    said = notebook.cell(CHECK.source).out.splitlines()
    assert [line for line in said if not line.startswith("reached")] == [
        "not yet  the PC gets blue's page from the host"
    ]
