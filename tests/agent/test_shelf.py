"""Reads bring what differs: whatever happened in between, the notebook's copy is what a whole read would have brought."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic import Lab, columns, tables
from nsmagic.agent import shelf
from nsmagic.snapshot import Snapshot

_ROWS = st.lists(st.integers(0, 3), max_size=4)
_STATES = st.lists(st.dictionaries(st.sampled_from(["host", "red", "blue"]), _ROWS), min_size=1, max_size=8)


@given(states=_STATES, asked=st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_reader_that_looks_now_and_then_has_what_is_there(
    states: list[dict[str, list[int]]], asked: list[bool]
) -> None:
    kept = shelf.Shelf()
    number, copy = 0, dict[str, list[Any]]()
    for state, looks in zip(states, asked, strict=False):
        latest = kept.put("links", list(state.items()))
        if looks:
            names, parts = kept.since("links", number)
            fresh = {ns: rows for ns, rows in parts}
            copy = {ns: fresh.get(ns, copy.get(ns, [])) for ns in (copy if names is None else names)}
            number = latest
            assert list(copy.items()) == list(state.items())


def test_large_parts_go_in_several_items() -> None:
    parts = [("host", list(range(2500))), ("red", []), ("blue", [1, 2])]
    sent = shelf.items("routes", parts)
    assert all(sum(len(rows) for _, rows in item["parts"]) <= 1000 for item in sent)
    joined: dict[str, list[int]] = {}
    for item in sent:
        for ns, rows in item["parts"]:
            joined.setdefault(ns, []).extend(rows)
    assert list(joined.items()) == parts
    assert shelf.items("links", []) == []


@pytest.mark.sandbox
def test_a_second_read_shares_what_did_not_change_and_equals_a_whole_one() -> None:
    changes = (
        "ip netns add red\nip link add v0 type veth peer name v1 netns red\nip -n red addr add 10.0.0.2/24 dev v1",
        "ip link set v0 up\nip -n red link set v1 up",
        "ip netns add blue\nip -n red route add 10.9.0.0/16 via 10.0.0.1",
        "ip -n red link set v1 netns blue name w",
        "ip netns del red",
    )
    names = ("namespaces", "links", "addrs", "routes", "rules")
    with Lab() as lab:
        before = lab.snapshot(*names)
        for text in changes:
            assert all(lab.snapshot(*names).tables[table] is before.tables[table] for table in names)
            lab.run(text).check()
            after = lab.snapshot(*names)
            assert after.tables["links"] is not before.tables["links"]
            call = lab.client.call("snapshot", tables=list(names))
            whole: dict[str, list[Any]] = {table: [] for table in names}
            for item in call.items():
                whole[item["table"]] += item["rows"]
            assert after.to_data() == whole
            assert all(after.tables[table] == Snapshot.from_data(whole).tables[table] for table in names)  # as objects
            for table in names:  # the frames, made part by part and kept, are those of the whole
                for all_ in (False, True):
                    ours = tables.of(table, after, all=all_)
                    assert ours.equals(tables.of(table, Snapshot.from_data(whole), all=all_))
                    assert repr(ours) == repr(tables.of(table, Snapshot.from_data(whole), all=all_))
            before = after


@pytest.mark.sandbox
def test_what_was_read_of_one_namespace_alone_is_in_the_next_read_of_all() -> None:
    """A multicast packet makes a neighbour of which the kernel tells nobody, and which never changes."""
    with Lab() as lab:
        lab.run("ip netns add red\nip link add v0 type veth peer name v1 netns red").check()
        lab.run("ip addr add 10.0.0.2/24 dev v1\nip link set v1 up", "red").check()
        lab.run("ip link set v0 up").check()
        for number in range(1, 4):
            lab.snapshot("neighbours")
            with lab.socket("red", socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.0.0.2"))
                sender.sendto(b"x", (f"239.1.1.{number}", 9))
            one = {row.address for row in lab.snapshot("neighbours", ns="red").neighbours}
            every = {row.address for row in lab.snapshot("neighbours").neighbours if row.ns == "red"}
            assert f"239.1.1.{number}" in one & every


@pytest.mark.sandbox
def test_objects_are_made_of_what_changed_alone() -> None:
    with Lab() as lab:
        lab.run("ip netns add red\nip netns add blue").check()
        before = {link.ns: link for link in lab.snapshot("links").links}
        lab.run("ip -n red link set lo up").check()
        after = {link.ns: link for link in lab.snapshot("links").links}
        assert {ns for ns in before if after[ns] is not before[ns]} == {"red"}
        assert (before["red"].up, after["red"].up) == (False, True)


@pytest.mark.sandbox
def test_what_somebody_writes_into_a_table_is_not_in_the_next() -> None:
    with Lab() as lab:
        table = lab.links
        table.loc[:, "ifname"] = "mine"
        table["mtu"] += 1
        assert list(lab.links.ifname) == ["lo"]
        assert list(lab.links.mtu) == [65536]
        assert list(lab.links.columns) == list(columns.KINDS["links"])


@pytest.mark.sandbox
def test_threads_read_at_the_same_time() -> None:
    with Lab() as lab:
        lab.run("\n".join(f"ip netns add r{number}" for number in range(8))).check()
        seen: list[int] = []

        def look() -> None:
            for _ in range(10):
                seen.append(len({row.ns for row in lab.snapshot("links").links}))

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        lab.run("\n".join(f"ip netns add s{number}" for number in range(8))).check()
        for thread in threads:
            thread.join(20)
        assert len(seen) == 40
        assert set(seen) <= set(range(9, 18))
        assert len({row.ns for row in lab.snapshot("links").links}) == 17
