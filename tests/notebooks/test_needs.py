"""Where a lab lacks what a notebook needs, the notebook says so in one cell and stops there.

The whole course where nothing can be mounted: ``pytest -m heavy tests/notebooks/test_needs.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nsmagic import Lab
from nsmagic.commands.named import line_of_call
from nsmagic.errors import CommandSyntaxError, LabLacks
from tests.conftest import Notebook
from tests.notebooks.reading import FOLDER, cells
from tests.sandbox.outside import notebook as program

GATE = Path(__file__).parents[1] / "sandbox" / "gate.py"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
#: What the shell of a cell with this in it does by mounting, or by names that are mounts.
_MOUNTS = re.compile(r"--mount|\bmount\b")
_SHELL = re.compile(r"^\s*(?:for|while|until|if) |\$\(|\|", re.MULTILINE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_for_mounts_before_it_needs_them(path: Path) -> None:
    asked = False
    for cell in cells(path):
        if cell.kind != "code":
            continue
        asked = asked or bool(re.match(r"%lab needs .*\b(?:mounts|proc)\b", cell.source))
        head, _, body = cell.source.partition("\n")
        script = body if head.startswith("%%netns") and _SHELL.search(body) else ""
        needs = _MOUNTS.search(cell.source if head.startswith("%%netns") else "") or line_of_call(script)
        assert asked or not needs, cell.source
    assert asked == (path.stem[:2] in ("01", "05"))


@pytest.mark.sandbox
def test_what_is_missing_is_told_with_its_cure(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert notebook.cell("%lab needs mounts sh sh").out == "the lab has mounts, sh\n"
    gone = notebook.cell("%lab needs sh tracerout nothing-there")
    assert isinstance(gone.error, LabLacks)
    assert gone.error.what == ["tracerout", "nothing-there"]
    assert gone.error.render() == (
        "the cells from here on need tracerout, nothing-there, which this lab does not find\n"
        "hint: sudo apt install tracerout nothing-there   (nsmagic doctor --install installs all that the notebooks need)"
    )
    assert "did you mean mounts?" in notebook.cell("%lab needs mount-s").text
    assert isinstance(notebook.cell("%lab needs $(id)").error, CommandSyntaxError)
    assert "%lab needs mounts ps" in notebook.cell("%lab needs").text
    monkeypatch.setenv("NSMAGIC_SANDBOX", "rootless-nomount")
    lacks = notebook.cell("%lab needs mounts --lab other")
    assert isinstance(lacks.error, LabLacks)
    assert lacks.error.render() == (
        "the kind of this lab is rootless-nomount: nothing can be mounted in it, so the cells from here on can only be read\n"
        "hint: %lab doctor says what keeps it from being rootless, and the cure; NSMAGIC_SANDBOX=vm is another way"
    )


@pytest.mark.sandbox
def test_the_engine_asks_too() -> None:
    with Lab(sandbox="rootless-nomount") as lab:
        assert lab.needs("sh") == ["sh"]
        with pytest.raises(LabLacks) as caught:
            lab.needs("sh", "mounts")
        assert caught.value.what == ["mounts"]
        assert lab.script() == ""


@pytest.mark.sandbox
@pytest.mark.parametrize(("gate", "lacks"), [("masked-proc", "proc"), ("mount-EACCES", "mounts proc")])
def test_what_a_machine_takes_away(gate: str, lacks: str) -> None:
    """A container that masks /proc still lets scripts call ip netns."""
    said = program(
        """
from nsmagic.errors import LabLacks
def has(lab, word):
    try:
        return bool(lab.needs(word))
    except LabLacks:
        return False
with Lab() as lab:
    say(lacks=" ".join(word for word in ("mounts", "proc", "sh") if not has(lab, word)))
""",
        prefix=(sys.executable, str(GATE), gate),
    )
    assert said["lacks"] == lacks


def nbval(*paths: Path) -> tuple[dict[str, int], str]:
    """What nbval says of notebooks where nothing can be mounted: outcome → count; its words."""
    command = [
        sys.executable, "-m", "pytest", "-p", "nsmagic.testing", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env",
        "--nbval-sanitize-with", str(FOLDER.parent / "nsmagic" / "sanitize.cfg"), "--nbval-cell-timeout", "60", "-q", "-rs",
        *map(str, paths),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=FOLDER.parent, env={**os.environ, "NSMAGIC_SANDBOX": "rootless-nomount"}, capture_output=True,
        text=True, timeout=1200,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    return {word: int(count) for count, word in re.findall(r"(\d+) (passed|skipped|failed|errors?)", last)}, done.stdout


@pytest.mark.sandbox
@pytest.mark.notebook
def test_nbval_skips_what_a_notebook_says_it_cannot_do() -> None:
    path = FOLDER / "01-rooms-and-processes.ipynb"
    sources = [cell.source for cell in cells(path) if cell.kind == "code"]
    at = next(n for n, source in enumerate(sources) if source.startswith("%lab needs"))
    found, words = nbval(path)
    assert found == {"passed": at, "skipped": len(sources) - at}, words
    assert "no /proc can be mounted in this lab (its kind is rootless-nomount)" in words


@pytest.mark.heavy
@pytest.mark.notebook
def test_the_course_where_nothing_can_be_mounted() -> None:
    """All that a notebook does not ask for works: no cell differs."""
    found, words = nbval(*NOTEBOOKS)
    assert set(found) == {"passed", "skipped"}, words
    assert found["skipped"] == 5 + 4
    assert found["passed"] >= 200
