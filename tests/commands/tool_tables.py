"""What the other tools' grammars must make of a line: for each form the row of COMMANDS.md (0: beyond the first 150), the
line, and for each command the verb and its exact arguments.

``REFUSED`` are lines that the real tool refuses too (the tests ask it), with the words that both say; ``LEFT`` are lines that
nsmagic leaves to the real tool.
"""

from __future__ import annotations

from typing import Any

Form = tuple[int, str, list[tuple[str, dict[str, Any]]]]


#: The MAC of the tests.
MAC = "02:aa:00:00:00:01"


def one(row: int, line: str, verb: str, **args: Any) -> Form:
    return row, line, [(verb, args)]


BRIDGE: list[Form] = [
    one(30, "bridge vlan add vid 10 dev v0", "bridge.vlan.add", vid=10, dev="v0"),
    one(30, "bridge vlan add dev v0 vid 10 pvid untagged", "bridge.vlan.add", dev="v0", vid=10, pvid=True, untagged=True),
    one(30, "bridge vlan add vid 10-20 dev p0 master", "bridge.vlan.add", vid=10, vid_end=20, dev="p0", master=True),
    one(30, "bridge vlan a vid 10 dev br0 self", "bridge.vlan.add", vid=10, dev="br0", self=True),
    one(36, "bridge vlan del vid 1 dev p0", "bridge.vlan.del", vid=1, dev="p0"),
    one(36, "bridge vlan d dev p0 vid 1", "bridge.vlan.del", dev="p0", vid=1),
    one(47, "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.2", "bridge.fdb.append",
        mac="00:00:00:00:00:00", dev="vx0", dst="10.0.0.2", self=True, state="permanent"),
    one(47, "bridge fdb append to 00:00:00:00:00:00 dst 10.0.0.2 dev vx0 port 4790 vni 7 via v1", "bridge.fdb.append",
        mac="00:00:00:00:00:00", dev="vx0", dst="10.0.0.2", port=4790, vni=7, via="v1", self=True, state="permanent"),
    one(0, f"bridge fdb add {MAC} dev v0", "bridge.fdb.add", mac=MAC, dev="v0", self=True, state="permanent"),
    one(0, f"bridge fdb add {MAC} dev p0 master", "bridge.fdb.add", mac=MAC, dev="p0", master=True, state="permanent"),
    one(0, f"bridge fdb add {MAC} dev p0 m s", "bridge.fdb.add", mac=MAC, dev="p0", master=True, state="static"),
    one(0, f"bridge fdb add {MAC} dev p0 master temp", "bridge.fdb.add", mac=MAC, dev="p0", master=True, state="static"),
    one(0, f"bridge fdb add {MAC} dev p0 master dynamic", "bridge.fdb.add", mac=MAC, dev="p0", master=True, state="dynamic"),
    one(0, f"bridge fdb add {MAC} dev v0 local", "bridge.fdb.add", mac=MAC, dev="v0", self=True, state="permanent"),
    one(0, f"bridge fdb add {MAC} dev p0 self master", "bridge.fdb.add",
        mac=MAC, dev="p0", self=True, master=True, state="permanent"),
    one(0, f"bridge fdb replace {MAC} dev p0 master extern_learn", "bridge.fdb.replace",
        mac=MAC, dev="p0", master=True, extern_learn=True, state="permanent"),
    one(0, "bridge fdb del 02:aa:00:00:00:02 dev p0 master", "bridge.fdb.del", mac="02:aa:00:00:00:02", dev="p0", master=True, state="permanent"),
    one(57, "bridge link", "bridge.link.show"),
    one(60, "bridge vlan show", "bridge.vlan.show"),
    one(60, "bridge vlan", "bridge.vlan.show"),
    one(60, "bridge vlan s dev v0 vid 10", "bridge.vlan.show", dev="v0", vid=10),
    one(90, "bridge fdb", "bridge.fdb.show"),
    one(107, "bridge link show", "bridge.link.show"),
    one(107, "bridge link show dev v0", "bridge.link.show", dev="v0"),
    one(107, "bridge l sh", "bridge.link.show"),
    one(124, "bridge fdb show", "bridge.fdb.show"),
    one(124, "bridge fdb show br br0", "bridge.fdb.show", br="br0"),
    one(124, "bridge fdb show brport v0 state perm", "bridge.fdb.show", brport="v0", state="permanent"),
    one(124, "bridge fdb show dev v0 vlan 5 dynamic", "bridge.fdb.show", dev="v0", vlan=5, dynamic=True),
    one(124, "bridge fdb ls v0", "bridge.fdb.show"),
    one(0, "bridge link set dev p0 cost 7 state forwarding hairpin on", "bridge.link.set",
        dev="p0", data={"cost": 7, "state": 3, "hairpin": True}),
    one(0, "bridge link set dev p0 priority 5 learning off isolated on state 4", "bridge.link.set",
        dev="p0", data={"priority": 5, "learning": False, "isolated": True, "state": 4}),
    one(0, "bridge link change dev p0 guard off master", "bridge.link.set", dev="p0", data={"guard": False}, master=True),
    one(0, "bridge link set dev p0 cost 0 nobackup_port", "bridge.link.set", dev="p0", data={"backup_port": ""}),
]  # fmt: skip

