"""What is measured in a few fresh processes: loading the extension, memory, events."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from tests.benchmarks import builds, place, rounds
from tests.benchmarks.rounds import Record, Subject

LOAD = "%load_ext nsmagic"
EVENTS = "events"
HEAVY = ("pandas", "pyroute2", "graphviz", "ipywidgets", "numpy")

_LOADING = f"""
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.run_cell("pass")
before = set(sys.modules)
began = time.perf_counter()
shell.run_line_magic("load_ext", "nsmagic")
seconds = time.perf_counter() - began
loaded = set(sys.modules) - before
heavy = sorted(name for name in {HEAVY!r} if name in loaded)
print(json.dumps({{"seconds": seconds, "modules": len(loaded), "heavy": len(heavy), "names": heavy}}))
"""

_MEMORY = """
import json, os, sys
{line}
with open("/proc/self/statm") as file:
    print(json.dumps({{"bytes": int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")}}))
"""


def loading(count: int, say: Callable[[str], None]) -> Record:
    """``%load_ext nsmagic`` in a fresh IPython, and a bare Python for scale."""
    subjects = [
        Subject(LOAD, lambda: place.call([sys.executable, "-c", _LOADING], 60)),
        Subject("import socket, struct, ctypes, threading", lambda: place.call([sys.executable, "-c", _imports()], 60)),
    ]
    return rounds.run("loading the extension", subjects, count, say=say)


def _imports() -> str:
    return (
        "import time; began = time.perf_counter(); import ctypes, socket, struct, threading; seconds = time.perf_counter() - began\n"
        "import json; print(json.dumps({'seconds': seconds}))"
    )


def agent(count: int) -> str:
    """The name of our row."""
    return f"the agent, N = {count}"


def memory(count: int, plan_rounds: int, say: Callable[[str], None]) -> Record:
    """Resident memory of the agent of a lab with so many namespaces, and of a bare Python and one with pyroute2 for scale."""

    def python(line: str) -> Callable[[], Mapping[str, float]]:
        return lambda: place.call([sys.executable, "-I", "-c", _MEMORY.format(line=line)], 60)

    subjects = [
        Subject(agent(count), lambda: builds.ours("memory", count, 120)),
        Subject("python -I", python("")),
        Subject("python -I, import pyroute2", python("import pyroute2")),
    ]
    return rounds.run("memory", subjects, plan_rounds, say=say)


def events(count: int, plan_rounds: int, say: Callable[[str], None]) -> Record:
    """From a request to the moment when Python has seen its event, by a raw socket and by a callback of ours."""
    subjects = [Subject(EVENTS, lambda: builds.ours("events", count, 60))]
    return rounds.run("events", subjects, plan_rounds, say=say)
