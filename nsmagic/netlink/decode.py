"""From the kernel's bytes to raw rows: links, addresses, routes, neighbours (and forwarding entries), rules.

A dump of five hundred namespaces is decoded in one thread, so these are written for time: one pass notes where each
attribute is, then only those that ``model.py`` has columns for are read (a link 7 µs, an address or a route 2 µs; pyroute2
needs 110 and 20; ``dump.py`` decodes nothing twice). What belongs to a kind of link is in ``linkinfo.py``. The tests compare each reader with
pyroute2's.

A raw row has interface *indexes* where the model has names; ``peers.py`` puts the names in, since the other end of a
veth may be in another namespace. Numbers of the kernel's fixed lists become words here. Layouts and attribute numbers
are those of ``include/uapi/linux/{if_link,if_addr,rtnetlink,neighbour,fib_rules}.h``.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.netlink import linkinfo
from nsmagic.netlink.raw import HARDWARE_KIND, RawAddr, RawLink, RawNeighbour, RawRoute, RawRule
from nsmagic.netlink.words import (
    FAMILY_NAMES,
    FIB_RULE_INVERT,
    NUD_NAMES,
    PROTOCOL_NAMES,
    ROUTE_METRIC_NAMES,
    ROUTE_PREFERENCE_NAMES,
    ROUTE_TYPE_NAMES,
    RULE_ACTION_NAMES,
    SCOPE_NAMES,
    nud_name,
    operstate_name,
)

IFINFO = struct.Struct("=BxHiII")
IFADDR = struct.Struct("=BBBBi")
RTMSG = struct.Struct("=BBBBBBBBI")
NDMSG = struct.Struct("=BxxxiHBB")
RULE = struct.Struct("=BBBBBBBBI")
_attr = struct.Struct("=HH").unpack_from
_u16 = struct.Struct("=H").unpack_from
_u32 = struct.Struct("=I").unpack_from
_u32u32 = struct.Struct("=II").unpack_from
_i32 = struct.Struct("=i").unpack_from
_ntop = socket.inet_ntop
_INET, _INET6 = int(socket.AF_INET), int(socket.AF_INET6)

_NO_INFO: linkinfo.Info = ("", {}, {})
#: By the byte itself; a state of a newer kernel is its number.
_OPERSTATES = tuple(map(operstate_name, range(256)))

Buffer = bytes | bytearray
_tuple: Callable[..., Any] = tuple.__new__
_NONE: Mapping[str, Any] = {}


def attributes(data: Buffer, at: int, end: int) -> dict[int, int]:
    """Where each attribute's value begins, by number. Its size, 4 too great, stands in the four bytes before it."""
    where: dict[int, int] = {}
    while at + 4 <= end:
        size, number = _attr(data, at)
        if size < 4:
            break
        where[number & 0x3FFF] = at + 4
        at += (size + 3) & ~3
    return where


#: Of messages about links: by size and first attribute's size, how the sizes and numbers of all attributes are taken from it, what
#: they are, and where the values begin then. Names of one length make one of these for each state.
_places: dict[tuple[int, bytes], list[tuple[Callable[..., Any], tuple[bytes, ...], dict[int, int]]]] = {}
_MOST_PLACES, _MOST_KEYS = 6, 256


def _link_attributes(data: Buffer, at: int, end: int) -> dict[int, int]:
    """``attributes`` of a message about a link, whose values are mostly where they were in another one: one look instead of thirty.
    Nobody may write into what is returned."""
    if at or type(data) is not bytes:
        return attributes(data, at + 16, end)
    key = (end, data[16:20])
    known = _places.get(key)
    if known is None:
        if len(_places) > _MOST_KEYS:
            _places.clear()
        known = _places[key] = []
    for heads, expected, where in known:
        if heads(data) == expected:
            return where
    where = attributes(data, 16, end)
    if len(known) < _MOST_PLACES:
        begins = [value - 4 for value in where.values()]
        ends = [begin + ((_attr(data, begin)[0] + 3) & ~3) for begin in begins]
        if [*begins, end] == [16, *ends]:  # else one came twice, or something is cut off
            gaps = [stop - begin - 4 for begin, stop in zip(begins, ends, strict=True)]
            heads = struct.Struct("=16x" + "".join(f"4s{gap}x" for gap in gaps)).unpack_from
            known.append((heads, heads(data), where))
    return where


def end_of(data: Buffer, at: int) -> int:
    """Where the value that begins at ``at`` ends."""
    size: int = _attr(data, at - 4)[0]
    return at - 4 + size


def items(data: Buffer, at: int) -> list[tuple[int, bytes]]:
    """The attributes nested in the value that begins at ``at``: ``(number, value)``, repeated ones too."""
    return linkinfo.nested(bytes(data[at : end_of(data, at)]))


def text(data: Buffer, at: int) -> str:
    """A string attribute, with or without its final NUL."""
    return bytes(data[at : end_of(data, at)]).split(b"\0", 1)[0].decode(errors="surrogateescape")