BRCTL: list[Form] = [
    one(20, "brctl addif br0 v0", "link.set", dev="v0", master="br0", must_be_free=True),
    (20, "brctl addif br0 v0 v1", [
        ("link.set", {"dev": "v0", "master": "br0", "must_be_free": True}),
        ("link.set", {"dev": "v1", "master": "br0", "must_be_free": True}),
    ]),
    one(37, "brctl show", "bridge.show"),
    one(37, "brctl show br0", "bridge.show", br="br0"),
    (37, "brctl show br0 br0", [("bridge.show", {"br": "br0"}), ("bridge.show", {"br": "br0"})]),
    one(45, "brctl addbr br1", "link.add", ifname="br1", kind="bridge"),
    one(48, "brctl showstp br0", "bridge.showstp", br="br0"),
    one(58, "brctl showmacs br0", "bridge.showmacs", br="br0"),
    one(96, "brctl delif br0 p0", "link.set", dev="p0", master="", must_have_master="br0"),
    one(103, "brctl setageing br0 300", "link.set", dev="br0", kind="bridge", data={"ageing_time": 30000}),
    one(103, "brctl setageing br0 0.5", "link.set", dev="br0", kind="bridge", data={"ageing_time": 50}),
    one(103, "brctl setageing br0 1.999999", "link.set", dev="br0", kind="bridge", data={"ageing_time": 199}),
    one(104, "brctl stp br0 on", "link.set", dev="br0", kind="bridge", data={"stp_state": 1}),
    one(104, "brctl stp br0 no", "link.set", dev="br0", kind="bridge", data={"stp_state": 0}),
    one(147, "brctl hairpin br0 p0 on", "link.set", dev="p0", port_kind="bridge", data={"hairpin": True}),
    one(0, "brctl delbr br0", "link.del", dev="br0", kind="bridge", must_be_down=True),
    one(0, "brctl setbridgeprio br0 0x100", "link.set", dev="br0", kind="bridge", data={"priority": 256}),
    one(0, "brctl setfd br0 2", "link.set", dev="br0", kind="bridge", data={"forward_delay": 200}),
    one(0, "brctl sethello br0 1", "link.set", dev="br0", kind="bridge", data={"hello_time": 100}),
    one(0, "brctl setmaxage br0 6", "link.set", dev="br0", kind="bridge", data={"max_age": 600}),
    one(0, "brctl setpathcost br0 p0 4", "link.set", dev="p0", port_kind="bridge", data={"cost": 4}),
    one(0, "brctl setportprio br0 p0 8", "link.set", dev="p0", port_kind="bridge", data={"priority": 8}),
]  # fmt: skip

_H = {"address": "10.0.0.9", "family": "inet"}
ARP: list[Form] = [
    one(29, "arp", "neigh.show", family="inet"),
    one(29, "arp -n", "neigh.show", family="inet"),
    one(29, "arp -a", "neigh.show", family="inet"),
    one(29, "arp -an", "neigh.show", family="inet"),
    one(29, "arp -e -v", "neigh.show", family="inet"),
    one(29, "arp --numeric", "neigh.show", family="inet"),
    one(29, "arp -n 10.0.0.9", "neigh.show", family="inet", address="10.0.0.9/32"),
    one(29, "arp -i v0 -n", "neigh.show", family="inet", dev="v0"),
    one(29, "arp -A inet -n", "neigh.show", family="inet"),
    one(0, f"arp -s 10.0.0.9 {MAC}", "neigh.replace", **_H, mac=MAC, state="permanent"),
    one(0, "arp -s 10.0.0.9 2:aa:0:0:0:1 temp", "neigh.replace", **_H, mac=MAC, state="stale"),
    one(0, f"arp -i v0 -s 10.0.0.9 {MAC}", "neigh.replace", **_H, dev="v0", mac=MAC, state="permanent"),
    one(0, f"arp -s 10.0.0.9 {MAC} dev v0", "neigh.replace", **_H, dev="v0", mac=MAC, state="permanent"),
    one(0, f"arp -i v0 -s 10.0.0.9 {MAC} pub", "neigh.replace", **_H, dev="v0", state="permanent", proxy=True),
    one(0, "arp -Ds 10.0.0.9 v0 pub", "neigh.replace", **_H, dev="v0", state="permanent", proxy=True),
    one(0, "arp -d 10.0.0.7", "neigh.del", address="10.0.0.7", family="inet"),
    one(0, "arp -d 10.0.0.7 -i v0", "neigh.del", address="10.0.0.7", family="inet", dev="v0"),
]  # fmt: skip

