"""The agent's loop: timers in order, tasks in turns, descriptors given up in the middle, callbacks that fail."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from nsmagic.agent.loop import Loop


def test_timers_come_in_order_and_can_be_taken_back() -> None:
    loop, seen = Loop(), []
    loop.later(0.03, lambda: seen.append("late"))
    loop.later(0.01, lambda: seen.append("early"))
    loop.later(0.02, lambda: seen.append("never")).cancel()
    start = time.monotonic()
    while "late" not in seen:
        loop.turn()
    assert seen == ["early", "late"]
    assert 0.03 <= time.monotonic() - start < 0.5


def test_a_timer_that_sets_itself_again_does_not_keep_others_waiting() -> None:
    loop, seen = Loop(), []

    def again() -> None:
        seen.append("again")
        loop.later(0, again)

    again()
    reader, writer = os.pipe()
    os.write(writer, b"x")
    loop.watch(reader, lambda: seen.append(os.read(reader, 1).decode()))
    for _ in range(3):
        loop.turn()
    assert "x" in seen
    os.close(reader)
    os.close(writer)


def test_tasks_take_turns() -> None:
    loop, seen = Loop(), []

    def steps(name: str) -> Iterator[None]:
        for number in range(3):
            seen.append(f"{name}{number}")
            yield

    loop.task(steps("a"))
    loop.task(steps("b"))
    for _ in range(4):
        loop.turn()
    assert seen == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_descriptor_given_up_by_another_is_not_called() -> None:
    loop, seen = Loop(), []
    pairs = [socket.socketpair() for _ in range(2)]
    ends = [pair[0] for pair in pairs]

    def callback(number: int) -> None:
        seen.append(number)
        for end in ends:
            loop.watch(end.fileno())

    for number, (end, other) in enumerate(pairs):
        other.send(b"x")
        loop.watch(end.fileno(), lambda number=number: callback(number))
    loop.turn()
    assert len(seen) == 1
    for pair in pairs:
        for end in pair:
            end.close()


def test_a_writer_hears_of_the_hang_up() -> None:
    """Else the descriptor would be ready for ever and nobody called: a loop that burns the processor."""
    loop, seen = Loop(), []
    reader, writer = os.pipe()
    loop.watch(writer, write=lambda: seen.append("write"))
    os.close(reader)
    loop.turn()
    assert seen == ["write"]
    loop.watch(writer)
    os.close(writer)


def test_reading_and_writing_the_same_descriptor() -> None:
    loop, seen = Loop(), []
    one, two = socket.socketpair()
    two.send(b"x")
    loop.watch(one.fileno(), lambda: seen.append(one.recv(1)), lambda: seen.append("room"))
    loop.turn()
    assert seen == [b"x", "room"]
    loop.watch(one.fileno(), lambda: seen.append("read"))
    loop.later(0, lambda: None)
    loop.turn()
    assert seen == [b"x", "room"]
    loop.watch(one.fileno())
    one.close()
    two.close()


def test_what_fails_is_told_and_the_others_go_on() -> None:
    told: list[str] = []
    loop, seen = Loop(on_error=lambda error: told.append(str(error))), []
    reader, writer = os.pipe()
    os.write(writer, b"x")

    def fail(words: str) -> None:
        raise ValueError(words)

    def steps() -> Iterator[None]:
        yield
        fail("task")

    loop.watch(reader, lambda: fail("reader"))
    loop.later(0, lambda: fail("timer"))
    loop.later(0, lambda: seen.append("timer"))
    loop.task(steps())
    for _ in range(3):
        loop.later(0, lambda: seen.append("turn"))
        loop.turn()
    # The reader is not called again, though there is still something to read.
    assert sorted(told) == ["reader", "task", "timer"]
    assert "timer" in seen
    os.close(reader)
    os.close(writer)


def test_without_somebody_to_tell_the_failure_gets_out() -> None:
    loop = Loop()

    def fail() -> None:
        raise ValueError("timer")

    loop.later(0, fail)
    with pytest.raises(ValueError, match="timer"):
        loop.turn()
