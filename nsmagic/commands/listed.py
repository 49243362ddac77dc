"""A long list of plain ``ip`` commands, read a part at a time.

A cell must be known as a whole before anything of it runs: a quote that is not closed at its end refuses all of it, a pipe makes it
a script for bash. Of a text in which every line is an ``ip`` command without any character that means something to a shell, the
parts can be read one after another, so that the first commands run while the last ones are read. Programs write such lists, and
people who keep the network of a course in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nsmagic.commands.command import Step
from nsmagic.commands.parse import parse

#: Shorter ones are read at once.
LONG = 200
#: Lines in the first part, and in any: the agent has something to do as soon as can be, and then always more than the notebook.
_FIRST, _MOST = 16, 512
#: Nothing that enters a shell (``ip netns exec red bash``), nothing that takes the rest as its input (``ip -b -``).
_LINE = re.compile(
    r"ip(?: -(?:n|netns) [\w.-]+| -[46])* (?:link|l|address|addr|a|route|r|neighbour|neigh|rule|netns (?:add|del|delete)) [\w.:/ +-]+",
    re.ASCII,
)
_NO_COMMAND = re.compile(r"\s*(?:#[^\\]*)?")


def is_list(text: str) -> bool:
    """Whether the text is a long list of such commands; comments and empty lines may stand between them.

    >>> is_list("ip netns add red\\n" * 300), is_list("ip netns add red\\n" * 3), is_list("ip netns add red | cat\\n" * 300)
    (True, False, False)
    """
    if text.count("\n") < LONG or not text.startswith("ip "):
        return False
    return all(_LINE.fullmatch(line) or _NO_COMMAND.fullmatch(line) for line in text.split("\n"))


def parts(text: str, ns: str) -> Iterator[tuple[Sequence[Step], bool]]:
    """The steps of a list, a part at a time, each with whether more follow.

    Nothing in it is for a shell: its words are what stands between blanks, which takes half the time of reading it as a cell.

    >>> [(steps[0].line, len(steps), more) for steps, more in parts("ip netns add red\\n" * 300, "host")]
    [(1, 16, True), (17, 32, True), (49, 64, True), (113, 128, True), (241, 60, False)]
    """
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    at, size = 0, _FIRST
    while at < len(lines):
        steps = []
        for number, line in enumerate(lines[at : at + size], at + 1):
            words = line.split()
            if words and not words[0].startswith("#"):
                steps.append(Step(number, line.rstrip(), parse(tuple(words), ns)))
        at += size
        yield steps, at < len(lines)
        size = min(2 * size, _MOST)
