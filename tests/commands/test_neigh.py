"""``ip neigh``: arguments by form, abbreviations, refusals."""

from __future__ import annotations

import pytest
from ip_checks import at_word, command, left_to_the_tool, refusal

MAC = "02:00:00:00:00:01"
FORMS = [
    ("ip neigh", "neigh.show", {}),
    ("ip -6 neigh", "neigh.show", {"family": "inet6"}),
    ("ip neigh show dev e", "neigh.show", {"dev": "e"}),
    ("ip neigh show 10.0.0.0/8 nud stale nud permanent", "neigh.show",
     {"address": "10.0.0.0/8", "family": "inet", "states": ["stale", "permanent"]}),
    ("ip neigh show nud all proxy", "neigh.show", {"nud_all": True, "proxy": True}),
    (f"ip neigh add 10.0.0.2 lladdr {MAC} dev e", "neigh.add",
     {"address": "10.0.0.2", "dev": "e", "mac": MAC, "state": "permanent", "family": "inet"}),
    ("ip neigh add to fd00::2 lladdr 2:0:0:0:0:1 nud reachable router dev e", "neigh.add",
     {"address": "fd00::2", "dev": "e", "mac": MAC, "state": "reachable", "router": True, "family": "inet6"}),
    ("ip neigh add proxy 10.0.0.2 dev e", "neigh.add",
     {"address": "10.0.0.2", "dev": "e", "state": "permanent", "proxy": True, "family": "inet"}),
    (f"ip neigh replace 10.0.0.2 lladdr {MAC} dev e nud 0x4 extern_learn protocol static", "neigh.replace",
     {"address": "10.0.0.2", "dev": "e", "mac": MAC, "state": "stale", "extern_learn": True, "protocol": 4, "family": "inet"}),
    ("ip neigh change 10.0.0.2 lladdr null dev e nud failed", "neigh.change",
     {"address": "10.0.0.2", "dev": "e", "state": "failed", "family": "inet"}),
    ("ip neigh del 10.0.0.2 dev e", "neigh.del", {"address": "10.0.0.2", "dev": "e", "family": "inet"}),
    ("ip neigh flush dev e nud stale", "neigh.flush", {"dev": "e", "states": ["stale"]}),
    ("ip neigh get 10.0.0.2 dev e", "neigh.get", {"address": "10.0.0.2", "dev": "e"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "expected"), FORMS)
def test_reads(line: str, verb: str, expected: dict[str, object]) -> None:
    assert command(line) == (verb, expected)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("ip n", "ip neigh show"), ("ip n s", "ip neigh show"), ("ip neighbour l", "ip neigh show"), ("ip neighbor", "ip neigh show"),
        (f"ip n a 10.0.0.2 l {MAC} dev e", f"ip neigh add 10.0.0.2 lladdr {MAC} dev e"),
        ("ip n d 10.0.0.2 dev e", "ip neigh del 10.0.0.2 dev e"),
        (f"ip n r 10.0.0.2 ll {MAC} dev e nud perm", f"ip neigh replace 10.0.0.2 lladdr {MAC} dev e nud permanent"),
        ("ip n g 10.0.0.2 dev e", "ip neigh get 10.0.0.2 dev e"), ("ip n f dev e", "ip neigh flush dev e"),
    ],
)  # fmt: skip
def test_abbreviations_are_those_of_iproute2(short: str, full: str) -> None:
    assert command(short) == command(full)


REFUSED = [
    ("ip neigh foo", 'Command "foo" is unknown, try "ip neigh help".', "foo", "expected"),
    ("ip neigh add 10.0.0.2", "Device and destination are required arguments.", "", "for example"),
    ("ip neigh add 10.0.0.2 lladdr zz dev e", '"zz" is invalid lladdr.', "zz", "02:00:00:00:00:01"),
    ("ip neigh add foo dev e", 'Error: any valid address is expected rather than "foo".', "foo", ""),
    ("ip neigh add 10.0.0.2 dev e nud perment", 'Error: argument "perment" is wrong: nud state is bad', "perment", "permanent"),
    ("ip neigh add 10.0.0.2 10.0.0.3 dev e", 'Error: either "to" is duplicate, or "10.0.0.3" is a garbage.', "10.0.0.3", "expected"),
    ("ip neigh add 10.0.0.2 ladr x dev e", 'Error: either "to" is duplicate, or "ladr" is a garbage.', "ladr", "lladdr"),
    ("ip neigh flush", "Flush requires arguments.", "flush", "dev eth0"),
    ("ip neigh get 10.0.0.2", "Device and address are required arguments.", "", "dev"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "word", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refuses_with_the_tool_s_words_the_place_and_a_hint(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == message
    assert at_word(error) == word
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "line",
    ["ip neigh help", "ip neigh add 10.0.0.2 dev e use", "ip neigh add proxy 10.0.0.2", "ip neigh add any dev e"],
)
def test_leaves_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)
