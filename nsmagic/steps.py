"""The steps of a cell as the runner weighs them: which go together, what a failure of one means. No lab, no agent."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nsmagic.commands import hints
from nsmagic.commands.cell import split
from nsmagic.commands.command import Cell, Command, Program, Step
from nsmagic.errors import CommandFailed, CommandTimeout, LabError, NsmagicError

Show = Literal["table", "text", "both"]

#: Tools that either do what they are told or say in a few words why not.
SAY_ONE_THING = frozenset(
    {"ip", "bridge", "brctl", "arp", "route", "ifconfig", "sysctl", "tc", "iptables", "ip6tables", "nft"}
)
#: Words of a failure have so few lines.
BRIEF = 6


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


def native(step: Step) -> bool:
    """Whether a step can be done with others in one request to the agent."""
    return (
        isinstance(step.run, Command)
        and step.run.verb not in ("ping", "netns.set")
        and not step.background
        and not (step.run.display.get("json") and not step.run.changes)
    )


def begins_natively(cell: Cell, show: str) -> bool:
    """Whether the first thing that a cell asks of the agent are native commands, in one request."""
    return cell.script is None and show == "table" and bool(cell.steps) and native(cell.steps[0])


def natives(steps: Sequence[Step], at: int) -> list[Step]:
    """The native commands from here on that do not wait for the success of the one before."""
    group: list[Step] = []
    for number in range(at, len(steps)):
        step = steps[number]
        # One whose failure is excused is run by itself.
        if not native(step) or (group and (step.after != "always" or excused(steps, number))):
            break
        group.append(step)
        if excused(steps, number):
            break
    return group


def excused(steps: Sequence[Step], at: int) -> bool:
    """Whether a failure of this step is taken care of: what stands behind ``||`` runs then, as in ``a && b || c``."""
    for step in steps[at + 1 :]:
        if step.after == "always":
            return False
        if step.after == "failure":
            return True
    return False


def brief(program: Program) -> int:
    """Up to how many lines the output of a program may be its words of failure, and nothing to be watched as it comes."""
    says_one_thing = program.argv[0].rpartition("/")[2] in SAY_ONE_THING and "monitor" not in program.argv
    return BRIEF if says_one_thing else 0


def as_at_a_terminal(argv: Sequence[str]) -> list[str]:
    """The words with which a program says in a cell what it says at a terminal.

    ``curl`` shows how it progresses unless what it fetches goes to a terminal (``operate.c`` asks ``isatty``), and a cell is a pipe.
    ``-sS`` leaves out that and nothing else; an older curl knows no ``--no-progress-meter``. Pipelines keep it, as a shell's do.

    >>> as_at_a_terminal(["curl", "http://10.0.0.2/"]), as_at_a_terminal(["curl", "-O", "http://10.0.0.2/a"])
    (['curl', '-sS', 'http://10.0.0.2/'], ['curl', '-O', 'http://10.0.0.2/a'])
    """
    words = list(argv)
    if words[0].rpartition("/")[2] != "curl":
        return words
    short = "".join(word for word in words[1:] if word.startswith("-") and not word.startswith("--"))
    to_file = {"--output", "--remote-name", "--remote-name-all", "--progress-bar"} & {
        word.partition("=")[0] for word in words
    }
    return words if to_file or set(short) & set("oO#") else [words[0], "-sS", *words[1:]]


def asks_for_help(argv: Sequence[str]) -> bool:
    """Whether words ask a tool of iproute2 for its usage, which it ends with a status of 255."""
    return argv[0].rpartition("/")[2] in ("ip", "bridge", "tc", "ss") and argv[-1] in ("help", "-h", "-help", "--help")


def size(number: int) -> str:
    """A number of bytes for a sentence.

    >>> size(1 << 20), size(300 << 10), size(100)
    ('1 MiB', '300 KiB', '100 bytes')
    """
    for unit, bits in (("MiB", 20), ("KiB", 10)):
        if number >> bits and not number % (1 << bits):
            return f"{number >> bits} {unit}"
    return f"{number} bytes"


def printed(lines: Sequence[int]) -> str:
    """What is said of the lines of a cell that were pasted along as output, by their numbers.

    >>> printed([4])
    'line 4 has no prompt, so it is taken for output and not run; to run it, put $ and a blank before it'
    >>> printed([4, 5, 9])
    'lines 4-5, 9 have no prompt, so they are taken for output and not run; to run one, put $ and a blank before it'
    """
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    named = ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in spans)
    return hints.say("printed-lines" if len(lines) > 1 else "printed-line", lines=named)


def typed_in(step: Step, ns: str) -> str:
    """The namespace in which a command's text means what it meant: of lines below ``ip netns exec red bash`` that is red."""
    ran_in = getattr(step.run, "ns", None)
    if ran_in is None or ran_in == ns:
        return ns
    if step.text.startswith((f"ip -n {ran_in} ", f"ip netns exec {ran_in} ")):
        return ns  # as below, of nearly all lines
    again = split(step.text, ns).steps
    says_so = len(again) == 1 and getattr(again[0].run, "ns", None) == ran_in
    return ns if says_so else str(ran_in)


def ran_out(argv: Sequence[str], status: int) -> bool:
    """Whether ``timeout`` ended what it ran, as it was asked to: a result and no error, although ``&&`` takes it for false.

    >>> ran_out(["timeout", "5", "tcpdump"], 124), ran_out(["grep", "x"], 124), ran_out(["timeout", "5", "false"], 1)
    (True, False, False)
    """
    return status == 124 and argv[0].rpartition("/")[2] == "timeout"


def error_of(data: Mapping[str, Any], text: str, argv: Sequence[str], timeout: float | None) -> NsmagicError | None:
    """The error that the last word on a program amounts to; None when it succeeded, or was asked to end."""
    if data["cancelled"]:
        return None
    if data["timeout"]:
        seconds = timeout or 0.0
        return CommandTimeout(f"ended after {seconds:g} s: {text}", command=text, seconds=seconds)
    if data["stopped"]:
        return CommandFailed(
            f"ended after {size(data['stopped'])} of output: {text}", command=text, status=data["status"],
            hint=hints.say("too-much"),
        )  # fmt: skip
    if data["status"] == 0 or ran_out(argv, data["status"]):
        return None
    tool = argv[0]
    if data["signal"]:
        words = f"{tool}: ended by signal {data['signal']} ({signal.strsignal(data['signal']) or 'unknown'})"
    else:
        words = f"{tool}: exit status {data['status']}"
    return CommandFailed(words, command=text, status=data["status"], signal=data["signal"])


def no_names(who: str, line: int) -> LabError:
    """The error for what calls ``ip netns`` in a lab that can mount nothing."""
    where = f" (line {line})" if line else ""
    words = f"{who} that call ip netns{where} cannot work in rootless-nomount: this machine refuses the mounts that they need"
    return LabError(words, hint=hints.say("names-native"))
