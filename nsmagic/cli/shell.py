"""``nsmagic shell`` and ``nsmagic ls``: a terminal in a running lab, for JupyterLab's Terminal tab.

On a terminal, bash runs on a terminal of the lab's own, and its master end is handed to us: we copy both ways, with this terminal in
raw mode, and hand on changes of its size. Without one (``echo ip link | nsmagic shell red``) what is piped in runs as a script.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import Any

from nsmagic.errors import LabDied, NamespaceNotFound, NsmagicError, from_data
from nsmagic.model import HOST
from nsmagic.printable import columns
from nsmagic.sandbox import running
from nsmagic.sentences import say

#: bash reads the script from this descriptor; its messages name it, which tells a reader nothing.
_SCRIPT = "/dev/fd/9"
_CHUNK = 1 << 16
#: Seconds to wait for the last output of a shell that has ended while its background jobs hold the terminal.
_LAST_WORDS = 0.1


def list_labs() -> int:
    """Print this user's running labs."""
    found = running.running()
    if not found:
        print("no lab is running (the first %%netns cell of a notebook starts one)")
        return 0
    rows = [["lab", "kind", "namespaces", "processes", "launcher", "folder"]]
    for each in found:
        status = each.status
        if not status:
            rows.append([each.lab, "does not answer", "", "", "", ""])
            continue
        names = ", ".join(status["namespaces"][:6]) + (" …" if len(status["namespaces"]) > 6 else "")
        number = str(len(status["namespaces"])) + (f": {names}" if names else "")
        rows.append([each.lab, status["kind"], number, str(len(status["processes"])), str(each.pid), status["folder"]])
    print("\n".join(columns(rows)))
    return 0


def shell(ns: str = HOST, wanted: str | None = None) -> int:
    """A shell in a namespace of a running lab; its exit status.

    Raises
    ------
    NsmagicError
        No lab is meant, or it has no such namespace, or it ended meanwhile.
    """
    with running.Visit(running.choose(wanted)) as visit:
        known = [HOST, *visit.ask("status")["namespaces"]]
        if ns not in known:
            raise NamespaceNotFound(
                f'there is no namespace "{ns}" in lab {visit.lab}',
                name=ns,
                known=known,
                hint=say("known", known=", ".join(known)),
            )
        if not sys.stdin.isatty():
            return script(visit, ns, sys.stdin.buffer.read().decode(errors="replace"))
        return terminal(visit, ns)


def script(visit: running.Visit, ns: str, text: str) -> int:
    """Run a script with bash; its output as it comes."""

    def show(item: Any) -> None:
        sys.stdout.write(item["text"].replace(_SCRIPT + ": ", ""))
        sys.stdout.flush()

    argv = ["bash", "--norc", "--noprofile", _SCRIPT]
    data = visit.ask("run", show, patient=True, argv=argv, script=text, ns=ns, text="nsmagic shell")
    if data["stopped"]:
        raise NsmagicError("ended because it wrote too much", hint=say("too-much-shell"))
    return int(data["status"])


def terminal(visit: running.Visit, ns: str) -> int:
    """Copy between this terminal and a new one of the lab until the shell there ends."""
    fd = sys.stdin.fileno()
    size = os.get_terminal_size(fd)
    number = visit.send("terminal", ns=ns, columns=size.columns, lines=size.lines)
    master, pid = _master(visit, number)
    if master < 0:
        print(f"lab {visit.lab}, {ns}: exit or Ctrl-D leaves, the lab stays", flush=True)
        with _winch() as winch, _raw(fd):
            return framed(visit, number, pid, fd, winch)
    try:
        os.set_blocking(master, False)
        print(f"lab {visit.lab}, {ns}: exit or Ctrl-D leaves, the lab stays", flush=True)
        with _winch() as winch, _raw(fd):
            return Copier(visit, number, fd, master, winch).run()
    finally:
        os.close(master)