_R4 = {"family": "inet", "table": 254}
_A4 = {**_R4, "type": "unicast", "protocol": 3}
_D4 = {**_R4, "type": "unicast", "scope": 255}
_A6 = {"family": "inet6", "table": 254, "scope": 0, "type": "unicast", "protocol": 3}
NETROUTE: list[Form] = [
    one(33, "route -n", "route.show", **_R4),
    one(40, "route", "route.show", **_R4),
    one(40, "route -ee", "route.show", **_R4),
    one(40, "route -n -6", "route.show", family="inet6", table=254),
    one(40, "route -A inet6", "route.show", family="inet6", table=254),
    one(82, "route add default gw 10.0.0.2", "route.prepend",
        **_A4, dst="default", gateway="10.0.0.2", gateway_family="inet", scope=0),
    one(82, "route add default gw 10.0.0.2 v0", "route.prepend",
        **_A4, dst="default", gateway="10.0.0.2", gateway_family="inet", scope=0, dev="v0"),
    one(82, "route add -net 10.8.0.0 netmask 255.255.0.0 gw 10.0.0.2", "route.prepend",
        **_A4, dst="10.8.0.0/16", gateway="10.0.0.2", gateway_family="inet", scope=0),
    one(82, "route add -net 10.8.0.0/16 dev v0", "route.prepend", **_A4, dst="10.8.0.0/16", scope=253, dev="v0"),
    one(82, "route add -host 10.7.0.6 v0", "route.prepend", **_A4, dst="10.7.0.6/32", scope=253, dev="v0"),
    one(82, "route add 10.7.0.0 v0", "route.prepend", **_A4, dst="10.7.0.0/32", scope=253, dev="v0"),
    one(82, "route add 10.7.0.5/32 device v0", "route.prepend", **_A4, dst="10.7.0.5/32", scope=253, dev="v0"),
    one(0, "route add 10.1 v0", "route.prepend", **_A4, dst="10.0.0.1/32", scope=253, dev="v0"),
    one(0, "route add -net default gw 10.0.0.2 metric 5", "route.prepend",
        **_A4, dst="default", gateway="10.0.0.2", gateway_family="inet", scope=0, metric=5),
    one(0, "route add -net 10.4.0.0/16 metric 7 mss 1400 window 4096 irtt 300 v0", "route.prepend",
        **_A4, dst="10.4.0.0/16", scope=253, dev="v0", metric=7, metrics={"advmss": 1360, "window": 4096, "rtt": 2400}),
    one(0, "route add -net 10.3.0.0/16 reject", "route.prepend",
        **_R4, dst="10.3.0.0/16", type="unreachable", protocol=3, scope=254),
    one(0, "route del -net 10.9.0.0 netmask 255.255.0.0", "route.del", **_D4, dst="10.9.0.0/16"),
    one(0, "route del default gw 10.0.0.3", "route.del", **_D4, dst="default", gateway="10.0.0.3", gateway_family="inet"),
    one(0, "route delete 10.5.5.5", "route.del", **_D4, dst="10.5.5.5/32"),
    one(0, "route -6 add 2001:db8::/64 v0", "route.prepend", **_A6, dst="2001:db8::/64", dev="v0", metric=1),
    one(0, "route -A inet6 add 2001:db8:1::1 gw fe80::1 dev v0", "route.prepend",
        **_A6, dst="2001:db8:1::1/128", gateway="fe80::1", gateway_family="inet6", dev="v0", metric=1, onlink=True),
    one(0, "route --inet6 add default gw fe80::2 metric 77 v0", "route.prepend", **_A6, dst="default", gateway="fe80::2",
        gateway_family="inet6", dev="v0", metric=77),
    one(0, "route -6 del 2001:db8:3::/48", "route.del", family="inet6", table=254, scope=0, dst="2001:db8:3::/48", metric=1),
]  # fmt: skip


def _steps(*steps: tuple[str, dict[str, Any]], label: str = "v0") -> list[tuple[str, dict[str, Any]]]:
    dev = label.partition(":")[0]
    named = {"dev": dev, "label": label}
    return [(verb, {**(named if verb == "addr.primary" else {"dev": dev}), **args}) for verb, args in steps]


