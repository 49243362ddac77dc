"""From the text of a cell to its steps: what a person typed or pasted, as a terminal would take it.

``split`` gives a :class:`~nsmagic.commands.command.Cell`: steps for simple commands joined by new lines, ``;``, ``&&``,
``||`` and ``&``; one script as soon as anything else of shell is in it.

Rules where a terminal leaves a choice
--------------------------------------
**Prompts and output.** What is a prompt, and which lines were printed and pasted along, says ``prompts.py``: below the first prompt a
line without one is not run unless it looks like a command. The lines left out are in ``Cell.skipped``.

**Shells.** ``ip netns exec red bash`` on a line of its own (also ``sh``, ``nsenter --net=/run/netns/red``, plain ``bash``,
``sudo -i``, ``su``) makes the following lines run there until ``exit``; they nest. An ``exit`` outside of any ends the cell quietly, as
a terminal would close: what follows is not run. ``unshare -n bash`` and ``nsenter -t PID -n``, whose namespace has no name, make the cell a script
in which that shell reads the lines up to its ``exit``.

**Batches.** ``ip -b -`` on a line of its own takes the rest of the cell as its input, as it would take the pasted lines;
``ip -b - <<EOF`` takes its heredoc.

**Syntax errors** (an unfinished quote, ``&&`` with nothing before it) refuse the whole cell: nothing of it is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from nsmagic.commands.command import Batch, Cell, Program, Script, Step
from nsmagic.commands.lexer import Simple, scan
from nsmagic.commands.parse import parse
from nsmagic.commands.prompts import Prompts
from nsmagic.commands.shells import enters_shell, leaves_shell, opens_shell, script_text
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

#: The second prompt, within quotes.
_SECOND = re.compile(r"(?<!\\)\n>(?: |(?=\n|\Z))")
_CONTINUED = re.compile(r"([ \t]*)\\\n(?:> )?([ \t]*)")


def split(text: str, ns: str | None = None, *, first_line: int = 1, behind: bool = False) -> Cell:
    """Read the text of a cell.

    Parameters
    ----------
    text
        As typed, without the magic's own line.
    ns
        Where its commands run when they do not say it themselves; None leaves it to the caller.
    first_line
        The number of its first line, where it is a part of a text.
    behind
        It will run in the background: a list (``a && b``) then is a script, since its second command waits for the first.

    Raises
    ------
    CommandSyntaxError
        An unfinished quote and the like, with line and position; nothing of the cell can then be run.

    >>> cell = split("$ sudo ip netns add red\\nip -n red link set lo up && ip -n red link")
    >>> [(step.line, step.text, step.after) for step in cell.steps]
    [(1, 'sudo ip netns add red', 'always'), (2, 'ip -n red link set lo up', 'always'), (2, 'ip -n red link', 'success')]
    >>> split("for i in 1 2; do\\n  sudo ip netns add r$i\\ndone").script.text
    'for i in 1 2; do\\n  ip netns add r$i\\ndone'
    """
    text = text.replace("\r\n", "\n")
    return _Reader(text, ns, first_line - 1, behind).read()


def batch_lines(
    lines: Iterable[str],
    *,
    prefix: tuple[str, ...] = (),
    ns: str | None = None,
    first_line: int = 1,
    tool: str = "ip",
) -> tuple[Step, ...]:
    """The steps of an ``ip -batch`` file: one command a line without the word ``ip``, read as iproute2 reads it.

    A ``#`` begins a comment anywhere, ``\\`` at the end continues the line, a word may be quoted as a whole.
    ``prefix`` are the options of the ``ip -batch`` itself, ``ns`` where it runs; ``tool`` may be ``bridge``, which reads
    its batches likewise.

    Raises
    ------
    CommandSyntaxError
        For a quote that is not closed.

    >>> [step.run.verb for step in batch_lines(["netns add red", "# nothing", "link set lo up"])]
    ['netns.add', 'link.set']
    """
    steps: list[Step] = []
    pending, start = "", 0
    for number, line in enumerate(lines, first_line):
        start = start or number
        pending += line.rstrip("\r\n").partition("#")[0]
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        words = _batch_words(pending, start)
        if words:
            run = parse((tool, *prefix, *words), ns)
            if words[0].startswith("-"):
                # Options are not taken in a batch; the object of that name is unknown.
                message = f'Object "{words[0]}" is unknown, try "{tool} help".'
                hint = say("form-batch", tool=tool, option=words[0])
                run = Program((tool, "--", *words), ns, CommandSyntaxError(message, text=pending, hint=hint))
            steps.append(Step(start, pending.strip(), run))
        pending, start = "", 0
    if pending.strip():
        message = f"Missing continuation line (line {start})"
        raise CommandSyntaxError(message, text=pending, at=len(pending), hint=say("form-backslash"))
    return tuple(steps)


def _batch_words(line: str, number: int) -> list[str]:
    """Words of a batch line: a quote counts only where a word begins."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in " \t\r\n":
            at += 1
        if at >= len(line):
            return words
        if line[at] in "'\"":
            end = line.find(line[at], at + 1)
            if end < 0:
                message = f"Unterminated quoted string (line {number}, character {at + 1})"
                raise CommandSyntaxError(message, text=line, at=at, hint=say("form-quote", mark=line[at]))
            words.append(line[at + 1 : end])
            at = end + 1
        else:
            end = at
            while end < len(line) and line[end] not in " \t\r\n":
                end += 1
            words.append(line[at:end])
            at = end


