"""The capstone: nothing is reached in the beginning, everything with the solution that it shows."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Notebook
from tests.notebooks.reading import FOLDER, cells

CELLS = cells(FOLDER / "09-the-whole-house.ipynb")
(CHECK,) = [cell for cell in CELLS if cell.source == "%check capstone"]


def test_as_it_comes_nothing_is_reached() -> None:
    assert CHECK.tags == ("raises-exception",)
    *lines, last = CHECK.output.removeprefix("CheckFailed: ").splitlines()
    assert len(lines) == 6
    assert all(line.startswith("✗ ") for line in lines)
    assert last == "capstone: 0 of 6 points hold"


@pytest.mark.sandbox
def test_the_solution_reaches_all_and_a_part_of_it_a_part(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    prose = "\n".join(cell.source for cell in CELLS if cell.kind == "markdown")
    server, solution = re.findall(r"^```text\n(%%netns.*?)^```$", prose, flags=re.MULTILINE | re.DOTALL)
    assert notebook.cell("%task capstone").ok
    assert notebook.cell(solution).ok
    done = "capstone: all 6 points hold"
    assert done in notebook.cell(CHECK.source).out  # with a server of the check's own for the moment
    assert notebook.cell(server).ok
    assert done in notebook.cell(CHECK.source).out
    # What the answers say: without the rule that forwards the port, the page is lost and nothing else.
    assert notebook.cell("%netns iptables -t nat -F PREROUTING").ok
    failed = notebook.cell(CHECK.source)
    assert not failed.ok
    *lines, last = str(failed.error).splitlines()
    assert last == "capstone: 5 of 6 points hold"
    assert [line for line in lines if not line.startswith("✓")] == [lines[5]]
    assert "192.168.1.2:80" in lines[5] or "port 80" in lines[5]
