"""What /proc says of the lab's processes: which there are, and who stands below whom."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

#: __WALL of include/uapi/linux/wait.h: children of every kind.
_WALL = 0x40000000
_PROC: list[int] = []
#: This process, once it was seen.
_OWN: list[Process] = []


def keep_proc() -> None:
    """Keep /proc open: nothing inside can then take it away from us (``umount /proc`` answers that it is busy)."""
    if not _PROC:
        _PROC.append(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


@contextlib.contextmanager
def proc_folder() -> Iterator[None]:
    """Be in /proc for a moment, wherever that is by now: for system calls that want a path."""
    if _PROC:
        os.fchdir(_PROC[0])
    else:
        os.chdir("/proc")
    try:
        yield
    finally:
        os.chdir("/")


def opened(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a file of /proc, wherever that is by now."""
    return os.open(path, flags | os.O_CLOEXEC, dir_fd=_PROC[0]) if _PROC else os.open(f"/proc/{path}", flags)


def _status_of(entry: str) -> dict[str, str] | None:
    """The fields of a process's ``status`` file; None when the process is gone."""
    try:
        with open(f"{entry}/status", errors="replace", opener=opened) as file:
            return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
    except OSError:
        return None


class Process(NamedTuple):
    """A process of the lab: its pid there, its number in /proc (another one in rootless-nomount), its parent's, its name."""

    pid: int
    entry: int
    parent: int
    name: str


def processes() -> dict[int, Process]:
    """The lab's living processes by pid, the agent itself included: it and all below it.

    Right both with the lab's own /proc and with the machine's (rootless-nomount): ``NSpid`` lists a process's numbers from
    the namespace of that /proc inwards, and the agent's own line says which of them is the lab's.
    """
    if _OWN and _childless():
        return {_OWN[0].pid: _OWN[0]}
    own = _status_of("self")
    if own is None:
        return {}
    root, level = int(own["Pid"]), len(own["NSpid"].split()) - 1
    seen: dict[int, Process] = {}
    children: dict[int, list[int]] = {}
    for name in os.listdir(_PROC[0] if _PROC else "/proc"):
        status = _status_of(name) if name.isdigit() else None
        numbers = status.get("NSpid", "").split() if status else []
        # A zombie is no living process, unless threads of it go on.
        if (
            status is not None
            and len(numbers) > level
            and (status["State"][:1] not in "ZX" or status["Threads"] != "1")
        ):
            seen[int(name)] = Process(int(numbers[level]), int(name), int(status["PPid"]), status.get("Name", ""))
            children.setdefault(int(status["PPid"]), []).append(int(name))
    found: dict[int, Process] = {}
    front = [root]
    while front:
        entry = front.pop()
        if entry in seen:
            found[seen[entry].pid] = seen[entry]
        front.extend(children.get(entry, ()))
    if not _OWN and root in seen:
        _OWN.append(seen[root])
    return found


def _childless() -> bool:
    """Whether nobody is below us: asked before each look at /proc, which costs a hundred times as much."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _WALL)
    except ChildProcessError:
        return True
    return False


def nothing_ran() -> int | None:
    """A number that is the same as before when no process was started meanwhile, and none is running but us: what only programs can
    change is then as it was. None when some are running, or where others than ours may be (kind host).

    It is the last pid given in our pid namespace (``loadavg_proc_show`` in fs/proc/loadavg.c).
    """
    if os.getpid() != 1 or not _childless():
        return None
    with open("loadavg", opener=opened) as file:
        return int(file.read().split()[-1])


def descendants(runner: int) -> list[int]:
    """The pids below a runner, itself left out."""
    table = processes()
    if runner not in table:
        return []
    children: dict[int, list[Process]] = {}
    for found in table.values():
        children.setdefault(found.parent, []).append(found)
    below: list[int] = []
    front = [table[runner].entry]
    while front:
        for found in children.get(front.pop(), []):
            below.append(found.pid)
            front.append(found.entry)
    return below


def effort(runner: int) -> tuple[int, bool]:
    """The ticks of processor time that what is below a runner has had so far, and whether any of it would run now or waits for a disk."""
    table = processes()
    ticks, busy = 0, False
    for pid in descendants(runner):
        entry = table[pid].entry if pid in table else 0
        with contextlib.suppress(OSError, IndexError), open(f"{entry}/stat", errors="replace", opener=opened) as file:
            fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            busy = busy or fields[0] in "RD"
    return ticks, busy
