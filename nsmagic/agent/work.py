"""What a native command does in the lab: hands each verb to who knows it, and says what changed.

Reading and writing of links, addresses, routes, neighbours, rules and bridges is ``netlink/``'s; namespaces, sysctls, pings
and name look-ups are the agent's own. Each command is answered by a dict of data: ``changes`` (what it changed), ``table``
with ``rows`` (what it shows), ``lines`` (what it says).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nsmagic.agent import proc, process, sysctl
from nsmagic.agent.aside import aside
from nsmagic.agent.bound import Bound
from nsmagic.agent.crowd import Crowd
from nsmagic.agent.forwarding import Forwarding
from nsmagic.agent.loop import Loop
from nsmagic.agent.moments import Moments
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.output import Output
from nsmagic.agent.ping import Ping
from nsmagic.commands.reads import READS
from nsmagic.errors import KernelRefused, NamespaceNotFound, NsmagicError
from nsmagic.names import HOST
from nsmagic.netlink.apply import apply
from nsmagic.netlink.journal import Mark
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.netconf import forwards
from nsmagic.netlink.show import show
from nsmagic.netlink.socket import NetlinkError
from nsmagic.sentences import say

_SHOWS = frozenset(verb for verb in READS if verb.endswith((".show", ".showstp", ".showmacs")))
#: What ``link.set`` may change with the kernel telling everybody; the rest (an alias, a group, a bridge's own attributes while it
#: is down) it changes in silence.
_TOLD = frozenset({"dev", "up", "netns", "name", "master", "mtu", "mac"})
_SWITCH = "net.ipv4.ip_forward"
_RESOLVERS = {"getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"}


class Work:
    """The verbs of ``commands/command.py``, done."""

    def __init__(self, loop: Loop, monitor: Monitor, namespaces: Namespaces, neighbours: int, links: int) -> None:
        self._loop, self._monitor, self._namespaces = loop, monitor, namespaces
        self._forwarding = Forwarding(namespaces)
        self.moments = Moments(monitor)
        self.crowd = Crowd(monitor, neighbours)
        self.bound = Bound(monitor, links)

    def do(
        self, ns: str, verb: str, args: Mapping[str, Any], tool: str, wants: Sequence[str] = (), tried: int = 0
    ) -> dict[str, Any]:
        """One command; ``wants`` says what more is to be shown, ``tried`` is as ``apply`` takes it.

        Raises
        ------
        NsmagicError
            The kernel, or the rules of the tool, refused it.
        """
        asked, ns = ns, self._namespaces.first_name(ns)
        if verb in _SHOWS:
            self._monitor.settle(concluded=True)
            shown = show(self._monitor, ns, verb, args, wants)
            if asked != ns:
                for rows in (shown.get("rows", []), *shown.get("more", {}).values()):
                    _rename(rows, {ns: asked})
            return shown
        mark = self._monitor.mark()
        self.moments.follow()
        result = self._act(ns, verb, args, tool, tried)
        if verb not in READS:
            self._forwarding.refresh()
            result["changes"] = self.changes(mark) + result.get("changes", [])
            if result["changes"]:
                result["moment"] = self.moments.keep()
        return result

    def quietly(self, ns: str, verb: str, args: Mapping[str, Any], tool: str) -> dict[str, Any]:
        """The same without looking at what a changing command changed.

        Raises
        ------
        NsmagicError
        """
        if verb in READS:
            return self.do(ns, verb, args, tool)
        result = self._act(self._namespaces.first_name(ns), verb, args, tool)
        result.pop("changes", None)
        return {**result, "quiet": True}

    def is_plain(self, verb: str, args: Mapping[str, Any]) -> bool:
        """Whether a changing command is told by the kernel's events alone."""
        silent = verb == "link.property" or (verb == "link.set" and not _TOLD.issuperset(args))
        return not silent and not verb.startswith("neigh.")

    def pass_on(self) -> None:
        """What hangs on several namespaces follows what was done in one."""
        self._forwarding.refresh()

    def changes_of_program(self, mark: Mark) -> list[Any]:
        """What a program changed since the mark, also what the kernel sends no event for."""
        self._forwarding.refresh()
        self._monitor.drain()
        self._monitor.touch()
        return self._monitor.changes_since(mark)

    def changes(self, mark: Mark) -> list[Any]:
        """What changed in the kernel since the mark."""
        return self._monitor.changes_since(mark)

    def snapshot(self, tables: Sequence[str], ns: Sequence[str] | None) -> dict[str, list[Any]]:
        """Rows of the tables asked for, in the model's column order."""
        asked: dict[str, str] = {}
        if ns is not None:
            asked = {first: name for name in ns if (first := self._namespaces.first_name(name)) != name}
            ns = [self._namespaces.first_name(name) for name in ns]
        data: dict[str, list[Any]] = {}
        if "namespaces" in tables:
            data["namespaces"] = [row for row in self._names() if ns is None or row[0] in ns]
        rest = [table for table in tables if table != "namespaces"]
        data.update(self._monitor.snapshot(rest, ns))
        if asked:
            for rows in data.values():
                _rename(rows, asked)
        return {table: data[table] for table in tables}

    def parts(self, tables: Sequence[str]) -> dict[str, list[tuple[str, list[Any]]]]:
        """The same of all namespaces, namespace by namespace; a list of rows is the same object while nothing in it differs."""
        found = self._monitor.parts([table for table in tables if table != "namespaces"])
        if "namespaces" in tables:
            found["namespaces"] = [("", self._names())]
        return found

    def forwarding(self, names: Sequence[str]) -> list[str]:
        """Those of the namespaces that forward IPv4 packets; one that is not there does not."""
        found = []
        for name in names:
            try:
                first = self._namespaces.first_name(name)
                ours = self._forwarding.shown(first).get(_SWITCH)
                on = ours != "0" if ours is not None else self._forwards(first)
            except NamespaceNotFound:
                continue
            if on:
                found.append(name)
        return found

    def _forwards(self, ns: str) -> bool:
        try:
            return forwards(self._namespaces.socket(ns))
        except NetlinkError:
            with self._namespaces.inside(self._namespaces.nsfd(ns)):
                return any(value != "0" for _, value in sysctl.read({"names": [_SWITCH], "ignore": True}))

    def _names(self) -> list[list[Any]]:
        entries = sorted(self._namespaces.entries.items(), key=lambda item: (item[0] != HOST, item[0]))
        return [[name, entry.inode, entry.named, list(entry.pids)] for name, entry in entries]

    def up_loopback(self) -> None:
        """The lab's host has its loopback up, as a machine that has booted."""
        apply(self._namespaces, HOST, "link.set", {"dev": "lo", "up": True}, "ip")

    def _act(self, ns: str, verb: str, args: Mapping[str, Any], tool: str, tried: int = 0) -> dict[str, Any]:
        if verb.startswith("netns."):
            return self._netns(verb[6:], args)
        if verb.startswith("sysctl."):
            return self._sysctl(ns, verb[7:], args)
        if verb == "link.add":
            self.bound.check(args)
        outcome = apply(self._namespaces, ns, verb, args, tool, tried)
        if verb == "link.property" or (verb == "link.set" and not _TOLD.issuperset(args)):
            self._monitor.touch(ns, "links", args.get("dev"))
        elif verb.startswith("neigh."):
            self._monitor.touch(ns, "neighbours")
        elif verb.startswith("addr.") and ":" in args.get("address", ""):
            # Of one that is not looked for elsewhere first (nodad) the kernel tells in its own time, from a work queue.
            self._monitor.touch(ns, "addrs")
        result: dict[str, Any] = {}
        if outcome.table:
            result["table"], result["rows"] = outcome.table, outcome.rows
        if outcome.lines or outcome.notes:
            result["lines"] = [*outcome.notes, *outcome.lines]
        return result

    def _netns(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        namespaces = self._namespaces
        match verb:
            case "add":
                namespaces.add(args["name"])
            case "attach":
                namespaces.attach(args["name"], int(args["pid"]))
            case "del":
                for name in namespaces.names() if args.get("all") else [args["name"]]:
                    namespaces.delete(name)
            case "list":
                namespaces.scan()
                return {"table": "namespaces", "rows": [
                    [name, namespaces.entries[name].inode, True, list(namespaces.entries[name].pids)]
                    for name in namespaces.names()
                ]}  # fmt: skip
            case "identify":
                namespaces.scan()
                pid = int(args.get("pid", os.getpid()))
                found = proc.processes().get(pid)
                if found is None:
                    raise KernelRefused(f"Could not open /proc/{pid}/ns/net: No such file or directory", errno=2)
                inode = os.stat(f"/proc/{found.entry}/ns/net").st_ino
                return {"lines": [name for name in namespaces.names() if namespaces.entries[name].inode == inode]}
            case "pids":
                namespaces.nsfd(args["name"])
                namespaces.scan()
                return {"lines": [str(pid) for pid in namespaces.entries[args["name"]].pids]}
            case _:
                raise NsmagicError(f"ip netns {verb} is not done natively", hint=say("netns-verb"))
        return {}

    def _sysctl(self, ns: str, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        with self._namespaces.inside(self._namespaces.nsfd(ns)):
            before = self._forwarding.shown(ns)
            if verb == "read":
                try:
                    rows = sysctl.read(args)
                except KernelRefused as refusal:
                    found = [[name, before.get(name, value)] for name, value in refusal.subject.pop("rows", ())]
                    refusal.subject["lines"] = sysctl.lines(found, **_worded(args))
                    raise
                return {"table": "sysctls", "rows": [[ns, name, before.get(name, value)] for name, value in rows]}
            how: dict[str, Any] = {"ignore": bool(args.get("ignore"))}
            if self._forwarding.needed:
                how["instead"] = partial(self._forwarding.set, ns)
            try:
                written = (
                    sysctl.load(args["files"], **how) if verb == "load" else sysctl.write(args["assignments"], **how)
                )
            except KernelRefused as refusal:
                refusal.subject.update(_of_written(ns, before, refusal.subject.pop("written", ()), args))
                raise refusal.with_hint(say("sysctl-read-only") if self._forwarding.needed else None) from None
        return _of_written(ns, before, written, args)

    def ping(
        self, call: Any, ns: str, args: Mapping[str, Any], timeout: float | None, place: process.Place, most: int
    ) -> None:
        """A native ping; ``call`` gets its lines, at most so many bytes of them, and its end."""
        nsfd = self._namespaces.nsfd(ns)

        def open_socket(family: int, kind: int, proto: int) -> socket.socket:
            with self._namespaces.inside(nsfd):
                return socket.socket(family, kind | socket.SOCK_CLOEXEC, proto)

        def look_up(name: str, found: Callable[..., None]) -> None:
            def answered(answer: dict[str, Any]) -> None:
                found(answer.get("value", []), answer["error"][2] if "error" in answer else "")

            self.resolve(place, "getaddrinfo", [name, None, 0, 0, 0, socket.AI_CANONNAME], answered)

        def ended(value: dict[str, Any]) -> None:
            if limit is not None:
                limit.cancel()
            output.close()
            call.done({**value, "cancelled": call.cancelled, "timeout": bool(over), "notices": self.crowd.news()})

        def too_long() -> None:
            over.append(True)
            ping.interrupt()

        over: list[bool] = []
        output = Output(self._loop, lambda text: call.item({"text": text}), most)

        ping = Ping(
            self._loop,
            open_socket,
            args,
            resolve=look_up,
            on_text=lambda text: output.write(text.encode()),
            on_end=ended,
        )
        output.job = ping
        limit = self._loop.later(timeout, too_long) if timeout else None
        call.on_cancel = ping.interrupt
        ping.start()

    def resolve(
        self, place: process.Place, function: str, arguments: Sequence[Any], answer: Callable[[dict[str, Any]], None]
    ) -> None:
        """Ask the resolver of a namespace (its /etc/hosts, its name servers), in a child: it may have to wait.

        The answer is ``{"value": …}`` or ``{"error": [class name, number, words]}``.
        """
        if function not in _RESOLVERS:
            raise NsmagicError(f"{function} is no look-up of names")

        def look_up() -> dict[str, Any]:
            try:
                # An address is a tuple to Python, and a list to JSON.
                given = [tuple(each) if isinstance(each, list) else each for each in arguments]
                return {"value": getattr(socket, function)(*given)}
            except OSError as error:
                return {"error": [type(error).__name__, error.errno or 0, error.strerror or str(error)]}
            except (TypeError, ValueError, OverflowError) as error:
                return {"error": ["ValueError", 0, str(error)]}

        failed = {"error": ["gaierror", socket.EAI_FAIL, "the look-up ended without an answer"]}
        aside(self._loop, place, look_up, lambda data: answer(data or failed))


def _rename(rows: list[Any], names: Mapping[str, str]) -> None:
    """Call a namespace by the name by which it was asked for; all rows begin with its name."""
    rows[:] = [[names.get(row[0], row[0]), *row[1:]] for row in rows]


def _worded(args: Mapping[str, Any]) -> dict[str, bool]:
    return {name: bool(args.get(name)) for name in ("values_only", "names_only")}


def _of_written(
    ns: str, before: Mapping[str, str], written: Sequence[Sequence[str]], args: Mapping[str, Any]
) -> dict[str, Any]:
    """What is said of kernel parameters that were set, each with its name, old and new value; ``before`` knows better what some were."""
    known = [[name, before.get(name, old), new] for name, old, new in written]
    changes = [["~", "sysctls", [ns, name, old], [ns, name, new]] for name, old, new in known if old != new]
    lines = [] if args.get("quiet") else sysctl.lines([[name, new] for name, _, new in known], **_worded(args))
    return {"changes": changes, "lines": lines}
