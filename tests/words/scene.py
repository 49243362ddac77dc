"""Run inside ``unshare -Urnm``: builds a lab with the real tools, then prints, for each case, their output and ours.

The rows come from the kernel over netlink (the lab's own monitor), so that what is compared is what a learner would get.
Output is one JSON object: case → [real, ours].
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from nsmagic.model import SysctlValue, make_row
from nsmagic.netlink import decode, dump
from nsmagic.netlink.monitor import Monitor
from nsmagic.snapshot import Snapshot
from nsmagic.words import addr, arp, brctl, bridge, ifconfig, link, neigh, netns, netroute, route, rule, sysctl
from nsmagic.words.parts import Around, dumps

SETUP = """
mount -n -t tmpfs none /run
ip netns add red
ip netns add blue
ip link set lo up
ip link add x0 type veth peer name y0
ip link set x0 alias "to the yard"
ip link property add dev x0 altname foo altname bar
ip link set x0 up
ip link set y0 up
ip link add v-net-0 type bridge
ip link add v-net-1 type bridge stp_state 1
ip link add p0 type veth peer name p1
ip link add veth-red type veth peer name veth-blue
ip link add veth-red-br type veth peer name eth0 netns red
ip link set veth-red netns red
ip link set veth-blue netns blue
ip link set p0 master v-net-0
ip link set veth-red-br master v-net-0
ip link set p0 up
ip link set p1 up
ip link set veth-red-br up
ip link set v-net-0 up
ip -n red link set veth-red up
ip -n red link set eth0 up
ip link add ifb0 type ifb
ip link set ifb0 promisc on
ip link add vx0 type vxlan id 42 dstport 4789 dev x0
ip link add mv0 link x0 type macvlan mode bridge
ip link set mv0 up
ip link set y0 group 5
ip link set y0 arp off
[ ! -w /dev/net/tun ] || ip tuntap add tun0 mode tun  # some machines give it to root alone
ip addr add 192.168.15.1/24 brd + dev x0
ip addr add 192.168.15.3/24 dev x0
ip addr add 10.1.1.1 peer 10.1.1.2/32 dev y0
ip addr add 10.9.9.1/24 dev y0 label y0:1
ip addr add 10.8.0.1/24 dev y0 noprefixroute scope link
ip addr add 192.168.16.5/24 dev v-net-0
ip addr add 2001:db8::1/64 dev x0 nodad
ip -n red addr add 192.168.16.1/24 dev eth0
ip -n red route add default via 192.168.16.5
ip -n red link set lo up
ip route add default via 192.168.15.9
ip route add 10.0.0.0/8 via 192.168.15.9 metric 50 mtu 1400
ip route add blackhole 172.16.0.0/12
ip route add unreachable 10.81.0.0/16
ip route add prohibit 10.84.0.0/16
ip route add 10.77.0.0/16 nexthop via 192.168.15.7 weight 2 nexthop via 192.168.15.8 dev x0
ip route add 10.78.0.0/16 dev y0 src 10.9.9.1 proto static
ip route add 10.79.0.1 dev x0 scope link table 100
ip route add 10.80.0.0/16 via inet6 fe80::1 dev x0
ip route add 10.82.0.0/16 via 1.2.3.4 dev x0 onlink
ip route add 10.83.0.1 via 192.168.15.9 tos 0x10
ip -6 route add default via 2001:db8::9
ip -6 route add blackhole 2001:db8:1::/48
ip -6 route add 2001:db8:2::/48 nexthop via 2001:db8::7 nexthop via 2001:db8::8
ip neigh add 192.168.15.7 lladdr 02:00:00:00:00:07 dev x0
ip neigh add 192.168.15.8 lladdr 02:00:00:00:00:08 dev x0 nud reachable
ip neigh add 192.168.15.10 dev x0 nud incomplete
ip neigh add 192.168.15.11 lladdr 02:00:00:00:00:11 dev x0 nud noarp
ip neigh add 192.168.15.12 lladdr 02:00:00:00:00:12 dev p1 nud stale
ip neigh add proxy 192.168.15.99 dev x0
ip -6 neigh add 2001:db8::7 lladdr 02:00:00:00:00:07 dev x0 router
ip rule add from 10.0.0.0/8 lookup 100
ip rule add not to 10.1.0.0/16 fwmark 0x5/0xff iif x0 prio 50 blackhole
ip rule add goto 32766 prio 60
ip rule add from 10.0.0.1 suppress_prefixlength 0 lookup main prio 80
ip rule add tos 0x10 lookup 100 prio 81
ip rule add sport 5-6 dport 80 ipproto tcp lookup main prio 70
ip rule add oif y0 unreachable prio 71
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.3
bridge fdb add 02:00:00:00:00:77 dev p0 master static
bridge fdb add 02:00:00:00:00:78 dev p0 self
bridge fdb add 02:00:00:00:00:79 dev p0 master
"""


class Scene:
    """The rows, and what is around them."""

    def __init__(self) -> None:
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.monitor = Monitor(home)
        self.monitor.attach("host", home)
        for name in ("red", "blue"):
            self.monitor.attach(name, os.open(f"/run/netns/{name}", os.O_RDONLY))
        self.read()
        nsids = {}
        for name in ("host", "red", "blue"):
            for shown in json.loads(run(f"ip {'' if name == 'host' else '-n ' + name} -j link")):
                if "link_netnsid" in shown:
                    (row,) = (row for row in self.snapshot.links if (row.ns, row.ifname) == (name, shown["ifname"]))
                    nsids[name, row.peer_ns] = shown["link_netnsid"]
        for shown in json.loads(run("ip -j netns list-id")):
            nsids["host", shown["name"]] = shown["nsid"]
        self.nsids = nsids
        self.around = Around(self.snapshot, nsids)
        self.stats = {
            row.ifname: {name: value for name, value in row._asdict().items() if "_" in name}
            for row in dump.link_stats(self.monitor.socket("host"))
        }

    def read(self) -> None:
        self.monitor.drain()
        self.snapshot = Snapshot.from_data(self.monitor.snapshot(Snapshot.names))

    def of(self, table: str, ns: str = "host", **wanted: Any) -> list[Any]:
        return [
            row
            for row in getattr(self.snapshot, table)
            if row.ns == ns and all(getattr(row, name) == value for name, value in wanted.items())
        ]

    def routes(self, family: str = "inet", table: int | None = 254, **wanted: Any) -> list[Any]:
        rows = self.of("routes", family=family, **wanted)
        return [row for row in rows if table in (None, row.table) and not row.flags & 0x200]

    def get(self, address: str, ns: str = "host") -> list[Any]:
        """What the kernel answers to ``ip route get``."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        packed = socket.inet_pton(family, address)
        lookup_table = 0x1000 if family == socket.AF_INET else 0
        body = decode.RTMSG.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, lookup_table)
        body += struct.pack("=HH", 4 + len(packed), 1) + packed
        _, answer = self.monitor.socket(ns).get(26, 1, body)
        raw = decode.route(answer, 0, len(answer))
        links = {row.ifindex: row.ifname for row in self.of("links", ns)}
        return [make_row("routes", [ns, *raw[:3], links.get(raw.oif, ""), *raw[4:]])]

    def neighbours(self, **wanted: Any) -> list[Any]:
        return [
            row for row in self.of("neighbours", **wanted) if row.state not in ("NOARP", "NONE") and not row.flags & 8
        ]


