"""``addr.add``, ``.change``, ``.replace``, ``.del`` as requests, and ``addr.flush``.

What iproute2 fills in stands here: the scope of 127.0.0.0/8, ``broadcast +``, both ends of an address, lifetimes.
"""

from __future__ import annotations

import fnmatch
import re
import socket
from collections.abc import Callable, Mapping
from errno import EADDRNOTAVAIL
from typing import Any

from nsmagic.netlink import decode, dump, encode, prefixes, refusals
from nsmagic.netlink.context import Call, Outcome, Plan
from nsmagic.netlink.raw import RawAddr
from nsmagic.netlink.socket import NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NetlinkError
from nsmagic.netlink.words import (
    ADDRESS_FLAGS,
    AF_INET,
    AF_INET6,
    FAMILIES,
    RT_SCOPE_HOST,
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_NEWADDR,
    SCOPE_NAMES,
    name_of,
)

FOREVER = 0xFFFFFFFF
_SECONDARY = ADDRESS_FLAGS["secondary"]
#: Rounds of a flush: each takes the primary addresses, and promoted ones follow in the next.
_ROUNDS = 10

WILDCARD = (
    "Warning: Executing wildcard deletion to stay compatible with old scripts.\n"
    "         Explicitly specify the prefix length ({}/32) to avoid this warning.\n"
    "         This special behaviour is likely to disappear in further releases,\n"
    "         fix your scripts!"
)


def _new(flags: int) -> Callable[[Call], Plan]:
    """The planner of one of the verbs that make or change an address."""

    def plan(call: Call) -> Plan:
        return call.plan(RTM_NEWADDR, flags, _body(call, delete=False))

    return plan


def delete(call: Call) -> Plan:
    """``ip addr del``. Without a length the kernel takes the first address that fits; iproute2 warns."""
    plan = call.plan(RTM_DELADDR, 0, _body(call, delete=True))
    args = call.args
    if "prefixlen" in args or "peer" in args or _family(args) != AF_INET:
        return plan
    return Plan(plan.messages, (WILDCARD.format(args["address"]),))


def _family(args: Mapping[str, Any]) -> int:
    return AF_INET6 if ":" in args["address"] else AF_INET


def _body(call: Call, *, delete: bool) -> bytes:
    args = call.args
    family = _family(args)
    full = 128 if family == AF_INET6 else 32
    address, peer = args["address"], args.get("peer")
    prefixlen = args.get("peer_prefixlen", full) if peer else args.get("prefixlen", full)
    values: dict[str, Any] = {"local": address}
    if not (delete and not peer and "prefixlen" not in args and family == AF_INET):
        values["address"] = peer or address
    if "broadcast" in args:
        broadcast = _broadcast(args["broadcast"], peer or address, prefixlen, family)
        if broadcast:
            values["broadcast"] = broadcast
    for name in ("anycast", "label", "metric"):
        if name in args:
            values[name] = args[name]
    if "valid_lft" in args or "preferred_lft" in args:
        values["cacheinfo"] = _lifetimes(args)
    flags = 0
    for word in args.get("flags", ()):
        flags |= ADDRESS_FLAGS[word]
    if flags > 0xFF:
        values["flags"] = flags
        flags = 0
    scope = args.get("scope", RT_SCOPE_HOST if address.startswith("127.") and not delete else 0)
    return encode.address_body(values, family, prefixlen, call.index(args["dev"]), scope, flags)


def _broadcast(word: str, address: str, prefixlen: int, family: int) -> str:
    """An address, or what ``+`` (all host bits one) and ``-`` (all zero) make of the network; empty: none."""
    if word not in ("+", "-"):
        return word
    if family != AF_INET:
        raise refusals.local("Broadcast can be set only for IPv4 addresses")
    if prefixlen > 30:
        return ""
    host = (1 << (32 - prefixlen)) - 1
    value = prefixes.number(address)[1]
    return socket.inet_ntoa((value | host if word == "+" else value & ~host).to_bytes(4, "big"))


def _lifetimes(args: Mapping[str, Any]) -> bytes:
    valid, preferred = args.get("valid_lft", FOREVER), args.get("preferred_lft", FOREVER)
    if not valid:
        raise refusals.local("valid_lft is zero")
    if valid < preferred:
        raise refusals.local("preferred_lft is greater than valid_lft")
    return encode.cacheinfo(preferred, valid)


def flush(call: Call) -> Outcome:
    """``ip addr flush``: all addresses that fit, primary ones first, since their secondaries go with them.

    As with iproute2, only ``dev``, the family and what belongs to the address itself are looked at: ``up``, ``master``,
    ``type`` and ``group``, which choose links for ``show``, leave every address doomed.
    """
    args = call.args
    index = call.index(args["dev"]) if "dev" in args else 0
    family = FAMILIES.get(args.get("family", ""), 0)
    request = decode.IFADDR.pack(family, 0, 0, 0, index)
    sock = call.sock
    count = 0
    for _ in range(_ROUNDS):
        found = dump.table(
            sock, RTM_GETADDR, request, lambda data, at, end: (bytes(data[at:end]), decode.addr(data, at, end))
        )
        doomed = [
            body
            for body, row in found
            if not (index and row.ifindex != index)
            and _fits(row, args)
            and (not row.flags & _SECONDARY or "secondary" in args.get("flags", ()))
        ]
        if not doomed:
            break
        for body in doomed:
            try:
                sock.request(RTM_DELADDR, NLM_F_ACK, body)
                count += 1
            except NetlinkError as error:
                if error.errno != EADDRNOTAVAIL:  # it went with another one
                    raise
        if {"primary", "-secondary"} & set(args.get("flags", ())):
            break
    return Outcome(count=count)


def _fits(row: RawAddr, args: Mapping[str, Any]) -> bool:
    """Whether an address is one that the filters leave."""
    if "scope" in args and row.scope != name_of(args["scope"], SCOPE_NAMES):
        return False
    if "label" in args and not label_matches(row.label, args["label"]):
        return False
    if "to" in args and not prefixes.inside(row.address, args["to"]):
        return False
    return all(_flag_fits(row, word) for word in args.get("flags", ()))


def _flag_fits(row: RawAddr, word: str) -> bool:
    negative = word.startswith("-")
    word = word.removeprefix("-")
    match word:
        case "dynamic":
            have = not row.flags & ADDRESS_FLAGS["permanent"]
        case "primary":
            have = not row.flags & _SECONDARY
        case "temporary":
            have = bool(row.flags & _SECONDARY)
        case _:
            have = bool(row.flags & ADDRESS_FLAGS[word])
    return have != negative


def label_matches(label: str, pattern: str) -> bool:
    """Whether a label fits a shell pattern, as ``fnmatch(3)`` sees it.

    >>> label_matches("eth0:1", "eth0:*"), label_matches("eth0", "eth[!0]")
    (True, False)
    """
    return re.match(fnmatch.translate(pattern), label) is not None


PLANNERS: Mapping[str, Callable[[Call], Plan]] = {
    "addr.add": _new(NLM_F_CREATE | NLM_F_EXCL),
    "addr.change": _new(NLM_F_REPLACE),
    "addr.replace": _new(NLM_F_CREATE | NLM_F_REPLACE),
    "addr.del": delete,
}
DOERS: Mapping[str, Callable[[Call], Outcome]] = {"addr.flush": flush}
