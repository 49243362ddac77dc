"""What the comparison with the real tools cannot show: refusals, odd names, layouts that this kernel cannot make."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.model import Address, FdbEntry, Link, Neighbour, Route, Rule
from nsmagic.snapshot import Snapshot
from nsmagic.words import addr, brctl, bridge, ifconfig, link, neigh, route, rule
from nsmagic.words.parts import Around, NotInModel, dumps

VETH = Link("red", 3, "veth-red", "veth", 0x1003, "UP", "02:00:00:00:00:01", 1500, peer="veth-blue", peer_ns="blue")
FAR = Link("blue", 7, "veth-blue", "veth", peer="veth-red", peer_ns="red")
SEEN = Snapshot.from_data({"links": [["blue", 7, "veth-blue", "veth"], ["host", 9, "veth-red-br", "veth"]]})


def test_the_other_end_by_namespace_name_or_number() -> None:
    around = Around(SEEN, {("red", "host"): 0, ("red", "blue"): 4})
    assert link.text([VETH], {}, around) == (
        "3: veth-red@if7: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 state UP mode DEFAULT group default\n"
        "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns blue\n"
    )
    to_host = Link("red", 3, "e", "veth", mac="02:00:00:00:00:01", peer="veth-red-br", peer_ns="host")
    assert link.text([to_host], {}, around).endswith(" link-netnsid 0\n")
    assert link.json_rows([VETH], {}, around)[0]["link_netnsid"] == 4


@pytest.mark.parametrize(
    "ask",
    [
        lambda: link.text([VETH]),
        lambda: link.text([VETH], {"details": True}, Around(SEEN)),
        lambda: link.text([VETH], {"stats": True}, Around(SEEN)),
        lambda: link.json_rows([VETH], {}, Around(SEEN)),
        lambda: link.text([Link("red", 3, "e", "veth", peer="veth-red-br", peer_ns="host")], {}, Around(SEEN)),
        lambda: link.text([Link("red", 3, "e.5", "vlan")]),
        lambda: addr.text([VETH], [], {"stats": True}, Around(SEEN)),
        lambda: route.text([Route("red", "inet", "default", metrics={"rtt": 300})]),
        lambda: neigh.text([Neighbour("red", "inet", "10.0.0.1", "", "e", "FAILED")], {"stats": True}),
        lambda: ifconfig.text([Link("red", 1, "lo", "loopback", 1)], []),
        lambda: ifconfig.text([Link("red", 1, "lo", "loopback", 1)], [], {"eth0": {}}),
        lambda: brctl.text([Link("red", 1, "br0", "bridge")]),
        lambda: bridge.link_text([Link("h", 1, "p", "dummy", master="b", port={"state": "disabled", "cost": 1, "priority": 32})], {"details": True}),
    ],
)  # fmt: skip
def test_what_the_rows_do_not_hold_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(NotInModel):
        ask()


def test_brief_needs_no_broadcast_and_no_number_of_a_namespace() -> None:
    assert link.text([VETH], {"brief": True}, Around(SEEN)) == (
        "veth-red@if7     UP             02:00:00:00:00:01 <NO-CARRIER,BROADCAST,MULTICAST,UP> \n"
    )


def test_tunnels_without_a_parent() -> None:
    sit = Link("red", 2, "sit0", "sit", 0x80, mtu=1480, qdisc="noop", txqlen=1000)
    assert link.text([sit]).startswith("2: sit0@NONE: <NOARP> mtu 1480 qdisc noop state DOWN")


def test_addresses_with_their_lives_and_flags() -> None:
    own = [
        Address("red", 3, "veth-red", "inet6", "fe80::1", 64, scope="link", flags=0xC0),
        Address("red", 3, "veth-red", "inet", "10.0.0.1", 24, "10.0.0.255", label="veth-red", flags=0, valid_lft=9, preferred_lft=8),
    ]  # fmt: skip
    lines = addr.text([VETH], own, {}, Around(SEEN)).splitlines()
    assert lines[2:] == [
        "    inet 10.0.0.1/24 brd 10.0.0.255 scope global dynamic veth-red",
        "       valid_lft 9sec preferred_lft 8sec",
        "    inet6 fe80::1/64 scope link tentative ",
        "       valid_lft forever preferred_lft forever",
    ]


def test_rules_this_kernel_does_not_take_from_us() -> None:
    odd = Rule("r", "inet", 7, extra={"uidrange": "1-2", "l3mdev": True, "ipproto": 99, "sport": "5"})
    assert rule.text([odd]) == "7:\tfrom all lookup [l3mdev-table] uidrange 1-2 ipproto ipproto-99 sport 5\n"
    assert rule.json_rows([odd]) == [
        {"priority": 7, "src": "all", "l3mdev": None, "uid_start": 1, "uid_end": 2, "ipproto": "ipproto-99", "sport": 5}
    ]


def test_names_do_not_reach_the_terminal_raw() -> None:
    evil = Link("red", 1, "a\x1b[31m", "dummy", mac="02:00:00:00:00:01", alias="x\u202ey")
    for text in (link.text([evil]), addr.text([evil], []), link.text([evil], {"brief": True})):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\\x1b[31m" in link.text([evil])
    assert json.loads(dumps(link.json_rows([evil])))[0]["ifname"] == "a\x1b[31m"


def test_forwarding_entries_with_several_state_bits() -> None:
    both = FdbEntry("h", "00:00:00:00:00:00", "vx0", dst="10.0.0.2", vlan=5, state="noarp,permanent", flags=2)
    assert bridge.fdb_text([both]) == "00:00:00:00:00:00 dev vx0 dst 10.0.0.2 vlan 5 self permanent\n"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(plain, max_size=3))
def test_json_layouts_hold_the_same_data(rows: list[object]) -> None:
    assert json.loads(dumps(rows)) == rows
    assert json.loads(dumps(rows, pretty=True)) == rows
    assert dumps(rows).count("\n") == 1
