"""What belongs to one kind of link (``type vxlan id 42 …``), from iproute2's keywords to ``IFLA_INFO_DATA``.

The keywords and the form of their values are those of ``commands/kinds.py``. Each kind has a table ``keyword → (pyroute2's
name of the attribute, how the value becomes pyroute2's)``; pyroute2's message classes do the packing, and are imported only
when a kind with options is made or changed. Where its class lacks an attribute, the table has the number and our own packer.

Tunnels: iproute2 sends every attribute, those not typed with a default; so do we, that changed defaults of a kernel do
not make a difference.

More than 300 lines, because the tables of all kinds belong side by side, as in ``commands/kinds.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.netlink import encode

Resolve = Callable[[str, str], int]
#: pyroute2's name and conversion, or our own number and packer.
Entry = tuple[str, Callable[[Any], Any]] | tuple[int, Callable[[Any], bytes]]
Table = Mapping[str, Entry]


def _same(value: Any) -> Any:
    return value


def _words(*names: str, first: int = 0) -> Callable[[Any], int]:
    """A word of a list, by its place."""
    return lambda value: names.index(value) + first if isinstance(value, str) else int(value)


def _boolopt(bit: int) -> Callable[[Any], bytes]:
    """One bit of ``struct br_boolopt_multi``."""
    return lambda value: struct.pack("=II", bool(value) << bit, 1 << bit)


def _flags(**bits: int) -> Callable[[Any], int]:
    return lambda value: sum(bits[word] for word in ([value] if isinstance(value, str) else value))


_PROTOCOLS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}


def _protocol(value: Any) -> int:
    return _PROTOCOLS[value]


def _prefixed(prefix: str, *names: str, **others: str) -> dict[str, Entry]:
    """Keywords whose attribute has the same name in capitals, and some with another."""
    same = {name: (f"{prefix}{name.upper()}", int) for name in names}
    return {**same, **{name: (f"{prefix}{attribute}", int) for name, attribute in others.items()}}


_BRIDGE: Table = {
    **_prefixed(
        "IFLA_BR_", "forward_delay", "hello_time", "max_age", "ageing_time", "stp_state", "priority", "vlan_filtering",
        "group_fwd_mask", "vlan_default_pvid", "vlan_stats_enabled", "mcast_router", "mcast_snooping",
        "mcast_query_use_ifaddr", "mcast_querier", "mcast_hash_elasticity", "mcast_hash_max", "mcast_stats_enabled",
        "mcast_igmp_version", "mcast_mld_version", "nf_call_iptables", "nf_call_ip6tables", "nf_call_arptables",
        mcast_last_member_count="MCAST_LAST_MEMBER_CNT", mcast_startup_query_count="MCAST_STARTUP_QUERY_CNT",
        mcast_last_member_interval="MCAST_LAST_MEMBER_INTVL", mcast_membership_interval="MCAST_MEMBERSHIP_INTVL",
        mcast_querier_interval="MCAST_QUERIER_INTVL", mcast_query_interval="MCAST_QUERY_INTVL",
        mcast_query_response_interval="MCAST_QUERY_RESPONSE_INTVL",
        mcast_startup_query_interval="MCAST_STARTUP_QUERY_INTVL",
    ),
    "vlan_protocol": ("IFLA_BR_VLAN_PROTOCOL", _protocol),
    "group_address": ("IFLA_BR_GROUP_ADDR", _same),
    "fdb_flush": ("IFLA_BR_FDB_FLUSH", bool),
    "vlan_stats_per_port": (45, encode.u8),
    "boolopt": (46, encode.raw), "no_linklocal_learn": (46, _boolopt(0)),
    "mcast_vlan_snooping": (46, _boolopt(1)),
}  # fmt: skip

#: Attributes of a port, for ``ip link set … type bridge_slave`` and ``bridge link set``.
PORT: Table = _prefixed(
    "IFLA_BRPORT_", "state", "priority", "cost", "guard", "learning", "learning_sync", "mcast_flood", "bcast_flood",
    "vlan_tunnel", "neigh_suppress", "isolated", "locked", "group_fwd_mask", "backup_port",
    hairpin="MODE", root_block="PROTECT", fastleave="FAST_LEAVE", mcast_fast_leave="FAST_LEAVE", flood="UNICAST_FLOOD",
    proxy_arp="PROXYARP", proxy_arp_wifi="PROXYARP_WIFI", mcast_router="MULTICAST_ROUTER", mcast_to_unicast="MCAST_TO_UCAST",
    fdb_flush="FLUSH",
)  # fmt: skip

_VXLAN: Table = {
    **_prefixed(
        "IFLA_VXLAN_", "id", "ttl", "tos", "ageing", "learning", "proxy", "rsc", "l2miss", "l3miss", dev="LINK",
        maxaddress="LIMIT", dstport="PORT", external="COLLECT_METADATA", udpcsum="UDP_CSUM", udp6zerocsumtx="UDP_ZERO_CSUM6_TX",
        udp6zerocsumrx="UDP_ZERO_CSUM6_RX", remcsumtx="REMCSUM_TX", remcsumrx="REMCSUM_RX",
    ),
    "srcport": ("IFLA_VXLAN_PORT_RANGE", lambda value: {"low": value[0], "high": value[1]}),
    "flowlabel": (26, struct.Struct(">I").pack),
    "group": ("IFLA_VXLAN_GROUP", _same), "remote": ("IFLA_VXLAN_GROUP", _same), "local": ("IFLA_VXLAN_LOCAL", _same),
}  # fmt: skip

_GENEVE: Table = {
    **_prefixed(
        "IFLA_GENEVE_", "id", "ttl", "tos", dstport="PORT", udpcsum="UDP_CSUM", udp6zerocsumtx="UDP_ZERO_CSUM6_TX",
        udp6zerocsumrx="UDP_ZERO_CSUM6_RX", external="COLLECT_METADATA", flowlabel="LABEL",
    ),
    "remote": ("IFLA_GENEVE_REMOTE", _same),
}  # fmt: skip

_VLAN_FLAGS = {"reorder_hdr": 1, "gvrp": 2, "loose_binding": 4, "mvrp": 8, "bridge_binding": 16}
_VLAN: Table = {
    "id": ("IFLA_VLAN_ID", int), "protocol": ("IFLA_VLAN_PROTOCOL", _protocol), "flags": ("IFLA_VLAN_FLAGS", _same),
}  # fmt: skip

_MACVLAN: Table = {
    "mode": ("IFLA_MACVLAN_MODE", _same),
    "flag": (2, lambda value: encode.u16(_flags(nopromisc=1, nodst=2)(value))),
}
_IPVLAN: Table = {
    "mode": ("IFLA_IPVLAN_MODE", _words("l2", "l3", "l3s")),
    "flag": (2, lambda value: encode.u16(_flags(bridge=0, private=1, vepa=2)(value))),
}

_BOND: Table = {
    **_prefixed(
        "IFLA_BOND_", "active_slave", "miimon", "updelay", "downdelay", "use_carrier", "arp_interval", "primary",
        "resend_igmp", "all_slaves_active", "min_links", "lp_interval", "packets_per_slave", "ad_actor_sys_prio",
        "ad_user_port_key", "tlb_dynamic_lb", num_grat_arp="NUM_PEER_NOTIF",
    ),
    "peer_notify_delay": (28, encode.u32), "lacp_active": (29, lambda value: encode.u8(_words("off", "on")(value))),
    "arp_missed_max": (30, encode.u8),
    "mode": ("IFLA_BOND_MODE", _words("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
                                      "balance-alb")),
    "arp_validate": ("IFLA_BOND_ARP_VALIDATE", _words("none", "active", "backup", "all", "filter", "filter_active",
                                                     "filter_backup")),
    "arp_all_targets": ("IFLA_BOND_ARP_ALL_TARGETS", _words("any", "all")),
    "primary_reselect": ("IFLA_BOND_PRIMARY_RESELECT", _words("always", "better", "failure")),
    "fail_over_mac": ("IFLA_BOND_FAIL_OVER_MAC", _words("none", "active", "follow")),
    "xmit_hash_policy": ("IFLA_BOND_XMIT_HASH_POLICY", _words("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4",
                                                             "vlan+srcmac")),
    "lacp_rate": ("IFLA_BOND_AD_LACP_RATE", _words("slow", "fast")),
    "ad_select": ("IFLA_BOND_AD_SELECT", _words("stable", "bandwidth", "count")),
    "ad_actor_system": (26, encode.lladdr),
    "arp_ip_target": (8, lambda value: b"".join(encode.attr(at, encode.ip(one)) for at, one in enumerate(value))),
}  # fmt: skip

_VRF: Table = {"table": ("IFLA_VRF_TABLE", int)}

_GRE_KEY, _GRE_SEQ, _GRE_CSUM = 0x2000, 0x1000, 0x8000
_GRE: Table = {
    **_prefixed(
        "IFLA_GRE_", "ikey", "okey", "iflags", "oflags", "ttl", "tos", "pmtudisc", "fwmark", "encap_type", "encap_flags",
        "encap_sport", "encap_dport", dev="LINK",
    ),
    "local": ("IFLA_GRE_LOCAL", _same), "remote": ("IFLA_GRE_REMOTE", _same),
}  # fmt: skip
_GRE_DEFAULTS: Mapping[str, Any] = {
    "ikey": 0, "okey": 0, "iflags": 0, "oflags": 0, "pmtudisc": 1, "tos": 0,
    "ttl": 0, "fwmark": 0, "encap_type": 0, "encap_flags": 0, "encap_sport": 0, "encap_dport": 0,
}  # fmt: skip


def _tunnel(prefix: str) -> Table:
    """ipip and sit: the same attributes by two names."""
    return {
        **_prefixed(prefix, "ttl", "tos", "pmtudisc", "proto", "fwmark", "encap_type", "encap_flags", "encap_sport",
                    "encap_dport", dev="LINK"),
        "flags": (8, encode.u16),  # pyroute2 takes four bytes
        "local": (f"{prefix}LOCAL", _same), "remote": (f"{prefix}REMOTE", _same),
    }  # fmt: skip


_TUNNEL_DEFAULTS: Mapping[str, Any] = {
    "proto": 0, "pmtudisc": 1, "tos": 0, "ttl": 0, "dev": "", "fwmark": 0,
    "encap_type": 0, "encap_flags": 0, "encap_sport": 0, "encap_dport": 0,
}  # fmt: skip

_VTI: Table = {
    **_prefixed("IFLA_VTI_", "ikey", "okey", dev="LINK"),
    "local": ("IFLA_VTI_LOCAL", _same), "remote": ("IFLA_VTI_REMOTE", _same), "fwmark": (6, encode.u32),
}  # fmt: skip
_VTI_DEFAULTS: Mapping[str, Any] = {"ikey": 0, "okey": 0, "fwmark": 0}

TABLES: Mapping[str, Table] = {
    "bridge": _BRIDGE, "bridge_slave": PORT, "vxlan": _VXLAN, "geneve": _GENEVE, "vlan": _VLAN, "macvlan": _MACVLAN,
    "macvtap": _MACVLAN, "ipvlan": _IPVLAN, "ipvtap": _IPVLAN, "bond": _BOND, "vrf": _VRF, "gre": _GRE, "gretap": _GRE,
    "ipip": _tunnel("IFLA_IPIP_"), "sit": _tunnel("IFLA_SIT_"), "vti": _VTI,
}  # fmt: skip
#: Keywords whose value is the name of a link; "" is number 0.
_LINKS = frozenset({"dev", "active_slave", "primary", "backup_port"})
#: What iproute2 sends when it makes a link of the kind, whether typed or not.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gre": _GRE_DEFAULTS, "gretap": _GRE_DEFAULTS, "ipip": _TUNNEL_DEFAULTS, "sit": {**_TUNNEL_DEFAULTS, "flags": 0},
    "vti": _VTI_DEFAULTS,
}  # fmt: skip


def pack(kind: str, data: Mapping[str, Any], resolve: Resolve, *, create: bool = False) -> bytes:
    """The bytes inside ``IFLA_INFO_DATA`` (``IFLA_INFO_SLAVE_DATA`` of a ``…_slave``); empty when there are none.

    Parameters
    ----------
    data
        As ``commands/kinds.py`` makes it.
    resolve
        From the name of a link and its role to its number; may raise ``KernelRefused``.
    create
        Whether the link is being made: some kinds then need values that were not typed.

    Raises
    ------
    KeyError
        A keyword that the kind has not: the grammar lets none through.

    >>> pack("vrf", {"table": 10}, lambda name, role: 0).hex(" ", 4)
    '08000100 0a000000'
    """
    if not data:
        return b""
    values = {name: (resolve(value, name) if value else 0) if name in _LINKS else value for name, value in data.items()}
    if create:
        values = {**_DEFAULTS.get(kind, {}), **values}
        if values.get("dev") == "":
            values["dev"] = 0
    finish = _FINISH.get(kind)
    if finish is not None:
        values = finish(values, create)
    return _encode(kind, TABLES[kind], values)


def pack_port(data: Mapping[str, Any], resolve: Resolve) -> bytes:
    """The attributes of a bridge's port (``IFLA_PROTINFO`` of AF_BRIDGE)."""
    return pack("bridge_slave", {name: value for name, value in data.items() if name != "hwmode"}, resolve)


