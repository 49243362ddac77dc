"""One monitor sees all: a hidden namespace that is told of every change in every namespace of the lab.

The hidden namespace gives each namespace of the lab a number (*nsid*), and one socket in it listens to all of them. Links
are read through it too (IFLA_TARGET_NETNSID), because then the kernel names the namespace of a veth's other end by the
hidden namespace's number, whichever namespace the link is in. (The same number given in ``host`` would show up as
``(id: 7)`` in ``ip netns``.) Addresses, routes, rules and neighbours need the namespace's own socket.

An event only says *that* something changed. What is so now is read when somebody asks (``snapshot``, ``changes_since``), once
for all events until then. Two grades: *dirty* is what may hold a change worth telling; *stale* is what the kernel did as a
consequence (IPv6's link-local addresses and its local routes, three for each port of a bridge), and is only read for a snapshot. Some changes have no event: IPv4 routes
that vanish with an address or a link that goes down (known here), and attributes of a link that is down, alternative names,
proxies (whoever changes them calls ``touch``). When events were lost, everything is read again.

Neighbour entries and forwarding entries change by themselves and are read for each snapshot.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, KeysView, Sequence

from nsmagic.errors import NamespaceNotFound
from nsmagic.model import IFF_LOWER_UP, IFF_UP, ROWS
from nsmagic.netlink import decode, delta, dump, peers
from nsmagic.netlink.delta import Delta, Touch
from nsmagic.netlink.live import ALL, BITS, EVERYTHING, NOTHING, Bit, Live
from nsmagic.netlink.peers import PAIRED, Row, Space
from nsmagic.netlink.raw import RawLink, RawRule
from nsmagic.netlink.socket import (
    CLONE_NEWNET,
    HEADER,
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_LISTEN_ALL_NSID,
    SOL_NETLINK,
    NetlinkError,
    RouteSocket,
    setns,
)
from nsmagic.netlink.words import (
    AF_BRIDGE,
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELNEIGH,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_GETNSID,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWNSID,
    RTM_NEWROUTE,
    RTM_NEWRULE,
)

#: RTNLGRP_*: links, addresses, routes and rules of both families, neighbours, namespace numbers.
_GROUPS = {"LINK": 1, "NEIGH": 3, "IPV4_IFADDR": 5, "IPV4_ROUTE": 7, "IPV4_RULE": 8, "IPV6_IFADDR": 9,
           "IPV6_ROUTE": 11, "IPV6_RULE": 19, "NSID": 28}  # fmt: skip
_SIOCGSKNS = 0x894C
_EEXIST, _ENODEV = 17, 19
_NETNSA_NSID, _NETNSA_FD = 1, 3
_IFLA_ADDRESS, _IFLA_NEW_IFINDEX = 1, 49
_RTM_F_CLONED = 0x200

#: Numbers that the hidden namespace gives on purpose start here; those that the kernel gives start at 0.
_FIRST_NSID = 1_000_000
_MOST_MARKS, _MOST_TOUCHES, _MOST_LEAVING = 256, 50_000, 256
_MOST_EVENTS = 20_000  # read at one go; the rest waits for the next
_RECEIVE_BUFFER = 1 << 25

Callback = Callable[[list[Delta]], object]


class Monitor:
    """Follows all namespaces given to it.

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
        self._home = home_fd
        hidden = _new_namespace(home_fd)
        try:
            self._ask = RouteSocket.open(hidden, home_fd)
            self._events = RouteSocket.open(hidden, home_fd)
        finally:
            os.close(hidden)  # the sockets keep it alive
        sock = self._events.sock
        with contextlib.suppress(OSError):  # the kernel gives what its limit (net.core.rmem_max) allows
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        for group in _GROUPS.values():
            sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        sock.setsockopt(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
        sock.setblocking(False)
        self._buffer = bytearray(1 << 16)
        self._next_nsid = _FIRST_NSID
        self._fresh_rules: tuple[list[RawRule], list[RawRule]] | None = None
        self._next_uid = 1
        self._live: dict[int, Live] = {}
        self._by_name: dict[str, int] = {}
        self._state: dict[int, Space] = {}
        self._dirty: OrderedDict[int, None] = OrderedDict()
        self._naming = 0  # counts what may change the name of another namespace's link
        self._indexes: Counter[int] = Counter()
        self._leaving: deque[tuple[int, str, int]] = deque(maxlen=_MOST_LEAVING)
        self._touches: list[Touch] = []
        self._touches_gone = 0
        self._marks: OrderedDict[int, tuple[dict[int, Space], int]] = OrderedDict()
        self._last_mark = 0
        self._moving: set[tuple[int, int]] = set()  # links whose state may still settle
        self._doomed: set[tuple[int, int]] = set()  # other ends of what a vanished namespace held
        self._subscribers: list[tuple[Callback, bool]] = []
        self._told: tuple[dict[int, Space], int] = ({}, 0)
        self._telling = False

    # Namespaces

    def attach(self, name: str, nsfd: int, *, named: bool = True, fresh: bool = False) -> int:
        """Follow a namespace; returns its number in the hidden namespace.

        ``nsfd`` is only used during the call; the monitor's socket then keeps the namespace alive until ``detach``.
        ``fresh`` says that it was made a moment ago and nobody has been in it, which saves reading six empty tables.

        Raises
        ------
        ValueError
            The name is taken.
        """
        if name in self._by_name:
            raise ValueError(f"the monitor follows a namespace {name} already")
        nsid = self._number(nsfd)
        live = Live(name, nsid, os.fstat(nsfd).st_ino, named, RouteSocket.open(nsfd, self._home))
        live.links_dirty = ALL
        if fresh and self._fresh_rules is not None:
            live.stale = EVERYTHING
            live.rules4, live.rules6 = self._fresh_rules
        else:
            live.dirty = EVERYTHING
            if fresh:
                live.read(BITS["rules"])
                self._fresh_rules = (live.rules4, live.rules6)
        self._live[nsid] = live
        self._by_name[name] = nsid
        self._dirty[nsid] = None
        self._naming += 1
        self._touch((nsid, "namespaces"))
        return nsid

    def _number(self, nsfd: int) -> int:
        """Number a namespace. One that the kernel has numbered already (a veth ended in it) keeps that."""
        name = struct.pack("=B3xHHIHHi", 0, 8, _NETNSA_FD, nsfd, 8, _NETNSA_NSID, self._next_nsid)
        try:
            self._ask.request(RTM_NEWNSID, 0, name)
        except NetlinkError as error:
            if error.errno != _EEXIST:
                raise
            _, body = self._ask.get(RTM_GETNSID, 0, struct.pack("=B3xHHI", 0, 8, _NETNSA_FD, nsfd))
            nsid: int = struct.unpack_from("=i", body, decode.attributes(body, 4, len(body))[_NETNSA_NSID])[0]
            if nsid in self._live:
                raise ValueError(f"the monitor follows that namespace as {self._live[nsid].name}") from None
            return nsid
        self._next_nsid += 1
        return self._next_nsid - 1

    def rename(self, old: str, new: str, *, named: bool = True) -> None:
        """A namespace has another name now (an unnamed one got its first)."""
        live = self._get(old)
        if new in self._by_name:
            raise ValueError(f"the monitor follows a namespace {new} already")
        self._by_name[new] = self._by_name.pop(old)
        live.name, live.named = new, named
        live.changed = True
        self._dirty[live.nsid] = None
        self._naming += 1
        self._touch((live.nsid, "namespaces"))

    def detach(self, name: str) -> None:
        """Forget a namespace and let go of it. What it held goes from the tables at once."""
        live = self._get(name)
        self._refresh()
        for _, link in live.links.values():
            end = peers.other_end(self._state, live.nsid, link) if link.kind in PAIRED else None
            if end is not None and end[0] != live.nsid:
                self._doomed.add(end)
            self._count(link.ifindex, -1)
        self._touch((live.nsid, "namespaces"))
        live.sock.close()
        del self._by_name[name], self._live[live.nsid]
        self._dirty.pop(live.nsid, None)
        self._state = {nsid: space for nsid, space in self._state.items() if nsid != live.nsid}
        self._naming += 1

    def names(self) -> list[str]:
        """The namespaces followed: host, then the others by name."""
        return sorted(self._by_name, key=peers.order)

    def socket(self, name: str) -> RouteSocket:
        """The kept socket of a namespace.

        Raises
        ------
        NamespaceNotFound
        """
        return self._get(name).sock

    def ifindexes(self) -> KeysView[int]:
        """The numbers of all links of the lab."""
        return self._indexes.keys()

    def close(self) -> None:
        """Close all sockets; the kernel then frees what only they kept alive."""
        for live in self._live.values():
            live.sock.close()
        self._live.clear()
        self._by_name.clear()
        self._ask.close()
        self._events.close()

    def _get(self, name: str) -> Live:
        nsid = self._by_name.get(name)
        if nsid is None:
            raise NamespaceNotFound(
                f'Cannot open network namespace "{name}": No such file or directory', name=name, known=self.names()
            )
        return self._live[nsid]

    # Events

    def fileno(self) -> int:
        """Readable when there are events; then call ``drain``."""
        return self._events.sock.fileno()

    def drain(self) -> None:
        """Read the events that are there; tell the subscribers."""
        self._pump()
        self._tell()

    def subscribe(self, callback: Callback, *, weather: bool = False) -> Callable[[], None]:
        """Have ``callback`` called with each batch of changes (the form of ``changes_since``); returns what ends that.

        ``weather`` adds changes of carrier and operational state.
        """
        entry = (callback, weather)
        if not self._subscribers:
            self._refresh()
            self._told = (self._state, self._position())
        self._subscribers.append(entry)

        def unsubscribe() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)

        return unsubscribe

    def _tell(self) -> None:
        if not self._subscribers or self._telling:
            return
        self._telling = True
        try:
            self._refresh()
            old, since = self._told
            self._told = (self._state, self._position())
            if old is self._state:
                return
            touched = self._touched_since(since)
            for callback, weather in list(self._subscribers):
                deltas = delta.changes(old, self._state, touched, weather=weather)
                if deltas:
                    callback(deltas)
        finally:
            self._telling = False

    def _pump(self) -> None:
        """Read events until there are none (or very many)."""
        receive, buffer = self._events.sock.recvmsg_into, self._buffer
        view = [buffer]
        for _ in range(_MOST_EVENTS):
            try:
                size, ancillary, _, _ = receive(view, 64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != 105:  # ENOBUFS: events were lost
                    raise
                self.touch()
                continue
            for level, kind, data in ancillary:
                if level == SOL_NETLINK and kind == NETLINK_LISTEN_ALL_NSID:
                    live = self._live.get(struct.unpack_from("=i", data)[0])
                    if live is not None:
                        self._datagram(live, buffer, size)

    def _datagram(self, live: Live, data: bytearray, size: int) -> None:
        at = 0
        while at + 16 <= size:
            length, kind, _, _, _ = HEADER.unpack_from(data, at)
            if length < 16:
                return
            handle = _HANDLERS.get(kind)
            if handle is not None:
                handle(self, live, kind, data, at + 16, at + length)
            at += (length + 3) & ~3

    def _on_link(self, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
        family, _, index, _, _ = decode.IFINFO.unpack_from(data, at)
        self._dirty[live.nsid] = None
        uid = live.uid(index)
        if uid and not (kind == RTM_DELLINK and family != AF_BRIDGE):
            self._touch(("uid", uid))
            live.link_is_dirty(index)
            return
        where = decode.attributes(data, at + 16, end)
        at = where.get(_IFLA_ADDRESS, 0)
        mac = bytes(data[at : at + 6]).hex(":") if at else ""
        if kind == RTM_NEWLINK:
            uid = live.arriving[index] = self._arrival(index, mac)
            live.link_is_dirty(index)
        elif uid:
            live.arriving.pop(index, None)
            gone = live.remove_link(index)
            if gone is not None:
                self._link_gone(live, gone[1])
            if _IFLA_NEW_IFINDEX in where:
                self._leaving.append((struct.unpack_from("=i", data, where[_IFLA_NEW_IFINDEX])[0], mac, uid))
        self._touch(("uid", uid))

    def _link_gone(self, live: Live, link: RawLink) -> None:
        self._count(link.ifindex, -1)
        self._naming += 1
        self._doomed.discard((live.nsid, link.ifindex))
        live.dirty |= Bit.ROUTES4 | Bit.FIXED
        live.stale |= Bit.ROUTES6 | Bit.ADDRS6

    def _arrival(self, index: int, mac: str) -> int:
        """The identity of a link that appears: its old one when it has left another namespace."""
        for entry in reversed(self._leaving):
            if entry[0] == index and entry[1] == mac:
                self._leaving.remove(entry)
                return entry[2]
        return self._uid()

    def _on_addr(self, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
        addr = decode.addr(data, at, end)
        self._touch((live.nsid, "addrs", addr.ifindex, addr.address))
        bit = Bit.ADDRS4 if addr.family == "inet" else Bit.ADDRS6
        self._note(live, bit, worth=not delta.made_by_kernel(addr))
        if kind == RTM_DELADDR and addr.family == "inet":
            self._note(live, Bit.ROUTES4, worth=True)  # routes through it vanish without a word

    def _on_route(self, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
        if decode.RTMSG.unpack_from(data, at)[8] & _RTM_F_CLONED:
            return
        route = decode.route(data, at, end)
        bit = Bit.ROUTES4 if route.family == "inet" else Bit.ROUTES6
        link_local = route.family == "inet6" and route.dst in ("fe80::/64", "ff00::/8")
        worth = not (route.family == "inet6" and route.table == delta.LOCAL_TABLE) and not link_local
        if worth:
            self._touch((live.nsid, "routes", route.family, route.dst, route.table))
        self._note(live, bit, worth=worth)

    def _on_neighbour(self, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
        if decode.NDMSG.unpack_from(data, at)[0] == AF_BRIDGE:
            return
        entry = decode.neighbour(data, at, end)
        if delta.fixed((entry,), live.links) or any(
            (old.ifindex, old.address) == (entry.ifindex, entry.address) for old in live.fixed
        ):
            self._touch((live.nsid, "neighbours", entry.ifindex, entry.address))
            self._note(live, Bit.FIXED, worth=True)

    def _on_rule(self, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
        rule = decode.rule(data, at, end)
        self._touch((live.nsid, "rules", rule.family, rule.priority))
        self._note(live, Bit.RULES4 if rule.family == "inet" else Bit.RULES6, worth=True)

    def _note(self, live: Live, bit: Bit, *, worth: bool) -> None:
        if worth:
            live.dirty |= bit
        else:
            live.stale |= bit
        self._dirty[live.nsid] = None

    def touch(self, name: str | None = None, table: str | None = None, dev: str | int | None = None) -> None:
        """Something may have changed of which the kernel sends no event: read it again.

        Without arguments everything, as after a program that did who knows what; else a namespace, a table of it, or one
        link (``table="links"`` and its name or number).
        """
        for live in self._live.values() if name is None else (self._get(name),):
            self._dirty[live.nsid] = None
            if table in (None, "links"):
                index = live.find_link(dev) if dev is not None else None
                if index is None:
                    live.links_dirty = ALL
                else:
                    live.link_is_dirty(index)
            live.dirty |= EVERYTHING if table is None else BITS.get(table, NOTHING)

    def _touch(self, key: Touch) -> None:
        self._touches.append(key)
        if len(self._touches) > _MOST_TOUCHES:
            half = _MOST_TOUCHES // 2
            del self._touches[:half]
            self._touches_gone += half

    def _position(self) -> int:
        return self._touches_gone + len(self._touches)

    def _touched_since(self, position: int) -> list[Touch]:
        return self._touches[max(0, position - self._touches_gone) :]

    def _uid(self) -> int:
        self._next_uid += 1
        return self._next_uid - 1

    def _count(self, index: int, by: int) -> None:
        self._indexes[index] += by
        if not self._indexes[index]:
            del self._indexes[index]

    # Reading

    def _refresh(self, also_stale: Bit | None = None, names: Iterable[str] | None = None) -> None:
        """Read what is dirty; of the namespaces named (None: all) also what is stale among ``also_stale``."""
        if not self._dirty:
            return
        wanted = None if names is None else {self._by_name[name] for name in names if name in self._by_name}
        state: dict[int, Space] | None = None
        for nsid in list(self._dirty):
            live = self._live[nsid]
            self._read_links(live)
            stale = also_stale if also_stale is not None and (wanted is None or nsid in wanted) else NOTHING
            live.read(live.dirty | (live.stale & stale))
            if not live.stale:
                del self._dirty[nsid]
            if live.changed:
                state = dict(self._state) if state is None else state
                state[nsid] = live.freeze()
        if state is not None:
            self._state = state

    def _read_links(self, live: Live) -> None:
        wanted, live.links_dirty = live.links_dirty, set()
        if not wanted:
            return
        if wanted is ALL or len(wanted) > 8 + len(live.links) // 4:
            rows = dump.links(self._ask, live.nsid)
            here = {row.ifindex for row in rows}
            for index in [index for index in live.links if index not in here]:
                entry = live.remove_link(index)
                if entry is not None:
                    self._link_gone(live, entry[1])
        else:
            rows = []
            for index in sorted(wanted):
                row = dump.link(self._ask, index, live.nsid)
                if row is not None:
                    rows.append(row)
                else:
                    entry = live.remove_link(index)
                    if entry is not None:
                        self._link_gone(live, entry[1])
        for row in rows:
            self._put_link(live, row)

    def _put_link(self, live: Live, row: RawLink) -> None:
        index = row.ifindex
        known = live.links.get(index)
        if known is None:
            uid = live.arriving.pop(index, 0) or self._arrival(index, row.mac)
            self._count(index, +1)
            self._naming += 1
            live.stale |= Bit.ADDRS6 | Bit.ROUTES6
        else:
            uid, old = known
            if old == row:
                return
            if (old.ifname, old.lower, old.netnsid) != (row.ifname, row.lower, row.netnsid):
                self._naming += 1
                live.dirty |= Bit.ADDRS4 if old.ifname != row.ifname else NOTHING  # their labels
            if (old.flags, old.operstate, old.mtu, old.master) != (row.flags, row.operstate, row.mtu, row.master):
                live.dirty |= Bit.ROUTES4
                live.stale |= Bit.ADDRS6 | Bit.ROUTES6
                if old.flags & ~row.flags & IFF_UP or old.mtu != row.mtu or old.master != row.master:
                    live.dirty |= Bit.ADDRS4 | Bit.ADDRS6 | Bit.ROUTES4 | Bit.ROUTES6
        live.put_link(uid, row)
        self._moving.add((live.nsid, index))

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
        chosen = [self._get(name) for name in (self.names() if names is None else sorted(set(names), key=peers.order))]
        self._pump()
        need = NOTHING
        for table in tables:
            need |= BITS.get(table, NOTHING)
        self._refresh(need, names)
        self._tell()
        return {table: self._rows(table, chosen) for table in tables}

    def _rows(self, table: str, chosen: Sequence[Live]) -> list[Row]:
        if table not in ROWS:
            raise KeyError(f"there is no table {table}")
        out: list[Row] = []
        for live in chosen:
            out += live.rows(table, self._state, self._naming)
        return out

    def mark(self) -> int:
        """A moment to compare with later. The last 256 are kept."""
        self._pump()
        self._refresh()
        self._tell()
        self._last_mark += 1
        self._marks[self._last_mark] = (self._state, self._position())
        if len(self._marks) > _MOST_MARKS:
            self._marks.popitem(last=False)
        return self._last_mark

    def changes_since(self, mark: int) -> list[Delta]:
        """The net effect since a mark, ``[op, table, old row or None, new row or None]`` per thing (see ``delta.py``).

        Raises
        ------
        KeyError
            There is no such mark, or it was too long ago.
        """
        self._pump()
        self._refresh()
        self._tell()
        state, position = self._marks[mark]
        if state is self._state:
            return []
        return delta.changes(state, self._state, self._touched_since(position))

    # Settling

    def settle(self, timeout: float = 0.2) -> bool:
        """Wait until what the kernel does a moment later has happened: the operational state of links that were switched
        (with it come link-local addresses), and the disappearance of veth ends whose other end was in a namespace that is
        gone. At most ``timeout`` seconds; returns whether everything came to rest.
        """
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        while True:
            self._pump()
            self._refresh()
            waiting = self._restless()
            if not waiting and not self._doomed:
                self._tell()
                return True
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(max(1, int(left * 1000))):
                self._doomed.clear()
                self._tell()
                return False
            self._moving |= waiting

    def _restless(self) -> set[tuple[int, int]]:
        """Links of which, or of what hangs on them, the kernel has yet to draw its conclusion. Empties ``_moving``."""
        waiting: set[tuple[int, int]] = set()
        asked: set[tuple[int, int]] = set()
        while self._moving:  # ends: each turn asks only for what was not asked for
            keys, self._moving = self._moving, set()
            for nsid, index in {end for key in keys for end in self._hanging_on(*key)} - asked:
                asked.add((nsid, index))
                live = self._live[nsid]
                link = dump.link(self._ask, index, nsid)
                if link is not None and index in live.links:
                    self._put_link(live, link)  # a difference puts it into _moving
                    self._dirty[nsid] = None
            waiting |= {key for key in keys if self._link_of(*key) is not None}
        self._refresh()
        self._doomed = {key for key in self._doomed if self._link_of(*key) is not None}
        return {key for key in waiting | asked if _inconsistent(self._link_of(*key))}

    def _link_of(self, nsid: int, index: int) -> RawLink | None:
        live = self._live.get(nsid)
        entry = live.links.get(index) if live is not None else None
        return entry[1] if entry is not None else None

    def _hanging_on(self, nsid: int, index: int) -> list[tuple[int, int]]:
        """What a link's change may have changed without an event so far: the two ends of a veth when carrier is not what
        it must be, the bridge of a port, what is stacked upon a link."""
        link = self._link_of(nsid, index)
        if link is None:
            return []
        found = [(nsid, upper) for upper in self._live[nsid].stacked.get(index, ())]
        if link.master:
            found.append((nsid, link.master))
        end = peers.other_end(self._state, nsid, link) if link.kind in PAIRED else None
        other = self._link_of(*end) if end is not None else None
        if end is not None and other is not None:
            carrier = IFF_LOWER_UP if link.flags & other.flags & IFF_UP else 0
            found += [
                key
                for key, one in (((nsid, index), link), (end, other))
                if one.flags & IFF_UP and one.flags & IFF_LOWER_UP != carrier
            ]
        return found


def _inconsistent(link: RawLink | None) -> bool:
    """Whether the kernel has yet to draw its conclusion: carrier but not up, or no carrier but still up."""
    if link is None or not link.flags & IFF_UP:
        return False
    if link.flags & IFF_LOWER_UP:
        return link.operstate in ("DOWN", "LOWERLAYERDOWN", "NOTPRESENT")
    return link.operstate == "UP"


_HANDLERS: dict[int, Callable[[Monitor, Live, int, bytearray, int, int], None]] = {
    RTM_NEWLINK: Monitor._on_link,
    RTM_DELLINK: Monitor._on_link,
    RTM_NEWADDR: Monitor._on_addr,
    RTM_DELADDR: Monitor._on_addr,
    RTM_NEWROUTE: Monitor._on_route,
    RTM_DELROUTE: Monitor._on_route,
    RTM_NEWNEIGH: Monitor._on_neighbour,
    RTM_DELNEIGH: Monitor._on_neighbour,
    RTM_NEWRULE: Monitor._on_rule,
    RTM_DELRULE: Monitor._on_rule,
}


def _new_namespace(home_fd: int) -> int:
    """A descriptor of a new network namespace; where we are stays the same.

    SIOCGSKNS asks a socket for its namespace, which needs no /proc (in a sandbox without mounts /proc is not ours).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            fd = fcntl.ioctl(sock, _SIOCGSKNS)
    finally:
        setns(home_fd)
    os.set_inheritable(fd, False)
    return fd
