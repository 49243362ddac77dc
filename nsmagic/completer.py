"""Completion in notebooks: the thin adapter between IPython's matchers and ``commands/completion.py``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from nsmagic import magic_line
from nsmagic.errors import NsmagicError
from nsmagic.names import HOST

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.magics import Netns

#: The lab that is meant where none is named.
DEFAULT_LAB = "lab"

# Compiled when something is first completed; ``re`` keeps them.
_CELL = r"%%netns(?:\s|$)"
#: A line magic of ours with a word begun behind it, also on the right of ``df = ``.
_LINE = r"\s*(?:[\w\s,.\[\]'\"]+=\s*)?%(netns|links|addrs|routes|arp|firewall|nat|topology|why|sniff|trace|lab|task|check|hint)(\s.*)"
_TASK_CELL = r"%%task(?:\s|$)"
_OTHER_LAB = r"--lab[ =](\S+)"


class Completer:
    """Completes options, namespaces, interfaces and command words, on the line of a magic and inside a cell."""

    def __init__(self, magics: Netns, verbs: Sequence[str]) -> None:
        self._magics, self._verbs = magics, verbs

        # IPython marks matchers with attributes, which a bound method cannot carry: hence a function.
        @context_matcher(identifier="nsmagic", priority=50)  # type: ignore[untyped-decorator]
        def match(context: Any) -> dict[str, Any]:
            return self._match(context)

        self.match = match

    def _match(self, context: Any) -> dict[str, Any]:
        words = self._words(context.full_text, context.cursor_line, context.cursor_position)
        token = context.token
        return {
            "completions": [SimpleCompletion(word, type="magic") for word in words],
            "matched_fragment": token,
            "suppress": bool(words),
            "ordered": True,
        }

    def _words(self, full: str, line_number: int, column: int) -> list[str]:
        """What may follow; nothing where the text is not ours (IPython then offers what it has)."""
        from nsmagic.commands import completion

        lines = full.split("\n")
        if line_number >= len(lines):
            return []
        before, first = lines[line_number][:column], lines[0].lstrip()
        lab = self._lab(first if first.startswith("%%") else before)
        options = [*magic_line.OPTIONS]
        if re.match(_CELL, first):
            if line_number == 0:
                if before.endswith("%%netns"):
                    return []
                return completion.complete_magic_line(before, namespaces=_namespaces(lab), options=options)
            asked, ns = _cell_line(first)
            if asked.python:
                return []
            return completion.complete(before, ns=ns, namespaces=_namespaces(lab), interfaces=_interfaces(lab))
        if re.match(_TASK_CELL, first):
            if line_number == 0:
                return _tasks(before)
            return completion.complete(before, ns=HOST, namespaces=_namespaces(lab), interfaces=_interfaces(lab))
        magic = re.match(_LINE, before)
        if magic is None:
            return []
        name, typed = magic.groups()
        if name == "netns":
            return completion.complete_line_magic(
                "%netns" + typed, namespaces=_namespaces(lab), interfaces=_interfaces(lab), options=options
            )
        if name in ("task", "check", "hint"):
            return _tasks(typed)
        if name == "trace" and typed.strip() and typed.split()[0] in (*_namespaces(lab), HOST):
            # Behind the namespace stands a command.
            return completion.complete_line_magic(
                "%netns" + typed, namespaces=_namespaces(lab), interfaces=_interfaces(lab), options=[]
            )
        if name == "why":
            offered = [*_namespaces(lab), HOST, *_addresses(lab), *magic_line.WHY_OPTIONS]
        elif name == "trace":
            offered = [*_namespaces(lab), HOST, *magic_line.TRACE_OPTIONS]
        elif name == "sniff":
            ns, colon, _ = typed.split(" ")[-1].partition(":")
            links = [f"{ns}:{each}" for each in _interfaces(lab)(ns)] if colon else []
            offered = [*links, *_namespaces(lab), HOST, "any", *magic_line.SNIFF_OPTIONS]
        else:
            offered = [*self._verbs] if name == "lab" else [*_namespaces(lab), HOST, "--all"]
        return [word for word in offered if word.startswith(typed.split(" ")[-1])]

    def _lab(self, line: str) -> Lab | None:
        """The lab that a line speaks of, when it runs: completion never starts one."""
        named = re.search(_OTHER_LAB, line)
        lab = self._magics.labs.get(named[1] if named else DEFAULT_LAB)
        return lab if lab is not None and lab.running else None


def _cell_line(first: str) -> tuple[magic_line.Options, str]:
    try:
        return magic_line.split_cell_line(first.partition("%%netns")[2])
    except NsmagicError:
        return magic_line.Options(), HOST


def _tasks(typed: str) -> list[str]:
    from nsmagic.course import tasks

    begun = typed.split(" ")[-1]
    return [word for word in [*tasks.names(), *magic_line.COURSE_OPTIONS] if word.startswith(begun)]


def _namespaces(lab: Lab | None) -> list[str]:
    try:
        return lab.names() if lab is not None else []
    except NsmagicError:
        return []  # it has ended just now


def _addresses(lab: Lab | None) -> list[str]:
    """The addresses of the lab, those that everybody has left out."""
    try:
        rows = lab.snapshot("addrs").addrs.rows if lab is not None else ()
    except NsmagicError:
        return []  # it has ended just now
    return sorted({row.address for row in rows if row.scope == "global"})


def _interfaces(lab: Lab | None) -> Callable[[str | None], Sequence[str]]:
    def names(ns: str | None) -> list[str]:
        try:
            return [link.ifname for link in lab.snapshot("links", ns=ns or HOST).links] if lab is not None else []
        except NsmagicError:
            return []

    return names
