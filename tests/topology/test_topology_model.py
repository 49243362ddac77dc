"""The graph behind every picture."""

from __future__ import annotations

import random

from nsmagic.snapshot import Snapshot
from nsmagic.topology.build import build
from nsmagic.topology.model import Cable, Stack, Tunnel
from nsmagic.topology.sample import cable, switch

UP = 0x10043


def vxlan(ns: str, remote: str, local: str = "") -> list[object]:
    info = {"id": 42, "remote": remote, "local": local}
    return [ns, 3, "vx0", "vxlan", UP, "", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], info]


def test_a_cable_is_one_thing_and_works_when_both_ends_are_up() -> None:
    assert build(cable()).cables == (Cable("blue/veth-blue", "red/veth-red", False),)
    assert [(c.a, c.works) for c in build(switch()).cables] == [
        ("blue/veth-blue", True),
        ("gray/veth-gray", False),
        ("host/veth-red-br", True),
    ]


def test_both_ends_in_one_room() -> None:
    rows = [
        ["host", 2, "a", "veth", UP, "", "", 0, "", "", "b", "host"],
        ["host", 3, "b", "veth", UP, "", "", 0, "", "", "a", "host"],
    ]
    assert build(Snapshot.from_data({"links": rows})).cables == (Cable("host/a", "host/b", True),)


def test_an_end_out_of_sight_or_out_of_the_picture() -> None:
    rows = [["host", 2, "a", "veth", UP], ["host", 3, "b", "veth", UP, "", "", 0, "", "", "c", "(lan)"]]
    assert build(Snapshot.from_data({"links": rows})).cables == (
        Cable("(lan)/c", "host/b", True, False),
        Cable("host/a", "", True, False),
    )
    assert build(cable(), ["red"]).cables == (Cable("blue/veth-blue", "red/veth-red", False, False),)


def test_ports_belong_to_their_switch() -> None:
    host = build(switch()).rooms[0]
    assert [socket.link.ifname for socket in host.sockets] == ["lo", "v-net-0"]
    assert [port.link.ifname for port in host.sockets[1].ports] == ["veth-blue-br", "veth-gray-br", "veth-red-br"]
    assert [socket.path for socket in host][2] == "host/veth-blue-br"
    assert "red/veth-red" in build(switch()).sockets()


def test_a_ring_of_masters_ends() -> None:
    rows = [["host", 2, "a", "bridge", 0, "", "", 0, "b"], ["host", 3, "b", "bridge", 0, "", "", 0, "a"]]
    rows += [["host", 4, "c", "bridge", 0, "", "", 0, "c"], ["host", 5, "d", "dummy", 0, "", "", 0, "gone"]]
    assert [socket.link.ifname for socket in build(Snapshot.from_data({"links": rows})).rooms[0].sockets] == [
        "a",
        "c",
        "d",
    ]


def test_tunnels_find_their_far_end_in_the_lab() -> None:
    snapshot = Snapshot.from_data(
        {
            "links": [
                ["left", 2, "eth0", "ether", UP],
                vxlan("left", "10.0.0.2", "10.0.0.1"),
                ["right", 2, "eth0", "ether", UP],
                vxlan("right", "203.0.113.9"),
            ],
            "addrs": [["left", 2, "eth0", "inet", "10.0.0.1", 24], ["right", 2, "eth0", "inet", "10.0.0.2", 24]],
        }
    )
    assert build(snapshot).tunnels == (
        Tunnel("left/vx0", 42, "10.0.0.1", "10.0.0.2", "left/eth0", "right/eth0"),
        Tunnel("right/vx0", 42, "", "203.0.113.9", "right/eth0", ""),
    )
    assert build(snapshot).stacks == ()


def test_what_stands_on_another_link() -> None:
    rows = [
        ["host", 2, "eth0", "ether", UP],
        ["host", 3, "v", "vlan", UP, "", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], {"id": 5}],
    ]
    assert build(Snapshot.from_data({"links": rows})).stacks == (Stack("host/v", "host/eth0", "vlan 5 on eth0"),)


def test_the_order_of_a_snapshots_rows_does_not_matter() -> None:
    data = switch().to_data()
    for seed in range(5):
        mixed = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in data.items()}
        assert build(Snapshot.from_data(mixed)) == build(switch())
