"""Notebooks as the tests read them: cells with their source and the text of their stored outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent.parent
FOLDER = TOP / "notebooks"


@dataclass(frozen=True)
class Cell:
    """A cell; ``number`` counts from 1, as its id does."""

    number: int
    kind: str
    source: str
    output: str
    tags: tuple[str, ...]
    types: tuple[str, ...]


def notebooks() -> list[Path]:
    """The notebooks of the course, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]-*.ipynb"))


def cells(path: Path) -> list[Cell]:
    data = json.loads(path.read_text())
    return [
        Cell(
            number, cell["cell_type"], "".join(cell["source"]), "\n".join(map(_text, cell.get("outputs", ()))),
            tuple(cell["metadata"].get("tags", ())), tuple(each["output_type"] for each in cell.get("outputs", ())),
        )
        for number, cell in enumerate(data["cells"], 1)
    ]  # fmt: skip


def _text(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    return "".join(output["data"].get("text/plain", ""))