class _Reader:
    """One cell. ``shells`` are the namespaces of the shells that were entered, the cell's own at the bottom."""

    def __init__(self, text: str, ns: str | None, before: int, behind: bool) -> None:
        self.text, self.before, self.behind = text, before, behind
        self.steps: list[Step] = []
        self.shells: list[str | None] = [ns]
        self.heredoc: tuple[int, str] | None = None
        self.lines = Prompts(text)

    def read(self) -> Cell:
        found = scan(self.text, lines=self.lines, on_list=self.line_done)
        reasons = found.reasons
        skipped = tuple(self.before + line for line in found.skipped)
        if reasons or self.heredoc:
            line, why = reasons[0] if reasons else self.heredoc or (1, "")
            return Cell(script=Script(script_text(found), why, line), skipped=skipped)
        return Cell(tuple(self.steps), skipped=skipped)

    def line_done(self, simples: list[Simple], end: int) -> bool:
        """Turn the commands of a finished line into steps; True when the cell ends here."""
        for simple in simples:
            argv = simple.argv
            if self.behind and simple.after != "always":
                self.heredoc = self.heredoc or (simple.line, "a list in the background")
            if leaves_shell(simple):
                if not simple.alone or simple.background:
                    self.heredoc = self.heredoc or (simple.line, "exit in a list")
                    continue
                if len(self.shells) == 1:
                    return True
                self.shells.pop()
                continue
            if simple.alone and not simple.background and simple.heredoc is None:
                entered, ns = enters_shell(argv)
                if entered:
                    self.shells.append(ns or self.shells[-1])
                    if ns is not None:
                        # So that a namespace that does not exist is complained of where it was named.
                        self.steps.append(Step(simple.line, self.shown(simple), Program(("true",), ns)))
                    continue
                if opens_shell(argv):
                    self.shells.append(self.shells[-1])
                    self.heredoc = self.heredoc or (simple.line, "a shell of its own")
                    continue
            if self.step(simple, end):
                return True
        return False

    def shown(self, simple: Simple) -> str:
        """What was typed, on one line, without its prompt."""
        typed = self.text[simple.start : simple.end]
        if self.lines.seen:
            typed = _SECOND.sub("\n", typed)
        return _CONTINUED.sub(lambda found: " " if found[1] or found[2] else "", typed)

    def step(self, simple: Simple, end: int) -> bool:
        """Add a step; True when it took the rest of the cell."""
        run = parse(simple.argv, self.shells[-1])
        number = simple.line
        rest = False
        if isinstance(run, Batch) and run.file == "-":
            if simple.heredoc is not None and simple.heredoc.literal:
                run = _with_lines(run, simple.heredoc.lines)
            elif simple.heredoc is None and simple.alone and not simple.background:
                run = _with_lines(run, tuple(self.text[end:].splitlines()))
                rest = True
            elif simple.heredoc is not None:
                self.heredoc = self.heredoc or (number, "a heredoc")
        elif simple.heredoc is not None:
            self.heredoc = self.heredoc or (number, "a heredoc")
        self.steps.append(Step(self.before + number, self.shown(simple), run, simple.after, simple.background))
        return rest


def _with_lines(batch: Batch, lines: tuple[str, ...]) -> Batch:
    return Batch(batch.file, lines, batch.force, batch.ns, batch.tool, batch.prefix)
