"""The ``show`` verbs of ``bridge`` and ``brctl`` (see ``show.py``)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from nsmagic.errors import KernelRefused
from nsmagic.netlink import decode, dump, linkinfo, peers
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.peers import Row
from nsmagic.netlink.show_ip import IFINDEX, IFNAME, KIND, MASTER, NOT_FOUND, PORT, Args, at, device, find
from nsmagic.netlink.socket import RouteSocket
from nsmagic.netlink.words import RTM_GETLINK

_ENODEV, _EOPNOTSUPP = 19, 95
INFO = at("links", "info")
_STATES = {"permanent": "PERMANENT", "static": "NOARP", "dynamic": "REACHABLE", "stale": "STALE"}
_NTF_SELF = 2
_CLOCK = 100.0  # USER_HZ, the unit of the kernel's times


def _ports(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    links = monitor.snapshot(["links"], [ns])["links"]
    rows = [row for row in links if row[PORT].get("kind") == "bridge"]
    if "dev" in args:
        one = device(links, ns, args["dev"], NOT_FOUND)
        rows = [row for row in rows if row is one]
    if "master" in args:
        master = device(links, ns, args["master"], NOT_FOUND)[IFNAME]
        rows = [row for row in rows if row[MASTER] == master]
    return {"table": "links", "rows": rows}


def _fdb(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    space = monitor.space(ns)
    links = monitor.snapshot(["links"], [ns])["links"]
    entries = dump.fdb(monitor.socket(ns))
    if "br" in args:
        bridge = device(links, ns, args["br"], 'Cannot find bridge device "{}"')
        members = {bridge[IFINDEX]} | {row[IFINDEX] for row in links if row[MASTER] == bridge[IFNAME]}
        entries = [entry for entry in entries if entry.ifindex in members]
    for key in ("brport", "dev"):
        if key in args:
            index = device(links, ns, args[key], NOT_FOUND)[IFINDEX]
            entries = [entry for entry in entries if entry.ifindex == index]
    if "vlan" in args:
        entries = [entry for entry in entries if entry.vlan == args["vlan"]]
    if "state" in args:
        entries = [entry for entry in entries if _STATES[args["state"]] in entry.state.split(",")]
    if args.get("dynamic"):
        entries = [entry for entry in entries if "PERMANENT" not in entry.state.split(",")]
    return {"table": "fdb", "rows": [peers.fdb_row(space, entry) for entry in entries]}


def _vlans(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    links = monitor.snapshot(["links"], [ns])["links"]
    dev = device(links, ns, args["dev"], NOT_FOUND)[IFNAME] if "dev" in args else None
    rows: list[Row] = []
    for _, name, ranges in dump.vlans(monitor.socket(ns)):
        for first, last, flags in ranges:
            if (dev is None or name == dev) and first <= args.get("vid", first) <= last:
                rows.append([name, first, last, bool(flags & 2), bool(flags & 4)])
    return {"table": "vlans", "columns": ["dev", "vlan", "vlan_end", "pvid", "untagged"], "rows": rows}


# brctl


def _bridge(links: Iterable[Row], ns: str, name: str, missing: str, errno: int = _ENODEV) -> Row:
    """The bridge of that name, refused in brctl's words."""
    row = find(list(links), name)
    if row is None or row[KIND] != "bridge":
        message = missing.format(name) if row is None else f"device {name} is not a bridge!"
        raise KernelRefused(message, errno=errno, kernel="No such device", subject={"dev": name, "ns": ns})
    return row


def _dotless(bridge_id: str) -> str:
    """brctl writes ``8000.020000000001`` where ip writes ``8000.02:00:00:00:00:01``."""
    return bridge_id.replace(":", "")


