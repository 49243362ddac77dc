"""A lab reaches nothing of the machine: files, parameters, processes, sockets, namespaces (FAULTS.md 49 to 61, 69, 70, 80).

What is tried is what root of the lab can try: everything below runs with all capabilities of the lab's own user namespace.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shlex
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.agent.launcher import LAB_UID
from nsmagic.agent.process import ENVIRONMENT
from nsmagic.sandbox.config import writable
from tests.agent.inlab import inside, shell

from . import observe
from .outside import OUTER_USER, notebook

pytestmark = pytest.mark.sandbox
AS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook's folder, also for the plain user that root becomes."""
    folder = tmp_path_factory.mktemp("notebook")
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def shared(place: Path) -> Iterator[Lab]:
    """A lab for tests that leave it as it is."""
    with Lab(sandbox="rootless", folder=str(place)) as lab:
        lab.run("ip netns add red").check()
        yield lab


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, in its folder ``tmp_path``."""
    tmp_path.chmod(0o777)
    with Lab(sandbox="rootless", folder=str(tmp_path)) as lab:
        yield lab


def sh(lab: Lab, script: str, ns: str | None = None) -> str:
    """The output of a script, whatever its exit status."""
    [outcome] = lab.run(f"bash -c {shlex.quote(script)}", ns).outcomes
    return outcome.output


# Files


@pytest.mark.parametrize(
    "path",
    [
        "/proc/sys/vm/swappiness", "/proc/sys/kernel/panic", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
        "/proc/sys/fs/file-max", "/proc/sysrq-trigger", "/proc/irq/0/smp_affinity", "/.etc/passwd", "/.etc/shadow", "/usr/bin/new", "/bin/sh",
        "/lib/new", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/pids/cgroup.procs",
        "/sys/power/state", "/boot/new", "/dev/kmsg/new", "/dev/mem/new", "/.sys/power/state",
    ],
)  # fmt: skip
def test_nothing_of_the_machine_can_be_written(shared: Lab, path: str) -> None:
    """FAULTS.md 50."""
    for ns in (None, "red"):
        said = sh(shared, f"exec 2>&1; echo 1 >> {path} && echo WRITTEN", ns)
        assert "WRITTEN" not in said
        assert re.search(r"Permission denied|Read-only|No such file|Operation not permitted|Not a directory", said), (
            said
        )


def test_pid_1_is_nobody_of_the_machine(shared: Lab) -> None:
    """Seen from outside: its uid is the notebook's, or the lab's own when root started it; never 0."""
    [init] = observe.children(shared.pid)
    status = Path(f"/proc/{init}/status").read_text()
    [uids] = re.findall(r"^Uid:\t(.+)$", status, re.M)
    assert set(uids.split()) == {str(LAB_UID if AS_ROOT else os.geteuid())}
    if AS_ROOT:
        assert "Groups:\t \n" in status


def test_devices_are_the_harmless_ones(shared: Lab) -> None:
    found = sh(shared, "find /dev -type b -o -type c | sort").split()
    allowed = {"null", "zero", "full", "random", "urandom", "tty", "net/tun", "pts/ptmx"}
    assert {each.removeprefix("/dev/") for each in found} <= allowed
    assert "Operation not permitted" in sh(shared, "mknod /tmp/disk b 8 0")


def test_the_machine_s_files_stay_read_only(tmp_path: Path) -> None:
    """Root of a lab could make a bind writable again and with it all that its user owns; these mounts are locked."""
    folder, beside = tmp_path / "notebook", tmp_path / "beside"
    for each in (folder, beside):
        each.mkdir()
        each.chmod(0o777)
    (beside / "precious").write_text("kept")
    (beside / "precious").chmod(0o666)
    with Lab(sandbox="rootless", folder=str(folder)) as lab:
        said = sh(lab, "mount -o remount,bind,rw /usr; mount -o remount,bind,rw /.etc; mount -o remount,rw /")
        assert said.count("permission denied") >= 2, said
        tries = f"""
            for over in / /usr /home /opt /srv /work {tmp_path} {beside}; do
                mount -o remount,bind,rw $over; mount -o remount,rw $over; mount --bind $over /mnt && mount -o remount,bind,rw /mnt
                echo lost > {beside}/precious; echo lost > /mnt/precious; echo lost > /mnt/beside/precious
            done
            unshare -Urm sh -c 'mount -o remount,bind,rw /usr; echo lost > {beside}/precious'
            rm -rf {beside}/*
        """
        sh(lab, tries)
        assert lab.run("true").ok
    assert (beside / "precious").read_text() == "kept"


def test_only_the_notebook_s_folder_is_writable(own: Lab, tmp_path: Path) -> None:
    """FAULTS.md 59."""
    assert own.run("echo hello > written; mkdir sub && echo 1 > sub/x; rm sub/x").ok
    assert (tmp_path / "written").read_text() == "hello\n"
    assert (tmp_path / "sub").is_dir()
    said = sh(own, f"touch {tmp_path.parent}/beside; pwd")
    assert re.search(r"touch: cannot touch '.*/beside'", said) or not (tmp_path.parent / "beside").exists()
    assert said.splitlines()[-1] == str(tmp_path)
    assert not (tmp_path.parent / "beside").exists()


