"""A cell's native commands, done in order in slices of the agent's time: one by one, or pipelined.

One by one, each is answered with what it changed, which has to be read before the next. A large cell is pipelined: the kernel says
along with its answers what changed (``netlink/told.py``), and what it cannot say so is done by itself; one that shows nothing of
that (``--quiet``, ``netlink/pipeline.py``) is answered with refusals and what a tool would print. Order and words are the same.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from nsmagic.agent.answers import Answers
from nsmagic.agent.call import Call, told
from nsmagic.agent.later import Hears, Later, Laters
from nsmagic.agent.loop import Loop
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.work import Work
from nsmagic.collecting import without_collecting
from nsmagic.errors import NsmagicError
from nsmagic.netlink.apply import can_pipeline
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.pipeline import Pipeline

Command = Mapping[str, Any]
#: Seconds of a slice; what came of its commands is sent at its end.
_SLICE = 0.01
#: The same of commands that are sent together, for each of them and at least and at most: the end of a slice is the end of what can be,
#: and wakes the notebook, which takes the processor from others. (Of a longer one the notebook has more to tell when the last command
#: is done.)
_LONG_SLICE, _SHORTEST, _LONGEST = 10e-6, 0.012, 0.04
#: Fewer commands than this are done one by one, so that what they changed can be told later (who made what).
FEW = 50
#: After more than this the lab is not read: whoever looks at it next does, and there is no going back to this moment.
MANY = 400


class Turns:
    """The series of each connection, one after another: the parts of a large cell are asked for before the one before is done.
    ``idle`` is called when there are no more on one."""

    def __init__(self, loop: Loop, idle: Callable[[], object] = lambda: None) -> None:
        self._loop, self._idle = loop, idle
        self._waiting: dict[int, deque[tuple[Call, Iterator[None]]]] = {}

    def add(self, call: Call, steps: Iterator[None]) -> None:
        """Do these when those before them are done."""
        place = call.channel.fileno()
        waiting = self._waiting.get(place)
        if waiting is not None:
            waiting.append((call, steps))
            return
        waiting = self._waiting[place] = deque([(call, steps)])
        self._loop.task(self._run(place, waiting))

    def _run(self, place: int, waiting: deque[tuple[Call, Iterator[None]]]) -> Iterator[None]:
        while waiting:
            call, steps = waiting.popleft()
            try:
                yield from steps
            except Exception as error:  # noqa: BLE001 - a bug must not leave the notebook waiting
                call.fail(told(error))
        del self._waiting[place]
        self._idle()


class Way(NamedTuple):
    """How the commands of a series are done: ``do`` one (its number, namespace, verb, arguments, tool, what more is to be shown), and
    ``finish`` what was begun."""

    do: Callable[[int, str, str, Any, str, Sequence[str]], object]
    finish: Callable[[], object]


def _in_slices(
    call: Call, commands: Sequence[Command], ns: str, answers: Answers, way: Way, length: float, *, stop: bool = False
) -> Generator[None, None, int]:
    """All commands in order, until the call is cancelled; at the end of each slice what was begun is finished and answered. Returns how
    many were done."""
    slice_end = time.monotonic() + length
    done = 0
    for number, command in enumerate(commands):
        if call.cancelled or (stop and answers.refused):
            break
        done = number + 1
        way.do(number, command["ns"] or ns, command["verb"], command["args"], command["tool"], command.get("wants", ()))
        if time.monotonic() > slice_end:
            way.finish()
            answers.send()
            yield
            slice_end = time.monotonic() + length
    way.finish()
    return done


def one_by_one(
    call: Call, work: Work, monitor: Monitor, commands: Sequence[Command], ns: str, *, stop: bool, several: bool, brief: bool = False
) -> Iterator[None]:  # fmt: skip
    """Each command with what it changed; ``stop`` ends after the first refusal. ``brief``: nothing but refusals is answered."""
    answers = Answers(call, several, brief=brief)
    way = Way(partial(answers.alone, work), lambda: None)
    done = yield from _in_slices(call, commands, ns, answers, way, _SLICE, stop=stop)
    monitor.settle()
    work.moments.rest()
    call.done({"notices": work.crowd.news(), "done": done}, item=answers.rest())


def pipelined(
    call: Call, work: Work, monitor: Monitor, namespaces: Namespaces, commands: Sequence[Command], ns: str,
    listen: Callable[[bool], object], later: Laters, *, quiet: bool, more: bool, total: int, brief: bool = False,
    patient: bool = False,
) -> Iterator[None]:  # fmt: skip
    """The commands as fast as the kernel does them; ``quiet``: what they changed is not told; ``brief``: nothing is but refusals.
    ``patient``: of many, what more of them changed than the first may be told after all are done (``later.py``).

    ``listen(False)`` leaves the kernel's events unread meanwhile: dozens for each namespace, of which the last word is read by who
    asks next. Of many commands they are not even sent. They may be a part of ``total`` ones, and ``more`` may be on their way.
    """
    answers = Answers(call, several=True, brief=brief)
    many = total > MANY
    listen(False)
    if not quiet and not monitor.deaf:
        monitor.mark()
        work.moments.begin()
    if many and not monitor.heard and not monitor.deaf:
        monitor.deafen()
    # A namespace may take settings from the one in which it is made: they must not change meanwhile.
    steady = not any(command["verb"].startswith("sysctl.") for command in commands)
    new = _worth_advance(commands)
    if quiet:
        later.forget(call.channel)
        rest, hears, way = None, None, _quietly(work, namespaces, answers)
    else:
        rest = later.of(call.channel, namespaces, work, patient=patient and many)
        hears = Hears(work, monitor, answers, rest.told)
        way = _telling(monitor, namespaces, hears, rest)
    try:
        expected = new * total // len(commands)
        with namespaces.in_advance(new if steady else 0, expected, more=more), without_collecting():
            length = min(max(_SHORTEST, total * _LONG_SLICE), _LONGEST)
            done = yield from _in_slices(call, commands, ns, answers, way, length)
            work.pass_on()
        if call.cancelled:
            namespaces.end_nursery()  # what was to follow does not
            if rest is not None:
                rest.flush()
    finally:
        listen(True)
        if rest is not None and not more:
            later.forget(call.channel)
    answers.send()
    if many or more:
        # What is to be said of the lab as a whole is looked at once, at the end of it all.
        data = {"notices": [] if more else work.crowd.news(), "done": done}
        if rest is None or hears is None:
            call.done(data)
            return
        rest.land(call, hears, data)
        if not more:
            # What became of it all is read when nobody waits for it.
            yield
            yield from rest.steps()
            monitor.settle()
            work.moments.rest()
        return
    monitor.settle()
    moment = work.moments.keep() if quiet else 0
    work.moments.rest()
    call.done({"moment": moment, "notices": work.crowd.news(), "done": done})


def _worth_advance(commands: Sequence[Command]) -> int:
    """How many namespaces to make in advance: those that the commands make, or none when they are mostly made one right after another,
    as in a cell of nothing else. Then there is nothing to do beside it, and two threads only wait for each other."""
    adds = [command["verb"] == "netns.add" for command in commands]
    together = sum(one and other for one, other in pairwise(adds))
    return sum(adds) if together * 2 < sum(adds) else 0


def _quietly(work: Work, namespaces: Namespaces, answers: Answers) -> Way:
    """Answered with refusals and what a tool would print."""

    def answered(number: int, error: NsmagicError | None, notes: tuple[str, ...]) -> None:
        if error is not None:
            answers.refuse(number, error)
        else:
            answers.add(number, {"quiet": True, **({"lines": list(notes)} if notes else {})})

    def do(number: int, ns: str, verb: str, args: Any, tool: str, wants: Sequence[str]) -> None:
        del wants  # what shows something is done by itself, as it is
        try:
            if work.is_plain(verb, args) and can_pipeline(verb, tool, args):
                pipeline.do(number, namespaces.first_name(ns), verb, args, tool)
                return
            pipeline.flush()
            answers.add(number, work.quietly(ns, verb, args, tool))
            if verb == "netns.add":
                pipeline.fresh(args["name"])
            else:
                pipeline.forget()
        except Exception as error:  # noqa: BLE001 - one command fails, the lab goes on
            pipeline.flush()
            answers.refuse(number, error)

    pipeline = Pipeline(namespaces, answered)
    return Way(do, pipeline.flush)


def _telling(monitor: Monitor, namespaces: Namespaces, hears: Hears, later: Later) -> Way:
    """Answered with what each changed, too."""
    pipeline = later.told

    def do(number: int, ns: str, verb: str, args: Any, tool: str, wants: Sequence[str]) -> None:
        try:
            if verb == "netns.add":
                namespaces.add(args["name"])
                pipeline.made(hears, number, args["name"])
            elif not pipeline.do(hears, number, monitor.live(namespaces.first_name(ns)), verb, args, tool):
                pipeline.finish()
                hears.alone(number, ns, verb, args, tool, wants)
                pipeline.forget()
        except NsmagicError as error:
            pipeline.refuse(hears, number, error)
        except Exception as error:  # noqa: BLE001 - as above
            pipeline.refuse(hears, number, told(error))

    return Way(do, later.pause)
