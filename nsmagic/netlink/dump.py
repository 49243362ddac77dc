"""Reading whole tables of a namespace: one request, one list of raw rows.

Every function takes the namespace's own kept socket; ``links`` and ``link`` also take the number by which another
namespace knows it, and then ask through that other one, so that ``netnsid`` of the rows counts there (see ``follow.py``).

A table that changes while the kernel lists it is listed again; after ``_TRIES`` the kernel's EINTR is passed on.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from nsmagic.netlink import decode
from nsmagic.netlink.raw import RawAddr, RawLink, RawNeighbour, RawRoute, RawRule
from nsmagic.netlink.socket import (
    HEADER,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    NetlinkError,
    RouteSocket,
    ack_error,
)
from nsmagic.netlink.words import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_GETRULE,
)

_EINTR, _ENODEV, _EAFNOSUPPORT, _EOPNOTSUPP = 4, 19, 97, 95
_TRIES = 16

IFLA_EXT_MASK, IFLA_TARGET_NETNSID, IFLA_STATS64 = 29, 46, 23
RTEXT_FILTER_BRVLAN_COMPRESSED, RTEXT_FILTER_SKIP_STATS = 4, 8
NTF_PROXY = 0x08
_RTA_TABLE = 15
_NDA_LLADDR = 2
#: NUD_NOARP, NUD_PERMANENT
_CALM = 0x40 | 0x80
INET_FAMILIES = frozenset((AF_INET, AF_INET6))
_ATTR = struct.Struct("=HH")
_U32 = struct.Struct("=HHI")
_SKIP_STATS = _U32.pack(8, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)

T = TypeVar("T")


class Stats(NamedTuple):
    """Counters of a link since it was made (``rtnl_link_stats64``)."""

    ifindex: int
    ifname: str
    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int
    rx_multicast: int
    tx_collisions: int
    rx_missed: int
    tx_carrier: int
    rx_over: int


#: Rows by the bytes they were made of: what did not change since the last dump is not decoded again.
_memo: dict[Callable[[Any, int, int], Any], dict[bytes, Any]] = {decode.link: {}, decode.addr: {}, decode.route: {}}
_MOST = 10_000


def table(sock: RouteSocket, kind: int, body: bytes, read: Callable[[Any, int, int], T]) -> list[T]:
    """Dump a table; ``read`` makes a row of a message.

    Raises
    ------
    NetlinkError
        The kernel refused, or the table never stood still.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _rows(sock, kind, body, read)
        except NetlinkError as error:
            if error.errno != _EINTR or not left:
                raise
    raise AssertionError("unreachable")


def _rows(sock: RouteSocket, kind: int, body: bytes, read: Callable[[Any, int, int], T]) -> list[T]:
    memo = _memo.get(read)
    if memo is None:
        return [read(data, at, end) for _, data, at, end in sock.dump(kind, body)]
    if len(memo) > _MOST:
        memo.clear()
    rows: list[T] = []
    for _, data, at, end in sock.dump(kind, body):
        raw = data[at:end]
        row = memo.get(raw)
        if row is None:
            row = memo[raw] = read(raw, 0, end - at)
        rows.append(row)
    return rows


def whole(sock: RouteSocket, kind: int, body: bytes) -> list[tuple[int, bytes, int, int]]:
    """All messages of a dump; again when the table changed meanwhile, as ``table``."""
    for left in reversed(range(_TRIES)):
        try:
            return list(sock.dump(kind, body))
        except NetlinkError as error:
            if error.errno != _EINTR or not left:
                raise
    raise AssertionError("unreachable")


def link_request(nsid: int | None, index: int = 0, family: int = 0, mask: bytes = _SKIP_STATS) -> bytes:
    """The body of an RTM_GETLINK: of one link, or (0) of all; ``nsid`` as in ``links``."""
    body = decode.IFINFO.pack(family, 0, index, 0, 0) + mask
    return body if nsid is None else body + struct.pack("=HHi", 8, IFLA_TARGET_NETNSID, nsid)


def links(sock: RouteSocket, nsid: int | None = None) -> list[RawLink]:
    """The links, without counters, in the kernel's order (by index).

    >>> links(RouteSocket.open())[0].ifname
    'lo'
    """
    return table(sock, RTM_GETLINK, link_request(nsid), decode.link)


