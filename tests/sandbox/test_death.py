"""The lab ends when the notebook's kernel does, whatever happens (FAULTS.md 1 to 9, 12, 15 to 18, 35)."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import LabDied, LabError
from tests import results, rounds

from . import observe

pytestmark = pytest.mark.sandbox

NOTEBOOK = Path(__file__).with_name("notebook.py")
PROCS0_SECONDS = 1.0
NS0_SECONDS = 5.0


class Notebook:
    """A process with a running lab, started to be killed."""

    def __init__(self, count: int, mode: str = "", prefix: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, str(NOTEBOOK), "rootless", str(count), mode], stdout=subprocess.PIPE, text=True
        )
        facts = self.read()
        self.launcher, self.lab = int(facts["launcher"]), str(facts["lab"])
        [self.init] = observe.children(self.launcher)
        self.namespace = observe.pid_namespace(self.init)
        self.pidfd = os.pidfd_open(self.launcher)

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        facts: dict[str, Any] = json.loads(self.process.stdout.readline())
        return facts

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)

    def gone(self) -> None:
        """PROCS0 and MNT0 within a second of the kernel's death."""
        start = time.monotonic()
        assert observe.ended(self.pidfd, PROCS0_SECONDS), "the launcher lives on"
        left = PROCS0_SECONDS - (time.monotonic() - start)
        assert observe.until(lambda: not observe.processes_in(self.namespace), max(left, 0.05))
        assert observe.until(lambda: not observe.mounts_with(f"nsmagic-{self.lab}"), 0.5)

    def close(self) -> None:
        os.close(self.pidfd)
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def notebook(count: int = 4, mode: str = "") -> Iterator[Notebook]:
    made = Notebook(count, mode)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_death_by_signal(number: int) -> None:
    with notebook() as kernel:
        kernel.read()
        kernel.kill(number)
        kernel.gone()


def unshared() -> tuple[str, ...]:
    """Words that start a program as a plain uid in a user namespace of its own, whose namespaces can be counted."""
    plain = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.getuid() == 0 else ()
    return (*plain, "unshare", "--user", "--map-root-user")


