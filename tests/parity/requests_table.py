"""Lines whose requests are compared with the real tool's. Whether the kernel takes them does not matter here."""

from __future__ import annotations

SETUP = """
ip netns add red
ip link add v0 type veth peer name v1
ip link set v0 up
ip link add br0 type bridge
ip link add p0 type veth peer name p1
ip link set p0 master br0
ip link add vx0 type vxlan id 5 dstport 4789
ip link add mv0 link v0 type macvlan mode bridge
"""

GROUPS = {
    "link add": """
ip link add a0 type veth peer name a1
ip link add a0 type veth
ip link add type veth
ip link add a0 type veth peer name a1 mtu 1300 address 02:00:00:00:00:06 up
ip link add name a0 mtu 1400 address 02:00:00:00:00:05 up type veth peer name a1
ip link add a0 index 77 txqueuelen 5 numtxqueues 2 numrxqueues 3 alias cable group 9 type veth peer name a1 index 78
ip link add a0 type veth peer name a1 netns 999999
ip link add a0 arp off multicast off promisc on allmulticast on type bridge
ip link add a0 master br0 type dummy
ip link add a0 broadcast ff:ff:ff:ff:ff:fe type ifb
ip link add w0 type wireguard
ip link add n0 type nlmon
ip link add b0 type bridge
ip link add b0 type bridge stp_state 1 forward_delay 400 vlan_filtering 1 priority 100
ip link add b0 type bridge vlan_protocol 802.1ad vlan_default_pvid 5 group_fwd_mask 8 group_address 01:80:c2:00:00:0e
ip link add b0 addrgenmode none type bridge
""",
    "link set": """
ip link set v0 up
ip link set v0 down
ip link set dev v0 mtu 1400 txqueuelen 5 alias x group 7
ip link set v0 address 02:00:00:00:00:01 broadcast ff:ff:ff:ff:ff:fe
ip link set p1 name w0
ip link set v0 master br0 up
ip link set v0 nomaster
ip link set v0 promisc on multicast off allmulticast on arp off dynamic on trailers off
ip link set v0 carrier off
ip link set v0 protodown on
ip link set v0 addrgenmode random
ip link set group 5 up
ip link set group 5 mtu 1300
ip link set v0 gso_max_size 1000 gso_max_segs 10
ip link property add dev v0 altname longer-than-any-name altname x
ip link property del dev v0 altname x
ip link del group 5
ip link set v0 netns 999999
ip link del p0 type bridge
ip link del v0
""",
    "bridge data": """
ip link set br0 type bridge ageing_time 1000 mcast_snooping 0 hello_time 100 max_age 800 forward_delay 300
ip link set br0 type bridge mcast_querier 1 mcast_router 2 mcast_query_use_ifaddr 1 mcast_hash_elasticity 4 mcast_hash_max 512
ip link set br0 type bridge mcast_last_member_count 3 mcast_startup_query_count 4 mcast_last_member_interval 100
ip link set br0 type bridge mcast_membership_interval 1 mcast_querier_interval 2 mcast_query_interval 3
ip link set br0 type bridge mcast_query_response_interval 4 mcast_startup_query_interval 5 mcast_stats_enabled 1
ip link set br0 type bridge mcast_igmp_version 3 mcast_mld_version 2 nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1
ip link set br0 type bridge vlan_stats_enabled 1 vlan_stats_per_port 1 vlan_default_pvid 7 vlan_filtering 1
ip link set br0 type bridge no_linklocal_learn 1
ip link set br0 type bridge mcast_vlan_snooping 1
ip link set br0 type bridge fdb_flush
ip link set p0 type bridge_slave hairpin on cost 4 priority 5 state 0 learning off flood on guard on root_block on
ip link set p0 type bridge_slave fastleave on mcast_to_unicast on mcast_flood on bcast_flood on neigh_suppress on isolated on
ip link set p0 type bridge_slave proxy_arp off proxy_arp_wifi on vlan_tunnel off mcast_router 1 group_fwd_mask 8 locked on
ip link set p0 type bridge_slave backup_port v0
ip link set p0 type bridge_slave nobackup_port
ip link set p0 type bridge_slave fdb_flush
""",
    "kinds": """
ip link add link v0 name v0.5 type vlan id 5
ip link add link v0 name v0.6 type vlan protocol 802.1ad id 6 reorder_hdr off gvrp on mvrp on loose_binding off bridge_binding on
ip link add link v0 mv1 type macvlan mode private
ip link add link v0 mv1 type macvlan mode vepa
ip link add link v0 mv1 type macvlan mode passthru nopromisc
ip link add link v0 mv1 type macvlan
ip link add link v0 mt0 type macvtap mode bridge
ip link set mv0 type macvlan mode vepa
ip link add link v0 iv0 type ipvlan mode l2 bridge
ip link add link v0 iv0 type ipvlan mode l3s private
ip link add link v0 iv0 type ipvlan mode l3
ip link add link v0 iv0 type ipvlan
ip link add link v0 iv0 type ipvlan vepa
ip link add link v0 iv0 type ipvtap mode l2
ip link add vrf0 type vrf table 10
ip link add vrf0 type vrf table 1000
ip link add b0 type bond mode active-backup miimon 100
ip link add b0 type bond mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4 ad_select bandwidth min_links 1 ad_actor_sys_prio 5 ad_user_port_key 6
ip link add b0 type bond mode 1 arp_interval 5 arp_ip_target 10.0.0.1,10.0.0.2 primary v0 fail_over_mac active arp_validate all arp_all_targets all
ip link add b0 type bond mode balance-alb tlb_dynamic_lb 0 updelay 200 downdelay 100 use_carrier 1 resend_igmp 3 num_grat_arp 2
ip link add b0 type bond mode balance-rr packets_per_slave 2 all_slaves_active 1 lp_interval 4 primary_reselect better peer_notify_delay 100
ip link add b0 type bond ad_actor_system 02:00:00:00:00:01
""",
    "vxlan": """
ip link add vx1 type vxlan id 7 remote 10.0.0.2 local 10.0.0.1 dev v0 dstport 4789 ttl 5 tos inherit nolearning proxy l2miss l3miss
ip link add vx1 type vxlan id 7 ageing 30 maxaddress 40 srcport 100 200 udpcsum noudp6zerocsumrx udp6zerocsumtx dstport 8472 rsc
ip link add vx1 type vxlan id 8 group 239.1.1.1 dev v0 dstport 4789 ttl inherit
ip link add vx1 type vxlan external dstport 4789
ip link add vx1 type vxlan id 9 remote fd00::1 local fd00::2 flowlabel 0x123 dstport 4789
ip link add vx1 type vxlan id 9 dstport 4790 gbp
ip link add vx1 type vxlan gpe external dstport 4790
ip link add vx1 type vxlan id 9 remcsumtx remcsumrx dstport 4790
ip link add vx1 type vxlan id 10
ip link set vx0 type vxlan nolearning
ip link set vx0 type vxlan ttl 9
""",
    "tunnels": """
ip link add g0 type gre remote 10.0.0.2 local 10.0.0.1 ttl 64 key 5
ip link add g1 type gretap remote 10.0.0.2 local 10.0.0.1 dev v0 ikey 1 okey 2 icsum oseq nopmtudisc
ip link add g2 type gre remote 10.0.0.2 local 10.0.0.1 seq csum tos inherit
ip link add t0 type ipip remote 10.0.0.2 local 10.0.0.1 ttl 5
ip link add t1 type sit remote 10.0.0.2 local 10.0.0.1
ip link add t2 type ipip remote 10.0.0.2 dev v0
ip link add t3 type ipip local 10.0.0.2
ip link add t4 type sit remote 10.0.0.2 tos 4 nopmtudisc
ip link add g3 type gre remote 10.0.0.2
ip link add g4 type gretap local 10.0.0.2 dev v0
ip link add g5 type gre
ip link add t5 type ipip
ip link add vt2 type vti remote 10.0.0.2
ip link add vt3 type vti
ip link add ge0 type geneve id 5 remote 10.0.0.2
ip link add ge1 type geneve id 5 remote fd00::2 ttl 5 tos 4 dstport 7000 udpcsum
ip link add vt0 type vti remote 10.0.0.2 local 10.0.0.1 key 5
ip link add vt1 type vti remote 10.0.0.2 local 10.0.0.1 ikey 5 okey 6 dev v0
""",
    "addr": """
ip addr add 10.0.1.1/24 dev v0
ip addr add 10.0.1.1 dev v0
ip addr add 10.0.1.2/24 brd + dev v0
ip addr add 10.0.1.2/24 brd - dev v0
ip addr add 10.0.1.2/24 broadcast 10.0.1.255 label v0:x scope link dev v0 metric 50 noprefixroute
ip addr add 10.0.1.3 peer 10.0.1.4/24 dev v0
ip addr add 10.0.1.8/31 brd + dev v0
ip addr change 10.0.1.3 peer 10.0.1.4/32 dev v0 valid_lft 100 preferred_lft 50
ip addr replace 10.0.1.5/24 dev v0 valid_lft forever preferred_lft forever
ip addr add fd00::5/64 dev v0 home nodad mngtmpaddr
ip addr add fd00::5/64 dev v0 nodad
ip addr add fd00::5 peer fd00::6/128 dev v0
ip addr add fd00::7/64 anycast fd00::8 dev v0
ip addr add 127.0.0.2/8 dev lo
ip addr add 224.0.0.7/32 dev v0 autojoin
ip addr del 10.0.1.3 peer 10.0.1.4 dev v0
ip addr del 10.0.1.5/24 dev v0 label v0
ip addr del 10.0.1.5 dev v0
ip addr del fd00::1 dev v0
""",
    "route": """
ip route add default via 10.0.0.2
ip route add 10.5.0.0/16 dev v0
ip route add 10.5.0.0/17 via 10.0.0.3 dev v0 metric 5 src 10.0.0.1 table 10 proto static
ip route add 10.5.0.0/18 via 10.0.0.3 dev v0 mtu 1400 advmss 1300 initcwnd 10 table 1000 quickack 1 features ecn
ip route add 10.5.0.0/18 dev v0 window 1000 cwnd lock 7 ssthresh 9 reordering 4 hoplimit 5 initrwnd 6
ip route add 10.5.0.0/18 dev v0 rtt 100ms rttvar 50ms rto_min 1s congctl reno
ip route add blackhole 10.6.0.0/16
ip route add unreachable default metric 4000
ip route add local 10.7.0.1 dev lo
ip route add broadcast 10.7.0.255 dev v0
ip route add anycast 10.7.0.255 dev v0
ip route add multicast 239.0.0.0/8 dev v0
ip route add 10.8.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4 dev v0 onlink
ip route add 10.8.0.0/16 nexthop dev v0 weight 256 nexthop dev v1
ip route add 10.8.0.0/16 nexthop via inet6 fd00::3 dev v0 nexthop via 10.0.0.4
ip route add 10.9.0.0/16 via inet6 fd00::9 dev v0
ip route add 10.10.0.0/16 via 172.16.0.1 dev v0 onlink
ip route add 10.10.0.0/16 nhid 7
ip route replace 10.10.0.0/16 via 10.0.0.5
ip route append 10.10.0.0/16 via 10.0.0.6
ip route prepend 10.10.0.0/16 via 10.0.0.7
ip route change 10.10.0.0/16 via 10.0.0.7
ip route test 10.10.0.0/16 via 10.0.0.7
ip route del 10.10.0.0/16
ip route del 10.10.0.0/16 via 10.0.0.6 dev v0
ip route del default table 10
ip route del blackhole 10.10.0.0/16 proto static metric 5
ip route del local 10.10.0.1 dev v0
ip -6 route add default via fd00::2
ip route add fd01::/64 via fd00::2 dev v0 metric 10 pref high
ip route add fd02::/64 dev v0 expires 100
ip route add fd03::/64 from fd00::/64 via fd00::2
ip -6 route add blackhole fd04::/64
ip route add fd05::1 dev v0 pref low
ip route del fd01::/64
ip -6 route del default
ip route add 10.11.0.0/16 tos 0x10 via 10.0.0.3
ip route add 10.12.0.0/16 scope host dev v0
ip route add table local 10.13.0.0/16 dev v0
ip -6 route add ::/0 dev v0
""",
    "neigh": """
ip neigh add 10.0.0.5 dev v0 lladdr 02:00:00:00:00:07
ip neigh add 10.0.0.5 dev v0 lladdr 02:00:00:00:00:07 nud stale router
ip neigh replace 10.0.0.5 dev v0 lladdr 02:00:00:00:00:08 nud reachable extern_learn
ip neigh change 10.0.0.5 dev v0 nud noarp
ip neigh add proxy 10.0.0.6 dev v0
ip neigh add 10.0.0.16 dev v0 lladdr 02:00:00:00:00:07 protocol zebra
ip neigh del proxy 10.0.0.6 dev v0
ip neigh add fd00::5 dev v0 lladdr 02:00:00:00:00:07 nud permanent
ip neigh add 10.0.0.5 dev v0 nud none
ip neigh add 10.0.0.5 dev v0 nud delay
ip neigh del 10.0.0.5 dev v0
ip neigh del 10.0.0.5 dev v0 lladdr 02:00:00:00:00:07
""",
    "rule": """
ip rule add from 10.0.0.0/8 table 100
ip rule add from 10.0.0.0/8 to 11.0.0.0/8 iif v0 oif v1 fwmark 1/0xff table 300 prio 99
ip rule add from 10.0.0.1 lookup main
ip rule add l3mdev prio 5
ip rule add goto 100 prio 20
ip rule add nop prio 21
ip rule add prio 100 not from 10.0.0.0/8 tos 0x10 blackhole
ip rule add to 10.0.0.0/8 unreachable
ip rule add to 10.0.0.0/8 prohibit
ip rule add table main suppress_ifgroup 3
ip rule add table main suppress_prefixlength 0
ip rule add ipproto tcp sport 1-5 dport 6 table 5 protocol 33
ip rule add uidrange 1-2 table 5
ip rule add fwmark 0x10 table 5
ip -6 rule add from fd00::/8 table 55
ip rule del prio 99
ip rule del from 10.0.0.0/8 table 100
ip rule del table 1000
ip rule del blackhole to 10.0.0.0/8
ip rule del fwmark 1 iif v0
""",
    "bridge": """
bridge link set dev p0 cost 50
bridge link set dev p0 state 3 priority 4 guard on hairpin on fastleave on root_block off learning off flood off
bridge link set dev p0 mcast_flood off bcast_flood off neigh_suppress on isolated on locked off mcast_router 2 mcast_to_unicast on
bridge link set dev p0 vlan_tunnel on backup_port v0
bridge link set dev p0 nobackup_port
bridge link set dev p0 hwmode vepa
bridge link set dev p0 learning on self
bridge link set dev p0 learning_sync on self master
bridge fdb add 02:00:00:00:00:01 dev p0 master
bridge fdb add 02:00:00:00:00:02 dev p0 master static
bridge fdb add 02:00:00:00:00:03 dev p0 master dynamic
bridge fdb add 02:00:00:00:00:04 dev p0
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.3 port 8472 vni 6 via v0 src_vni 7
bridge fdb replace 02:00:00:00:00:06 dev vx0 dst fd00::3
bridge fdb add 02:00:00:00:00:07 dev p0 master vlan 5
bridge fdb add 02:00:00:00:00:07 dev p0 master use extern_learn sticky router
bridge fdb add 02:00:00:00:00:07 dev vx0 nhid 5
bridge fdb del 02:00:00:00:00:02 dev p0 master
bridge fdb del 02:00:00:00:00:02 dev p0 master static
bridge vlan add dev p0 vid 10
bridge vlan add dev p0 vid 10-20
bridge vlan add dev p0 vid 10-20 untagged
bridge vlan add dev p0 vid 30 pvid untagged
bridge vlan add dev br0 vid 30 self
bridge vlan add dev p0 vid 30 self master
bridge vlan del dev p0 vid 10
bridge vlan del dev p0 vid 10-20
""",
}
