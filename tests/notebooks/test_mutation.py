"""nbval notices: one stored output changed, and one command changed, in each notebook, and the cell that it names is the right one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.reading import FOLDER, TOP, notebooks

#: What is changed in a notebook: in what it types, and in what it shows.
TYPED = ("ip netns add blue", "ip netns add bleu")
SHOWN = ("+ namespace red\n", "+ namespace rad\n")
#: Where rooms are built quietly, or not at all, something else is shown.
OTHERS = {
    "07": (TYPED, ("+ nat POSTROUTING", "+ nat PREROUTING")),
    "08": (TYPED, ("+ route (pc)", "+ route (cp)")),
    "09": (("%task capstone", "%task first-ping"), ("v-net-0 (bridge)", "v-net-1 (bridge)")),
    "11": (
        ("ip link set veth-red netns red", "ip link set veth-red netns blue"),
        ("link host/veth-red ", "link host/veth-rad "),
    ),
}


def mutated(path: Path, target: Path, kind: str) -> tuple[Path, int]:
    """A copy with one thing changed; the number of the cell (counted by nbval, code cells from 0) that has it."""
    typed, shown = OTHERS.get(path.stem[:2], (TYPED, SHOWN))
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    changed = -1
    for number, cell in enumerate(code):
        if kind == "typed":
            source = "".join(cell["source"])
            if typed[0] in source:
                cell["source"] = source.replace(*typed, 1)
                changed = number
                break
        else:
            before = json.dumps(cell["outputs"])
            after = before.replace(json.dumps(shown[0])[1:-1], json.dumps(shown[1])[1:-1], 1)
            if after != before:
                cell["outputs"] = json.loads(after)
                changed = number
                break
    assert changed >= 0, f"{path.name} has nothing to change ({kind})"
    made = target / f"{path.stem}-{kind}.ipynb"
    made.write_text(json.dumps(notebook))
    return made, changed


def failing(target: Path, *files: Path) -> set[tuple[str, int]]:
    """The cells that nbval finds wrong: file and number."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "--nbval-sanitize-with",
         str(TOP / "nsmagic" / "sanitize.cfg"), "--nbval-cell-timeout", "60", "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", str(target), "-rf", *map(str, files)],
        cwd=target, env={**os.environ, "PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-1000:]
    return {
        (found[1], int(found[2]))
        for found in re.finditer(r"^FAILED (?:.*/)?(\S+\.ipynb)::Cell (\d+)", done.stdout, flags=re.MULTILINE)
    }


def notices(path: Path, tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "site", tmp_path / "site")
    changed = [mutated(path, tmp_path, kind) for kind in ("typed", "shown")]
    found = failing(tmp_path, *(made for made, _ in changed))
    for made, number in changed:
        assert min(cell for name, cell in found if name == made.name) == number, (made.name, sorted(found))


@pytest.mark.notebook
def test_a_changed_output_and_a_changed_command_are_noticed(tmp_path: Path) -> None:
    notices(notebooks()[1], tmp_path)


@pytest.mark.notebook
@pytest.mark.heavy
@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_they_are_noticed_in_each_notebook(path: Path, tmp_path: Path) -> None:
    notices(path, tmp_path)
