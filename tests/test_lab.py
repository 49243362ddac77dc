"""What ``Lab`` promises, on the real kernel: its life, its determinism, its sockets, its files, its limits, its errors."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nsmagic import Lab, errors
from nsmagic.errors import LabError

pytestmark = pytest.mark.sandbox

PAIR = """
ip netns add red
ip netns add blue
ip link add veth-red netns red type veth peer name veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
"""


@pytest.fixture
def pair(lab: Lab) -> Lab:
    lab.run(PAIR).check()
    return lab


def output(lab: Lab, command: str, ns: str | None = None) -> str:
    """What a program of the lab printed."""
    return lab.run(command, ns).check().text


# Life


def test_starts_at_the_first_use_and_ends_with_close() -> None:
    lab = Lab()
    assert (lab.running, repr(lab)) == (False, "<lab, not started>")
    lab.run("ip netns add red")
    assert (lab.running, repr(lab)) == (True, f"<lab of kind {lab.kind}>")
    pid = lab.pid
    lab.close()
    assert not lab.running
    assert not Path(f"/proc/{pid}").exists()
    lab.close()


def test_the_next_use_starts_an_empty_one(lab: Lab) -> None:
    lab.run("ip netns add red")
    first = lab.pid
    lab.reset()
    assert lab.names() == []
    assert lab.script() == ""
    assert lab.pid != first


def test_two_labs_know_nothing_of_each_other(pair: Lab) -> None:
    with Lab() as other:
        other.run(PAIR).check()
        other.run("ip netns del blue").check()
        assert other.names() == ["red"]
    assert pair.names() == ["blue", "red"]
    assert pair.run("ping -c 1 192.168.15.2", "red").value.received == 1


def test_a_lab_is_usable_from_any_thread(pair: Lab) -> None:
    def ask(number: int) -> tuple[int, str]:
        return number, output(pair, f"echo {number}", ("red", "blue", None)[number % 3])

    with ThreadPoolExecutor(8) as pool:
        for number, said in pool.map(ask, range(60)):
            assert said == f"{number}\n"


def test_many_labs_leave_nothing(lab: Lab) -> None:
    """FAULTS 44, short: descriptors and threads stay as they were (processes are watched around every test)."""

    def counts() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    with Lab() as first:
        first.run(PAIR)
    before = counts()
    for _ in range(10):
        with Lab() as each:
            each.run(PAIR).check()
    assert counts() == before


@pytest.mark.not_in_vm("speaks of the kind that serves by itself")
def test_status(pair: Lab) -> None:
    status = pair.status()
    assert status["kind"] == pair.kind == "rootless"
    assert status["namespaces"] == ["blue", "red"]
    assert status["missing"] == []
    assert status["limits"]["namespaces"] == 256
    assert status["launcher"] == pair.pid


# Kinds


def test_kinds_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab(sandbox="rootless-nomount") as lab:
        lab.run(PAIR).check()
        assert lab.kind == "rootless-nomount"
        assert lab.run("ping -c 1 192.168.15.2", "red").value.received == 1
    monkeypatch.setenv("NSMAGIC_SANDBOX", "rootless-nomount")
    with Lab() as lab:
        assert lab.kind == "rootless-nomount"
    with Lab(sandbox="rootless") as lab:
        assert lab.kind == "rootless"


def test_there_is_no_such_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.LabError, match="there is no sandbox kind 'docker'"):
        Lab(sandbox="docker").run("true")
    monkeypatch.setenv("NSMAGIC_SANDBOX", "docker")
    with pytest.raises(errors.LabError, match="there is no sandbox kind 'docker'"):
        Lab().run("true")


def test_the_machine_itself_only_by_name_and_only_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind ``host`` is refused to others; that root gets it is tested where the machine is a throw-away (``heavy``)."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(errors.LabError, match="needs root"):
        Lab(sandbox="host").run("true")


# The same every time


def test_the_same_commands_give_the_same_lab() -> None:
    def build(seed: int) -> tuple[str, list[str]]:
        with Lab(seed=seed) as lab:
            lab.run(PAIR + "ip link add br0 type bridge\nip link set br0 up").check()
            return lab.links.to_csv(), list(lab.links.mac)

    assert build(0) == build(0)
    assert build(0) != build(1)


def test_sysctls_are_the_kernels_defaults(pair: Lab) -> None:
    for ns in ("host", "red"):
        table = pair[ns].sysctls.set_index("name").value
        assert table["net.ipv4.ip_forward"] == "0"
        assert table["net.ipv4.conf.all.rp_filter"] == "0"
        assert table["net.ipv6.conf.all.forwarding"] == "0"


# Results


def test_outcomes_one_for_each_command(lab: Lab) -> None:
    result = lab.run("ip netns add red\nip link set nothing up\necho hello\nip netns")
    assert [(each.line, each.ok) for each in result.outcomes] == [(1, True), (2, False), (3, True), (4, True)]
    assert result.outcomes[0].changes[0].new.ns == "red"
    assert isinstance(result.outcomes[1].error, errors.KernelRefused)
    assert result.outcomes[1].error.errno == 19
    assert result.outcomes[2].output == "hello\n"
    assert list(result.value.ns) == ["red"]
    assert not result.ok
    with pytest.raises(errors.CellFailed, match="line 2 failed: ip link set nothing up") as failed:
        result.check()
    assert failed.value.lines == [2]


def test_a_text_that_cannot_be_read_runs_nothing(lab: Lab) -> None:
    with pytest.raises(errors.CommandSyntaxError):
        lab.run("ip netns add red\nip link add 'x")
    assert lab.names() == []


def test_no_such_namespace(pair: Lab) -> None:
    for use in (lambda: pair.run("true", "rad"), lambda: pair["rad"], lambda: pair.frame("links", "rad")):
        with pytest.raises(errors.NamespaceNotFound) as refused:
            use()
        assert refused.value.known == ["blue", "red"]
        assert refused.value.hint == "did you mean red? There are: blue, red"
    assert "red" in pair
    assert "rad" not in pair
    assert [each.name for each in pair] == ["blue", "red"]


def test_a_wrong_argument_is_named(pair: Lab) -> None:
    wrong: dict[str, Callable[[], object]] = {
        "show is one of table, text, both, not 'json'": lambda: pair.run("ip link", show="json"),  # type: ignore[arg-type]
        "a timeout is a number of seconds greater than 0, not '5'": lambda: pair.run("ip link", timeout="5"),  # type: ignore[arg-type]
        "'http' is no port": lambda: pair.why("red", "blue", port="http"),  # type: ignore[arg-type]
        "'1k' is no size of a packet's data": lambda: pair.why("red", "blue", size="1k"),  # type: ignore[arg-type]
    }
    for words, use in wrong.items():
        with pytest.raises(errors.NsmagicError) as refused:
            use()
        assert refused.value.message == words
    with pytest.raises(TypeError, match=r"as in lab\['red'\], not by int"):
        pair[0]  # type: ignore[index]
    pair.names()
    for name, words in (
        ("red", r"'red'; a namespace is an item of the lab:  lab\['red'\]$"),
        ("rad", r"no attribute 'rad'$"),
    ):
        with pytest.raises(AttributeError, match=words):
            getattr(pair, name)


def test_namespaces_made_by_any_means_are_seen(lab: Lab) -> None:
    lab.run("bash -c 'ip netns add red; ip -n red link add v1 type veth peer name v2'").check()
    job = lab.run("unshare --net sleep 1000", background=True).value
    assert lab.names() == ["red"]
    assert list(lab["red"].links.ifname) == ["lo", "v1", "v2"] or set(lab["red"].links.ifname) == {"lo", "v1", "v2"}
    wait_until(lambda: len([each for each in lab.snapshot("namespaces").namespaces if not each.named]) == 1)
    job.stop()


def test_a_list_in_the_background_is_one_job(lab: Lab) -> None:
    """As in a shell: what stands behind ``&&`` waits for what stands before it."""
    result = lab.run("sleep 0.1 && ip netns add red", background=True)
    assert not result.changes, "it was made at once"
    assert [result.value.wait(), result.value.command] == [0, "sleep 0.1 && ip netns add red"]
    assert "red" in lab
    assert lab.run("false || exit 7", background=True).value.wait() == 7


def test_a_job(lab: Lab) -> None:
    job = lab.run("sh -c 'echo ready; read line; exit 3'", background=True).value
    assert job.wait() == 3
    assert job.log == "ready\n"
    assert not job.running
    with pytest.raises(errors.NsmagicError, match="there is no job 99"):
        lab.client.request("job_stop", job=99)


def wait_until(condition: Callable[[], bool], patience: float = 5.0) -> None:
    """Ask again until it is so; for what the kernel announces to nobody."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not come"
        select.select([], [], [], 0.01)


