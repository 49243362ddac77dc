"""The line of a magic, read by our own rules: options, then what they leave, untouched.

IPython's ``magic_arguments`` rejects ``%netns ping x -c 1``, keeps quotes in values, and expands ``{x}`` silently; here the
options of ours come before the command (``%netns``) or anywhere on the line (``%%netns``, which has no command on it), and
everything else stays exactly as typed. Pure: the namespaces and the known tools are given.

Every notebook loads this with the extension: options are tuples with names, which Python makes faster than data classes,
patterns are compiled when first used (``re`` keeps them), and ``difflib`` is for who mistypes.
"""

from __future__ import annotations

import keyword
import re
import shlex
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeVar

from nsmagic.commands.packages import PACKAGES
from nsmagic.errors import CommandSyntaxError, NamespaceNotFound
from nsmagic.names import HOST
from nsmagic.sentences import say


class Options(NamedTuple):
    """The options of ``%%netns`` and ``%netns``; ``ns`` is what ``--ns`` forced."""

    out: str = ""
    text: bool = False
    all: bool = False
    fill: bool = False
    quiet: bool = False
    timeout: float | None = None
    bg: bool = False
    ns: str = ""
    lab: str = ""
    python: bool = False
    stop: bool = False
    no_raise_error: bool = False


#: Option → (its argument's name, "" for a switch; what it does). The manual, the completion and a test read this table.
OPTIONS: dict[str, tuple[str, str]] = {
    "--out": ("NAME", "put the value (a DataFrame, a ping's figures, a job) into the Python variable NAME"),
    "--text": ("", "the tool's own words instead of a table"),
    "--all": ("", "display every column, fallback devices and unnamed namespaces too"),
    "--fill": ("", "fill in {name} from Python variables, in the line and in the cell"),
    "--quiet": ("", "show nothing but errors"),
    "--timeout": ("SECONDS", "end a command that runs longer"),
    "--bg": ("", "let it run in the background: a server, a capture"),
    "--ns": ("NS", "the namespace, also when its name is that of a command"),
    "--lab": ("NAME", "another lab of this notebook, with namespaces of its own"),
    "--python": ("", "the cell is Python whose sockets live in the namespace"),
    "--stop": ("", "end the cell at the first line that fails"),
    "--no-raise-error": ("", "show errors, but let the notebook go on"),
}


class PictureOptions(NamedTuple):
    """The options of ``%topology``."""

    live: bool = False
    diff: bool = False
    step: int = 0
    all: bool = False
    engine: str = ""
    lab: str = ""


PICTURE_OPTIONS: dict[str, tuple[str, str]] = {
    "--live": ("", "a picture that moves while commands run, with each room's tables a click away"),
    "--diff": ("", "mark in the text too what the last cell changed, and show what it took away"),
    "--step": ("N", "the lab as it was after the Nth command that changed something; %explorer lists them"),
    "--all": ("", "unnamed namespaces (the outside of a world), lo and automatic addresses too"),
    "--engine": ("LAYOUT", "dot, neato, fdp, sfdp, circo, twopi or osage"),
    "--lab": ("NAME", "another lab of this notebook"),
}


class SniffOptions(NamedTuple):
    """The options of ``%sniff``."""

    count: int = 0  # type: ignore[assignment]  # a tuple's method of that name is not used
    timeout: float | None = None
    snaplen: int = 0
    bg: bool = False
    live: bool = False
    out: str = ""
    lab: str = ""


SNIFF_OPTIONS: dict[str, tuple[str, str]] = {
    "--count": ("N", "end after so many packets"),
    "--timeout": ("SECONDS", "end after so long"),
    "--snaplen": ("BYTES", "keep only so much of each packet"),
    "--bg": ("", "let it run in the background; its value has .stop() and .packets"),
    "--live": ("", "the same, with a table that follows it and a button that ends it; .capture is the capture"),
    "--out": ("NAME", "put the capture into the Python variable NAME"),
    "--lab": ("NAME", "another lab of this notebook"),
}


class CourseOptions(NamedTuple):
    """The options of ``%task``, ``%check``, ``%hint`` and ``%lab break``."""

    seed: int | None = None
    level: int = 1
    lab: str = ""


COURSE_OPTIONS: dict[str, tuple[str, str]] = {
    "--seed": ("N", "the learner's own number: addresses differ with it (default: NSMAGIC_SEED, else 0)"),
    "--lab": ("NAME", "another lab of this notebook"),
}
BREAK_OPTIONS: dict[str, tuple[str, str]] = {
    "--seed": ("N", "which fault it is: the same number, the same fault"),
    "--level": ("N", "1 seen at a glance, 2 needs thinking, 3 needs looking deep"),
    "--lab": ("NAME", "another lab of this notebook"),
}


