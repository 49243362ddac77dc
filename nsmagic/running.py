"""What every way of running a command has in common: what came of it is told, and one waits for it.

``programs.py`` and ``run.py`` say how each is run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nsmagic import scripted
from nsmagic.agent.client import Call, Client
from nsmagic.commands import hints
from nsmagic.commands.command import Command, Program, Step
from nsmagic.errors import CommandFailed, LabError, NsmagicError
from nsmagic.late import Late
from nsmagic.model import Changes
from nsmagic.result import Outcome, Sink
from nsmagic.steps import Interrupted, Options, typed_in
from nsmagic.telling import Kept, Telling

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.snapshot import Snapshot

#: Seconds after which a command that was asked to end must have ended (its stages are 2 s, 1 s, then kill). A virtual machine
#: may be as slow as the machine is busy; who does not want to wait interrupts once more.
_ENDING = 8.0
_ENDING_VM = 60.0


class Running:
    """A cell under way in a lab."""

    def __init__(self, lab: Lab, client: Client, ns: str, sink: Sink, options: Options) -> None:
        self._lab, self._client, self._ns, self._options = lab, client, ns, options
        self._telling = Telling(sink)
        self.outcomes: list[Outcome] = []
        self._alone = False
        self.told = False
        # Whether a failure of the running command is taken care of by what stands behind ``||``.
        self._excused = False
        # The lab after the last command that changed it, and whether others are done already that stand behind the one being told.
        self._moment, self._ahead = 0, False
        self._late: Late | None = None
        self._past: tuple[int, Snapshot] | None = None

    # What came of it

    def _changed(self, outcome: Outcome, data: Mapping[str, Any], step: Step, script: bool = False) -> None:
        outcome.changes = Changes(data.get("changes") or ())
        if outcome.changes:
            where = self._ns if script else typed_in(step, self._ns)
            self._lab.note(where, outcome.text, outcome.changes, self._options.cell, script, data.get("moment", 0))
        if self._options.changes:
            self._telling.changed(outcome.changes)

    def _told_later(self, call: Call, data: Mapping[str, Any], steps: Sequence[Step]) -> None:
        """The last commands of a request are done, if there are any of which it is told later what they changed."""
        if not data.get("later"):
            return
        numbers = range(data["done"] - data["later"], data["done"])
        late = self._late = Late(call, numbers, self._client.death)
        for number in numbers:
            outcome = Outcome(steps[number].line, steps[number].text, changes=late.changes[number])
            self.outcomes.append(outcome)
            self._telling.changed(outcome.changes)
        self._lab.history.add_late(
            late, lambda number: (typed_in(steps[number], self._ns), steps[number].text), self._options.cell
        )

    def _failed(self, outcome: Outcome, error: NsmagicError, step: Step, ns: str) -> bool:
        outcome.ok, outcome.error, outcome.excused = False, error, self._excused
        if not self._excused:
            self._hint(error, step, ns)
        self.outcomes.append(outcome)
        self._telling.new_line()
        self.told = self.told or not self._alone
        # A program has said itself what was wrong; that it failed is what the typed || expects.
        if not (self._excused and isinstance(step.run, Program) and isinstance(error, CommandFailed)):
            self._telling.error(error, self._alone)
        return False

    def _hint(self, error: NsmagicError, step: Step, ns: str, said: str = "") -> None:
        """Give an error its hint; ``said`` is what a program wrote that failed."""
        if error.hint is not None or isinstance(error, LabError) or self._excused:
            return
        command = step.run if isinstance(step.run, Command) else None
        snapshot = self._as_it_was()
        asked = scripted.said(f"{said}\n{error.message}", step.text) if said else error
        error.with_hint(hints.hint(asked, step.text, command, snapshot, ns, self._lab.history.made_by()))

    def _as_it_was(self) -> Snapshot:
        """The lab as the command met it that is being told: when others of its cell are done by now, what the last change before it left."""
        if self._ahead and self._late is not None:
            self._moment, self._late = self._late.last_moment or self._moment, None
        if self._ahead and self._moment:
            from nsmagic import past

            if self._past is not None and self._past[0] == self._moment:
                return self._past[1]
            with contextlib.suppress(LabError):  # it is forgotten
                self._past = (self._moment, past.moment(self._client, self._moment))
                return self._past[1]
        return self._lab.snapshot("links", "addrs", "routes", "namespaces")

    def _notices(self, data: Mapping[str, Any]) -> None:
        """What the agent has to say of the lab as a whole."""
        for code, fields in data.get("notices") or ():
            self._telling.new_line()
            self._telling.text(f"notice: {hints.say(code, **fields)}\n")

    def _nameless(self) -> bool:
        """Whether programs of this lab find no named namespaces, as nothing can be mounted."""
        return self._lab.kind == "rootless-nomount"

    # Waiting

    @property
    def _ending(self) -> float:
        return _ENDING_VM if self._lab.kind == "vm" else _ENDING

    def _stream(
        self, call: Call, outcome: Outcome, text: str, hold: float = 0.0, without: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Pass the output on as it comes (see ``Kept``); the call's last word. ``held`` of it says that the output was kept to the end."""
        kept = Kept(self._telling.text, hold, without)
        data = self._wait(call, lambda item: kept.take(item["text"]), text)
        outcome.output = kept.end()
        return {**data, "held": kept.holding}

    def _wait(self, call: Call, take: Callable[[Any], None], text: str) -> dict[str, Any]:
        """Wait for a call's last word, or that it has landed. An interrupt asks the command to end and waits for that; a second one
        gives up. Where there is a time limit, a lab that is silent long after it does not answer any more and is ended."""
        cancelled = False
        result: dict[str, Any]
        limit = self._options.timeout
        items = call.items(limit + self._ending if limit else None)
        while True:
            try:
                for item in items:
                    if isinstance(item, dict) and "landed" in item:
                        result = item["landed"]
                        break
                    take(item)
                else:
                    result = call.result()
                if cancelled:
                    result["cancelled"] = True
                return result
            except KeyboardInterrupt:
                if cancelled:
                    raise Interrupted(text) from None
                cancelled = True
                call.cancel()
                items = call.items(self._ending)
