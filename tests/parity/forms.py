"""What is compared with the real tools: scripts of lines, run on both sides from an empty sandbox.

Every line counts: what it leaves, and when it is refused, its words. ``PID`` stands for a process in the sandbox's host. A script begins with one of the set-ups below where that
helps. The forms are counted from what the grammar makes of the lines, not from this table.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A cable inside the host, both ends up, 10.0.0.0/24 and fd00::/64 on one of them.
CABLE = """
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
ip addr add 10.0.0.1/24 dev v0
ip addr add fd00::1/64 dev v0
"""
#: Two rooms and a cable between them.
ROOMS = """
ip netns add red
ip netns add blue
ip link add veth-red type veth peer name veth-blue
ip link set veth-red netns red
ip link set veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
"""
#: A bridge with two ports.
BRIDGE = """
ip link add br0 type bridge
ip link add p0 type veth peer name q0
ip link add p1 type veth peer name q1
ip link set p0 master br0
ip link set p1 master br0
"""


@dataclass(frozen=True)
class Case:
    name: str
    setup: str
    script: str

    @property
    def lines(self) -> list[str]:
        return [line for line in (self.setup + self.script).splitlines() if line.strip()]


CASES = [
    # ip link add
    Case("veth", "", """
ip link add v0 type veth peer name v1
"""),
    Case("veth without names", "", """
ip link add type veth
ip link add type veth
"""),
    Case("veth, short spelling", "", """
ip l a v0 type veth peer v1
ip l s v0 up
ip l s dev v1 up
"""),
    Case("veth, peer without a name", "", """
ip link add v0 type veth
"""),
    Case("veth with attributes of both ends", "", """
ip link add name v0 mtu 1400 address 02:00:00:00:00:05 txqueuelen 50 type veth peer name v1 mtu 1300 address 02:00:00:00:00:06 txqueuelen 70
"""),
    Case("veth with numbers", "", """
ip link add v0 index 77 type veth peer name v1 index 78
"""),
    Case("veth, number taken", "", """
ip link add v0 index 77 type veth peer name v1
ip link add v2 index 77 type veth peer name v3
"""),
    Case("veth, peer in a room", "", """
ip netns add red
ip link add v0 type veth peer name v1 netns red
"""),
    Case("veth, first end in a room", "", """
ip netns add red
ip link add v0 netns red type veth peer name v1
"""),
    Case("veth, both ends in rooms", "", """
ip netns add red
ip netns add blue
ip link add v0 netns red type veth peer name v1 netns blue
"""),
    Case("veth, same name at both ends", "", """
ip netns add red
ip link add eth0 netns red type veth peer name eth0
"""),
    Case("veth from inside a room", "", """
ip netns add red
ip -n red link add v0 type veth peer name v1
ip -n red link add v2 type veth peer name v3 netns 999999
"""),
    Case("veth, name taken", "", """
ip link add v0 type veth peer name v1
ip link add v0 type veth peer name v2
ip link add v3 type veth peer name v1
ip link add v4 type veth peer name v4
"""),
    Case("veth up at creation", "", """
ip link add v0 up type veth peer name v1
"""),
    Case("veth into an unknown room", "", """
ip link add v0 type veth peer name v1 netns nowhere
ip link add v2 netns nowhere type veth
"""),
    Case("veth with group, alias, queues", "", """
ip link add v0 group 7 numtxqueues 2 numrxqueues 2 alias cable type veth peer name v1 group 8
"""),
    Case("veth with master", "", """
ip link add br0 type bridge
ip link add v0 master br0 type veth peer name v1 master br0
"""),
    Case("unknown kind", "", """
ip link add x type nosuchkind
"""),
    Case("kinds this kernel may lack", "", """
ip link add d0 type dummy
ip link add w0 type wireguard
ip link add n0 type nlmon
ip link add i0 type ifb
ip link add c0 type vcan
ip link add t0 type team
"""),
    Case("bridge", "", """
ip link add br0 type bridge
ip link set br0 up
"""),
    Case("bridge with attributes", "", """
ip link add br0 address 02:00:00:00:00:aa mtu 1400 type bridge stp_state 1 forward_delay 400 hello_time 100 max_age 600 priority 4096 ageing_time 1000 mcast_snooping 0
"""),
    Case("bridge, name taken", "", """
ip link add br0 type bridge
ip link add br0 type bridge
"""),
    Case("bridge with filtering", "", """
ip link add br0 type bridge vlan_filtering 1
"""),
    Case("vlan", CABLE, """
ip link add link v0 name v0.10 type vlan id 10
ip link add link v0 v0.11 type vlan protocol 802.1ad id 11 reorder_hdr off gvrp on
ip link add link nolink name x type vlan id 5
"""),
    Case("vxlan", CABLE, """
ip link add vx0 type vxlan id 42 remote 10.0.0.2 local 10.0.0.1 dev v0 dstport 4789
ip link set vx0 up
"""),
    Case("vxlan in full", CABLE, """
ip link add vx0 type vxlan id 7 remote 10.0.0.2 dev v0 dstport 4789 ttl 5 tos inherit nolearning proxy rsc l2miss l3miss ageing 30 maxaddress 40 srcport 100 200 udpcsum udp6zerocsumtx noudp6zerocsumrx
"""),
    Case("vxlan with a group", CABLE, """
ip link add vx0 type vxlan id 8 group 239.1.1.1 dev v0 dstport 4789 ttl inherit
"""),
    Case("vxlan over IPv6", CABLE, """
ip link add vx0 type vxlan id 9 remote fd00::2 local fd00::1 dstport 4789
ip link add vx1 type vxlan id 10 remote fd00::2 dstport 4790 flowlabel 5
"""),
    Case("vxlan external", "", """
ip link add vx0 type vxlan external dstport 4789
ip link add vx1 type vxlan id 1 gbp dstport 4790
"""),
    Case("vxlan taken", "", """
