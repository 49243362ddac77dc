"""Programs that a lab runs: what they get, how they end, how much they may write, on the real kernel."""

from __future__ import annotations

import resource
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsmagic import Lab, errors
from nsmagic.agent.process import executable
from nsmagic.commands.packages import PACKAGES

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    """One lab for all tests here: a program leaves nothing in it that another could see."""
    with Lab() as lab:
        lab.run("ip netns add red\nip -n red link add v1 type veth peer name v2").check()
        yield lab


@pytest.fixture(autouse=True)
def nothing_runs_on(shared: Lab) -> Iterator[None]:
    yield
    end = time.monotonic() + 5
    while shared.status()["processes"]:  # whoever tells how a command ended ends itself a moment later
        assert time.monotonic() < end, shared.status()["processes"]


def said(lab: Lab, command: str, ns: str | None = None) -> str:
    """What a program printed, both streams, when it went well."""
    return lab.run(command, ns).check().text


def bash(lab: Lab, script: str, ns: str | None = None) -> str:
    return said(lab, f"bash -c {shlex.quote(script)}", ns)


# What a program gets


def test_environment_is_a_fixed_list(shared: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "BASH_ENV", "BASH_FUNC_ip%%", "IFS", "LC_ALL", "SECRET"):
        monkeypatch.setenv(name, "/nowhere")
    with Lab() as lab:
        inside = dict(line.split("=", 1) for line in said(lab, "env").splitlines())
    assert "nowhere" not in " ".join(inside.values())
    assert inside == dict(line.split("=", 1) for line in said(shared, "env").splitlines())
    assert {"PATH", "HOME", "LANG"} <= set(inside)
    assert "/usr/sbin" in inside["PATH"].split(":")


def test_standard_input_is_at_its_end(shared: Lab) -> None:
    began = time.monotonic()
    assert said(shared, "cat") == ""
    assert said(shared, "python3 -c 'import sys; print(sys.stdin.read() == str())'") == "True\n"
    assert time.monotonic() - began < 5


def test_only_three_descriptors(shared: Lab) -> None:
    assert bash(shared, "sleep 1000 & ls /proc/$!/fd; kill $!").split() == ["0", "1", "2"]


def test_arguments_arrive_as_they_are(shared: Lab) -> None:
    words = ["a b", "$HOME", "`id`", "*", "'", '"', "\\", "-rf", "", "é", "x;y"]
    program = "python3 -c 'import sys; print(sys.argv[1:])'"
    assert said(shared, f"{program} {shlex.join(words)}") == f"{words}\n"


