"""The rows of a snapshot as the columns of our tables: what each column is, which rows are shown, in what order.

Pure lists, made namespace by namespace and kept with the part of the snapshot that they were made of (``snapshot.Part``): of five
hundred namespaces of which one has changed, one is done again. What each column means stands with the functions of
``tables/``, which puts these lists into frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

from nsmagic import rows as ask
from nsmagic.model import HOST, IFF_UP
from nsmagic.snapshot import Part, Snapshot, Table
from nsmagic.words.rule import extra_words

#: Columns and kinds of each table, in order; part of the public interface (a test freezes them).
KINDS: dict[str, dict[str, str]] = {
    "links": {
        "ns": "text", "ifindex": "int", "ifname": "text", "kind": "text", "admin": "text", "operstate": "text",
        "mac": "text", "mtu": "int", "master": "text", "peer": "text", "peer_ns": "text", "addresses": "text",
    },
    "addrs": {
        "ns": "text", "ifname": "text", "family": "text", "address": "text", "prefixlen": "int", "broadcast": "text",
        "scope": "text", "label": "text",
    },
    "routes": {
        "ns": "text", "dst": "text", "gateway": "text", "dev": "text", "prefsrc": "text", "protocol": "text",
        "scope": "text", "metric": "int", "table": "text", "type": "text", "family": "text",
    },
    "neighbours": {
        "ns": "text", "address": "text", "mac": "text", "dev": "text", "state": "text", "family": "text",
    },
    "rules": {
        "ns": "text", "family": "text", "priority": "int", "src": "text", "dst": "text", "iif": "text", "oif": "text",
        "fwmark": "text", "action": "text", "table": "text", "invert": "bool",
        "extra": "text",
    },
    "fdb": {
        "ns": "text", "mac": "text", "dev": "text", "master": "text", "vlan": "int?", "dst": "text", "state": "text",
    },
    "namespaces": {"ns": "text", "inode": "int", "named": "bool", "pids": "text"},
    "sysctls": {"ns": "text", "name": "text", "value": "text"},
    "firewall": {
        "ns": "text", "tool": "text", "family": "text", "table": "text", "chain": "text", "hook": "text",
        "position": "int?", "match": "text", "target": "text", "packets": "int", "bytes": "int", "rule": "text",
    },
    "nat": {
        "ns": "text", "tool": "text", "family": "text", "table": "text", "chain": "text", "hook": "text",
        "position": "int?", "match": "text", "target": "text", "packets": "int", "bytes": "int", "rule": "text",
    },
    "conntrack": {
        "ns": "text", "family": "text", "protocol": "text", "state": "text", "status": "text", "nat": "text",
        "src": "text", "sport": "int?", "dst": "text", "dport": "int?", "reply_src": "text", "reply_sport": "int?",
        "reply_dst": "text", "reply_dport": "int?", "mark": "int", "timeout": "int",
    },
    "packets": {
        "time": "float", "ns": "text", "dev": "text", "dir": "text", "proto": "text", "src": "text", "dst": "text",
        "info": "text", "length": "int",
    },
    "journey": {
        "step": "int", "packet": "int", "time": "float", "ns": "text", "dev": "text", "dir": "text", "proto": "text",
        "src": "text", "dst": "text", "info": "text", "length": "int", "translated": "text",
        "verdict": "text",
    },
    "evidence": {
        "step": "int", "way": "text", "ns": "text", "dev": "text", "what": "text", "seen": "bool?", "ok": "bool",
    },
}  # fmt: skip

#: RTM_F_CLONED (linux/rtnetlink.h): an answer to ``ip route get``, not an entry of a table.
_CLONED = 0x200
_MAIN = 254
#: From so many parts on it pays to remember what they made together.
_MANY = 8
_MULTICAST = ("33:33:", "01:00:5e:", "01:80:c2:")
_UNSEEN = ("NOARP", "NONE", "")
Row = Sequence[Any]


class Choice(NamedTuple):
    """Which rows: see the head of ``tables/__init__.py``. ``single``: a typed command named the one row that there is."""

    all: bool = False
    given: bool = False
    family: str | None = None
    table: int | None = _MAIN
    single: bool = False


class Columns(NamedTuple):
    """Lists in the order of ``KINDS``, and columns displayed although they usually are not."""

    lists: Sequence[Sequence[Any]]
    more: frozenset[str] = frozenset()


def of(table: str, snapshot: Snapshot, ns: str | None, choice: Choice) -> Columns:
    """A table's columns, of one namespace or of all that are to be seen.

    >>> snapshot = Snapshot.from_data({"links": [["red", 1, "lo", "loopback", 9]]})
    >>> of("links", snapshot, None, Choice()).lists[2:5]
    (['lo'], ['loopback'], ['UP'])
    """
    parts = _parts(snapshot, table, ns, choice)
    if table == "links":
        addrs = {part.ns: part for part in _parts(snapshot, "addrs", ns, choice)}
        choice = choice._replace(single=choice.given and sum(len(part.rows) for part in parts) == 1)
        found = [_links_of(part, addrs.get(part.ns), choice) for part in parts]
    else:
        found = [_kept(part, table, choice, _MAKE[table]) for part in parts]
    whole = snapshot.tables.get(table)
    return (
        joined(table, found)
        if whole is None or len(found) < _MANY
        else _joined_again(whole, (ns, choice), table, found)
    )


def _joined_again(whole: Table[Any], key: Any, table: str, found: list[Columns]) -> Columns:
    """``joined``; of the table before this one, of which most parts are the same, only the others are replaced. A column in which
    nothing differs is the same list as before."""
    key = ("joined", *key)
    old, made = whole.memo.get(key) or whole.before.get(key) or ([], None)
    differing = [at for at, each in enumerate(found) if each is not old[at]] if len(old) == len(found) else None
    if made is None or differing is None or len(differing) * 4 > len(found):
        made = joined(table, found)
    elif differing:
        lists = list(made.lists)
        starts = list(accumulate((len(each.lists[0]) for each in old), initial=0))
        for at in reversed(differing):
            for column, (was, values) in enumerate(zip(old[at].lists, found[at].lists, strict=True)):
                if was != values:
                    if lists[column] is made.lists[column]:
                        lists[column] = list(made.lists[column])
                    lists[column][starts[at] : starts[at + 1]] = values
        made = Columns(lists, frozenset().union(*(each.more for each in found)))
    whole.memo[key] = (found, made)
    return made


def joined(table: str, found: Sequence[Columns]) -> Columns:
    """The columns of several parts, one below the other."""
    if len(found) == 1:
        return found[0]
    lists = tuple(list(chain.from_iterable(each.lists[at] for each in found)) for at in range(len(KINDS[table])))
    return Columns(lists, frozenset().union(*(each.more for each in found)))


def namespaces(snapshot: Snapshot, ns: str | None, all: bool, *, host: bool) -> Columns:
    """The columns of ``tables.namespaces``."""
    hidden = frozenset() if all or ns is not None else ask.unnamed(snapshot)
    chosen = [
        row for row in snapshot.namespaces if ns in (None, row.ns) and row.ns not in hidden and (host or row.ns != HOST)
    ]
    chosen.sort(key=lambda row: ask.ns_order(row.ns))
    pids = [", ".join(map(str, row.pids)) or None for row in chosen]
    return Columns(([row.ns for row in chosen], [row.inode for row in chosen], [row.named for row in chosen], pids))


def _parts(snapshot: Snapshot, table: str, ns: str | None, choice: Choice) -> list[Part]:
    whole = snapshot.tables.get(table)
    if whole is None:
        return []
    if ns is not None:
        return [part for part in whole.parts if part.ns == ns]
    hidden = frozenset() if choice.all or choice.given else ask.unnamed(snapshot)
    found: list[Part] | None = whole.memo.get("sorted")
    if found is None:
        found = whole.memo["sorted"] = _sorted(whole)
    return [part for part in found if part.ns not in hidden] if hidden else found


def _sorted(whole: Table[Any]) -> list[Part]:
    """The parts by namespace, as in the table before where it had the same namespaces."""
    before = [part.ns for part in whole.before.get("sorted", ())]
    parts = {part.ns: part for part in whole.parts}
    if len(before) == len(parts) == len(whole.parts) and parts.keys() == set(before):
        return [parts[ns] for ns in before]
    return sorted(whole.parts, key=lambda part: ask.ns_order(part.ns))


def _kept(part: Part, table: str, choice: Choice, make: Callable[[Iterable[Row], Choice], Columns]) -> Columns:
    known: Columns | None = part.memo.get(choice)
    if known is None:
        known = part.memo[choice] = _blanks(table, make(part.rows, choice))
    return known


def _blanks(table: str, made: Columns) -> Columns:
    """An empty text is a missing one."""
    return made._replace(
        lists=tuple(
            [value or None for value in values] if kind == "text" else list(values)
            for values, kind in zip(made.lists, KINDS[table].values(), strict=True)
        )
    )


def _columns(chosen: Sequence[Row], width: int) -> list[Sequence[Any]]:
    """Rows as columns, also when there is no row."""
    return list(zip(*chosen, strict=True)) if chosen else [()] * width


# The tables. The numbers are places in the rows of ``model.py``.


def _links_of(part: Part, addrs: Part | None, choice: Choice) -> Columns:
    known: tuple[Part | None, Columns] | None = part.memo.get(choice)
    if known is None or known[0] is not addrs:
        made = _links(part.rows, addrs.rows if addrs is not None else (), choice)
        known = part.memo[choice] = (addrs, _blanks("links", made))
    return known[1]


def _links(rows: Iterable[Row], addrs: Iterable[Row], choice: Choice) -> Columns:
    chosen = sorted(rows, key=lambda row: row[1])
    if not (choice.all or choice.single):  # `ip link show tunl0` names it; `ip link` only lists it
        chosen = [row for row in chosen if row[2] not in ask.FALLBACK or row[4] & IFF_UP or row[8]]
    addresses: dict[int, list[str]] = {}
    macs = {row[1]: row[6] for row in chosen}
    for row in addrs:
        index, family, address, scope, peer = row[1], row[3], row[4], row[7], row[9]
        if (
            not choice.all
            and family == "inet6"
            and scope == "link"
            and address == ask.link_local_of(macs.get(index, ""))
        ):
            continue
        words = f"{address} peer {peer}/{row[5]}" if peer else f"{address}/{row[5]}"
        addresses.setdefault(index, []).append(words)
    got = _columns(chosen, 20)
    admin = ["UP" if flags & IFF_UP else "DOWN" for flags in got[4]]
    texts = [", ".join(addresses.get(index, ())) for index in got[1]]
    return Columns((got[0], got[1], got[2], got[3], admin, got[5], got[6], got[7], got[8], got[10], got[11], texts))


def _addrs(rows: Iterable[Row], choice: Choice) -> Columns:
    chosen = [row for row in rows if choice.family in (None, row[3])]
    chosen.sort(key=lambda row: (row[1], row[3]))
    got = _columns(chosen, 13)
    return Columns((got[0], *got[2:9]))


def _routes(rows: Iterable[Row], choice: Choice) -> Columns:
    every = choice.all or choice.given
    chosen = [
        row
        for row in rows
        if choice.family in (None, row[1])
        and (every or (choice.table in (None, row[9]) and not (row[2] == "fe80::/64" and row[6] == "kernel")))
    ]
    chosen.sort(
        key=lambda row: (row[9] != _MAIN, row[9], row[1], ask.address_key(row[2]), row[8], row[10], row[4], row[3])
    )
    got = _columns(chosen, 15)
    gateways, devs = got[3], got[4]
    if any(got[13]):
        gateways, devs = (
            [row[at] or ", ".join(str(hop.get(word) or "") for hop in row[13]) for row in chosen]
            for at, word in ((3, "gateway"), (4, "dev"))
        )
    more = {"type"} if any(word != "unicast" for word in got[10]) else set()
    if any(number != _MAIN for number in got[9]):
        more.add("table")
    if any(flags & _CLONED for flags in got[12]):  # the kernel's own answer: which source it would take belongs to it
        more.add("prefsrc")
    names = [ask.table_name(number) for number in got[9]]
    lists = (got[0], got[2], gateways, devs, got[5], got[6], got[7], got[8], names, got[10], got[1])
    return Columns(lists, frozenset(more))


def _neighbours(rows: Iterable[Row], choice: Choice) -> Columns:
    every = choice.all or choice.given
    chosen = [row for row in rows if choice.family in (None, row[1]) and (every or row[5] not in _UNSEEN)]
    chosen.sort(key=lambda row: (row[1], ask.address_key(row[2]), row[4]))
    got = _columns(chosen, 7)
    return Columns((got[0], got[2], got[3], got[4], got[5], got[1]))


def _rules(rows: Iterable[Row], choice: Choice) -> Columns:
    chosen = [row for row in rows if choice.family in (None, row[1])]
    chosen.sort(key=lambda row: (row[1], row[2]))
    got = _columns(chosen, 12)
    names = [ask.table_name(number) if number else "" for number in got[8]]
    more = {
        name for name, at in (("iif", 5), ("oif", 6), ("fwmark", 7), ("invert", 10)) if any(got[at])
    }  # fmt: skip
    extra = [extra_words(action, said or {}) for action, said in zip(got[9], got[11], strict=True)]
    more |= {"extra"} if any(extra) else set()
    return Columns((*got[:8], got[9], names, got[10], extra), frozenset(more))


def _fdb(rows: Iterable[Row], choice: Choice) -> Columns:
    chosen = [row for row in rows if choice.all or choice.given or not row[1].startswith(_MULTICAST)]
    chosen.sort(key=lambda row: (row[2], row[1], row[4], row[5], row[3]))
    got = _columns(chosen, 8)
    more = {name for name, at in (("vlan", 4), ("dst", 5)) if any(got[at])}
    return Columns((*got[:4], [vlan or None for vlan in got[4]], got[5], got[6]), frozenset(more))


_MAKE: Mapping[str, Callable[[Iterable[Row], Choice], Columns]] = {
    "addrs": _addrs,
    "routes": _routes,
    "neighbours": _neighbours,
    "rules": _rules,
    "fdb": _fdb,
}
