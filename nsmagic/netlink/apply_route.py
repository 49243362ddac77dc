"""``route.add`` and its sisters as requests; ``route.get`` and ``route.flush``.

The grammar fills in what iproute2 fills in (scope, table, protocol); what a caller leaves out is filled in here by the same
rules, so that ``{"dst": "default", "gateway": "10.0.0.1"}`` is enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from errno import ESRCH
from typing import Any

from nsmagic.netlink import decode, dump, encode, peers, prefixes
from nsmagic.netlink.context import Call, Outcome, Plan
from nsmagic.netlink.raw import RawRoute
from nsmagic.netlink.socket import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NetlinkError,
    setns,
)
from nsmagic.netlink.words import (
    AF_INET,
    AF_INET6,
    FAMILIES,
    PROTOCOL_NAMES,
    ROUTE_METRICS,
    ROUTE_PREFERENCES,
    ROUTE_TYPES,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTM_DELROUTE,
    RTM_GETROUTE,
    RTM_NEWROUTE,
    RTPROT_BOOT,
    SCOPE_NAMES,
    name_of,
)

_RTM_F_LOOKUP_TABLE, _RTM_F_FIB_MATCH = 0x1000, 0x2000
_ONLINK, _CLONED = 4, 0x200
_LOCAL_TYPES = frozenset({"local", "broadcast", "anycast", "nat"})
_LINK_TYPES = frozenset({"broadcast", "multicast", "anycast"})
#: Rounds of a flush, as many as iproute2's.
_ROUNDS = 10
#: A route that the kernel itself puts at the end of an IPv6 table and never lets go.
_LAST_METRIC = 0xFFFFFFFF


def _verb(kind: int, flags: int) -> Callable[[Call], Plan]:
    """The planner of one of the verbs that make, change or delete a route."""
    delete = kind == RTM_DELROUTE

    def plan(call: Call) -> Plan:
        return call.plan(kind, flags, _body(call, delete))

    return plan


def family_of(args: Mapping[str, Any]) -> int:
    """The family of a route: as said, else that of the first address in it, else IPv4."""
    if "family" in args:
        return FAMILIES[args["family"]]
    for name in ("dst", "gateway", "prefsrc", "src"):
        address = args.get(name, "default")
        if address != "default":
            return AF_INET6 if ":" in address else AF_INET
    return AF_INET


def _body(call: Call, delete: bool) -> bytes:
    args = call.args
    family = family_of(args)
    kind = args.get("type", "unspec" if delete else "unicast")
    values: dict[str, Any] = {}
    dst_len = _prefix(values, "dst", args["dst"], family)
    src_len = _prefix(values, "src", args["src"], family) if "src" in args else 0
    if "gateway" in args:
        _gateway(values, args, family)
    if "prefsrc" in args:
        values["prefsrc"] = args["prefsrc"]
    for name in ("metric", "expires", "nhid", "mark"):
        if name in args:
            values[name] = args[name]
    if "pref" in args:
        pref = args["pref"]
        values["pref"] = ROUTE_PREFERENCES[pref] if isinstance(pref, str) else pref
    table = args.get("table", RT_TABLE_LOCAL if kind in _LOCAL_TYPES else RT_TABLE_MAIN)
    if table > 255:
        values["table"], table = table, 0
    if "dev" in args:
        values["oif"] = call.index(args["dev"])
    if args.get("metrics"):
        values["metrics"] = _metrics(args["metrics"])
    if args.get("nexthops"):
        values["multipath"] = b"".join(_nexthop(call, hop, family) for hop in args["nexthops"])
    return encode.route_body(
        values,
        family,
        dst_len,
        src_len,
        args.get("tos", 0),
        table,
        args.get("protocol", 0 if delete else RTPROT_BOOT),
        args.get("scope", _scope(args, family, kind, delete)),
        0 if kind == "unspec" else ROUTE_TYPES[kind],
        _ONLINK if args.get("onlink") else 0,
    )


def _prefix(values: dict[str, Any], name: str, prefix: str, family: int) -> int:
    """Put a prefix among the attributes; gives its length. ``ip -6 route add default`` names ``::`` too."""
    if prefix == "default":
        if name == "dst" and family == AF_INET6:
            values[name] = "::"
        return 0
    address, slash, length = prefix.partition("/")
    values[name] = address
    return int(length) if slash else 128 if ":" in address else 32


def _gateway(values: dict[str, Any], hop: Mapping[str, Any], family: int) -> None:
    """RTA_GATEWAY, or RTA_VIA for a gateway of the other family."""
    gateway = hop["gateway"]
    if (AF_INET6 if ":" in gateway else AF_INET) == family:
        values["gateway"] = gateway
    else:
        values["via"] = encode.via(gateway)


def _nexthop(call: Call, hop: Mapping[str, Any], family: int) -> bytes:
    values: dict[str, Any] = {}
    if "gateway" in hop:
        _gateway(values, hop, family)
    index = call.index(hop["dev"], "nexthop") if "dev" in hop else 0
    return encode.nexthop(values, index, hop.get("weight", 1), _ONLINK if hop.get("onlink") else 0)


def _metrics(metrics: Mapping[str, Any]) -> bytes:
    """``RTA_METRICS``; ``lock`` lists the names whose values the kernel must not change."""
    parts = []
    for name, value in metrics.items():
        if name == "lock":
            parts.append(encode.attr(ROUTE_METRICS["lock"], encode.u32(sum(1 << ROUTE_METRICS[one] for one in value))))
        elif name == "congctl":
            parts.append(encode.attr(ROUTE_METRICS[name], encode.bare_text(value)))
        else:
            parts.append(encode.attr(ROUTE_METRICS[name], encode.u32(value)))
    return b"".join(parts)


def _scope(args: Mapping[str, Any], family: int, kind: str, delete: bool) -> int:
    """How far away the destination is, when nobody said."""
    if family != AF_INET:
        return RT_SCOPE_UNIVERSE
    if kind in ("local", "nat"):
        return RT_SCOPE_HOST
    if kind in _LINK_TYPES:
        return RT_SCOPE_LINK
    if kind in ("unicast", "unspec"):
        if delete:
            return RT_SCOPE_NOWHERE
        if not args.keys() & {"gateway", "nexthops", "nhid"}:
            return RT_SCOPE_LINK
    return RT_SCOPE_UNIVERSE


def get(call: Call) -> Outcome:
    """``ip route get``: which route a packet would take."""
    args = call.args
    family = AF_INET6 if ":" in args["address"] else AF_INET
    full = 128 if family == AF_INET6 else 32
    values: dict[str, Any] = {"dst": args["address"]}
    src_len = 0
    if "from" in args:
        values["src"], src_len = args["from"], full
    for name, role in (("iif", "iif"), ("oif", "oif"), ("vrf", "oif")):
        if name in args:
            values[role] = call.index(args[name], name)
    for name in ("mark", "uid", "ipproto", "sport", "dport"):
        if name in args:
            values[name] = args[name]
    flags = _RTM_F_LOOKUP_TABLE if family == AF_INET else 0
    if args.get("fibmatch"):
        flags |= _RTM_F_FIB_MATCH
    request = encode.route_body(values, family, full, src_len, args.get("tos", 0), flags=flags)
    _, body = call.sock.get(RTM_GETROUTE, 0, request)
    row = decode.route(body, 0, len(body))
    space = space_of(call, [row.oif, *(hop[1] for hop in row.nexthops)])
    return Outcome(table="routes", rows=[peers.route_row(space, row)])


def space_of(call: Call, indexes: Iterable[int]) -> peers.Space:
    """The namespace with those of its links."""
    links = ((index, dump.link(call.sock, index)) for index in set(indexes) if index)
    return peers.Space(call.ns, 0, True, {index: (index, link) for index, link in links if link is not None})


def flush(call: Call) -> Outcome:
    """``ip route flush``: all routes that fit. The cache is flushed through its sysctl, as iproute2 does."""
    args = call.args
    if args.get("table") == "cache":
        _flush_cache(call)
        return Outcome()
    if "family" in args:
        families = [FAMILIES[args["family"]]]
    elif "dst" in args and args["dst"] != "default":
        families = [family_of(args)]
    else:
        families = [AF_INET, AF_INET6] if args.get("table") == "all" else [AF_INET]
    oif = call.index(args["dev"]) if "dev" in args else 0
    return Outcome(count=sum(_flush_family(call, family, oif) for family in families))


def _flush_family(call: Call, family: int, oif: int) -> int:
    """Delete what fits, again as long as something goes: of several equal routes the kernel deletes one at a time."""
    table = call.args.get("table", RT_TABLE_MAIN)
    # The table is asked for by number, so that the kernel says when there is none.
    request = encode.route_body({} if table == "all" else {"table": table}, family)
    count = 0
    for _ in range(_ROUNDS):
        found = dump.table(
            call.sock, RTM_GETROUTE, request, lambda data, at, end: (bytes(data[at:end]), decode.route(data, at, end))
        )
        before = count
        for body, row in found:
            if not _fits(row, call.args, oif):
                continue
            try:
                call.sock.request(RTM_DELROUTE, NLM_F_ACK, body)
                count += 1
            except NetlinkError as error:
                if error.errno != ESRCH:  # it went with another one
                    raise
        if count == before:
            break
    return count


def _fits(row: RawRoute, args: Mapping[str, Any], oif: int) -> bool:
    """Whether a route is one that the filters leave."""
    table = args.get("table", RT_TABLE_MAIN)
    if row.flags & _CLONED or (table != "all" and row.table != table):
        return False
    if row.family == "inet6" and row.dst == "default" and row.type == "unreachable" and row.metric == _LAST_METRIC:
        return False
    if oif and row.oif != oif and oif not in (hop[1] for hop in row.nexthops):
        return False
    if "gateway" in args and row.gateway != args["gateway"]:
        return False
    if "protocol" in args and row.protocol != name_of(args["protocol"], PROTOCOL_NAMES):
        return False
    if "scope" in args and row.scope != name_of(args["scope"], SCOPE_NAMES):
        return False
    if any(name in args and getattr(row, name) != args[name] for name in ("type", "prefsrc", "metric")):
        return False
    return "dst" not in args or _selected(row.dst, args["dst"], args.get("match", "exact"))


def _selected(dst: str, asked: str, how: str) -> bool:
    """``exact`` the same prefix, ``root`` those inside it, ``match`` those around it."""
    if how == "root":
        return prefixes.inside(dst, asked)
    if how == "match":
        return prefixes.inside(asked, dst)
    return prefixes.inside(dst, asked) and prefixes.inside(asked, dst)


def _flush_cache(call: Call) -> None:
    with open("/proc/self/ns/net") as home:
        setns(call.ctx.nsfd(call.ns))
        try:
            fd = os.open("/proc/sys/net/ipv4/route/flush", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, b"-1")
            finally:
                os.close(fd)
        finally:
            setns(home.fileno())


PLANNERS: Mapping[str, Callable[[Call], Plan]] = {
    "route.add": _verb(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL),
    "route.replace": _verb(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE),
    "route.change": _verb(RTM_NEWROUTE, NLM_F_REPLACE),
    "route.append": _verb(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND),
    "route.prepend": _verb(RTM_NEWROUTE, NLM_F_CREATE),
    "route.test": _verb(RTM_NEWROUTE, NLM_F_EXCL),
    "route.del": _verb(RTM_DELROUTE, 0),
}
DOERS: Mapping[str, Callable[[Call], Outcome]] = {"route.get": get, "route.flush": flush}
