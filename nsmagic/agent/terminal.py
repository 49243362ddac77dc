"""A shell on a terminal of the lab, for ``nsmagic shell``: started inside, its master end handed out.

Nothing enters the lab's pid namespace from outside (a process put there that nobody reaps would keep the lab from ending).
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import signal
import struct
import termios

from nsmagic.agent import gate, process
from nsmagic.agent.call import Call
from nsmagic.agent.loop import Loop
from nsmagic.errors import LimitReached

_CHUNK = 1 << 15


class Framed:
    """A terminal whose descriptor cannot leave the lab (kind vm): what it shows goes out in frames, what is typed comes in frames."""

    def __init__(self, loop: Loop, call: Call, pid: int, master: int) -> None:
        self._loop, self._call, self._pid, self._master = loop, call, pid, master
        self._typed = b""
        os.set_blocking(master, False)
        call.item({"pid": pid})
        call.on_cancel = self._hang_up
        self._watch()

    def _watch(self) -> None:
        self._loop.watch(self._master, self._shown, self._type if self._typed else None)

    def _shown(self) -> None:
        self._show()

    def _show(self) -> bool:
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # EIO: the last process on it has closed it
            data = b""
        if not data:
            self._close()
            return False
        self._call.item({"data": base64.b64encode(data).decode()})
        return True

    def typed(self, data: str) -> None:
        """Type something; more than a person types in one go is lost while nobody reads it, as at any terminal."""
        if self._master >= 0 and len(self._typed) < _CHUNK:
            self._typed += base64.b64decode(data)
            self._type()

    def _type(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._typed = self._typed[os.write(self._master, self._typed) :]
        self._watch()

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size; the kernel tells the programs on it."""
        if self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self) -> None:
        """The shell has ended: its last words, and no more of what it left running there."""
        while self._master >= 0 and self._show():
            continue
        self._close()

    def _hang_up(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGHUP)
        self._close()

    def _close(self) -> None:
        if self._master >= 0:
            self._loop.watch(self._master)
            os.close(self._master)
            self._master = -1


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
    if place.gate is not None:
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