ip link add vx0 type vxlan id 1 dstport 4789
ip link add vx1 type vxlan id 1 dstport 4789
ip link add vx2 type vxlan id 2 dev nolink dstport 4789
"""),
    Case("macvlan", CABLE, """
ip link add mv0 link v0 type macvlan mode bridge
ip link add link v0 name mv1 type macvlan mode private
ip link add link v0 mv2 type macvlan mode vepa
ip link add link v1 mv3 type macvlan mode passthru nopromisc
ip link add link v0 mv4 type macvlan
ip link set mv0 up
"""),
    Case("macvlan into a room", CABLE, """
ip netns add red
ip link add mv0 link v0 netns red type macvlan mode bridge
"""),
    Case("macvlan, mode changed", CABLE, """
ip link add mv0 link v0 type macvlan mode bridge
ip link set mv0 type macvlan mode vepa
"""),
    Case("macvtap", CABLE, """
ip link add mt0 link v0 type macvtap mode bridge
"""),
    Case("ipvlan", CABLE, """
ip link add link v0 iv0 type ipvlan mode l2
ip link add link v0 iv1 type ipvlan mode l3s private
"""),
    Case("bond", "", """
ip link add b0 type bond mode active-backup miimon 100
ip link add b1 type bond mode 802.3ad lacp_rate fast
"""),
    Case("vrf", "", """
ip link add vrf0 type vrf table 10
"""),
    Case("tunnels", CABLE, """
ip link add g0 type gre remote 10.0.0.2 local 10.0.0.1 ttl 64 key 5
ip link add t0 type ipip remote 10.0.0.2 local 10.0.0.1
ip link add s0 type sit remote 10.0.0.2 local 10.0.0.1
"""),
    # ip link set
    Case("up and down", CABLE, """
ip link set lo up
ip link set lo down
ip link set v0 down
ip link set dev v0 up
"""),
    Case("no such link", CABLE, """
ip link set nodev up
ip link set dev nodev down
ip link del nodev
ip link set nodev master v0
ip link set v0 master nodev
ip link set nodev netns nowhere
"""),
    Case("moved", CABLE, """
ip netns add red
ip link set v1 netns red
ip -n red link set v1 up
"""),
    Case("moved and back", CABLE, """
ip netns add red
ip link set v1 netns red
ip -n red link set v1 netns PID
"""),
    Case("moved with a new name, up", CABLE, """
ip netns add red
ip link set v1 netns red name eth0 up
"""),
    Case("moved where the name is taken", CABLE, """
ip netns add red
ip -n red link add v1 type veth peer name w1
ip link set v1 netns red
"""),
    Case("moved to nowhere", CABLE, """
ip link set v1 netns nowhere
ip link set v1 netns 999999
"""),
    Case("loopback does not move", "", """
ip netns add red
ip link set lo netns red
"""),
    Case("renamed", CABLE, """
ip link set v1 down
ip link set v1 name eth7
ip link set dev eth7 name eth7
ip link set v0 name eth7
"""),
    Case("renamed while up", CABLE, """
ip link set v0 name eth8
"""),
    Case("address", CABLE, """
ip link set v0 address 02:00:00:00:00:77
ip link set v0 address 01:00:00:00:00:77
ip link set v0 address 02:00:00
ip link set v0 broadcast ff:ff:ff:ff:ff:fe
"""),
    Case("mtu", CABLE, """
ip link set v0 mtu 1400
ip link set v0 mtu 20
ip link set v0 mtu 100000
ip link set v1 mtu 1280
"""),
    Case("queue length, alias, group", CABLE, """
ip link set v0 txqueuelen 77 alias 'my cable' group 5
ip link set v0 alias ''
ip link set v1 group default
"""),
    Case("switches", CABLE, """
ip link set v0 promisc on multicast off allmulticast on arp off
ip link set v1 dynamic on trailers off
ip link set v0 promisc off arp on
"""),
    Case("group", CABLE, """
ip link set v0 group 5
ip link set v1 group 5
ip link set group 5 down
ip link set group 5 mtu 1300
ip link del group 5
"""),
    Case("address generation", CABLE, """
ip link set v0 addrgenmode eui64
ip link set v0 addrgenmode none
ip link set v0 addrgenmode random
ip link set v0 addrgenmode none
"""),
    Case("protodown, carrier", CABLE, """
ip link set v0 protodown on
ip link set v0 carrier off
"""),
    Case("master", BRIDGE, """
ip link set q0 master br0
ip link set q0 nomaster
ip link set br0 master br0
ip link set lo master br0
ip link set p0 master p1
ip link set q1 master nobridge
"""),
    Case("master and up in one", BRIDGE, """
ip link set q0 master br0 up
ip link set br0 up
ip link set p0 up
"""),
    Case("port of two bridges", BRIDGE, """
ip link add br1 type bridge
ip link set p0 master br1
"""),
    Case("bridge attributes", BRIDGE, """
ip link set br0 type bridge stp_state 1
ip link set dev br0 type bridge forward_delay 200 hello_time 150 max_age 800
ip link set br0 type bridge ageing_time 500 priority 8192 group_fwd_mask 8
ip link set br0 type bridge stp_state 0 group_address 01:80:c2:00:00:0e
ip link set br0 type bridge forward_delay 1
"""),
    Case("bridge multicast", BRIDGE, """
ip link set br0 type bridge mcast_snooping 0
ip link set br0 type bridge mcast_querier 1 mcast_router 2
ip link set br0 type bridge mcast_query_interval 500 mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2
ip link set br0 type bridge mcast_hash_max 512 mcast_last_member_count 3 mcast_startup_query_count 3 mcast_last_member_interval 200 mcast_membership_interval 20000 mcast_querier_interval 20000 mcast_query_response_interval 500 mcast_startup_query_interval 1000 mcast_query_use_ifaddr 1
ip link set br0 type bridge mcast_snooping 1
"""),
    Case("bridge, rare", BRIDGE, """
