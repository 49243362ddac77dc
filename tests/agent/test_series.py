"""Pipelined commands leave and tell what the same commands leave and tell one after another, refusals included, each with its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsmagic import Lab
from nsmagic.agent import series
from nsmagic.changes import lines as words
from nsmagic.result import Outcome

pytestmark = pytest.mark.sandbox

_NS = st.sampled_from(["red", "blue", "gray"])
_DEV = st.sampled_from(["v0", "v1", "w0", "w1", "br0", "lo"])
_ADDRESS = st.sampled_from(["10.0.0.1/24", "10.0.0.2/24", "10.0.0.2/8", "fd00::1/64", "10.0.0.300/24"])
_ADDRESS6 = st.sampled_from(
    ["fd00::1/64", "fd00::2/64", "fe80::5/64", "::1/128", "fd05::2/64", "2001:db8::1", "ff02::5/64"]
)
_GATEWAY = st.sampled_from(["10.0.0.1", "10.0.0.9", "fd00::9", "192.0.2.1"])


def _line(pattern: str, **parts: Any) -> Any:
    return st.builds(lambda **given: pattern.format(**given), **parts)


_COMMANDS = st.one_of(
    _line("ip netns add {ns}", ns=_NS),
    # Of no namespace with a cable: the kernel takes the other end away in its own time, 20 ms later, with any tool.
    _line("ip netns {verb} empty", verb=st.sampled_from(["add", "del"])),
    _line("ip link add {a} type veth peer name {b} netns {ns}", a=_DEV, b=_DEV, ns=_NS),
    _line("ip -n {ns} link add {a} type veth peer name {b}", a=_DEV, b=_DEV, ns=_NS),
    _line("ip -n {ns} link add {a} index 3 type bridge", a=_DEV, ns=_NS),
    _line("ip link add {a} type bridge", a=_DEV),
    _line("ip -n {ns} link add {a} type vlan id 7", a=_DEV, ns=_NS),
    _line("ip link set {a} master {b}", a=_DEV, b=_DEV),
    _line("ip -n {ns} link set {a} {state}", a=_DEV, ns=_NS, state=st.sampled_from(["up", "down", "mtu 1400", "alias x"])),
    _line("ip -n {ns} link set {a} name {b}", a=_DEV, b=_DEV, ns=_NS),
    _line("ip link set {a} netns {ns}", a=_DEV, ns=_NS),
    _line("ip -n {ns} link del {a}", a=_DEV, ns=_NS),
    _line("ip link del {a}", a=_DEV),
    _line("ip link set {a} up", a=_DEV),
    _line("ip -n {ns} addr add {address} dev {a}", a=_DEV, ns=_NS, address=_ADDRESS),
    _line("ip -n {ns} addr del {address} dev {a}", a=_DEV, ns=_NS, address=_ADDRESS),
    _line("ip -n {ns} route add default via {gateway}", ns=_NS, gateway=_GATEWAY),
    _line("ip -n {ns} route add 10.{n}.0.0/16 dev {a}", ns=_NS, a=_DEV, n=st.integers(1, 3)),
    _line("ip -n {ns} neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev {a}", ns=_NS, a=_DEV),
    _line("ip -n {ns} rule add from 10.{n}.0.0/16 table 100", ns=_NS, n=st.integers(1, 3)),
    _line("ip -n {ns} addr flush dev {a}", ns=_NS, a=_DEV),
    _line("sysctl -w net.ipv4.ip_forward={n}", n=st.integers(0, 1)),
)  # fmt: skip
#: Those whose changes the kernel says along with its answers, as far as nothing else hangs on them.
_PLAIN = st.one_of(
    _line("ip netns add {ns}", ns=_NS),
    _line("ip link add {a} type veth peer name {b} netns {ns}", a=_DEV, b=_DEV, ns=_NS),
    _line("ip -n {ns} link add {a} type veth peer name {b}", a=_DEV, b=_DEV, ns=_NS),
    _line("ip -n {ns} link add {a} type bridge", a=_DEV, ns=_NS),
    _line("ip link set {a} master {b}", a=_DEV, b=_DEV),
    _line("ip link set {a} master br0 up", a=_DEV),
    _line("ip -n {ns} link set {a} up", a=_DEV, ns=_NS),
    _line("ip link set {a} up", a=_DEV),
    _line("ip -n {ns} addr add {address} dev {a}", a=_DEV, ns=_NS, address=_ADDRESS),
    _line("ip -n {ns} route add default via {gateway}", ns=_NS, gateway=_GATEWAY),
    _line("ip -n {ns} route add 10.{n}.0.0/16 dev {a} {how}", ns=_NS, a=_DEV, n=st.integers(1, 3),
          how=st.sampled_from(["", "proto kernel", "metric 7"])),
    _line("ip -n {ns} addr add {address} dev {a} {how}", a=_DEV, ns=_NS, address=_ADDRESS6,
          how=st.sampled_from(["", "", "nodad", "valid_lft 900 preferred_lft 800"])),
    _line("ip -n {ns} -6 route add default via {gateway} {how}", ns=_NS, gateway=st.sampled_from(["fd00::9", "fd05::1", "10.0.0.9"]),
          how=st.sampled_from(["", "dev v1", "metric 7", "proto ra"])),
    _line("ip -n {ns} route add fd0{n}::/64 {how}", ns=_NS, n=st.integers(0, 3),
          how=st.sampled_from(["dev v1", "dev lo", "dev v1 proto kernel", "via fd00::9", "via fd00::9 table 9", "nexthop via fd00::9 nexthop via fd00::8"])),
)  # fmt: skip
_START = """ip netns add red
ip netns add blue
ip link add v0 type veth peer name v1 netns red
ip link add br0 type bridge
ip -n red addr add 10.0.0.2/24 dev v1
ip -n red link set v1 up
ip link set v0 up"""


def _said(outcomes: list[Outcome]) -> list[tuple[int, bool, str]]:
    return [(each.line, each.ok, each.error.message if each.error else "") for each in outcomes]


def _told(outcomes: list[Outcome]) -> list[list[str]]:
    """The words for each command, and for all of them together (aligned, and each thing explained once)."""
    return [*(words(each.changes) for each in outcomes), words([one for each in outcomes for one in each.changes])]


def _one_by_one(lab: Lab, lines: list[str]) -> list[Outcome]:
    """In cells too small to be pipelined."""
    found: list[Outcome] = []
    for at in range(0, len(lines), series.FEW):
        for each in lab.run("\n".join(lines[at : at + series.FEW])).outcomes:
            each.line += at
            found.append(each)
    return found


def _state(lab: Lab) -> Any:
    # Names alone where the kernel's own time shows: IPv6 addresses and routes come a moment later.
    data = lab.snapshot("namespaces", "links", "addrs", "routes", "rules")
    return (
        [row.ns for row in data.namespaces],
        [(row.ns, row.ifindex, row.ifname, row.kind, row.flags & 1, row.mac, row.mtu, row.master, row.peer, row.alias)
         for row in data.links],
        [(row.ns, row.ifname, row.address, row.prefixlen) for row in data.addrs if not row.address.startswith("fe80")],
        sorted((row.ns, row.dst, row.gateway, row.dev, row.table) for row in data.routes
               if row.family == "inet" or row.protocol == "boot"),
        [(row.ns, row.priority, row.src, row.table) for row in data.rules],
        [(row.ns, row.name, row.value) for row in lab.run("sysctl net.ipv4.ip_forward").value.itertuples()],
    )  # fmt: skip


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lines=st.lists(st.one_of(_COMMANDS, _PLAIN, _PLAIN, _PLAIN), min_size=series.FEW + 1, max_size=90))
def test_a_pipelined_cell_is_the_cell_line_by_line(lines: list[str]) -> None:
    lines = [*_START.splitlines(), *lines, "ip lnk"]
    with Lab() as one, Lab() as telling, Lab() as quiet:
        expected = _one_by_one(one, lines)
        told = telling.run("\n".join(lines)).outcomes
        assert _said(told) == _said(expected)
        assert _told(told) == _told(expected)
        assert telling.script() == one.script()
        assert _said(quiet.run("\n".join(lines), changes=False).outcomes) == _said(expected)
        assert _state(telling) == _state(one) == _state(quiet)


def test_each_step_of_a_pipelined_cell_can_be_looked_back_at() -> None:
    lines = [*_START.splitlines(), "ip link set v0 master br0", "ip link set br0 up"]
    for number in range(8):
        lines += [
            f"ip netns add h{number}", f"ip link add p{number} type veth peer name eth0 netns h{number}",
            f"ip link set p{number} master br0 up", f"ip -n h{number} link set lo up",
            f"ip -n h{number} addr add 10.0.1.{number}/24 dev eth0", f"ip -n h{number} link set eth0 up",
            f"ip -n h{number} addr add fd00::1{number}/64 dev eth0", f"ip -n h{number} addr add fd00::2{number}/64 dev eth0",
            f"ip -n h{number} route add default via 10.0.1.99", f"ip -n h{number} -6 route add default via fd00::99",
        ]  # fmt: skip
    steps = (3, 7, 9, 12, 15, 18, 20, len(lines))
    with Lab() as one, Lab() as telling:
        seen = {}
        for step, line in enumerate(lines, 1):
            one.run(line).check()
            if step in steps:
                seen[step] = str(one.topology())
        telling.run("\n".join(lines)).check()
        for step in steps:
            assert str(telling.topology(step=step)) == seen[step], lines[step - 1]


def test_what_follows_on_another_link_is_told_too() -> None:
    """A bridge takes the MTU of a smaller port, an address goes with a link that goes down: such commands are done by themselves."""
    lines = [
        "ip link add br0 type bridge", "ip link add s0 mtu 1300 type veth peer name s1",
        "ip addr add 10.0.0.1/24 dev s0", "ip link set s0 up", "ip link set s1 up", "ip route add 10.1.0.0/16 via 10.0.0.2",
        *(f"ip netns add r{number}" for number in range(series.FEW)), "ip link set s0 master br0", "ip link set s0 down",
    ]  # fmt: skip
    with Lab() as lab:
        assert words([each for outcome in lab.run("\n".join(lines)).outcomes[-2:] for each in outcome.changes]) == [
            "~ link host/s0   plugged into br0",
            "~ link host/br0  mtu 1500 → 1300",
            "~ link host/s0   down, so host/s1 has no carrier",
            "- route host     10.1.0.0/16 via 10.0.0.2 dev s0",
        ]


def test_an_address_of_which_the_kernel_tells_in_its_own_time_is_told() -> None:
    """Of one with ``nodad`` it does from a work queue: of twenty-five, one had none of its changes told."""
    lines = [f"ip addr add fd00:{number}::1/64 dev lo nodad" for number in range(4 * series.FEW)]
    with Lab() as lab:
        assert [each.line for each in _one_by_one(lab, lines) if not each.changes] == []


def test_a_quiet_cell_of_many_lines_says_nothing_but_what_went_wrong() -> None:
    lines = [f"ip netns add r{number}" for number in range(60)]
    lines[30:30] = ["ip netns add r7", "ip -n r5 link set nothing up", "ip -n r5 link set lo up"]
    with Lab() as lab:
        result = lab.run("\n".join(lines), changes=False)
        assert [error.message for error in result.errors] == [
            'Cannot create namespace file "/var/run/netns/r7": File exists', 'Cannot find device "nothing"'
        ]  # fmt: skip
        assert [outcome.line for outcome in result.outcomes if outcome.failed] == [31, 32]
        assert "+" not in result.text
        assert lab["r5"].links.admin[0] == "UP"
        assert len(lab.names()) == 60
        # What a rebuilt lab needs is remembered all the same.
        script = lab.script().splitlines()
        assert len(script) == 61
        assert "ip -n r5 link set lo up" in script


@pytest.mark.parametrize("changes", [True, False])
def test_a_number_that_a_real_tool_took_meanwhile_is_no_refusal(changes: bool) -> None:
    lines = [f"ip link add v{number} type veth peer name w{number}" for number in range(60)]
    with Lab() as lab:
        lab.run("command ip link add taken index 12 type bridge").check()
        assert lab.run("\n".join(lines), changes=changes).ok
        assert len(lab["host"].links) == 122
