"""Which namespaces are followed, and what is known of each: events of the kernel are taken in here, and what they made dirty is read.

The hidden namespace (``hidden.py``) gives each namespace of the lab a number, *nsid*, and listens to all of them. Links are
read through it too (IFLA_TARGET_NETNSID), because then the kernel names the namespace of a veth's other end by that number,
whichever namespace the link is in. (A number given in ``host`` would show up as ``(id: 7)`` in ``ip netns``.) Addresses,
routes, rules and neighbours need the namespace's own socket.

An event only says *that* something changed. What is so now is read when somebody asks (``monitor.py``), once
for all events until then. Two grades: *dirty* is what may hold a change worth telling; *stale* is what the kernel did as a
consequence (IPv6's link-local addresses and local routes, several for each port of a bridge) and is only read for a
snapshot. Some changes have no event: IPv4 routes that vanish with an address or with a link that goes down (known here), and
attributes of a link that is down, alternative names, proxies (whoever changes them calls ``touch``). When events were lost,
everything is read again. Neighbour and forwarding entries change by themselves and are read for each snapshot (neighbours not
where none can have: ``Live.expect``).

This module is longer than 300 lines because taking in events and reading what they made dirty share all their state;
what could be cut off is in ``hidden``, ``notices``, ``live``, ``journal``, ``settle`` and ``peers``.
"""

from __future__ import annotations

import os
import struct
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, KeysView, Mapping
from typing import NamedTuple

from nsmagic.errors import NamespaceNotFound
from nsmagic.netlink import decode, dump, notices, peers
from nsmagic.netlink.hidden import Hidden
from nsmagic.netlink.journal import Journal
from nsmagic.netlink.live import ALL, BITS, EVERYTHING, NOTHING, Bit, Live
from nsmagic.netlink.peers import PAIRED, Space, State
from nsmagic.netlink.raw import RawLink, RawRule
from nsmagic.netlink.settle import Settling
from nsmagic.netlink.socket import NetlinkError, RouteSocket
from nsmagic.netlink.words import AF_BRIDGE, RTM_DELLINK, RTM_NEWLINK
from nsmagic.shape import IFF_UP

_IFLA_ADDRESS, _IFLA_NEW_IFINDEX = 1, 49
_MOST_LEAVING = 256


class Ready(NamedTuple):
    """A namespace that can be followed: its number in the hidden namespace, its inode, a socket in it."""

    nsid: int
    inode: int
    sock: RouteSocket