_UP = ("link.set", {"up": True})
IFCONFIG: list[Form] = [
    one(32, "ifconfig", "link.show", up=True),
    one(32, "ifconfig -a", "link.show"),
    one(32, "ifconfig -s", "link.show", up=True),
    one(32, "ifconfig v0", "link.show", dev="v0"),
    one(32, "ifconfig v0:0", "addr.show", dev="v0", label="v0:0"),
    (119, "ifconfig v0 up", _steps(_UP)),
    (119, "ifconfig v0 down", _steps(("link.set", {"up": False}))),
    (0, "ifconfig v0 10.0.0.1", _steps(("addr.primary", {"address": "10.0.0.1"}), _UP)),
    (0, "ifconfig v0 inet 10.0.0.1/24", _steps(("addr.primary", {"address": "10.0.0.1"}), _UP, ("addr.primary", {"prefixlen": 24}))),
    (0, "ifconfig v0 10.0.0.1 netmask 255.255.255.0 broadcast 10.0.0.99 up", _steps(
        ("addr.primary", {"address": "10.0.0.1"}), _UP, ("addr.primary", {"prefixlen": 24}),
        ("addr.primary", {"broadcast": "10.0.0.99"}), _UP)),
    (0, "ifconfig v0 10.0.0.1 netmask 0xffffff00", _steps(
        ("addr.primary", {"address": "10.0.0.1"}), _UP, ("addr.primary", {"prefixlen": 24}))),
    (0, "ifconfig v0 10.0.0.1/24 broadcast 10.0.0.99", _steps(
        ("addr.primary", {"address": "10.0.0.1"}), _UP, ("addr.primary", {"broadcast": "10.0.0.99"}),
        ("addr.primary", {"prefixlen": 24}))),
    (0, "ifconfig v0 10.0.0.1 netmask 255.255.255.255 pointopoint 10.0.0.2", _steps(
        ("addr.primary", {"address": "10.0.0.1"}), _UP, ("addr.primary", {"prefixlen": 32}),
        ("addr.primary", {"peer": "10.0.0.2"}))),
    (0, "ifconfig v0 0", _steps(("addr.primary", {"address": "0.0.0.0"}), _UP)),
    (0, "ifconfig v0 0.0.0.0 down", _steps(("addr.primary", {"address": "0.0.0.0"}), _UP, ("link.set", {"up": False}))),
    (0, "ifconfig v0:0 10.0.0.5 netmask 255.255.255.0 up", _steps(
        ("addr.primary", {"address": "10.0.0.5"}), ("addr.primary", {"prefixlen": 24}), label="v0:0")),
    (0, "ifconfig v0:0 down", _steps(("addr.primary", {"remove": True}), label="v0:0")),
    (0, "ifconfig v0 mtu 1400 txqueuelen 50 promisc", _steps(
        ("link.set", {"mtu": 1400}), ("link.set", {"txqlen": 50}), ("link.set", {"promisc": True}))),
    (0, "ifconfig v0 -arp -allmulti multicast", _steps(
        ("link.set", {"arp": False}), ("link.set", {"allmulticast": False}), ("link.set", {"multicast": True}))),
    (0, "ifconfig v0 hw ether 02:00:00:00:00:09", _steps(("link.set", {"mac": "02:00:00:00:00:09"}))),
    (0, "ifconfig v0 name w0", _steps(("link.set", {"name": "w0"}))),
    (0, "ifconfig v0 inet6 add fd00::1/64", _steps(
        ("addr.add", {"address": "fd00::1", "prefixlen": 64, "family": "inet6", "scope": 0}))),
    (0, "ifconfig v0 add fd00::2", _steps(
        ("addr.add", {"address": "fd00::2", "prefixlen": 128, "family": "inet6", "scope": 0}))),
    (0, "ifconfig v0 del fd00::7/64", _steps(("addr.del", {"address": "fd00::7", "prefixlen": 64, "family": "inet6"}))),
]  # fmt: skip

