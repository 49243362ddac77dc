"""How the values of ``type KIND …`` options are read, each refused in the words of that kind's module of iproute2.

A reader takes the cursor and the tool's complaint, and gives the plain value that stands in ``data``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nsmagic.commands.grammar import DSFIELDS, Beyond, Words, read_address, read_ipv4, read_number
from nsmagic.sentences import say

Reader = Callable[[Words, str], Any]


@dataclass(frozen=True, slots=True)
class Constant:
    """The value of a keyword that takes none: ``nolearning`` is False."""

    value: Any


def number(high: int) -> Reader:
    return lambda words, message: words.number(message, 0, high)


def on_off(words: Words, message: str) -> bool:
    return words.on_off(message)


def one_of_on_off(words: Words, message: str) -> bool:
    return words.one_of(message, ("off", "on")) == "on"


def lladdr(words: Words, _: str) -> str:
    return words.lladdr()


def device(words: Words, _: str) -> str:
    return words.device()


def beyond(_: Words, message: str) -> Any:
    raise Beyond(message)


def word_of(*names: str) -> Reader:
    """A word of a fixed list or its number, counted from 0."""

    def read(words: Words, message: str) -> str:
        word = words.next(names)
        if word in names:
            return word
        if word.isascii() and word.isdigit() and len(word) < 4 and int(word) < len(names):
            return names[int(word)]
        raise words.wrong(message, expected=names)

    return read


def quoted_words(*names: str) -> Reader:
    """A word of a fixed list, refused as macvlan and ipvlan do."""

    def read(words: Words, message: str) -> str:
        word = words.next(names)
        if word not in names:
            raise words.unknown(message.replace("%s", word), names)
        return word

    return read


def protocol(words: Words, message: str) -> str:
    """The protocol of a VLAN tag."""
    word = words.next(("802.1Q", "802.1ad"))
    for name in ("802.1Q", "802.1ad"):
        if word.lower() == name.lower():
            return name
    if read_number(word, 0, 0xFFFF) is not None:
        raise Beyond(word)
    raise words.wrong(message, expected=("802.1Q", "802.1ad"))


def ttl(words: Words, message: str) -> int:
    word = words.next(("a number", "inherit"))
    if word == "auto":
        raise Beyond("ttl auto")
    value = 0 if word == "inherit" else read_number(word)
    if value is None:
        raise words.wrong(message, expected=("a number from 0 to 255", "inherit"))
    if value > 255:
        raise words.wrong("TTL must be <= 255" if message == "invalid TTL" else message, hint=say("form-ttl"))
    return value


def tunnel_ttl(words: Words, message: str) -> int:
    word = words.next(("a number", "inherit"))
    value = 0 if word == "inherit" else read_number(word, 0, 255)
    if value is None:
        raise words.wrong("invalid TTL", hint=say("form-ttl"))
    return value


def tos(words: Words, message: str) -> int:
    if words.take("inherit"):
        return 1
    return words.named_number("bad TOS value", DSFIELDS, 0, 255)


def vni(words: Words, message: str) -> int:
    return words.number(message, 0, 0xFFFFFF)


def label(words: Words, message: str) -> int:
    return words.number(message, 0, 0xFFFFF)


def number_or(word: str) -> Reader:
    return lambda words, message: 0 if words.take(word) else words.u32(message)


def port_range(words: Words, _: str) -> list[int]:
    return [words.u16("min port"), words.u16("max port")]


def address(words: Words, _: str) -> str:
    if words.word in ("any", "all", "default"):
        raise Beyond(words.word)
    return words.address()


def multicast(address: str) -> bool:
    return address.lower().startswith("ff") if ":" in address else 224 <= int(address.split(".")[0]) < 240


def remote(words: Words, message: str) -> str:
    found = address(words, message)
    if multicast(found) or found in ("0.0.0.0", "::"):
        raise words.wrong(message, hint=say("form-multicast-group") if multicast(found) else None)
    return found


def group(words: Words, message: str) -> str:
    found = address(words, message)
    if not multicast(found):
        raise words.wrong(message, hint=say("form-multicast"))
    return found


def endpoint(family: str) -> Reader:
    def read(words: Words, _: str) -> str:
        word = words.next(("an address",))
        if word in ("any", "all", "default"):
            return "::" if family == "inet6" else "0.0.0.0"
        address = read_address(word, family)
        if address is None:
            name = "inet6" if family == "inet6" else "inet"
            raise words.fail(f'Error: {name} address is expected rather than "{word}".', expected=("an address",))
        return address

    return read


def tunnel_key(words: Words, _: str) -> int:
    """A tunnel key: a number, or four numbers as an address."""
    word = words.next(("a key",))
    dotted = read_ipv4(word) if "." in word else None
    value = int.from_bytes(bytes(map(int, dotted.split("."))), "big") if dotted else read_number(word)
    if value is None:
        raise words.fail(f'invalid value for "key": "{word}"; it should be an unsigned integer', expected=("a number",))
    return value


def targets(words: Words, _: str) -> list[str]:
    found = []
    for part in words.next(("addresses with commas",)).split(","):
        address = read_ipv4(part)
        if address is None:
            raise words.fail(f'Error: an IP address is expected rather than "{part}"', expected=("an address",))
        found.append(address)
    return found


U8, U16, U32, U64 = number(0xFF), number(0xFFFF), number(0xFFFFFFFF), number(0xFFFFFFFFFFFFFFFF)
