"""The firewalls of the lab's namespaces: read when asked for, and compared after each program, for what it changed.

The kernel says which namespace's nft rules were touched (``Monitor.firewall_touched``); of legacy iptables it says nothing, so its tables
are compared (``xtables.py``) where there were some, and after a program in whose text its name occurs. A tool is started only where
something is different.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from nsmagic.agent import proc, process, xtables
from nsmagic.agent.known import Entry
from nsmagic.agent.loop import Loop
from nsmagic.agent.namespaces import Namespaces
from nsmagic.commands.packages import PACKAGES
from nsmagic.errors import CommandNotFound, NsmagicError
from nsmagic.firewall import compare, plan
from nsmagic.netlink import netfilter, nftrace
from nsmagic.netlink.monitor import Monitor
from nsmagic.sentences import say

#: Of a rule set so many bytes are read.
_MOST = 8 << 20
_LEGACY_FILES = {"ip": "ip_tables_names", "ip6": "ip6_tables_names"}
_NAMED = re.compile(r"tables")

Row = list[Any]
#: Family, table, and what is the same as long as its rules are.
Legacy = tuple[tuple[str, str, object], ...]


def may_change(text: str) -> bool:
    """Whether a program or script may have to do with legacy iptables.

    >>> may_change("ip netns exec red iptables-legacy -F"), may_change("ping red")
    (True, False)
    """
    return bool(_NAMED.search(text))


class Rules:
    """Reads rules; remembers them by namespace (its inode) to tell what changed."""

    def __init__(
        self, loop: Loop, monitor: Monitor, namespaces: Namespaces, place: Callable[[str], process.Place]
    ) -> None:
        self._loop, self._monitor, self._namespaces, self._place = loop, monitor, namespaces, place
        self._known: dict[int, list[Row]] = {}
        self._legacy: dict[int, Legacy] = {}
        self._unknown = itertools.count()
        self._touched: set[str] = set()
        self._watched = False
        #: Namespaces (inodes) seen without legacy tables since the lab was as this number says.
        self._without_legacy: set[int] = set()
        self._stamp: int | None = None

    def refresh(self, legacy: bool, then: Callable[[list[Any]], None]) -> None:
        """Read again what may have changed, and call with the changes since the last time; at once when there is none.

        A namespace that cannot be read keeps what was known of it.
        """
        self._note()
        entries = self._namespaces.entries
        there = {entry.inode for entry in entries.values()}
        self._known = {inode: rows for inode, rows in self._known.items() if inode in there}
        self._legacy = {inode: rules for inode, rules in self._legacy.items() if inode in there}
        waiting = [
            name
            for name, entry in sorted(entries.items())
            if not entry.further and (not self._settled(name) or self._legacy_differs(entry, legacy))
        ]
        self._touched.clear()
        changes: list[Any] = []

        def take(name: str, rows: list[Row] | NsmagicError) -> None:
            entry = entries.get(name)
            if entry is None:
                return
            known = self._known.setdefault(entry.inode, [])
            if not isinstance(rows, NsmagicError):
                changes.extend(compare.changes([[name, *row[1:]] for row in known], rows))
                self._known[entry.inode] = rows

        self._each(waiting, take, lambda: then(changes))

    def rows(self, names: Sequence[str], then: Callable[[list[Row] | NsmagicError], None]) -> None:
        """The rules of namespaces as they are now, counters included."""
        found: list[Row] = []
        wrong: list[NsmagicError] = []

        def take(name: str, rows: list[Row] | NsmagicError) -> None:
            if isinstance(rows, NsmagicError):
                wrong.append(rows)
            else:
                found.extend(rows)
                if not rows:
                    self._known.setdefault(self._namespaces.entries[name].inode, [])

        self._note()
        waiting = []
        stamp = proc.nothing_ran()
        if stamp is None or stamp != self._stamp:
            self._without_legacy.clear()
        self._stamp = stamp
        for name in names:
            entry = self._namespaces.entries[name]
            # Most namespaces have no rules; that is known without asking for them again.
            if not self._settled(name) or self._known[entry.inode]:
                waiting.append(name)
            elif entry.inode not in self._without_legacy:
                if self._legacy_rules(entry.fd):
                    waiting.append(name)
                else:
                    self._without_legacy.add(entry.inode)
        self._each(waiting, take, lambda: then(wrong[0] if wrong else found))

    def _note(self) -> None:
        """Take in what the kernel has said of changed rules."""
        if not self._watched:
            self._watched = self._monitor.watch_firewall()
        self._touched |= self._monitor.firewall_touched()

    def _settled(self, name: str) -> bool:
        """Whether what is known of a namespace's nft rules holds."""
        return self._namespaces.entries[name].inode in self._known and name not in self._touched

    def _each(
        self, waiting: list[str], take: Callable[[str, list[Row] | NsmagicError], None], then: Callable[[], None]
    ) -> None:
        """Read one namespace after the other; ``take`` gets the rows of each, or why they cannot be read."""
        while waiting:
            name = waiting.pop(0)
            try:
                fd = self._namespaces.nsfd(name)
                tables, legacy = self._tables(fd), self._legacy_rules(fd)
                self._legacy[self._namespaces.entries[name].inode] = legacy
                families = list(dict.fromkeys(family for family, _, _ in legacy))
                programs = plan.programs(tables, families, process.executable)
            except plan.ToolMissing as missing:
                take(name, _missing(str(missing.args[0]), name))
                continue
            except NsmagicError as error:
                take(name, error)
                continue
            if not programs:
                take(name, [])
                continue

            def took(rows: list[Row] | NsmagicError, name: str = name) -> None:
                take(name, rows)
                self._each(waiting, take, then)

            self._read(name, programs, set(tables), took)
            return
        then()

    def connections(self, names: Sequence[str]) -> list[Row]:
        """The connections that these namespaces track; none where the kernel tracks none."""
        found: list[Row] = []
        for name in names:
            sock = netfilter.open_socket(self._namespaces.nsfd(name), self._namespaces.home)
            if sock is not None:
                try:
                    found += netfilter.connections(sock, name)
                except OSError as error:
                    raise NsmagicError(f"the connections of {name} cannot be read: {error}") from None
                finally:
                    sock.close()
        return found

    def _read(
        self,
        name: str,
        waiting: list[plan.Argv],
        tables: set[tuple[str, str]],
        then: Callable[[list[Row] | NsmagicError], None],
    ) -> None:
        """Start one tool after the other in a namespace, and read their answers."""
        outputs: dict[plan.Argv, str] = {}

        def step() -> None:
            if not waiting and plan.incompatible(outputs) and process.executable("nft"):
                waiting.append(plan.ALSO)
            if waiting:
                argv = waiting.pop(0)
                self._ask(name, argv, lambda text: took(argv, text), then)
                return
            try:
                found = [row for row in plan.rows(outputs, name, tables) if row[3] != nftrace.NAME]
                then(plan.sort(found))
            except ValueError as error:
                then(NsmagicError(f"the rules of {name} cannot be read: {error}"))

        def took(argv: plan.Argv, text: str) -> None:
            outputs[argv] = text
            step()

        step()

    def _tables(self, fd: int) -> dict[tuple[str, str], int]:
        sock = netfilter.open_socket(fd, self._namespaces.home)
        if sock is None:
            return {}
        try:
            return netfilter.tables(sock)
        finally:
            sock.close()

    def _legacy_differs(self, entry: Entry, may: bool) -> bool:
        """Whether there are rules of legacy iptables other than those read last; ``may``: they may be the first."""
        known = self._legacy.get(entry.inode, ())
        return bool(known or may) and self._legacy_rules(entry.fd) != known

    def _legacy_rules(self, fd: int) -> Legacy:
        """The tables of legacy iptables; the kernel makes one when it is first looked at, so only those in this file are."""
        found: list[tuple[str, str, object]] = []
        with self._namespaces.inside(fd):
            for family, file in _LEGACY_FILES.items():
                try:
                    with open(f"/proc/thread-self/net/{file}") as opened:
                        names = sorted(opened.read().split())
                except OSError:
                    continue  # a kernel without legacy iptables
                for name in names:
                    try:
                        found.append((family, name, xtables.contents(family, name)))
                    except OSError:
                        found.append((family, name, next(self._unknown)))  # a tool has to say
        return tuple(found)

    def _ask(
        self, ns: str, argv: plan.Argv, took: Callable[[str], None], failed: Callable[[NsmagicError], None]
    ) -> None:
        data = bytearray()

        def write(piece: bytes) -> None:
            if len(data) + len(piece) <= _MOST:
                data.extend(piece)
            else:
                job.kill()

        def ended(status: int, _: int) -> None:
            text = codecs.decode(bytes(data), "utf-8", "replace")
            if status:
                words = text.strip().splitlines()[-1:] or [f"exit status {status}"]
                failed(NsmagicError(f"the rules of {ns} cannot be read: {argv[0]}: {words[0]}"))
            else:
                took(text)

        try:
            job = process.Job(self._loop, argv, self._place(ns), on_output=write, on_end=ended)
        except NsmagicError as error:
            failed(error)


def _missing(tool: str, ns: str) -> NsmagicError:
    package = PACKAGES.get(tool, "iptables")
    return CommandNotFound(
        f"{ns} has rules, and {tool}, which could read them, is not installed",
        name=tool,
        hint=say("not-found", name=tool, package=package),
    )