def test_home_is_scratch(own: Lab, tmp_path: Path) -> None:
    before = sorted(os.listdir(Path.home())) if Path.home().is_dir() else []
    assert sh(own, "echo $HOME; echo 1 > ~/nsmagic-was-here; mkdir -p ~/.config/x; ls -A ~").split() == [
        "/root", ".config", "nsmagic-was-here"
    ]  # fmt: skip
    assert before == (sorted(os.listdir(Path.home())) if Path.home().is_dir() else [])
    assert not os.path.exists("/root/nsmagic-was-here")


def test_what_is_written_elsewhere_goes_with_the_lab(own: Lab) -> None:
    """FAULTS.md 42 and 56: scratch folders are the lab's own and bounded."""
    written = ["/tmp/x", "/run/x", "/dev/shm/x", "/var/tmp/x", "/var/log/x", "/mnt/x", "/x", "/etc/x", "/etc/passwd"]
    assert "denied" not in sh(own, "".join(f"echo nsmagic-was-here >> {path};" for path in written))
    for path in written:
        if os.path.isfile(path):
            assert "nsmagic-was-here" not in Path(path).read_text()
    said = sh(
        own, "for at in /run /tmp /dev/shm; do head -c 200M /dev/zero > $at/big; stat -c %s $at/big; rm $at/big; done"
    )
    sizes = [int(line) for line in said.splitlines() if line.isdigit()]
    assert len(sizes) == 3
    assert max(sizes) <= 64 << 20
    assert own.run("ip netns add after").ok


def test_the_machine_s_network_files_are_not_the_lab_s(own: Lab) -> None:
    own.run(
        "echo 10.9.9.9 here.lab >> /etc/hosts; mkdir -p /etc/netns/red; echo 10.8.8.8 there.lab > /etc/netns/red/hosts"
    ).check()
    own.run("ip netns add red").check()
    assert sh(own, "getent hosts here.lab").split()[0] == "10.9.9.9"
    assert sh(own, "getent hosts there.lab", "red").split()[0] == "10.8.8.8"
    assert sh(own, "ip netns exec red getent hosts there.lab").split()[0] == "10.8.8.8"
    assert "here.lab" not in Path("/etc/hosts").read_text()


def test_a_routing_table_gets_a_name_in_the_lab(own: Lab) -> None:
    own.run(
        "echo '200 custom' >> /etc/iproute2/rt_tables; echo 201 other > /etc/iproute2/rt_tables.d/other.conf"
    ).check()
    own.run(
        "ip link set lo up\nip route add 10.9.0.0/16 dev lo table custom\nip route add 10.8.0.0/16 dev lo table other"
        "\nip rule add to 10.9.0.0/16 lookup custom"
    ).check()
    assert [(route.dst, route.table) for route in own.snapshot("routes").routes if route.table in (200, 201)] == [
        ("10.9.0.0/16", 200), ("10.8.0.0/16", 201)
    ]  # fmt: skip
    assert "lookup custom" in own.run("ip rule", show="text").text
    machines = Path("/etc/iproute2/rt_tables")
    assert not machines.exists() or "custom" not in machines.read_text()


# Mounts


def test_taking_mounts_away_uncovers_nothing(own: Lab) -> None:
    """FAULTS.md 51."""
    machine = os.listdir("/run")
    own.run("touch /run/mine").check()
    said = sh(
        own,
        "umount -l /; umount -l /run; ls -A /run; echo; umount -l /sys; umount -l /.sys; ls /sys; echo; umount -l /tmp; ls /tmp",
    )
    assert "mine" not in said
    for name in set(machine) - {"lock", "netns"}:
        assert name not in said.split()
    left = sh(own, "umount -l /proc; umount /proc; cat /proc/[0-9]*/status")
    assert str(os.getpid()) not in re.findall(r"^NSpid:.*?(\d+)", left, re.M)
    assert "pytest" not in left
    assert own.run("ip netns add red && ip -n red link").ok, "the agent goes on"


