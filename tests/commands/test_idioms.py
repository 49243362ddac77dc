"""Slips that come from the habits of another tool are told by the words typed alone."""

from __future__ import annotations

import pytest

from nsmagic.commands.idioms import _OUTSIDE, idiom, unreachable_name
from nsmagic.sentences import say

CASES = [
    ("ip", "what of? ip link, ip addr, ip route, ip neigh, ip netns"),
    ("sudo ip", "what of? ip link, ip addr, ip route, ip neigh, ip netns"),
    ("ip route add default gw 10.0.0.1", "ip says via where route says gw:  ip route add default via 10.0.0.1"),
    ("ip r add 10.1.0.0/16 gw 10.0.0.1 dev eth0", "ip says via where route says gw:  ip r add 10.1.0.0/16 via 10.0.0.1 dev eth0"),
    ("ip route add default 10.0.0.1", "a gateway has the word via before it:  ip route add default via 10.0.0.1"),
    ("ip addr add 10.0.0.1 netmask 255.255.255.0 dev eth0", "the length stands behind the address:  ip addr add 10.0.0.1/24 dev eth0"),
    ("ip a add 10.0.0.1 255.255.0.0 dev eth0", "the length stands behind the address:  ip a add 10.0.0.1/16 dev eth0"),
    ("ip addr add 10.0.0.300/24 dev eth0", "10.0.0.300: each of the four numbers of an IPv4 address is 0 to 255"),
    ("ping -c 1 10.0.0.256", "10.0.0.256: each of the four numbers of an IPv4 address is 0 to 255"),
    ("ip link add v0 type vteh peer name v1", 'the kernel knows no kind "vteh"; did you mean veth?'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_another_tools_words_are_told(text: str, expected: str) -> None:
    assert idiom(text.split()) == expected


@pytest.mark.parametrize("tool", _OUTSIDE)
def test_what_acts_on_the_machine_says_why_a_lab_has_it_not(tool: str) -> None:
    assert idiom(["sudo", f"/usr/bin/{tool}", "x"]) == say(_OUTSIDE[tool], tool=tool)


@pytest.mark.parametrize(
    "text",
    [
        "", "curl http://10.0.0.300/", "ip route add default via 10.0.0.1", "ip route add 10.0.0.0/8 dev gw", "ip link add gw type veth",
        "ip addr add 10.0.0.1/24 brd 255.255.255.0 dev eth0", "ip link set eth0 up", "ip link add v0 type veth", "ip link add x type zzzzzz",
    ],
)  # fmt: skip
def test_what_is_right_or_not_known_is_told_nothing(text: str) -> None:
    assert idiom(text.split()) is None


def test_a_ping_that_cannot_find_its_target() -> None:
    assert unreachable_name("ping: web.example: Temporary failure in name resolution") == say("name-lookup")
    assert unreachable_name("ping: 10.0.0.1: Network is unreachable") is None
