"""Floods and exhaustion: a lab stays usable, the notebook's process small, and the machine outside unaffected (FAULTS.md 36 to 47)."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import CommandFailed, LimitReached
from tests import leaks
from tests.sandbox import observe

pytestmark = pytest.mark.sandbox

MIB = 1 << 20


def resident() -> int:
    """The memory of this process, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def own_words(error: Any) -> str:
    return f"{type(error).__name__}: {error.render()}"


# Output


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "cat /dev/urandom",
        "cat /dev/zero",
        "yes >&2",
        "seq 1 100000000",
        "head -c 100000000 /dev/zero | tr '\\0' a",
        "(yes &); sleep 5; echo never",
        "ip netns exec red yes",
    ],
)
def test_output_is_bounded_and_says_so(lab: Lab, text: str) -> None:
    lab.run("ip netns add red\nip netns").check()
    before, began = resident(), time.monotonic()
    result = lab.run(text)
    assert time.monotonic() - began < 2.0
    [error] = result.errors
    assert isinstance(error, CommandFailed)
    assert error.message == f"ended after 1 MiB of output: {text}"
    assert error.hint == "keep a part of it (| head -100), or write it to a file in the lab (> /tmp/out)"
    # Bytes that are no text become one character each, at most.
    assert 0.9 * MIB < len(result.text.encode(errors="replace")) < 3.2 * MIB
    assert resident() - before < 20 * MIB
    assert lab.run("echo next").text == "next\n"
    assert lab.status()["processes"] == []


def test_the_bound_is_a_limit_of_the_lab() -> None:
    with Lab(limits={"output": 64 << 10}) as lab:
        result = lab.run("yes")
        assert result.errors[0].message == "ended after 64 KiB of output: yes"
        assert len(result.outcomes[0].output) == 64 << 10


def test_the_notice_starts_a_line_of_its_own(lab: Lab) -> None:
    result = lab.run("cat /dev/zero\necho after")
    assert "\nended after 1 MiB of output: cat /dev/zero\n" in result.text
    assert result.text.endswith("\nafter\n")


def test_bytes_that_are_no_text(lab: Lab) -> None:
    result = lab.run("(printf 'a\\0b\\377\\376 \\303\\n\\342\\202'; sleep 0.3; printf '\\254 \\360\\237')")
    # A character that comes in two parts is one; one that never ends is replaced.
    assert result.text == "a\0b\ufffd\ufffd \ufffd\n€ \ufffd"
    assert result.ok


def test_a_log_of_a_background_job_keeps_its_end(lab: Lab) -> None:
    job = lab.run("seq 1 200000 &").value
    assert job.wait() == 0
    assert job.log.endswith("199999\n200000\n")
    assert len(job.log) == 256 << 10


def test_many_failing_lines_do_not_fill_what_reports_them(lab: Lab) -> None:
    result = lab.run("for i in $(seq 20000); do false; done; echo end", timeout=30)
    assert result.text.startswith("end\n")
    assert [own_words(error) for error in result.errors] == [
        "CellFailed: line 1 failed (exit status 1): for i in $(seq 20000); do false; done; echo end"
    ]


def test_a_thousand_failing_lines_are_told_briefly(lab: Lab) -> None:
    result = lab.run("\n".join(f"ip link set x{number} up" for number in range(1000)))
    assert len(result.errors) == 1000
    # The cure is the same for all of them.
    assert result.text.count("hint: host has lo") == 1
    with pytest.raises(Exception, match="1000 commands failed") as raised:
        result.check()
    assert len(str(raised.value).splitlines()) < 12


# Processes


def test_a_fork_bomb_stays_inside() -> None:
    with Lab(limits={"processes": 100}) as lab, Lab() as other:
        lab.run("ip netns add red").check()
        other.run("true").check()
        bomb = threading.Thread(target=lambda: lab.run(":(){ :|:& };:; sleep 60", timeout=3.0))
        bomb.start()
        assert observe.until(lambda: len(lab.status()["processes"]) > 60, 10.0)
        began = time.monotonic()
        subprocess.run(["true"], check=True)
        assert time.monotonic() - began < 1.0
        # The lab answers, and a command can be run that puts an end to it; another lab knows nothing of it.
        assert lab.run("ip netns").value["ns"].tolist() == ["red"]
        assert lab.run("echo here").text == "here\n"
        assert other.run("for i in 1 2 3; do echo $i | cat; done").text == "1\n2\n3\n"
        assert len(lab.status()["processes"]) <= 133
        bomb.join(20)
        assert not bomb.is_alive()
        began = time.monotonic()
        lab.close()
        assert time.monotonic() - began < 2.0


