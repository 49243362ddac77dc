"""Commands that only list rules or connections (``iptables -L``, ``nft list ruleset``, ``conntrack -L``): a cell shows a table of them.

Any form that is not known for sure to do nothing else keeps the tool's own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Listing:
    """What is listed: the table, which rows (column → the values wanted), and how (options of the table's function)."""

    table: str
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


_IPTABLES = {
    "iptables": ("ip", ("iptables", "iptables-legacy")), "ip6tables": ("ip6", ("iptables", "iptables-legacy")),
    "iptables-nft": ("ip", ("iptables",)), "ip6tables-nft": ("ip6", ("iptables",)),
    "iptables-legacy": ("ip", ("iptables-legacy",)), "ip6tables-legacy": ("ip6", ("iptables-legacy",)),
}  # fmt: skip
_LONG = {
    "--list": "L", "--list-rules": "S", "--verbose": "v", "--numeric": "n", "--exact": "x", "--table": "t",
    "--line-numbers": "0", "--wait": "w",
}  # fmt: skip


def listing(argv: Sequence[str]) -> Listing | None:
    """The listing that a command is, or None.

    >>> listing(["iptables", "-t", "nat", "-L", "-n"]).only
    {'family': ('ip',), 'tool': ('iptables', 'iptables-legacy'), 'table': ('nat',)}
    >>> listing(["iptables", "-L", "-Z"]) is None, listing(["conntrack", "-L"]).table
    (True, 'conntrack')
    """
    name = argv[0].rpartition("/")[2]
    if name in _IPTABLES:
        return _iptables(*_IPTABLES[name], argv[1:])
    if name == "nft":
        return _nft([word for word in argv[1:] if word not in ("-a", "-n", "-nn", "-s", "--handle", "--numeric")])
    if name == "conntrack" and list(argv[1:]) in (["-L"], ["--dump"], ["-L", "conntrack"]):
        return Listing("conntrack")
    return None


def _iptables(family: str, tools: tuple[str, ...], words: Sequence[str]) -> Listing | None:
    table, chain, verb, verbose = "filter", "", "", False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        letters = _LONG.get(word) if word.startswith("--") else word[1:] if word.startswith("-") else None
        if not letters:
            return None
        while letters:
            letter, letters = letters[0], letters[1:]
            following = words[at] if at < len(words) and not words[at].startswith("-") else ""
            if letter == "t":
                table, letters = letters or following, ""
                at += table == following and bool(following)
            elif letter in "LS" and not verb:
                verb = letter
                if following and not letters:
                    chain = following
                    at += 1
            elif letter == "v":
                verbose = True
            elif letter == "w":
                at += following.isdigit() and not letters
            elif letter not in "nx0":
                return None
    if not verb or not table:
        return None
    only = {"family": (family,), "tool": tools, "table": (table,), **({"chain": (chain,)} if chain else {})}
    return Listing("firewall", only, {"counters": verbose, "typed": verb == "S"})


_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")


def _nft(words: Sequence[str]) -> Listing | None:
    if len(words) < 2 or words[0] != "list":
        return None
    what, rest = words[1], list(words[2:])
    named = rest.pop(0) if rest and rest[0] in _FAMILIES else ""
    if what == "ruleset" and not rest:
        return Listing("firewall", {"family": (named,)} if named else {})
    family = {"family": (named or "ip",)}
    if what == "table" and len(rest) == 1:
        return Listing("firewall", {**family, "table": (rest[0],)})
    if what == "chain" and len(rest) == 2:
        return Listing("firewall", {**family, "table": (rest[0],), "chain": (rest[1],)})
    return None
