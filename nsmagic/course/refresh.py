"""Store a notebook's outputs: execute it in a fresh kernel and write back what it gave, in a form that does not wander.

``nsmagic refresh NOTEBOOK…`` is for those who write notebooks. What varies between two runs (times, pids) is
left as it came: nbval masks it on both sides with ``nsmagic/sanitize.cfg``.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from nsmagic.errors import NsmagicError
from nsmagic.sentences import say

#: What a kernel adds to a notebook that says nothing about it.
_WANDERING = ("execution", "widgets")


def refresh(path: Path, seconds: int = 120) -> None:
    """Execute a notebook in its own folder and store its outputs in place.

    Raises
    ------
    NsmagicError
        A cell failed that is not tagged ``raises-exception``, or it took too long, or the file is no notebook; it is left as it was.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    except ImportError as error:
        raise NsmagicError(f"{error.name} is not installed", hint="pip install 'nsmagic[teach]'") from None
    try:
        notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise NsmagicError(f"{path}: {error.strerror}") from None
    except (
        ValueError,
        AttributeError,
        TypeError,
        nbformat.reader.NotJSONError,
        nbformat.validator.NotebookValidationError,
    ):
        raise NsmagicError(f"{path}: not a notebook (format 4)") from None
    client = NotebookClient(
        notebook, timeout=seconds, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    try:
        # What a kernel itself logs is nothing for whoever asked.
        client.execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise NsmagicError(
            f"{path.name}: a cell failed: {error.ename}: {error.evalue}", hint=say("refresh-failed")
        ) from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise NsmagicError(f"{path.name}: {str(error).strip().splitlines()[0]}", hint=say("refresh-failed")) from None
    normalise(notebook)
    # Beside it first: whoever interrupts must not find half a notebook.
    half = path.with_name(f".{path.name}.part")
    nbformat.write(notebook, half)  # type: ignore[no-untyped-call]
    half.replace(path)


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