def test_a_fork_bomb_ends_with_its_cell() -> None:
    with Lab(limits={"processes": 200}) as lab:
        began = time.monotonic()
        result = lab.run("bomb() { while :; do bomb & sleep 0.01; done; }; bomb", timeout=1.0)
        assert time.monotonic() - began < 8.0
        assert result.errors
        assert lab.status()["processes"] == []


#: dash, unlike bash, gives up at once when it cannot fork.
MANY = "sh -c 'i=0; while [ $i -lt 200 ]; do sleep 50 & i=$((i+1)); done'"


def test_a_nested_user_namespace_has_no_more_processes() -> None:
    with Lab(limits={"processes": 60}) as lab:
        result = lab.run(f"unshare -Ur {MANY}", timeout=20)
        assert "Cannot fork" in result.text
        assert 40 < len(lab.status()["processes"]) <= 60


def test_a_lab_with_no_process_left_says_so() -> None:
    with Lab(limits={"processes": 40}) as lab:
        result = lab.run(MANY, timeout=20)
        assert "Cannot fork" in result.text
        assert result.errors[0].hint == (
            "the lab has as many processes as it may have; %lab status lists them, %lab reset ends them all"
        )
        # Commands start all the same, so that something can be done about it.
        assert lab.run("echo here").text == "here\n"
        assert lab.run("killall sleep || pkill sleep", timeout=20).text == ""
        # Told to end is not yet ended.
        assert observe.until(lambda: lab.status()["processes"] == [], 10.0)


# Namespaces


def test_three_hundred_namespaces_against_a_limit_of_twenty() -> None:
    with Lab(limits={"namespaces": 20}) as lab:
        result = lab.run("\n".join(f"ip netns add n{number}" for number in range(300)))
        assert len(result.errors) == 280
        assert {type(error) for error in result.errors} == {LimitReached}
        assert result.errors[0].render() == (
            "Failed to create a new network namespace: No space left on device\n"
            "hint: the lab has as many namespaces as it may have; delete one, or start it with Lab(limits={'namespaces': 1000})"
        )
        assert len(lab.names()) == 20
        assert lab.run("ls /run/netns | wc -l").text == "20\n"
        # One goes, one comes, although the kernel frees it a moment later.
        assert lab.run("ip netns del n3\nip netns add again").ok
        assert lab.run("ip netns exec again ip link").ok


def test_scripts_have_the_same_limit_and_the_same_cure() -> None:
    with Lab(limits={"namespaces": 5}) as lab:
        result = lab.run("for i in $(seq 10); do ip netns add n$i; done")
        assert len(lab.names()) == 5
        assert "No space left on device" in result.text
        assert result.errors[0].hint is not None
        assert result.errors[0].hint.startswith("the lab has as many namespaces as it may have")


@pytest.mark.parametrize(
    "text",
    [
        "echo 5000 > /proc/sys/user/max_net_namespaces",
        "echo 5000 > /proc/sys/user/max_user_namespaces",
        "echo 5000 > /proc/sys/user/max_mnt_namespaces",
        "ulimit -u 5000",
        "ulimit -n 5000",
        "ulimit -v unlimited",
        "ulimit -c unlimited",
        "ulimit -f unlimited",
        "echo -500 > /proc/self/oom_score_adj",
    ],
)
def test_root_of_the_lab_cannot_raise_limits(lab: Lab, text: str) -> None:
    result = lab.run(text)
    assert not result.ok
    assert "ermission denied" in result.text or "not permitted" in result.text


def test_a_nested_user_namespace_raises_nothing() -> None:
    with Lab(limits={"namespaces": 10}) as lab:
        inner = "echo 5000 > /proc/sys/user/max_net_namespaces; for i in $(seq 40); do unshare -n sleep 20 & done; wait"
        result = lab.run(f"unshare -Ur bash -c '{inner}'", timeout=3)
        assert result.text.count("No space left on device") >= 30


# Files and memory


