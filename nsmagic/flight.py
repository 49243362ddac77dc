"""Running a long list of commands: read, sent, done by the agent and told at the same time.

A ``Runner`` reads a cell, sends it, waits. Here a part of the cell is read and sent while the agent is at work on the one before;
what came of that one is told while the agent is at the next. Words and order are the same.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from nsmagic.agent.client import Call
from nsmagic.collecting import without_collecting
from nsmagic.commands.command import Command, Step
from nsmagic.result import Outcome
from nsmagic.run import Interrupted, Runner
from nsmagic.steps import native

#: Parts that are sent and not told yet, at most, beside the one that is being read: the first ones are small.
_AHEAD = 2


@dataclass
class _Part:
    """A part under way."""

    call: Call
    steps: Sequence[Step]
    last: bool


class _Front:
    """The first part under way, as something to wait for: who cancels it cancels those behind it, and them first."""

    def __init__(self, flying: Sequence[_Part]) -> None:
        self._calls = [part.call for part in flying]
        self.items, self.result = self._calls[0].items, self._calls[0].result

    def cancel(self) -> None:
        for call in reversed(self._calls):
            call.cancel()


class ListRunner(Runner):
    """Runs a list of commands on the lab's host."""

    def run_parts(self, parts: Iterator[tuple[Sequence[Step], bool]], total: int) -> list[Outcome]:
        """Run all of it; ``total`` is about how many commands there are. What failed stands in the outcomes.

        Raises
        ------
        Interrupted
            A KeyboardInterrupt came; what was running was ended first.
        LabDied
            The lab ended meanwhile.
        """
        flying: deque[_Part] = deque()
        with contextlib.ExitStack() as still:
            try:
                self._fly(parts, total, flying, still)
            except Interrupted:
                raise
            except KeyboardInterrupt:
                self._client.abandon(8.0)
                raise Interrupted("between two commands") from None
            finally:
                self._telling.say()
        return self.outcomes

    def _fly(
        self,
        parts: Iterator[tuple[Sequence[Step], bool]],
        total: int,
        flying: deque[_Part],
        still: contextlib.ExitStack,
    ) -> None:
        still.enter_context(without_collecting())
        for steps, more in parts:
            if not all(map(native, steps)):
                # Something of it our grammar does not know: a program does that, when its turn has come.
                self._land(flying, 0)
                still.close()  # it may run for long
                self._steps(steps, self._ns)
                still.enter_context(without_collecting())
                continue
            commands = [cast(Command, step.run).to_data() for step in steps]
            call = self._client.call(
                "commands", commands=commands, ns=self._ns, several=True, quiet=not self._options.changes,
                more=more, total=total, patient=True,
            )  # fmt: skip
            flying.append(_Part(call, steps, not more))
            self._land(flying, _AHEAD)
        self._land(flying, 0)

    def _land(self, flying: deque[_Part], most: int) -> None:
        """Wait for the first parts and tell what came of them, until at most so many are under way."""
        while len(flying) > most:
            part = flying[0]
            done = 0

            def take(items: Any, part: _Part = part) -> None:
                nonlocal done
                for item in items:
                    step = part.steps[item["n"]]
                    command = cast(Command, step.run)
                    done = item["n"] + 1
                    last = part.last and done == len(part.steps)
                    self._ahead = not last
                    self._native_outcome(step, command, command.ns or self._ns, item, last)

            data = self._wait(cast(Call, _Front(flying)), take, part.steps[0].text)
            flying.popleft()
            self._ahead = False
            self._told_later(part.call, data, part.steps)
            if data.get("cancelled"):
                for each in flying:
                    each.call.result()
                flying.clear()
                raise Interrupted(part.steps[min(done, len(part.steps) - 1)].text)
            self._notices(data)
            if data.get("moment"):
                self._lab.history.at_rest(data["moment"])
