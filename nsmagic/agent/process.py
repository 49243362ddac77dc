"""Processes of the lab: started in a namespace as ``ip netns exec`` does, watched, bounded, ended with all they started.

A job is a *runner* and the command below it. The runner is a child subreaper, so that whatever the command daemonises stays
below it and can be found; a process group is not enough (FAULTS.md: killpg left 15 of 398). When the command ends by itself,
the runner ends and what it left running is handed to pid 1 and lives on, as at a terminal. When the command was asked to end,
the runner stays until all that was below it is gone too.

Standard output and error share one pipe: what a terminal shows is one stream in one order.

Longer than 300 lines: starting, bounding and ending processes belong to one another. What runs is found in ``proc.py``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from nsmagic import syscalls as sys_
from nsmagic.agent import gate, limits, proc
from nsmagic.agent.loop import Loop, Timer
from nsmagic.errors import LimitReached
from nsmagic.sentences import say

#: The name of runners, as ``ps`` shows it.
RUNNER = "nsmagic-run"
#: Ways of asking a job to end, and how long each is given, in seconds.
_ENDINGS = ((signal.SIGINT, 2.0), (signal.SIGTERM, 1.0), (signal.SIGKILL, 0.0))
_CHUNK = 1 << 16
#: What is left of an ended job is looked for again after so many seconds, and no longer than so many.
_AGAIN, _AT_MOST = 0.02, 3.0
_STATUS = struct.Struct("=ii")

#: The environment of every command: nothing of the notebook's own, so that no PYTHONPATH, LD_PRELOAD or BASH_ENV reaches it.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PAGER": "cat",
    "SYSTEMD_PAGER": "cat",
}


class Place(NamedTuple):
    """Where a command runs: the namespace's descriptor (None: the lab's root), its name, folder, whether mounts are possible,
    whether we are a plain user who has only one uid and group there, what it may use, and who is asked before it goes on (``gate.py``)."""

    nsfd: int | None = None
    ns: str = ""
    cwd: str = "/"
    mounts: bool = True
    plain: bool = True
    limits: Mapping[str, int] = MappingProxyType({})
    gate: gate.Handover | None = None


def _environment(place: Place) -> dict[str, str]:
    if place.mounts:
        return ENVIRONMENT
    # Without mounts /run is the machine's, where legacy iptables may not make the file that it locks; and so is resolv.conf, whose
    # servers nobody reaches from here: who asks them (a web server does at its start) shall not wait long.
    return {**ENVIRONMENT, "XTABLES_LOCKFILE": "/dev/null", "RES_OPTIONS": "timeout:1 attempts:1"}


def executable(name: str, path: str = ENVIRONMENT["PATH"]) -> str | None:
    """Where a program is in the lab, or None."""
    if "/" in name:
        return name if os.access(name, os.X_OK) and not os.path.isdir(name) else None
    for folder in path.split(":"):
        found = f"{folder}/{name}"
        if os.access(found, os.X_OK) and not os.path.isdir(found):
            return found
    return None


def fork() -> int:
    """``os.fork``, whose refusal is an error that a person understands.

    Raises
    ------
    LimitReached
        The lab has as many processes as it may have, or the machine no memory for one more.
    """
    try:
        return os.fork()
    except OSError as error:
        raise LimitReached(
            f"no process can be started: {error.strerror}",
            limit="processes",
            hint=say("limit-processes"),
        ) from None


class Job:
    """A running command; ``on_output(bytes)`` as it writes, ``on_end(status, signal)`` once, ``on_failed_line(functions,
    subshells, line, status)`` for each command of a script that failed, and how deep in those it stands.

    Output after the end (of what it left behind) keeps coming to ``on_output`` until the pipe is closed by the last of them.

    Raises
    ------
    LimitReached
        The lab can have no further process.
    """

    def __init__(
        self,
        loop: Loop,
        argv: Sequence[str],
        place: Place,
        *,
        script: str | None = None,
        env: Mapping[str, str] | None = None,
        on_output: Callable[[bytes], None],
        on_end: Callable[[int, int], None],
        on_failed_line: Callable[[int, int, int, int], None] | None = None,
    ) -> None:
        self.argv = tuple(argv)
        self.place = place
        self.ended = False
        self.stopping = False
        self._loop = loop
        self._on_output, self._on_end, self._on_failed_line = on_output, on_end, on_failed_line
        self._timer: Timer | None = None
        self._paused = False
        self._reports = b""
        self._status = (255, int(signal.SIGKILL))
        # Pairs of read and write ends: output, status, failed lines; and what holds the runner.
        pipes: list[int] = []
        try:
            for _ in range(4 if script is not None else 3):
                pipes += os.pipe2(os.O_CLOEXEC)
            out_r, out_w, state_r, state_w, hold_r, hold_w, lines_r, lines_w = [*pipes, -1, -1][:8]
            text_fd = _memory_file(script) if script is not None else -1
            try:
                self.runner = _start_runner(
                    self.argv, place, {**_environment(place), **(env or {})}, out_w, state_w, hold_r, lines_w, text_fd
                )
            finally:
                if text_fd >= 0:
                    os.close(text_fd)
        except BaseException:
            for fd in pipes:
                os.close(fd)
            raise
        for fd in (out_w, state_w, hold_r, lines_w):
            if fd >= 0:
                os.close(fd)
        self._out, self._state, self._hold, self._lines = out_r, state_r, hold_w, lines_r
        for fd in (out_r, state_r, lines_r):
            if fd >= 0:
                os.set_blocking(fd, False)
        loop.watch(out_r, self._read_output)
        loop.watch(state_r, self._read_state)
        if lines_r >= 0:
            loop.watch(lines_r, self._read_failed_lines)

    def pause(self) -> None:
        """Stop reading its output for now: the pipe fills and the writer waits."""
        if not self._paused and self._out >= 0:
            self._paused = True
            self._loop.watch(self._out)

    def resume(self) -> None:
        if self._paused and self._out >= 0:
            self._paused = False
            self._loop.watch(self._out, self._read_output)

    def stop(self) -> None:
        """Ask it and all it started to end: interrupt, then terminate, then kill."""
        if not self.stopping and not self.ended:
            self.stopping = True
            self._ask(0)

    def kill(self) -> None:
        """End it and all it started now."""
        self.stopping = True
        self._ask(len(_ENDINGS) - 1)

    def _ask(self, stage: int) -> None:
        if self._state < 0:
            return  # it has ended meanwhile
        number, patience = _ENDINGS[stage]
        for pid in proc.descendants(self.runner):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if number != signal.SIGKILL:
            self._timer = self._loop.later(patience, lambda: self._ask(stage + 1))
        else:
            # New ones may be born while we kill (a fork bomb): again until the runner reports.
            self._timer = self._loop.later(0.05, lambda: self._ask(stage))

    def _read_output(self) -> None:
        try:
            data = os.read(self._out, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._on_output(data)
        else:
            self._loop.watch(self._out)
            os.close(self._out)
            self._out = -1

    def _read_state(self) -> None:
        try:
            data = os.read(self._state, _STATUS.size)
        except BlockingIOError:
            return
        self._loop.watch(self._state)
        os.close(self._state)
        self._state = -1
        if len(data) == _STATUS.size:
            self._status = _STATUS.unpack(data)
        if self._timer is not None:
            self._timer.cancel()
        self.resume()
        if self.stopping:
            self._end_rest(_AT_MOST)
        else:
            self._finish()

    def _end_rest(self, patience: float) -> None:
        """The command has ended because it was asked to: so shall what it left running, which is still below the runner."""
        left = proc.descendants(self.runner)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if left and patience > 0:
            # No event tells that the last of them is gone, and new ones may be born meanwhile.
            self._timer = self._loop.later(_AGAIN, lambda: self._end_rest(patience - _AGAIN))
        else:
            self._finish()

    def _finish(self) -> None:
        self.ended = True
        os.close(self._hold)
        # What was written before the end is in the pipe by now.
        for _ in range(64):
            if self._out < 0:
                break
            before = self._out
            try:
                data_out = os.read(before, _CHUNK)
            except BlockingIOError:
                break
            if not data_out:
                self._loop.watch(before)
                os.close(before)
                self._out = -1
                break
            self._on_output(data_out)
        if self._lines >= 0:
            self._read_failed_lines()
        if self._lines >= 0:
            self._loop.watch(self._lines)
            os.close(self._lines)
            self._lines = -1
        self._on_end(*self._status)

    def _read_failed_lines(self) -> None:
        # Read as they come: bash waits when the pipe is full.
        try:
            data = os.read(self._lines, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._loop.watch(self._lines)
            os.close(self._lines)
            self._lines = -1
            return
        *lines, self._reports = (self._reports + data).split(b"\n")
        for report in lines:
            numbers = report.split()
            if len(numbers) == 4 and all(each.isdigit() for each in numbers) and self._on_failed_line is not None:
                functions, subshells, line, status = map(int, numbers)
                self._on_failed_line(functions, subshells, line, status)


def _memory_file(text: str) -> int:
    fd = os.memfd_create("cell")
    data = text.encode()
    while data:
        data = data[os.write(fd, data) :]
    return fd


def _start_runner(
    argv: Sequence[str], place: Place, env: Mapping[str, str], out: int, state: int, hold: int, lines: int, text: int
) -> int:
    """Start the runner: it starts the command, tells how that ended, and stays until the agent lets go of ``hold``."""
    sys.stdout.flush()
    pid = fork()
    if pid:
        return pid
    code = 125
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        sys_.prctl(sys_.PR_SET_CHILD_SUBREAPER, 1)
        if not place.plain:
            # On the machine itself there is no pid 1 of the lab with which everything ends.
            sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        if place.gate is not None:
            gate.install(place.gate)
        with contextlib.suppress(OSError):
            write_file("/proc/self/comm", RUNNER)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # The runner outlives what it runs, to say how that ended.
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            child = fork()
        except LimitReached as error:
            os.write(out, f"{argv[0]}: {error.message}\n".encode())
            os.write(state, _STATUS.pack(126, 0))
            return code
        if child == 0:
            os._exit(_become(argv, place, env, out, lines, text))
        close_all_but(state, hold)
        os.write(state, _STATUS.pack(*_await(child)))
        with contextlib.suppress(InterruptedError):
            os.read(hold, 1)
        code = 0
    finally:
        os._exit(code)


def _await(child: int) -> tuple[int, int]:
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if pid == child:
            if os.WIFSIGNALED(status):
                return 128 + os.WTERMSIG(status), os.WTERMSIG(status)
            return os.WEXITSTATUS(status), 0


def close_all_but(*keep: int) -> None:
    """Close every descriptor from 3 on but those named."""
    last = 2
    for fd in sorted(keep):
        os.closerange(last + 1, fd)
        last = fd
    os.closerange(last + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _become(argv: Sequence[str], place: Place, env: Mapping[str, str], out: int, lines: int, text: int) -> int:
    """In the child: namespace, files, limits, then the program. Returns an exit status only when that was not possible."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        if not place.plain:
            sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        # First of all free the numbers that the agent holds: it may have used up what it may have.
        close_all_but(*(fd for fd in (out, lines, text, place.nsfd) if fd is not None and fd >= 0))
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        if place.nsfd is not None:
            place = place._replace(nsfd=_above(place.nsfd))
        wanted = [(_above(fd), new) for fd, new in ((text, 9), (lines, 8)) if fd >= 0]
        for fd, new in wanted:
            os.dup2(fd, new, inheritable=True)
        enter(place)
        close_all_but(*(new for _, new in wanted))
        bound(place)
        try:
            os.chdir(place.cwd)
        except OSError:
            os.chdir("/")
        program = executable(argv[0])
        if program is None:
            return 127
        os.execve(program, list(argv), dict(env))
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        return 126 if error.errno in (errno.EACCES, errno.ENOEXEC) else 127
    return 127


