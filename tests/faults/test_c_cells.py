"""FAULTS.md 5.C and D, what tests/test_interrupts.py and test_floods.py do not show."""

from __future__ import annotations

import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from nsmagic import Lab
from nsmagic.model import Change
from tests import rounds
from tests.test_interrupts import interrupt

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
