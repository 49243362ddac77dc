"""What FAULTS.md section 4 calls the observations: is anything of a lab left?

All of it from outside, unprivileged, by reading /proc; every wait has a limit and waits for an event where there is one.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator


def pid_namespace(pid: int) -> str:
    """``pid:[4026532…]`` of a process."""
    return os.readlink(f"/proc/{pid}/ns/pid")


def children(pid: int) -> list[int]:
    """The children of a process, of all its threads."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        # A thread may end meanwhile.
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{task}/children") as file:
            found += [int(each) for each in file.read().split()]
    return found


def processes_in(namespace: str) -> list[int]:
    """PROCS0: the processes of a pid namespace that are neither zombies nor dead."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            if os.readlink(f"/proc/{name}/ns/pid") == namespace:
                with open(f"/proc/{name}/stat") as file:
                    state = file.read().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found.append(int(name))
    return found


def mounts_with(tag: str) -> list[int]:
    """MNT0: the processes that see a mount whose line contains the tag."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/mountinfo") as file:
            if tag in file.read():
                found.append(int(name))
    return found


def zombies_of(pid: int) -> list[int]:
    """ZOMB0: the children of a process that nobody has reaped."""
    found = []
    for child in children(pid):
        with contextlib.suppress(OSError), open(f"/proc/{child}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                found.append(child)
    return found


@contextlib.contextmanager
def handle(pid: int) -> Iterator[int]:
    """A pidfd, so that the end of a process is an event."""
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def ended(pidfd: int, seconds: float) -> bool:
    """Wait for the end of a process."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, where the kernel offers no event for it (namespaces freed by its work queue)."""
    limit = time.monotonic() + seconds
    waiter = select.poll()
    while not true():
        if time.monotonic() > limit:
            return False
        waiter.poll(5)
    return True
