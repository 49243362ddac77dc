"""Tasks: what a learner is to do, described as data in files that a teacher can copy.

A task is a TOML file of ``course/exercises/`` (or anywhere: ``%task ./mine.toml``)::

    title = "A cable between two rooms"
    note = "nn-12, nn-13"              # where in the note it belongs
    world = "home-lan"                  # the outside, if any
    start = ["ip netns add red", …]     # what is there when it begins, typed on the host
    text = "Connect …"                  # Markdown
    hints = ["first a nudge", "then more", "then nearly all"]

    [[check]]                           # checks.py has the kinds and their fields
    kind = "cable"
    ns = "red"
    peer_ns = "blue"

Its sample solution and some wrong ones, which the tests use, are in ``course/solutions/NAME.toml`` (grading keeps that folder out of
sight). Everywhere ``{net}`` is the first three numbers of the task's network: 192.168.15 as in the note, and another one for each
``seed``, so that what one learner copies from another does not fit.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsmagic.errors import NsmagicError
from nsmagic.sentences import say_task as say

if TYPE_CHECKING:
    from nsmagic.lab import Lab

EXERCISES = Path(__file__).resolve().parent / "exercises"
SOLUTIONS = Path(__file__).resolve().parent / "solutions"


@dataclass(frozen=True)
class Task:
    """A task, read, for one seed. ``checks`` are as in the file, with the seed's network filled in."""

    name: str
    title: str
    text: str
    note: str = ""
    world: str = ""
    start: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """Commands that are an answer to a task, and for a wrong one why somebody would give it."""

    commands: str
    why: str = ""


@cache
def names() -> list[str]:
    """The tasks that come with nsmagic, in the order of the note.

    >>> names()[0], len(names()) >= 20
    ('two-rooms', True)
    """
    order = (EXERCISES / "ORDER").read_text().split()
    return [*order, *sorted({path.stem for path in EXERCISES.glob("*.toml")} - set(order))]


def net_of(name: str, seed: int) -> str:
    """The first three numbers of a task's network: the note's for seed 0.

    >>> net_of("cable", 0), net_of("cable", 7) != net_of("cable", 8)
    ('192.168.15', True)
    """
    if not seed:
        return "192.168.15"
    digest = hashlib.sha256(f"{name}/{seed}".encode()).digest()
    return f"10.{digest[0]}.{digest[1]}"


def read(name: str, seed: int = 0) -> Task:
    """A task by its name or the path of its file.

    >>> read("two-rooms").title
    'Two rooms'

    Raises
    ------
    NsmagicError
        There is none of that name, or its file does not describe one.
    """
    path = Path(name) if name.endswith(".toml") else EXERCISES / f"{name}.toml"
    if "/" in name and not name.endswith(".toml"):
        raise _none(name)
    data = filled(_load(path, name), net_of(path.stem, seed))
    try:
        task = Task(
            path.stem, str(data["title"]), str(data["text"]).strip(), str(data.get("note", "")), str(data.get("world", "")),
            tuple(map(str, data.get("start", ()))), tuple(map(str, data.get("hints", ()))),
            tuple(dict(each) for each in data["check"]), seed,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise NsmagicError(f"{path}: not a task: {error}", hint=say("task-form")) from None
    from nsmagic.course.checks import KINDS

    for check in task.checks:
        if check.get("kind") not in KINDS:
            raise NsmagicError(
                f"{path}: there is no check {check.get('kind')!r}",
                hint=say("check-kinds", known=", ".join(sorted(KINDS))),
            )
    return task


def answers(name: str, seed: int = 0) -> tuple[Answer, list[Answer]]:
    """The sample solution of a task, and wrong ones that somebody might give."""
    data = filled(_load(SOLUTIONS / f"{name}.toml", name), net_of(name, seed))
    return Answer(data["solution"]), [Answer(each["commands"], each["why"]) for each in data.get("wrong", ())]


def _none(name: str) -> NsmagicError:
    import difflib

    close = difflib.get_close_matches(name, names(), 1)
    return NsmagicError(
        say("task-none", name=name), hint=say("task-close", near=close[0]) if close else say("task-begin")
    )


def _load(path: Path, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError:
        raise _none(name) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NsmagicError(f"{path}: {error}") from None


def filled(value: Any, net: str) -> Any:
    """``{net}`` filled in, in texts however deep; braces of the shell stay as they are."""
    if isinstance(value, str):
        return value.replace("{net}", net)
    if isinstance(value, Mapping):
        return {key: filled(each, net) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [filled(each, net) for each in value]
    return value


def begin(task: Task, lab: Lab) -> None:
    """End the lab and start it anew with what the task begins with.

    Raises
    ------
    NsmagicError
        The task's own commands fail: its file has a mistake.
    """
    lab.reset()
    lab.seed = task.seed
    if task.world:
        lab.world(task.world)
    if task.start:
        lab.run("\n".join(task.start)).check()
