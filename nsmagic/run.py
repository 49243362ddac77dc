"""Run a cell that has been read: native commands in one request, programs and pings one by one, in the order typed.

Here is how a ``Cell`` becomes requests to the agent (those of programs are in ``programs.py``). A ``Sink`` is told what happens as it
happens, and there is one ``Outcome`` for each command. A failing line does not end the cell, as pasted text at a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nsmagic.commands import hints
from nsmagic.commands.cell import batch_lines
from nsmagic.commands.command import Batch, Cell, Command, Each, Program, Step
from nsmagic.commands.command import Sequence as Several
from nsmagic.errors import CommandNotFound, KernelRefused, LabError, NsmagicError, from_data
from nsmagic.model import HOST
from nsmagic.programs import Programs
from nsmagic.result import Outcome, PingResult, Shown
from nsmagic.steps import Interrupted as Interrupted
from nsmagic.steps import Options as Options
from nsmagic.steps import Show as Show
from nsmagic.steps import excused, native, natives, printed, typed_in
from nsmagic.words.parts import NotInModel
from nsmagic.words.said import said_item

#: Of the many lines of a large cell, this many are sent to the agent at once.
_GROUP = 2000


class Runner(Programs):
    """Runs one cell in a lab."""

    def run(self, cell: Cell) -> list[Outcome]:
        """Run all of it; what failed stands in the outcomes.

        Raises
        ------
        Interrupted
            A KeyboardInterrupt came; the running command was ended first.
        LabDied
            The lab ended meanwhile.
        """
        self._alone = cell.script is not None or len(cell.steps) == 1
        if cell.skipped:
            self._telling.text(f"notice: {printed(cell.skipped)}\n")
        try:
            if cell.script is not None:
                self._script(cell.script)
            else:
                self._steps(cell.steps, self._ns)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            self._client.abandon(self._ending)
            raise Interrupted("between two commands") from None
        finally:
            self._telling.say()
        return self.outcomes

    # Steps

    def _steps(self, steps: Sequence[Step], ns: str) -> None:
        ok = True
        at = 0
        while at < len(steps):
            step = steps[at]
            if (step.after == "success" and not ok) or (step.after == "failure" and ok):
                at += 1
                continue
            group = [] if self._options.show != "table" else natives(steps, at)
            self._excused = excused(steps, at)
            if len(group) > 1 or (group and native(group[0])):
                ok = self._natives(group, ns, last=at + len(group) == len(steps))
                at += len(group)
            else:
                ok = self._one(step, ns, last=at + 1 == len(steps))
                at += 1
            if not ok and self._options.stop:
                return

    def _one(self, step: Step, ns: str, *, last: bool) -> bool:
        match step.run:
            case Command(verb="ping"):
                return (
                    self._ping(step, step.run, step.run.ns or ns)
                    if not self._behind(step)
                    else self._program(step, ns, last=last)
                )
            case Command(verb="netns.set"):
                return self._program(
                    step, ns, last=last
                )  # a number for a namespace, seldom needed: the real tool does it
            case Command():
                return self._shown_natively(step, step.run, ns, last)
            case Several(commands=commands, keep_going=keep_going):
                # Each of them may fail in words of its own, which are shown where they come about.
                self._alone = self._alone and len(commands) == 1
                steps = [replace(step, run=command) for command in commands]
                return self._natives(steps, ns, last=last, stop=not keep_going)
            case Program():
                return self._program(step, ns, last=last)
            case Each(run=run):
                return self._each(step, run, last)
            case Batch():
                return self._batch(step, step.run, ns, last)
        raise TypeError(f"no way to run {step.run!r}")

    def _shown_natively(self, step: Step, command: Command, ns: str, last: bool) -> bool:
        """A single native command, with ``--text`` and ``-j`` taken care of."""
        wants_words = self._options.show != "table" or command.display.get("json")
        if command.changes or not wants_words:
            return self._natives([step], ns, last=last)
        as_json = bool(command.display.get("json"))
        both = self._options.show == "both" and not as_json
        if self._has_tool(command):
            plain = replace(step, run=Program(command.argv, command.ns))
            if both:
                return self._natives([step], ns, last=last) and self._program(plain, ns, last=last)
            return self._program(plain, ns, as_value=as_json, last=last)
        return self._in_words(step, command, ns, last, as_json=as_json, both=both)

    def _has_tool(self, command: Command) -> bool:
        if command.verb.startswith("netns.") and self._nameless():
            return False  # the tool would find no namespaces
        tool = command.argv[0].rpartition("/")[2]
        return self._client.request("which", names=[tool])[tool] is not None

    def _in_words(self, step: Step, command: Command, ns: str, last: bool, *, as_json: bool, both: bool) -> bool:
        """The tool's words where the tool is not installed: made from the rows; a table where they do not say enough."""
        try:
            item = next(iter(self._client.call("commands", commands=[command.to_data()], ns=ns).items()))
        except NsmagicError as error:
            return self._failed(Outcome(step.line, step.text), error, step, ns)
        if "error" in item or "table" not in item:
            return self._native_outcome(step, command, command.ns or ns, item, last)
        try:
            text = said_item(command, item, lambda: self._lab.snapshot("namespaces", "links"))
        except NotInModel:
            if as_json:  # a table in its place would surprise whoever reads it by program
                tool = command.argv[0].rpartition("/")[2]
                return self._failed(
                    Outcome(step.line, step.text), CommandNotFound(f"{tool}: command not found", name=tool), step, ns
                )
            return self._native_outcome(step, command, command.ns or ns, item, last)
        if both:
            self._telling.text(text)
            return self._native_outcome(step, command, command.ns or ns, item, last)
        outcome = Outcome(step.line, step.text, output=text, string=text if as_json else None)
        self.outcomes.append(outcome)
        if as_json:
            self._telling.show(outcome, last)
        else:
            self._telling.text(text)
        return True

    def _natives(self, steps: Sequence[Step], ns: str, *, last: bool, stop: bool = False) -> bool:
        """Native commands in one request; True when the last of them succeeded."""
        commands = [step.run.to_data() for step in steps if isinstance(step.run, Command)]
        ok = True
        for at in range(0, len(commands), _GROUP):
            part = steps[at : at + _GROUP]
            call = self._client.call(
                "commands", commands=commands[at : at + _GROUP], ns=ns, stop=stop or self._options.stop,
                needs=HOST if self.outcomes else self._ns, several=True, quiet=not self._options.changes, patient=True,
            )  # fmt: skip
            done = 0

            def take(items: Any, part: Sequence[Step] = part, at: int = at) -> None:
                nonlocal ok, done
                for item in items:
                    step = part[item["n"]]
                    command = step.run
                    assert isinstance(command, Command)
                    done = item["n"] + 1
                    self._ahead = at + done < len(steps)
                    ok = self._native_outcome(step, command, command.ns or ns, item, last and at + done == len(steps))

            data = self._wait(call, take, part[0].text)
            self._ahead = False
            self._told_later(call, data, part)
            self._lab.history.at_rest(data.get("moment", 0))
            self._notices(data)
            if data.get("cancelled"):
                raise Interrupted(part[min(done, len(part) - 1)].text)
            if not ok and (stop or self._options.stop):
                return False
        return ok

    def _native_outcome(self, step: Step, command: Command, ns: str, item: dict[str, Any], last: bool) -> bool:
        outcome = Outcome(step.line, step.text)
        if "error" in item:
            error = from_data(item["error"])
            done = error.subject if isinstance(error, KernelRefused) else {}
            self._lines(outcome, done.get("lines"))  # some of what was asked for is done all the same
            if done.get("changes"):
                self._changed(outcome, done, step)
            return self._failed(outcome, error, step, ns)
        if item.get("moment"):
            self._moment, self._late = item["moment"], None
        self._lines(outcome, item.get("lines"))
        if "table" in item:
            seen = item.get("further") or item
            outcome.shown = Shown(
                seen["table"], seen["rows"], ns, tuple(seen.get("columns") or ()), seen.get("more") or {}
            )
        self.outcomes.append(outcome)
        if item.get("quiet"):
            self._lab.note(typed_in(step, self._ns), outcome.text, (), self._options.cell, False)
        self._changed(outcome, item, step)
        if outcome.shown is not None:
            self._telling.show(outcome, last)
        return True

    def _lines(self, outcome: Outcome, lines: Sequence[str] | None) -> None:
        if lines:
            outcome.output = "".join(line + "\n" for line in lines)
            self._telling.text(outcome.output)

    # Pings

    def _ping(self, step: Step, command: Command, ns: str) -> bool:
        outcome = Outcome(step.line, step.text)
        try:
            call = self._client.call("ping", ns=ns, args=dict(command.args), timeout=self._options.timeout)
            data = self._stream(call, outcome, step.text)
        except LabError:
            raise
        except NsmagicError as error:
            return self._failed(outcome, error, step, ns)
        outcome.ping = PingResult.from_data(data)
        outcome.ok = outcome.ping.status == 0
        self.outcomes.append(outcome)
        if not outcome.ping.received and outcome.ping.status:
            # A ping that is not answered is a result, not an error; what it means is offered.
            offer = hints.no_reply(ns, command.args, outcome.ping.error, self._lab.snapshot)
            if offer:
                self._telling.text(f"hint: {offer}\n")
        self._notices(data)
        if data.get("cancelled"):
            raise Interrupted(step.text)
        if data.get("timeout"):
            self._telling.text(f"hint: {hints.say('ping-ended', seconds=f'{self._options.timeout:g}')}\n")
        return outcome.ok

    # Several

    def _each(self, step: Step, run: Any, last: bool) -> bool:
        ok = True
        alone, self._alone = self._alone, False
        names = self._lab.names()
        for name in names:
            self._telling.text(f"\nnetns: {name}\n")
            inner = replace(step, run=replace(run, ns=name) if not isinstance(run, Several) else run)
            ok = self._one(inner, name, last=last and name == names[-1]) and ok
        self._alone = alone
        return ok

    def _batch(self, step: Step, batch: Batch, ns: str, last: bool) -> bool:
        try:
            if batch.lines is not None:
                lines: Sequence[str] = batch.lines
            else:
                lines = self._client.request("read_file", path=batch.file)["text"].splitlines()
            steps = batch_lines(lines, prefix=batch.prefix, ns=batch.ns, tool=batch.tool)
        except LabError:
            raise
        except NsmagicError as error:
            return self._failed(Outcome(step.line, step.text), error, step, ns)
        alone, self._alone = self._alone, False
        ok = True
        for at, inner in enumerate(steps):
            before = len(self.outcomes)
            whole = " ".join((batch.tool, *batch.prefix, inner.text))
            ok = self._one(
                replace(inner, line=step.line, text=whole), batch.ns or ns, last=last and at + 1 == len(steps)
            )
            if not ok and not batch.force:
                self._telling.text(f"Command failed {batch.file or '-'}:{inner.line}\n")
                break
            ok = ok and all(outcome.ok for outcome in self.outcomes[before:])
        self._alone = alone
        return ok
