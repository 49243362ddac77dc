"""The README says what is so: its examples run, its tables are complete, its numbers are those in the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nsmagic import magic_line, magics
from nsmagic.agent import launcher, limits
from nsmagic.sandbox import config
from tests.conftest import Notebook

TOP = Path(__file__).resolve().parent.parent
TEXT = (TOP / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def table(first_row: str) -> dict[str, str]:
    """A table's left column → its right one, without its head."""
    _, _, rest = TEXT.partition(f"| {first_row} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return dict(re.match(r"\| (.+?) \| (.*) \|$", row).groups() for row in rows)  # type: ignore[union-attr,misc]


def environment(tmp_path: Path) -> dict[str, str]:
    """Where ``nsmagic`` is this checkout, run by this Python."""
    command = tmp_path / "bin" / "nsmagic"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m nsmagic "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(TOP)}


@pytest.mark.sandbox
@pytest.mark.parametrize("source", blocks("python"))
def test_python(source: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"^ *print\(.*\) *# (.*)$", source, flags=re.MULTILINE)
    assert promised
    assert done.stdout.splitlines() == promised


@pytest.mark.sandbox
@pytest.mark.parametrize("source", blocks("sh"))
def test_shell(source: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", source], cwd=tmp_path, env=environment(tmp_path), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "+ namespace red" in done.stdout
    assert "A lab works here" in done.stdout


@pytest.mark.sandbox
def test_cells(notebook: Notebook) -> None:
    ran = [notebook.cell(source) for source in blocks("ipython")]
    assert len(ran) == 4
    assert [each.text for each in ran if not each.ok] == []
    assert ran[2].value.received == 1
    assert list(notebook.shell.user_ns["df"].dst) == ["192.168.15.0/24"]
    assert "veth-blue" in repr(ran[3].value)


def test_the_two_command_lines() -> None:
    for line in blocks("text"):
        script = TOP / line.strip()
        assert script.is_file()
        assert os.access(script, os.X_OK)
    assert [line.strip() for line in blocks("text")] == ["./binder/notebooks", "./binder/test"]


def test_options() -> None:
    documented = table("option of `%%netns`, `%netns` |".removesuffix(" |"))
    assert list(documented) == [f"`{f'{name} {value}'.strip()}`" for name, (value, _) in magic_line.OPTIONS.items()]
    line = next(line for line in TEXT.splitlines() if line.startswith("`%topology` has"))
    for name, (value, _) in magic_line.PICTURE_OPTIONS.items():
        assert f"`{f'{name} {value}'.strip()}`" in line
    sentence = TEXT.partition("`%why` has")[2].partition(";")[0]
    for name, (value, _) in magic_line.WHY_OPTIONS.items():
        assert f"`{f'{name} {value}'.strip()}`" in sentence


def test_magics_and_verbs() -> None:
    documented = " ".join(table("magic"))
    named = set(re.findall(r"%%?\w+", documented))
    registered = magics.Netns.magics
    assert named == {f"%{name}" for name in registered["line"]} | {f"%%{name}" for name in registered["cell"]}
    assert tuple(dict.fromkeys(re.findall(r"%lab (\w+)", documented))) == magics._LAB_VERBS


def test_configuration() -> None:
    assert set(re.findall(r"%config Netns\.(\w+)", TEXT)) == set(magics.Netns.class_traits(config=True))


def test_subcommands() -> None:
    from nsmagic import cli

    known = next(
        iter(action.choices for action in cli.parser()._actions if action.choices and action.dest == "command")
    )
    assert set(
        re.findall(
            r"\bnsmagic (lab|run|shell|ls|doctor|vm|grade|flashcards|lint|refresh|nbval-sanitize)\b",
            TEXT + (TOP / ".github/CHANGELOG.md").read_text(),
        )
    ) <= set(known)
    assert set(known) - {"lab"} <= set(re.findall(r"\bnsmagic ([\w-]+)", TEXT))


def test_numbers_and_kinds() -> None:
    default = limits.complete({})
    for words in (
        f"{default['processes']} processes", f"{default['namespaces']} namespaces", f"{default['memory'] >> 30} GiB of memory",
        f"{default['cpu_time']} s of CPU time", f"files of {default['file_size'] >> 20} MiB", f"{default['output'] >> 20} MiB of output",
        f"uid {launcher.LAB_UID}",
    ):  # fmt: skip
        assert words in TEXT, words
    assert set(re.findall(r"`(rootless[\w-]*|host)`|sandbox=\"(host)\"", TEXT)) != set()
    assert "rootless-nomount" in config.KINDS


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", TEXT))
def test_links_lead_to_files(link: str) -> None:
    assert (TOP / link).exists()


def test_it_fits_on_two_screens_and_a_bit() -> None:
    assert TEXT.count("\n") < 180