def ip(data: Buffer, at: int) -> str:
    """An IPv4 or IPv6 address, told apart by its size."""
    size = _attr(data, at - 4)[0]
    if size == 8:
        return _ntop(_INET, data[at : at + 4])
    return _ntop(_INET6, data[at : at + 16]) if size == 20 else bytes(data[at : at - 4 + size]).hex(":")


def _mac(data: Buffer, at: int) -> str:
    """A hardware address in colon form (a tunnel's is an IP address and written as one)."""
    size = _attr(data, at - 4)[0] - 4
    return ip(data, at) if size in (4, 16) else bytes(data[at : at + size]).hex(":") if size else ""


def _prefix(data: Buffer, at: int, length: int, family: int, anything: str = "default") -> str:
    """An address with its length, which a whole address does without; ``anything`` when there is neither."""
    if not at:
        return anything if length == 0 else f"{'::' if family == _INET6 else '0.0.0.0'}/{length}"
    address = ip(data, at)
    return address if length == (128 if family == _INET6 else 32) else f"{address}/{length}"


def link(data: Buffer, at: int, end: int) -> RawLink:
    """RTM_NEWLINK, RTM_DELLINK."""
    _, hardware, ifindex, flags, _ = IFINFO.unpack_from(data, at)
    where = _link_attributes(data, at, end)
    get = where.get
    name = where[3]
    mac, inner, names, alias, qdisc = get(1), get(18), get(52), get(20), get(6)
    netnsid, lower, master = get(37), get(5), get(10)
    kind, info, port = linkinfo.read(data, inner, end_of(data, inner)) if inner else _NO_INFO
    row: RawLink = _tuple(RawLink, (
        ifindex, bytes(data[name : data.index(0, name)]).decode(errors="surrogateescape"),
        kind or HARDWARE_KIND.get(hardware, "ether"), flags, _OPERSTATES[data[where[16]]] if 16 in where else "UNKNOWN",
        _mac(data, mac) if mac else "", _u32(data, where[4])[0] if 4 in where else 0,
        _u32(data, master)[0] if master else 0, _u32(data, lower)[0] if lower else 0,
        _i32(data, netnsid)[0] if netnsid else -1, text(data, alias) if alias else "",
        text(data, qdisc) if qdisc else "", _u32(data, where[13])[0] if 13 in where else 0,
        _u32(data, where[27])[0] if 27 in where else 0, _u32(data, where[30])[0] if 30 in where else 0,
        _altnames(data, names) if names else (), info, port,
    ))  # fmt: skip
    return row


def _altnames(data: Buffer, at: int) -> tuple[str, ...]:
    """IFLA_PROP_LIST: the attribute IFLA_ALT_IFNAME, once for each name."""
    return tuple(raw.rstrip(b"\0").decode(errors="surrogateescape") for number, raw in items(data, at) if number == 53)


def addr(data: Buffer, at: int, end: int) -> RawAddr:
    """RTM_NEWADDR, RTM_DELADDR. The own address is IFA_LOCAL where there is one; IFA_ADDRESS is then the other end's."""
    family, prefixlen, flags, scope, ifindex = IFADDR.unpack_from(data, at)
    where = attributes(data, at + 8, end)
    local = address = ip(data, where[1]) if 1 in where else ""
    if 2 in where:
        at, other = where[2], where.get(1, 0)
        size = 4 if family == _INET else 16
        if data[at : at + size] != data[other : other + size]:
            local = ip(data, at)
    preferred, valid = _u32u32(data, where[6]) if 6 in where else (0xFFFFFFFF, 0xFFFFFFFF)
    row: RawAddr = _tuple(RawAddr, (
        ifindex, FAMILY_NAMES.get(family) or str(family), local, prefixlen, ip(data, where[4]) if 4 in where else "",
        SCOPE_NAMES.get(scope) or str(scope), text(data, where[3]) if 3 in where else "",
        address if address != local else "", _u32(data, where[8])[0] if 8 in where else flags, valid, preferred,
        data[where[11]] if 11 in where else 0,
    ))  # fmt: skip
    return row


def route(data: Buffer, at: int, end: int) -> RawRoute:
    """RTM_NEWROUTE, RTM_DELROUTE."""
    family, dst_len, src_len, tos, table, protocol, scope, kind, flags = RTMSG.unpack_from(data, at)
    where = attributes(data, at + 12, end)
    extra: dict[str, Any] = {}
    if 8 in where:
        for number, value in attributes(data, where[8], end_of(data, where[8])).items():
            extra[ROUTE_METRIC_NAMES.get(number) or str(number)] = (
                text(data, value) if number == 16 else _u32(data, value)[0]
            )
    if tos:
        extra["tos"] = tos
    if 20 in where and data[where[20]]:  # 0 is medium, what every route has
        extra["pref"] = ROUTE_PREFERENCE_NAMES.get(data[where[20]]) or str(data[where[20]])
    if 30 in where:
        extra["nhid"] = _u32(data, where[30])[0]
    row: RawRoute = _tuple(RawRoute, (
        FAMILY_NAMES.get(family) or str(family), _prefix(data, where.get(1, 0), dst_len, family),
        _gateway(data, where), _u32(data, where[4])[0] if 4 in where else 0, ip(data, where[7]) if 7 in where else "",
        PROTOCOL_NAMES.get(protocol) or str(protocol), SCOPE_NAMES.get(scope) or str(scope),
        _u32(data, where[6])[0] if 6 in where else 0, _u32(data, where[15])[0] if 15 in where else table,
        ROUTE_TYPE_NAMES.get(kind) or str(kind), _prefix(data, where.get(2, 0), src_len, family, ""), flags,
        _nexthops(data, where[9]) if 9 in where else (), extra or _NONE,
    ))  # fmt: skip
    return row


