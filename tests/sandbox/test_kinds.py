"""The kinds of sandbox beside the ordinary one: without mounts, on the machine itself; and which one is chosen behind closed gates.

The gates are real ones (seccomp filters, limits of user namespaces, covered files of /proc), closed in the process that plays the
notebook, whose machine is a sandbox.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nsmagic import Lab
from nsmagic.agent.launcher import LAB_UID
from nsmagic.errors import LabError

from . import observe
from .outside import OUTER, OUTER_USER, ROOT, notebook, shell

pytestmark = pytest.mark.sandbox
AS_ROOT = os.geteuid() == 0
GATE = Path(__file__).with_name("gate.py")
#: An ordinary user, whoever runs the tests.
PLAIN = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent") if AS_ROOT else ()

CABLE = """
    ip netns add red
    ip netns add blue
    ip link add veth-red type veth peer name veth-blue
    ip link set veth-red netns red
    ip link set veth-blue netns blue
    ip -n red addr add 10.0.0.1/24 dev veth-red
    ip -n blue addr add 10.0.0.2/24 dev veth-blue
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
"""


def as_root(test: Callable[..., None]) -> Callable[..., None] | None:
    """A test that only root can run is no test for others, rather than one that is skipped."""
    return test if AS_ROOT else None


def behind(gate: str) -> tuple[str, ...]:
    """Words that close a gate and become the program that follows."""
    return (sys.executable, str(GATE), gate)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the plain user who root becomes can enter too: without mounts he sees the machine's files as they are."""
    with tempfile.TemporaryDirectory(prefix="nsmagic-test.", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.fixture
def bare(folder: Path) -> Iterator[Lab]:
    """A lab without mounts."""
    with Lab(sandbox="rootless-nomount", folder=str(folder)) as lab:
        yield lab


@pytest.fixture(scope="module")
def cabled() -> Iterator[Lab]:
    """Red and blue and a cable between them, in a lab without mounts."""
    with Lab(sandbox="rootless-nomount") as lab:
        lab.run(CABLE).check()
        yield lab


# Without mounts: what works


def test_the_tour_without_mounts(cabled: Lab) -> None:
    assert cabled.kind == "rootless-nomount"
    assert cabled.topology().sandbox.startswith("rootless-nomount: no mounts")
    assert list(cabled.run("ip netns").value["ns"]) == ["blue", "red"]
    links = cabled["red"].links.set_index("ifname")
    assert links.loc["veth-red", "peer"] == "veth-blue"
    assert links.loc["veth-red", "peer_ns"] == "blue"
    assert links.loc["veth-red", "operstate"] == "UP"
    assert "1 received, 0% packet loss" in cabled.run("ip netns exec red ping -c 1 10.0.0.2").check().text
    arp = cabled["red"].neighbours
    assert list(arp["address"]) == ["10.0.0.2"]
    assert list(arp["mac"]) == [cabled["blue"].links.set_index("ifname").loc["veth-blue", "mac"]]
    assert list(cabled.run("route -n", "red").value["dst"]) == ["10.0.0.0/24"]
    refused = cabled.run("ip -n red link set veth-rad up")
    assert "Cannot find device" in refused.text


def test_every_line_of_the_note_s_first_half(bare: Lab) -> None:
    """A switch, and three rooms on it: bridge, brctl, arp, ifconfig, routes, rules, sysctl."""
    bare.run(
        """
        ip link add v-net-0 type bridge
        ip link set dev v-net-0 up
        ip addr add 192.168.15.5/24 dev v-net-0
        """
    ).check()
    for at, name in enumerate(("red", "blue", "gray"), 1):
        bare.run(
            f"""
            ip netns add {name}
            ip link add veth-{name} type veth peer name veth-{name}-br
            ip link set veth-{name} netns {name}
            ip link set veth-{name}-br master v-net-0
            ip netns exec {name} ip addr add 192.168.15.{at}/24 dev veth-{name}
            ip netns exec {name} ip link set veth-{name} up
            ip link set veth-{name}-br up
            ip netns exec {name} ip route add default via 192.168.15.5
            """
        ).check()
    assert "1 received" in bare.run("ping -c 1 192.168.15.3").text
    assert "1 received" in bare.run("ip netns exec gray ping -c 1 192.168.15.1").text
    links = bare["host"].links
    assert set(links[links["master"] == "v-net-0"]["ifname"]) == {"veth-red-br", "veth-blue-br", "veth-gray-br"}
    assert "veth-gray-br" in bare.run("brctl show").text
    assert bare.run("sysctl -w net.ipv4.ip_forward=1").ok
    assert bare.run("ifconfig v-net-0 && route && arp && bridge link && bridge fdb && ip rule && ip neigh").ok
    assert bare.run("ip -all netns exec ip link show").ok


def test_names_without_a_folder(bare: Lab) -> None:
    """``ip netns`` in all its forms, done natively."""
    bare.run("ip netns add red && ip netns add blue").check()
    job = bare.run("sleep 30", "red", background=True).value
    [pid] = [int(each) for each in bare.run("ip netns pids red").text.split()]
    assert bare.run(f"ip netns identify {pid}").text.split() == ["red"]
    assert bare.run("ip netns identify 1").text.strip() == ""
    assert bare.run(f"ip netns attach crimson {pid}").ok
    assert bare.names() == ["blue", "crimson", "red"]
    bare.run("ip -n crimson link add br0 type bridge").check()
    assert "br0" in list(bare["red"].links["ifname"])
    assert list(bare["crimson"].links["ns"].unique()) == ["crimson"]
    assert bare.run(f"ip netns identify {pid}").text.split() == ["crimson", "red"]
    assert bare.run("ip netns attach crimson 1").text.splitlines()[0].endswith('"/var/run/netns/crimson": File exists')
    assert "Bind /proc/99999/ns/net" in bare.run("ip netns attach other 99999").text
    assert bare.run("ip netns del red").ok
    assert bare.names() == ["blue", "crimson"]
    assert "br0" in list(bare["crimson"].links["ifname"])
    job.stop()
    again = bare.run("ip netns add blue")
    assert 'Cannot create namespace file "/var/run/netns/blue": File exists' in again.text
    gone = bare.run("ip netns del green")
    assert 'Cannot remove namespace file "/var/run/netns/green": No such file or directory' in gone.text
    assert bare.run("ip netns del blue").ok
    assert "blue" not in bare.names()
    assert "Cannot open network namespace" in bare.run("ip -n blue link").text
    assert bare.run("ip -all netns delete").ok
    assert bare.names() == []
    assert not os.path.exists("/run/netns/red")


def test_text_of_ip_netns_is_not_asked_of_the_tool(bare: Lab) -> None:
    """The real ``ip netns`` looks into /run/netns and would say that there are none."""
    bare.run("ip netns add red").check()
    assert bare.run("ip netns", show="text").text.split()[0] == "red"
    assert "red" in bare.run("ip netns list", show="both").text


def test_programs_in_a_namespace(bare: Lab, folder: Path) -> None:
    """Entered by descriptor: a server in blue in the background, a client in red."""
    bare.run(CABLE).check()
    (folder / "page").write_text("hello from blue")
    server = bare.run("python3 -m http.server 80", "blue", background=True)
    assert server.ok
    read = (
        "python3 -c \"import urllib.request as u; print(u.urlopen('http://10.0.0.2/page', timeout=5).read().decode())\""
    )
    assert bare.run(f"ip netns exec red {read}").check().text == "hello from blue\n"
    assert (
        bare.run("bash -c 'for i in 1 2; do cat /proc/self/net/dev; done | grep -c veth-red'", "red").text.split()[0]
        == "2"
    )
    assert bare.run("for i in 1 2; do ip -br link show veth-red; done", "red").ok, (
        "ip in a script, of the script's own room"
    )
    server.value.stop()
    assert not bare.run(f"ip netns exec red {read}").ok
    assert (
        "-A POSTROUTING -j MASQUERADE"
        in bare.run("iptables -t nat -A POSTROUTING -j MASQUERADE && iptables -t nat -S").text
    )


def test_rooms_without_a_name_are_seen(bare: Lab) -> None:
    bare.run("unshare --net sleep 20", background=True).value  # noqa: B018 - it runs on
    names = list(bare.snapshot("namespaces").namespaces)
    assert [row.ns for row in names if not row.named] == ["(unnamed-1)"]


def test_python_and_sockets(cabled: Lab) -> None:
    import socket

    with cabled["blue"].python():
        server = socket.create_server(("10.0.0.2", 81))
    with cabled["red"].python(), server, socket.create_connection(("10.0.0.2", 81), timeout=5) as client:
        made, peer = server.accept()
        made.sendall(b"x")
        assert (client.recv(1), peer[0]) == (b"x", "10.0.0.1")
        made.close()


def test_who_it_is_outside(bare: Lab) -> None:
    """Root's lab is a plain user's here too; hostname and /proc/sys/net are the lab's own."""
    [init] = observe.children(bare.pid)
    [uids] = re.findall(r"^Uid:\t(.+)$", Path(f"/proc/{init}/status").read_text(), re.M)
    assert set(uids.split()) == {str(LAB_UID if AS_ROOT else os.geteuid())}
    for kind in ("net", "uts", "ipc", "user", "pid"):
        assert os.readlink(f"/proc/{init}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    assert bare.run("hostname").text.strip() == "host"
    assert "NoNewPrivs:\t1" in bare.run("cat /proc/self/status").text
    denied = bare.run("bash -c 'echo 1 > /proc/sys/vm/swappiness; echo x >> /etc/passwd'").text
    assert denied.count("Permission denied") == 2
    held = [os.readlink(f"/proc/{init}/fd/{fd}") for fd in os.listdir(f"/proc/{init}/fd")]
    assert os.readlink("/proc/self/ns/net") not in held
    assert not [
        each for each in held if "pidfd" in each or (each.startswith("/") and each not in ("/dev/null", "/proc"))
    ]


def test_it_says_what_it_lacks(bare: Lab) -> None:
    assert any(words.startswith("mounts:") for words in bare.status()["missing"])


# Without mounts: what cannot work


@pytest.mark.parametrize(
    "cell",
    [
        "for n in red blue; do\n  ip netns add $n\ndone",
        "x=1\nsudo ip netns exec red ip link",
        "ip -n red link | wc -l",
        "y=$(ip -netns red route)",
        "if true; then ip -br -n red addr; fi",
        "ls /run/netns | wc -l",
        "ip link add x type veth peer name y\nip link set x netns red && ip netns list | grep red",
    ],
)
def test_scripts_that_call_ip_netns_are_refused_before_they_start(bare: Lab, cell: str) -> None:
    result = bare.run(f"touch started\n{cell}")
    assert not result.ok
    [error] = result.errors
    assert isinstance(error, LabError)
    assert "bash cells that call ip netns" in error.message
    assert "cannot work in rootless-nomount" in error.message
    assert error.hint is not None
    assert "plain lines of the cell" in error.hint
    assert bare.run("ls").text == "", "nothing of it was done"
    assert bare.names() == []


@pytest.mark.parametrize(
    "line",
    [
        "bash -c 'ip netns add red'",
        'sh -c "ip -n red link"',
        "ip netns monitor",
    ],
)
def test_programs_that_call_ip_netns_are_refused(bare: Lab, line: str) -> None:
    start = time.monotonic()
    result = bare.run(f"{line}\nip netns add green")
    assert "programs that call ip netns cannot work in rootless-nomount" in result.text
    assert time.monotonic() - start < 5
    assert bare.names() == ["green"], "the lines after it are done"


def test_a_script_in_a_file_says_why_it_failed(bare: Lab, folder: Path) -> None:
    (folder / "setup.sh").write_text("set -e\nip netns exec red ip link\n")
    result = bare.run("bash setup.sh")
    assert not result.ok
    assert "nsmagic does ip netns by itself" in result.text


@pytest.mark.parametrize(
    "cell",
    [
        "for i in 1 2; do echo ip netns $i; done",
        "# ip netns add red\necho $((1 + 1))",
        "ip neigh | wc -l",
        "ip -4 n | wc -l; echo 'ip netns' | cat",
    ],
)
def test_scripts_that_only_look_like_it_run(bare: Lab, cell: str) -> None:
    assert bare.run(cell).ok


# Without mounts: ends


def running(marker: str) -> list[int]:
    """The machine's pids of processes with a word in their arguments."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if marker in Path(f"/proc/{name}/cmdline").read_text(errors="replace").split("\0"):
                found.append(int(name))
    return found


def test_a_time_limit_ends_all_that_a_command_started(bare: Lab) -> None:
    """Also what has daemonised; found in the machine's /proc, where the lab's processes have other numbers."""
    marker = f"987{os.getpid()}"
    result = bare.run(f"(setsid sleep {marker} &); setsid sh -c 'sleep {marker}; true' & sleep {marker}", timeout=0.5)
    assert not result.ok
    assert observe.until(lambda: not running(marker), 4)
    assert bare.run("ip netns add red").ok


def test_a_background_job_is_stopped_and_its_children_too(bare: Lab) -> None:
    marker = f"986{os.getpid()}"
    job = bare.run(f"sh -c 'sleep {marker} & setsid sleep {marker} & wait'", background=True).value
    assert observe.until(lambda: len(running(marker)) == 2, 4)
    job.stop()
    assert observe.until(lambda: not running(marker), 5)


def test_an_interrupt_ends_the_command_and_not_the_lab(tmp_path: Path) -> None:
    said = notebook(
        """
import signal
lab = Lab(sandbox="rootless-nomount")
lab.run("ip netns add red").check()
threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
begun = time.monotonic()
try:
    lab.run("sleep 30", "red")
    say(how="ended")
except KeyboardInterrupt:
    say(how="interrupted")
say(after=time.monotonic() - begun, alive=lab.run("ip -n red link").ok)
lab.close()
"""
    )
    assert said["how"] == "interrupted"
    assert said["after"] < 4
    assert said["alive"]


@pytest.mark.parametrize("victim", ["notebook", "launcher", "agent"])
def test_death_without_mounts(victim: str) -> None:
    code = """
lab = Lab(sandbox="rootless-nomount")
lab.run("ip netns add red").check()
for i in range(4):
    lab.run("sh -c 'trap \\"\\" TERM INT; setsid sleep 60 & sleep 60'", "red", background=True)
say(launcher=lab.pid)
threading.Event().wait(60)
"""
    from .outside import _BEGIN

    process = subprocess.Popen([sys.executable, "-P", "-c", _BEGIN + code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        launcher = json.loads(process.stdout.readline()[5:])["launcher"]
        [init] = observe.children(launcher)
        namespace = observe.pid_namespace(init)
        assert len(observe.processes_in(namespace)) > 8
        target = {"notebook": process.pid, "launcher": launcher, "agent": init}[victim]
        with observe.handle(launcher) as pidfd:
            os.kill(target, signal.SIGKILL)
            assert observe.ended(pidfd, 1.0)
        assert observe.until(lambda: not observe.processes_in(namespace), 1.0)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


# Which kind


@pytest.mark.parametrize("word", ["EACCES", "EPERM"])
def test_where_mounts_are_refused_there_is_the_other_kind(word: str) -> None:
    """AppArmor's docker-default answers EACCES, a filter EPERM."""
    said = notebook(
        f"""
lab = Lab()
result = lab.run({CABLE!r} + "ip netns exec red ping -c 1 10.0.0.2")
say(kind=lab.kind, ok=result.ok, missing=lab.status()["missing"])
lab.close()
try:
    Lab(sandbox="rootless").run("true")
except NsmagicError as error:
    say(error=type(error).__name__, step=error.step, errno=error.errno, message=str(error))
os.environ["NSMAGIC_SANDBOX"] = "rootless"
try:
    Lab().run("true")
except NsmagicError as error:
    say(forced=type(error).__name__)
""",
        prefix=behind(f"mount-{word}"),
    )
    assert said["kind"] == "rootless-nomount"
    assert said["ok"]
    assert any(words.startswith("mounts:") for words in said["missing"])
    assert (said["error"], said["errno"]) == ("SandboxUnavailable", getattr(errno, word))
    assert said["forced"] == "SandboxUnavailable"
    assert "rootless" in said["message"]


#: A machine without User Mode Linux.
NO_VM = {"NSMAGIC_UML": "/nowhere"}
TRY = """
try:
    lab = Lab()
    say(kind=lab.kind, missing=lab.status()["missing"], ok=lab.run("ip netns add red").ok)
    lab.close()
except NsmagicError as error:
    say(kind="", error=type(error).__name__, message=str(error), hint=error.hint or "", step=getattr(error, "step", ""), errno=getattr(error, "errno", 0))
"""


def test_where_namespaces_are_refused_it_says_so() -> None:
    said = notebook(TRY, prefix=behind("unshare-EPERM"), env=NO_VM)
    assert said["kind"] == ""
    assert said["error"] == "SandboxUnavailable"
    assert (said["step"], said["errno"]) == ("user namespace", errno.EPERM)
    assert "seccomp" in said["message"]
    assert "\n" not in said["message"], "one cause, said once"
    assert "seccomp=unconfined" in said["hint"]


@pytest.mark.parametrize("kind", ["user", "net", "pid", "uts", "ipc"])
def test_a_limit_of_zero_is_named(kind: str) -> None:
    """FAULTS.md 46: one sentence, which sysctl, what to ask the administrator."""
    said = notebook(TRY, prefix=behind(f"max-{kind}-namespaces"), env=NO_VM)
    assert said["kind"] == ""
    assert said["errno"] == errno.ENOSPC
    assert f"user.max_{kind}_namespaces is 0" in said["message"]
    assert f"sudo sysctl -w user.max_{kind}_namespaces=" in said["hint"]


def test_no_mount_namespaces_but_others() -> None:
    said = notebook(TRY, prefix=behind("max-mnt-namespaces"))
    assert said["kind"] == "rootless-nomount"
    assert said["ok"]


@pytest.mark.parametrize("masked", ["proc", "proc-and-sys"])
def test_masked_proc_is_the_ordinary_kind_with_less(masked: str) -> None:
    """FAULTS.md 74: what containers cover of /proc and /sys keeps new ones from being mounted; nearly all works with the old one, and
    without any /sys: iproute2 would end at its mount."""
    said = notebook(
        """
lab = Lab()
say(kind=lab.kind, missing=lab.status()["missing"])
say(named=lab.run("ip netns add red && ip -n red link").ok)
say(script=lab.run("for n in blue; do ip netns add $n; ip netns exec $n ip -br link; done").ok, names=lab.names())
say(ping="1 received" in lab.run("ip netns exec red ip link set lo up && ip netns exec red ping -c 1 127.0.0.1").text)
job = lab.run("sleep 50", "red", background=True).value
say(pids=len(lab.run("ip netns pids red").text.split()))
job.stop()
begun = time.monotonic()
result = lab.run("sleep 40", timeout=0.3)
say(ended=time.monotonic() - begun, forward=lab.run("sysctl -w net.ipv4.ip_forward=1").ok)
say(sys=lab.run("ls /sys/class/net", "red").text.split())
lab.close()
""",
        prefix=behind(f"masked-{masked}"),
    )
    assert said["kind"] == "rootless"
    assert [words.partition(" ")[0] for words in said["missing"]] == [f"/{name}" for name in masked.split("-and-")]
    assert said["named"]
    assert said["script"]
    assert said["names"] == ["blue", "red"]
    assert said["ping"]
    assert said["pids"] == 1
    assert said["ended"] < 4
    assert said["forward"]
    assert (said["sys"] == ["lo"]) is (masked == "proc"), said["sys"]


@as_root
def test_a_container_s_root_becomes_a_plain_user_without_the_right_to_mount(tmp_path: Path) -> None:
    """Docker's root without its seccomp profile: no CAP_SYS_ADMIN, but user namespaces. It sees no more than where root may mount."""
    said = notebook(
        """
lab = Lab()
say(kind=lab.kind, script=lab.run("for n in red; do ip netns add $n; ip netns exec $n ip -br link; done").ok)
say(root=lab.run("ls /; cat /etc/shadow").text, touched=lab.run("touch /usr/nsmagic").ok)
""",
        prefix=("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"),
        cwd=tmp_path,
    )
    assert said["kind"] == "rootless"
    assert said["script"]
    assert not {"home", "opt", "srv"} & set(said["root"].split())
    assert "/etc/shadow: Permission denied" in said["root"]
    assert not said["touched"]


def test_a_filter_against_hostnames_takes_only_that() -> None:
    """Podman's seccomp profile lets an ordinary user make namespaces, and no name for a machine."""
    said = notebook(
        'lab = Lab()\nsay(kind=lab.kind, missing=lab.status()["missing"], ok=lab.run("ip netns add red; hostname").ok)',
        prefix=behind("sethostname-EPERM"),
    )
    assert (said["kind"], said["missing"], said["ok"]) == (
        "rootless",
        ["hostname of its own: Operation not permitted"],
        True,
    )


READ_ONLY = shell("mount -n --bind /proc/sys /proc/sys && mount -n -o remount,ro,bind /proc/sys")


@pytest.mark.parametrize("kind", ["rootless-nomount", "rootless"])
def test_forwarding_where_proc_sys_is_read_only(kind: str) -> None:
    """Set over netlink, on the interfaces that are there and those to come; IPv6 cannot be, and says so."""
    build = """
        ip netns add red
        ip netns add blue
        ip link add v-red netns red type veth peer name r-red
        ip addr add 10.1.0.1/24 dev r-red
        ip link set r-red up
        ip -n red addr add 10.1.0.2/24 dev v-red
        ip -n red link set v-red up
        ip -n red route add default via 10.1.0.1
    """
    late = """
        ip link add v-blue netns blue type veth peer name r-blue
        ip addr add 10.2.0.1/24 dev r-blue
        ip link set r-blue up
        ip -n blue addr add 10.2.0.2/24 dev v-blue
        ip -n blue link set v-blue up
        ip -n blue route add default via 10.2.0.1
    """
    said = notebook(
        f"""
lab = Lab(sandbox={kind!r})
ping = "ip netns exec red ping -c 1 -W 1 10.2.0.2"
lab.run({build!r}).check()
on = lab.run("sysctl -w net.ipv4.ip_forward=1")
lab.run({late!r}).check()
say(on=on.text, through="1 received" in lab.run(ping).text, shown=list(lab.run("sysctl net.ipv4.ip_forward net.ipv4.conf.r-blue.forwarding").value["value"]))
lab.run("sysctl -w net.ipv4.conf.r-red.forwarding=0").check()
say(one_off="1 received" in lab.run(ping).text)
lab.run("sysctl -w net.ipv4.ip_forward=0").check()
say(off="1 received" in lab.run(ping).text, red=list(lab.run("sysctl net.ipv4.ip_forward", "red").value["value"]))
say(six=lab.run("sysctl -w net.ipv6.conf.all.forwarding=1").text, other=lab.run("sysctl -w net.ipv4.conf.all.rp_filter=1").text)
say(missing=lab.status()["missing"])
lab.close()
""",
        prefix=(*PLAIN, *OUTER_USER, *READ_ONLY),
    )
    if kind == "rootless-nomount":
        assert "~ sysctl host  net.ipv4.ip_forward 0 → 1" in said["on"]
        assert said["shown"] == ["1", "1"]
        assert "Read-only file system" in said["six"]
        assert "hint: /proc/sys is read-only here" in said["six"]
        assert "Read-only file system" in said["other"]
        assert any("limits of namespaces" in words for words in said["missing"])
    assert said["through"]
    assert not said["one_off"]
    assert not said["off"]
    assert said["red"] == ["0"]


@as_root
@pytest.mark.parametrize("kind", ["rootless-nomount", "rootless"])
def test_a_python_that_root_alone_can_read(tmp_path: Path, kind: str) -> None:
    """Without mounts it cannot be shown to the plain user that root becomes: said by name. With mounts it works."""
    tmp_path.chmod(0o700)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True, timeout=60)
    packages = [each for each in sys.path if each.endswith("site-packages")]
    code = f"""
import json, sys
sys.path[:0] = {[str(ROOT), *packages]!r}
from nsmagic import Lab
from nsmagic.errors import NsmagicError
try:
    with Lab(sandbox={kind!r}, folder="/tmp") as lab:
        print(json.dumps([lab.kind, ""]))
except NsmagicError as error:
    print(json.dumps(["", error.render()]))
"""
    done = subprocess.run([python, "-P", "-c", code], cwd="/", capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    found, words = json.loads(done.stdout)
    if kind == "rootless":
        assert (found, words) == (kind, "")
    else:
        assert found == ""
        assert f"cannot read {tmp_path}/venv" in words
        assert f"uid {LAB_UID}" in words


def test_kinds_that_there_are_not() -> None:
    with pytest.raises(LabError, match="there is no sandbox kind 'docker'") as caught:
        Lab(sandbox="docker").run("true")
    assert caught.value.hint == "kinds: rootless, rootless-nomount, vm, host"


def test_the_machine_itself_is_for_root_only() -> None:
    said = notebook(TRY.replace("Lab()", 'Lab(sandbox="host")'), prefix=PLAIN)
    assert said["kind"] == ""
    assert said["error"] == "LabError"
    assert "needs root" in said["message"]
    assert "leave sandbox= out" in said["hint"]


def test_the_kind_can_be_named_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_SANDBOX", "rootless-nomount")
    with Lab() as lab:
        assert lab.kind == "rootless-nomount"
    monkeypatch.setenv("NSMAGIC_SANDBOX", "")
    with Lab() as lab:
        assert lab.kind == "rootless"


def test_an_ordinary_user_s_root_is_no_root() -> None:
    """``unshare -Ur``: uid 0 with no second uid to become."""
    said = notebook(TRY, prefix=(*PLAIN, *OUTER_USER))
    assert said["kind"] == "rootless"
    assert said["ok"]


@as_root
def test_a_root_with_no_one_to_become() -> None:
    """Real root mapped to root and to nobody else could write the machine's files: refused with what to do."""
    said = notebook(TRY, prefix=("unshare", "-Urnm"), env=NO_VM)
    assert said["kind"] == ""
    assert "no second user to become" in said["message"]
    assert "ordinary user" in said["hint"]


# The machine itself, which here is a sandbox


HOST = (*OUTER, *shell("mount -n --make-rprivate / && mount -n -t tmpfs none /run && ip link set lo up"))


@as_root
def test_the_machine_itself() -> None:
    said = notebook(
        """
import socket, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    lab = Lab(sandbox="host")
    kind = lab.kind
say(kind=kind, warned=[str(each.message) for each in caught])
sh = lambda words: subprocess.run(words, shell=True, capture_output=True, text=True).stdout
lab.run(CABLE + "ip link add v0 type veth peer name v1").check()
say(namespaces=sh("ip netns list").split(), links=sh("ip -br link show v0"), inside=sh("ip -n red -br addr show veth-red"))
sh("ip netns add green; ip link add w0 type veth peer name w1")
say(names=lab.names(), seen="w0" in list(lab.run("ip link").value["ifname"]))
say(ping="1 received" in lab.run("ip netns exec red ping -c 1 10.0.0.2").text)
say(script=lab.run("for n in black; do ip netns add $n; ip netns exec $n ip link set lo up; done").ok)
say(who=lab.run("bash -c 'id -u; hostname; echo $HOME; grep -c . /proc/self/mountinfo; grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj'").text.split())
say(hostname=socket.gethostname(), mounts=sum(1 for _ in open("/proc/self/mountinfo")))
lab.run("sysctl -w net.ipv4.ip_forward=1; iptables -t nat -A POSTROUTING -j MASQUERADE").check()
say(forward=open("/proc/sys/net/ipv4/ip_forward").read().strip(), nat=sh("iptables -t nat -S"))
file = f"/run/nsmagic-test-{os.getpid()}"
say(file=lab.run(f"touch {file}").ok and os.path.exists(file))
with lab["red"].python():
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.connect(("10.0.0.2", 9))
        say(own=made.getsockname()[0])
job = lab.run("sh -c 'sleep 61 & sleep 62'", background=True).value
server = lab.run("python3 -m http.server 8000", "red", background=True)
lab.run("sleep 63", timeout=0.3)
lab.close()
time.sleep(0.1)
left = [words for words in sh("ps -e -o args=").splitlines() if words.startswith(("sleep 61", "sleep 62", "sleep 63", "python3 -m http.server 8000"))]
say(left=left, after=sorted(sh("ip netns list").split()), link=bool(sh("ip -br link show v0")))
""".replace("CABLE", repr(CABLE + "\n")),
        prefix=HOST,
    )
    assert said["kind"] == "host"
    [warning] = said["warned"]
    for word in ("THIS MACHINE", "interfaces", "routes", "firewall", "sysctls", "nothing is undone"):
        assert word in warning
    assert {"red", "blue"} <= set(said["namespaces"])
    assert said["links"].startswith("v0@v1")
    assert "10.0.0.1/24" in said["inside"]
    assert said["names"] == ["blue", "green", "red"]
    assert said["seen"]
    assert said["ping"]
    assert said["script"]
    uid, hostname, home, mounts, *rest = said["who"]
    assert (uid, hostname, home) == ("0", said["hostname"], "/root")
    assert int(mounts) == said["mounts"], "no mount was added or taken away"
    assert rest[:2] == ["NoNewPrivs:", "0"]
    assert said["forward"] == "1"
    assert "-j MASQUERADE" in said["nat"]
    assert said["file"]
    assert said["own"] == "10.0.0.1"
    assert said["left"] == [], "jobs end with the lab"
    assert {"black", "blue", "green", "red"} <= set(said["after"])
    assert said["link"], "what was made stays"


@as_root
def test_death_on_the_machine_itself() -> None:
    """The agent and its jobs go with the notebook; what was made in the kernel stays, as the warning says."""
    code = """
import warnings
warnings.simplefilter("ignore")
lab = Lab(sandbox="host")
lab.run("ip netns add red").check()
lab.run("sleep 64", "red", background=True)
say(launcher=lab.pid)
threading.Event().wait(60)
"""
    from .outside import _BEGIN

    process = subprocess.Popen([*HOST, sys.executable, "-P", "-c", _BEGIN + code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        launcher = json.loads(process.stdout.readline()[5:])["launcher"]
        family = [launcher]
        for pid in family:
            family += observe.children(pid)
        assert len(family) == 4, "launcher, agent, runner, sleep"
        with contextlib.ExitStack() as stack:
            handles = [stack.enter_context(observe.handle(pid)) for pid in family]
            process.kill()
            assert [observe.ended(each, 1.5) for each in handles] == [True] * 4
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_never_chosen_by_itself() -> None:
    from nsmagic.sandbox import choice

    assert "host" not in choice.AUTOMATIC
    assert set(choice.AUTOMATIC) == {"rootless", "rootless-nomount", "vm"}