BR, ONE, JSON, DETAILS = {"brief": True}, {"oneline": True}, {"json": True}, {"details": True}

#: The command → what we make of the rows. A leading ``~`` compares the lines sorted: the kernel's order is that of a hash.
CASES: dict[str, Callable[[Scene], str]] = {
    "ip link": lambda s: link.text(s.of("links"), {}, s.around),
    "ip -s link": lambda s: link.text(s.of("links"), {"stats": True}, s.around, s.stats),
    "ip -s -j link": lambda s: dumps(link.json_rows(s.of("links"), {"stats": True}, s.around, s.stats)),
    "ip -o link": lambda s: link.text(s.of("links"), ONE, s.around),
    "ip -br link": lambda s: link.text(s.of("links"), BR, s.around),
    "ip -j link": lambda s: dumps(link.json_rows(s.of("links"), {}, s.around)),
    "ip -j -p link": lambda s: dumps(link.json_rows(s.of("links"), {}, s.around), pretty=True),
    "ip -j -br link": lambda s: dumps(link.json_rows(s.of("links"), BR, s.around)),
    "ip -n red link": lambda s: link.text(s.of("links", "red"), {}, s.around),
    "ip -n red -j link": lambda s: dumps(link.json_rows(s.of("links", "red"), {}, s.around)),
    "ip -n blue link": lambda s: link.text(s.of("links", "blue"), {}, s.around),
    "ip addr": lambda s: addr.text(s.of("links"), s.of("addrs"), {}, s.around),
    "ip -4 addr": lambda s: addr.text(s.of("links"), s.of("addrs"), {}, s.around, family="inet"),
    "ip -6 addr": lambda s: addr.text(s.of("links"), s.of("addrs"), {}, s.around, family="inet6"),
    "ip -o addr": lambda s: addr.text(s.of("links"), s.of("addrs"), ONE, s.around),
    "ip -4 -o addr": lambda s: addr.text(s.of("links"), s.of("addrs"), ONE, s.around, family="inet"),
    "ip -br addr": lambda s: addr.text(s.of("links"), s.of("addrs"), BR, s.around),
    "ip -4 -br addr": lambda s: addr.text(s.of("links"), s.of("addrs"), BR, s.around, family="inet"),
    "ip -j addr": lambda s: dumps(addr.json_rows(s.of("links"), s.of("addrs"), {}, s.around)),
    "ip -j -p addr": lambda s: dumps(addr.json_rows(s.of("links"), s.of("addrs"), {}, s.around), pretty=True),
    "ip -j -br addr": lambda s: dumps(addr.json_rows(s.of("links"), s.of("addrs"), BR, s.around)),
    "ip -j -6 addr": lambda s: dumps(addr.json_rows(s.of("links"), s.of("addrs"), {}, s.around, family="inet6")),
    "ip -6 addr show x0": lambda s: addr.text(s.of("links", ifname="x0"), s.of("addrs"), {}, s.around, family="inet6", listed=False),
    "ip addr show x0": lambda s: addr.text(s.of("links", ifname="x0"), s.of("addrs"), {}, s.around, listed=False),
    "ip -n red addr": lambda s: addr.text(s.of("links", "red"), s.of("addrs", "red"), {}, s.around),
    "ip -n blue -j addr": lambda s: dumps(addr.json_rows(s.of("links", "blue"), s.of("addrs", "blue"), {}, s.around)),
    "ip route": lambda s: route.text(s.routes()),
    "ip -d route": lambda s: route.text(s.routes(), DETAILS),
    "ip -o route": lambda s: route.text(s.routes(), ONE),
    "ip -j route": lambda s: dumps(route.json_rows(s.routes())),
    "ip -j -p route": lambda s: dumps(route.json_rows(s.routes()), pretty=True),
    "ip -j -d route": lambda s: dumps(route.json_rows(s.routes(), DETAILS)),
    "ip -6 route": lambda s: route.text(s.routes("inet6")),
    "ip -6 -d route": lambda s: route.text(s.routes("inet6"), DETAILS),
    "ip -6 -j route": lambda s: dumps(route.json_rows(s.routes("inet6"))),
    "ip -n red route get 10.5.5.5": lambda s: route.text(s.get("10.5.5.5", "red")),
    "ip -n red route get 192.168.16.1": lambda s: route.text(s.get("192.168.16.1", "red")),
    "ip -n red -j route get 10.5.5.5": lambda s: dumps(route.json_rows(s.get("10.5.5.5", "red"))),
    "ip -n red -j route get 192.168.16.1": lambda s: dumps(route.json_rows(s.get("192.168.16.1", "red"))),
    "ip route get 2001:db8::77": lambda s: route.text(s.get("2001:db8::77")),
    "ip -j route get 2001:db8:9::1": lambda s: dumps(route.json_rows(s.get("2001:db8:9::1"))),
    "ip route show table 100": lambda s: route.text(s.routes(table=100), {}, {"table": 100}),
    "ip route show table local": lambda s: route.text(s.routes(table=255), {}, {"table": 255}),
    "~ip -4 route show table all": lambda s: route.text(s.routes(table=None), {}, {"table": "all"}),
    "~ip -6 route show table all": lambda s: route.text(s.routes("inet6", table=None), {}, {"table": "all"}),
    "ip route show dev y0": lambda s: route.text(s.routes(dev="y0"), {}, {"dev": "y0"}),
    "ip -j route show dev y0": lambda s: dumps(route.json_rows(s.routes(dev="y0"), {}, {"dev": "y0"})),
    "ip route show proto static": lambda s: route.text(s.routes(protocol="static"), {}, {"protocol": 4}),
    "ip route show default": lambda s: route.text(s.routes(dst="default")),
    "ip route show type blackhole": lambda s: route.text(s.routes(type="blackhole")),
    "~ip neigh": lambda s: neigh.text(s.neighbours()),
    "~ip -4 neigh": lambda s: neigh.text(s.neighbours(family="inet")),
    "~ip -br neigh": lambda s: neigh.text(s.neighbours(), BR),
    "~ip neigh show dev x0": lambda s: neigh.text(s.neighbours(dev="x0"), {}, {"dev": "x0"}),
    "ip neigh show proxy": lambda s: neigh.text([row for row in s.of("neighbours") if row.flags & 8]),
    "ip -j neigh show proxy": lambda s: dumps(neigh.json_rows([row for row in s.of("neighbours") if row.flags & 8])),
    "~ip neigh show nud noarp": lambda s: neigh.text(s.of("neighbours", state="NOARP")),
    "ip -j neigh show dev p1": lambda s: dumps(neigh.json_rows(s.neighbours(dev="p1"), {}, {"dev": "p1"})),
    "ip -j neigh show 2001:db8::7": lambda s: dumps(neigh.json_rows(s.neighbours(address="2001:db8::7"))),
    "ip rule": lambda s: rule.text(s.of("rules", family="inet")),
    "ip -d rule": lambda s: rule.text(s.of("rules", family="inet"), DETAILS),
    "ip -6 rule": lambda s: rule.text(s.of("rules", family="inet6")),
    "ip -j rule": lambda s: dumps(rule.json_rows(s.of("rules", family="inet"))),
    "ip -j -d rule": lambda s: dumps(rule.json_rows(s.of("rules", family="inet"), DETAILS)),
    "~ip netns": lambda s: netns.text(list(s.snapshot.namespaces), s.nsids),
    "bridge link": lambda s: bridge.link_text(s.of("links"), {}, s.around),
    "bridge -d link": lambda s: bridge.link_text(s.of("links"), DETAILS, s.around),
    "bridge -j link": lambda s: dumps(bridge.link_json(s.of("links"), {}, s.around)),
    "bridge -j -d link": lambda s: dumps(bridge.link_json(s.of("links"), DETAILS, s.around)),
    "bridge fdb": lambda s: bridge.fdb_text(s.of("fdb")),
    "bridge -j fdb": lambda s: dumps(bridge.fdb_json(s.of("fdb"))),
    "bridge fdb show dev p0": lambda s: bridge.fdb_text(s.of("fdb", dev="p0"), {}, {"dev": "p0"}),
    "bridge vlan": lambda s: bridge.vlan_text([]),
    "~arp -n": lambda s: arp.text(s.of("neighbours")),
    "~arp -an": lambda s: arp.bsd_text(s.of("neighbours")),
    "~ip netns exec red arp -n": lambda s: arp.text(s.of("neighbours", "red")),
    "route -n": lambda s: netroute.text(s.routes(), numeric=True),
    "route": lambda s: netroute.text(s.routes()),
    "route -n -e": lambda s: netroute.text(s.routes(), numeric=True, extended=True),
    "ip netns exec blue route -n": lambda s: netroute.text([], numeric=True),
    "~ifconfig -a": lambda s: ifconfig.text(s.of("links"), s.of("addrs"), s.stats, all=True),
    "~ifconfig": lambda s: ifconfig.text(s.of("links"), s.of("addrs"), s.stats),
    "ifconfig y0:1": lambda s: ifconfig.text(s.of("links"), s.of("addrs"), s.stats, only="y0:1"),
    "ifconfig v-net-0": lambda s: ifconfig.text(s.of("links"), s.of("addrs"), s.stats, only="v-net-0"),
    "brctl show": lambda s: brctl.text(s.of("links")),
    "brctl show v-net-1": lambda s: brctl.text(s.of("links"), "v-net-1"),
    "sysctl net.ipv4.ip_forward": lambda s: sysctl.text([_ip_forward()]),
    "sysctl -n net.ipv4.ip_forward": lambda s: sysctl.text([_ip_forward()], {"values_only": True}),
}  # fmt: skip


