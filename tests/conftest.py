"""What all tests share: marks, the watch for leaks and for changes of the machine, and the four ways to run a command."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nsmagic.errors import NsmagicError
from tests import figures, leaks, machine, results

# What is collected


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep six thousand collected tests out of every later garbage collection.

    IPython collects garbage whenever a shell is reset, which each notebook test does twice, and so does the watch for leaks: a quarter
    of a second each time when everything that pytest holds is gone through again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``-m sandbox``, which the plain user runs: a file that does not name the mark has no such test, and is not even read by pytest.

    Each of four workers would compile and import all of them. (Asked for everything, ``pytest_collection_modifyitems`` makes sure that a
    marked test's file does name it.)
    """
    if config.option.markexpr == "sandbox" and collection_path.suffix == ".py" and not _names_sandbox(collection_path):
        return True
    return None


def _names_sandbox(path: Path) -> bool:
    return "mark.sandbox" in path.read_text()


# The machine before and after


def pytest_sessionstart(session: pytest.Session) -> None:
    # A shell starts what stands before a & with interrupts ignored, and everything below inherits that: nothing would be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_BEFORE] = machine.observe()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    before = session.config.stash.get(_BEFORE, None)
    if before is None:
        return  # a worker of xdist: its controller compares
    changed = machine.differences(before, machine.observe())
    session.config.stash[_CHANGED] = changed
    if changed and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    changed = config.stash.get(_CHANGED, None)
    if changed is None:
        return
    if changed:
        terminalreporter.section("the tests changed this machine", red=True)
        terminalreporter.write("".join(line[:400] + "\n" for line in changed[:60]))
    else:
        terminalreporter.write_line(
            "the machine's network, firewall, sysctls and mounts are as they were before the run"
        )
    for title, words, whole in figures.of(
        dict(report.user_properties) for report in terminalreporter.stats.get("passed", [])
    ):
        terminalreporter.write_line(f"{title}: {words}")
        if whole:
            results.note(title, words)
    count = {kind: len(terminalreporter.stats.get(kind, [])) for kind in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(f"skipped: {count['skipped'] or 'none'}")
    chosen = f"pytest -m '{config.option.markexpr}'" if config.option.markexpr else "pytest, the standard run"
    if not config.option.keyword and config.args == config.getini("testpaths"):
        words = ", ".join(f"{number} {kind}" for kind, number in count.items() if number)
        after = "the machine was changed" if changed else "the machine as it was before"
        results.note(chosen, f"{words}; {after}")


_BEFORE = pytest.StashKey[dict[str, list[str]]]()
_CHANGED = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``heavy`` tests run only when asked for: ``pytest -m heavy``. Those marked ``root`` are part of root's run only. With
    ``NSMAGIC_SANDBOX=vm`` all labs are of that kind, and tests of what it does not have are skipped."""
    if os.environ.get("NSMAGIC_SANDBOX") == "vm":
        for item in items:
            for mark in item.iter_markers("not_in_vm"):
                item.add_marker(pytest.mark.skip(reason=mark.args[0]))
    if not config.option.markexpr:
        silent = {item.path for item in items if item.get_closest_marker("sandbox")}
        silent -= {path for path in silent if _names_sandbox(path)}
        assert not silent, f"marked sandbox by something outside the file: {sorted(silent)}"
    left_out = set() if "heavy" in config.option.markexpr else {"heavy"}
    if os.geteuid() != 0:
        left_out.add("root")
    rest = [item for item in items if left_out & {mark.name for mark in item.iter_markers()}]
    if rest:
        config.hook.pytest_deselected(items=rest)
        items[:] = [item for item in items if item not in set(rest)]


# Around every test


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fails a test that leaves a process, a zombie, a thread, a descriptor of a lab, a socket or a mount."""
    before = leaks.held()
    yield
    left = leaks.left_since(before)
    assert not left, "the test left: " + "; ".join(left)


@pytest.fixture
def lab() -> Iterator[Any]:
    """A lab of its own for one test."""
    from nsmagic import Lab

    with Lab() as lab:
        yield lab


# A notebook without a browser


@dataclass
class Ran:
    """What a person saw of a cell, and what came of it."""

    out: str = ""
    err: str = ""
    value: Any = None
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    @property
    def text(self) -> str:
        return self.out + self.err


class Notebook:
    """An IPython shell whose cells are run one by one."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def cell(self, source: str) -> Ran:
        """Run a cell as a notebook does."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            done = self.shell.run_cell(source, store_history=True)
        error = done.error_before_exec or done.error_in_exec
        return Ran(out.getvalue(), err.getvalue(), done.result, error)

    def complete(self, source: str) -> list[str]:
        """What Tab offers at the end of a source (``source`` may have many lines)."""
        from IPython.core.completer import provisionalcompleter

        with provisionalcompleter():
            return [each.text for each in self.shell.Completer.completions(source, len(source))]


def new_shell() -> Any:
    """IPython's shell, of which a process has one."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False  # no file, and no thread that writes it
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    shell.run_cell("%%bash\ntrue")  # makes the event loop that IPython keeps for shell cells
    return shell


@contextmanager
def fresh(shell: Any) -> Iterator[Notebook]:
    """A fresh notebook with ``%load_ext nsmagic`` done; its labs end with it."""
    shell.reset()
    shell.run_line_magic("load_ext", "nsmagic")
    yield Notebook(shell)
    shell.run_line_magic("unload_ext", "nsmagic")
    shell.config.pop("Netns", None)  # what a test set with %config
    shell.reset()


@pytest.fixture(scope="session")
def _shell() -> Any:
    return new_shell()


@pytest.fixture
def notebook(_shell: Any) -> Iterator[Notebook]:
    """A notebook for one test."""
    with fresh(_shell) as made:
        yield made


# The same commands by four ways


@dataclass
class Came:
    """What came of commands, whichever way they went: did all succeed, and what was shown (errors as well)."""

    ok: bool
    text: str
    errors: list[str] = field(default_factory=list)


Run = Callable[..., Came]


def _api(text: str, ns: str | None = None) -> Came:
    from nsmagic import Lab

    with Lab() as lab:
        try:
            result = lab.run(text, ns)
        except NsmagicError as error:
            return Came(False, error.render())
        return Came(result.ok, result.text)


def _line(notebook: Notebook, text: str, ns: str | None = None) -> Came:
    ran = [notebook.cell(f"%netns {ns or ''} {line}") for line in text.strip().splitlines()]
    return Came(all(each.ok for each in ran), "".join(each.text for each in ran))


def _cell(notebook: Notebook, text: str, ns: str | None = None) -> Came:
    ran = notebook.cell(f"%%netns {ns or ''}\n{text}")
    return Came(ran.ok, ran.text)


def _cli(text: str, ns: str | None = None) -> Came:
    where = ["--ns", ns] if ns else []
    done = subprocess.run(
        [sys.executable, "-m", "nsmagic", "run", "-", *where],
        input=text, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    return Came(done.returncode == 0, done.stdout + done.stderr)


@pytest.fixture(params=["api", "line", "cell", "cli"])
def run(request: pytest.FixtureRequest, _shell: Any) -> Run:
    """``run(text, ns=None)``: commands in a fresh lab by Python, by ``%netns`` lines, by a cell, and by the command line."""
    if request.param in ("line", "cell"):
        notebook = request.getfixturevalue("notebook")
        way = _line if request.param == "line" else _cell
        return lambda text, ns=None: way(notebook, text, ns)
    return _api if request.param == "api" else _cli
