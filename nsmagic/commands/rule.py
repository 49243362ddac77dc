"""``ip rule``: add, delete, show, flush.

On add ``table`` is always present (254, main, when none was typed, also for ``goto`` and ``blackhole``, as iproute2
sends it) and ``action`` is what the words mean (``lookup`` by default). On del only what was typed. ``family`` is inet
unless ``-6`` was typed: an IPv6 prefix alone does not make an IPv6 rule.
"""

from __future__ import annotations

import re
from typing import Any

from nsmagic.commands.grammar import (
    DSFIELDS,
    PROTOCOLS,
    TABLES,
    Beyond,
    Keywords,
    Words,
    ifname_hint,
    read_number,
    read_prefix,
    valid_ifname,
)
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

VERBS = Keywords("list=show lst=show show save restore add delete=del flush help")
MODIFY = Keywords(
    "not! from! to! preference order=preference priority=preference tos! dsfield=tos fwmark! realms protocol tun_id table"
    " lookup!=table suppress_prefixlength suppress_prefixlength sup_pl!=suppress_prefixlength suppress_ifgroup"
    " sup_group!=suppress_ifgroup dev!=iif iif! oif! l3mdev! uidrange! nat! map-to ipproto! sport! dport! type! help goto nop"
)
SHOW = Keywords(
    "preference order=preference priority=preference not! tos! dsfield!=tos fwmark! dev!=iif iif! oif! l3mdev! uidrange!"
    " tun_id lookup=table table from src=from protocol ipproto! sport! dport! dst=to to help"
)
#: Types of routes that a rule may have as its action, as ``ip rule`` reads them.
TYPES = Keywords(
    "local! nat! broadcast brd!=broadcast anycast multicast prohibit unreachable blackhole xresolve unicast throw!"
)
_ACTIONS = {"unicast": "lookup", "blackhole": "blackhole", "unreachable": "unreachable", "prohibit": "prohibit"}
_EXPECTED = (
    "from",
    "to",
    "iif",
    "oif",
    "fwmark",
    "lookup",
    "table",
    "priority",
    "not",
    "goto",
    "blackhole",
    "unreachable",
)
_RANGE = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?\Z")


def parse(words: Words, family: str | None = None) -> tuple[str, dict[str, Any]]:
    """Read what follows ``ip rule``: the verb and its arguments as in ``command.py``.

    >>> parse(Words("ip rule add from 10.0.0.0/8 table 100".split(), 2))[1]
    {'family': 'inet', 'src': '10.0.0.0/8', 'table': 100, 'action': 'lookup'}
    """
    if not words.more:
        return "rule.show", {"family": family or "inet"}
    word = words.next()
    verb = VERBS.find(word)
    if verb in ("add", "del"):
        if not words.more:
            name = "add" if verb == "add" else "del"
            raise words.fail(
                f'"ip rule {name}" requires arguments.',
                expected=_EXPECTED,
                hint=say("form-example", example="from 10.0.0.0/8 table 100"),
            )
        return f"rule.{verb}", _modify(words, family, delete=verb == "del")
    if verb == "show":
        return "rule.show", _show(words, family)
    if verb == "flush":
        return "rule.flush", _show(words, family)
    if verb is not None:
        raise Beyond(word)
    raise words.unknown(f'Command "{word}" is unknown, try "ip rule help".', ("add", "del", "show", "flush"))


def _selector(words: Words, key: str, args: dict[str, Any]) -> bool:
    """A selector that add and show share; whether it was one."""
    match key:
        case "preference":
            args["priority"] = words.u32("preference value is invalid")
        case "tos":
            args["tos"] = words.named_number("TOS value is invalid", DSFIELDS, 0, 255)
        case "fwmark":
            _fwmark(words, args)
        case "protocol":
            args["protocol"] = words.named_number('"protocol" value is invalid', PROTOCOLS, 0, 255)
        case "iif" | "oif":
            args[key] = words.device()
            if not valid_ifname(args[key]):
                spelled = '"iif"/"dev"' if key == "iif" else '"oif"'
                raise words.wrong(f"{spelled} not a valid ifname", hint=ifname_hint(args[key]))
        case "l3mdev":
            args["l3mdev"] = True
        case "not":
            args["invert"] = True
        case "uidrange":
            args["uidrange"] = _range(words, "invalid UID range", 0xFFFFFFFF, pair=True)
        case "ipproto":
            args["ipproto"] = words.ipproto()
        case "sport" | "dport":
            args[key] = _range(words, "invalid port range" if key == "sport" else "invalid dport range", 0xFFFF)
        case _:
            return False
    return True


