"""Reads a cell's text as a POSIX shell would: simple commands with their words, and whatever else of shell there is.

One pass over the text, which never fails on shell that we do not do ourselves: it goes on to the end, so that ``sudo`` can
be taken away wherever it is a command word (after ``|``, ``&&``, ``then``, inside ``$(…)``) and prompts wherever a command
line begins, while quoted text and heredocs stay as they are. What was found is in the :class:`Scan`:

- ``simples``: the simple commands of the top level, in order, with their words unquoted and where they stand;
- ``reasons``: every construct that makes the cell a script (pipe, variable, loop, redirection …), with its line;
- ``cuts``: what has to be taken out of the text before bash gets it; ``skipped`` are the numbers of the lines that were
  printed, which are among the cuts.

The text is taken as it stands after ``\\r\\n`` became ``\\n``. Work and nesting are bounded: every character is looked at a
bounded number of times, and deeper nesting than a person writes is left to bash.

More than 300 lines: the list reader, command words and nested shell are one cursor (quotes and words are in ``tokens.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from nsmagic.commands.tokens import Token, Tokens
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

After = Literal["always", "success", "failure"]

RESERVED = frozenset(
    [
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "for",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "select",
        "function",
        "time",
        "coproc",
        "{",
        "}",
        "!",
        "[[",
        "]]",
    ]
)
#: After these another command word follows.
_OPENS = frozenset(["if", "then", "elif", "else", "while", "until", "do", "time", "{", "!"])
#: By how many constructs more there are open behind these.
_OPEN = {
    "if": 1,
    "for": 1,
    "while": 1,
    "until": 1,
    "select": 1,
    "case": 1,
    "{": 1,
    "fi": -1,
    "done": -1,
    "esac": -1,
    "}": -1,
}
#: Builtins that act on the shell itself, or exist nowhere else.
BUILTINS = frozenset(
    [
        "export",
        "cd",
        "source",
        ".",
        "set",
        "unset",
        "alias",
        "unalias",
        "declare",
        "local",
        "readonly",
        "typeset",
        "eval",
        "exec",
        "trap",
        "shift",
        "return",
        "wait",
        "jobs",
        "fg",
        "bg",
        "read",
        "umask",
        "ulimit",
        "shopt",
        "let",
        "pushd",
        "popd",
        "getopts",
        "hash",
        "type",
        "command",
        "builtin",
        "disown",
        "mapfile",
        ":",
    ]
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
_PATTERN = re.compile(r"[*?]|\[[^\]]+\]")
#: A job as the shell's own ``kill`` takes it: what the cell itself started with ``&``.
_JOB = re.compile(r"%(?:\d+|[%+-])")
_BRACES = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_SUDO = re.compile(
    r"(?:[ \t]+(?:-[EHnPSkb]+|--preserve-env|--set-home|--non-interactive|-[EHnPS]*u[ \t]*root|--user[= ]root|--)(?=[ \t]))*"
    r"[ \t]+(?=[^\s;&|<>()#-])"
)
_REDIRECTIONS = frozenset({"<", ">", "<<", ">>", "<<-", "<<<", "<&", ">&", "<>", ">|", "&>", "&>>"})
_DEEPEST = 40


@dataclass(slots=True)
class Heredoc:
    """A here-document: its lines, and whether bash would expand something in them."""

    lines: tuple[str, ...] = ()
    quoted: bool = False
    tabs: bool = False
    delimiter: str = ""

    @property
    def literal(self) -> bool:
        """Nothing in it is for the shell."""
        return self.quoted or not any(char in line for line in self.lines for char in "$`\\")


@dataclass(slots=True)
class Simple:
    """A simple command of the top level. ``start`` and ``end`` are its place in the text; ``alone``: nothing else is in
    its list, so that it may be the line by which a person enters a shell, unless it is ``inner``, a part of a loop or of a function;
    ``behind``: where its ``&`` ends."""

    words: list[Token] = field(default_factory=list)
    after: After = "always"
    background: bool = False
    behind: int = 0
    alone: bool = True
    inner: bool = False
    line: int = 0
    heredoc: Heredoc | None = None

    @property
    def start(self) -> int:
        return self.words[0].start

    @property
    def end(self) -> int:
        return self.words[-1].end

    @property
    def argv(self) -> tuple[str, ...]:
        return tuple(word.text for word in self.words)


@dataclass(slots=True)
class Scan:
    """What a text consists of. ``stopped`` is where the caller's ``on_list`` ended the reading (else the text's end)."""

    text: str
    simples: list[Simple] = field(default_factory=list)
    reasons: list[tuple[int, str]] = field(default_factory=list)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    stopped: int = 0
    skipped: list[int] = field(default_factory=list)


class Lines(Protocol):
    """What the lines of a text are; asked of those at which a command begins, in their order."""

    def prompt(self, at: int) -> int:
        """How many characters at the start of a line are a prompt."""

    def output(self, at: int) -> bool:
        """Whether a line without a prompt is no command but was printed."""


def scan(
    text: str,
    *,
    lines: Lines | None = None,
    on_list: Callable[[list[Simple], int], bool] | None = None,
) -> Scan:
    """Read a text.

    Parameters
    ----------
    text
        The text; ``\\r\\n`` is taken as ``\\n``.
    lines
        Says what are prompts and printed lines, which are left out; without it nothing is.
    on_list
        Called with the simple commands of a finished line and the place after it; True ends the reading there.

    Raises
    ------
    CommandSyntaxError
        For an unfinished quote, a NUL, or an operator where a command has to stand, in a text that has no other shell.

    >>> [simple.argv for simple in scan("ip link set lo up && ip 'a' # both").simples]
    [('ip', 'link', 'set', 'lo', 'up'), ('ip', 'a')]
    >>> scan("ip link | wc -l").reasons
    [(1, 'a pipe')]
    """
    return _Scanner(text, lines, on_list).read()


class _TooDeep(Exception):
    """Nesting that nobody types: bash may have it."""


class _Scanner(Tokens):
    def __init__(
        self,
        text: str,
        lines: Lines | None,
        on_list: Callable[[list[Simple], int], bool] | None,
    ) -> None:
        super().__init__(text)
        self.lines = lines
        self.on_list = on_list
        self.simples: list[Simple] = []
        self.heredocs: list[Heredoc] = []
        self.skipped: list[int] = []
        #: Words such as ``for`` and ``if`` that wait for their ``done`` and ``fi``.
        self.open = 0

    # -- the whole ------------------------------------------------------------------------------------------------------
    def read(self) -> Scan:
        nul = self.text.find("\0")
        if nul >= 0:
            raise self.refuse("a NUL character cannot stand in a command", nul, say("form-copied"))
        try:
            self.top()
        except _TooDeep:
            self.because("deep nesting", self.at)
            self.at = len(self.text)
        except CommandSyntaxError:
            if not self.reasons:
                raise
            # Some shell came before: bash reads the whole and complains in its own words.
            self.at = len(self.text)
        return Scan(self.text, self.simples, self.reasons, self.cuts, self.at, self.skipped)

    def top(self) -> None:
        """The top level, line by line."""
        more = True
        while more:
            self.line_start()
            first = len(self.simples)
            more = self.one_line()
            done = self.simples[first:]
            if self.on_list is not None and done and not self.reasons and self.on_list(done, self.at):
                return

    def line_start(self, joined: bool = False) -> None:
        """Where a command line begins: leave its prompt out, or the whole when it was printed. ``joined``: it goes on with the one before."""
        if self.lines is None:
            return
        size = self.lines.prompt(self.at)
        if size:
            self.prompted = True
        elif joined or self.open:
            self.continuation()
            return
        elif self.lines.output(self.at):
            self.skipped.append(self.line(self.at))
            size = self.end_of_line() - self.at
        if size:
            self.cuts.append((self.at, self.at + size))
            self.at += size

    def end_of_line(self) -> int:
        end = self.text.find("\n", self.at)
        return end if end >= 0 else len(self.text)

    def one_line(self) -> bool:
        """One line with all that belongs to it (what follows ``&&`` on the next, heredocs). False at the end of the text."""
        current, listed = Simple(), []
        command, joined = True, ""  # joined: the && or || that still waits for its command
        while True:
            token = self.token()
            if token is not None and not token.op:
                command = self.word(token, command)
                if not current.words:
                    current.line, current.inner = self.line(token.start), self.open > 0
                current.words.append(token)
                continue
            text = token.text if token is not None else ""
            if token is not None and text in _REDIRECTIONS:
                self.redirection(token, current)
                continue
            if text == "\n" and joined and not current.words:
                self.read_heredocs()
                self.line_start(joined=True)
                continue
            if current.words:
                listed.append(current)
                if current.argv[0] == "kill" and any(_JOB.fullmatch(word.bare) for word in current.words[1:]):
                    self.because("a job of the shell", current.start)
            elif not self.reasons and (joined or text not in ("\n", "", "(")):
                raise self.unexpected(token, joined)
            if text in ("", "\n"):
                for simple in listed:
                    simple.alone = len(listed) == 1
                self.simples.extend(listed)
                self.read_heredocs()
                return token is not None
            joined = text if text in ("&&", "||") else ""
            current = self.following(text, self.at - len(text), current)
            command = True

    def unexpected(self, token: Token | None, joined: str) -> CommandSyntaxError:
        """An operator where a command has to stand, or none at all, in bash's words."""
        if token is None:
            message = f"syntax error: unexpected end of file after `{joined}'"
            return self.refuse(message, max(len(self.text) - 1, 0), say("form-follows", mark=joined))
        shown = "newline" if token.text == "\n" else token.text
        hint = say("form-before", mark=shown)
        return self.refuse(f"syntax error near unexpected token `{shown}'", token.start, hint)

    def following(self, text: str, at: int, current: Simple) -> Simple:
        """What an operator says about the commands around it; gives the next command, empty."""
        if text == "&&":
            return Simple(after="success")
        if text == "||":
            return Simple(after="failure")
        if text == "&":
            if current.after != "always":
                self.because("& after a list", at)
            current.background, current.behind = True, at + 1
        elif text in ("|", "|&"):
            self.because("a pipe", at)
        elif text == "(":
            self.because("a subshell or function", at)
            self.nested(")", at, 1)
        elif text != ";":
            self.because(f"`{text}'", at)
        return Simple()

    # -- command words --------------------------------------------------------------------------------------------------
    def word(self, token: Token, command: bool) -> bool:
        """Judge a word; ``command``: one that names a command stands here. Gives the same for the next word."""
        if command and _ASSIGNMENT.match(token.bare):
            self.because("an assignment", token.start)
            return True
        text = token.text
        if command and token.plain and text in RESERVED:
            self.because(text, token.start)
            self.open = max(self.open + _OPEN.get(text, 0), 0)
            return text in _OPENS
        if _PATTERN.search(token.bare):
            self.because("a pattern for file names", token.start)
        if _BRACES.search(token.bare):
            self.because("braces", token.start)
        if not command or not token.plain:
            return False
        if text in BUILTINS:
            self.because(text, token.start)
        if text == "sudo" and (cut := _SUDO.match(self.text, token.end)):
            self.cuts.append((token.start, cut.end()))
            return True
        return False

    def redirection(self, token: Token, current: Simple) -> None:
        target = self.token()
        if token.text in ("<<", "<<-") and target is not None and not target.op:
            quoted = not target.plain
            doc = Heredoc(delimiter=target.text, quoted=quoted, tabs=token.text == "<<-")
            self.heredocs.append(doc)
            if current.heredoc is None and current.words:
                current.heredoc = doc
                return
            self.because("a heredoc", token.start)
            return
        self.because("a redirection", token.start)
        if target is not None and target.op:
            self.at = target.start

    def read_heredocs(self) -> None:
        """The bodies of the heredocs that the finished line announced."""
        for doc in self.heredocs:
            lines = []
            second = self.prompted and self.has_second_prompts(doc)
            while self.at < len(self.text):
                if second:
                    self.continuation()
                end = self.end_of_line()
                line = self.text[self.at : end]
                self.at = min(end + 1, len(self.text))
                line = line.lstrip("\t") if doc.tabs else line
                if line == doc.delimiter:
                    break
                lines.append(line)
            doc.lines = tuple(lines)
        self.heredocs.clear()

    def has_second_prompts(self, doc: Heredoc) -> bool:
        """Whether every line of a heredoc, its end too, has the second prompt."""
        for line in self.text[self.at :].split("\n"):
            if not line.startswith(">"):
                return False
            if line[1:].strip() == doc.delimiter:
                return True
        return False

    def nested(self, end: str, start: int, depth: int) -> None:
        """Shell inside shell, up to its closing parenthesis: only ``sudo`` matters there."""
        if depth > _DEEPEST:
            raise _TooDeep
        command = True
        while True:
            token = self.token(depth)
            if token is None:
                raise self.refuse(
                    f"unfinished `{self.text[start : start + 2].strip()}'", start, say("form-missing", mark=end)
                )
            if not token.op:
                command = self.word(token, command)
                continue
            if token.text == end:
                return
            if token.text == "(":
                self.nested(")", token.start, depth + 1)
            elif token.text in _REDIRECTIONS:
                target = self.token(depth)
                if target is not None and target.op:
                    self.at = target.start
                elif target is not None and token.text in ("<<", "<<-"):
                    self.heredocs.append(Heredoc(delimiter=target.text, tabs=token.text == "<<-"))
                continue
            elif token.text == "\n":
                self.read_heredocs()
                self.continuation()
            command = True
