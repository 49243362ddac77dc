"""Which tools to ask about a namespace's rules, and the rows of their answers.

Rules made with iptables are read with its own ``-save``, as their matches are opaque to nft (``xt`` expressions); all others with
``nft -j``. Where one tool is missing the other says what it can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from nsmagic.firewall import nft, save

#: Family → the tools that save its tables, best first.
_SAVERS = {"ip": ("iptables-nft-save", "iptables-save"), "ip6": ("ip6tables-nft-save", "ip6tables-save")}
_LEGACY = {"ip": "iptables-legacy-save", "ip6": "ip6tables-legacy-save"}
_OWN = frozenset({"filter", "nat", "mangle", "raw", "security"})
_NFT = ("nft", "-j", "list", "ruleset")
#: What iptables-save says of a table of which it cannot read all: nothing of it ("is incompatible"), or not the chains that nft hooked in under
#: names of its own ("contains incompatible base-chains"). It lists its own chains all the same, though nobody has made them.
_INCOMPATIBLE = re.compile(r"^# Table `([^']*)' .*use 'nft' tool", re.MULTILINE)

Row = list[Any]
Argv = tuple[str, ...]


class ToolMissing(Exception):
    """The tool that could read the rules is not installed; ``args[0]`` is its name."""


def programs(
    tables: Mapping[tuple[str, str], int], legacy: Collection[str], which: Callable[[str], object]
) -> list[Argv]:
    """The programs that say all about these tables (family, name; how many chains), and the legacy ones of these families.

    A table without chains is nft's, whatever its name: iptables never makes one.

    Raises
    ------
    ToolMissing

    >>> programs({("ip", "nat"): 1, ("inet", "mine"): 0}, [], lambda name: True)
    [('iptables-nft-save', '-c'), ('nft', '-j', 'list', 'ruleset')]
    >>> programs({}, ["ip"], lambda name: True)
    [('iptables-legacy-save', '-c')]
    """
    found: list[Argv] = []
    rest = False
    for family, savers in _SAVERS.items():
        if any(of == family and name in _OWN and chains for (of, name), chains in tables.items()):
            saver = next((name for name in savers if which(name)), None)
            found += [(saver, "-c")] if saver else []
            rest = rest or saver is None
    if rest or any(
        family not in _SAVERS or name not in _OWN or not chains for (family, name), chains in tables.items()
    ):
        if not which("nft"):
            raise ToolMissing("nft")
        found.append(_NFT)
    for family in legacy:
        if not which(_LEGACY[family]):
            raise ToolMissing(_LEGACY[family])
        found.append((_LEGACY[family], "-c"))
    return found


def incompatible(outputs: Mapping[Argv, str]) -> bool:
    """Whether nft has to be asked as well: a table called ``filter``, say, whose rules it made itself."""
    return _NFT not in outputs and any(_INCOMPATIBLE.search(text) for text in outputs.values())


#: What to ask then.
ALSO: Argv = _NFT


def rows(outputs: Mapping[Argv, str], ns: str, tables: Collection[tuple[str, str]] | None = None) -> list[Row]:
    """The rows of all answers, tables with the same name of two tools both.

    ``tables`` are those of nft that are there (None: not known): iptables-save also tells of chains that nobody made.
    """
    found: list[Row] = []
    read: set[tuple[str, str, str]] = set()
    made = nft.chains(outputs[_NFT]) if _NFT in outputs else set()
    for argv, text in outputs.items():
        if argv == _NFT:
            continue
        family = "ip6" if argv[0].startswith("ip6") else "ip"
        tool = "iptables-legacy" if "legacy" in argv[0] else "iptables"
        of_tool = save.read(text, ns, family, tool)
        if tool == "iptables":
            partly = set(_INCOMPATIBLE.findall(text))
            of_tool = [row for row in of_tool if row[3] not in partly or (family, row[3], row[4]) in made]
            read |= {(family, str(row[3]), str(row[4])) for row in of_tool}
            if tables is not None:
                of_tool = [row for row in of_tool if (family, row[3]) in tables]
        found += of_tool
    if _NFT in outputs:
        found += nft.read(outputs[_NFT], ns, frozenset(read))
    return found


def sort(rows: Sequence[Row]) -> list[Row]:
    """Rows in the order in which a reader looks for them: tables as packets meet them, chains by hook, a policy last.

    >>> [row[8] for row in sort([["h", "nft", "ip", "t", "c", "filter", "input", 0, n] for n in (0, 2, 1)])]
    [1, 2, 0]
    """
    tables = ("raw", "mangle", "nat", "filter", "security")
    hooks = ("ingress", "prerouting", "input", "forward", "output", "postrouting", "egress")

    def key(row: Row) -> tuple[Any, ...]:
        _, tool, family, table, chain, _, hook, priority, position = row[:9]
        return (
            tool, family, tables.index(table) if table in tables else len(tables), table, chain != "",
            hooks.index(hook) if hook in hooks else len(hooks), priority, chain, position or 1 << 30,
        )  # fmt: skip

    return sorted(rows, key=key)