def test_every_mount_can_go_and_none_is_the_machine_s(own: Lab) -> None:
    said = sh(
        own,
        r"""
        cd /; mounts=$(awk '{print $5}' /proc/self/mountinfo | sort -r)
        for at in $mounts; do case $at in /usr*|/lib*|/bin*|/proc) ;; *) umount -l "$at" 2>/dev/null ;; esac; done
        cat /proc/self/mountinfo; ls -A /home /srv /run /opt /etc 2>/dev/null
        """,
    )
    assert "docker.sock" not in said
    assert "/tmp/pytest" not in said


def test_names_of_namespaces_do_not_mount_anything_outside(tmp_path: Path) -> None:
    """FAULTS.md 58: also where the machine's mounts are shared, as systemd has them."""
    said = notebook(
        """
def mounts():
    with open("/proc/self/mountinfo") as file:
        return sorted(file.read().splitlines())
before = mounts()
with Lab(sandbox="rootless") as lab:
    lab.run("ip netns add red").check()
    lab.run("for n in blue green; do ip netns add $n; ip netns exec $n true; done").check()
    names = lab.names()
    during = mounts()
    left = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
say(names=names, shared=sum("shared:" in line for line in before), during=during == before, after=mounts() == before, left=left)
""",
        prefix=("unshare", "-m" if AS_ROOT else "-Urm", "--propagation", "shared"),
        cwd=tmp_path,
    )
    assert said["names"] == ["blue", "green", "red"]
    assert said["shared"] > 3
    assert said["during"]
    assert said["after"]
    assert said["left"] == []


def test_a_disk_of_the_machine_is_not_held(tmp_path: Path) -> None:
    """FAULTS.md 57: what is plugged in can be unmounted while a lab lives."""
    said = notebook(
        f"""
subprocess.run("mount -n -t tmpfs disk /mnt && echo 1 > /mnt/file", shell=True, check=True)
with Lab(sandbox="rootless", folder={str(tmp_path)!r}) as lab:
    seen = lab.run("bash -c 'cat /proc/1/mountinfo; ls /mnt; true'").text
    code = subprocess.run(["umount", "/mnt"]).returncode
    say(seen=" disk " in seen or "file" in seen.split(), code=code, alive=lab.run("true").ok)
""",
        prefix=("unshare", "-m") if AS_ROOT else OUTER_USER,
    )
    assert said["code"] == 0
    assert said["seen"] is False
    assert said["alive"]


# Processes and namespaces


def test_processes_of_the_lab_and_no_others(shared: Lab) -> None:
    rows = [line.split(None, 1) for line in sh(shared, "ps -e -o pid=,args=").splitlines() if line.strip()]
    assert len(rows) < 12
    assert rows[0][0] == "1"
    assert rows[0][1].split()[-3].endswith("launcher.py")
    assert not any("pytest" in words for _, words in rows)
    assert sh(shared, "hostname; cat /etc/hostname").split() == ["host", "host"]


def test_no_way_into_the_machine_s_namespaces(own: Lab) -> None:
    """FAULTS.md 52."""
    inodes = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "mnt", "pid", "user", "uts", "ipc")}
    for kind, machine in inodes.items():
        assert machine not in sh(own, f"readlink /proc/[0-9]*/ns/{kind}").split()
    machine_links = set(os.listdir("/sys/class/net")) - {"lo"}
    said = sh(
        own,
        "for at in /proc/[0-9]*/ns/net; do nsenter --net=$at ip -br link; done; nsenter -t 1 -a ip -br link; nsenter -t 1 -n -U ip -br link",
    )
    assert not machine_links & set(said.split())
    own.run("ip link add e0 type veth peer name e1").check()
    assert sh(own, "ip link set e1 netns 1; ip -br link show e1").split()[0].startswith("e1@")
    assert "e1" not in os.listdir("/sys/class/net")
    foreign = sh(own, f"nsenter -t {os.getpid()} -n ip link; ls -l /proc/{os.getpid()}/ns; kill -9 {os.getpid()}")
    assert "No such" in foreign


