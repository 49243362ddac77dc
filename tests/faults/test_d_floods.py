"""FAULTS.md 5.D, what tests/test_floods.py does not show: the table of neighbours, which is the whole machine's."""

from __future__ import annotations

import pytest

from nsmagic import Lab
from nsmagic.agent.limits import complete

pytestmark = pytest.mark.sandbox

CABLE = "ip link add v type veth peer name w\nip link set v up\nip link set w up\nip addr add 10.0.0.1/8 dev v"


def entries(first: int, last: int, state: str = "stale") -> str:
    return "\n".join(
        f"ip neigh add 10.0.1.{number} lladdr 02:00:00:00:00:01 dev v nud {state}" for number in range(first, last)
    )


def test_048_many_neighbours_are_told() -> None:
    """Forty instead of 512, as the kernel's table is not ours to fill: its overflow is never run."""
    assert complete({})["neighbours"] == 512
    with Lab(limits={"neighbours": 40}) as lab:
        lab.run(CABLE).check()
        assert "notice" not in lab.run(entries(1, 30)).text
        assert "notice" not in lab.run(entries(100, 200, "permanent")).text, "those fill no table"
        text = lab.run(entries(30, 50)).text
        assert text.count("notice: ") == 1
        assert "notice: the lab has 49 IPv4 neighbours, and their table is one for the whole machine (" in text
        assert "a full one stops all" in text
        assert "notice" not in lab.run(entries(50, 60)).text, "said once"
        assert "notice" not in lab.run("true").text


@pytest.mark.parametrize("way", ["program", "ping", "quiet"])
def test_048_however_they_came(way: str) -> None:
    with Lab(limits={"neighbours": 3}) as lab:
        lab.run(CABLE).check()
        if way == "program":
            words = "neigh add 10.0.2.$i lladdr 02:00:00:00:00:01 dev v nud stale"
            result = lab.run(f'for i in 1 2 3 4; do echo "{words}"; done | ip -batch -')
        elif way == "quiet":
            result = lab.run(entries(1, 80), changes=False)
        else:
            lab.run(entries(1, 3)).check()
            result = lab.run("ping -c 1 -W 0.2 10.0.9.9")
        assert result.text.count("notice: the lab has ") == 1, result.text


def test_048_also_while_those_of_others_go() -> None:
    with Lab(limits={"neighbours": 5}) as lab, Lab() as other:
        for each in (lab, other):
            each.run(CABLE).check()
        other.run(entries(1, 40)).check()
        assert "notice" not in lab.run("true\nsleep 0").text, "counted: none of them is its own"
        other.run("ip neigh flush dev v").check()
        assert lab.run(entries(1, 7)).text.count("notice: the lab has ") == 1
