"""Interrupts, threads, forks and the end of a real kernel, while a cell runs (FAULTS.md 24 to 26 and 28 to 35)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import LabError
from nsmagic.run import Interrupted
from tests import leaks, rounds
from tests.sandbox import observe
from tests.sandbox.observe import until

pytestmark = pytest.mark.sandbox

#: A program that does not end when it is asked to.
STUBBORN = "trap '' INT TERM; while :; do sleep 1; done"


@dataclass
class Stopped:
    """How an interrupted cell ended, and how many seconds after the first interrupt."""

    error: BaseException | None
    seconds: float
    text: str = ""


class Screen:
    """A sink that keeps what a person saw of a cell that never returned."""

    def __init__(self, words: str = "") -> None:
        self.parts: list[str] = []
        self._words = words
        #: Set when anything was said; when these words were.
        self.seen, self.said = threading.Event(), threading.Event()

    def text(self, text: str) -> None:
        self.parts.append(text)
        self.seen.set()
        if self._words in "".join(self.parts):
            self.said.set()

    def changes(self, lines: Sequence[str]) -> None:
        self.parts += [line + "\n" for line in lines]

    def shown(self, outcome: Any, last: bool) -> None:
        self.parts.append(repr(outcome.value))

    def error(self, error: Any, alone: bool) -> None:
        self.parts.append(error.render())


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab that has started: what is interrupted is a command."""
    with Lab() as made:
        made.run("true").check()
        yield made


def interrupt(
    lab: Lab,
    text: str,
    *,
    first: float = 0.4,
    times: int = 1,
    gap: float = 0.1,
    when: threading.Event | None = None,
    once: str = "",
    aside: bool = False,
    **options: Any,
) -> Stopped:
    """Run a cell in this (the main) thread and interrupt it as Jupyter does: after ``first`` seconds, ``when`` something has happened, or
    ``once`` words were said. ``aside``: the signal comes to another thread, and so wakes nothing that the main one waits for."""
    screen, stop, inside = Screen(once), threading.Event(), threading.Event()
    when = screen.said if once else when
    began: list[float] = []

    def send() -> None:
        inside.wait()
        if when is not None:
            when.wait(60)
        for number in range(times):
            if stop.wait((0.0 if when is not None else first) if not number else gap) and not number:
                return
            began.append(time.monotonic())
            if aside:
                until(lambda: waits(threading.main_thread()), 20)
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            else:
                os.kill(os.getpid(), signal.SIGINT)

    running: list[bool] = []

    def arrived(*_: object) -> None:
        if running:  # before and after it belongs to no cell
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, arrived)
    thread = threading.Thread(target=send)
    error: BaseException | None = None
    thread.start()
    try:
        running.append(True)
        inside.set()
        lab.run(text, sink=screen, **options)
        running.clear()
    except KeyboardInterrupt as caught:
        running.clear()
        error = caught
    finally:  # whatever came of it: no interrupt may be left over for who comes next
        running.clear()
        ended = time.monotonic()
        stop.set()
        thread.join()
        signal.signal(signal.SIGINT, before)
    return Stopped(error, ended - (began or [ended])[0], "".join(screen.parts))


def waits(thread: threading.Thread) -> bool:
    """Whether it has been in one and the same wait for a while: its stack is the same, and it does not run."""
    seen = set()
    for _ in range(5):
        frame = sys._current_frames()[thread.ident or 0]
        state = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()[0]
        seen.add((state, frame.f_code.co_name, frame.f_lasti))
        time.sleep(0.02)
    return len(seen) == 1 and seen.pop()[0] == "S"


def test_an_interrupt_that_does_not_wake_the_main_thread(lab: Lab) -> None:
    """As one does that comes just before that begins to wait: the command ends all the same, and does not run to its end."""
    text = "for n in late; do echo begun; sleep 10; ip netns add $n; done"
    stopped = interrupt(lab, text, once="begun", aside=True)
    assert isinstance(stopped.error, Interrupted)
    assert lab.names() == []


