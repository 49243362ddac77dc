"""The monitor sees every namespace, says what changed once and in order, and its tables are what a fresh read gives."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from reading import World, ip, rows, sh
from sandboxed import current_netns, mount, unshare

from nsmagic.errors import NamespaceNotFound
from nsmagic.model import COLUMNS, IFF_UP, ROWS, Change
from nsmagic.netlink import decode
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.prefixes import number
from nsmagic.netlink.words import RTM_NEWLINK
from nsmagic.snapshot import Snapshot

pytestmark = pytest.mark.sandbox


@pytest.fixture
def world(in_sandbox: Callable[..., Any]) -> Callable[[Callable[[World], Any]], Any]:
    return lambda body: in_sandbox(lambda: body(World()))


def cable(world: World) -> None:
    """Red and blue, joined by a veth, with addresses, up."""
    world.add("red", "blue")
    sh(
        "ip link add veth-red type veth peer name veth-blue; ip link set veth-red netns red; ip link set veth-blue netns blue;"
        "ip -n red addr add 10.0.0.1/24 dev veth-red; ip -n blue addr add 10.0.0.2/24 dev veth-blue;"
        "ip -n red link set veth-red up; ip -n blue link set veth-blue up"
    )


# The tour of the story board


def test_the_tour(world: Any) -> None:
    def body(world: World) -> Any:
        mark = world.monitor.mark()
        world.add("red", "blue")
        return [
            world.since(mark),
            world.after("ip link add veth-red type veth peer name veth-blue"),
            world.after("ip link set veth-red netns red; ip link set veth-blue netns blue"),
            world.after(
                "ip -n red addr add 192.168.15.1 dev veth-red; ip -n blue addr add 192.168.15.2 dev veth-blue;"
                "ip -n red link set veth-red up; ip -n blue link set veth-blue up"
            ),
            world.after("ip netns exec red ping -c 1 -W 1 192.168.15.2 > /dev/null || true"),
        ]

    assert world(body) == [
        ["+ namespace red", "+ namespace blue"],
        ["+ link host/veth-red", "+ link host/veth-blue"],
        ["~ link host/veth-red -> red/veth-red", "~ link host/veth-blue -> blue/veth-blue"],
        [
            "+ addr red/veth-red 192.168.15.1/32", "+ addr blue/veth-blue 192.168.15.2/32",
            "~ link red/veth-red (flags)", "~ link blue/veth-blue (flags)",
        ],
        [],
    ]  # fmt: skip


def test_what_is_read_right_after_up_is_settled(world: Any) -> None:
    """Ten times over: operational state and link-local addresses are there."""

    def body(world: World) -> Any:
        seen = set()
        world.add("red", "blue")
        for _ in range(10):
            sh(
                "ip link add veth-red type veth peer name veth-blue; ip link set veth-red netns red;"
                "ip link set veth-blue netns blue; ip -n red link set veth-red up; ip -n blue link set veth-blue up"
            )
            world.monitor.settle()
            data = world.monitor.snapshot(["links", "addrs", "routes"])
            states = [row[5] for row in data["links"] if row[3] == "veth"]
            local = [row[2] for row in data["addrs"] if row[4].startswith("fe80")]
            multicast = [row[4] for row in data["routes"] if row[2] == "ff00::/8"]
            seen.add((*states, *local, *multicast))
            sh("ip -n red link del veth-red")
            world.monitor.settle()
        return seen

    assert world(body) == {("UP", "UP", "veth-blue", "veth-red", "veth-blue", "veth-red")}


def test_a_link_switched_a_moment_ago_is_settled(world: Any) -> None:
    """Switched over netlink and looked at without another read: without waiting, some of these would be too early."""

    def body(world: World) -> Any:
        world.add("red")
        sh(
            "ip link add x0 index 50 type veth peer name x1 index 51; ip link set x1 netns red; ip -n red link set x1 up"
        )
        monitor = world.monitor
        sock = monitor.socket("host")
        seen = set()
        for turn in range(1, 201):
            up = IFF_UP if turn % 2 else 0
            sock.request(RTM_NEWLINK, 0, decode.IFINFO.pack(0, 0, 50, up, IFF_UP))
            assert monitor.settle(5)
            links = [link for space in monitor._state.values() for _, link in space.links.values() if link.ifindex > 1]
            local = [
                row for row in monitor.snapshot(["addrs"])["addrs"] if row[2] == "x0" and row[4].startswith("fe80")
            ]
            seen.add((up, *(link.operstate for link in links), len(local)))
        return seen

    assert world(body) == {(1, "UP", "UP", 1), (0, "DOWN", "DOWN", 0)}


def test_settling_waits_for_a_conclusion_that_takes_its_time(world: Any) -> None:
    """Where both ends of a cable have the same number, the kernel takes the loss of carrier for not urgent: up to a second."""

    def body(world: World) -> Any:
        world.add("red")
        sh(
            "ip link add x0 index 50 type veth peer name x1 index 50 netns red; ip -n red link set x1 up; ip link set x0 up"
        )
        assert world.monitor.settle(5)
        sock = world.monitor.socket("host")
        seen = []
        for up in (0, IFF_UP, 0):
            sock.request(RTM_NEWLINK, 0, decode.IFINFO.pack(0, 0, 50, up, IFF_UP))
            settled = world.monitor.settle(5)
            seen.append((settled, [row[5] for row in world.monitor.snapshot(["links"], ["red"])["links"]][1]))
        return seen

    assert world(body) == [(True, "DOWN"), (True, "UP"), (True, "DOWN")]


def test_link_local_addresses_come_and_go_with_the_link(world: Any) -> None:
    """Their events come seconds later, when duplicate address detection is done: until then only a look helps."""

    def body(world: World) -> Any:
        sh("ip link add v0 type veth peer name v1")
        seen = []
        for line in ("true", "ip link set v0 up; ip link set v1 up", "ip link set v0 down"):
            sh(line)
            routes = {(row["dst"], row["dev"]) for row in world.table("routes") if row["family"] == "inet6"}
            seen.append(([row["ifname"] for row in world.table("addrs")], ("fe80::/64", "v1") in routes))
        return seen

    assert world(body) == [([], False), (["v1", "v0"], True), (["v1"], True)]


def test_a_bridge_and_what_is_stacked_settle(world: Any) -> None:
    def body(world: World) -> Any:
        sh(
            "ip link add br0 type bridge; ip link add v0 type veth peer name v1; ip link set v0 master br0;"
            "ip link add mv0 link v1 type macvlan mode bridge; ip link set br0 up; ip link set mv0 up; ip link set v0 up"
        )
        before = {row["ifname"]: row["operstate"] for row in world.table("links")}
        sh("ip link set v1 up")
        return before, {row["ifname"]: row["operstate"] for row in world.table("links")}

    before, after = world(body)
    assert (before["br0"], before["v0"], before["mv0"]) == ("DOWN", "LOWERLAYERDOWN", "LOWERLAYERDOWN")
    assert (after["br0"], after["v0"], after["v1"], after["mv0"]) == ("UP", "UP", "UP", "UP")


def test_settle_is_bounded_when_nothing_comes(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        sh("ip link add x0 type veth peer name x1; ip link set x1 netns red")
        sleeper = subprocess.Popen(["ip", "netns", "exec", "red", "sleep", "60"])
        try:
            while os.readlink(f"/proc/{sleeper.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
                time.sleep(0.005)  # until the child is inside
            world.drop("red")  # a process keeps it alive, so that the other end of the cable stays
            begin = time.monotonic()
            settled = world.monitor.settle(0.1)
            return settled, time.monotonic() - begin < 5, world.monitor.settle(0.1), len(world.table("links"))
        finally:
            sleeper.kill()
            sleeper.wait()

    assert world(body) == (False, True, True, 2)


# Namespaces


def test_the_other_end_is_found_in_an_unnamed_namespace(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        unshare(0x40000000)
        hold = os.open("/proc/self/ns/net", os.O_RDONLY)
        back = world.home
        from nsmagic.netlink.socket import setns

        setns(back)
        sh("ip link add x0 type veth peer name x1; ip link set x0 netns red")
        sh(f"ip link set x1 netns /proc/{os.getpid()}/fd/{hold}")
        before = [(row["ifname"], row["peer"], row["peer_ns"]) for row in world.table("links", "red")]
        mark = world.monitor.mark()
        world.monitor.attach("(unnamed-1)", hold, named=False)
        after = [(row["ifname"], row["peer"], row["peer_ns"]) for row in world.table("links", "red")]
        change = world.since(mark)
        world.monitor.rename("(unnamed-1)", "green")
        return before, after, change, [row["peer_ns"] for row in world.table("links", "red")], world.monitor.names()

    before, after, change, renamed, names = world(body)
    assert before == [("lo", "", ""), ("x0", "", "")]
    assert after == [("lo", "", ""), ("x0", "x1", "(unnamed-1)")]
    assert change == ["+ namespace (unnamed-1)", "+ link (unnamed-1)/x1"]
    assert renamed == ["", "green"]
    assert names == ["host", "green", "red"]


def test_a_link_whose_new_namespace_is_seen_later_has_moved(world: Any) -> None:
    def body(world: World) -> Any:
        sh("ip link add x0 type veth peer name x1; ip netns add red")
        mark = world.monitor.mark()
        sh("ip link set x0 netns red name y2")
        world.monitor.settle()
        world.attach("red")
        return world.since(mark)

    assert world(body) == ["+ namespace red", "~ link host/x0 -> red/y2 (ifname)"]


def test_a_link_that_moves_twice_has_moved_once(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red", "blue")
        sh("ip link add x0 type veth peer name x1")
        there = world.after("ip link set x0 netns red; ip -n red link set x0 netns blue")
        and_back = world.after("ip -n blue link set x0 netns red; ip -n red link set x0 netns blue")
        return there, and_back

    assert world(body) == (["~ link host/x0 -> blue/x0"], [])


def test_a_link_that_gets_another_number_on_its_way_has_moved(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        sh("ip link add x0 index 50 type veth peer name x1 index 51; ip -n red link add y0 index 50 type bridge")
        moved = world.after("ip link set x0 netns red")
        return moved, [row["ifindex"] == 50 for row in world.table("links", "red") if row["ifname"] == "x0"]

    assert world(body) == (["~ link host/x0 -> red/x0 (ifindex)"], [False])


def test_a_new_name_is_seen_from_the_other_end(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        sh("ip link add x0 type veth peer name x1; ip link set x1 netns red")
        before = [row["peer"] for row in world.table("links", "host")]
        sh("ip -n red link set x1 name y1")
        return before, [row["peer"] for row in world.table("links", "host")]

    assert world(body) == (["", "x1"], ["", "y1"])


def test_a_link_that_moves_is_found_again_from_the_other_end(world: Any) -> None:
    """The end that stays gets no event."""

    def body(world: World) -> Any:
        world.add("red", "blue")
        sh("ip link add x0 type veth peer name x1")
        seen = []
        for line in ("ip link set x1 netns red", "ip -n red link set x1 netns blue"):
            sh(line)
            seen += [(row["peer"], row["peer_ns"]) for row in world.table("links", "host") if row["ifname"] == "x0"]
        return seen

    assert world(body) == [("x1", "red"), ("x1", "blue")]


def test_a_link_that_goes_where_nobody_looks_and_comes_back(world: Any) -> None:
    """Its number may be another link's meanwhile; the end that stays is not joined to that one."""

    def body(world: World) -> Any:
        world.add("red")
        sh("ip netns add unseen; ip link add x0 index 40 type veth peer name x1 index 50 netns red")
        seen = []
        for line in (
            "true",
            "ip -n red link set x1 netns unseen; ip -n red link add other index 50 type bridge",
            "ip -n red link del other; ip -n unseen link set x1 netns red",
        ):
            sh(line)
            seen += [(row["peer"], row["peer_ns"]) for row in world.table("links", "host") if row["ifname"] == "x0"]
        return seen

    assert world(body) == [("x1", "red"), ("", ""), ("x1", "red")]


