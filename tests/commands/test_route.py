"""``ip route``: arguments by form, the defaults that iproute2 works out, abbreviations, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from ip_checks import args, at_word, command, left_to_the_tool, refusal


def added(dst: str, **more: Any) -> dict[str, Any]:
    return {"dst": dst, "family": "inet", "table": 254, "scope": 0, "type": "unicast", "protocol": 3, **more}


VIA = {"gateway": "10.0.0.1", "gateway_family": "inet"}
FORMS = [
    ("ip route", "route.show", {"table": 254, "family": "inet"}),
    ("ip route show", "route.show", {"table": 254, "family": "inet"}),
    ("ip -6 route", "route.show", {"table": 254, "family": "inet6"}),
    ("ip route show table all", "route.show", {"table": "all"}),
    ("ip -4 route show table all", "route.show", {"table": "all", "family": "inet"}),
    ("ip route show table local dev lo", "route.show", {"table": 255, "dev": "lo", "family": "inet"}),
    ("ip -o route show default", "route.show", {"table": 254, "dst": "default", "match": "exact", "family": "inet"}),
    ("ip route show 10/8", "route.show", {"table": 254, "dst": "10.0.0.0/8", "match": "exact", "family": "inet"}),
    ("ip route show to match 10.1.2.3", "route.show", {"table": 254, "dst": "10.1.2.3/32", "match": "match", "family": "inet"}),
    ("ip route show root 10/8 proto kernel scope link type unicast", "route.show",
     {"table": 254, "dst": "10.0.0.0/8", "match": "root", "protocol": 2, "scope": 253, "type": "unicast", "family": "inet"}),
    ("ip route show via 10.0.0.1 src 10.0.0.2 metric 5", "route.show",
     {"table": 254, "gateway": "10.0.0.1", "prefsrc": "10.0.0.2", "metric": 5, "family": "inet"}),
    ("ip route add default via 10.0.0.1", "route.add", added("default", **VIA)),
    ("ip route add default via 10.0.0.1 dev e", "route.add", added("default", **VIA, dev="e")),
    ("ip route add 192.168.1.0/24 via 10.0.0.1", "route.add", added("192.168.1.0/24", **VIA)),
    ("ip route add to 192.168.1.0/24 via 10.0.0.1 dev e", "route.add", added("192.168.1.0/24", **VIA, dev="e")),
    ("ip route add 10.1.2.3 dev e", "route.add", added("10.1.2.3/32", dev="e", scope=253)),
    ("ip route add 192.168.1.0/24 dev e", "route.add", added("192.168.1.0/24", dev="e", scope=253)),
    ("ip route add default dev e", "route.add", added("default", dev="e", scope=253)),
    ("ip route add 0/0 dev e", "route.add", added("default", dev="e", scope=253)),
    ("ip route add 10.1.2.3/8 dev e", "route.add", added("10.1.2.3/8", dev="e", scope=253)),
    ("ip route add default via 10.0.0.1 dev e table 100", "route.add", added("default", **VIA, dev="e", table=100)),
    ("ip route add 10/8 via 10.0.0.1 metric 5 proto static src 10.0.0.9 onlink scope link tos 8", "route.add",
     added("10.0.0.0/8", **VIA, metric=5, protocol=4, prefsrc="10.0.0.9", onlink=True, scope=253, tos=8)),
    ("ip route add fd01::/64 via fe80::1 dev e", "route.add",
     added("fd01::/64", gateway="fe80::1", gateway_family="inet6", dev="e", family="inet6")),
    ("ip -6 route add default dev e pref high expires 60", "route.add", added("default", dev="e", family="inet6", pref="high", expires=60)),
    ("ip route add default via fe80::1 dev e", "route.add", added("default", gateway="fe80::1", gateway_family="inet6", dev="e", family="inet6")),
    ("ip route add 10/8 via inet6 fe80::1 dev e", "route.add", added("10.0.0.0/8", gateway="fe80::1", gateway_family="inet6", dev="e")),
    ("ip route add blackhole 10/8", "route.add", added("10.0.0.0/8", type="blackhole")),
    ("ip route add unreachable default metric 9", "route.add", added("default", type="unreachable", metric=9)),
    ("ip route add local 10.0.0.1 dev lo", "route.add", added("10.0.0.1/32", type="local", dev="lo", table=255, scope=254)),
    ("ip route add broadcast 10.0.0.255 dev e", "route.add", added("10.0.0.255/32", type="broadcast", dev="e", table=255, scope=253)),
    ("ip route add multicast 239/8 dev e", "route.add", added("239.0.0.0/8", type="multicast", dev="e", scope=253)),
    ("ip route add throw 10/8 table main", "route.add", added("10.0.0.0/8", type="throw")),
    ("ip route add 10/8 nexthop via 10.0.0.1 weight 2 nexthop via 10.0.0.2 dev e onlink", "route.add",
     added("10.0.0.0/8", nexthops=[{**VIA, "weight": 2}, {"gateway": "10.0.0.2", "gateway_family": "inet", "dev": "e", "onlink": True}])),
    ("ip route add 10/8 dev e mtu lock 1400 advmss 1300 initcwnd 5 quickack 1 features ecn congctl cubic", "route.add",
     added("10.0.0.0/8", dev="e", scope=253, metrics={"mtu": 1400, "advmss": 1300, "initcwnd": 5, "quickack": 1, "features": 1,
                                                      "congctl": "cubic", "lock": ["mtu"]})),
    ("ip route add 10/8 dev e rtt 20ms rttvar 5 rto_min 1s hoplimit 9", "route.add",
     added("10.0.0.0/8", dev="e", scope=253, metrics={"rtt": 160, "rttvar": 5, "rto_min": 1000, "hoplimit": 9, "lock": ["rto_min"]})),
    ("ip route add 10/8 nhid 7", "route.add", added("10.0.0.0/8", nhid=7)),
    ("ip route replace default via 10.0.0.1", "route.replace", added("default", **VIA)),
    ("ip route append 10/8 via 10.0.0.1", "route.append", added("10.0.0.0/8", **VIA)),
    ("ip route prepend 10/8 via 10.0.0.1", "route.prepend", added("10.0.0.0/8", **VIA)),
    ("ip route change 10/8 via 10.0.0.1", "route.change", added("10.0.0.0/8", **VIA)),
    ("ip route test 10/8 via 10.0.0.1", "route.test", added("10.0.0.0/8", **VIA)),
    ("ip route del default", "route.del", {"dst": "default", "family": "inet", "table": 254, "scope": 255}),
    ("ip route del default via 10.0.0.1", "route.del", {"dst": "default", "family": "inet", **VIA, "table": 254, "scope": 255}),
    ("ip route del 10/8 dev e", "route.del", {"dst": "10.0.0.0/8", "family": "inet", "dev": "e", "table": 254, "scope": 255}),
    ("ip route del local 10.0.0.1", "route.del", {"dst": "10.0.0.1/32", "family": "inet", "type": "local", "table": 255, "scope": 254}),
    ("ip route del fd00::/8 table 7", "route.del", {"dst": "fd00::/8", "family": "inet6", "table": 7, "scope": 0}),
    ("ip route flush dev e", "route.flush", {"table": 254, "dev": "e", "family": "inet"}),
    ("ip route flush table 100", "route.flush", {"table": 100, "family": "inet"}),
    ("ip route flush cache", "route.flush", {}),
    ("ip route get 8.8.8.8", "route.get", {"address": "8.8.8.8", "family": "inet"}),
    ("ip route get to fd00::1 from fd00::2 iif e oif f mark 5", "route.get",
     {"address": "fd00::1", "family": "inet6", "from": "fd00::2", "iif": "e", "oif": "f", "mark": 5}),
    ("ip route get 8.8.8.8 fibmatch uid 0 ipproto tcp sport 5 dport 80 tos 8 vrf blue", "route.get",
     {"address": "8.8.8.8", "family": "inet", "fibmatch": True, "uid": 0, "ipproto": 6, "sport": 5, "dport": 80, "tos": 8, "vrf": "blue"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "expected"), [form for form in FORMS if form[2]])
def test_reads(line: str, verb: str, expected: dict[str, object]) -> None:
    assert command(line) == (verb, expected)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("ip r", "ip route show"), ("ip r s", "ip route show"), ("ip r l", "ip route show"), ("ip ro sh", "ip route show"),
        ("ip r a 10/8 via 10.0.0.1", "ip route add 10/8 via 10.0.0.1"), ("ip r d default", "ip route del default"),
        ("ip r g 8.8.8.8", "ip route get 8.8.8.8"), ("ip r r default dev e", "ip route replace default dev e"),
        ("ip r a 10/8 dev e m 5", "ip route add 10/8 dev e metric 5"), ("ip r a 10/8 dev e p 5", "ip route add 10/8 dev e metric 5"),
        ("ip r a 10/8 dev e t 5", "ip route add 10/8 dev e table 5"), ("ip r a bl 10/8", "ip route add blackhole 10/8"),
        ("ip r f dev e", "ip route flush dev e"), ("ip r c 10/8 dev e", "ip route change 10/8 dev e"),
        ("ip r s t all", "ip route show table all"),
    ],
)  # fmt: skip
def test_abbreviations_are_those_of_iproute2(short: str, full: str) -> None:
    assert command(short) == command(full)


REFUSED = [
    ("ip route foo", 'Command "foo" is unknown, try "ip route help".', "foo", "expected"),
    ("ip route 10.0.0.0/8", 'Command "10.0.0.0/8" is unknown, try "ip route help".', "10.0.0.0/8", "expected"),
    ("ip route add defalt via 10.0.0.1", 'Error: any valid prefix is expected rather than "defalt".', "defalt", 'did you mean "default"'),
    ("ip route add 10.0.0.0/99 dev e", 'Error: any valid prefix is expected rather than "10.0.0.0/99".', "10.0.0.0/99", "0 to 32"),
    ("ip route add 10/8 vai 10.0.0.1", 'Error: either "to" is duplicate, or "vai" is a garbage.', "vai", 'did you mean "via"'),
    ("ip route add 10/8 via fe80::1 dev e", 'Error: inet address is expected rather than "fe80::1".', "fe80::1", "IPv6"),
    ("ip route add default via", 'Command line is not complete. Try option "help"', "", 'after "via"'),
    ("ip route add 10/8 via 10.0.0.1 via 10.0.0.2", 'Error: argument "via" is wrong: use nexthop syntax to specify multiple via',
     "via", "nexthop"),
    ("ip route add 10/8 dev e metric x", 'Error: argument "x" is wrong: "metric" value is invalid', "x", "number"),
    ("ip route add 10/8 dev e table foo", 'Error: argument "foo" is wrong: "table" value is invalid', "foo", "main"),
    ("ip route add 10/8 dev e scope foo", 'Error: argument "foo" is wrong: invalid "scope" value', "foo", "link"),
    ("ip route add 10/8 dev e proto foo", 'Error: argument "foo" is wrong: "protocol" value is invalid', "foo", "static"),
    ("ip route add 10/8 dev e quickack 5", 'Error: argument "5" is wrong: "quickack" value should be 0 or 1', "5", ""),
    ("ip route add 10/8 dev e rtt soon", 'Error: argument "soon" is wrong: "rtt" value is invalid', "soon", "20ms"),
    ("ip route add 10/8 nexthop", 'Error: unexpected end of line after "nexthop"', "", "gateway"),
    ("ip route add 10/8 nexthop via 10.0.0.1 wieght 2", 'Error: "nexthop" or end of line is expected instead of "wieght"',
     "wieght", "weight"),
    ("ip route add 10/8 nexthop via 10.0.0.1 weight 0", 'Error: argument "0" is wrong: "weight" is invalid', "0", "1 to 256"),
    ("ip route add dev e", '"ip route add" needs a destination', "", "192.168.1.0/24"),
    ("ip route del via 10.0.0.1", '"ip route del" needs a destination', "", "default"),
    ("ip route flush", '"ip route flush" requires arguments.', "flush", "dev eth0"),
    ("ip route get", "need at least a destination address", "", "8.8.8.8"),
    ("ip -4 route get fd00::1", 'Error: inet prefix is expected rather than "fd00::1".', "fd00::1", "IPv6"),
    ("ip route show table foo", 'Error: argument "foo" is wrong: table id value is invalid', "foo", "main"),
    ("ip route show type foo", 'Error: argument "foo" is wrong: node type value is invalid', "foo", "unicast"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "word", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refuses_with_the_tool_s_words_the_place_and_a_hint(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == message
    assert at_word(error) == word
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "line",
    ["ip route help", "ip route save", "ip route add 10/8 encap mpls 5 via 10.0.0.1", "ip route add 10/8 dev e realms 5",
     "ip route show vrf x", "ip route get 10.0.0.0/8", "ip route add nat 10.0.0.1 via 10.0.0.2", "ip route show 10/8 11/8"],
)  # fmt: skip
def test_leaves_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)


def test_flush_cache_is_a_filter_by_table_in_the_tool_too() -> None:
    assert args("ip route flush table cache")["table"] == "cache"