def test_descriptors_of_pid_1(own: Lab) -> None:
    """FAULTS.md 53: nothing of the machine's but the connection to the notebook and the door."""
    own.run("ip netns add red").check()
    lines = sh(
        own,
        "for i in $(ls /proc/1/fd | sort -n); do readlink /proc/1/fd/$i; done; echo; readlink /proc/[0-9]*/ns/net | sort -u; stat -Lc net:[%i] /run/netns/red",
    ).splitlines()
    split = lines.index("")
    targets, namespaces = lines[:split], set(lines[split + 1 :])
    assert targets[:3] == ["/dev/null"] * 3
    for target in targets[3:]:
        assert target.startswith(("socket:", "pipe:", "net:")) or target in ("anon_inode:[eventpoll]", "/proc"), targets
    assert os.readlink("/proc/self/ns/net") not in targets
    # The hidden namespace of the monitor needs no descriptor; all others are those in use.
    assert {each for each in targets if each.startswith("net:")} <= namespaces


def test_a_command_inherits_no_descriptor(shared: Lab) -> None:
    for ns in (None, "red"):
        assert shared.run("ls /proc/self/fd", ns).text.split() == ["0", "1", "2", "3"], "3 is the folder that ls reads"
    # In a script, its own text and the pipe that tells which line failed.
    script = "for i in 1; do ls -l /proc/self/fd; done"
    targets = [line.split("-> ")[1] for line in shared.run(script).text.splitlines() if "->" in line]
    assert all(target.startswith(("/dev/null", "pipe:", "/memfd:", "/proc/")) for target in targets), targets


def test_no_new_privileges(shared: Lab) -> None:
    """FAULTS.md 55."""
    for ns in (None, "red"):
        said = sh(
            shared, "grep NoNewPrivs /proc/self/status; su nobody -c id; ping -c1 -w1 127.0.0.1 >/dev/null; echo $?", ns
        )
        assert "NoNewPrivs:\t1" in said
        assert "uid=" not in said
    capabilities = int(sh(shared, "grep CapBnd /proc/self/status").split()[1], 16)
    assert not capabilities & 1 << 24, "CAP_SYS_RESOURCE: limits stay binding"
    assert sh(shared, "cat /proc/self/oom_score_adj") == "500\n", "the kernel ends it before the agent"


def test_system_v_and_posix_objects_stay_inside(own: Lab) -> None:
    """FAULTS.md 56."""

    def machine() -> list[str]:
        return [Path(f"/proc/sysvipc/{kind}").read_text() for kind in ("shm", "sem", "msg")]

    before = machine()
    own.run("ipcmk -M 4096 && ipcmk -S 2 && ipcmk -Q && echo 1 > /dev/shm/nsmagic-test").check()
    queue = "import ctypes; print(ctypes.CDLL(None).mq_open(b'/nsmagic-test', 0o102, 0o666, None) >= 0)"
    assert sh(own, f"python3 -c {shlex.quote(queue)}").strip() == "True"
    assert len(re.findall("^0x", sh(own, "ipcs"), re.M)) == 3
    assert machine() == before
    assert not Path("/dev/shm/nsmagic-test").exists()
    assert ctypes.CDLL(None).mq_open(b"/nsmagic-test", 0, 0, None) == -1


def test_pid_1_reaps_orphans(own: Lab) -> None:
    sh(own, "for i in $(seq 50); do (setsid sh -c 'sleep 0.05 & exit' &) ; done; sleep 0.3")
    limit = time.monotonic() + 5
    left = "?"
    while left and time.monotonic() < limit:
        left = sh(
            own, "sleep 0.05; ps -e -o stat=,comm= | grep -e ^Z -e sleep | grep -v '^S.*sleep 0.05' || true"
        ).strip()
    assert not left


# Sockets of the machine


def listening(address: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(address)
    made.listen()
    return made


TRY = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1].replace('@', chr(0)))"