class Follower:
    """Follows all namespaces given to it; ``Monitor`` is what one makes.

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
        self._hidden = Hidden(home_fd)
        self._live: dict[int, Live] = {}
        self._by_name: dict[str, int] = {}
        self._state: dict[int, Space] = {}
        self._dirty: OrderedDict[int, None] = OrderedDict()
        self._journal = Journal()
        self._settling = Settling(self._live, lambda: self._state, self._reread)
        self._next_uid = 1
        self._naming = 0  # counts what may change a name that a row of another namespace shows
        self._indexes: Counter[int] = Counter()
        self._leaving: deque[tuple[int, str, int]] = deque(maxlen=_MOST_LEAVING)  # (new index, MAC, identity)
        #: The loopback of a namespace that was made a moment ago, which is the same in each; None until one was read.
        self.new_loopback: RawLink | None = None
        self._fresh_rules: tuple[list[RawRule], list[RawRule]] | None = None
        #: The events taken in last say no more than what became of links that were known.
        self._only_links = True
        #: The kernel sends no events (see ``deafen``).
        self.deaf = False
        #: Who has yet to tell us what the kernel said to him (``told.py``); called before anything is read.
        self.owed: list[Callable[[], object]] = []

    # Namespaces

    def attach(
        self, name: str, nsfd: int, *, named: bool = True, fresh: bool = False, ready: Ready | None = None
    ) -> int:  # fmt: skip
        """Follow a namespace; returns its number in the hidden namespace.

        ``nsfd`` is only used during the call; the monitor's socket then keeps the namespace alive until ``detach``.
        ``fresh`` says that it was made a moment ago and nobody has been in it, which saves reading six empty tables.
        ``ready`` is what somebody has done already of what is done here.

        Raises
        ------
        ValueError
            The name is taken, or the namespace is followed by another name.
        """
        if name in self._by_name:
            raise ValueError(f"the monitor follows a namespace {name} already")
        if not fresh:  # what was there before comes first in what is told
            self._pump()
        nsid = self._hidden.number(nsfd) if ready is None else ready.nsid
        if nsid in self._live:
            raise ValueError(f"the monitor follows that namespace as {self._live[nsid].name}")
        if ready is None:
            ready = Ready(nsid, os.fstat(nsfd).st_ino, RouteSocket.open(nsfd, self._home))
        live = Live(name, nsid, ready.inode, named, ready.sock)
        live.links_dirty = ALL
        if fresh:
            live.stale = EVERYTHING
            if self._fresh_rules is None:
                live.read(BITS["rules"])
                self._fresh_rules = (live.rules4, live.rules6)
            live.rules4, live.rules6 = self._fresh_rules
        else:
            live.dirty = EVERYTHING
        self._live[nsid] = live
        self._by_name[name] = nsid
        self._renamed(nsid)
        return nsid

    def rename(self, old: str, new: str, *, named: bool = True) -> None:
        """A namespace has another name now (an unnamed one got its first)."""
        live = self._get(old)
        if new in self._by_name:
            raise ValueError(f"the monitor follows a namespace {new} already")
        self._by_name[new] = self._by_name.pop(old)
        live.name, live.named, live.changed = new, named, True
        self._renamed(live.nsid)

    def _renamed(self, nsid: int) -> None:
        self._dirty[nsid] = None
        self._naming += 1
        self._journal.touch((nsid, "namespaces"))

    def detach(self, name: str) -> None:
        """Forget a namespace and let go of it. What it held goes from the tables at once."""
        live = self._get(name)
        self._pump()
        self._refresh()
        self._settling.gone(live)
        for index in live.links:
            self._count(index, -1)
        live.sock.close()
        del self._by_name[name], self._live[live.nsid]
        self._renamed(live.nsid)
        del self._dirty[live.nsid]
        self._state = {nsid: space for nsid, space in self._state.items() if nsid != live.nsid}
        self._journal.differs(live.nsid)

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

    def ifindex(self, name: str, ifname: str) -> int:
        """The number of the link of that name (no alternative one) in a namespace; 0 when the kernel has to be asked."""
        live = self._get(name)
        self._pump()
        return 0 if live.links_dirty else live.index_of.get(ifname, 0)

    @property
    def lives(self) -> Mapping[int, Live]:
        """All that is followed, as it is known at this moment, by its number."""
        return self._live

    def live(self, name: str) -> Live:
        """One of them.

        Raises
        ------
        NamespaceNotFound
        """
        return self._get(name)

    def take(self, live: Live, row: RawLink) -> None:
        """A link is so now, as the kernel has told somebody else than us."""
        known = live.links.get(row.ifindex)
        if self.deaf and known is not None:  # who asks next reads all again, and what else may be different
            live.put_link(known[0], row)
            self._settling.moved(live.nsid, row.ifindex)
        else:
            self._put(live, row)

    def close(self) -> None:
        """Close all sockets; the kernel then frees what only they kept alive."""
        for live in self._live.values():
            live.sock.close()
        self._live.clear()
        self._by_name.clear()
        self._dirty.clear()
        self._hidden.close()

    def _get(self, name: str) -> Live:
        nsid = self._by_name.get(name)
        if nsid is None:
            raise NamespaceNotFound(
                f'Cannot open network namespace "{name}": No such file or directory', name=name, known=self.names()
            )
        return self._live[nsid]

    # Events

    @property
    def hidden(self) -> Hidden:
        """The hidden namespace."""
        return self._hidden

    def loopback(self) -> int:
        """A new descriptor of the hidden namespace, which has its loopback up from then on; the caller closes it."""
        return self._hidden.loopback()

    @property
    def asking(self) -> RouteSocket:
        """The socket of the hidden namespace, for what may be asked anywhere: there are hardly any devices there."""
        return self._hidden.ask

    def deafen(self) -> None:
        """Much is about to be done, and what came of it is read at its end: the kernel need not send dozens of events for each
        namespace meanwhile. Whoever asks for something ends that, by reading everything again."""
        self._hidden.listen(False)
        self._pump()
        self.deaf = True

    def _pump(self) -> None:
        """Note what the events are about."""
        while self.owed:
            self.owed.pop()()
        if self.deaf:
            self.deaf = False
            self._hidden.listen(True)
            self._read_everything_again()
        for event in self._hidden.events():
            if event is None:
                self._only_links = False
                self._read_everything_again()
                continue
            nsid, kind, data, at, end = event
            live = self._live.get(nsid)
            if live is None:
                continue
            if kind in (RTM_NEWLINK, RTM_DELLINK):
                self._dirty[nsid] = None
                self._on_link(live, kind, data, at, end)
            elif (note := notices.OF.get(kind)) is not None:
                self._dirty[nsid] = None
                self._only_links = False
                note(self._journal, live, kind, data, at, end)

    def _on_link(self, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
        family, _, index, _, _ = decode.IFINFO.unpack_from(data, at)
        uid = live.uid(index)
        if uid and not (kind == RTM_DELLINK and family != AF_BRIDGE):
            self._journal.touch(("uid", uid))
            live.link_is_dirty(index)
            return
        self._only_links = False
        where = decode.attributes(data, at + 16, end)
        at = where.get(_IFLA_ADDRESS, 0)
        mac = bytes(data[at : at + 6]).hex(":") if at else ""
        if kind == RTM_NEWLINK:
            uid = live.arriving[index] = self._arrival(index, mac)
            live.link_is_dirty(index)
        elif uid:
            live.arriving.pop(index, None)
            self._drop(live, index)
            if _IFLA_NEW_IFINDEX in where:  # it has moved to another namespace
                self._leaving.append((struct.unpack_from("=i", data, where[_IFLA_NEW_IFINDEX])[0], mac, uid))
        self._journal.touch(("uid", uid))

    def _arrival(self, index: int, mac: str) -> int:
        """The identity of a link that appears: its old one when it has left another namespace."""
        for entry in reversed(self._leaving):
            if entry[0] == index and entry[1] == mac:
                self._leaving.remove(entry)
                return entry[2]
        self._next_uid += 1
        return self._next_uid - 1

    def touch(self, name: str | None = None, table: str | None = None, dev: str | int | None = None) -> None:
        """Something may have changed of which the kernel sends no event: read it again.

        Without arguments all that can change in silence (links and proxies of all namespaces), as after a program that did
        who knows what; else of one namespace, one table, or one link (``table="links"`` and its name or number).
        """
        for live in self._live.values() if name is None else (self._get(name),):
            self._dirty[live.nsid] = None
            if table in (None, "links"):
                index = live.find_link(dev) if dev is not None else None
                if index is None:
                    live.links_dirty = ALL
                else:
                    live.link_is_dirty(index)
            live.dirty |= Bit.FIXED if table is None else BITS.get(table, NOTHING)

    def _read_everything_again(self) -> None:
        """Events were lost."""
        for live in self._live.values():
            self._dirty[live.nsid] = None
            live.calm = False
            live.links_dirty = ALL
            live.dirty = EVERYTHING

    # Reading

    @property
    def state(self) -> State:
        """All that was read last, never to be changed: the next read makes another one, which shares what stayed the same."""
        return self._state

    def _refresh(self, also_stale: int = NOTHING, names: Collection[str] | None = None) -> None:
        """Read what is dirty; of the namespaces named (None: all) also what of ``also_stale`` is stale.

        This is done for each command, so it only looks at the namespaces with events since the last time.
        """
        if not (self._dirty or also_stale):
            return
        # Links first: what is read of one can make another one's row old.
        while waiting := [live for nsid in self._dirty if (live := self._live[nsid]).links_dirty]:
            for live in waiting:
                self._read_links(live)
        state: dict[int, Space] | None = None
        if also_stale:
            for nsid in self._live if names is None else [self._by_name[name] for name in names]:
                live = self._live[nsid]
                if live.stale & also_stale:
                    self._dirty[nsid] = None
                    live.dirty |= live.stale & also_stale
        for nsid in list(self._dirty):
            live = self._live[nsid]
            if live.dirty:
                live.read(live.dirty)
            del self._dirty[nsid]
            if live.changed:
                state = dict(self._state) if state is None else state
                state[nsid] = live.freeze()
                self._journal.differs(nsid)
        if state is not None:
            self._state = state

    def _read_links(self, live: Live) -> None:
        wanted, live.links_dirty = live.links_dirty, set()
        try:
            if wanted is ALL or len(wanted) > 8 + len(live.links) // 4:
                rows = dump.links(self._hidden.ask, live.nsid)
                here = {row.ifindex for row in rows}
                for index in [index for index in live.links if index not in here]:
                    self._drop(live, index)
                for row in rows:
                    self._put(live, row)
                live.arriving.clear()
            else:
                for index in sorted(wanted):
                    self._reread(live, index)
        except NetlinkError:
            live.links_dirty = ALL
            raise

    def _reread(self, live: Live, index: int) -> None:
        row = dump.link(self._hidden.ask, index, live.nsid)
        if row is None:
            self._drop(live, index)
        else:
            self._put(live, row)

    def _drop(self, live: Live, index: int) -> None:
        """A link is gone."""
        gone = live.remove_link(index)
        if gone is None:
            return
        self._other_end(live, gone[1])
        self._count(index, -1)
        self._naming += 1
        self._dirty[live.nsid] = None
        live.dirty |= Bit.ROUTES4 | Bit.FIXED
        live.stale |= Bit.ROUTES6 | Bit.ADDRS6

    def _put(self, live: Live, row: RawLink) -> None:
        """A link is there; note what else may be different if it is."""
        known = live.links.get(row.ifindex)
        if known is None:
            uid = live.arriving.pop(row.ifindex, 0) or self._arrival(row.ifindex, row.mac)
            self._count(row.ifindex, +1)
            self._naming += 1
            live.stale |= Bit.ADDRS6 | Bit.ROUTES6
            self._other_end(live, row)
        else:
            uid, old = known
            if old == row:
                return
            if (old.ifname, old.lower, old.netnsid) != (row.ifname, row.lower, row.netnsid):
                self._naming += 1
            if (old.flags, old.operstate, old.mtu, old.master) != (row.flags, row.operstate, row.mtu, row.master):
                # IPv4's routes go in silence with a link that goes down, and are marked in silence when it loses its carrier;
                # of what else goes, and of all that comes, there are events.
                decided = ((old.flags ^ row.flags) & IFF_UP, old.mtu, old.master) != (0, row.mtu, row.master)
                if decided and live.has_routes(row.ifindex, worth=True):
                    live.dirty |= Bit.ROUTES4
                elif live.has_routes(row.ifindex, worth=False):
                    live.stale |= Bit.ROUTES4
                live.stale |= Bit.ADDRS6 | Bit.ROUTES6
        live.put_link(uid, row)
        self._dirty[live.nsid] = None
        self._settling.moved(live.nsid, row.ifindex)

    def _other_end(self, live: Live, row: RawLink) -> None:
        """A cable's end has come here or gone: the row of the other one names where it is, and no event says so."""
        there = live if row.netnsid < 0 else self._live.get(row.netnsid)
        if row.kind in PAIRED and there is not None and row.lower in there.links:
            there.link_is_dirty(row.lower)
            self._dirty[there.nsid] = None

    def _count(self, index: int, by: int) -> None:
        self._indexes[index] += by
        if not self._indexes[index]:
            del self._indexes[index]