# Sockets


def test_sockets_live_in_their_namespace(pair: Lab) -> None:
    with pair["red"].socket() as server, pair["blue"].socket() as client:
        server.bind(("192.168.15.1", 80))  # a port of root's, from whoever we are
        server.listen()
        client.settimeout(5)
        client.connect(("192.168.15.1", 80))
        peer, address = server.accept()
        with peer:
            assert address[0] == "192.168.15.2"
            client.sendall(b"hello")
            assert peer.recv(16) == b"hello"


@pytest.mark.parametrize(
    ("family", "kind", "proto"),
    [
        (socket.AF_INET, socket.SOCK_DGRAM, 0),
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        (socket.AF_INET6, socket.SOCK_STREAM, 0),
        (socket.AF_PACKET, socket.SOCK_RAW, 0x0300),
    ],
)
def test_kinds_of_sockets(pair: Lab, family: int, kind: int, proto: int) -> None:
    with pair.socket("red", family, kind, proto) as made:
        assert (made.family, made.type) == (family, kind)
        if family == socket.AF_PACKET:
            made.bind(("veth-red", 0))


def test_sockets_are_closed_with_the_lab(pair: Lab) -> None:
    made = pair["red"].socket()
    pair.reset()
    assert made.fileno() == -1


def test_python_in_a_namespace(pair: Lab) -> None:
    machine = socket.socket
    with pair["red"].python():
        server = socket.create_server(("192.168.15.1", 8000))
    assert socket.socket is machine
    with pair["blue"].python(), socket.create_connection(("192.168.15.1", 8000), 5) as client:
        assert client.getpeername() == ("192.168.15.1", 8000)
    server.close()
    with pytest.raises(OSError, match="Cannot assign requested address"):
        socket.create_server(("192.168.15.1", 8000))


