"""The same notebooks and the same stored outputs in each kind of lab: ``pytest -m heavy -s tests/notebooks/test_four_ways.py``.

As root (``rootless``, root becomes a plain user), as an ordinary user, where nothing can be mounted (``rootless-nomount``, as far as
it goes), and where namespaces are forbidden by a filter, so that the kind ``vm`` is what serves. A quarter of an hour. Its table is printed;
``NSMAGIC_RESULTS=1`` puts the totals into ``tests/RESULTS.md``. Some notebooks or ways only: ``-k``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.notebooks.reading import FOLDER

pytestmark = [pytest.mark.heavy, pytest.mark.notebook]

TOP = FOLDER.parent
PLAIN = 65534
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
#: Way → what stands before the command, and the kind that is asked for (empty: the one that is found).
_USER = ("setpriv", f"--reuid={PLAIN}", f"--regid={PLAIN}", "--clear-groups")
WAYS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "rootless as root": ((), "", "rootless"),
    "rootless": (_USER, "", "rootless"),
    "rootless-nomount": (_USER, "rootless-nomount", "rootless-nomount"),
    "vm, namespaces forbidden": ((sys.executable, str(TOP / "tests/sandbox/gate.py"), "unshare-EPERM"), "", "vm"),
}
#: The notebooks that say ``%lab needs mounts`` before their last cells.
_MOUNTS = {"01-rooms-and-processes", "05-the-switch"}

Counts = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def came() -> Iterator[dict[str, Counts]]:
    """Way → notebook → outcome → cells; printed at the end."""
    found: dict[str, Counts] = {}
    yield found
    print()
    print(table(found))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that an ordinary user can reach; pytest's own are not for others."""
    with tempfile.TemporaryDirectory(prefix="nsmagic-test.", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def checkout(place: Path) -> Path:
    """A copy of all this that an ordinary user can write in, since that is where a notebook's folder is."""
    copy = place / "copy"
    skip = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
    for name in ("nsmagic", "notebooks", "tests", "binder"):
        shutil.copytree(TOP / name, copy / name, ignore=skip, symlinks=True)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(TOP / name, copy)
    for each in [copy, *copy.rglob("*")]:
        if os.geteuid() == 0:
            os.chown(each, PLAIN, PLAIN, follow_symlinks=False)
    return copy


def table(came: dict[str, Counts]) -> str:
    """Cells passed of cells run, and those that a way cannot run, notebook by notebook.

    >>> print(table({"vm": {"00-tour": Counter(passed=3, failed=1), "01": Counter(passed=2, skipped=1)}}))
    notebook  vm
    00-tour   3 of 4
    01        2 of 2, 1 not here
    all       5 of 6, 1 not here
    """
    names = sorted({name for counts in came.values() for name in counts})
    rows = [["notebook", *came]]
    for name in [*names, "all"]:
        cells = []
        for counts in came.values():
            chosen = counts.values() if name == "all" else [counts.get(name, Counter[str]())]
            cells.append(told(sum(chosen, Counter[str]())))
        rows.append([name, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def told(count: Counter[str]) -> str:
    """
    >>> told(Counter(passed=3, failed=1, skipped=2))
    '3 of 4, 2 not here'
    """
    words = f"{count['passed']} of {count['passed'] + count['failed']}"
    return words + (f", {count['skipped']} not here" if count["skipped"] else "")


def run(way: str, checkout: Path, *notebooks: str) -> tuple[Counts, str]:
    """nbval's outcome of each notebook, and its words."""
    before, asked, kind = WAYS[way]
    home, scratch, reports = (checkout.parent / name for name in ("home", "tmp", "reports"))
    for folder in (home, scratch, reports):
        folder.mkdir()
        folder.chmod(0o777)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NSMAGIC_", "PYTEST_"))},
        "TMPDIR": str(scratch), "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(home / ".cache"),
        **({"NSMAGIC_SANDBOX": asked} if asked else {}),
    }  # fmt: skip
    prefix = [*before, "/usr/bin/env", f"HOME={home}"]  # the gate sets another one
    who = subprocess.run(
        [*prefix, sys.executable, "-c", "from nsmagic import Lab\nwith Lab() as lab: print(lab.kind)"],
        cwd=checkout, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert who.stdout.strip() == kind, who.stdout + who.stderr
    file = reports / "report.xml"
    command = [
        *prefix, sys.executable, "-m", "pytest", "-q", "-p", "nsmagic.testing", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile",
        "--nbval", "--nbval-current-env", "--nbval-sanitize-with", "nsmagic/sanitize.cfg", "--nbval-cell-timeout", "60",
        f"--junitxml={file}", *(f"notebooks/{name}.ipynb" for name in notebooks),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=3600, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert file.exists(), done.stdout + done.stderr
    return read(file), done.stdout


def read(report: Path) -> Counts:
    """A report in JUnit's form, notebook by notebook."""
    found: Counts = {}
    outcome: Callable[[ET.Element], str] = lambda case: next(  # noqa: E731 - a name for what is done twice
        (
            "skipped" if child.tag == "skipped" else "failed"
            for child in case
            if child.tag in ("skipped", "failure", "error")
        ),
        "passed",
    )
    for case in ET.parse(report).getroot().iter("testcase"):
        name = case.get("classname", "").removeprefix("notebooks.").removesuffix(".ipynb")
        found.setdefault(name, Counter())[outcome(case)] += 1
    return found


@pytest.mark.root
@pytest.mark.parametrize("way", WAYS)
def test_the_same_outputs(
    way: str, checkout: Path, came: dict[str, Counts], record_property: Callable[[str, object], None]
) -> None:
    counts, words = run(way, checkout, *NOTEBOOKS)
    came[way] = counts
    assert sorted(counts) == NOTEBOOKS
    total = sum(counts.values(), Counter[str]())
    print(f"\n{way}: {told(total)}")
    record_property("figure", (f"notebooks, {way}", f"{told(total)} cells as stored"))
    assert not total["failed"], words[-20000:]
    left_out = {name for name, count in counts.items() if count["skipped"]}
    assert left_out <= (_MOUNTS if WAYS[way][2] == "rootless-nomount" else set())
