"""``nsmagic shell`` and ``nsmagic ls``: a terminal in a running lab, typed into through a terminal of our own; and the lab's door."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import nsmagic
from nsmagic import Lab
from nsmagic import syscalls as sys_
from nsmagic.agent import door, protocol
from nsmagic.errors import LabDied, LabError, NsmagicError
from nsmagic.sandbox import running
from tests.sandbox import observe

pytestmark = pytest.mark.sandbox

ROOT = Path(nsmagic.__file__).resolve().parent.parent
PATIENCE = 15.0


def words(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nsmagic", *arguments]


def command(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(*arguments), input=stdin, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def id_of(lab: Lab) -> str:
    return str(lab.status()["lab"])


class Terminal:
    """A terminal with a program on it, and us at the keyboard."""

    def __init__(self, *arguments: str, lines: int = 24, columns: int = 80) -> None:
        self.master, self.slave = os.openpty()
        self.resize(lines, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = ""

        def own_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            words(*arguments), stdin=self.slave, stdout=self.slave, stderr=self.slave, cwd=ROOT, start_new_session=True,
            preexec_fn=own_terminal,
        )  # fmt: skip

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, pattern: str) -> str:
        """Read until a pattern is seen; what was matched. What came before it is forgotten."""
        end = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end() :]
                return found.group()
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} is not in {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 1 << 16).decode(errors="replace")

    def status(self) -> int:
        """Wait for the program's end."""
        return self.process.wait(PATIENCE)

    def restored(self) -> bool:
        """Whether the terminal's settings are what they were before."""
        return termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self.master)
        os.close(self.slave)


@contextmanager
def terminal(*arguments: str, **size: int) -> Iterator[Terminal]:
    made = Terminal(*arguments, **size)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def red(lab: Lab) -> Lab:
    lab.run("ip netns add red").check()
    return lab


PROMPT = r"red:[^\r\n]*# "


def test_typing_in_a_namespace(red: Lab) -> None:
    with terminal("shell", "red", "--lab", id_of(red)) as typed:
        typed.until("exit or Ctrl-D leaves, the lab stays")
        typed.until(PROMPT)
        typed.type("ip -br link\r")
        assert "UNKNOWN" not in typed.until(r"lo +\w+ +00:00:00:00:00:00")
        typed.until(PROMPT)
        typed.type("ip link add v0 type veth peer name v1\r")
        typed.until(PROMPT)
        typed.type("exit 3\r")
        assert typed.status() == 3
        assert typed.restored()
    assert set(red["red"].links.ifname) == {"lo", "v0", "v1"}, "the same lab as the notebook's"


def test_ctrl_d_leaves_and_the_lab_stays(red: Lab) -> None:
    with terminal("shell", "--lab", id_of(red)) as typed:
        typed.until(r"host:[^\r\n]*# ")
        typed.type("\x04")
        assert typed.status() == 0
    assert red.running


def test_ctrl_c_reaches_the_command_and_nothing_else(red: Lab) -> None:
    with terminal("shell", "red", "--lab", id_of(red)) as typed:
        typed.until(PROMPT)
        typed.type("sleep 60; echo over\r")
        # Before bash has started it, bash itself may take the Ctrl-C wrongly (outside of a lab too).
        assert observe.until(lambda: any(name == "sleep" for _, name in red.status()["processes"]), 5.0)
        typed.type("\x03")
        assert "over" not in typed.until(PROMPT)
        typed.type("echo still $((6 * 7))\r")
        typed.until("still 42")
        typed.until(PROMPT)  # typed before bash reads again, Ctrl-D would be lost, as at any terminal
        typed.type("\x04")
        typed.status()
    assert red.run("true").ok


def test_size_and_its_changes(red: Lab) -> None:
    with terminal("shell", "red", "--lab", id_of(red), lines=40, columns=100) as typed:
        typed.until(PROMPT)
        typed.type("stty size\r")
        typed.until("40 100")
        typed.resize(50, 120)
        # Asked again until the change has gone all the way; each answer is an event.
        for _ in range(100):
            typed.until(PROMPT)
            typed.type("stty size\r")
            if typed.until(r"\d+ \d+\r") == "50 120\r":
                break
        else:
            pytest.fail("the lab's terminal never got the new size")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(red: Lab, number: int) -> None:
    with terminal("shell", "red", "--lab", id_of(red)) as typed:
        typed.until(PROMPT)
        assert not typed.restored(), "keys are handed on as they are typed"
        typed.process.send_signal(number)
        assert typed.status() == 128 + number
        assert typed.restored()
    assert observe.until(lambda: not red.status()["processes"], 5.0), "the shell inside ends with its terminal"


