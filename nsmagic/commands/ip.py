"""``ip``: the global options, the object, and the prefixes ``-n NS`` and ``netns exec NS``.

Options stand before the object only, as in iproute2, and may be shortened by its rule (``-br``, ``-d``, ``-s``;
``-b`` is ``-batch``, ``-r`` is ``-resolve``). An object of which we do none (``ip xfrm``, ``ip monitor`` …), ``help`` and
``-V`` go to the real tool.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nsmagic.commands import addr, link, neigh, netns, route, rule
from nsmagic.commands.command import Batch, Command, Each, Program, Runnable
from nsmagic.commands.grammar import Beyond, Keywords, Words, matches
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

OBJECTS = Keywords(
    "address addrlabel maddress route rule neighbor=neigh neighbour=neigh ntable ntbl=ntable link l2tp fou ila macsec tunnel"
    " tunl=tunnel tuntap tap=tuntap token tcpmetrics tcp_metrics=tcpmetrics monitor xfrm mroute mrule netns netconf vrf sr"
    " nexthop mptcp ioam help stats"
)
OPTIONS = Keywords(
    "-loops -family -4! -6! -0! -M! -B! -human -human-readable=-human -iec -stats -statistics=-stats -details -resolve"
    " -oneline -timestamp -tshort -Version -force -batch -brief -json -pretty -rcvbuf -color -help -netns -Numeric -all"
    " -echo!"
)
_DISPLAY = {
    "-human": "human", "-iec": "iec", "-stats": "stats", "-details": "details", "-resolve": "resolve", "-oneline": "oneline",
    "-timestamp": "timestamp", "-tshort": "timestamp", "-brief": "brief", "-json": "json", "-pretty": "pretty",
    "-Numeric": "numeric",
}  # fmt: skip
_FAMILIES = {"-4": "inet", "-6": "inet6", "-B": "bridge"}
_NATIVE: dict[str, Callable[[Words, str | None], tuple[str, dict[str, Any]]]] = {
    "address": addr.parse, "link": link.parse, "route": route.parse, "neigh": neigh.parse, "rule": rule.parse,
}  # fmt: skip
_EXPECTED = ("link", "addr", "route", "neigh", "netns", "rule")
_NETNS_PATH = re.compile(r"/(?:var/)?run/netns/([^/]+)\Z")


@dataclass(slots=True)
class Options:
    """The global options of one ``ip``. ``kept`` are those typed, without ``-n NS``, ``-batch FILE`` and ``-force``."""

    ns: str | None = None
    family: str | None = None
    display: dict[str, Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    every: bool = False
    force: bool = False
    batch: str | None = None


def parse(argv: tuple[str, ...], ns: str | None = None) -> Runnable:
    """Read an ``ip`` command; ``ns`` is the namespace that a prefix before it named.

    >>> parse(("ip", "-n", "red", "link")).ns
    'red'

    Raises
    ------
    CommandSyntaxError
        When iproute2 would refuse the words, in its own.
    """
    words = Words(argv, 1)
    options = Options(ns)
    try:
        _read_options(words, options)
    except Beyond:
        return Program(argv, ns)
    if options.batch is not None:
        return Batch(options.batch, None, options.force, options.ns, "ip", tuple(options.kept))
    typed = words.argv[words.i :]
    try:
        return _object(words, options)
    except Beyond:
        every = ("-all",) if options.every else ()
        return Program((argv[0], *options.kept, *every, *typed), options.ns)


def _option(word: str) -> str | None:
    """The option that a word means: ``--br`` and ``-br`` are ``-brief``."""
    word = word[1:] if word.startswith("--") else word
    head, equals, value = word.partition("=")
    if equals:
        return "-color" if matches(head, "-color") and len(head) > 1 and value in ("always", "auto", "never") else None
    return OPTIONS.find(word)


def _read_options(words: Words, options: Options) -> None:
    while words.more and words.word.startswith("-"):
        word = words.next()
        if word == "--":
            return
        option = _option(word)
        if option is None:
            text = word[1:] if word.startswith("--") else word
            known = tuple(dict.fromkeys(OPTIONS.names))
            raise words.unknown(f'Option "{text}" is unknown, try "ip -help".', known)
        if option == "-netns":
            options.ns = _netns(words)
        elif option == "-batch":
            options.batch = words.next(("a file",))
        elif option == "-force":
            options.force = True
        elif option == "-all":
            options.every = True
        elif option in ("-Version", "-help", "-0", "-M", "-echo"):
            raise Beyond(option)
        else:
            options.kept.append(word)
            _plain_option(words, options, option)


def _netns(words: Words) -> str:
    name = words.next(("a namespace",))
    if found := _NETNS_PATH.match(name):
        return found[1]
    if "/" in name:
        raise Beyond(name)
    return name


def _plain_option(words: Words, options: Options, option: str) -> None:
    """An option that stays in ``kept``."""
    if option in _FAMILIES:
        options.family = _FAMILIES[option]
    elif option in _DISPLAY:
        options.display[_DISPLAY[option]] = True
    elif option == "-color":
        options.display["color"] = True
    else:
        value = words.next(("a value",))
        options.kept.append(value)
        if option == "-family":
            if value in ("link", "mpls", "help"):
                raise Beyond(value)
            if value not in ("inet", "inet6", "bridge"):
                raise words.wrong("invalid protocol family", expected=("inet", "inet6", "bridge", "link"))
            options.family = value


def _object(words: Words, options: Options) -> Runnable:
    if not words.more:
        raise Beyond("help")
    at = words.i
    word = words.next()
    name = OBJECTS.find(word)
    if name is None:
        raise words.unknown(f'Object "{word}" is unknown, try "ip help".', _EXPECTED, choices=OBJECTS.spellings())
    argv = ("ip", *options.kept, *words.argv[at:])
    if name == "netns":
        return _netns_command(words, options, argv)
    native = _NATIVE.get(name)
    if native is None or (options.family == "bridge" and name != "link"):
        raise Beyond(word)
    verb, args = native(words, options.family)
    return Command("ip", verb, args, options.ns, argv, options.display)


def _netns_command(words: Words, options: Options, argv: tuple[str, ...]) -> Runnable:
    from nsmagic.commands.parse import parse as parse_any

    verb = netns.verb(words)
    if verb != "exec":
        found, args = netns.parse(words, verb, every=options.every)
        return Command("ip", found, args, options.ns, argv, options.display)
    name: str | None = None
    if not options.every:
        if not words.more:
            raise _ends(words, "No netns name specified", "a namespace")
        name = words.next()
    if not words.more:
        raise _ends(words, "No command specified", "a command")
    run = parse_any(words.rest(), name)
    if not options.every:
        return run
    if isinstance(run, (Each, Batch)):
        raise Beyond("ip -all netns exec of a batch")
    return Each(run)


def _ends(words: Words, message: str, what: str) -> CommandSyntaxError:
    return words.missing(message, (what,), say("form-ends-before", what=what))
