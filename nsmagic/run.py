"""Run a cell that has been read: native commands in one request, programs and pings one by one, in the order typed.

This is the one place that knows how a ``Cell`` becomes requests to the agent. It tells a ``Sink`` what happens as it happens
and returns one ``Outcome`` for each command. A failing line does not end the cell, as pasted text at a terminal.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nsmagic import scripted
from nsmagic.agent.client import Call, Client
from nsmagic.commands import hints, named
from nsmagic.commands.cell import batch_lines
from nsmagic.commands.command import Batch, Cell, Command, Each, Program, Script, Step
from nsmagic.commands.command import Sequence as Several
from nsmagic.commands.idioms import idiom
from nsmagic.commands.listing import Listing, listing
from nsmagic.commands.packages import FULL_SCREEN
from nsmagic.errors import (
    CommandFailed,
    CommandNotFound,
    CommandTimeout,
    KernelRefused,
    LabError,
    NsmagicError,
    from_data,
)
from nsmagic.model import COLUMNS, HOST, Changes
from nsmagic.result import Job, Outcome, PingResult, Shown, Sink
from nsmagic.steps import (
    BRIEF,
    as_at_a_terminal,
    asks_for_help,
    brief,
    error_of,
    excused,
    native,
    natives,
    no_names,
    printed,
    ran_out,
    typed_in,
)
from nsmagic.steps import Interrupted as Interrupted
from nsmagic.steps import Options as Options
from nsmagic.steps import Show as Show
from nsmagic.telling import Kept, Telling
from nsmagic.words.parts import NotInModel
from nsmagic.words.said import said_item

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.snapshot import Snapshot

#: Seconds after which a command that was asked to end must have ended (its stages are 2 s, 1 s, then kill). A virtual machine
#: may be as slow as the machine is busy; who does not want to wait interrupts once more.
_ENDING = 8.0
_ENDING_VM = 60.0
#: Of the many lines of a large cell, this many are sent to the agent at once.
_GROUP = 2000


class Runner:
    """Runs one cell in a lab."""

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

    def _behind(self, step: Step) -> bool:
        return step.background or self._options.background

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
                needs=HOST if self.outcomes else self._ns, several=True, quiet=not self._options.changes,
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
            self._lab.history.at_rest(data.get("moment", 0))
            self._notices(data)
            if data.get("cancelled"):
                raise Interrupted(part[min(done, len(part) - 1)].text)
            if not ok and (stop or self._options.stop):
                return False
        return ok

    def _notices(self, data: Mapping[str, Any]) -> None:
        """What the agent has to say of the lab as a whole."""
        for code, fields in data.get("notices") or ():
            self._telling.new_line()
            self._telling.text(f"notice: {hints.say(code, **fields)}\n")

    def _native_outcome(self, step: Step, command: Command, ns: str, item: dict[str, Any], last: bool) -> bool:
        outcome = Outcome(step.line, step.text)
        if "error" in item:
            error = from_data(item["error"])
            done = error.subject if isinstance(error, KernelRefused) else {}
            self._lines(outcome, done.get("lines"))  # some of what was asked for is done all the same
            if done.get("changes"):
                self._changed(outcome, done, step)
            return self._failed(outcome, error, step, ns)
        self._moment = item.get("moment") or self._moment
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

    def _changed(self, outcome: Outcome, data: Mapping[str, Any], step: Step, script: bool = False) -> None:
        outcome.changes = Changes(data.get("changes") or ())
        if outcome.changes:
            where = self._ns if script else typed_in(step, self._ns)
            self._lab.note(where, outcome.text, outcome.changes, self._options.cell, script, data.get("moment", 0))
        if self._options.changes:
            self._telling.changed(outcome.changes)

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
        if self._ahead and self._moment:
            from nsmagic import past

            with contextlib.suppress(LabError):  # it is forgotten
                return past.moment(self._client, self._moment)
        return self._lab.snapshot("links", "addrs", "routes", "namespaces")

    # Pings and programs

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

    def _nameless(self) -> bool:
        """Whether programs of this lab find no named namespaces, as nothing can be mounted."""
        return self._lab.kind == "rootless-nomount"

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
        """Wait for a call's last word. An interrupt asks the command to end and waits for that; a second one gives up. Where there
        is a time limit, a lab that is silent long after it does not answer any more and is ended."""
        cancelled = False
        limit = self._options.timeout
        items = call.items(limit + self._ending if limit else None)
        while True:
            try:
                for item in items:
                    take(item)
                result: dict[str, Any] = call.result()
                if cancelled:
                    result["cancelled"] = True
                return result
            except KeyboardInterrupt:
                if cancelled:
                    raise Interrupted(text) from None
                cancelled = True
                call.cancel()
                items = call.items(self._ending)
