"""Following a lab: notices of changes and packets, in a thread, across a reset, and nothing left afterwards."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Any

import pytest

from nsmagic import Lab, watching
from nsmagic.errors import LabError
from nsmagic.watching import Crossed, Notice

pytestmark = pytest.mark.sandbox

WIRED = """
ip netns add red
ip link add veth-red netns red type veth peer name veth-host
ip addr add 10.0.0.1/24 dev veth-host
ip -n red addr add 10.0.0.2/24 dev veth-red
ip link set veth-host up
ip -n red link set veth-red up
"""


class Heard:
    """What a watch heard, in order."""

    def __init__(self) -> None:
        self.notices: queue.Queue[Notice] = queue.Queue()

    def __call__(self, client: Any, notice: Notice) -> None:
        self.notices.put(notice)

    def until(self, wanted: Any) -> Notice:
        while True:
            notice = self.notices.get(timeout=10)
            if wanted(notice):
                return notice

    def drained(self) -> list[Notice]:
        found = []
        while not self.notices.empty():
            found.append(self.notices.get())
        return found


def test_what_is_there_is_a_change_at_first(lab: Lab) -> None:
    heard = Heard()
    lab.run("ip netns add red").check()
    watch = lab.watch(heard)
    assert heard.until(lambda notice: notice.changed)
    watch.close()


@pytest.mark.parametrize(
    "command",
    [
        "ip netns add green",
        "ip link set veth-host down",
        "ip -n red link set veth-red down",
        "ip -n red addr add 10.9.9.9/8 dev veth-red",
        "ip -n red route add 10.2.0.0/16 via 10.0.0.1",
        "ip netns del red",
        "bash -c 'ip netns add made-by-a-program'",
    ],
)
def test_a_change(lab: Lab, command: str) -> None:
    lab.run(WIRED).check()
    heard = Heard()
    watch = lab.watch(heard)
    heard.until(lambda notice: notice.changed)
    lab.run("sleep 0.3").check()  # what the cable does by itself when it is up
    heard.drained()
    lab.run(command).check()
    assert heard.until(lambda notice: notice.changed)
    watch.close()


def test_it_hears_while_a_command_runs(lab: Lab) -> None:
    """Also of a namespace that a script makes, long before the script ends."""
    heard = Heard()
    assert lab.names() == []
    watch = lab.watch(heard)
    heard.until(lambda notice: notice.changed)
    heard.drained()

    def run() -> None:
        with contextlib.suppress(LabError):  # it is ended by the end of the test
            lab.run("for name in soon; do ip netns add $name; done; sleep 5")

    running = threading.Thread(target=run)
    running.start()
    assert heard.until(lambda notice: notice.changed)
    assert running.is_alive()
    assert "soon" in lab.names()
    assert running.is_alive()
    watch.close()
    lab.close()
    running.join(10)


def test_many_changes_are_few_notices(lab: Lab) -> None:
    heard = Heard()
    assert lab.names() == []
    watch = lab.watch(heard)
    heard.until(lambda notice: notice.changed)
    lab.run("\n".join(f"ip link add br{number} type bridge" for number in range(100))).check()
    notices = [each for each in heard.drained() if each.changed]
    assert len(notices) < 20
    watch.close()


def test_packets(lab: Lab) -> None:
    """Counted at both ends, and on no other link."""
    lab.run(WIRED + "ip link add idle type veth peer name idle-too\n").check()
    heard = Heard()
    watch = lab.watch(heard)
    heard.until(lambda notice: notice.changed)
    lab.run("ping -c 3 -i 0.2 10.0.0.2").check()
    lab.run("sleep 0.3").check()
    crossed: list[Crossed] = [each for notice in heard.drained() for each in notice.crossed]
    sent = sum(each.sent for each in crossed if (each.ns, each.ifname) == ("host", "veth-host"))
    received = sum(each.received for each in crossed if (each.ns, each.ifname) == ("red", "veth-red"))
    assert sent >= 3
    assert received >= 3
    assert not [each for each in crossed if each.ifname.startswith("idle")]
    watch.close()


def test_it_goes_on_with_the_next_lab() -> None:
    heard = Heard()
    with Lab() as lab:
        watch = lab.watch(heard)  # not started yet: it hears when it starts
        lab.run("ip netns add red").check()
        heard.until(lambda notice: notice.changed)
        lab.reset()
        heard.until(lambda notice: notice.ended)
        lab.run("ip netns add blue").check()
        assert heard.until(lambda notice: notice.changed)
        watch.close()
        heard.drained()
        lab.run("ip netns add green").check()
    assert heard.drained() == []


def test_who_forwards_is_what_the_sysctl_says() -> None:
    with Lab() as lab:
        lab.run("ip netns add red\nip netns add blue\nip netns exec red sysctl -w net.ipv4.ip_forward=1").check()
        said = lab.run("for ns in red blue; do ip netns exec $ns sysctl -n net.ipv4.ip_forward; done").text.split()
        assert said == ["1", "0"]
        assert watching.forwarding(lab.client, ["host", "red", "blue", "nobody"]) == {"red"}
        lab.run("ip netns exec red sysctl -w net.ipv4.ip_forward=0").check()
        assert watching.forwarding(lab.client, ["red"]) == set()