@pytest.mark.parametrize(("folder", "size", "files"), [("/run", 16, 2048), ("/tmp", 64, 8192), ("/dev/shm", 16, 1024)])
def test_the_labs_own_folders_are_small(lab: Lab, folder: str, size: int, files: int) -> None:
    free = os.statvfs("/tmp").f_bavail
    result = lab.run(f"truncate -s 0 {folder}/small && dd if=/dev/zero of={folder}/big bs=1M count={size - 1}")
    assert result.ok
    result = lab.run(f"dd if=/dev/zero of={folder}/small bs=1M count=2")
    assert "No space left on device" in result.text
    assert result.errors[0].hint == (
        "the lab's /run (16 MiB), /tmp (64 MiB) and /dev/shm (16 MiB) are small; remove what fills them"
    )
    assert lab.run(f"rm {folder}/big {folder}/small").ok
    made = lab.run(f"i=0; while : > {folder}/f$i; do i=$((i+1)); done 2> /dev/null; echo $i").text
    assert int(made.split()[0]) < files
    assert abs(os.statvfs("/tmp").f_bavail - free) * 4096 < 200 * MIB  # nothing of it reached the machine's disk
    assert lab.run("ip link").ok
    if folder == "/run":
        refused = lab.run("ip netns add red").errors
        assert own_words(refused[0]) == (
            "LimitReached: /run/netns: No space left on device\n"
            "hint: the lab's /run (16 MiB), /tmp (64 MiB) and /dev/shm (16 MiB) are small; remove what fills them"
        )
        assert lab.run("rm -f /run/f[0-9]\nip netns add red\nip -n red link").ok


