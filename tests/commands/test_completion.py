"""The next word: what is offered where, and that the grammar knows every word that is offered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic import magic_line
from nsmagic.commands import addr, brctl, bridge, completion, ip, kinds, link, neigh, netns, parse, route, rule
from nsmagic.commands.completion import complete, complete_line_magic, complete_magic_line
from nsmagic.commands.grammar import Keywords
from tests.fuzz import examples

LINKS = {"red": ["lo", "veth-red"], "blue": ["lo", "veth-blue"], None: ["lo", "br0"]}
NAMESPACES = ["blue", "red"]
OPTIONS = [*magic_line.OPTIONS]


def interfaces(ns: str | None) -> Sequence[str]:
    return LINKS.get(ns, [])


def words(line: str, ns: str | None = None) -> list[str]:
    return complete(line, ns=ns, namespaces=NAMESPACES, interfaces=interfaces)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("i", ["ip", "ifconfig", "iptables", "ip6tables", "iperf3"]),
        ("ip ", ["link", "addr", "route", "neigh", "netns", "rule"]),
        ("ip l", ["link"]),
        ("ip -n ", NAMESPACES),
        ("ip -n r", ["red"]),
        ("ip -n red ", ["link", "addr", "route", "neigh", "netns", "rule"]),
        ("ip -n red link set v", ["veth-red"]),
        ("ip -n red -4 link set v", ["veth-red"]),
        ("ip link set ", ["lo", "br0", "dev", "group"]),
        ("ip link set br0 u", ["up"]),
        ("ip link set br0 up d", ["down"]),
        ("ip link set br0 netns ", NAMESPACES),
        ("ip link set br0 master ", ["lo", "br0"]),
        ("ip link set dev ", ["lo", "br0"]),
        ("ip l s br0 m", ["master", "mtu", "multicast"]),
        ("ip link set br0 arp ", ["on", "off"]),
        ("ip link show ", ["lo", "br0", "dev", "master", "type", "up", "group"]),
        ("ip link del b", ["br0"]),
        ("ip link add veth-red t", ["type", "txqueuelen"]),
        ("ip link add veth-red type v", ["veth", "vlan", "vxlan", "vrf"]),
        ("ip link add veth-red type veth ", ["peer"]),
        ("ip link add veth-red type veth peer ", ["name", "netns", "address", "mtu"]),
        ("ip link add veth-red type veth peer name ", []),
        ("ip link add veth-red type veth peer name veth-blue netns ", NAMESPACES),
        ("ip link add m0 link br0 type macvlan mode ", ["bridge", "private", "vepa", "passthru"]),
        ("ip link set br0 type bridge s", ["stp_state"]),
        ("ip addr add 10.0.0.1/24 d", ["dev"]),
        ("ip addr add 10.0.0.1/24 dev ", ["lo", "br0"]),
        ("ip a s ", ["lo", "br0", "dev", "scope", "to", "up", "master", "type", "label"]),
        ("ip route add d", ["default"]),
        ("ip route add default v", ["via"]),
        ("ip route add default via ", []),
        ("ip route add default via 10.0.0.1 d", ["dev"]),
        ("ip r show table ", ["main", "local", "all"]),
        ("ip neigh add 10.0.0.1 l", ["lladdr"]),
        ("ip rule add from 10.0.0.0/8 ta", ["table"]),
        ("ip netns ", ["add", "exec", "del", "list", "set", "pids", "identify", "attach"]),
        ("ip netns exec ", NAMESPACES),
        ("ip netns delete ", NAMESPACES),
        ("ip netns add ", []),
        ("ip netns exec red ping -I ", ["lo", "veth-red"]),
        ("ip netns exec red ip netns exec blue ip link set v", ["veth-blue"]),
        ("bridge ", ["link", "fdb", "vlan"]),
        ("bridge fdb show b", ["br", "brport"]),
        ("bridge fdb show br ", ["lo", "br0"]),
        ("bridge fdb add 02:00:00:00:00:01 dev br0 ma", ["master"]),
        ("bridge fdb add 02:00:00:00:00:01 dev br0 master st", ["static"]),
        ("bridge link set dev br0 hairpin ", ["on", "off"]),
        ("bridge -n red vlan add vid 10 dev ", ["lo", "veth-red"]),
        ("brctl add", ["addbr", "addif"]),
        ("brctl addbr ", []),
        ("brctl addif br0 ", ["lo", "br0"]),
        ("brctl stp br0 ", ["on", "off"]),
        ("ifconfig ", ["lo", "br0", "-a", "-s"]),
        ("ifconfig br0 n", ["netmask"]),
        ("route ", ["add", "del", "-net", "-host", "-n", "-6"]),
        ("route add default gw 10.0.0.1 dev ", ["lo", "br0"]),
        ("arp -i ", ["lo", "br0"]),
        ("sysctl -w net.ipv4.ip_f", ["net.ipv4.ip_forward"]),
        ("tcpdump -i ", ["lo", "br0", "any"]),
        ("iptables -t n", ["nat"]),
        ("iptables -A FORWARD -o ", ["lo", "br0"]),
        ("$ sudo ip -n blue l", ["link"]),
        ("user@host:~$ ip netns d", ["del"]),
        ("ip link set lo up && ip netns exec blue ip link set v", ["veth-blue"]),
        ("ip link set lo up; bri", ["bridge"]),
        ("frobnicate ", []),
        ("ip xfrm ", []),
    ],
)  # fmt: skip
def test_a_line_of_a_cell(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_the_cell_has_a_namespace() -> None:
    assert words("ip link set v", ns="red") == ["veth-red"]
    assert words("ip -n blue link set v", ns="red") == ["veth-blue"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%netns ", [*NAMESPACES, "host", *OPTIONS]),
        ("%%netns r", ["red"]),
        ("%%netns red ", OPTIONS),
        ("%%netns red --p", ["--python"]),
        ("%%netns --out routes r", ["red"]),
        ("%%netns --out ", []),
        ("%%netns --ns ", [*NAMESPACES, "host"]),
        ("%%netns --stop red --s", []),
    ],
)
def test_the_line_of_the_cell_magic(line: str, expected: list[str]) -> None:
    assert complete_magic_line(line, namespaces=NAMESPACES, options=OPTIONS) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%netns re", ["red"]),
        ("%netns pin", ["ping", "ping4", "ping6"]),
        ("%netns --f", ["--fill"]),
        ("%netns --out a ip ", ["link", "addr", "route", "neigh", "netns", "rule"]),
        ("%netns red ip link set v", ["veth-red"]),
        ("%netns ip link set b", ["br0"]),
        ("%netns host ip link set b", ["br0"]),
        ("%netns --ns blue ip link set v", ["veth-blue"]),
        ("%netns --ns=blue ip link set v", ["veth-blue"]),
        ("%netns --ns ", [*NAMESPACES, "host"]),
        ("%netns red --t", []),
    ],
)
def test_the_line_magic(line: str, expected: list[str]) -> None:
    assert complete_line_magic(line, namespaces=NAMESPACES, interfaces=interfaces, options=OPTIONS) == expected


def test_interfaces_are_asked_only_where_one_can_stand() -> None:
    def never(ns: str | None) -> Sequence[str]:
        raise AssertionError(ns)

    for line in ("", "ip ", "ip link ", "ip addr add 10.0.0.1/24 ", "ip link set br0 netns "):
        complete(line, namespaces=NAMESPACES, interfaces=never)


#: (tool, object, verb) → the tables of the grammar that must know what is offered there.
GRAMMAR = {
    ("ip", "link", "set"): [link.ATTRIBUTES], ("ip", "link", "add"): [link.ATTRIBUTES], ("ip", "link", "del"): [link.ATTRIBUTES],
    ("ip", "link", "show"): [link.SHOW], ("ip", "address", "add"): [addr.MODIFY], ("ip", "address", "replace"): [addr.MODIFY],
    ("ip", "address", "del"): [addr.MODIFY], ("ip", "address", "show"): [addr.SHOW], ("ip", "address", "flush"): [addr.SHOW],
    **{("ip", "route", verb): [route.MODIFY, route.TYPES] for verb in ("add", "replace", "append", "change", "del")},
    ("ip", "route", "show"): [route.SHOW], ("ip", "route", "flush"): [route.SHOW], ("ip", "route", "get"): [route.GET],
    ("ip", "neigh", "add"): [neigh.MODIFY], ("ip", "neigh", "replace"): [neigh.MODIFY], ("ip", "neigh", "del"): [neigh.MODIFY],
    ("ip", "neigh", "show"): [neigh.SHOW], ("ip", "neigh", "flush"): [neigh.SHOW], ("ip", "rule", "add"): [rule.MODIFY],
    ("ip", "rule", "del"): [rule.MODIFY], ("ip", "rule", "show"): [rule.SHOW],
    ("bridge", "link", "show"): [Keywords("dev! master!")], ("bridge", "link", "set"): [Keywords(" ".join(bridge.PORT_WORDS))],
    ("bridge", "fdb", "show"): [Keywords("br! brport! dev! vlan! state! dynamic!")],
    **{("bridge", "fdb", verb): [bridge.FDB_ENTRY] for verb in ("add", "append", "replace", "del")},
    ("bridge", "vlan", "show"): [Keywords("dev! vid!")],
    ("bridge", "vlan", "add"): [Keywords(" ".join(bridge.VLAN_WORDS))], ("bridge", "vlan", "del"): [Keywords(" ".join(bridge.VLAN_WORDS))],
}  # fmt: skip
#: Words that are a value and no keyword.
VALUES = {"default", completion.IF, completion.NS}


@pytest.mark.parametrize("form", sorted(completion._FORMS))
def test_the_grammar_knows_every_word_offered(form: tuple[str, str, str]) -> None:
    first, keywords = completion._FORMS[form]
    for word in (*first, *keywords):
        spellings = [full for table in GRAMMAR[form] for full in table.spellings()]
        assert word in VALUES or word in spellings, word


def test_every_verb_and_tool_offered_is_known() -> None:
    verbs = {"link": link.VERBS, "address": addr.VERBS, "route": route.VERBS, "neigh": neigh.VERBS, "rule": rule.VERBS}
    for (tool, name), offered in completion._VERBS.items():
        table = {"netns": netns.VERBS, **verbs}.get(name) if tool == "ip" else getattr(bridge, name.upper())
        assert all(table.find(verb) for verb in offered), (tool, name)
    assert {name for tool, name in completion._VERBS if tool == "ip"} <= set(ip.OBJECTS.names)
    assert set(parse.TOOLS) <= set(completion.TOOLS)
    assert set(completion.KINDS) - {"dummy", "ifb", "veth", "wireguard"} <= set(kinds.KINDS)
    assert set(completion._OF_KIND) <= set(completion.KINDS)
    assert len(brctl.COMMANDS) == 16


@examples(750)
@given(
    st.lists(
        st.sampled_from(["ip", "-n", "red", "link", "set", "netns", "exec", "type", "veth", "peer", "bridge", "brctl", "route", "dev", "%netns",
                         "%%netns", "--ns", "--out", "'", '"', ";", "&&", "sudo", "\\", "é", ""]) | st.text(max_size=6),
        max_size=10,
    )
)  # fmt: skip
def test_never_an_error(typed: list[str]) -> None:
    for line in (" ".join(typed), " ".join(reversed(typed))):
        for found in (
            words(line),
            complete_magic_line(line, namespaces=NAMESPACES, options=OPTIONS),
            complete_line_magic(line, namespaces=NAMESPACES, interfaces=interfaces, options=OPTIONS),
        ):
            assert all(isinstance(word, str) for word in found)
            assert len(found) == len(set(found))
