"""What ``ip -s link``, ``ip -d link`` and ``bridge link`` show beyond the rows of the model: counters, all that the kernel says of each
link, what a bridge says of its ports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nsmagic.netlink import dump
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.peers import Row
from nsmagic.netlink.show_ip import IFINDEX, IFNAME, KIND, MASTER, PORT, at

_INFO, _ALIAS, _QDISC, _TXQLEN = at("links", "info"), at("links", "alias"), at("links", "qdisc"), at("links", "txqlen")
_GROUP, _PROMISCUITY, _MTU = at("links", "group"), at("links", "promiscuity"), at("links", "mtu")
_COUNTERS = (
    "rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped",
)  # fmt: skip


def further(monitor: Monitor, ns: str, links: Sequence[Row], wants: Collection[str]) -> dict[str, Any]:
    """A table of the links' counters or details; with counters ``all`` of them by name, which is more than the table has."""
    if "stats" not in wants:
        return {"table": "details", "columns": ["ifname", "field", "value"], "rows": _details(links)}
    found = {row.ifindex: row._asdict() for row in dump.link_stats(monitor.socket(ns))}
    here = {link[IFNAME]: found[link[IFINDEX]] for link in links if link[IFINDEX] in found}  # one may be gone by now
    rows = [[name, *(counters[key] for key in _COUNTERS)] for name, counters in here.items()]
    return {"table": "counters", "columns": ["ifname", *_COUNTERS], "rows": rows, "all": here}


def ports(links: Sequence[Row], wants: Collection[str]) -> dict[str, Any]:
    """A table of what a bridge says of its ports; with ``-d`` every detail."""
    if "details" in wants:
        return {"table": "details", "columns": ["ifname", "field", "value"], "rows": _details(links)}
    facts = ("state", "priority", "cost")
    rows = [[link[IFNAME], link[MASTER], *(link[PORT].get(key) for key in facts)] for link in links]
    return {"table": "ports", "columns": ["ifname", "master", *facts], "rows": rows}


def _details(links: Sequence[Row]) -> list[Row]:
    rows: list[Row] = []
    for link in links:
        facts: dict[str, Any] = {
            "mtu": link[_MTU], "queue": link[_QDISC], "queue length": link[_TXQLEN], "group": link[_GROUP] or "default",
            "promiscuity": link[_PROMISCUITY], "alias": link[_ALIAS],
            **{f"{link[KIND]} {key}": value for key, value in link[_INFO].items()},
            **{f"port {key}": value for key, value in link[PORT].items()},
        }  # fmt: skip
        rows += [[link[IFNAME], field, _word(value)] for field, value in facts.items() if value not in ("", None)]
    return rows


def _word(value: Any) -> str:
    """A value as text.

    >>> _word(True), _word([1, 2]), _word({"low": 32768, "high": 61000})
    ('on', '1, 2', 'low 32768, high 61000')
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
