"""The toolkit of the grammars: a cursor over words, iproute2's abbreviation rule, and readers for each sort of value.

The rules are iproute2's, because the words of a refusal teach only when they are the tool's own: a keyword may be
shortened to any beginning, and the *first* keyword of the tool's own order that begins so is meant; numbers are read as
C does (``0x10`` is 16, ``010`` is 8); ``10.8/16`` is ``10.8.0.0/16``.

Everything that cannot be read raises :class:`~nsmagic.errors.CommandSyntaxError` with the tool's sentence, the place, what
could stand there and a hint. Being stricter than the tool is safe: what we refuse is given to the real tool.

A grammar is a function that takes a :class:`Words` and consumes it::

    words = Words(argv, 2)
    while words.more:
        match SET.find(words.next()):
            case "mtu": args["mtu"] = words.integer('Invalid "mtu" value')
            case None: raise words.duplicate("dev")

More than 300 lines: the cursor has one method for each sort of value and each of the tool's refusals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nsmagic.commands.values import (
    DSFIELDS,
    FOREVER,
    GROUPS,
    IPPROTOS,
    PROTOCOLS,
    SCOPES,
    TABLES,
    Prefix,
    address_hint,
    family_of,
    ifname_hint,
    network,
    number_hint,
    read_address,
    read_ipv4,
    read_ipv6,
    read_lladdr,
    read_number,
    read_prefix,
    valid_ifname,
)  # fmt: skip
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

__all__ = [
    "DSFIELDS", "FOREVER", "GROUPS", "IPPROTOS", "PROTOCOLS", "SCOPES", "TABLES", "Beyond", "Keywords", "Prefix", "Words", "address_hint", "close",
    "family_of", "ifname_hint", "matches", "network", "number_hint", "place_hint", "read_address", "read_ipv4", "read_ipv6", "read_lladdr",
    "read_number", "read_prefix", "valid_ifname",
]  # fmt: skip


def matches(word: str, full: str) -> bool:
    """iproute2's rule: ``word`` is the beginning of ``full`` (the whole of it, too), and not empty.

    >>> matches("sh", "show"), matches("show", "show"), matches("", "show"), matches("shows", "show")
    (True, True, False, False)
    """
    return bool(word) and full.startswith(word)


class Beyond(Exception):
    """A form that the real tool knows and we leave to it (``help``, ``ip xfrm``, ``encap`` …): no mistake of the person.

    ``parse`` turns it into a :class:`~nsmagic.commands.command.Program`; it never leaves ``commands/``.
    """


class Keywords:
    """The keywords of one place, in the tool's own order of preference.

    Written as one string: ``"up! link address lladdr=address brd!=broadcast"``. A word with ``!`` is taken only in full,
    all others also when shortened; ``x=y`` is another spelling of ``y``. The first that fits is meant.

    >>> keywords = Keywords("add! set show list=show lst=show")
    >>> [keywords.find(word) for word in ("s", "sh", "l", "a", "add", "x")]
    ['set', 'show', 'show', None, 'add', None]
    """

    __slots__ = ("_meanings", "entries", "names")

    def __init__(self, table: str) -> None:
        entries: list[tuple[str, bool, str]] = []
        for item in table.split():
            spelling, _, meaning = item.partition("=")
            word = spelling.rstrip("!")
            entries.append((word, spelling.endswith("!"), meaning or word))
        self.entries = tuple(entries)
        #: What may be typed here, each meaning once, in the tool's order: for messages and completion.
        self.names = tuple(dict.fromkeys(meaning for _, _, meaning in entries))

        # Every beginning that is taken, with what it means; the first in the tool's order wins.
        self._meanings: dict[str, str] = {}
        for full, exact, meaning in self.entries:
            for size in range(len(full) if exact else 1, len(full) + 1):
                self._meanings.setdefault(full[:size], meaning)

    def find(self, word: str) -> str | None:
        """The keyword that a word means, or None."""
        return self._meanings.get(word)

    def spellings(self) -> tuple[str, ...]:
        """Every full spelling, for close matches."""
        return tuple(full for full, _, _ in self.entries)


def close(word: str, choices: Iterable[str], count: int = 1) -> list[str]:
    """The choices that a mistyped word resembles, best first.

    >>> close("mastr", ["master", "mtu", "name"])
    ['master']
    """
    if not word or len(word) > 64:
        return []
    import difflib

    return difflib.get_close_matches(word, list(dict.fromkeys(choices)), n=count, cutoff=0.6)


def place_hint(word: str, at: int, expected: Sequence[str]) -> str:
    """The hint for an unknown word: where it stands and what was expected.

    >>> place_hint("mastr", 16, ["master", "mtu"])
    'at character 17, "mastr": did you mean "master"?'
    >>> place_hint("xyz", 8, ["add", "del"])
    'at character 9, "xyz": expected add or del'
    """
    near = close(word, expected)
    if near:
        return say("place-close", at=at + 1, word=word, near=near[0])
    if not expected:
        return say("place-nothing", at=at + 1, word=word)
    shown = ", ".join(expected[:12])
    if len(expected) > 12:
        return say("place-many", at=at + 1, word=word, known=shown)
    if len(expected) == 1:
        return say("place-one", at=at + 1, word=word, known=shown)
    return say("place-some", at=at + 1, word=word, known=", ".join(expected[:-1]), last=expected[-1])


class Words:
    """A cursor over the words of one command, which knows where each stands in the joined text.

    >>> words = Words(("ip", "link", "set", "eth0", "mtu", "big"), 4)
    >>> words.next(), words.word, words.at
    ('mtu', 'big', 21)
    >>> try:
    ...     words.integer('Invalid "mtu" value')
    ... except CommandSyntaxError as error:
    ...     print(error.render())
    Error: argument "big" is wrong: Invalid "mtu" value
    hint: "big" is not a whole number
    """

    __slots__ = ("argv", "i")

    def __init__(self, argv: Sequence[str], start: int = 0) -> None:
        self.argv = tuple(argv)
        self.i = start

    # -- the text, which only refusals need -------------------------------------------------------------------------------
    @property
    def text(self) -> str:
        """The words, joined."""
        return " ".join(self.argv)

    @property
    def starts(self) -> list[int]:
        """Where each of them begins there, and where one more would."""
        starts = [0]
        for word in self.argv:
            starts.append(starts[-1] + len(word) + 1)
        return starts

    # -- moving ---------------------------------------------------------------------------------------------------------
    @property
    def more(self) -> bool:
        """Whether a word is left."""
        return self.i < len(self.argv)

    @property
    def left(self) -> int:
        """How many words are left."""
        return len(self.argv) - self.i

    @property
    def word(self) -> str:
        """The word that comes next, ``""`` at the end."""
        return self.argv[self.i] if self.more else ""

    @property
    def at(self) -> int:
        """The character where the next word begins (the end of the text when there is none)."""
        return self.starts[self.i] if self.more else len(self.text)

    def next(self, expected: Sequence[str] = ()) -> str:
        """Take the next word; iproute2's ``Command line is not complete`` at the end."""
        i = self.i
        if i >= len(self.argv):
            raise self.incomplete(expected)
        self.i = i + 1
        return self.argv[i]

    def back(self) -> None:
        """Put the word taken last back."""
        self.i -= 1

    def rest(self) -> tuple[str, ...]:
        """Take all that is left."""
        words = self.argv[self.i :]
        self.i = len(self.argv)
        return words

    def take(self, *full: str) -> bool:
        """Take the next word if it is one of these, in full; whether it was."""
        if self.more and self.argv[self.i] in full:
            self.i += 1
            return True
        return False

    # -- refusals -------------------------------------------------------------------------------------------------------
    def fail(
        self, message: str, *, back: int = 1, expected: Sequence[str] = (), hint: str | None = None
    ) -> CommandSyntaxError:
        """An error at the word taken last (``back`` words before the cursor), to be raised."""
        i = max(self.i - back, 0)
        at = self.starts[i] if i < len(self.argv) else len(self.text)
        return CommandSyntaxError(message, text=self.text, at=at, expected=expected, hint=hint)

    def unknown(self, message: str, expected: Sequence[str], *, choices: Iterable[str] = ()) -> CommandSyntaxError:
        """The word taken last is none that could stand there: the place and a close match go into the hint."""
        word = self.argv[self.i - 1]
        near = [*expected, *(choice for choice in choices if choice not in expected)]
        hint = place_hint(word, self.starts[self.i - 1], near if close(word, near) else expected)
        return self.fail(message, expected=expected, hint=hint)

    def incomplete(self, expected: Sequence[str] = ()) -> CommandSyntaxError:
        """The words end where something had to follow."""
        last, known = self.argv[-1] if self.argv else "", f" {say('or')} ".join(expected)
        if expected:
            hint = say("form-ends-expected", word=last, known=known) if last else say("form-empty", known=known)
        else:
            hint = say("form-ends-after", word=last)
        message = 'Command line is not complete. Try option "help"'
        return CommandSyntaxError(message, text=self.text, at=len(self.text), expected=expected, hint=hint)

    def missing(self, message: str, expected: Sequence[str] = (), hint: str | None = None) -> CommandSyntaxError:
        """Something has to be there and the whole line lacks it: an error at its end."""
        return CommandSyntaxError(message, text=self.text, at=len(self.text), expected=expected, hint=hint)

    def wrong(self, message: str, *, expected: Sequence[str] = (), hint: str | None = None) -> CommandSyntaxError:
        """iproute2's ``argument "x" is wrong`` about the word taken last."""
        word = self.argv[self.i - 1]
        if hint is None and expected:
            hint = place_hint(word, self.starts[self.i - 1], expected)
        return self.fail(f'Error: argument "{word}" is wrong: {message}', expected=expected, hint=hint)

    def repeated(self, key: str) -> CommandSyntaxError:
        """iproute2's ``duplicate "mtu"``, about the word taken last."""
        word = self.argv[self.i - 1]
        return self.fail(f'Error: duplicate "{key}": "{word}" is the second value.', hint=say("form-once", key=key))

    def garbage(self, key: str, expected: Sequence[str] = ()) -> CommandSyntaxError:
        """iproute2's ``either "dev" is duplicate, or "x" is a garbage``: the word taken last is no keyword."""
        word = self.argv[self.i - 1]
        return self.unknown(f'Error: either "{key}" is duplicate, or "{word}" is a garbage.', expected)

    # -- values ---------------------------------------------------------------------------------------------------------
    def number(self, message: str, low: int = 0, high: int = 0xFFFFFFFF) -> int:
        """Take a whole number; ``message`` is the tool's complaint."""
        value = read_number(self.next(("a number",)), low, high)
        if value is None:
            raise self.wrong(message, hint=number_hint(self.argv[self.i - 1], low, high))
        return value

    def integer(self, message: str) -> int:
        """A C ``int``."""
        return self.number(message, -0x80000000, 0x7FFFFFFF)

    def u32(self, message: str) -> int:
        return self.number(message)

    def u16(self, message: str) -> int:
        return self.number(message, 0, 0xFFFF)

    def u8(self, message: str) -> int:
        return self.number(message, 0, 0xFF)

    def named_number(self, message: str, names: Mapping[str, int], low: int = 0, high: int = 0xFFFFFFFF) -> int:
        """A name of a fixed list, or a number."""
        word = self.next(tuple(names))
        if word in names:
            return names[word]
        value = read_number(word, low, high)
        if value is None:
            expected = (*names, "a number")
            # Of all that has names only tables get new ones, and a note often has them made on another page.
            nameless = names is TABLES and word.isidentifier() and not close(word, expected)
            raise self.wrong(message, expected=expected, hint=say("form-table", word=word) if nameless else None)
        return value

    def ipproto(self) -> int:
        """A protocol of IP: a name of ``/etc/protocols``, or a decimal number."""
        word = self.next(tuple(IPPROTOS))
        if word in IPPROTOS:
            return IPPROTOS[word]
        if not (word.isascii() and word.isdigit() and len(word) < 4 and int(word) < 256):
            raise self.wrong('Invalid "ipproto" value', expected=tuple(IPPROTOS))
        return int(word)

    def choice(self, message: str, names: Sequence[str]) -> str:
        """One word of a fixed list, in full."""
        word = self.next(names)
        if word not in names:
            raise self.wrong(message, expected=names)
        return word

    def on_off(self, key: str) -> bool:
        """``on`` or ``off``, worded as ``ip link`` does."""
        word = self.next(("on", "off"))
        if word not in ("on", "off"):
            message = f'Error: argument of "{key}" must be "on" or "off", not "{word}"'
            raise self.unknown(message, ("on", "off"))
        return word == "on"

    def one_of(self, key: str, names: Sequence[str]) -> str:
        """One word of a list, also shortened, worded as iproute2's ``parse_one_of``."""
        word = self.next(names)
        for name in names:
            if matches(word, name):
                return name
        listed = ", ".join(f'"{name}"' for name in names)
        raise self.unknown(f'Error: argument of "{key}" must be one of {listed}, not "{word}"', names)

    def address(self, family: str | None = None) -> str:
        """An IP address."""
        word = self.next(("an address",))
        address = read_address(word, family)
        if address is None:
            name = family or "any valid"
            raise self.fail(
                f'Error: {name} address is expected rather than "{word}".',
                expected=("an address",), hint=address_hint(word, family),
            )  # fmt: skip
        return address

    def prefix(self, family: str | None = None) -> Prefix:
        """An address with an optional length, or ``default``, ``any``, ``all``."""
        word = self.next(("an address",))
        prefix = read_prefix(word, family)
        if prefix is None:
            name = family or "any valid"
            raise self.fail(
                f'Error: {name} prefix is expected rather than "{word}".',
                expected=("an address or prefix",), hint=address_hint(word, family),
            )  # fmt: skip
        return prefix

    def lladdr(self) -> str:
        """A link-layer (MAC) address."""
        word = self.next(("a link-layer address",))
        address = read_lladdr(word)
        if address is None:
            raise self.fail(
                f'"{word}" is invalid lladdr.', expected=("a link-layer address",),
                hint=say("form-mac"),
            )  # fmt: skip
        return address

    def device(self) -> str:
        """The name of an interface that should exist; whether it does is seen when the command runs."""
        return self.next(("an interface",))

    def ifname(self, key: str = "name") -> str:
        """A name for an interface, checked as the kernel does."""
        word = self.next(("a name",))
        if not valid_ifname(word):
            raise self.wrong(f'"{key}" not a valid ifname', hint=ifname_hint(word))
        return word
