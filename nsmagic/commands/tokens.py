"""Words and operators of shell text: quotes, escapes, comments, continued lines, and where ``$`` and backquotes begin.

The lower half of the lexer; ``lexer.py`` makes commands of the tokens and says what ``nested`` shell is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789@*#?$!-")
OPERATORS = ("<<<", "<<-", "&>>", ";;&", "&&", "||", ";;", ";&", "|&", "<<", ">>", "<&", ">&", "<>", ">|", "&>",
              ";", "&", "|", "<", ">", "(", ")", "\n")  # fmt: skip
_META = frozenset(" \t\n;&|<>()")
_SECOND_PROMPT = re.compile(r">(?: |(?=\n|\Z))")
#: A word in which nothing is special: most words.
_ORDINARY = re.compile(r"[^ \t\n;&|<>()'\"\\$`~]+(?=[ \t\n;&|<>()]|\Z)")


@dataclass(slots=True)
class Token:
    """A word, or an operator (``op``). ``bare`` is the word with its quoted characters replaced by NUL."""

    text: str
    start: int
    end: int
    op: bool = False
    bare: str = ""

    @property
    def plain(self) -> bool:
        """Nothing of it was quoted or escaped."""
        return self.bare == self.text


class Tokens:
    """A cursor over shell text. ``because`` notes a construct that only a shell can do; reading goes on after it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.reasons: list[tuple[int, str]] = []
        self.cuts: list[tuple[int, int]] = []
        self.prompted = False
        self.newlines = [i for i, char in enumerate(text) if char == "\n"]

    def nested(self, end: str, start: int, depth: int) -> None:
        """Read shell inside shell up to ``end``; ``start`` is where it was opened."""
        raise NotImplementedError

    # -- places and complaints ------------------------------------------------------------------------------------------
    def line(self, at: int) -> int:
        return bisect_right(self.newlines, at - 1) + 1

    def because(self, why: str, at: int) -> None:
        self.reasons.append((self.line(at), why))

    def refuse(self, message: str, at: int, hint: str | None = None) -> CommandSyntaxError:
        line = self.line(at)
        column = at - (self.newlines[line - 2] + 1 if line > 1 else 0) + 1
        where = f"line {line}, character {column}"
        return CommandSyntaxError(f"{message} ({where})", text=self.text, at=at, hint=hint)

    # -- tokens ---------------------------------------------------------------------------------------------------------
    def token(self, depth: int = 0) -> Token | None:
        """The next token, None at the end of the text."""
        text, size = self.text, len(self.text)
        while self.at < size:
            char = text[self.at]
            if char in " \t":
                self.at += 1
            elif char == "\\" and text.startswith("\\\n", self.at):
                self.at += 2
                self.continuation()
            elif char == "#":
                end = text.find("\n", self.at)
                self.at = size if end < 0 else end
            else:
                break
        if self.at >= size:
            return None
        start = self.at
        if text[start] in _META:
            for operator in OPERATORS:
                if text.startswith(operator, start):
                    self.at = start + len(operator)
                    return Token(operator, start, self.at, op=True)
        return self.read_word(depth)

    def continuation(self) -> None:
        """A line that goes on: text copied from a terminal has the second prompt, ``> ``, there."""
        if self.prompted and (found := _SECOND_PROMPT.match(self.text, self.at)):
            self.cuts.append(found.span())
            self.at = found.end()

    def read_word(self, depth: int) -> Token:
        text, size = self.text, len(self.text)
        start = self.at
        if (ordinary := _ORDINARY.match(text, start)) is not None:
            self.at = ordinary.end()
            return Token(ordinary[0], start, self.at, bare=ordinary[0])
        out: list[str] = []
        bare: list[str] = []
        while self.at < size:
            char = text[self.at]
            if char in _META:
                break
            if char == "'":
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise self.refuse("unfinished quote '", self.at, say("form-quote", mark="'"))
                self.at += 1
                piece = self.single_quoted(end)
            elif char == '"':
                piece = self.double_quoted(depth)
            elif char == "\\":
                if text.startswith("\\\n", self.at):
                    self.at += 2
                    self.continuation()
                    continue
                piece = text[self.at + 1 : self.at + 2] or "\\"
                self.at += 2
            elif char in "$`" and self.expansion(depth):
                continue
            else:
                if char == "~" and self.at == start:
                    self.because("~", self.at)
                out.append(char)
                bare.append(char)
                self.at += 1
                continue
            out.append(piece)
            bare.append("\0" * max(len(piece), 1))
        self.at = min(self.at, size)
        return Token("".join(out), start, self.at, bare="".join(bare))

    def single_quoted(self, end: int) -> str:
        """What stands up to the closing quote; the lines after the first may have the second prompt."""
        out: list[str] = []
        while (line := self.text.find("\n", self.at, end)) >= 0:
            out.append(self.text[self.at : line + 1])
            self.at = line + 1
            self.continuation()
        out.append(self.text[self.at : end])
        self.at = end + 1
        return "".join(out)

    def double_quoted(self, depth: int) -> str:
        text, size = self.text, len(self.text)
        start = self.at
        out: list[str] = []
        self.at += 1
        while self.at < size:
            char = text[self.at]
            if char == '"':
                self.at += 1
                return "".join(out)
            if char == "\\" and self.at + 1 < size and text[self.at + 1] in '$`"\\\n':
                if text[self.at + 1] != "\n":
                    out.append(text[self.at + 1])
                self.at += 2
            elif char in "$`" and self.expansion(depth, quoted=True):
                continue
            else:
                out.append(char)
                self.at += 1
                if char == "\n":
                    self.continuation()
        raise self.refuse('unfinished quote "', start, say("form-quote", mark='"'))

    def expansion(self, depth: int, quoted: bool = False) -> bool:
        """At a ``$`` or a backquote: skip what bash would put in its place. False when it is an ordinary ``$``."""
        text, start = self.text, self.at
        if text[start] == "`":
            self.because("a command substitution", start)
            self.at += 1
            while self.at < len(text) and text[self.at] != "`":
                self.at += 2 if text[self.at] == "\\" else 1
            if self.at >= len(text):
                raise self.refuse("unfinished quote `", start, say("form-quote", mark="`"))
            self.at += 1
            return True
        after = text[start + 1 : start + 2]
        if after == "(":
            arithmetic = text.startswith("$((", start)
            self.because("arithmetic" if arithmetic else "a command substitution", start)
            self.at += 2
            self.nested(")", start, depth + 1)
        elif after == "{":
            self.because("a variable", start)
            end = text.find("}", start)
            if end < 0:
                raise self.refuse("unfinished ${", start, say("form-missing", mark="}"))
            self.at = end + 1
        elif after and after in _NAME_START:
            self.because("a variable", start)
            self.at += 2
        elif not quoted and after and after in "'\"":
            self.because("a quote with $", start)
            self.at += 1
            if after == "'":
                self.ansi_quoted(start)
        else:
            return False
        return True

    def ansi_quoted(self, start: int) -> None:
        """``$'…'``, in which a backslash may hide a quote."""
        text = self.text
        self.at += 1
        while self.at < len(text) and text[self.at] != "'":
            self.at += 2 if text[self.at] == "\\" else 1
        if self.at >= len(text):
            raise self.refuse("unfinished quote $'", start, say("form-quote", mark="'"))
        self.at += 1
