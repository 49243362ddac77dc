"""The ``brctl`` tool of bridge-utils 1.7.

brctl is stricter than the kernel in three places, kept in the arguments, so that whoever does the command can refuse in
brctl's way: ``must_be_down`` (a bridge that is up is not deleted), ``must_be_free`` (a port of any bridge is not added
again), ``must_have_master`` (only a port of that bridge is taken out). Times are seconds here and hundredths in netlink.
"""

from __future__ import annotations

import re
from typing import Any

from nsmagic.commands.command import Command, Sequence
from nsmagic.commands.grammar import Words, place_hint, read_number
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

#: Command → (how many words it needs, what they are).
COMMANDS = {
    "addbr": (1, "<bridge>"),
    "delbr": (1, "<bridge>"),
    "addif": (2, "<bridge> <device>"),
    "delif": (2, "<bridge> <device>"),
    "hairpin": (3, "<bridge> <port> {on|off}"),
    "setageing": (2, "<bridge> <time>"),
    "setbridgeprio": (2, "<bridge> <prio>"),
    "setfd": (2, "<bridge> <time>"),
    "sethello": (2, "<bridge> <time>"),
    "setmaxage": (2, "<bridge> <time>"),
    "setpathcost": (3, "<bridge> <port> <cost>"),
    "setportprio": (3, "<bridge> <port> <prio>"),
    "show": (0, "[ <bridge> ]"),
    "showmacs": (1, "<bridge>"),
    "showstp": (1, "<bridge>"),
    "stp": (2, "<bridge> {on|off}"),
}

#: Command → (attribute of the bridge, brctl's word for a value it cannot read). Values in seconds.
TIMES = {
    "setageing": ("ageing_time", "bad ageing time value"),
    "setfd": ("forward_delay", "bad forward delay value"),
    "sethello": ("hello_time", "bad hello timer value"),
    "setmaxage": ("max_age", "bad max age value"),
}
_SWITCH = {"on": True, "yes": True, "1": True, "off": False, "no": False, "0": False}
_SECONDS = re.compile(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")


def parse(argv: tuple[str, ...], ns: str | None) -> Command | Sequence:
    """Read a ``brctl`` command; ``addif``, ``delif`` and ``show`` with several names make a ``Sequence``.

    Raises
    ------
    CommandSyntaxError
        The form is not known, in brctl's words.

    >>> parse(("brctl", "addif", "br0", "eth0"), "red").args["master"]
    'br0'
    >>> parse(("brctl", "setageing", "br0", "2.5"), None).args["data"]
    {'ageing_time': 250}
    """
    words = Words(argv, 1)
    if not words.more or words.word.startswith("-"):
        raise words.fail("Usage: brctl [commands]", back=0, hint=say("form-commands", known=", ".join(COMMANDS)))
    name = words.next()
    if name not in COMMANDS:
        hint = place_hint(name, words.starts[words.i - 1], tuple(COMMANDS))
        raise words.fail(f"never heard of command [{name}]", expected=tuple(COMMANDS), hint=hint)
    need, usage = COMMANDS[name]
    if words.left < need:
        message = "Incorrect number of arguments for command"
        raise words.fail(message, back=0, hint=say("form-is", name=name, usage=usage))
    if any(word.startswith("-") for word in argv[1:]):
        raise words.fail("brctl: an option stands behind the command", hint=say("form-brctl-options"))

    def command(verb: str, args: dict[str, Any]) -> Command:
        return Command(tool="brctl", verb=verb, args=args, ns=ns, argv=argv)

    bridge = words.next() if words.more else ""
    match name:
        case "addbr":
            if not 0 < len(bridge.encode(errors="surrogateescape")) < 16:
                raise words.fail("add bridge failed: Invalid argument", hint=say("form-name-bytes", name=bridge))
            return command("link.add", {"ifname": bridge, "kind": "bridge"})
        case "delbr":
            return command("link.del", {"dev": bridge, "kind": "bridge", "must_be_down": True})
        case "addif":
            return _each(
                [command("link.set", {"dev": dev, "master": bridge, "must_be_free": True}) for dev in words.rest()]
            )
        case "delif":
            return _each(
                [command("link.set", {"dev": dev, "master": "", "must_have_master": bridge}) for dev in words.rest()]
            )
        case "show":
            names = [bridge, *words.rest()] if bridge else []
            return _each([command("bridge.show", {"br": one}) for one in names] or [command("bridge.show", {})])
        case "showmacs" | "showstp":
            return command(f"bridge.{name}", {"br": bridge})
        case "stp":
            data: dict[str, Any] = {"stp_state": int(_switch(words))}
        case "setbridgeprio":
            data = {"priority": _integer(words, "bad priority", 0xFFFF)}
        case "setpathcost" | "setportprio" | "hairpin":
            return command("link.set", {"dev": words.next(), "port_kind": "bridge", "data": _port(words, name)})
        case _:
            attribute, message = TIMES[name]
            data = {attribute: _hundredths(words, message)}
    return command("link.set", {"dev": bridge, "kind": "bridge", "data": data})


def _each(commands: list[Command]) -> Command | Sequence:
    return commands[0] if len(commands) == 1 else Sequence(tuple(commands))


def _port(words: Words, name: str) -> dict[str, Any]:
    if name == "setpathcost":
        return {"cost": _integer(words, "bad path cost value", 0x7FFFFFFF)}
    if name == "setportprio":
        return {"priority": _integer(words, "bad path priority value", 0xFFFF)}
    return {"hairpin": _switch(words)}


def _switch(words: Words) -> bool:
    word = words.next()
    if word not in _SWITCH:
        raise words.fail("expect on/off for argument", expected=("on", "off"), hint=say("form-on-off", word=word))
    return _SWITCH[word]


def _integer(words: Words, message: str, high: int) -> int:
    word = words.next()
    value = read_number(word, 0, high)
    if value is None:
        raise _bad(words, message, f"a whole number from 0 to {high}")
    return value


def _hundredths(words: Words, message: str) -> int:
    """Seconds with a fraction, as the kernel takes them: hundredths, cut off and not rounded."""
    word = words.next()
    seconds = float(word) if _SECONDS.fullmatch(word) else -1.0
    if not 0 <= seconds <= 42_949_672:
        raise _bad(words, message, "a number of seconds")
    return int(seconds) * 100 + int(1_000_000 * (seconds - int(seconds))) // 10_000


def _bad(words: Words, message: str, expected: str) -> CommandSyntaxError:
    return words.fail(
        message, expected=(expected,), hint=say("form-not", word=words.argv[words.i - 1], expected=expected)
    )
