"""``ip addr``: arguments by form, defaults, abbreviations, refusals."""

from __future__ import annotations

import pytest
from ip_checks import args, at_word, command, left_to_the_tool, refusal

FORMS = [
    ("ip addr", "addr.show", {}),
    ("ip addr show", "addr.show", {}),
    ("ip addr show eth0", "addr.show", {"dev": "eth0"}),
    ("ip addr ls dev eth0 up", "addr.show", {"dev": "eth0", "up": True}),
    ("ip -4 addr show eth0", "addr.show", {"family": "inet", "dev": "eth0"}),
    ("ip -o -4 addr show dev eth0", "addr.show", {"family": "inet", "dev": "eth0"}),
    ("ip addr show to 10/8 scope link label e*", "addr.show", {"to": "10.0.0.0/8", "family": "inet", "scope": 253, "label": "e*"}),
    ("ip addr show permanent type veth master br0", "addr.show", {"flags": ["permanent"], "kind": "veth", "master": "br0"}),
    ("ip addr show scope all", "addr.show", {}),
    ("ip addr add 192.168.15.1/24 dev veth-red", "addr.add",
     {"dev": "veth-red", "address": "192.168.15.1", "prefixlen": 24, "family": "inet", "scope": 0}),
    ("ip addr add 192.168.15.1 dev veth-red", "addr.add",
     {"dev": "veth-red", "address": "192.168.15.1", "prefixlen": 32, "family": "inet", "scope": 0}),
    ("ip addr add dev e 192.168.15.1/255.255.255.0", "addr.add",
     {"dev": "e", "address": "192.168.15.1", "prefixlen": 24, "family": "inet", "scope": 0}),
    ("ip addr add local 10.1/16 dev e", "addr.add", {"dev": "e", "address": "10.1.0.0", "prefixlen": 16, "family": "inet", "scope": 0}),
    ("ip addr add 127.0.0.2/8 dev lo", "addr.add",
     {"dev": "lo", "address": "127.0.0.2", "prefixlen": 8, "family": "inet", "scope": 254}),
    ("ip addr add 10.0.0.1/24 brd + dev e", "addr.add",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 24, "family": "inet", "broadcast": "10.0.0.255", "scope": 0}),
    ("ip addr add 10.0.0.17/28 brd - dev e", "addr.add",
     {"dev": "e", "address": "10.0.0.17", "prefixlen": 28, "family": "inet", "broadcast": "10.0.0.16", "scope": 0}),
    ("ip addr add 10.0.0.1/31 brd + dev e", "addr.add",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 31, "family": "inet", "scope": 0}),
    ("ip addr add 10.0.0.1/24 broadcast 10.0.0.254 dev e", "addr.add",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 24, "family": "inet", "broadcast": "10.0.0.254", "scope": 0}),
    ("ip addr add 10.0.0.1 peer 10.0.0.2/30 dev e", "addr.add",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 30, "family": "inet", "peer": "10.0.0.2", "peer_prefixlen": 30, "scope": 0}),
    ("ip addr add 10.0.0.1/24 dev e label e:1 metric 7 scope link", "addr.add",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 24, "family": "inet", "label": "e:1", "metric": 7, "scope": 253}),
    ("ip addr add FD00::1/64 dev e nodad valid_lft 100 preferred_lft 50", "addr.add",
     {"dev": "e", "address": "fd00::1", "prefixlen": 64, "family": "inet6", "valid_lft": 100, "preferred_lft": 50,
      "flags": ["nodad"], "scope": 0}),
    ("ip addr add 10.0.0.1/8 dev e noprefixroute valid_lft forever", "addr.add",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 8, "family": "inet", "valid_lft": 4294967295, "flags": ["noprefixroute"], "scope": 0}),
    ("ip addr del 10.0.0.1/24 dev e", "addr.del", {"dev": "e", "address": "10.0.0.1", "prefixlen": 24, "family": "inet"}),
    ("ip addr del 10.0.0.1 dev e", "addr.del", {"dev": "e", "address": "10.0.0.1", "family": "inet"}),
    ("ip addr del fd00::1 dev e", "addr.del", {"dev": "e", "address": "fd00::1", "prefixlen": 128, "family": "inet6"}),
    ("ip addr replace 10.0.0.1/24 dev e", "addr.replace",
     {"dev": "e", "address": "10.0.0.1", "prefixlen": 24, "family": "inet", "scope": 0}),
    ("ip addr flush dev e", "addr.flush", {"dev": "e"}),
    ("ip -6 addr flush dev e scope global", "addr.flush", {"family": "inet6", "dev": "e", "scope": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "expected"), FORMS)