def _show(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    links = monitor.snapshot(["links"], [ns])["links"]
    bridges = [row for row in links if row[KIND] == "bridge"]
    if args.get("br"):
        bridges = [_bridge(links, ns, args["br"], "bridge {} does not exist!")]
    rows = [
        [
            row[IFNAME],
            _dotless(row[INFO].get("bridge_id", "")),
            "yes" if row[INFO].get("stp_state") else "no",
            ", ".join(sorted(port[IFNAME] for port in links if port[MASTER] == row[IFNAME])),
        ]
        for row in sorted(bridges, key=lambda row: str(row[IFNAME]))
    ]
    return {"table": "bridges", "columns": ["bridge name", "bridge id", "STP enabled", "interfaces"], "rows": rows}


def _showmacs(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    links = monitor.snapshot(["links"], [ns])["links"]
    failed = "read of forward table failed: "
    row = find(links, args["br"])
    if row is None or row[KIND] != "bridge":
        words, number = ("No such device", _ENODEV) if row is None else ("Operation not supported", _EOPNOTSUPP)
        raise KernelRefused(failed + words, errno=number, kernel=words, subject={"dev": args["br"], "ns": ns})
    ports = {port[IFINDEX]: int(port[PORT].get("no", "0"), 16) for port in links if port[MASTER] == row[IFNAME]}
    rows = [
        [ports[entry.ifindex], entry.mac, "yes" if local else "no", 0.0 if local else entry.updated / _CLOCK]
        for entry in dump.fdb(monitor.socket(ns))
        for local in (entry.state == "PERMANENT",)
        if entry.master == row[IFINDEX] and entry.ifindex in ports and not entry.flags & _NTF_SELF
    ]
    rows.sort(key=lambda entry: entry[1])
    return {"table": "macs", "columns": ["port no", "mac addr", "is local?", "ageing timer"], "rows": rows}


#: What brctl calls it, and the attribute: of a bridge, then of a port. Numbers in the second place are timers.
_STP: tuple[tuple[str, str | int], ...] = (
    ("bridge id", "bridge_id"), ("designated root", "root_id"), ("root port", "root_port"),
    ("path cost", "root_path_cost"), ("max age", "max_age"), ("hello time", "hello_time"),
    ("forward delay", "forward_delay"), ("ageing time", "ageing_time"), ("hello timer", 16), ("tcn timer", 17),
    ("topology change timer", 18), ("gc timer", 19),
)  # fmt: skip
_STP_PORT: tuple[tuple[str, str | int], ...] = (
    ("port id", "id"), ("state", "state"), ("designated root", "root_id"), ("path cost", "cost"),
    ("designated bridge", "bridge_id"), ("message age timer", 21), ("designated port", "designated_port"),
    ("forward delay timer", 22), ("designated cost", "designated_cost"), ("hold timer", 23),
)  # fmt: skip
_SECONDS = frozenset({"max_age", "hello_time", "forward_delay", "ageing_time"})


def _showstp(monitor: Monitor, ns: str, args: Args) -> dict[str, Any]:
    links = monitor.snapshot(["links"], [ns])["links"]
    bridge = _bridge(links, ns, args["br"], "bridge {} does not exist!")
    sock = monitor.socket(ns)
    rows: list[Row] = [
        [bridge[IFNAME], word, _stp_value(bridge[INFO], key, timers)]
        for timers in (_timers(sock, bridge[IFINDEX], 2),)
        for word, key in _STP
    ]
    rows.append([bridge[IFNAME], "flags", _set(bridge[INFO], ("topology_change", "topology_change_detected"))])
    for port in links:
        if port[MASTER] == bridge[IFNAME]:
            timers = _timers(sock, port[IFINDEX], 5)
            rows += [[port[IFNAME], word, _stp_value(port[PORT], key, timers)] for word, key in _STP_PORT]
            rows.append([port[IFNAME], "flags", _set(port[PORT], ("config_pending", "topology_change_ack"))])
            rows += [[port[IFNAME], "hairpin mode", "1"]] if port[PORT].get("hairpin") else []
    return {"table": "stp", "columns": ["dev", "field", "value"], "rows": rows}


def _set(facts: Any, names: Iterable[str]) -> str:
    return " ".join(name.upper() for name in names if facts.get(name))


def _stp_value(facts: Any, key: str | int, timers: dict[int, float]) -> str:
    if isinstance(key, int):
        return f"{timers.get(key, 0.0):.2f}"
    value = facts.get(key, "")
    if key in _SECONDS:
        return f"{value / _CLOCK:.2f}"
    if key == "designated_port":
        return f"{value:x}"
    if key == "id":
        return str(value).removeprefix("0x")
    return _dotless(str(value)) if key in ("bridge_id", "root_id") else str(value)


def _timers(sock: RouteSocket, index: int, part: int) -> dict[int, float]:
    """The timers of a bridge (part 2 of IFLA_LINKINFO) or port (part 5) in seconds, by attribute."""
    _, body = sock.get(RTM_GETLINK, 0, decode.IFINFO.pack(0, 0, index, 0, 0))
    where = decode.attributes(body, 16, len(body))
    info = dict(decode.items(body, where[18])) if 18 in where else {}
    return {
        number: struct.unpack_from("=Q", value)[0] / _CLOCK
        for number, value in linkinfo.nested(info.get(part, b""))
        if number in (16, 17, 18, 19, 21, 22, 23) and len(value) == 8
    }


VERBS: dict[str, Callable[[Monitor, str, Args], dict[str, Any]]] = {
    "bridge.link.show": _ports,
    "bridge.fdb.show": _fdb,
    "bridge.vlan.show": _vlans,
    "bridge.show": _show,
    "bridge.showmacs": _showmacs,
    "bridge.showstp": _showstp,
}
