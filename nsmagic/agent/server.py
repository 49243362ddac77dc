"""The agent: pid 1 of the lab. Reads requests, does them in the kernel, streams what comes of them.

One thread, one loop. A request is a method ``op_NAME(call, …)``, called by ``connections.py``. A bug in one ends that request with a
message; the loop goes on. ``holder.py`` has the lab's state, ``programs.py`` the requests that start processes; all others are here.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic import __version__, sentences
from nsmagic.agent import notices, probe, proc, process, protocol, series, shelf, situation, watch
from nsmagic.agent.call import Call
from nsmagic.agent.framed_socket import refused
from nsmagic.agent.programs import Programs
from nsmagic.errors import NamespaceNotFound, NsmagicError
from nsmagic.names import HOST
from nsmagic.shape import ON_REQUEST

_ROWS_PER_FRAME = 1000


class Agent(Programs):
    """All of the lab's state, in one process."""

    def __init__(
        self,
        channel: protocol.Channel,
        config: Mapping[str, Any],
        missing: Sequence[str],
        visits: socket.socket | None = None,
    ) -> None:
        super().__init__(channel, config, missing)
        self.open(visits)
        self._listen(True)

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
        patient: bool = False,
    ) -> None:
        """Native commands, in order; an item for each (``several``: items are lists of those; ``brief``: for each that is refused), then
        how many were done. ``patient``: that may be said in an item ``landed`` before the items of the last ones come. ``stop`` ends after the first refusal. Nothing is done when there is no namespace ``needs``. ``quiet``: what
        they changed need not be told.
        They may be a part of ``total`` ones; ``more``: further parts follow, in requests that need not wait for this one's end."""
        if needs != HOST:
            self.namespaces.nsfd(needs)
        total = max(total, len(commands))
        near = self.work.bound.near(commands)
        if several and not stop and not near and total > series.FEW and (quiet or not self.monitor.heard):
            steps = series.pipelined(
                call, self.work, self.monitor, self.namespaces, commands, ns, self._listen, self.later, quiet=quiet, more=more,
                total=total, brief=brief, patient=patient,
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