_F = "net.ipv4.ip_forward"
SYSCTL: list[Form] = [
    one(14, f"sysctl -w {_F}=1", "sysctl.write", assignments=[[_F, "1"]]),
    one(14, "sysctl -w net/ipv4/ip_forward=1", "sysctl.write", assignments=[[_F, "1"]]),
    one(14, f"sysctl {_F}=1", "sysctl.write", assignments=[[_F, "1"]]),
    one(14, f"sysctl -qw {_F}=1 net.ipv4.conf.all.rp_filter=2", "sysctl.write",
        assignments=[[_F, "1"], ["net.ipv4.conf.all.rp_filter", "2"]], quiet=True),
    one(39, f"sysctl {_F}", "sysctl.read", names=[_F]),
    one(39, f"sysctl -n {_F}", "sysctl.read", names=[_F], values_only=True),
    one(39, f"sysctl -n -N {_F}", "sysctl.read", names=[_F], names_only=True),
    one(39, "sysctl -a", "sysctl.read", all=True),
    one(39, "sysctl -ar ip_forward", "sysctl.read", pattern="ip_forward"),
    one(39, "sysctl --all --pattern=ip_forward", "sysctl.read", pattern="ip_forward"),
    one(39, "sysctl -e foo.bar", "sysctl.read", names=["foo.bar"], ignore=True),
    one(39, "sysctl net/ipv4/conf/v0.5/forwarding", "sysctl.read", names=["net.ipv4.conf.v0/5.forwarding"]),
    one(39, "sysctl net.ipv4.conf.v0/5.forwarding", "sysctl.read", names=["net.ipv4.conf.v0/5.forwarding"]),
    (39, f"sysctl {_F} net.ipv4.ip_default_ttl=65", [
        ("sysctl.read", {"names": [_F]}), ("sysctl.write", {"assignments": [["net.ipv4.ip_default_ttl", "65"]]})]),
    one(108, "sysctl -p", "sysctl.load", files=["/etc/sysctl.conf"]),
    one(108, "sysctl -p /dev/null", "sysctl.load", files=["/dev/null"]),
    one(108, "sysctl -p/dev/null", "sysctl.load", files=["/dev/null"]),
    one(108, "sysctl --load=/dev/null", "sysctl.load", files=["/dev/null"]),
    one(108, "sysctl -f /dev/null", "sysctl.load", files=["/dev/null"]),
]  # fmt: skip

_P = {"address": "127.0.0.1"}
PING: list[Form] = [
    one(6, "ping -c 1 127.0.0.1", "ping", **_P, count=1),
    one(6, "ping -c1 127.0.0.1", "ping", **_P, count=1),
    one(6, "ping 127.0.0.1 -c 1 -q", "ping", **_P, count=1, quiet=True),
    one(6, "ping -qnc1 127.0.0.1", "ping", **_P, count=1, quiet=True, numeric=True),
    one(6, "ping -c 1 -W 2 -i .2 127.0.0.1", "ping", **_P, count=1, wait=2.0, interval=0.2),
    one(6, "ping -w1 -s 100 -t 5 127.0.0.1", "ping", **_P, deadline=1, size=100, ttl=5),
    one(46, "ping -I lo -c 1 127.0.0.1", "ping", **_P, count=1, dev="lo"),
    one(46, "ping -I 127.0.0.1 -c 1 127.0.0.1", "ping", **_P, count=1, source="127.0.0.1"),
    one(46, "ping6 -I ::1%lo -c 1 ::1", "ping", address="::1", count=1, source="::1", dev="lo", family="inet6"),
    one(102, "ping -R -c 1 127.0.0.1", "ping", **_P, count=1, record_route=True),
    one(0, "ping -4 -c 1 127.0.0.1", "ping", **_P, count=1, family="inet"),
    one(0, "ping -6 -c 1 ::1", "ping", address="::1", count=1, family="inet6"),
    one(0, "ping -Q 0x10 -p ff -c 1 127.0.0.1", "ping", **_P, count=1, tos=16, pattern="ff"),
    one(0, "ping -M do -l 3 -c 3 127.0.0.1", "ping", **_P, count=3, pmtudisc="do", preload=3),
    one(0, "ping -m 5 -DOaUvBLr -c1 127.0.0.1", "ping", **_P, count=1, mark=5, timestamps=True, outstanding=True, audible=True,
        user_latency=True, verbose=True, strict_source=True, no_loop=True, dont_route=True),
    one(0, "ping -f -A -c 2 127.0.0.1", "ping", **_P, count=2, flood=True, adaptive=True),
    one(0, "ping -b -c1 -w1 127.0.0.1", "ping", **_P, count=1, deadline=1, broadcast=True),
    one(0, "ping -c 1 -- 127.0.0.1", "ping", **_P, count=1),
]  # fmt: skip
#: Forms that never end, so the real tool is not asked.
PING_ENDLESS: list[Form] = [
    one(9, "ping 192.168.15.2", "ping", address="192.168.15.2"),
    one(9, "ping red.example", "ping", address="red.example"),
    one(142, "ping -I veth-red 192.168.15.2", "ping", address="192.168.15.2", dev="veth-red"),
]

FORMS = {
    "bridge": BRIDGE, "brctl": BRCTL, "arp": ARP, "netroute": NETROUTE, "ifconfig": IFCONFIG, "sysctl": SYSCTL, "ping": PING,
}  # fmt: skip

