#!/usr/bin/env python3
"""The cage of a student's kernel: ``python -I -S cage.py LIMITS PROGRAM…``, started by the supervisor inside the jail.

A user, mount, pid and IPC namespace of its own: from in there the supervisor cannot be seen, named or traced, and what the jail
mounts is locked. Limits bind all that runs in it. Pid 1 here only reaps; with the kernel, everything ends. Standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

sys.path.append(os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 2)))

from nsmagic import syscalls as sys_
from nsmagic.sandbox.jail import INSIDE_UID, map_to


def main(argv: list[str]) -> int:
    """Make the cage, start the program in it, wait."""
    limits: dict[str, int] = json.loads(argv[1])
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        # The signal of the soft limit (SIGXCPU) can be ignored; that of the hard one cannot.
        resource.setrlimit(number, (value, value + 5 if name == "CPU" else value))
    uid, gid = os.getuid(), os.getgid()
    sys_.unshare(sys_.CLONE_NEWUSER)
    map_to(INSIDE_UID, uid, gid)
    sys_.unshare(sys_.CLONE_NEWPID | sys_.CLONE_NEWNS | sys_.CLONE_NEWIPC)
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
    first = os.fork()
    if first == 0:
        sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        os._exit(_init(argv[2:]))
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF


def _init(program: list[str]) -> int:
    flags = sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC
    sys_.mount("proc", "/proc", "proc", flags)
    kernel = os.fork()
    if kernel == 0:
        # Python ignores it, and so would all that it starts.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        sys_.prctl(sys_.PR_SET_NO_NEW_PRIVS, 1)
        os.execv(program[0], program)
    while True:
        pid, status = os.wait()
        if pid == kernel:
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv))
