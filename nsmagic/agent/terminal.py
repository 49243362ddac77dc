"""A shell on a terminal of the lab, for ``nsmagic shell``: started inside, its master end handed out.

Nothing enters the lab's pid namespace from outside (a process put there that nobody reaps would keep the lab from ending).
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios

from nsmagic.agent import gate, process
from nsmagic.errors import LimitReached


def start(place: process.Place, columns: int, lines: int) -> tuple[int, int]:
    """Start bash in a namespace on a new pseudo-terminal; returns its pid and the descriptor of the terminal's master end."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    try:
        pid = process.fork()
    except LimitReached:
        os.close(master)
        os.close(slave)
        raise
    if pid == 0:
        try:
            _become(place, slave)
        finally:
            os._exit(127)
    os.close(slave)
    return pid, master


def _become(place: process.Place, slave: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if place.gate >= 0:
        gate.install(place.gate)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    process.enter(place)
    process.close_all_but()
    process.bound(place)
    os.chdir(place.cwd if os.path.isdir(place.cwd) else "/")
    prompt = f"{place.ns or 'host'}:\\w\\$ "
    environment = {**process.ENVIRONMENT, "TERM": "xterm-256color", "PS1": prompt}
    shell = process.executable("bash") or "/bin/sh"
    os.execve(shell, [shell, "--norc", "--noprofile", "-i"] if shell.endswith("bash") else [shell, "-i"], environment)