class TraceOptions(NamedTuple):
    """The options of ``%trace``."""

    live: bool = False
    timeout: float | None = None
    out: str = ""
    lab: str = ""


TRACE_OPTIONS: dict[str, tuple[str, str]] = {
    "--live": ("", "show the way step by step in the live picture (%topology --live) too"),
    "--timeout": ("SECONDS", "end a command that runs longer"),
    "--out": ("NAME", "put the journey into the Python variable NAME"),
    "--lab": ("NAME", "another lab of this notebook"),
}


class WhyOptions(NamedTuple):
    """The options of ``%why``."""

    port: int | None = None
    proto: str = ""
    size: int | None = None
    hint: bool = False
    lab: str = ""


WHY_OPTIONS: dict[str, tuple[str, str]] = {
    "--port": ("N", "a connection to this port, not an echo"),
    "--proto": ("PROTOCOL", "icmp, tcp or udp"),
    "--size": ("BYTES", "one packet with so much data, as of ping -M do -s BYTES"),
    "--hint": ("", "give away one step at a time: where to look, what shows it, then everything"),
    "--lab": ("NAME", "another lab of this notebook"),
}

_WORD = r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+"""
#: What quotes; a word without is what it is.
_MARKS = frozenset("'\"\\")

AnyOptions = TypeVar("AnyOptions", Options, PictureOptions, SniffOptions, CourseOptions, TraceOptions, WhyOptions)


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def _word(line: str, at: int) -> _Word | None:
    """The word at or behind a place, None at the end. What follows it is not looked at: it may be anything."""
    while at < len(line) and line[at].isspace():
        at += 1
    if at == len(line):
        return None
    match = re.compile(_WORD).match(line, at)
    if match is None or (match.end() < len(line) and not line[match.end()].isspace()):
        raise CommandSyntaxError("a quote is not closed", text=line, at=at, hint=say("quotes"))
    return _Word(match.group(), match.start(), match.end())


def _take(
    options: AnyOptions, word: _Word, line: str, table: Mapping[str, tuple[str, str]] = OPTIONS
) -> tuple[AnyOptions, int]:
    """Read an option: the new options, and the place behind it."""
    name, equals, value = word.text.partition("=")
    if name not in table:
        # Without the dashes, which all of them have in common.
        close = _close(name.lstrip("-"), [option[2:] for option in table])
        hint = say("not-found-close", near=f"--{close[0]}") if close else say("options", known=" ".join(table))
        raise CommandSyntaxError(
            f"there is no option {name}", text=line, at=word.start, expected=list(table), hint=hint
        )
    field, argument = name[2:].replace("-", "_"), table[name][0]
    if not argument:
        if equals:
            raise CommandSyntaxError(f"{name} takes no value", text=line, at=word.start)
        switch: dict[str, Any] = {field: True}
        return options._replace(**switch), word.end
    if not equals:
        following = _word(line, word.end)
        if following is None:
            raise CommandSyntaxError(f"{name} needs a value", text=line, at=word.end, hint=f"{name} {argument}")
        word, value = following, following.text
    text = _unquoted(value)
    if field == "timeout":
        seconds: dict[str, Any] = {field: _seconds(text, line, word.start)}
        return options._replace(**seconds), word.end
    if field == "port":
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise CommandSyntaxError(f'--port "{text}" is no port', text=line, at=word.start, hint=say("ports"))
        port: dict[str, Any] = {field: int(text)}
        return options._replace(**port), word.end
    if field == "size":
        if not (text.isascii() and text.isdigit()):
            raise CommandSyntaxError(
                f'--size "{text}" is no number of bytes', text=line, at=word.start, hint=say("sizes-full")
            )
        size: dict[str, Any] = {field: int(text)}
        return options._replace(**size), word.end
    if field in ("seed", "level"):
        if not text.isdecimal():
            raise CommandSyntaxError(f'{name} "{text}" is no whole number', text=line, at=word.start, hint=f"{name} 1")
        whole: dict[str, Any] = {field: int(text)}
        return options._replace(**whole), word.end
    if field in ("count", "snaplen", "step"):
        if not text.isdecimal() or not 0 < int(text) < 1 << 31:
            raise CommandSyntaxError(f'{name} "{text}" is no number', text=line, at=word.start, hint=f"{name} 10")
        number: dict[str, Any] = {field: int(text)}
        return options._replace(**number), word.end
    if field == "out" and (not text.isidentifier() or keyword.iskeyword(text)):
        raise CommandSyntaxError(
            f'"{text}" is no name of a Python variable', text=line, at=word.start, hint="--out routes"
        )
    named: dict[str, Any] = {field: text}
    return options._replace(**named), word.end


def _close(word: str, known: Collection[str]) -> list[str]:
    """The name that was meant, if there is a likely one."""
    import difflib

    return difflib.get_close_matches(word, known, 1)


def _seconds(text: str, line: str, at: int) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise CommandSyntaxError(f'--timeout "{text}" is no number of seconds', text=line, at=at, hint="--timeout 10")
    return seconds


def _unquoted(text: str) -> str:
    if _MARKS.isdisjoint(text):
        return text
    try:
        return "".join(shlex.split(text)) if text else ""
    except ValueError:
        return text


def split_cell_line(line: str, magic: str = "%%netns") -> tuple[Options, str]:
    """The line of ``%%netns``, or of a table's magic: its options, and the namespace (``host`` when none is named).

    >>> split_cell_line("red --out routes")
    (Options(out='routes', text=False, all=False, fill=False, quiet=False, timeout=None, bg=False, ns='', lab='', python=False, stop=False, no_raise_error=False), 'red')

    Raises
    ------
    CommandSyntaxError
        An unknown option, or more than a namespace on the line.
    """
    options, names, at = Options(), list[_Word](), 0
    while (word := _word(line, at)) is not None:
        # No namespace of a note begins with a dash; --ns takes one that does.
        if word.text.startswith("-"):
            options, at = _take(options, word, line)
        else:
            names.append(word)
            at = word.end
    if options.ns:
        names.insert(0, _Word(shlex.quote(options.ns), 0, 0))
    if len(names) > 1:
        raise CommandSyntaxError(
            f'"{names[1].text}" is one word too many on the line of {magic}',
            text=line,
            at=names[1].start,
            hint=say("netns-line") if magic == "%%netns" else say("one-namespace", magic=magic),
        )
    return options, _unquoted(names[0].text) if names else HOST


def split_picture_line(line: str) -> tuple[PictureOptions, tuple[str, ...]]:
    """The line of ``%topology``: its options, and the namespaces to be drawn (none: all).

    >>> split_picture_line("red blue --engine circo")
    (PictureOptions(live=False, diff=False, step=0, all=False, engine='circo', lab=''), ('red', 'blue'))

    Raises
    ------
    CommandSyntaxError
        An unknown option, or one without its value.
    """
    options, names, at = PictureOptions(), list[str](), 0
    while (word := _word(line, at)) is not None:
        if word.text.startswith("--"):
            options, at = _take(options, word, line, PICTURE_OPTIONS)
        else:
            names.append(_unquoted(word.text))
            at = word.end
    return options, tuple(names)


def split_sniff_line(line: str) -> tuple[SniffOptions, str, str]:
    """The line of ``%sniff``: its options, where (``red``, ``red:veth-red``, ``any``), and the filter as typed.

    >>> split_sniff_line("red:veth-red icmp or arp --count 3")[1:]
    ('red:veth-red', 'icmp or arp')

    Raises
    ------
    CommandSyntaxError
        An unknown option, or one without its value; no place.
    """
    options, where, rest, at = SniffOptions(), "", list[str](), 0
    while (word := _word(line, at)) is not None:
        if word.text.startswith("--"):
            options, at = _take(options, word, line, SNIFF_OPTIONS)
            continue
        if not where:
            where = _unquoted(word.text)
        else:
            rest.append(word.text)
        at = word.end
    if not where:
        raise CommandSyntaxError("%sniff where?", text=line, at=at, hint="%sniff red, %sniff red:veth-red, %sniff any")
    filter = " ".join(rest)
    if len(rest) == 1:
        filter = _unquoted(filter)
    return options, where, filter


def split_course_line(
    line: str, table: Mapping[str, tuple[str, str]] = COURSE_OPTIONS
) -> tuple[CourseOptions, tuple[str, ...]]:
    """The line of ``%task``, ``%check``, ``%hint`` and ``%lab break``: its options and the other words.

    >>> split_course_line("cable --seed 7")
    (CourseOptions(seed=7, level=1, lab=''), ('cable',))

    Raises
    ------
    CommandSyntaxError
        An unknown option, or one without its value.
    """
    options, names, at = CourseOptions(), list[str](), 0
    while (word := _word(line, at)) is not None:
        if word.text.startswith("--"):
            options, at = _take(options, word, line, table)
        else:
            names.append(_unquoted(word.text))
            at = word.end
    return options, tuple(names)


def split_trace_line(line: str) -> tuple[TraceOptions, str, str]:
    """The line of ``%trace``: its options, the namespace, and the command as typed; options stand before the command.

    >>> split_trace_line("blue --timeout 3 ping -c 1 192.168.15.1")[1:]
    ('blue', 'ping -c 1 192.168.15.1')

    Raises
    ------
    CommandSyntaxError
        An unknown option, or one without its value; no namespace or no command.
    """
    options, ns, at = TraceOptions(), "", 0
    while (word := _word(line, at)) is not None:
        if word.text.startswith("--"):
            options, at = _take(options, word, line, TRACE_OPTIONS)
        elif ns:
            return options, ns, line[word.start :].strip()
        else:
            ns, at = _unquoted(word.text), word.end
    words = "%trace what from where?" if not ns else f"there is no command for {ns}"
    raise CommandSyntaxError(
        words, text=line, at=len(line), hint="%trace red 192.168.15.2, %trace red curl http://192.168.15.2"
    )


def split_why_line(line: str) -> tuple[WhyOptions, str, str]:
    """The line of ``%why``: its options, the namespace that sends (``host`` when none is named), and the target.

    >>> split_why_line("red 192.168.15.2 --port 80")
    (WhyOptions(port=80, proto='', size=None, hint=False, lab=''), 'red', '192.168.15.2')

    Raises
    ------
    CommandSyntaxError
        No target, a word too many, or an option that is none.
    """
    options, names, at = WhyOptions(), list[str](), 0
    while (word := _word(line, at)) is not None:
        if word.text.startswith("--"):
            options, at = _take(options, word, line, WHY_OPTIONS)
        else:
            names.append(_unquoted(word.text))
            at = word.end
    if not 1 <= len(names) <= 2:
        words = "%why needs a target" if not names else f'"{names[2]}" is one word too many'
        raise CommandSyntaxError(words, text=line, at=len(line), hint="%why red 192.168.15.2, %why red blue --port 80")
    return options, names[0] if len(names) == 2 else HOST, names[-1]


def split_line(
    line: str,
    tools: Collection[str],
    namespaces: Callable[[Options], Collection[str]],
    programs: Callable[[Options, str], bool],
) -> tuple[Options, str, str]:
    """The line of ``%netns``: its options, the namespace, and the command as typed.

    A known command word is always a command, on the host; else the namespace of that name; else a program of the lab, also a
    well-known one that is not installed.

    >>> split_line("red ip route", {"ip"}, lambda _: ["red"], lambda *_: False)[1:]
    ('red', 'ip route')
    >>> split_line("--text ip route", {"ip"}, lambda _: [], lambda *_: False)[1:]
    ('host', 'ip route')

    Raises
    ------
    NamespaceNotFound
        The first word is neither a command nor a namespace.
    CommandSyntaxError
        There is no command, or an unknown option.
    """
    options, at = Options(), 0
    while (word := _word(line, at)) is not None and word.text.startswith("--"):
        options, at = _take(options, word, line)
    if word is None:
        raise CommandSyntaxError("there is no command on the line", text=line, at=len(line), hint="%netns red ip route")
    command = line[word.start :]
    if options.ns:
        return options, options.ns, command
    first = _unquoted(word.text)
    if first.rpartition("/")[2] in tools:
        return options, HOST, command
    known = namespaces(options)
    if first in known:
        # No command begins with two dashes: options behind the namespace can be meant for nobody else.
        at = word.end
        while line[at:].lstrip().startswith("--") and (following := _word(line, at)) is not None:
            options, at = _take(options, following, line)
        behind = line[at:].lstrip()
        if not behind:
            raise CommandSyntaxError(
                f"there is no command for {first}", text=line, at=len(line), hint=f"%netns {line.strip()} ip link"
            )
        return options, first, behind
    # A program of that name is a restricted editor, which nobody means here.
    if first != "red" and (
        programs(options, first) or first in PACKAGES
    ):  # one that is not installed is told as that, with its package
        return options, HOST, command
    near = _close(first, [*known, *tools])
    there = ", ".join(name for name in known if name != HOST)
    if there:
        hint = say("line-close", near=near[0], known=there) if near else say("line-known", known=there)
    else:
        hint = say("line-close-none", near=near[0]) if near else say("line-none")
    raise NamespaceNotFound(
        f'"{first}" is neither a command nor a namespace',
        name=first,
        known=sorted(known),
        hint=hint,
    )
