"""Options as the C library's ``getopt_long`` reads them, for the tools that use it: arp, route, sysctl, ping.

iproute2 has its own way (see ``bridge.py``); brctl and ifconfig have none worth sharing. Also here: IPv4
addresses as net-tools reads them.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from nsmagic.commands.grammar import Words, close
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

#: Long option → the letter it stands for (``"numeric": "n"``).
LongOptions = Mapping[str, str]

_PART = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Option:
    """One option as typed: its letter, its value (None when it has none), the index in argv of the word with the value."""

    letter: str
    value: str | None
    index: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What was typed: the options in order, and the index in argv of each word that is none."""

    options: tuple[Option, ...]
    operands: tuple[int, ...]

    def has(self, *letters: str) -> bool:
        """Whether one of these options was given."""
        return any(option.letter in letters for option in self.options)


def error_at(argv: tuple[str, ...], index: int, message: str, hint: str | None = None) -> CommandSyntaxError:
    """A refusal about the word of that index (the end of the line when there is none)."""
    words = Words(argv, index + 1)
    return words.fail(message, hint=hint)


def scan(argv: tuple[str, ...], short: str, long: LongOptions | None = None) -> Scan:
    """Read the options of ``argv[1:]``; words and options may be mixed, ``--`` ends the options.

    ``short`` is getopt's string: a letter, ``:`` behind it when it takes a value, ``::`` when the value may stand in the
    same word only.

    >>> found = scan(("ping", "-qc", "3", "red", "-i.2"), "qc:i:")
    >>> [(option.letter, option.value) for option in found.options], found.operands
    ([('q', None), ('c', '3'), ('i', '.2')], (3,))

    Raises
    ------
    CommandSyntaxError
        In getopt's words: an unknown option, or one without its value.
    """
    takes = {letter: colons for letter, colons in re.findall(r"([^:])(:*)", short)}
    options: list[Option] = []
    operands: list[int] = []
    i = 1
    while i < len(argv):
        word = argv[i]
        if word == "--":
            operands.extend(range(i + 1, len(argv)))
            break
        if len(word) < 2 or word[0] != "-":
            operands.append(i)
            i += 1
        else:
            found = _long(argv, i, takes, long) if long and word.startswith("--") else _cluster(argv, i, takes)
            options.extend(found)
            i = found[-1].index + 1
    return Scan(tuple(options), tuple(operands))


def _cluster(argv: tuple[str, ...], i: int, takes: Mapping[str, str]) -> list[Option]:
    """The options of one word such as ``-qc3``; the value of the last may be the next word."""
    word = argv[i]
    found: list[Option] = []
    for k in range(1, len(word)):
        letter = word[k]
        if letter not in takes:
            known = ", ".join(f"-{one}" for one in sorted(takes, key=lambda one: (one.lower(), one)))
            raise error_at(argv, i, f"{argv[0]}: invalid option -- '{letter}'", say("form-options", known=known))
        if takes[letter] and word[k + 1 :]:
            found.append(Option(letter, word[k + 1 :], i))
            break
        if takes[letter] == ":":
            if i + 1 >= len(argv):
                message = f"{argv[0]}: option requires an argument -- '{letter}'"
                raise error_at(argv, i + 1, message, say("form-ends-after", word=word))
            found.append(Option(letter, argv[i + 1], i + 1))
        else:
            found.append(Option(letter, None, i))
    return found


def _long(argv: tuple[str, ...], i: int, takes: Mapping[str, str], long: LongOptions) -> list[Option]:
    """One ``--word`` or ``--word=value``, which may be shortened as long as it is clear."""
    name, equals, value = argv[i][2:].partition("=")
    found = [name] if name in long else [full for full in long if full.startswith(name)]
    if not found:
        near = close(name, long)
        hint = say("form-close-option", near=near[0]) if near else say("form-long-options", known=", --".join(long))
        raise error_at(argv, i, f"{argv[0]}: unrecognized option '{argv[i]}'", hint)
    letters = {long[full] for full in found}
    if len(letters) > 1:
        possible = " ".join(f"'--{full}'" for full in found)
        raise error_at(argv, i, f"{argv[0]}: option '{argv[i]}' is ambiguous; possibilities: {possible}")
    letter = letters.pop()
    needs = takes[letter]
    if equals and not needs:
        raise error_at(argv, i, f"{argv[0]}: option '--{found[0]}' doesn't allow an argument")
    if equals:
        return [Option(letter, value, i)]
    if needs == ":":
        if i + 1 >= len(argv):
            raise error_at(argv, i + 1, f"{argv[0]}: option '--{found[0]}' requires an argument")
        return [Option(letter, argv[i + 1], i + 1)]
    return [Option(letter, None, i)]


def aton(text: str) -> str | None:
    """An IPv4 address as net-tools reads it (C's ``inet_aton``), or None: the last number fills what is left.

    iproute2 differs: there ``10.1`` is 10.1.0.0.

    >>> aton("10.1"), aton("0"), aton("0xffffff00"), aton("10.0.0.256"), aton("red")
    ('10.0.0.1', '0.0.0.0', '255.255.255.0', None, None)
    """
    if len(text) > 64 or not all(_PART.fullmatch(part) for part in text.split(".")):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return None


def mask_length(mask: str) -> int | None:
    """The number of leading ones of a netmask in canonical form, None when it has a gap.

    >>> mask_length("255.255.255.0"), mask_length("0.0.0.0"), mask_length("255.0.255.0")
    (24, 0, None)
    """
    host = int.from_bytes(socket.inet_aton(mask), "big") ^ 0xFFFFFFFF
    return None if host & (host + 1) else 32 - host.bit_length()
