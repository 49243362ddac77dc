"""Run a cell that has been read: native commands in one request, programs and pings one by one, in the order typed.

This is the one place that knows how a ``Cell`` becomes requests to the agent. It tells a ``Sink`` what happens as it happens
and returns one ``Outcome`` for each command. A failing line does not end the cell, as pasted text at a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from nsmagic import changes as words_of_changes
from nsmagic.agent.client import Call, Client
from nsmagic.commands import hints, hints_routes
from nsmagic.commands.cell import batch_lines, split
from nsmagic.commands.command import Batch, Cell, Command, Each, Program, Script, Step
from nsmagic.commands.command import Sequence as Several
from nsmagic.errors import (
    CommandFailed,
    CommandNotFound,
    CommandSyntaxError,
    CommandTimeout,
    LabError,
    NsmagicError,
    from_data,
)
from nsmagic.model import HOST, Change, Snapshot
from nsmagic.result import Job, Outcome, PingResult, Shown, Sink
from nsmagic.words.parts import NotInModel
from nsmagic.words.said import said

if TYPE_CHECKING:
    from nsmagic.lab import Lab

Show = Literal["table", "text", "both"]

#: Seconds after which a command that was asked to end must have ended (its stages are 2 s, 1 s, then kill).
_ENDING = 8.0
#: bash reads a cell's script from this descriptor; its messages name it, which tells a reader nothing.
_SCRIPT = "/dev/fd/9"
#: What bash reports of each command that fails. Within a function, FUNCNAME counts the script itself too, outside it is empty.
_TRAP = "trap 'echo \"$((${#FUNCNAME[@]} ? ${#FUNCNAME[@]} - 1 : 0)) $BASH_SUBSHELL $LINENO $?\" >&8' ERR; set -E; "
_PING = re.compile(r"\bping[46]?\b")
#: Of the many lines of a large cell, this many are sent to the agent at once.
_GROUP = 2000


class Interrupted(KeyboardInterrupt):
    """The cell was interrupted; the running command was ended, the lab goes on. Shown in one line."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def _render_traceback_(self) -> list[str]:
        return [f"interrupted: {self.text}   (the lab goes on)"]


@dataclass(frozen=True)
class Options:
    """How a cell is run. ``stop``: end at the first failing line; ``show``: a table, the tool's own text, or both."""

    timeout: float | None = None
    stop: bool = False
    background: bool = False
    show: Show = "table"
    changes: bool = True
    cell: int = 0


