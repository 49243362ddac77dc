"""The rules of ``hints.py`` that go by the words of a refusal alone: what the kernel or bash said, or what was typed."""

from __future__ import annotations

import errno
import re

from nsmagic.commands.case import Case, first_found
from nsmagic.commands.grammar import close
from nsmagic.commands.packages import QDISCS
from nsmagic.sentences import say

_NOT_CLOSED = re.compile(r"unexpected EOF while looking for matching [`'](.)'")
_NO_JOB = re.compile(r"%(\d+): no such job")
_NO_PROCESS = re.compile(r"/proc/(\d+)/ns/net(?: ->.*)?(?: failed)?: No such file")
#: Words with which a line of Python begins, and no command; and how bash shows such a line that it cannot read.
_PYTHON = frozenset({"import", "from", "def", "class", "print"})
_PYTHON_LINE = re.compile(r"syntax error near unexpected token .*\n.*line \d+: `\s*(print|def|lab|with)\b")


def notebook_habit(case: Case) -> str | None:
    """A magic, the notebook's ``!``, or Python, on a line of a cell whose lines are commands already."""
    word = case.argv[0] if case.argv else ""
    if word in _PYTHON:
        return say("inside-python", word=word)
    if word.startswith("%%"):
        return say("inside-cell-magic", magic=word)
    if word.startswith("%") and len(word) > 1 and word[1:].isidentifier():
        return say("inside-netns" if word == "%netns" else "inside-magic", magic=word)
    if word.startswith("!") and len(word) > 1:
        return say("inside-bang")
    return None


def number_or_mac(case: Case) -> str | None:
    """Values that the kernel does not take."""
    words = case.words
    if "mtu less than device minimum" in words or "mtu greater than device maximum" in words:
        return say("mtu")
    if "Invalid link address" in words or "Invalid address length" in words:
        return say("mac-form")
    assignments = case.args.get("assignments")
    if case.verb.startswith("sysctl.") and case.errno in (errno.EINVAL, errno.ERANGE) and assignments:
        name, value = assignments[0][:2]
        return say("sysctl-value", name=str(name).replace("/", "."), value=value)
    if found := _NO_PROCESS.search(words):
        return say("pid-none", pid=found[1])
    return None


def of_qdisc(case: Case) -> str | None:
    """A discipline of queueing that the kernel does not have."""
    if "Specified qdisc kind is unknown" not in case.words and "Unknown qdisc" not in case.words:
        return None
    kind = next((word for word in case.argv if word in QDISCS), None)
    if kind is not None:
        return say("qdisc-missing", kind=kind)
    typed = first_found([re.compile(r'Unknown qdisc "([^"]+)"')], case.words)
    near = close(typed, QDISCS) if typed else []
    return say("qdisc-close", kind=typed, near=near[0]) if near else None


def of_bash(case: Case) -> str | None:
    """A script that bash could not read."""
    if found := _PYTHON_LINE.search(case.words):
        return say("inside-python", word=found[1])
    if found := _NO_JOB.search(case.words):
        return say("job-shell", number=found[1])
    if found := _NOT_CLOSED.search(case.words):
        return say("bash-open", mark=found[1])
    if "syntax error: unexpected end of file" in case.words:
        return say("bash-end")
    return None
