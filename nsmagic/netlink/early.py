"""Hearing of a link before the agent has told of it: the kernel's own event, read in the listener's process.

The agent tells what changed, with the names of all that a row shows (``monitor.py``, ``delta.py``); that takes it a read and a
message. Most events say nothing that needs the agent: a link that is known goes up or down, gains or loses its carrier, has
another MTU. Those are told at once, from what the event says and the row that is known; the agent's word on the same comes
later and is passed over. Whatever else happens (anything new, gone, renamed, moved, addresses, routes) waits for the agent, and
so does all that comes after it until the agent has caught up: what is told is in the order of the events.

Nothing here does input or output: ``Lab.events`` has the socket, and feeds this.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nsmagic.model import Change, Link, make_row
from nsmagic.netlink import decode, delta
from nsmagic.netlink.raw import RawLink
from nsmagic.netlink.words import AF_BRIDGE, RTM_DELLINK, RTM_NEWLINK

Row = list[Any]

#: Places in a row of ``links``.
_FLAGS, _OPERSTATE, _QDISC, _PROMISCUITY, _INFO, _PORT = 4, 5, 13, 16, 18, 19
#: So many rows are told ahead of the agent for one link, and for so many seconds its word on them is awaited.
_MOST_AHEAD: Final = 256
_PATIENCE: Final = 2.0
#: What a link's event says anew each time and no row shows: IFLA_STATS, IFLA_STATS64, IFLA_AF_SPEC, IFLA_CARRIER_CHANGES, _UP_COUNT
#: and _DOWN_COUNT; and before the attributes ``ifi_change``, the last four bytes of ``struct ifinfomsg``.
_COUNTERS: Final = (7, 23, 26, 35, 47, 48)
_IFI_CHANGE: Final = 12
#: So many different events of one link are remembered.
_MOST_SAID: Final = 16


class _Known:
    """A link as it was heard of last. ``ahead`` are the rows that the agent has not told yet, each with its time; ``agents`` is
    the row that it told last.

    A link says the same few things again and again (up, down), and reading an event takes longer than all else here: what was
    read is kept in ``said`` by the bytes that matter, which ``parts`` finds by the size of an event.
    """

    __slots__ = ("agents", "ahead", "info", "lower", "master", "parts", "port", "row", "said", "shown")

    def __init__(self, row: Row, master: int, lower: int, info: Mapping[str, Any]) -> None:
        self.row = self.agents = row
        self.shown: Link | None = None  # ``row`` as it is told
        self.master, self.lower, self.info = master, lower, info
        self.port = delta.decided_port(row[_PORT])
        self.ahead: deque[tuple[float, Row]] = deque()
        self.parts: dict[int, tuple[slice, ...]] = {}
        self.said: dict[bytes, tuple[Row, Link]] = {}

    def read(self, data: bytearray, at: int, end: int) -> tuple[Row, Link] | None:
        """The row after an event; None when more than the link itself is needed to know it."""
        body = data[at:end]
        parts = self.parts.get(len(body))
        if parts is not None:
            found = self.said.get(b"".join([body[part] for part in parts]))
            if found is not None:
                return found
        row = _told(self, decode.link(body, 0, len(body)))
        if row is None:
            return None
        if len(self.said) >= _MOST_SAID:
            self.parts.clear()
            self.said.clear()
        parts = self.parts[len(body)] = _what_matters(body)
        found = self.said[b"".join([body[part] for part in parts])] = row, make_row("links", row)
        return found

    def tell(self, new: Row, shown: Link | None = None) -> Change:
        """The change from what is known to a new row, which is known from now on."""
        old = self.shown or make_row("links", self.row)
        self.row, self.shown = new, shown or make_row("links", new)
        return Change("~", "links", old, self.shown)


class Early:
    """What was heard of the links of one lab, from both sides. ``states``: what links do by themselves is told too.

    ``waits`` is true while the agent has to catch up; who feeds this asks it to, and calls ``caught_up`` when it has.
    """

    def __init__(self, states: bool) -> None:
        self._states = states
        self._links: dict[tuple[int, int], _Known] = {}
        self._by_name: dict[tuple[str, int], _Known] = {}
        self._unsure: set[_Known] = set()
        self.waits = False

    def knows(self, links: Sequence[tuple[Row, Sequence[Any]]]) -> None:
        """Links that there were when the agent began to tell, as ``agent/notices.py`` tells of them."""
        for row, fact in links:
            if (row[0], row[1]) not in self._by_name:
                self._know(row, fact)

    def _know(self, row: Row, fact: Sequence[Any]) -> None:
        nsid, master, lower, info = fact
        self._links[nsid, row[1]] = self._by_name[row[0], row[1]] = _Known(row, master, lower, info)

    def event(self, nsid: int, kind: int, data: bytearray, at: int, end: int) -> Change | None:
        """Take in an event of the kernel's; what it changed, when that can be told now."""
        known = None
        if kind == RTM_NEWLINK:
            family, _, index, _, _ = decode.IFINFO.unpack_from(data, at)
            known = self._links.get((nsid, index)) if family != AF_BRIDGE else None
        elif kind == RTM_DELLINK:
            family, _, index, _, _ = decode.IFINFO.unpack_from(data, at)
            if family != AF_BRIDGE:
                self._links.pop((nsid, index), None)
        if known is None or self.waits:
            self._wait(known)
            return None
        read = known.read(data, at, end) if len(known.ahead) < _MOST_AHEAD else None
        if read is None:
            self._wait(known)
            return None
        old, (new, shown) = known.row, read
        if new == old:
            return None
        now = time.monotonic()
        while known.ahead and known.ahead[0][0] < now - _PATIENCE:
            known.ahead.popleft()  # the agent saw it together with a later one
        known.ahead.append((now, new))
        self._unsure.add(known)
        change = known.tell(new, shown)
        return change if self._states or _decided(old, new) else None

    def _wait(self, known: _Known | None) -> None:
        self.waits = True
        if known is not None:
            self._unsure.add(known)

    def lost(self) -> None:
        """Events were lost: the agent tells what they were."""
        self._links.clear()
        self.waits = True

    def caught_up(self) -> tuple[Change, ...]:
        """The agent has told of all events until it was asked, and ``relayed`` has them. Returns what it left out because for it
        there was no change: a link is again as it was before what was told ahead."""
        found = []
        for known in self._unsure:
            known.ahead.clear()
            if known.row != known.agents and (self._states or _decided(known.row, known.agents)):
                found.append(known.tell(known.agents))
        self._unsure.clear()
        self.waits = False
        return tuple(found)

    def relayed(self, deltas: Sequence[Sequence[Any]], facts: Sequence[Sequence[Any] | None]) -> tuple[Change, ...]:
        """What the agent tells; returns what of it was not heard before. ``facts`` are as ``agent/notices.py`` says."""
        found = []
        anew: list[tuple[Row, Sequence[Any]]] = []
        for entry, fact in zip(deltas, facts, strict=True):
            op, table, old, new = entry
            if table == "links" and old is not None:
                known = self._by_name.get((old[0], old[1]))
                if known is not None:
                    if new is not None and _was_told(known, new):
                        known.agents = new
                        continue
                    old = known.row
                    self._unsure.discard(known)
            if new is not None and fact is not None:
                anew.append((new, fact))
            if op != "~" or table != "links" or (old != new if self._states else _decided(old, new)):
                found.append(Change.from_data((op, table, old, new)))
        if any(map(_renames, deltas)):
            self._links.clear()
            self._by_name = {key: known for key, known in self._by_name.items() if known in self._unsure}
        for row, fact in anew:
            self._know(row, fact)
        return tuple(found)