def _encode(kind: str, table: Table, values: Mapping[str, Any]) -> bytes:
    ours = b""
    theirs: list[tuple[str, Any]] = []
    for name, value in values.items():
        attribute, convert = (name, _same) if name.startswith("IFLA_") else table[name]
        if isinstance(attribute, int):
            ours += encode.attr(attribute, convert(value))
        elif convert is not bool or value:
            theirs.append((attribute, convert(value)))
    return (_pyroute2(kind, theirs) if theirs else b"") + ours


#: Kinds with the attributes of another, that pyroute2 names otherwise or has not.
_LIKE = {"macvtap": "macvlan", "ipvtap": "ipvlan"}


def _pyroute2(kind: str, attributes: list[tuple[str, Any]]) -> bytes:
    """The attributes as pyroute2 packs them, cut out of a whole link message."""
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    slave = kind.endswith("_slave")
    data = ("IFLA_INFO_SLAVE_DATA" if slave else "IFLA_INFO_DATA", {"attrs": attributes})
    message = ifinfmsg()
    message["attrs"] = [("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", _LIKE.get(kind, kind)), data]})]
    message.encode()
    packed = bytes(message.data)
    at = 16 + 16 + 4  # nlmsghdr, ifinfomsg, the header of IFLA_LINKINFO
    size = struct.unpack_from("=H", packed, at)[0]
    at += (size + 3) & ~3  # IFLA_INFO_KIND
    size = struct.unpack_from("=H", packed, at)[0]
    return packed[at + 4 : at + size]


