"""What ``bridge link``, ``bridge fdb`` and ``bridge vlan`` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import FdbEntry, Link
from nsmagic.words.parts import Around, NotInModel, at, flag_names, refuse, safe

_NOTHING: Mapping[str, Any] = {}
_FDB_FLAGS: Sequence[tuple[int, str]] = (
    (0x02, "self"), (0x80, "router"), (0x10, "extern_learn"), (0x20, "offload"), (0x40, "sticky"),
)  # fmt: skip
#: Options of a port with ``-d``: the word that is printed, the model's key.
_DETAILS: Sequence[tuple[str, str]] = (
    *((name, name) for name in ("hairpin", "guard", "root_block", "fastleave", "learning", "flood", "mcast_flood", "bcast_flood")),
    ("mcast_router", "multicast_router"),
    *((name, name) for name in ("mcast_to_unicast", "neigh_suppress", "vlan_tunnel", "isolated", "locked")),
)  # fmt: skip
VLAN_PVID, VLAN_UNTAGGED = 2, 4


def link_text(ports: Sequence[Link], display: Mapping[str, Any] = _NOTHING, around: Around | None = None) -> str:
    """The output of ``bridge link``; links that are no port of a bridge are passed over.

    Raises
    ------
    NotInModel

    >>> port = Link("host", 3, "p0", "dummy", 2, mtu=1500, master="br0", port={"kind": "bridge", "state": "disabled", "priority": 32, "cost": 100})
    >>> link_text([port])
    '3: p0: <BROADCAST> mtu 1500 master br0 state disabled priority 32 cost 100 \\n'
    """
    refuse(display, "stats")
    around = around or Around()
    joint = "\\" if display.get("oneline") else "\n"
    lines = []
    for link in _ports(ports):
        port = link.port
        line = f"{link.ifindex}: {at(link, around, blind=True)}: <{','.join(flag_names(link.flags))}> mtu {link.mtu} "
        line += f"master {link.master} state {port['state']} priority {port['priority']} cost {port['cost']} "
        if display.get("details"):
            line += f"{joint}    " + "".join(f"{word} {_on_off(_detail(port, key))} " for word, key in _DETAILS)
        lines.append(line + "\n")
    return safe("".join(lines))


def link_json(
    ports: Sequence[Link], display: Mapping[str, Any] = _NOTHING, around: Around | None = None
) -> list[dict[str, Any]]:
    """What ``bridge -j link`` prints, as data.

    >>> link_json([Link("host", 3, "p0", "dummy")])
    []
    """
    refuse(display, "stats")
    around = around or Around()
    rows = []
    for link in _ports(ports):
        below = around.below(link, blind=True)
        row: dict[str, Any] = {"ifindex": link.ifindex}
        if below is not None:
            row["link"] = below[0]
        row |= {"ifname": link.ifname, "flags": flag_names(link.flags), "mtu": link.mtu, "master": link.master}
        row |= {name: link.port[name] for name in ("state", "priority", "cost")}
        if display.get("details"):
            row |= {word: _detail(link.port, key) for word, key in _DETAILS}
        rows.append(row)
    return rows


def _ports(links: Sequence[Link]) -> list[Link]:
    return [link for link in links if link.master and "state" in link.port and "cost" in link.port]


def _detail(port: Mapping[str, Any], name: str) -> Any:
    if name not in port:
        raise NotInModel(f"{name} of a port")
    return port[name]


def _on_off(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def fdb_text(
    entries: Sequence[FdbEntry], display: Mapping[str, Any] = _NOTHING, args: Mapping[str, Any] = _NOTHING
) -> str:
    """The output of ``bridge fdb``; with ``dev`` in the command's ``args`` it is not repeated.

    Raises
    ------
    NotInModel

    >>> fdb_text([FdbEntry("host", "33:33:00:00:00:01", "br0", state="permanent", flags=2)])
    '33:33:00:00:00:01 dev br0 self permanent\\n'
    """
    refuse(display, "stats")
    lines = []
    for entry in entries:
        words = [entry.mac, *([] if args.get("dev") else ["dev", entry.dev])]
        words += ["dst", entry.dst] if entry.dst else []
        words += ["vlan", str(entry.vlan)] if entry.vlan else []
        words += _fdb_flags(entry)
        words += ["master", entry.master] if entry.master else []
        lines.append(f"{' '.join(words)} {_fdb_state(entry)}\n")
    return safe("".join(lines))


def fdb_json(
    entries: Sequence[FdbEntry], display: Mapping[str, Any] = _NOTHING, args: Mapping[str, Any] = _NOTHING
) -> list[dict[str, Any]]:
    """What ``bridge -j fdb`` prints, as data.

    >>> fdb_json([FdbEntry("host", "02:00:00:00:00:01", "p0", "br0")])
    [{'mac': '02:00:00:00:00:01', 'ifname': 'p0', 'flags': [], 'master': 'br0', 'state': ''}]
    """
    refuse(display, "stats")
    rows = []
    for entry in entries:
        row: dict[str, Any] = {"mac": entry.mac}
        row.update({} if args.get("dev") else {"ifname": entry.dev})
        row.update({"dst": entry.dst} if entry.dst else {})
        row.update({"vlan": entry.vlan} if entry.vlan else {})
        row["flags"] = _fdb_flags(entry)
        row.update({"master": entry.master} if entry.master else {})
        row["state"] = _fdb_state(entry)
        rows.append(row)
    return rows


def _fdb_state(entry: FdbEntry) -> str:
    # Several bits may be set at once; the tool looks for them in this order.
    return next((word for word in ("permanent", "static", "stale") if word in entry.state), "")


def _fdb_flags(entry: FdbEntry) -> list[str]:
    return [word for bit, word in _FDB_FLAGS if entry.flags & bit]


#: ``(port, ((first, last, flags), …))``, flags as BRIDGE_VLAN_INFO_*.
Vlans = tuple[str, Sequence[tuple[int, int, int]]]


def ports_of(rows: Sequence[Sequence[Any]]) -> list[Vlans]:
    """Ports with their VLANs, from the rows of the table of VLANs: port, first, last, PVID, untagged.

    >>> ports_of([["p0", 1, 1, True, True], ["p0", 10, 12, False, False]])
    [('p0', [(1, 1, 6), (10, 12, 0)])]
    """
    found: dict[str, list[tuple[int, int, int]]] = {}
    for name, first, last, pvid, untagged in rows:
        flags = (VLAN_PVID if pvid else 0) | (VLAN_UNTAGGED if untagged else 0)
        found.setdefault(str(name), []).append((first, last, flags))
    return list(found.items())


def vlan_text(ports: Sequence[Vlans]) -> str:
    """The output of ``bridge vlan`` for ports and their VLANs (they are not part of the model's rows).

    >>> vlan_text([("p0", [(1, 1, 6), (10, 12, 0)])]).splitlines()[1:]
    ['p0                1 PVID Egress Untagged', '                  10-12']
    """
    lines = ["port              vlan-id  \n"]
    for name, vlans in ports:
        for number, (first, last, flags) in enumerate(vlans):
            vlan = f"{first}-{last}" if last != first else str(first)
            lines.append(
                f"{name if not number else '':<16}  {vlan}{''.join(f' {word}' for word in _vlan_flags(flags))}\n"
            )
    return safe("".join(lines))


def vlan_json(ports: Sequence[Vlans]) -> list[dict[str, Any]]:
    """What ``bridge -j vlan`` prints, as data.

    >>> vlan_json([("p0", [(1, 1, 6)])])
    [{'ifname': 'p0', 'vlans': [{'vlan': 1, 'flags': ['PVID', 'Egress Untagged']}]}]
    """
    return [
        {
            "ifname": name,
            "vlans": [
                {"vlan": first, **({"vlanEnd": last} if last != first else {}), **_vlan_json_flags(flags)}
                for first, last, flags in vlans
            ],
        }
        for name, vlans in ports
    ]


def _vlan_flags(flags: int) -> list[str]:
    return [word for bit, word in ((VLAN_PVID, "PVID"), (VLAN_UNTAGGED, "Egress Untagged")) if flags & bit]


def _vlan_json_flags(flags: int) -> dict[str, Any]:
    return {"flags": _vlan_flags(flags)} if flags else {}
