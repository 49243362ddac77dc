"""FAULTS.md 5.C and D, what tests/test_interrupts.py and test_floods.py do not show."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import NamespaceNotFound
from nsmagic.model import Change
from tests import loops, rounds
from tests.sandbox.observe import until
from tests.test_interrupts import STUBBORN, interrupt

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def used() -> Iterator[Lab]:
    with Lab() as lab:
        lab.run("true").check()
        yield lab


def test_027_an_interrupt_while_two_hundred_namespaces_are_made() -> None:
    with Lab(limits={"namespaces": 256}) as lab:
        lab.run("true").check()
        made, enough, begun = [], rounds.chance(27).randrange(1, 100), threading.Event()

        def heard(changes: Sequence[Change]) -> None:
            made.extend(change for change in changes if change.table == "namespaces")
            if len(made) >= enough:
                begun.set()

        with lab.events(heard):
            stopped = interrupt(lab, "\n".join(f"ip netns add n{number}" for number in range(200)), when=begun)
        assert stopped.error is not None, "it came too late to interrupt anything"
        there = lab.run("ls -1 /run/netns | cat").text.split()
        assert lab.names() == sorted(there)
        assert 0 < len(there) < 200
        assert lab.run("ip netns add other && ip netns exec other ip link set lo up").ok


def nothing_runs(lab: Lab) -> bool:
    return until(lambda: lab.status()["processes"] == [], 1.0)


@pytest.mark.parametrize("text", ["sleep 60", "ping 127.0.0.1", "for i in 1 2 3; do setsid sleep 60; done", STUBBORN])
def test_034_a_cancelled_task_ends_its_command(used: Lab, text: str) -> None:
    async def cell() -> float:
        task = asyncio.create_task(used.run_async(f"true\n{text}\nip netns add never"))
        while not used.status()["processes"] and "ping" not in text:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert loops.run(cell()) < 4
    assert nothing_runs(used)
    assert used.names() == []
    assert used.run("echo here").text == "here\n"


def test_034_an_interrupt_of_a_cell_that_awaits(used: Lab) -> None:
    """As ipykernel does it: the interrupt cancels what the cell awaits."""

    async def cell() -> None:
        asyncio.get_running_loop().call_later(0.3, os.kill, os.getpid(), signal.SIGINT)
        async with asyncio.TaskGroup() as group:
            group.create_task(used.run_async("sleep 60"))
            group.create_task(used.run_async("ping 127.0.0.1"))

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        loops.run(cell())
    assert time.monotonic() - begun < 4
    assert nothing_runs(used)


def test_034_cancelled_at_any_moment() -> None:
    """While the lab starts, before the request has gone out, between two commands: nothing of it runs on."""
    chance = rounds.chance(34)

    async def once(lab: Lab) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.random() * 0.3):
                await lab.run_async("ip netns add red\necho hi\nip netns del red\nsleep 60")

    for _ in range(2):
        with Lab() as lab:
            for _ in range(6):
                loops.run(once(lab))
                lab.run("ip netns del red")
            assert nothing_runs(lab)
            assert lab.run("echo here").text == "here\n"


def test_034_what_it_raises_and_gives(used: Lab) -> None:
    async def cell() -> list[Any]:
        return await asyncio.gather(
            used.run_async("echo one"),
            used.run_async("true", "nowhere"),
            used.run_async("echo two"),
            return_exceptions=True,
        )

    one, error, two = loops.run(cell())
    assert (one.text, two.text) == ("one\n", "two\n")
    assert isinstance(error, NamespaceNotFound)


@pytest.mark.parametrize("program", ["top", "less /etc/hostname", "vi /tmp/x", "more /etc/hostname", "watch ip link"])
def test_031_programs_that_want_the_whole_screen(used: Lab, program: str) -> None:
    """There is no screen and no keyboard: they say so, or print and end. One that is not installed is no test of ours."""
    if shutil.which(program.split()[0]) is None:
        assert "not found" in used.run(program).text or "not installed" in used.run(program).text
        return
    begun = time.monotonic()
    result = used.run(program, timeout=4)
    assert time.monotonic() - begun < 8
    assert "\x1b" not in result.text.replace("\\x1b", "")
    assert used.run("true").ok


def test_037_one_line_of_a_hundred_megabytes(used: Lab) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    result = used.run("bash -c 'head -c 100000000 /dev/zero | tr \"\\\\0\" x'")
    assert time.monotonic() - begun < 5
    assert 500_000 < len(result.text) < 3 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 << 10
    assert used.run("echo here").text == "here\n"
    assert os.getpid()
