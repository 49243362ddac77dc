"""The benchmarks run and print their rows; how fast is no matter here."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tests.benchmarks import bars, rooms, rounds
from tests.benchmarks.bars import Bar, table
from tests.benchmarks.place import Absent, Failed, call, environment, floor, sandboxed
from tests.benchmarks.rounds import Subject, run, spread

_RUN = Path(__file__).with_name("run.py")

needs_compiler = pytest.mark.skipif(
    not shutil.which("gcc") and not shutil.which("cc"), reason="no C compiler for the floor"
)


@pytest.mark.sandbox
@needs_compiler
def test_two_namespaces_are_built_and_read() -> None:
    done = subprocess.run(
        [sys.executable, str(_RUN), "--quick", "--sizes", "2", "--rounds", "1", "build", "snapshot"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for row in (
        "C floor", "nsmagic, a cell of 8 N commands", "ip -batch", "bash, ip -n", "nsmagic, four DataFrames",
        "ip -j loop to DataFrames",
    ):  # fmt: skip
        figures = re.search(rf"^  {re.escape(row)}\s+[\d.]+ +[\d.]+ +[\d.]+ +1 +[\d.]+ ms$", done.stdout, re.MULTILINE)
        assert figures, f"no row {row!r} in:\n{done.stdout}"
    assert re.search(r"^  build N = 2 by a cell, of ip -batch\s.*≤ 1 ×  (met|not met)$", done.stdout, re.MULTILINE)
    assert "not measured:" not in done.stdout


@pytest.mark.sandbox
@pytest.mark.parametrize("work", ["build from a description", "event"])
def test_the_profile_shows_both_sides(work: str) -> None:
    """It starts the agent in a way of its own, which has to follow what a lab does."""
    words = [sys.executable, "-m", "tests.benchmarks.spent", work, "2"]
    done = subprocess.run(sandboxed(words), capture_output=True, text=True, timeout=60, env=environment())
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^{work}, N = 2.* ms wall", done.stdout, re.MULTILINE)
    for side in ("in the agent", "in the notebook's process"):
        assert re.search(rf"^  {side}: own time by module: .*%", done.stdout, re.MULTILINE)
    assert re.search(r"^ +[\d.]+% +[\d.]+ ms +\d+ calls  \S", done.stdout, re.MULTILINE)


def test_unknown_groups_are_named() -> None:
    done = subprocess.run([sys.executable, str(_RUN), "bild"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "there is no bild; there are build, snapshot" in done.stderr


@pytest.mark.sandbox
@needs_compiler
def test_the_floor_builds_what_ip_builds() -> None:
    """The floor's own messages leave what the commands leave: addresses, routes and links, as ``ip`` lists them."""
    for how in (
        ["cycle", "3"],
        ["cycle", "3", "last"],
        ["typed", "3"],
        ["typed", "3", "sends"],
        ["typed", "3", "ahead"],
    ):
        assert set(call(sandboxed([floor(), *how]), 30)) == {"build", "call", "gone"}
    typed = rooms.cell(3)
    script = f"set -e\n{typed}\n{floor()} check 3"
    assert call(sandboxed(["bash", "-c", script]), 30) == {"complete": 3, "ports": 3}
    with pytest.raises(Failed, match="exit status 1"):
        call(sandboxed(["bash", "-c", f"{typed}\nip -n h1 route del default\n{floor()} check 3"]), 30)


def test_ratios_are_taken_within_a_round_and_the_missing_are_named() -> None:
    seconds = iter([1.0, 10.0, 100.0])
    last = [0.0]

    def base() -> dict[str, float]:
        return {"seconds": 2.0}

    def other() -> dict[str, float]:
        last[0] = next(seconds)
        return {"seconds": last[0]}

    def absent() -> dict[str, float]:
        raise Absent("it is not installed")

    record = run("test", [Subject("base", base), Subject("other", other), Subject("third", absent)], 3)
    assert record.ratios("other", "seconds", "base") == [0.5, 5.0, 50.0]
    assert record.missing == {"third": "it is not installed"}
    assert spread([0.5, 5.0, 50.0]).split() == ["0.50", "5.00", "50.0"]


def test_a_bar_is_judged_by_its_median() -> None:
    assert [Bar("", 2, [1.0, 2.0, 9.0]).met, Bar("", 2, [1.0, 3.0, 3.0]).met, Bar("", 2).met] == [True, False, None]
    assert Bar("", 2, [1.0, 2.0, 9.0], least=True).met
    text = table([Bar("one", 2, [3.0]), Bar("two", 2, note="no API yet")])
    assert "not met" in text
    assert "not measured (no API yet)" in text


@pytest.mark.parametrize("module", [bars, rooms, rounds], ids=lambda module: module.__name__.rpartition(".")[2])
def test_examples(module: types.ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed
