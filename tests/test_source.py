"""What must not stand in the source of the package: ways to run foreign data, waiting without an event, entering the lab."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_imports import dotted, imports, layer, modules

#: What nothing in the package may import: frames and files are data.
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
#: Its data is our own code, compiled, as a .pyc is (tests/sandbox/test_packed.py: only from a file that is the user's own).
MARSHALS = {"agent.pack"}
#: Calls → the modules that may make them, as their task is to run what a person typed.
FORBIDDEN_CALLS = {
    "eval": {"magics"},
    # The supervisor of a submission runs the teacher's checks, in the submission's jail.
    "exec": {"agent.pack", "magics", "course.grading.supervisor"},
    "__import__": set(),
    "os.system": set(),
    "os.popen": set(),
    "yaml.load": set(),
    "time.sleep": set(),
    "sleep": set(),
    "asyncio.sleep": set(),
}
#: Layers on the notebook's side of the connection; nothing there may step into a lab from outside (FAULTS.md 23).
OUTSIDE = {"base", "pure", "client", "views", "engine", "top", "door"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", modules(), ids=lambda path: dotted(path) or "nsmagic")
def test_runs_no_foreign_data_and_never_sleeps(path: Path) -> None:
    name = dotted(path)
    assert not (FORBIDDEN_MODULES - ({"marshal"} if name in MARSHALS else set())) & {
        each.partition(".")[0] for each in imports(path)
    }
    for function, call in calls(ast.parse(path.read_text())):
        assert name in FORBIDDEN_CALLS.get(function, {name}), f"{name}:{call.lineno}: {function}()"
        for keyword in call.keywords:
            shell = keyword.arg == "shell" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            assert not shell, f"{name}:{call.lineno}: shell=True"


@pytest.mark.parametrize(
    "path", [each for each in modules() if layer(dotted(each)) in OUTSIDE], ids=lambda path: dotted(path) or "nsmagic"
)
def test_nothing_enters_the_lab_from_outside(path: Path) -> None:
    """A process put into the lab's pid namespace from outside keeps its pid 1 from ending."""
    assert not [f"{dotted(path)}: {name}" for name in entering(ast.parse(path.read_text()))]


def entering(tree: ast.AST) -> Iterator[str]:
    """Calls of ``setns`` and programs started whose name is ``nsenter``; words in a grammar are only words."""
    for function, call in calls(tree):
        last = function.rpartition(".")[2]
        if last == "setns":
            yield function
        if last in ("Popen", "run", "call", "check_call", "check_output", "execv", "execvp", "execve", "posix_spawn"):
            words = [
                each.value for each in ast.walk(call) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if any(word.rpartition("/")[2].split(" ")[0] == "nsenter" for word in words):
                yield f"{function}: nsenter"


def test_the_reading_finds_what_it_looks_for() -> None:
    tree = ast.parse("import os\nos.setns(3)\nsubprocess.run(['nsenter', '-t', '1'])\nnamespaces = {'nsenter': 1}")
    assert list(entering(tree)) == ["os.setns", "subprocess.run: nsenter"]
    assert [name for name, _ in calls(ast.parse("eval('1')\ntime.sleep(1)"))] == ["eval", "time.sleep"]
