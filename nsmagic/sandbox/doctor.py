"""What this machine can give a lab: the trial's steps with cause and cure, the kernel's features, the programs.

``examine()`` runs ``trial.py`` in a child and then starts a real lab, which is what decides; the steps only explain it. Shown by
``nsmagic doctor`` and ``%lab doctor``, and the first thing to paste into a bug report.
"""

from __future__ import annotations

import errno as errno_
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nsmagic import __version__
from nsmagic.agent.client import Client
from nsmagic.commands.packages import MODULES
from nsmagic.errors import NsmagicError, SandboxUnavailable
from nsmagic.printable import columns
from nsmagic.sandbox import choice, config
from nsmagic.sandbox.causes import Read, cause_of, lacking, read_text
from nsmagic.sandbox.short import short
from nsmagic.sandbox.tools import Tool, tools
from nsmagic.sentences import say

#: Seconds that the trial may take.
_PATIENCE = 30.0
#: Steps without which a lab still works; what is lost then.
_SPARE = {
    "fresh /proc": "the lab shows the one that is here, so ps lists foreign processes too",
    "fresh /sys": "programs see no /sys",
    "sysctl write": "sysctl -w does not work (IPv4 forwarding does)",
    "limits": "the number of namespaces is not bounded",
    "inner user namespace": "only the kind rootless-nomount is left",
}
#: What a kind of sandbox cannot do, wherever it works.
LACKS = {
    "rootless": "",
    "rootless-nomount": "programs that call ip netns themselves, files of /etc/netns, IPv6 forwarding",
    "vm": "descriptors of its sockets (ancillary data, filters), nftables for IPv4 (iptables is the old one)",
}
__all__ = ["Report", "Step", "Verdict", "apparmor_profile", "cause_of", "examine", "report_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing tried: ``ok`` is None when it was not reached; ``errno`` and ``words`` are the kernel's; ``cause`` and ``cure``
    ours (the cure is a line to type, or ``""``)."""

    name: str
    ok: bool | None
    errno: int = 0
    words: str = ""
    cause: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one kind of sandbox works here: seconds to its first answer, or why not and what mends that; the kernel's features
    that it has, and what it cannot do wherever it works."""

    kind: str
    ok: bool
    started: float = 0.0
    cause: str = ""
    cure: str = ""
    features: tuple[str, ...] = ()
    lacks: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was found. ``kind`` is the sandbox that a lab gets here, ``""`` for none; ``error`` then says why.

    ``started`` is the time in seconds from asking for a lab to its first answer.
    """

    kind: str
    steps: tuple[Step, ...]
    features: tuple[Step, ...]
    tools: tuple[Tool, ...]
    started: float = 0.0
    error: str = ""
    missing: tuple[str, ...] = ()
    machine: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[Verdict, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether a lab can be started here."""
        return bool(self.kind)

    def to_data(self) -> dict[str, Any]:
        """JSON-ready; ``badge`` is the verdict as a picture's corner has it."""
        badge = short(self.kind, self.missing) if self.kind else ""
        return {**asdict(self), "machine": dict(self.machine), "ok": self.ok, "badge": badge}

    def text(self) -> str:
        """For a person: first whether a lab can be had, then the steps, the kernel's features and the programs."""
        lines = [*self._verdict(), ""]
        if self.kinds:
            lines += [
                "kinds of sandbox, in the order in which they are tried",
                *_indent(columns(map(_kind_row, self.kinds))),
            ]
            lines += [*_cures_alone(self.kinds), ""]
        lines += ["what a lab needs of this machine", *_indent(columns(_row(step) for step in self.steps))]
        lines += _cures(self.steps)
        here = [step.name for step in self.features if step.ok]
        if here:
            lines += ["", "what this kernel has", *_indent(_wrap(here))]
        vm = next((verdict.features for verdict in self.kinds if verdict.kind == "vm" and self.kind != "vm"), ())
        if set(vm) - set(here):
            lines += ["", 'what only the kind vm has (Lab(sandbox="vm"), NSMAGIC_SANDBOX=vm)']
            lines += _indent(_wrap([name for name in vm if name not in here]))
        lacks = [step for step in self.features if step.ok is False]
        if lacks:
            lines += ["", "what it lacks (commands that need it are refused; the rest works)"]
            lines += _indent(columns([step.name, step.cause, step.cure] for step in lacks))
        lines += ["", "programs that a lab finds", *_indent(_wrap([tool.name for tool in self.tools if tool.path]))]
        absent = [tool for tool in self.tools if not tool.path]
        if absent:
            lines += ["", "programs that are not installed (nsmagic doctor --install brings them)"]
            head = ["program", "Debian, Ubuntu", "Fedora", "Alpine"]
            lines += _indent(columns([head, *([tool.name, tool.debian, tool.fedora, tool.alpine] for tool in absent)]))
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _verdict(self) -> list[str]:
        about = ", ".join(self.machine.values())
        if self.ok:
            lines = [f"A lab works here: sandbox {self.kind}, ready in {self.started:.2f} s.", f"({about})"]
            if self.kind == "rootless-nomount":
                lines.append(
                    "Mounts are refused here: programs and scripts that call ip netns themselves do not work in it."
                )
            return lines + [f"missing in it: {words}" for words in self.missing]
        return ["No lab can be started here.", f"({about})", *self.error.splitlines()]


def _kind_row(verdict: Verdict) -> list[str]:
    if verdict.ok:
        return [
            "ok",
            verdict.kind,
            f"ready in {verdict.started:.2f} s",
            f"without {verdict.lacks}" if verdict.lacks else "",
        ]
    return ["no", verdict.kind, verdict.cause, ""]


def _cures_alone(kinds: Iterable[Verdict]) -> list[str]:
    """The line for the kind vm, which needs no administrator."""
    return [f"  for vm: {each.cure}" for each in kinds if each.kind == "vm" and not each.ok and each.cure]


def _row(step: Step) -> list[str]:
    if step.ok is None:
        return ["·", step.name, "not reached"]
    if step.ok:
        return ["ok", step.name, ""]
    return ["no", step.name, f"{errno_.errorcode.get(step.errno, step.errno)}: {step.cause}"]


def _cures(steps: Iterable[Step]) -> list[str]:
    cures = list(dict.fromkeys(step.cure for step in steps if step.ok is False and step.cure))
    return ["cure (as administrator):", *_indent(cures)] if cures else []


def _indent(lines: Iterable[str]) -> list[str]:
    return ["  " + line for line in lines]


def _wrap(words: Sequence[str], width: int = 96) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) + 2 > width:
            lines.append("")
        lines[-1] += ("  " if lines[-1] else "") + word
    return lines


