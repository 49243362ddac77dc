"""One monitor sees all: what is in every namespace of the lab, for whoever asks, and what changed, for whoever wants to be told.

``follow.py`` keeps it current by the kernel's events. Each question here takes in the events that are there and reads what they
made dirty first; an answer is a state, or the difference between two (``delta.py``), which later reads do not change.
"""

from __future__ import annotations

import select
import socket as socket_
import time
from collections.abc import Callable, Sequence
from typing import Any

from nsmagic.netlink import crowd, delta, peers
from nsmagic.netlink.delta import Delta
from nsmagic.netlink.follow import Follower
from nsmagic.netlink.journal import Mark
from nsmagic.netlink.live import BITS, EVERYTHING, NOTHING, READ, Live
from nsmagic.netlink.peers import Row, Space, State
from nsmagic.shape import COLUMNS, ON_REQUEST

Callback = Callable[[list[Delta]], object]


class Monitor(Follower):
    """Follows all namespaces given to it; says how they are and what changed.

    Parameters
    ----------
    home_fd
        A descriptor of the network namespace to come back to; the caller keeps it open.

    Raises
    ------
    OSError
        No namespace can be made here, or it may not listen to others.
    """

    def __init__(self, home_fd: int) -> None:
        super().__init__(home_fd)
        self._in_order: tuple[int, list[Live]] = (-1, [])
        #: What ``parts`` gave last of each table, and of what state.
        self._lists: dict[str, tuple[int, State, list[tuple[str, list[Row]]]]] = {}
        #: Entries of neighbours that the machine had made at the last look at all, and whether none can be different at this one.
        self._allocated: tuple[int, ...] | None = None
        self._still = False
        self._subscribers: list[tuple[Callback, bool, bool]] = []
        self._told = self._journal.mark(self._state)
        self._telling = False

    # Asking

    def snapshot(self, tables: Sequence[str], names: Sequence[str] | None = None) -> dict[str, list[Row]]:
        """Rows of the tables asked for, in the order of ``model.py``'s columns, sorted: host's first, then by name of the
        namespace; links by number, addresses by link, routes as the kernel lists them, neighbours by address.

        Rows are shared with later snapshots: nobody may write into them.

        Raises
        ------
        NamespaceNotFound
        KeyError
            No such table.
        """
        parts = self.parts(tables, names)
        return {table: [row for _, rows in found for row in rows] for table, found in parts.items()}

    def parts(
        self, tables: Sequence[str], names: Sequence[str] | None = None
    ) -> dict[str, list[tuple[str, list[Row]]]]:  # fmt: skip
        """The same, namespace by namespace: ``(its name, its rows)``. Of links, addresses, routes, rules and neighbours the list
        of rows is the same object as before where nothing in it differs, and so is that of all namespaces: nobody may write into them."""
        chosen = self._all() if names is None else [self._get(name) for name in sorted(set(names), key=peers.order)]
        need = NOTHING
        for table in tables:
            if table not in COLUMNS or table in ON_REQUEST:
                raise KeyError(f"there is no table {table}")
            need |= BITS.get(table, NOTHING)
        self._pump()
        self._refresh(need, names)
        self._tell()
        if "neighbours" in tables:
            allocated = crowd.allocations(self._hidden.ask)
            if names is None:
                self._still = allocated is not None and allocated == self._allocated and all(map(Live.is_still, chosen))
                self._allocated = allocated
            if names is not None or not self._still:
                for live in chosen:
                    live.expect(allocated)
        if names is not None:
            return {
                table: [(live.name, live.shown(table, self._state, self._naming)) for live in chosen]
                for table in tables
            }
        return {table: self._listed(table, chosen) for table in tables}

    def _all(self) -> list[Live]:
        """What is followed, in the order of ``names``."""
        if self._in_order[0] != self._naming:
            self._in_order = (self._naming, [self._get(name) for name in self.names()])
        return self._in_order[1]

    def _listed(self, table: str, chosen: list[Live]) -> list[tuple[str, list[Row]]]:
        """A table of all namespaces. As long as no name is another one, only those are looked at of which something else is known by
        now; in tables that are read each time, all, unless nothing can be different."""
        naming, before, listed = self._lists.get(table, (-1, self._state, []))
        state = self._state
        read = table in READ and not (table == "neighbours" and self._still)
        if naming != self._naming:
            listed = [(live.name, live.shown(table, state, self._naming)) for live in chosen]
        elif before is not state or read:
            pairs = listed
            for at, live in enumerate(chosen):
                if before[live.nsid] is state[live.nsid] and not read:
                    continue
                rows = live.shown(table, state, naming)
                if rows is not listed[at][1]:
                    pairs = list(listed) if pairs is listed else pairs
                    pairs[at] = (live.name, rows)
            listed = pairs
        if table == "neighbours" and read:
            for live in chosen:
                live.is_listed()
        self._lists[table] = (self._naming, state, listed)
        return listed

    def space(self, name: str) -> Space:
        """A namespace as it is now: raw rows, for who needs more than the model's columns.

        Raises
        ------
        NamespaceNotFound
        """
        nsid = self._get(name).nsid
        self._pump()
        self._refresh(EVERYTHING, (name,))
        return self._state[nsid]

    def mark(self) -> Mark:
        """A moment to compare with later."""
        self._pump()
        self._refresh()
        self._tell()
        return self._journal.mark(self._state)

    def changes_since(self, mark: Mark) -> list[Delta]:
        """The net effect since a mark, ``[op, table, old row or None, new row or None]`` per thing (see ``delta.py``)."""
        self._pump()
        self._refresh()
        self._tell()
        old, touched, among = self._journal.since(mark)
        return [] if old is self._state else delta.changes(old, self._state, touched, among=among)

    def settle(self, timeout: float = 0.2, *, concluded: bool = False) -> bool:
        """Wait until what the kernel does a moment later has happened (see ``settle.py``); at most ``timeout`` seconds.
        ``concluded``: also what an older kernel takes a second for; this is for who reads the state of links.

        Returns whether everything came to rest.
        """
        begun = time.monotonic()
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        while True:
            self._pump()
            self._refresh()
            restless = self._settling.restless(concluded=concluded)
            self._refresh()  # what looking at them has found
            left = begun - time.monotonic() + (max(timeout, self._settling.patience()) if concluded else timeout)
            if restless and left > 0 and poll.poll(max(1, int(left * 1000))):
                continue
            if restless:
                self._settling.give_up(concluded=concluded)
            self._tell()
            return not restless

    def facts(self, row: Row) -> list[Any] | None:
        """What a listener needs beside a row of ``links`` of the last state to understand events of that link: the number of its
        namespace, the index of its master and of what is in IFLA_LINK, and its kind's own facts with indexes."""
        nsid = self._by_name.get(row[0], -1)
        found = self._state[nsid].links.get(row[1]) if nsid in self._state else None
        return None if found is None else [nsid, found[1].master, found[1].lower, found[1].info]

    def watch_firewall(self) -> bool:
        """Begin to notice changes of nft's rules; False where the kernel has no netfilter."""
        return self._hidden.watch_firewall()

    def firewall_touched(self) -> set[str]:
        """The namespaces followed whose nft rules were changed since the last call."""
        numbers = self._hidden.firewall_touched()
        return {live.name for nsid, live in self._live.items() if numbers is None or nsid in numbers}

    # Telling

    def fileno(self) -> int:
        """Readable when there are events; then call ``drain``."""
        return self._hidden.fileno()

    def drain(self) -> None:
        """Take in the events that are there; tell the subscribers."""
        self._pump()
        self._tell()

    def hear(self) -> bool:
        """``drain``, unless the subscribers may be told a moment later, by another ``drain``: then it returns True. That is so when all
        of them hear of links from the kernel, too, and these events are of links that were known."""
        self._only_links = True
        self._pump()
        if self._only_links and self._subscribers and all(ahead for _, _, ahead in self._subscribers):
            return True
        self._tell()
        return False

    def listener(self) -> socket_.socket:
        """A socket for somebody else that hears the kernel's events of all namespaces; see ``early.py``. The caller closes it."""
        return self._hidden.listener()

    def subscribe(self, callback: Callback, *, weather: bool = False, ahead: bool = False) -> Callable[[], None]:
        """Have ``callback`` called with each batch of changes (the form of ``changes_since``); returns what ends that.

        ``weather`` adds changes of carrier and operational state. ``ahead``: it has a ``listener``, too, by which it hears of links before.
        """
        entry = (callback, weather, ahead)
        if not self._subscribers:
            self._pump()
            self._refresh()
            self._told = self._journal.mark(self._state)
        self._subscribers.append(entry)

        def unsubscribe() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)

        return unsubscribe

    @property
    def heard(self) -> bool:
        """Whether somebody wants to be told of changes."""
        return bool(self._subscribers)

    def _tell(self) -> None:
        if not self._subscribers or self._telling:
            return
        self._telling = True
        try:
            self._refresh()
            old, touched, among = self._journal.since(self._told)
            if old is self._state:
                return
            self._told = self._journal.mark(self._state)
            new = self._state
            for callback, weather, _ in list(self._subscribers):
                deltas = delta.changes(old, new, touched, weather=weather, among=among)
                if deltas:
                    callback(deltas)
        finally:
            self._telling = False
