"""The tables of each room as plain texts: what stands beside a picture when one asks about a room or a socket.

Pure, and without pandas: a picture that follows the kernel has them made ten times a second. They show what the tables of
``%links`` and its kin display, in the order of those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from nsmagic import rows as ask
from nsmagic.model import Link, Neighbour, Route
from nsmagic.printable import printable
from nsmagic.snapshot import Snapshot
from nsmagic.topology.lines import key


class Table(TypedDict):
    """A table: its title, column names, rows of texts; which column names the interface (to choose those of one socket), and how
    many columns tell enough of a whole room."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    dev: int
    brief: int


class Room(TypedDict):
    """A room's name as shown, and its tables."""

    name: str
    tables: list[Table]


_COLUMNS: Mapping[str, tuple[list[str], int, int]] = {
    "links": (["ifname", "kind", "state", "other end", "master", "mac", "mtu"], 0, 5),
    "addresses": (["ifname", "address", "scope"], 0, 3),
    "routes": (["dst", "gateway", "dev"], 2, 3),
    "neighbours": (["address", "mac", "dev", "state"], 2, 4),
}


def details(snapshot: Snapshot, drawn: Collection[str]) -> dict[str, Room]:
    """The tables of the namespaces that are drawn, by their identifier in the picture.

    >>> from nsmagic.topology.sample import cable
    >>> red = details(cable(), ["red"])["red"]
    >>> [table["title"] for table in red["tables"]], red["tables"][0]["rows"][1][:3]
    (['links', 'addresses', 'routes', 'neighbours'], ['veth-red', 'veth', 'DOWN'])
    """
    found: dict[str, Room] = {}
    by_ns: dict[str, dict[str, list[list[str]]]] = {ns: {title: [] for title in _COLUMNS} for ns in drawn}
    for title, ns, row in _rows(snapshot):
        if ns in by_ns:
            by_ns[ns][title].append([printable(text) for text in row])
    for ns, tables in by_ns.items():
        found[key(ns)] = {
            "name": printable(ns),
            "tables": [
                {"title": title, "columns": columns, "rows": tables[title], "dev": dev, "brief": brief}
                for title, (columns, dev, brief) in _COLUMNS.items()
            ],
        }
    return found


def _rows(snapshot: Snapshot) -> Iterable[tuple[str, str, Sequence[str]]]:
    links: Any = sorted(snapshot.links, key=lambda link: link.ifindex)
    yield from (("links", link.ns, _link(link)) for link in links if not ask.fallback(link))
    for row in sorted(snapshot.addrs, key=lambda row: (row.ifindex, row.family)):
        yield "addresses", row.ns, [row.ifname, ask.prefix(row), row.scope]
    routes: list[Route] = [row for row in snapshot.routes if row.table == 254]
    for route in sorted(routes, key=lambda row: (row.family, ask.address_key(row.dst), row.metric)):
        if not (route.dst == "fe80::/64" and route.protocol == "kernel"):
            hops = route.nexthops or ({"gateway": route.gateway, "dev": route.dev},)
            gateways = ", ".join(str(hop.get("gateway") or "") for hop in hops)
            devices = ", ".join(str(hop.get("dev") or "") for hop in hops)
            dst = route.dst if route.type == "unicast" else f"{route.type} {route.dst}"
            yield "routes", route.ns, [dst, gateways, devices]
    entries: list[Neighbour] = [row for row in snapshot.neighbours if row.state not in ("NOARP", "NONE", "")]
    for entry in sorted(entries, key=lambda row: (row.family, ask.address_key(row.address), row.dev)):
        yield "neighbours", entry.ns, [entry.address, entry.mac, entry.dev, entry.state]


def _link(link: Link) -> list[str]:
    state = "DOWN" if not link.up else "UP" if link.carrier else "no carrier"
    peer = ask.path(link.peer_ns, link.peer) if link.kind == "veth" and link.peer and link.peer_ns else ""
    return [
        link.ifname,
        link.kind,
        state,
        peer,
        link.master,
        link.mac if link.mac.strip("0:") else "",
        str(link.mtu or ""),
    ]