def examine() -> Report:
    """Try everything; takes about a second. Nothing of it stays.

    Raises
    ------
    NsmagicError
        The trial itself could not run, or this is not Linux.

    >>> report = examine()
    >>> report.ok == bool(report.kind), report.steps[-1].name
    (True, 'limits')
    """
    if not sys.platform.startswith("linux"):
        raise NsmagicError(
            f"network namespaces are a feature of Linux; this is {sys.platform}",
            hint=say("no-linux"),
        )
    tried = _trial()
    here = tuple(each["name"] for each in tried["features"] if each["ok"])
    kinds = tuple(_judge(kind, here) for kind in choice.AUTOMATIC)
    kind, started, missing, error = _start()
    return report_of(
        tried,
        kinds=kinds,
        kind=kind,
        started=started,
        missing=missing,
        error=error,
        machine=_machine(),
        found=tools(),
        read=read_text,
    )


def report_of(
    tried: Mapping[str, Any],
    *,
    kind: str = "",
    started: float = 0.0,
    missing: Sequence[str] = (),
    error: NsmagicError | None = None,
    machine: Mapping[str, str] | None = None,
    kinds: Sequence[Verdict] = (),
    found: Sequence[Tool] = (),
    read: Read = read_text,
) -> Report:
    """A report of what the trial printed, with causes and cures put to it. Pure, given ``read``.

    >>> tried = {"steps": [{"name": "mount tmpfs", "ok": False, "errno": 13}], "features": []}
    >>> report_of(tried, read=lambda path: "").steps[0].cure
    'docker run --security-opt apparmor=unconfined …'
    """
    steps = []
    for each in tried["steps"]:
        cause, cure = cause_of(each["name"], each["errno"], read) if each["ok"] is False else ("", "")
        steps.append(_step(each, cause, cure, _SPARE.get(each["name"], "")))
    features = []
    for each in tried["features"]:
        cause, cure = lacking(each["name"], each["errno"], MODULES) if each["ok"] is False else ("", "")
        features.append(_step(each, cause, cure))
    return Report(
        kind=kind, steps=tuple(steps), features=tuple(features), tools=tuple(found), started=started, missing=tuple(missing),
        error=str(error or ""), machine=dict(machine or {}), kinds=tuple(kinds),
    )  # fmt: skip