def test_python_undoes_itself_after_an_error(pair: Lab) -> None:
    before = socket.socket, socket.getaddrinfo
    block = pair["red"].python()
    block.__enter__()
    assert socket.socket is not before[0]
    assert not block.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert (socket.socket, socket.getaddrinfo) == before


def test_http_between_namespaces(pair: Lab, tmp_path: Path) -> None:
    job = pair.run("python3 -u -m http.server 8000 --directory /usr/share/doc", "red", background=True).value
    wait_until(lambda: "Serving HTTP" in job.log)
    with pair["blue"].python(), urllib.request.urlopen("http://192.168.15.1:8000/", timeout=5) as page:
        assert page.status == 200
    job.stop()


def test_names_are_looked_up_in_the_lab(pair: Lab) -> None:
    pair.run("mkdir -p /etc/netns/red && echo '192.168.15.2 blue.test' > /etc/netns/red/hosts").check()
    with pair["red"].python():
        assert socket.gethostbyname("blue.test") == "192.168.15.2"
        assert socket.getaddrinfo("blue.test", 80, type=socket.SOCK_STREAM)[0][4] == ("192.168.15.2", 80)
    with pair["blue"].python(), pytest.raises(socket.gaierror):
        socket.getaddrinfo("blue.test", 80)


# Files


@pytest.mark.not_in_vm("root's plain user does not see a folder of pytest's, and real root is not there to show it")
def test_the_notebooks_folder_is_writable_and_nothing_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with Lab(folder=str(tmp_path)) as lab:
        assert output(lab, "pwd") == f"{tmp_path}\n"
        lab.run("echo hello > made-inside").check()
        assert (tmp_path / "made-inside").read_text() == "hello\n"
        for place in ("/usr/x", "/etc/passwd", "/etc/x", str(Path(__file__).parent / "x")):
            before = sorted(Path(place).parent.iterdir())
            lab.run(f"echo x >> {place}")
            assert sorted(Path(place).parent.iterdir()) == before
        assert "x" not in Path("/etc/passwd").read_text().splitlines()


