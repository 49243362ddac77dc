"""Practice: begin a task in a lab, look at what was done, give hints one by one. What ``%task``, ``%check`` and ``%hint`` do.

>>> from nsmagic import Lab
>>> with Lab() as lab:
...     report = task("two-rooms", lab).report()
...     before = report.ok
...     _ = lab.run("ip netns add red\\nip netns add blue")
...     print(before, check("two-rooms", lab).ok)
False True
"""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from nsmagic.course import checks, tasks
from nsmagic.environment import default_seed
from nsmagic.errors import NsmagicError
from nsmagic.lab import Lab
from nsmagic.sentences import say_task as say


class CheckFailed(NsmagicError, AssertionError):
    """Not all of a task's points hold. ``report`` has them all."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.text())
        self.report = report


@dataclass(frozen=True)
class Point:
    """One point of a report: whether it holds, and the sentence that says so or what is missing."""

    ok: bool
    words: str


@dataclass(frozen=True)
class Report:
    """What a check found. Shown as lines; true when all points hold."""

    name: str
    points: tuple[Point, ...]
    end: str = ""

    @property
    def ok(self) -> bool:
        return all(point.ok for point in self.points)

    @property
    def score(self) -> tuple[int, int]:
        """Points that hold, and all."""
        return sum(point.ok for point in self.points), len(self.points)

    def __bool__(self) -> bool:
        return self.ok

    def text(self) -> str:
        """One line for each point and one in the end."""
        done, count = self.score
        last = self.end or say("task-done" if self.ok else "task-open", name=self.name, done=done, count=count)
        return "\n".join([*(f"{'✓' if point.ok else '✗'} {point.words}" for point in self.points), last])

    def __str__(self) -> str:
        return self.text()

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(self.text())  # type: ignore[attr-defined]

    def check(self) -> Report:
        """Raise when a point does not hold.

        Raises
        ------
        CheckFailed
            An ``AssertionError``, so that test cells of graders fail by it.
        """
        if not self.ok:
            raise CheckFailed(self)
        return self


class Exercise(Protocol):
    """Something begun in a lab that can be checked and has hints: a task, a fault."""

    @property
    def name(self) -> str: ...

    @property
    def hints(self) -> tuple[str, ...]: ...

    def report(self) -> Report: ...


@dataclass
class Begun:
    """A task begun in a lab."""

    task: tasks.Task
    lab: Lab

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def hints(self) -> tuple[str, ...]:
        return self.task.hints

    def report(self) -> Report:
        """Try every point."""
        return Report(self.task.name, tuple(_point(self.lab, check) for check in self.task.checks))

    def __str__(self) -> str:
        head = say("task", name=self.name, title=self.task.title)
        return f"{head}\n\n{self.task.text}\n\n{say('task-new', name=self.name)}"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(str(self))  # type: ignore[attr-defined]

    def _repr_markdown_(self) -> str:
        # A backtick may stand in it: these are our own texts or the teacher's.
        return f"**{self.task.title}** (task `{self.name}`)\n\n{self.task.text}\n\n*{say('task-new', name=self.name)}*"


def _point(lab: Lab, check: object) -> Point:
    try:
        return Point(True, checks.run(lab, check))  # type: ignore[arg-type]
    except checks.NotYet as missing:
        return Point(False, missing.message)


@dataclass
class _State:
    """What has begun in a lab, and how many hints of it were given."""

    current: Exercise | None = None
    given: dict[str, int] = field(default_factory=dict)


#: Labs of ``using``, the innermost last.
_USED: list[Lab] = []
_STATES: weakref.WeakKeyDictionary[Lab, _State] = weakref.WeakKeyDictionary()


def _state(lab: Lab) -> _State:
    return _STATES.setdefault(lab, _State())


@contextlib.contextmanager
def using(lab: Lab) -> Iterator[None]:
    """Within the block ``task``, ``check`` and ``hint`` mean this lab where none is given."""
    _USED.append(lab)
    try:
        yield
    finally:
        _USED.pop()


def current_lab() -> Lab:
    """The lab of the notebook this runs in (or of ``using``), so that test cells need no name for it.

    Raises
    ------
    NsmagicError
        There is none.
    """
    if _USED:
        return _USED[-1]
    magics = sys.modules.get("nsmagic.magics")
    loaded = list(magics._LOADED.values()) if magics is not None else []
    if not loaded:
        raise NsmagicError(say("lab-none-here"), hint=say("lab-load"))
    lab: Lab = loaded[-1][0].lab_of()
    return lab


def begin(exercise: Exercise, lab: Lab) -> None:
    """Remember what has begun in a lab, for ``%check`` and ``%hint`` without a name."""
    _state(lab).current = exercise


def task(name: str, lab: Lab | None = None, *, seed: int | None = None) -> Begun:
    """Begin a task: the lab ends and starts anew with what the task begins with.

    Raises
    ------
    NsmagicError
        There is no such task.
    """
    lab = lab or current_lab()
    begun = Begun(tasks.read(name, default_seed() if seed is None else seed), lab)
    tasks.begin(begun.task, lab)
    begin(begun, lab)
    return begun


def _meant(name: str, lab: Lab, seed: int | None) -> Exercise:
    current = _state(lab).current
    if not name:
        if current is None:
            raise NsmagicError(say("task-none-begun"), hint=say("task-begin"))
        return current
    if current is not None and current.name == name.removesuffix(".toml").rpartition("/")[2] and seed is None:
        return current
    if name == "break":
        raise NsmagicError(say("break-none"), hint=say("break-begin"))
    return Begun(tasks.read(name, default_seed() if seed is None else seed), lab)


def check(name: str = "", lab: Lab | None = None, *, seed: int | None = None) -> Report:
    """Look at what was done of a task (without a name: of what has begun in this lab). Nothing in the lab is changed for good.

    Raises
    ------
    NsmagicError
        There is no such task.
    """
    lab = lab or current_lab()
    return _meant(name, lab, seed).report()


def hint(name: str = "", lab: Lab | None = None, *, seed: int | None = None) -> str:
    """The next hint of a task; after the last, the last again."""
    lab = lab or current_lab()
    exercise = _meant(name, lab, seed)
    given = _state(lab).given
    count = len(exercise.hints)
    if not count:
        return say("hint-last", number=0, count=0)
    number = given[exercise.name] = min(given.get(exercise.name, 0) + 1, count)
    code = "hint-last" if number == count else "hint-more"
    return f"{exercise.hints[number - 1]}\n{say(code, number=number, count=count, name=exercise.name)}"


def listing() -> str:
    """The tasks there are, a line for each."""
    rows = [tasks.read(name) for name in tasks.names()]
    wide = max(len(row.name) for row in rows)
    return "".join(f"{row.name:<{wide}}  {row.title}\n" for row in rows)