def _above(fd: int) -> int:
    """A copy of a descriptor out of the way of those with a fixed number."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)


def bound(place: Place) -> None:
    """Put the limits of one command in force; the kernel should rather end it than the agent when memory runs out."""
    for name, value in place.limits.items():
        limits.bound(getattr(resource, f"RLIMIT_{name}"), value)
    with contextlib.suppress(OSError):
        write_file("/proc/self/oom_score_adj", "500")
    if place.plain:
        with contextlib.suppress(OSError):  # a kernel without filters: tcpdump does not work then
            sys_.ignore_setgroups()
            if not place.mounts:
                sys_.ignore_other_ids()


def enter(place: Place) -> None:
    """Enter a namespace as ``ip netns exec`` does (``netns_switch`` in iproute2's lib/namespace.c): the network namespace, a
    /sys of its own, and the files of /etc/netns/NAME over those of /etc."""
    if place.nsfd is None:
        return
    sys_.setns(place.nsfd, sys_.CLONE_NEWNET)
    if not place.mounts:
        return
    sys_.unshare(sys_.CLONE_NEWNS)
    sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_SLAVE)
    with contextlib.suppress(OSError):
        sys_.umount("/sys", sys_.MNT_DETACH)
    with contextlib.suppress(OSError):
        # Refused where paths of /sys are masked; then there is none, which is better than the machine's.
        sys_.mount(place.ns or "sysfs", "/sys", "sysfs", sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC)
    folder = f"/etc/netns/{place.ns}"
    if place.ns and os.path.isdir(folder):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                sys_.mount(f"{folder}/{name}", f"/etc/{name}", "", sys_.MS_BIND)


def write_file(path: str, text: str) -> None:
    """Write a text into a file that is there."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
