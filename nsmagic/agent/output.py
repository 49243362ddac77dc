"""What a command writes, on its way to the notebook: gathered, bounded, decoded; and which lines of a script failed."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from typing import Protocol

from nsmagic.agent.loop import Loop, Timer

#: Output is gathered for so long before it is sent, so that ``yes`` makes ten frames a second and not ten thousand.
_FLUSH = 0.1
_CHUNK = 48 << 10


class FailedLines:
    """The lines of a script that failed, each once with its last status, in the order of their first failure.

    bash reports a failure inside a function or a subshell, and when that was its last command, reports the line that called it
    too: only the inner line is kept. A failure inside ``$(…)`` or ``( … )`` that did not fail the whole is none.

    >>> failed = FailedLines()
    >>> failed.add(1, 0, 7, 2); failed.add(0, 0, 9, 2); failed.add(0, 1, 10, 1)
    >>> failed.lines()
    [[7, 2]]
    """

    #: No cell has more lines worth telling.
    _MOST = 1000

    def __init__(self) -> None:
        self._lines: dict[int, int] = {}
        #: Of the last report: how deep, in which line, with which status, and whether it was kept.
        self._last = (0, 0, 0, True)

    def add(self, functions: int, subshells: int, line: int, status: int) -> None:
        depth, inner_line, inner_status, kept = self._last
        handed_up = (depth, inner_status) == (functions + subshells + 1, status)
        if handed_up:
            line = inner_line
        keep = not subshells
        if keep and not (handed_up and kept) and (line in self._lines or len(self._lines) < self._MOST):
            self._lines[line] = status
        self._last = (functions + subshells, line, status, keep)

    def lines(self) -> list[list[int]]:
        return [[line, status] for line, status in self._lines.items()]


class Killable(Protocol):
    """What writes: a job, a ping."""

    def kill(self) -> None: ...


class Output:
    """A command's output on its way: gathered for a moment, bounded, decoded."""

    def __init__(self, loop: Loop, send: Callable[[str], None], most: int) -> None:
        self._loop, self._send, self._left = loop, send, most
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = bytearray()
        self._timer: Timer | None = None
        self._last = 0.0
        self.over = False
        self.closed = False
        self.job: Killable | None = None

    def write(self, data: bytes) -> None:
        if self.over or self.closed:
            return
        if len(data) > self._left:
            data, self.over = data[: self._left], True
        self._left -= len(data)
        self._waiting += data
        if self.over and self.job is not None:
            self.job.kill()
        now = time.monotonic()
        if self._timer is None:
            self._timer = self._loop.later(max(0.0, self._last + _FLUSH - now), self._flush)

    def _flush(self) -> None:
        self._timer = None
        self._last = time.monotonic()
        data, self._waiting = bytes(self._waiting), bytearray()
        for at in range(0, len(data), _CHUNK):
            text = self._decoder.decode(data[at : at + _CHUNK])
            if text:
                self._send(text)

    def close(self) -> None:
        """Send what is left; what the command's own background children write later is read and dropped."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        rest = self._decoder.decode(b"", final=True)
        if rest:
            self._send(rest)
        self.closed = True


class Log:
    """The end of what a background job writes.

    >>> log = Log(4)
    >>> log.write(b"abc"); log.write(b"def")
    >>> log.text(), log.dropped
    ('cdef', 2)
    """

    def __init__(self, keep: int) -> None:
        self._data = bytearray()
        self._keep = keep
        self.dropped = 0

    def write(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._keep:
            self.dropped += len(self._data) - self._keep
            del self._data[: len(self._data) - self._keep]

    def text(self) -> str:
        return self._data.decode(errors="replace")

    def __len__(self) -> int:
        return len(self._data)
