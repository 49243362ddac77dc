"""``ping``, ``ping4`` and ``ping6`` of iputils 20221126.

The destination stays the word that was typed, also when it is a name: looking it up is the lab's business. Left to the
real tool: timestamps of routers (``-T``), node queries (``-N``), ``-e``, ``-C``, ``-F``, ``-S``, ``-d`` and routes over
several hops.
"""

from __future__ import annotations

import math
import re
import socket
from typing import Any

from nsmagic.commands.command import Command, Program, Runnable
from nsmagic.commands.grammar import Beyond, read_ipv6
from nsmagic.commands.options import Option, error_at, scan
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

SHORT = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:"

#: Letter → the argument it switches on.
FLAGS = {
    "a": "audible", "A": "adaptive", "b": "broadcast", "B": "strict_source", "D": "timestamps", "f": "flood", "L": "no_loop",
    "n": "numeric", "O": "outstanding", "q": "quiet", "r": "dont_route", "R": "record_route", "U": "user_latency",
    "v": "verbose",
}  # fmt: skip
#: Letter → argument, smallest and greatest value.
INTEGERS = {
    "c": ("count", 1, 0x7FFFFFFFFFFFFFFF), "l": ("preload", 1, 65536), "m": ("mark", 0, 0xFFFFFFFF), "s": ("size", 0, 0x7FFFFFFF),
    "t": ("ttl", 0, 255), "w": ("deadline", 0, 0x7FFFFFFF),
}  # fmt: skip
#: Letter → argument in seconds, and iputils' complaint.
SECONDS = {"i": ("interval", "bad timing interval"), "W": ("wait", "bad linger time")}
_LONGEST = 0x7FFFFFFF // 1000
PMTU = ("do", "dont", "want")

_DECIMAL = re.compile(r"\s*([+-]?[0-9]{1,40})")
_FLOAT = re.compile(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_TOS = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,9}")


def parse(argv: tuple[str, ...], ns: str | None) -> Runnable:
    """Read a ``ping`` command.

    Raises
    ------
    CommandSyntaxError
        The form is not known, in ping's words.

    >>> parse(("ping", "-c3", "-i", ".2", "-I", "veth-red", "192.168.15.2"), "red").args
    {'count': 3, 'interval': 0.2, 'dev': 'veth-red', 'address': '192.168.15.2'}
    """
    try:
        return _read(argv, ns)
    except Beyond:
        return Program(argv, ns)


def _read(argv: tuple[str, ...], ns: str | None) -> Command:
    tool = argv[0]
    found = scan(argv, SHORT)
    args: dict[str, Any] = {}
    if tool[-1:] in ("4", "6"):
        args["family"] = "inet" if tool.endswith("4") else "inet6"
    for option in found.options:
        letter = option.letter
        if letter in FLAGS:
            args[FLAGS[letter]] = True
        elif letter in INTEGERS:
            name, low, high = INTEGERS[letter]
            args[name] = _integer(argv, option, low, high)
        elif letter in SECONDS:
            args[SECONDS[letter][0]] = _seconds(argv, option, SECONDS[letter][1])
        elif letter in "46":
            family = "inet" if letter == "4" else "inet6"
            if args.setdefault("family", family) != family:
                raise _error(argv, option, "only one -4 or -6 option may be specified")
        elif letter == "I":
            _source(argv, option, args)
        elif letter == "M":
            if option.value not in PMTU:
                hint = say("form-one-of", known=", ".join(PMTU))
                raise _error(argv, option, f"invalid -M argument: {option.value}", hint)
            args["pmtudisc"] = option.value
        elif letter == "Q":
            args["tos"] = _tos(argv, option)
        elif letter == "p":
            if not re.fullmatch(r"[0-9a-fA-F]{1,32}", option.value or ""):
                message = f"patterns must be specified as hex digits: {option.value}"
                raise _error(argv, option, message, say("form-pattern"))
            args["pattern"] = option.value
        else:
            raise Beyond(f"ping -{letter}")
    if not found.operands:
        message = f"{tool}: usage error: Destination address required"
        raise error_at(argv, len(argv), message, say("form-ping-whom"))
    if len(found.operands) > 1:
        raise Beyond("ping over several hops")
    target = argv[found.operands[0]]
    if not target:
        raise error_at(argv, found.operands[0], f"{tool}: : Name or service not known", say("form-ping-empty"))
    args["address"] = target
    return Command(tool=tool, verb="ping", args=args, ns=ns, argv=argv)


def _error(argv: tuple[str, ...], option: Option, message: str, hint: str | None = None) -> CommandSyntaxError:
    """A refusal about an option's value."""
    return error_at(argv, option.index, f"{argv[0]}: {message}", hint)


def _integer(argv: tuple[str, ...], option: Option, low: int, high: int) -> int:
    text = option.value or ""
    found = _DECIMAL.fullmatch(text)
    # "1 " and "0x2" are no numbers to ping.
    if found is None or not text.isascii():
        raise _error(argv, option, f"invalid argument: '{text}'", say("form-whole", word=text))
    value = int(found[1])
    if abs(value) > 0x7FFFFFFFFFFFFFFF:
        message = f"invalid argument: '{text}': Numerical result out of range"
        raise _error(argv, option, message, say("form-number", low=low, high=high))
    if not low <= value <= high:
        message = f"invalid argument: '{text}': out of range: {low} <= value <= {high}"
        raise _error(argv, option, message)
    return value


def _seconds(argv: tuple[str, ...], option: Option, words: str) -> float:
    text = option.value or ""
    value = float(text) if text.isascii() and _FLOAT.fullmatch(text) else math.inf
    if value > _LONGEST:
        raise _error(argv, option, f"{words}: {text}", say("form-seconds", most=_LONGEST))
    return value


def _source(argv: tuple[str, ...], option: Option, args: dict[str, Any]) -> None:
    """``-I``: an address to send from, or an interface."""
    text = option.value or ""
    if ":" in text:
        address, scope, device = text.partition("%")
        source = read_ipv6(address)
        if source is None:
            raise _error(argv, option, f"invalid source address: {text}", say("form-ping-source6"))
        args["source"] = source
        if scope:
            args["dev"] = device
    elif _is_ipv4(text):
        args["source"] = text
    elif text:
        args["dev"] = text
    else:
        raise _error(argv, option, "SO_BINDTODEVICE : No such device", say("form-ping-source"))


def _is_ipv4(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def _tos(argv: tuple[str, ...], option: Option) -> int:
    text = option.value or ""
    if not _TOS.fullmatch(text):
        raise _error(argv, option, f"bad TOS value: {text}", say("form-tos"))
    value = int(text, 16) if text[:2] in ("0x", "0X") else int(text)
    if value > 255:
        raise _error(argv, option, f"the decimal value of TOS bits must be in range 0-255: {value}")
    return value
