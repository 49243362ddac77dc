"""The linter of notes and notebooks: ``nsmagic lint FILE…`` finds the mistakes that notes on network namespaces often have.

``sources`` reads files into commands, ``rules`` follow the commands through the document as the kernel would, roughly: which
interfaces there are, where they are, what was never switched on. Nothing is run. What is said
stands in ``nsmagic/sentences.toml``, under ``[lint]``.
"""

from __future__ import annotations

from pathlib import Path

from nsmagic.course.lint.rules import Finding, Rules
from nsmagic.course.lint.sources import read

__all__ = ["Finding", "lint", "lint_text"]


def lint(path: Path) -> list[Finding]:
    """The findings in a file (``.ipynb`` is a notebook, ``.toml`` a translation of our sentences, all else a note in Markdown), in order.

    Raises
    ------
    NsmagicError
        It cannot be read.
    """
    return Rules(read(path)).run()


def lint_text(text: str) -> list[str]:
    """The codes of the findings in a note in Markdown.

    >>> lint_text("```\\nip netns add red\\nip -n red addr add 10.0.0.1 dev eth0\\n```")
    ['prefix-length']
    """
    from nsmagic.course.lint.sources import markdown

    return [finding.code for finding in Rules(markdown(text)).run()]
