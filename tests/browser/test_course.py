"""The course in JupyterLab, as a new user runs it: all cells from the top, and how long that takes.

Heavy: ``pytest -m heavy -s tests/browser/test_course.py``; pictures of the whole notebooks are kept beside the other screenshots.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.reading import FOLDER, cells, notebooks

pytestmark = [pytest.mark.sandbox, pytest.mark.heavy]

_FAILED = """() => window.jupyterapp.shell.currentWidget.content.widgets.filter(w => w.model.type === 'code' &&
    [...Array(w.model.outputs.length).keys()].some(i => w.model.outputs.get(i).type === 'error')).length"""


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_it_runs_from_the_top(jupyterlab: Callable[..., Any], path: Path) -> None:
    import nbformat

    lab = jupyterlab()
    lab.server.folder.chmod(0o755)  # root's lab reads it as somebody else
    shutil.copytree(FOLDER / "site", lab.server.folder / "site", dirs_exist_ok=True)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, lab.server.folder / path.name)
    lab.page.set_viewport_size({"width": 1100, "height": 9000})  # all of it at once: nothing waits to be scrolled to
    lab.open(path.name)
    began = time.monotonic()
    try:
        lab.run_all()
    finally:
        lab.shot(f"course-{path.stem[:2]}")
    print(
        f"\n{path.stem}: {len([cell for cell in cells(path) if cell.kind == 'code'])} cells in {time.monotonic() - began:.1f} s"
    )
    assert lab.page.evaluate(_FAILED) == sum("raises-exception" in cell.tags for cell in cells(path))
    lab.shot(f"course-{path.stem[:2]}")
