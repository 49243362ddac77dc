"""The teacher's subcommands, as typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nsmagic import cli

PACKAGE = Path(cli.__file__).parent.parent


def nsmagic(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nsmagic", *words], capture_output=True, text=True, timeout=120, cwd=cwd, check=False
    )


def test_sanitize_prints_the_file() -> None:
    assert nsmagic("nbval-sanitize").stdout == (PACKAGE / "sanitize.cfg").read_text()


def test_lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = tmp_path / "note.md"
    note.write_text("# T\n\n    no\n\n$ ip link add br0 type bridge\n")
    assert cli.main(["lint", str(note)]) == 1
    assert capsys.readouterr().out == f"{note}, line 5: the bridge br0 is never switched on [bridge-down]\n"
    note.write_text("# T\n")
    assert cli.main(["lint", str(note)]) == 0
    assert capsys.readouterr().out == "nothing found\n"
    assert cli.main(["lint", str(tmp_path / "no.md")]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'no.md'}: No such file or directory\n"


@pytest.mark.sandbox
@pytest.mark.notebook
def test_refresh(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    cells = [
        {"cell_type": "code", "id": str(n), "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for n, source in enumerate(["%load_ext nsmagic", "%%netns\nip netns add red\nip netns"])
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    done = nsmagic("refresh", str(path))
    assert (done.returncode, done.stdout) == (0, f"stored the outputs of {path}\n"), done.stderr
    stored = path.read_text()
    assert "+ namespace red" in stored
    assert '"iopub.' not in stored
    cells[1]["source"] = "%netns ip link set x up"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    before = path.read_text()
    failed = nsmagic("refresh", str(path))
    assert failed.returncode == 1
    assert failed.stderr.startswith("n.ipynb: a cell failed: ")
    assert "Cannot find device" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert path.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["n.ipynb"]
    path.write_text("{")
    assert "not a notebook" in nsmagic("refresh", str(path)).stderr


def test_bad_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = tmp_path / "n.ipynb"
    note.write_text('{"cells": []}')
    assert cli.main(["flashcards", str(note)]) == 1
    assert "there is no file to write" in capsys.readouterr().err
    assert cli.main(["grade", str(note), "--teacher", str(note)]) == 1
    assert "there is no check in it" in capsys.readouterr().err
    seeds = tmp_path / "seeds.csv"
    seeds.write_text("a,b\n1,2\n")
    assert cli.main(["grade", str(note), "--teacher", str(note), "--seeds", str(seeds)]) == 1
    assert "not a table of seeds" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["grade", str(note)])
