"""The ``bridge`` tool's changes as requests: ports (``bridge.link.set``), forwarding entries, VLANs."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.netlink import encode, kinds
from nsmagic.netlink.context import Call, Plan
from nsmagic.netlink.encode import IFLA_AF_SPEC, NLA_F_NESTED, attr, u16
from nsmagic.netlink.socket import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from nsmagic.netlink.words import (
    AF_BRIDGE,
    NTF_FLAGS,
    NUD_STATES,
    RTM_DELLINK,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
    RTM_SETLINK,
)

_IFLA_PROTINFO = 12
_IFLA_BRIDGE_FLAGS, _IFLA_BRIDGE_MODE, _IFLA_BRIDGE_VLAN_INFO = 0, 1, 2
_FLAG_MASTER, _FLAG_SELF = 1, 2
_MODES = {"veb": 0, "vepa": 1}
_VLAN_PVID, _VLAN_UNTAGGED, _VLAN_BEGIN, _VLAN_END = 2, 4, 8, 16
#: A state of a forwarding entry → NUD_* bits, as iproute2 sends them.
_STATES = {
    "permanent": NUD_STATES["PERMANENT"] | NUD_STATES["NOARP"], "local": NUD_STATES["PERMANENT"] | NUD_STATES["NOARP"],
    "static": NUD_STATES["REACHABLE"] | NUD_STATES["NOARP"], "dynamic": NUD_STATES["REACHABLE"],
}  # fmt: skip
_FDB_FLAGS = ("self", "master", "router", "use", "extern_learn", "sticky")


def _who(args: Mapping[str, Any]) -> bytes:
    """``IFLA_BRIDGE_FLAGS``: whether the bridge (master) or the link's own driver (self) is meant; nothing when unsaid."""
    flags = (_FLAG_SELF if args.get("self") else 0) | (_FLAG_MASTER if args.get("master") else 0)
    return attr(_IFLA_BRIDGE_FLAGS, u16(flags)) if flags else b""


def link_set(call: Call) -> Plan:
    """``bridge link set``: attributes of a port."""
    args = call.args
    data = args.get("data", {})
    index = call.index(args["dev"])
    body = encode.link_body({}, index, family=AF_BRIDGE)
    body += attr(_IFLA_PROTINFO | NLA_F_NESTED, kinds.pack_port(data, call.index))
    spec = _who({**args, "self": args.get("self") or "hwmode" in data})
    if "hwmode" in data:
        spec += attr(_IFLA_BRIDGE_MODE, u16(_MODES[data["hwmode"]]))
    if spec:
        body += attr(IFLA_AF_SPEC, spec)
    return call.plan(RTM_SETLINK, 0, body)


def _vlan(kind: int) -> Callable[[Call], Plan]:
    def plan(call: Call) -> Plan:
        args = call.args
        flags = (_VLAN_PVID if args.get("pvid") else 0) | (_VLAN_UNTAGGED if args.get("untagged") else 0)
        spec = _who(args)
        if "vid_end" in args:
            spec += _vlan_info(flags | _VLAN_BEGIN, args["vid"]) + _vlan_info(flags | _VLAN_END, args["vid_end"])
        else:
            spec += _vlan_info(flags, args["vid"])
        body = encode.link_body({}, call.index(args["dev"]), family=AF_BRIDGE) + attr(IFLA_AF_SPEC, spec)
        return call.plan(kind, 0, body)

    return plan


def _vlan_info(flags: int, vid: int) -> bytes:
    return attr(_IFLA_BRIDGE_VLAN_INFO, struct.pack("=HH", flags, vid))


def _fdb(kind: int, flags: int) -> Callable[[Call], Plan]:
    def plan(call: Call) -> Plan:
        args = call.args
        values: dict[str, Any] = {"mac": args["mac"]}
        for name in ("dst", "vlan", "port", "vni", "src_vni", "nhid"):
            if name in args:
                values[name] = args[name]
        if "via" in args:
            values["ifindex"] = call.index(args["via"], "via")
        bits = sum(NTF_FLAGS[name] for name in _FDB_FLAGS if args.get(name))
        if not bits & (NTF_FLAGS["self"] | NTF_FLAGS["master"]):
            bits |= NTF_FLAGS["self"]
        state = _STATES[args.get("state", "permanent")]
        body = encode.neighbour_body(values, AF_BRIDGE, call.index(args["dev"]), state, bits)
        return call.plan(kind, flags, body)

    return plan


PLANNERS: Mapping[str, Callable[[Call], Plan]] = {
    "bridge.link.set": link_set,
    "bridge.vlan.add": _vlan(RTM_SETLINK),
    "bridge.vlan.del": _vlan(RTM_DELLINK),
    "bridge.fdb.add": _fdb(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL),
    "bridge.fdb.append": _fdb(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND),
    "bridge.fdb.replace": _fdb(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE),
    "bridge.fdb.del": _fdb(RTM_DELNEIGH, 0),
}