def names_of_processes(lab: Lab) -> list[str]:
    return [name for _, name in lab.status()["processes"]]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("ping 127.0.0.1", 3.0),
        ("ping 127.0.0.1 | cat", 3.0),
        ("command ping 127.0.0.1", 3.0),
        ("for i in 1 2 3; do sleep 100; done", 3.0),
        ("python3 -c 'import time; time.sleep(100)'", 3.0),
        (STUBBORN, 4.0),
        ("ip monitor", 3.0),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_an_interrupt_ends_what_runs_and_keeps_the_lab(lab: Lab, text: str, seconds: float) -> None:
    lab.run("ip netns add red").check()
    stopped = interrupt(lab, text)
    assert isinstance(stopped.error, Interrupted)
    assert stopped.seconds <= seconds
    # What ran is told to have ended a moment before pid 1 has reaped it.
    assert until(lambda: names_of_processes(lab) == [], 1.0)
    assert lab.run("echo still here; ip netns").text.startswith("still here\n")
    assert lab.names() == ["red"]


def test_the_output_until_then_is_shown(lab: Lab) -> None:
    stopped = interrupt(lab, "echo first\nping -i 0.2 127.0.0.1", first=0.8)
    assert stopped.text.startswith("first\nPING 127.0.0.1")
    assert "icmp_seq=2" in stopped.text
    # ping's own words at the end, as Ctrl-C gives at a terminal
    assert "ping statistics" in stopped.text


def test_the_error_is_one_line(lab: Lab) -> None:
    error = interrupt(lab, "sleep 100").error
    assert isinstance(error, Interrupted)
    assert error._render_traceback_() == ["interrupted: sleep 100   (the lab goes on)"]


def test_the_lines_below_an_interrupted_one_do_not_run(lab: Lab) -> None:
    interrupt(lab, "sleep 100\nip netns add never")
    assert lab.names() == []


DAEMONS = """\
setsid sleep 1000 &
(setsid sh -c 'trap "" INT TERM HUP; sleep 999 & sleep 998' &)
nohup sleep 997 &
python3 -c 'import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(996)
    os._exit(0)'
sleep 500"""


def test_daemons_of_an_interrupted_cell_end_and_declared_jobs_live(lab: Lab) -> None:
    job = lab.run("sleep 2000 &").value
    other = lab.run("sleep 3000", background=True).value
    stopped = interrupt(lab, DAEMONS, first=0.8)
    assert isinstance(stopped.error, Interrupted)
    assert stopped.seconds < 3.0
    assert names_of_processes(lab) == ["sleep", "sleep"]
    assert job.running
    assert other.running


def test_a_time_limit_ends_daemons_too(lab: Lab) -> None:
    result = lab.run(DAEMONS, timeout=0.8)
    assert [type(error).__name__ for error in result.errors] == ["CommandTimeout"]
    assert names_of_processes(lab) == []


def test_what_a_finished_cell_left_behind_lives_on(lab: Lab) -> None:
    """As at a terminal: only an interrupt takes along what was started."""
    lab.run("(setsid sleep 1000 > /dev/null 2>&1 &)").check()
    assert observe.until(lambda: names_of_processes(lab) == ["sleep"], 4.0)  # it is bash until it becomes that


@pytest.mark.parametrize("text", ["ping 127.0.0.1", "sleep 100", STUBBORN, "ping 127.0.0.1 | cat"])
def test_ten_interrupts_within_a_second(lab: Lab, text: str) -> None:
    stopped = interrupt(lab, text, times=10)
    assert isinstance(stopped.error, Interrupted)
    # The second one does not wait for a program that refuses to end.
    assert stopped.seconds < 3.0
    assert lab.run("echo usable").text == "usable\n"
    assert observe.until(lambda: names_of_processes(lab) == [], 4.0)


