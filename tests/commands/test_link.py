"""``ip link``: arguments by form, abbreviations, kinds, refusals."""

from __future__ import annotations

import pytest
from ip_checks import args, at_word, command, left_to_the_tool, refusal

FORMS = [
    ("ip link", "link.show", {}),
    ("ip link show", "link.show", {}),
    ("ip link show eth0", "link.show", {"dev": "eth0"}),
    ("ip link show dev eth0 up", "link.show", {"dev": "eth0", "up": True}),
    ("ip link show type veth", "link.show", {"kind": "veth"}),
    ("ip link show type bridge_slave", "link.show", {"port_kind": "bridge"}),
    ("ip link show master br0", "link.show", {"master": "br0"}),
    ("ip link ls group default nomaster", "link.show", {"group": 0, "nomaster": True}),
    ("ip link set eth0 up", "link.set", {"dev": "eth0", "up": True}),
    ("ip link set dev eth0 down", "link.set", {"dev": "eth0", "up": False}),
    ("ip link set up dev eth0", "link.set", {"dev": "eth0", "up": True}),
    ("ip link set up down eth0", "link.set", {"dev": "eth0", "up": False}),
    ("ip link set name eth0 up", "link.set", {"dev": "eth0", "up": True}),
    ("ip link set eth0 name wan", "link.set", {"dev": "eth0", "name": "wan"}),
    ("ip link set veth-red netns red", "link.set", {"dev": "veth-red", "netns": "red"}),
    ("ip link set v netns /var/run/netns/red", "link.set", {"dev": "v", "netns": "red"}),
    ("ip link set v netns 1234", "link.set", {"dev": "v", "netns": 1234}),
    ("ip link set v netns 0012", "link.set", {"dev": "v", "netns": "0012"}),
    ("ip link set v netns /proc/17/ns/net name w", "link.set", {"dev": "v", "netns": 17, "name": "w"}),
    ("ip link set p master br0 up", "link.set", {"dev": "p", "master": "br0", "up": True}),
    ("ip link set p nomaster", "link.set", {"dev": "p", "master": ""}),
    ("ip link set e mtu 0x5dc", "link.set", {"dev": "e", "mtu": 1500}),
    ("ip link set e address 2:0:0:0:0:A", "link.set", {"dev": "e", "mac": "02:00:00:00:00:0a"}),
    ("ip link set e brd ff:ff:ff:ff:ff:ff", "link.set", {"dev": "e", "broadcast_mac": "ff:ff:ff:ff:ff:ff"}),
    ("ip link set e promisc on arp off multicast off allmulticast on", "link.set",
     {"dev": "e", "promisc": True, "arp": False, "multicast": False, "allmulticast": True}),
    ("ip link set e txqueuelen 500 alias 'to the lab' group 7", "link.set",
     {"dev": "e", "txqlen": 500, "alias": "to the lab", "group": 7}),
    ("ip link set group 7 up", "link.set", {"group_all": 7, "up": True}),
    ("ip link set e addrgenmode NONE protodown o", "link.set", {"dev": "e", "addrgenmode": "none", "protodown": False}),
    ("ip link set br0 type bridge stp_state 1 vlan_filtering 1", "link.set",
     {"dev": "br0", "kind": "bridge", "data": {"stp_state": 1, "vlan_filtering": 1}}),
    ("ip link set p type bridge_slave hairpin on state 3 cost 9", "link.set",
     {"dev": "p", "port_kind": "bridge", "data": {"hairpin": True, "state": 3, "cost": 9}}),
    ("ip link add veth-red type veth peer name veth-blue", "link.add",
     {"ifname": "veth-red", "kind": "veth", "peer": {"ifname": "veth-blue"}}),
    ("ip link add a type veth", "link.add", {}),
    ("ip link add x type veth peer y", "link.add", {"ifname": "x", "kind": "veth", "peer": {"ifname": "y"}}),
    ("ip link add x type veth peer name y netns red", "link.add",
     {"ifname": "x", "kind": "veth", "peer": {"ifname": "y", "netns": "red"}}),
    ("ip link add x netns red type veth peer name y netns blue", "link.add",
     {"ifname": "x", "kind": "veth", "peer": {"ifname": "y", "netns": "blue"}, "netns": "red"}),
    ("ip link add x netns red type veth peer y", "link.add",
     {"ifname": "x", "kind": "veth", "peer": {"ifname": "y"}, "netns": "red"}),
    ("ip link add x mtu 1400 up type veth peer address 02:00:00:00:00:01 mtu 1300 name y up", "link.add",
     {"ifname": "x", "kind": "veth", "mtu": 1400, "up": True,
      "peer": {"ifname": "y", "mac": "02:00:00:00:00:01", "mtu": 1300, "up": True}}),
    ("ip link add type veth", "link.add", {"kind": "veth"}),
    ("ip link add v-net-0 type bridge", "link.add", {"ifname": "v-net-0", "kind": "bridge"}),
    ("ip link add dev b type bridge vlan_filtering 1 vlan_default_pvid 0 forward_delay 200", "link.add",
     {"ifname": "b", "kind": "bridge", "data": {"vlan_filtering": 1, "vlan_default_pvid": 0, "forward_delay": 200}}),
    ("ip link add link eth0 name eth0.10 type vlan id 10", "link.add",
     {"ifname": "eth0.10", "kind": "vlan", "data": {"id": 10}, "lower": "eth0"}),
    ("ip link add link e type vlan proto 802.1AD id 5 reorder_hdr off", "link.add",
     {"kind": "vlan", "data": {"protocol": "802.1ad", "id": 5, "reorder_hdr": False}, "lower": "e"}),
    ("ip link add vx0 type vxlan id 42 remote 10.0.0.2 local 10.0.0.1 dstport 4789 dev eth0 nolearning", "link.add",
     {"ifname": "vx0", "kind": "vxlan", "data": {"id": 42, "remote": "10.0.0.2", "local": "10.0.0.1", "dstport": 4789,
                                                 "dev": "eth0", "learning": False}}),
    ("ip link add vx0 type vxlan id 42 group 239.1.1.1 dev eth0 proxy l2miss l3miss", "link.add",
     {"ifname": "vx0", "kind": "vxlan",
      "data": {"id": 42, "group": "239.1.1.1", "dev": "eth0", "proxy": True, "l2miss": True, "l3miss": True}}),
    ("ip link add vx0 type vxlan external dstport 0", "link.add",
     {"ifname": "vx0", "kind": "vxlan", "data": {"external": True, "learning": False}}),
    ("ip link add vx0 type vxlan id 1 gpe ttl inherit tos inherit srcport 0 0", "link.add",
     {"ifname": "vx0", "kind": "vxlan", "data": {"id": 1, "gpe": True, "ttl": 0, "tos": 1, "dstport": 4790}}),
    ("ip link add link eth0 name mv0 type macvlan mode bridge", "link.add",
     {"ifname": "mv0", "kind": "macvlan", "data": {"mode": "bridge"}, "lower": "eth0"}),
    ("ip link add link eth0 mv0 type macvtap mode passthru nopromisc", "link.add",
     {"ifname": "mv0", "kind": "macvtap", "data": {"mode": "passthru", "flag": ["nopromisc"]}, "lower": "eth0"}),
    ("ip link add link e iv type ipvlan mode l3s private", "link.add",
     {"ifname": "iv", "kind": "ipvlan", "data": {"mode": "l3s", "flag": ["private"]}, "lower": "e"}),
    ("ip link add d0 type dummy", "link.add", {"ifname": "d0", "kind": "dummy"}),
    ("ip link add i0 numtxqueues 2 numrxqueues 3 type ifb", "link.add",
     {"ifname": "i0", "kind": "ifb", "numtxqueues": 2, "numrxqueues": 3}),
    ("ip link add bond0 type bond mode 1 miimon 100 arp_ip_target 10.0.0.1,10.0.0.2 lacp_rate fast", "link.add",
     {"ifname": "bond0", "kind": "bond", "data": {"mode": "active-backup", "miimon": 100,
                                                  "arp_ip_target": ["10.0.0.1", "10.0.0.2"], "lacp_rate": "fast"}}),
    ("ip link add blue type vrf table 10", "link.add", {"ifname": "blue", "kind": "vrf", "data": {"table": 10}}),
    ("ip link add wg0 type wireguard", "link.add", {"ifname": "wg0", "kind": "wireguard"}),
    ("ip link add g type gre remote 10.0.0.2 local any ttl 64 key 10.0.0.1 seq nopmtudisc", "link.add",
     {"ifname": "g", "kind": "gre", "data": {"remote": "10.0.0.2", "local": "0.0.0.0", "ttl": 64, "pmtudisc": False,
                                             "ikey": 0x0A000001, "okey": 0x0A000001, "iseq": True, "oseq": True}}),
    ("ip link add tn type ipip remote 10.0.0.2 local 10.0.0.1 ttl inherit dev e", "link.add",
     {"ifname": "tn", "kind": "ipip", "data": {"remote": "10.0.0.2", "local": "10.0.0.1", "ttl": 0, "dev": "e"}}),
    ("ip link add g type geneve vni 7 remote fd00::2 dstport 6081", "link.add",
     {"ifname": "g", "kind": "geneve", "data": {"id": 7, "remote": "fd00::2", "dstport": 6081}}),
    ("ip link del veth-red", "link.del", {"dev": "veth-red"}),
    ("ip link delete dev veth-red type veth", "link.del", {"dev": "veth-red", "kind": "veth"}),
    ("ip link del group 7", "link.del", {"group_all": 7}),
    ("ip link property add dev e altname lan altname up-link", "link.property",
     {"dev": "e", "add": True, "altnames": ["lan", "up-link"]}),
    ("ip link property del e altname lan", "link.property", {"dev": "e", "add": False, "altnames": ["lan"]}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "expected"), [form for form in FORMS if form[2] or form[1] == "link.show"])
