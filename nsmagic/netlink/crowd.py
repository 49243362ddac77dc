"""How full the kernel's tables of neighbours are: one for IPv4 and one for IPv6, each for the whole machine.

``struct neigh_table`` of ``net/core/neighbour.c`` is no part of a network namespace: ``gc_thresh3`` bounds the entries of all
namespaces of the machine together. From any of them RTM_GETNEIGHTBL tells how many there are, in one message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from nsmagic.netlink import decode, dump
from nsmagic.netlink.socket import RouteSocket
from nsmagic.netlink.words import AF_INET, AF_INET6, RTM_GETNEIGH

_RTM_GETNEIGHTBL = 66
_NDTA_NAME, _NDTA_THRESH3, _NDTA_CONFIG, _NDTA_STATS = 1, 4, 5, 7
_FAMILIES = {AF_INET: "IPv4", AF_INET6: "IPv6"}
#: What fills no table: permanent entries are not bounded (``neigh_alloc``); those that failed and those that need no resolution
#: (multicast) are thrown out at once when it is full (``neigh_forced_gc``).
_FREE = 0x20 | 0x40 | 0x80


class Table(NamedTuple):
    """Entries of the whole machine, the most that there may be, and how many it has made so far (None: the kernel does not say)."""

    entries: int
    most: int
    made: int | None


def tables(sock: RouteSocket) -> dict[str, Table]:
    """Family → its table.

    The answer names every device of the socket's namespace as well: ask in one that has few.

    >>> found = tables(RouteSocket.open())["IPv4"]
    >>> found.entries >= 0, found.most > 0
    (True, True)
    """
    found: dict[str, Table] = {}
    for _, data, at, end in dump.whole(sock, _RTM_GETNEIGHTBL, struct.pack("=Bxxx", 0)):
        where = decode.attributes(data, at + 4, end)
        family = _FAMILIES.get(data[at])
        if family is not None and _NDTA_THRESH3 in where and _NDTA_CONFIG in where:
            (most,) = struct.unpack_from("=I", data, where[_NDTA_THRESH3])
            (entries,) = struct.unpack_from("=I", data, where[_NDTA_CONFIG] + 4)  # struct ndt_config
            stats = where.get(_NDTA_STATS)
            made = struct.unpack_from("=Q", data, stats)[0] if stats is not None else None  # struct ndt_stats
            found[family] = Table(entries, most, made)
    return found


def allocations(sock: RouteSocket) -> tuple[int, ...] | None:
    """How many entries the machine has made so far, for each table: none is new anywhere as long as this is the same. None when the
    kernel does not say.

    >>> first, later = allocations(RouteSocket.open()), allocations(RouteSocket.open())
    >>> (first or ()) <= (later or ())
    True
    """
    try:
        found = tables(sock).values()
    except OSError:
        return None
    return tuple(table.made for table in found if table.made is not None) or None


def held(sockets: Iterable[RouteSocket]) -> dict[str, int]:
    """Family → entries that fill the table, of the namespaces that these sockets are of."""
    found = dict.fromkeys(_FAMILIES.values(), 0)
    for sock in sockets:
        for _, data, at, _ in dump.whole(sock, RTM_GETNEIGH, decode.NDMSG.pack(0, 0, 0, 0, 0)):
            family, _, state, _, _ = decode.NDMSG.unpack_from(data, at)
            if family in _FAMILIES and not state & _FREE:
                found[_FAMILIES[family]] += 1
    return found
