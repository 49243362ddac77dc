"""The ``show`` verbs of ``ip``: the monitor's tables, filtered as iproute2 6.1 filters (see ``show.py``)."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsmagic.errors import KernelRefused
from nsmagic.netlink import dump
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.peers import Row
from nsmagic.netlink.prefixes import inside, split
from nsmagic.netlink.raw import HARDWARE_KINDS
from nsmagic.netlink.refusals import sentence
from nsmagic.netlink.socket import NetlinkError
from nsmagic.netlink.words import (
    AF_INET,
    AF_INET6,
    FAMILY_NAMES,
    NUD_STATES,
    PROTOCOL_NAMES,
    RT_TABLE_MAIN,
    SCOPE_NAMES,
    name_of,
)
from nsmagic.shape import COLUMNS, IFF_UP

Args = Mapping[str, Any]
_ENODEV, _ENOENT = 19, 2

#: IFA_F_* by the words of ``ip addr show``; ``dynamic`` and ``primary`` are the opposite of the bit before them.
_ADDR_FLAGS = {
    "permanent": 0x80, "secondary": 0x01, "temporary": 0x01, "tentative": 0x40, "deprecated": 0x20, "dadfailed": 0x08,
    "nodad": 0x02, "home": 0x10, "mngtmpaddr": 0x100, "noprefixroute": 0x200, "autojoin": 0x400, "optimistic": 0x04,
}  # fmt: skip
_ADDR_OPPOSITES = {"dynamic": 0x80, "primary": 0x01}


def at(table: str, column: str) -> int:
    """The place of a column in a row."""
    return COLUMNS[table].index(column)


IFINDEX, IFNAME, KIND, FLAGS = (at("links", word) for word in ("ifindex", "ifname", "kind", "flags"))
MASTER, GROUP, ALTNAMES, PORT = (at("links", word) for word in ("master", "group", "altnames", "port"))


def find(links: Sequence[Row], name: str) -> Row | None:
    """A link by name or alternative name."""
    return next((row for row in links if row[IFNAME] == name or name in row[ALTNAMES]), None)


def device(links: Sequence[Row], ns: str, name: str, message: str) -> Row:
    """A link by name; ``message`` with ``{}`` for the name when there is none."""
    row = find(links, name)
    if row is None:
        raise KernelRefused(
            message.format(name), errno=_ENODEV, kernel="No such device", subject={"dev": name, "ns": ns}
        )
    return row


NOT_FOUND = 'Cannot find device "{}"'
DOES_NOT_EXIST = 'Device "{}" does not exist.'
WRONG = 'Error: argument "{}" is wrong: Device does not exist'
NO_VRF = 'Error: argument "{}" is wrong: Not a valid VRF name'


# Links and addresses


def _links(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    data = monitor.snapshot(["links", "addrs"], [ns])
    rows = _chosen_links(data["links"], ns, args)
    shown = {row[IFINDEX] for row in rows}
    return {"table": "links", "rows": rows, "more": {"addrs": [row for row in data["addrs"] if row[1] in shown]}}


def _chosen_links(links: Sequence[Row], ns: str, args: Args) -> list[Row]:
    rows = list(links)
    if "master" in args:
        master = device(links, ns, args["master"], WRONG)[IFNAME]
        rows = [row for row in rows if row[MASTER] == master]
    if "dev" in args:
        one = device(links, ns, args["dev"], DOES_NOT_EXIST)
        rows = [row for row in rows if row is one]
    if args.get("up"):
        rows = [row for row in rows if row[FLAGS] & IFF_UP]
    if args.get("nomaster"):
        rows = [row for row in rows if not row[MASTER]]
    if "group" in args:
        rows = [row for row in rows if row[GROUP] == args["group"]]
    if "kind" in args:
        # A kind that is only our name for a type of hardware is none to the kernel.
        rows = [row for row in rows if row[KIND] == args["kind"] and row[KIND] not in HARDWARE_KINDS]
    if "port_kind" in args:
        rows = [row for row in rows if row[PORT].get("kind") == args["port_kind"]]
    return rows


def _addrs(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    data = monitor.snapshot(["links", "addrs"], [ns])
    links = _chosen_links(data["links"], ns, args)
    fits = _address_filter(args)
    addrs = [row for row in data["addrs"] if fits(row)]
    if any(key in args for key in ("family", "scope", "to", "label", "flags")):
        # A link without any address stays, unless a family was asked for; one whose addresses all fell out goes.
        with_any = {row[1] for row in data["addrs"]}
        with_some = {row[1] for row in addrs}
        links = [
            row for row in links if row[IFINDEX] in with_some or (row[IFINDEX] not in with_any and "family" not in args)
        ]
    shown = {row[IFINDEX] for row in links}
    return {"table": "addrs", "rows": [row for row in addrs if row[1] in shown], "more": {"links": links}}


def _address_filter(args: Args) -> Callable[[Row], bool]:
    family, to, label = args.get("family"), args.get("to"), args.get("label")
    scope = name_of(args["scope"], SCOPE_NAMES) if "scope" in args else None
    must = [_ADDR_FLAGS[word] for word in args.get("flags", ()) if word in _ADDR_FLAGS]
    must_not = [_ADDR_OPPOSITES[word] for word in args.get("flags", ()) if word in _ADDR_OPPOSITES]

    def fits(row: Row) -> bool:
        _, _, ifname, its_family, address, _, _, its_scope, its_label, _, flags, _, _ = row
        return (
            (family is None or its_family == family)
            and (scope is None or its_scope == scope)
            and (to is None or inside(address, to))
            and (label is None or fnmatch.fnmatchcase(its_label or ifname, label))
            and all(flags & bit for bit in must)
            and not any(flags & bit for bit in must_not)
        )

    return fits


# Routes


def _routes(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    table = args.get("table", RT_TABLE_MAIN)
    if table == "cache":  # IPv4 has none since Linux 3.6; IPv6 lists only exceptions, which a dump leaves out
        return {"table": "routes", "rows": []}
    data = monitor.snapshot(["links", "routes"], [ns])
    dev = device(data["links"], ns, args["dev"], NOT_FOUND)[IFNAME] if "dev" in args else None
    dst, match = args.get("dst"), args.get("match", "exact")
    family = args.get("family") or ("inet6" if ":" in (dst or "") else None)
    if family is None and table != "all":
        family = "inet"
    wanted = {
        at("routes", "family"): family,
        at("routes", "dev"): dev,
        at("routes", "gateway"): args.get("gateway"),
        at("routes", "prefsrc"): args.get("prefsrc"),
        at("routes", "metric"): args.get("metric"),
        at("routes", "type"): args.get("type"),
        at("routes", "table"): table if table != "all" else None,
        at("routes", "protocol"): name_of(args["protocol"], PROTOCOL_NAMES) if "protocol" in args else None,
        at("routes", "scope"): name_of(args["scope"], SCOPE_NAMES) if "scope" in args else None,
    }
    tests = [(place, value) for place, value in wanted.items() if value is not None]
    rows = [row for row in data["routes"] if all(row[place] == value for place, value in tests)]
    if dst is not None:
        rows = [row for row in rows if _matches(row[2], dst, match, row[1])]
    if not rows and isinstance(table, int) and table != RT_TABLE_MAIN:
        _must_exist(monitor, ns, AF_INET6 if family == "inet6" else AF_INET, table)
    return {"table": "routes", "rows": rows}


def _matches(its: str, dst: str, match: str, family: str) -> bool:
    """``root``: the route lies in the prefix; ``match``: the prefix lies in the route; ``exact``: they are the same."""
    if split(dst)[0] not in (0, 32 if family == "inet" else 128):
        return False
    if match == "root":
        return inside(its, dst)
    if match == "match":
        return inside(dst, its)
    return inside(its, dst) and inside(dst, its)


def _must_exist(monitor: Monitor, ns: str, family: int, table: int) -> None:
    """Ask the kernel for a table in which we know no route: it refuses when there is no such table."""
    try:
        dump.routes(monitor.socket(ns), family, table)
    except NetlinkError as error:
        raise KernelRefused(
            f"{sentence(error.ext or str(error))}\nDump terminated",
            errno=error.errno or _ENOENT,
            kernel=str(error),
            subject={"table": table, "ns": ns, "family": FAMILY_NAMES[family]},
        ) from None


# Neighbours and rules


def _neighbours(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    data = monitor.snapshot(["links", "neighbours"], [ns])
    links = data["links"]
    rows = data["neighbours"]
    if "dev" in args:
        dev = device(links, ns, args["dev"], NOT_FOUND)[IFNAME]
        rows = [row for row in rows if row[4] == dev]
    for key, message in (("master", WRONG), ("vrf", NO_VRF)):
        if key in args:
            master = device(links, ns, args[key], message)[IFNAME]
            ports = {row[IFNAME] for row in links if row[MASTER] == master}
            rows = [row for row in rows if row[4] in ports]
    if "family" in args:
        rows = [row for row in rows if row[1] == args["family"]]
    if "address" in args:
        rows = [row for row in rows if inside(row[2], args["address"])]
    if args.get("proxy"):
        return {"table": "neighbours", "rows": [row for row in rows if row[6] & dump.NTF_PROXY]}
    rows = [row for row in rows if not row[6] & dump.NTF_PROXY]
    if args.get("unused"):
        idle = {
            (entry.ifindex, entry.address) for entry in dump.neighbours_in_use(monitor.socket(ns)) if not entry.refs
        }
        index = {row[IFNAME]: row[IFINDEX] for row in links}
        rows = [row for row in rows if (index.get(row[4], 0), row[2]) in idle]
    if not args.get("nud_all"):
        states = [word.upper() for word in args.get("states", ())]
        shown = set(states) if states else NUD_STATES.keys() - {"NOARP", "NONE"}
        extern_learn = 0x10
        rows = [row for row in rows if shown & set(row[5].split(",")) or row[6] & extern_learn]
    return {"table": "neighbours", "rows": rows}


def _rules(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    family = args.get("family", "inet")
    rows = monitor.snapshot(["rules"], [ns])["rules"]
    return {"table": "rules", "rows": [row for row in rows if row[1] == family and _rule_fits(row, args)]}


def _rule_fits(row: Row, args: Args) -> bool:
    _, _, priority, src, dst, iif, oif, fwmark, table, _, invert, extra = row
    mark, _, mask = fwmark.partition("/")
    facts: dict[str, Any] = {
        "priority": priority,
        "iif": iif,
        "oif": oif,
        "table": table,
        "fwmark": int(mark or "0", 16),
        "fwmask": int(mask or "0xffffffff", 16),
        "invert": invert,
        "protocol": extra.get("protocol", ""),
        **{key: extra.get(key, 0) for key in ("tos", "ipproto")},
        **{key: extra.get(key, "") for key in ("uidrange", "sport", "dport")},
        "l3mdev": extra.get("l3mdev", False),
    }
    for key, value in args.items():
        if key in ("src", "dst"):
            its = src if key == "src" else dst
            # As many bits as were asked for are compared; how long the rule's own prefix is does not matter.
            if value != "all" and (its == "all" or not inside(its.partition("/")[0], value)):
                return False
        elif key == "protocol":
            if facts[key] != name_of(value, PROTOCOL_NAMES):
                return False
        elif key in facts and facts[key] != value:
            return False
    return True


VERBS: dict[str, Callable[[Monitor, str, Args], dict[str, Any]]] = {
    "link.show": _links,
    "addr.show": _addrs,
    "route.show": _routes,
    "neigh.show": _neighbours,
    "rule.show": _rules,
}
