"""``--text`` and ``-j`` where the tool is not installed: what is said is what the tool would have said. Here it is installed, to compare with,
and nsmagic is told that it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from nsmagic import Lab
from nsmagic.run import Runner

pytestmark = pytest.mark.sandbox

#: A bridge with spanning tree, a port that is up, one in hairpin mode, and addresses.
SCENE = """
ip link add br0 type bridge stp_state 1
ip link set br0 up
ip link add p0 type veth peer name q0
ip link add p1 type veth peer name q1
ip link set p0 master br0
ip link set p1 master br0
ip link set p0 up
ip link set q0 up
bridge link set dev p1 hairpin on
ip addr add 10.0.0.1/24 dev q0
ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev q0
"""
#: Timers of the spanning tree, counters and ages go on between two looks.
_MOVES = re.compile(r" *\d+\.\d\d\b|\s+\d+(?=\s)|listening|learning|forwarding")


@pytest.fixture(scope="module")
def bridged() -> Iterator[Lab]:
    with Lab() as lab:
        lab.run(SCENE).check()
        yield lab


@pytest.mark.parametrize(
    "command",
    [
        "brctl show", "brctl show br0", "brctl showmacs br0", "brctl showstp br0", "bridge vlan", "bridge -j vlan",
        "bridge -j -p vlan show dev p0", "ip -s link", "ip -s -o link show q0", "ip -br addr", "arp -n", "ip -4 route",
    ],
)  # fmt: skip
def test_the_same_words(command: str, bridged: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bridged.run(f"sh -c '{command}'").text
    monkeypatch.setattr(Runner, "_has_tool", lambda *_: False)
    result = bridged.run(command, show="text")
    ours = result.text
    assert result.ok
    if "stp" in command or "macs" in command or "-s" in command:
        assert [line.strip() for line in _MOVES.sub("", ours).splitlines()] == [
            line.strip() for line in _MOVES.sub("", real).splitlines()
        ]
    else:
        assert ours == real
    assert real.strip()


def test_what_the_options_ask_for_is_shown(bridged: Lab) -> None:
    """A table, too, has the counters of ``-s`` and the details of ``-d``."""
    counted = bridged.run("ip -s link show q0").value
    assert list(counted.columns)[:3] == ["ifname", "rx_bytes", "rx_packets"]
    assert counted.tx_packets[0] >= 0
    details = bridged.run("ip -d link show br0").value
    assert dict(zip(details.field, details.value, strict=True))["bridge stp_state"] == "1"
    ports = bridged.run("ip -d link show p1").value
    assert dict(zip(ports.field, ports.value, strict=True))["port hairpin"] == "on"


def test_a_bridge_says_what_its_ports_do(bridged: Lab) -> None:
    ports = bridged.run("bridge link").value
    assert list(ports.columns) == ["ifname", "master", "state", "priority", "cost"]
    assert list(ports.ifname) == ["p0", "p1"]
    assert ports.state[1] == "disabled"
    assert list(bridged.run("bridge -d link show dev p1").value.columns) == ["ifname", "field", "value"]