def test_the_lab_ends_under_a_shell() -> None:
    lab = Lab()
    lab.run("ip netns add red").check()
    with terminal("shell", "red", "--lab", id_of(lab)) as typed:
        typed.until(PROMPT)
        lab.close()
        typed.until("has ended")
        assert typed.status() == 1
        assert typed.restored()


def test_a_background_job_does_not_hold_the_terminal(red: Lab) -> None:
    with terminal("shell", "red", "--lab", id_of(red)) as typed:
        typed.until(PROMPT)
        typed.type("sleep 60 & disown; exit 4\r")
        start = time.monotonic()
        assert typed.status() == 4
        assert time.monotonic() - start < 5.0


def test_much_output_arrives_whole(red: Lab) -> None:
    with terminal("shell", "red", "--lab", id_of(red)) as typed:
        typed.until(PROMPT)
        typed.type("seq 200000; echo do''ne\r")
        typed.until(r"\n199999\r\n200000\r\ndone")


def test_terminal_where_mounts_are_refused() -> None:
    with Lab(sandbox="rootless-nomount") as lab:
        lab.run("ip netns add red").check()
        with terminal("shell", "red", "--lab", id_of(lab)) as typed:
            typed.until(PROMPT)
            typed.type("ip -br link; exit 5\r")
            typed.until(r"lo +\w+ +00:00:00:00:00:00")
            assert typed.status() == 5


# What is piped in


def test_piped_commands_are_a_script(red: Lab) -> None:
    done = command("shell", "red", "--lab", id_of(red), stdin="ip -br link\nfalse\nexit 7\n")
    assert done.returncode == 7
    assert done.stdout.split()[0] == "lo"
    assert not done.stderr


def test_a_script_runs_in_the_lab_and_shows_errors_as_bash_does(red: Lab) -> None:
    done = command("shell", "--lab", id_of(red), stdin="hostname\nnosuch\n")
    assert done.stdout.splitlines() == ["host", "line 2: nosuch: command not found"]
    assert done.returncode == 127


def test_nothing_piped_in_is_nothing_done(red: Lab) -> None:
    done = command("shell", "--lab", id_of(red))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_script_that_writes_without_end_is_stopped(red: Lab) -> None:
    done = command("shell", "--lab", id_of(red), stdin="yes")
    assert done.returncode == 1
    assert "wrote too much" in done.stderr
    assert len(done.stdout) <= 1 << 20


