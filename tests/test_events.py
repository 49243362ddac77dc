"""A callback hears what changes in a lab."""

from __future__ import annotations

import itertools
import queue
import random
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

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


def test_links_that_there_are_need_no_word_of_the_agent(lab: Lab) -> None:
    lab.run(
        "ip netns add red\n" + "\n".join(f"ip link add v{n} type veth peer name w{n} netns red" for n in range(60))
    ).check()
    heard = Heard()
    with lab.events(heard) as events:
        lab.run("ip -n red link set w59 up").check()
        heard.until("~links red w59")
        assert len(events._early._links) == len(lab.snapshot("links").links) > 120


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


@pytest.mark.not_in_vm("a descriptor of the lab's cannot be handed out of a virtual machine")
@pytest.mark.parametrize("states", [False, True])
def test_each_change_begins_where_the_one_before_ended(lab: Lab, states: bool) -> None:
    """From the kernel at once, or through the agent: what is heard of a link is one story, told once and in order."""
    lab.run("ip netns add red\nip link add br0 type bridge").check()
    for number in range(3):
        lab.run(f"ip link add v{number} type veth peer name w{number} netns red").check()
    stories: dict[int, list[Change]] = {}
    heard = threading.Condition()

    def hear(changes: tuple[Change, ...]) -> None:
        with heard:
            for each in changes:
                if each.table == "links":
                    stories.setdefault((each.new or each.old).ifindex, []).append(each)
            heard.notify()

    weather = 0 if states else 0x40 | 0x10000 | 0x20000

    def facts(row: Any) -> tuple[Any, ...]:
        return row.ns, row.ifname, row.flags & ~weather, row.mtu, row.master, row.operstate if states else ""

    def all_heard() -> bool:
        now = {row.ifindex: row for row in lab.snapshot("links").links}
        return all(facts(story[-1].new) == facts(now[index]) for index, story in stories.items())

    pick = random.Random(7)
    steps = (
        "ip link set v{0} up", "ip link set v{0} down", "ip -n red link set w{0} up", "ip -n red link set w{0} down",
        "ip link set v{0} mtu 1400", "ip link set v{0} mtu 1500", "ip link set v{0} master br0", "ip link set v{0} nomaster",
        "ip addr replace 10.0.{0}.1/24 dev v{0}", "ip link set br0 up", "ip link set br0 down", "ip link set v{0} up; ip link set v{0} down",
    )  # fmt: skip
    with lab.events(hear, states=states) as events:
        assert events._socket is not None, "the kernel's own events are heard here"
        # The process's own requests, side by side with those of the agent.
        with lab.socket("host", socket.AF_NETLINK, socket.SOCK_RAW, 0) as own:
            for _ in range(40):
                lab.run(pick.choice(steps).format(pick.randrange(3)), changes=pick.random() < 0.5).check()
                name = f"v{pick.randrange(3)}"
                index = next(row.ifindex for row in lab.snapshot("links").links if row.ifname == name)
                for up in pick.choices((0, 1), k=pick.randrange(4)):
                    own.send(struct.pack("=IHHIIBxHiII", 32, 16, 5, 1, 0, 0, 0, index, up, 1))
                    own.recv(4096)
        with heard:
            assert heard.wait_for(all_heard, 10)
        assert events.error is None
    assert sum(map(len, stories.values())) > 20
    for story in stories.values():
        assert all(facts(after.old) == facts(before.new) for before, after in itertools.pairwise(story))
        assert states or all(facts(each.old) != facts(each.new) for each in story)
