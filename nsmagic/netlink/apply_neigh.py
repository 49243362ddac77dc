"""``neigh.add`` and its sisters as requests; ``neigh.get`` and ``neigh.flush``."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from errno import ENOENT
from typing import Any

from nsmagic.netlink import decode, dump, encode, peers, prefixes
from nsmagic.netlink.apply_route import space_of
from nsmagic.netlink.context import Call, Outcome, Plan
from nsmagic.netlink.raw import RawNeighbour
from nsmagic.netlink.socket import NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NetlinkError
from nsmagic.netlink.words import (
    AF_INET,
    AF_INET6,
    FAMILIES,
    NTF_FLAGS,
    NUD_STATES,
    RTM_DELNEIGH,
    RTM_GETNEIGH,
    RTM_NEWNEIGH,
)

_KEPT = ("PERMANENT", "NOARP")


def _family(args: Mapping[str, Any]) -> int:
    return AF_INET6 if ":" in args["address"] else AF_INET


def _flags(args: Mapping[str, Any]) -> int:
    return sum(NTF_FLAGS[name] for name in ("proxy", "router", "extern_learn", "use") if args.get(name))


def body(call: Call, index: int, state: str) -> bytes:
    """The request for the entry of ``call`` on the link ``index``."""
    args = call.args
    values: dict[str, Any] = {"dst": args["address"]}
    for name in ("mac", "protocol"):
        if name in args:
            values[name] = args[name]
    return encode.neighbour_body(values, _family(args), index, NUD_STATES[state.upper()], _flags(args))


def _verb(kind: int, flags: int) -> Callable[[Call], Plan]:
    def plan(call: Call) -> Plan:
        # iproute2 names PERMANENT on deletion too.
        return call.plan(kind, flags, body(call, call.index(call.args["dev"]), call.args.get("state", "permanent")))

    return plan


def get(call: Call) -> Outcome:
    """``ip neigh get``: one entry."""
    args = call.args
    index = call.index(args["dev"])
    request = encode.neighbour_body({"dst": args["address"]}, _family(args), index, 0, _flags(args))
    _, answer = call.sock.get(RTM_GETNEIGH, 0, request)
    row = decode.neighbour(answer, 0, len(answer))
    return Outcome(table="neighbours", rows=[peers.neighbour_row(space_of(call, [index]), row)])


def flush(call: Call) -> Outcome:
    """``ip neigh flush``: all entries that fit; permanent ones and NOARP only when their state is named."""
    args = call.args
    index = call.index(args["dev"]) if "dev" in args else 0
    masters: set[int] | None = None
    for name in ("master", "vrf"):
        if name in args:
            number = call.index(args[name], "master")
            masters = {link.ifindex for link in dump.links(call.sock) if link.master == number}
    family = FAMILIES.get(args.get("family", ""), 0)
    request = decode.NDMSG.pack(family, index, 0, NTF_FLAGS["proxy"] if args.get("proxy") else 0, 0)
    if index:  # a dump takes its link as an attribute
        request = encode.neighbour_body(
            {"ifindex": index}, family, 0, 0, NTF_FLAGS["proxy"] if args.get("proxy") else 0
        )
    found = dump.table(
        call.sock, RTM_GETNEIGH, request, lambda data, at, end: (bytes(data[at:end]), decode.neighbour(data, at, end))
    )
    count = 0
    for message, row in found:
        if (
            row.family not in ("inet", "inet6")
            or (index and row.ifindex != index)
            or (masters is not None and row.ifindex not in masters)
            or not _fits(row, message, args)
        ):
            continue
        try:
            call.sock.request(RTM_DELNEIGH, NLM_F_ACK, message)
            count += 1
        except NetlinkError as error:
            if error.errno != ENOENT:  # it went by itself
                raise
    return Outcome(count=count)


def _fits(row: RawNeighbour, message: bytes, args: Mapping[str, Any]) -> bool:
    """Whether an entry is one that the filters leave. Proxies and entries learned by others have no state that counts."""
    if "address" in args and not prefixes.inside(row.address, args["address"]):
        return False
    if args.get("unused") and _references(message):
        return False
    if row.flags & (NTF_FLAGS["proxy"] | NTF_FLAGS["extern_learn"]) or args.get("nud_all"):
        return True
    states = {state.upper() for state in args.get("states", ())}
    return row.state in states if states else row.state not in _KEPT


def _references(message: bytes) -> int:
    """How many hold on to an entry (``ndm_refcnt`` of NDA_CACHEINFO)."""
    where = decode.attributes(message, decode.NDMSG.size, len(message))
    at = where.get(3)
    return struct.unpack_from("=I", message, at + 12)[0] if at is not None else 0


PLANNERS: Mapping[str, Callable[[Call], Plan]] = {
    "neigh.add": _verb(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL),
    "neigh.change": _verb(RTM_NEWNEIGH, NLM_F_REPLACE),
    "neigh.replace": _verb(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE),
    "neigh.del": _verb(RTM_DELNEIGH, 0),
}
DOERS: Mapping[str, Callable[[Call], Outcome]] = {"neigh.get": get, "neigh.flush": flush}
