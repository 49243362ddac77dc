"""The ``sysctl`` tool of procps 4.0: reading and writing kernel parameters.

Their names are those of ``sysctl_names.py``.
"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.command import Command, Program, Runnable, Sequence
from nsmagic.commands.grammar import Beyond
from nsmagic.commands.options import Scan, error_at, scan
from nsmagic.commands.sysctl_names import canonical
from nsmagic.sentences import say

LONG = {
    "all": "a", "deprecated": "D", "dry-run": "Y", "binary": "b", "ignore": "e", "names": "N", "values": "n", "load": "p",
    "system": "S", "pattern": "r", "quiet": "q", "write": "w", "help": "h", "version": "V",
}  # fmt: skip
#: Where ``sysctl -p`` reads without a file named.
DEFAULT_FILE = "/etc/sysctl.conf"


def parse(argv: tuple[str, ...], ns: str | None) -> Runnable:
    """Read a ``sysctl`` command; names and assignments mixed make a ``Sequence``.

    Raises
    ------
    CommandSyntaxError
        The form is not known.

    >>> parse(("sysctl", "-w", "net/ipv4/ip_forward=1"), "red").args
    {'assignments': [['net.ipv4.ip_forward', '1']]}
    >>> parse(("sysctl", "-n", "net.ipv4.ip_forward"), None).args
    {'names': ['net.ipv4.ip_forward'], 'values_only': True}
    """
    try:
        return _read(argv, ns)
    except Beyond:
        return Program(argv, ns)


def _read(argv: tuple[str, ...], ns: str | None) -> Command | Sequence:
    found = scan(argv, "bneNwp::f::qoxaAXr:VdhDYS", LONG)
    for option in found.options:
        if option.letter in "bDYSVhd":
            raise Beyond(f"sysctl -{option.letter}")
    keys: dict[str, Any] = {}
    if found.has("N"):
        keys["names_only"] = True
    elif found.has("n"):
        keys["values_only"] = True
    if found.has("e"):
        keys["ignore"] = True
    quiet = {"quiet": True} if found.has("q") else {}
    patterns = [option.value for option in found.options if option.letter == "r"]
    words = [argv[i] for i in found.operands]

    def command(verb: str, args: dict[str, Any]) -> Command:
        return Command(tool="sysctl", verb=verb, args={**args, **keys}, ns=ns, argv=argv)

    if found.has("a", "A", "X"):
        return command("sysctl.read", {"pattern": patterns[-1]} if patterns else {"all": True})
    if patterns and words:
        raise Beyond("sysctl -r PATTERN NAME")
    if found.has("p", "f"):
        named = [option.value for option in found.options if option.letter in "pf" and option.value]
        files = [*named, *words] or [DEFAULT_FILE]
        if "-" in files:
            raise Beyond("sysctl -p -")
        return command("sysctl.load", {"files": files, **quiet})
    if not words:
        hint = say("form-sysctl-none")
        raise error_at(argv, len(argv), "sysctl: no variables specified", hint)
    groups = _groups(argv, found)
    commands = [
        command("sysctl.write", {"assignments": items, **quiet}) if write else command("sysctl.read", {"names": items})
        for write, items in groups
    ]
    return commands[0] if len(commands) == 1 else Sequence(tuple(commands), keep_going=True)


def _groups(argv: tuple[str, ...], found: Scan) -> list[tuple[bool, list[Any]]]:
    """The operands in order, neighbours of one sort together: names to read, or pairs to write."""
    write_only = found.has("w")
    groups: list[tuple[bool, list[Any]]] = []
    for at, i in enumerate(found.operands):
        word = argv[i]
        name, equals, value = word.partition("=")
        following = argv[found.operands[at + 1]] if at + 1 < len(found.operands) else ""
        # "NAME = 1" and "NAME= 1" are three and two words to the tool, which then reads "=" and "1" as names.
        if following.startswith("=") or (equals and not name) or (equals and not value and following):
            typed = " ".join(argv[j] for j in found.operands)
            key = name or argv[found.operands[at - 1]]
            hint = say("form-sysctl-blanks", fixed=typed.replace(" = ", "=").replace("= ", "=").replace(" =", "="))
            raise error_at(argv, i, f'sysctl: setting key "{key}": Invalid argument', hint)
        known = canonical(name.strip())
        if known is None:
            hint = say("form-sysctl-name")
            raise error_at(argv, i, f"sysctl: cannot stat /proc/sys/{name}: No such file or directory", hint)
        if write_only and not equals:
            hint = say("form-sysctl-write", name=known)
            raise error_at(argv, i, "sysctl: command line(0): invalid syntax, continuing...", hint)
        item: Any = [known, value.strip()] if equals else known
        if groups and groups[-1][0] == bool(equals):
            groups[-1][1].append(item)
        else:
            groups.append((bool(equals), [item]))
    return groups