def test_sockets_of_the_machine_are_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAULTS.md 54: abstract ones, and those with a path, also in a folder that the lab sees."""
    tmp_path.chmod(0o777)
    name = f"nsmagic-test-{os.getpid()}"
    monkeypatch.chdir(tmp_path)
    with listening(f"\0{name}"), listening("agent.sock"), listening(str(tmp_path / "full.sock")):
        for file in ("agent.sock", "full.sock"):
            os.chmod(file, 0o777)
        with Lab(sandbox="rootless", folder=str(tmp_path)) as lab:
            for target in (f"@{name}", str(tmp_path / "full.sock")):
                said = sh(lab, f"python3 -c {shlex.quote(TRY)} {target}")
                assert re.search("refused|not a socket|No such file", said, re.I), said
            assert "@" not in sh(lab, "cat /proc/net/unix").replace("@nsmagic-door", "")
            # Its own can be used, in the same folder too.
            mine = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('own.sock'); s.listen(); socket.socket(socket.AF_UNIX).connect('own.sock')"
            assert sh(lab, f"python3 -c {shlex.quote(mine)} && echo connected").strip() == "connected"
    assert stat.S_ISSOCK(os.stat("full.sock").st_mode), "only covered, in the lab"


def test_keys_of_jupyter_are_not_in_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "home" / "runtime"
    runtime.mkdir(parents=True)
    (runtime / "kernel-1.json").write_text('{"key": "secret"}')
    for each in (tmp_path, tmp_path / "home", runtime):
        each.chmod(0o777)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    with Lab(sandbox="rootless", folder=str(tmp_path)) as lab:
        assert sh(lab, f"ls {tmp_path}/home; cat {runtime}/*").splitlines()[0] == "runtime"
        assert "secret" not in sh(lab, f"cat {runtime}/*; umount {runtime}; umount {tmp_path}; cat {runtime}/*")
    assert (runtime / "kernel-1.json").exists()


def test_a_folder_that_the_lab_needs_is_never_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebook").mkdir()
    (tmp_path / "notebook").chmod(0o777)
    for runtime in ("/", "/usr", str(tmp_path), str(tmp_path / "notebook"), sys.prefix, "/nonexistent"):
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", runtime)
        with Lab(sandbox="rootless", folder=str(tmp_path / "notebook")) as lab:
            assert lab.run("ls > listing").ok
            assert (tmp_path / "notebook" / "listing").exists()


# What the notebook's process has about it


HOSTILE = {
    "BASH_ENV": "{folder}/evil.sh",
    "ENV": "{folder}/evil.sh",
    "BASH_FUNC_ip%%": "() {{ echo hijacked; }}",
    "IFS": "p",
    "PATH": ".:{folder}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LC_ALL": "tr_TR.UTF-8",
    "LANGUAGE": "tr",
    "PYTHONPATH": "{folder}/python",
    "PYTHONSTARTUP": "{folder}/evil.py",
    "PYTHONHOME": "",
    "LD_PRELOAD": "{folder}/evil.so",
    "LD_LIBRARY_PATH": "{folder}",
    "GREP_OPTIONS": "-v",
    "PS4": "$(touch {folder}/touched)",
    "RES_OPTIONS": "debug",
    "SECRET_TOKEN": "sesame",
}


def test_environment_of_the_notebook_does_not_reach_the_lab(tmp_path: Path) -> None:
    """FAULTS.md 69 and 70: with a hostile environment, in a folder of modules and programs that have the names of real ones."""
    tmp_path.chmod(0o777)
    touch = f"touch {tmp_path}/touched"
    (tmp_path / "evil.sh").write_text(touch)
    (tmp_path / "evil.py").write_text(f"import os; os.system('{touch}')")
    for name in ("socket", "json", "select", "struct", "nsmagic", "pyroute2", "ctypes"):
        (tmp_path / f"{name}.py").write_text(
            f"open('{tmp_path}/touched', 'w'); raise SystemExit('{name} of the folder')"
        )
    (tmp_path / "python").mkdir()
    # The notebook's own Python loads this one; the launcher, which says so by its name, must not.
    (tmp_path / "python" / "sitecustomize.py").write_text(
        f"import sys\nif any('launcher' in each for each in sys.orig_argv): open('{tmp_path}/touched', 'w')\n"
    )
    for name in ("ip", "ping", "bash", "ls", "env", "python3"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{touch}\necho of the folder\n")
        (tmp_path / name).chmod(0o755)
    environment = {name: value.format(folder=tmp_path) for name, value in HOSTILE.items() if value}
    said = notebook(
        """
with Lab(sandbox="rootless", folder=os.getcwd()) as lab:
    env = lab.run("/usr/bin/env").text
    script = lab.run("for i in 1; do ip -V; env; python3 -S -c 'import sys; print(sys.path)'; done").text
    named = lab.run("ip netns add red && ip -n red link").ok
    shell = lab.run("bash -c 'type ip; echo \\"[$IFS]\\"'").text
    say(env=env.splitlines(), script=script, named=named, shell=shell, cwd=lab.run("pwd").text.strip())
