"""What a large cell changed is told after it has ended, and is what would have been told line by line."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsmagic import Lab
from nsmagic.agent import later, series
from nsmagic.changes import Lines
from nsmagic.changes import lines as words
from nsmagic.commands.cell import split
from nsmagic.errors import LabDied, LabError
from nsmagic.history import History
from nsmagic.late import Late
from nsmagic.result import Gather
from nsmagic.run import Runner
from nsmagic.steps import Options
from tests.agent.test_series import _COMMANDS, _PLAIN, _START, _one_by_one, _said, _state, _told

pytestmark = pytest.mark.sandbox


def _rooms(count: int, first: int = 0) -> list[str]:
    """Six commands and seven changes for each."""
    return [
        line
        for number in range(first, first + count)
        for line in (
            f"ip netns add h{number}", f"ip link add v{number} type veth peer name eth0 netns h{number}",
            f"ip -n h{number} addr add 10.0.0.{number + 1}/24 dev eth0", f"ip -n h{number} link set eth0 up",
            f"ip link set v{number} up", f"ip -n h{number} route add default via 10.0.0.254",
        )
    ]  # fmt: skip


ROOMS = 80
assert len(_rooms(ROOMS)) > series.MANY
assert 7 * ROOMS > later.AT_ONCE


def _asked(
    lab: Lab, lines: list[str], **options: Any
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """``landed``, what came before it and what came after it, of a request."""
    commands = [step.run.to_data() for step in split("\n".join(lines)).steps]  # type: ignore[union-attr]
    call = lab.client.call("commands", commands=commands, several=True, **options)
    landed: dict[str, Any] = {}
    before, after = list[dict[str, Any]](), list[dict[str, Any]]()
    for items in call.items():
        if "landed" in items:
            landed = items["landed"]
        else:
            (after if landed else before).extend(items)
    return landed, before, after


def test_of_a_large_cell_the_first_changes_are_told_at_once_and_the_others_when_all_is_done() -> None:
    with Lab() as lab:
        landed, before, after = _asked(lab, _rooms(ROOMS), patient=True)
        assert landed["done"] == len(_rooms(ROOMS))
        assert landed["later"] == len(after)
        assert [item["n"] for item in before + after] == list(range(len(_rooms(ROOMS))))
        told = sum(len(item["changes"]) for item in before)
        assert later.AT_ONCE <= told < later.AT_ONCE + 2
        moments = [item["moment"] for item in before + after]
        assert moments == sorted(set(moments))


@pytest.mark.parametrize("lines", [_rooms(ROOMS), _rooms(20)], ids=["impatient", "small"])
def test_who_wants_all_of_it_at_once_is_told_so(lines: list[str]) -> None:
    with Lab() as lab:
        landed, before, after = _asked(lab, lines, patient=len(lines) < series.MANY)
        assert (landed, len(before), after) == ({}, len(lines), [])


def test_it_is_what_is_told_line_by_line_and_each_step_can_be_looked_back_at() -> None:
    lines = _rooms(ROOMS)
    steps = (3, 200, 333, 400, len(lines))
    with Lab() as one, Lab() as telling:
        expected, seen = [], {}
        for step, line in enumerate(lines, 1):
            expected += one.run(line).outcomes
            if step in steps:
                seen[step] = str(one.topology())
        told = telling.run("\n".join(lines))
        assert _told(told.outcomes) == _told(expected)
        assert told.text == "".join(line + "\n" for line in words(told.changes))
        assert telling.script() == one.script()
        assert telling.history.made_by() == one.history.made_by()
        for step in steps:
            assert str(telling.topology(step=step)) == seen[step], lines[step - 1]


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lines=st.lists(st.one_of(_COMMANDS, _PLAIN, _PLAIN, _PLAIN), min_size=30, max_size=90))
def test_random_commands_after_many_are_told_as_line_by_line(lines: list[str]) -> None:
    lines = [*_rooms(70), *_START.splitlines(), *lines, "ip lnk"]
    with Lab() as one, Lab() as telling:
        expected, told = _one_by_one(one, lines), telling.run("\n".join(lines)).outcomes
        assert _said(told) == _said(expected)
        assert _told(told) == _told(expected)
        assert telling.script() == one.script()
        assert _state(telling) == _state(one)


def test_a_refusal_is_told_with_all_before_it_and_explained_by_the_lab_as_it_was() -> None:
    lines = _rooms(ROOMS)
    lines[450:450] = ["ip -n h71 link set eth1 up"]
    with Lab() as lab:
        landed, before, after = _asked(lab, lines, patient=True)
        assert [item["n"] for item in before if "error" in item] == [450]
        assert before[-1]["n"] == 450
        assert landed.get("later", 0) == len(after)
    with Lab() as lab:
        (error,) = lab.run("\n".join([*lines, "ip -n h71 link set eth0 name eth1"])).errors
        assert error.message == 'Cannot find device "eth1"'
        assert error.hint is not None
        assert "eth0" in error.hint  # which by the end of the cell has that other name


def test_who_asks_for_the_lab_before_all_is_told_sees_it_whole_and_so_does_the_cell() -> None:
    lines = _rooms(ROOMS)
    with Lab() as one, Lab() as lab:
        expected = _one_by_one(one, lines)
        for _ in range(3):
            result = lab.run("\n".join(lines))
            assert len(lab.snapshot("links").links) == 3 * ROOMS + 1
            lab.run("ip -n h3 link del eth0").check()
            assert _told(result.outcomes) == _told(expected)
            lab.reset()


def test_cells_one_right_after_another_are_told_in_their_order() -> None:
    with Lab() as one, Lab() as lab:
        for first in (0, 100):
            one.run("\n".join(_rooms(ROOMS, first)[: series.FEW])).check()
        results = [lab.run("\n".join(_rooms(ROOMS, first))) for first in (0, 100)]
        again = lab.run("\n".join(_rooms(ROOMS, 100)))
        assert all(result.ok for result in results)
        assert len(again.errors) == 4 * ROOMS  # a link that is up can be switched on again
        script = [line for first in (0, 100) for line in _rooms(ROOMS, first)]
        assert lab.script().splitlines() == script
        moments = [entry.moment for entry in lab.history.entries]
        assert moments == sorted(set(moments))


def test_the_result_of_a_lab_that_is_closed_at_once_is_whole() -> None:
    with Lab() as lab:
        result = lab.run("\n".join(_rooms(ROOMS)))
    assert len(result.changes) == 7 * ROOMS


def test_a_lab_that_dies_before_all_is_told_is_said_to_have_died() -> None:
    lines = _rooms(ROOMS)

    class Ends(Gather):
        """Ends the lab when it hears that the cell is done: before anybody looks at the rest of it."""

        def changes(self, lines: Lines) -> None:
            super().changes(lines)
            if lab.running:
                os.kill(lab.pid, signal.SIGKILL)

    with Lab() as lab:
        result = lab.run("\n".join(lines), sink=Ends())
        while lab.running:
            signal.sigtimedwait((), 0.02)
        # Either all of it came before the end or one is told.
        if all(outcome.changes.known for outcome in result.outcomes):
            assert len(result.changes) == 7 * ROOMS
        else:
            with pytest.raises(LabDied):
                assert result.changes
        assert lab.script().splitlines() == lines


def test_parts_of_a_cell_whose_end_never_comes_are_told_when_somebody_asks() -> None:
    lines = _rooms(ROOMS)
    commands = [step.run.to_data() for step in split("\n".join(lines)).steps]  # type: ignore[union-attr]
    with Lab() as lab:
        call = lab.client.call(
            "commands", commands=commands, several=True, patient=True, more=True, total=2 * len(lines)
        )
        items = call.items()
        told = list[dict[str, Any]]()
        for each in items:
            if "landed" in each:
                break
            told += each
        assert not call.ready
        assert lab.names() == sorted(f"h{number}" for number in range(ROOMS))
        assert lab.run("ip netns del h5").ok
        told += [item for each in items for item in each]
        assert [item["n"] for item in told] == list(range(len(lines)))
        assert lab.run("\n".join(_rooms(ROOMS, 100))).ok


def test_an_interrupt_is_one_although_all_is_done_by_then() -> None:
    class Call:
        """It has landed when it is asked for the second time."""

        cancelled = False

        def items(self, patience: float | None = None) -> Iterator[dict[str, Any]]:
            if not self.cancelled:
                raise KeyboardInterrupt
            yield {"landed": {"done": 3, "later": 1}}

        def cancel(self) -> None:
            self.cancelled = True

    with Lab() as lab:
        runner = Runner(lab, lab.client, "host", Gather(), Options())
        assert runner._wait(Call(), lambda item: None, "ip") == {"done": 3, "later": 1, "cancelled": True}  # type: ignore[arg-type]


def test_an_answer_that_cannot_be_read_ends_nothing() -> None:
    """What went wrong with it is told to who asks; the others are there."""

    class Call:
        def hand_over(self, take: Any) -> None:
            take(
                {"id": 1, "item": [{"n": 4, "changes": [["+", "namespaces", None, ["red", 7, True, []]]], "moment": 9}]}
            )
            take({"id": 1, "item": [{"n": 5, "error": LabError("no answer").to_data()}]})
            take({"id": 1, "done": {}})

    late = Late(Call(), range(4, 6), lambda: LabDied("gone"))  # type: ignore[arg-type]
    with pytest.raises(LabError, match="no answer"):
        late.wait()
    assert [len(late.changes[number]) for number in (4, 5)] == [1, 0]
    history = History()
    history.add_late(late, lambda number: ("host", f"command {number}"), 3)
    history.await_late(1)
    assert [(entry.text, entry.cell) for entry in history.entries] == [("command 4", 3), ("command 5", 3)]


def test_a_copy_of_the_process_does_not_wait_for_what_never_comes() -> None:
    class Call:
        def hand_over(self, take: Any) -> None:
            """Nothing has come yet."""

    late = Late(Call(), range(1), lambda: LabError("another process's"))  # type: ignore[arg-type]
    pid = os.fork()
    if pid == 0:
        try:
            late.wait(20)
        except LabError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    late.wait(0.1)  # here it may still come
    assert not late.changes[0].known