ip link set br0 type bridge no_linklocal_learn 1
ip link set br0 type bridge fdb_flush
ip link set br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1
ip link set br0 type bridge vlan_filtering 1
ip link set br0 type bridge vlan_default_pvid 5
ip link set br0 type bridge mcast_vlan_snooping 1
ip link set p0 type bridge stp_state 1
"""),
    Case("port attributes", BRIDGE, """
ip link set p0 type bridge_slave hairpin on cost 40 priority 5 learning off flood off
ip link set p0 type bridge_slave guard on root_block on fastleave on mcast_to_unicast on mcast_flood off bcast_flood off
ip link set p0 type bridge_slave neigh_suppress on isolated on locked on group_fwd_mask 8 mcast_router 1 proxy_arp on
ip link set p0 type bridge_slave backup_port p1
ip link set p0 type bridge_slave nobackup_port
ip link set p0 type bridge_slave fdb_flush
ip link set p0 type bridge_slave state 0
ip link set q0 type bridge_slave cost 5
ip link set p0 type bridge_slave cost 0
"""),
    Case("properties", CABLE, """
ip link property add dev v0 altname a-name-longer-than-15-bytes altname short
ip link set short mtu 1400
ip link set a-name-longer-than-15-bytes up
ip link property del dev v0 altname short
ip link property del dev v0 altname short
ip link property add dev v1 altname v0
ip addr add 10.3.0.1/24 dev a-name-longer-than-15-bytes
"""),
    Case("by number", "", """
ip link add v0 index 55 type veth peer name v1
ip link set if55 up
ip link set if56 up
"""),
    Case("odd names", "", """
ip link add 'a;b' type veth peer name '$x'
ip link set 'a;b' up
ip link add é type bridge
ip link set é up
ip link del '$x'
"""),
    # ip link del
    Case("deleted", CABLE, """
ip link del v0
ip link delete dev v1
"""),
    Case("deleted by kind", BRIDGE, """
ip link del br0 type bridge
ip link del p0 type veth
"""),
    Case("deleted, wrong kind", CABLE, """
ip link del lo
"""),
    Case("bridge deleted with ports", BRIDGE, """
ip link set br0 up
ip link del br0
"""),
    # ip addr
    Case("addresses", CABLE, """
ip addr add 10.0.1.1/24 dev v0
ip a a 10.0.1.2/24 dev v0
ip address add 10.0.2.1/16 dev v1
"""),
    Case("address without a length", CABLE, """
ip addr add 10.9.0.1 dev v0
ip addr add fd09::1 dev v0
"""),
    Case("address twice", CABLE, """
ip addr add 10.0.0.1/24 dev v0
ip addr add fd00::1/64 dev v0
ip addr add 10.0.0.1/25 dev v0
"""),
    Case("address with broadcast", CABLE, """
ip addr add 10.0.1.1/24 brd + dev v0
ip addr add 10.0.2.1/24 broadcast 10.0.2.255 dev v0
ip addr add 10.0.3.1/24 brd - dev v0
ip addr add 10.0.4.0/31 brd + dev v0
ip addr add 10.0.5.1/30 brd + dev v1
"""),
    Case("address in full", CABLE, """
ip addr add 10.0.1.2/24 broadcast 10.0.1.255 label v0:x scope link dev v0 metric 50 noprefixroute
ip addr add 10.0.2.2/24 dev v0 scope host
ip addr add 10.0.3.2/24 dev v0 label other
"""),
    Case("address with a peer", CABLE, """
ip addr add 10.0.1.1 peer 10.0.1.2 dev v0
ip addr add 10.0.2.1 peer 10.0.2.2/24 dev v0
ip addr del 10.0.2.1 peer 10.0.2.2/24 dev v0
ip addr add fd01::1 peer fd01::2/128 dev v0
"""),
    Case("address with lifetimes", CABLE, """
ip addr add 10.0.1.1/24 dev v0 valid_lft 1000 preferred_lft 500
ip addr add fd01::1/64 dev v0 valid_lft 1000 preferred_lft 0
ip addr change 10.0.1.1/24 dev v0 valid_lft 2000 preferred_lft 2000
ip addr add 10.0.2.1/24 dev v0 valid_lft forever preferred_lft forever
"""),
    Case("address replaced", CABLE, """
ip addr replace 10.0.0.1/24 dev v0
ip addr replace 10.0.7.1/24 dev v0
ip addr change 10.0.8.1/24 dev v0
ip addr replace fd00::1/64 dev v0 preferred_lft 0 valid_lft 100
"""),
    Case("IPv6 addresses", CABLE, """
ip addr add fd01::1/64 dev v0 nodad
ip addr add fd01::2/64 dev v0 home
ip addr add fe80::1/64 dev v1
ip -6 addr add fd02::1/128 dev lo
ip addr add fd03::1/64 dev v0 noprefixroute
ip addr add fd04::1/64 dev v0 mngtmpaddr
"""),
    Case("loopback addresses", "", """
ip link set lo up
ip addr add 127.0.0.2/8 dev lo
ip addr add 10.99.0.1/32 dev lo
ip addr del 127.0.0.2/8 dev lo
"""),
    Case("invalid addresses", CABLE, """
ip addr add 0.0.0.0/24 dev v0
ip addr add 224.0.0.7/32 dev v0
ip addr add ff02::7/128 dev v0
ip addr add ::/64 dev v0
ip addr add 255.255.255.255/32 dev v0
"""),
    Case("address of no link", "", """
ip addr add 10.0.0.1/24 dev nodev
ip addr del 10.0.0.1/24 dev nodev
ip addr flush dev nodev
"""),
    Case("address deleted", CABLE, """
