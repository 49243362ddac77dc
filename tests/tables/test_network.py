"""The tables of what the kernel has: which rows, in what order."""

from __future__ import annotations

from nsmagic import tables
from nsmagic.model import SysctlValue
from nsmagic.snapshot import Snapshot
from nsmagic.tables import of
from nsmagic.topology.sample import cable
from tests.tables.data import FULL


def test_namespaces_read_as_ip_netns_lists_them() -> None:
    assert str(tables.namespaces(cable(), host=False)) == "ns\nblue\nred"
    assert list(tables.namespaces(cable()).ns) == ["host", "blue", "red"]


def test_rows_are_sorted_the_host_first() -> None:
    assert list(tables.links(FULL).ns.unique()) == ["host", "blue", "gray", "red"]
    assert list(tables.links(FULL, "host").ifindex) == [1, 2, 3, 4, 5]
    assert list(tables.routes(FULL, "red").dst) == ["default", "192.168.15.0/24"]
    assert list(tables.rules(FULL).priority) == [0, 32766]
    assert list(tables.rules(FULL).table) == ["local", "main"]


def test_what_a_rule_asks_for_beyond_its_columns_is_shown() -> None:
    web = ["red", "inet", 100, "all", "all", "", "", "", 104, "lookup", False, {"ipproto": 6, "dport": "80"}]
    plain = ["red", "inet", 101, "all", "all", "", "", "", 105]
    table = tables.rules(Snapshot.from_data({"rules": [web, plain]}))
    assert list(table.extra.fillna("")) == ["ipproto tcp dport 80", ""]
    assert "ipproto tcp dport 80" in repr(table)
    assert "extra" not in repr(tables.rules(Snapshot.from_data({"rules": [plain]})))


def test_routes_are_those_of_main_unless_asked() -> None:
    rows = [
        ["red", "inet", "192.168.15.1", "", "veth-red", "192.168.15.1", "kernel", "host", 0, 255, "local"],
        ["red", "inet", "10.0.0.0/8", "", "", "", "boot", "", 0, 254, "blackhole"],
        ["red", "inet", "default", "", "", "", "boot", "", 0, 254, "unicast", "", 0,
         [{"gateway": "10.0.0.1", "dev": "a"}, {"gateway": "10.0.0.2", "dev": "b"}]],
        ["red", "inet", "default", "10.9.9.9", "c", "", "boot", "", 0, 100],
    ]  # fmt: skip
    snapshot = Snapshot.from_data({"routes": rows})
    assert str(tables.routes(snapshot, "red")) == (
        "routes of red\n"
        "dst         gateway             dev   type\n"
        "default     10.0.0.1, 10.0.0.2  a, b  unicast\n"
        "10.0.0.0/8                            blackhole"
    )
    assert list(tables.routes(snapshot, "red", table=100).table) == ["100"]
    assert list(tables.routes(snapshot, "red", table=None).table) == ["main", "main", "100", "local"]
    assert len(tables.routes(snapshot, "red", all=True)) == 4
    assert len(tables.routes(snapshot, "red", family="inet6")) == 0


def test_the_link_local_route_of_every_link_is_left_out_but_not_one_that_was_typed() -> None:
    rows = [
        ["red", "inet6", "fe80::/64", "", "a", "", "kernel", "global", 256],
        ["red", "inet6", "fe80::/64", "", "b", "", "boot", "global", 1024],
    ]
    snapshot = Snapshot.from_data({"routes": rows})
    assert list(tables.routes(snapshot).dev) == ["b"]
    assert list(tables.routes(snapshot, all=True).dev) == ["a", "b"]


def test_what_the_kernel_made_by_itself_is_left_out_unless_all() -> None:
    snapshot = Snapshot.from_data(
        {
            "namespaces": [["red", 1], ["(lan)", 2, False], ["(a name)", 3, True]],
            "links": [
                ["red", 2, "tunl0", "ipip", 0x80],
                ["red", 3, "e0", "ether", 1, "UP", "02:00:00:00:00:01"],
                ["(lan)", 1, "lo", "loopback"],
                ["(a name)", 1, "lo", "loopback"],
            ],
            "addrs": [
                ["red", 3, "e0", "inet", "10.0.0.1", 24],
                ["red", 3, "e0", "inet6", "fe80::ff:fe00:1", 64, "", "link"],
                ["red", 3, "e0", "inet6", "fe80::1", 64, "", "link"],
                ["red", 3, "e0", "inet", "10.1.0.1", 32, "", "global", "", "10.1.0.2"],
            ],
        }
    )
    few = tables.links(snapshot)
    assert list(few.ns) == ["red", "(a name)"]
    assert few[few.ifname == "e0"].addresses.item() == "10.0.0.1/24, fe80::1/64, 10.1.0.1 peer 10.1.0.2/32"
    every = tables.links(snapshot, all=True)
    assert len(every) == 4
    assert "fe80::ff:fe00:1/64" in every[every.ifname == "e0"].addresses.item()
    assert list(tables.links(snapshot, "(lan)").ifname) == ["lo"]
    assert list(tables.namespaces(snapshot, all=True).named) == [True, True, False]
    assert list(tables.namespaces(snapshot).ns) == ["red", "(a name)"]
    assert list(tables.neighbours(FULL, "red").state) == ["REACHABLE", "STALE"]
    assert "NOARP" in list(tables.neighbours(FULL, "red", all=True).state)
    assert list(tables.fdb(FULL).mac) == ["02:00:00:00:00:01"]
    assert len(tables.fdb(FULL, all=True)) == 2


def test_the_answer_to_a_typed_command_is_shown_whole() -> None:
    rows = {
        "routes": [["red", "inet", "10.0.0.0/8", "", "e0", "", "boot", "link", 0, 100]],
        "neighbours": [["red", "inet6", "ff02::16", "33:33:00:00:00:16", "e0", "NOARP"]],
        "fdb": [["red", "33:33:00:00:00:01", "br0", "", 0, "", "permanent"]],
        "links": [["red", 2, "tunl0", "ipip", 0x80]],
    }
    for name, values in rows.items():
        snapshot = Snapshot.from_data({name: values})
        assert len(of(name, snapshot, "red")) == 0
        assert len(of(name, snapshot, "red", given=True)) == 1
    both = Snapshot.from_data({"links": [["red", 1, "lo", "loopback"], ["red", 2, "tunl0", "ipip", 0x80]]})
    assert list(of("links", both, "red", given=True).ifname) == ["lo"]


def test_sysctls() -> None:
    values = [SysctlValue("red", "net.ipv4.ip_forward", "0"), SysctlValue("blue", "net.ipv4.ip_forward", "1")]
    assert str(tables.sysctls(values)).splitlines()[1] == "blue  net.ipv4.ip_forward  1"
    assert str(tables.sysctls(values, "red")).splitlines()[0] == "kernel parameters of red"
    assert list(tables.sysctls([["red", "a.b", "1"]]).value) == ["1"]
    assert [str(dtype) for dtype in tables.sysctls([]).dtypes] == ["string"] * 3