def test_bounds_of_a_command(shared: Lab) -> None:
    limits = bash(shared, "ulimit -Hn; ulimit -Hv; ulimit -Hf; ulimit -St; ulimit -Hc").split()
    assert limits == ["1024", str((1 << 30) // 1024), str((64 << 20) // 1024), "300", "0"]
    assert "MemoryError" in shared.run("python3 -c 'x = bytes(2 << 30)'").text


def test_rights_of_a_command(shared: Lab) -> None:
    status = dict(line.split(":\t", 1) for line in said(shared, "cat /proc/self/status").splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    rights, sys_resource, net_admin = int(status["CapEff"], 16), 24, 12
    assert rights >> net_admin & 1
    assert not rights >> sys_resource & 1
    assert "Operation not permitted" in shared.run("bash -c 'ulimit -n 100000'").text


def test_a_namespace_has_its_own_sys_and_files(shared: Lab) -> None:
    assert said(shared, "ls /sys/class/net", "red").split() == ["lo", "v1", "v2"]
    assert said(shared, "ls /sys/class/net").split() == ["lo"]
    bash(shared, "mkdir -p /etc/netns/red; echo nameserver 10.9.8.7 > /etc/netns/red/resolv.conf")
    assert said(shared, "cat /etc/resolv.conf", "red") == "nameserver 10.9.8.7\n"
    assert "10.9.8.7" not in said(shared, "cat /etc/resolv.conf")


def test_what_lessons_do_with_namespaces(shared: Lab) -> None:
    assert "v1" in bash(shared, "ip netns exec red ip -br link")
    assert "v1" in bash(shared, "ip netns exec red ip netns exec red ip -br link")
    assert bash(shared, "unshare --pid --fork --mount-proc sh -c 'echo $$'") == "1\n"
    inside = bash(shared, "unshare --pid --fork --mount-proc sleep 1000 & sleep_pid=; until sleep_pid=$(pgrep -x sleep); do :; done; "
                          "nsenter -t $sleep_pid -p -m ps -e -o pid=,comm=; kill $!; kill -9 $sleep_pid; wait")  # fmt: skip
    assert "1 sleep" in inside
    assert bash(shared, "unshare -Ur id -u") == "0\n"
    assert bash(shared, "mkdir -p /tmp/root && mount --rbind / /tmp/root && chroot /tmp/root id -u") == "0\n"


# How it ends


def test_status(shared: Lab) -> None:
    failed = shared.run("bash -c 'exit 3'").errors[0]
    assert isinstance(failed, errors.CommandFailed)
    assert (failed.status, failed.signal, failed.message) == (3, 0, "bash: exit status 3")


def test_signal(shared: Lab) -> None:
    failed = shared.run("bash -c 'kill -SEGV $$'").errors[0]
    assert isinstance(failed, errors.CommandFailed)
    assert failed.signal == 11


def test_not_found(shared: Lab) -> None:
    absent = next(name for name in ("tunctl", "vtysh", "udhcpc", "xtables-monitor") if executable(name) is None)
    failed = shared.run(f"{absent} -i any").errors[0]
    assert isinstance(failed, errors.CommandNotFound)
    assert (failed.name, failed.message) == (absent, f"{absent}: command not found")
    assert failed.hint is not None
    assert PACKAGES[absent] in failed.hint


def test_not_a_program(shared: Lab) -> None:
    result = shared.run("/etc/hostname")
    assert isinstance(result.errors[0], errors.NsmagicError)
    assert "Permission denied" in result.text


def test_time_is_over(shared: Lab) -> None:
    began = time.monotonic()
    result = shared.run(
        "bash -c 'trap \"echo asked; exit 5\" INT; echo ready; while :; do sleep 0.05; done'",
        timeout=0.5 if shared.kind != "vm" else 3,  # where bash takes its time to start
    )
    assert time.monotonic() - began < (4 if shared.kind != "vm" else 10)
    assert isinstance(result.errors[0], errors.CommandTimeout)
    assert result.text.splitlines()[:2] == ["ready", "asked"]


def test_what_ignores_signals_is_killed(shared: Lab) -> None:
    began = time.monotonic()
    result = shared.run("bash -c 'trap \"\" INT TERM HUP; while :; do :; done'", timeout=0.2)
    assert 0.2 < time.monotonic() - began < 8
    assert isinstance(result.errors[0], errors.CommandTimeout)


@pytest.mark.parametrize(
    "way",
    ["setsid sleep 1000 &", "(setsid sleep 1000 &)", "nohup sleep 1000 >/dev/null 2>&1 &", "(sleep 1000 & disown)"],
)
def test_what_it_left_behind_goes_with_it(shared: Lab, way: str) -> None:
    """``nothing_runs_on`` looks."""
    shared.run(f"bash -c {shlex.quote(way + ' while :; do :; done')}", timeout=0.3)


def test_a_declared_job_stays(shared: Lab) -> None:
    job = shared.run("sleep 1000", background=True).value
    shared.run("bash -c 'sleep 1000 & while :; do :; done'", timeout=0.2)
    assert job.running
    assert job.stop() != 0


def test_kill_everybody(shared: Lab) -> None:
    shared.run("bash -c 'kill -9 -1'")
    assert said(shared, "echo still here") == "still here\n"


def test_too_many_processes() -> None:
    with Lab(limits={"processes": 64}) as lab:
        began = time.monotonic()
        result = lab.run("bash -c 'f() { f | f & }; f; sleep 1000'", timeout=1)
        assert time.monotonic() - began < 10
        assert "Resource temporarily unavailable" in result.text
        assert said(lab, "echo still here") == "still here\n"
        with Lab() as other:
            assert said(other, "echo here") == "here\n"


# What it writes


def test_output_comes_as_it_is_written(shared: Lab) -> None:
    times: list[float] = []

    class Ear:
        def text(self, text: str) -> None:
            times.append(time.monotonic())

        def changes(self, lines: object) -> None: ...
        def shown(self, outcome: object, last: bool) -> None: ...
        def error(self, error: object, alone: bool) -> None: ...

    result = shared.run("bash -c 'echo one; sleep 0.5; echo two >&2; sleep 0.5; echo three'", sink=Ear())
    assert result.text == "one\ntwo\nthree\n"
    assert len(times) == 3
    assert times[1] - times[0] > 0.3


@pytest.mark.parametrize("command", ["yes", "cat /dev/zero", "cat /dev/urandom", "tr '\\0' x < /dev/zero"])
def test_output_without_end(shared: Lab, command: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    result = shared.run(f"bash -c {shlex.quote(command)}")
    assert time.monotonic() - began < 5
    assert result.errors[0].message.startswith("ended after 1 MiB of output: bash -c ")
    assert len(result.text.encode()) < 4 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 << 10


def test_output_that_is_no_text(shared: Lab) -> None:
    assert said(shared, r"printf 'a\000b\377c\n'").replace("\x00", "") == "ab�c\n"


def test_a_letter_cut_in_two_is_one_letter(shared: Lab) -> None:
    assert bash(shared, r"printf '\303'; sleep 0.3; printf '\251\n'") == "é\n"


def test_files_have_a_largest_size(shared: Lab, tmp_path: Path) -> None:
    result = shared.run("bash -c 'head -c 100M /dev/zero > /tmp/large; stat -c %s /tmp/large; rm /tmp/large'")
    assert int(result.text.split()[-1]) <= 64 << 20
