"""The hot messages as bytes: create, set and delete of links, addresses, routes and neighbours.

A message is a fixed header (``ifinfomsg``, ``ifaddrmsg``, ``rtmsg``, ``ndmsg``) and attributes. Each family of messages has a
table ``name → (attribute number, how its value is packed)``; the functions walk a mapping of values through it, in the order
in which the values were given. What is nested (a veth's other end, metrics, next hops) is built from the same parts. Values
are already numbers, canonical text or bytes: names were resolved by ``apply*.py``.

Layouts and numbers are those of the kernel's ``linux/rtnetlink.h``, ``if_link.h``, ``if_addr.h`` and ``neighbour.h``.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nsmagic.netlink.words import AF_INET, AF_INET6

NLA_F_NESTED = 0x8000

_ATTR = struct.Struct("=HH")
_ATTR_U32 = struct.Struct("=HHI")
_IFINFOMSG = struct.Struct("=BxHiII")
_IFADDRMSG = struct.Struct("=BBBBi")
_RTMSG = struct.Struct("=BBBBBBBBI")
_RTNEXTHOP = struct.Struct("=HBBi")
_NDMSG = struct.Struct("=BxxxiHBB")
_CACHEINFO = struct.Struct("=IIII")
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")

Packer = Callable[[Any], bytes]

u8: Packer = struct.Struct("=B").pack
u16: Packer = struct.Struct("=H").pack
u32: Packer = struct.Struct("=I").pack
s32: Packer = struct.Struct("=i").pack
be16: Packer = struct.Struct(">H").pack


def text(value: str) -> bytes:
    """A name as the kernel has it: bytes and a NUL."""
    return value.encode(errors="surrogateescape") + b"\0"


def bare_text(value: str) -> bytes:
    """Text whose length alone ends it (aliases, kinds)."""
    return value.encode(errors="surrogateescape")


def lladdr(value: str) -> bytes:
    """A link-layer address of any length, in colon notation.

    >>> lladdr("02:00:00:00:00:0a")
    b'\\x02\\x00\\x00\\x00\\x00\\n'
    """
    return bytes.fromhex(value.replace(":", ""))


def ip(value: str) -> bytes:
    """An IPv4 or IPv6 address: 4 or 16 bytes."""
    return socket.inet_pton(AF_INET6 if ":" in value else AF_INET, value)


def raw(value: bytes) -> bytes:
    """Bytes that are packed already."""
    return value


def attr(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes.

    >>> attr(3, b"lo\\0").hex(" ", 4)
    '07000300 6c6f0000'
    """
    size = len(payload)
    return _ATTR.pack(size + 4, kind) + payload + _PAD[size & 3]


def nest(kind: int, *attributes: bytes) -> bytes:
    """An attribute made of attributes."""
    return attr(kind, b"".join(attributes))


def attrs(table: Mapping[str, tuple[int, Packer]], values: Mapping[str, Any]) -> bytes:
    """The values that the table knows, in the order of ``values``.

    >>> attrs(LINK, {"ifname": "lo", "mtu": 9}).hex(" ", 4)
    '07000300 6c6f0000 08000400 09000000'
    """
    parts = []
    for name, value in values.items():
        kind, pack = table[name]
        if pack is u32:
            parts.append(_ATTR_U32.pack(8, kind, value))
            continue
        payload = pack(value)
        size = len(payload)
        parts.append(_ATTR.pack(size + 4, kind) + payload + _PAD[size & 3])
    return b"".join(parts)


#: IFLA_*
LINK: dict[str, tuple[int, Packer]] = {
    "mac": (1, lladdr), "broadcast_mac": (2, lladdr), "ifname": (3, text), "mtu": (4, u32), "link": (5, u32),
    "master": (10, u32), "txqlen": (13, u32), "operstate": (16, u8), "linkmode": (17, u8), "linkinfo": (18, raw),
    "netns_pid": (19, u32), "alias": (20, bare_text), "af_spec": (26, raw), "group": (27, u32), "netns_fd": (28, u32),
    "ext_mask": (29, u32), "numtxqueues": (31, u32), "numrxqueues": (32, u32), "carrier": (33, u8),
    "link_netnsid": (37, s32), "protodown": (39, u8), "gso_max_segs": (40, u32), "gso_max_size": (41, u32),
    "target_netnsid": (46, s32), "new_ifindex": (49, s32), "altname": (53, text), "parentdev": (56, text), "gro_max_size": (58, u32),
}  # fmt: skip
IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_PROP_LIST, IFLA_ALT_IFNAME = 18, 26, 52, 53
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA = 1, 2, 5
VETH_INFO_PEER = 1

#: IFA_*
ADDRESS: dict[str, tuple[int, Packer]] = {
    "address": (1, ip), "local": (2, ip), "label": (3, text), "broadcast": (4, ip), "anycast": (5, ip),
    "cacheinfo": (6, raw), "flags": (8, u32), "metric": (9, u32), "protocol": (11, u8),
}  # fmt: skip

