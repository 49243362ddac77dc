"""The tables beside a picture: recorded snapshots, and the worst names."""

from __future__ import annotations

from nsmagic.snapshot import Snapshot
from nsmagic.topology.details import details
from nsmagic.topology.lines import key
from tests.topology import scenes


def test_a_room_on_a_bridge() -> None:
    snapshot = scenes.recorded("nat").snapshot
    room = details(snapshot, ["blue"])["blue"]
    links, addresses, routes, neighbours = room["tables"]
    assert [row[0] for row in links["rows"]] == ["lo", "veth-blue"]
    assert links["rows"][1][3] == "host/veth-blue-br"
    assert ["veth-blue", "192.168.15.2/24", "global"] in addresses["rows"]
    assert routes["rows"][0] == ["default", "192.168.15.5", "veth-blue"]
    assert neighbours["rows"] == []


def test_only_what_is_drawn() -> None:
    assert set(details(scenes.recorded("nat").snapshot, ["host", "red"])) == {"host", "red"}


def test_the_worst_names_are_texts() -> None:
    found = details(scenes.hostile(), scenes.HOSTILE_ROOMS)
    assert set(found) == set(map(key, scenes.HOSTILE_ROOMS))
    assert found[key("new\nline")]["name"] == "new\\nline"
    assert all(
        cell.isprintable()
        for room in found.values()
        for table in room["tables"]
        for row in table["rows"]
        for cell in row
    )


def test_routes_that_are_no_way_and_those_with_several() -> None:
    hops = [{"gateway": "10.0.0.1", "dev": "a", "weight": 1}, {"gateway": "10.0.0.2", "dev": "b", "weight": 1}]
    rows = [
        ["red", "inet", "10.1.0.0/16", "", "", "", "", "", 0, 254, "unreachable"],
        ["red", "inet", "default", "", "", "", "", "", 0, 254, "unicast", "", 0, hops],
        ["red", "inet", "10.2.0.0/16", "", "a", "", "", "", 0, 100, "unicast"],
        ["red", "inet6", "fe80::/64", "", "a", "", "kernel", "", 256, 254, "unicast"],
    ]
    (table,) = [
        each
        for each in details(Snapshot.from_data({"routes": rows}), ["red"])["red"]["tables"]
        if each["title"] == "routes"
    ]
    assert table["rows"] == [["default", "10.0.0.1, 10.0.0.2", "a, b"], ["unreachable 10.1.0.0/16", "", ""]]