@pytest.mark.parametrize("first", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_a_lab_whose_start_is_interrupted_leaves_nothing(first: float) -> None:
    """``no_leaks`` looks for its processes, threads and descriptors."""
    if rounds.ROUND:
        first = rounds.chance(int(first * 100)).uniform(0.0, 0.35)
    with Lab() as lab:
        interrupt(lab, "sleep 100", first=first)
        assert lab.run("echo started").text == "started\n"


def test_a_start_interrupted_while_its_thread_begins_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interrupt that comes when the launcher is on its way and nobody holds it yet; what was raised is kept, as IPython does."""
    begin = threading.Thread.start

    def start(self: threading.Thread) -> None:
        begin(self)
        if self.name == "nsmagic-spawn":
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    before = leaks.held()
    with pytest.raises(KeyboardInterrupt) as kept:
        Lab().run("true")
    assert leaks.left_since(before) == []
    assert kept.value is not None


@pytest.mark.parametrize("seed", range(4))
def test_interrupts_at_random_moments(lab: Lab, seed: int) -> None:
    """No frame is torn, no answer mixed with another's, and no command runs on into the next cell."""
    chance = rounds.chance(seed)
    cells = [
        "ip link",
        "ip netns add n{}",
        "\n".join(f"ip netns add b{{}}-{at}\nip -n b{{}}-{at} link set lo up" for at in range(12)),
        "for i in 1 2 3; do echo $i; done",
        "ping -c 2 -i 0.05 127.0.0.1",
        "true",
        "ip addr\necho hi\nip route",
        "x='" + "a" * 200_000 + "'; echo ${{#x}}",
    ]
    lab.run("ip link")
    for number in range(15):
        interrupt(lab, chance.choice(cells).format(*[number] * 30), first=chance.random() * 0.1)
        answer = lab.run(f"echo {number}")
        assert answer.text == f"{number}\n"
        assert answer.changes == []
        assert lab.names() == sorted(lab.run("ls -1 /run/netns 2> /dev/null | cat").text.split())
    assert names_of_processes(lab) == []


# Standard input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", ""),
        ("python3", ""),
        ("bash", ""),
        ("cat | wc -c", "0\n"),
        ("read x; echo got=$x", "got=\n"),
        ("ip netns exec red cat", ""),
        ("python3 -c 'print(input())'", "EOFError"),
    ],
)
def test_standard_input_is_at_its_end(lab: Lab, text: str, expected: str) -> None:
    lab.run("ip netns add red").check()
    began = time.monotonic()
    result = lab.run(text)
    assert time.monotonic() - began < 2.0
    assert expected in result.text


# Threads and forks


def test_threads_use_one_lab_at_once(lab: Lab) -> None:
    lab.run("ip netns add red\nip netns add blue").check()
    wrong: list[str] = []

    def work(name: str) -> None:
        for number in range(8):
            text = f"echo {name}{number}\nip -br link" if number % 2 else f"for a in {name}{number}; do echo $a; done"
            result = lab.run(text, name)
            if not result.ok or not result.text.startswith(f"{name}{number}\n"):
                wrong.append(result.text)
            if number % 2 and set(result.value["ns"]) != {name}:
                wrong.append(str(result.value))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("red", "blue", "red", "blue")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_lab_made_in_a_short_thread_lives_on() -> None:
    labs: list[Lab] = []

    def make() -> None:
        labs.append(Lab())
        labs[0].run("ip netns add red").check()

    thread = threading.Thread(target=make)
    thread.start()
    thread.join(30)
    with labs[0] as lab:
        assert lab.names() == ["red"]


def test_a_forked_child_cannot_use_the_lab_nor_end_it(lab: Lab) -> None:
    lab.run("ip netns add red").check()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        words = "no error"
        for command in ("ip link", "echo hi", "ping -c1 127.0.0.1", "for i in 1; do echo $i; done"):
            try:
                lab.run(command)
            except LabError as error:
                words = f"{error.message} / {error.hint}"
            else:
                words = f"{command} ran"
                break
        os.write(writer, words.encode())
        lab.close()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = file.read()
    os.waitpid(pid, 0)
    assert said.startswith(f"this lab belongs to process {os.getpid()}")
    assert said.endswith("make a Lab() of its own after the fork")
    assert lab.names() == ["red"]
    assert lab.run("echo parent").text == "parent\n"


# A real kernel


class Kernel:
    """An ipykernel behind jupyter_client, with nsmagic loaded."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name="python3")
        environment = {
            **os.environ,
            "IPYTHONDIR": str(folder),
            "JUPYTER_RUNTIME_DIR": str(folder),
            "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        }
        environment.pop("PYTEST_VERSION", None)  # there a cell has a time limit
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)
        self.cell("%load_ext nsmagic")

    def cell(self, source: str, timeout: float = 30) -> tuple[str, dict[str, Any]]:
        """Run a cell: what it printed, and its reply."""
        parts: list[str] = []

        def output(message: dict[str, Any]) -> None:
            content = message["content"]
            parts.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

        reply = self.client.execute_interactive(source, timeout=timeout, output_hook=output)
        return "".join(parts), reply["content"]

    def launcher(self) -> int:
        printed, _ = self.cell("print(get_ipython().magics_manager.registry['Netns'].lab_of().pid)")
        return int(printed)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.client.context.destroy(linger=0)
        self.manager.context.destroy(linger=0)


def keep_loops() -> None:
    """Have jupyter_client make the loop that it keeps for this thread, and where a browser's runs already, the one in a thread of
    its own: before a test, so that none leaves them."""
    from jupyter_core.utils import ensure_event_loop, run_sync

    async def nothing() -> None: ...

    ensure_event_loop()
    run_sync(nothing)()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the kernels keep their files."""
    keep_loops()
    return tmp_path_factory.mktemp("kernel")