def test_reads(line: str, verb: str, expected: dict[str, object]) -> None:
    assert command(line) == (verb, expected)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("ip l", "ip link show"),
        ("ip l s x up", "ip link set x up"),
        ("ip link s x down", "ip link set x down"),
        ("ip link se x up", "ip link set x up"),
        ("ip l sh x", "ip link show x"),
        ("ip l l", "ip link show"),
        ("ip l ls", "ip link show"),
        ("ip link lst", "ip link show"),
        ("ip li a x ty veth", "ip link add x type veth"),
        ("ip link d x", "ip link del x"),
        ("ip link c x mtu 5", "ip link set x mtu 5"),
        ("ip link set x ma br0", "ip link set x master br0"),
        ("ip link set x no", "ip link set x nomaster"),
        ("ip link set x addr 02:00:00:00:00:01", "ip link set x address 02:00:00:00:00:01"),
        ("ip link set x a 02:00:00:00:00:01", "ip link set x address 02:00:00:00:00:01"),
        ("ip link set x qlen 5", "ip link set x txqueuelen 5"),
        ("ip link set br0 type bridge stp 1 vlan_f 1", "ip link set br0 type bridge stp_state 1 vlan_filtering 1"),
        ("ip link set x type bridge_slave hair on", "ip link set x type bridge_slave hairpin on"),
    ],
)
def test_abbreviations_are_those_of_iproute2(short: str, full: str) -> None:
    assert command(short) == command(full)


