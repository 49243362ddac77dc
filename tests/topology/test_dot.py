"""The picture in DOT: the same every time, small changes move little, names are never syntax."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsmagic.printable import printable
from nsmagic.snapshot import Snapshot
from nsmagic.topology import build
from nsmagic.topology.dot import source
from nsmagic.topology.lines import key, say, short
from nsmagic.topology.marks import marks
from nsmagic.topology.sample import cable, switch
from tests.topology import reading, scenes

UP = 0x10043


def dot(name: str, **options: object) -> str:
    found = scenes.recorded(name)
    return source(build(found.snapshot, forwarding=found.forwarding, **options)).text  # type: ignore[arg-type]


def test_a_cable_between_two_rooms_in_the_house() -> None:
    read = reading.dot(dot("cable"))
    assert read.clusters == ["cluster_host"]
    assert set(read.nodes) == {"room/blue", "room/red"}
    assert read.nodes["room/red"] == "redveth-red  ● up 192.168.15.1/24"
    assert read.edges == [("room/blue:blue/veth-blue:e", "room/red:red/veth-red:w", "")]


def test_the_switch_the_rooms_and_the_lan() -> None:
    read = reading.dot(dot("switch"))
    assert set(read.nodes) == {
        "outer/LAN", "unit/host/eth0", "unit/host/v-net-0", *(f"room/{ns}" for ns in scenes.ROOMS),
    }  # fmt: skip
    assert read.nodes["outer/LAN"] == "LAN192.168.1.0/24"
    assert read.nodes["unit/host/eth0"] == "eth0  ● up 192.168.1.2/24"
    assert read.nodes["unit/host/v-net-0"].startswith("v-net-0 bridge  ● up veth-red-br  ● up veth-blue-br")
    visible = {edge for edge in read.edges if edge[2] != "invis"}
    assert visible == {("outer/LAN", "unit/host/eth0:host/eth0:w", "")} | {
        (f"unit/host/v-net-0:host/veth-{ns}-br:e", f"room/{ns}:{ns}/veth-{ns}:w", "") for ns in scenes.ROOMS
    }


def test_what_is_down_says_so_in_word_sign_and_line() -> None:
    text = dot("down")
    read = reading.dot(text)
    styles = {tail.split(":")[1]: style for tail, _, style in read.edges if ":" in tail and style != "invis"}
    assert styles == {
        "host/veth-red-br": "dashed", "host/veth-blue-br": "dashed", "host/veth-orange-br": "", "host/veth-gray-br": "",
        "host/lone": "dashed",
    }  # fmt: skip
    assert read.nodes["room/red"] == "redveth-red  ○ down 192.168.15.1/24"
    assert "veth-red-br  ○ no carrier" in read.nodes["unit/host/v-net-0"]
    down = next(line for line in text.splitlines() if "host/veth-blue-br" in line and "--" in line)
    assert "arrowtail=odot" in down
    assert "arrowhead" not in down  # the other end is up: filled, as by default


def test_routes_forwarding_and_remarks_stand_in_their_room() -> None:
    read = reading.dot(dot("nat", badges={"host": ["NAT 192.168.15.0/24 → eth0"]}))
    assert read.nodes["room/red"].endswith("default via 192.168.15.5")
    text = dot("nat", badges={"host": ["NAT 192.168.15.0/24 → eth0"]})
    assert "forwards packets · NAT 192.168.15.0/24 → eth0" in text
    assert "default via 192.168.1.1 dev eth0" in text


def test_vxlan_macvlan_and_a_router_between_two_rooms() -> None:
    read = reading.dot(dot("vxlan"))
    assert read.edges == [
        ("room/left:left/wire-l:e", "room/right:right/wire-r:w", ""),
        ("room/left:left/vx0:e", "room/right:right/vx0:w", "dashed"),
    ]
    assert "vxlan 42 from 10.0.0.1 to 10.0.0.2 port 4789 on wire-l" in read.nodes["room/left"]
    assert "macvlan bridge on wire-l" in read.nodes["room/left"]
    read = reading.dot(dot("router"))
    assert [edge[:2] for edge in read.edges] == [
        ("room/blue:blue/eth0:e", "room/router:router/right:w"),
        ("room/router:router/left:e", "room/red:red/eth0:w"),
    ]
    assert read.nodes["room/router"].startswith("router   forwards packets")


def test_a_room_in_a_room() -> None:
    read = reading.dot(dot("inside", all=True))
    assert read.clusters == ["cluster_host", "cluster_red"]
    assert ("unit/red/inner:red/inner:e", "room/%28unnamed-1%29:%28unnamed-1%29/outer:w", "dashed") in read.edges


def test_without_all_what_is_unnamed_is_only_hinted_at() -> None:
    read = reading.dot(dot("inside"))
    assert read.nodes["outer/%28unnamed-1%29"] == "(unnamed-1)"
    assert not any("lo  " in words for words in read.nodes.values())


def test_an_empty_house_says_what_to_do() -> None:
    assert reading.dot(dot("empty")).nodes == {"empty": "no room yet:  ip netns add red"}
    assert reading.dot(dot("room")).nodes == {"room/red": "redonly lo, down"}


def test_all_of_a_world() -> None:
    read = reading.dot(dot("nat", all=True))
    assert {"room/%28lan%29", "room/%28pc%29", "room/%28router%29", "room/%28internet%29"} <= set(read.nodes)
    assert not any(node.startswith("outer/") for node in read.nodes)


@pytest.mark.parametrize("name", scenes.SCENES)
def test_the_same_state_gives_the_same_bytes(name: str) -> None:
    found = scenes.recorded(name)
    data = found.snapshot.to_data()
    first = dot(name)
    for seed in range(3):
        mixed = {table: random.Random(seed).sample(rows, len(rows)) for table, rows in data.items()}
        mixed["addrs"] = data["addrs"]  # their order is the kernel's: the first of a link is its primary
        assert source(build(Snapshot.from_data(mixed), forwarding=found.forwarding)).text == first


def test_a_change_of_state_changes_only_its_own_lines() -> None:
    data = scenes.recorded("nat").snapshot.to_data()
    before = source(build(Snapshot.from_data(data))).text.splitlines()
    for row in data["links"]:
        if row[0] == "red" and row[2] == "veth-red":
            row[4], row[5] = 4098, "DOWN"
    after = source(build(Snapshot.from_data(data))).text.splitlines()
    changed = [line for line, other in zip(after, before, strict=True) if line != other]
    assert len(changed) == 2
    assert all("red/veth-red" in line for line in changed)


# Names


def test_no_name_is_syntax() -> None:
    snapshot = scenes.hostile()
    read = reading.dot(source(build(snapshot)).text)
    assert set(read.nodes) == {f"room/{key(ns)}" for ns in scenes.HOSTILE_ROOMS}
    for at, (ns, ifname) in enumerate(zip(scenes.HOSTILE_ROOMS, scenes.HOSTILE_LINKS, strict=True)):
        assert read.nodes[f"room/{key(ns)}"] == (
            f"{printable(ns)}{printable(ifname)}  ● up 10.0.0.{at}to-{(at - 1) % len(scenes.HOSTILE_ROOMS)}  ○ down "
        ).replace(f"10.0.0.{at}to", f"10.0.0.{at}/24to")
    assert len(read.edges) == len(scenes.HOSTILE_ROOMS)


def test_every_engine_takes_every_name() -> None:
    for engine in ("neato", "circo"):
        read = reading.dot(source(build(scenes.hostile()), engine=engine).text)
        assert set(read.nodes) == {f"room/{key(ns)}" for ns in scenes.HOSTILE_ROOMS}


def test_a_name_of_bytes_that_are_no_text() -> None:
    odd = b"a\xff\xfeb".decode(errors="surrogateescape")
    text = source(
        build(Snapshot.from_data({"namespaces": [["host"], [odd]], "links": [[odd, 2, odd, "dummy", UP]]}))
    ).text
    text.encode()
    assert reading.dot(text).nodes["room/a%FF%FEb"] == "a\\xff\\xfeba\\xff\\xfeb  ● up dummy"


def test_a_room_that_a_person_named_like_the_outside_is_a_room() -> None:
    links = [["(lan)", 2, "e0", "dummy", UP]]
    graph = build(Snapshot.from_data({"namespaces": [["host"], ["(lan)", 1, True]], "links": links}))
    assert reading.dot(source(graph).text).nodes == {f"room/{key('(lan)')}": "(lan)e0  ● up dummy"}


@settings(max_examples=60, deadline=None)
@given(ns=scenes.NAMES.filter(lambda name: name != "host"), ifname=scenes.NAMES, alias=st.text(max_size=20))
def test_any_name_is_only_shown(ns: str, ifname: str, alias: str) -> None:
    links = [[ns, 2, ifname, "dummy", UP, "", "", 0, "", "", "", "", alias]]
    graph = build(Snapshot.from_data({"namespaces": [["host"], [ns, 1, True]], "links": links}))
    read = reading.dot(source(graph).text)
    assert read.nodes == {f"room/{key(ns)}": f"{short(ns)}{printable(ifname)}  ● up dummy"}


def test_every_kind_of_link() -> None:
    rows: list[list[object]] = [
        ["host", 2, "eth0", "ether", UP, "UP"],
        ["host", 3, "eth0.10", "vlan", UP, "UP", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], {"id": 10}],
        ["host", 4, "bond0", "bond", UP, "UP"],
        ["host", 5, "slave", "dummy", UP, "UP", "", 0, "bond0"],
        ["host", 6, "blue", "vrf", UP, "UP"],
        ["host", 7, "inner", "bridge", UP, "UP", "", 0, "blue"],
        ["host", 8, "port", "tun", 0, "DOWN", "", 0, "inner"],
        ["host", 9, "lone", "veth", 0, "DOWN"],
        ["host", 10, "vx", "vxlan", UP, "UP", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], {"id": 7, "remote": "10.9.9.9"}],
    ]  # fmt: skip
    read = reading.dot(source(build(Snapshot.from_data({"namespaces": [["host"]], "links": rows}))).text)
    assert read.nodes == {
        "unit/host/eth0": "eth0  ● up eth0.10  ● up vlan 10 on eth0vx  ● up vxlan 7 to 10.9.9.9 on eth0",
        "unit/host/bond0": "bond0 bond  ● up slave  ● up  dummy",
        "unit/host/blue": "blue vrf  ● up inner bridge  ○ no carrier port  ○ down  tun",
        "unit/host/lone": "lone  ○ down other end out of sight",
    }


def test_a_very_long_name_is_shortened_in_the_picture() -> None:
    ns = "n" * 255
    text = source(build(Snapshot.from_data({"namespaces": [["host"], [ns]]}))).text
    assert reading.dot(text).nodes[f"room/{ns}"] == f"{'n' * 36}…{'n' * 11}no interface"


def test_keys_differ_when_names_do() -> None:
    names = [*scenes.HOSTILE_ROOMS, *scenes.HOSTILE_LINKS, "a%2Fb", "a b", "a+b", "A", "a"]
    assert len({key(name) for name in names}) == len(names)
    assert all(key(name).isascii() for name in names)
    assert say("\\N\\G") == "\\\\N\\\\G"


# Marks


def test_what_the_last_cell_changed_is_marked() -> None:
    found = scenes.recorded("changed")
    graph = build(found.snapshot, forwarding=found.forwarding)
    seen = marks(found.changes)
    read = reading.dot(source(graph, seen.without_gone()).text)
    assert read.nodes["room/green"] == "green newveth-green  ● up  new192.168.15.6/24 new"
    assert "veth-red  ○ down  changed" in read.nodes["room/red"]
    assert "10.9.9.9/8 new" in read.nodes["room/blue"]
    assert "gone" not in "".join(read.nodes.values())
    text = source(graph, seen.without_gone()).text
    assert "penwidth=3.6" in next(line for line in text.splitlines() if "host/veth-green-br" in line and "--" in line)


def test_what_went_is_a_ghost() -> None:
    found = scenes.recorded("changed")
    text = source(build(found.snapshot, forwarding=found.forwarding), marks(found.changes)).text
    read = reading.dot(text)
    assert read.nodes["room/orange"] == "orange gone"
    assert read.nodes["unit/host/veth-gray-br"] == "veth-gray-br gone"
    assert read.nodes["room/gray"] == "grayveth-gray gone"
    assert ("unit/host/veth-gray-br:host/veth-gray-br:e", "room/gray:gray/veth-gray:w", "dotted") in read.edges
    assert "default via 192.168.1.1 dev eth0</S>" in text


# Which layout


def mesh(count: int) -> Snapshot:
    links = []
    for a in range(count):
        for b in range(count):
            if a != b:
                links.append([f"h{a}", b + 2, f"to-{b}", "veth", UP, "UP", "", 1500, "", "", f"to-{a}", f"h{b}"])
    return Snapshot.from_data({"namespaces": [["host"], *([f"h{at}"] for at in range(count))], "links": links})


def test_trees_stand_in_columns_and_meshes_in_a_circle() -> None:
    assert source(build(cable())).engine == "dot"
    assert source(build(switch())).engine == "dot"
    assert source(build(scenes.recorded("thirty").snapshot)).engine == "dot"
    assert source(build(mesh(5))).engine == "dot"
    found = source(build(mesh(12)))
    assert found.engine == "neato"
    assert reading.dot(found.text).nodes["room/h3"] == "h311 interfaces, all up"
    assert source(build(mesh(12)), engine="dot").engine == "dot"


def test_a_mesh_keeps_its_places_when_states_change() -> None:
    data = mesh(12).to_data()
    before = source(build(Snapshot.from_data(data))).text
    data["links"][0][4] = 0
    after = source(build(Snapshot.from_data(data))).text

    def positions(text: str) -> list[str]:
        return [line.partition("pos=")[2].split()[0] for line in text.splitlines() if "pos=" in line]

    assert positions(before) == positions(after)
    assert len(positions(before)) == 12
    assert "10 interfaces" not in after
    assert "○ 1 down" in after


def test_many_rooms_have_a_line_each() -> None:
    read = reading.dot(source(build(scenes.recorded("thirty").snapshot)).text)
    assert read.nodes["room/h17"] == "h17veth-h17  ● up  10.1.0.8/24"
    assert ("unit/host/br1:host/veth-h17-br:e", "room/h17:h17/veth-h17/wall:w", "") in read.edges
