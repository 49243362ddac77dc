"""The text drawing: as TOUR.md shows it, and for everything a lab can hold."""

from __future__ import annotations

import subprocess
import sys

from nsmagic.snapshot import Snapshot
from nsmagic.topology import text
from nsmagic.topology.sample import cable, switch

UP = 0x10043


def test_the_cable_of_the_tour() -> None:
    assert text(cable()) == (
        "host\n"
        "├─ lo                 UP\n"
        "├─ blue\n"
        "│  ├─ lo              DOWN\n"
        "│  └─ veth-blue       DOWN  ⇄ red/veth-red\n"
        "└─ red\n"
        "   ├─ lo              DOWN\n"
        "   └─ veth-red        DOWN  ⇄ blue/veth-blue"
    )


def test_chosen_rooms_only() -> None:
    assert text(cable(), ["red"]) == ("red\n├─ lo                 DOWN\n└─ veth-red           DOWN  ⇄ blue/veth-blue")
    assert text(cable(), ["nowhere"]) == ""
    assert text(switch(), ["host"]).splitlines()[0] == "host"


def test_ports_hang_below_their_bridge_and_routes_close_the_room() -> None:
    drawn = text(switch(), forwarding=["host"]).splitlines()
    assert drawn[0] == "host                  forwards packets"
    assert drawn[2].split() == ["├─", "v-net-0", "UP", "192.168.15.5/24", "bridge"]
    assert drawn[3].startswith("│  ├─ veth-blue-br ")
    assert drawn[9] == "│  └─ default via 192.168.15.5 dev veth-blue"


def test_a_bridge_has_carrier_when_a_port_has_whatever_its_own_flags_say_yet() -> None:
    def bridge(*ports: list[object]) -> str:
        rows = [["host", 2, "br", "bridge", 1, "DOWN"], *ports]
        return " ".join(text(Snapshot.from_data({"links": rows})).splitlines()[1].split())

    assert bridge() == "└─ br no carrier bridge"
    assert bridge(["host", 3, "p", "veth", 1, "", "", 0, "br"]) == "└─ br no carrier bridge"
    assert bridge(["host", 3, "p", "veth", UP, "", "", 0, "br"]) == "└─ br UP bridge"


def test_every_kind_says_what_it_is() -> None:
    rows = [
        ["host", 2, "eth0", "ether", UP],
        ["host", 3, "eth0.10", "vlan", UP, "", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], {"id": 10}],
        ["host", 4, "vx0", "vxlan", UP, "", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], {"id": 7, "remote": "10.0.0.2", "port": 4789}],
        ["host", 5, "mv0", "macvlan", 0, "", "", 0, "", "eth0", "", "", "", "", 0, 0, 0, [], {"mode": "bridge"}],
        ["host", 6, "lone", "veth", 0],
        ["host", 7, "far", "veth", 0, "", "", 0, "", "", "eth9", "(lan)"],
        ["host", 8, "d0", "dummy", 0],
    ]  # fmt: skip
    assert text(Snapshot.from_data({"links": rows})).splitlines()[1:] == [
        "├─ eth0               UP",
        "├─ eth0.10            UP    vlan 10 on eth0",
        "├─ vx0                UP    vxlan 7 to 10.0.0.2 port 4789 on eth0",
        "├─ mv0                DOWN  macvlan bridge on eth0",
        "├─ lone               DOWN  ⇄ (out of sight)",
        "├─ far                DOWN  ⇄ (lan)/eth9",
        "└─ d0                 DOWN  dummy",
    ]


def test_unnamed_rooms_and_fallback_devices_on_request() -> None:
    snapshot = Snapshot.from_data(
        {
            "namespaces": [["host", 1], ["(lan)", 2, False]],
            "links": [["host", 1, "lo", "loopback", UP], ["host", 2, "tunl0", "ipip"], ["(lan)", 1, "lo", "loopback", UP]],
            "addrs": [["host", 1, "lo", "inet", "127.0.0.1", 8, "", "host"]],
        }
    )  # fmt: skip
    assert text(snapshot) == "host\n└─ lo                 UP"
    assert text(snapshot, all=True) == (
        "host\n├─ lo                 UP    127.0.0.1/8\n├─ tunl0              DOWN  ipip\n└─ (lan)\n   └─ lo              UP"
    )


def test_an_empty_room_is_a_room() -> None:
    assert text(Snapshot.from_data({"namespaces": [["host", 1], ["red", 2]]})) == "host\n└─ red"
    assert text(Snapshot()) == ""


def test_long_names_move_the_column_and_names_cannot_break_the_tree() -> None:
    rows = [
        ["red", 2, "br", "bridge", 1],
        ["red", 3, "fifteen-letters", "dummy", 0, "", "", 0, "br"],
        ["n\x1bm\nx", 1, "<b>", "dummy"],
    ]
    drawn = text(Snapshot.from_data({"namespaces": [["host"]], "links": rows})).splitlines()
    assert drawn[1:] == [
        "├─ n\\x1bm\\nx",
        "│  └─ <b>                DOWN        dummy",
        "└─ red",
        "   └─ br                 no carrier  bridge",
        "      └─ fifteen-letters DOWN        dummy",
    ]


def test_several_default_routes() -> None:
    rows: list[list[object]] = [
        ["red", "inet6", "default", "fe80::1", "e0"],
        ["red", "inet", "default", "10.0.0.2", "e1", "", "", "", 100],
        ["red", "inet", "default", "", "", "", "", "", 50, 254, "unicast", "", 0,
         [{"gateway": "10.0.0.1", "dev": "e0"}, {"dev": "e1"}]],
        ["red", "inet", "default", "10.9.9.9", "e0", "", "", "", 0, 100],
    ]  # fmt: skip
    assert text(Snapshot.from_data({"namespaces": [["red"]], "routes": rows})).splitlines() == [
        "red",
        "├─ default via 10.0.0.1 dev e0 and dev e1",
        "├─ default via 10.0.0.2 dev e1",
        "└─ default via fe80::1 dev e0",
    ]


def test_the_module_draws_a_sample() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nsmagic.topology"], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.startswith("host                  forwards packets\n├─ lo")
