"""Namespaces made in advance: the same ones, no more of them than asked for, and refused where they would be refused."""

from __future__ import annotations

import os
import re
import select
import signal
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic import syscalls as sys_
from nsmagic.agent import series
from nsmagic.agent.nursery import Nursery
from nsmagic.netlink.monitor import Monitor
from nsmagic.result import Outcome
from tests.agent.inlab import inside

pytestmark = pytest.mark.sandbox

#: What is done between two of them: of many in a row none is made in advance.
_BETWEEN = "ip link set lo up"


def _with_work_between(lines: list[str]) -> list[str]:
    return [each for line in lines for each in (line, _BETWEEN)]


def _said(outcomes: list[Outcome]) -> list[tuple[bool, str]]:
    return [(each.ok, each.error.message if each.error else "") for each in outcomes]


def test_the_limit_is_met_at_the_same_line() -> None:
    lines = _with_work_between([f"ip netns add r{number % 45}" for number in range(80)])
    with Lab(limits={"namespaces": 40}) as one, Lab(limits={"namespaces": 40}) as other:
        expected = [outcome for line in lines for outcome in one.run(line).outcomes]
        assert any("No space left" in words for _, words in _said(expected))
        assert _said(other.run("\n".join(lines)).outcomes) == _said(expected)
        assert other.names() == one.names()


@pytest.mark.parametrize(
    ("more", "between"),
    [([], True), (["sysctl -w net.ipv4.ip_forward=1"], True), ([], False)],
    ids=["in advance", "settings change meanwhile", "one right after another"],
)
def test_each_is_a_namespace_of_its_own_and_none_is_left_over(more: list[str], between: bool) -> None:
    adds = [*(f"ip netns add r{number}" for number in range(series.FEW)), *["ip netns add r1"] * 20]
    lines = [*more, *(_with_work_between(adds) if between else adds)]
    with Lab() as lab:
        outcomes = [each for each in lab.run("\n".join(lines)).outcomes if each.text != _BETWEEN]
        assert [outcome.ok for outcome in outcomes] == [True] * (len(more) + series.FEW) + [False] * 20
        inodes = {row.inode for row in lab.snapshot("namespaces").namespaces}
        assert len(inodes) == series.FEW + 1
        held = re.findall(r"net:\[(\d+)\]", lab.run("ls -l /proc/1/fd").text)
        assert inodes <= {int(each) for each in held} <= inodes | {os.stat("/proc/self/ns/net").st_ino}
        assert "newborns" not in lab.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").text


def _made_by_a_child() -> list[Any]:
    home = sys_.current_netns()
    monitor = Monitor(home)
    monitor.attach("host", home)
    nursery = Nursery(home, monitor.hidden)
    nursery.want(9)
    poll = select.poll()
    poll.register(nursery.fileno(), select.POLLIN)
    assert poll.poll(30_000)
    found: list[Any] = []
    while (newborn := nursery.take()) is not None:
        fd, ready = newborn
        monitor.attach(f"r{len(found)}", fd, fresh=True, ready=ready)
        found.append(
            [
                os.fstat(fd).st_ino == ready.inode,
                monitor.hidden.number(fd) == ready.nsid,
                [row[2] for row in monitor.snapshot(["links"], [f"r{len(found)}"])["links"] if row[3] == "loopback"],
            ]
        )
        os.close(fd)
    nursery.close()
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        found.append("no child is left")
    monitor.close()
    return found


def test_what_a_child_makes_can_be_followed_at_once() -> None:
    assert inside(_made_by_a_child) == [[True, True, ["lo"]]] * 9 + ["no child is left"]


def _stopped() -> list[Any]:
    home = sys_.current_netns()
    monitor = Monitor(home)
    nursery = Nursery(home, monitor.hidden)
    nursery.want(100)
    poll = select.poll()
    poll.register(nursery.fileno(), select.POLLIN)
    assert poll.poll(30_000)
    os.kill(nursery.pid, signal.SIGSTOP)
    taken = 0
    while (newborn := nursery.take()) is not None:
        newborn.drop()
        taken += 1
    nursery.close()
    try:
        return [taken < 100, os.waitpid(-1, os.WNOHANG)]
    except ChildProcessError:
        return [taken < 100, "no child is left"]


def test_a_child_that_somebody_has_stopped_is_not_waited_for() -> None:
    assert inside(_stopped) == [True, "no child is left"]