@pytest.fixture
def kernel(folder: Path) -> Iterator[Kernel]:
    made = Kernel(folder)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def gone_afterwards(launcher: int, seconds: float = 1.0) -> Iterator[None]:
    """What the lab of this launcher had is gone when the block ends."""
    [init] = observe.children(launcher)
    namespace = observe.pid_namespace(init)
    yield
    assert observe.until(lambda: not observe.processes_in(namespace), seconds)


@pytest.mark.not_in_vm("looks into the lab from the machine")
def test_interrupt_restart_and_shutdown_of_a_kernel(kernel: Kernel) -> None:
    kernel.cell("%%netns\nip netns add red\nip link add veth0 type veth peer name veth1")
    launcher = kernel.launcher()
    for text, seconds in (("ping 127.0.0.1", 3.0), (STUBBORN, 4.0)):
        began: list[float] = []

        def send(began: list[float] = began) -> None:
            began.append(time.monotonic())
            kernel.manager.interrupt_kernel()

        timer = threading.Timer(0.8, send)
        timer.start()
        printed, reply = kernel.cell(f"%%netns\n{text}")
        assert time.monotonic() - began[0] < seconds
        timer.join()
        assert (reply["status"], reply["ename"]) == ("error", "Interrupted")
        assert len(reply["traceback"]) == 1
        assert "PING" in printed or text is STUBBORN
    assert kernel.launcher() == launcher
    printed, reply = kernel.cell("%netns ip netns")
    assert reply["status"] == "ok"
    assert "red" in printed
    with gone_afterwards(launcher, 0.0):
        kernel.manager.restart_kernel(now=False)
        kernel.client.wait_for_ready(timeout=30)
        kernel.cell("%load_ext nsmagic")
    _, reply = kernel.cell("%%netns\nip netns add red\nip link add veth0 type veth peer name veth1")
    assert reply["status"] == "ok"
    kernel.client.execute("%netns sleep 1000")
    with gone_afterwards(_launcher_of(kernel.manager)):
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=30)
    kernel.cell("%load_ext nsmagic")
    with gone_afterwards(kernel.launcher()):
        kernel.manager.shutdown_kernel()


def _launcher_of(manager: Any) -> int:
    """The launcher of a kernel's lab, also while the kernel is busy."""
    [launcher] = observe.children(manager.provisioner.pid)
    return launcher


def test_a_cell_that_nbclient_gives_up_leaves_nothing(folder: Path) -> None:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError

    marker = folder / "launcher"
    cells = [
        "%load_ext nsmagic",
        "%%netns\nip netns add red",
        f"open({str(marker)!r}, 'w').write(str(get_ipython().magics_manager.registry['Netns'].lab_of().pid))",
        "%%netns\nping 127.0.0.1",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    environment = {"IPYTHONDIR": str(folder), "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    client = NotebookClient(notebook, timeout=4, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    with pytest.raises(CellTimeoutError):
        client.execute(env={**os.environ, **environment})
    assert observe.until(lambda: not _alive(int(marker.read_text())), 2.0)


def test_jupyter_execute_fails_when_a_cell_takes_too_long(folder: Path) -> None:
    import nbformat

    marker = folder / "launcher-of-execute"
    cells = [
        "%load_ext nsmagic",
        f"%netns true\nopen({str(marker)!r}, 'w').write(str(get_ipython().magics_manager.registry['Netns'].lab_of().pid))",
        "%%netns\nsleep 1000",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    path = folder / "late.ipynb"
    nbformat.write(notebook, path)
    environment = {
        **os.environ,
        "IPYTHONDIR": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from nbclient.cli import main; main()", "--timeout=4", str(path)],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Timeout" in done.stderr
    assert observe.until(lambda: not _alive(int(marker.read_text())), 2.0)


def _alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")