#: RTA_*
ROUTE: dict[str, tuple[int, Packer]] = {
    "dst": (1, ip), "src": (2, ip), "iif": (3, u32), "oif": (4, u32), "gateway": (5, ip), "metric": (6, u32),
    "prefsrc": (7, ip), "metrics": (8, raw), "multipath": (9, raw), "flow": (11, u32), "table": (15, u32),
    "mark": (16, u32), "via": (18, raw), "pref": (20, u8), "expires": (23, u32), "uid": (25, u32), "ttl_propagate": (26, u8),
    "ipproto": (27, u8), "sport": (28, be16), "dport": (29, be16), "nhid": (30, u32),
}  # fmt: skip
RTNH_F_ONLINK = 4

#: NDA_*
NEIGHBOUR: dict[str, tuple[int, Packer]] = {
    "dst": (1, ip), "mac": (2, lladdr), "vlan": (5, u16), "port": (6, be16), "vni": (7, u32), "ifindex": (8, u32),
    "master": (9, u32), "src_vni": (11, u32), "protocol": (12, u8), "nhid": (13, u32), "flags_ext": (15, u32),
}  # fmt: skip


def link_body(values: Mapping[str, Any], index: int = 0, flags: int = 0, change: int = 0, family: int = 0) -> bytes:
    """``ifinfomsg`` and attributes: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK."""
    return _IFINFOMSG.pack(family, 0, index, flags, change) + attrs(LINK, values)


def linkinfo(kind: str, data: bytes = b"", slave: bool = False) -> bytes:
    """The payload of ``IFLA_LINKINFO``: the kind and, already packed, its own attributes."""
    info = attr(IFLA_INFO_KIND, bare_text(kind))
    if data:
        info += attr(IFLA_INFO_SLAVE_DATA if slave else IFLA_INFO_DATA, data)
    return info


def veth_data(values: Mapping[str, Any], index: int = 0, flags: int = 0, change: int = 0) -> bytes:
    """What ``IFLA_INFO_DATA`` of a veth holds: a whole link message for the other end."""
    return attr(VETH_INFO_PEER, link_body(values, index, flags, change))


def addrgenmode(mode: int) -> bytes:
    """The payload of ``IFLA_AF_SPEC`` that sets how IPv6 addresses are made."""
    return attr(AF_INET6, attr(8, u8(mode)))


def altnames(names: Iterable[str], index: int) -> bytes:
    """The body of RTM_NEWLINKPROP and RTM_DELLINKPROP."""
    listed = b"".join(attr(IFLA_ALT_IFNAME, text(name)) for name in names)
    return _IFINFOMSG.pack(0, 0, index, 0, 0) + attr(IFLA_PROP_LIST | NLA_F_NESTED, listed)


def address_body(
    values: Mapping[str, Any], family: int, prefixlen: int, index: int, scope: int = 0, flags: int = 0
) -> bytes:
    """``ifaddrmsg`` and attributes: RTM_NEWADDR, RTM_DELADDR."""
    return _IFADDRMSG.pack(family, prefixlen, flags & 0xFF, scope, index) + attrs(ADDRESS, values)


def cacheinfo(preferred: int, valid: int) -> bytes:
    """Lifetimes of an address in seconds (``struct ifa_cacheinfo``)."""
    return _CACHEINFO.pack(preferred, valid, 0, 0)


def route_body(
    values: Mapping[str, Any],
    family: int,
    dst_len: int = 0,
    src_len: int = 0,
    tos: int = 0,
    table: int = 0,
    protocol: int = 0,
    scope: int = 0,
    type_: int = 0,
    flags: int = 0,
) -> bytes:
    """``rtmsg`` and attributes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE."""
    header = _RTMSG.pack(family, dst_len, src_len, tos, table, protocol, scope, type_, flags)
    return header + attrs(ROUTE, values)


def via(address: str) -> bytes:
    """The payload of ``RTA_VIA``: a gateway of another family than the route's."""
    return u16(AF_INET6 if ":" in address else AF_INET) + ip(address)


def nexthop(values: Mapping[str, Any], index: int = 0, weight: int = 1, flags: int = 0) -> bytes:
    """One ``struct rtnexthop`` of ``RTA_MULTIPATH``; ``weight`` counts from 1."""
    inner = attrs(ROUTE, values)
    return _RTNEXTHOP.pack(8 + len(inner), flags, (weight - 1) & 0xFF, index) + inner


def neighbour_body(
    values: Mapping[str, Any], family: int, index: int = 0, state: int = 0, flags: int = 0, type_: int = 0
) -> bytes:
    """``ndmsg`` and attributes: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH."""
    return _NDMSG.pack(family, index, state, flags, type_) + attrs(NEIGHBOUR, values)
