"""What the rules of ``hints.py`` look at: the refusal, the command, and the lab as it is, with the questions they ask."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nsmagic.errors import KernelRefused, NsmagicError
from nsmagic.model import HOST, Address, Link, Route
from nsmagic.snapshot import Snapshot

#: ``(namespace, interface)``, or a namespace's name → what made it: ``"cell 4"`` or just the number.
MadeBy = Mapping[tuple[str, str] | str, str | int]

_SHOWN = 8


@dataclass(frozen=True)
class Case:
    """All that the rules look at."""

    error: NsmagicError
    argv: tuple[str, ...]
    verb: str
    args: Mapping[str, Any]
    ns: str
    #: Where the cell runs; ``ns`` is where the command acted.
    cell: str
    snapshot: Snapshot
    made_by: MadeBy

    @property
    def errno(self) -> int:
        return self.error.errno if isinstance(self.error, KernelRefused) else 0

    @property
    def words(self) -> str:
        """What the tool and the kernel said."""
        kernel = self.error.kernel if isinstance(self.error, KernelRefused) else ""
        return f"{self.error.message}\n{kernel}"

    def arg(self, name: str) -> str:
        """An argument as text, ``""`` when it was not typed."""
        value = self.args.get(name)
        return value if isinstance(value, str) else ""

    def links(self, ns: str | None = None) -> list[Link]:
        """The links of a namespace, of all when None."""
        return [link for link in self.snapshot.links if ns is None or link.ns == ns]

    def link(self, name: str, ns: str | None = None) -> Link | None:
        where = ns or self.ns
        return next((one for one in self.links(where) if name == one.ifname or name in one.altnames), None)

    def addresses(self, ifname: str = "") -> list[Address]:
        return [one for one in self.snapshot.addrs if one.ns == self.ns and ifname in ("", one.ifname)]

    def routes(self) -> list[Route]:
        return [one for one in self.snapshot.routes if one.ns == self.ns and one.table == 254]

    def namespaces(self) -> list[str]:
        named = [one.ns for one in self.snapshot.namespaces if one.named and one.ns != HOST]
        return sorted(named or {link.ns for link in self.links()} - {HOST, ""})

    def have(self) -> str:
        """The names of the links of the namespace."""
        return listed([link.ifname for link in self.links(self.ns)]) or "no interface"

    def made(self, *keys: tuple[str, str] | str) -> str:
        """`` (made by cell 4)``, or nothing."""
        for key in keys:
            maker = self.made_by.get(key)
            if maker not in (None, ""):
                return f" (made by {'cell ' if str(maker).isdecimal() else ''}{maker})"
        return ""

    def fixed(self, ns: str, replace: Mapping[str, str] | None = None) -> str:
        """The command as typed, for another namespace, with words replaced."""
        return retarget(self.argv, ns, replace or {})

    def ip(self, *words: str) -> str:
        """An ``ip`` command for the namespace the refused one acted in."""
        return retarget(("ip", *words), "" if self.ns in (self.cell, HOST) else self.ns, {})


def split(text: str | Sequence[str]) -> tuple[str, ...]:
    """The words of a line, also of one whose quotes do not close."""
    if not isinstance(text, str):
        return tuple(text)
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def elsewhere(argv: Sequence[str]) -> str | None:
    """The namespace in which ``tc -n NS`` acts, which no grammar of ours reads.

    >>> elsewhere(("sudo", "tc", "-s", "-n", "red", "qdisc")), elsewhere(("tc", "qdisc"))
    ('red', None)
    """
    words = list(argv)
    while words[:1] == ["sudo"]:
        words.pop(0)
    if words[:1] != ["tc"]:
        return None
    for option, value in pairwise(words[1:]):
        if option in ("-n", "-netns", "--netns"):
            return value
        if not option.startswith("-"):
            break
    return None


def retarget(argv: Sequence[str], ns: str, replace: Mapping[str, str]) -> str:
    """A command for another namespace (``""`` or ``host``: the lab itself), with some of its words replaced.

    >>> retarget(("ip", "-n", "blue", "link", "set", "veth-rad", "up"), "red", {"veth-rad": "veth-red"})
    'ip -n red link set veth-red up'
    >>> retarget(("sudo", "ping", "-I", "eth1", "10.0.0.1"), "red", {"eth1": "eth0"})
    'ip netns exec red ping -I eth0 10.0.0.1'
    """
    words = list(argv)
    while words[:1] == ["sudo"]:
        words.pop(0)
    while words[:3] == ["ip", "netns", "exec"] and len(words) > 4:
        del words[:4]
    words = [*words[:1], *(replace.get(word, word) for word in words[1:])]
    prefix: list[str] = []
    if words[:1] in (["ip"], ["bridge"], ["tc"]):
        for i, word in enumerate(words[1:], 1):
            if not word.startswith("-"):
                break
            if word in ("-n", "-netns", "--netns"):
                del words[i : i + 2]
                break
        if ns not in ("", HOST):
            words[1:1] = ["-n", ns]
    elif ns not in ("", HOST):
        prefix = ["ip", "netns", "exec", ns]
    return shlex.join([*prefix, *words])


def listed(names: Iterable[str]) -> str:
    """Names for a sentence, not too many."""
    each = list(dict.fromkeys(names))
    shown = ", ".join(each[:_SHOWN])
    return f"{shown} and {len(each) - _SHOWN} more" if len(each) > _SHOWN else shown


def first_found(patterns: Iterable[re.Pattern[str]], text: str) -> str | None:
    """What the first of some patterns that fits has found."""
    for pattern in patterns:
        if match := pattern.search(text):
            return match[1]
    return None
