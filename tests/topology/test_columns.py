"""Where things stand from left to right."""

from __future__ import annotations

from nsmagic.topology.columns import columns


def wired(*pairs: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pair in pairs:
        a, b = pair.split("-")
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return found


def test_the_outside_is_left_of_the_host_and_rooms_are_right() -> None:
    places = ["host", "blue", "red", "internet", "lan", "router"]
    found = columns(places, wired("host-red", "red-blue", "host-lan", "lan-router", "router-internet"), places[3:])
    assert found == {"host": 0, "red": 1, "blue": 2, "lan": -1, "router": -2, "internet": -3}


def test_a_chain_begins_with_one_end_and_a_star_with_its_middle() -> None:
    assert columns(["blue", "red", "router"], wired("red-router", "router-blue"), []) == {
        "blue": 0, "router": 1, "red": 2,
    }  # fmt: skip
    assert columns(["a", "b", "c", "hub"], wired("a-hub", "b-hub", "c-hub"), []) == {"hub": 0, "a": 1, "b": 1, "c": 1}


def test_rooms_that_are_not_wired_to_the_host_begin_beside_it() -> None:
    assert columns(["host", "blue", "lone", "red"], wired("red-blue"), []) == {
        "host": 0, "blue": 1, "lone": 1, "red": 2,
    }  # fmt: skip
    assert columns(["blue", "lone", "red"], wired("red-blue"), []) == {"blue": 0, "lone": 0, "red": 1}


def test_a_room_wired_to_the_outside_only() -> None:
    found = columns(["host", "red", "lan"], wired("host-lan", "lan-red"), ["lan"])
    assert found == {"host": 0, "lan": -1, "red": 1}


def test_every_place_has_a_column_once() -> None:
    assert columns([], {}, []) == {}
    assert columns(["lan", "wan"], wired("lan-wan"), ["lan", "wan"]) == {"lan": 0, "wan": 1}
    assert set(columns(["host", "lan"], {}, ["lan"])) == {"host", "lan"}
    assert columns(["host", "lan"], {}, ["lan"])["lan"] == -1


def test_a_ring_ends() -> None:
    found = columns(["a", "b", "c", "d"], wired("a-b", "b-c", "c-d", "d-a"), [])
    assert found == {"a": 0, "b": 1, "d": 1, "c": 2}