def test_home_is_a_scratch_folder(lab: Lab) -> None:
    said = output(lab, 'echo "$HOME"; ls -A "$HOME"; touch "$HOME/mine"; ls "$HOME"').splitlines()
    assert said[-1] == "mine"
    assert not (Path.home() / "mine").exists()


def test_nothing_of_the_machines_run_and_tmp_is_seen(lab: Lab) -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp") as outside:
        assert outside.name not in [f"/tmp/{name}" for name in output(lab, "ls -A /tmp").splitlines()]
    assert "docker.sock" not in output(lab, "ls -R /run")
    inside = set(output(lab, "cat /proc/net/unix").splitlines()[1:])
    assert not [line for line in inside if "@" in line and "nsmagic" not in line]


def test_root_of_the_lab_is_not_root_of_the_machine(lab: Lab) -> None:
    assert output(lab, "id -u") == "0\n"
    first = Path(f"/proc/{lab.pid}/task/{lab.pid}/children").read_text().split()[0]
    for pid in (first, lab.pid):
        uids = re.search(r"^Uid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        assert uids is not None
        assert "0" not in uids[1].split()
    assert "Permission denied" in lab.run("echo 10 > /proc/sys/vm/swappiness").text
    assert "Permission denied" in lab.run("cat /etc/shadow").text


def test_files_named_like_modules_do_no_harm(tmp_path: Path) -> None:
    for name in ("socket.py", "json.py", "select.py", "nsmagic.py", "ip"):
        (tmp_path / name).write_text("raise SystemExit('the wrong file')\n")
    (tmp_path / "ip").chmod(0o755)
    tmp_path.chmod(0o755)
    with Lab(folder=str(tmp_path)) as lab:
        lab.run(PAIR).check()
        assert "veth-red" in output(lab, "bash -c 'ip -n red link'")


def test_a_deleted_folder_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code = (
        "import os, shutil, sys; from nsmagic import Lab; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "with Lab() as lab: print(lab.run('ip netns add red').ok)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr


# Limits


def test_limits_are_kept() -> None:
    with Lab(limits={"namespaces": 3}) as small:
        result = small.run("\n".join(f"ip netns add n{number}" for number in range(6)))
        assert len(small.names()) == 3
        assert "limit" in result.errors[0].render()
        small.run("ip netns del n0").check()
        # The kernel frees a deleted namespace a moment later.
        wait_until(lambda: small.run("ip netns add again").ok)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"space": 1}, "there is no limit 'space'; there are processes, namespaces, open_files, memory,"),
        ({"jobs": 0}, "limit jobs must be a number of at least 1, not 0"),
        ({"jobs": "many"}, "limit jobs must be a number of at least 1, not 'many'"),
    ],
)
def test_limits_that_are_none(limits: dict[str, int], message: str) -> None:
    with pytest.raises(errors.LabError) as refused:
        Lab(limits=limits).run("true")
    assert refused.value.message.startswith(message)


def test_jobs_are_limited() -> None:
    with Lab(limits={"jobs": 2}) as lab:
        for _ in range(2):
            lab.run("sleep 1000", background=True).check()
        result = lab.run("sleep 1000", background=True)
        assert isinstance(result.errors[0], errors.LimitReached)
        assert result.errors[0].limit == "jobs"


# Interrupts


@pytest.fixture
def interrupted_soon() -> Iterator[Callable[[Lab, str], None]]:
    """Presses Ctrl-C as soon as a program of that name runs in the lab."""
    threads: list[threading.Thread] = []

    def press(lab: Lab, name: str) -> None:
        def wait_and_press() -> None:
            wait_until(lambda: _runs(lab.pid, name))
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        threads.append(threading.Thread(target=wait_and_press))
        threads[-1].start()

    yield press
    for thread in threads:
        thread.join()


