"""``show`` lists what the real tools list: the same rows in the same order, and refuses in the same words."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from reading import World, ip, rows, sh

from nsmagic.commands.command import Command
from nsmagic.commands.parse import parse
from nsmagic.errors import KernelRefused
from nsmagic.netlink.show import show

pytestmark = pytest.mark.sandbox

#: Links of every kind that this kernel makes, addresses, routes in three tables, neighbours, rules, forwarding entries.
#: Without duplicate address detection nothing is tentative, so that two reads are of the same state.
STREET = """
set -e
for word in accept_dad dad_transmits; do echo 0 > /proc/sys/net/ipv6/conf/default/$word; done
ip link set lo up
ip link add br0 type bridge
ip link add br1 type bridge
ip link add v0 type veth peer name v1
ip link add v2 type veth peer name v3
ip link add v4 type veth peer name v5
ip link set v0 master br0; ip link set v2 master br0; ip link set v4 master br1
for d in br0 v0 v1 v2 v3; do ip link set $d up; done
ip link add vx type vxlan id 10 dev v1 remote 10.0.0.9 dstport 4789
ip link add mv link v1 type macvlan mode bridge
ip link set v5 group 7
ip link property add dev v5 altname other-name-of-v5
ip addr add 10.0.0.1/24 brd + dev v1
ip addr add 10.0.0.2/24 dev v1
ip addr add 10.0.1.1/32 dev v3
ip addr add 172.16.0.1 peer 172.16.0.2 dev v3
ip addr add 10.7.0.1/16 dev br0 label br0:1
ip addr add 10.8.0.1/16 dev br0 valid_lft 1000 preferred_lft 500
ip addr add 2001:db8::1/64 dev v1 nodad
ip addr add fe80::77/64 dev v3 nodad
ip addr add 10.9.0.1/24 dev v5 scope link
ip route add default via 10.0.0.254
ip route add 10.50.0.0/16 via 10.0.0.254 metric 20 proto static
ip route add 10.50.7.0/24 dev v3 src 10.0.1.1
ip route add 10.51.0.0/16 nexthop via 10.0.0.253 weight 2 nexthop via 10.0.0.252
ip route add blackhole 10.99.0.0/16
ip route add unreachable 10.98.0.0/16 metric 5
ip route add 10.60.0.0/16 via 10.0.0.254 table 100
ip route add 192.0.2.0/24 via 10.0.0.254 mtu 1400 table 1000
ip route add 2001:db8:5::/48 via 2001:db8::9
ip route add default via fe80::5 dev v1 metric 77
ip route add 2001:db8:6::/48 dev v3 table 100
ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v1
ip neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev v1 nud stale
ip neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev br0 nud noarp
ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:17 dev v1
ip neigh add proxy 10.0.0.99 dev v1
ip rule add from 10.0.0.0/24 table 100
ip rule add to 10.9.0.1 iif v1 fwmark 0x10/0xff table 1000 priority 50
ip rule add not from 10.3.0.0/16 oif v3 blackhole
ip rule add uidrange 0-0 ipproto tcp sport 80-90 dport 5000 table 7 prio 60
ip rule add goto 60 prio 55
ip -6 rule add from 2001:db8::/32 table 100
bridge fdb add 02:00:00:00:00:77 dev v0 master static
bridge fdb add 02:00:00:00:00:78 dev v2 master
bridge fdb add 02:00:00:00:00:79 dev vx dst 10.0.0.5
bridge link set dev v2 cost 55 learning off isolated on
sleep 0.2
"""


def words(line: str) -> Command:
    command = parse(tuple(line.split()))
    assert isinstance(command, Command), line
    return command


def shown(world: World, line: str) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    command = words(line)
    world.monitor.settle()
    answer = show(world.monitor, "host", command.verb, command.args)
    if "columns" in answer:
        return answer["table"], [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]], answer
    return answer["table"], rows(answer["table"], answer["rows"]), answer


@pytest.fixture
def street(in_sandbox: Callable[..., Any]) -> Callable[[Callable[[World], Any]], Any]:
    def run(body: Callable[[World], Any]) -> Any:
        def inside() -> Any:
            sh(STREET)
            return body(World())

        return in_sandbox(inside)

    return run


def link_facts(entry: dict[str, Any]) -> tuple[Any, ...]:
    if "ifindex" in entry and "flags" in entry and isinstance(entry["flags"], list):
        return (
            entry["ifindex"], entry["ifname"], entry.get("address", ""), entry["mtu"], entry["qdisc"],
            entry["operstate"], entry.get("master", ""), entry.get("txqlen", 0), tuple(entry.get("altnames", ())),
        )  # fmt: skip
    return (
        entry["ifindex"], entry["ifname"], entry["mac"], entry["mtu"], entry["qdisc"], entry["operstate"],
        entry["master"], entry["txqlen"], tuple(entry["altnames"]),
    )  # fmt: skip


LINKS = [
    "ip link", "ip link show v1", "ip link show dev other-name-of-v5", "ip link show up", "ip link show type veth",
    "ip link show type bridge", "ip link show type bridge_slave", "ip link show type ether", "ip link show master br0",
    "ip link show group 7", "ip link show nomaster", "ip link show v1 master br0", "ip link show type vxlan up",
    "ip link show up type veth master br0",
]  # fmt: skip


def test_links(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        for line in LINKS:
            ours = [link_facts(row) for row in shown(world, line)[1]]
            theirs = [link_facts(entry) for entry in ip(line)]
            if ours != theirs:
                wrong.append(f"{line}: {ours} != {theirs}")
        return wrong

    assert street(body) == []


def test_links_bring_their_addresses_along(street: Any) -> None:
    def body(world: World) -> Any:
        return [row[5] for row in shown(world, "ip link show v3")[2]["more"]["addrs"]]

    assert street(body)[:2] == [32, 32]


ADDRS = [
    "ip addr", "ip addr show v1", "ip -4 addr", "ip -6 addr", "ip addr show up", "ip addr show scope link",
    "ip addr show scope global", "ip addr show to 10.0.0.0/16", "ip addr show label br0:1", "ip addr show label v*",
    "ip addr show permanent", "ip addr show dynamic", "ip addr show primary", "ip addr show secondary",
    "ip -4 addr show dev v1 secondary", "ip addr show type veth", "ip -6 addr show scope link", "ip addr show master br0",
    "ip addr show tentative", "ip addr show dev v5 scope link",
]  # fmt: skip


def address_facts(entry: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (entry.get("ifname"), one["family"], one["local"], one["prefixlen"], one.get("broadcast", ""), one["scope"],
         one.get("label", ""), one.get("address", ""))
        for one in entry["addr_info"]
        if one
    ]  # fmt: skip


def test_addrs(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        for line in ADDRS:
            _, table, answer = shown(world, line)
            ours = [
                (row["ifname"], row["family"], row["address"], row["prefixlen"], row["broadcast"], row["scope"],
                 row["label"], row["peer"])
                for row in table
            ]  # fmt: skip
            entries = ip(line)
            theirs = [fact for entry in entries for fact in address_facts(entry)]
            our_links = [row[2] for row in answer["more"]["links"]]
            their_links = [entry.get("ifname") for entry in entries]
            if " label " in line:  # then the tool says nothing of links
                their_links = our_links
                theirs = [(mine[0], *fact[1:]) for mine, fact in zip(ours, theirs, strict=True)]
            if ours != theirs or our_links != their_links:
                wrong.append(f"{line}: {ours} != {theirs} or {our_links} != {their_links}")
        return wrong

    assert street(body) == []


ROUTES = [
    "ip route", "ip route show table all", "ip -6 route", "ip -6 route show table all", "ip route show table 100",
    "ip -6 route show table 100", "ip route show table local", "ip route show dev v1", "ip route show via 10.0.0.254",
    "ip route show default", "ip route show 10.50.0.0/16", "ip route show exact 10.50.0.0/16",
    "ip route show root 10.50.0.0/16", "ip route show match 10.50.7.9", "ip route show 10.50.7.9",
    "ip route show proto static", "ip route show proto kernel", "ip route show scope link", "ip route show type blackhole",
    "ip route show type unreachable", "ip route show metric 20", "ip route show src 10.0.1.1", "ip route show cache",
    "ip -4 route show table all", "ip route show 2001:db8:5::/48", "ip -6 route show default", "ip route show dev v3 proto boot",
    "ip route show root default", "ip route show match default", "ip -6 route show match 2001:db8:5::7",
]  # fmt: skip


def route_facts(entry: dict[str, Any], line: str) -> tuple[Any, ...]:
    """What iproute2 says of a route. It leaves out what the filter has said."""
    said = line.split()
    return (
        entry["dst"],
        entry.get("dev", said[said.index("dev") + 1] if "dev" in said else ""),
        entry.get("gateway", "") or (said[said.index("via") + 1] if "via" in said else ""),
        entry.get("metric", int(said[said.index("metric") + 1]) if "metric" in said else 0),
        [(hop.get("gateway"), hop["dev"], hop["weight"]) for hop in entry.get("nexthops", ())],
    )


def test_routes(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        for line in ROUTES:
            ours = [
                (row["dst"], row["dev"], row["gateway"], row["metric"],
                 [(hop["gateway"], hop["dev"], hop["weight"]) for hop in row["nexthops"]])
                for row in shown(world, line)[1]
            ]  # fmt: skip
            theirs = [route_facts(entry, line) for entry in ip(line)]
            if ours != theirs:
                wrong.append(f"{line}: {ours} != {theirs}")
        return wrong

    assert street(body) == []


def test_words_of_routes(street: Any) -> None:
    """Type, protocol, scope, table and preferred source of every route."""

    def body(world: World) -> Any:
        names = {254: "main", 255: "local", 253: "default"}
        ours = [
            (
                row["dst"],
                row["type"],
                row["protocol"],
                row["scope"],
                names.get(row["table"], str(row["table"])),
                row["prefsrc"],
            )
            for row in shown(world, "ip route show table all")[1]
        ]
        theirs = [
            (entry["dst"], entry.get("type", "unicast"), entry.get("protocol", "boot"), entry.get("scope", "global"),
             entry.get("table", "main"), entry.get("prefsrc", ""))
            for entry in ip("ip -d route show table all")
        ]  # fmt: skip
        return ours, theirs

    ours, theirs = street(body)
    assert ours == theirs


NEIGHBOURS = [
    "ip neigh", "ip neigh show dev v1", "ip -4 neigh", "ip -6 neigh", "ip neigh show nud all", "ip neigh show nud noarp",
    "ip neigh show nud permanent", "ip neigh show nud stale nud noarp", "ip neigh show 10.0.0.0/29", "ip neigh show proxy",
    "ip neigh show to 10.0.0.7", "ip neigh show unused", "ip neigh show nud reachable",
]  # fmt: skip


def test_neighbours(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        for line in NEIGHBOURS:
            ours = [(row["address"], row["dev"], row["mac"], row["state"]) for row in shown(world, line)[1]]
            said = line.split()
            dev = said[said.index("dev") + 1] if "dev" in said else ""
            theirs = [
                (entry["dst"], entry.get("dev", dev), entry.get("lladdr", ""), "".join(entry.get("state", ["NONE"])))
                for entry in ip(line)
            ]
            if sorted(ours) != sorted(theirs):  # the kernel lists them by hash, we by address
                wrong.append(f"{line}: {ours} != {theirs}")
        return wrong

    assert street(body) == []


RULES = [
    "ip rule", "ip -6 rule", "ip rule show table 100", "ip rule show priority 50", "ip rule show iif v1",
    "ip rule show fwmark 0x10", "ip rule show from 10.0.0.0/24", "ip rule show to 10.9.0.1", "ip rule show from 10.0.0.7",
    "ip rule show oif v3", "ip rule show ipproto tcp",
]  # fmt: skip


def test_rules(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        names = {254: "main", 255: "local", 253: "default"}
        for line in RULES:
            ours = [
                (row["priority"], row["src"], row["dst"], row["iif"], row["oif"], row["fwmark"], row["invert"],
                 row["action"], names.get(row["table"], str(row["table"])) if row["table"] else "",
                 row["extra"].get("uidrange", ""), row["extra"].get("goto", 0))
                for row in shown(world, line)[1]
            ]  # fmt: skip
            theirs = [rule_facts(entry) for entry in ip(line)]
            if ours != theirs:
                wrong.append(f"{line}: {ours} != {theirs}")
        return wrong

    assert street(body) == []


def rule_facts(entry: dict[str, Any]) -> tuple[Any, ...]:
    def prefix(key: str) -> str:
        return f"{entry[key]}/{entry[key + 'len']}" if key + "len" in entry else str(entry.get(key, "all"))

    mark = entry.get("fwmark", "")
    uids = f"{entry['uid_start']}-{entry['uid_end']}" if "uid_start" in entry else ""
    action = "goto" if "goto" in entry else entry.get("action", "lookup")
    return (
        entry["priority"], prefix("src"), prefix("dst"), entry.get("iif", ""), entry.get("oif", ""),
        f"{mark}/{entry['fwmask']}" if "fwmask" in entry else mark, "not" in entry, action, entry.get("table", ""),
        uids, int(entry.get("goto", 0)),
    )  # fmt: skip


FDB = [
    "bridge fdb", "bridge fdb show br br0", "bridge fdb show dev v0", "bridge fdb show brport v2", "bridge fdb show dynamic",
    "bridge fdb show state static", "bridge fdb show state permanent", "bridge fdb show dev vx", "bridge fdb show br br0 brport v0",
]  # fmt: skip


def test_fdb(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        for line in FDB:
            said = line.split()
            dev = next((said[said.index(word) + 1] for word in ("dev", "brport") if word in said), "")
            ours = [(row["mac"], row["dev"], row["master"], row["dst"], row["state"]) for row in shown(world, line)[1]]
            theirs = [
                (entry["mac"], entry.get("ifname", dev), entry.get("master", ""), entry.get("dst", ""), entry["state"])
                for entry in ip(line)
            ]
            if ours != theirs:
                wrong.append(f"{line}: {ours} != {theirs}")
        return wrong

    assert street(body) == []


def test_bridge_link(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        for line in ("bridge link", "bridge link show dev v0", "bridge link show dev v1"):
            ours = [
                (row["ifname"], row["master"], row["port"]["state"], row["port"]["cost"], row["port"]["isolated"])
                for row in shown(world, line)[1]
            ]
            theirs = [
                (entry["ifname"], entry["master"], entry["state"], entry["cost"], entry["isolated"])
                for entry in ip(line.replace("bridge", "bridge -d"))
            ]
            if ours != theirs:
                wrong.append(f"{line}: {ours} != {theirs}")
        # iproute2 6.1 passes over "master" in silence; later ones, and we, take it as a filter.
        ours = [row["ifname"] for row in shown(world, "bridge link show master br1")[1]]
        return wrong if ours == ["v4"] else [*wrong, f"ports of br1: {ours}"]

    assert street(body) == []


def test_brctl(street: Any) -> None:
    def body(world: World) -> list[str]:
        wrong = []
        bridges = [list(row.values()) for row in shown(world, "brctl show")[1]]
        theirs = [line.split() for line in sh("brctl show").splitlines()[1:]]
        if [bridge[:3] for bridge in bridges] != [line[:3] for line in theirs if len(line) > 1]:
            wrong.append(f"show: {bridges} != {theirs}")
        if bridges[0][3] != "v0, v2":
            wrong.append(f"ports: {bridges[0][3]}")
        macs = [
            (str(row["port no"]), row["mac addr"], row["is local?"]) for row in shown(world, "brctl showmacs br0")[1]
        ]
        real = [tuple(line.split()[:3]) for line in sh("brctl showmacs br0").splitlines()[1:]]
        if macs != real:
            wrong.append(f"showmacs: {macs} != {real}")
        fields = {(row["dev"], row["field"]): row["value"] for row in shown(world, "brctl showstp br0")[1]}
        text = sh("brctl showstp br0")
        for key in (
            ("br0", "bridge id"),
            ("br0", "forward delay"),
            ("v2", "path cost"),
            ("v0", "port id"),
            ("v0", "state"),
        ):
            if fields[key] not in text:
                wrong.append(f"showstp {key}: {fields[key]} is not in\n{text}")
        return wrong

    assert street(body) == []


def test_vlans_of_a_kernel_without_them_are_none(street: Any) -> None:
    def body(world: World) -> Any:
        return shown(world, "bridge vlan")[1], ip("bridge vlan")

    ours, theirs = street(body)
    assert len(ours) == len(theirs)


REFUSED = [
    "ip link show nope", "ip addr show nope", "ip link show master nope", "ip route show dev nope", "ip neigh show dev nope",
    "ip route show table 4711", "ip -6 route show table 4711", "bridge link show dev nope", "bridge fdb show br nope",
    "bridge fdb show dev nope", "bridge vlan show dev nope", "ip neigh show master nope", "ip neigh show vrf nope",
    "brctl show nope", "brctl show v0", "brctl showmacs nope", "brctl showmacs v0", "brctl showstp nope",
]  # fmt: skip


def test_refusals_are_worded_as_the_tools_word_them(street: Any) -> None:
    def body(world: World) -> list[tuple[str, str, str]]:
        wrong = []
        for line in REFUSED:
            done = subprocess.run(line.split(), capture_output=True, text=True, check=False, timeout=20)
            said = (done.stderr or done.stdout).strip().splitlines()[-2:]
            theirs = "\n".join(part for part in said if not part.startswith("bridge name")).strip()
            try:
                shown(world, line)
                ours = ""
            except KernelRefused as error:
                ours = error.message
            if ours != theirs or not ours:
                wrong.append((line, ours, theirs))
        return wrong

    assert street(body) == []


def test_an_unknown_verb_is_a_mistake_of_ours(street: Any) -> None:
    def body(world: World) -> str:
        try:
            show(world.monitor, "host", "link.add", {})
        except KeyError as error:
            return str(error)
        return ""

    assert street(body) == "'link.add'"