@pytest.mark.parametrize("word", ["u", "dow", "nam", "mt", "netn", "prom", "gr", "multi", "inde", "arpp"])
def test_some_keywords_cannot_be_shortened_and_are_then_the_name_of_a_device(word: str) -> None:
    assert args(f"ip link set {word} up") == {"dev": word, "up": True}


@pytest.mark.parametrize(
    ("word", "key"), [("a", "address"), ("t", "txqueuelen"), ("b", "broadcast"), ("num", "numtxqueues")]
)
def test_a_name_that_is_read_as_a_keyword_gets_a_hint(word: str, key: str) -> None:
    error = refusal(f"ip link add {word} type bridge")
    assert error.hint == f'"{word}" is read as "{key}"; an interface of that name is written dev {word}'
    assert args(f"ip link add dev {word} type bridge") == {"ifname": word, "kind": "bridge"}


REFUSED = [
    ("ip link sett", 'Command "sett" is unknown, try "ip link help".', "sett", 'did you mean "set"'),
    ("ip link set lo mastr br0", 'Error: either "dev" is duplicate, or "mastr" is a garbage.', "mastr", 'did you mean "master"'),
    ("ip link set lo mtu big", 'Error: argument "big" is wrong: Invalid "mtu" value', "big", "not a whole number"),
    ("ip link set lo mtu 1 mtu 2", 'Error: duplicate "mtu": "2" is the second value.', "2", "once"),
    ("ip link set lo arp maybe", 'Error: argument of "arp" must be "on" or "off", not "maybe"', "maybe", "expected on or off"),
    ("ip link set lo address 02:zz", '"02:zz" is invalid lladdr.', "02:zz", "02:00:00:00:00:01"),
    ("ip link set lo master", 'Command line is not complete. Try option "help"', "", 'after "master"'),
    ("ip link set up", 'Not enough information: "dev" argument is required.', "", "which interface"),
    ("ip link set e name veth-red-to-blue", 'Error: argument "veth-red-to-blue" is wrong: "name" not a valid ifname',
     "veth-red-to-blue", "at most 15 bytes"),
    ("ip link set e index 5", "index can be used only when creating devices or when moving device to another netns.", "5", "number"),
    ("ip link add foo", 'Not enough information: "type" argument is required', "", "type veth"),
    ("ip link add a/b type bridge", 'Error: argument "a/b" is wrong: "dev" not a valid ifname', "a/b", "no slash"),
    ("ip link add name b0 dev b1 type bridge", 'both "name" and "dev" cannot be used when creating devices.', "bridge", "once"),
    ("ip link add foo type", 'Command line is not complete. Try option "help"', "", 'after "type"'),
    ("ip link add br0 type bridge stp 2x", 'Error: argument "2x" is wrong: invalid stp_state', "2x", "not a whole number"),
    ("ip link add br0 type bridge vlan_filtring 1", 'bridge: unknown command "vlan_filtring"?', "vlan_filtring", "vlan_filtering"),
    ("ip link set p type bridge_slave hairpn on", 'bridge_slave: unknown option "hairpn"?', "hairpn", "hairpin"),
    ("ip link add vx0 type vxlan id 99999999", 'Error: argument "99999999" is wrong: invalid id', "99999999", "16777215"),
    ("ip link add vx0 type vxlan id 1 id 2", 'Error: either "id" is duplicate, or "2" is a garbage.', "2", "character"),
    ("ip link add vx0 type vxlan dstport 5", "vxlan: missing virtual network identifier", "", "id 42"),
    ("ip link add vx0 type vxlan id 1 group 239.1.1.1", "vxlan: 'group' requires 'dev' to be specified", "", "dev"),
    ("ip link add vx0 type vxlan id 1 remote 1.2.3.4 group 239.1.1.1", "vxlan: both group and remote cannot be specified",
     "group", "multicast"),
    ("ip link add vx0 type vxlan id 1 remote 10.0.0.1 local fd00::1", 'Error: inet address is expected rather than "fd00::1".',
     "fd00::1", "one family"),
    ("ip link add link e mv type macvlan mode brigde",
     'Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or "source", not "brigde"', "brigde", "bridge"),
    ("ip link add x type veth per name y", "Usage: ip link <options> type veth [peer <options>]", "per", 'did you mean "peer"'),
    ("ip link add x type bond mode 9", 'Error: argument "9" is wrong: invalid mode', "9", "balance-rr"),
    ("ip link property foo", "Operator required", "foo", "add or del"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "word", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refuses_with_the_tool_s_words_the_place_and_a_hint(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == message
    assert at_word(error) == word
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "line",
    [
        "ip link help", "ip link help veth", "ip link xstats type bridge", "ip link set e vf 0 mac 02:00:00:00:00:01",
        "ip link set e xdp off", "ip link add x type macsec port 5", "ip link set g type gre ttl 5", "ip link set e vrf blue",
        "ip link add link e mv type macvlan macaddr add 02:00:00:00:00:01", "ip link show permanent", "ip link add x type bridge help",
    ],
)  # fmt: skip
def test_leaves_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)


def test_a_kind_that_we_do_not_know_is_for_the_kernel() -> None:
    assert args("ip link add x type nosuch") == {"ifname": "x", "kind": "nosuch"}