def _vxlan(values: dict[str, Any], create: bool) -> dict[str, Any]:
    values = dict(values)
    if values.get("ttl") == 0:  # inherit
        del values["ttl"]
        values["IFLA_VXLAN_TTL_INHERIT"] = None
    for name in ("group", "remote", "local"):
        if ":" in values.get(name, ""):
            values[f"IFLA_VXLAN_{'LOCAL' if name == 'local' else 'GROUP'}6"] = values.pop(name)
    for name in ("gbp", "gpe"):
        if name in values:
            values[f"IFLA_VXLAN_{name.upper()}"] = None
            del values[name]
    if create and "learning" not in values:
        values["learning"] = True
    return values


def _geneve(values: dict[str, Any], create: bool) -> dict[str, Any]:
    values = dict(values)
    if ":" in values.get("remote", ""):
        values["IFLA_GENEVE_REMOTE6"] = values.pop("remote")
    if values.pop("external", False):
        values["IFLA_GENEVE_COLLECT_METADATA"] = None
    if create:
        values = {"flowlabel": 0, "ttl": 0, "tos": 0, **values}
    return values


def _vlan(values: dict[str, Any], _: bool) -> dict[str, Any]:
    named = {name: bit for name, bit in _VLAN_FLAGS.items() if name in values}
    rest = {name: value for name, value in values.items() if name not in named}
    if named:
        flags = sum(bit for name, bit in named.items() if values[name])
        rest["flags"] = {"flags": flags, "mask": sum(named.values())}
    return rest


