"""``ip`` as a whole: the forms that people type most, the global options, and the real tool beside our refusals."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ip_checks import ask, at_word, left_to_the_tool, needs_ip, read, refusal

from nsmagic.commands.command import Batch, Command, Each, Program, Sequence
from nsmagic.commands.ip import OBJECTS, parse
from nsmagic.commands.parse import parse as parse_any
from nsmagic.errors import CommandSyntaxError
from tests.fuzz import examples

#: Every `ip` form among the first 154 of the study of what people type: its rank, an example, its verb.
RANKED = [
    (1, "ip link set veth-red up", "link.set"),
    (2, "ip addr add 192.168.15.1/24 dev veth-red", "addr.add"),
    (3, "ip netns add red", "netns.add"),
    (4, "ip link set veth-red netns red", "link.set"),
    (5, "ip link add veth-red type veth peer name veth-blue", "link.add"),
    (7, "ip link set veth-red-br master v-net-0", "link.set"),
    (8, "ip link show", "link.show"),
    (10, "ip netns del red", "netns.del"),
    (12, "ip link del veth-red", "link.del"),
    (13, "ip link add v-net-0 type bridge", "link.add"),
    (15, "ip netns list", "netns.list"),
    (16, "ip route add default via 192.168.15.5", "route.add"),
    (17, "ip route show", "route.show"),
    (19, "ip addr show", "addr.show"),
    (22, "ip link set veth-red down", "link.set"),
    (25, "ip link show veth-red", "link.show"),
    (27, "ip route add default via 192.168.15.5 dev veth-red", "route.add"),
    (28, "ip route add 192.168.1.0/24 via 192.168.15.5 dev veth-red", "route.add"),
    (31, "ip route add 192.168.1.0/24 via 192.168.15.5", "route.add"),
    (34, "ip link set veth-red nomaster", "link.set"),
    (35, "ip link set v-net-0 type bridge vlan_filtering 1", "link.set"),
    (41, "ip addr add fd00::1/64 dev veth-red", "addr.add"),
    (44, "ip link add veth-red type veth peer name veth-blue netns blue", "link.add"),
    (51, "ip link add link eth0 name eth0.10 type vlan id 10", "link.add"),
    (53, "ip addr show veth-red", "addr.show"),
    (59, "ip link add veth-red netns red type veth peer name veth-blue netns blue", "link.add"),
    (61, "ip link add veth-red netns red type veth peer veth-blue", "link.add"),
    (62, "ip addr add 192.168.15.1/24 brd + dev veth-red", "addr.add"),
    (64, "ip route add 192.168.1.0/24 dev veth-red", "route.add"),
    (65, "ip neigh add 192.168.15.2 lladdr 02:00:00:00:00:01 dev veth-red", "neigh.add"),
    (69, "ip addr del 192.168.15.1/24 dev veth-red", "addr.del"),
    (70, "ip netns exec red ip link", "link.show"),
    (76, "ip neigh show", "neigh.show"),
    (77, "ip route get 8.8.8.8", "route.get"),
    (79, "ip link add veth-red type veth peer veth-blue", "link.add"),
    (80, "ip link show type veth", "link.show"),
    (81, "ip link add vxlan0 type vxlan id 42 local 10.0.0.1 remote 10.0.0.2 dstport 4789", "link.add"),
    (91, "ip link set veth-red name eth0", "link.set"),
    (94, "ip -o route show default", "route.show"),
    (95, "ip -4 -o addr show veth-red", "addr.show"),
    (99, "ip link add veth-red netns red type veth peer veth-blue netns blue", "link.add"),
    (100, "ip link add veth-red type veth peer veth-blue netns blue", "link.add"),
    (101, "ip link set veth-red-br master v-net-0 up", "link.set"),
    (105, "ip link add link eth0 name mv0 type macvlan mode bridge", "link.add"),
    (110, "ip link set eth0 promisc on", "link.set"),
    (111, "ip link add dummy0 type dummy", "link.add"),
    (114, "ip route add default via 192.168.15.5 dev veth-red table 100", "route.add"),
    (115, "ip neigh add proxy 192.168.15.2 dev veth-red", "neigh.add"),
    (118, "ip -c -br addr show", "addr.show"),
    (120, "ip link set veth-red address 02:00:00:00:00:01", "link.set"),
    (128, "ip link show master v-net-0", "link.show"),
    (134, "ip -6 route add fd01::/64 via fd00::2 dev veth-red", "route.add"),
    (135, "ip link set veth-red mtu 1400", "link.set"),
    (136, "ip link add veth-red netns red type veth peer name veth-blue", "link.add"),
    (137, "ip route add default dev veth-red", "route.add"),
    (139, "ip route del 192.168.1.0/24 dev veth-red", "route.del"),
    (143, "ip route del default via 192.168.15.5", "route.del"),
    (152, "ip rule show", "rule.show"),
    (153, "ip link add vxlan0 type vxlan id 42 group 239.1.1.1 dev eth0 dstport 4789", "link.add"),
    (154, "ip link add vxlan0 type vxlan id 42 dstport 4789", "link.add"),
]
#: Forms of that list that are the real tool's: they never end, or have no table.
LEFT_TO_THE_TOOL = [(129, "ip monitor all"), (141, "ip maddr show")]


@pytest.mark.parametrize(("rank", "line", "verb"), RANKED, ids=[f"{row[0]}" for row in RANKED])
def test_the_forms_that_people_type_are_native(rank: int, line: str, verb: str) -> None:
    run = read(line)
    assert isinstance(run, Command), f"form {rank}"
    assert run.verb == verb
    assert run.changes == (verb.split(".")[1] not in ("show", "list", "get"))


def test_the_count_of_native_forms(capsys: pytest.CaptureFixture[str]) -> None:
    first = [rank for rank, _, _ in RANKED if rank <= 100]
    with capsys.disabled():
        print(
            f"\nip: {len(first)} forms of the first 100 native, {len(RANKED)} of the first 154; left to the tool: {len(LEFT_TO_THE_TOOL)}"
        )
    assert (len(first), len(RANKED)) == (42, 60)
    assert all(left_to_the_tool(line) for _, line in LEFT_TO_THE_TOOL)


@pytest.mark.parametrize(
    ("options", "display"),
    [
        ("-br", {"brief": True}), ("-brief", {"brief": True}), ("--brief", {"brief": True}), ("-d", {"details": True}),
        ("-j -p", {"json": True, "pretty": True}), ("-s -s", {"stats": True}), ("-o", {"oneline": True}), ("-c", {"color": True}),
        ("-color=always", {"color": True}), ("-c=never", {"color": True}), ("-N", {"numeric": True}), ("-r", {"resolve": True}),
        ("-t", {"timestamp": True}), ("-ts", {"timestamp": True}), ("-h", {"human": True}), ("-iec", {"iec": True}), ("-l 5", {}),
        ("-rc 4096", {}), ("-a", {}), ("--", {}), ("-json -det", {"json": True, "details": True}),
    ],
)  # fmt: skip
def test_options_that_only_change_the_display(options: str, display: dict[str, bool]) -> None:
    run = read(f"ip {options} link")
    assert isinstance(run, Command)
    assert (run.verb, dict(run.display), run.args) == ("link.show", display, {})


@pytest.mark.parametrize(
    ("options", "family"), [("-4", "inet"), ("-6", "inet6"), ("-f inet6", "inet6"), ("-family inet", "inet")]
)
def test_options_that_name_the_family(options: str, family: str) -> None:
    run = read(f"ip {options} neigh")
    assert isinstance(run, Command)
    assert run.args == {"family": family}


def test_argv_is_what_the_real_tool_can_be_started_with() -> None:
    run = read("ip -br -n red -j link show lo")
    assert isinstance(run, Command)
    assert (run.ns, run.argv) == ("red", ("ip", "-br", "-j", "link", "show", "lo"))
    assert read("ip -n red -s maddr show") == Program(("ip", "-s", "maddr", "show"), "red")
    assert read("ip -n red xfrm state", "blue") == Program(("ip", "xfrm", "state"), "red")


def test_the_object_may_be_shortened_and_the_first_that_fits_is_meant() -> None:
    found = {
        word: OBJECTS.find(word)
        for word in ("a", "ad", "l", "r", "ru", "n", "ne", "net", "t", "m", "mon", "li", "x", "v", "neighb")
    }
    assert found == {
        "a": "address", "ad": "address", "l": "link", "r": "route", "ru": "rule", "n": "neigh", "ne": "neigh", "net": "netns",
        "t": "tunnel", "m": "maddress", "mon": "monitor", "li": "link", "x": "xfrm", "v": "vrf", "neighb": "neigh",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ["ip", "ip -V", "ip help", "ip -4", "ip monitor", "ip tunnel show", "ip tuntap add tap0 mode tap", "ip xfrm state", "ip mroute",
     "ip token", "ip vrf", "ip addrlabel", "ip nexthop", "ip maddr", "ip -0 link", "ip -n ./file link"],
)  # fmt: skip
def test_what_we_do_not_do_is_left_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)


@pytest.mark.parametrize(
    ("line", "message", "word", "hint"),
    [
        ("ip lnk", 'Object "lnk" is unknown, try "ip help".', "lnk", 'did you mean "link"'),
        ("ip adress add", 'Object "adress" is unknown, try "ip help".', "adress", 'did you mean "address"'),
        ("ip -foo link", 'Option "-foo" is unknown, try "ip -help".', "-foo", "character 4"),
        ("ip --bref link", 'Option "-bref" is unknown, try "ip -help".', "--bref", "-brief"),
        ("ip -c=foo link", 'Option "-c=foo" is unknown, try "ip -help".', "-c=foo", ""),
        ("ip -f foo link", 'Error: argument "foo" is wrong: invalid protocol family', "foo", "inet"),
    ],
)
def test_refuses_options_and_objects(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert (error.message, at_word(error)) == (message, word)
    assert hint in (error.hint or "")


def test_a_refused_command_becomes_a_program_that_knows_why() -> None:
    run = parse_any(("sudo", "ip", "link", "set", "lo", "upp"), "red")
    assert isinstance(run, Program)
    assert (run.argv, run.ns) == (("ip", "link", "set", "lo", "upp"), "red")
    assert run.why is not None
    assert run.why.hint == 'at character 16, "upp": did you mean "up"?'


#: Lines that we refuse, beside the real tool: same first line of words.
SAME_WORDS = """
ip lnk | ip -foo link | ip -f foo link | ip link sett | ip addr foo | ip route foo | ip neigh foo | ip rule foo | ip netns foo
ip link set | ip link set up | ip link set v0 | ip link set v0 foo | ip link set v0 mtu | ip link set v0 mtu x | ip link set v0 mtu 1 mtu 2
ip link set v0 arp maybe | ip link set v0 promisc | ip link set v0 v1 up | ip link set v0 name averyveryverylongname | ip link set v0 index 5
ip link set v0 txqueuelen x | ip link set v0 group foo | ip link set v0 addrgenmode foo | ip link set v0 protodown x | ip link set v0 carrier x
ip link add foo | ip link add foo type | ip link add a/b type bridge | ip link add name b0 dev b1 type bridge | ip link add foo type bridge bar
ip link add foo type bridge stp_state on | ip link add foo type bridge vlan_filtering 300 | ip link add foo type bridge forward_delay
ip link add foo type vxlan id 99999999 | ip link add foo type vxlan id 1 id 2 | ip link add foo type vxlan dstport 5
ip link add foo type vxlan id 1 ttl 300 | ip link add foo type vxlan id 1 group 239.1.1.1 | ip link add foo type vxlan id 1 local 239.1.1.1
ip link add foo type vxlan id 1 remote 1.2.3.4 group 239.1.1.1 | ip link add foo type vxlan id 1 foo | ip link add foo type vlan id x
ip link add link v0 foo type macvlan mode x | ip link add link v0 foo type ipvlan mode x | ip link add foo type bond mode x
ip link add foo type bond bar | ip link add foo type vrf table x | ip link set p0 type bridge_slave hairpin x
ip link set p0 type bridge_slave foo x | ip link set p0 type bridge_slave cost x | ip link add foo type vxlan id 1 srcport 5
ip link del | ip link show type | ip link show v0 v1 | ip link property foo | ip link show group foo
ip addr add 10.0.0.300 dev v0 | ip addr add 10.0.0.1/33 dev v0 | ip addr add 10.0.0.1 | ip addr add 10.0.0.1 10.0.0.2 dev v0
ip addr add 10.0.0.1/24 dev v0 scope foo | ip addr add 10.0.0.1/24 dev | ip addr add 10.0.0.1/24 dev v0 brd x | ip addr add fd00::1/64 brd + dev v0
ip addr add 10.0.0.1/24 dev v0 valid_lft x | ip addr add 10.0.0.1/24 dev v0 valid_lft 5 preferred_lft 9 | ip addr add 10.0.0.1/24 dev v0 metric x
ip -4 addr add fd00::1/64 dev v0 | ip addr show scope foo | ip addr show dev v0 v1 | ip addr flush | ip addr add dev v0
ip addr add 10.0.0.1/24 peer x dev v0 | ip addr add 10.0.0.1/24 brd + brd + dev v0 | ip addr show to x
ip route add 10.0.0.0/99 dev v0 | ip route add foo dev v0 | ip route add 10.0.0.0/8 foo v0 | ip route add 10.0.0.0/8 via x
ip route add 10.0.0.0/8 via fe80::1 dev v0 | ip route add 10.0.0.0/8 via | ip route add 10.0.0.0/8 via 192.168.1.2 via 192.168.1.3
ip route add 10.0.0.0/8 dev v0 metric x | ip route add 10.0.0.0/8 dev v0 table x | ip route add 10.0.0.0/8 dev v0 scope x
ip route add 10.0.0.0/8 dev v0 proto x | ip route add 10.0.0.0/8 dev v0 tos x | ip route add 10.0.0.0/8 dev v0 pref x
ip route add 10.0.0.0/8 dev v0 mtu x | ip route add 10.0.0.0/8 dev v0 advmss x | ip route add 10.0.0.0/8 dev v0 hoplimit 300
ip route add 10.0.0.0/8 dev v0 rtt x | ip route add 10.0.0.0/8 dev v0 quickack 5 | ip route add 10.0.0.0/8 dev v0 features x
ip route add 10.0.0.0/8 dev v0 nhid x | ip route add 10.0.0.0/8 dev v0 expires x | ip route add 10.0.0.0/8 dev v0 src x
ip route add default nexthop | ip route add default nexthop via 192.168.1.2 weight 0 | ip route add default nexthop via 192.168.1.2 foo
ip route add blackhole | ip route flush | ip route get | ip route get x | ip -4 route get fd00::1 | ip route get 1.2.3.4 mark x
ip route get 1.2.3.4 tos x | ip route get 1.2.3.4 uid x | ip route get 1.2.3.4 sport x | ip route get 1.2.3.4 ipproto x
ip route show foo | ip route show table foo | ip route show proto foo | ip route show scope foo | ip route show type foo | ip route show via x
ip neigh add 1.2.3.4 | ip neigh add dev v0 | ip neigh add foo dev v0 | ip neigh add 1.2.3.4 lladdr zz dev v0 | ip neigh add 1.2.3.4 dev v0 nud x
ip neigh add 1.2.3.4 2.3.4.5 dev v0 | ip neigh flush | ip neigh show foo | ip neigh show nud x | ip neigh show dev v0 dev v1 | ip neigh get 1.2.3.4
ip neigh add 1.2.3.4 lladdr 02:00:00:00:00:01 lladdr 02:00:00:00:00:02 dev v0 | ip neigh del 1.2.3.4 | ip neigh add 1.2.3.4 dev v0 protocol x
ip rule add | ip rule del | ip rule add foo | ip rule add from x | ip rule add fwmark x | ip rule add fwmark 1/x | ip rule add table x
ip rule add pref x | ip rule add tos x | ip rule add uidrange 5 | ip rule add ipproto x | ip rule add sport x | ip rule add dport x
ip rule add protocol x | ip rule add suppress_prefixlength x | ip rule add suppress_ifgroup x | ip rule add goto x | ip rule show foo
ip rule add from fd00::/8 table 5 | ip rule add to fd00::/8 table 5 | ip rule add oif averyveryverylongname | ip rule show table x
ip netns add | ip netns del | ip netns exec | ip netns exec red | ip netns add a/b | ip netns add . | ip netns set red | ip netns set red x
ip netns set red -1 | ip netns attach x | ip netns pids | ip netns identify x | ip netns identify 1 2 | ip netns add ''
"""


@needs_ip
def test_what_we_refuse_the_real_tool_refuses_in_the_same_words() -> None:
    lines = [line.strip() for line in SAME_WORDS.replace("\n", " | ").split(" | ") if line.strip()]
    lines = [line for line in lines if line != "ip link set v0"]
    assert len(lines) >= 150
    wrong = []
    for line, (status, words) in zip(lines, ask(lines), strict=True):
        error = refusal(line)
        first = words.split("\n")[0]
        if status == 0 or first != error.message:
            wrong.append(f"{line}\n  ours: {error.message}\n  real: {first} (status {status})")
    assert not wrong, "\n".join(wrong)


#: Lines that we accept, which the real tool accepts too (as syntax: the kernel may still refuse them).
SYNTAX_SAYINGS = (
    "is unknown, try",
    "is a garbage",
    "not complete",
    "is expected rather",
    "Not enough information",
    "second value",
    "Usage:",
)


@needs_ip
def test_what_we_accept_the_real_tool_can_read() -> None:
    lines = [line.replace("veth-red", "v0").replace("v-net-0", "br0") for _, line, _ in RANKED]
    wrong = []
    for line, (status, words) in zip(lines, ask(lines), strict=True):
        if status and any(saying in words for saying in SYNTAX_SAYINGS):
            wrong.append(f"{line}: {words}")
    assert not wrong, "\n".join(wrong)


WORDS = st.one_of(
    st.sampled_from(sorted({word for _, line, _ in RANKED for word in line.split()} | {w for w in SAME_WORDS.split() if w != "|"})),
    st.sampled_from(
        ["nexthop", "via", "dev", "weight", "peer", "type", "veth", "bridge", "vxlan", "macvlan", "bond", "vrf", "gre", "ipip", "bridge_slave", "brd", "+", "-", "any", "all", "default", "lock", "mtu", "from", "to", "table", "proxy", "nud", "exec", "-n", "-b", "-4", "-6", "-all", "--", "id", "remote", "group", "local", "learning", "altname", "property", "flag", "netns"]
    ),
    st.text(max_size=10),
    st.sampled_from(["", "-", "=", "/", "::", "0x", "08", "-1", "9" * 30, "1/" * 9, "é" * 9, "\udc80", "a\nb", "$(id)", "1.2.3.4/33", "fe80::1%e"]),
)  # fmt: skip


_FIRST = ("link", "addr", "route", "neigh", "rule", "netns", "l", "a", "r", "-n")


@examples(1000, "ip", texts=len(_FIRST))
@given(st.lists(WORDS, max_size=9))
def test_never_an_internal_error(rest: list[str]) -> None:
    for first in _FIRST:
        _is_read(("ip", first, *rest))


def _is_read(argv: tuple[str, ...]) -> None:
    try:
        run: object = parse(argv)
    except CommandSyntaxError as error:
        run = error
    if isinstance(run, CommandSyntaxError):
        assert run.message
        assert 0 <= run.at <= len(run.text)
    else:
        assert isinstance(run, Command | Program | Batch | Each | Sequence)
    assert isinstance(parse_any(argv), Command | Program | Batch | Each | Sequence)


LINES = [shlex.split(line) for _, line, _ in RANKED]


@examples(1500, "ip, shortened")
@given(st.sampled_from(LINES), st.data())
def test_what_is_accepted_is_json_ready_however_the_words_are_shortened(line: list[str], data: st.DataObject) -> None:
    words = [word[: data.draw(st.integers(1, len(word)))] if word.isalpha() else word for word in line[1:]]
    run = parse_any(("ip", *words))
    if isinstance(run, Command):
        assert json.loads(json.dumps(run.to_data()))["verb"] == run.verb