def random_deaths(runs: int, seed: int) -> tuple[list[float], list[float]]:
    """Kill kernels at random moments of building and of running cells: seconds until no process and mount, and until no
    namespace was left. ``deaths.py`` asserts the limits of a second and of five."""
    run = subprocess.run(
        [*unshared(), sys.executable, "-m", "tests.sandbox.deaths", str(runs), str(seed)],
        capture_output=True, text=True, timeout=60 + 15 * runs, cwd=NOTEBOOK.parent.parent.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    facts = json.loads(run.stdout)
    assert len(facts["freed"]) == runs
    return sorted(facts["gone"]), sorted(facts["freed"])


def test_death_at_random_moments() -> None:
    random_deaths(10, seed=rounds.seed(1))


@pytest.mark.heavy
def test_300_deaths_at_random_moments(capsys: pytest.CaptureFixture[str]) -> None:
    gone, freed = random_deaths(300, seed=2)
    words = (
        f"no process and mount left after median {gone[150] * 1000:.0f} ms, worst {gone[-1] * 1000:.0f} ms;"
        f" no namespace after median {freed[150] * 1000:.0f} ms, worst {freed[-1] * 1000:.0f} ms"
    )
    results.note("300 SIGKILLs of a notebook at random moments", words)
    with capsys.disabled():
        print(f"\n300 kills: {words}")


def test_death_in_the_first_moments() -> None:
    """FAULTS.md 3: between the start of the kernel and the lab's first words."""
    dice = rounds.chance(3)
    for _ in range(15):
        process = subprocess.Popen(
            [sys.executable, str(NOTEBOOK), "rootless", "1"], stdout=subprocess.DEVNULL, start_new_session=True
        )
        threading.Event().wait(dice.uniform(0.05, 0.35))
        before = launchers_of(process.pid)
        process.kill()
        process.wait(10)
        assert observe.until(lambda before=before: not any(alive(pid) for pid in before), PROCS0_SECONDS)


def launchers_of(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return observe.children(pid)
    return []


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] not in "ZX"
    return False


def test_death_of_a_stopped_launcher_and_init() -> None:
    with notebook() as kernel:
        kernel.read()
        os.kill(kernel.init, signal.SIGSTOP)
        os.kill(kernel.launcher, signal.SIGSTOP)
        kernel.kill()
        kernel.gone()


def test_a_living_fork_does_not_keep_the_lab() -> None:
    with notebook(mode="fork") as kernel:
        kernel.read()
        [copy] = [pid for pid in observe.children(kernel.process.pid) if pid != kernel.launcher]
        try:
            kernel.kill()
            kernel.gone()
            assert alive(copy)
        finally:
            os.kill(copy, signal.SIGKILL)


def test_200_namespaces_and_stubborn_processes() -> None:
    with notebook(count=60, mode="stubborn") as kernel:
        kernel.read()
        assert len(observe.processes_in(kernel.namespace)) > 60
        stopped = observe.processes_in(kernel.namespace)[-20:]
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        kernel.kill()
        kernel.gone()


def test_exec_ends_the_lab() -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(NOTEBOOK.parent.parent.parent)!r})
from nsmagic import Lab
lab = Lab(sandbox="rootless")
lab.run("ip netns add red")
print(lab.pid, flush=True)
sys.stdin.readline()
os.execvp("sleep", ["sleep", "30"])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        launcher = int(process.stdout.readline())
        with observe.handle(launcher) as pidfd:
            process.stdin.write("\n")
            process.stdin.flush()
            assert observe.ended(pidfd, PROCS0_SECONDS)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_lab_outlives_the_thread_that_made_it() -> None:
    made: list[Lab] = []

    def make() -> None:
        lab = Lab(sandbox="rootless")
        lab.run("ip netns add red").check()
        made.append(lab)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join(20)
    with made[0] as lab:
        assert lab.run("ip netns").value.ns.tolist() == ["red"]


def test_dropping_a_lab_ends_it() -> None:
    lab = Lab(sandbox="rootless")
    lab.run("ip netns add red").check()
    with observe.handle(lab.pid) as pidfd:
        del lab
        gc.collect()
        assert observe.ended(pidfd, 2.0)


def test_a_fork_neither_uses_nor_ends_the_lab() -> None:
    with Lab(sandbox="rootless") as lab:
        lab.run("ip netns add red").check()
        pid = os.fork()
        if pid == 0:
            try:
                lab.run("ip netns")
                os._exit(1)
            except LabError as error:
                os._exit(0 if "belongs to process" in str(error) else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert lab.run("ip netns").value.ns.tolist() == ["red"]


@pytest.mark.parametrize("who", ["launcher", "init"])
def test_death_of_the_lab_side_is_told(who: str) -> None:
    lab = Lab(sandbox="rootless")
    lab.run("ip netns add red").check()
    victim = lab.pid if who == "launcher" else observe.children(lab.pid)[0]
    with observe.handle(lab.pid) as pidfd:
        os.kill(victim, signal.SIGKILL)
        assert observe.ended(pidfd, PROCS0_SECONDS)
    start = time.monotonic()
    with pytest.raises(LabDied) as raised:
        lab.run("ip netns")
    assert time.monotonic() - start < 1
    assert raised.value.hint is not None
    lab.close()
    assert lab.run("ip netns").value.empty
    lab.close()


def test_signals_from_inside_do_not_reach_pid_1() -> None:
    with Lab(sandbox="rootless") as lab:
        lab.run("kill -9 1\nkill -STOP 1\nkill -TERM 1\nkill -INT 1\nkill -HUP 1\nkill -SEGV 1")
        lab.run("kill -9 -1")
        assert lab.run("ip netns add red").ok
