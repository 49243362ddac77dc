"""Programs and scripts of a cell: asked of the agent one by one, with the error and the hint that their status and their words give."""

from __future__ import annotations

import math
from typing import Any

from nsmagic import scripted
from nsmagic.commands import hints, named
from nsmagic.commands.command import Command, Program, Script, Step
from nsmagic.commands.idioms import idiom
from nsmagic.commands.listing import Listing, listing
from nsmagic.commands.packages import FULL_SCREEN
from nsmagic.errors import CommandFailed, CommandNotFound, CommandTimeout, LabError, NsmagicError
from nsmagic.model import COLUMNS
from nsmagic.result import Job, Outcome, Shown
from nsmagic.running import Running
from nsmagic.steps import BRIEF, Interrupted, as_at_a_terminal, asks_for_help, brief, error_of, no_names, ran_out


class Programs(Running):
    """What a cell does by a process in the lab."""

    def _behind(self, step: Step) -> bool:
        return step.background or self._options.background

    def _program(self, step: Step, ns: str, *, last: bool, as_value: bool = False) -> bool:
        if isinstance(step.run, Program):
            program = step.run
        else:
            assert isinstance(step.run, Command)
            program = Program(step.run.argv, step.run.ns)
        where = program.ns or ns
        outcome = Outcome(step.line, step.text)
        listed = listing(program.argv) if self._options.show != "text" else None
        if self._nameless() and named.program_calls(program.argv):
            return self._failed(outcome, program.why or no_names("programs", 0), step, where)
        try:
            self._refuse_full_screen(program.argv[0])
            if self._behind(step):
                self._background(outcome, ns=where, argv=list(program.argv), text=step.text)
                return True
            argv = as_at_a_terminal(program.argv)
            call = self._client.call("run", argv=argv, ns=where, timeout=self._options.timeout)
            # What our grammar does not take most likely fails, with words that are the error itself.
            held = math.inf if as_value or listed is not None else brief(program)
            data = self._stream(call, outcome, step.text, hold=held)
        except LabError:
            raise
        except CommandNotFound as error:
            return self._failed(outcome, program.why or error, step, where)
        except NsmagicError as error:
            return self._failed(outcome, error, step, where)
        if as_value and data["status"] == 0:
            outcome.string = outcome.output
            self.outcomes.append(outcome)
            self._telling.show(outcome, last)
            return True
        if listed is not None and data["status"] == 0 and self._listed(outcome, listed, where, last):
            return True
        if data["status"] == 255 and not data["signal"] and asks_for_help(program.argv):
            data["status"] = 0
        error_ = error_of(data, step.text, program.argv, self._options.timeout)
        outcome.ok = not ran_out(program.argv, data["status"])
        words = outcome.output.strip()
        if (
            data["held"]
            and type(error_) is CommandFailed
            and 0 < len(words.splitlines()) <= BRIEF
            and not self._excused
        ):
            error_ = CommandFailed(words, command=step.text, status=data["status"])
        elif data["held"]:
            self._telling.text(outcome.output)
        if error_ is not None:
            self._hint_of_names(error_, outcome.output)
            if not isinstance(error_, CommandTimeout):
                error_.with_hint(idiom(program.argv) or (program.why.hint if program.why is not None else None))
            self._hint(error_, step, where, said=outcome.output if isinstance(error_, CommandFailed) else "")
        return self._ended(outcome, data, error_, step, where)

    def _listed(self, outcome: Outcome, listed: Listing, ns: str, last: bool) -> bool:
        """Show as a table what a tool has listed in its own words, which are kept back; False where that cannot be."""
        try:
            table = self._lab.snapshot(listed.table, ns=ns).tables[listed.table]
        except LabError:
            raise
        except NsmagicError:
            return False
        wanted = [(COLUMNS[listed.table].index(name), values) for name, values in listed.only.items()]
        rows = [row for row in table.values if all(row[at] in values for at, values in wanted)]
        outcome.shown = Shown(listed.table, rows, ns, options=listed.options)
        if self._options.show == "both":
            self._telling.text(outcome.output)
        self.outcomes.append(outcome)
        self._telling.show(outcome, last)
        return True

    def _refuse_full_screen(self, program: str) -> None:
        """A program that draws on a whole screen would fill the cell with control codes and never end."""
        name = program.rpartition("/")[2]
        if name in FULL_SCREEN and self._client.request("which", names=[program])[program] is not None:
            raise CommandFailed(
                f"{name}: needs a terminal, and a cell is none", command=program, hint=hints.say("full-screen")
            )

    def _script(self, script: Script) -> None:
        name = scripted.first_line(script.text)
        step = Step(script.line, name, Program(("bash",)), background=self._options.background)
        outcome = Outcome(step.line, step.text)
        request = {"argv": list(scripted.ARGV), "script": scripted.for_bash(script.text), "ns": self._ns}
        at = named.line_of_call(script.text) if self._nameless() else 0
        if at:
            self._failed(outcome, no_names("bash cells", at), step, self._ns)
            return
        try:
            if self._options.background:
                self._background(outcome, text=step.text, **request)
                return
            call = self._client.call("run", timeout=self._options.timeout, **request)
            data = self._stream(call, outcome, step.text, without=scripted.OURS)
        except LabError:
            raise
        except NsmagicError as error:
            self._failed(outcome, error, step, self._ns)
            return
        outcome.text = script.text
        failed = scripted.failing(script.text, data["failed"])
        refusal: NsmagicError | None = None
        if not data["failed"] or data["timeout"] or data["stopped"] or data["signal"]:
            refusal = error_of(data, step.text, ["bash"], self._options.timeout)
            if refusal is not None:
                self._hint(refusal, step, self._ns, said=outcome.output if type(refusal) is CommandFailed else "")
        elif failed:
            refusal = scripted.failure(script.text, failed)
            self._hint_of_names(refusal, outcome.output)
            self._hint_of_line(refusal, script.text, failed[0][0], outcome.output)
        self._ended(outcome, data, refusal, step, self._ns, script=True)

    def _hint_of_names(self, error: NsmagicError, output: str) -> None:
        if self._nameless() and named.complains(output):
            error.with_hint(hints.say("names-native"))

    def _hint_of_line(self, error: NsmagicError, text: str, number: int, output: str) -> None:
        """The hint for a line of a script; only one that says by itself where it acts."""
        line = text.split("\n")[number - 1]
        shell = scripted.shell_at(text, number, self._ns)
        if not shell:
            return  # nothing is known of what is in there
        command = scripted.command_of(line, shell)
        error.with_hint(hints.of_limits(output))
        if command is not None or not scripted.elsewhere(line):
            where = (command.ns if command is not None else None) or shell
            self._hint(error, Step(number, line, command or Program(("bash",))), where, said=output)

    def _ended(
        self,
        outcome: Outcome,
        data: dict[str, Any],
        error: NsmagicError | None,
        step: Step,
        ns: str,
        *,
        script: bool = False,
    ) -> bool:
        cancelled = bool(data["cancelled"])
        if error is None or cancelled:
            self.outcomes.append(outcome)
        self._changed(outcome, data, step, script)
        self._notices(data)
        if cancelled:
            raise Interrupted(step.text)
        return outcome.ok if error is None else self._failed(outcome, error, step, ns)

    def _background(self, outcome: Outcome, **request: Any) -> None:
        data = self._client.request("run", background=True, **request)
        outcome.job = Job(data["job"], data["ns"], data["command"], self._lab)
        self.outcomes.append(outcome)
        self._telling.text(f"{outcome.job}\n")
