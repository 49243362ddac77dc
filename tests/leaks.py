"""Does a test leave anything behind in this process: a child, a zombie, a descriptor of a namespace, a thread of ours, a mount?

ZOMB0, FD0 and MNT0 of FAULTS.md section 4, from inside the process that made the labs. Cheap enough to run around every test.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

#: Seconds within which what a closed lab had must be gone.
PATIENCE = 2.0
_KINDS = ("net:[", "mnt:[", "user:[", "pid:[", "anon_inode:[pidfd]", "socket:[")


@dataclass(frozen=True)
class Held:
    """What this process holds of a lab, as lines that name it."""

    children: frozenset[str]
    descriptors: frozenset[str]
    threads: frozenset[str]
    mounts: frozenset[str]

    def more_than(self, before: Held) -> list[str]:
        """What is here and was not before."""
        return sorted(
            (self.children - before.children)
            | (self.descriptors - before.descriptors)
            | (self.threads - before.threads)
            | (self.mounts - before.mounts)
        )


def held() -> Held:
    """What this process holds now."""
    return Held(_children(), _descriptors(), _threads(), _mounts())


def left_since(before: Held) -> list[str]:
    """What was left since then, given a moment to go: a lab that nobody closed goes with its last reference."""
    left = held().more_than(before)
    if not left:
        return []
    gc.collect()
    end = time.monotonic() + PATIENCE
    while left and time.monotonic() < end:
        # Nothing announces that a child was reaped by the thread that waits for it.
        threading.Event().wait(0.01)
        left = held().more_than(before)
    return left


def _children() -> frozenset[str]:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:
            continue  # the thread has ended meanwhile
        found |= {f"child {_described(pid)}" for pid in pids}
    return frozenset(found)


def _described(pid: str) -> str:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return f"{pid} (gone)"
    return f"{pid} ({'a zombie' if state == 'Z' else words[:120]})"


def _descriptors() -> frozenset[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the one that listed the folder
        if target.startswith(_KINDS):
            found.add(f"descriptor {number} {target}")
    return frozenset(found)


def _threads() -> frozenset[str]:
    return frozenset(f"thread {each.name}" for each in threading.enumerate() if each.name.startswith("nsmagic"))


def _mounts() -> frozenset[str]:
    with open("/proc/self/mountinfo") as file:
        return frozenset(f"mount {line.strip()}" for line in file if "nsmagic-" in line)
