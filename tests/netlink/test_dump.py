"""Dumps are whole, are started again when the table changed meanwhile, and give up after a bounded number of tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from reading import ip, sh

from nsmagic.netlink import dump
from nsmagic.netlink.socket import NetlinkError, RouteSocket


class Restless:
    """A socket whose table changes while it is listed, ``times`` times. (No kernel does that on demand.)"""

    def __init__(self, times: int) -> None:
        self.times = times
        self.real = RouteSocket.open()

    def dump(self, kind: int, body: bytes) -> Iterator[tuple[int, bytes, int, int]]:
        rows = list(self.real.dump(kind, body))
        self.times -= 1
        yield from rows[: None if self.times < 0 else 1]
        if self.times >= 0:
            raise NetlinkError(4, "the table changed while it was read")


def test_an_interrupted_dump_is_started_again() -> None:
    sock: Any = Restless(3)
    assert [row.ifname for row in dump.links(sock)] == [row.ifname for row in dump.links(sock.real)]
    assert sock.times == -1


def test_a_table_that_never_stands_still_is_given_up() -> None:
    sock: Any = Restless(10**6)
    with pytest.raises(NetlinkError) as caught:
        dump.links(sock)
    assert caught.value.errno == 4


def test_other_refusals_are_passed_on_at_once() -> None:
    with pytest.raises(NetlinkError) as caught:
        dump.routes(RouteSocket.open(), 2, 4711)
    assert caught.value.errno == 2
    assert "FIB table does not exist" in str(caught.value)


@pytest.mark.sandbox
def test_a_table_of_many_datagrams_is_whole(in_sandbox: Callable[..., Any]) -> None:
    def body() -> Any:
        sh(
            "for i in $(seq 150); do echo link add v$i type veth peer name w$i; echo link set v$i up;"
            " echo addr add 10.0.$i.1/24 dev v$i; done | ip -batch -"
        )
        sock = RouteSocket.open()
        return len(dump.links(sock)), len(dump.addrs(sock, 2)), len(dump.routes(sock, 2)), len(ip("ip link"))

    links, addrs, routes, theirs = in_sandbox(body)
    assert links == theirs == 301
    assert addrs == 150
    assert routes == 450  # the network, the address, the broadcast address of each


@pytest.mark.sandbox
def test_counters(in_sandbox: Callable[..., Any]) -> None:
    def body() -> Any:
        sh("ip link set lo up; ping -c 3 -i 0.01 127.0.0.1 > /dev/null")
        (stats,) = dump.link_stats(RouteSocket.open())
        return stats, ip("ip -s link show lo")[0]["stats64"]

    stats, theirs = in_sandbox(body)
    assert stats.ifname == "lo"
    assert stats.rx_packets == stats.tx_packets == 6
    assert (stats.rx_bytes, stats.tx_bytes) == (theirs["rx"]["bytes"], theirs["tx"]["bytes"])
    assert (stats.rx_errors, stats.tx_dropped) == (0, 0)


@pytest.mark.sandbox
def test_a_link_by_number(in_sandbox: Callable[..., Any]) -> None:
    def body() -> Any:
        sock = RouteSocket.open()
        found = dump.link(sock, 1)
        return found and found.ifname, dump.link(sock, 999)

    assert in_sandbox(body) == ("lo", None)


@pytest.mark.sandbox
def test_an_unchanged_table_is_made_of_the_same_rows(in_sandbox: Callable[..., Any]) -> None:
    def body() -> Any:
        sh("ip link add br0 type bridge")
        sock = RouteSocket.open()
        first, second = dump.links(sock), dump.links(sock)
        same = [a is b for a, b in zip(first, second, strict=True)]
        sh("ip link set br0 mtu 1300")
        return same, [row.mtu for row in dump.links(sock)][1]

    assert in_sandbox(body) == ([True, True], 1300)


@pytest.mark.sandbox
def test_neighbours_differ_by_what_a_row_shows_and_not_by_their_age(in_sandbox: Callable[..., Any]) -> None:
    def body() -> Any:
        sh(
            "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
            "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0 nud stale; ip neigh add 10.0.0.8 dev v0 nud failed;"
            "ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:17 dev v0"
        )
        sock = RouteSocket.open()
        before = {row.address: row for row in dump.neighbours(sock)}
        sh("ip neigh replace 10.0.0.7 lladdr 02:00:00:00:00:77 dev v0 nud permanent")
        after = {row.address: row for row in dump.neighbours(sock)}
        facts = [(side["10.0.0.7"].mac, side["10.0.0.7"].state) for side in (before, after)]
        return facts, before["2001:db8::7"] is after["2001:db8::7"], (after["10.0.0.8"].mac, after["10.0.0.8"].state)

    facts, same, failed = in_sandbox(body)
    assert facts == [("02:00:00:00:00:07", "STALE"), ("02:00:00:00:00:77", "PERMANENT")]
    assert same
    assert failed == ("", "FAILED")


@pytest.mark.sandbox
def test_a_neighbour_that_is_as_it_was_is_recognized_and_any_other_is_seen(in_sandbox: Callable[..., Any]) -> None:
    def body() -> Any:
        sh(
            "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
            # Permanent ones: others count towards a limit of the whole machine, which then forgets some of its own.
            "for i in $(seq 600); do echo neigh add 10.1.$((i / 250)).$((i % 250 + 1)) lladdr 02:00:00:00:00:07 dev v0 nud permanent; done | ip -batch -"
        )
        sock = RouteSocket.open()
        said: list[Any] = []
        known = dump.neighbour_keys(sock)
        for _ in range(50):  # the kernel's own for groups still come
            found = dump.neighbour_keys(sock, known)
            if found is known:
                break
            known = found
        said.append((found is known, True, len(found.shapes) > 1))
        for command in (
            "ip neigh replace 10.1.0.1 lladdr 02:00:00:00:00:07 dev v0 nud stale",
            "ip neigh replace 10.1.0.9 lladdr 02:00:00:00:00:99 dev v0 nud permanent",
            "ip neigh del 10.1.1.40 dev v0",
            "ip neigh add 10.9.9.9 lladdr 02:00:00:00:00:07 dev v0 nud permanent",
            "ip -6 neigh add 2001:db8::9 lladdr 02:00:00:00:00:07 dev v0 nud permanent",
        ):
            sh(command)
            found = dump.neighbour_keys(sock, known)
            same = found is known
            for _ in range(50):  # between the two ways of reading, too, the kernel adds some
                rows = {(row.address, row.mac, row.state) for row in map(dump.neighbour_of, found.keys)}
                plainly = {(row.address, row.mac, row.state) for row in dump.neighbours(sock)}
                if rows == plainly:
                    break
                found = dump.neighbour_keys(sock, found)
            said.append((same, rows == plainly, len(found.shapes) > 1))
            known = found
        return said

    said = in_sandbox(body)
    assert said == [(True, True, True), *[(False, True, True)] * 5]