def _runs(pid: int, name: str) -> bool:
    """Whether a program of that name runs below a process. One that has ended and is not reaped yet does not run."""
    todo = [pid]
    while todo:
        each = todo.pop()
        try:
            state = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[0]
            if Path(f"/proc/{each}/comm").read_text().strip() == name and state not in "ZX":
                return True
            todo += [int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
        except OSError:
            continue
    return False


@pytest.mark.parametrize("command", ["sleep 1000", "bash -c 'trap \"\" INT TERM; sleep 1000 & wait; sleep 1000'"])
def test_an_interrupt_ends_the_command_and_keeps_the_lab(
    pair: Lab, interrupted_soon: Callable[[Lab, str], None], command: str
) -> None:
    interrupted_soon(pair, "sleep")
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pair.run(f"{command}\nip netns add never")
    assert time.monotonic() - began < 8
    assert pair.names() == ["blue", "red"]
    assert not _runs(pair.pid, "sleep")


def test_an_interrupted_ping_keeps_what_it_said(pair: Lab, interrupted_soon: Callable[[Lab, str], None]) -> None:
    heard: list[str] = []

    class Ear:
        def text(self, text: str) -> None:
            heard.append(text)
            if "icmp_seq=1 " in text:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        def changes(self, lines: object) -> None: ...
        def shown(self, outcome: object, last: bool) -> None: ...
        def error(self, error: object, alone: bool) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        pair.run("ping 192.168.15.2", "red", sink=Ear())
    assert "1 packets transmitted, 1 received" in "".join(heard)
    assert pair.run("ping -c 1 192.168.15.2", "red").value.received == 1


# Talking to it from elsewhere


def test_tables_are_json_ready(pair: Lab) -> None:
    assert json.loads(pair.links.to_json(orient="records"))[0]["ns"] == "host"
    assert pair.snapshot("links").to_data()["links"]


def test_limits_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub sets its own defaults for everybody; who asks for something else gets it."""
    monkeypatch.setenv("NSMAGIC_LIMITS", "processes=100, namespaces=9")
    with Lab(limits={"namespaces": 10}) as lab:
        assert (lab.status()["limits"]["processes"], lab.status()["limits"]["namespaces"]) == (100, 10)
    for words, said in (("processes", "'processes' is not NAME=NUMBER"), ("cows=3", "there is no limit 'cows'")):
        monkeypatch.setenv("NSMAGIC_LIMITS", words)
        with pytest.raises(LabError, match=said):
            Lab().run("true")


def test_neighbours_that_change_in_silence_are_seen_also_where_there_was_nothing_to_read() -> None:
    """A packet to somebody unknown makes an entry, one to somebody known wakes a stale one: of neither the kernel sends an event."""

    def states(lab: Lab) -> dict[str, str]:
        return {
            row.address: row.state
            for row in lab.snapshot("neighbours").neighbours
            if row.ns == "red" and row.family == "inet"
        }

    with Lab() as lab:
        lab.run(
            "ip netns add red\nip link add v0 type veth peer name v1 netns red\nip link set v0 up\n"
            "ip -n red addr add 10.0.0.1/24 dev v1\nip -n red link set v1 up"
        ).check()
        assert [states(lab) for _ in range(3)] == [{}] * 3
        with lab.socket("red", socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("10.0.0.9", 9))
            assert states(lab) == {"10.0.0.9": "INCOMPLETE"}
            lab.run("ip -n red neigh replace 10.0.0.8 lladdr 02:00:00:00:00:08 dev v1 nud stale").check()
            assert states(lab)["10.0.0.8"] == "STALE"
            sender.sendto(b"x", ("10.0.0.8", 9))
            assert states(lab)["10.0.0.8"] == "DELAY"
            lab.run("ip -n red neigh replace 10.0.0.8 lladdr 02:00:00:00:00:08 dev v1 nud permanent").check()
            lab.run("ip -n red neigh flush dev v1 nud incomplete").check()
            for _ in range(3):
                assert states(lab)["10.0.0.8"] == "PERMANENT"
            lab.run("ip -n red neigh del 10.0.0.8 dev v1").check()
            assert "10.0.0.8" not in states(lab)
