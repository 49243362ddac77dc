"""``ip neighbour``: add, change, replace, delete, show, flush, get.

``state`` is always present on add, change and replace: ``permanent`` when none was typed, as in iproute2; ``del`` has none.
"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.grammar import PROTOCOLS, Beyond, Keywords, Words, matches, read_number
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

VERBS = Keywords("add change chg!=change replace delete=del get show lst=show list=show flush help")
MODIFY = Keywords("lladdr nud! proxy router! use! managed! extern_learn dev! protocol to! help")
SHOW = Keywords("dev! master! vrf! nomaster! unused! nud! proxy! protocol to! help")
STATES = {
    "none": 0x00, "incomplete": 0x01, "reachable": 0x02, "stale": 0x04, "delay": 0x08, "probe": 0x10, "failed": 0x20,
    "noarp": 0x40, "permanent": 0x80,
}  # fmt: skip
_STATE_WORDS = Keywords("permanent reachable noarp! none! stale! incomplete! delay! probe! failed")


def parse(words: Words, family: str | None = None) -> tuple[str, dict[str, Any]]:
    """Read what follows ``ip neigh``: the verb and its arguments as in ``command.py``.

    >>> parse(Words("ip neigh add 10.0.0.2 lladdr 2:0:0:0:0:1 dev eth0".split(), 2))[1]
    {'address': '10.0.0.2', 'dev': 'eth0', 'mac': '02:00:00:00:00:01', 'state': 'permanent', 'family': 'inet'}
    """
    if not words.more:
        return "neigh.show", {"family": family} if family else {}
    word = words.next()
    verb = VERBS.find(word)
    if verb in ("add", "change", "replace", "del"):
        return f"neigh.{verb}", _modify(words, family, delete=verb == "del")
    if verb == "show":
        return "neigh.show", _show(words, family)
    if verb == "flush":
        if not words.more:
            raise words.fail("Flush requires arguments.", hint=say("form-example", example="ip neigh flush dev eth0"))
        return "neigh.flush", _show(words, family)
    if verb == "get":
        return "neigh.get", _get(words, family)
    if verb is not None:
        raise Beyond(word)
    raise words.unknown(
        f'Command "{word}" is unknown, try "ip neigh help".', ("add", "del", "show", "flush", "replace", "get")
    )


def state(words: Words) -> str:
    """A state of a neighbour entry: a word, or the kernel's number."""
    word = words.next(tuple(STATES))
    found = _STATE_WORDS.find(word)
    if found is not None:
        return found
    number = read_number(word, 0, 0xFF)
    for name, bit in STATES.items():
        if bit == number:
            return name
    raise words.wrong("nud state is bad", expected=tuple(STATES))


def _address(words: Words, args: dict[str, Any], family: str | None) -> None:
    word = words.word
    if word in ("default", "any", "all"):
        raise Beyond(word)
    args["address"] = words.address(family)


def _needs(words: Words, message: str) -> CommandSyntaxError:
    hint = say("form-example", example="192.168.15.2 lladdr 02:00:00:00:00:01 dev eth0")
    return words.missing(message, ("an address", "dev"), hint)


def _modify(words: Words, family: str | None, *, delete: bool) -> dict[str, Any]:
    args: dict[str, Any] = {}
    mac_at = 0
    while words.more:
        word = words.next()
        key = MODIFY.find(word)
        match key:
            case "lladdr":
                word = words.next(("a link-layer address",))
                if mac_at:
                    raise words.repeated("lladdr")
                mac_at = words.i
            case "nud":
                args["state"] = state(words)
            case "proxy":
                words.next(("an address",))
                if "address" in args:
                    raise words.repeated("address")
                words.back()
                _address(words, args, family)
                args["proxy"] = True
            case "router" | "extern_learn":
                args[key] = True
            case "dev":
                args["dev"] = words.device()
            case "protocol":
                args["protocol"] = words.named_number('"protocol" value is invalid', PROTOCOLS, 0, 255)
            case None | "to":
                if key == "to":
                    words.next(("an address",))
                if "address" in args:
                    raise words.garbage("to", ("dev", "lladdr", "nud", "proxy", "router"))
                words.back()
                _address(words, args, family)
            case other:
                raise Beyond(other)
    if "dev" not in args or "address" not in args:
        if args.get("proxy"):
            raise Beyond("a proxy entry for every interface")
        raise _needs(words, "Device and destination are required arguments.")
    if mac_at and words.argv[mac_at - 1] != "null":
        # The tool reads it last: a second address where the MAC should be is complained of first.
        words.i = mac_at - 1
        args["mac"] = words.lladdr()
    if delete:
        args.pop("state", None)
    else:
        args.setdefault("state", "permanent")
    found: dict[str, Any] = {name: args.pop(name) for name in ("address", "dev", "mac", "state") if name in args}
    return {**found, **args, "family": "inet6" if ":" in found["address"] else "inet"}


def _show(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = {"family": family} if family else {}
    while words.more:
        word = words.next()
        key = SHOW.find(word)
        match key:
            case "dev":
                word = words.next(("an interface",))
                if "dev" in args:
                    raise words.repeated("dev")
                args["dev"] = word
            case "master" | "vrf":
                args[key] = words.device()
            case "unused" | "proxy":
                args[key] = True
            case "nud":
                if words.take("all"):
                    args["nud_all"] = True
                else:
                    args.setdefault("states", []).append(state(words))
            case None | "to":
                if key is None:
                    words.back()
                prefix = words.prefix(family)
                if not prefix.address:
                    raise Beyond(prefix.any)
                args["address"] = str(prefix)
                family = prefix.family
                args["family"] = family
            case other:
                raise Beyond(other)
    return args


def _get(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        if word == "dev":
            args["dev"] = words.device()
        elif matches(word, "proxy"):
            _address(words, args, family)
            args["proxy"] = True
        elif matches(word, "help"):
            raise Beyond("help")
        else:
            if word == "to":
                words.next(("an address",))
            if "address" in args:
                raise words.garbage("to", ("dev", "proxy"))
            words.back()
            _address(words, args, family)
    if "dev" not in args or "address" not in args:
        raise _needs(words, "Device and address are required arguments.")
    return args
