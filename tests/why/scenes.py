"""The networks in which things are broken: each is whole, and each names the two that talk.

IPv6 works at once in them: no address waits for duplicate address detection.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """A whole network: the commands that make it; who asks (``src``) for what (``dst``); the kind of lab that it needs."""

    name: str
    commands: str
    src: str
    dst: str
    dst_ns: str
    sandbox: str | None = None


CABLE = Scene(
    "cable",
    """
    ip netns add red
    ip netns add blue
    ip link add veth-red netns red type veth peer name veth-blue netns blue
    ip -n red addr add 192.168.15.1/24 dev veth-red
    ip -n blue addr add 192.168.15.2/24 dev veth-blue
    ip -n red link set lo up
    ip -n blue link set lo up
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
    """,
    "red",
    "192.168.15.2",
    "blue",
)

CABLE6 = Scene(
    "cable6",
    """
    ip netns add red
    ip netns add blue
    ip netns exec red sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip netns exec blue sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip link add veth-red netns red type veth peer name veth-blue netns blue
    ip -n red link set lo up
    ip -n blue link set lo up
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
    ip -n red addr add fd00:15::1/64 dev veth-red nodad
    ip -n blue addr add fd00:15::2/64 dev veth-blue nodad
    """,
    "red",
    "fd00:15::2",
    "blue",
)

_SWITCH = """
    ip netns add red
    ip netns add blue
    ip netns add green
    ip link add v-net-0 type bridge
    ip link set v-net-0 up
    ip link add veth-red netns red type veth peer name veth-red-br
    ip link add veth-blue netns blue type veth peer name veth-blue-br
    ip link add veth-green netns green type veth peer name veth-green-br
    ip link set veth-red-br master v-net-0 up
    ip link set veth-blue-br master v-net-0 up
    ip link set veth-green-br master v-net-0 up
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
    ip -n green link set veth-green up
    ip -n red link set lo up
    ip -n blue link set lo up
    ip -n red addr add 192.168.15.1/24 dev veth-red
    ip -n blue addr add 192.168.15.2/24 dev veth-blue
    ip -n green addr add 192.168.15.3/24 dev veth-green
