"""FAULTS.md 5.A, what tests/sandbox/test_death.py does not show: many at once, a group, a pid 1 that does not reap."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox import observe
from tests.sandbox.test_death import NOTEBOOK, Notebook

pytestmark = pytest.mark.sandbox


@contextlib.contextmanager
def notebooks(count: int, namespaces: int) -> Iterator[list[Notebook]]:
    made: list[Notebook] = []
    try:
        made += [Notebook(namespaces) for _ in range(count)]
        yield made
    finally:
        for each in made:
            each.close()


def _all_together(count: int, namespaces: int) -> None:
    with notebooks(count, namespaces) as kernels:
        begun = time.monotonic()
        for each in kernels:
            each.kill()
        for each in kernels:
            assert observe.until(lambda each=each: not observe.processes_in(each.namespace), 2.0)  # type: ignore[misc]
        print(f"{count} labs, {namespaces} namespaces each: processes gone in {time.monotonic() - begun:.3f} s")
        for each in kernels:
            assert not observe.mounts_with(f"nsmagic-{each.lab}")


def test_011_many_kernels_killed_together() -> None:
    _all_together(4, 10)


@pytest.mark.heavy
def test_011_twenty_kernels_killed_together() -> None:
    _all_together(20, 100)


def test_013_a_hub_kills_the_group() -> None:
    """JupyterHub and systemd kill the process group of a server; the lab's launcher has a session of its own."""
    kernel = Notebook(2, prefix=("setsid",))
    try:
        assert os.getpgid(kernel.process.pid) == kernel.process.pid
        assert os.getsid(kernel.launcher) != kernel.process.pid
        os.killpg(kernel.process.pid, signal.SIGKILL)
        kernel.gone()
    finally:
        kernel.close()


def test_014_a_pid_1_that_does_not_reap() -> None:
    """A container whose first process waits for nobody: zombies may stay, nothing that runs does."""
    first = f"""
import subprocess, sys, time
kernel = subprocess.Popen([sys.executable, {str(NOTEBOOK)!r}, "rootless", "2"], stdout=subprocess.PIPE, text=True)
print(kernel.stdout.readline(), flush=True)
sys.stdin.readline()
kernel.kill()
time.sleep(30)
"""
    unshare = ["unshare", "-pf", "--kill-child"] if os.geteuid() == 0 else ["unshare", "-Urpf", "--kill-child"]
    container = subprocess.Popen(
        [*unshare, sys.executable, "-c", first], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert container.stdout is not None
        assert container.stdin is not None
        json.loads(container.stdout.readline())
        [outer] = observe.children(container.pid)
        everybody = _below(outer)
        inner = {observe.pid_namespace(pid) for pid in everybody} - {observe.pid_namespace(outer)}
        assert len(inner) == 1, "the lab's own"
        container.stdin.write("\n")
        container.stdin.flush()
        assert observe.until(lambda: not observe.processes_in(next(iter(inner))), 2.0)
        # The launcher ends a moment after what it made.
        assert observe.until(lambda: not [pid for pid in everybody if pid != outer and _runs(pid)], 2.0)
    finally:
        container.kill()
        container.wait(10)
        for pipe in (container.stdin, container.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _below(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        found += observe.children(each)
    return found


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False
