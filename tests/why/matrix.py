"""The fault matrix: in which network, what is broken, and what ``%why`` has to say of it: the cause and the place.

Each is mended with the verdict's own ``.fix`` in a copy of the network, verdict after verdict, and must then be reachable.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One fault. ``where`` is what ``Verdict.where`` begins with; ``port``: of a TCP (or with ``proto`` UDP) probe; ``serve``: who listens,
    ``NS ADDRESS PORT``, in the whole network as well as in the broken one, unless it stands in ``broken_serve``. ``soft``: the packet arrives,
    and there is a warning. ``size``: so many bytes of data are asked about."""

    scene: str
    cause: str
    where: str
    broken: str
    name: str = ""
    dst: str = ""
    port: int | None = None
    proto: str = "icmp"
    serve: str = ""
    broken_serve: str = ""
    soft: bool = False
    size: int | None = None

    @property
    def id(self) -> str:
        return f"{self.cause}{'-' + self.name if self.name else ''}@{self.scene}"


_HTTP = "blue 0.0.0.0 80"

CASES: tuple[Case, ...] = (
    # Interfaces and cables
    Case("cable", "link-down", "red/veth-red", "ip -n red link set veth-red down"),
    Case("routers", "link-down", "r1/right", "ip -n r1 link set right down"),
    Case("cable6", "link-down", "red/veth-red", "ip -n red link set veth-red down"),
    Case("gateway", "link-down", "red/veth-red", "ip -n red link set veth-red down"),
    Case("cable", "peer-down", "blue/veth-blue", "ip -n blue link set veth-blue down"),
    Case("switch", "peer-down", "blue/veth-blue", "ip -n blue link set veth-blue down"),
    Case("cable6", "peer-down", "blue/veth-blue", "ip -n blue link set veth-blue down"),
    Case("routers", "peer-down", "blue/eth0", "ip -n blue link set eth0 down"),
    Case("switch", "no-carrier", "red/empty", "ip -n red link del veth-red\nip -n red link add empty type bridge\nip -n red link set empty up\n"
         "ip -n red addr add 192.168.15.1/24 dev empty"),
    Case("cable", "no-carrier", "red/empty", "ip -n red link del veth-red\nip -n red link add empty type bridge\nip -n red link set empty up\n"
         "ip -n red addr add 192.168.15.1/24 dev empty"),
    Case("cable6", "no-carrier", "red/empty", "ip -n red link del veth-red\nip -n red link add empty type bridge\nip -n red link set empty up\n"
         "ip -n red addr add fd00:15::1/64 dev empty nodad"),
    Case("cable6", "not-plugged", "red", "ip -n red link del veth-red"),
    Case("cable", "not-plugged", "red", "ip -n red link del veth-red\nip link add veth-red type veth peer name veth-blue netns blue\n"
         "ip -n blue addr add 192.168.15.2/24 dev veth-blue\nip -n blue link set veth-blue up"),
    Case("switch", "not-plugged", "blue", "ip -n blue link del veth-blue", dst="blue"),
    Case("switch", "not-plugged", "red", "ip -n red link del veth-red", "own"),
    # Addresses
    Case("cable", "no-address", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red"),
    Case("switch", "no-address", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red"),
    Case("switch", "no-address", "blue/veth-blue", "ip -n blue addr del 192.168.15.2/24 dev veth-blue", "target", dst="blue"),
    Case("cable6", "no-address", "red/veth-red", "ip -n red addr del fd00:15::1/64 dev veth-red"),
    Case("gateway", "no-address", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red"),
    Case("cable", "prefix-length", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red\nip -n red addr add 192.168.15.1 dev veth-red"),
    Case("cable", "prefix-length", "blue/veth-blue", "ip -n blue addr del 192.168.15.2/24 dev veth-blue\nip -n blue addr add 192.168.15.2 dev veth-blue", "back"),
    Case("switch", "prefix-length", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red\nip -n red addr add 192.168.15.1/31 dev veth-red", "narrow"),
    Case("switch", "prefix-length", "blue/veth-blue", "ip -n blue addr del 192.168.15.2/24 dev veth-blue\nip -n blue addr add 192.168.15.2 dev veth-blue", "back"),
    Case("routers", "prefix-length", "red/eth0", "ip -n red addr del 10.1.0.2/24 dev eth0\nip -n red addr add 10.1.0.2/8 dev eth0\n"
         "ip -n red route replace default via 10.1.0.1", "wide"),
    Case("cable6", "prefix-length", "red/veth-red", "ip -n red addr del fd00:15::1/64 dev veth-red\nip -n red addr add fd00:15::1/128 dev veth-red nodad"),
    Case("cable", "wrong-subnet", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red\nip -n red addr add 192.168.16.1/24 dev veth-red"),
    Case("switch", "wrong-subnet", "red/veth-red", "ip -n red addr del 192.168.15.1/24 dev veth-red\nip -n red addr add 10.0.0.1/8 dev veth-red"),
    Case("cable6", "wrong-subnet", "red/veth-red", "ip -n red addr del fd00:15::1/64 dev veth-red\nip -n red addr add fd00:16::1/64 dev veth-red nodad"),
    Case("switch", "duplicate-address", "green/veth-green", "ip -n green addr add 192.168.15.2/24 dev veth-green", soft=True),
    Case("gateway", "duplicate-address", "green/veth-green", "ip -n green addr add 192.168.15.5/24 dev veth-green", soft=True),
    Case("cable", "address-not-local", "red/veth-red", "ip -n blue addr del 192.168.15.2/24 dev veth-blue"),
    Case("switch", "address-not-local", "red/veth-red", "ip -n blue addr del 192.168.15.2/24 dev veth-blue"),
    Case("routers", "address-not-local", "r2/right", "ip -n blue addr del 10.2.0.2/24 dev eth0\nip -n blue addr add 10.2.0.7/24 dev eth0"),
    Case("cable6", "address-not-local", "red/veth-red", "ip -n blue addr del fd00:15::2/64 dev veth-blue"),
    Case("gateway", "address-on-port", "host/veth-red-br", "ip addr del 192.168.15.5/24 dev v-net-0\nip addr add 192.168.15.5/24 dev veth-red-br"),
    Case("switch", "address-on-port", "blue/veth-blue", "ip -n blue link add br0 type bridge\nip -n blue link set br0 up\nip -n blue link set veth-blue master br0\n"
         "ip -n blue neigh flush all\nip -n red neigh flush all"),
    Case("cable6", "address-on-port", "blue/veth-blue", "ip -n blue link add br0 type bridge\nip -n blue link set br0 up\nip -n blue link set veth-blue master br0\n"
         "ip -n blue neigh flush all\nip -n red neigh flush all"),
    Case("routers", "address-on-port", "red/eth0", "ip -n red link add br0 type bridge\nip -n red link set br0 up\nip -n red link set eth0 master br0\n"
         "ip -n red neigh flush all"),
    Case("cable", "macvlan-isolated", "red/veth-red", "ip netns add far\nip -n blue link set veth-blue netns far\nip -n far link set veth-blue up\n"
         "ip -n red link add mv0 link veth-red type macvlan mode bridge\nip -n red link set mv0 netns blue\n"
         "ip -n blue addr add 192.168.15.2/24 dev mv0\nip -n blue link set mv0 up"),
    Case("cable6", "macvlan-isolated", "red/veth-red", "ip netns add far\nip -n blue link set veth-blue netns far\nip -n far link set veth-blue up\n"
         "ip -n red link add mv0 link veth-red type macvlan mode bridge\nip -n red link set mv0 netns blue\n"
         "ip -n blue addr add fd00:15::2/64 dev mv0 nodad\nip -n blue link set mv0 up"),
    Case("switch", "macvlan-isolated", "red/mv0", "ip -n red link del veth-red\nip -n blue link add mv0 link veth-blue type macvlan mode bridge\n"
         "ip -n blue link set mv0 netns red\nip -n red addr add 192.168.15.1/24 dev mv0\nip -n red link set mv0 up"),
    Case("switch", "macvlan-isolated", "red/mv0", "ip -n red link del veth-red\nip -n blue addr del 192.168.15.2/24 dev veth-blue\n"
         "ip -n blue link add mv0 link veth-blue type macvlan mode private\nip -n blue link add mv1 link veth-blue type macvlan mode private\n"
         "ip -n blue link set mv0 netns red\nip -n red addr add 192.168.15.1/24 dev mv0\nip -n red link set mv0 up\n"
         "ip netns add far\nip -n blue link set mv1 netns far\nip -n far addr add 192.168.15.2/24 dev mv1\nip -n far link set mv1 up", "mode"),
    # Routes
    Case("routers", "no-route", "red", "ip -n red route del default"),
    Case("gateway", "no-route", "red", "ip -n red route del default"),
    Case("routers", "no-route", "r1", "ip -n r1 route del 10.2.0.0/24", "router"),
    Case("cable", "no-route", "red/veth-red", "ip -n red route del 192.168.15.0/24", "connected"),
    Case("routers6", "no-route", "red", "ip -n red -6 route del default"),
    Case("cable", "blackhole-route", "red", "ip -n red route add blackhole 192.168.15.2"),
    Case("routers", "blackhole-route", "r1", "ip -n r1 route add unreachable 10.2.0.2/32"),
    Case("routers6", "blackhole-route", "r2", "ip -n r2 route add prohibit fd00:2::2/128"),
    Case("gateway", "wrong-route", "red/veth-red", "ip -n red route replace default via 192.168.15.2", "gateway"),
    Case("routers", "wrong-route", "red/eth0", "ip -n red route add 10.2.0.0/24 dev eth0"),
    Case("cable", "wrong-route", "red/old", "ip netns add far\nip -n red link add old type veth peer name old netns far\nip -n red link set old up\nip -n far link set old up\n"
         "ip -n red addr del 192.168.15.1/24 dev veth-red\nip -n red addr add 192.168.15.8/24 dev old\nip -n red addr add 192.168.15.1/24 dev veth-red", "twice"),
    Case("switch", "wrong-route", "red/spare", "ip -n red link add spare type veth peer name spare netns green\nip -n red link set spare up\n"
         "ip -n green link set spare up\nip -n red route add 192.168.15.2/32 dev spare"),
    Case("routers", "gateway-off-link", "red/eth0", "ip -n red route replace default via 10.9.9.9 dev eth0 onlink"),
    Case("gateway", "gateway-off-link", "red/veth-red", "ip -n red route replace default via 192.168.99.1 dev veth-red onlink"),
    Case("routers", "gateway-unreachable", "red/eth0", "ip -n red route replace default via 10.1.0.77"),
    Case("gateway", "gateway-unreachable", "red/veth-red", "ip -n red route replace default via 192.168.15.77"),
    Case("routers6", "gateway-unreachable", "red/eth0", "ip -n red route replace default via fd00:1::77"),
    Case("routers", "no-return-route", "blue", "ip -n blue route del default"),
    Case("gateway", "no-return-route", "lan", "ip -n lan route del 192.168.15.0/24"),
    Case("routers", "no-return-route", "r2", "ip -n r2 route del 10.1.0.0/24", "router"),
    Case("routers6", "no-return-route", "blue", "ip -n blue -6 route del default"),
    Case("routers", "policy-rule", "red", "ip -n red rule add to 10.2.0.0/16 prohibit priority 100", "prohibit"),
    Case("switch", "policy-rule", "red", "ip -n red rule add to 192.168.15.2 blackhole priority 77", "blackhole"),
    Case("routers", "policy-rule", "red", "ip -n red rule del priority 32766", "main"),
    Case("switch", "policy-rule", "red", "ip -n red link add spare type veth peer name spare netns green\nip -n red link set spare up\n"
         "ip -n green link set spare up\nip -n red route add 192.168.15.0/24 dev spare table 100\nip -n red rule add to 192.168.15.2 lookup 100", "table"),
    Case("routers6", "wrong-route", "red/eth0", "ip -n red route add fd00:2::/64 dev eth0"),
    Case("routers6", "gateway-off-link", "red/eth0", "ip -n red -6 route replace default via fd00:99::1 dev eth0 onlink"),
    Case("routers6", "policy-rule", "r1", "ip -n r1 -6 rule add to fd00:2::/64 unreachable priority 100"),
    Case("routers", "loop", "r2", "ip -n r2 route replace 10.2.0.2/32 via 10.9.0.1"),
    Case("routers6", "loop", "r2", "ip -n r2 route replace fd00:2::2/128 via fd00:9::1"),
    Case("gateway", "loop", "host", "ip addr del 192.168.1.2/24 dev eth0\nip route add default via 192.168.15.3\nip -n green route add default via 192.168.15.5\n"
         "ip netns exec green sysctl -q -w net.ipv4.ip_forward=1"),
    # Routers
    Case("routers", "no-forwarding", "r1", "ip netns exec r1 sysctl -q -w net.ipv4.ip_forward=0"),
    Case("gateway", "no-forwarding", "host", "sysctl -q -w net.ipv4.ip_forward=0"),
    Case("routers6", "no-forwarding", "r2", "ip netns exec r2 sysctl -q -w net.ipv6.conf.all.forwarding=0"),
    Case("routers", "rp-filter", "r1/left", "ip -n r1 route add 10.1.0.2/32 via 10.9.0.2\nip netns exec r1 sysctl -q -w net.ipv4.conf.all.rp_filter=1"),
    Case("gateway", "rp-filter", "lan/eth0", "ip -n lan link add other type veth peer name other netns green\nip -n lan link set other up\n"
         "ip -n green link set other up\nip -n lan route add 192.168.15.1/32 dev other\nip netns exec lan sysctl -q -w net.ipv4.conf.eth0.rp_filter=1"),
    Case("routers", "ttl", "r1", "ip netns exec red sysctl -q -w net.ipv4.ip_default_ttl=1"),
    Case("gateway", "ttl", "host", "ip netns exec red sysctl -q -w net.ipv4.ip_default_ttl=1"),
    Case("routers6", "ttl", "r2", "ip netns exec red sysctl -q -w net.ipv6.conf.eth0.hop_limit=2"),
    # Firewalls
    Case("cable", "dropped-by-rule", "blue: chain INPUT", "ip netns exec blue iptables -A INPUT -p icmp -j DROP"),
    Case("routers", "dropped-by-rule", "r1: chain FORWARD", "ip netns exec r1 iptables -A FORWARD -d 10.2.0.0/24 -j DROP"),
    Case("gateway", "dropped-by-rule", "host: chain FORWARD", "iptables -P FORWARD DROP", "policy"),
    Case("cable", "dropped-by-rule", "red: chain OUTPUT", "ip netns exec red iptables -A OUTPUT -p icmp -j DROP", "output"),
    Case("cable", "dropped-by-rule", "red: chain INPUT", "ip netns exec red iptables -A INPUT -s 192.168.15.2 -j DROP", "answer"),
    Case("routers", "dropped-by-rule", "r2: chain guard", "ip netns exec r2 nft 'add table inet wall'\n"
         "ip netns exec r2 nft 'add chain inet wall guard { type filter hook forward priority 0; }'\n"
         "ip netns exec r2 nft 'add rule inet wall guard icmp type echo-request drop'", "nft"),
    Case("cable6", "dropped-by-rule", "blue: chain INPUT", "ip netns exec blue ip6tables -A INPUT -p icmpv6 --icmpv6-type echo-request -j DROP"),
    Case("switch", "dropped-by-rule", "blue: chain INPUT", "ip netns exec blue iptables -A INPUT -p tcp --dport 80 -j DROP", "tcp", port=80, serve=_HTTP),
    Case("cable", "rejected-by-rule", "blue: chain INPUT", "ip netns exec blue iptables -A INPUT -p icmp -j REJECT"),
    Case("routers", "rejected-by-rule", "r2: chain FORWARD", "ip netns exec r2 iptables -A FORWARD -j REJECT --reject-with icmp-admin-prohibited"),
    Case("routers6", "rejected-by-rule", "r1: chain FORWARD", "ip netns exec r1 ip6tables -A FORWARD -j REJECT"),
    Case("switch", "rejected-by-rule", "blue: chain INPUT", "ip netns exec blue iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset", "reset", port=80, serve=_HTTP),
    Case("switch", "bridge-netfilter", "host: chain FORWARD", "iptables -A FORWARD -j DROP"),
    Case("gateway", "bridge-netfilter", "host: chain FORWARD", "iptables -P FORWARD DROP", "policy", dst="192.168.15.2"),
    Case("cable", "dropped-by-rule", "blue: chain INPUT", "ip netns exec blue iptables-legacy -A INPUT -p icmp -j DROP", "legacy"),
    Case("routers", "rejected-by-rule", "r1: chain FORWARD", "ip netns exec r1 iptables-legacy -A FORWARD -j REJECT", "legacy"),
    # Neighbours
    Case("cable", "arp-unanswered", "blue/veth-blue", "ip netns exec blue sysctl -q -w net.ipv4.conf.veth-blue.arp_ignore=8\nip -n red neigh flush all"),
    Case("switch", "arp-unanswered", "blue/veth-blue", "ip -n blue link set veth-blue arp off", "off"),
    Case("gateway", "arp-unanswered", "host/v-net-0", "sysctl -q -w net.ipv4.conf.v-net-0.arp_ignore=8\nip -n red neigh flush all"),
    Case("cable6", "arp-unanswered", "blue/veth-blue", "ip -n blue addr del fd00:15::2/64 dev veth-blue\nip -n blue addr add fd00:15::9/64 dev veth-blue nodad\n"
         "ip -n blue addr add fd00:15::2/128 dev lo\nip -n red neigh flush all", "elsewhere"),
    Case("cable", "wrong-static-neighbour", "red/veth-red", "ip -n red neigh replace 192.168.15.2 lladdr 02:00:00:00:00:99 dev veth-red nud permanent"),
    Case("routers", "wrong-static-neighbour", "r2/right", "ip -n r2 neigh replace 10.2.0.2 lladdr 02:00:00:00:00:99 dev right nud permanent"),
    Case("cable6", "wrong-static-neighbour", "red/veth-red", "ip -n red neigh replace fd00:15::2 lladdr 02:00:00:00:00:99 dev veth-red nud permanent"),
    # Switches
    Case("switch", "bridge-down", "host/v-net-0", "ip link set v-net-0 down"),
    Case("gateway", "bridge-down", "host/v-net-0", "ip link set v-net-0 down", dst="192.168.15.2"),
    Case("switch", "bridge-port-down", "host/veth-red-br", "ip link set veth-red-br down", "mine"),
    Case("switch", "bridge-port-down", "host/veth-blue-br", "ip link set veth-blue-br down", "theirs"),
    Case("gateway", "bridge-port-down", "host/veth-red-br", "ip link set veth-red-br down"),
    Case("switch", "not-enslaved", "host/veth-blue-br", "ip link set veth-blue-br nomaster", "theirs"),
    Case("switch", "not-enslaved", "host/veth-red-br", "ip link set veth-red-br nomaster", "mine"),
    Case("gateway", "not-enslaved", "host/veth-red-br", "ip link set veth-red-br nomaster"),
    Case("switch", "not-enslaved", "host/veth-red-br", "ip link del v-net-0", "none"),
    Case("switch", "not-enslaved", "host/veth-red-br", "ip link del v-net-0\nip addr add 192.168.15.9/24 dev veth-red-br\n"
         "ip addr add 192.168.15.10/24 dev veth-blue-br", "two-cables"),
    Case("switch", "bridge-port-blocked", "host/veth-blue-br", "bridge link set dev veth-blue-br state 0", "disabled"),
    Case("switch", "bridge-port-blocked", "host/", "bridge link set dev veth-blue-br isolated on\nbridge link set dev veth-red-br isolated on", "isolated"),
    Case("gateway", "bridge-port-blocked", "host/veth-red-br", "bridge link set dev veth-red-br state 0", "disabled"),
    Case("gateway", "bridge-port-blocked", "host/veth-red-br", "ip link set v-net-0 type bridge stp_state 1\nip link set veth-red-br down\nip link set veth-red-br up", "stp"),
    Case("switch", "duplicate-mac", "blue/veth-blue", "ip -n blue link set veth-blue address 02:11:11:11:11:11\nip -n red link set veth-red address 02:11:11:11:11:11"),
    Case("gateway", "duplicate-mac", "blue/veth-blue", "ip -n blue link set veth-blue address 02:11:11:11:11:11\nip -n red link set veth-red address 02:11:11:11:11:11", dst="192.168.15.2"),
    Case("vxlan", "vlan-mismatch", "red/vx0", "ip -n blue link del vx0\nip -n blue link add vx0 type vxlan id 43 local 172.16.2.2 remote 172.16.1.2 dstport 4789\n"
         "ip -n blue addr add 10.42.0.2/24 dev vx0\nip -n blue link set vx0 up", "number"),
    Case("vxlan", "vlan-mismatch", "red/vx0", "ip -n blue link del vx0\nip -n blue link add vx0 type vxlan id 42 local 172.16.2.2 remote 172.16.1.2 dstport 8472\n"
         "ip -n blue addr add 10.42.0.2/24 dev vx0\nip -n blue link set vx0 up", "port"),
    # The same of a switch in a room of its own, in IPv6
    Case("gateway6", "bridge-down", "sw/v-net-0", "ip -n sw link set v-net-0 down"),
    Case("gateway6", "bridge-port-down", "sw/veth-blue-br", "ip -n sw link set veth-blue-br down", dst="fd00:15::2"),
    Case("gateway6", "not-enslaved", "sw/gw-br", "ip -n sw link set gw-br nomaster"),
    Case("gateway6", "bridge-port-blocked", "sw/veth-red-br", "bridge -n sw link set dev veth-red-br state 0"),
    Case("gateway6", "bridge-netfilter", "sw: chain FORWARD", "ip netns exec sw ip6tables -A FORWARD -j DROP"),
    Case("gateway6", "duplicate-mac", "blue/veth-blue", "ip -n blue link set veth-blue address 02:11:11:11:11:11\nip -n red link set veth-red address 02:11:11:11:11:11", dst="fd00:15::2"),
    Case("gateway6", "duplicate-address", "green/veth-green", "ip -n green addr add fd00:15::2/64 dev veth-green nodad", dst="fd00:15::2", soft=True),
    Case("gateway6", "no-address", "red/veth-red", "ip -n red addr del fd00:15::1/64 dev veth-red"),
    Case("gateway6", "not-plugged", "red", "ip -n red link del veth-red"),
    Case("gateway6", "peer-down", "gw/in", "ip -n gw link set in down"),
    Case("gateway6", "dropped-by-rule", "gw: chain FORWARD", "ip netns exec gw ip6tables -P FORWARD DROP", "policy"),
    Case("gateway6", "no-return-route", "lan", "ip -n lan -6 route del fd00:15::/64"),
    # VLANs, where there are some
    Case("vlan-switch", "vlan-mismatch", "host/blue-br", "bridge vlan del dev blue-br vid 7\nbridge vlan add dev blue-br vid 8 pvid untagged", "port"),
    Case("vlan-cable", "vlan-mismatch", "blue/eth0.8", "ip -n blue link del eth0.7\nip -n blue link add link eth0 name eth0.8 type vlan id 8\n"
         "ip -n blue addr add 10.7.0.2/24 dev eth0.8\nip -n blue link set eth0.8 up", "tag"),
    Case("vlan-cable", "vlan-mismatch", "blue/eth0", "ip -n blue link del eth0.7\nip -n blue addr add 10.7.0.2/24 dev eth0", "untagged"),
    Case("vlan-switch", "vlan-mismatch", "host/red-br", "bridge vlan del dev red-br vid 7\nbridge vlan add dev red-br vid 7", "no-pvid"),
    Case("vlan-switch", "vlan-mismatch", "host/br0", "bridge vlan del dev br0 vid 8 self", "router", dst="10.8.0.3"),
    Case("vlan-switch", "dropped-by-rule", "host: chain FORWARD", "iptables -A FORWARD -i br0.7 -j DROP", dst="10.8.0.3"),
    Case("vlan-switch", "nat-wrong", "host", "iptables -t nat -A POSTROUTING -o br0.8 -j SNAT --to-source 10.8.0.99", dst="10.8.0.3"),
    Case("vlan-trunk", "vlan-mismatch", "sw1/trunk", "bridge -n sw1 vlan del dev trunk vid 7", "this-end"),
    Case("vlan-trunk", "vlan-mismatch", "sw2/trunk", "bridge -n sw2 vlan del dev trunk vid 7", "that-end"),
    # The way under a tunnel
    Case("vxlan", "no-forwarding", "mid", "ip netns exec mid sysctl -q -w net.ipv4.ip_forward=0"),
    Case("vxlan", "no-route", "red", "ip -n red route del 172.16.2.0/24"),
    Case("vxlan", "link-down", "mid/right", "ip -n mid link set right down"),
    Case("vxlan", "dropped-by-rule", "mid: chain FORWARD", "ip netns exec mid iptables -A FORWARD -p udp --dport 4789 -j DROP"),
    Case("vxlan", "link-down", "blue/vx0", "ip -n blue link set vx0 down", "tunnel"),
    # Translation
    Case("nat", "nat-missing", "host/wan", "iptables -t nat -F"),
    Case("nat6", "nat-missing", "r1/right", "ip netns exec r1 ip6tables -t nat -F"),
    Case("nat6", "nat-wrong", "r1", "ip netns exec r1 ip6tables -t nat -F\nip netns exec r1 ip6tables -t nat -A POSTROUTING -o right -j SNAT --to-source 2600:9::9"),
    Case("nat-routers", "nat-missing", "r1/right", "ip netns exec r1 iptables -t nat -F"),
    Case("nat", "nat-missing", "host/wan", "iptables -t nat -F\niptables -t nat -A POSTROUTING -s 192.168.99.0/24 -o wan -j MASQUERADE", "other"),
    Case("nat", "nat-wrong", "host", "iptables -t nat -F\niptables -t nat -A POSTROUTING -o wan -j SNAT --to-source 9.9.0.9", "source"),
    Case("nat", "dropped-by-rule", "host: chain FORWARD", "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP", "answer"),
    Case("nat-routers", "no-forwarding", "r2", "ip netns exec r2 sysctl -q -w net.ipv4.ip_forward=0"),
    Case("gateway", "nat-wrong", "host", "iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -o eth0 -j SNAT --to-source 192.168.1.99"),
    Case("routers", "nat-wrong", "r1", "ip netns exec r1 iptables -t nat -A POSTROUTING -o right -j SNAT --to-source 172.31.0.1"),
    Case("gateway", "nat-wrong", "host", "iptables -t nat -A PREROUTING -d 192.168.15.5 -p tcp --dport 80 -j DNAT --to-destination 192.168.15.77:80", "destination",
         dst="192.168.15.5", port=80, serve="host 0.0.0.0 80"),
    Case("gateway", "nat-wrong", "host", "iptables -t nat -A PREROUTING -d 192.168.15.5 -p tcp --dport 80 -j DNAT --to-destination 192.168.15.77:80", "server",
         dst="192.168.15.5", port=80, serve="host 0.0.0.0 80", broken_serve="blue 0.0.0.0 80"),
    Case("routers", "nat-wrong", "r1", "ip netns exec r1 nft 'add table ip way; add chain ip way out { type nat hook postrouting priority 100; };"
         " add rule ip way out oifname right counter snat to 172.31.0.1'", "nft"),
    Case("routers6", "nat-wrong", "r1", "ip netns exec r1 ip6tables -t nat -A POSTROUTING -o right -j SNAT --to-source fd00:77::1"),
    Case("routers", "dropped-by-rule", "r1: chain FORWARD", "ip netns exec r1 iptables -t nat -A PREROUTING -d 10.1.0.1 -p tcp --dport 80 -j DNAT --to 10.2.0.2:8080\n"
         "ip netns exec r1 iptables -A FORWARD -p tcp --dport 8080 -j DROP", "dnat", dst="10.1.0.1", port=80, serve="r1 0.0.0.0 80", broken_serve="blue 0.0.0.0 8080"),
    Case("routers", "port-closed", "blue", "ip netns exec r1 iptables -t nat -A PREROUTING -d 10.1.0.1 -p tcp --dport 80 -j DNAT --to 10.2.0.2:8080", "dnat",
         dst="10.1.0.1", port=80, serve="r1 0.0.0.0 80", broken_serve="-"),
    Case("routers", "port-closed", "r1", "ip netns exec r1 iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", "redirect",
         dst="10.1.0.1", port=80, serve="r1 0.0.0.0 80"),
    # Size
    Case("cable6", "mtu", "blue/veth-blue", "ip -n blue link set veth-blue mtu 1300", soft=True),
    Case("cable", "mtu", "blue/veth-blue", "ip -n blue link set veth-blue mtu 1000", soft=True),
    Case("switch", "mtu", "host/veth-blue-br", "ip link set veth-blue-br mtu 1000", soft=True),
    # Large packets that a router cannot send on: the sender is told (a warning), or a rule takes that message (a black hole)
    Case("routers", "mtu", "r1/right", "ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300", "told", size=1472, soft=True),
    Case("routers6", "mtu", "r1/right", "ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300", "told", size=1452, soft=True),
    Case("cable", "mtu", "red/veth-red", "ip -n red link set veth-red mtu 1300\nip -n blue link set veth-blue mtu 1300", "own", size=1472),
    Case("routers", "mtu", "r1: chain OUTPUT", "ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300\n"
         "ip netns exec r1 iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP", "hole", size=1472),
    Case("routers", "mtu", "red: chain INPUT", "ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300\n"
         "ip netns exec red iptables -A INPUT -p icmp --icmp-type destination-unreachable -j DROP", "hole-at-the-sender", size=1472),
    Case("routers", "mtu", "r1: chain FORWARD", "ip -n r2 link set right mtu 1300\nip -n blue link set eth0 mtu 1300\n"
         "ip netns exec r1 iptables -A FORWARD -i right -p icmp --icmp-type destination-unreachable -j DROP", "hole-for-tcp", port=80, size=1400, serve=_HTTP),
    Case("routers", "mtu", "r1: chain OUTPUT", "ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300\n"
         "ip netns exec r1 iptables-legacy -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP", "hole-legacy", size=1472),
    Case("routers6", "mtu", "r1: chain wall", "ip -n r1 link set right mtu 1300\nip -n r2 link set left mtu 1300\n"
         "ip netns exec r1 nft 'add table inet t; add chain inet t wall { type filter hook output priority 0; }; add rule inet t wall icmpv6 type packet-too-big drop'",
         "hole", size=1452),
    Case("gateway", "mtu", "host: chain OUTPUT", "ip link set eth0 mtu 1300\nip -n lan link set eth0 mtu 1300\niptables -A OUTPUT -p icmp -j DROP", "hole", size=1472),
    Case("switch", "mtu", "blue/veth-blue", "ip -n blue link set veth-blue mtu 1000", "sized", size=1472),
    # Programs
    Case("cable", "port-closed", "blue", "", port=80, broken_serve="-", serve=_HTTP),
    Case("routers", "port-closed", "blue", "", port=80, broken_serve="blue 0.0.0.0 8080", serve=_HTTP),
    Case("cable6", "port-closed", "blue", "", port=80, broken_serve="-", serve="blue :: 80"),
    Case("cable", "wrong-listen-address", "blue", "", port=80, broken_serve="blue 127.0.0.1 80", serve=_HTTP),
    Case("routers", "wrong-listen-address", "blue", "", port=80, broken_serve="blue 127.0.0.1 80", serve=_HTTP),
    Case("routers6", "port-closed", "blue", "", port=80, broken_serve="blue :: 8080", serve="blue :: 80"),
    Case("switch", "port-closed", "blue", "", "udp", port=53, proto="udp", broken_serve="-", serve="blue 0.0.0.0 53"),
    Case("switch", "wrong-listen-address", "blue", "ip netns exec blue nc -lk 127.0.0.1 80 &", "program", port=80, broken_serve="-", serve=_HTTP),
    Case("cable6", "wrong-listen-address", "blue", "ip netns exec blue nc -lk ::1 80 &", "program", port=80, broken_serve="-", serve="blue :: 80"),
    Case("routers6", "wrong-listen-address", "blue", "ip -n blue addr add fd00:2::3/64 dev eth0 nodad", port=80, broken_serve="blue fd00:2::3 80", serve="blue :: 80"),
    Case("cable", "echo-ignored", "blue", "ip netns exec blue sysctl -q -w net.ipv4.icmp_echo_ignore_all=1"),
    Case("routers6", "echo-ignored", "blue", "ip netns exec blue sysctl -q -w net.ipv6.icmp.echo_ignore_all=1"),
    # Oneself
    Case("cable", "loopback-down", "red/lo", "ip -n red link set lo down", dst="127.0.0.1"),
    Case("switch", "loopback-down", "red/lo", "ip -n red link set lo down", dst="192.168.15.1"),
    Case("cable6", "loopback-down", "red/lo", "ip -n red link set lo down", dst="::1"),
    # IPv6 alone
    Case("cable6", "ipv6-disabled", "red", "ip netns exec red sysctl -q -w net.ipv6.conf.all.disable_ipv6=1"),
    Case("routers6", "ipv6-disabled", "red/eth0", "ip netns exec red sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=1"),
    Case("cable6", "address-tentative", "blue/veth-blue", "ip netns exec blue sysctl -q -w net.ipv6.conf.all.accept_dad=1\nip -n blue addr del fd00:15::2/64 dev veth-blue\nip -n blue addr add fd00:15::2/64 dev veth-blue"),
    Case("routers6", "address-tentative", "red/eth0", "ip netns exec red sysctl -q -w net.ipv6.conf.all.accept_dad=1\nip -n red addr del fd00:1::2/64 dev eth0\nip -n red addr add fd00:1::2/64 dev eth0\n"
         "ip -n red route replace default via fd00:1::1"),
)  # fmt: skip
