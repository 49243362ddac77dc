"""Background jobs: commands that outlive their cell."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from nsmagic.agent import proc, process
from nsmagic.agent.call import Call
from nsmagic.agent.loop import Loop
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.output import Log
from nsmagic.errors import LimitReached, NsmagicError
from nsmagic.sentences import say

#: Bytes of a background job's output that are kept.
_LOG = 256 << 10
#: Seconds that a background job is given to show that it is there; as long as it works at getting ready, so many.
_READY, _GETTING_READY = 1.0, 30.0
#: Seconds without work after which it is taken to be ready.
_IDLE = 0.3


class Background:
    """A job that outlives its cell: the end of its output is kept."""

    def __init__(self, number: int, text: str, ns: str, job: process.Job, log: Log) -> None:
        self.number, self.text, self.ns, self.job, self.log = number, text, ns, job, log
        self.status: int | None = None
        self.waiting: list[Call] = []

    def describe(self) -> dict[str, Any]:
        return {
            "job": self.number,
            "ns": self.ns,
            "command": self.text,
            "running": self.status is None,
            "status": self.status,
        }


class Jobs:
    """All background jobs of the lab, by number."""

    def __init__(self, loop: Loop, namespaces: Namespaces, most: int) -> None:
        self._loop, self._namespaces, self._most = loop, namespaces, most
        self._jobs: dict[int, Background] = {}
        self._started = 0

    def start(
        self,
        call: Call,
        argv: list[str],
        ns: str,
        script: str | None,
        place: process.Place,
        env: dict[str, str] | None,
        text: str,
    ) -> None:
        """Start a job that outlives its cell. The answer comes when it listens, writes or ends, or after a second, if
        it is not at work still (on a busy machine, or a virtual one, a server takes longer to start): a cell below that asks the
        server should find it."""
        if sum(job.status is None for job in self._jobs.values()) >= self._most:
            raise LimitReached(f"{self._most} background jobs run already", limit="jobs", hint=say("job-most"))
        self._started += 1
        number = self._started

        def ended(status: int, _: int) -> None:
            background.status = status
            for waiting in background.waiting:
                waiting.done({"status": status})
            self._namespaces.scan()

        log = Log(_LOG)
        job = process.Job(self._loop, argv, place, script=script, env=env, on_output=log.write, on_end=ended)
        background = Background(number, text or " ".join(argv), ns, job, log)
        self._jobs[number] = background
        before = self._listening(ns)
        begun = time.monotonic()
        work = (0, begun)

        def look() -> None:
            nonlocal work
            now = time.monotonic()
            ready = bool(background.log or background.status is not None or self._listening(ns) - before)
            if not ready and now > begun + _READY:
                ticks, busy = proc.effort(job.runner)
                if busy or ticks != work[0]:
                    work = ticks, now
                ready = now > work[1] + _IDLE or now > begun + _GETTING_READY
            if ready:
                call.done(background.describe())
            else:
                self._loop.later(0.02 if now < begun + _READY else 0.1, look)

        look()

    def _listening(self, ns: str) -> set[str]:
        """The sockets of a namespace on which somebody waits for connections or datagrams."""
        found = set()
        with self._namespaces.inside(self._namespaces.nsfd(ns)):
            for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
                with contextlib.suppress(OSError), open(f"/proc/thread-self/net/{table}") as file:
                    found |= {fields[9] for fields in map(str.split, file) if len(fields) > 9 and fields[3] == state}
        return found

    def describe(self) -> list[dict[str, Any]]:
        """All of them."""
        return [job.describe() for job in self._jobs.values()]

    def running(self) -> list[process.Job]:
        """Their processes."""
        return [each.job for each in self._jobs.values()]

    def _get(self, number: int) -> Background:
        if number not in self._jobs:
            known = ", ".join(map(str, self._jobs)) or "none"
            raise NsmagicError(f"there is no job {number}", hint=say("job-none", known=known))
        return self._jobs[number]

    def said(self, number: int) -> dict[str, Any]:
        """What a job has written; only the end of it is kept."""
        background = self._get(number)
        return {**background.describe(), "log": background.log.text(), "dropped": background.log.dropped}

    def stop(self, number: int, call: Call) -> Any:
        """End a job and all it started; the call is answered when it has ended."""
        answer = self.wait(number, call)
        if answer is None:
            self._jobs[number].job.stop()
        return answer

    def wait(self, number: int, call: Call) -> Any:
        """Its status when it has ended; else None, and the call is answered then."""
        background = self._get(number)
        if background.status is not None:
            return {"status": background.status}
        background.waiting.append(call)
        return None