def link(sock: RouteSocket, index: int, nsid: int | None = None) -> RawLink | None:
    """One link by its number; None when there is no such link."""
    try:
        _, body = sock.get(RTM_GETLINK, 0, link_request(nsid, index))
    except NetlinkError as error:
        if error.errno == _ENODEV:
            return None
        raise
    return decode.link(body, 0, len(body))


def addrs(sock: RouteSocket, family: int = 0) -> list[RawAddr]:
    """The addresses of one or (0) both families, in the kernel's order."""
    return table(sock, RTM_GETADDR, decode.IFADDR.pack(family, 0, 0, 0, 0), decode.addr)


def routes(sock: RouteSocket, family: int, table_id: int = 0) -> list[RawRoute]:
    """The routes of one family, of all tables (0) or one, in the kernel's order. A kernel without the family has none.

    Raises
    ------
    NetlinkError
        ENOENT: there is no such table.
    """
    body = decode.RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    if table_id:
        body += _U32.pack(8, _RTA_TABLE, table_id)
    return _of_family(sock, RTM_GETROUTE, body, decode.route)


def rules(sock: RouteSocket, family: int) -> list[RawRule]:
    """The policy rules of one family, by priority."""
    return _of_family(sock, RTM_GETRULE, decode.RULE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), decode.rule)


def _of_family(sock: RouteSocket, kind: int, body: bytes, read: Callable[[Any, int, int], T]) -> list[T]:
    try:
        return table(sock, kind, body, read)
    except NetlinkError as error:
        if body[0] == AF_INET6 and error.errno in (_EAFNOSUPPORT, _EOPNOTSUPP):
            return []
        raise


def neighbours(sock: RouteSocket, family: int = 0, proxy: bool = False) -> list[RawNeighbour]:
    """The neighbour entries of one or (0) both families; or the addresses that the namespace answers for (proxy).

    Ages and use counts, which differ from one moment to the next, are left 0: ``neighbours_in_use`` has those.
    """
    return [row for row in table(sock, RTM_GETNEIGH, _neighbour_request(family, proxy), _neighbour) if row is not None]


def neighbours_in_use(sock: RouteSocket) -> list[RawNeighbour]:
    """The same with ages and use counts."""
    rows = table(sock, RTM_GETNEIGH, _neighbour_request(), decode.neighbour)
    return [row for row in rows if row.family in ("inet", "inet6")]


def _neighbour_request(family: int = 0, proxy: bool = False) -> bytes:
    return decode.NDMSG.pack(family, 0, 0, NTF_PROXY if proxy else 0, 0)


_neighbours: dict[bytes, RawNeighbour] = {}


def _neighbour(data: bytes, at: int, end: int) -> RawNeighbour | None:
    """An entry without what runs by itself."""
    return neighbour_of(_key(data, at, end)) if data[at] in INET_FAMILIES else None


def _key(data: bytes, at: int, end: int) -> bytes:
    """What of an entry does not run by itself: all that stands before the ages, which come behind its two addresses."""
    stop = at + (20 if data[at] == AF_INET else 32)  # behind the header and NDA_DST, which is always first
    if stop + 4 <= end:
        size, number = _ATTR.unpack_from(data, stop)
        if number == _NDA_LLADDR:
            stop += size
    return data[at:stop]


def neighbour_of(key: bytes) -> RawNeighbour:
    """The entry that one of ``neighbour_keys`` stands for; ages and use counts are left 0."""
    row = _neighbours.get(key)
    if row is None:
        if len(_neighbours) > _MOST:
            _neighbours.clear()
        row = _neighbours[key] = decode.neighbour(key, 0, len(key))._replace(updated=0, refs=0)
    return row


_NEIGHBOURS = _neighbour_request()


class Heard(NamedTuple):
    """A dump of neighbours: the bytes that matter of each, and how each datagram of it is recognized: its size, what takes from it all
    that does not run by itself, that, and whether it is the last one. ``ends`` counts the keys up to each.

    ``calm``: no entry is of a state that becomes another one in silence (permanent ones and those without ARP stay, and the kernel
    tells when they go).
    """

    keys: list[bytes]
    shapes: list[tuple[int, Callable[[bytes], Any], Any, bool]]
    ends: list[int]
    calm: bool = False