def test_a_namespace_takes_its_contents_along_in_one_line(world: Any) -> None:
    def body(world: World) -> Any:
        cable(world)
        sh("ip -n red route add default via 10.0.0.2")
        mark = world.monitor.mark()
        world.drop("red")
        return world.since(mark), [row["ifname"] for row in world.table("links")], world.monitor.names()

    assert world(body) == (
        ["- namespace red", "- link blue/veth-blue", "- addr blue/veth-blue 10.0.0.2/24"],
        ["lo", "lo"],
        ["host", "blue"],
    )


def test_made_and_gone_between_two_looks_is_nothing(world: Any) -> None:
    def body(world: World) -> Any:
        mark = world.monitor.mark()
        world.add("red")
        sh("ip link add x type veth peer name y; ip addr add 10.0.0.1/24 dev x; ip link del x")
        world.drop("red")
        return world.since(mark)

    assert world(body) == []


def test_a_namespace_that_lost_its_name_but_lives_on_is_the_same(world: Any) -> None:
    def body(world: World) -> Any:
        cable(world)
        hold = os.open("/run/netns/red", os.O_RDONLY | os.O_CLOEXEC)
        mark = world.monitor.mark()
        world.drop("red")
        world.monitor.attach("(unnamed-1)", hold, named=False)
        return world.since(mark), [row["peer_ns"] for row in world.table("links", "blue")]

    assert world(body) == (["~ namespace red -> (unnamed-1) (named)"], ["", "(unnamed-1)"])