class Runner:
    """Runs one cell in a lab."""

    def __init__(self, lab: Lab, client: Client, ns: str, sink: Sink, options: Options) -> None:
        self._lab, self._client, self._ns, self._sink, self._options = lab, client, ns, sink, options
        self.outcomes: list[Outcome] = []
        self._alone = False
        self.told = False
        # Changes of consecutive commands wait to be shown together: their words are aligned, and a mistake made twice is
        # explained once. Anything else that is shown comes after them.
        self._unsaid: list[Change] = []

    def run(self, cell: Cell) -> list[Outcome]:
        """Run all of it; what failed stands in the outcomes.

        Raises
        ------
        Interrupted
            A KeyboardInterrupt came; the running command was ended first.
        LabDied
            The lab ended meanwhile.
        """
        if cell.script is not None:
            self._alone = True
            try:
                self._script(cell.script)
            finally:
                self._say()
            return self.outcomes
        self._alone = len(cell.steps) == 1
        try:
            self._steps(cell.steps, self._ns)
        finally:
            self._say()
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
            group = [] if self._options.show != "table" else _natives(steps, at)
            if len(group) > 1 or (group and _native(group[0])):
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
                    self._ping(step, step.run, step.run.ns or ns) if not self._behind(step) else self._program(step, ns)
                )
            case Command():
                return self._shown_natively(step, step.run, ns, last)
            case Several(commands=commands, keep_going=keep_going):
                steps = [replace(step, run=command) for command in commands]
                return self._natives(steps, ns, last=last, stop=not keep_going)
            case Program():
                return self._program(step, ns)
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
                return self._natives([step], ns, last=last) and self._program(plain, ns)
            return self._program(plain, ns, as_value=as_json, last=last)
        return self._in_words(step, command, ns, last, as_json=as_json, both=both)

    def _has_tool(self, command: Command) -> bool:
        tool = command.argv[0].rpartition("/")[2]
        return self._client.request("which", names=[tool])[tool] is not None

    def _in_words(self, step: Step, command: Command, ns: str, last: bool, *, as_json: bool, both: bool) -> bool:
        """The tool's words where the tool is not installed: made from the rows; a table where they do not say enough."""
        try:
            item = next(iter(self._client.call("commands", commands=[command.to_data()], ns=ns).items()))
        except NsmagicError as error:
            return self._failed(Outcome(step.line, step.text), error, step, ns)
        if "error" in item or "table" not in item or item.get("columns"):
            return self._native_outcome(step, command, command.ns or ns, item, last)
        shown = Shown(item["table"], item["rows"], command.ns or ns, (), item.get("more") or {})
        everything = self._lab.snapshot("namespaces", "links")
        try:
            text = said(command, shown.table, shown.row_objects(), Snapshot.from_data(shown.more), everything)
        except NotInModel:
            return self._native_outcome(step, command, command.ns or ns, item, last)
        if both:
            self._text(text)
            return self._native_outcome(step, command, command.ns or ns, item, last)
        outcome = Outcome(step.line, step.text, output=text, string=text if as_json else None)
        self.outcomes.append(outcome)
        if as_json:
            self._show(outcome, last)
        else:
            self._text(text)
        return True

    def _natives(self, steps: Sequence[Step], ns: str, *, last: bool, stop: bool = False) -> bool:
        """Native commands in one request; True when the last of them succeeded."""
        commands = [step.run.to_data() for step in steps if isinstance(step.run, Command)]
        ok = True
        for at in range(0, len(commands), _GROUP):
            part = steps[at : at + _GROUP]
            call = self._client.call(
                "commands", commands=commands[at : at + _GROUP], ns=ns, stop=stop or self._options.stop
            )
            for item in self._items(call, part[0].text):
                step = part[item["n"]]
                command = step.run
                assert isinstance(command, Command)
                final = last and at + item["n"] + 1 == len(steps)
                ok = self._native_outcome(step, command, command.ns or ns, item, final)
                if not ok and (stop or self._options.stop):
                    call.result(_ENDING)
                    return False
        return ok

    def _native_outcome(self, step: Step, command: Command, ns: str, item: dict[str, Any], last: bool) -> bool:
        outcome = Outcome(step.line, step.text)
        if "error" in item:
            return self._failed(outcome, from_data(item["error"]), step, ns)
        lines = item.get("lines") or []
        if lines:
            text = "".join(line + "\n" for line in lines)
            outcome.output = text
            self._text(text)
        if "table" in item:
            outcome.shown = Shown(
                item["table"], item["rows"], ns, tuple(item.get("columns") or ()), item.get("more") or {}
            )
        self.outcomes.append(outcome)
        self._changed(outcome, item.get("changes") or [], step)
        if outcome.shown is not None:
            self._show(outcome, last)
        return True

    def _changed(self, outcome: Outcome, data: Sequence[Any], step: Step, script: bool = False) -> None:
        outcome.changes = tuple(Change.from_data(each) for each in data)
        if outcome.changes:
            where = self._ns if script else self._typed_in(step)
            self._lab.note(where, outcome.text, outcome.changes, self._options.cell, script)
        if self._options.changes:
            self._unsaid += outcome.changes

    def _typed_in(self, step: Step) -> str:
        """The namespace in which a command's text means what it meant: of lines below ``ip netns exec red bash`` that is red."""
        ran_in = getattr(step.run, "ns", None)
        if ran_in is None or ran_in == self._ns:
            return self._ns
        again = split(step.text, self._ns).steps
        says_so = len(again) == 1 and getattr(again[0].run, "ns", None) == ran_in
        return self._ns if says_so else str(ran_in)

    def _say(self) -> None:
        """Show the changes that wait."""
        unsaid, self._unsaid = self._unsaid, []
        if unsaid:
            self._sink.changes(words_of_changes.lines(unsaid))

    def _text(self, text: str) -> None:
        self._say()
        self._sink.text(text)

    def _show(self, outcome: Outcome, last: bool) -> None:
        self._say()
        self._sink.shown(outcome, last)

    def _failed(self, outcome: Outcome, error: NsmagicError, step: Step, ns: str) -> bool:
        outcome.ok, outcome.error = False, error
        self._hint(error, step, ns)
        self.outcomes.append(outcome)
        self._say()
        self.told = self.told or not self._alone
        self._sink.error(error, self._alone)
        return False

    def _hint(self, error: NsmagicError, step: Step, ns: str, said: str = "") -> None:
        """Give an error its hint; ``said`` are the last words of a program that failed."""
        if error.hint is not None or isinstance(error, LabError):
            return
        command = step.run if isinstance(step.run, Command) else None
        snapshot = self._lab.snapshot("links", "addrs", "routes", "namespaces")
        asked = CommandFailed(said, command=step.text) if said else error
        error.with_hint(hints.hint(asked, step.text, command, snapshot, ns, self._lab.history.made_by()))

    # Pings and programs

    def _ping(self, step: Step, command: Command, ns: str) -> bool:
        outcome = Outcome(step.line, step.text)
        try:
            call = self._client.call("ping", ns=ns, args=dict(command.args), timeout=self._options.timeout)
            data = self._stream(call, outcome, step.text)
        except NsmagicError as error:
            return self._failed(outcome, error, step, ns)
        outcome.ping = PingResult.from_data(data)
        outcome.ok = outcome.ping.status == 0
        self.outcomes.append(outcome)
        if not outcome.ping.received and outcome.ping.status:
            # A ping that is not answered is a result, not an error; what it means is offered.
            offer = hints_routes.no_reply(
                ns, str(command.args.get("address", "")), outcome.ping.error, self._lab.snapshot
            )
            if offer:
                self._text(f"hint: {offer}\n")
        if data.get("cancelled"):
            raise Interrupted(step.text)
        return outcome.ok

    def _program(self, step: Step, ns: str, *, as_value: bool = False, last: bool = True) -> bool:
        if isinstance(step.run, Program):
            program = step.run
        else:
            assert isinstance(step.run, Command)
            program = Program(step.run.argv, step.run.ns)
        where = program.ns or ns
        outcome = Outcome(step.line, step.text)
        try:
            if self._behind(step):
                self._background(outcome, ns=where, argv=list(program.argv), text=step.text)
                return True
            call = self._client.call("run", argv=list(program.argv), ns=where, timeout=self._options.timeout)
            data = self._stream(call, outcome, step.text, silent=as_value)
        except CommandNotFound as error:
            return self._failed(outcome, program.why or error, step, where)
        except NsmagicError as error:
            return self._failed(outcome, error, step, where)
        if as_value and data["status"] == 0:
            outcome.string = outcome.output
            self.outcomes.append(outcome)
            self._show(outcome, last)
            return True
        if as_value:
            self._text(outcome.output)
        error_ = self._error_of(data, step.text, program.argv[0])
        if error_ is not None:
            if program.why is not None:
                error_.with_hint(program.why.hint)
            self._hint(error_, step, where, said="\n".join(outcome.output.splitlines()[-3:]))
        return self._ended(outcome, data, error_, step, where)

    def _script(self, script: Script) -> None:
        step = Step(script.line, _first_line(script.text), Program(("bash",)), background=self._options.background)
        outcome = Outcome(step.line, step.text)
        request = {"argv": ["bash", "--norc", "--noprofile", _SCRIPT], "script": _TRAP + script.text, "ns": self._ns}
        try:
            if self._options.background:
                self._background(outcome, text=step.text, **request)
                return
            call = self._client.call("run", timeout=self._options.timeout, **request)
            data = self._stream(call, outcome, step.text)
        except NsmagicError as error:
            self._failed(outcome, error, step, self._ns)
            return
        lines = script.text.split("\n")
        failed = [
            (line, status)
            for line, status in data["failed"]
            if not (_PING.search(lines[line - 1] if line <= len(lines) else "") and status in (1, 2))
        ]
        outcome.text = script.text
        refusal: NsmagicError | None = None
        if not data["failed"] or data["timeout"] or data["stopped"]:
            refusal = self._error_of(data, step.text, "bash")
        elif failed:
            named = ", ".join(f"line {line} (exit status {status})" for line, status in dict(failed).items())
            refusal = CommandFailed(f"failed: {named}", command=step.text, status=failed[-1][1])
        self._ended(outcome, data, refusal, step, self._ns, script=True)

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
        self._changed(outcome, data["changes"], step, script)
        if cancelled:
            raise Interrupted(step.text)
        return True if error is None else self._failed(outcome, error, step, ns)

    def _error_of(self, data: dict[str, Any], text: str, tool: str) -> NsmagicError | None:
        if data["cancelled"]:
            return None
        if data["timeout"]:
            seconds = self._options.timeout or 0.0
            return CommandTimeout(
                f"ended after {seconds:g} s: {text}", command=text, seconds=seconds,
                hint="--timeout SECONDS gives it longer; --bg lets it run beside the next cells",
            )  # fmt: skip
        if data["stopped"]:
            return CommandFailed(
                f"ended because it wrote too much: {text}", command=text, status=data["status"],
                hint="write it to a file in the lab (> /tmp/out), or Lab(limits={'output': BYTES})",
            )  # fmt: skip
        if data["status"] == 0:
            return None
        if data["signal"]:
            words = f"{tool}: ended by signal {data['signal']}"
        else:
            words = f"{tool}: exit status {data['status']}"
        return CommandFailed(words, command=text, status=data["status"], signal=data["signal"])

    def _background(self, outcome: Outcome, **request: Any) -> None:
        data = self._client.request("run", background=True, **request)
        outcome.job = Job(data["job"], data["ns"], data["command"], self._lab)
        self.outcomes.append(outcome)
        self._text(f"{outcome.job}\n")

    def _each(self, step: Step, run: Any, last: bool) -> bool:
        ok = True
        alone, self._alone = self._alone, False
        names = self._lab.names()
        for name in names:
            self._text(f"\nnetns: {name}\n")
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
        except CommandSyntaxError as error:
            return self._failed(Outcome(step.line, step.text), error, step, ns)
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
                self._text(f"Command failed {batch.file or '-'}:{inner.line}\n")
                break
            ok = ok and all(outcome.ok for outcome in self.outcomes[before:])
        self._alone = alone
        return ok

    # Waiting

    def _stream(self, call: Call, outcome: Outcome, text: str, silent: bool = False) -> dict[str, Any]:
        parts: list[str] = []

        def take(item: Any) -> None:
            piece = item["text"].replace(_SCRIPT + ": ", "")
            parts.append(piece)
            if not silent:
                self._text(piece)

        data = self._wait(call, take, text)
        outcome.output = "".join(parts)
        return data

    def _items(self, call: Call, text: str) -> Iterator[Any]:
        interrupted = False
        items = call.items()
        while True:
            try:
                yield next(items)
            except StopIteration:
                break
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                call.cancel()
                items = call.items(_ENDING)
        if interrupted:
            raise Interrupted(text)

    def _wait(self, call: Call, take: Callable[[Any], None], text: str) -> dict[str, Any]:
        """Wait for a call's last word. An interrupt asks the command to end and waits for that; a second one gives up."""
        cancelled = False
        items = call.items()
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
                items = call.items(_ENDING)


def _native(step: Step) -> bool:
    return (
        isinstance(step.run, Command)
        and step.run.verb != "ping"
        and not step.background
        and not (step.run.display.get("json") and not step.run.changes)
    )


def _natives(steps: Sequence[Step], at: int) -> list[Step]:
    """The native commands from here on that do not wait for the success of the one before."""
    group: list[Step] = []
    for step in steps[at:]:
        if not _native(step) or (group and step.after != "always"):
            break
        group.append(step)
    return group


def _first_line(text: str) -> str:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return line.strip()
    return "script"


def empty_snapshot() -> Snapshot:
    """A snapshot of nothing (of a lab that has not started)."""
    return Snapshot.from_data({"namespaces": [[HOST, 0, True, []]]})
