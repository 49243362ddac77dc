"""tour.py WORD NOTEBOOK: run a notebook in a real kernel; print how many of its cells went as stored, and in which kind of lab."""

from __future__ import annotations

import sys

import nbformat
from nbclient import NotebookClient

word, path = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell("from nsmagic import Lab\nwith Lab() as _lab: print(_lab.kind)"))
NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
*cells, last = [cell for cell in notebook.cells if cell.cell_type == "code"]
good = 0
for cell in cells:
    errors = [each for each in cell.outputs if each.output_type == "error"]
    if not errors or "raises-exception" in cell.metadata.get("tags", ()):
        good += 1
    else:
        print(f"cell failed: {cell.source[:80]!r}: {errors[0].evalue}")
print(f"{word}: kind {last.outputs[0].text.strip()}, {good} of {len(cells)} cells of the tour", flush=True)
