"""What the last commands come to: new, changed, gone."""

from __future__ import annotations

from nsmagic.model import Address, Change, Link, NamespaceInfo, Route, SysctlValue
from nsmagic.topology.marks import marks


def link(ns: str, ifname: str, flags: int = 0, **more: object) -> Link:
    return Link(ns, 2, ifname, "veth", flags, **more)  # type: ignore[arg-type]


def test_made_moved_and_renamed_is_one_new_thing() -> None:
    found = marks(
        [
            Change("+", "links", None, link("host", "v0")),
            Change("~", "links", link("host", "v0"), link("red", "v0")),
            Change("~", "links", link("red", "v0"), link("red", "eth0", 1)),
        ]
    )
    assert found.sockets == {"red/eth0": "new"}


def test_made_and_removed_leaves_nothing() -> None:
    found = marks(
        [
            Change("+", "namespaces", None, NamespaceInfo("red")),
            Change("+", "links", None, link("red", "v0")),
            Change("+", "addrs", None, Address("red", 2, "v0", "inet", "10.0.0.1", 24)),
            Change("-", "addrs", Address("red", 2, "v0", "inet", "10.0.0.1", 24), None),
            Change("-", "links", link("red", "v0"), None),
            Change("-", "namespaces", NamespaceInfo("red"), None),
        ]
    )
    assert not found


def test_what_follows_by_itself_is_no_change() -> None:
    before, after = link("red", "v0", 0x1), link("red", "v0", 0x10001, operstate="UP")
    assert not marks([Change("~", "links", before, after)])
    assert marks([Change("~", "links", link("red", "v0"), before)]).sockets == {"red/v0": "changed"}
    assert marks([Change("~", "links", before, link("red", "v0", 0x1, master="br0"))]).sockets == {"red/v0": "changed"}


def test_what_left_with_its_room_or_its_link_is_not_told_again() -> None:
    address = Address("red", 2, "v0", "inet", "10.0.0.1", 24)
    found = marks(
        [
            Change("-", "addrs", address, None),
            Change("-", "links", link("red", "v0"), None),
            Change("-", "links", link("host", "v1"), None),
            Change("-", "namespaces", NamespaceInfo("red"), None),
        ]
    )
    assert found.gone_rooms == {"red"}
    assert set(found.gone_sockets) == {"host/v1"}
    assert not marks(
        [Change("-", "addrs", address, None), Change("-", "links", link("red", "v0"), None)]
    ).gone_addresses


def test_a_changed_address_is_neither_new_nor_gone() -> None:
    old = Address("red", 2, "v0", "inet", "10.0.0.1", 24)
    new = Address("red", 2, "v0", "inet", "10.0.0.1", 24, label="v0:1")
    assert not marks([Change("~", "addrs", old, new)])


def test_default_routes_alone_are_drawn() -> None:
    default = Route("red", "inet", "default", "10.0.0.1", "v0")
    found = marks(
        [
            Change("+", "routes", None, default),
            Change("+", "routes", None, Route("red", "inet", "10.0.0.0/8", "", "v0")),
            Change("-", "routes", Route("red", "inet", "default", "10.0.0.9", "v0"), None),
        ]
    )
    assert found.routes == {("red", "default via 10.0.0.1 dev v0")}
    assert found.gone_routes == {("red", "default via 10.0.0.9 dev v0")}


def test_forwarding_is_a_remark_on_its_room() -> None:
    name = "net.ipv4.ip_forward"
    found = marks([Change("~", "sysctls", SysctlValue("red", name, "0"), SysctlValue("red", name, "1"))])
    assert found.badges == {"red"}


def test_a_room_with_another_name() -> None:
    found = marks([Change("~", "namespaces", NamespaceInfo("(unnamed-1)"), NamespaceInfo("red"))])
    assert found.rooms == {"red": "changed"}