#: Rows of COMMANDS.md up to 150 that belong to these tools.
ROWS = frozenset(
    {
        6,
        9,
        14,
        20,
        29,
        30,
        32,
        33,
        36,
        37,
        39,
        40,
        45,
        46,
        47,
        48,
        57,
        58,
        60,
        82,
        90,
        96,
        102,
        103,
        104,
        107,
        108,
        119,
        124,
        142,
        147,
    }
)

#: Lines that both refuse; the words are in what each of them says. ``None``: the words of the real tool differ.
REFUSED: dict[str, list[tuple[str, str | None]]] = {
    "bridge": [
        ("bridge frob", 'Object "frob" is unknown, try "bridge help".'),
        ("bridge -z link", 'Option "-z" is unknown, try "bridge help".'),
        ("bridge link frob", 'Command "frob" is unknown, try "bridge link help".'),
        ("bridge vlan frob", 'Command "frob" is unknown, try "bridge vlan help".'),
        ("bridge fdb frob", 'Command "frob" is unknown, try "bridge fdb help".'),
        ("bridge link s", "Device is a required argument."),
        ("bridge link set cost 5", "Device is a required argument."),
        ("bridge link set dev v0 cost", 'Command line is not complete. Try option "help"'),
        ("bridge link set v0 cost 5", None),
        ("bridge link set dev v0 foo 4", None),
        ("bridge link set dev v0 hairpin yes", None),
        ("bridge link set dev v0 state FOO", "Error: invalid STP port state"),
        ("bridge link set dev v0 hwmode x", 'Mode argument must be "vepa" or "veb".'),
        ("bridge vlan add vid 10", "Device and VLAN ID are required arguments."),
        ("bridge vlan add dev v0", "Device and VLAN ID are required arguments."),
        ("bridge vlan add vid 5000 dev v0", 'Invalid VLAN ID "5000"'),
        ("bridge vlan add vid 20-10 dev v0", 'Invalid VLAN range "20-10"'),
        ("bridge vlan add vid 10-20 dev v0 pvid", "pvid cannot be configured for a vlan range"),
        ("bridge vlan add vid x dev v0", None),
        ("bridge fdb add foo dev v0", "Invalid mac address foo"),
        (f"bridge fdb add {MAC}", "Device and address are required arguments."),
        ("bridge fdb add dev v0", "Device and address are required arguments."),
        (f"bridge fdb add {MAC} dev", 'Command line is not complete. Try option "help"'),
        (
            f"bridge fdb add {MAC} 02:aa:00:00:00:02 dev v0",
            'either "to" is duplicate, or "02:aa:00:00:00:02" is a garbage.',
        ),
        (f"bridge fdb add {MAC} dev v0 se", 'either "to" is duplicate, or "se" is a garbage.'),
        (f"bridge fdb add {MAC} dev vx0 dst foo", 'Error: any valid address is expected rather than "foo".'),
        (f"bridge fdb add {MAC} dev vx0 vni 99999999", 'Error: argument "99999999" is wrong: invalid VNI'),
        (f"bridge fdb add {MAC} dev vx0 port 99999", 'Error: argument "99999" is wrong: invalid port'),
        (
            f"bridge fdb add {MAC} dev vx0 dst 10.0.0.1 dst 10.0.0.2",
            'either "dst" is duplicate, or "10.0.0.2" is a garbage.',
        ),
        (f"bridge fdb add {MAC} dev v0 vlan 5 vlan 6", 'either "vlan" is duplicate, or "vlan" is a garbage.'),
        (f"bridge fdb add {MAC} dev vx0 nhid 5 dst 10.0.0.1", "dst, port, vni are mutually exclusive with nhid"),
        (f"bridge fdb add {MAC} dev vx0 nhid x", 'Error: argument "x" is wrong: "id" value is invalid'),
        ("bridge fdb show state foo", 'Error: argument "foo" is wrong: invalid state'),
        ("bridge fdb show dev", 'Command line is not complete. Try option "help"'),
    ],
    "brctl": [
        ("brctl frob", "never heard of command [frob]"),
        ("brctl addbr", "Incorrect number of arguments for command"),
        ("brctl addif br0", "Incorrect number of arguments for command"),
        ("brctl setageing br0", "Incorrect number of arguments for command"),
        ("brctl hairpin br0 p0", "Incorrect number of arguments for command"),
        ("brctl showstp", "Incorrect number of arguments for command"),
        ("brctl stp br0 foo", "expect on/off for argument"),
        ("brctl stp br0 ON", "expect on/off for argument"),
        ("brctl hairpin br0 p0 maybe", "expect on/off for argument"),
        ("brctl setageing br0 x", "bad ageing time value"),
        ("brctl setfd br0 x", "bad forward delay value"),
        ("brctl sethello br0 x", "bad hello timer value"),
        ("brctl setmaxage br0 x", "bad max age value"),
        ("brctl setbridgeprio br0 x", "bad priority"),
        ("brctl setpathcost br0 p0 x", "bad path cost value"),
        ("brctl setportprio br0 p0 x", "bad path priority value"),
    ],
    "arp": [
        ("arp -s", "arp: need host name"),
        ("arp -d", "arp: need host name"),
        ("arp -s 10.0.0.9", "arp: need hardware address"),
        ("arp -s foo 02:00:00:00:00:01", "foo: Host name lookup failure"),
        ("arp -d foo", "foo: Host name lookup failure"),
        ("arp -a foo", "foo: Host name lookup failure"),
        ("arp -s 10.0.0.9 zz", "arp: invalid hardware address"),
        ("arp -s 10.0.0.9 02-00-00-00-00-05", "arp: invalid hardware address"),
        ("arp -s 10.0.0.9 02:00:00:00:00:05 foo", None),
        ("arp -d 10.0.0.9 foo", None),
        ("arp -z", "arp: invalid option -- 'z'"),
        ("arp -i", "arp: option requires an argument -- 'i'"),
        ("arp --frob", "arp: unrecognized option '--frob'"),
        ("arp --ver", "arp: option '--ver' is ambiguous"),
        ("arp -A inet6", "arp: inet6: kernel only supports 'inet'."),
    ],
    "netroute": [
        ("route add", None),
        ("route add -net", None),
        ("route frob", None),
        ("route add foo v0", "foo: Host name lookup failure"),
        ("route add -net 10.9.0.0 gw 10.0.0.2", "SIOCADDRT: Invalid argument"),
        ("route add -net 10.5.5.5/32 v0", "SIOCADDRT: Invalid argument"),
        ("route add 10.8.0.0/16 gw 10.0.0.2", "route: netmask 0000ffff doesn't make sense with host route"),
        ("route del 10.8.0.0/16", "route: netmask 0000ffff doesn't make sense with host route"),
        ("route add -net 10.4.1.0/16 v0", "route: netmask doesn't match route address"),
        ("route add -net 10.57.0.0 netmask 255.0.255.0 v0", "route: bogus netmask 255.0.255.0"),
        ("route add -net 10.58.0.0/33 v0", "route: netmask doesn't match route address"),
        ("route add -net 10.59.0.0/x v0", None),
        ("route add 10.1.1.1 gw", None),
        ("route add 10.1.1.1 gw 10.0.0.2 v0 extra", None),
        ("route add 10.1.1.1 dev v0 v1", None),
        ("route add 10.1.1.1 metric x v0", None),
        ("route add -net 10.0.7.0/24 gw default", "route: default: cannot use a NETWORK as gateway!"),
        ("route add -net 10.0.7.0/24 gw 10.0.0.0/24", "10.0.0.0/24: Unknown host"),
        ("route add -net 10.0.7.0/24 mss 7 v0", "route: Invalid MSS/MTU."),
        ("route add -net 10.0.7.0/24 window 7 v0", "route: Invalid window."),
        ("route flush", "Flushing `inet' routing table not supported"),
        ("route -A foo", "Unknown address family `foo'."),
        ("route -z", "route: invalid option -- 'z'"),
        ("route -6 add -net fd00:ab::/64 dev v0", None),
        ("route -6 add 10.0.0.1 v0", None),
        ("route -6 add fd00::/64 dev", None),
        ("route -6 add default gw fe80::2 v0 metric 77", None),
    ],
    "ifconfig": [
        ("ifconfig -z", "ifconfig: option `-z' not recognised."),
        ("ifconfig v0 foo", "foo: Host name lookup failure"),
        ("ifconfig v0 mtu", None),
        ("ifconfig v0 mtu abc", "SIOCSIFMTU: Invalid argument"),
        ("ifconfig v0 hw ether xx", "xx: invalid ether address."),
        ("ifconfig v0 hw foo xx", None),
        ("ifconfig v0 10.0.0.1 netmask 255.0.255.0", "SIOCSIFNETMASK: Invalid argument"),
        ("ifconfig v0 10.0.0.1 netmask foo", None),
        ("ifconfig v0 10.0.0.1 broadcast +", "+: Unknown host"),
        ("ifconfig v0 add fd00::2/129", None),
        ("ifconfig v0 inet6 fd00::3/64", None),
        ("ifconfig v0 -up", None),
    ],
    "sysctl": [
        ("sysctl -w", "sysctl: no variables specified"),
        ("sysctl -r ip_forward", "sysctl: no variables specified"),
        (f"sysctl -w {_F}", "sysctl: command line(0): invalid syntax, continuing..."),
        (f"sysctl {_F} = 1", None),
        (f"sysctl -w {_F}= 1", f'sysctl: setting key "{_F}": Invalid argument'),
        ("sysctl ../x", None),
    ],
    "ping": [
        ("ping", "ping: usage error: Destination address required"),
        ("ping -c", "ping: option requires an argument -- 'c'"),
        ("ping -c 0 127.0.0.1", "ping: invalid argument: '0': out of range: 1 <= value <= 9223372036854775807"),
        ("ping -c x 127.0.0.1", "ping: invalid argument: 'x'"),
        ("ping -c 1x 127.0.0.1", "ping: invalid argument: '1x'"),
        ("ping -c 0x2 127.0.0.1", "ping: invalid argument: '0x2'"),
        ("ping -c -1 127.0.0.1", "ping: invalid argument: '-1': out of range: 1 <= value <= 9223372036854775807"),
        ("ping -c 99999999999999999999 127.0.0.1", "'99999999999999999999': Numerical result out of range"),
        ("ping -i 3000000 -c 1 127.0.0.1", "ping: bad timing interval: 3000000"),
        ("ping -i nan -c 1 127.0.0.1", "ping: bad timing interval: nan"),
        ("ping -W 3000000 -c 1 127.0.0.1", "ping: bad linger time: 3000000"),
        ("ping -W -1 -c 1 127.0.0.1", "ping: bad linger time: -1"),
        ("ping -w 1.5 127.0.0.1", "ping: invalid argument: '1.5'"),
        ("ping -w 2147483648 127.0.0.1", "'2147483648': out of range: 0 <= value <= 2147483647"),
        ("ping -s -1 127.0.0.1", "ping: invalid argument: '-1': out of range: 0 <= value <= 2147483647"),
        ("ping -t 256 127.0.0.1", "ping: invalid argument: '256': out of range: 0 <= value <= 255"),
        ("ping -M foo 127.0.0.1", "ping: invalid -M argument: foo"),
        ("ping -Q 256 127.0.0.1", "ping: the decimal value of TOS bits must be in range 0-255: 256"),
        ("ping -Q zz 127.0.0.1", "ping: bad TOS value: zz"),
        ("ping -p zz 127.0.0.1", "ping: patterns must be specified as hex digits: zz"),
        ("ping -l 0 127.0.0.1", "ping: invalid argument: '0': out of range: 1 <= value <= 65536"),
        ("ping -l 70000 127.0.0.1", "ping: invalid argument: '70000': out of range: 1 <= value <= 65536"),
        ("ping -m -1 127.0.0.1", "ping: invalid argument: '-1': out of range: 0 <= value <= 4294967295"),
        ("ping -4 -6 127.0.0.1", "ping: only one -4 or -6 option may be specified"),
        ("ping6 -4 ::1", "ping6: only one -4 or -6 option may be specified"),
        ("ping -I ::zz -c1 ::1", "ping: invalid source address: ::zz"),
        ("ping -z 127.0.0.1", "ping: invalid option -- 'z'"),
        ("ping --foo 127.0.0.1", "ping: invalid option -- '-'"),
    ],
}

