"""What is special about a kind of link: ``IFLA_LINKINFO`` as two dicts, ``info`` of the link and ``port`` of its master.

One table per kind says which attribute has which name and form. Names and forms are those of ``ip -d -j link``. Left out
is what runs by itself (timers, counters), because two reads of an unchanged link must be equal. A kind without a table
is decoded by pyroute2, which is imported only when such a link occurs.

The dicts are shared between rows of equal links: nobody may write into them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nsmagic.netlink.words import PORT_STATES

_attr = struct.Struct("=HH").unpack_from
_NONE: Mapping[str, Any] = {}
Info = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def _number(form: str) -> Callable[[bytes], Any]:
    unpack = struct.Struct(form).unpack_from
    return lambda raw: unpack(raw)[0]


def _word(form: str, words: Mapping[int, str]) -> Callable[[bytes], Any]:
    unpack = struct.Struct(form).unpack_from
    return lambda raw: words.get(unpack(raw)[0]) or str(unpack(raw)[0])


def _bridge_id(raw: bytes) -> str:
    """Priority and MAC of a bridge: ``8000.02:00:00:00:00:01``."""
    return f"{raw[0]:02x}{raw[1]:02x}.{raw[2:8].hex(':')}"


def _ip(raw: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _mac(raw: bytes) -> str:
    return raw.hex(":")


def _hex(raw: bytes) -> str:
    return f"{struct.unpack_from('=H', raw)[0]:#x}" if any(raw[:2]) else "0"


_u8, _u16, _u32, _u64 = _number("=B"), _number("=H"), _number("=I"), _number("=Q")
_be16 = _number(">H")
_vlan_protocol = _word(">H", {0x8100: "802.1Q", 0x88A8: "802.1ad"})


def _bool(raw: bytes) -> bool:
    return bool(raw[0]) if raw else True  # an attribute without a value says "on" by being there


Form = tuple[str, Callable[[bytes], Any]]

BRIDGE: Mapping[int, Form] = {
    1: ("forward_delay", _u32), 2: ("hello_time", _u32), 3: ("max_age", _u32), 4: ("ageing_time", _u32),
    5: ("stp_state", _u32), 6: ("priority", _u16), 7: ("vlan_filtering", _u8), 8: ("vlan_protocol", _vlan_protocol),
    9: ("group_fwd_mask", _hex), 10: ("root_id", _bridge_id), 11: ("bridge_id", _bridge_id), 12: ("root_port", _u16),
    13: ("root_path_cost", _u32), 14: ("topology_change", _u8), 15: ("topology_change_detected", _u8),
    20: ("group_addr", _mac), 22: ("mcast_router", _u8), 23: ("mcast_snooping", _u8),
    24: ("mcast_query_use_ifaddr", _u8), 25: ("mcast_querier", _u8), 26: ("mcast_hash_elasticity", _u32),
    27: ("mcast_hash_max", _u32), 28: ("mcast_last_member_cnt", _u32), 29: ("mcast_startup_query_cnt", _u32),
    30: ("mcast_last_member_intvl", _u64), 31: ("mcast_membership_intvl", _u64), 32: ("mcast_querier_intvl", _u64),
    33: ("mcast_query_intvl", _u64), 34: ("mcast_query_response_intvl", _u64), 35: ("mcast_startup_query_intvl", _u64),
    36: ("nf_call_iptables", _u8), 37: ("nf_call_ip6tables", _u8), 38: ("nf_call_arptables", _u8),
    39: ("vlan_default_pvid", _u16), 41: ("vlan_stats_enabled", _u8), 42: ("mcast_stats_enabled", _u8),
    43: ("mcast_igmp_version", _u8), 44: ("mcast_mld_version", _u8), 45: ("vlan_stats_per_port", _u8),
}  # fmt: skip

BRIDGE_PORT: Mapping[int, Form] = {
    1: ("state", _word("=B", dict(enumerate(PORT_STATES)))), 2: ("priority", _u16), 3: ("cost", _u32),
    4: ("hairpin", _bool), 5: ("guard", _bool), 6: ("root_block", _bool), 7: ("fastleave", _bool),
    8: ("learning", _bool), 9: ("flood", _bool), 17: ("id", lambda raw: f"{_u16(raw):#x}"),
    18: ("no", lambda raw: f"{_u16(raw):#x}"), 15: ("designated_port", _u16), 16: ("designated_cost", _u16),
    14: ("bridge_id", _bridge_id), 13: ("root_id", _bridge_id), 19: ("topology_change_ack", _u8),
    20: ("config_pending", _u8), 10: ("proxy_arp", _bool), 12: ("proxy_arp_wifi", _bool),
    25: ("multicast_router", _u8), 27: ("mcast_flood", _bool), 30: ("bcast_flood", _bool),
    28: ("mcast_to_unicast", _bool), 32: ("neigh_suppress", _bool), 31: ("group_fwd_mask", _hex),
    29: ("vlan_tunnel", _bool), 33: ("isolated", _bool), 39: ("locked", _bool),
}  # fmt: skip

VXLAN: Mapping[int, Form] = {
    1: ("id", _u32), 2: ("group", _ip), 3: ("link", _u32), 4: ("local", _ip), 5: ("ttl", _u8), 6: ("tos", _u8),
    7: ("learning", _bool), 8: ("ageing", _u32), 9: ("limit", _u32),
    10: ("port_range", lambda raw: dict(zip(("low", "high"), struct.unpack_from(">HH", raw), strict=True))),
    11: ("proxy", _bool), 12: ("rsc", _bool), 13: ("l2miss", _bool), 14: ("l3miss", _bool), 15: ("port", _be16),
    16: ("group6", _ip), 17: ("local6", _ip), 18: ("udp_csum", _bool), 19: ("udp_zero_csum6_tx", _bool),
    20: ("udp_zero_csum6_rx", _bool), 21: ("remcsum_tx", _bool), 22: ("remcsum_rx", _bool), 23: ("gbp", _bool),
    25: ("external", _bool), 27: ("gpe", _bool),
    29: ("df", _word("=B", {0: "unset", 1: "set", 2: "inherit"})),
}  # fmt: skip
#: Shown only when they are on.
_SILENT = frozenset({"tos", "limit", "proxy", "rsc", "l2miss", "l3miss", "remcsum_tx", "remcsum_rx", "external"})

_MACVLAN: Mapping[int, Form] = {
    1: ("mode", _word("=I", {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"})),
    7: ("bcqueuelen", _u32),
}  # fmt: skip

_VLAN_FLAGS = {1: "REORDER_HDR", 2: "GVRP", 4: "LOOSE_BINDING", 8: "MVRP", 16: "BRIDGE_BINDING"}
_BOND_MODES = dict(
    enumerate(("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"))
)

KINDS: Mapping[str, Mapping[int, Form]] = {
    "veth": {},
    "ifb": {},
    "dummy": {},
    "bridge": BRIDGE,
    "vxlan": VXLAN,
    "macvlan": _MACVLAN,
    "macvtap": _MACVLAN,
    "vlan": {
        1: ("id", _u16),
        2: ("flags", lambda raw: [word for bit, word in _VLAN_FLAGS.items() if _u32(raw) & bit]),
        5: ("protocol", _vlan_protocol),
    },
    "ipvlan": {
        1: ("mode", _word("=H", {0: "l2", 1: "l3", 2: "l3s"})),
        2: ("flags", _word("=H", {0: "bridge", 1: "private", 2: "vepa"})),
    },
    "netkit": {
        2: ("primary", _bool),
        3: ("policy", _word("=I", {0: "forward", 2: "blackhole"})),
        5: ("mode", _word("=I", {0: "l2", 1: "l3"})),
    },
    "tun": {
        1: ("user", _u32), 2: ("group", _u32), 3: ("type", _word("=B", {1: "tun", 2: "tap"})), 4: ("pi", _bool),
        5: ("vnet_hdr", _bool), 6: ("persist", _bool), 7: ("multi_queue", _bool),
    },
    "vrf": {1: ("table", _u32)},
    "bond": {
        1: ("mode", _word("=B", _BOND_MODES)), 2: ("active_slave", _u32), 3: ("miimon", _u32), 4: ("updelay", _u32),
        5: ("downdelay", _u32), 6: ("use_carrier", _u8), 11: ("primary", _u32),
    },
}  # fmt: skip

PORTS: Mapping[str, Mapping[int, Form]] = {
    "bridge": BRIDGE_PORT,
    "vrf": {1: ("table", _u32)},
    "bond": {
        1: ("state", _word("=B", {0: "ACTIVE", 1: "BACKUP"})),
        2: ("mii_status", _word("=B", {0: "UP", 1: "GOING_DOWN", 2: "DOWN", 3: "GOING_BACK"})),
        4: ("perm_hwaddr", _mac),
        5: ("queue_id", _u16),
    },
}

#: The same bytes are the same dicts: a bridge with hundreds of ports is parsed once. Emptied when it has grown to _MOST.
_seen: dict[bytes, Info] = {}
_MOST = 4096


def read(data: bytes | bytearray, at: int, end: int) -> Info:
    """``(kind, info, port)`` from the nested attributes of ``IFLA_LINKINFO``; kind is ``""`` when there is none.

    >>> read(b"\\x08\\0\\1\\0veth", 0, 8)
    ('veth', {}, {})
    """
    raw = bytes(data[at:end])
    known = _seen.get(raw)
    if known is None:
        if len(_seen) >= _MOST:
            _seen.clear()
        known = _seen[raw] = _read(raw)
    return known


def _read(raw: bytes) -> Info:
    parts = dict(nested(raw))
    kind = parts.get(1, b"").rstrip(b"\0").decode(errors="surrogateescape")
    master = parts.get(4, b"").rstrip(b"\0").decode(errors="surrogateescape")
    info: Mapping[str, Any] = _NONE
    port: Mapping[str, Any] = _NONE
    if 2 in parts:
        table = KINDS.get(kind)
        info = fields(parts[2], table) if table is not None else _by_pyroute2(raw, "IFLA_INFO_DATA")
        if kind == "bridge":
            info = _bridge_options(parts[2], dict(info))
        elif kind == "vxlan":
            info = _vxlan(dict(info))
    if master and 5 in parts:
        table = PORTS.get(master)
        port = fields(parts[5], table) if table is not None else _by_pyroute2(raw, "IFLA_INFO_SLAVE_DATA")
        port = {"kind": master, **port}
    return kind, info, port


def nested(raw: bytes) -> list[tuple[int, bytes]]:
    """The attributes in a block: ``(number, value)``.

    >>> nested(b"\\x05\\0\\1\\0a\\0\\0\\0")
    [(1, b'a')]
    """
    out, at, end = [], 0, len(raw)
    while at + 4 <= end:
        size, number = _attr(raw, at)
        if size < 4 or at + size > end:
            break
        out.append((number & 0x3FFF, raw[at + 4 : at + size]))
        at += (size + 3) & ~3
    return out


class _Like(NamedTuple):
    """Attributes that were read: how to take such a block apart into sizes and numbers, and values, by turns, what those were, what each
    value is called and how it is read, and what came of it."""

    apart: Callable[[bytes], tuple[bytes, ...]]
    heads: tuple[bytes, ...]
    values: tuple[bytes, ...]
    forms: tuple[Form | None, ...]
    out: dict[str, Any]


#: The first of each table (there for ever) and size: the ports of a bridge differ in two or three of thirty values.
_like: dict[tuple[int, int], _Like] = {}


def fields(raw: bytes, table: Mapping[int, Form]) -> Mapping[str, Any]:
    """The attributes that a table knows, by name."""
    key = (id(table), len(raw))
    like = _like.get(key)
    if like is not None:
        parts = like.apart(raw)
        if parts[::2] == like.heads:
            found = like.out.copy()
            for value, known, form in zip(parts[1::2], like.values, like.forms, strict=True):
                if value != known and form is not None:
                    found[form[0]] = form[1](value)
            return found or _NONE
    pairs = nested(raw)
    forms = tuple(table.get(number) for number, _ in pairs)
    out = {form[0]: form[1](value) for (_, value), form in zip(pairs, forms, strict=True) if form is not None}
    names = [form[0] for form in forms if form is not None]
    # What is cut off or comes twice is no measure for others.
    if like is None and sum((len(value) + 7) & ~3 for _, value in pairs) == len(raw) and len(set(names)) == len(names):
        apart = struct.Struct("=" + "".join(f"4s{len(value)}s{-len(value) & 3}x" for _, value in pairs)).unpack
        parts = apart(raw)
        _like[key] = _Like(apart, parts[::2], parts[1::2], forms, out)
        return out.copy() or _NONE
    return out or _NONE


def _bridge_options(raw: bytes, info: dict[str, Any]) -> Mapping[str, Any]:
    """IFLA_BR_MULTI_BOOLOPT holds two options in bits."""
    for number, value in nested(raw):
        if number == 46:
            bits = _u32(value)
            info["no_linklocal_learn"], info["mcast_vlan_snooping"] = bits & 1, bits >> 1 & 1
    return info


def _vxlan(info: dict[str, Any]) -> Mapping[str, Any]:
    """A group that is no multicast address is the remote end; flags that are off are not shown."""
    for group, remote in (("group", "remote"), ("group6", "remote6")):
        if group in info:
            value = info[group]
            multicast = value.startswith("ff") if ":" in value else 224 <= int(value.split(".")[0]) < 240
            if not multicast:
                info[remote] = info.pop(group)
    return {name: value for name, value in info.items() if value or name not in _SILENT}


def _by_pyroute2(raw: bytes, part: str) -> Mapping[str, Any]:
    """A kind without a table: pyroute2's names without their prefix, values that JSON can carry."""
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    body = bytes(16) + struct.pack("=HH", 4 + len(raw), 18) + raw
    message = ifinfmsg(struct.pack("=IHHII", 16 + len(body), 16, 0, 0, 0) + body)
    message.decode()
    block = message.get_nested("IFLA_LINKINFO", part)
    if block is None or not hasattr(block, "get"):
        return _NONE
    out: dict[str, Any] = {}
    for name, value in block.get("attrs", ()):
        if isinstance(value, (int, str)) and name.startswith("IFLA_"):
            out[name.split("_", 2)[-1].lower()] = value
    return out or _NONE