ip addr del 10.0.0.1/24 dev v0
ip addr del 10.0.0.1/24 dev v0
ip addr del fd00::1/64 dev v0
ip addr del fd00::1/64 dev v0
"""),
    Case("address deleted without a length", CABLE, """
ip addr del 10.0.0.1 dev v0
ip addr add 10.1.0.1 dev v0
ip addr del 10.1.0.1 dev v0
ip addr del fd00::1 dev v0
ip addr del 10.2.0.1 dev v0
"""),
    Case("address deleted with others", CABLE, """
ip addr add 10.0.0.2/24 dev v0
ip addr add 10.0.0.3/24 dev v0
ip addr del 10.0.0.1/24 dev v0
"""),
    Case("address deleted by label", CABLE, """
ip addr add 10.0.1.1/24 dev v0 label v0:1
ip addr del 10.0.1.1/24 dev v0 label v0:2
ip addr del 10.0.1.1/24 dev v0 label v0:1
"""),
    Case("addresses flushed", CABLE, """
ip addr add 10.0.0.2/24 dev v0
ip addr add 10.0.1.1/24 dev v0
ip addr flush dev v0
"""),
    Case("addresses flushed by family", CABLE, """
ip -4 addr flush dev v0
ip addr add 10.0.0.2/24 dev v1
ip -6 addr flush dev v0
"""),
    Case("addresses flushed by scope, prefix, label", CABLE, """
ip addr add 10.0.1.1/24 dev v0 scope link
ip addr add 10.0.2.1/24 dev v0 label v0:2
ip addr add 10.0.3.1/24 dev v1
ip addr flush dev v0 scope link
ip addr flush label v0:*
ip addr flush to 10.0.3.0/24
ip addr flush dev v1 to 10.7.0.0/16
"""),
    Case("addresses flushed by flag", CABLE, """
ip addr add 10.0.1.1/24 dev v0 valid_lft 100 preferred_lft 100
ip addr add 10.0.0.9/24 dev v0
ip addr flush dev v0 dynamic
ip addr flush dev v0 secondary
ip addr flush dev v0 permanent
"""),
    Case("secondary addresses flushed", CABLE, """
ip addr add 10.0.0.9/24 dev v0
ip addr add 10.0.0.10/24 dev v0
ip addr flush dev v0 primary
"""),
    Case("addresses flushed by link", BRIDGE, """
ip addr add 10.0.1.1/24 dev p0
ip addr add 10.0.2.1/24 dev q0
ip addr flush master br0
ip addr flush type veth
"""),
    # ip route
    Case("default route", CABLE, """
ip route add default via 10.0.0.2
ip route add default via 10.0.0.2
ip route add default via 10.0.0.3
"""),
    Case("routes", CABLE, """
ip route add default via 10.0.0.2 dev v0
ip route add 10.5.0.0/16 via 10.0.0.3
ip r a 10.6.0.0/16 via 10.0.0.3 dev v0
ip route add 10.7.0.0/16 dev v0
ip route add 10.8.0.1 dev v0
ip route add 10.9.0.1/32 via 10.0.0.4
"""),
    Case("route in full", CABLE, """
ip route add 10.5.0.0/17 via 10.0.0.3 dev v0 metric 5 src 10.0.0.1 table 10 proto static
ip route add 10.5.0.0/17 via 10.0.0.3 dev v0 metric 6 table 1000
ip route add 10.11.0.0/16 tos 0x10 via 10.0.0.3
ip route add 10.12.0.0/16 scope link dev v0
ip route add 10.13.0.0/16 dev v0 scope host
ip route add table local 10.14.0.0/16 dev v0
ip route add default via 10.0.0.2 dev v0 table 77
"""),
    # route, arp
    Case("route with metrics", CABLE, """
ip route add 10.5.0.0/18 via 10.0.0.3 dev v0 mtu 1400 advmss 1300 initcwnd 10 initrwnd 20 window 1000 hoplimit 5 quickack 1 features ecn
ip route add 10.6.0.0/16 dev v0 mtu lock 1300 rtt 100ms rttvar 50ms rto_min 1s cwnd lock 7 ssthresh 9 reordering 4
ip route add 10.7.0.0/16 dev v0 congctl reno
"""),
    # ip route
    Case("routes of other types", CABLE, """
ip route add blackhole 10.6.0.0/16
ip route add unreachable 10.7.0.0/16 metric 5
ip route add prohibit 10.8.0.0/16
ip route add throw 10.9.0.0/16 table 10
ip route add local 10.10.0.1 dev lo
ip route add broadcast 10.11.255.255 dev v0
ip route add multicast 239.0.0.0/8 dev v0
ip route add unreachable default metric 4000
ip route add anycast 10.12.0.1 dev v0
ip route add blackhole default
"""),
    Case("route with several gateways", CABLE, """
ip route add 10.8.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4 dev v0
ip route add 10.9.0.0/16 nexthop dev v0 weight 5 nexthop dev v1 weight 3
ip route add default nexthop via 10.0.0.3 nexthop via 172.16.0.9 dev v0 onlink
ip route add 10.10.0.0/16 nexthop via 172.16.0.9 nexthop via 10.0.0.3
ip route add fd08::/64 nexthop via fd00::3 nexthop via fd00::4 weight 3
"""),
    Case("gateway of the other family", CABLE, """
ip route add 10.9.0.0/16 via inet6 fd00::9 dev v0
"""),
    Case("gateway not on a link", CABLE, """
ip route add 10.9.0.0/16 via 172.16.0.1
ip route add 10.9.0.0/16 via 172.16.0.1 dev v0
ip route add 10.9.0.0/16 via 172.16.0.1 dev v0 onlink
ip route add 10.10.0.0/16 via 10.0.0.1
ip -6 route add default via fd77::1
ip route add default via 10.0.0.9 dev v1
"""),
    Case("route over a link that is down", CABLE, """