#: Lines that are no mistake but left to the real tool.
LEFT: dict[str, list[str]] = {
    "bridge": ["bridge monitor", "bridge mdb", "bridge fdb help", "bridge -V", "bridge vlan tunnelshow", "bridge fdb flush dev v0",
               "bridge vlan set vid 10 dev v0 state 3", f"bridge fdb get {MAC} dev v0", "bridge link show help"],
    "brctl": [],
    "arp": ["arp -f", "arp -V", "arp -H ether -n", f"arp -s 10.0.0.9 {MAC} pub", "arp -Ds 10.0.0.9 v0"],
    "netroute": ["route -C", "route -V", "route add 10.20.0.2 gw 10.0.0.2 dyn"],
    "ifconfig": ["ifconfig -V", "ifconfig v0 add 10.0.0.9", "ifconfig v0 media auto", "ifconfig v0 -broadcast", "ifconfig v0 inet",
                 "ifconfig v0 pointopoint", "ifconfig v0:0 up", "ifconfig v0:0 mtu 1400"],
    "sysctl": ["sysctl --system", "sysctl -b net.ipv4.ip_forward", "sysctl -V", "sysctl -r ip_forw net.ipv4", "sysctl -p -"],
    "ping": ["ping -h", "ping -V", "ping -T tsonly 127.0.0.1", "ping -N help ::1", "ping -e 5 127.0.0.1", "ping 10.0.0.1 10.0.0.2"],
}  # fmt: skip