def _master(visit: running.Visit, number: int) -> tuple[int, int]:
    """The descriptor of the terminal's master end, -1 where it cannot be handed out, and the shell's pid in the lab."""
    while True:
        for message, fds in visit.receive():
            if message["id"] != number:
                continue
            if "error" in message:
                raise from_data(message["error"])
            if fds:
                return fds[0], 0
            if "pid" in message.get("item", {}):
                return -1, int(message["item"]["pid"])
            raise NsmagicError("the lab gave no terminal")


def framed(visit: running.Visit, number: int, pid: int, fd: int, winch: int) -> int:
    """Copy between this terminal and one of a virtual machine, in frames, until the shell there ends; its exit status."""
    channel = visit.channel.fileno()
    while True:
        ready = select.select([fd, winch, channel], [], [])[0]
        if winch in ready:
            os.read(winch, _CHUNK)
            size = os.get_terminal_size(fd)
            visit.send("terminal_size", pid=pid, columns=size.columns, lines=size.lines)
        if fd in ready:
            data = os.read(fd, 4096)
            if not data:
                return 129  # this terminal hung up
            visit.send("terminal_typed", pid=pid, data=base64.b64encode(data).decode())
        if channel in ready:
            for message, _ in visit.receive():
                if message["id"] != number:
                    continue
                if "item" in message:
                    write_all(1, base64.b64decode(message["item"].get("data", "")))
                elif "error" in message:
                    raise from_data(message["error"])
                else:
                    status = int(message["done"]["status"])
                    return status if status >= 0 else 128 - status


class Copier:
    """The two directions, and what can end them: the shell, this terminal, the lab."""

    def __init__(self, visit: running.Visit, number: int, fd: int, master: int, winch: int) -> None:
        self._visit, self._number = visit, number
        self._fd, self._master, self._winch = fd, master, winch
        self._typed = b""

    def run(self) -> int:
        """Copy until the end; the shell's exit status."""
        resize(self._fd, self._master)
        while True:
            readers = [self._master, self._winch, self._visit.channel.fileno()]
            if len(self._typed) < _CHUNK:
                readers.append(self._fd)
            ready, writable, _ = select.select(readers, [self._master] if self._typed else [], [])
            if self._winch in ready:
                os.read(self._winch, _CHUNK)
                resize(self._fd, self._master)
            if self._fd in ready:
                data = os.read(self._fd, _CHUNK)
                if not data:
                    return 129  # this terminal hung up
                self._typed += data
            if writable or self._typed:
                with contextlib.suppress(BlockingIOError):
                    self._typed = self._typed[os.write(self._master, self._typed) :]
            if self._master in ready and not self._show():
                return self._status(5.0)
            if self._visit.channel.fileno() in ready:
                return self._status(0.0)

    def _show(self) -> bool:
        """Show what the lab's terminal has; False at its end."""
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:  # EIO: the last process on it has closed it
            return False
        write_all(1, data)
        return bool(data)

    def _status(self, patience: float) -> int:
        if patience and not select.select([self._visit.channel.fileno()], [], [], patience)[0]:
            raise LabDied(f"lab {self._visit.lab} does not answer", cause="not answering")
        for message, _ in self._visit.receive():
            if message["id"] == self._number and "done" in message:
                # What the shell wrote last may still be on its way through the terminal.
                until = time.monotonic() + _LAST_WORDS
                while select.select([self._master], [], [], max(0.0, until - time.monotonic()))[0] and self._show():
                    continue
                status = int(message["done"]["status"])
                return status if status >= 0 else 128 - status
        raise LabDied(f"lab {self._visit.lab} has ended", cause="connection lost")


def write_all(fd: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[os.write(fd, data) :]


def resize(fd: int, master: int) -> None:
    """Give the lab's terminal the size of this one; the kernel tells the programs on it."""
    with contextlib.suppress(OSError):  # a terminal that has no size, or one that has just ended
        fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))


@contextlib.contextmanager
def _winch() -> Iterator[int]:
    """A descriptor that is readable when this terminal's size has changed."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    handler = signal.signal(signal.SIGWINCH, lambda *_: None)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGWINCH, handler)
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def _raw(fd: int) -> Iterator[None]:
    """This terminal hands every key on as it is typed; whatever ends us but SIGKILL, it is as before afterwards."""
    saved = termios.tcgetattr(fd)
    handlers = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, saved)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)