ip link set v0 down
ip route add 10.9.0.0/16 dev v0
ip route add default via 10.0.0.2
"""),
    Case("route of no link", "", """
ip route add 10.9.0.0/16 dev nodev
ip route del 10.9.0.0/16 dev nodev
ip route flush dev nodev
ip route add 10.9.0.0/16 nexthop via 10.0.0.2 dev nodev nexthop via 10.0.0.3
"""),
    Case("route with host bits", CABLE, """
ip route add 10.9.0.1/16 dev v0
ip route add 10.9.0.0/16 src 10.77.0.1 dev v0
"""),
    Case("route replaced", CABLE, """
ip route replace 10.9.0.0/16 via 10.0.0.2
ip route replace 10.9.0.0/16 via 10.0.0.3
ip route change 10.9.0.0/16 via 10.0.0.4
ip route change 10.10.0.0/16 via 10.0.0.4
ip route append 10.9.0.0/16 via 10.0.0.5
ip route prepend 10.9.0.0/16 via 10.0.0.6
ip route replace default dev v0
ip route replace default via 10.0.0.2
"""),
    Case("route deleted", CABLE, """
ip route add default via 10.0.0.2
ip route del default
ip route del default
ip route del 10.99.0.0/16
"""),
    Case("route deleted by key", CABLE, """
ip route add 10.9.0.0/16 via 10.0.0.2 metric 5
ip route add 10.9.0.0/16 via 10.0.0.3 metric 6
ip route del 10.9.0.0/16 via 10.0.0.3
ip route del 10.9.0.0/16 metric 6
ip route del 10.9.0.0/16 metric 5 dev v0
ip route add blackhole 10.8.0.0/16
ip route del blackhole 10.8.0.0/16
ip route add 10.7.0.0/16 dev v0 table 10
ip route del 10.7.0.0/16
ip route del 10.7.0.0/16 table 10
ip route del 10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1
"""),
    Case("route with several gateways deleted", CABLE, """
ip route add 10.8.0.0/16 nexthop via 10.0.0.3 nexthop via 10.0.0.4
ip route del 10.8.0.0/16 via 10.0.0.9
ip route del 10.8.0.0/16 nexthop via 10.0.0.3 nexthop via 10.0.0.4
"""),
    Case("IPv6 routes", CABLE, """
ip -6 route add default via fd00::2
ip route add fd01::/64 via fd00::2 dev v0 metric 10 pref high
ip route add fd03::/64 dev v0
ip -6 route add blackhole fd04::/64
ip route add unreachable fd05::/64
ip route add fd06::1 dev v0
ip route add fd07::/64 via fe80::9 dev v0
ip route add fd07::/64 via fe80::9
ip route add fd08::/64 from fd00::/64 via fd00::2
ip route add fd09::/64 dev v0 expires 100
"""),
    Case("IPv6 routes changed", CABLE, """
ip route add fd01::/64 via fd00::2
ip route replace fd01::/64 via fd00::3
ip route append fd01::/64 via fd00::4
ip route del fd01::/64 via fd00::4
ip route del fd01::/64
ip route del fd01::/64
ip -6 route del default
ip route change fd00::/64 dev v0 metric 256 mtu 1300
"""),
    Case("routes flushed", CABLE, """
ip route add default via 10.0.0.2
ip route add 10.5.0.0/16 via 10.0.0.2 table 10
ip route add 10.6.0.0/16 via 10.0.0.2 proto static
ip route add 10.6.7.0/24 via 10.0.0.2
ip route flush table 10
ip route flush proto static
ip route flush root 10.6.0.0/16
ip route flush 10.77.0.0/16
ip route flush cache
"""),
    Case("routes flushed by link", CABLE, """
ip route add 10.5.0.0/16 dev v0
ip route add 10.6.0.0/16 dev v1
ip route flush dev v0
ip route flush scope link
"""),
    Case("routes flushed by match, type, gateway", CABLE, """
ip route add 10.5.0.0/16 via 10.0.0.2
ip route add 10.0.0.0/8 via 10.0.0.3
ip route add blackhole 10.9.0.0/16
ip route flush match 10.5.0.0/16
ip route flush type blackhole
ip route add 10.7.0.0/16 via 10.0.0.4
ip route flush via 10.0.0.4
ip route flush exact 10.0.0.0/24
"""),
    Case("IPv6 routes flushed", CABLE, """
ip route add fd01::/64 via fd00::2
ip -6 route flush fd01::/64
ip -6 route flush dev v0
ip route flush table all
"""),
    Case("everything in main flushed", CABLE, """
ip route add default via 10.0.0.2
ip route flush table main
"""),
    # ip neigh
    Case("neighbours", CABLE, """
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0
ip n add 10.0.0.3 lladdr 02:00:00:00:00:02 dev v0 nud stale router
ip neigh add fd00::2 lladdr 02:00:00:00:00:03 dev v0
ip neigh add 10.0.0.4 dev v0 lladdr 02:00:00:00:00:04 nud noarp
ip neigh add 10.0.0.5 dev v0
"""),
    Case("neighbours changed", CABLE, """
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0
ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:07 dev v0
ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:08 dev v0 nud permanent
ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 extern_learn
ip neigh change 10.0.0.99 lladdr 02:00:00:00:00:01 dev v0
ip neigh replace 10.0.0.10 dev v0 lladdr 02:00:00:00:00:10 protocol zebra
"""),
    Case("neighbours deleted", CABLE, """
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0
ip neigh del 10.0.0.2 dev v0
ip neigh del 10.0.0.77 dev v0
ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:01 dev v0
ip neigh delete 10.0.0.3 lladdr 02:00:00:00:00:01 dev v0
"""),
    Case("proxies", CABLE, """
