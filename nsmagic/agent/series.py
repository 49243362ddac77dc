"""A cell's native commands, done in order in slices of the agent's time: one by one, or pipelined.

One by one, each is answered with what it changed, which has to be read before the next. A large cell that shows nothing of
that (``--quiet``) is pipelined (``netlink/pipeline.py``): only refusals and what a tool would print are answered, in the same
order and words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nsmagic.agent.call import Call, told
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.work import Work
from nsmagic.errors import NsmagicError
from nsmagic.netlink.apply import can_pipeline
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.pipeline import Pipeline

Command = Mapping[str, Any]
#: Seconds of a slice; what came of its commands is sent at its end.
_SLICE = 0.01
#: Items, and rows in them, that are sent together at most.
_MOST, _MOST_ROWS = 200, 1000
#: Fewer commands than this are done one by one, so that what they changed can be told later (who made what).
FEW = 50
#: After more than this the lab is not read: whoever looks at it next does, and there is no going back to this moment.
MANY = 400


class Answers:
    """The answers on their way: together, so that not each command costs a message and a turn of the reader."""

    def __init__(self, call: Call, several: bool) -> None:
        self._call, self._several = call, several
        self._items: list[dict[str, Any]] = []
        self._rows = 0
        self.refused = False

    def add(self, number: int, item: Mapping[str, Any]) -> None:
        """What came of a command."""
        if not self._several:
            self._call.item({"n": number, **item})
            return
        self._items.append({"n": number, **item})
        self._rows += len(item.get("rows", ()))
        if len(self._items) >= _MOST or self._rows >= _MOST_ROWS:
            self.send()

    def refuse(self, number: int, error: Exception) -> None:
        """What went wrong with one: the kernel's refusal, or a bug of ours, which must not end the lab."""
        self.refused = True
        self.add(number, {"error": (error if isinstance(error, NsmagicError) else told(error)).to_data()})

    def send(self) -> None:
        """What has gathered."""
        if self._items:
            self._call.item(self._items)
        self._items, self._rows = [], 0


def one_by_one(
    call: Call, work: Work, monitor: Monitor, commands: Sequence[Command], ns: str, *, stop: bool, several: bool
) -> Iterator[None]:
    """Each command with what it changed; ``stop`` ends after the first refusal."""
    answers = Answers(call, several)
    slice_end = time.monotonic() + _SLICE
    for number, command in enumerate(commands):
        if call.cancelled:
            break
        try:
            item = work.do(
                command["ns"] or ns, command["verb"], command["args"], command["tool"], command.get("wants", ())
            )
        except Exception as error:  # noqa: BLE001 - one command fails, the lab goes on
            answers.refuse(number, error)
            if stop:
                break
        else:
            answers.add(number, item)
        if time.monotonic() > slice_end:
            answers.send()
            yield
            slice_end = time.monotonic() + _SLICE
    monitor.settle()
    work.moments.rest()
    answers.send()
    call.done({})


def pipelined(
    call: Call, work: Work, monitor: Monitor, namespaces: Namespaces, commands: Sequence[Command], ns: str,
    listen: Callable[[bool], object],
) -> Iterator[None]:  # fmt: skip
    """The commands as fast as the kernel does them; what they changed is not told.

    ``listen(False)`` leaves the kernel's events unread meanwhile: dozens for each namespace, of which the last word is read by who
    asks next. If they are too many, the kernel says that some were lost, and all is read again then.
    """
    answers = Answers(call, several=True)
    listen(False)
    namespaces.many = True
    try:
        yield from _pipelined(call, work, namespaces, commands, ns, answers)
    finally:
        namespaces.many = False
        listen(True)
    if len(commands) > MANY:
        call.done({})
        return
    monitor.settle()
    moment = work.moments.keep()
    work.moments.rest()
    call.done({"moment": moment})


def _pipelined(
    call: Call, work: Work, namespaces: Namespaces, commands: Sequence[Command], ns: str, answers: Answers
) -> Iterator[None]:

    def answered(number: int, error: NsmagicError | None, notes: tuple[str, ...]) -> None:
        if error is not None:
            answers.refuse(number, error)
        else:
            answers.add(number, {"quiet": True, **({"lines": list(notes)} if notes else {})})

    pipeline = Pipeline(namespaces, answered)
    slice_end = time.monotonic() + _SLICE
    for number, command in enumerate(commands):
        if call.cancelled:
            break
        where, verb, args, tool = command["ns"] or ns, command["verb"], command["args"], command["tool"]
        try:
            if work.is_plain(verb, args) and can_pipeline(verb, tool, args):
                pipeline.do(number, namespaces.first_name(where), verb, args, tool)
            else:
                pipeline.flush()
                answers.add(number, work.quietly(where, verb, args, tool))
                if verb == "netns.add":
                    pipeline.fresh(args["name"])
                else:
                    pipeline.forget()
        except Exception as error:  # noqa: BLE001 - as above
            pipeline.flush()
            answers.refuse(number, error)
        if time.monotonic() > slice_end:
            pipeline.flush()
            answers.send()
            yield
            slice_end = time.monotonic() + _SLICE
    pipeline.flush()
    work.pass_on()
    answers.send()
