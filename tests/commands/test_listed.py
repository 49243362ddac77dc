"""Long lists of plain commands are read a part at a time, and read the same."""

from __future__ import annotations

import pytest

from nsmagic.commands.cell import split
from nsmagic.commands.listed import LONG, is_list, parts

_LINES = [
    "ip netns add red", "", "# a room", "ip link add v0 type veth peer name eth0 netns red", "ip -n red link set eth0 up",
    "ip -4 route add 10.0.0.0/8 via 192.168.15.1", "ip -n red addr add fd00::1/64 dev eth0", "  # another",
    "ip link  set v0  up  ", "ip link sett v0 up", "ip -n red link add", "ip -n bash link set lo up", "ip -n red link frob bash",
    "ip netns add sudo", "\t", "#", "ip -n red neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0",
]  # fmt: skip


def test_the_parts_are_the_whole() -> None:
    text = "\n".join(_LINES * 60) + "\n\n"
    assert is_list(text)
    read = list(parts(text, "host"))
    assert [step for steps, _ in read for step in steps] == list(split(text, "host").steps)
    assert [more for _, more in read] == [True] * (len(read) - 1) + [False]


def test_a_part_of_comments_is_no_part_of_prompts() -> None:
    text = "\n".join(["ip netns add red"] * 64 + ["# ip netns del red"] * 200 + ["ip netns add blue"])
    assert [step.line for steps, _ in parts(text, "host") for step in steps] == [*range(1, 65), 265]


@pytest.mark.parametrize(
    "line",
    [
        "ip netns exec red bash", "ip netns e red ip link", "ip -n red link | cat", "ip -b -", "ip link add $x type dummy", "echo hello",
        "ip link set lo up && ip link", "ip link set lo alias 'two words'", "ip link set lo up; ip link", "ip link set lo up \\",
        "# ends with \\", "exit", "bash", "sudo ip link set lo up", "ip link set v* up", "ip netns exec red ip link set lo up",
        "ip link set lo up > file", "ip link add v0 type veth peer {a,b}", "for i in 1 2; do",
    ],
)  # fmt: skip
def test_what_may_mean_more_is_read_as_a_whole(line: str) -> None:
    assert not is_list("\n".join([*_LINES * 60, line, *_LINES]))


def test_short_ones_are_no_list() -> None:
    assert not is_list("ip netns add red\n" * (LONG - 1))
    assert is_list("ip netns add red\n" * LONG)
