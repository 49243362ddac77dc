"""One namespace that the monitor follows: its socket, what was last read from it, and what has to be read again.

``Live`` changes; ``freeze`` makes the ``Space`` that stays (see ``peers.py``). What two reads have in common stays the same
object, so that comparing is asking "is it the same?", and rows made of it are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any, Final

from nsmagic.netlink import delta, dump, peers
from nsmagic.netlink.peers import PAIRED, Row, Space, State
from nsmagic.netlink.prefixes import number
from nsmagic.netlink.raw import RawAddr, RawLink, RawNeighbour, RawRoute, RawRule
from nsmagic.netlink.socket import RouteSocket
from nsmagic.netlink.words import AF_INET, AF_INET6


class Bit:
    """What of a namespace may have changed. Plain numbers: they are looked at for each event and each command, where an enum
    costs more than all the rest."""

    ADDRS4 = 1
    ADDRS6 = 2
    ROUTES4 = 4
    ROUTES6 = 8
    RULES4 = 16
    RULES6 = 32
    FIXED = 64


#: What a table is made of.
BITS: Final[dict[str, int]] = {
    "addrs": Bit.ADDRS4 | Bit.ADDRS6,
    "routes": Bit.ROUTES4 | Bit.ROUTES6,
    "rules": Bit.RULES4 | Bit.RULES6,
    "neighbours": Bit.FIXED,
}
#: Instead of a set of indexes: all links.
ALL: Final[frozenset[int]] = frozenset({-1})
NOTHING: Final = 0
EVERYTHING: Final = 127

#: Tables of which the kernel sends no event, or not for each change.
READ = frozenset(("neighbours", "fdb"))


class Live:
    """A namespace of the lab, as the monitor follows it."""

    def __init__(self, name: str, nsid: int, inode: int, named: bool, sock: RouteSocket) -> None:
        self.name, self.nsid, self.inode, self.named, self.sock = name, nsid, inode, named, sock
        self.links: dict[int, tuple[int, RawLink]] = {}
        self.addrs4: list[RawAddr] = []
        self.addrs6: list[RawAddr] = []
        self.routes4: list[RawRoute] = []
        self.routes6: list[RawRoute] = []
        self.rules4: list[RawRule] = []
        self.rules6: list[RawRule] = []
        self.fixed: list[RawNeighbour] = []
        #: Links to be read again, by index; ``ALL`` for all of them.
        self.links_dirty: set[int] | frozenset[int] = set()
        #: May hold a change worth telling; must be read before anybody asks what changed.
        self.dirty: int = NOTHING
        #: Changed by the kernel as a consequence; must be read before a snapshot.
        self.stale: int = NOTHING
        #: Identities of links that were announced but not read yet.
        self.arriving: dict[int, int] = {}
        #: Number of each link that was read, by its name.
        self.index_of: dict[str, int] = {}
        #: What is stacked upon a link of this namespace (vlan, macvlan …).
        self.stacked: dict[int, set[int]] = {}
        #: Something differs from what ``freeze`` returned last.
        self.changed = True
        self._links_changed = True
        self._space: Space | None = None
        self._cache: dict[str, tuple[tuple[Any, ...], list[Row]]] = {}
        self._shown: dict[str, tuple[Space, int, list[Row]]] = {}
        self._heard: dump.Heard | None = None
        self._listed: dump.Heard | None = None
        #: No neighbour was seen that changes in silence, and the kernel has told of none since.
        self.calm = False
        self._as_heard = False
        self._allocated: tuple[int, ...] | None = None

    def note(self, bit: int, *, worth: bool) -> None:
        """A part has to be read again: soon when it may hold a change worth telling, else for the next snapshot."""
        if worth:
            self.dirty |= bit
        else:
            self.stale |= bit

    # Links

    def link_is_dirty(self, index: int) -> None:
        """Have one link read again."""
        if self.links_dirty is not ALL:
            assert isinstance(self.links_dirty, set)
            self.links_dirty.add(index)

    def uid(self, index: int) -> int:
        """The identity of a link that is there or announced; 0 when there is none."""
        known = self.links.get(index)
        return known[0] if known is not None else self.arriving.get(index, 0)

    def find_link(self, dev: str | int) -> int | None:
        """The number of a link by its name, alternative name or number."""
        for index, (_, link) in self.links.items():
            if dev in (index, link.ifname) or dev in link.altnames:
                return index
        return None

    def put_link(self, uid: int, link: RawLink) -> None:
        """A link is there, or is different now."""
        known = self.links.get(link.ifindex)
        self.links[link.ifindex] = (uid, link)
        self.changed = self._links_changed = True
        if known is not None:
            was = known[1]
            if (was.ifname, was.lower, was.netnsid, was.kind) == (link.ifname, link.lower, link.netnsid, link.kind):
                return
            self._unstack(was)
            self._unname(was)
        self.index_of[link.ifname] = link.ifindex
        if link.lower and link.netnsid < 0 and link.kind not in PAIRED:
            self.stacked.setdefault(link.lower, set()).add(link.ifindex)

    def remove_link(self, index: int) -> tuple[int, RawLink] | None:
        """A link is gone; returns its identity and what it was."""
        gone = self.links.pop(index, None)
        if isinstance(self.links_dirty, set):
            self.links_dirty.discard(index)
        if gone is not None:
            self._unstack(gone[1])
            self._unname(gone[1])
            self.changed = self._links_changed = True
        return gone

    def _unstack(self, link: RawLink) -> None:
        upper = self.stacked.get(link.lower)
        if upper is not None:
            upper.discard(link.ifindex)

    def _unname(self, link: RawLink) -> None:
        if self.index_of.get(link.ifname) == link.ifindex:
            del self.index_of[link.ifname]

    def has_routes(self, index: int, *, worth: bool) -> bool:
        """Whether an IPv4 route uses a link, as last read. ``worth``: one that is not in the table that the kernel fills."""
        return any(
            (route.oif == index or any(hop[1] == index for hop in route.nexthops))
            and not (worth and route.table == delta.LOCAL_TABLE)
            for route in self.routes4
        )

    # Reading

    def read(self, bits: int) -> None:
        """Read parts again. They count as clean then; what did not change stays the same object."""
        if not bits:
            return
        if bits & BITS["addrs"] == BITS["addrs"]:
            rows = dump.addrs(self.sock)
            self._keep("addrs4", [row for row in rows if row.family == "inet"])
            self._keep("addrs6", [row for row in rows if row.family == "inet6"])
        elif bits & Bit.ADDRS4:
            self._keep("addrs4", dump.addrs(self.sock, AF_INET))
        elif bits & Bit.ADDRS6:
            self._keep("addrs6", dump.addrs(self.sock, AF_INET6))
        if bits & Bit.ROUTES4:
            self._keep("routes4", dump.routes(self.sock, AF_INET))
        if bits & Bit.ROUTES6:
            self._keep("routes6", dump.routes(self.sock, AF_INET6))
        if bits & Bit.RULES4:
            self._keep("rules4", dump.rules(self.sock, AF_INET))
        if bits & Bit.RULES6:
            self._keep("rules6", dump.rules(self.sock, AF_INET6))
        if bits & Bit.FIXED:
            entries = dump.neighbours(self.sock) + dump.neighbours(self.sock, proxy=True)
            self._keep("fixed", delta.fixed(entries, self.links))
        self.dirty &= ~bits  # not before: when a dump fails, all is read again
        self.stale &= ~bits

    def _keep(self, part: str, rows: list[Any]) -> None:
        if getattr(self, part) != rows:
            setattr(self, part, rows)
            self.changed = True

    def freeze(self) -> Space:
        """What is known now, never to be changed."""
        space = self._space
        if self.changed or space is None:
            links = dict(self.links) if self._links_changed or space is None else space.links
            space = self._space = Space(
                self.name, self.inode, self.named, links, self.addrs4, self.addrs6, self.routes4, self.routes6,
                self.rules4, self.rules6, self.fixed,
            )  # fmt: skip
            self.changed = self._links_changed = False
        return space

    # Rows

    def shown(self, table: str, state: State, naming: int) -> list[Row]:
        """``rows``, in a fraction of its time where nothing at all is different: asked of five hundred namespaces, four times each."""
        space = state[self.nsid]
        if table == "neighbours":
            return self._neighbours(space)
        known = self._shown.get(table)
        if known is not None and known[0] is space and known[1] == naming:
            return known[2]
        rows = self.rows(table, state, naming)
        if table not in READ:
            self._shown[table] = (space, naming, rows)
        return rows

    def rows(self, table: str, state: State, naming: int) -> list[Row]:
        """The namespace's rows of a table, made again only when something in them may differ. ``naming`` is another number
        whenever a name somewhere changed that a row of another namespace may show."""
        space = state[self.nsid]
        if table == "fdb":
            return [peers.fdb_row(space, entry) for entry in dump.fdb(self.sock)]
        # What the rows are made of, compared by identity: the state's parts are never changed, only replaced.
        if table == "links":
            token: tuple[Any, ...] = (space.links, naming)
        elif table == "addrs":
            token = (space.addrs4, space.addrs6, space.links, space.name)
        elif table == "routes":
            token = (space.routes4, space.routes6, space.links, space.name)
        elif table == "rules":
            token = (space.rules4, space.rules6, space.name)
        else:
            token = (space.name, space.named)
        cached = self._cache.get(table)
        if cached is not None and all(map(is_, cached[0], token)):
            return cached[1]
        rows = list(made(table, space, state, self.nsid))
        self._cache[table] = (token, rows)
        return rows

    def expect(self, allocated: tuple[int, ...] | None) -> None:
        """The neighbours are about to be asked for, when the machine has made so many. They need not be read when they are calm
        and none was made anywhere since the last time."""
        self._as_heard = self.calm and allocated is not None and allocated == self._allocated
        self._allocated = allocated

    def is_listed(self) -> None:
        """Its neighbours, as read last, stand in a table of all namespaces."""
        self._listed = self._heard

    def is_still(self) -> bool:
        """Whether they are those still, unless some were made since."""
        return self.calm and self._heard is self._listed is not None

    def _neighbours(self, space: Space) -> list[Row]:
        if self._as_heard and self._heard is not None:
            heard = self._heard
        else:
            self.calm = False
            heard = self._heard = dump.neighbour_keys(self.sock, self._heard)
            self.calm = heard.calm
        self._as_heard = False
        cached = self._cache.get("neighbours")
        if cached is not None:
            known, links, name, fixed = cached[0]
            if known is heard and links is space.links and name == space.name and fixed is space.fixed:
                return cached[1]
        entries = [dump.neighbour_of(key) for key in heard.keys]
        entries += [entry for entry in space.fixed if entry.flags & dump.NTF_PROXY]
        ranked = sorted(entries, key=lambda entry: (number(entry.address), entry.ifindex, entry.flags & dump.NTF_PROXY))
        rows = [peers.neighbour_row(space, entry) for entry in ranked]
        if cached is not None and cached[1] == rows:
            rows = cached[1]
        self._cache["neighbours"] = ((heard, space.links, space.name, space.fixed), rows)
        return rows


def made(table: str, space: Space, state: State, nsid: int) -> Iterable[Row]:
    """A namespace's rows of a table that its state holds, made of that alone (neighbours and forwarding entries are read)."""
    if table == "links":
        return (peers.link_row(state, nsid, space.links[index][1]) for index in sorted(space.links))
    if table == "addrs":
        return (peers.addr_row(space, row) for row in peers.by_index([*space.addrs4, *space.addrs6]))
    if table == "routes":
        return (peers.route_row(space, row) for rows in (space.routes4, space.routes6) for row in rows)
    if table == "rules":
        return (peers.rule_row(space, row) for rows in (space.rules4, space.rules6) for row in rows)
    return (peers.namespace_row(space),)