def test_a_monitor_needs_no_proc(in_sandbox: Any) -> None:
    """In a sandbox without mounts /proc shows other pids than ours, and ``/proc/self`` leads nowhere."""

    def body() -> Any:
        home = current_netns()
        mount("tmpfs", "/proc", "tmpfs")
        monitor = Monitor(home)
        monitor.attach("host", home)
        return os.listdir("/proc"), [row[2] for row in monitor.snapshot(["links"])["links"]]

    assert in_sandbox(body) == ([], ["lo"])


def test_a_namespace_that_is_not_followed_is_named_in_the_refusal(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        answers: list[Any] = []
        for act in (
            lambda: world.monitor.snapshot(["links"], ["rad"]),
            lambda: world.monitor.socket("rad"),
            lambda: world.monitor.detach("rad"),
            lambda: world.monitor.touch("rad"),
        ):
            try:
                act()
            except NamespaceNotFound as error:
                answers.append((error.message, error.known))
        return answers

    message = 'Cannot open network namespace "rad": No such file or directory'
    assert world(body) == [(message, ["host", "red"])] * 4


def test_a_namespace_can_be_followed_only_once(world: Any) -> None:
    def body(world: World) -> Any:
        answers = []
        for name in ("host", "other"):
            try:
                world.monitor.attach(name, world.home)
            except ValueError as error:
                answers.append(str(error))
        return answers

    assert world(body) == [
        "the monitor follows a namespace host already",
        "the monitor follows that namespace as host",
    ]


def test_nobody_sees_the_hidden_namespace(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        sh("ip link add x0 type veth peer name x1; ip link set x1 netns red")
        world.table("links")
        return sh("ip netns list").split(), sh("ip netns list-id")

    listed, numbers = world(body)
    assert listed[0] == "red"
    assert "1000000" not in numbers


# What counts as a change


CHANGES = [
    ("ip link set v0 alias hello; ip link set v0 mtu 1400", ["~ link host/v0 (mtu, alias)"]),
    ("ip link set v0 name other", ["~ link host/v0 -> host/other (ifname)"]),
    ("ip link set v0 master br0", ["~ link host/v0 (master)"]),
    ("ip link set v0 promisc on; ip link set v0 promisc off", []),
    ("ip link set v0 down; ip link set v0 up", ["- route host default via 10.0.0.254 dev v0"]),
    ("ip link set v0 type veth 2>/dev/null; ip link set v0 up", []),
    ("ip link set br0 up; bridge link", ["~ link host/br0 (flags)"]),
    ("ip link set v2 master br0; bridge link set dev v2 cost 50", ["~ link host/v2 (master)"]),
    ("ip link del v0", ["- link host/v0", "- link host/v1", "- addr host/v0 10.0.0.1/24", "- route host default via 10.0.0.254 dev v0"]),
    ("ip link set v0 down", ["~ link host/v0 (flags)", "- route host default via 10.0.0.254 dev v0"]),
    ("ip addr del 10.0.0.1/24 dev v0", ["- addr host/v0 10.0.0.1/24", "- route host default via 10.0.0.254 dev v0"]),
    ("ip addr add 10.5.0.1/16 dev v0", ["+ addr host/v0 10.5.0.1/16"]),
    ("ip addr add 2001:db8::1/64 dev v0; ip addr add fe80::9/64 dev v0", ["+ addr host/v0 2001:db8::1/64", "+ addr host/v0 fe80::9/64"]),
    ("ip addr change 10.0.0.1/24 dev v0 valid_lft 100 preferred_lft 50", ["~ addr host/v0 10.0.0.1/24 (valid_lft, preferred_lft)"]),
    ("ip route replace default via 10.0.0.253", ["~ route host default via 10.0.0.254 dev v0 -> host default via 10.0.0.253 dev v0 (gateway)"]),
    ("ip route add 10.9.0.0/16 via 10.0.0.254 metric 5; ip route add 10.9.0.0/16 via 10.0.0.253 metric 6",
     ["+ route host 10.9.0.0/16 via 10.0.0.254 dev v0", "+ route host 10.9.0.0/16 via 10.0.0.253 dev v0"]),
    ("ip route add blackhole 10.9.0.0/16", ["+ route host 10.9.0.0/16 dev "]),
    ("ip route del 10.0.0.0/24", ["- route host 10.0.0.0/24 dev v0"]),
    ("ip -6 route add 2001:db8:9::/48 via fe80::1 dev v0", ["+ route host 2001:db8:9::/48 via fe80::1 dev v0"]),
    ("ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0", ["+ neighbour host/v0 10.0.0.7 02:00:00:00:00:07"]),
    ("ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 nud reachable", []),
    ("ip rule add from 10.0.0.0/8 table 100", ["+ rule host inet 32765 from 10.0.0.0/8 table 100"]),
    ("ip rule del table default", ["- rule host inet 32767 from all table 253"]),
    ("ip link add t0 type vxlan id 5 dstport 4789; ip link add m0 link v0 type macvlan", ["+ link host/t0", "+ link host/m0"]),
    ("ip link set lo up", ["~ link host/lo (flags)"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), CHANGES, ids=[line[:40] for line, _ in CHANGES])
def test_changes(world: Any, line: str, expected: list[str]) -> None:
    def body(world: World) -> Any:
        sh(
            "ip link add br0 type bridge; ip link set br0 address 02:00:00:00:00:01; ip link add v0 type veth peer name v1;"
            "ip link add v2 type veth peer name v3; for d in v0 v1 v2 v3; do ip link set $d up; done;"
            "ip addr add 10.0.0.1/24 dev v0; ip route add default via 10.0.0.254"
        )
        world.monitor.settle()
        return world.after(f"( {line} ) > /dev/null || true")

    assert world(body) == expected


SILENT = [
    ("ip link set d0 alias hello", "links", "d0", ["~ link host/d0 (alias)"]),
    ("ip link set d0 group 9", "links", "d0", ["~ link host/d0 (group)"]),
    ("ip link set br0 type bridge ageing_time 1234", "links", "br0", ["~ link host/br0 (info)"]),
    ("ip link property add dev d0 altname another-name", "links", "d0", ["~ link host/d0 (altnames)"]),
    ("ip neigh add proxy 10.0.0.99 dev d0", "neighbours", None, ["+ neighbour host/d0 10.0.0.99 "]),
]


@pytest.mark.parametrize(("line", "table", "dev", "expected"), SILENT, ids=[line for line, *_ in SILENT])
def test_what_has_no_event_is_seen_when_touched(
    world: Any, line: str, table: str, dev: str | None, expected: list[str]
) -> None:
    """The links are down: then the kernel tells nobody."""

    def body(world: World) -> Any:
        sh("ip link add br0 type bridge; ip link add d0 type veth peer name d1")
        mark = world.monitor.mark()
        sh(line)
        world.monitor.touch("host", table, dev)
        exactly = world.since(mark)
        mark = world.monitor.mark()
        sh("ip link set d1 alias other")
        world.monitor.touch()
        return exactly, world.since(mark)

    assert world(body) == (expected, ["~ link host/d1 (alias)"])


def test_changes_can_be_rebuilt_as_the_models_rows(world: Any) -> None:
    def body(world: World) -> Any:
        mark = world.monitor.mark()
        world.add("red")
        sh(
            "ip link add x0 type veth peer name x1; ip link set x1 netns red; ip addr add 10.0.0.1/24 dev x0; ip link set x0 up;"
            "ip -n red link set x1 up; ip route add 10.9.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3;"
            "ip rule add from 1.2.3.4 table 9; ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev x0"
        )
        world.monitor.settle()
        return world.monitor.changes_since(mark)

    changes = [Change.from_data(data) for data in world(body)]
    assert {type(change.new) for change in changes} == {ROWS[name] for name in ROWS if name != "fdb"}
    (route,) = [change.new for change in changes if change.table == "routes"]
    assert [hop["gateway"] for hop in route.nexthops] == ["10.0.0.2", "10.0.0.3"]


def test_a_mark_lives_as_long_as_it_is_held(world: Any) -> None:
    """A program that runs for hours, or whoever follows the lab, comes back to one after any number of commands."""

    def body(world: World) -> Any:
        heard: list[Any] = []
        end = world.monitor.subscribe(heard.append)
        first = world.monitor.mark()
        for _ in range(600):
            world.monitor.mark()
        world.add("red")
        changed = world.monitor.changes_since(first)
        end()
        return [delta[:2] for delta in changed if delta[1] == "namespaces"], len(heard)

    assert world(body) == ([["+", "namespaces"]], 1)


def test_subscribers_hear_of_each_batch(world: Any) -> None:
    def body(world: World) -> Any:
        heard: list[Any] = []
        weather: list[Any] = []
        stop = world.monitor.subscribe(lambda deltas: heard.append([(op, table) for op, table, _, _ in deltas]))
        world.monitor.subscribe(
            lambda deltas: weather.append([(op, table) for op, table, _, _ in deltas]), weather=True
        )
        sh("ip link add x0 type veth peer name x1; ip link set x0 up")
        world.monitor.drain()
        sh("ip link set x1 up")
        world.monitor.settle()
        stop()
        sh("ip link del x0")
        world.monitor.drain()
        return heard, weather

    heard, weather = world(body)
    assert heard == [[("+", "links"), ("+", "links")], [("~", "links")]]
    assert weather[1] == [("~", "links"), ("~", "links")]  # the other end has carrier now
    assert weather[-1] == [("-", "links"), ("-", "links")]


def test_who_hears_of_links_from_the_kernel_too_is_told_of_them_a_moment_later(world: Any) -> None:
    """Of what was known; and not when somebody else listens as well, or when anything else happened."""

    def body(world: World) -> Any:
        heard: list[Any] = []

        def told(deltas: Any) -> None:
            heard.append([(op, table) for op, table, _, _ in deltas])

        def after(command: str) -> tuple[bool, int]:
            sh(command)
            later = world.monitor.hear()
            before = len(heard)
            world.monitor.drain()
            return later, len(heard) - before

        sh("ip link add x0 type veth peer name x1")
        world.monitor.drain()
        world.monitor.subscribe(told, ahead=True)
        found = [
            after("ip link set x0 up"), after("ip addr add 10.0.0.1/24 dev x0"), after("ip link add x2 type bridge"),
            after("ip link del x2"), after("ip link set x0 mtu 1400; ip link set x0 mtu 1300"),
        ]  # fmt: skip
        end = world.monitor.subscribe(lambda deltas: None)
        found.append(after("ip link set x0 mtu 1400"))
        end()
        found.append(after("ip link set x0 mtu 1500"))
        return found, heard

    found, heard = world(body)
    assert found == [(True, 1), (False, 0), (False, 0), (False, 0), (True, 1), (False, 0), (True, 1)]
    assert heard[0] == heard[-1] == [("~", "links")]


def test_the_event_socket_is_readable_when_there_is_something(world: Any) -> None:
    def body(world: World) -> Any:
        import select

        poll = select.poll()
        poll.register(world.monitor.fileno(), select.POLLIN)
        world.monitor.drain()
        quiet = poll.poll(0)
        sh("ip link add x0 type veth peer name x1")
        loud = poll.poll(1000)
        world.monitor.drain()
        return quiet, len(loud), poll.poll(0)

    assert world(body) == ([], 1, [])


# The tables


def test_rows_have_the_models_columns_and_travel_as_json(world: Any) -> None:
    def body(world: World) -> Any:
        cable(world)
        sh("ip link add br0 type bridge; ip link add vx type vxlan id 5 dev br0 remote 10.0.0.9 dstport 4789")
        sh("ip -n red neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev veth-red")
        world.monitor.settle()
        return world.monitor.snapshot(list(ROWS))

    import json

    data = world(body)
    assert list(data) == list(ROWS)
    for table, values in data.items():
        assert values, table
        assert {len(row) for row in values} == {len(COLUMNS[table])}, table
    assert json.loads(json.dumps(data)) == data
    snapshot = Snapshot.from_data(data)
    vx = next(link for link in snapshot.links if link.ifname == "vx")
    assert (vx.kind, vx.lower, vx.info["link"], vx.info["remote"], vx.info["port"]) == (
        "vxlan",
        "br0",
        "br0",
        "10.0.0.9",
        4789,
    )


def test_the_order_of_rows(world: Any) -> None:
    def body(world: World) -> Any:
        cable(world)
        world.add("alpha")
        sh("ip -n red neigh add 10.0.0.20 lladdr 02:00:00:00:00:20 dev veth-red")
        sh("ip -n red neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 dev veth-red")
        world.monitor.settle()
        return world.monitor.snapshot(["links", "neighbours", "routes"])

    data = world(body)
    names = [row[0] for row in data["links"]]
    assert list(dict.fromkeys(names)) == ["host", "alpha", "blue", "red"]
    assert names == sorted(names, key=lambda name: (name != "host", name))
    permanent = [row[2] for row in data["neighbours"] if row[5] == "PERMANENT"]
    assert permanent == ["10.0.0.3", "10.0.0.20"]
    assert permanent == sorted(permanent, key=number)


def test_links_name_their_relations(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        sh(
            "ip link add br0 type bridge; ip link add v0 type veth peer name v1; ip link set v0 master br0;"
            "ip link set v1 netns red; ip link add mv0 link br0 type macvlan; ip link add mv1 link br0 type macvlan;"
            "ip link set mv1 netns red"
        )
        return {
            row["ifname"]: (row["ns"], row["master"], row["lower"], row["peer"], row["peer_ns"])
            for row in world.table("links")
            if row["ifname"] != "lo"
        }

    assert world(body) == {
        "br0": ("host", "", "", "", ""),
        "v0": ("host", "br0", "", "v1", "red"),
        "v1": ("red", "", "", "v0", "host"),
        "mv0": ("host", "", "br0", "", ""),
        "mv1": ("red", "", "br0", "", "host"),
    }


def test_numbers_of_links_in_use(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        sh("ip link add x0 index 77 type veth peer name x1 index 78; ip link set x1 netns red")
        world.monitor.mark()
        before = sorted(world.monitor.ifindexes())
        sh("ip link del x0")
        world.monitor.mark()
        return before, sorted(world.monitor.ifindexes())

    assert world(body) == ([1, 77, 78], [1])


# Kept current


def fresh_read(world: World) -> dict[str, Any]:
    """What a monitor says that has just been started."""
    monitor = Monitor(world.home)
    try:
        monitor.attach("host", world.home)
        for name in world.monitor.names():
            if name != "host":
                fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
                monitor.attach(name, fd)
                os.close(fd)
        monitor.settle()
        return comparable(monitor)
    finally:
        monitor.close()


def comparable(monitor: Monitor) -> dict[str, Any]:
    """All tables but those that change by themselves; without what duplicate address detection is busy with."""
    data: dict[str, Any] = monitor.snapshot(["namespaces", "links", "addrs", "routes", "rules"])
    tentative, dad_failed = 0x40, 0x08
    flags = COLUMNS["addrs"].index("flags")
    data["addrs"] = [
        [value & ~(tentative | dad_failed) if at == flags else value for at, value in enumerate(row)]
        for row in data["addrs"]
    ]
    # Weight of time: an IPv6 route of an address that has just left detection is moved within its table.
    data["routes"] = sorted(data["routes"], key=str)
    return data


def agrees(world: World) -> bool:
    """Whether kept and fresh tables are equal at some moment: the kernel may be busy between two reads, but what was missed
    stays missed."""
    return any(comparable(world.monitor) == fresh_read(world) for _ in range(10))


def random_line(chance: random.Random, names: list[str]) -> str:
    """Some change, of everything that ``ip`` can do here; many are refused, which is as good."""
    ns, other = chance.choice(names), chance.choice(names)
    dev, dev2 = (f"{kind}{chance.randrange(3)}" for kind in chance.choices(["v", "w", "br"], k=2))
    net = chance.randrange(3)
    address = chance.choice([f"10.{net}.0.{chance.randrange(1, 4)}", f"2001:db8:{net}::{chance.randrange(1, 4)}"])
    length = 64 if ":" in address else 24
    via = f"2001:db8:{net}::9" if ":" in address else f"10.{net}.0.9"
    target = "2001:db8:9::/48" if ":" in address else "10.99.0.0/16"
    return chance.choice(
        [
            f"ip -n {ns} link add v{net} type veth peer name w{net}",
            f"ip -n {ns} link add br{net} type bridge",
            f"ip -n {ns} link set {dev} up",
            f"ip -n {ns} link set {dev} up",
            f"ip -n {ns} link set {dev} down",
            f"ip -n {ns} link set {dev} master {dev2}",
            f"ip -n {ns} link set {dev} nomaster",
            f"ip -n {ns} link set {dev} netns {other}",
            f"ip -n {ns} link set {dev} mtu {chance.choice([1000, 1300, 1500])}",
            f"ip -n {ns} link set {dev} name {dev2}",
            f"ip -n {ns} link del {dev}",
            f"ip -n {ns} addr add {address}/{length} dev {dev}",
            f"ip -n {ns} addr add {address}/{length} dev {dev}",
            f"ip -n {ns} addr del {address}/{length} dev {dev}",
            f"ip -n {ns} addr flush dev {dev}",
            f"ip -n {ns} route add {target} via {via}",
            f"ip -n {ns} route replace {target} dev {dev} metric {net}",
            f"ip -n {ns} route append {target} via {via}",
            f"ip -n {ns} route del {target}",
            f"ip -n {ns} route flush dev {dev}",
            f"ip -n {ns} rule add from 10.{net}.0.0/16 table 10{net}",
            f"ip -n {ns} rule del from 10.{net}.0.0/16 table 10{net}",
            f"ip -n {ns} link set lo {chance.choice(['up', 'down'])}",
            f"ip netns exec {ns} sh -c 'echo {chance.randrange(2)} > /proc/sys/net/ipv6/conf/{dev}/disable_ipv6'",
        ]
    )


@pytest.mark.parametrize("seed", range(4))
def test_kept_tables_are_what_a_fresh_read_gives(world: Any, seed: int) -> None:
    """Sixty random changes, in lumps; after each lump the kept tables equal freshly read ones, and so do the changes."""

    def body(world: World) -> Any:
        sh("for word in accept_dad dad_transmits; do echo 0 > /proc/sys/net/ipv6/conf/default/$word; done")
        names = ["red", "blue", "green"]
        world.add(*names)
        for name in names:
            sh(
                f"ip netns exec {name} sh -c 'for w in accept_dad dad_transmits; do echo 0 > /proc/sys/net/ipv6/conf/default/$w; done'"
            )
        chance = random.Random(seed)
        for lump in range(20):
            lines = [random_line(chance, names) for _ in range(chance.randrange(1, 6))]
            subprocess.run(["bash"], input="\n".join(lines), text=True, capture_output=True, check=False, timeout=30)
            world.monitor.settle()
            kept, fresh = comparable(world.monitor), fresh_read(world)
            for table, values in fresh.items():
                if kept[table] != values:
                    return (
                        lump,
                        lines,
                        table,
                        [r for r in kept[table] if r not in values],
                        [r for r in values if r not in kept[table]],
                    )
        return None

    assert world(body) is None


def test_lost_events_cost_a_full_read_and_nothing_else(world: Any) -> None:
    def body(world: World) -> Any:
        world.add("red")
        world.monitor._hidden._events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        mark = world.monitor.mark()
        sh(
            "for i in $(seq 40); do echo link add a$i type veth peer name b$i; echo link set b$i netns red; done | ip -batch -;"
            "for i in $(seq 40); do echo addr add 10.0.$i.1/24 dev b$i; echo link set b$i up; done | ip -n red -batch -"
        )
        lost = sum(event is None for event in world.monitor._hidden.events())
        world.monitor._read_everything_again()  # what the monitor does at the sight of one
        changes = world.since(mark)
        return lost > 0, len(changes), agrees(world)

    assert world(body) == (True, 120, True)


def test_the_monitor_notices_by_itself_that_events_were_lost(world: Any) -> None:
    def body(world: World) -> Any:
        world.monitor._hidden._events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        sh("for i in $(seq 60); do echo link add a$i type veth peer name b$i; done | ip -batch -")
        return len(world.table("links"))

    assert world(body) == 121


def test_two_hundred_namespaces_and_their_end(world: Any) -> None:
    def body(world: World) -> Any:
        names = [f"n{i:03}" for i in range(200)]
        sh("ip link add br0 type bridge; ip link set br0 up")
        mark = world.monitor.mark()
        world.add(*names)
        sh(
            "for i in $(seq 0 199); do n=$(printf n%03d $i); echo link add p$i master br0 up type veth peer name eth0 netns $n;"
            " done | ip -batch -"
        )
        world.monitor.settle()
        made = world.monitor.changes_since(mark)
        same = agrees(world)
        mark = world.monitor.mark()
        for name in names:
            world.monitor.detach(name)
        sh("umount -l /run/netns/n* 2>/dev/null; rm -f /run/netns/n*")
        settled = world.monitor.settle(20)
        gone = world.monitor.changes_since(mark)
        tables = [
            (table, sum(op == "-" for op, what, _, _ in gone if what == table)) for table in ("namespaces", "links")
        ]
        return len(made), same, settled, tables, [row["ifname"] for row in world.table("links")]

    made, same, settled, gone, left = world(body)
    assert made == 200 + 400
    assert same
    assert settled
    assert gone == [("namespaces", 200), ("links", 200)]
    assert left == ["lo", "br0"]


def test_addresses_as_ip_lists_them_for_every_namespace(world: Any) -> None:
    def body(world: World) -> Any:
        cable(world)
        world.monitor.settle()
        wrong = []
        for name in ("red", "blue"):
            ours = [
                (row["ifname"], row["address"])
                for row in rows("addrs", world.monitor.snapshot(["addrs"], [name])["addrs"])
            ]
            theirs = [(entry["ifname"], one["local"]) for entry in ip("ip addr", name) for one in entry["addr_info"]]
            if ours != theirs:
                wrong.append((ours, theirs))
        return wrong

    assert world(body) == []
