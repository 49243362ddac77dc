"""The kind vm: the whole lab in a Linux kernel that runs as an ordinary program, and its end (FAULTS.md 1, 4, 5, 8, 15, 16).

Its processes are in no namespace of their own that could be looked for, but all in one process group.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from nsmagic import Lab, sentences
from nsmagic import syscalls as sys_
from nsmagic.agent import retouch
from nsmagic.agent import vm as agent_vm
from nsmagic.agent.rootfs import StepFailed
from nsmagic.errors import LabDied, NamespaceNotFound, NsmagicError, SandboxUnavailable
from nsmagic.sandbox import vm
from tests import loops
from tests.conftest import Notebook
from tests.test_interrupts import interrupt

from . import observe
from .outside import OUTER, shell
from .outside import notebook as program

pytestmark = pytest.mark.sandbox
GATE = Path(__file__).with_name("gate.py")
FOLDER = "/tmp"

CABLE = """
    ip netns add red
    ip netns add blue
    ip link add veth-red netns red type veth peer name veth-blue netns blue
    ip -n red addr add 10.0.0.1/24 dev veth-red
    ip -n blue addr add 10.0.0.2/24 dev veth-blue
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
"""


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the plain user whom root becomes can enter too, and write in."""
    with tempfile.TemporaryDirectory(prefix="nsmagic-test.", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The notebook's."""
    with open_folder() as made:
        yield made


@pytest.fixture
def place() -> Iterator[Path]:
    """One more."""
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def machine(folder: Path) -> Iterator[Lab]:
    """One lab for the tests that only look; red and blue with a cable."""
    with Lab(sandbox="vm", folder=str(folder)) as lab:
        lab.run(CABLE).check()
        yield lab


def test_the_tour(machine: Lab) -> None:
    assert machine.kind == "vm"
    assert machine.status()["missing"] == []
    assert machine.names() == ["blue", "red"]
    assert "1 received, 0% packet loss" in machine.run("ip netns exec red ping -c 1 10.0.0.2").check().text
    assert list(machine["red"].neighbours["address"]) == ["10.0.0.2"]
    assert machine.run("for n in red blue; do ip netns exec $n ip -br link | wc -l; done").check().text == "2\n2\n"
    refused = machine.run("ip -n red link set veth-rad up")
    assert "Cannot find device" in refused.text


def test_it_is_what_the_ordinary_kind_is(machine: Lab, folder: Path) -> None:
    """The same commands, the same rows: addresses that are derived, numbers, order."""
    with Lab(sandbox="rootless", folder=str(folder)) as other:
        other.run(CABLE).check()
        assert machine.names() == other.names()
        for table in ("links", "addrs", "routes"):
            assert machine.frame(table).equals(other.frame(table)), table
        # The guest's files are those of the user who runs it, whom it calls root.
        uids = "cat /proc/self/uid_map; " if os.geteuid() == 0 else ""
        who = f"id -u; {uids}hostname; pwd; ls / /etc/netns; echo $HOME; grep NoNewPrivs /proc/self/status"
        assert machine.run(f"bash -c '{who}'").check().text == other.run(f"bash -c '{who}'").check().text


@pytest.mark.parametrize(
    "link",
    [
        "dummy",
        "vrf table 10",
        "bond",
        "ifb",
        "bridge",
        "vxlan id 4 dstport 9",
        "macvlan link veth-red",
        "vlan id 5 link veth-red",
    ],
)
def test_modules_load_on_demand(machine: Lab, link: str) -> None:
    kind, _, words = link.partition(" ")
    more, _, lower = words.partition("link ")
    stands = f"link {lower} " if lower else ""
    machine.run(f"ip link add {stands}name x-1 type {kind} {more}".strip(), "red").check()
    machine.run("ip link del x-1", "red").check()


def test_netem_and_nat(folder: Path) -> None:
    """In a lab of its own: where there are rules each script is followed by programs that read them, and in here programs are dear."""
    with Lab(sandbox="vm", folder=str(folder)) as lab:
        lab.run(CABLE).check()
        text = lab.run(
            "tc qdisc add dev veth-red root netem delay 30ms\nping -c 1 10.0.0.2\ntc qdisc del dev veth-red root\n",
            "red",
        ).check()
        assert float(text.text.split("time=")[1].split()[0]) >= 30
        # The kernel has no nftables for IPv4; iptables is the other of its two in here.
        lab.run("iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE", "red").check()
        assert "-A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE" in lab.run("iptables -t nat -S", "red").check().text
        # What these ask modprobe for is there: in a lab nobody may load it.
        for command in ("ip6tables -S", "arptables -L", "ebtables -L"):
            assert "INPUT" in lab.run(command, "red").check().text


def test_journeys_and_captures(machine: Lab) -> None:
    """Frames come as data. What a card does is done here too: a vlan's tag stands beside the packet, and has to be put back."""
    for room, address in (("red", "10.5.0.1/24"), ("blue", "10.5.0.2/24")):
        machine.run(
            f"ip link add v5 link veth-{room} type vlan id 5\nip addr add {address} dev v5\nip link set v5 up", room
        ).check()
    machine.trace("red", "10.5.0.2")
    with machine.sniff("blue:veth-blue", "ip or vlan", background=True) as capture:
        journey = machine.trace("red", "10.5.0.2")
    for room in ("red", "blue"):
        machine.run("ip link del v5", room).check()
    request = [each for each in journey.steps if "request" in each.what.words]
    assert [(*each.frame.place, each.frame.direction, each.what.words.split("ICMP")[0]) for each in request] == [
        ("red", "v5", "out", ""), ("red", "veth-red", "out", "VLAN 5: "),
        ("blue", "veth-blue", "in", "VLAN 5: "), ("blue", "v5", "in", ""),
    ]  # fmt: skip
    assert len({each.packet for each in request}) == 1
    assert journey.answered
    assert [info.split(" id ")[0] for info in capture.packets["info"]] == [
        "VLAN 5: ICMP echo request",
        "VLAN 5: ICMP echo reply",
    ]
    assert {frame.length for frame in capture} == {102}


def test_the_machine_s_files(machine: Lab, folder: Path) -> None:
    (folder / "script.sh").write_text("echo one\n")
    assert machine.run("sh script.sh").check().text == "one\n"
    (folder / "script.sh").write_text("echo two\n")
    assert machine.run("sh script.sh; echo made > made").text.startswith("two\n"), "what changes outside is seen inside"
    assert (folder / "made").read_text() == "made\n"
    # One script: to start a program is dear in there.
    commands = ("touch /usr/x", "mount -o remount,rw /usr && touch /usr/x", "cat /etc/shadow", "umount /usr")
    tried = machine.run("\n".join(f"{{ {command}; }} || echo refused {at}" for at, command in enumerate(commands)))
    for at, command in enumerate(commands):
        assert f"refused {at}\n" in tried.text, command
    assert not os.path.exists("/usr/x")


def test_ps_says_when_a_process_began(machine: Lab) -> None:
    """procps of Debian 12 wants a number of a core from /proc/cpuinfo, in each /proc that there is."""
    for command in ("ps aux", "unshare --pid --fork --mount-proc ps aux"):
        assert machine.run(command).check().text.rstrip().endswith("ps aux")


def test_a_time_limit_ends_what_runs(machine: Lab) -> None:
    begun = time.monotonic()
    result = machine.run("ping 127.0.0.1", timeout=0.5)
    assert time.monotonic() - begun < 4
    assert "bytes from 127.0.0.1" in result.text
    assert machine.run("yes").text.count("y") > 100_000


def test_an_interrupt_ends_the_command_and_not_the_machine(machine: Lab) -> None:
    """As Jupyter's stop button does; what was said so far is shown, by a bash script and by a native ping."""
    for text, words in (
        ("echo begun; for n in $(seq 600); do sleep 0.1; done", "begun"),
        ("ip netns exec red ping 10.0.0.2", "bytes from 10.0.0.2"),
    ):
        stopped = interrupt(machine, text, once=words)
        assert isinstance(stopped.error, KeyboardInterrupt), text
        assert stopped.seconds < 10
        assert words in stopped.text
        assert observe.until(lambda: not {"bash", "sleep"} & {name for _, name in machine.status()["processes"]}, 10.0)
    assert machine.run("ip netns exec red ping -c 1 10.0.0.2").check().value.received == 1


def test_a_background_job(machine: Lab) -> None:
    """It outlives its cell, answers from another room, and its output is kept."""
    served = machine.run("python3 -u -m http.server 8080 --bind 10.0.0.1", "red", background=True)
    job = served.check().value
    page = "import urllib.request as u; print(len(u.urlopen('http://10.0.0.1:8080/', timeout=20).read()) > 0)"
    assert machine.run(f'python3 -c "{page}"', "blue").check().text == "True\n"
    assert '"GET / HTTP/1.1" 200' in job.log
    job.stop()
    assert not job.running
    assert "http.server" not in str(machine.status()["processes"])


def test_large_cells_pass_and_the_line_goes_on(machine: Lab) -> None:
    """The guest's terminal holds 4 KiB: without a pace it stopped to listen for good behind a cell that is larger."""
    for _ in range(3):
        script = "cat << 'END' | wc -c\n" + "x" * 60_000 + "\nEND\n"
        assert machine.run(script, timeout=60).check().text == "60001\n"
    lab = machine.status()["lab"]
    for _ in range(2):  # a visitor's line as well
        assert nsmagic("shell", "--lab", lab, said="wc -c << 'END'\n" + "x" * 20_000 + "\nEND\n").stdout == "20001\n"


def test_sockets(machine: Lab) -> None:
    """What is written and read goes in frames; the rest is asked over there: names, options, errors, whole streams, datagrams."""
    with machine["red"].python():
        server = socket.create_server(("10.0.0.1", 80))
    heard: list[bytes] = []

    def serve() -> None:
        made, who = server.accept()
        with made:
            assert who[0] == "10.0.0.2"
            data = b""
            while piece := made.recv(1 << 16):
                data += piece
            heard.append(data)
            made.sendall(data[::-1])

    thread = threading.Thread(target=serve)
    thread.start()
    sent = os.urandom(200_000)
    with machine["blue"].python(), socket.create_connection(("10.0.0.1", 80), timeout=30) as client:
        assert (client.getsockname()[0], client.getpeername()) == ("10.0.0.2", ("10.0.0.1", 80))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert "10.0.0.2" in machine.run("ss -tn", "red").check().text
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as file:
            assert file.read() == sent[::-1]
    thread.join(30)
    assert heard == [sent]
    server.close()
    with machine["blue"].python():
        for address, error in ((("10.0.0.1", 80), ConnectionRefusedError), (("192.0.2.1", 80), OSError)):
            with pytest.raises(error), socket.create_connection(address, timeout=20):
                pass
        with pytest.raises(TimeoutError):
            socket.create_connection(("10.0.0.77", 80), timeout=0.2)  # nobody has it
    with machine.socket("red", type=socket.SOCK_DGRAM) as one, machine.socket("blue", type=socket.SOCK_DGRAM) as two:
        one.bind(("10.0.0.1", 53))
        two.sendto(b"who am I?", ("10.0.0.1", 53))
        data, who = one.recvfrom(5)
        assert (data, who[0]) == (b"who a", "10.0.0.2")
        one.sendto(b"you", who)
        assert two.recv(10) == b"you"
        two.settimeout(0.05)
        with pytest.raises(TimeoutError):
            two.recv(1)
        with pytest.raises(OSError, match="ancillary data cannot go into a lab of kind vm"):
            two.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"1234")], 0, ("10.0.0.1", 53))
    with pytest.raises(NamespaceNotFound):
        machine.socket("nowhere")


