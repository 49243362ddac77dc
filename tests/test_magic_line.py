"""The line of a magic: options are ours, all else stays as typed, and no line ends in anything but an answer or an error of ours."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsmagic.errors import CommandSyntaxError, NamespaceNotFound, NsmagicError
from nsmagic.magic_line import OPTIONS, Options, split_cell_line, split_line

TOOLS = ("ip", "ping", "arp", "route", "bridge", "sysctl")
NAMESPACES = ("host", "red", "blue", "ip", "a b")
PROGRAMS = ("iptables", "curl")


def read(line: str) -> tuple[Options, str, str]:
    return split_line(line, TOOLS, lambda _: NAMESPACES, lambda _, name: name in PROGRAMS)


def given_options(options: Options) -> dict[str, Any]:
    """What was typed: the fields that differ from their defaults."""
    plain = Options()
    return {name: value for name, value in options._asdict().items() if value != getattr(plain, name)}


# The line of %netns


@pytest.mark.parametrize(
    ("line", "options", "ns", "text"),
    [
        ("ip link", {}, "host", "ip link"),
        ("red ip link", {}, "red", "ip link"),
        ("  red   ip   link  ", {}, "red", "ip   link  "),
        ("host ip link", {}, "host", "ip link"),
        ("/sbin/ip link", {}, "host", "/sbin/ip link"),
        ("ping -c 1 10.0.0.1", {}, "host", "ping -c 1 10.0.0.1"),
        ("red ping -c 1 10.0.0.1", {}, "red", "ping -c 1 10.0.0.1"),
        # A known command is a command, also where a namespace has that name …
        ("ip ip link", {}, "host", "ip ip link"),
        # … unless it is forced.
        ("--ns ip ip link", {"ns": "ip"}, "ip", "ip link"),
        ("--ns=ip ip link", {"ns": "ip"}, "ip", "ip link"),
        ("--ns nowhere ip link", {"ns": "nowhere"}, "nowhere", "ip link"),
        # A name in quotes.
        ("'a b' ip link", {}, "a b", "ip link"),
        ('"a b" ip link', {}, "a b", "ip link"),
        (r"a\ b ip link", {}, "a b", "ip link"),
        # A program of the lab that is no tool of ours.
        ("iptables -S", {}, "host", "iptables -S"),
        ("red iptables -S", {}, "red", "iptables -S"),
        ("telnet 10.0.0.1", {}, "host", "telnet 10.0.0.1"),  # not installed: the lab says so, and which package has it
        ("red whatever it is", {}, "red", "whatever it is"),
        # Options come first, before or behind the namespace; behind the command they are the command's own.
        ("--text ip link", {"text": True}, "host", "ip link"),
        ("--text --all red ip link", {"text": True, "all": True}, "red", "ip link"),
        ("--out links red ip link", {"out": "links"}, "red", "ip link"),
        ("red --text ip link", {"text": True}, "red", "ip link"),
        ("--all red --out links ip link", {"all": True, "out": "links"}, "red", "ip link"),
        ("red ip link --out links", {}, "red", "ip link --out links"),
        ("ip link --help", {}, "host", "ip link --help"),
        ("--timeout 2.5 ping 10.0.0.1", {"timeout": 2.5}, "host", "ping 10.0.0.1"),
        ("--lab second ip link", {"lab": "second"}, "host", "ip link"),
        ("--no-raise-error ip link", {"no_raise_error": True}, "host", "ip link"),
        # What the shell and Python would change is not ours to change.
        ("red echo $HOME {x} 'a  b' \"c\" \\d", {}, "red", "echo $HOME {x} 'a  b' \"c\" \\d"),
        ("ip link # the pupil's own link", {}, "host", "ip link # the pupil's own link"),
        ("red echo it's", {}, "red", "echo it's"),
    ],
)
def test_line(line: str, options: dict[str, Any], ns: str, text: str) -> None:
    got, where, rest = read(line)
    assert (given_options(got), where, rest) == (options, ns, text)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("", "there is no command on the line", "%netns red ip route"),
        ("   ", "there is no command on the line", "%netns red ip route"),
        ("--text", "there is no command on the line", "%netns red ip route"),
        ("red", "there is no command for red", "%netns red ip link"),
        ("red --txt ip link", "there is no option --txt", "did you mean --text?"),
        ("red --text", "there is no command for red", "%netns red --text ip link"),
        ("--txt ip link", "there is no option --txt", "did you mean --text?"),
        ("--zzzzz ip link", "there is no option --zzzzz", "options: " + " ".join(OPTIONS)),
        ("--table 100 ip link", "there is no option --table", "options: " + " ".join(OPTIONS)),
        ("--text=1 ip link", "--text takes no value", None),
        ("--timeout", "--timeout needs a value", "--timeout SECONDS"),
        ("--timeout soon ip link", '--timeout "soon" is no number of seconds', "--timeout 10"),
        ("--timeout 0 ip link", '--timeout "0" is no number of seconds', "--timeout 10"),
        ("--timeout -1 ip link", '--timeout "-1" is no number of seconds', "--timeout 10"),
        ("--timeout nan ip link", '--timeout "nan" is no number of seconds', "--timeout 10"),
        ("--timeout inf ip link", '--timeout "inf" is no number of seconds', "--timeout 10"),
        ("--out 1x ip link", '"1x" is no name of a Python variable', "--out routes"),
        ("--out= ip link", '"" is no name of a Python variable', "--out routes"),
        ("--out class ip link", '"class" is no name of a Python variable', "--out routes"),
        ("'red ip link", "a quote is not closed", "quotes come in pairs: '…' or \"…\""),
    ],
)
def test_line_refused(line: str, message: str, hint: str | None) -> None:
    with pytest.raises(CommandSyntaxError) as refused:
        read(line)
    assert (refused.value.message, refused.value.hint) == (message, hint)
    assert refused.value.text == line
    assert 0 <= refused.value.at <= len(line)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("rad ip link", "did you mean red? namespaces: red, blue, ip, a b; commands: ip, ping, arp, route …"),
        ("pong 10.0.0.1", "did you mean ping? namespaces: red, blue, ip, a b; commands: ip, ping, arp, route …"),
        ("xyzzy 10.0.0.1", "namespaces: red, blue, ip, a b; commands: ip, ping, arp, route …"),
    ],
)
def test_line_neither_command_nor_namespace(line: str, hint: str) -> None:
    with pytest.raises(NamespaceNotFound) as refused:
        read(line)
    first = line.split()[0]
    assert refused.value.message == f'"{first}" is neither a command nor a namespace'
    assert refused.value.hint == hint
    assert refused.value.name == first
    assert refused.value.known == sorted(NAMESPACES)


def test_asks_for_namespaces_only_when_it_must() -> None:
    """A known command starts no lab to see which namespaces there are."""

    def never(*_: Any) -> Any:
        raise AssertionError("asked")

    assert split_line("ip netns add red", TOOLS, never, never)[1:] == ("host", "ip netns add red")
    assert split_line("--ns red curl x", TOOLS, never, never)[1:] == ("red", "curl x")


def test_namespaces_are_those_of_the_lab_that_was_named() -> None:
    asked = []

    def namespaces(options: Options) -> list[str]:
        asked.append(options.lab)
        return ["green"]

    assert split_line("--lab two green ip link", TOOLS, namespaces, lambda *_: False)[1] == "green"
    assert asked == ["two"]


# The line of %%netns


@pytest.mark.parametrize(
    ("line", "options", "ns"),
    [
        ("", {}, "host"),
        ("host", {}, "host"),
        ("red", {}, "red"),
        (" red ", {}, "red"),
        ("'a b'", {}, "a b"),
        # Options stand before or after the namespace.
        ("red --out routes", {"out": "routes"}, "red"),
        ("--out routes red", {"out": "routes"}, "red"),
        ("--out routes", {"out": "routes"}, "host"),
        ("--text red --all", {"text": True, "all": True}, "red"),
        ("red --python --fill", {"python": True, "fill": True}, "red"),
        ("--ns red", {"ns": "red"}, "red"),
        ("--ns 'a b'", {"ns": "a b"}, "a b"),
        ("--quiet --stop --bg --no-raise-error --timeout=3 --lab=x", {
            "quiet": True, "stop": True, "bg": True, "no_raise_error": True, "timeout": 3.0, "lab": "x",
        }, "host"),
        # A cell has its commands below: a name is a namespace, whatever tool is called like it.
        ("ip", {}, "ip"),
    ],
)  # fmt: skip
def test_cell_line(line: str, options: dict[str, Any], ns: str) -> None:
    got, where = split_cell_line(line)
    assert (given_options(got), where) == (options, ns)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("red blue", '"blue" is one word too many on the line of %%netns'),
        ("red ip link", '"ip" is one word too many on the line of %%netns'),
        ("--ns red blue", '"blue" is one word too many on the line of %%netns'),
        ("--out", "--out needs a value"),
        ("red --out", "--out needs a value"),
        ("red --ouT x", "there is no option --ouT"),
        ('"red', "a quote is not closed"),
    ],
)
def test_cell_line_refused(line: str, message: str) -> None:
    with pytest.raises(CommandSyntaxError) as refused:
        split_cell_line(line)
    assert refused.value.message == message
    assert 0 <= refused.value.at <= len(line)


# What holds for every line

_PIECES = st.sampled_from(
    [
        *OPTIONS,
        *(f"{name}=1" for name in OPTIONS),
        "red",
        "host",
        "ip",
        "link",
        "'",
        '"',
        "\\",
        "$x",
        "{x}",
        "#",
        "--",
        "-",
        "=",
        "a b",
        "é",
    ]
)
_LINES = st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=8).map(" ".join))


def refusal(reader: Callable[[str], object], line: str) -> NsmagicError | None:
    try:
        reader(line)
    except NsmagicError as error:
        return error
    return None


@given(_LINES)
def test_any_line_ends_in_an_answer_or_an_error_of_ours(line: str) -> None:
    for reader in (read, split_cell_line):
        error = refusal(reader, line)
        assert error is None or error.message
        if isinstance(error, CommandSyntaxError):
            assert 0 <= error.at <= len(line)


@given(
    st.text(min_size=1, max_size=30),
    st.lists(st.sampled_from(["--text", "--all", "--out x", "--timeout=2"]), max_size=3),
)
def test_the_command_stays_as_typed(tail: str, options: list[str]) -> None:
    command = f"ip {tail}"
    assert read(" ".join([*options, command]))[1:] == ("host", command)
    assert read(" ".join([*options, "red", command]))[1:] == ("red", command)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_a_quoted_name_is_read_back(name: str) -> None:
    quoted = "'" + name.replace("'", "'\"'\"'") + "'"
    assert shlex.split(quoted) == [name]
    assert split_cell_line(quoted)[1] == name
    assert split_cell_line(f"--ns {quoted}")[1] == name
    assert split_line(f"{quoted} true", (), lambda _: [name], lambda *_: False)[1:] == (name, "true")


@given(st.sets(st.sampled_from([name for name, (argument, _) in OPTIONS.items() if not argument])))
def test_switches_combine(names: set[str]) -> None:
    options, _ = split_cell_line(" ".join(names))
    assert given_options(options) == {name[2:].replace("-", "_"): True for name in names}


def test_table_and_fields_agree() -> None:
    assert [name[2:].replace("-", "_") for name in OPTIONS] == [*Options._fields]
    for argument, words in OPTIONS.values():
        assert argument == argument.upper()
        assert words