""",
        cwd=tmp_path,
        env=environment,
    )
    assert sorted(said["env"]) == sorted(f"{name}={value}" for name, value in ENVIRONMENT.items())
    assert "ip utility, iproute2" in said["script"]
    assert "of the folder" not in said["script"]
    assert "sesame" not in said["script"]
    assert said["shell"].startswith("ip is /")
    assert "[ \t\n]" in said["shell"]
    assert said["named"]
    assert said["cwd"] == str(tmp_path)
    assert not (tmp_path / "touched").exists()


def test_command_lines_seen_by_others_tell_nothing(own: Lab) -> None:
    """FAULTS.md 61: the text of a cell is in no argument of a process."""
    secret = "sesame-" + os.urandom(6).hex()
    job = own.run(f"for i in 1 2; do word={secret}; read -t 20 x < <(sleep 20); done", background=True).value
    seen = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            seen.append(Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    job.stop()
    assert any("launcher.py" in words for words in seen)
    assert not any(secret in words for words in seen)
    words = Path(f"/proc/{own.pid}/cmdline").read_bytes().split(b"\0")
    assert [bool(re.fullmatch(rb"\d+", each)) for each in words[-3:-1]] == [True, True], (
        "two descriptors, and nothing else"
    )


@pytest.mark.parametrize(
    "name", ["with spaces", "žluťoučký kůň", "日本語", "quote'\"$(id)", "-rf", "new\nline", "b\udcff"]
)
def test_folders_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    folder.chmod(0o777)
    with Lab(sandbox="rootless", folder=str(folder)) as lab:
        lab.run("echo hello > file").check()
        assert lab.run("cat file").text == "hello\n"
    assert (folder / "file").read_text() == "hello\n"


def test_a_folder_under_home(tmp_path: Path) -> None:
    home = tmp_path / "home" / "ann"
    folder = home / "course" / "net"
    folder.mkdir(parents=True)
    (home / ".bashrc").write_text("echo bashrc of the machine")
    for each in (folder, home, tmp_path):
        each.chmod(0o755)
    folder.chmod(0o777)
    said = notebook(
        """
with Lab(sandbox="rootless") as lab:
    lab.run("echo hello > file").check()
    say(home=lab.run("echo $HOME && pwd").text, there=lab.run("ls -A ~").text)
""",
        cwd=folder,
        env={"HOME": str(home)},
    )
    assert said["home"].split("\n")[:2] == ["/root", str(folder)]
    assert said["there"] == ""
    assert (folder / "file").exists()
    assert not os.access(home / "file", os.F_OK)


def test_a_folder_given_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with Lab(sandbox="rootless", folder=str(tmp_path / "link")) as lab:
        assert lab.run("pwd").text.strip() == str(tmp_path / "real")
        lab.run("echo 1 > here").check()
    assert (tmp_path / "real" / "here").exists()


@pytest.mark.parametrize("folder", ["/", "/tmp", "/etc", "/usr/share", "/proc/self", "/nonexistent/x"])
def test_folders_that_are_never_writable(folder: str) -> None:
    assert not writable(folder) or not os.path.exists(folder)
    with Lab(sandbox="rootless", folder=folder) as lab:
        assert lab.run("pwd").ok
        name = f"nsmagic-test-{os.getpid()}"
        lab.run(f"touch {folder}/{name}; true")
        assert not os.path.lexists(f"{folder}/{name}")


def test_folders_that_are_gone_or_closed(tmp_path: Path) -> None:
    """FAULTS.md 80."""
    gone, closed = tmp_path / "gone", tmp_path / "closed"
    for each in (gone, closed):
        each.mkdir()
    code = """
os.chdir(FOLDER)
CHANGE
with Lab(sandbox="rootless") as lab:
    say(pwd=lab.run("pwd").text.strip(), ok=lab.run("ip netns add red").ok, background=lab.run("ping -c 1 127.0.0.1").ok)