def _what_matters(body: bytearray) -> tuple[slice, ...]:
    """The parts of an event without its counters. Sizes and numbers of all attributes are in them, so another event that is the
    same in these places says the same.

    >>> body = bytearray(16) + b"\\x08\\0\\x23\\0AAAA" + b"\\x08\\0\\x04\\0BBBB"
    >>> [bytes(body[part])[-8:] for part in _what_matters(body)]
    [b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00', b'\\x08\\x00#\\x00', b'\\x08\\x00\\x04\\x00BBBB']
    """
    where = decode.attributes(body, 16, len(body))
    left_out = [(where[number], decode.end_of(body, where[number])) for number in _COUNTERS if number in where]
    found, begin = [], 0
    for first, last in sorted([(_IFI_CHANGE, _IFI_CHANGE + 4), *left_out]):
        found.append(slice(begin, first))
        begin = last
    return (*found, slice(begin, len(body)))


def _told(known: _Known, link: RawLink) -> Row | None:
    """The row of a link after an event; None when more than itself is needed to know it."""
    row = known.row
    if (
        (link.ifname, link.kind, link.mac, link.master, link.lower) != (row[2], row[3], row[6], known.master, known.lower)
        or (link.alias, link.group, list(link.altnames), link.info) != (row[12], row[15], row[17], known.info)
        or delta.decided_port(link.port) != known.port
    ):  # fmt: skip
        return None
    return [
        *row[:4], link.flags, link.operstate, row[6], link.mtu, *row[8:13], link.qdisc, link.txqlen, row[15],
        link.promiscuity, row[17], row[18], link.port,
    ]  # fmt: skip


def _was_told(known: _Known, row: Row) -> bool:
    """Whether a state of a link was told ahead. The agent tells them in the same order, some of them together."""
    for place, (_, told) in enumerate(known.ahead):
        if told == row:
            for _ in range(place + 1):
                known.ahead.popleft()
            return True
    return False


def _decided(old: Row, new: Row) -> bool:
    """Whether rows of a link differ in something that somebody has decided."""
    return _without_weather(old) != _without_weather(new)


def _without_weather(row: Row) -> list[Any]:
    plain = list(row)
    plain[_FLAGS] = row[_FLAGS] & ~delta.LINK_WEATHER
    plain[_OPERSTATE] = plain[_QDISC] = plain[_PROMISCUITY] = None
    plain[_INFO], plain[_PORT] = delta.decided_info(row[_INFO]), delta.decided_port(row[_PORT])
    return plain


def _renames(entry: Sequence[Any]) -> bool:
    """Whether a change may be seen in the rows of other links too: their other end's name, their bridge's."""
    op, table, old, new = entry
    return bool(table == "namespaces" or (table == "links" and (op != "~" or old[:3] != new[:3])))