def _ip_forward() -> SysctlValue:
    with open("/proc/sys/net/ipv4/ip_forward") as file:
        return SysctlValue("host", "net.ipv4.ip_forward", file.read().strip())


def run(command: str) -> str:
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=20, check=False)
    if done.returncode > 1 or done.stderr:  # route and arp end with 1 when their table is empty
        raise SystemExit(f"{command}: {done.returncode} {done.stderr}")
    return done.stdout


def settled() -> None:
    """Wait until no address is tentative and no operational state moves any more."""
    before = ""
    for _ in range(100):
        now = "".join(run(f"ip {ns} addr") for ns in ("", "-n red", "-n blue"))
        if now == before and "tentative" not in now:
            return
        before = now
        time.sleep(0.1)  # the states of netlink come and go without an event for "done"
    raise SystemExit("the links never settled")


def main() -> None:
    subprocess.run(["bash", "-ec", SETUP], check=True, timeout=60)
    settled()
    scene = Scene()
    answers = {}
    for case, ours in CASES.items():
        for _ in range(3):  # counters and neighbour states move; a real difference stays
            scene.read()
            scene.stats = {row.ifname: row._asdict() for row in dump.link_stats(scene.monitor.socket("host"))}
            real, mine = run(case.lstrip("~")), ours(scene)
            if real == mine:
                break
        answers[case] = [real, mine]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
