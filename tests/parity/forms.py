"""What is compared with the real tools: scripts of lines, run on both sides from an empty sandbox.

Every line counts: what it leaves, and when it is refused, its words. A script begins with one of the set-ups below where that
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
    script: str
    setup: str = ""

    @property
    def lines(self) -> list[str]:
        return [line for line in (self.setup + self.script).splitlines() if line.strip()]


CASES = [
    # -- ip link add ---------------------------------------------------------------------------------------------------------
    Case("veth", "ip link add v0 type veth peer name v1"),
    Case("veth without names", "ip link add type veth\nip link add type veth"),
    Case("veth, short spelling", "ip l a v0 type veth peer v1\nip l s v0 up\nip l s dev v1 up"),
    Case("veth, peer without a name", "ip link add v0 type veth"),
    Case("veth with attributes of both ends", "ip link add name v0 mtu 1400 address 02:00:00:00:00:05 txqueuelen 50 type veth "
         "peer name v1 mtu 1300 address 02:00:00:00:00:06 txqueuelen 70"),
    Case("veth with numbers", "ip link add v0 index 77 type veth peer name v1 index 78"),
    Case("veth, number taken", "ip link add v0 index 77 type veth peer name v1\nip link add v2 index 77 type veth peer name v3"),
    Case("veth, peer in a room", "ip netns add red\nip link add v0 type veth peer name v1 netns red"),
    Case("veth, first end in a room", "ip netns add red\nip link add v0 netns red type veth peer name v1"),
    Case("veth, both ends in rooms", "ip netns add red\nip netns add blue\n"
         "ip link add v0 netns red type veth peer name v1 netns blue"),
    Case("veth, same name at both ends", "ip netns add red\nip link add eth0 netns red type veth peer name eth0"),
    Case("veth from inside a room", "ip netns add red\nip -n red link add v0 type veth peer name v1\n"
         "ip -n red link add v2 type veth peer name v3 netns 1"),
    Case("veth, name taken", "ip link add v0 type veth peer name v1\nip link add v0 type veth peer name v2\n"
         "ip link add v3 type veth peer name v1\nip link add v4 type veth peer name v4"),
    Case("veth up at creation", "ip link add v0 up type veth peer name v1"),
    Case("veth into an unknown room", "ip link add v0 type veth peer name v1 netns nowhere\nip link add v2 netns nowhere type veth"),
    Case("veth with group, alias, queues", "ip link add v0 group 7 numtxqueues 2 numrxqueues 2 alias cable type veth peer name v1 group 8"),
    Case("veth with master", "ip link add br0 type bridge\nip link add v0 master br0 type veth peer name v1 master br0"),
    Case("unknown kind", "ip link add x type nosuchkind"),
    Case("kinds this kernel may lack", "ip link add d0 type dummy\nip link add w0 type wireguard\nip link add n0 type nlmon\n"
         "ip link add i0 type ifb\nip link add c0 type vcan\nip link add t0 type team"),
    Case("bridge", "ip link add br0 type bridge\nip link set br0 up"),
    Case("bridge with attributes", "ip link add br0 address 02:00:00:00:00:aa mtu 1400 type bridge stp_state 1 forward_delay 400 "
         "hello_time 100 max_age 600 priority 4096 ageing_time 1000 mcast_snooping 0"),
    Case("bridge, name taken", "ip link add br0 type bridge\nip link add br0 type bridge"),
    Case("bridge with filtering", "ip link add br0 type bridge vlan_filtering 1"),
    Case("vlan", "ip link add link v0 name v0.10 type vlan id 10\nip link add link v0 v0.11 type vlan protocol 802.1ad id 11 "
         "reorder_hdr off gvrp on\nip link add link nolink name x type vlan id 5", CABLE),
    Case("vxlan", "ip link add vx0 type vxlan id 42 remote 10.0.0.2 local 10.0.0.1 dev v0 dstport 4789\nip link set vx0 up", CABLE),
    Case("vxlan in full", "ip link add vx0 type vxlan id 7 remote 10.0.0.2 dev v0 dstport 4789 ttl 5 tos inherit nolearning proxy "
         "rsc l2miss l3miss ageing 30 maxaddress 40 srcport 100 200 udpcsum udp6zerocsumtx noudp6zerocsumrx", CABLE),
    Case("vxlan with a group", "ip link add vx0 type vxlan id 8 group 239.1.1.1 dev v0 dstport 4789 ttl inherit", CABLE),
    Case("vxlan over IPv6", "ip link add vx0 type vxlan id 9 remote fd00::2 local fd00::1 dstport 4789\n"
         "ip link add vx1 type vxlan id 10 remote fd00::2 dstport 4790 flowlabel 5", CABLE),
    Case("vxlan external", "ip link add vx0 type vxlan external dstport 4789\nip link add vx1 type vxlan id 1 gbp dstport 4790"),
    Case("vxlan taken", "ip link add vx0 type vxlan id 1 dstport 4789\nip link add vx1 type vxlan id 1 dstport 4789\n"
         "ip link add vx2 type vxlan id 2 dev nolink dstport 4789"),
    Case("macvlan", "ip link add mv0 link v0 type macvlan mode bridge\nip link add link v0 name mv1 type macvlan mode private\n"
         "ip link add link v0 mv2 type macvlan mode vepa\nip link add link v1 mv3 type macvlan mode passthru nopromisc\n"
         "ip link add link v0 mv4 type macvlan\nip link set mv0 up", CABLE),
    Case("macvlan into a room", "ip netns add red\nip link add mv0 link v0 netns red type macvlan mode bridge", CABLE),
    Case("macvlan, mode changed", "ip link add mv0 link v0 type macvlan mode bridge\nip link set mv0 type macvlan mode vepa", CABLE),
    Case("macvtap", "ip link add mt0 link v0 type macvtap mode bridge", CABLE),
    Case("ipvlan", "ip link add link v0 iv0 type ipvlan mode l2\nip link add link v0 iv1 type ipvlan mode l3s private", CABLE),
    Case("bond", "ip link add b0 type bond mode active-backup miimon 100\nip link add b1 type bond mode 802.3ad lacp_rate fast"),
    Case("vrf", "ip link add vrf0 type vrf table 10"),
    Case("tunnels", "ip link add g0 type gre remote 10.0.0.2 local 10.0.0.1 ttl 64 key 5\nip link add t0 type ipip remote 10.0.0.2 "
         "local 10.0.0.1\nip link add s0 type sit remote 10.0.0.2 local 10.0.0.1", CABLE),
    # -- ip link set ---------------------------------------------------------------------------------------------------------
    Case("up and down", "ip link set lo up\nip link set lo down\nip link set v0 down\nip link set dev v0 up", CABLE),
    Case("no such link", "ip link set nodev up\nip link set dev nodev down\nip link del nodev\nip link set nodev master v0\n"
         "ip link set v0 master nodev\nip link set nodev netns nowhere", CABLE),
    Case("moved", "ip netns add red\nip link set v1 netns red\nip -n red link set v1 up", CABLE),
    Case("moved and back", "ip netns add red\nip link set v1 netns red\nip -n red link set v1 netns 1", CABLE),
    Case("moved with a new name, up", "ip netns add red\nip link set v1 netns red name eth0 up", CABLE),
    Case("moved where the name is taken", "ip netns add red\nip -n red link add v1 type veth peer name w1\nip link set v1 netns red", CABLE),
    Case("moved to nowhere", "ip link set v1 netns nowhere\nip link set v1 netns 999999", CABLE),
    Case("loopback does not move", "ip netns add red\nip link set lo netns red"),
    Case("renamed", "ip link set v1 down\nip link set v1 name eth7\nip link set dev eth7 name eth7\nip link set v0 name eth7", CABLE),
    Case("renamed while up", "ip link set v0 name eth8", CABLE),
    Case("address", "ip link set v0 address 02:00:00:00:00:77\nip link set v0 address 01:00:00:00:00:77\n"
         "ip link set v0 address 02:00:00\nip link set v0 broadcast ff:ff:ff:ff:ff:fe", CABLE),
    Case("mtu", "ip link set v0 mtu 1400\nip link set v0 mtu 20\nip link set v0 mtu 100000\nip link set v1 mtu 1280", CABLE),
    Case("queue length, alias, group", "ip link set v0 txqueuelen 77 alias 'my cable' group 5\nip link set v0 alias ''\n"
         "ip link set v1 group default", CABLE),
    Case("switches", "ip link set v0 promisc on multicast off allmulticast on arp off\nip link set v1 dynamic on trailers off\n"
         "ip link set v0 promisc off arp on", CABLE),
    Case("group", "ip link set v0 group 5\nip link set v1 group 5\nip link set group 5 down\nip link set group 5 mtu 1300\n"
         "ip link del group 5", CABLE),
    Case("address generation", "ip link set v0 addrgenmode eui64\nip link set v0 addrgenmode none\nip link set v0 addrgenmode random\n"
         "ip link set v0 addrgenmode none", CABLE),
    Case("protodown, carrier", "ip link set v0 protodown on\nip link set v0 carrier off", CABLE),
    Case("master", "ip link set q0 master br0\nip link set q0 nomaster\nip link set br0 master br0\nip link set lo master br0\n"
         "ip link set p0 master p1\nip link set q1 master nobridge", BRIDGE),
    Case("master and up in one", "ip link set q0 master br0 up\nip link set br0 up\nip link set p0 up", BRIDGE),
    Case("port of two bridges", "ip link add br1 type bridge\nip link set p0 master br1", BRIDGE),
    Case("bridge attributes", "ip link set br0 type bridge stp_state 1\nip link set dev br0 type bridge forward_delay 200 hello_time "
         "150 max_age 800\nip link set br0 type bridge ageing_time 500 priority 8192 group_fwd_mask 8\n"
         "ip link set br0 type bridge stp_state 0 group_address 01:80:c2:00:00:0e\nip link set br0 type bridge forward_delay 1", BRIDGE),
    Case("bridge multicast", "ip link set br0 type bridge mcast_snooping 0\nip link set br0 type bridge mcast_querier 1 mcast_router 2\n"
         "ip link set br0 type bridge mcast_query_interval 500 mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2\n"
         "ip link set br0 type bridge mcast_hash_max 512 mcast_last_member_count 3 mcast_startup_query_count 3 "
         "mcast_last_member_interval 200 mcast_membership_interval 20000 mcast_querier_interval 20000 "
         "mcast_query_response_interval 500 mcast_startup_query_interval 1000 mcast_query_use_ifaddr 1\n"
         "ip link set br0 type bridge mcast_snooping 1", BRIDGE),
    Case("bridge, rare", "ip link set br0 type bridge no_linklocal_learn 1\nip link set br0 type bridge fdb_flush\n"
         "ip link set br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1\n"
         "ip link set br0 type bridge vlan_filtering 1\nip link set br0 type bridge vlan_default_pvid 5\n"
         "ip link set br0 type bridge mcast_vlan_snooping 1\nip link set p0 type bridge stp_state 1", BRIDGE),
    Case("port attributes", "ip link set p0 type bridge_slave hairpin on cost 40 priority 5 learning off flood off\n"
         "ip link set p0 type bridge_slave guard on root_block on fastleave on mcast_to_unicast on mcast_flood off bcast_flood off\n"
         "ip link set p0 type bridge_slave neigh_suppress on isolated on locked on group_fwd_mask 8 mcast_router 1 proxy_arp on\n"
         "ip link set p0 type bridge_slave backup_port p1\nip link set p0 type bridge_slave nobackup_port\n"
         "ip link set p0 type bridge_slave fdb_flush\nip link set p0 type bridge_slave state 0\nip link set q0 type bridge_slave cost 5\n"
         "ip link set p0 type bridge_slave cost 0", BRIDGE),
    Case("properties", "ip link property add dev v0 altname a-name-longer-than-15-bytes altname short\nip link set short mtu 1400\n"
         "ip link set a-name-longer-than-15-bytes up\nip link property del dev v0 altname short\nip link property del dev v0 altname short\n"
         "ip link property add dev v1 altname v0\nip addr add 10.3.0.1/24 dev a-name-longer-than-15-bytes", CABLE),
    Case("by number", "ip link add v0 index 55 type veth peer name v1\nip link set if55 up\nip link set if56 up"),
    Case("odd names", "ip link add 'a;b' type veth peer name '$x'\nip link set 'a;b' up\nip link add é type bridge\nip link set é up\n"
         "ip link del '$x'"),
    # -- ip link del ---------------------------------------------------------------------------------------------------------
    Case("deleted", "ip link del v0\nip link delete dev v1", CABLE),
    Case("deleted by kind", "ip link del br0 type bridge\nip link del p0 type veth", BRIDGE),
    Case("deleted, wrong kind", "ip link del lo", CABLE),
    Case("bridge deleted with ports", "ip link set br0 up\nip link del br0", BRIDGE),
    # -- ip addr -------------------------------------------------------------------------------------------------------------
    Case("addresses", "ip addr add 10.0.1.1/24 dev v0\nip a a 10.0.1.2/24 dev v0\nip address add 10.0.2.1/16 dev v1", CABLE),
    Case("address without a length", "ip addr add 10.9.0.1 dev v0\nip addr add fd09::1 dev v0", CABLE),
    Case("address twice", "ip addr add 10.0.0.1/24 dev v0\nip addr add fd00::1/64 dev v0\nip addr add 10.0.0.1/25 dev v0", CABLE),
    Case("address with broadcast", "ip addr add 10.0.1.1/24 brd + dev v0\nip addr add 10.0.2.1/24 broadcast 10.0.2.255 dev v0\n"
         "ip addr add 10.0.3.1/24 brd - dev v0\nip addr add 10.0.4.0/31 brd + dev v0\nip addr add 10.0.5.1/30 brd + dev v1", CABLE),
    Case("address in full", "ip addr add 10.0.1.2/24 broadcast 10.0.1.255 label v0:x scope link dev v0 metric 50 noprefixroute\n"
         "ip addr add 10.0.2.2/24 dev v0 scope host\nip addr add 10.0.3.2/24 dev v0 label other", CABLE),
    Case("address with a peer", "ip addr add 10.0.1.1 peer 10.0.1.2 dev v0\nip addr add 10.0.2.1 peer 10.0.2.2/24 dev v0\n"
         "ip addr del 10.0.2.1 peer 10.0.2.2/24 dev v0\nip addr add fd01::1 peer fd01::2/128 dev v0", CABLE),
    Case("address with lifetimes", "ip addr add 10.0.1.1/24 dev v0 valid_lft 1000 preferred_lft 500\n"
         "ip addr add fd01::1/64 dev v0 valid_lft 1000 preferred_lft 0\nip addr change 10.0.1.1/24 dev v0 valid_lft 2000 preferred_lft 2000\n"
         "ip addr add 10.0.2.1/24 dev v0 valid_lft forever preferred_lft forever", CABLE),
    Case("address replaced", "ip addr replace 10.0.0.1/24 dev v0\nip addr replace 10.0.7.1/24 dev v0\nip addr change 10.0.8.1/24 dev v0\n"
         "ip addr replace fd00::1/64 dev v0 preferred_lft 0 valid_lft 100", CABLE),
    Case("IPv6 addresses", "ip addr add fd01::1/64 dev v0 nodad\nip addr add fd01::2/64 dev v0 home\nip addr add fe80::1/64 dev v1\n"
         "ip -6 addr add fd02::1/128 dev lo\nip addr add fd03::1/64 dev v0 noprefixroute\nip addr add fd04::1/64 dev v0 mngtmpaddr", CABLE),
    Case("loopback addresses", "ip link set lo up\nip addr add 127.0.0.2/8 dev lo\nip addr add 10.99.0.1/32 dev lo\nip addr del 127.0.0.2/8 dev lo"),
    Case("invalid addresses", "ip addr add 0.0.0.0/24 dev v0\nip addr add 224.0.0.7/32 dev v0\nip addr add ff02::7/128 dev v0\n"
         "ip addr add ::/64 dev v0\nip addr add 255.255.255.255/32 dev v0", CABLE),
    Case("address of no link", "ip addr add 10.0.0.1/24 dev nodev\nip addr del 10.0.0.1/24 dev nodev\nip addr flush dev nodev"),
    Case("address deleted", "ip addr del 10.0.0.1/24 dev v0\nip addr del 10.0.0.1/24 dev v0\nip addr del fd00::1/64 dev v0\n"
         "ip addr del fd00::1/64 dev v0", CABLE),
    Case("address deleted without a length", "ip addr del 10.0.0.1 dev v0\nip addr add 10.1.0.1 dev v0\nip addr del 10.1.0.1 dev v0\n"
         "ip addr del fd00::1 dev v0\nip addr del 10.2.0.1 dev v0", CABLE),
    Case("address deleted with others", "ip addr add 10.0.0.2/24 dev v0\nip addr add 10.0.0.3/24 dev v0\nip addr del 10.0.0.1/24 dev v0", CABLE),
    Case("address deleted by label", "ip addr add 10.0.1.1/24 dev v0 label v0:1\nip addr del 10.0.1.1/24 dev v0 label v0:2\n"
         "ip addr del 10.0.1.1/24 dev v0 label v0:1", CABLE),
    Case("addresses flushed", "ip addr add 10.0.0.2/24 dev v0\nip addr add 10.0.1.1/24 dev v0\nip addr flush dev v0", CABLE),
    Case("addresses flushed by family", "ip -4 addr flush dev v0\nip addr add 10.0.0.2/24 dev v1\nip -6 addr flush dev v0", CABLE),
    Case("addresses flushed by scope, prefix, label", "ip addr add 10.0.1.1/24 dev v0 scope link\nip addr add 10.0.2.1/24 dev v0 label v0:2\n"
         "ip addr add 10.0.3.1/24 dev v1\nip addr flush dev v0 scope link\nip addr flush label v0:*\nip addr flush to 10.0.3.0/24\n"
         "ip addr flush dev v1 to 10.7.0.0/16", CABLE),
    Case("addresses flushed by flag", "ip addr add 10.0.1.1/24 dev v0 valid_lft 100 preferred_lft 100\nip addr add 10.0.0.9/24 dev v0\n"
         "ip addr flush dev v0 dynamic\nip addr flush dev v0 secondary\nip addr flush dev v0 permanent", CABLE),
    Case("secondary addresses flushed", "ip addr add 10.0.0.9/24 dev v0\nip addr add 10.0.0.10/24 dev v0\nip addr flush dev v0 primary", CABLE),
    Case("addresses flushed by link", "ip addr add 10.0.1.1/24 dev p0\nip addr add 10.0.2.1/24 dev q0\nip addr flush master br0\n"
         "ip addr flush type veth", BRIDGE),
    # -- ip route ------------------------------------------------------------------------------------------------------------
    Case("default route", "ip route add default via 10.0.0.2\nip route add default via 10.0.0.2\nip route add default via 10.0.0.3", CABLE),
    Case("routes", "ip route add default via 10.0.0.2 dev v0\nip route add 10.5.0.0/16 via 10.0.0.3\nip r a 10.6.0.0/16 via 10.0.0.3 dev v0\n"
         "ip route add 10.7.0.0/16 dev v0\nip route add 10.8.0.1 dev v0\nip route add 10.9.0.1/32 via 10.0.0.4", CABLE),
    Case("route in full", "ip route add 10.5.0.0/17 via 10.0.0.3 dev v0 metric 5 src 10.0.0.1 table 10 proto static\n"
         "ip route add 10.5.0.0/17 via 10.0.0.3 dev v0 metric 6 table 1000\nip route add 10.11.0.0/16 tos 0x10 via 10.0.0.3\n"
         "ip route add 10.12.0.0/16 scope link dev v0\nip route add 10.13.0.0/16 dev v0 scope host\nip route add table local 10.14.0.0/16 dev v0\n"
         "ip route add default via 10.0.0.2 dev v0 table 77", CABLE),
    Case("route with metrics", "ip route add 10.5.0.0/18 via 10.0.0.3 dev v0 mtu 1400 advmss 1300 initcwnd 10 initrwnd 20 window 1000 "
         "hoplimit 5 quickack 1 features ecn\nip route add 10.6.0.0/16 dev v0 mtu lock 1300 rtt 100ms rttvar 50ms rto_min 1s cwnd lock 7 "
         "ssthresh 9 reordering 4\nip route add 10.7.0.0/16 dev v0 congctl reno", CABLE),
    Case("routes of other types", "ip route add blackhole 10.6.0.0/16\nip route add unreachable 10.7.0.0/16 metric 5\n"
         "ip route add prohibit 10.8.0.0/16\nip route add throw 10.9.0.0/16 table 10\nip route add local 10.10.0.1 dev lo\n"
         "ip route add broadcast 10.11.255.255 dev v0\nip route add multicast 239.0.0.0/8 dev v0\nip route add unreachable default metric 4000\n"
         "ip route add anycast 10.12.0.1 dev v0\nip route add blackhole default", CABLE),
    Case("route with several gateways", "ip route add 10.8.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4 dev v0\n"
         "ip route add 10.9.0.0/16 nexthop dev v0 weight 5 nexthop dev v1 weight 3\nip route add default nexthop via 10.0.0.3 nexthop via "
         "172.16.0.9 dev v0 onlink\nip route add 10.10.0.0/16 nexthop via 172.16.0.9 nexthop via 10.0.0.3\n"
         "ip route add fd08::/64 nexthop via fd00::3 nexthop via fd00::4 weight 3", CABLE),
    Case("gateway of the other family", "ip route add 10.9.0.0/16 via inet6 fd00::9 dev v0\nip route add fd09::/64 via inet fd00::9 dev v0", CABLE),
    Case("gateway not on a link", "ip route add 10.9.0.0/16 via 172.16.0.1\nip route add 10.9.0.0/16 via 172.16.0.1 dev v0\n"
         "ip route add 10.9.0.0/16 via 172.16.0.1 dev v0 onlink\nip route add 10.10.0.0/16 via 10.0.0.1\nip -6 route add default via fd77::1\n"
         "ip route add default via 10.0.0.9 dev v1", CABLE),
    Case("route over a link that is down", "ip link set v0 down\nip route add 10.9.0.0/16 dev v0\nip route add default via 10.0.0.2", CABLE),
    Case("route of no link", "ip route add 10.9.0.0/16 dev nodev\nip route del 10.9.0.0/16 dev nodev\nip route flush dev nodev\n"
         "ip route add 10.9.0.0/16 nexthop via 10.0.0.2 dev nodev nexthop via 10.0.0.3"),
    Case("route with host bits", "ip route add 10.9.0.1/16 dev v0\nip route add 10.9.0.0/16 src 10.77.0.1 dev v0", CABLE),
    Case("route replaced", "ip route replace 10.9.0.0/16 via 10.0.0.2\nip route replace 10.9.0.0/16 via 10.0.0.3\nip route change 10.9.0.0/16 via "
         "10.0.0.4\nip route change 10.10.0.0/16 via 10.0.0.4\nip route append 10.9.0.0/16 via 10.0.0.5\nip route prepend 10.9.0.0/16 via 10.0.0.6\n"
         "ip route replace default dev v0\nip route replace default via 10.0.0.2", CABLE),
    Case("route deleted", "ip route add default via 10.0.0.2\nip route del default\nip route del default\nip route del 10.99.0.0/16", CABLE),
    Case("route deleted by key", "ip route add 10.9.0.0/16 via 10.0.0.2 metric 5\nip route add 10.9.0.0/16 via 10.0.0.3 metric 6\n"
         "ip route del 10.9.0.0/16 via 10.0.0.3\nip route del 10.9.0.0/16 metric 6\nip route del 10.9.0.0/16 metric 5 dev v0\n"
         "ip route add blackhole 10.8.0.0/16\nip route del blackhole 10.8.0.0/16\nip route add 10.7.0.0/16 dev v0 table 10\n"
         "ip route del 10.7.0.0/16\nip route del 10.7.0.0/16 table 10\nip route del 10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1", CABLE),
    Case("route with several gateways deleted", "ip route add 10.8.0.0/16 nexthop via 10.0.0.3 nexthop via 10.0.0.4\n"
         "ip route del 10.8.0.0/16 via 10.0.0.9\nip route del 10.8.0.0/16 nexthop via 10.0.0.3 nexthop via 10.0.0.4", CABLE),
    Case("IPv6 routes", "ip -6 route add default via fd00::2\nip route add fd01::/64 via fd00::2 dev v0 metric 10 pref high\n"
         "ip route add fd03::/64 dev v0\nip -6 route add blackhole fd04::/64\nip route add unreachable fd05::/64\nip route add fd06::1 dev v0\n"
         "ip route add fd07::/64 via fe80::9 dev v0\nip route add fd07::/64 via fe80::9\nip route add fd08::/64 from fd00::/64 via fd00::2\n"
         "ip route add fd09::/64 dev v0 expires 100", CABLE),
    Case("IPv6 routes changed", "ip route add fd01::/64 via fd00::2\nip route replace fd01::/64 via fd00::3\nip route append fd01::/64 via fd00::4\n"
         "ip route del fd01::/64 via fd00::4\nip route del fd01::/64\nip route del fd01::/64\nip -6 route del default\n"
         "ip route change fd00::/64 dev v0 metric 256 mtu 1300", CABLE),
    Case("routes flushed", "ip route add default via 10.0.0.2\nip route add 10.5.0.0/16 via 10.0.0.2 table 10\nip route add 10.6.0.0/16 via 10.0.0.2 "
         "proto static\nip route add 10.6.7.0/24 via 10.0.0.2\nip route flush table 10\nip route flush proto static\nip route flush root 10.6.0.0/16\n"
         "ip route flush 10.77.0.0/16\nip route flush cache", CABLE),
    Case("routes flushed by link", "ip route add 10.5.0.0/16 dev v0\nip route add 10.6.0.0/16 dev v1\nip route flush dev v0\nip route flush scope link", CABLE),
    Case("routes flushed by match, type, gateway", "ip route add 10.5.0.0/16 via 10.0.0.2\nip route add 10.0.0.0/8 via 10.0.0.3\nip route add blackhole "
         "10.9.0.0/16\nip route flush match 10.5.0.0/16\nip route flush type blackhole\nip route add 10.7.0.0/16 via 10.0.0.4\nip route flush via 10.0.0.4\n"
         "ip route flush exact 10.0.0.0/24", CABLE),
    Case("IPv6 routes flushed", "ip route add fd01::/64 via fd00::2\nip -6 route flush fd01::/64\nip -6 route flush dev v0\nip route flush table all", CABLE),
    Case("everything in main flushed", "ip route add default via 10.0.0.2\nip route flush table main", CABLE),
    # -- ip neigh ------------------------------------------------------------------------------------------------------------
    Case("neighbours", "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0\nip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0\n"
         "ip n add 10.0.0.3 lladdr 02:00:00:00:00:02 dev v0 nud stale router\nip neigh add fd00::2 lladdr 02:00:00:00:00:03 dev v0\n"
         "ip neigh add 10.0.0.4 dev v0 lladdr 02:00:00:00:00:04 nud noarp\nip neigh add 10.0.0.5 dev v0", CABLE),
    Case("neighbours changed", "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0\nip neigh change 10.0.0.2 lladdr 02:00:00:00:00:07 dev v0\n"
         "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:08 dev v0 nud permanent\nip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 "
         "extern_learn\nip neigh change 10.0.0.99 lladdr 02:00:00:00:00:01 dev v0\nip neigh replace 10.0.0.10 dev v0 lladdr 02:00:00:00:00:10 protocol zebra", CABLE),
    Case("neighbours deleted", "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0\nip neigh del 10.0.0.2 dev v0\nip neigh del 10.0.0.77 dev v0\n"
         "ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:01 dev v0\nip neigh delete 10.0.0.3 lladdr 02:00:00:00:00:01 dev v0", CABLE),
    Case("proxies", "ip neigh add proxy 10.0.0.6 dev v0\nip neigh add proxy fd00::6 dev v0\nip neigh add proxy 10.0.0.7 dev v0\nip neigh del proxy 10.0.0.7 dev "
         "v0\nip neigh del proxy 10.0.0.77 dev v0\nip neigh flush proxy dev v0", CABLE),
    Case("neighbours of no link", "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev nodev\nip neigh del 10.0.0.2 dev nodev\nip neigh flush dev nodev\n"
         "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev lo"),
    Case("neighbours flushed", "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0\nip neigh add 10.0.0.3 lladdr 02:00:00:00:00:02 dev v0 nud stale\n"
         "ip neigh add 10.0.0.4 lladdr 02:00:00:00:00:02 dev v0 nud noarp\nip neigh flush dev v0\nip neigh flush dev v0 nud noarp\n"
         "ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:02 dev v0 nud stale\nip neigh flush 10.0.0.0/24\nip neigh flush dev v0 nud all", CABLE),
    # -- ip rule -------------------------------------------------------------------------------------------------------------
    Case("rules", "ip rule add from 10.0.0.0/8 table 100\nip rule add to 10.1.0.0/16 table 1000 prio 50\nip rule add iif v0 lookup main\nip rule add fwmark 1 "
         "table 5\nip rule add from 10.0.0.0/8 table 100", CABLE),
    Case("rules in full", "ip rule add from 10.0.0.0/8 to 11.0.0.0/8 iif v0 oif v1 fwmark 1/0xff tos 0x10 table 300 prio 99\nip rule add prio 100 not from "
         "10.5.0.0/16 blackhole\nip rule add prio 101 to 10.6.0.0/16 unreachable\nip rule add prio 102 from 10.7.0.1 prohibit\nip rule add goto 102 prio 20\n"
         "ip rule add nop prio 21\nip rule add table main suppress_prefixlength 0 prio 22\nip rule add table main suppress_ifgroup 3 prio 23\n"
         "ip rule add ipproto tcp sport 1-5 dport 80 table 8 prio 24\nip rule add uidrange 0-0 table 8 prio 25\nip rule add protocol static table 9 prio 26\n"
         "ip rule add l3mdev prio 27", CABLE),
    Case("rules of IPv6", "ip -6 rule add from fd00::/8 table 55\nip -6 rule add to fd01::/64 table 1055 prio 7\nip -6 rule del from fd00::/8 table 55\n"
         "ip -6 rule del prio 7\nip -6 rule del prio 7"),
    Case("rules deleted", "ip rule add from 10.0.0.0/8 table 100\nip rule del from 10.0.0.0/8 table 100\nip rule del from 10.0.0.0/8 table 100\n"
         "ip rule add prio 50 from 10.1.0.0/16 table 5\nip rule del prio 50\nip rule add to 10.2.0.0/16 blackhole\nip rule del to 10.2.0.0/16 blackhole\n"
         "ip rule del prio 32766\nip rule del table default\nip rule add fwmark 7 table 5\nip rule del fwmark 7\nip rule del lookup 5"),
    Case("rules flushed", "ip rule add from 10.0.0.0/8 table 100\nip rule flush"),
    Case("rules flushed by protocol", "ip rule add from 10.0.0.0/8 table 100 protocol static\nip rule add from 11.0.0.0/8 table 100\nip rule flush protocol static"),
    # -- bridge --------------------------------------------------------------------------------------------------------------
    Case("bridge link set", "bridge link set dev p0 cost 50 priority 5\nbridge link set dev p0 hairpin on guard on fastleave on root_block on\n"
         "bridge link set dev p0 learning off flood off mcast_flood off bcast_flood off\nbridge link set dev p0 neigh_suppress on isolated on locked on\n"
         "bridge link set dev p0 mcast_to_unicast on vlan_tunnel on backup_port p1\nbridge link set dev p0 nobackup_port\nbridge link set dev p1 state 0\n"
         "bridge link set dev q0 cost 5\nbridge link set dev nodev cost 1\nbridge link set dev p0 hwmode vepa\nbridge link set dev p0 learning on self\n"
         "bridge link set dev p0 state 9", BRIDGE),
    Case("bridge fdb", "bridge fdb add 02:00:00:00:00:01 dev p0 master\nbridge fdb add 02:00:00:00:00:01 dev p0 master\nbridge fdb add 02:00:00:00:00:02 dev p0 "
         "master static\nbridge fdb add 02:00:00:00:00:03 dev p0 self\nbridge fdb add 02:00:00:00:00:04 dev p0\nbridge fdb replace 02:00:00:00:00:01 dev p1 "
         "master static sticky\nbridge fdb del 02:00:00:00:00:02 dev p0 master\nbridge fdb del 02:00:00:00:00:02 dev p0 master\nbridge fdb add "
         "02:00:00:00:00:09 dev br0 self\nbridge fdb add 02:00:00:00:00:01 dev nodev\nbridge fdb add 02:00:00:00:00:05 dev p0 master dynamic\n"
         "bridge fdb add 02:00:00:00:00:07 dev p0 master vlan 5\nbridge fdb append 02:00:00:00:00:08 dev p0 master extern_learn", BRIDGE),
    Case("vxlan fdb", "ip link add vx0 type vxlan id 42 dstport 4789\nbridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.2\nbridge fdb append 00:00:00:00:00:00 "
         "dev vx0 dst 10.0.0.3\nbridge fdb append to 00:00:00:00:00:00 dst 10.0.0.3 dev vx0 port 8472 vni 6 via v0\nbridge fdb add 02:00:00:00:00:06 dev vx0 dst 10.0.0.4\n"
         "bridge fdb replace 02:00:00:00:00:06 dev vx0 dst 10.0.0.5\nbridge fdb del 02:00:00:00:00:06 dev vx0 dst 10.0.0.5\nbridge fdb del 00:00:00:00:00:00 dev vx0 "
         "dst 10.0.0.2\nbridge fdb add 02:00:00:00:00:06 dev vx0 dst 10.0.0.4 via nodev", CABLE),
    Case("bridge vlan", "bridge vlan add dev p0 vid 10\nbridge vlan add dev p0 vid 20-25\nbridge vlan add dev p0 vid 30 pvid untagged\nbridge vlan add dev br0 vid 30 self\n"
         "bridge vlan del dev p0 vid 10\nbridge vlan add dev nodev vid 10\nbridge vlan add dev q0 vid 10", BRIDGE),
    # -- brctl ---------------------------------------------------------------------------------------------------------------
    Case("brctl", "brctl addbr br0\nbrctl addif br0 v0\nbrctl addif br0 v1\nip link set br0 up\nbrctl delif br0 v1", CABLE),
    Case("brctl attributes", "brctl stp br0 on\nbrctl setageing br0 100\nbrctl setfd br0 10\nbrctl sethello br0 1.5\nbrctl setmaxage br0 12\nbrctl setbridgeprio br0 100\n"
         "brctl setpathcost br0 p0 77\nbrctl setportprio br0 p0 5\nbrctl hairpin br0 p0 on\nbrctl stp br0 off\nbrctl hairpin br0 p0 off", BRIDGE),
    Case("brctl refused", "brctl addbr br0\nbrctl addif br0 p0\nbrctl addif nobr p0\nbrctl addif br0 noif\nbrctl addif br0 br0\nbrctl addif br0 lo\n"
         "brctl addif q0 q1\nbrctl delif br0 q0\nbrctl delif nobr p0\nbrctl delif br0 noif\nbrctl delif q0 q1\nbrctl delbr q0\nbrctl delbr nobr\n"
         "brctl setfd br0 100\nbrctl stp nobr on\nbrctl setageing nobr 5", BRIDGE),
    Case("brctl delbr", "ip link set br0 up\nbrctl delbr br0\nip link set br0 down\nbrctl delbr br0\nbrctl delbr br0", BRIDGE),
    Case("brctl, several ports", "brctl addif br0 q0 q1\nbrctl delif br0 q0 q1 p0\nbrctl addif br0 q0 noif q1", BRIDGE),
    # -- ifconfig ------------------------------------------------------------------------------------------------------------
    Case("ifconfig up and down", "ifconfig v0 down\nifconfig v0 up\nifconfig lo up\nifconfig nodev up\nifconfig nodev down", CABLE),
    Case("ifconfig address", "ifconfig v0 192.168.1.1\nifconfig v1 10.1.2.3 netmask 255.255.255.0\nifconfig lo 127.0.0.1", CABLE),
    Case("ifconfig address with all", "ifconfig v1 192.168.1.1 netmask 255.255.255.128 broadcast 192.168.1.127 mtu 1400 up\nifconfig v1 172.16.0.1/20", CABLE),
    Case("ifconfig address changed", "ifconfig v0 10.0.0.7\nifconfig v0 netmask 255.255.255.0\nifconfig v0 broadcast 10.0.0.99\nifconfig v0 10.0.0.7", CABLE),
    Case("ifconfig address away", "ifconfig v0 0.0.0.0\nifconfig v0 netmask 255.255.255.0", CABLE),
    Case("ifconfig alias", "ifconfig v0:1 10.2.0.1/24\nifconfig v0:2 10.3.0.1 netmask 255.255.255.0\nifconfig v0:1 10.4.0.1/24\nifconfig v0:2 down\nifconfig v0:9 down", CABLE),
    Case("ifconfig, no such link", "ifconfig nodev 10.1.1.1\nifconfig nodev mtu 1300\nifconfig nodev netmask 255.0.0.0"),
    Case("ifconfig switches", "ifconfig v0 -arp\nifconfig v0 promisc\nifconfig v0 -multicast\nifconfig v0 allmulti\nifconfig v0 arp -promisc", CABLE),
    Case("ifconfig mtu, hw", "ifconfig v0 mtu 1300\nifconfig v1 hw ether 02:00:00:00:00:42\nifconfig v1 hw ether 01:00:00:00:00:42\nifconfig v0 mtu 100000", CABLE),
    Case("ifconfig IPv6", "ifconfig v0 add fd05::1/64\nifconfig v0 add fd05::1/64\nifconfig v0 inet6 add fd06::1/64\nifconfig v0 del fd05::1/64\nifconfig v0 del fd05::1/64", CABLE),
    Case("ifconfig point to point", "ifconfig v0 10.0.0.1 pointopoint 10.0.0.2", CABLE),
    Case("ifconfig name", "ifconfig v1 down\nifconfig v1 name eth9\nifconfig eth9 up", CABLE),
    # -- route, arp ----------------------------------------------------------------------------------------------------------
    Case("route add", "route add default gw 10.0.0.2\nroute add -net 10.9.0.0/16 gw 10.0.0.2\nroute add -net 10.8.0.0 netmask 255.255.0.0 dev v0\nroute add -host 10.7.0.1 v0\n"
         "route add 10.6.0.1 gw 10.0.0.3\nroute add -net 10.5.0.0 netmask 255.255.0.0 gw 10.0.0.3 metric 5\nroute add -net 10.4.0.0/16 reject\nroute add -host 10.3.0.1 reject", CABLE),
    Case("route add refused", "route add default gw 10.0.0.2\nroute add default gw 10.0.0.2\nroute add -net 10.9.0.0/17 gw 172.17.0.2\nroute add -net 10.9.0.0/17 dev nodev\n"
         "route add default gw 10.0.0.3\nroute del -net 10.99.0.0 netmask 255.255.0.0\nroute add -host 10.5.0.1 gw 10.77.0.1", CABLE),
    Case("route with metrics", "route add -net 10.9.0.0/16 gw 10.0.0.2 mss 1000 window 5000 irtt 300\nroute add -net 10.8.0.0/16 mss 900 dev v0", CABLE),
    Case("route del", "route add default gw 10.0.0.2\nroute del default\nroute del default\nroute add -net 10.9.0.0/16 gw 10.0.0.2\nroute del -net 10.9.0.0/16\nroute add -net "
         "10.9.0.0/16 dev v0\nroute del -net 10.9.0.0 netmask 255.255.0.0 dev v0\nroute add -host 10.7.0.1 v0\nroute del 10.7.0.1\nroute add -net 10.4.0.0/16 reject\n"
         "route del -net 10.4.0.0/16 reject\nroute del -net 10.0.0.0/24 dev v0", CABLE),
    Case("route of IPv6", "route -A inet6 add fd05::/64 dev v0\nroute -A inet6 add fd05::/64 dev v0\nroute -6 add fd06::/64 gw fd00::2\nroute -6 add default gw fd00::2 dev v0\n"
         "route -A inet6 del fd05::/64 dev v0\nroute -A inet6 del fd05::/64 dev v0\nroute -6 add fd07::1/128 dev v0\nroute -A inet6 add fd08::/64 gw fd77::1\n"
         "route -6 add fd09::/64 gw fd00::2 metric 5", CABLE),
    Case("arp -s", "arp -s 10.0.0.50 02:00:00:00:00:01\narp -s 10.0.0.50 02:00:00:00:00:02\narp -i v0 -s 10.0.0.51 02:00:00:00:00:01 temp\narp -s 10.99.0.50 02:00:00:00:00:01\n"
         "arp -i nodev -s 10.0.0.51 02:00:00:00:00:01", CABLE),
    Case("arp -d", "arp -s 10.0.0.50 02:00:00:00:00:01\narp -d 10.0.0.50\narp -d 10.0.0.77\narp -d 10.99.0.77\narp -i nodev -d 10.0.0.50\narp -i v0 -d 10.0.0.77", CABLE),
    Case("arp pub", "arp -i v0 -s 10.0.0.52 02:00:00:00:00:01 pub\narp -i v0 -Ds 10.0.0.53 v0 pub\narp -i v0 -d 10.0.0.52 pub\narp -i v0 -d 10.0.0.53", CABLE),
    # -- together ------------------------------------------------------------------------------------------------------------
    Case("two rooms", "ip -n red link set lo up\nip -n red route add default via 192.168.15.2\nip -n blue neigh add 192.168.15.1 lladdr 02:00:00:00:00:01 dev veth-blue\n"
         "ip -n red rule add from 192.168.15.0/24 table 9", ROOMS),
    Case("commands inside a room", "ip netns exec red ip link set lo up\nip netns exec red ip addr add 10.1.0.1/24 dev veth-red\nip netns exec blue route add default gw 192.168.15.1\n"
         "ip netns exec blue ifconfig veth-blue 10.2.0.1/24 up\nip netns exec red arp -s 192.168.15.2 02:00:00:00:00:09\nip netns exec red brctl addbr br0", ROOMS),
    Case("the note's switch", "ip link add v-net-0 type bridge\nip link set dev v-net-0 up\nip -n red link del veth-red\nip link add veth-red type veth peer name veth-red-br\n"
         "ip link add veth-blue type veth peer name veth-blue-br\nip link set veth-red netns red\nip link set veth-red-br master v-net-0\nip link set veth-blue netns blue\n"
         "ip link set veth-blue-br master v-net-0\nip -n red addr add 192.168.15.1/24 dev veth-red\nip -n blue addr add 192.168.15.2/24 dev veth-blue\nip -n red link set veth-red up\n"
         "ip -n blue link set veth-blue up\nip link set veth-red-br up\nip link set veth-blue-br up\nip addr add 192.168.15.5/24 dev v-net-0\nip -n blue route add 192.168.1.0/24 via "
         "192.168.15.5\nip -n red route add default via 192.168.15.5", ROOMS),
    Case("moved in use", "ip -n red link set veth-red netns 1\nip link set veth-red up\nip addr add 10.0.0.1/24 dev veth-red", ROOMS),
]  # fmt: skip
