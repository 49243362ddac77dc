"""``ip netns``: verbs, ``exec`` as a prefix to any depth, ``ip -n``, ``ip -all``, refusals."""

from __future__ import annotations

import shlex

import pytest
from ip_checks import at_word, command, left_to_the_tool, read, refusal

from nsmagic.commands.command import Batch, Command, Each, Program
from nsmagic.commands.parse import parse

FORMS = [
    ("ip netns", "netns.list", {}),
    ("ip netns list", "netns.list", {}),
    ("ip netns add red", "netns.add", {"name": "red"}),
    ("ip netns del red", "netns.del", {"name": "red"}),
    ("ip -all netns delete", "netns.del", {"all": True}),
    ("ip netns set red 7", "netns.set", {"name": "red", "id": 7}),
    ("ip netns set red auto", "netns.set", {"name": "red", "id": "auto"}),
    ("ip netns attach red 17", "netns.attach", {"name": "red", "pid": 17}),
    ("ip netns identify 17", "netns.identify", {"pid": 17}),
    ("ip netns identify", "netns.identify", {}),
    ("ip netns pids red", "netns.pids", {"name": "red"}),
]


@pytest.mark.parametrize(("line", "verb", "expected"), FORMS)
def test_reads(line: str, verb: str, expected: dict[str, object]) -> None:
    assert command(line) == (verb, expected)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("ip netn", "ip netns list"), ("ip netns l", "ip netns list"), ("ip netns s", "ip netns list"), ("ip netns a red", "ip netns add red"),
        ("ip netns d red", "ip netns del red"), ("ip netns p red", "ip netns pids red"), ("ip netns i", "ip netns identify"),
        ("ip -a netns d", "ip -all netns delete"),
    ],
)  # fmt: skip
def test_abbreviations_are_those_of_iproute2(short: str, full: str) -> None:
    assert command(short) == command(full)


@pytest.mark.parametrize(
    ("line", "ns"),
    [
        ("ip netns exec red ip link", "red"),
        ("ip netns e red ip link", "red"),
        ("ip -n red link", "red"),
        ("ip -netns red link", "red"),
        ("ip --netns red -br link", "red"),
        ("ip -n /var/run/netns/red link", "red"),
        ("sudo ip netns exec red sudo ip link", "red"),
        ("sudo -E -u root ip netns exec red ip link", "red"),
        ("ip netns exec blue ip netns exec red ip link", "red"),
        ("ip -n blue netns exec red ip link", "red"),
        ("ip netns exec blue ip -n red link", "red"),
        ("nsenter --net=/run/netns/red ip link", "red"),
        ("nsenter -n/var/run/netns/red -- /sbin/ip link", "red"),
        ("ip netns exec a nsenter --net=/run/netns/b sudo ip netns exec red /usr/sbin/ip l", "red"),
    ],
)
def test_prefixes_name_the_namespace_and_the_last_one_wins(line: str, ns: str) -> None:
    run = parse(tuple(shlex.split(line)))
    assert isinstance(run, Command)
    assert (run.ns, run.verb) == (ns, "link.show")
    assert (run.argv[0], run.argv[-1]) in (("ip", "link"), ("ip", "l"))
    assert "red" not in run.argv


def test_exec_nests_to_any_depth() -> None:
    words = ("ip", "netns", "exec", "blue") * 100 + ("ip", "netns", "exec", "red", "ip", "link")
    run = parse(words)
    assert isinstance(run, Command)
    assert run.ns == "red"
    assert isinstance(parse(("ip", "netns", "exec", "blue") * 5000 + ("id",)), Program)


def test_any_program_can_be_run_in_a_namespace() -> None:
    assert parse(("ip", "netns", "exec", "red", "iptables", "-L")) == Program(("iptables", "-L"), "red")
    assert parse(("nsenter", "-t", "5", "-n", "ip", "a")) == Program(("nsenter", "-t", "5", "-n", "ip", "a"))
    assert parse(("nsenter", "--net=/run/netns/red", "-m", "ip", "a")) == Program(
        ("nsenter", "--net=/run/netns/red", "-m", "ip", "a")
    )
    assert parse(("sudo", "-u", "nobody", "id")) == Program(("sudo", "-u", "nobody", "id"))


def test_all_namespaces() -> None:
    run = read("ip -all netns exec ip link")
    assert isinstance(run, Each)
    assert isinstance(run.run, Command)
    assert run.run.verb == "link.show"
    assert read("ip --all netns exec ping -c 1 10.0.0.1", "red").__class__ is Each
    assert read("ip -all netns exec ip -b file") == Program(("ip", "-all", "netns", "exec", "ip", "-b", "file"))


def test_batch() -> None:
    assert read("ip -batch file") == Batch("file")
    assert read("ip -force -4 -b - -n red") == Batch("-", force=True, ns="red", prefix=("-4",))


REFUSED = [
    ("ip netns foo", 'Command "foo" is unknown, try "ip netns help".', "foo", "add"),
    ("ip netns add", "No netns name specified", "", "a name"),
    ("ip netns add a/b", 'Invalid netns name "a/b"', "a/b", "slash"),
    ("ip netns add ''", 'Invalid netns name ""', "", "empty"),
    ("ip netns del ..", 'Invalid netns name ".."', "..", "file name"),
    ("ip netns exec", "No netns name specified", "", "namespace"),
    ("ip netns exec red", "No command specified", "", "command"),
    ("ip netns set red", "No nsid specified", "", "auto"),
    ("ip netns set red x", 'Error: argument "x" is wrong: Invalid "netnsid" value', "x", "number"),
    ("ip netns set red -1", 'Error: argument "-1" is wrong: "netnsid" value should be >= 0', "-1", "auto"),
    ("ip netns attach red", "No netns name and PID specified", "", "process"),
    ("ip netns identify x", "Specified string 'x' is not a pid", "x", "process"),
    ("ip netns identify 1 2", "extra arguments specified", "2", "one"),
    ("ip netns exce red ip a", 'Command "exce" is unknown, try "ip netns help".', "exce", 'did you mean "exec"'),
]


@pytest.mark.parametrize(("line", "message", "word", "hint"), REFUSED, ids=lambda value: str(value)[:40])
def test_refuses_with_the_tool_s_words_the_place_and_a_hint(line: str, message: str, word: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == message
    assert at_word(error) == word
    assert hint in (error.hint or "")


@pytest.mark.parametrize("line", ["ip netns help", "ip netns monitor", "ip netns list-id"])
def test_leaves_to_the_tool(line: str) -> None:
    assert left_to_the_tool(line)
