"""The ``arp`` tool of net-tools 2.10, on the verbs of ``ip neigh``. Names are never looked up.

``arp -s`` and ``-d`` without ``-i`` name no interface; the kernel then takes the one of the route to the address, and so
must whoever does the command: ``dev`` is absent from the arguments. ``-f FILE``, ``-H``, ``netmask`` and published entries
whose interface only the MAC tells are left to the real tool.
"""

from __future__ import annotations

import re
from typing import Any

from nsmagic.commands.command import Command, Program, Runnable
from nsmagic.commands.grammar import Beyond, read_lladdr
from nsmagic.commands.options import Option, Scan, aton, error_at, scan
from nsmagic.sentences import say

LONG = {
    "verbose": "v", "version": "V", "all": "a", "delete": "d", "file": "f", "numeric": "n", "set": "s", "protocol": "A",
    "hw-type": "H", "device": "i", "help": "h", "use-device": "D", "symbolic": "N",
}  # fmt: skip
_PLAIN_MAC = re.compile(r"[0-9a-fA-F]{12}")
_MODIFIERS = ("temp", "pub", "priv", "dev")
_USAGE = "Usage: arp [-vn] [-i IF] [-a] [HOST] | arp [-i IF] -d HOST [pub] | arp [-i IF] -s HOST MAC [temp] [pub]"


def parse(argv: tuple[str, ...], ns: str | None) -> Runnable:
    """Read an ``arp`` command.

    Raises
    ------
    CommandSyntaxError
        The form is not known, in arp's words.

    >>> parse(("arp", "-n", "-i", "eth0"), "red").args
    {'family': 'inet', 'dev': 'eth0'}
    >>> parse(("arp", "-s", "10.0.0.2", "2:0:0:0:0:2"), None).args
    {'address': '10.0.0.2', 'family': 'inet', 'mac': '02:00:00:00:00:02', 'state': 'permanent'}
    """
    try:
        return _read(argv, ns)
    except Beyond:
        return Program(argv, ns)


def _read(argv: tuple[str, ...], ns: str | None) -> Command:
    found = scan(argv, "A:H:adfp:nsei:t:vh?DNV", LONG)
    action, device = "show", ""
    for option in found.options:
        match option.letter:
            case "a" | "f" | "d" | "s":
                action = {"a": "show", "f": "file", "d": "del", "s": "set"}[option.letter]
            case "i":
                device = option.value or ""
            case "A" | "p":
                _family(argv, option)
            case "H" | "t" | "V" | "h" | "?":
                raise Beyond(f"arp -{option.letter}")
    words = [argv[i] for i in found.operands]
    match action:
        case "show":
            verb, args = "neigh.show", _show(argv, found, words, device)
        case "del":
            verb, args = "neigh.del", _delete(argv, found, words, device)
        case "set" if found.has("D"):
            verb, args = "neigh.replace", _publish(argv, found, words, device)
        case "set":
            verb, args = "neigh.replace", _set(argv, found, words, device)
        case _:
            raise Beyond("arp -f")
    display = {"numeric": True} if found.has("n") else {}
    return Command(tool="arp", verb=verb, args=args, ns=ns, argv=argv, display=display)


def _family(argv: tuple[str, ...], option: Option) -> None:
    if option.value == "inet":
        return
    message = f"arp: {option.value}: kernel only supports 'inet'."
    raise error_at(argv, option.index, message, say("form-arp-ipv4"))


def _host(argv: tuple[str, ...], found: Scan, words: list[str]) -> str:
    """The address meant by the first operand."""
    if not words:
        raise error_at(argv, len(argv), "arp: need host name", say("form-which-address"))
    address = aton(words[0])
    if address is None:
        hint = say("form-ipv4-only")
        raise error_at(argv, found.operands[0], f"{words[0]}: Host name lookup failure", hint)
    return address


def _show(argv: tuple[str, ...], found: Scan, words: list[str], device: str) -> dict[str, Any]:
    args: dict[str, Any] = {"family": "inet"}
    if words:
        args["address"] = f"{_host(argv, found, words)}/32"
    if device:
        args["dev"] = device
    return args


def _modifiers(argv: tuple[str, ...], found: Scan, first: int, device: str) -> tuple[set[str], str]:
    """The words behind the address (and the MAC): what they say, and the interface."""
    said: set[str] = set()
    operands = iter(found.operands[first:])
    for i in operands:
        word = argv[i]
        if word == "dev":
            following = next(operands, None)
            if following is None:
                raise error_at(argv, len(argv), _USAGE, say("form-ends-after", word="dev"))
            device = argv[following]
        elif word in _MODIFIERS:
            said.discard("pub" if word == "priv" else "")
            said.add(word)
        elif word in ("netmask", "trail", "dontpub", "auto"):
            raise Beyond(f"arp {word}")
        else:
            raise error_at(argv, i, _USAGE, say("form-arp-words", word=word, known=", ".join(_MODIFIERS[:-1])))
    return said, device


def _delete(argv: tuple[str, ...], found: Scan, words: list[str], device: str) -> dict[str, Any]:
    args: dict[str, Any] = {"address": _host(argv, found, words), "family": "inet"}
    said, device = _modifiers(argv, found, 1, device)
    if device:
        args["dev"] = device
    if "pub" in said:
        args["proxy"] = True
    return args


def _set(argv: tuple[str, ...], found: Scan, words: list[str], device: str) -> dict[str, Any]:
    args: dict[str, Any] = {"address": _host(argv, found, words), "family": "inet"}
    if len(words) < 2:
        raise error_at(argv, len(argv), "arp: need hardware address", say("form-add-mac"))
    mac = read_mac(words[1])
    if mac is None:
        hint = say("form-mac")
        raise error_at(argv, found.operands[1], "arp: invalid hardware address", hint)
    said, device = _modifiers(argv, found, 2, device)
    if "pub" in said:
        if not device:
            raise Beyond("arp -s … pub")  # the kernel looks for an interface with this MAC
        return {**args, "dev": device, "state": "permanent", "proxy": True}
    if device:
        args["dev"] = device
    return {**args, "mac": mac, "state": "stale" if "temp" in said else "permanent"}


def _publish(argv: tuple[str, ...], found: Scan, words: list[str], device: str) -> dict[str, Any]:
    """``-Ds HOST IF pub``: answer for HOST with the interface's own MAC."""
    address = _host(argv, found, words)
    if len(words) < 2:
        raise error_at(argv, len(argv), "arp: need hardware address", say("form-arp-dev"))
    said, device = _modifiers(argv, found, 2, device)
    if "pub" not in said:
        raise Beyond("arp -Ds without pub")
    return {"address": address, "family": "inet", "dev": device or words[1], "state": "permanent", "proxy": True}


def read_mac(text: str) -> str | None:
    """An Ethernet address with colons, or of twelve digits without, as net-tools reads it; None when it is none.

    >>> read_mac("2:0:0:0:0:AB"), read_mac("0200000000ab"), read_mac("02-00-00-00-00-ab"), read_mac("02:00")
    ('02:00:00:00:00:ab', '02:00:00:00:00:ab', None, None)
    """
    if _PLAIN_MAC.fullmatch(text):
        return ":".join(text[i : i + 2].lower() for i in range(0, 12, 2))
    parts = text.split(":")
    return read_lladdr(text) if len(parts) == 6 and all(0 < len(part) < 3 for part in parts) else None
