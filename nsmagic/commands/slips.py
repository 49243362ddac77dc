"""Slips about the place of a command: a forgotten or misplaced ``%%netns``, and shell escapes that act on the machine."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nsmagic.commands.packages import NETWORK_TOOLS
from nsmagic.sentences import say

_PROMPT = re.compile(
    r"(?:[\w.-]+@[\w.-]+(?::\S*)?[$#]\s+|\$\s+|#\s+(?=(?:sudo\s+)?(?:ip|ping|bridge)\s))?(?:sudo\s+(?:-\w+\s+)*)?"
)
_PYTHON = re.compile(r"\s*(?:[-+*/%&|^@]?=|[(\[.,:)\]]|(?:in|is|and|or|not|if|else|for)\b)")
_BANG = re.compile(r"\s*(?:[\w, ]+=\s*)?!!?\s*(?:sudo\s+(?:-\w+\s+)*)?([\w.-]+)")
_SHELL_CELL = re.compile(r"%%(?:bash|sh|script|system|sx|!)\b|%%!")
_SHELL_LINE = re.compile(r"\s*(?:[\w, ]+=\s*)?%(?:system|sx)\s+(?:sudo\s+)?([\w.-]+)")


def _first_tool(line: str, tools: Iterable[str]) -> str | None:
    """The tool that a line of a note begins with, behind its prompt and ``sudo``."""
    rest = line.strip()
    match = _PROMPT.match(rest)
    rest = rest[match.end() :] if match else rest
    word = re.match(r"[\w.-]+", rest)
    if word is None or word[0] not in tools or _PYTHON.match(rest[word.end() :]):
        return None
    return word[0]


def slip(source: str) -> str | None:
    """The hint for a cell that Python could not read, when it looks like one of ours; None when it does not.

    >>> slip("ip netns add red\\nip netns")
    'put %%netns on the first line'
    >>> slip("# the cable\\n%%netns\\nip link")
    '%%netns must be the very first line; move what is above it below'
    >>> slip("net = 15\\nip netns add red")
    'put %%netns and what follows into a cell of its own'
    >>> slip("ip = (1,") is None
    True
    """
    lines = source.splitlines()
    for i, line in enumerate(lines):
        if re.match(r"\s*%%netns\b", line):
            above = [one for one in lines[:i] if one.strip() and not one.lstrip().startswith("#")]
            if i == 0 and not line[:1].isspace():
                return None
            return say("slip-mixed") if above else say("slip-comment")
    for line in lines:
        if not line.strip() or (line.lstrip().startswith("#") and not _first_tool(line, NETWORK_TOOLS)):
            continue
        if _first_tool(line, NETWORK_TOOLS):
            return say("slip-no-magic")
        return say("slip-mixed") if any(_first_tool(one, NETWORK_TOOLS) for one in lines) else None
    return None


def machine_warning(source: str) -> str | None:
    """One sentence when a cell starts a network tool on the machine and not in the lab; None otherwise.

    >>> machine_warning("!sudo ip addr")
    '!ip acts on the machine, not on the lab; in the lab it is:  %netns ip …'
    >>> machine_warning("%%bash\\nfor i in 1 2; do echo; done\\niptables -L")
    '%%bash runs iptables on the machine, not in the lab; with %%netns on the first line it acts on the lab'
    >>> machine_warning("!ls") is None
    True
    """
    lines = source.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if _SHELL_CELL.match(first):
        for line in lines[lines.index(first) + 1 :]:
            for part in re.split(r"[;&|]+|\b(?:do|then|else)\b", line):
                tool = _first_tool(part, NETWORK_TOOLS)
                if tool:
                    return say("machine-cell", magic=first.split()[0], tool=tool)
        return None
    if first.startswith("%%"):
        return None
    for line in lines:
        match = _BANG.match(line) or _SHELL_LINE.match(line)
        if match and match[1] in NETWORK_TOOLS:
            return say("machine-bang", tool=match[1])
    return None


#: What the stubs of nbgrader and of otter-grader (three dots) leave of a solution: a line that is no command of any shell.
_STUB = re.compile(r"^[ \t]*(?:raise NotImplementedError(?:\(.*\))?|\.\.\.)[ \t]*$", re.MULTILINE)


def is_stub(text: str) -> bool:
    """Whether a cell still has the stub of an assignment: nbgrader's ``raise NotImplementedError()``, otter-grader's ``...``, or
    nothing but comments of which one says ``YOUR CODE HERE``.

    >>> is_stub("# YOUR CODE HERE\\nraise NotImplementedError()"), is_stub("# YOUR CODE HERE\\n"), is_stub("...")
    (True, True, True)
    >>> is_stub("ip link"), is_stub("echo waiting ...")
    (False, False)
    """
    if "<<" not in text and _STUB.search(text):
        return True
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return all(line.startswith("#") for line in lines) and any("YOUR CODE HERE" in line for line in lines)
