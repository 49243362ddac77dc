"""A callback hears what changes in a lab."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from nsmagic import Lab
from nsmagic.errors import LabError
from nsmagic.model import Change

pytestmark = pytest.mark.sandbox


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


class Heard:
    """What a callback heard, as short words; ``until`` waits for some."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._arrived: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __call__(self, changes: tuple[Change, ...]) -> None:
        for each in changes:
            row = each.new or each.old
            self._arrived.put(f"{each.op}{each.table} {row.ns} {getattr(row, 'ifname', '')}".strip())

    def until(self, last: str) -> list[str]:
        while last not in self.words:
            self.words.append(self._arrived.get(timeout=5))
        return self.words


def test_changes_of_commands_and_programs_are_heard_in_order(lab: Lab) -> None:
    heard = Heard()
    with lab.events(heard):
        lab.run("ip netns add red\nip link add br0 type bridge").check()
        lab.run("for i in 1; do ip link add d0 type veth peer name d1 netns red; done; ip link del br0").check()
        words = heard.until("-links host br0")
    assert words == ["+namespaces red", "+links host br0", "+links red d1", "+links host d0", "-links host br0"] or words == [
        "+namespaces red", "+links host br0", "+links host d0", "+links red d1", "-links host br0",
    ]  # fmt: skip


def test_states_are_heard_when_asked_for(lab: Lab) -> None:
    lab.run("ip link add v0 type veth peer name v1\nip link set v0 up").check()
    plain, states = Heard(), Heard()
    up = threading.Event()

    def hear(changes: tuple[Change, ...]) -> None:
        states(changes)
        if any(each.table == "links" and each.new.ifname == "v0" and each.new.operstate == "UP" for each in changes):
            up.set()

    with lab.events(plain), lab.events(hear, states=True):
        lab.run("ip link set v1 up").check()
        assert up.wait(5)
        lab.run("ip link add last type bridge").check()
        assert plain.until("+links host last") == ["~links host v1", "+links host last"]


def test_the_callback_may_use_the_lab(lab: Lab) -> None:
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    with lab.events(lambda changes: answers.put(lab.names())):
        lab.run("ip netns add red").check()
        assert answers.get(timeout=5) == ["red"]


def test_what_the_callback_raises_ends_it(lab: Lab) -> None:
    times = []

    def hear(changes: tuple[Change, ...]) -> None:
        times.append(changes)
        raise ZeroDivisionError("mine")

    others = Heard()
    with lab.events(others), lab.events(hear) as events:
        lab.run("ip netns add red\nip netns add blue").check()
        others.until("+namespaces blue")
        events._thread.join(5)
        assert isinstance(events.error, ZeroDivisionError)
    assert len(times) == 1


def test_nothing_is_heard_after_close_and_the_end_of_the_lab_is_no_secret(lab: Lab) -> None:
    heard, others = Heard(), Heard()
    events = lab.events(heard)
    events.close()
    events.close()
    assert events.error is None
    open_ones = lab.events(others)
    lab.run("ip netns add red").check()
    others.until("+namespaces red")
    assert heard._arrived.empty()
    lab.close()
    open_ones._thread.join(5)
    assert isinstance(open_ones.error, LabError)
    open_ones.close()


def test_a_callback_may_close_what_calls_it(lab: Lab) -> None:
    done = threading.Event()
    made: list[object] = []

    def hear(changes: tuple[Change, ...]) -> None:
        events.close()
        made.append(changes)
        done.set()

    events = lab.events(hear)
    lab.run("ip netns add red").check()
    assert done.wait(5)
    lab.run("ip netns add blue").check()
    events._thread.join(5)
    assert len(made) == 1