"""

SWITCH = Scene("switch", _SWITCH, "red", "192.168.15.2", "blue")

#: The note's own end: a switch, the host as its gateway, a machine on the other side of it.
GATEWAY = Scene(
    "gateway",
    _SWITCH
    + """
    ip addr add 192.168.15.5/24 dev v-net-0
    ip netns add lan
    ip link add eth0 type veth peer name eth0 netns lan
    ip addr add 192.168.1.2/24 dev eth0
    ip -n lan addr add 192.168.1.3/24 dev eth0
    ip link set eth0 up
    ip -n lan link set eth0 up
    ip -n lan link set lo up
    sysctl -q -w net.ipv4.ip_forward=1
    ip -n red route add default via 192.168.15.5
    ip -n blue route add default via 192.168.15.5
    ip -n lan route add 192.168.15.0/24 via 192.168.1.2
    """,
    "red",
    "192.168.1.3",
    "lan",
)

ROUTERS = Scene(
    "routers",
    """
    ip netns add red
    ip netns add r1
    ip netns add r2
    ip netns add blue
    ip link add eth0 netns red type veth peer name left netns r1
    ip link add right netns r1 type veth peer name left netns r2
    ip link add right netns r2 type veth peer name eth0 netns blue
    ip -n red addr add 10.1.0.2/24 dev eth0
    ip -n r1 addr add 10.1.0.1/24 dev left
    ip -n r1 addr add 10.9.0.1/30 dev right
    ip -n r2 addr add 10.9.0.2/30 dev left
    ip -n r2 addr add 10.2.0.1/24 dev right
    ip -n blue addr add 10.2.0.2/24 dev eth0
    ip -n red link set eth0 up
    ip -n red link set lo up
    ip -n r1 link set left up
    ip -n r1 link set right up
    ip -n r2 link set left up
    ip -n r2 link set right up
    ip -n blue link set eth0 up
    ip -n blue link set lo up
    ip -n red route add default via 10.1.0.1
    ip -n blue route add default via 10.2.0.1
    ip -n r1 route add 10.2.0.0/24 via 10.9.0.2
    ip -n r2 route add 10.1.0.0/24 via 10.9.0.1
    ip netns exec r1 sysctl -q -w net.ipv4.ip_forward=1
    ip netns exec r2 sysctl -q -w net.ipv4.ip_forward=1
    """,
    "red",
    "10.2.0.2",
    "blue",
)

ROUTERS6 = Scene(
    "routers6",
    """
    ip netns add red
    ip netns add r1
    ip netns add r2
    ip netns add blue
    ip netns exec red sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip netns exec r1 sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip netns exec r2 sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip netns exec blue sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip link add eth0 netns red type veth peer name left netns r1
    ip link add right netns r1 type veth peer name left netns r2
    ip link add right netns r2 type veth peer name eth0 netns blue
    ip -n red link set eth0 up
    ip -n r1 link set left up
    ip -n r1 link set right up
    ip -n r2 link set left up
    ip -n r2 link set right up
    ip -n blue link set eth0 up
    ip -n red link set lo up
    ip -n blue link set lo up
    ip -n red addr add fd00:1::2/64 dev eth0 nodad
    ip -n r1 addr add fd00:1::1/64 dev left nodad
    ip -n r1 addr add fd00:9::1/64 dev right nodad
    ip -n r2 addr add fd00:9::2/64 dev left nodad
    ip -n r2 addr add fd00:2::1/64 dev right nodad
    ip -n blue addr add fd00:2::2/64 dev eth0 nodad
    ip -n red route add default via fd00:1::1
    ip -n blue route add default via fd00:2::1
    ip -n r1 route add fd00:2::/64 via fd00:9::2
    ip -n r2 route add fd00:1::/64 via fd00:9::1
    ip netns exec r1 sysctl -q -w net.ipv6.conf.all.forwarding=1
    ip netns exec r2 sysctl -q -w net.ipv6.conf.all.forwarding=1
    """,
    "red",
    "fd00:2::2",
    "blue",
)

#: Two rooms on one vxlan, over an underlay of two machines and a router between them.
VXLAN = Scene(
    "vxlan",
    """
    ip netns add red
    ip netns add mid
    ip netns add blue
    ip link add eth0 netns red type veth peer name left netns mid
    ip link add right netns mid type veth peer name eth0 netns blue
    ip -n red addr add 172.16.1.2/24 dev eth0
    ip -n mid addr add 172.16.1.1/24 dev left
    ip -n mid addr add 172.16.2.1/24 dev right
    ip -n blue addr add 172.16.2.2/24 dev eth0
    ip -n red link set eth0 up
    ip -n mid link set left up
    ip -n mid link set right up
    ip -n blue link set eth0 up
    ip -n red route add 172.16.2.0/24 via 172.16.1.1
    ip -n blue route add 172.16.1.0/24 via 172.16.2.1
    ip netns exec mid sysctl -q -w net.ipv4.ip_forward=1
    ip -n red link add vx0 type vxlan id 42 local 172.16.1.2 remote 172.16.2.2 dstport 4789
    ip -n blue link add vx0 type vxlan id 42 local 172.16.2.2 remote 172.16.1.2 dstport 4789
    ip -n red addr add 10.42.0.1/24 dev vx0
    ip -n blue addr add 10.42.0.2/24 dev vx0
    ip -n red link set vx0 up
    ip -n blue link set vx0 up
    ip -n red link set lo up
    ip -n blue link set lo up
    """,
    "red",
    "10.42.0.2",
    "blue",
)

#: A private network behind the host, which puts its own address on what goes to the internet.
NAT = Scene(
    "nat",
    _SWITCH
    + """
    ip addr add 192.168.15.5/24 dev v-net-0
    ip netns add internet
    ip link add wan type veth peer name eth0 netns internet
    ip addr add 9.9.0.2/30 dev wan
    ip -n internet addr add 9.9.0.1/30 dev eth0
    ip -n internet addr add 8.8.8.8/32 dev lo
    ip link set wan up
    ip -n internet link set eth0 up
    ip -n internet link set lo up
    ip route add default via 9.9.0.1
    ip -n red route add default via 192.168.15.5
    sysctl -q -w net.ipv4.ip_forward=1
    iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -o wan -j MASQUERADE
    """,
    "red",
    "8.8.8.8",
    "internet",
)

#: The same with a cable, and a router of the internet's own in between.
NAT_ROUTERS = Scene(
    "nat-routers",
    ROUTERS.commands.replace("10.9.0.", "9.9.0.")
    .replace("10.2.0.", "9.2.0.")
    .replace("    ip -n r2 route add 10.1.0.0/24 via 9.9.0.1\n", "")
    + "    ip netns exec r1 iptables -t nat -A POSTROUTING -o right -j MASQUERADE\n",
    "red",
    "9.2.0.2",
    "blue",
)


def _room6(name: str) -> str:
    """A namespace whose IPv6 works at once."""
    return (
        f"    ip netns add {name}\n    ip -n {name} link set lo up\n"
        f"    ip netns exec {name} sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0\n"
    )


#: A switch in a room of its own, a gateway in another, and a machine on the gateway's other side; all in IPv6.
GATEWAY6 = Scene(
    "gateway6",
    "\n"
    + "".join(map(_room6, ("red", "blue", "green", "sw", "gw", "lan")))
    + """
    ip -n sw link add v-net-0 type bridge
    ip -n sw link set v-net-0 up
    ip link add veth-red netns red type veth peer name veth-red-br netns sw
    ip link add veth-blue netns blue type veth peer name veth-blue-br netns sw
    ip link add veth-green netns green type veth peer name veth-green-br netns sw
    ip link add in netns gw type veth peer name gw-br netns sw
    ip -n sw link set veth-red-br master v-net-0 up
    ip -n sw link set veth-blue-br master v-net-0 up
    ip -n sw link set veth-green-br master v-net-0 up
    ip -n sw link set gw-br master v-net-0 up
    ip link add out netns gw type veth peer name eth0 netns lan
    ip -n red link set veth-red up
    ip -n blue link set veth-blue up
    ip -n green link set veth-green up
    ip -n gw link set in up
    ip -n gw link set out up
    ip -n lan link set eth0 up
    ip -n red addr add fd00:15::1/64 dev veth-red nodad
    ip -n blue addr add fd00:15::2/64 dev veth-blue nodad
    ip -n green addr add fd00:15::3/64 dev veth-green nodad
    ip -n gw addr add fd00:15::5/64 dev in nodad
    ip -n gw addr add fd00:1::2/64 dev out nodad
    ip -n lan addr add fd00:1::3/64 dev eth0 nodad
    ip netns exec gw sysctl -q -w net.ipv6.conf.all.forwarding=1
    ip -n red route add default via fd00:15::5
    ip -n blue route add default via fd00:15::5
    ip -n lan route add fd00:15::/64 via fd00:1::2
    """,
    "red",
    "fd00:1::3",
    "lan",
)

#: A private IPv6 network, and a router that puts its own address on what goes to the internet.
NAT6 = Scene(
    "nat6",
    "\n"
    + "".join(map(_room6, ("red", "r1", "internet")))
    + """
    ip link add eth0 netns red type veth peer name left netns r1
    ip link add right netns r1 type veth peer name eth0 netns internet
    ip -n red link set eth0 up
    ip -n r1 link set left up
    ip -n r1 link set right up
    ip -n internet link set eth0 up
    ip -n red addr add fd00:15::2/64 dev eth0 nodad
    ip -n r1 addr add fd00:15::1/64 dev left nodad
    ip -n r1 addr add 2600:9::2/64 dev right nodad
    ip -n internet addr add 2600:9::1/64 dev eth0 nodad
    ip -n internet addr add 2600:8::8/128 dev lo
    ip -n red route add default via fd00:15::1
    ip -n r1 route add default via 2600:9::1
    ip netns exec r1 sysctl -q -w net.ipv6.conf.all.forwarding=1
    ip netns exec r1 ip6tables -t nat -A POSTROUTING -s fd00:15::/64 -o right -j MASQUERADE
    """,
    "red",
    "2600:8::8",
    "internet",
)

#: VLANs, which the kernel of many machines lacks (``CONFIG_VLAN_8021Q``) and that of the kind vm has: a cable on which both ends tag,
VLAN_CABLE = Scene(
    "vlan-cable",
    """
    ip netns add red
    ip netns add blue
    ip link add eth0 netns red type veth peer name eth0 netns blue
    ip -n red link set eth0 up
    ip -n blue link set eth0 up
    ip -n red link add link eth0 name eth0.7 type vlan id 7
    ip -n blue link add link eth0 name eth0.7 type vlan id 7
    ip -n red addr add 10.7.0.1/24 dev eth0.7
    ip -n blue addr add 10.7.0.2/24 dev eth0.7
    ip -n red link set eth0.7 up
    ip -n blue link set eth0.7 up
    """,
    "red",
    "10.7.0.2",
    "blue",
    "vm",
)

#: a switch that keeps two VLANs apart, with the host in both of them as their router,
VLAN_SWITCH = Scene(
    "vlan-switch",
    """
    ip netns add red
    ip netns add blue
    ip netns add green
    ip link add br0 type bridge vlan_filtering 1
    ip link set br0 up
    ip link add red-br type veth peer name eth0 netns red
    ip link add blue-br type veth peer name eth0 netns blue
    ip link add green-br type veth peer name eth0 netns green
    ip link set red-br master br0 up
    ip link set blue-br master br0 up
    ip link set green-br master br0 up
    bridge vlan del dev red-br vid 1
    bridge vlan del dev blue-br vid 1
    bridge vlan del dev green-br vid 1
    bridge vlan add dev red-br vid 7 pvid untagged
    bridge vlan add dev blue-br vid 7 pvid untagged
    bridge vlan add dev green-br vid 8 pvid untagged
    bridge vlan add dev br0 vid 7 self
    bridge vlan add dev br0 vid 8 self
    ip link add link br0 name br0.7 type vlan id 7
    ip link add link br0 name br0.8 type vlan id 8
    ip addr add 10.7.0.254/24 dev br0.7
    ip addr add 10.8.0.254/24 dev br0.8
    ip link set br0.7 up
    ip link set br0.8 up
    sysctl -q -w net.ipv4.ip_forward=1
    ip -n red link set eth0 up
    ip -n blue link set eth0 up
    ip -n green link set eth0 up
    ip -n red addr add 10.7.0.1/24 dev eth0
    ip -n blue addr add 10.7.0.2/24 dev eth0
    ip -n green addr add 10.8.0.3/24 dev eth0
    ip -n red route add default via 10.7.0.254
    ip -n green route add default via 10.8.0.254
    """,
    "red",
    "10.7.0.2",
    "blue",
    "vm",
)

#: and two switches with a cable between them that carries several.
VLAN_TRUNK = Scene(
    "vlan-trunk",
    """
    ip netns add red
    ip netns add blue
    ip netns add sw1
    ip netns add sw2
    ip -n sw1 link add br0 type bridge vlan_filtering 1
    ip -n sw2 link add br0 type bridge vlan_filtering 1
    ip -n sw1 link set br0 up
    ip -n sw2 link set br0 up
    ip link add eth0 netns red type veth peer name red-br netns sw1
    ip link add eth0 netns blue type veth peer name blue-br netns sw2
    ip link add trunk netns sw1 type veth peer name trunk netns sw2
    ip -n sw1 link set red-br master br0 up
    ip -n sw1 link set trunk master br0 up
    ip -n sw2 link set blue-br master br0 up
    ip -n sw2 link set trunk master br0 up
    bridge -n sw1 vlan add dev red-br vid 7 pvid untagged
    bridge -n sw2 vlan add dev blue-br vid 7 pvid untagged
    bridge -n sw1 vlan add dev trunk vid 7
    bridge -n sw2 vlan add dev trunk vid 7
    ip -n red link set eth0 up
    ip -n blue link set eth0 up
    ip -n red addr add fd00:7::1/64 dev eth0 nodad
    ip -n blue addr add fd00:7::2/64 dev eth0 nodad
    """,
    "red",
    "fd00:7::2",
    "blue",
    "vm",
)

SCENES = {
    scene.name: scene
    for scene in (
        CABLE,
        CABLE6,
        SWITCH,
        GATEWAY,
        ROUTERS,
        ROUTERS6,
        VXLAN,
        NAT,
        NAT_ROUTERS,
        GATEWAY6,
        NAT6,
        VLAN_CABLE,
        VLAN_SWITCH,
        VLAN_TRUNK,
    )
}
