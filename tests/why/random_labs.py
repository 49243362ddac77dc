"""Random networks that work: routers in a tree, each with switches and cables behind it, IPv4 or IPv6 or both, with what a network
may have without being broken: rules that accept, translation on the way out, strict source checks, switches behind switches.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st


@dataclass
class Plan:
    """The commands that build it, and the rooms with their addresses by family (4 or 6)."""

    commands: list[str] = field(default_factory=list)
    rooms: dict[str, dict[int, str]] = field(default_factory=dict)

    def add(self, *lines: str) -> None:
        self.commands += lines


class _Networks:
    """Networks that do not overlap, of the length asked for."""

    def __init__(self) -> None:
        self.number = 0

    def next(self, family: int, length: int) -> Any:
        self.number += 1
        if family == 4:
            return ipaddress.ip_network(f"10.{self.number}.0.0/{length}")
        return ipaddress.ip_network(f"fd00:{self.number:x}::/{length}")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A network of one to four routers and up to ten rooms."""
    plan, networks = Plan(), _Networks()
    families = draw(st.sampled_from([(4,), (6,), (4, 6)]))
    routers = draw(st.integers(1, 4))
    parents = [draw(st.integers(0, max(0, number - 1))) for number in range(routers)]
    for number in range(routers):
        _namespace(plan, f"r{number}")
        plan.add(f"ip netns exec r{number} sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    behind: dict[int, list[Any]] = {number: [] for number in range(routers)}
    hops: dict[tuple[int, int], dict[int, str]] = {}
    for number in range(1, routers):
        _uplink(draw, plan, networks, families, number, parents[number], behind, hops)
    for number in range(routers):
        for lan in range(draw(st.integers(1, 2))):
            _lan(draw, plan, networks, families, number, lan, behind)
    _routes(plan, parents, behind, hops)
    _harmless(draw, plan, routers)
    return plan


def _namespace(plan: Plan, name: str) -> None:
    plan.add(f"ip netns add {name}", f"ip -n {name} link set lo up")
    plan.add(f"ip netns exec {name} sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0")


def _uplink(
    draw: st.DrawFn, plan: Plan, networks: _Networks, families: tuple[int, ...], child: int, parent: int,
    behind: dict[int, list[Any]], hops: dict[tuple[int, int], dict[int, str]],
) -> None:  # fmt: skip
    up, down = f"up{child}", f"down{child}"
    plan.add(f"ip link add {up} netns r{child} type veth peer name {down} netns r{parent}")
    plan.add(f"ip -n r{child} link set {up} up", f"ip -n r{parent} link set {down} up")
    for family in families:
        net = networks.next(family, draw(st.sampled_from([24, 30, 31])) if family == 4 else 64)
        first = 0 if net.prefixlen == 31 else 1
        theirs, mine = str(net[first]), str(net[first + 1])
        plan.add(f"ip -n r{parent} addr add {theirs}/{net.prefixlen} dev {down}")
        plan.add(f"ip -n r{child} addr add {mine}/{net.prefixlen} dev {up}")
        plan.add(f"ip -n r{child} {'-6 ' if family == 6 else ''}route add default via {theirs}")
        behind[child].append((family, net))
        hops.setdefault((parent, child), {})[family] = mine


def _lan(
    draw: st.DrawFn,
    plan: Plan,
    networks: _Networks,
    families: tuple[int, ...],
    router: int,
    lan: int,
    behind: dict[int, list[Any]],
) -> None:
    name = f"{router}{lan}"
    rooms = draw(st.integers(1, 3))
    nets = {
        family: networks.next(family, draw(st.sampled_from([16, 24, 28])) if family == 4 else 64) for family in families
    }
    behind[router] += [(family, net) for family, net in nets.items()]
    port = f"lan{lan}"
    switched = rooms > 1 or draw(st.booleans())
    if switched:
        # The switch stands in the host, in a room of its own, or in the router itself.
        where = draw(st.sampled_from(["host", f"sw{name}", f"r{router}"]))
        if where.startswith("sw"):
            _namespace(plan, where)
        at = "" if where == "host" else f"-n {where} "
        plan.add(f"ip {at}link add br{name} type bridge", f"ip {at}link set br{name} up")
        own = where == f"r{router}"
        if own:
            port = f"br{name}"
        else:
            _plug(plan, at, where, name, f"r{router}", port)
    for room in range(rooms):
        host = f"h{name}{room}"
        _namespace(plan, host)
        if switched:
            _plug(plan, at, where, name, host, "eth0")
        else:
            plan.add(
                f"ip link add eth0 netns {host} type veth peer name {port} netns r{router}",
                f"ip -n {host} link set eth0 up",
            )
        plan.rooms[host] = {}
        for family, net in nets.items():
            address = str(net[room + 2])
            plan.add(f"ip -n {host} addr add {address}/{net.prefixlen} dev eth0")
            plan.rooms[host][family] = address
    plan.add(f"ip -n r{router} link set {port} up")
    for family, net in nets.items():
        plan.add(f"ip -n r{router} addr add {net[1]}/{net.prefixlen} dev {port}")
        for room in range(rooms):
            plan.add(f"ip -n h{name}{room} {'-6 ' if family == 6 else ''}route add default via {net[1]}")


def _plug(plan: Plan, at: str, where: str, switch: str, ns: str, dev: str) -> None:
    """A cable from a room into a switch."""
    port = f"p{ns}-{dev}"[:15]
    plan.add(
        f"ip link add {dev} netns {ns} type veth peer name {port}" + ("" if where == "host" else f" netns {where}")
    )
    plan.add(f"ip {at}link set {port} master br{switch} up", f"ip -n {ns} link set {dev} up")


def _routes(
    plan: Plan, parents: list[int], behind: dict[int, list[Any]], hops: dict[tuple[int, int], dict[int, str]]
) -> None:
    """Each router knows what is below it; the rest is upwards."""
    for number in reversed(range(1, len(parents))):
        parent = parents[number]
        for family, net in behind[number]:
            if net not in [each for _, each in behind[parent]]:
                via = hops[parent, number][family]
                if ipaddress.ip_address(via) not in net:
                    plan.add(f"ip -n r{parent} {'-6 ' if family == 6 else ''}route add {net} via {via}")
        behind[parent] += [
            each for each in behind[number] if ipaddress.ip_address(hops[parent, number][each[0]]) not in each[1]
        ]


def _harmless(draw: st.DrawFn, plan: Plan, routers: int) -> None:
    """What a network may have and work all the same."""
    router = f"r{draw(st.integers(0, routers - 1))}"
    extras = {
        "accepts": [
            f"ip netns exec {router} iptables -P FORWARD DROP",
            f"ip netns exec {router} iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            f"ip netns exec {router} iptables -A FORWARD -p icmp -j ACCEPT",
        ],
        "nft": [
            f"ip netns exec {router} nft 'add table inet t; add chain inet t c {{ type filter hook forward priority 10; }}; add rule inet t c counter'"
        ],
        "nat": [f"ip netns exec {router} iptables -t nat -A POSTROUTING -o up+ -j MASQUERADE"],
        "strict": [f"ip netns exec {router} sysctl -q -w net.ipv4.conf.all.rp_filter=1"],
        "null": [f"ip -n {router} route add blackhole 172.30.0.0/16"],
        "spare": [f"ip -n {router} link add spare type veth peer name spare2"],
        "rule": [f"ip -n {router} rule add from 172.29.0.0/16 prohibit"],
    }
    for name in draw(st.lists(st.sampled_from(sorted(extras)), unique=True, max_size=3)):
        plan.add(*extras[name])