ip neigh add proxy 10.0.0.6 dev v0
ip neigh add proxy fd00::6 dev v0
ip neigh add proxy 10.0.0.7 dev v0
ip neigh del proxy 10.0.0.7 dev v0
ip neigh del proxy 10.0.0.77 dev v0
ip neigh flush proxy dev v0
"""),
    Case("neighbours of no link", "", """
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev nodev
ip neigh del 10.0.0.2 dev nodev
ip neigh flush dev nodev
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev lo
"""),
    Case("neighbours flushed", CABLE, """
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0
ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:02 dev v0 nud stale
ip neigh add 10.0.0.4 lladdr 02:00:00:00:00:02 dev v0 nud noarp
ip neigh flush dev v0
ip neigh flush dev v0 nud noarp
ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:02 dev v0 nud stale
ip neigh flush 10.0.0.0/24
ip neigh flush dev v0 nud all
"""),
    # ip rule
    Case("rules", CABLE, """
ip rule add from 10.0.0.0/8 table 100
ip rule add to 10.1.0.0/16 table 1000 prio 50
ip rule add iif v0 lookup main
ip rule add fwmark 1 table 5
ip rule add from 10.0.0.0/8 table 100
"""),
    Case("rules in full", CABLE, """
ip rule add from 10.0.0.0/8 to 11.0.0.0/8 iif v0 oif v1 fwmark 1/0xff tos 0x10 table 300 prio 99
ip rule add prio 100 not from 10.5.0.0/16 blackhole
ip rule add prio 101 to 10.6.0.0/16 unreachable
ip rule add prio 102 from 10.7.0.1 prohibit
ip rule add goto 102 prio 20
ip rule add nop prio 21
ip rule add table main suppress_prefixlength 0 prio 22
ip rule add table main suppress_ifgroup 3 prio 23
ip rule add ipproto tcp sport 1-5 dport 80 table 8 prio 24
ip rule add uidrange 0-0 table 8 prio 25
ip rule add protocol static table 9 prio 26
ip rule add l3mdev prio 27
"""),
    Case("rules of IPv6", "", """
ip -6 rule add from fd00::/8 table 55
ip -6 rule add to fd01::/64 table 1055 prio 7
ip -6 rule del from fd00::/8 table 55
ip -6 rule del prio 7
ip -6 rule del prio 7
"""),
    Case("rules deleted", "", """
ip rule add from 10.0.0.0/8 table 100
ip rule del from 10.0.0.0/8 table 100
ip rule del from 10.0.0.0/8 table 100
ip rule add prio 50 from 10.1.0.0/16 table 5
ip rule del prio 50
ip rule add to 10.2.0.0/16 blackhole
ip rule del to 10.2.0.0/16 blackhole
ip rule del prio 32766
ip rule del table default
ip rule add fwmark 7 table 5
ip rule del fwmark 7
ip rule del lookup 5
"""),
    Case("rules flushed", "", """
ip rule add from 10.0.0.0/8 table 100
ip rule flush
"""),
    Case("rules flushed by protocol", "", """
ip rule add from 10.0.0.0/8 table 100 protocol static
ip rule add from 11.0.0.0/8 table 100
ip rule flush protocol static
"""),
    # bridge
    Case("bridge link set", BRIDGE, """
bridge link set dev p0 cost 50 priority 5
bridge link set dev p0 hairpin on guard on fastleave on root_block on
bridge link set dev p0 learning off flood off mcast_flood off bcast_flood off
bridge link set dev p0 neigh_suppress on isolated on locked on
bridge link set dev p0 mcast_to_unicast on vlan_tunnel on backup_port p1
bridge link set dev p0 nobackup_port
bridge link set dev p1 state 0
bridge link set dev q0 cost 5
bridge link set dev nodev cost 1
bridge link set dev p0 hwmode vepa
bridge link set dev p0 learning on self
bridge link set dev p0 state 9
"""),
    Case("bridge fdb", BRIDGE, """
bridge fdb add 02:00:00:00:00:01 dev p0 master
bridge fdb add 02:00:00:00:00:01 dev p0 master
bridge fdb add 02:00:00:00:00:02 dev p0 master static
bridge fdb add 02:00:00:00:00:03 dev p0 self
bridge fdb add 02:00:00:00:00:04 dev p0
bridge fdb replace 02:00:00:00:00:01 dev p1 master static sticky
bridge fdb del 02:00:00:00:00:02 dev p0 master
bridge fdb del 02:00:00:00:00:02 dev p0 master
bridge fdb add 02:00:00:00:00:09 dev br0 self
bridge fdb add 02:00:00:00:00:01 dev nodev
bridge fdb add 02:00:00:00:00:05 dev p0 master dynamic
bridge fdb add 02:00:00:00:00:07 dev p0 master vlan 5
bridge fdb append 02:00:00:00:00:08 dev p0 master extern_learn
"""),
    Case("vxlan fdb", CABLE, """
ip link add vx0 type vxlan id 42 dstport 4789
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.2
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.3
bridge fdb append to 00:00:00:00:00:00 dst 10.0.0.3 dev vx0 port 8472 vni 6 via v0
bridge fdb add 02:00:00:00:00:06 dev vx0 dst 10.0.0.4
bridge fdb replace 02:00:00:00:00:06 dev vx0 dst 10.0.0.5
bridge fdb del 02:00:00:00:00:06 dev vx0 dst 10.0.0.5
bridge fdb del 00:00:00:00:00:00 dev vx0 dst 10.0.0.2
bridge fdb add 02:00:00:00:00:06 dev vx0 dst 10.0.0.4 via nodev
"""),
    Case("bridge vlan", BRIDGE, """
bridge vlan add dev p0 vid 10
bridge vlan add dev p0 vid 20-25
bridge vlan add dev p0 vid 30 pvid untagged
bridge vlan add dev br0 vid 30 self
bridge vlan del dev p0 vid 10
bridge vlan add dev nodev vid 10
bridge vlan add dev q0 vid 10
"""),
    # brctl
    Case("brctl", CABLE, """
