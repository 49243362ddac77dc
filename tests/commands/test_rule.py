"""``ip rule``: arguments by form, abbreviations, refusals."""

from __future__ import annotations

import pytest
from ip_checks import at_word, command, left_to_the_tool, refusal

FORMS = [
    ("ip rule", "rule.show", {"family": "inet"}),
    ("ip -6 rule list", "rule.show", {"family": "inet6"}),
    ("ip rule show table 100 from 10/8 pref 5", "rule.show", {"family": "inet", "table": 100, "src": "10.0.0.0/8", "priority": 5}),
    ("ip rule add from 10.0.0.0/8 table 100", "rule.add", {"family": "inet", "src": "10.0.0.0/8", "table": 100, "action": "lookup"}),
    ("ip rule add to 10.0.0.1 lookup main priority 5", "rule.add",
     {"family": "inet", "dst": "10.0.0.1/32", "table": 254, "priority": 5, "action": "lookup"}),
    ("ip rule add from all fwmark 0x10/0xff table 7", "rule.add",
     {"family": "inet", "src": "all", "fwmark": 16, "fwmask": 255, "table": 7, "action": "lookup"}),
    ("ip rule add not iif v0 oif v1 tos 8 blackhole pref 9", "rule.add",
     {"family": "inet", "invert": True, "iif": "v0", "oif": "v1", "tos": 8, "action": "blackhole", "priority": 9, "table": 254}),
    ("ip rule add type prohibit dev v0", "rule.add", {"family": "inet", "action": "prohibit", "iif": "v0", "table": 254}),
    ("ip rule add goto 500 prio 5", "rule.add", {"family": "inet", "goto": 500, "action": "goto", "priority": 5, "table": 254}),
    ("ip rule add nop l3mdev", "rule.add", {"family": "inet", "action": "nop", "l3mdev": True, "table": 254}),
    ("ip rule add uidrange 0-99 ipproto tcp sport 5-9 dport 80 protocol static suppress_prefixlength 0", "rule.add",
     {"family": "inet", "uidrange": "0-99", "ipproto": 6, "sport": "5-9", "dport": "80", "protocol": 4,
      "suppress_prefixlength": 0, "table": 254, "action": "lookup"}),
    ("ip -6 rule add from fd00::/8 table 5", "rule.add", {"family": "inet6", "src": "fd00::/8", "table": 5, "action": "lookup"}),
    ("ip rule del pref 5", "rule.del", {"family": "inet", "priority": 5}),
    ("ip rule del from 10/8 table 100", "rule.del", {"family": "inet", "src": "10.0.0.0/8", "table": 100}),
    ("ip rule flush", "rule.flush", {"family": "inet"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "expected"), FORMS)
def test_reads(line: str, verb: str, expected: dict[str, object]) -> None:
    assert command(line) == (verb, expected)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("ip ru", "ip rule show"), ("ip rule s", "ip rule show"), ("ip rule l", "ip rule show"),
        ("ip ru a from 10/8 ta 5 p 6", "ip rule add from 10/8 table 5 priority 6"), ("ip rule d prio 5", "ip rule del pref 5"),
        ("ip rule add bl pref 5", "ip rule add blackhole pref 5"), ("ip rule add order 5 un", "ip rule add pref 5 unreachable"),
    ],
)  # fmt: skip
def test_abbreviations_are_those_of_iproute2(short: str, full: str) -> None:
    assert command(short) == command(full)


REFUSED = [
    ("ip rule foo", 'Command "foo" is unknown, try "ip rule help".', "foo", "expected"),
    ("ip rule add", '"ip rule add" requires arguments.', "add", "table 100"),
    ("ip rule add form 10/8", 'Error: argument "form" is wrong: Failed to parse rule type', "form", 'did you mean "from"'),
    ("ip rule add from foo", 'Error: any valid prefix is expected rather than "foo".', "foo", ""),
    ("ip rule add from fd00::/8 table 5", "Error: Invalid source address.", "fd00::/8", "ip -6 rule"),
    ("ip rule add fwmark x/1", 'Error: argument "x" is wrong: fwmark value is invalid', "x/1", "0x10/0xff"),
    ("ip rule add fwmark 1/x", 'Error: argument "x" is wrong: fwmask value is invalid', "1/x", "number"),
    ("ip rule add table foo", 'Error: argument "foo" is wrong: invalid table ID', "foo", "main"),
    ("ip rule add pref x", 'Error: argument "x" is wrong: preference value is invalid', "x", "number"),
    ("ip rule add iif averyveryverylongname", 'Error: argument "averyveryverylongname" is wrong: "iif"/"dev" not a valid ifname',
     "averyveryverylongname", "15 bytes"),
    ("ip rule add uidrange 5", 'Error: argument "5" is wrong: invalid UID range', "5", "1000-2000"),
    ("ip rule add ipproto foo", 'Error: argument "foo" is wrong: Invalid "ipproto" value', "foo", "tcp"),
    ("ip rule show foo", 'Error: inet prefix is expected rather than "foo".', "foo", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "word", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refuses_with_the_tool_s_words_the_place_and_a_hint(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == message
    assert at_word(error) == word
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "line", ["ip rule help", "ip rule save", "ip rule add realms 5", "ip rule add local", "ip rule add tun_id 5"]
)
def test_leaves_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)
