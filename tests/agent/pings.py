"""Our ping and the machine's, run on the same commands in two equal sandboxes."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from inlab import namespace

from nsmagic import syscalls as sys_
from nsmagic.agent.loop import Loop
from nsmagic.agent.ping import Ping
from nsmagic.commands import ping as grammar

_TIMES = (
    (re.compile(r"time=[0-9.]+ ms"), "time=T ms"),
    (re.compile(r", time [0-9]+ms"), ", time Tms"),
    (re.compile(r"(?<== )[0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms"), "T ms"),
    # How many are under way at once is a matter of the machine's load, where answers come at all.
    (re.compile(r"(?<== T ms), pipe [0-9]+"), ""),
    (re.compile(r"ipg/ewma [0-9.]+/[0-9.]+ ms"), "ipg/ewma T ms"),
    (re.compile(r"^\[[0-9]{10,}\.[0-9]{6}\]", re.M), "[T]"),
    (re.compile(r"fe80::[0-9a-f:]+"), "fe80::X"),
)


#: How many are under way at once when many are sent is a matter of the machine's load.
_LOAD = ((re.compile(r"(?:\.|\x08 \x08)+(?=\n)"), "DOTS"), (re.compile(r"(, )?pipe [0-9]+"), ""))


def masked(text: str, *, busy: bool = False) -> str:
    """Output with what differs from run to run put aside; with ``busy`` also what differs from load to load."""
    for pattern, words in (*_TIMES, *(_LOAD if busy else ())):
        text = pattern.sub(words, text)
    return text


class Run:
    """A ping of ours, in a namespace, in this thread."""

    def __init__(self, command: str, ns: str = "red", rows: list[Any] | None = None) -> None:
        self.loop = Loop()
        self.text: list[str] = []
        self.value: dict[str, Any] = {}
        self.opened: list[socket.socket] = []
        self._home, self._ns = sys_.current_netns(), namespace(ns)
        args = grammar.parse(tuple(shlex.split(command)), None).args

        def resolve(name: str, found: Callable[..., None]) -> None:
            def answer() -> None:
                try:
                    flags = socket.AI_CANONNAME
                    known = rows if rows is not None else socket.getaddrinfo(name, None, flags=flags)
                except socket.gaierror as error:
                    found([], error.strerror)
                else:
                    found(known)

            self.loop.later(0, answer)

        self.ping = Ping(
            self.loop, self._open, args, resolve=resolve, on_text=self.text.append, on_end=self.value.update
        )

    def _open(self, family: int, kind: int, protocol: int) -> socket.socket:
        sys_.setns(self._ns, sys_.CLONE_NEWNET)
        try:
            sock = socket.socket(family, kind, protocol)
        finally:
            sys_.setns(self._home, sys_.CLONE_NEWNET)
        self.opened.append(sock)
        return sock

    def until(self, done: Callable[[], Any], seconds: float = 20.0) -> None:
        """Turn the loop until something is so."""
        late: list[bool] = []
        timer = self.loop.later(seconds, lambda: late.append(True))
        while not done():
            assert not late, f"nothing happened; said so far: {self.text}"
            self.loop.turn()
        timer.cancel()

    def finish(self) -> Run:
        self.ping.start()
        self.until(lambda: self.value)
        return self


def ours(command: str) -> list[Any]:
    """Status and output of our ping."""
    run = Run(command).finish()
    return [run.value["status"], masked("".join(run.text), busy=_busy(command))]


def theirs(command: str) -> list[Any]:
    """Status and output of the machine's ping."""
    done = subprocess.run(
        ["ip", "netns", "exec", "red", *shlex.split(command)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
    )  # fmt: skip
    return [done.returncode, masked(done.stdout, busy=_busy(command))]


def _busy(command: str) -> bool:
    return any(option in command for option in (" -f ", " -l ", " -A ", " -i 0 ", " -i 0.001 "))


def timed(function: Callable[[str], Any], command: str) -> float:
    """How many seconds it took."""
    start = time.monotonic()
    function(command)
    return time.monotonic() - start