brctl addbr br0
brctl addif br0 v0
brctl addif br0 v1
ip link set br0 up
brctl delif br0 v1
"""),
    Case("brctl attributes", BRIDGE, """
brctl stp br0 on
brctl setageing br0 100
brctl setfd br0 10
brctl sethello br0 1.5
brctl setmaxage br0 12
brctl setbridgeprio br0 100
brctl setpathcost br0 p0 77
brctl setportprio br0 p0 5
brctl hairpin br0 p0 on
brctl stp br0 off
brctl hairpin br0 p0 off
"""),
    Case("brctl refused", BRIDGE, """
brctl addbr br0
brctl addif br0 p0
brctl addif nobr p0
brctl addif br0 noif
brctl addif br0 br0
brctl addif br0 lo
brctl addif q0 q1
brctl delif br0 q0
brctl delif nobr p0
brctl delif br0 noif
brctl delif q0 q1
brctl delbr q0
brctl delbr nobr
brctl setfd br0 100
brctl stp nobr on
brctl setageing nobr 5
"""),
    Case("brctl attributes refused", BRIDGE, """
brctl setpathcost br0 q0 5
brctl setpathcost br0 noif 5
brctl setportprio br0 q0 5
brctl setportprio br0 p0 500
brctl hairpin br0 noif on
brctl hairpin br0 q0 on
brctl setpathcost br0 p0 0
brctl setmaxage br0 1
brctl sethello br0 100
brctl stp q0 on
brctl setfd q0 5
brctl setageing br0 0
"""),
    Case("brctl delbr", BRIDGE, """
ip link set br0 up
brctl delbr br0
ip link set br0 down
brctl delbr br0
brctl delbr br0
"""),
    Case("brctl, several ports", BRIDGE, """
brctl addif br0 q0 q1
brctl delif br0 q0 q1 p0
brctl addif br0 q0 noif q1
"""),
    # ifconfig
    Case("ifconfig up and down", CABLE, """
ifconfig v0 down
ifconfig v0 up
ifconfig lo up
ifconfig nodev up
ifconfig nodev down
"""),
    Case("ifconfig address", CABLE, """
ifconfig v0 192.168.1.1
ifconfig v1 10.1.2.3 netmask 255.255.255.0
ifconfig lo 127.0.0.1
"""),
    Case("ifconfig address with all", CABLE, """
ifconfig v1 192.168.1.1 netmask 255.255.255.128 broadcast 192.168.1.127 mtu 1400 up
ifconfig v1 172.16.0.1/20
"""),
    Case("ifconfig address changed", CABLE, """
ifconfig v0 10.0.0.7
ifconfig v0 netmask 255.255.255.0
ifconfig v0 broadcast 10.0.0.99
ifconfig v0 10.0.0.7
"""),
    Case("ifconfig address away", CABLE, """
ifconfig v0 0.0.0.0
ifconfig v0 netmask 255.255.255.0
"""),
    Case("ifconfig alias", CABLE, """
ifconfig v0:1 10.2.0.1/24
ifconfig v0:2 10.3.0.1 netmask 255.255.255.0
ifconfig v0:1 10.4.0.1/24
ifconfig v0:2 down
ifconfig v0:9 down
"""),
    Case("ifconfig, no such link", "", """
ifconfig nodev 10.1.1.1
ifconfig nodev mtu 1300
ifconfig nodev netmask 255.0.0.0
"""),
    Case("ifconfig switches", CABLE, """
ifconfig v0 -arp
ifconfig v0 promisc
ifconfig v0 -multicast
ifconfig v0 allmulti
ifconfig v0 arp -promisc
"""),
    Case("ifconfig mtu, hw", CABLE, """
ifconfig v0 mtu 1300
ifconfig v1 hw ether 02:00:00:00:00:42
ifconfig v1 hw ether 01:00:00:00:00:42
ifconfig v0 mtu 100000
"""),
    Case("ifconfig IPv6", CABLE, """
ifconfig v0 add fd05::1/64
ifconfig v0 add fd05::1/64
ifconfig v0 inet6 add fd06::1/64
ifconfig v0 del fd05::1/64
ifconfig v0 del fd05::1/64
"""),
    Case("ifconfig point to point", CABLE, """
ifconfig v0 10.0.0.1 pointopoint 10.0.0.2
"""),
    Case("ifconfig name", CABLE, """
ifconfig v1 down
ifconfig v1 name eth9
ifconfig eth9 up
"""),
    # route, arp
    Case("route add", CABLE, """
route add default gw 10.0.0.2
route add -net 10.9.0.0/16 gw 10.0.0.2
route add -net 10.8.0.0 netmask 255.255.0.0 dev v0
route add -host 10.7.0.1 v0
route add 10.6.0.1 gw 10.0.0.3
route add -net 10.5.0.0 netmask 255.255.0.0 gw 10.0.0.3 metric 5
route add -net 10.4.0.0/16 reject
route add -host 10.3.0.1 reject
"""),
    Case("route add refused", CABLE, """
route add default gw 10.0.0.2
route add default gw 10.0.0.2
route add -net 10.9.0.0/17 gw 172.17.0.2
route add -net 10.9.0.0/17 dev nodev
route add default gw 10.0.0.3
route del -net 10.99.0.0 netmask 255.255.0.0
route add -host 10.5.0.1 gw 10.77.0.1
"""),
    Case("route with metrics", CABLE, """
route add -net 10.9.0.0/16 gw 10.0.0.2 mss 1000 window 5000 irtt 300
route add -net 10.8.0.0/16 mss 900 dev v0
"""),
    Case("route del", CABLE, """
