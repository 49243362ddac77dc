"""Pictures that follow a lab: what they show, how often they come, and what happens without Graphviz or without the lab."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from typing import Any

import pytest

from nsmagic import Lab, feed
from nsmagic.feed import Feed, Flash, Frame
from tests.topology import scenes

pytestmark = pytest.mark.sandbox


class Shown:
    """What a feed showed."""

    def __init__(self, lab: Lab, **options: Any) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.times: list[float] = []
        self.flashes: list[Flash] = []
        self.feed = Feed(lab, self._show, self._flash, **options)

    def _show(self, frame: Frame) -> None:
        self.times.append(time.monotonic())
        self.frames.put(frame)

    def _flash(self, flashes: Sequence[Flash]) -> None:
        self.flashes += flashes

    def until(self, wanted: Any) -> Frame:
        while True:
            frame = self.frames.get(timeout=15)
            if wanted(frame):
                return frame


def test_it_follows(lab: Lab) -> None:
    lab.run(scenes.SCENES["cable"].commands).check()
    shown = Shown(lab)
    frame = shown.until(lambda frame: "red" in frame.rooms)
    assert frame.svg.startswith("<svg")
    assert "veth-red up" in frame.alt
    assert frame.text.startswith("host")
    assert not frame.problem
    lab.run("ip -n red link set veth-red down").check()
    frame = shown.until(lambda frame: "veth-red down" in frame.alt)
    assert frame.rooms["red"]["tables"][0]["rows"][-1][:3] == ["veth-red", "veth", "DOWN"]
    lab.run("ip netns del red").check()
    assert "red" not in shown.until(lambda frame: "red" not in frame.rooms).rooms
    shown.feed.close()


def test_at_most_ten_a_second_and_the_last_state_is_shown(lab: Lab) -> None:
    shown = Shown(lab)
    shown.until(lambda frame: frame.svg)
    for number in range(60):
        lab.run(f"ip link add br{number} type bridge").check()
    shown.until(lambda frame: "br59" in frame.text)
    apart = [later - earlier for earlier, later in zip(shown.times, shown.times[1:], strict=False)]
    # Each was begun a tenth of a second after the one before; how long drawing took varies.
    assert len(shown.times) <= (shown.times[-1] - shown.times[0]) / feed.INTERVAL + 2
    assert apart
    shown.feed.close()


def test_the_tables_of_rooms_follow_packets(lab: Lab) -> None:
    """A neighbour comes without an event of its own."""
    lab.run(scenes.SCENES["cable"].commands).check()
    shown = Shown(lab)
    shown.until(lambda frame: frame.svg)
    lab.run("ping -c 1 192.168.15.2", "red").check()
    shown.until(lambda frame: any(row[0] == "192.168.15.2" for row in frame.rooms["red"]["tables"][3]["rows"]))
    assert {name for name, _, _ in shown.flashes} == {"cable/blue/veth-blue--red/veth-red"}
    shown.feed.close()


def test_kernel_parameters_are_seen_though_they_have_no_event(lab: Lab) -> None:
    lab.run("ip netns add router").check()
    shown = Shown(lab)
    shown.until(lambda frame: frame.svg)
    lab.run("sysctl -w net.ipv4.ip_forward=1", "router").check()
    assert "forwards packets" in shown.until(lambda frame: "forwards packets" in frame.text).svg
    shown.feed.close()


def test_without_graphviz_it_is_text(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_GRAPHVIZ", "nonsense")
    lab.run("ip netns add red").check()
    shown = Shown(lab)
    frame = shown.until(lambda frame: "red" in frame.rooms)
    assert not frame.svg
    assert "└─ red" in frame.text
    assert 'no picture: there is no renderer "nonsense"' in frame.problem
    shown.feed.close()


def test_the_end_of_the_lab_is_told_and_the_next_one_shown() -> None:
    with Lab() as lab:
        lab.run("ip netns add red").check()
        shown = Shown(lab)
        shown.until(lambda frame: "red" in frame.rooms)
        lab.reset()
        last = shown.until(lambda frame: frame.ended)
        assert "red" in last.rooms
        lab.run("ip netns add blue").check()
        assert not shown.until(lambda frame: "blue" in frame.rooms).ended
        shown.feed.close()


def test_only_some_rooms(lab: Lab) -> None:
    lab.run(scenes.SCENES["rooms"].commands).check()
    shown = Shown(lab, ns=("red",))
    assert set(shown.until(lambda frame: frame.svg).rooms) == {"red"}
    shown.feed.close()
