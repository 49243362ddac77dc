"""What ``ip route`` and ``ip route get`` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import Route
from nsmagic.rows import table_name
from nsmagic.words.parts import NotInModel, safe, tos

_NOTHING: Mapping[str, Any] = {}
_CLONED = 0x200
_MAIN = 254

#: RTNH_F_* and RTM_F_* bits in the order of iproute2.
_FLAGS: Sequence[tuple[int, str]] = (
    (0x01, "dead"), (0x04, "onlink"), (0x02, "pervasive"), (0x08, "offload"), (0x40, "trap"), (0x100, "notify"),
    (0x10, "linkdown"), (0x20, "unresolved"), (0x4000, "rt_offload"), (0x8000, "rt_trap"),
    (0x20000000, "rt_offload_failed"),
)  # fmt: skip
#: Metrics that are printed as plain numbers; times and locks have forms of their own.
_PLAIN = frozenset(
    [
        *("mtu", "window", "ssthresh", "cwnd", "advmss", "reordering", "hoplimit", "initcwnd", "initrwnd", "quickack"),
        "fastopen_no_cookie",
    ]
)
_NOT_METRICS = frozenset(["tos", "nhid", "pref"])


def text(routes: Sequence[Route], display: Mapping[str, Any] = _NOTHING, args: Mapping[str, Any] = _NOTHING) -> str:
    """The output of ``ip route`` for these routes.

    ``args`` are those of the command (``Command.args``): ``ip`` leaves out what was asked for (``dev``, ``gateway``, ``protocol``, ``scope``,
    ``prefsrc``) and names the table only when all are listed.

    Raises
    ------
    NotInModel

    >>> text([Route("red", "inet", "default", "10.0.0.1", "e0", protocol="boot", scope="global")])
    'default via 10.0.0.1 dev e0 \\n'
    """
    joint = "\\" if display.get("oneline") else "\n"
    return safe("".join(joint.join(_lines(route, display, args)) + "\n" for route in routes))


def _lines(route: Route, display: Mapping[str, Any], args: Mapping[str, Any]) -> list[str]:
    shown = _shown(route, display, args)
    words: list[str] = [shown["type"]] if "type" in shown else []
    words.append(route.dst)
    for name in ("from", "nhid", "tos"):
        words += [f"{name} {shown[name]}"] if name in shown else []
    if "gateway" in shown:
        words.append(f"via {shown['gateway']}")
    elif "via" in shown:
        words.append(f"via {shown['via']['family']} {shown['via']['host']}")
    named = (
        ("dev", "dev"),
        ("table", "table"),
        ("protocol", "proto"),
        ("scope", "scope"),
        ("prefsrc", "src"),
        ("metric", "metric"),
    )
    words += [f"{word} {shown[key]}" for key, word in named if key in shown]
    words += shown["flags"]
    if route.flags & _CLONED and route.family == "inet":
        words.append("uid 0")
    words += [f"{name} {value}" for metric in shown.get("metrics", ()) for name, value in metric.items()]
    first = " ".join(words) + " "
    if "pref" in shown:
        first += f"pref {shown['pref']}"
    lines = [first]
    for hop in shown.get("nexthops", ()):
        lines.append("\tnexthop " + "".join(f"{word} " for word in _hop_words(hop)))
    if route.flags & _CLONED and route.family == "inet":
        lines.append("    cache <local> " if route.type == "local" else "    cache ")
    return lines


def _hop_words(hop: Mapping[str, Any]) -> list[str]:
    words = [f"via {hop['gateway']}"] if "gateway" in hop else []
    words += [f"via {hop['via']['family']} {hop['via']['host']}"] if "via" in hop else []
    words += [f"dev {hop['dev']}"] if "dev" in hop else []
    return [*words, f"weight {hop['weight']}", *hop["flags"]]


def json_rows(
    routes: Sequence[Route], display: Mapping[str, Any] = _NOTHING, args: Mapping[str, Any] = _NOTHING
) -> list[dict[str, Any]]:
    """What ``ip -j route`` prints, as data; parameters and errors as for :func:`text`.

    >>> json_rows([Route("red", "inet", "default", "10.0.0.1", "e0", protocol="boot", scope="global")])
    [{'dst': 'default', 'gateway': '10.0.0.1', 'dev': 'e0', 'flags': []}]
    """
    rows = []
    for route in routes:
        row = _shown(route, display, args)
        if route.flags & _CLONED and route.family == "inet":
            row["uid"] = 0
            row["cache"] = ["local"] if route.type == "local" else []
        rows.append(row)
    return rows


def _shown(route: Route, display: Mapping[str, Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """What is printed of a route, in iproute2's order of JSON keys."""
    if display.get("stats"):
        raise NotInModel("option stats")
    details = bool(display.get("details"))
    cloned = bool(route.flags & _CLONED)
    row: dict[str, Any] = {}
    if route.type not in ("", "unicast") or details:
        row["type"] = route.type or "unicast"
    row["dst"] = route.dst
    if route.src or (cloned and route.family == "inet6"):
        row["from"] = route.src or "::"
    if "nhid" in route.metrics:
        row["nhid"] = route.metrics["nhid"]
    if "tos" in route.metrics:
        row["tos"] = tos(route.metrics["tos"])
    if route.gateway and not args.get("gateway"):
        row.update(_gateway(route.family, route.gateway))
    if route.dev and not args.get("dev"):
        row["dev"] = route.dev
    if args.get("table") == "all" and (route.table != _MAIN or details):
        row["table"] = table_name(route.table)
    if not cloned:
        if route.protocol and (route.protocol != "boot" or details) and "protocol" not in args:
            row["protocol"] = route.protocol
        if (route.scope not in ("", "global") or details) and "scope" not in args:
            row["scope"] = route.scope or "global"
    if route.prefsrc and "prefsrc" not in args:
        row["prefsrc"] = route.prefsrc
    if route.metric or (route.family == "inet6" and not cloned):
        row["metric"] = route.metric
    row["flags"] = _flags(route.flags)
    metrics = {name: value for name, value in route.metrics.items() if name not in _NOT_METRICS}
    if metrics:
        if not _PLAIN.issuperset(metrics):
            raise NotInModel("a metric that is not a plain number")
        row["metrics"] = [metrics]
    if route.family == "inet6":
        row["pref"] = route.metrics.get("pref", "medium")
    if route.nexthops:
        row["nexthops"] = [_hop(route.family, hop) for hop in route.nexthops]
    return row


def _hop(family: str, hop: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = _gateway(family, str(hop["gateway"])) if hop.get("gateway") else {}
    if hop.get("dev"):
        row["dev"] = hop["dev"]
    return {**row, "weight": hop.get("weight") or 1, "flags": _flags(int(hop.get("flags") or 0))}


def _gateway(family: str, gateway: str) -> dict[str, Any]:
    other = "inet6" if ":" in gateway else "inet"
    return {"gateway": gateway} if other == family else {"via": {"family": other, "host": gateway}}


def _flags(bits: int) -> list[str]:
    return [word for bit, word in _FLAGS if bits & bit]
