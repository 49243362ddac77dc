"""What a running cell shows, in the order in which it came about: output, changes in words, tables, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nsmagic.changes import Lines
from nsmagic.errors import NsmagicError, from_data
from nsmagic.model import Changes
from nsmagic.result import Outcome, Sink


class Telling:
    """Stands between a ``Runner`` and its sink, so that everything appears in its place."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        # Changes of consecutive commands wait to be shown together: their words are aligned, and a mistake made twice is
        # explained once. Anything else that is shown comes after them.
        self._unsaid: list[Changes] = []
        # The last line that a program printed is not finished: our own words start a new one.
        self._open_line = False
        self._hints: set[str] = set()

    def changed(self, changes: Changes) -> None:
        """What a command changed, to be shown with what the next one does, or before anything else."""
        if not changes.known or changes:
            self._unsaid.append(changes)

    def say(self) -> None:
        """Show the changes that wait."""
        unsaid, self._unsaid = self._unsaid, []
        if unsaid:
            self._end_line()
            self._sink.changes(Lines(unsaid))

    def text(self, text: str) -> None:
        """Output, as it comes."""
        self.say()
        self._sink.text(text)
        self._open_line = not text.endswith("\n") if text else self._open_line

    def new_line(self) -> None:
        """What comes next begins a line, below the changes that wait."""
        self.say()
        self._end_line()

    def _end_line(self) -> None:
        if self._open_line:
            self.text("\n")

    def show(self, outcome: Outcome, last: bool) -> None:
        """A value; ``last`` when nothing of the cell comes after it."""
        self.new_line()
        self._sink.shown(outcome, last)

    def error(self, error: NsmagicError, alone: bool) -> None:
        """An error; ``alone`` when the cell has one command only, whose error is the cell's."""
        self.new_line()
        self._sink.error(self._explained_once(error), alone)

    def _explained_once(self, error: NsmagicError) -> NsmagicError:
        """The error as it is shown: what puts it right need not be said of each of many lines."""
        again = error.hint in self._hints
        self._hints |= {error.hint} if error.hint else set()
        return from_data({**error.to_data(), "hint": None}) if again else error


class Kept:
    """The output of a program on its way to ``show``, all but each of the texts ``without``. It is kept back as long as it has no more than
    ``hold`` lines, since it may be a few words of failure; ``holding`` says that it still is."""

    def __init__(self, show: Callable[[str], None], hold: float, without: Sequence[str]) -> None:
        self._show, self._hold, self._without = show, hold, without
        self._parts: list[str] = []
        self._begun = ""
        self.holding = hold > 0

    def take(self, text: str) -> None:
        """A piece of output."""
        piece = self._begun + text
        for each in self._without:
            piece = piece.replace(each, "")
        # The beginning of what is left out may be the end of this piece.
        keep = max((_overlap(piece, each) for each in self._without), default=0)
        self._begun, piece = piece[len(piece) - keep :], piece[: len(piece) - keep]
        self._give(piece)

    def end(self) -> str:
        """The whole of it."""
        self._give(self._begun)
        return "".join(self._parts)

    def _give(self, piece: str) -> None:
        if piece:
            self._parts.append(piece)
        if self.holding and piece and sum(part.count("\n") for part in self._parts) > self._hold:
            self.holding, piece = False, "".join(self._parts)
        if piece and not self.holding:
            self._show(piece)


def _overlap(text: str, other: str) -> int:
    """How many characters at the end of a text are the beginning of another one.

    >>> _overlap("see /dev", "/dev/fd/9: "), _overlap("see", "/dev/fd/9: ")
    (4, 0)
    """
    return next((n for n in range(min(len(other), len(text)), 0, -1) if text.endswith(other[:n])), 0)
