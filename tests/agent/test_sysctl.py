"""Kernel parameters beside procps' sysctl, on the real kernel, as a user who may write nothing of the machine."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pytest
from inlab import Child, inside, namespace, shell

from nsmagic import syscalls as sys_
from nsmagic.agent import sysctl
from nsmagic.commands import sysctl as grammar
from nsmagic.commands.command import Command
from nsmagic.errors import CommandFailed, KernelRefused

pytestmark = pytest.mark.sandbox
needs_sysctl = pytest.mark.skipif(
    shutil.which("sysctl") is None, reason="procps' sysctl is not installed: nothing to compare with"
)

READS = [
    "sysctl net.ipv4.ip_forward",
    "sysctl -n net.ipv4.ip_forward net.ipv4.ip_default_ttl",
    "sysctl -N net.ipv4.ip_forward",
    "sysctl net.ipv4.foo",
    "sysctl net.ipv4.ip_forward.x",
    "sysctl -e net.ipv4.foo net.ipv4.ip_forward",
    "sysctl net.ipv4.conf.eth0/100.forwarding",
    "sysctl net/ipv4/conf/eth0.100/forwarding",
    "sysctl net.ipv4.conf.eth0.100.forwarding",
    "sysctl net.ipv4.conf.*.rp_filter",
    "sysctl net.ipv4.conf.lo",
    "sysctl net.ipv4.ip_local_port_range",
    "sysctl -n net.ipv4.ip_local_reserved_ports",
    "sysctl net.ipv4.route.flush",
    "sysctl vm.stat_refresh",
    "sysctl net",
    "sysctl -a -r 'conf.lo.forw'",
    "sysctl -a -r '^net\\.ipv4\\.conf\\.(lo|all)\\.[a-m]'",
    "sysctl -a -r 'nothing at all'",
    "sysctl -N -a -r rp_filter",
    "sysctl -a -r '^(net|kernel\\.(os|hostname|version))'",
]
WRITES = [
    "sysctl -w net.ipv4.ip_forward=1",
    "sysctl -q -w net.ipv4.ip_forward=0",
    "sysctl -n -w net.ipv4.ip_forward=1",
    "sysctl -w net.ipv4.ip_forward=banana",
    "sysctl -w net.ipv4.ip_forward=",
    "sysctl -w net.ipv4.foo=1",
    "sysctl -e -w net.ipv4.foo=1",
    "sysctl -w net.ipv4.ip_default_ttl=300",
    "sysctl -w 'net.ipv4.ip_local_port_range=9000 2000'",
    "sysctl -w net.ipv4.conf.eth0/100.rp_filter=2",
    "sysctl -w net/ipv4/conf/eth0.100/rp_filter=1",
    "sysctl -w net.ipv4.ip_local_reserved_ports=5,7-9",
    "sysctl -w net.ipv4.ip_local_reserved_ports=",
    "sysctl -w net.ipv4.conf.*.rp_filter=1",
    "sysctl -w vm.stat_interval=1",
    "sysctl -w net.ipv4.route.flush=1",
    "sysctl -w net.ipv4.tcp_available_congestion_control=x",
    "sysctl -w net.ipv4=1",
]
FILE = """
# a comment
; another
net.ipv4.ip_forward = 1
  net.ipv4.ip_default_ttl=63
-net.ipv4.conf.all.log_martians
net/ipv4/conf/lo/rp_filter=2
net.ipv4.conf.*.rp_filter = 1
net.ipv4.conf.*.log_martians = 1
net.ipv4.conf.eth0/100.arp_ignore=1
net.ipv4.nothing.*.here=1
"""
BAD_FILE = """
net.ipv4.ip_forward = zz
-net.ipv4.foo=1
net.ipv4.bar=1
bad line
= 3
net.ipv4.ip_default_ttl = 60
"""


def ours(command: str) -> list[Any]:
    """Success, lines and complaints of our sysctl, as the agent and the notebook put them together."""
    read = grammar.parse(tuple(shlex.split(command)), None)
    assert isinstance(read, Command)
    args = dict(read.args)
    ignore = bool(args.get("ignore"))
    try:
        if read.verb == "sysctl.read":
            rows = sysctl.read(args)
        elif read.verb == "sysctl.load":
            rows = sysctl.load(args["files"], ignore=ignore)
        else:
            rows = sysctl.write(args["assignments"], ignore=ignore)
    except (KernelRefused, CommandFailed) as error:
        done = getattr(error, "subject", {})
        rows, complaints = done.get("rows", done.get("written", [])), error.message
    else:
        complaints = ""
    shown = [] if args.get("quiet") else sysctl.lines(
        rows, values_only=bool(args.get("values_only")), names_only=bool(args.get("names_only"))
    )  # fmt: skip
    return [not complaints, shown, complaints.splitlines()]


def theirs(command: str) -> list[Any]:
    """The same of the machine's sysctl."""
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=20)
    return [not done.stderr, done.stdout.splitlines(), done.stderr.splitlines()]


def side_by_side(commands: list[str], setup: str = "") -> list[tuple[Any, Any]]:
    def play(tool: Callable[[str], list[Any]]) -> Child:
        def run() -> list[Any]:
            shell("ip link set lo up; ip link add eth0.100 type veth peer name 'a*b'; " + setup)
            return [[command, *tool(command), settings()] for command in commands]

        return Child(run)

    real, native = play(theirs), play(ours)
    return list(zip(real.result(), native.result(), strict=True))


