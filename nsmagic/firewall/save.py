"""Reads what ``iptables-save -c`` prints (``iptables/iptables-save.c``; the nft variant prints the same).

::

    *nat
    :POSTROUTING ACCEPT [0:0]
    [1:84] -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE
    COMMIT
"""

from __future__ import annotations

import re
from typing import Any

from nsmagic.firewall.words import rule_words

#: Built-in chain → the hook of the kernel that calls it.
HOOKS = {
    "PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output", "POSTROUTING": "postrouting",
}  # fmt: skip
#: What the kernel registers a table's chains with (NF_IP_PRI_* of netfilter_ipv4.h); nat has another one for each side.
PRIORITIES = {"raw": -300, "mangle": -150, "nat": 0, "filter": 0, "security": 50}
_CHAIN = re.compile(r":(\S+) (\S+)(?: \[(\d+):(\d+)\])?\s*")
_RULE = re.compile(r"(?:\[(\d+):(\d+)\] )?-A (\S+) ?(.*)", re.DOTALL)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Row = list[Any]


def words_of(text: str) -> list[str]:
    """The words of a line, with its quotes taken off.

    >>> words_of('-m comment --comment "it is \\\\"here\\\\"" -j DROP')
    ['-m', 'comment', '--comment', 'it is "here"', '-j', 'DROP']
    """
    return [
        _ESCAPED.sub(r"\1", quoted) if plain == "" else plain for quoted, plain in _WORD.findall(text)
    ]  # fmt: skip


def read(text: str, ns: str, family: str, tool: str) -> list[Row]:
    """The rows of all tables in the text, in the columns of ``model.FirewallRule``.

    Lines that are none of the format (comments, warnings) are passed over.

    >>> for row in read("*nat\\n:POSTROUTING ACCEPT [0:0]\\n[1:84] -A POSTROUTING -o eth0 -j MASQUERADE\\nCOMMIT", "host", "ip", "iptables"):
    ...     print(row[3:13])
    ['nat', 'POSTROUTING', 'nat', 'postrouting', 100, 0, '', 'ACCEPT', 0, 0]
    ['nat', 'POSTROUTING', 'nat', 'postrouting', 100, 1, 'out at eth0', 'MASQUERADE', 1, 84]
    """
    rows: list[Row] = []
    table = ""
    count: dict[str, int] = {}
    for line in text.split("\n"):
        if line.startswith("*"):
            table, count = line[1:].strip(), {}
        elif line.startswith(":") and (chain := _CHAIN.fullmatch(line)):
            name, policy = chain[1], chain[2]
            hook = HOOKS.get(name, "") if policy != "-" else ""
            target = policy if policy != "-" else ""
            rule = f"-P {name} {policy}" if hook else f"-N {name}"
            numbers = int(chain[3] or 0), int(chain[4] or 0)
            rows.append([ns, tool, family, table, name, *place_of(table, name, hook), 0, "", target, *numbers, rule])
        elif found := _RULE.fullmatch(line):
            name, options = found[3], found[4].strip()
            count[name] = count.get(name, 0) + 1
            match, target = rule_words(words_of(options))
            numbers = int(found[1] or 0), int(found[2] or 0)
            place = place_of(table, name, HOOKS.get(name, ""))
            rule = f"-A {name} {options}".strip()
            rows.append([ns, tool, family, table, name, *place, count[name], match, target, *numbers, rule])
    return rows


def place_of(table: str, chain: str, hook: str) -> tuple[str, str, int]:
    """Type, hook and priority of a chain of a table; ``hook`` is empty for one that others jump to."""
    kind = "nat" if table == "nat" else "filter"
    if not hook:
        return kind, "", 0
    if table == "nat":
        return kind, hook, -100 if hook in ("prerouting", "output") else 100
    return kind, hook, PRIORITIES.get(table, 0)
