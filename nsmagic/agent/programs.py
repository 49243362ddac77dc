"""Programs of the lab: run for a cell, in the background, at a terminal; and what the agent owes them all as pid 1.

It reaps every orphan, and no signal from inside reaches it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.agent import proc, process, protocol, servers, terminal
from nsmagic.agent.call import Call
from nsmagic.agent.holder import Holder
from nsmagic.agent.jobs import Jobs
from nsmagic.agent.loop import Timer
from nsmagic.agent.output import FailedLines, Output
from nsmagic.agent.rules import may_change
from nsmagic.errors import CommandFailed, CommandNotFound
from nsmagic.names import HOST


class Programs(Holder):
    """The processes of the lab that were asked for."""

    def __init__(self, channel: protocol.Channel, config: Mapping[str, Any], missing: Sequence[str]) -> None:
        super().__init__(channel, config, missing)
        self.jobs = Jobs(self.loop, self.namespaces, self.bounds["jobs"])
        self._left_over: set[process.Job] = set()
        #: The processes that serve a world, which no learner started.
        self.world_servers: set[int] = set()
        self._shells: dict[int, Call] = {}
        self._terminals: dict[int, terminal.Framed] = {}
        self._watch_children()

    def op_run(
        self,
        call: Call,
        argv: list[str],
        ns: str = HOST,
        script: str | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout: float | None = None,
        background: bool = False,
        text: str = "",
    ) -> Any:
        """A program or a bash script in a namespace; its output as items, then its status and what changed."""
        if process.executable(argv[0]) is None:
            if "/" in argv[0] and os.path.exists(argv[0]):
                raise CommandFailed(f"{argv[0]}: Permission denied", command=text or argv[0], status=126)
            raise CommandNotFound(f"{argv[0]}: command not found", name=argv[0])
        place = self.place(ns, cwd)
        if background:
            self.jobs.start(call, argv, ns, script, place, env, text)
            return None
        # What was changed before, by a background job say, is not this program's doing.
        first = self.config["kind"] == "host" and may_change(script or " ".join(argv))
        self.rules.refresh(
            first, lambda _: self.attempt(call, lambda: self._run(call, argv, place, script, env, timeout))
        )
        return None

    def _run(
        self,
        call: Call,
        argv: list[str],
        place: process.Place,
        script: str | None,
        env: dict[str, str] | None,
        timeout: float | None,
    ) -> None:
        mark = self.monitor.mark()
        output = Output(self.loop, lambda text: call.item({"text": text}), self.bounds["output"])
        failed = FailedLines()
        timer: list[Timer] = []
        timed_out: list[bool] = []

        def ended(status: int, number: int) -> None:
            self._left_over.discard(job)
            for each in timer:
                each.cancel()
            output.close()
            self.namespaces.scan()
            self.monitor.settle()
            changes = self.work.changes_of_program(mark)
            moment = self.work.moments.keep()
            self.work.moments.rest()
            self.rules.refresh(
                may_change(script or " ".join(argv)),
                lambda more: call.done(
                    {
                        "status": status, "signal": number, "failed": failed.lines(), "timeout": bool(timed_out),
                        "stopped": self.bounds["output"] if output.over else 0, "cancelled": call.cancelled,
                        "changes": changes + more, "moment": moment, "notices": self.work.crowd.news(),
                    }
                ),
            )  # fmt: skip

        job = process.Job(
            self.loop, argv, place, script=script, env=env, on_output=output.write,
            on_end=lambda status, number: self.attempt(call, lambda: ended(status, number)),
            on_failed_line=failed.add,
        )  # fmt: skip
        output.job = job
        self._left_over.add(job)
        call.on_cancel = job.stop

        def over() -> None:
            timed_out.append(True)
            job.stop()

        if timeout:
            timer.append(self.loop.later(timeout, over))

    def op_which(self, call: Call, names: list[str]) -> dict[str, Any]:
        """Where programs are in the lab."""
        return {name: process.executable(name) for name in names}

    # Jobs, and what serves a world

    def op_jobs(self, call: Call) -> list[dict[str, Any]]:
        """The background jobs."""
        return self.jobs.describe()

    def op_job_log(self, call: Call, job: int) -> dict[str, Any]:
        """What a background job has written; only the end of it is kept."""
        return self.jobs.said(job)

    def op_job_stop(self, call: Call, job: int) -> Any:
        """End a background job and all it started; the answer comes when it has ended."""
        return self.jobs.stop(job, call)

    def op_job_wait(self, call: Call, job: int) -> Any:
        """The answer comes when the job has ended by itself."""
        return self.jobs.wait(job, call)

    def op_serve(self, call: Call, ns: str, names: dict[str, str], page: str) -> dict[str, Any]:
        """A name server and a web page in a room of the outside."""
        self.world_servers.add(servers.start(self.namespaces, self.place(ns), ns, names, page))
        return {}

    def end_jobs(self) -> None:
        """End what is running, and what it left below it: of kind host nobody else does."""
        for job in [*self._left_over, *self.jobs.running()]:
            if job.ended:
                continue  # its number may be somebody else's by now
            for pid in [*proc.descendants(job.runner), job.runner]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # Terminals

    def op_terminal(self, call: Call, ns: str = HOST, columns: int = 80, lines: int = 24) -> None:
        """A shell on a new terminal of the lab: the descriptor of its master end as an item; its status when it has ended."""
        pid, master = terminal.start(self.place(ns), columns, lines)
        self._shells[pid] = call
        if not call.channel.carries_fds:
            self._terminals[pid] = terminal.Framed(self.loop, call, pid, master)
            return
        try:
            call.item({"pid": pid}, [master])
        finally:
            os.close(master)

    def op_terminal_typed(self, call: Call, pid: int, data: str) -> dict[str, Any]:
        """What was typed at a terminal whose descriptor could not be handed out, in base64."""
        if pid in self._terminals:
            self._terminals[pid].typed(data)
        return {}

    def op_terminal_size(self, call: Call, pid: int, columns: int, lines: int) -> dict[str, Any]:
        """Such a terminal has another size now."""
        if pid in self._terminals:
            self._terminals[pid].resize(columns, lines)
        return {}

    # Pid 1

    def _watch_children(self) -> None:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._wakeup = (reader, writer)
        self.loop.watch(reader.fileno(), self._reap)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakeup[0].recv(4096)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                if pid in self._terminals:
                    self._terminals.pop(pid).end()
                if pid in self._shells:
                    self._shells.pop(pid).done({"status": os.waitstatus_to_exitcode(status)})