def _gateway(data: Buffer, where: dict[int, int]) -> str:
    """RTA_GATEWAY, or RTA_VIA: two bytes that say the family, then an address of that family."""
    if 5 in where:
        return ip(data, where[5])
    if 18 in where:
        raw = bytes(data[where[18] + 2 : end_of(data, where[18])])
        if len(raw) in (4, 16):
            return _ntop(_INET if len(raw) == 4 else _INET6, raw)
    return ""


def _nexthops(data: Buffer, at: int) -> tuple[tuple[str, int, int, int], ...]:
    """RTA_MULTIPATH: records of size, flags, weight - 1 and index, each with attributes of its own."""
    end = end_of(data, at)
    hops = []
    while at + 8 <= end:
        size, flags, weight, oif = struct.unpack_from("=HBBi", data, at)
        if size < 8:
            break
        hops.append((_gateway(data, attributes(data, at + 8, at + size)), oif, weight + 1, flags))
        at += (size + 3) & ~3
    return tuple(hops)


def neighbour(data: Buffer, at: int, end: int) -> RawNeighbour:
    """RTM_NEWNEIGH, RTM_DELNEIGH, those of bridges included."""
    family, ifindex, state, flags, kind = NDMSG.unpack_from(data, at)
    where = attributes(data, at + 12, end)
    row: RawNeighbour = _tuple(RawNeighbour, (
        FAMILY_NAMES.get(family) or str(family), ip(data, where[1]) if 1 in where else "",
        _mac(data, where[2]) if 2 in where else "", ifindex, NUD_NAMES.get(state) or nud_name(state), flags,
        kind, _u32(data, where[9])[0] if 9 in where else 0, _u16(data, where[5])[0] if 5 in where else 0,
        _u32(data, where[8])[0] if 8 in where else 0, _u32(data, where[7])[0] if 7 in where else 0,
        # The third and fourth of ndm_confirmed, ndm_used, ndm_updated, ndm_refcnt.
        *(_u32u32(data, where[3] + 8) if 3 in where else (0, 0)),
    ))  # fmt: skip
    return row


def rule(data: Buffer, at: int, end: int) -> RawRule:
    """RTM_NEWRULE, RTM_DELRULE. Names and forms of ``extra`` are those of ``Command``'s rule verbs."""
    family, dst_len, src_len, tos, table, _, _, action, flags = RULE.unpack_from(data, at)
    where = attributes(data, at + 12, end)
    extra: dict[str, Any] = {"tos": tos} if tos else {}
    for number, word in ((4, "goto"), (13, "suppress_ifgroup"), (14, "suppress_prefixlength")):
        if number in where and _i32(data, where[number])[0] >= 0:  # -1 stands for "not set"
            extra[word] = _i32(data, where[number])[0]
    if 19 in where and data[where[19]]:
        extra["l3mdev"] = True
    if 20 in where:
        extra["uidrange"] = "{}-{}".format(*_u32u32(data, where[20]))
    if 22 in where:
        extra["ipproto"] = data[where[22]]
    for number, word in ((23, "sport"), (24, "dport")):
        if number in where:
            low, high = struct.unpack_from("=HH", data, where[number])
            extra[word] = str(low) if low == high else f"{low}-{high}"
    if 21 in where and data[where[21]]:
        extra["protocol"] = PROTOCOL_NAMES.get(data[where[21]]) or str(data[where[21]])
    fwmark = f"{_u32(data, where[10])[0] if 10 in where else 0:#x}" if 10 in where or 16 in where else ""
    if 16 in where and _u32(data, where[16])[0] != 0xFFFFFFFF:
        fwmark += f"/{_u32(data, where[16])[0]:#x}"
    row: RawRule = _tuple(RawRule, (
        FAMILY_NAMES.get(family) or str(family), _u32(data, where[6])[0] if 6 in where else 0,
        _prefix(data, where.get(2, 0), src_len, family, "all"), _prefix(data, where.get(1, 0), dst_len, family, "all"),
        text(data, where[3]) if 3 in where else "", text(data, where[17]) if 17 in where else "", fwmark,
        _u32(data, where[15])[0] if 15 in where else table, RULE_ACTION_NAMES.get(action) or str(action),
        bool(flags & FIB_RULE_INVERT), extra or _NONE,
    ))  # fmt: skip
    return row