def settings() -> list[list[str]]:
    """What the kernel has, for comparing after each write."""
    moving = ("fib_multipath_hash_seed", "stable_secret", "tcp_fastopen_key")
    return [row for row in sysctl.read({"names": ["net.ipv4"]}) if not row[0].endswith(moving)]


@needs_sysctl
@pytest.mark.parametrize("commands", [READS, WRITES], ids=["reads", "writes"])
def test_does_and_says_what_procps_does_and_says(commands: list[str]) -> None:
    for real, native in side_by_side(commands):
        assert native == real


@needs_sysctl
@pytest.mark.parametrize("text", [FILE, BAD_FILE, FILE + BAD_FILE], ids=["good", "bad", "mixed"])
def test_loads_files_as_procps_does(text: str) -> None:
    with tempfile.TemporaryDirectory(prefix="nsmagic-test.") as folder:
        os.chmod(folder, 0o755)
        path = f"{folder}/one.conf"
        with open(path, "w") as file:
            file.write(text)
        commands = [
            f"sysctl -p {path}",
            f"sysctl -q -p {path}",
            f"sysctl -e -p {path}",
            f"sysctl -p {folder}/none",
            f"sysctl -p {folder}",
        ]
        for real, native in side_by_side(commands):
            # The tool prints settings and complaints as they come; ours has them apart. Both lists are in the same order.
            assert native == real


def test_write_tells_old_and_new_value() -> None:
    def run() -> list[Any]:
        return [
            sysctl.write(
                [["net.ipv4.ip_default_ttl", "65"], ["net.ipv4.ip_forward", "0x1"], ["net.ipv4.ip_forward", "1"]]
            ),
            sysctl.write(
                [["net.ipv4.ip_local_port_range", "2000 3001"], ["net.ipv4.ip_local_reserved_ports", "5,6-9"]]
            ),
        ]

    first, second = inside(run)
    assert first == [
        ["net.ipv4.ip_default_ttl", "64", "65"], ["net.ipv4.ip_forward", "0", "1"], ["net.ipv4.ip_forward", "1", "1"],
    ]  # fmt: skip
    assert second == [
        ["net.ipv4.ip_local_port_range", "32768\t60999", "2000\t3001"], ["net.ipv4.ip_local_reserved_ports", "", "5-9"],
    ]  # fmt: skip


def test_each_namespace_has_its_own() -> None:
    def run() -> list[Any]:
        shell("ip netns add red")
        home = sys_.current_netns()
        before = sysctl.read({"names": ["net.ipv4.ip_forward"]})
        sys_.setns(namespace("red"))
        sysctl.write([["net.ipv4.ip_forward", "1"]])
        there = sysctl.read({"names": ["net.ipv4.ip_forward"]})
        sys_.setns(home)
        return [before, there, sysctl.read({"names": ["net.ipv4.ip_forward"]})]

    assert [rows[0][1] for rows in inside(run)] == ["0", "1", "0"]


def test_refusal_carries_number_key_and_what_was_done() -> None:
    def run() -> dict[str, Any]:
        try:
            sysctl.write([["net.ipv4.ip_forward", "1"], ["net.ipv4.ip_forward", "x"], ["vm.stat_interval", "1"]])
        except KernelRefused as error:
            return error.to_data()
        return {}

    data = inside(run)
    assert data["message"].splitlines() == [
        'sysctl: setting key "net.ipv4.ip_forward": Invalid argument', 'sysctl: permission denied on key "vm.stat_interval"',
    ]  # fmt: skip
    assert data["errno"] == errno.EINVAL
    assert data["subject"] == {"key": "net.ipv4.ip_forward", "written": [["net.ipv4.ip_forward", "0", "1"]]}


@pytest.mark.parametrize(
    "name", ["net.//.//.//etc.passwd", "//.//.etc.passwd", "net.ipv4.\0", "", "net.ipv4." + "x" * 5000]
)
def test_names_lead_nowhere_else(name: str) -> None:
    with pytest.raises(KernelRefused, match="cannot stat"):
        sysctl.read({"names": [name]}) if name else sysctl.read({"names": ["nothing"]})
    with pytest.raises(KernelRefused, match="cannot stat"):
        sysctl.write([[name or "nothing", "1"]])


@pytest.mark.parametrize("pattern", ["(a", "a{1,255}", "(a)\\1", "x" * 201, "[z-a]"])
def test_patterns_that_are_not_read(pattern: str) -> None:
    with pytest.raises(CommandFailed, match="sysctl: "):
        sysctl.read({"pattern": pattern})


def test_a_pattern_that_makes_other_matchers_try_for_ever() -> None:
    start = time.monotonic()
    assert sysctl.read({"pattern": "^(([a-z.0-9/_]+)+)+%$"}) == []
    assert time.monotonic() - start < 5


def test_all_of_it_takes_no_time() -> None:
    """Some 1500 parameters at least, within what a person does not notice."""

    def run() -> list[float]:
        start = time.monotonic()
        rows = sysctl.read({"all": True})
        return [len(rows), time.monotonic() - start]

    count, seconds = inside(run)
    assert count > 500
    assert seconds < 1.0