def neighbour_keys(sock: RouteSocket, last: Heard | None = None) -> Heard:
    """``neighbours`` of both families as the bytes that matter of each. They change without an event (a packet sent makes STALE
    into DELAY), so they are read for every snapshot, and are mostly what they were: then ``last`` itself is returned, and nothing
    was decoded.

    Raises
    ------
    NetlinkError
        The kernel refused, or the table never stood still.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _heard(sock, last)
        except NetlinkError as error:
            if error.errno != _EINTR or not left:
                raise
    raise AssertionError("unreachable")


def _heard(sock: RouteSocket, last: Heard | None) -> Heard:
    seq = sock.ask(RTM_GETNEIGH, NLM_F_DUMP, _NEIGHBOURS)
    found = Heard([], [], [])
    same = last is not None
    interrupted = False
    while True:
        data = sock.receive()
        if data[8:12] != seq:
            continue
        if same and last is not None:
            size, take, taken, done = last.shapes[len(found.shapes)]
            if len(data) == size and take(data) == taken:
                if done:
                    return last
                found.shapes.append(last.shapes[len(found.shapes)])
                continue
            # What came before was the same: only from here on it is looked at.
            same = False
            found.ends.extend(last.ends[: len(found.shapes)])
            found.keys.extend(last.keys[: found.ends[-1] if found.ends else 0])
        at, slices, done = 0, [], False
        while at + 16 <= len(data) and not done:
            length, kind, flags, _, _ = HEADER.unpack_from(data, at)
            if length < 16:
                break
            interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
            start, end = at + 16, at + length
            slices.append(slice(at, at + 8))  # size, type and flags
            if kind == NLMSG_DONE:
                code = struct.unpack_from("=i", data, start)[0] if length >= 20 else 0
                if code < 0:
                    raise NetlinkError(-code)
                slices.append(slice(start, end))
                done = True
            elif kind == NLMSG_ERROR:
                error = ack_error(data, start, end, flags)
                if error is not None:
                    raise error
                done = True
            elif data[start] in INET_FAMILIES:
                key = _key(data, start, end)
                found.keys.append(key)
                slices.append(slice(start, start + len(key)))
            at += (length + 3) & ~3
        take = operator.itemgetter(*slices)
        found.shapes.append((len(data), take, take(data), done))
        found.ends.append(len(found.keys))
        if done:
            if interrupted:
                raise NetlinkError(_EINTR, "the table changed while it was read")
            return found._replace(calm=all(decode.NDMSG.unpack_from(key)[2] & _CALM for key in found.keys))


def fdb(sock: RouteSocket) -> list[RawNeighbour]:
    """The forwarding entries of all bridges, vxlans and other links, in the kernel's order."""
    return table(sock, RTM_GETNEIGH, decode.NDMSG.pack(AF_BRIDGE, 0, 0, 0, 0), decode.neighbour)


def vlans(sock: RouteSocket) -> list[tuple[int, str, tuple[tuple[int, int, int], ...]]]:
    """The VLANs of bridges and their ports: ``(index, name, ((first, last, flags), …))``.

    Flags are BRIDGE_VLAN_INFO_*: 2 is the PVID, 4 untagged.
    """
    mask = _U32.pack(8, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED)
    body = link_request(None, family=AF_BRIDGE, mask=mask)
    return [row for row in table(sock, RTM_GETLINK, body, _vlans) if row[2]]


def _vlans(data: Any, at: int, end: int) -> tuple[int, str, tuple[tuple[int, int, int], ...]]:
    index = decode.IFINFO.unpack_from(data, at)[2]
    where = decode.attributes(data, at + 16, end)
    found: list[tuple[int, int, int]] = []
    first = 0
    for number, value in decode.items(data, where[26]) if 26 in where else ():  # IFLA_AF_SPEC
        if number != 2:  # IFLA_BRIDGE_VLAN_INFO
            continue
        flags, vid = struct.unpack_from("=HH", value)
        if flags & 8:  # the first of a range; its last follows
            first = vid
            continue
        found.append((first or vid, vid, flags & 6))
        first = 0
    return index, decode.text(data, where[3]), tuple(found)


def link_stats(sock: RouteSocket) -> list[Stats]:
    """The counters of all links."""
    return table(sock, RTM_GETLINK, decode.IFINFO.pack(0, 0, 0, 0, 0), _stats)


def _stats(data: Any, at: int, end: int) -> Stats:
    index = decode.IFINFO.unpack_from(data, at)[2]
    where = decode.attributes(data, at + 16, end)
    counters = struct.unpack_from("=18Q", data, where[IFLA_STATS64]) if IFLA_STATS64 in where else (0,) * 18
    return Stats._make((index, decode.text(data, where[3]), *counters[:10], counters[15], counters[17], counters[11]))