def test_reads(line: str, verb: str, expected: dict[str, object]) -> None:
    assert command(line) == (verb, expected)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("ip a", "ip addr show"), ("ip a s", "ip addr show"), ("ip a l x", "ip addr show x"), ("ip ad sh x", "ip addr show x"),
        ("ip a a 10.0.0.1/8 dev e", "ip addr add 10.0.0.1/8 dev e"), ("ip address d 10.0.0.1/8 dev e", "ip addr del 10.0.0.1/8 dev e"),
        ("ip a r 10.0.0.1/8 dev e", "ip addr replace 10.0.0.1/8 dev e"), ("ip a f dev e", "ip addr flush dev e"),
        ("ip a a 10.0.0.1/8 b + dev e", "ip addr add 10.0.0.1/8 brd + dev e"),
        ("ip add add 10.0.0.1/8 dev e", "ip addr add 10.0.0.1/8 dev e"),
    ],
)  # fmt: skip
def test_abbreviations_are_those_of_iproute2(short: str, full: str) -> None:
    assert command(short) == command(full)


REFUSED = [
    ("ip addr foo", 'Command "foo" is unknown, try "ip address help".', "foo", "expected"),
    ("ip addr add 10.0.0.300/24 dev e", 'Error: any valid prefix is expected rather than "10.0.0.300/24".', "10.0.0.300/24", "0 to 255"),
    ("ip addr add 10.0.0.1/33 dev e", 'Error: any valid prefix is expected rather than "10.0.0.1/33".', "10.0.0.1/33", "0 to 32"),
    ("ip -4 addr add fd00::1/64 dev e", 'Error: inet prefix is expected rather than "fd00::1/64".', "fd00::1/64", "IPv6"),
    ("ip addr add 10.0.0.1/24", 'Not enough information: "dev" argument is required.', "", "dev NAME"),
    ("ip addr add dev e", "RTNETLINK answers: Operation not supported", "", "address is missing"),
    ("ip addr add 10.0.0.1/24 eth0", 'Error: either "local" is duplicate, or "eth0" is a garbage.', "eth0", "dev"),
    ("ip addr add 10.0.0.1/24 dv eth0", 'Error: either "local" is duplicate, or "dv" is a garbage.', "dv", 'did you mean "dev"'),
    ("ip addr add 10.0.0.1/24 dev e scope foo", 'Error: argument "foo" is wrong: invalid scope value.', "foo", "global"),
    ("ip addr add 10.0.0.1/24 dev", 'Command line is not complete. Try option "help"', "", 'after "dev"'),
    ("ip addr add 10.0.0.1/24 brd 10.0.0.x dev e", 'Error: inet address is expected rather than "10.0.0.x".', "10.0.0.x", "0 to 255"),
    ("ip addr add 10.0.0.1/24 brd + brd + dev e", 'Error: duplicate "broadcast": "+" is the second value.', "+", "once"),
    ("ip addr add fd00::1/64 brd + dev e", "Broadcast can be set only for IPv4 addresses", "", "no broadcast"),
    ("ip addr add 10.0.0.1/24 dev e valid_lft 5 preferred_lft 9", "preferred_lft is greater than valid_lft", "9", "shorter"),
    ("ip addr add 10.0.0.1/24 dev e valid_lft x", 'Error: argument "x" is wrong: valid_lft value', "x", "number"),
    ("ip addr show scope foo", 'Error: argument "foo" is wrong: invalid "scope"', "foo", "global"),
    ("ip addr show dev a b", 'Error: either "dev" is duplicate, or "b" is a garbage.', "b", "expected"),
    ("ip addr flush", "Flush requires arguments.", "flush", "flush dev"),
    ("ip addr add 10.0.0.1/24 devv eth0 label", 'Error: either "local" is duplicate, or "devv" is a garbage.', "devv", '"dev"'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "word", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refuses_with_the_tool_s_words_the_place_and_a_hint(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == message
    if line != "ip addr add 10.0.0.1/24 brd + brd + dev e":
        assert at_word(error) == word
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "line",
    ["ip addr help", "ip addr save", "ip addr show -tentative", "ip addr add 10.0.0.1/8 dev e nodad", "ip addr show vrf x",
     "ip addr add 10.0.0.1/8 dev e permanent", "ip -0 addr", "ip -B addr"],
)  # fmt: skip
def test_leaves_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)


def test_the_family_of_the_options_holds() -> None:
    assert args("ip -6 addr show")["family"] == "inet6"
    assert "family" not in args("ip addr show")
