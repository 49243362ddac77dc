"""Neighbours that are not read again are those that are there."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from nsmagic import Lab

pytestmark = pytest.mark.sandbox

_ROOMS = ("red", "blue", "gray")


def _there(lab: Lab) -> set[tuple[str, str, str, str]]:
    """What the real tool says of IPv4's; namespace, address, MAC, state."""
    found = set()
    for room in _ROOMS:
        entries: list[dict[str, Any]] = json.loads(
            lab.run(f"command ip -j -4 -n {room} neigh show nud all").text or "[]"
        )
        found |= {(room, each["dst"], each.get("lladdr", ""), each["state"][0]) for each in entries}
    return found


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_read_between_two_changes(lab: Lab, seed: int) -> None:
    chance = random.Random(seed)
    lab.run("\n".join(f"ip netns add {room}\nip -n {room} link add br0 type bridge" for room in _ROOMS)).check()
    lab.run("\n".join(f"ip -n {room} link set br0 up" for room in _ROOMS)).check()
    for _ in range(30):
        room, last, mac = chance.choice(_ROOMS), chance.randrange(1, 4), chance.randrange(1, 5)
        command = chance.choice(("ip", "command ip"))
        if chance.random() < 0.3:
            lab.run(f"{command} -n {room} neigh del 10.0.0.{last} dev br0")  # it may not be there
        else:
            state = chance.choice(("permanent", "noarp", "stale"))
            lab.run(
                f"{command} -n {room} neigh replace 10.0.0.{last} lladdr 02:00:00:00:00:0{mac} dev br0 nud {state}"
            ).check()
        for _ in range(chance.randrange(3)):
            if chance.random() < 0.5:
                assert lab[chance.choice(_ROOMS)].neighbours is not None
            else:
                assert lab.snapshot("neighbours") is not None
        rows = lab.snapshot("neighbours").neighbours
        seen = {(row.ns, row.address, row.mac, row.state) for row in rows if row.family == "inet" and row.ns in _ROOMS}
        assert seen == _there(lab)
