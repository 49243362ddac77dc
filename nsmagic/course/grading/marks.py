"""``nsmagic grade``: each submission in a jail of its own, one after the other; marks as a table, CSV or JSON.

The grader's process only starts the jail, sends the job, reads events and watches time and memory. Nothing of a submission is run,
imported or unpickled here; its notebook is read as JSON, within bounds.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import secrets
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsmagic.course import practice
from nsmagic.course.grading import merge
from nsmagic.course.tasks import SOLUTIONS
from nsmagic.errors import NsmagicError
from nsmagic.lab import Lab
from nsmagic.sandbox import config as config_
from nsmagic.sandbox import jail
from nsmagic.sentences import say

#: A submission's file may be so large, and what the supervisor tells of it.
_FILE, _TOLD = 32 << 20, 16 << 20
_MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
_ONE_CHECK = re.compile(r"%check\s+([^\s-]\S*)(?:\s+--seed[ =]\d+)?$")
#: Seconds between two looks at the memory.
_LOOK = 0.25


@dataclass(frozen=True)
class Bounds:
    """What a submission may use: seconds in all and for a cell, MiB of memory and scratch space, bytes of output, processes."""

    time: float = 300.0
    cell_time: float = 30.0
    memory: int = 2048
    scratch: int = 64
    output: int = 1 << 20
    processes: int = 128


@dataclass(frozen=True)
class CheckMark:
    """What came of one check: points of points, and what was missing."""

    name: str
    points: float
    of: float
    missing: tuple[str, ...] = ()


@dataclass
class Mark:
    """What came of one submission. ``notes`` say what was out of the ordinary, stored outputs that are not its own among them."""

    name: str
    seed: int = 0
    checks: list[CheckMark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    macs: set[str] = field(default_factory=set)

    @property
    def points(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def of(self) -> float:
        return sum(check.of for check in self.checks)

    def to_data(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name, "seed": self.seed, "points": round(self.points, 2), "of": self.of,
            "checks": [
                {"name": each.name, "points": round(each.points, 2), "of": each.of, "missing": list(each.missing)}
                for each in self.checks
            ],
            "notes": self.notes,
        }  # fmt: skip


def grade(
    submissions: Sequence[Path],
    teacher: Path,
    *,
    seeds: Mapping[str, int] | None = None,
    bounds: Bounds | None = None,
    files: Iterable[Path] = (),
) -> list[Mark]:
    """Grade submissions against the teacher's copy. ``seeds``: name of a submission → the learner's number (others: 0).

    ``files`` are laid into the scratch folder, by name: data that the notebook reads.

    Raises
    ------
    NsmagicError
        The teacher's copy cannot be read or has no check; no jail can be made here.
    """
    ours = read(teacher)
    if not any(step.check for step in merge.steps(ours, ours)):
        raise NsmagicError(f"{teacher}: there is no check in it", hint=say("grade-checks"))
    beside = {path.name: path.read_bytes().hex() for path in files}
    known = names(submissions)
    marks, stored = [], []
    begins = Begins()
    for path, name in zip(submissions, known, strict=True):
        mark = Mark(name, (seeds or {}).get(name, 0))
        marks.append(mark)
        try:
            theirs = read(path)
        except NsmagicError as error:
            mark.notes.append(error.message)
            theirs = {"cells": []}
            steps = [step for step in merge.steps(ours, theirs) if step.check]
            mark.checks = [CheckMark(step.name, 0.0, step.points) for step in steps]
            stored.append(set[str]())
            continue
        stored.append(outputs(theirs))
        _one(mark, merge.steps(ours, theirs), bounds or Bounds(), beside, begins)
    _compare(marks, stored)
    return marks


def names(paths: Sequence[Path]) -> list[str]:
    """What submissions are called: by file, or by folder where all files have one name (nbgrader's ``ann/ps1.ipynb``).

    >>> names([Path("ann/ps1.ipynb"), Path("bob/ps1.ipynb")]), names([Path("in/ann.ipynb")])
    (['ann', 'bob'], ['ann'])
    """
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    parents = [path.parent.name for path in paths]
    return parents if len(set(parents)) == len(parents) else [str(path) for path in paths]


def read(path: Path) -> dict[str, Any]:
    """A notebook as plain data.

    Raises
    ------
    NsmagicError
        It cannot be read, is too large, or is none.
    """
    try:
        if path.stat().st_size > _FILE:
            raise NsmagicError(f"{path}: larger than {_FILE >> 20} MiB")
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise NsmagicError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise NsmagicError(f"{path}: not a notebook (no JSON)") from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) and _plain(cell) for cell in cells):
        raise NsmagicError(f"{path}: not a notebook (format 4)")
    found: dict[str, Any] = data
    return found


def _plain(cell: Mapping[str, Any]) -> bool:
    text, metadata = cell.get("source", ""), cell.get("metadata", {})
    lines = isinstance(text, str) or (isinstance(text, list) and all(isinstance(line, str) for line in text))
    return lines and isinstance(metadata, dict) and isinstance(metadata.get("nbgrader", {}), dict)


def outputs(notebook: Mapping[str, Any]) -> set[str]:
    """The MAC addresses in a notebook's stored outputs: a lab derives them from its seed."""
    return set(_MAC.findall(json.dumps([cell.get("outputs", ()) for cell in notebook["cells"]])))


def _compare(marks: Sequence[Mark], stored: Sequence[set[str]]) -> None:
    """Say whose outputs are not what its own notebook gives."""
    for mark, kept in zip(marks, stored, strict=True):
        # Those of ``lo`` and broadcast are everybody's.
        kept = {mac for mac in kept if mac not in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")}
        if not kept or not mark.macs or kept & mark.macs:
            continue
        others = [other.name for other in marks if other is not mark and kept & other.macs]
        mark.notes.append(
            "stored outputs are of another seed" + (f", as those of {', '.join(others)}" if others else "")
        )


def _configuration(bounds: Bounds) -> dict[str, Any]:
    python = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    packages = {
        str(Path(entry).resolve()) for entry in sys.path if entry.endswith(("-packages",)) and os.path.isdir(entry)
    }
    code = [str(config_.PACKAGE.parent)]
    return {
        "kind": "rootless", "lab": secrets.token_hex(4), "python": sys.executable, "code": code, "writable": "",
        # Of a checkout only the package: notebooks and solutions may lie beside it.
        "readonly": sorted({str(config_.PACKAGE), *python, *packages, *(os.path.realpath(each) for each in python)}),
        "hidden": [str(SOLUTIONS)], "scratch": bounds.scratch, "processes": 4 * bounds.processes + 600,
    }  # fmt: skip


def _one(mark: Mark, steps: Sequence[merge.Step], bounds: Bounds, files: Mapping[str, str], begins: Begins) -> None:
    """Run one submission in its jail."""
    configuration = _configuration(bounds)
    job = {
        "seed": mark.seed, "cell_time": bounds.cell_time, "output": bounds.output, "files": dict(files), "code": configuration["code"],
        "limits": {
            "AS": bounds.memory << 20, "NPROC": bounds.processes, "FSIZE": bounds.scratch << 20, "CPU": int(bounds.time), "NOFILE": 512,
        },
        "steps": [{"check" if step.check else "run": step.source, "cell": at} for at, step in enumerate(steps)],
    }  # fmt: skip
    first = json.dumps(configuration).encode()
    sent = struct.pack("!I", len(first)) + first + json.dumps(job).encode() + b"\n"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(jail.__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True, cwd="/", env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    try:
        events, ended = _watch(process, sent, bounds)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    _take(mark, steps, events, ended, begins)


def _watch(process: subprocess.Popen[bytes], job: bytes, bounds: Bounds) -> tuple[list[dict[str, Any]], str]:
    """Send the job and read events until the end, or until it has had too much; the events, and why it was ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    os.set_blocking(process.stdin.fileno(), False)
    until = time.monotonic() + bounds.time + 20.0
    told = b""
    poller = select.poll()
    poller.register(process.stdout, select.POLLIN)
    poller.register(process.stdin, select.POLLOUT)
    ended = ""
    while True:
        ready = dict(poller.poll(_LOOK * 1000))
        if job and process.stdin.fileno() in ready:
            try:
                job = job[os.write(process.stdin.fileno(), job[: 1 << 16]) :]
            except BrokenPipeError:
                job = b""
            if not job:
                poller.unregister(process.stdin)
                process.stdin.close()
        if process.stdout.fileno() in ready:
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            told += data
        if len(told) > _TOLD:
            ended = "it told too much"
        elif time.monotonic() > until:
            ended = "it took too long"
        elif memory_of(process.pid, 2 * bounds.memory << 20) > 2 * bounds.memory << 20:
            ended = "it used too much memory"
        if ended:
            process.send_signal(signal.SIGKILL)
            break
    events = []
    for line in told.split(b"\n")[:-1]:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events, ended


def memory_of(pid: int, enough: int = 0) -> int:
    """Bytes of memory that a process and all its descendants hold.

    Looked at closely (pages that several share divided among them) only above ``enough``, since that costs the kernel more.

    >>> memory_of(os.getpid()) > 1 << 20
    True
    """
    total, todo, all_ = 0, [pid], []
    page = os.sysconf("SC_PAGE_SIZE")
    while todo:
        each = todo.pop()
        all_.append(each)
        with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * page
            for task in os.listdir(f"/proc/{each}/task"):
                todo += map(int, Path(f"/proc/{each}/task/{task}/children").read_text().split())
    return total if total <= enough else sum(map(_share, all_))


def _share(pid: int) -> int:
    """A process's proportional share of the memory it maps, in bytes."""
    with contextlib.suppress(OSError, ValueError):
        found = re.search(r"^Pss: +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) << 10 if found else 0
    return 0


def credit(held: Sequence[bool], before: Sequence[bool]) -> float:
    """What part of a check is earned, of 1: of the points that do not hold ``before`` anybody has done anything.

    One that held before and does not any more costs as much as another earns.

    >>> credit([True, True, False], [True, False, False]), credit([True, False, False], [True, False, False])
    (0.5, 0.0)
    """
    if len(before) != len(held) or all(before):
        before = [False] * len(held)
    earned = sum(now and not then for now, then in zip(held, before, strict=True))
    lost = sum(then and not now for now, then in zip(held, before, strict=True))
    return max(0, earned - lost) / sum(not then for then in before)


class Begins:
    """Which points of a task hold at its beginning, tried once for each task that somebody has not solved."""

    def __init__(self) -> None:
        self._known: dict[str, list[bool]] = {}

    def of(self, source: str) -> list[bool]:
        """The points of a cell that is one ``%check NAME``; of any other nothing is known."""
        found = _ONE_CHECK.match(source.strip())
        if found is None:
            return []
        name = found[1]
        if name not in self._known:
            with Lab() as lab:
                try:
                    points = practice.task(name, lab, seed=0).report().points
                except NsmagicError:
                    points = ()  # a task of the submissions' own folder
            self._known[name] = [point.ok for point in points]
        return self._known[name]


def _take(
    mark: Mark, steps: Sequence[merge.Step], events: Sequence[Mapping[str, Any]], ended: str, begins: Begins
) -> None:
    """Make marks and notes of what was told."""
    found = {event["cell"]: event["points"] for event in events if event.get("event") == "check"}
    for event in events:
        if event.get("event") == "refused":
            raise NsmagicError(f"no jail can be made here: {event['words']}", hint=say("doctor-steps"))
        if event.get("event") == "broken":
            raise NsmagicError(f"{mark.name}: the supervisor failed: {event['words']}")
        if event.get("event") == "cell":
            mark.macs |= set(event.get("macs", ()))
            if event["status"] in ("time", "output", "died"):
                words = {"time": "a cell took too long", "output": "a cell wrote too much", "died": event["words"]}
                mark.notes.append(words[event["status"]])
    for at, step in enumerate(steps):
        if not step.check:
            continue
        points = found.get(at)
        if not points:
            mark.checks.append(CheckMark(step.name, 0.0, step.points, ("not reached",)))
            continue
        missing = tuple(words for ok, words in points if not ok)
        share = credit([bool(ok) for ok, _ in points], begins.of(step.source) if missing else [])
        mark.checks.append(CheckMark(step.name, step.points * share, step.points, missing))
    if ended:
        mark.notes.append(ended)
    elif not any(event.get("event") == "end" for event in events):
        mark.notes.append("it ended before its end")
    mark.notes = list(dict.fromkeys(mark.notes))


# What people read


def as_csv(marks: Sequence[Mark]) -> str:
    """The marks as CSV: a line for each submission, a column for each check."""
    columns = list(dict.fromkeys(check.name for mark in marks for check in mark.checks))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "seed", "points", "of", *columns, "notes"])
    for mark in marks:
        by_name = {check.name: f"{check.points:g}" for check in mark.checks}
        row = [mark.name, mark.seed, f"{mark.points:g}", f"{mark.of:g}", *(by_name.get(name, "") for name in columns)]
        writer.writerow([_harmless(str(each)) for each in (*row, "; ".join(mark.notes))])
    return out.getvalue()


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: names and words come from submissions."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_json(marks: Sequence[Mark]) -> str:
    """The marks as one JSON document."""
    return json.dumps([mark.to_data() for mark in marks], indent=1, ensure_ascii=False) + "\n"


def as_text(marks: Sequence[Mark]) -> str:
    """The marks as lines for a terminal."""
    from nsmagic.printable import columns, printable

    rows = [["name", "points", "notes"]]
    rows += [
        [printable(mark.name), f"{mark.points:g} of {mark.of:g}", printable("; ".join(mark.notes))] for mark in marks
    ]
    return "\n".join(columns(rows)) + "\n"