def test_a_socket_asked_for_without_waiting_does_not_wait(machine: Lab) -> None:
    with machine.socket("red", type=socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
        assert made.gettimeout() == 0
        assert not os.get_blocking(made.fileno())
        with pytest.raises(BlockingIOError):
            made.recv(1)


def test_sockets_in_an_event_loop(machine: Lab) -> None:
    """What asyncio polls is a descriptor of this machine."""

    async def both() -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        with machine["red"].python():
            server = await asyncio.start_server(answer, "10.0.0.1", 81)
        with machine["blue"].python():
            reader, writer = await asyncio.open_connection("10.0.0.1", 81)
        writer.write(b"hello\n")
        said = await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return said.decode()

    assert loops.run(asyncio.wait_for(both(), 60)) == "HELLO\n"


def test_open_sockets_end_with_the_lab(folder: Path) -> None:
    with Lab(sandbox="vm", folder=str(folder)) as lab:
        server, datagrams = lab.socket("host"), lab.socket("host", type=socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 80))
        server.listen()
        client = lab.socket("host")
        client.connect(("127.0.0.1", 80))
    assert (server.fileno(), client.fileno(), datagrams.fileno()) == (-1, -1, -1)


def test_memory_is_what_was_asked_for(folder: Path) -> None:
    with Lab(sandbox="vm", folder=str(folder), limits={"lab_memory": 160 << 20}) as lab:
        total = int(lab.run("grep MemTotal /proc/meminfo").text.split()[1])
        assert 100 << 10 < total < 160 << 10
        # FAULTS.md 19: more than there is, in small steps: the guest's kernel ends the command, and the lab goes on.
        hog = lab.run("python3 -c 'x = [bytearray(1 << 20) for _ in range(400)]'")
        assert "ended by signal 9" in hog.errors[0].message
        assert lab.run("true").ok
        assert lab.status()["limits"]["lab_memory"] == 160 << 20


