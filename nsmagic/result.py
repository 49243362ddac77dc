"""What came of a cell: one outcome for each command, and the value of the last that has one.

A ``Sink`` hears everything as it happens, in order; the notebook prints from one, ``Result.text`` is gathered by another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from nsmagic.changes import Lines
from nsmagic.errors import CellFailed, NsmagicError
from nsmagic.model import Change, Changes, SysctlValue

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shown:
    """A table that a command showed: rows in the model's column order, or with ``columns`` of their own.

    ``ns`` is the namespace asked, ``options`` are those of the table's function. ``frame()`` is the DataFrame, made at first use.
    """

    table: str
    rows: Sequence[Sequence[Any]]
    ns: str
    columns: tuple[str, ...] = ()
    more: Mapping[str, Sequence[Sequence[Any]]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def frame(self, display_all: bool = False) -> pd.DataFrame:
        """The rows as a DataFrame (columns as in DESIGN 3)."""
        from nsmagic import tables
        from nsmagic.snapshot import Snapshot

        if self.columns:
            return tables.generic(self.columns, self.rows, f"{self.table} of {self.ns}")
        if self.table == "sysctls":
            return tables.sysctls([SysctlValue.from_values(row) for row in self.rows], ns=self.ns)
        snapshot = Snapshot.from_data({self.table: self.rows, **self.more})
        if self.table == "namespaces":
            return tables.of(self.table, snapshot, all=display_all, host=False)
        return tables.of(self.table, snapshot, ns=self.ns, all=display_all, given=True, **self.options)

    def row_objects(self) -> list[Any]:
        """The rows as objects of the model."""
        from nsmagic.model import make_row

        if self.table == "sysctls":
            return [SysctlValue.from_values(row) for row in self.rows]
        return [make_row(self.table, row) for row in self.rows]


@dataclass(frozen=True)
class PingResult:
    """The figures of a ping. ``rtt`` are milliseconds: least, mean, most, mean deviation; empty without a reply."""

    sent: int
    received: int
    loss: float
    rtt: tuple[float, ...] = ()
    rtts: tuple[float, ...] = ()
    status: int = 0
    error: str = ""

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PingResult:
        return cls(
            int(data.get("sent", 0)), int(data.get("received", 0)), float(data.get("loss", 0.0)),
            tuple(data.get("rtt_ms") or ()), tuple(data.get("rtts_ms") or ()),
            int(data.get("status", 0)), str(data.get("error", "")),
        )  # fmt: skip

    def __bool__(self) -> bool:
        return self.received > 0

    def _ipython_display_(self) -> None:
        """Nothing: its lines are on the screen already."""


@dataclass(frozen=True)
class Job:
    """A command that runs in the background: a server, a capture. It ends with the lab, or by ``stop()``."""

    number: int
    ns: str
    command: str
    _lab: Any = field(repr=False, compare=False, default=None)

    @property
    def log(self) -> str:
        """What it has written so far (the end of it, when that is much)."""
        return str(self._lab.client.request("job_log", job=self.number)["log"])

    @property
    def running(self) -> bool:
        return bool(self._lab.client.request("job_log", job=self.number)["running"])

    def stop(self) -> int:
        """End it and all it started; returns its exit status."""
        return int(self._lab.client.request("job_stop", job=self.number)["status"])

    def wait(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        return int(self._lab.client.request("job_wait", job=self.number)["status"])

    def __str__(self) -> str:
        return f"job {self.number} in {self.ns}: {self.command}   (%lab status shows it; it ends with the lab)"

    def _ipython_display_(self) -> None:
        """Nothing: the cell has said that it runs."""


class Text(str):
    """A tool's own text as a value (``ip -j``): a ``str`` that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self).rstrip("\n"))


@dataclass
class Outcome:
    """What came of one command: ``ok`` for ``&&``, its error, what it changed, what it printed, what it showed.

    ``excused``: what stands behind ``||`` took care of its failure.
    """

    line: int
    text: str
    ok: bool = True
    error: NsmagicError | None = None
    excused: bool = False
    changes: Changes = field(default_factory=Changes)
    output: str = ""
    shown: Shown | None = None
    ping: PingResult | None = None
    job: Job | None = None
    string: str | None = None

    @property
    def failed(self) -> bool:
        """It failed, and nothing took care of that."""
        return self.error is not None and not self.excused

    @property
    def value(self) -> Any:
        """A DataFrame, the figures of a ping, a job, a text (``-j``), or None."""
        if self.shown is not None:
            return self.shown.frame()
        if self.string is not None:
            return Text(self.string)
        return self.ping if self.ping is not None else self.job