route add default gw 10.0.0.2
route del default
route del default
route add -net 10.9.0.0/16 gw 10.0.0.2
route del -net 10.9.0.0/16
route add -net 10.9.0.0/16 dev v0
route del -net 10.9.0.0 netmask 255.255.0.0 dev v0
route add -host 10.7.0.1 v0
route del 10.7.0.1
route add -net 10.4.0.0/16 reject
route del -net 10.4.0.0/16 reject
route del -net 10.0.0.0/24 dev v0
"""),
    Case("route of IPv6", CABLE, """
route -A inet6 add fd05::/64 dev v0
route -A inet6 add fd05::/64 dev v0
route -6 add fd06::/64 gw fd00::2
route -6 add default gw fd00::2 dev v0
route -A inet6 del fd05::/64 dev v0
route -A inet6 del fd05::/64 dev v0
route -6 add fd07::1/128 dev v0
route -A inet6 add fd08::/64 gw fd77::1
route -6 add fd09::/64 gw fd00::2 metric 5
"""),
    Case("arp -s", CABLE, """
arp -s 10.0.0.50 02:00:00:00:00:01
arp -s 10.0.0.50 02:00:00:00:00:02
arp -i v0 -s 10.0.0.51 02:00:00:00:00:01 temp
arp -s 10.99.0.50 02:00:00:00:00:01
arp -i nodev -s 10.0.0.51 02:00:00:00:00:01
"""),
    Case("arp -d", CABLE, """
arp -s 10.0.0.50 02:00:00:00:00:01
arp -d 10.0.0.50
arp -d 10.0.0.77
arp -d 10.99.0.77
arp -i nodev -d 10.0.0.50
arp -i v0 -d 10.0.0.77
"""),
    Case("arp pub", CABLE, """
arp -i v0 -s 10.0.0.52 02:00:00:00:00:01 pub
arp -i v0 -Ds 10.0.0.53 v0 pub
arp -i v0 -d 10.0.0.52 pub
arp -i v0 -d 10.0.0.53
"""),
    # together
    Case("two rooms", ROOMS, """
ip -n red link set lo up
ip -n red route add default via 192.168.15.2
ip -n blue neigh add 192.168.15.1 lladdr 02:00:00:00:00:01 dev veth-blue
ip -n red rule add from 192.168.15.0/24 table 9
"""),
    Case("commands inside a room", ROOMS, """
ip netns exec red ip link set lo up
ip netns exec red ip addr add 10.1.0.1/24 dev veth-red
ip netns exec blue route add default gw 192.168.15.1
ip netns exec blue ifconfig veth-blue 10.2.0.1/24 up
ip netns exec red arp -s 192.168.15.2 02:00:00:00:00:09
ip netns exec red brctl addbr br0
"""),
    Case("the note's switch", ROOMS, """
ip link add v-net-0 type bridge
ip link set dev v-net-0 up
ip -n red link del veth-red
ip link add veth-red type veth peer name veth-red-br
ip link add veth-blue type veth peer name veth-blue-br
ip link set veth-red netns red
ip link set veth-red-br master v-net-0
ip link set veth-blue netns blue
ip link set veth-blue-br master v-net-0
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
ip link set veth-red-br up
ip link set veth-blue-br up
ip addr add 192.168.15.5/24 dev v-net-0
ip -n blue route add 192.168.1.0/24 via 192.168.15.5
ip -n red route add default via 192.168.15.5
"""),
    Case("moved in use", ROOMS, """
ip -n red link set veth-red netns PID
ip link set veth-red up
ip addr add 10.0.0.1/24 dev veth-red
"""),
    # more flushes and selectors
    Case("addresses flushed, links chosen", CABLE, """
ip addr add 10.0.1.1/24 dev v1
ip link set v1 down
ip addr flush up
"""),
    Case("rules flushed with selectors", "", """
ip rule add from 10.0.0.0/8 table 100 prio 5
ip rule add from 11.0.0.0/8 table 100 prio 6
ip rule flush from 10.0.0.0/8
"""),
    Case("rules of IPv6 flushed", "", """
ip -6 rule add from fd00::/8 table 100
ip -6 rule flush
"""),
    Case("routes flushed, nothing there", CABLE, """
ip route flush table 99
ip route flush 10.77.0.0/16
ip -6 route flush proto static
"""),
    Case("routes flushed, no table", "", """
ip route flush dev lo
ip route flush table 99
ip -6 route flush table 99
ip -6 route flush dev lo
ip route flush table local
ip route flush table all
"""),
    Case("address moved between links", CABLE, """
ip addr del 10.0.0.1/24 dev v0
ip addr add 10.0.0.1/24 dev v1
ip addr add 10.0.0.1/24 dev v0
"""),
    Case("address of a bridge with ports", BRIDGE, """
ip addr add 192.168.15.5/24 dev br0
ip link set br0 up
ip link set p0 up
ip link set q0 up
ip route add 192.168.1.0/24 via 192.168.15.9
"""),
    Case("numbers and names of other lists", CABLE, """
ip route add 10.9.0.0/16 dev v0 proto 99 table 123 scope 30
ip route add 10.8.0.0/16 via 10.0.0.2 proto ospf
ip neigh add 10.0.0.9 dev v0 lladdr 02:00:00:00:00:09 nud 0x80
ip link set v0 group 4000000
"""),
    Case("vxlan changed", CABLE, """
ip link add vx0 type vxlan id 42 dstport 4789 dev v0
ip link set vx0 type vxlan nolearning
ip link set vx0 type vxlan ttl 9
ip link set vx0 type vxlan id 43
ip link set vx0 master v1
"""),
    Case("vxlan in a bridge", BRIDGE, """
ip link add vx0 type vxlan id 42 dstport 4789
ip link set vx0 master br0 up
bridge link set dev vx0 learning off
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.2 self
bridge fdb add 02:00:00:00:00:09 dev vx0 master static
bridge fdb add 02:00:00:00:00:09 dev vx0 self dst 10.0.0.2
"""),
]  # fmt: skip
