"""A long list of commands: its parts are read, done and told one beside the other, and nobody can tell."""

from __future__ import annotations

import _thread
import gc
import threading

import pytest

from nsmagic import Lab
from nsmagic.changes import lines as words
from nsmagic.errors import NsmagicError
from nsmagic.result import Gather
from nsmagic.run import Interrupted

pytestmark = pytest.mark.sandbox


def _rooms(count: int) -> list[str]:
    return [
        line
        for number in range(count)
        for line in (
            f"ip netns add h{number}", f"ip link add v{number} type veth peer name eth0 netns h{number}",
            f"ip -n h{number} addr add 10.0.0.{number + 1}/24 dev eth0", f"ip -n h{number} link set eth0 up",
            f"ip link set v{number} up",
        )
    ]  # fmt: skip


def test_a_long_list_with_errors_says_what_it_would_say_line_by_line() -> None:
    lines = _rooms(90)
    lines[100:100] = [
        "ip netns add h3",
        "ip -n h5 link set nothing up",
        "# words",
        "ip link lnk",
        "ip -n h2 link show dev eth0",
    ]
    lines[400:400] = ["ip -n h1 link del eth0", "ip link set v1 up", "ip -n h7 route add default via 192.0.2.1"]
    with Lab() as lab, Lab() as other:
        result = lab.run("\n".join(lines))
        expected = [other.run(line) for line in lines if not line.startswith("#")]
        assert [outcome.error and outcome.error.message for outcome in result.outcomes] == [
            outcome.error and outcome.error.message for each in expected for outcome in each.outcomes
        ]
        assert words(result.changes) == words([each for one in expected for each in one.changes])
        assert [outcome.line for outcome in result.outcomes if outcome.failed] == [101, 102, 104, 402, 403]
        assert [outcome.text for outcome in result.outcomes if outcome.shown] == ["ip -n h2 link show dev eth0"]
        assert lab.script() == other.script()
        # Most of it was done without a word from the kernel; what comes later is heard again.
        heard = threading.Event()
        with lab.events(lambda _: heard.set()):
            assert len(lab.run("ip netns add late\nip -n h9 link set eth0 down").changes) == 2
            assert heard.wait(10)
        assert lab.names() == [*other.names(), "late"]
        assert [(row.ns, row.ifname, row.flags & 1) for row in lab.snapshot("links").links if row.ns == "h8"] == [
            ("h8", "lo", 0), ("h8", "eth0", 1)
        ]  # fmt: skip


def test_an_interrupt_ends_all_that_is_under_way() -> None:
    lines = [f"ip netns add r{number % 50}" for number in range(6000)]

    class Impatient(Gather):
        """Interrupts at the first error that is shown."""

        def error(self, error: NsmagicError, alone: bool) -> None:
            super().error(error, alone)
            if not interrupted:
                interrupted.append(True)
                _thread.interrupt_main()

    interrupted: list[bool] = []
    with Lab() as lab:
        lab.run("ip netns add first").check()
        with pytest.raises(Interrupted):
            lab.run("\n".join(lines), sink=Impatient())
        assert lab.run("ip netns add later").ok
        assert len(lab.history.entries) == 52  # what was done before


def test_the_collector_is_as_it_was_after_a_list_and_while_a_program_of_it_runs() -> None:
    lines = ["ip netns add red"] * 300
    lines[100] = "ip link help"  # what our grammar does not know
    seen: list[bool] = []

    class Watching(Gather):
        def text(self, text: str) -> None:
            seen.append(gc.isenabled())
            super().text(text)

    with Lab() as lab:
        lab.run("\n".join(lines), sink=Watching())
        assert gc.isenabled()
    assert any(seen)
