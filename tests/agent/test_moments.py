"""States that are kept: as many as they may, the newest ones, and each as it was at rest."""

from __future__ import annotations

from typing import Any

import pytest

from nsmagic.agent.moments import Moments
from nsmagic.errors import LabError
from nsmagic.netlink.peers import Space


class Kernel:
    """A monitor, as far as it is asked here: its state."""

    def __init__(self) -> None:
        self.state: Any = {1: Space("host", 7, True, {})}

    def add(self, name: str) -> None:
        self.state = {**self.state, len(self.state) + 1: Space(name, 8, True, {})}


def names(moments: Moments, number: int) -> list[str]:
    return [row[0] for row in moments.tables(number)["namespaces"]]


def test_each_moment_is_as_it_was() -> None:
    kernel: Any = Kernel()
    moments = Moments(kernel)
    first = moments.keep()
    moments.rest()
    kernel.add("red")
    second = moments.keep()
    assert names(moments, first) == ["host"]
    assert names(moments, second) == ["host", "red"]


def test_consequences_belong_to_the_last_command_until_the_next() -> None:
    kernel: Any = Kernel()
    moments = Moments(kernel)
    first = moments.keep()
    kernel.add("late")
    moments.follow()
    kernel.add("another")
    second = moments.keep()
    assert names(moments, first) == ["host", "late"]
    assert names(moments, second) == ["host", "another", "late"]


def test_the_oldest_are_forgotten() -> None:
    kernel: Any = Kernel()
    moments = Moments(kernel, most=2)
    numbers = [moments.keep() for _ in range(3)]
    assert names(moments, numbers[2]) == ["host"]
    with pytest.raises(LabError, match="last 2 commands"):
        moments.tables(numbers[0])
