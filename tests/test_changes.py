"""The change lines, most of all the ones that TOUR.md promises, character by character."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.changes import Lines, lines
from nsmagic.model import Address, Change, Changes, FdbEntry, Link, NamespaceInfo, Neighbour, Route, Rule, SysctlValue
from nsmagic.snapshot import Snapshot

UP, LOWER = 0x1, 0x10000
RED = Link("host", 3, "veth-red", "veth", 0x1002, mac="02:00:00:00:00:01", mtu=1500, peer="veth-blue", peer_ns="host")
BLUE = Link("host", 2, "veth-blue", "veth", 0x1002, mac="02:00:00:00:00:02", mtu=1500, peer="veth-red", peer_ns="host")
RED_IN = replace(RED, ns="red", peer_ns="blue")
BLUE_IN = replace(BLUE, ns="blue", peer_ns="red")


def up(link: Link, carrier: bool) -> Link:
    return replace(
        link,
        flags=link.flags | UP | ((LOWER | 0x40) if carrier else 0),
        operstate="UP" if carrier else "LOWERLAYERDOWN",
        qdisc="noqueue",
    )


def new(table: str, row: object) -> Change:
    return Change("+", table, None, row)


def gone(table: str, row: object) -> Change:
    return Change("-", table, row, None)


def changed(table: str, old: object, now: object) -> Change:
    return Change("~", table, old, now)


def addr(link: Link, address: str, prefixlen: int, **more: object) -> Address:
    family = "inet6" if ":" in address else "inet"
    return Address(link.ns, link.ifindex, link.ifname, family, address, prefixlen, **more)  # type: ignore[arg-type]


def context(*links: Link, addrs: tuple[Address, ...] = ()) -> Snapshot:
    def values(row: object) -> list[object]:
        return [getattr(row, name) for name in row.__dataclass_fields__]  # type: ignore[attr-defined]

    return Snapshot.from_data({"links": map(values, links), "addrs": map(values, addrs)})


def test_what_is_put_into_a_new_namespace_is_said() -> None:
    lo = Link("red", 1, "lo", "loopback", 8)
    batch = [
        new("namespaces", NamespaceInfo("red", 7)),
        new("links", lo),
        new("rules", Rule("red", "inet", 32766, table=254)),
        new("addrs", addr(lo, "10.0.0.1", 8)),
        new("rules", Rule("red", "inet", 100, src="10.0.0.0/8", table=7)),
    ]
    assert lines(batch) == [
        "+ namespace red",
        "+ addr red/lo  10.0.0.1/8",
        "+ rule red     100: from 10.0.0.0/8 lookup 7",
    ]


def test_new_namespaces_bring_their_lo_without_a_line() -> None:
    batch = [
        new("namespaces", NamespaceInfo("red", 7)),
        new("links", Link("red", 1, "lo", "loopback", 8)),
        new("rules", Rule("red", "inet", 0, table=255)),
        new("namespaces", NamespaceInfo("blue", 8)),
        new("links", Link("blue", 1, "lo", "loopback", 8)),
        new("links", Link("blue", 2, "sit0", "sit")),
    ]
    assert lines(batch) == ["+ namespace red", "+ namespace blue"]


def test_a_cable_made_and_moved_reads_as_in_the_tour() -> None:
    batch = [
        new("links", RED),
        new("links", BLUE),
        changed("links", RED, replace(RED, ns="red")),
        changed("links", BLUE, replace(BLUE, peer_ns="red")),
        changed("links", replace(BLUE, peer_ns="red"), BLUE_IN),
        changed("links", replace(RED, ns="red"), RED_IN),
    ]
    assert lines(batch) == [
        "+ link host/veth-red   veth, other end host/veth-blue",
        "+ link host/veth-blue  veth, other end host/veth-red",
        "~ link host/veth-red   moved to red",
        "~ link host/veth-blue  moved to blue",
    ]


def test_lonely_addresses_and_carrier_read_as_in_the_tour() -> None:
    batch = [
        new("addrs", addr(RED_IN, "192.168.15.1", 32)),
        new("routes", Route("red", "inet", "192.168.15.1", dev="veth-red", protocol="kernel", table=255, type="local")),
        new("addrs", addr(BLUE_IN, "192.168.15.2", 32)),
        changed("links", RED_IN, up(RED_IN, False)),
        changed("links", BLUE_IN, up(BLUE_IN, True)),
        changed("links", up(RED_IN, False), up(RED_IN, True)),
    ]
    assert lines(batch, context(up(RED_IN, True), up(BLUE_IN, True))) == [
        "+ addr red/veth-red    192.168.15.1/32   (/32: no neighbour is on this link; did you mean /24?)",
        "+ addr blue/veth-blue  192.168.15.2/32   (/32: the same)",
        "~ link red/veth-red    up, no carrier: the other end is down",
        "~ link blue/veth-blue  up, carrier on both ends",
    ]


def test_carrier_alone_is_no_line() -> None:
    assert lines([changed("links", up(RED_IN, False), up(RED_IN, True))]) == []


@pytest.mark.parametrize(
    ("address", "note"),
    [
        (addr(RED_IN, "192.168.15.1", 24), ""),
        (addr(RED_IN, "2001:db8::1", 128), "(/128: no neighbour is on this link; did you mean /64?)"),
        (addr(RED_IN, "10.0.0.1", 32, peer="10.0.0.2"), ""),
        (addr(Link("red", 1, "lo", "loopback"), "10.0.0.1", 32), ""),
        (addr(Link("red", 7, "d0", "dummy"), "10.0.0.1", 32), ""),
        (
            addr(Link("red", 8, "br0", "bridge"), "10.0.0.1", 32),
            "(/32: no neighbour is on this link; did you mean /24?)",
        ),
    ],
)
def test_the_remark_comes_only_where_a_network_was_meant(address: Address, note: str) -> None:
    known = context(
        RED_IN, Link("red", 1, "lo", "loopback"), Link("red", 7, "d0", "dummy"), Link("red", 8, "br0", "bridge")
    )
    (line,) = lines([new("addrs", address)], known)
    assert line.endswith(note) if note else "(" not in line


def test_a_second_address_inside_a_known_network_is_no_slip() -> None:
    first, second = addr(RED_IN, "192.168.15.1", 24), addr(RED_IN, "192.168.15.9", 32)
    assert "(" not in lines([new("addrs", second)], context(RED_IN, addrs=(first, second)))[0]
    assert "(" not in lines([new("addrs", first), new("addrs", second)])[1]


def test_addresses_the_kernel_gives_by_itself_are_no_lines() -> None:
    own = addr(RED_IN, "fe80::ff:fe00:1", 64, scope="link")
    typed = addr(RED_IN, "fe80::1", 64, scope="link")
    assert lines([new("addrs", own)], context(RED_IN)) == []
    assert lines([new("addrs", typed)], context(RED_IN)) == ["+ addr red/veth-red  fe80::1/64"]
    lo = Link("red", 1, "lo", "loopback", 8)
    batch = [changed("links", lo, up(lo, True)), new("addrs", addr(lo, "127.0.0.1", 8, scope="host"))]
    assert lines(batch) == ["~ link red/lo  up"]
    assert lines(batch[1:]) == ["+ addr red/lo  127.0.0.1/8"]


@pytest.mark.parametrize(
    ("old", "now", "words"),
    [
        (up(RED_IN, True), RED_IN, "down, so blue/veth-blue has no carrier"),
        (up(RED_IN, False), RED_IN, "down"),
        (RED_IN, replace(RED_IN, ifname="eth0"), "renamed to eth0"),
        (RED_IN, replace(RED_IN, mtu=1400), "mtu 1500 → 1400"),
        (
            RED_IN,
            replace(RED_IN, master="v-net-0", port={"kind": "bridge", "state": "disabled"}),
            "plugged into v-net-0",
        ),
        (replace(RED_IN, master="v-net-0"), RED_IN, "unplugged from v-net-0"),
        (replace(RED_IN, master="a"), replace(RED_IN, master="b"), "unplugged from a, plugged into b"),
        (RED_IN, replace(RED_IN, mac="02:00:00:00:00:ff"), "mac 02:00:00:00:00:01 → 02:00:00:00:00:ff"),
        (RED_IN, replace(RED_IN, alias="to the LAN"), 'alias "to the LAN"'),
        (replace(RED_IN, alias="x"), RED_IN, "alias removed"),
        (RED_IN, replace(RED_IN, altnames=("cable",)), "also called cable"),
        (RED_IN, replace(RED_IN, flags=0x1002 | 0x100), "promiscuous mode on"),
        (RED_IN, replace(RED_IN, flags=0x1002 | 0x80), "ARP off"),
        (RED_IN, replace(RED_IN, group=5), "group 0 → 5"),
        (
            replace(RED_IN, master="b", port={"kind": "bridge", "hairpin": False, "state": "disabled", "cost": 2}),
            replace(RED_IN, master="b", port={"kind": "bridge", "hairpin": True, "state": "disabled", "cost": 5}),
            "cost 2 → 5, hairpin off → on",
        ),
        (up(RED, True), replace(RED, ns="red"), "moved to red, down, as every link that moves"),
        (RED_IN, up(replace(RED_IN, master="b"), False), "plugged into b, up, no carrier: the other end is down"),
    ],
)
def test_what_happened_to_a_link(old: Link, now: Link, words: str) -> None:
    assert lines([changed("links", old, now)]) == [f"~ link {old.ns}/{old.ifname}  {words}"]


def test_bridge_options_are_told_and_its_own_work_is_not() -> None:
    bridge = Link("host", 4, "v-net-0", "bridge", info={"stp_state": 0, "vlan_filtering": 0, "root_id": "8000.1"})
    other = replace(bridge, info={"stp_state": 1, "vlan_filtering": 0, "root_id": "8000.2", "gc_timer": 3})
    assert lines([new("links", bridge), changed("links", bridge, other)]) == [
        "+ link host/v-net-0  bridge",
        "~ link host/v-net-0  stp_state 0 → 1",
    ]


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (("disabled", 100), ("forwarding", 2), None),
        (("forwarding", 2), ("disabled", 2), None),
        (("blocking", 2), ("listening", 2), None),
        (("forwarding", 2), ("blocking", 2), "state forwarding → blocking"),
        (("forwarding", 2), ("forwarding", 50), "cost 2 → 50"),
    ],
)
def test_port_states_that_follow_carrier_are_the_kernels_own(
    before: tuple[str, int], now: tuple[str, int], words: str | None
) -> None:
    old, new_ = (
        replace(RED, master="b", port={"kind": "bridge", "state": state, "cost": cost}) for state, cost in (before, now)
    )
    assert lines([changed("links", old, new_)]) == ([f"~ link host/veth-red  {words}"] if words else [])


def test_a_deleted_cable_says_both_ends() -> None:
    end = replace(RED, ns="red", peer="veth-red-br")
    port = replace(RED, ifname="veth-red-br", peer="veth-red", peer_ns="red", master="v-net-0")
    batch = [
        gone("links", end),
        gone("addrs", addr(end, "192.168.15.1", 24)),
        gone("links", port),
        gone("fdb", FdbEntry("host", port.mac, "veth-red-br", "v-net-0", state="permanent")),
        gone("routes", Route("red", "inet", "192.168.15.0/24", dev="veth-red", protocol="kernel")),
    ]
    assert lines(batch) == [
        "- link red/veth-red      with its other end host/veth-red-br",
        "- link host/veth-red-br  the other end of red/veth-red",
    ]


def test_a_deleted_namespace_takes_all_in_it_silently_but_not_what_it_pulls_down() -> None:
    port = replace(RED, ifname="veth-red-br", peer="veth-red", peer_ns="red")
    batch = [
        gone("namespaces", NamespaceInfo("red", 7)),
        gone("links", replace(RED, ns="red", peer="veth-red-br")),
        gone("addrs", addr(RED_IN, "192.168.15.1", 24)),
        gone("rules", Rule("red", "inet", 100, table=100)),
        gone("links", port),
    ]
    assert lines(batch) == ["- namespace red", "- link host/veth-red-br  with its other end red/veth-red"]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (Route("red", "inet", "default", "192.168.15.5", "veth-red", protocol="boot"), "default via 192.168.15.5 dev veth-red"),
        (Route("red", "inet", "192.168.1.0/24", "192.168.15.5", "veth-red", metric=5), "192.168.1.0/24 via 192.168.15.5 dev veth-red metric 5"),
        (Route("red", "inet", "10.0.0.0/8", type="blackhole"), "blackhole 10.0.0.0/8"),
        (Route("red", "inet6", "2001:db8::/32", dev="lo", type="unreachable", metric=1024), "unreachable 2001:db8::/32"),
        (Route("red", "inet", "10.0.0.0/8", "fe80::1", "e0", table=100), "10.0.0.0/8 via inet6 fe80::1 dev e0 table 100"),
        (
            Route("red", "inet", "10.0.0.0/8", nexthops=({"gateway": "10.1.0.1", "dev": "a", "weight": 1}, {"gateway": "10.2.0.1", "dev": "b", "weight": 3})),
            "10.0.0.0/8 nexthop via 10.1.0.1 dev a nexthop via 10.2.0.1 dev b weight 3",
        ),
    ],
)  # fmt: skip
def test_routes_as_typed(route: Route, words: str) -> None:
    assert lines([new("routes", route)]) == [f"+ route red  {words}"]
    assert lines([gone("routes", route)]) == [f"- route red  {words}"]


def test_a_replaced_route_says_what_it_was() -> None:
    old = Route("red", "inet", "default", "10.0.0.1", "e0")
    assert lines([changed("routes", old, replace(old, gateway="10.0.0.2"))]) == [
        "~ route red  default via 10.0.0.2 dev e0   (was: default via 10.0.0.1 dev e0)"
    ]
    assert lines([changed("routes", old, replace(old, flags=16))]) == []


def test_routes_that_an_address_brings_are_told_only_when_nothing_else_explains_them() -> None:
    connected = Route("red", "inet", "192.168.15.0/24", dev="veth-red", protocol="kernel", scope="link")
    address = new("addrs", addr(RED_IN, "192.168.15.1", 24))
    assert lines([address, new("routes", connected)]) == ["+ addr red/veth-red  192.168.15.1/24"]
    assert lines([gone("routes", connected)]) == ["- route red  192.168.15.0/24 dev veth-red"]


def test_routes_lost_with_a_link_are_told() -> None:
    static = Route("red", "inet", "default", "192.168.15.5", "veth-red", protocol="boot")
    batch = [changed("links", up(RED_IN, True), RED_IN), gone("routes", static)]
    assert lines(batch) == [
        "~ link red/veth-red  down, so blue/veth-blue has no carrier",
        "- route red          default via 192.168.15.5 dev veth-red",
    ]


def test_renaming_a_link_does_not_repeat_all_that_hangs_on_it() -> None:
    bridge, eth = Link("host", 4, "br0", "bridge"), replace(RED, master="br0")
    route = Route("host", "inet", "10.0.0.0/8", "10.0.0.1", "br0", protocol="boot")
    batch = [
        changed("links", bridge, replace(bridge, ifname="br1")),
        changed("links", eth, replace(eth, master="br1")),
        gone("routes", route),
        new("routes", replace(route, dev="br1")),
    ]
    assert lines(batch) == ["~ link host/br0  renamed to br1"]


def test_addresses_lost_by_a_move_say_why() -> None:
    batch = [
        changed("links", up(RED, False), replace(RED, ns="red")),
        gone("addrs", addr(RED, "192.168.15.1", 24)),
    ]
    assert lines(batch) == [
        "~ link host/veth-red  moved to red, down, as every link that moves",
        "- addr host/veth-red  192.168.15.1/24   (a move takes the addresses away)",
    ]


def test_whom_an_interface_answers_for() -> None:
    proxy = Neighbour("red", "inet", "10.0.0.9", "", "e0", "NONE", 8)
    assert lines([new("neighbours", proxy)]) == ["+ neighbour red  e0 answers for 10.0.0.9"]
    assert lines([gone("neighbours", proxy)]) == ["- neighbour red  e0 answers for 10.0.0.9"]
    assert lines([gone("neighbours", proxy), gone("links", Link("red", 5, "e0"))]) == ["- link red/e0  ether"]


def test_neighbours_rules_fdb_and_sysctl() -> None:
    assert lines([new("neighbours", Neighbour("red", "inet", "10.0.0.2", "02:00:00:00:00:02", "e0", "PERMANENT"))]) == [
        "+ neighbour red  10.0.0.2 is at 02:00:00:00:00:02 dev e0, PERMANENT"
    ]
    learned = Neighbour("red", "inet", "10.0.0.2", "02:00:00:00:00:02", "e0", "STALE")
    assert lines([gone("neighbours", learned)]) == ["- neighbour red  10.0.0.2 is at 02:00:00:00:00:02 dev e0, STALE"]
    assert lines([gone("neighbours", learned), new("namespaces", NamespaceInfo("blue"))]) == ["+ namespace blue"]
    assert lines([new("rules", Rule("red", "inet", 100, src="10.0.0.0/8", table=100))]) == [
        "+ rule red  100: from 10.0.0.0/8 lookup 100"
    ]
    assert lines([new("fdb", FdbEntry("host", "00:00:00:00:00:00", "vx0", dst="10.0.0.2", state="permanent"))]) == [
        "+ fdb host  00:00:00:00:00:00 dev vx0 dst 10.0.0.2 permanent"
    ]
    old, now = SysctlValue("host", "net.ipv4.ip_forward", "0"), SysctlValue("host", "net.ipv4.ip_forward", "1")
    assert lines([changed("sysctls", old, now)]) == ["~ sysctl host  net.ipv4.ip_forward 0 → 1"]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (Link("host", 5, "eth0.10", "vlan", lower="eth0", info={"id": 10}), "vlan 10 on eth0"),
        (Link("host", 5, "vx0", "vxlan", info={"id": 42, "remote": "10.0.0.2", "port": 4789}), "vxlan 42 to 10.0.0.2 port 4789"),
        (Link("host", 5, "mv0", "macvlan", lower="eth0", info={"mode": "bridge"}), "macvlan bridge on eth0"),
        (Link("host", 5, "d0", "dummy", flags=UP | LOWER), "dummy, up"),
    ],
)  # fmt: skip
def test_new_links_say_what_they_are(link: Link, words: str) -> None:
    assert lines([new("links", link)]) == [f"+ link host/{link.ifname}  {words}"]


def test_names_cannot_draw_on_the_screen() -> None:
    link = Link("a\x1b[2J", 2, "x\u202ey", "dummy", alias="1\n2")
    assert lines([new("links", link), changed("links", replace(link, alias=""), link)]) == [
        "+ link a\\x1b[2J/x\\u202ey  dummy",
        '~ link a\\x1b[2J/x\\u202ey  alias "1\\n2"',
    ]


def test_a_giant_name_does_not_push_the_others_away() -> None:
    batch = [
        new("sysctls", SysctlValue("n" * 200, "kernel.x", "1")),
        new("addrs", addr(RED_IN, "10.0.0.1", 24)),
    ]
    assert lines(batch)[1] == "+ addr red/veth-red  10.0.0.1/24"


@given(
    st.lists(
        st.sampled_from([RED, BLUE, RED_IN, BLUE_IN, up(RED_IN, True), Link("x\x00", 1, "lo", "loopback")]), max_size=6
    ),
    st.text(max_size=12),
)
def test_any_batch_gives_printable_lines(links: list[Link], name: str) -> None:
    batch = [new("links", link) for link in links] + [gone("links", link) for link in links]
    batch += [changed("links", a, replace(b, alias=name, ns=name or "n")) for a, b in pairwise(links)]
    for line in lines(batch):
        assert line.isprintable()
        assert line[:7] in ("+ link ", "- link ", "~ link ")


def commands(*names: str) -> list[Changes]:
    """What so many ``ip netns add`` changed."""
    return [Changes([["+", "namespaces", None, [name, 7, True, []]]]) for name in names]


def test_of_many_changes_the_first_are_shown_and_the_others_counted() -> None:
    names = [f"room{number}" for number in range(300)]
    told = Lines(commands(*names))
    assert told.first(0) == told.first(300) == list(told) == [f"+ namespace {name}" for name in names]
    assert told.first(3) == [
        *(f"+ namespace room{number}" for number in range(3)),
        "… and 297 changes more: + 297 namespaces   (%config Netns.most_changes = 0 shows all)",
    ]


def test_what_was_not_shown_of_one_command_is_counted_too() -> None:
    """All namespaces at once, with the cables that end with them: lines for some, and what is left out beside them is no line."""
    links = [
        [f"r{n}", 2, "eth0", "veth", 2, "DOWN", "", 1500, "", "", "", "", "", "", 0, 0, 0, [], {}, {}] for n in range(5)
    ]
    spaces = [[f"r{n}", 7, True, []] for n in range(5)]
    all_at_once = Changes(
        [["-", "links", row, None] for row in links] + [["-", "namespaces", row, None] for row in spaces]
    )
    route = Changes(
        [
            [
                "+",
                "routes",
                None,
                ["host", "inet", "default", "10.0.0.1", "br0", "", "boot", "global", 0, 254, "unicast", "", 0, [], {}],
            ]
        ]
    )
    told = Lines([all_at_once, route])
    assert list(told)[:5] == [f"- namespace r{n}" for n in range(5)]
    assert told.first(2) == ["- namespace r0", "- namespace r1", MORE.format(4, "- 3 namespaces, + 1 routes")]
    assert told.first(6) == list(told)


MORE = "… and {} changes more: {}   (%config Netns.most_changes = 0 shows all)"


def test_changes_that_nobody_looks_at_are_not_made() -> None:
    made = Changes([["+", "namespaces", None, ["red", 7, True, []]]])
    assert (len(made), bool(made), bool(Changes()), list(made.kinds())) == (1, True, False, [("+", "namespaces")])
    assert made._made is None
    assert made == (new("namespaces", NamespaceInfo("red", 7)),)
    assert made[0] is made.all[0]
    assert Changes() == ()


def test_of_changes_that_are_told_later_the_commands_are_counted() -> None:
    """Nobody waits for what is not shown."""
    waited: list[int] = []
    late = [Changes(None, lambda: waited.append(1)) for _ in range(7)]
    told = Lines([*commands("red", "blue", "green"), *late])
    assert told.first(3)[2:] == [
        "+ namespace green",
        "… and what 7 more commands changed   (%config Netns.most_changes = 0 shows all)",
    ]
    assert told.first(2)[1:] == [
        "+ namespace blue",
        "… and what 8 more commands changed   (%config Netns.most_changes = 0 shows all)",
    ]
    assert waited == []


@pytest.mark.parametrize("most", [0, 5])
def test_changes_that_are_shown_are_waited_for(most: int) -> None:
    late = Changes(None, lambda: late.become([["+", "namespaces", None, ["white", 7, True, []]]]))
    assert not late.known
    assert Lines([*commands("red", "blue"), late]).first(most)[2:] == ["+ namespace white"]
    assert late.known


def test_a_copy_of_changes_is_known() -> None:
    late = Changes(None, lambda: late.become([["+", "namespaces", None, ["white", 7, True, []]]]))
    same = pickle.loads(pickle.dumps(late))
    assert same.known
    assert same == late == copy.deepcopy(late)
