"""What the commands of a large cell changed, told after all of them are done: nobody reads of thousands of changes while he waits.

The first ones are told as they are done, and so is all that comes before a refusal, which is explained by the lab as it was then. Of the
others the kernel's answers are kept unread (``netlink/told.py``). The notebook is told that the series has *landed*: all is done, and
the items that are missing follow. They are read when nobody else has anything to do, and at the latest when somebody asks for the lab.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from nsmagic.agent.answers import Answers
from nsmagic.agent.call import Call
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.protocol import Channel
from nsmagic.agent.work import Work
from nsmagic.collecting import without_collecting
from nsmagic.errors import NsmagicError
from nsmagic.netlink.delta import Delta
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.told import Told

#: So many changes are told at once, the first.
AT_ONCE = 200
#: Seconds, and commands between two looks at the clock, that are told before others have a turn.
_SLICE, _FEW = 0.01, 20


class Hears:
    """Answers what came of the commands of one series."""

    def __init__(self, work: Work, monitor: Monitor, answers: Answers, pipeline: Told) -> None:
        self._work, self._monitor, self._pipeline = work, monitor, pipeline
        self.answers = answers
        pipeline.facts = work.moments.facts

    def answered(
        self, number: int, error: NsmagicError | None, notes: tuple[str, ...], changes: list[Delta]
    ) -> None:  # fmt: skip
        """One was done with others."""
        if error is not None:
            self.answers.refuse(number, error)
            return
        item: dict[str, Any] = {"n": number, "changes": changes}
        if changes:
            item["moment"] = self._work.moments.keep_of_facts()
        if notes:
            item["lines"] = list(notes)
        self.answers.add_item(item)

    def broke(self, number: int, error: Exception) -> None:
        """The kernel's answer to one could not be read."""
        self.answers.refuse(number, error)

    def alone(
        self, number: int, ns: str, verb: str, args: Any, tool: str, wants: Sequence[str] = (), tried: int = 0
    ) -> None:  # fmt: skip
        """Do one by itself, and have what follows begin with what it left."""
        self.answers.alone(self._work, number, ns, verb, args, tool, wants, tried)
        self._monitor.mark()
        self._work.moments.begin()
        self._pipeline.facts = self._work.moments.facts


class Later:
    """The commands of a cell, which may come in several series, as far as they are not told yet."""

    def __init__(self, told: Told, monitor: Monitor) -> None:
        self.told, self._monitor = told, monitor
        self._landed: deque[tuple[Call, Hears]] = deque()

    def pause(self) -> None:
        """Tell what is not to wait."""
        self.told.pause()
        self._end_told()
        self._owe()

    def land(self, call: Call, hears: Hears, data: dict[str, Any]) -> None:
        """All commands of a series are done; ``data`` is its last word when all of them are told."""
        waiting = self.told.waiting(hears)
        if not waiting:
            call.done(data)
        else:
            call.item({"landed": {**data, "later": waiting}})
            self._landed.append((call, hears))
        self._owe()

    def _owe(self) -> None:
        if self.flush not in self._monitor.owed:
            self._monitor.owed.append(self.flush)

    def flush(self) -> None:
        """Tell all of it now: somebody asks for the lab, and may do something in it."""
        self.told.finish()
        self.told.forget()
        self._end_told()

    def steps(self) -> Iterator[None]:
        """Tell all of it, in slices."""
        while self.told.waiting():
            end = time.monotonic() + _SLICE
            with without_collecting():
                while self.told.waiting() and time.monotonic() < end:
                    self.told.tell(_FEW)
                self._end_told()
            yield
        self._end_told()

    def _end_told(self) -> None:
        """The last word to the series that are told."""
        while self._landed and not self.told.waiting(self._landed[0][1]):
            call, hears = self._landed.popleft()
            hears.answers.send()
            call.done({})


class Laters:
    """The cells under way, by the connection over which their series come one after another."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._of: WeakKeyDictionary[Channel, Later] = WeakKeyDictionary()

    def of(self, channel: Channel, namespaces: Namespaces, work: Work, *, patient: bool) -> Later:
        """The one of which the next series is a part: ``forget`` ends it. ``patient``: what is told may come later."""
        found = self._of.get(channel)
        if found is None:
            most = AT_ONCE if patient else float("inf")
            found = self._of[channel] = Later(Told(namespaces, self._monitor, work.moments.facts, most), self._monitor)
        return found

    def forget(self, channel: Channel) -> None:
        """The next series is no part of what was before."""
        self._of.pop(channel, None)