@pytest.mark.not_in_vm("root's plain user does not see a folder of pytest's, and real root is not there to show it")
def test_a_file_of_the_notebooks_folder_is_bounded(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with Lab(folder=str(tmp_path), limits={"file_size": MIB}) as lab:
        result = lab.run("dd if=/dev/zero of=big bs=64k count=100")
        if "Permission denied" in result.text:
            pytest.fail("the notebook's folder is not writable in the lab")
        assert (tmp_path / "big").stat().st_size <= MIB
        assert result.errors[0].hint == (
            "the size of a file is limited in a lab (%lab status shows it); Lab(limits={'file_size': BYTES}) allows more"
        )


def test_a_memory_hog_fails_and_the_lab_goes_on(lab: Lab) -> None:
    result = lab.run("python3 -c 'x = bytearray(3 << 30)'")
    assert "MemoryError" in result.text
    assert result.errors[0].hint == (
        "memory is limited in a lab (%lab status shows by how much); Lab(limits={'memory': BYTES}) allows more"
    )
    assert lab.run("echo here").text == "here\n"


def test_a_busy_program_ends_at_its_computing_time() -> None:
    with Lab(limits={"cpu_time": 1}) as lab:
        result = lab.run("while :; do :; done", timeout=20)
        assert own_words(result.errors[0]) == (
            "CommandFailed: bash: ended by signal 24 (CPU time limit exceeded)\n"
            "hint: computing time is limited in a lab (%lab status shows it); Lab(limits={'cpu_time': SECONDS}) allows more"
        )


# Descriptors


def in_a_process(code: str) -> dict[str, Any]:
    """Run code in a Python of its own, whose limits it may change; it prints one line of JSON."""
    program = "import json, os, resource\nfrom nsmagic import Lab\n" + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.not_in_vm("the guest's kernel has limits of its own, and its memory is a file")
def test_an_agent_out_of_descriptors_says_so_and_recovers() -> None:
    said = in_a_process(
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        with Lab() as lab:
            text = "\\n".join(f"ip netns add n{n}\\nip -n n{n} link add v type veth peer name w" for n in range(60))
            errors = [error for error in lab.run(text).errors if type(error).__name__ == "LimitReached"]
            made = lab.names()
            full = lab.run("echo no room")
            lab.run("\\n".join(f"ip netns del n{n}" for n in range(1, 9)))  # a script needs some ten descriptors to start
            there = lab.run("ls -1 /run/netns | cat").text.split()
            links = lab.links
            print(json.dumps({
                "message": errors[0].message, "limit": errors[0].limit, "made": len(made), "refused": len(errors),
                "full": [error.message for error in full.errors], "same": sorted(there) == lab.names(),
                "halves": [n for n in lab.names() if len(links[links.ns == n]) != 3],
                "after": lab.run("ip netns add fresh\\nip netns exec fresh echo hi").text,
            }))
        """
    )
    assert said["message"] == "the lab has as many open files as it may have (64): Too many open files"
    assert said["limit"] == "open files of the agent"
    assert said["made"] > 5
    assert said["made"] + said["refused"] == 60
    assert said["same"]
    assert said["halves"] == []
    assert said["after"] == "+ namespace fresh\nhi\n"


@pytest.mark.not_in_vm("the guest's kernel has limits of its own, and its memory is a file")
def test_limits_of_the_user_that_are_lower_than_ours() -> None:
    said = in_a_process(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
        with Lab() as lab:
            result = lab.run("ip netns add red\\nip netns exec red echo hi\\nulimit -n")
            print(json.dumps({"text": lab.run("ulimit -n; ulimit -f").text, "ok": result.ok}))
        """
    )
    assert said == {"text": "128\n1024\n", "ok": True}


def test_a_notebook_with_more_than_a_thousand_open_files() -> None:
    said = in_a_process(
        """
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(1500)]
        with Lab() as lab:
            result = lab.run("ip netns add red\\nip -n red link set lo up\\nip netns exec red ping -c 1 127.0.0.1\\necho hi")
            with lab.socket("red") as made:
                number = made.fileno()
            print(json.dumps({"ok": result.ok, "received": result.outcomes[2].ping.received, "socket": number > 1024}))
        """
    )
    assert said == {"ok": True, "received": 1, "socket": True}


# Again and again


def held_now() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def cycles(count: int, check: Callable[[], None]) -> None:
    for number in range(count):
        with Lab() as lab:
            lab.run(
                "ip netns add red\nip link add v1 type veth peer name v2 netns red\nip -n red link set v2 up"
            ).check()
            if number % 10 == 0:
                lab.run("echo hi | cat\nsleep 100 &").check()
                lab.run("ping -c 1 127.0.0.1").check()
        check()


def test_thirty_labs_one_after_the_other_leave_nothing() -> None:
    _again(30)


@pytest.mark.heavy
def test_three_hundred_labs_one_after_the_other_leave_nothing() -> None:
    _again(300)


def _again(count: int) -> None:
    cycles(3, lambda: None)  # what is imported and kept at first use
    before, held, memory = leaks.held(), held_now(), resident()

    def check() -> None:
        assert observe.zombies_of(os.getpid()) == []

    cycles(count, check)
    assert leaks.left_since(before) == []
    assert observe.until(lambda: held_now() == held, 2.0)
    assert resident() - memory < 20 * MIB


def test_a_lab_reset_ten_times_keeps_working(lab: Lab) -> None:
    for _ in range(10):
        lab.run("ip netns add red\nip link add veth-red type veth peer name v").check()
        lab.reset()
    assert lab.names() == []


def test_nothing_is_kept_of_a_lab_that_was_reset(lab: Lab) -> None:
    """Neither its connection nor what was read through it: somebody who resets all day would have them all."""
    lab.run("ip netns add red").check()
    assert len(lab.links) > 1
    client = weakref.ref(lab.client)
    lab.reset()
    gc.collect()
    assert client() is None


# Links


def test_links_of_native_commands_are_counted() -> None:
    with Lab(limits={"links": 20}) as lab:
        lab.run("ip netns add red").check()
        result = lab.run("\n".join(f"ip -n red link add v{n} type veth peer name w{n}" for n in range(60)))
        assert len(result.errors) == 50
        assert result.errors[0].render() == (
            "the lab has 20 links and may have 20\n"
            "hint: delete some, or start it with Lab(limits={'links': 8000}); %lab reset ends them all"
        )
        assert len(lab["red"].links) == 1 + 20
        assert isinstance(lab.run("ip link add br0 type bridge").errors[0], LimitReached)
        # One goes, one comes; what a program made counts.
        assert lab.run("ip -n red link del v0\nip link add br0 type bridge").ok
        assert lab.run("for n in 1; do ip link add br1 type bridge; done").ok
        assert len(lab.run("ip link add br2 type bridge").errors) == 1
        quiet = lab.run("\n".join(f"ip link add c{n} type bridge" for n in range(60)), changes=False)
        assert len(quiet.errors) == 60
        assert lab.status()["limits"]["links"] == 20