def _fwmark(words: Words, args: dict[str, Any]) -> None:
    word = words.next(("a mark",))
    mark, slash, mask = word.partition("/")
    value = read_number(mark)
    if value is None:
        message = f'Error: argument "{mark}" is wrong: fwmark value is invalid'
        raise words.fail(message, hint=say("form-mark"))
    args["fwmark"] = value
    if slash:
        bits = read_number(mask)
        if bits is None:
            message = f'Error: argument "{mask}" is wrong: fwmask value is invalid'
            raise words.fail(message, hint=say("form-slash-number"))
        args["fwmask"] = bits


def _range(words: Words, message: str, high: int, *, pair: bool = False) -> str:
    word = words.next(("a range",))
    found = _RANGE.match(word)
    if found is None or (pair and found[2] is None) or any(int(part) > high for part in found.groups() if part):
        raise words.wrong(message, hint=say("form-range-numbers") if pair else say("form-ports"))
    return word


def _network(words: Words, args: dict[str, Any], key: str, family: str | None) -> None:
    """``from`` or ``to`` with its prefix."""
    prefix = words.prefix(family)
    args[key] = str(prefix) if prefix.address else "all"


def _modify(words: Words, family: str | None, *, delete: bool) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        key = MODIFY.find(word)
        if key == "from":
            _network(words, args, "src", family)
        elif key == "to":
            _network(words, args, "dst", family)
        elif key == "table":
            args["table"] = words.named_number("invalid table ID", TABLES)
        elif key == "suppress_prefixlength":
            args[key] = words.integer("suppress_prefixlength value is invalid")
        elif key == "suppress_ifgroup":
            args[key] = words.named_number('Invalid "suppress_ifgroup" value', {"default": 0}, 0, 0x7FFFFFFF)
        elif key == "goto":
            args["goto"] = words.u32("invalid target")
            args["action"] = "goto"
        elif key == "nop":
            args["action"] = "nop"
        elif key is not None and _selector(words, key, args):
            continue
        elif key in (None, "type"):
            if key == "type":
                word = words.next(tuple(_ACTIONS))
            _action(words, word, args)
        else:
            raise Beyond(str(key))
    for key, name in (("src", "source"), ("dst", "dst")):
        prefix = read_prefix(args.get(key, "all"))
        if prefix and prefix.family == "inet6" and family != "inet6":
            raise CommandSyntaxError(
                f"Error: Invalid {name} address.", text=words.text, at=words.text.find(prefix.address[:4]),
                hint=say("form-rule-ipv6"),
            )  # fmt: skip
    if not delete:
        args.setdefault("table", TABLES["main"])
        args.setdefault("action", "lookup")
    return {"family": family or "inet", **args}


def _action(words: Words, word: str, args: dict[str, Any]) -> None:
    kind = TYPES.find(word)
    number = read_number(word, 0, 255) if kind is None else None
    if kind is None and number is None:
        message = f'Error: argument "{word}" is wrong: Failed to parse rule type'
        raise words.unknown(message, _EXPECTED, choices=(*MODIFY.spellings(), *_ACTIONS))
    if kind not in _ACTIONS:
        raise Beyond(word)
    args["action"] = _ACTIONS[kind]


def _show(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = {}
    family = family or "inet"
    while words.more:
        word = words.next()
        key = SHOW.find(word)
        if key == "from":
            _network(words, args, "src", family)
        elif key == "table":
            args["table"] = words.named_number("table id value is invalid", TABLES)
        elif key is not None and _selector(words, key, args):
            continue
        elif key in ("help", "tun_id"):
            raise Beyond(key)
        else:
            if key is None:
                words.back()
            _network(words, args, "dst", family)
    return {"family": family, **args}