def _step(each: Mapping[str, Any], cause: str, cure: str, lost: str = "") -> Step:
    words = os.strerror(each["errno"]) if each["errno"] else ""
    return Step(each["name"], each["ok"], each["errno"], words, f"{cause}; {lost}" if cause and lost else cause, cure)


def _trial() -> dict[str, Any]:
    command, environment = config.start_command(str(Path(__file__).with_name("trial.py")))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE,
            check=False, cwd="/", env=environment,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NsmagicError(f"the trial could not be run: {error}") from None
    try:
        tried: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        words = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise NsmagicError(f"the trial could not be run: {words}") from None
    return tried


def _start() -> tuple[str, float, list[str], NsmagicError | None]:
    """Start a lab as a notebook would, and end it."""
    begun = time.monotonic()
    try:
        client, launched, kind = choice.start(None, seed=0, limits={}, ended=lambda cause: None)
    except NsmagicError as error:
        return "", 0.0, [], error
    try:
        missing = list(client.request("hello", patience=10.0, version=1)["missing"])
        return kind, time.monotonic() - begun, missing, None
    except NsmagicError as error:
        return "", 0.0, [], error
    finally:
        client.close()
        launched.end()


def _judge(kind: str, here: tuple[str, ...]) -> Verdict:
    """Start a lab of one kind; that of a virtual machine is asked for its own kernel's features."""
    begun = time.monotonic()
    try:
        client, launched, _ = choice.start(kind, seed=0, limits={}, ended=lambda cause: None, folder="/")
    except SandboxUnavailable as refusal:
        cause, cure = cause_of(refusal.step, refusal.errno)
        plain = refusal.step in ("agent", "start", "virtual machine", "")
        return Verdict(
            kind, False, cause=refusal.message.splitlines()[0] if plain else cause, cure=cure, lacks=LACKS[kind]
        )
    try:
        missing = tuple(client.request("hello", patience=10.0, version=1)["missing"])
        started = time.monotonic() - begun
        return Verdict(kind, True, started, "", "", _features(client) if kind == "vm" else here, LACKS[kind], missing)
    except NsmagicError as error:
        return Verdict(kind, False, cause=error.message, lacks=LACKS[kind])
    finally:
        client.close()
        launched.end()


def _features(client: Client) -> tuple[str, ...]:
    """What the kernel of a running lab has."""
    argv = [sys.executable, "-I", "-S", str(Path(__file__).with_name("trial.py")), "features"]
    text = "".join(item.get("text", "") for item in client.call("run", argv=argv, timeout=_PATIENCE).items())
    try:
        return tuple(each["name"] for each in json.loads(text)["features"] if each["ok"])
    except ValueError:
        return ()


def _machine() -> dict[str, str]:
    return {
        "system": _system(),
        "kernel": f"Linux {platform.release()}",
        "python": f"Python {platform.python_version()}",
        "nsmagic": f"nsmagic {__version__}",
        "user": "root" if os.geteuid() == 0 else f"uid {os.geteuid()}",
    }


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def apparmor_profile() -> str:
    """The AppArmor profile that lets nsmagic's two programs, and no other, make user namespaces with rights in them.

    For Ubuntu 23.10 and later, to be put into ``/etc/apparmor.d/nsmagic`` by an administrator. It is bound to the absolute paths
    of this installation; who can write there gets the same right.
    """
    package = str(config.PACKAGE).replace("\\", "\\\\")
    for character in '*?[]{}^"':
        package = package.replace(character, "\\" + character)
    return f"""# Made by nsmagic {__version__}: lets its launcher make user namespaces. It confines nothing else.
abi <abi/4.0>,
include <tunables/global>

profile nsmagic "{package}/{{agent/launcher,sandbox/trial}}.py" flags=(unconfined) {{
  userns,
  include if exists <local/nsmagic>
}}
"""
