"""Completion in notebooks: the thin adapter between IPython's matchers and ``commands/completion.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from nsmagic import magic_line
from nsmagic.errors import NsmagicError
from nsmagic.model import HOST

if TYPE_CHECKING:
    from nsmagic.magics import Netns

_TABLES = ("%links", "%addrs", "%routes", "%arp", "%topology")


class Completer:
    """Completes options, namespaces, interfaces and command words, on the line of a magic and inside a cell."""

    def __init__(self, magics: Netns) -> None:
        self._magics = magics

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
        from nsmagic.commands import completion

        lines = full.split("\n")
        if line_number >= len(lines):
            return []
        before = lines[line_number][:column]
        first = lines[0].lstrip()
        options = [*magic_line.OPTIONS]
        namespaces = self._namespaces()
        if first.startswith("%%netns"):
            if line_number == 0:
                return completion.complete_magic_line(before, namespaces=namespaces, options=options)
            ns = self._cell_namespace(first)
            return completion.complete(before, ns=ns, namespaces=namespaces, interfaces=self._interfaces)
        stripped = before.lstrip()
        if stripped.startswith("%netns"):
            return completion.complete_line_magic(
                stripped, namespaces=namespaces, interfaces=self._interfaces, options=options
            )
        if any(stripped.startswith(name + " ") for name in _TABLES):
            prefix = stripped.rpartition(" ")[2]
            return [name for name in [*namespaces, HOST, "--all"] if name.startswith(prefix)]
        return []

    @staticmethod
    def _cell_namespace(first: str) -> str:
        try:
            return magic_line.split_cell_line(first.partition("%%netns")[2])[1]
        except NsmagicError:
            return HOST

    def _namespaces(self) -> list[str]:
        lab = self._magics.labs.get("lab")
        if lab is None or not lab.running:
            return []  # completion never starts a lab
        return lab.names()

    def _interfaces(self, ns: str | None) -> list[str]:
        lab = self._magics.labs.get("lab")
        if lab is None or not lab.running:
            return []
        try:
            return [link.ifname for link in lab.snapshot("links", ns=ns or HOST).links]
        except NsmagicError:
            return []