def test_interrupting_a_script_ends_it(red: Lab) -> None:
    with subprocess.Popen(
        words("shell", "--lab", id_of(red)), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("echo begun; exec sleep 60\n")
        process.stdin.close()
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert observe.until(lambda: not red.status()["processes"], 5.0)


# Which lab


def test_unknown_namespace(red: Lab) -> None:
    done = command("shell", "rad", "--lab", id_of(red))
    assert done.returncode == 1
    assert done.stderr == f'there is no namespace "rad" in lab {id_of(red)}\nhint: there are: host, red\n'


def test_who_has_visited_a_lab_can_be_looked_into_as_before() -> None:
    """Root goes to the door as the lab's plain user for a moment; by that the kernel would hide our ``/proc`` from our own children."""
    with Lab() as lab, running._connect(id_of(lab), running._faces()[0]):
        assert sys_.prctl(sys_.PR_GET_DUMPABLE) == 1


def test_several_labs_must_be_told_apart() -> None:
    assert running.choose(None, ["0badcafe"]) == "0badcafe"
    assert running.choose("1", ["0badcafe", "12345678"]) == "12345678"
    with pytest.raises(LabError, match="2 labs are running") as caught:
        running.choose(None, ["0badcafe", "12345678"])
    assert caught.value.hint == "say which with --lab: 0badcafe, 12345678"
    with pytest.raises(LabError, match="there is no lab ff"):
        running.choose("ff", ["0badcafe"])
    with pytest.raises(LabError, match="no lab is running"):
        running.choose(None, [])


def test_ls_lists_the_labs_of_this_user(red: Lab) -> None:
    with Lab() as other:
        other.run("ip netns add blue").check()
        lines = {line.split()[0]: line for line in command("ls").stdout.splitlines()}
        assert re.split(r" {2,}", lines[id_of(red)]) == [
            id_of(red), red.kind, "1: red", "0", str(red.pid), os.getcwd(),
        ]  # fmt: skip
        assert "1: blue" in lines[id_of(other)]
        ended = id_of(other)
    assert ended not in command("ls").stdout


def test_the_list_is_read_with_care() -> None:
    text = (
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 71083 @nsmagic-1000-0badcafe\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 71084 @nsmagic-1000-0badcafe\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 71085 @nsmagic-1000-11111111\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 71086 @nsmagic-1001-22222222\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 71087 @nsmagic-1000-../../etc\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 71088 /tmp/@nsmagic-1000-33333333\n"
    )
    assert running.ids(lambda path: text, 1000) == ["0badcafe"]


# The door


def knock(lab_id: str) -> socket.socket:
    """A bare connection to a lab's door."""
    return running._connect(lab_id, running._faces()[0])


def closed(sock: socket.socket) -> bool:
    sock.settimeout(PATIENCE)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_visitor_asks_what_the_notebook_asks(red: Lab) -> None:
    with running.Visit(id_of(red)) as visit:
        assert visit.pid == red.pid
        assert visit.ask("status")["namespaces"] == ["red"]
        with pytest.raises(NsmagicError, match="the agent knows no request 'nonsense'"):
            visit.ask("nonsense")


def test_visitors_who_say_nothing_or_nonsense_hold_nobody_up(red: Lab) -> None:
    lab_id = id_of(red)
    silent = [knock(lab_id) for _ in range(door.MOST)]
    try:
        assert red.run("ip link").ok
        with knock(lab_id) as one_too_many:
            assert closed(one_too_many)
        for sock in silent[:4]:
            sock.sendall(b"\xff\xff\xff\xff nonsense")
            assert closed(sock)
        silent[4].sendall(protocol.pack({"id": 1, "op": "cancel", "target": []}))
        silent[4].sendall(protocol.pack({"id": 2, "op": "status", "what": {}}))
        assert b"internal error" in silent[4].recv(1 << 16)
        assert red.run("ip link").ok
    finally:
        for sock in silent:
            sock.close()
    with running.Visit(lab_id) as visit:
        assert visit.ask("status")["kind"] == red.kind


def test_a_visitor_who_does_not_read_is_put_out(red: Lab) -> None:
    lab_id = id_of(red)
    with knock(lab_id) as sock:
        for number in range(1, 9):
            sock.sendall(protocol.pack({"id": number, "op": "run", "argv": ["seq", "200000"]}))
        start = time.monotonic()
        assert observe.until(lambda: not red.status()["processes"], PATIENCE)
        assert time.monotonic() - start < PATIENCE
        assert red.run("ip link").ok


def test_descriptors_that_a_visitor_sends_are_closed(red: Lab) -> None:
    def held() -> int:
        return int(red.run("ls /proc/1/fd | wc -l").text)

    lab_id = id_of(red)
    with knock(lab_id) as sock:
        channel = protocol.Channel(sock)
        channel.send({"id": 1, "op": "hello", "version": protocol.VERSION})
        channel.receive()
        before = held()
        for number in range(2, 40):
            channel.send({"id": number, "op": "jobs"}, [0, 1, 2])
            channel.receive()
        assert held() == before


@pytest.mark.root
def test_another_user_is_not_let_in(red: Lab) -> None:
    lab_id = id_of(red)
    with socket.socket(socket.AF_UNIX) as sock:
        os.seteuid(65534)
        try:
            sock.connect(door.name_of(0, lab_id))
        finally:
            os.seteuid(0)
        assert closed(sock)
    assert red.run("true").ok


def test_a_name_that_somebody_else_took_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door.name_of(os.getuid(), "2badcafe"))
        listener.listen(4)
        monkeypatch.setattr(door, "peer", lambda sock: (1, os.getuid() + 1))
        with pytest.raises(LabError, match="belongs to another user"):
            running.Visit("2badcafe")


