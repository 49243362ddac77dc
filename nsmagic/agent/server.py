"""The agent: pid 1 of the lab. Reads requests, does them in the kernel, streams what comes of them.

One thread, one loop. A request is a method ``op_NAME(call, …)``, called by ``connections.py``. A bug in one ends that request with a
message; the loop goes on. The agent is pid 1, so it reaps every orphan, and no signal from inside reaches it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsmagic import __version__, sentences
from nsmagic import syscalls as sys_
from nsmagic.agent import (
    defaults,
    limits,
    notices,
    probe,
    proc,
    process,
    protocol,
    series,
    servers,
    shelf,
    situation,
    terminal,
    watch,
)
from nsmagic.agent.call import Call, told
from nsmagic.agent.capture import Captures
from nsmagic.agent.connections import Connections
from nsmagic.agent.framed_socket import FramedSockets, refused
from nsmagic.agent.jobs import Jobs
from nsmagic.agent.loop import Loop, Timer
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.output import FailedLines, Output
from nsmagic.agent.rules import Rules, may_change
from nsmagic.agent.work import Work
from nsmagic.errors import CommandFailed, CommandNotFound, NamespaceNotFound, NsmagicError
from nsmagic.names import HOST
from nsmagic.netlink.monitor import Monitor
from nsmagic.shape import ON_REQUEST

_ROWS_PER_FRAME = 1000
#: Seconds that those wait for our word who hear of links from the kernel, too.
_LATER = 0.0005


class Agent(Connections):
    """All of the lab's state, in one process."""

    def __init__(
        self,
        channel: protocol.Channel,
        config: Mapping[str, Any],
        missing: Sequence[str],
        visits: socket.socket | None = None,
    ) -> None:
        self.config = config
        self.missing = list(missing)
        sentences.take(config.get("sentences", {}))
        super().__init__(Loop(on_error=self._bug), channel)
        self.bounds: dict[str, int] = limits.enforce(config["limits"], config["kind"], self.missing)
        home = sys_.current_netns()
        proc.keep_proc()
        self.monitor = Monitor(home)
        plain = config["kind"] != "host"
        prepare = self._defaults() if plain else []
        self.namespaces = Namespaces(
            self.monitor, home, seed=config["seed"], mounts=config["kind"] != "rootless-nomount", prepare=prepare
        )
        self.work = Work(self.loop, self.monitor, self.namespaces, self.bounds["neighbours"], self.bounds["links"])
        self.rules = Rules(self.loop, self.monitor, self.namespaces, self.place)
        self.captures = Captures(self.loop, self.namespaces)
        self.sockets = FramedSockets(self.loop)
        if plain:
            self.work.up_loopback()
        self.shelf = shelf.Shelf()
        self.turns = series.Turns(self.loop, self.namespaces.rest)
        self.jobs = Jobs(self.loop, self.namespaces, self.bounds["jobs"])
        self._left_over: set[process.Job] = set()
        #: The processes that serve a world, which no learner started.
        self.world_servers: set[int] = set()
        self._shells: dict[int, Call] = {}
        self._terminals: dict[int, terminal.Framed] = {}
        self._watch_children()
        self.open(visits)
        self._tells_later = False
        self._listen(True)
        self.gate = self.namespaces.guard(self.loop)

    def _listen(self, now: bool) -> None:
        """Take in the kernel's events as they come, or leave them until somebody asks."""
        self.loop.watch(self.monitor.fileno(), self._hear if now else None)

    def _hear(self) -> None:
        """Take in the kernel's events. Who hears them from the kernel, too, has the processor first: where there are few, our work for
        the same event would be in the way of that."""
        if self.monitor.hear() and not self._tells_later:
            self._tells_later = True
            self.loop.later(_LATER, self._tell)

    def _tell(self) -> None:
        self._tells_later = False
        self.monitor.drain()

    def _defaults(self) -> list[Callable[[bool], object]]:
        deviations = defaults.deviations()

        def prepare(touched: bool) -> None:
            for words in defaults.apply_defaults(deviations, touched=touched):
                if words not in self.missing:
                    self.missing.append(words)

        prepare(False)
        return [prepare] if deviations else []

    def _bug(self, error: Exception) -> None:
        """A callback of the loop raised: the lab goes on, and ``%lab status`` shows that something was wrong."""
        words = told(error).message
        if words not in self.missing:
            self.missing.append(words)

    # What the notebook asks

    def op_hello(self, call: Call, version: int, wanted: str = "") -> dict[str, Any]:
        """Who we are; the other end compares the version."""
        return {
            "version": protocol.VERSION, "nsmagic": __version__, "kind": self.config["kind"], "lab": self.config["lab"],
            "limits": self.bounds, "missing": self.missing, "python": sys.version.split()[0],
        }  # fmt: skip

    def op_commands(
        self,
        call: Call,
        commands: list[dict[str, Any]],
        ns: str = HOST,
        stop: bool = False,
        needs: str = HOST,
        several: bool = False,
        quiet: bool = False,
        more: bool = False,
        total: int = 0,
        brief: bool = False,
    ) -> None:
        """Native commands, in order; an item for each (``several``: items are lists of those; ``brief``: for each that is refused), then
        how many were done. ``stop`` ends after the first refusal. Nothing is done when there is no namespace ``needs``. ``quiet``: what
        they changed need not be told.
        They may be a part of ``total`` ones; ``more``: further parts follow, in requests that need not wait for this one's end."""
        if needs != HOST:
            self.namespaces.nsfd(needs)
        total = max(total, len(commands))
        near = self.work.bound.near(commands)
        if several and not stop and not near and total > series.FEW and (quiet or not self.monitor.heard):
            steps = series.pipelined(
                call, self.work, self.monitor, self.namespaces, commands, ns, self._listen, quiet=quiet, more=more, total=total,
                brief=brief,
            )  # fmt: skip
        else:
            steps = series.one_by_one(
                call, self.work, self.monitor, commands, ns, stop=stop, several=several, brief=brief
            )
        self.turns.add(call, steps)

    def op_snapshot(self, call: Call, tables: list[str], ns: list[str] | None = None) -> dict[str, Any] | None:
        """Tables of some or all namespaces: items of at most so many rows, so that no frame grows too large."""
        self.namespaces.scan()
        self.monitor.settle(concluded=True)
        data = self.work.snapshot([table for table in tables if table not in ON_REQUEST], ns)
        names = sorted(self.namespaces.entries) if ns is None else [self.namespaces.first_name(name) for name in ns]
        if "conntrack" in tables:
            data["conntrack"] = self.rules.connections(names)
        if "firewall" not in tables:
            return self._send_tables(call, tables, data)

        def read(rows: list[Any] | NsmagicError) -> None:
            if isinstance(rows, NsmagicError):
                call.fail(rows)
            else:
                data["firewall"] = rows
                call.done(self._send_tables(call, tables, data))

        self.rules.rows(names, read)
        return None

    def _send_tables(self, call: Call, tables: Sequence[str], data: Mapping[str, list[Any]]) -> dict[str, Any]:
        for table in tables:
            for at in range(0, len(data[table]), _ROWS_PER_FRAME):
                call.item({"table": table, "rows": data[table][at : at + _ROWS_PER_FRAME]})
        return {"tables": list(tables)}

    def op_moment(self, call: Call, number: int) -> dict[str, Any]:
        """Tables as they were after the command whose answer had this number."""
        data = self.work.moments.tables(number)
        return self._send_tables(call, list(data), data)

    def op_tables(self, call: Call, since: dict[str, int], settle: bool = True) -> dict[str, Any]:
        """Tables of all namespaces, as far as they differ from the states with these numbers (0: all of it). The last word has
        for each table its ``number`` now and, when they differ, the ``names`` of the namespaces in order. ``settle`` waits
        for what the kernel does a moment after a command; who follows the lab sees it come."""
        self.namespaces.scan()
        if settle:
            self.monitor.settle(concluded=True)
        answer: dict[str, Any] = {}
        for table, parts in self.work.parts(list(since)).items():
            number = self.shelf.put(table, parts)
            names, differing = self.shelf.since(table, since[table])
            for item in shelf.items(table, differing):
                call.item(item)
            answer[table] = {"number": number, "names": names}
        return answer

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

    def place(self, ns: str, cwd: str | None = None) -> process.Place:
        """Where a command of a namespace runs."""
        nsfd = None if ns == HOST else self.namespaces.nsfd(ns)
        return process.Place(
            nsfd,
            ns if ns != HOST else "",
            cwd or self.config["cwd"],
            self.namespaces.mounts,
            self.config["kind"] != "host",
            limits.of_commands(self.bounds),
            self.gate.handover() if self.gate is not None else None,
        )

    def op_ping(self, call: Call, ns: str, args: dict[str, Any], timeout: float | None = None) -> None:
        """A native ping: its lines as items, its figures as the result."""
        self.work.ping(call, ns, args, timeout, self.place(ns), self.bounds["output"])

    def op_capture(
        self,
        call: Call,
        where: list[list[str]],
        filter: str = "",
        snaplen: int = 0,
        count: int = 0,
        timeout: float | None = None,
        rules: bool = False,
    ) -> None:
        """Packets of some interfaces, or of all there are: ``capture.py`` says what is answered."""
        self.namespaces.scan()
        places = [(self.namespaces.first_name(ns), dev) for ns, dev in where]
        self.captures.start(
            call, self.place(places[0][0] if places else HOST), places, filter=filter, snaplen=snaplen, count=count,
            timeout=timeout, rules=rules,
        )  # fmt: skip

    def op_forwarding(self, call: Call, ns: list[str]) -> list[str]:
        """Those of the namespaces that forward IPv4 packets."""
        return self.work.forwarding(ns)

    def op_situation(self, call: Call, ns: list[str]) -> dict[str, Any]:
        """What decides over packets in some namespaces, beside what a snapshot has (see ``situation.py``)."""
        return situation.read(self.monitor, self.namespaces, ns)

    def op_ask_routes(self, call: Call, questions: list[list[Any]]) -> list[dict[str, Any]]:
        """The kernel's own answers to where packets would go."""
        return situation.answers(self.monitor, self.namespaces, questions)

    def op_conntrack(self, call: Call, ns: list[str]) -> dict[str, Any]:
        """What conntrack of some namespaces remembers."""
        return situation.conntrack(self.namespaces, ns)

    def op_probe(self, call: Call, ns: str, dst: str, args: dict[str, Any], watch: list[str], trace: list[str]) -> None:
        """Send one packet and watch where it comes; see ``probe.py``."""
        probe.Watching(self.loop, self.namespaces, call.done, ns, dst, args).start(watch, trace)

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

    def op_socket(self, call: Call, ns: str, family: int, type: int, proto: int = 0) -> None:
        """A socket that lives in a namespace, as a descriptor."""
        with self._socket(ns, family, type, proto) as made:
            call.done({}, [made.fileno()])

    def _socket(self, ns: str, family: int, type: int, proto: int) -> socket.socket:
        with self.namespaces.inside(self.namespaces.nsfd(ns)):
            try:
                return socket.socket(family, type, proto)
            except OSError as error:
                raise refused("socket", error) from None

    def op_framed_socket(
        self, call: Call, ns: str = HOST, family: int = 2, type: int = 1, proto: int = 0, accepted: int = 0
    ) -> None:
        """The same where descriptors cannot leave, or a connection that such a socket accepted: see ``framed_socket.py``."""
        if accepted:
            self.sockets.adopt(call, accepted)
        else:
            self.sockets.start(call, self._socket(ns, family, type, proto))

    def op_socket_do(self, call: Call, number: int, method: str, arguments: list[Any]) -> dict[str, Any] | None:
        """What such a socket is asked."""
        return self.sockets.do(call, number, method, arguments)

    def op_resolve(self, call: Call, ns: str, function: str, arguments: list[Any]) -> None:
        """A look-up of names (``getaddrinfo`` and its kin) with the files and servers of a namespace."""
        self.work.resolve(self.place(ns), function, arguments, call.done)

    def op_hold(self, call: Call, name: str) -> dict[str, Any]:
        """An unnamed namespace that lives as long as the lab: a room of the outside, shown as ``(name)``."""
        self.namespaces.hold(name)
        return {}

    def op_serve(self, call: Call, ns: str, names: dict[str, str], page: str) -> dict[str, Any]:
        """A name server and a web page in a room of the outside."""
        self.world_servers.add(servers.start(self.namespaces, self.place(ns), ns, names, page))
        return {}

    def op_resolver(self, call: Call, address: str) -> dict[str, Any]:
        """Whom the lab asks for names; nothing where its files are the machine's (rootless-nomount)."""
        with contextlib.suppress(OSError):
            if self.namespaces.mounts and self.config["kind"] != "host":
                with open("/etc/resolv.conf", "w") as file:
                    file.write(f"nameserver {address}\noptions timeout:1 attempts:1\n")
        return {}

    def op_read_file(self, call: Call, path: str) -> dict[str, Any]:
        """A text file as the lab sees it, at most half a megabyte (``ip -batch FILE``, ``sysctl -p FILE``)."""
        try:
            with open(os.path.join(self.config["cwd"], path), "rb") as file:
                return {"text": file.read(512 << 10).decode(errors="replace")}
        except OSError as error:
            raise NsmagicError(f'Cannot open file "{path}" for reading: {error.strerror}') from None

    def op_which(self, call: Call, names: list[str]) -> dict[str, Any]:
        """Where programs are in the lab."""
        return {name: process.executable(name) for name in names}

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

    def op_events(self, call: Call, states: bool = False, early: bool = False) -> None:
        """What changes, batch by batch as the kernel tells it, until it is cancelled; see ``notices.py``."""
        notices.start(call, self.monitor, states=states, early=early and call.channel.carries_fds)

    def op_caught_up(self, call: Call) -> dict[str, Any]:
        """Answered when who listens has been told of all events until now."""
        self.monitor.drain()
        return {}

    def op_watch(self, call: Call, interval: float = watch.INTERVAL) -> None:
        """Notices that something changed, and which links packets crossed, as items until it is cancelled."""
        watch.Watch(call, self.loop, self.monitor, self.namespaces.scan, interval)

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

    def op_status(self, call: Call) -> dict[str, Any]:
        """What ``%lab status`` shows."""
        self.namespaces.scan()
        theirs = [
            [each.pid, each.name]
            for each in proc.processes().values()
            if each.pid not in (os.getpid(), *self.world_servers) and each.name != process.RUNNER
        ]
        return {
            "kind": self.config["kind"], "lab": self.config["lab"], "seed": self.config["seed"], "limits": self.bounds,
            "missing": self.missing, "namespaces": self.namespaces.names(), "jobs": self.jobs.describe(),
            "processes": theirs,
            "folder": self.config["cwd"],
            "memory_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }  # fmt: skip

    def end_jobs(self) -> None:
        """End what is running, and what it left below it: of kind host nobody else does."""
        for job in [*self._left_over, *self.jobs.running()]:
            if job.ended:
                continue  # its number may be somebody else's by now
            for pid in [*proc.descendants(job.runner), job.runner]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

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


def serve(
    channel: protocol.Channel,
    config: Mapping[str, Any],
    missing: Sequence[str],
    visits: socket.socket | None = None,
    lines: Sequence[protocol.Channel] = (),
) -> int:
    """Be the agent until the notebook's end of the connection closes. ``visits`` brings further connections
    (``door.py``), ``lines`` are such already (``relay.py``)."""
    try:
        agent = Agent(channel, config, missing, visits)
        for line in lines:
            agent.listen(line)
    except (OSError, NamespaceNotFound) as error:
        failure = {"error": "SandboxUnavailable", "message": f"agent: {error}", "hint": None, "kind": config["kind"],
                   "step": "agent", "errno": getattr(error, "errno", 0) or 0}  # fmt: skip
        channel.send({"id": 0, "error": failure})
        return 1
    about = {"kind": config["kind"], "missing": agent.missing, "kernel": os.uname().release}
    channel.send({"id": 0, "done": {"ready": protocol.VERSION, **about}})
    # While the notebook takes that in: later there may be no descriptor left to read them with, and that is to be said.
    agent.loop.later(0.0, sentences.read)
    while agent.running:
        agent.loop.turn()
    if config["kind"] == "host":
        agent.end_jobs()
    return 0