def _bridge(values: dict[str, Any], _: bool) -> dict[str, Any]:
    """The two switches that share one attribute go as one."""
    both = {"no_linklocal_learn", "mcast_vlan_snooping"}
    if both <= values.keys():
        first, second = bool(values["no_linklocal_learn"]), bool(values["mcast_vlan_snooping"])
        values = {name: value for name, value in values.items() if name not in both}
        values["boolopt"] = struct.pack("=II", first | second << 1, 3)
    return values


def _ipvlan(values: dict[str, Any], _: bool) -> dict[str, Any]:
    return {"flag": "bridge", **values}


def _ends(values: dict[str, Any]) -> dict[str, Any]:
    """A tunnel's ends, those left open (0.0.0.0) not sent."""
    return {name: value for name, value in values.items() if name not in ("local", "remote") or value != "0.0.0.0"}


def _gre(values: dict[str, Any], _: bool) -> dict[str, Any]:
    values = _ends(values)
    for side in ("i", "o"):
        flags = 0
        if values.get(f"{side}key"):
            flags |= _GRE_KEY
        if values.pop(f"{side}seq", False):
            flags |= _GRE_SEQ
        if values.pop(f"{side}csum", False):
            flags |= _GRE_CSUM
        values[f"{side}flags"] = flags
    return values


_FINISH: Mapping[str, Callable[[dict[str, Any], bool], dict[str, Any]]] = {
    "vxlan": _vxlan, "geneve": _geneve, "vlan": _vlan, "bridge": _bridge, "gre": _gre, "gretap": _gre,
    "ipvlan": _ipvlan, "ipvtap": _ipvlan, **{kind: lambda values, _: _ends(values) for kind in ("ipip", "sit", "vti")},
}  # fmt: skip
