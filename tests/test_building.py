"""Labs from a description: what is made is what the same typed commands make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab, building
from nsmagic.agent import protocol
from nsmagic.errors import KernelRefused, LabError
from nsmagic.worlds.description import read

SWITCHED: dict[str, Any] = {
    "switch": [{"name": "br0", "addresses": ["10.0.0.1/24"]}, {"name": "inner", "room": "red"}],
    "room": [
        {"name": "red", "addresses": {"eth0": "10.0.0.2/24", "lo": "10.9.9.9/32"}, "gateway": "10.0.0.1"},
        {"name": "blue", "addresses": {"eth0": ["10.0.0.3/24", "fd00::3/64"]}, "commands": ["ip link set eth0 mtu 1400"]},
        {"name": "host", "addresses": {"to-red": "10.1.0.1/30"}},
    ],
    "cable": [
        {"ends": ["red/eth0", "host/br0"]},
        {"ends": ["blue/eth0", "host/blue-port"], "switch": "br0"},
        {"ends": ["blue/eth1", "red/inner"]},
        {"ends": ["red/to-host", "host/to-red"]},
        {"ends": ["host/left", "host/right"]},
    ],
}  # fmt: skip


def _state(lab: Lab) -> Any:
    data = lab.snapshot("links", "addrs", "routes")
    return (
        [(row.ns, row.ifname, row.kind, row.flags & 1, row.mac, row.mtu, row.master, row.peer, row.peer_ns)
         for row in data.links],
        [(row.ns, row.ifname, row.address, row.prefixlen) for row in data.addrs if not row.address.startswith("fe80")],
        sorted((row.ns, row.dst, row.gateway, row.dev, row.table) for row in data.routes if row.family == "inet"),
    )  # fmt: skip


def _many(count: int) -> dict[str, Any]:
    return {
        "ipv6": False,
        "switch": [{"name": "br0", "addresses": "10.0.0.1/16"}],
        "room": [
            {"name": f"h{n}", "addresses": {"eth0": f"10.0.1.{n}/16"}, "gateway": "10.0.0.1"} for n in range(count)
        ],
        "cable": [{"ends": [f"h{n}/eth0", f"host/v{n}"], "switch": "br0"} for n in range(count)],
    }


@pytest.mark.sandbox
@pytest.mark.parametrize("data", [SWITCHED, _many(20)], ids=["few", "pipelined"])
def test_a_described_lab_is_the_typed_lab(data: dict[str, Any]) -> None:
    with Lab() as described, Lab() as typed:
        described.build(data)
        typed.run(described.script()).check()
        assert _state(described) == _state(typed)
        assert len(described.snapshot("links").links) > len(data["room"])


@pytest.mark.sandbox
def test_all_of_it_works() -> None:
    with Lab() as lab:
        lab.build(SWITCHED)
        assert lab.run("ping -c 1 10.0.0.3", "red").value.received == 1
        assert lab.run("ping -c 1 10.0.0.1", "blue").value.received == 1
        links = lab.links.set_index(["ns", "ifname"])
        assert links.master["host", "red-eth0"] == "br0"
        assert links.master["red", "blue-eth1"] == "inner"
        assert links.mtu["blue", "eth0"] == 1400


@pytest.mark.sandbox
def test_without_ipv6_there_is_none() -> None:
    with Lab() as lab:
        lab.build(_many(3))
        addresses = lab.addrs
        assert not ((addresses.family == "inet6") & addresses.ns.str.startswith("h") & (addresses.ns != "host")).any()


@pytest.mark.sandbox
def test_what_is_refused_is_named_and_the_rest_is_there() -> None:
    data = _many(20)
    data["room"][7]["gateway"] = "192.0.2.1"
    with Lab() as lab:
        with pytest.raises(KernelRefused) as caught:
            lab.build(data)
        assert caught.value.message == "Error: Nexthop has invalid gateway."
        assert caught.value.hint == "in: ip -n h7 route add default via 192.0.2.1"
        assert len(lab.names()) == 20


@pytest.mark.sandbox
@pytest.mark.heavy
def test_a_thousand_rooms_work() -> None:
    """``pytest -m heavy tests/test_building.py``."""
    numbers = [f"{n // 250}.{n % 250 + 2}" for n in range(1000)]
    data = {
        "switch": [{"name": "br0", "addresses": "10.0.255.254/16"}],
        "room": [{"name": f"h{n}", "addresses": {"eth0": f"10.0.{each}/16"}} for n, each in enumerate(numbers)],
        "cable": [{"ends": [f"h{n}/eth0", f"host/v{n}"], "switch": "br0"} for n in range(1000)],
    }
    with Lab(limits={"namespaces": 1010}) as lab:
        lab.build(data)
        assert len(lab.names()) == 1000
        assert len(lab.links) == 2 + 3 * 1000
        assert lab.run("ping -c 1 10.0.0.2", "h999").value.received == 1


def test_a_file_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(
        'about = "two rooms"\n[[switch]]\nname = "br0"\n[[room]]\nname = "red"\naddresses = { eth0 = "10.0.0.2/24" }\n'
        '[[cable]]\nends = ["red/eth0", "host/br0"]\n'
    )
    assert [each.text for each in read(path).commands] == [
        "ip link add br0 type bridge",
        "ip netns add red",
        "ip link add red-eth0 up master br0 type veth peer name eth0 netns red",
        "ip -n red link set lo up",
        "ip -n red addr add 10.0.0.2/24 dev eth0",
        "ip -n red link set eth0 up",
        "ip link set br0 up",
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"rooms": []}, 'the description: a description has no "rooms": there are about, cable, ipv6, room, switch'),
        ({"room": [{}]}, "a room needs a name"),
        ({"room": [{"name": "a b"}]}, "a room needs a name without spaces and slashes, not 'a b'"),
        ({"room": {"name": "red"}}, "room is a list of tables"),
        ({"room": [{"name": "red", "address": "10.0.0.1/8"}]}, 'room has no "address"'),
        ({"room": [{"name": "red", "addresses": {"eth0": "10.0.0.300/8"}}]}, "10.0.0.300/8"),
        ({"room": [{"name": "red", "addresses": "10.0.0.1/8"}]}, "room red: addresses are a table"),
        ({"cable": [{"ends": ["red/eth0", "host/v0"]}]}, 'the cable end red/eth0: there is no room "red"'),
        ({"cable": [{"ends": ["host/v0"]}]}, "a cable has two ends"),
        ({"cable": [{"ends": ["host", "host/v0"]}]}, "a cable ends at room/interface, not at 'host'"),
        ({"cable": [{"ends": ["host/a", "host/b"], "switch": "br0"}]}, "goes to host/br0, which is no switch"),
        ({"switch": [{"name": "br0", "room": "red"}]}, 'switch br0: there is no room "red"'),
        ("/nowhere/lab.toml", "there is no file /nowhere/lab.toml"),
    ],
)
def test_what_is_no_description_is_said(data: Any, words: str) -> None:
    with pytest.raises(LabError) as caught:
        read(data)
    assert words in caught.value.message


@pytest.mark.sandbox
@pytest.mark.parametrize("count", [2, 30], ids=["few, one by one", "many, pipelined"])
def test_the_history_has_what_was_done_and_not_what_was_refused(count: int) -> None:
    data = _many(count)
    data["room"][1]["addresses"]["eth9"] = "10.0.3.1/16"  # there is no such link
    texts = [each.text for each in read(data).commands]
    with Lab() as lab:
        with pytest.raises(KernelRefused) as refused:
            lab.build(data)
        assert "eth9" in str(refused.value.hint)
        done = [each.text for each in lab.history.entries]
    assert done == [text for text in texts if "eth9" not in text]


def test_a_request_holds_what_fits_into_a_frame() -> None:
    """Also names of signs that are twelve in JSON, on both ends of each cable."""
    for sign, count in (("h", 3000), ("\N{WATER WAVE}", 1200)):
        names = [sign * 3 + str(number) for number in range(count)]
        commands = read({
            "room": [{"name": name, "addresses": {name: "10.0.0.1/8"}} for name in names],
            "cable": [{"ends": [f"{name}/{name}", f"host/{name}"]} for name in names],
        }).commands  # fmt: skip
        parts = list(building._requests(commands))
        assert len(parts) > 1
        assert [each for part in parts for each in part] == list(commands)
        for part in parts:
            protocol.pack({"id": 1, "op": "commands", "commands": [each.data for each in part], "several": True, "quiet": True,
                           "more": False, "total": len(commands)})  # fmt: skip


def test_a_room_is_made_with_its_first_cable_and_finished_with_its_last() -> None:
    """Not all rooms at once: the kernel then makes the next ones beside the cables. Each is there before it is used."""
    data = {
        "ipv6": False,
        "switch": [{"name": "inner", "room": "core"}],
        "room": [
            {"name": "left", "addresses": {"eth0": "10.0.0.2/24", "eth1": "10.1.0.1/24"}, "gateway": "10.1.0.2"},
            {"name": "right", "addresses": {"eth0": "10.1.0.2/24"}}, {"name": "core"}, {"name": "alone"},
        ],
        "cable": [{"ends": ["left/eth0", "core/inner"]}, {"ends": ["left/eth1", "right/eth0"]}],
    }  # fmt: skip
    off = "sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
    assert [each.text for each in read(data).commands] == [
        "ip netns add core", f"ip netns exec core {off}",
        "ip -n core link add inner type bridge",
        "ip netns add left", f"ip netns exec left {off}",
        "ip -n core link add left-eth0 up master inner type veth peer name eth0 netns left",
        "ip -n core link set lo up",
        "ip netns add right", f"ip netns exec right {off}",
        "ip link add eth1 netns left type veth peer name eth0 netns right",
        "ip -n left link set lo up", "ip -n left addr add 10.0.0.2/24 dev eth0", "ip -n left addr add 10.1.0.1/24 dev eth1",
        "ip -n left link set eth0 up", "ip -n left link set eth1 up", "ip -n left route add default via 10.1.0.2",
        "ip -n right link set lo up", "ip -n right addr add 10.1.0.2/24 dev eth0", "ip -n right link set eth0 up",
        "ip netns add alone", f"ip netns exec alone {off}", "ip -n alone link set lo up",
        "ip -n core link set inner up",
    ]  # fmt: skip


def test_a_room_that_stands_there_twice_is_refused() -> None:
    """Of two, one would be lost."""
    room = {"name": "red", "addresses": {"lo": "10.9.9.9/32"}}
    with pytest.raises(LabError, match="2 rooms are called red: put what they have into one"):
        read({"room": [room, {"name": "blue"}, {"name": "red"}]})
