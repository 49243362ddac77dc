"""Store a notebook's outputs: execute it in a fresh kernel and write back what it gave, in a form that does not wander.

``python -m nsmagic.course.refresh NOTEBOOK…`` is for those who write notebooks. What varies between two runs (times, pids) is
left as it came: nbval masks it on both sides with ``nsmagic/sanitize.cfg``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

#: What a kernel adds to a notebook that says nothing about it.
_WANDERING = ("execution", "widgets")


def refresh(path: Path, seconds: int = 120) -> None:
    """Execute a notebook in its own folder and store its outputs in place.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed that is not tagged ``raises-exception``; the file is left as it was.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=seconds, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    normalise(notebook)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def normalise(notebook: Any) -> None:
    """Take out what differs from machine to machine: times of execution, versions of Python, ids of cells made anew."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{number:02}"
        for name in _WANDERING:
            cell.metadata.pop(name, None)
        cell["outputs"] = _joined(cell["outputs"]) if cell.cell_type == "code" else cell.get("outputs")
        if cell.cell_type != "code":
            del cell["outputs"]


def _joined(outputs: list[Any]) -> list[Any]:
    """Consecutive pieces of one stream as one: how a stream was cut depends on the moment."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name).resolve())
        print(f"stored the outputs of {name}")