# Its end

KERNEL = """
lab = Lab(sandbox="vm", folder="/tmp")
lab.client
threading.Thread(target=lambda: lab.run("for i in $(seq 8); do (trap '' HUP TERM INT; while :; do :; done) & done; wait"), daemon=True).start()
while len(lab.status()["processes"]) < 8: time.sleep(0.02)
say(launcher=lab.pid)
time.sleep(120)
"""


def group(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, _, number = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == leader and state not in "ZX":
            found.append(int(name))
    return found


@pytest.mark.parametrize("ending", ["kernel", "launcher", "machine", "stopped launcher", "all stopped"])
def test_death(ending: str) -> None:
    """Busy processes that ignore every signal; the kernel's helpers; the launcher or all of them stopped: gone within a second."""
    from .outside import _BEGIN

    process = subprocess.Popen([sys.executable, "-P", "-c", _BEGIN + KERNEL], stdout=subprocess.PIPE, text=True)
    leader = 0
    try:
        assert process.stdout is not None
        launcher = json.loads(process.stdout.readline()[5:])["launcher"]
        [leader] = observe.children(launcher)
        everything = group(leader)
        assert len(everything) > 8
        with observe.handle(launcher) as handle:
            if ending in ("stopped launcher", "all stopped"):
                os.kill(launcher, signal.SIGSTOP)
            if ending == "all stopped":
                for pid in everything:
                    os.kill(pid, signal.SIGSTOP)
            if ending == "launcher":
                os.kill(launcher, signal.SIGKILL)
            elif ending == "machine":
                os.kill(leader, signal.SIGKILL)
            else:
                process.kill()
                process.wait(20)  # on a busy machine the end of a large process takes its time
            begun = time.monotonic()
            assert observe.ended(handle, 1.0), "the launcher lives on"
            assert observe.until(lambda: not group(leader), 1.0), f"{len(group(leader))} left"
            print(f"{ending}: {len(everything)} processes gone in {time.monotonic() - begun:.3f} s")
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
        for pid in group(leader) if leader else []:
            os.kill(pid, signal.SIGKILL)


def test_the_next_command_says_that_the_lab_has_ended(folder: Path) -> None:
    lab = Lab(sandbox="vm", folder=str(folder))
    [leader] = observe.children(lab.pid)
    os.kill(leader, signal.SIGKILL)
    begun = time.monotonic()
    with pytest.raises(LabDied):
        lab.run("sleep 20")
    assert time.monotonic() - begun < 1.0
    lab.close()


# Where it serves


@pytest.mark.parametrize("gate", ["unshare-EPERM", "max-user-namespaces"])
def test_where_namespaces_are_forbidden_it_serves(gate: str) -> None:
    """A seccomp filter as Docker's, and the limit at 0, for an ordinary user."""
    said = program(
        """
lab = Lab()
say(kind=lab.kind, missing=lab.status()["missing"], ok=lab.run("ip netns add red; ip -n red link").ok)
lab.close()
""",
        prefix=(sys.executable, str(GATE), gate),
    )
    assert (said["kind"], said["missing"], said["ok"]) == ("vm", [], True)


def test_a_machine_without_modprobe() -> None:
    """As the image of a container is: modules are loaded all the same, those that others need first, and on demand."""
    said = program(
        """
lab = Lab(sandbox="vm")
say(missing=lab.status()["missing"])
made = lab.run("ip link add d0 type dummy; ip link add link d0 name d0.5 type vlan id 5; ip link add v0 type veth peer name v1")
say(made=made.ok, text=made.text, no=lab.run("ip link add x type nonsense").ok)
lab.close()
""",
        prefix=(*OUTER, *shell("mount -n --bind /dev/null $(command -v modprobe)")),
    )
    assert said["missing"] == []
    assert said["made"], said["text"]
    assert not said["no"]


def test_without_a_kernel_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_UML", "/nowhere")
    with pytest.raises(SandboxUnavailable) as caught:
        Lab(sandbox="vm").run("true")
    assert "there is no User Mode Linux here" in caught.value.message
    assert "nsmagic vm install" in str(caught.value.hint)


def test_a_kernel_that_does_not_boot_is_told(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    wrong = place / "linux.uml"
    wrong.write_text(
        "#!/bin/sh\necho 'Checking that ptrace can change system call numbers...Operation not permitted'\n"
    )
    wrong.chmod(0o755)
    monkeypatch.setenv("NSMAGIC_UML", str(wrong))
    with pytest.raises(SandboxUnavailable, match="ptrace can change system call numbers"):
        Lab(sandbox="vm").run("true")


def test_what_it_is_told_may_be_longer_than_a_serial_line_holds(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """All the sentences of a translation, which the agent says in the lab."""
    own = place / "own.toml"
    own.write_text(Path(sentences.FILE).read_text())
    monkeypatch.setenv("NSMAGIC_SENTENCES", str(own))
    sentences.translated.cache_clear()
    try:
        with Lab(sandbox="vm") as lab:
            assert lab.run("true").ok
    finally:
        monkeypatch.undo()
        sentences.translated.cache_clear()


def test_a_kernel_that_cannot_be_made_ready_for_this_processor(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """The place that is changed is there twice, so that none is: where the processor has AMX, the cause is told and its cure."""
    found = vm.find()
    assert found is not None
    code = Path(found[0]).read_bytes()
    [of_it] = retouch._RESTORES.finditer(code)
    other = place / "linux.uml"
    other.write_bytes(code + of_it.group())
    other.chmod(0o755)
    monkeypatch.setenv("NSMAGIC_UML", str(other))
    with Lab(sandbox="vm") as lab:
        if registers_are_more():
            with pytest.raises(SandboxUnavailable, match="Attempted to kill init") as caught:
                lab.run("true")
            assert "more registers (AMX)" in caught.value.message
            assert "NSMAGIC_UML" in str(caught.value.hint)
        else:
            assert lab.run("true").ok


def registers_are_more() -> bool:
    child = subprocess.Popen(["true"], preexec_fn=sys_.be_traced)
    os.waitpid(child.pid, 0)
    try:
        return sys_.size_of_registers(child.pid, retouch._NT_X86_XSTATE) > retouch._HOST_FP_SIZE
    finally:
        child.kill()
        child.wait()


def test_folders_that_cannot_hold_its_memory(tmp_path: Path) -> None:
    assert agent_vm.memory_folder(["/proc", str(tmp_path)], 1 << 20) == str(tmp_path)
    with pytest.raises(StepFailed) as caught:
        agent_vm.memory_folder([str(tmp_path)], 1 << 60)
    assert caught.value.errno == 28


def test_a_folder_mounted_noexec_is_passed_over(tmp_path: Path) -> None:
    """Pods have a /dev/shm like that."""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from nsmagic.agent import vm
from nsmagic.agent.rootfs import StepFailed
try:
    vm.memory_folder([{str(tmp_path)!r}], 1 << 20)
except StepFailed as failure:
    print(failure.errno)
"""
    prefix = ["unshare", "-Urm", "sh", "-c", 'mount -n -t tmpfs -o noexec none "$0" && exec "$@"', str(tmp_path)]
    done = subprocess.run([*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1", "EPERM"


# Its kernel


def fetcher(folder: Path, sum_: str = "") -> vm.Run:
    """What apt-get, apt-cache and dpkg-deb do, with a package of our own."""
    data = b"not really a package"

    def run(command: Sequence[str], where: Path) -> str:
        match command[0]:
            case "apt-cache":
                return f"Package: x\nVersion: 6.1\nSize: 20\nSHA256: {sum_ or hashlib.sha256(data).hexdigest()}\n"
            case "apt-get":
                (where / "x.deb").write_bytes(data)
            case "dpkg-deb":
                kernel = where / "unpacked" / "usr" / "bin" / "linux.uml"
                kernel.parent.mkdir(parents=True)
                kernel.write_text("#!/bin/sh\n")
                kernel.chmod(0o755)
                (where / "unpacked/usr/lib/uml/modules/6.1/kernel/fs/xfs").mkdir(parents=True)
        return ""

    return run


def test_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    for _ in range(2):  # the second time in place of the first
        kernel = vm.install(said.append, fetcher(tmp_path))
    assert vm.find() == (str(kernel), str(tmp_path / "nsmagic/uml/usr/lib/uml/modules"))
    assert not list(tmp_path.rglob("xfs"))
    assert [each.name for each in (tmp_path / "nsmagic").iterdir()] == ["uml"], "no scratch is left"


def test_install_refuses_a_file_that_is_not_the_one_of_the_lists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(NsmagicError, match="is not what the lists of packages name"):
        vm.install(lambda words: None, fetcher(tmp_path, "0" * 64))
    assert list((tmp_path / "nsmagic").iterdir()) == []


@pytest.mark.heavy
def test_install_for_real(monkeypatch: pytest.MonkeyPatch, place: Path, folder: Path) -> None:
    """Fetches 40 MiB from the machine's package source, as whoever runs the tests, and boots what came."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    kernel = vm.install()
    assert kernel.is_relative_to(place)
    with Lab(sandbox="vm", folder=str(folder)) as lab:
        lab.run(CABLE).check()
        lab.run("ip link add type dummy").check()
        assert lab.status()["missing"] == []


def test_a_notebook_sees_that_it_starts(monkeypatch: pytest.MonkeyPatch, notebook: Notebook) -> None:
    """In a cell that is a command's whole; where outputs are compared nothing is said, as the kinds have the same outputs."""
    monkeypatch.setenv("NSMAGIC_SANDBOX", "vm")
    monkeypatch.setenv("NSMAGIC_TIMEOUT", "60")
    compared = notebook.cell("%%netns\nip netns add red")
    assert "virtual machine" not in compared.out
    notebook.cell("%lab reset")
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    seen = notebook.cell("%%netns\nip netns add red")
    assert seen.out.startswith("starting a virtual machine")
    assert seen.out.endswith("+ namespace red\n")
    assert "pandas" in sys.modules


# From a terminal


def nsmagic(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nsmagic", *words], input=said, capture_output=True, text=True, timeout=60, check=False,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip


def test_visitors_come_and_go(machine: Lab) -> None:
    """More of them than there are lines, one after the other; each gets its own answers."""
    lab = machine.status()["lab"]
    assert any(line.split()[:2] == [lab, "vm"] for line in nsmagic("ls").stdout.splitlines())
    for number in range(6):
        done = nsmagic("shell", "red", "--lab", lab, said=f"echo {number}; exit {number}")
        assert (done.stdout, done.returncode) == (f"{number}\n", number), done.stderr
    assert nsmagic("shell", "red", "--lab", lab, said="ip -br link | wc -l").stdout == "2\n"


def test_a_visitor_who_is_killed_leaves_nothing(machine: Lab) -> None:
    """Also not to the next one: what was asked for ends with who asked, and its output is nobody's."""
    lab = machine.status()["lab"]
    words = [sys.executable, "-m", "nsmagic", "shell", "--lab", lab]
    for _ in range(2):
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as visitor:
            assert visitor.stdin is not None
            assert visitor.stdout is not None
            visitor.stdin.write("echo begun; while :; do echo flood; sleep 0.01; done")
            visitor.stdin.close()
            assert visitor.stdout.readline() == "begun\n"
            visitor.kill()
        assert observe.until(lambda: "sleep" not in str(machine.status()["processes"]), 5.0)
        assert nsmagic("shell", "--lab", lab, said="echo clean").stdout == "clean\n"


def test_a_shell_on_a_terminal(machine: Lab) -> None:
    """Its output and keys go in frames; its size, and its exit status."""
    lab = machine.status()["lab"]
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "nsmagic", "shell", "red", "--lab", lab])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    seen, typed, end = b"", False, time.monotonic() + 40
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        seen += data
        if not typed and b"red:" in seen:
            typed = True
            os.write(fd, b"stty size; tty; echo $((6 * 7)); ip -br link show veth-red; exit 5\n")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    text = seen.decode()
    assert status == 5, text
    for words in ("31 97", "/dev/pts/0", "42", "veth-red@"):
        assert words in text, text