"""
    for folder, change in ((gone, "os.rmdir(FOLDER)"), (closed, "os.chmod(FOLDER, 0)")):
        said = notebook(code.replace("CHANGE", change).replace("FOLDER", repr(str(folder))))
        assert said["pwd"] in ("/", str(folder))
        assert said["ok"]
        assert said["background"]


# Two labs


def test_two_labs_with_the_same_names(tmp_path: Path) -> None:
    """FAULTS.md 60: one is killed while the other pings; not one packet is lost."""
    tmp_path.chmod(0o777)
    build = """
        ip netns add red
        ip link add eth0 type veth peer name eth1
        ip link set eth1 netns red
        ip addr add 10.0.0.1/24 dev eth0
        ip -n red addr add 10.0.0.2/24 dev eth1
        ip link set eth0 up
        ip -n red link set eth1 up
    """
    with (
        Lab(sandbox="rootless", folder=str(tmp_path)) as first,
        Lab(sandbox="rootless", folder=str(tmp_path)) as second,
    ):
        for lab in (first, second):
            lab.run(build).check()
        second.run("ip -n red addr add 10.0.0.3/24 dev eth1; iptables -I INPUT -j DROP").check()
        first.run("ping -c 1 10.0.0.2").check()
        done: list[Any] = []
        pinging = threading.Thread(target=lambda: done.append(first.run("ping -i 0.02 -c 60 10.0.0.2")))
        pinging.start()
        with observe.handle(second.pid) as pidfd:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            assert observe.ended(pidfd, 1.0)
        pinging.join(20)
        [result] = done
        assert "60 packets transmitted, 60 received, 0% packet loss" in result.text
        assert first.names() == ["red"]
        assert "10.0.0.3" not in first.run("ip -n red addr").text


# Names of the world


def test_names_are_never_looked_up_outside(own: Lab) -> None:
    own.run("ip netns add red\nip -n red link set lo up\nip netns add blue").check()
    for ns in (None, "red", "blue"):
        start = time.monotonic()
        result = own.run("getent hosts example.com", ns)
        assert not result.ok
        assert time.monotonic() - start < 1.0
    for ns in (None, "red"):
        assert sh(own, "getent hosts localhost", ns).split()[0] in ("127.0.0.1", "::1")
    start = time.monotonic()
    assert "resolve" in sh(own, "curl -sS http://example.com/")
    assert time.monotonic() - start < 1.5


# Sysctls


def test_what_a_script_sets_in_its_namespaces_stays() -> None:
    """Where the machine deviates (Docker: it forwards), the agent puts the defaults into namespaces that scripts make. It must do so
    before anybody is in them, or it would undo what the script sets: ``rp_filter`` stands for ``ip_forward`` here."""

    def listeners() -> int:
        found = 0
        for each in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the one that lists the folder
                found += "seccomp" in os.readlink(f"/proc/self/fd/{each}")
        return found

    def run() -> list[Any]:
        from nsmagic import syscalls as sys_
        from nsmagic.agent.loop import Loop
        from nsmagic.agent.namespaces import Namespaces
        from nsmagic.agent.process import Job, Place
        from nsmagic.netlink.monitor import Monitor

        home = sys_.current_netns()
        prepared: list[bool] = []

        def prepare(touched: bool) -> None:
            prepared.append(touched)
            Path("/proc/sys/net/ipv4/conf/all/rp_filter").write_text("0")

        namespaces = Namespaces(Monitor(home), home, seed=0, mounts=True, prepare=[prepare])
        loop = Loop()
        gate = namespaces.guard(loop)
        assert gate is not None
        names = [f"n{at}" for at in range(12)]
        script = f"for n in {' '.join(names)}; do ip netns add $n; ip netns exec $n sysctl -qw net.ipv4.conf.all.rp_filter=2; done"
        done: list[int] = []
        said: list[bytes] = []
        Job(
            loop, ["bash", "-c", f"{script}; ip -n n3 link set lo up; nsenter --net=/run/netns/n4 true"], Place(gate=gate.handover()),
            on_output=said.append, on_end=lambda status, number: done.append(status),
        )  # fmt: skip
        loop.later(30, lambda: done.append(-1))
        while not done:
            loop.turn()
        namespaces.scan()
        values = shell(
            f"for n in {' '.join(names)}; do ip netns exec $n sysctl -n net.ipv4.conf.all.rp_filter; done"
        ).split()
        limit = time.monotonic() + 5  # the command is gone, and with it the descriptor of its questions
        while listeners() and time.monotonic() < limit:
            loop.later(0.02, lambda: None)
            loop.turn()
        return [
            done,
            b"".join(said).decode(),
            len(prepared),
            namespaces.names() == sorted(names),
            sorted(set(values)),
            listeners(),
        ]

    assert inside(run) == [[0], "", 12, True, ["2"], 0]


def test_every_namespace_starts_with_the_kernel_s_defaults(own: Lab) -> None:
    own.run("ip netns add red").check()
    own.run("for n in blue; do ip netns add $n; done").check()
    for ns in ("host", "red", "blue"):
        values = dict(zip(*[own[ns].sysctls[each] for each in ("name", "value")], strict=True))
        assert values["net.ipv4.ip_forward"] == "0"
        assert values["net.ipv4.conf.all.rp_filter"] == values["net.ipv4.conf.default.rp_filter"] == "0"
        assert values["net.ipv4.conf.default.accept_redirects"] == "1"
        assert values["net.ipv6.conf.default.forwarding"] == "0"


# What must work all the same


CAPABLE = {
    "a script's namespace": ("ip netns add x1; ip netns exec x1 ip -br link; ip -n x1 link set lo up; ip netns del x1", "lo"),
    "a room with its own processes": ("unshare --pid --fork --mount-proc ps -e -o pid=,comm=", "1 ps"),
    "entering a room": (
        "unshare --pid --fork --mount-proc sleep 5 & sleep 0.3; nsenter -t $(pgrep -n -x sleep) -p -m ps -e -o pid=,comm= | head -1; kill %1", "1 sleep"
    ),
    "chroot": (
        "mkdir -p /tmp/c; for d in usr; do mkdir -p /tmp/c/$d; mount --rbind /$d /tmp/c/$d; done; for l in bin lib lib64 sbin; do [ -L /$l ] && ln -sfn usr/$l /tmp/c/$l; done;"
        "chroot /tmp/c /bin/sh -c 'cd /; echo *'", "usr"
    ),
    "a nested user namespace": ("unshare -Urn sh -c 'id -u; ip -br link'", "0 lo"),
    "iptables": ("iptables -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE && iptables -t nat -S", "-A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE"),
    "iptables-legacy": ("iptables-legacy -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE && iptables-legacy -t nat -S", "-j MASQUERADE"),
    "nft": ("nft add table ip t && nft add chain ip t c '{ type nat hook postrouting priority 100 ; }' && nft add rule ip t c masquerade && nft list table ip t", "masquerade"),
    "tcpdump": (
        "ip link set lo up; tcpdump -U -i lo -c 2 -w /tmp/p.pcap icmp 2>/tmp/e & for i in $(seq 100); do grep -q listening /tmp/e && break; sleep 0.02; done;"
        "ping -c 2 -i 0.2 127.0.0.1 >/dev/null; wait; tcpdump -nn -r /tmp/p.pcap", "ICMP echo request"
    ),
    "AF_PACKET": ("""python3 -c "
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(('lo', 0)); print('bound', s.getsockname()[0])" """, "bound lo"),
    "sysctl": ("sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; cat /proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward = 1"),
    "bridge": ("ip link add br9 type bridge && ip link set br9 up && bridge link; ip -br link show br9", "br9"),
    "vxlan": ("ip link add vx9 type vxlan id 9 dstport 4789 dev lo && ip -d link show vx9", "vxlan id 9"),
    "tun": ("ip tuntap add dev tun9 mode tun && ip -br link show tun9", "tun9"),
    "hostname": ("unshare --uts sh -c 'hostname other; hostname'; hostname", "other host"),
    "tmpfs": ("mkdir -p /mnt/t && mount -t tmpfs none /mnt/t && echo hello > /mnt/t/x && cat /mnt/t/x", "hello"),
    "low ports": ("python3 -c \"import socket; s = socket.create_server(('127.0.0.1', 80)); print(s.getsockname()[1])\"", "80"),
    "accounts of services": ("id -u tcpdump 2>/dev/null || id -u daemon; setpriv --clear-groups true && echo cleared", "0 cleared"),
    "the user and the group of who has none": ("setpriv --reuid nobody --clear-groups --regid $(getent group nogroup nobody | head -1 | cut -d: -f1) id -u", "0"),
}  # fmt: skip


@pytest.mark.parametrize("name", CAPABLE)
def test_root_of_the_lab_can(own: Lab, name: str) -> None:
    script, wanted = CAPABLE[name]
    tool = script.split()[0]
    if tool in ("iptables", "iptables-legacy", "nft", "tcpdump") and not sh(own, f"command -v {tool}").strip():
        pytest.skip(f"{tool} is not installed")
    if name == "tun" and not os.stat("/dev/net/tun").st_mode & 0o002:
        wanted = "Permission denied"  # the machine gives it to root alone, and the lab has no more rights than its user
    assert wanted in " ".join(sh(own, script).split())


def test_the_python_that_runs_the_tests_is_in_sight(shared: Lab) -> None:
    """Python's folder may lie anywhere, also in a home that others cannot read."""
    assert sh(shared, f"{shlex.quote(sys.executable)} -c 'print(6 * 7)'").strip() == "42"