class Sink(Protocol):
    """Who wants to see a cell while it runs."""

    def text(self, text: str) -> None:
        """Output of a program or a ping, as it comes."""

    def changes(self, lines: Lines) -> None:
        """What some commands changed, in words."""

    def shown(self, outcome: Outcome, last: bool) -> None:
        """A table; ``last`` when nothing follows it in the cell (its value is the cell's)."""

    def error(self, error: NsmagicError, alone: bool) -> None:
        """A command failed; ``alone`` when it is all of its cell, so that the raised error says it once."""


class Gather:
    """A sink that keeps everything, to be made into text when somebody asks for it: a table's text costs more than its read, and
    so do the words of changes."""

    def __init__(self) -> None:
        self._parts: list[str | Shown | Lines] = []

    def text(self, text: str) -> None:
        self._parts.append(text)

    def changes(self, lines: Lines) -> None:
        self._parts.append(lines)

    def shown(self, outcome: Outcome, last: bool) -> None:
        if outcome.shown is not None:
            self._parts.append(outcome.shown)
        elif outcome.string is not None:
            self._parts.append(outcome.string)
        else:
            self._parts.append(f"{outcome.value!r}\n")

    def error(self, error: NsmagicError, alone: bool) -> None:
        self._parts.append(error.render() + "\n")

    def whole(self) -> str:
        """All of it."""
        return "".join(map(_words, self._parts))


def _words(part: str | Shown | Lines) -> str:
    if isinstance(part, str):
        return part
    return f"{part.frame()!r}\n" if isinstance(part, Shown) else "".join(line + "\n" for line in part)


@dataclass
class Result:
    """What came of a cell. ``outcomes`` in order; ``value`` of the last that has one; ``text`` as a terminal shows it.

    ``told``: an error was shown in its place among the other lines.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    gathered: Gather = field(default_factory=Gather, repr=False)
    interrupted: bool = False
    told: bool = False

    @cached_property
    def text(self) -> str:
        """The cell as a terminal shows it."""
        return self.gathered.whole()

    @property
    def ok(self) -> bool:
        """Nothing failed (a ping without reply is no failure)."""
        return not self.errors

    @property
    def errors(self) -> list[NsmagicError]:
        return [outcome.error for outcome in self.outcomes if outcome.error is not None and outcome.failed]

    @property
    def changes(self) -> list[Change]:
        return [change for outcome in self.outcomes for change in outcome.changes]

    @property
    def value(self) -> Any:
        """The value of the last command that has one: a DataFrame, a ``PingResult``, a ``Job``, a text; or None."""
        last = self.last_with_value()
        return last.value if last is not None else None

    def last_with_value(self) -> Outcome | None:
        for outcome in reversed(self.outcomes):
            if (
                outcome.shown is not None
                or outcome.ping is not None
                or outcome.job is not None
                or outcome.string is not None
            ):
                return outcome
        return None

    def check(self) -> Result:
        """Raise when a line failed: its own error when the cell is that one command, else ``CellFailed`` with the lines.

        Raises
        ------
        NsmagicError
        """
        failed = [outcome for outcome in self.outcomes if outcome.failed]
        if not failed:
            return self
        if len(self.outcomes) == 1 and not self.told and failed[0].error is not None:
            raise failed[0].error
        raise cell_failed(failed)


def cell_failed(failed: Sequence[Outcome]) -> CellFailed:
    """The error that a cell ends with when lines of it failed, naming them.

    >>> print(cell_failed([Outcome(3, "ip link set veth-rad up")]))
    line 3 failed: ip link set veth-rad up
    """
    lines = sorted({outcome.line for outcome in failed})
    # One typed command may be several, as of ifconfig.
    named = list(dict.fromkeys(f"{outcome.line}: {outcome.text}" for outcome in failed))
    if len(named) == 1:
        return CellFailed(f"line {failed[0].line} failed: {failed[0].text}", lines=lines)
    shown = "\n".join(f"  line {each}" for each in named[:8]) + ("\n  …" if len(named) > 8 else "")
    return CellFailed(f"{len(named)} commands failed:\n{shown}", lines=lines)


class Both:
    """A sink that tells two."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._sinks = (first, second)

    def text(self, text: str) -> None:
        for sink in self._sinks:
            sink.text(text)

    def changes(self, lines: Lines) -> None:
        for sink in self._sinks:
            sink.changes(lines)

    def shown(self, outcome: Any, last: bool) -> None:
        for sink in self._sinks:
            sink.shown(outcome, last)

    def error(self, error: Any, alone: bool) -> None:
        for sink in self._sinks:
            sink.error(error, alone)