def test_a_lab_that_does_not_answer_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PATIENCE", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(door.name_of(os.getuid(), "0badcafe"))
        listener.listen(4)
        with pytest.raises(LabError, match="does not answer"):
            running.Visit("0badcafe")
    with pytest.raises(LabDied, match="there is no lab"):
        running.Visit("0badcafe")


def test_a_lab_whose_name_is_taken_has_no_door_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsmagic.sandbox.config.secrets.token_hex", lambda size: "1badcafe")
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(door.name_of(os.getuid(), "1badcafe"))
        with Lab() as lab:
            assert "nsmagic shell: Address already in use" in lab.status()["missing"]
            assert lab.run("ip link").ok


def test_pid_1_keeps_only_its_own(red: Lab) -> None:
    """FAULTS.md 53: 0, 1, 2, the notebook's socket, the door, and what the agent itself has opened."""
    lines = [line for line in red.run("ls -l /proc/1/fd | cat").text.splitlines() if "->" in line]
    held = {int(line.split()[-3]): line.split()[-1] for line in lines}
    assert {held[number] for number in (0, 1, 2)} == {"/dev/null"}
    assert held[3].startswith("socket:")
    assert held[4].startswith("socket:")
    assert not [
        target
        for target in held.values()
        if "pidfd" in target or (target.startswith("/") and target not in ("/dev/null", "/proc"))
    ]


NOTEBOOK = """
import sys
from nsmagic import Lab
lab = Lab()
print(lab.status()["lab"], lab.pid, flush=True)
sys.stdin.read()
"""


@contextmanager
def other_notebook() -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A lab of another process: ``(the process, the lab's id, its launcher's pid)``."""
    with subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lab_id, launcher = process.stdout.readline().split()
        try:
            yield process, lab_id, int(launcher)
        finally:
            process.kill()


def wait_for(visit: running.Visit, number: int) -> None:
    while not any(message["id"] == number for message, _ in visit.receive()):
        continue


@pytest.mark.parametrize("stopped", [False, True])
def test_visitors_do_not_keep_a_dead_lab_alive(stopped: bool) -> None:
    """The launcher's death is as before: its notebook's end ends it, whoever is in the lab or at the door."""
    with other_notebook() as (process, lab_id, launcher), observe.handle(launcher) as pidfd:
        [init] = observe.children(launcher)
        namespace = observe.pid_namespace(init)
        with running.Visit(lab_id) as visit, terminal("shell", "--lab", lab_id) as typed:
            typed.until("# ")
            number = visit.send("run", argv=["sleep", "60"])
            if stopped:
                os.kill(launcher, signal.SIGSTOP)
            # More of them than a stopped launcher can take in.
            knocking = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(64)]
            for sock in knocking:
                with suppress(BlockingIOError):
                    sock.connect(door.name_of(os.getuid(), lab_id))
            process.kill()
            assert observe.ended(pidfd, 1.0)
            assert observe.until(lambda: not observe.processes_in(namespace), 1.0)
            with pytest.raises(LabDied):
                wait_for(visit, number)
            assert typed.status() == 1
            for sock in knocking:
                sock.close()
    assert lab_id not in running.ids()


def test_a_flood_at_the_door_does_not_hide_the_end() -> None:
    """While connections come without pause, the end of the notebook is still seen at once."""
    with other_notebook() as (process, lab_id, launcher), observe.handle(launcher) as pidfd:
        source = (
            "import socket, sys\n"
            f"name = {door.name_of(os.getuid(), lab_id)!r}\n"
            "try:\n"
            "    while True:\n"
            "        with socket.socket(socket.AF_UNIX) as sock:\n"
            "            sock.connect(name)\n"
            "except OSError:\n"
            "    pass\n"
        )
        floods = [subprocess.Popen([sys.executable, "-c", source]) for _ in range(2)]
        try:
            with subprocess.Popen(words("ls"), cwd=ROOT, stdout=subprocess.DEVNULL) as listing:
                assert listing.wait(PATIENCE) == 0
            process.kill()
            assert observe.ended(pidfd, 2.0)
        finally:
            for flood in floods:
                flood.kill()
                flood.wait(PATIENCE)
