"""Reads what ``nft -j list ruleset`` says (libnftables-json(5)), for rules that were not made with iptables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = list[Any]

_ADDRESSES = {"saddr": "from {}", "daddr": "to {}"}
_PORTS = {"sport": "from port {}", "dport": "to port {}"}
_META = {
    "iifname": "in at {}", "oifname": "out at {}", "iif": "in at {}", "oif": "out at {}", "l4proto": "{}", "mark": "mark {}",
    "skuid": "of user {}", "skgid": "of group {}", "nfproto": "{}", "protocol": "{}",
}  # fmt: skip
_CT = {"state": "state {}", "status": "status {}", "mark": "connection mark {}", "direction": "direction {}"}
_VERDICTS = ("accept", "drop", "return", "continue", "notrack")


Chain = tuple[str, str, str]


def chains(text: str) -> set[Chain]:
    """The chains of a rule set: family, table, name.

    Raises
    ------
    ValueError
        The text is not what nft says.

    >>> chains('{"nftables": [{"chain": {"family": "ip", "table": "nat", "name": "out", "handle": 1}}]}')
    {('ip', 'nat', 'out')}
    """
    return {(row[2], row[3], row[4]) for row in read(text, "") if row[4] and not row[8] and not row[4].startswith("@")}


def read(text: str, ns: str, skip: frozenset[Chain] = frozenset()) -> list[Row]:
    """The rows of a rule set, in the columns of ``model.FirewallRule``; what is in ``skip`` is left out, and the lines of its tables themselves.

    Raises
    ------
    ValueError
        The text is not what nft says.

    >>> text = '{"nftables": [{"table": {"family": "inet", "name": "t", "handle": 1}}]}'
    >>> read(text, "red")[0][:5]
    ['red', 'nft', 'inet', 't', '']
    """
    try:
        things = json.loads(text)["nftables"]
        return _rows(things, ns, skip)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"nft -j: {error}") from None


def _rows(things: Sequence[Mapping[str, Any]], ns: str, skip: frozenset[Chain]) -> list[Row]:
    rows: list[Row] = []
    begun = {chain[:2] for chain in skip}
    chains: dict[tuple[str, str, str], tuple[str, str, int]] = {}
    count: dict[tuple[str, str, str], int] = {}
    for thing in things:
        ((kind, data),) = thing.items()
        family, table = str(data.get("family", "")), str(data.get("table") or data.get("name") or "")
        name = str(data.get("chain") or data["name"]) if kind in ("chain", "rule") else ""
        if kind == "metainfo" or (family, table, name) in skip or (kind == "table" and (family, table) in begun):
            continue
        head = [ns, "nft", family, table]
        if kind == "table":
            rows.append([*head, "", "table", "", 0, 0, "", "", 0, 0, ""])
        elif kind == "chain":
            place = str(data.get("type", "")), str(data.get("hook", "")), int(data.get("prio") or 0)
            chains[family, table, name] = place
            policy = str(data.get("policy", "accept" if place[1] else "")).upper()
            rows.append([*head, name, *place, 0, "", policy, 0, 0, ""])
        elif kind in ("set", "map"):
            elements = ", ".join(_value(each) for each in data.get("elem") or ())
            rows.append([*head, f"@{data['name']}", kind, "", 0, 0, elements, str(data.get("type", "")), 0, 0, ""])
        elif kind == "rule":
            key = family, table, name
            count[key] = count.get(key, 0) + 1
            match, target, packets, size = _expressions(data.get("expr") or ())
            if data.get("comment"):
                match = ", ".join(filter(None, (match, f'"{data["comment"]}"')))
            place = chains.get(key, ("", "", 0))
            rows.append([*head, name, *place, count[key], match, target, packets, size, f"handle {data['handle']}"])
    return rows


def _expressions(expressions: Sequence[Any]) -> tuple[str, str, int, int]:
    matches: list[str] = []
    targets: list[str] = []
    packets = size = 0
    for expression in expressions:
        kind: str
        data: Any
        ((kind, data),) = expression.items() if isinstance(expression, Mapping) else ((str(expression), None),)
        if kind == "match":
            matches.append(_match(data))
        elif kind == "counter":
            if isinstance(data, Mapping):
                packets, size = int(data.get("packets", 0)), int(data.get("bytes", 0))
        elif kind == "xt":
            (targets if data.get("type") == "target" else matches).append(str(data.get("name", "xt")))
        elif kind == "limit":
            matches.append(f"at most {data.get('rate')}/{data.get('per', 'second')}")
        else:
            targets.append(_target(kind, data))
    return ", ".join(filter(None, matches)), ", ".join(filter(None, targets)), packets, size


def _match(data: Mapping[str, Any]) -> str:
    left, right, op = data["left"], _value(data["right"]), data.get("op", "==")
    words = f"{_value(left)} {right}" if op in ("==", "in", "!=") else f"{_value(left)} {op} {right}"
    if isinstance(left, Mapping) and op in ("==", "in", "!="):
        payload, meta, ct = left.get("payload"), left.get("meta"), left.get("ct")
        if isinstance(payload, Mapping) and (field := payload.get("field")) is not None:
            if field in _ADDRESSES and payload.get("protocol") in ("ip", "ip6"):
                words = _ADDRESSES[field].format(right)
            elif field in _PORTS:
                words = f"{payload['protocol']}, {_PORTS[field].format(right)}"
            elif field == "type" and payload.get("protocol") in ("icmp", "icmpv6"):
                words = f"{payload['protocol']}, {right}"
        elif isinstance(meta, Mapping) and meta.get("key") in _META:
            words = _META[meta["key"]].format(right)
        elif isinstance(ct, Mapping) and ct.get("key") in _CT:
            words = _CT[ct["key"]].format(right)
    return f"not {words}" if op == "!=" else words


def _target(kind: str, data: Any) -> str:
    if kind in _VERDICTS:
        return kind.upper()
    values = data if isinstance(data, Mapping) else {}
    if kind == "jump":
        return str(values.get("target", ""))
    if kind == "goto":
        return f"goto {values.get('target', '')}"
    if kind in ("snat", "dnat", "masquerade", "redirect"):
        where = _value(values["addr"]) if "addr" in values else ""
        port = f":{_value(values['port'])}" if "port" in values else ""
        return f"{kind.upper()} to {where}{port}" if where or port else kind.upper()
    if kind == "reject":
        return f"REJECT with {_value(values['expr'])}" if "expr" in values else "REJECT"
    if kind == "log":
        return f'LOG with prefix "{values["prefix"]}"' if "prefix" in values else "LOG"
    return f"{kind} {_value(data)}".strip()


def _value(value: Any) -> str:
    """A value of nft's JSON in few words."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, inner),) = value.items()
        if kind == "prefix":
            return f"{_value(inner['addr'])}/{inner['len']}"
        if kind == "range":
            return "-".join(map(_value, inner))
        if kind in ("set", "concat"):
            return ("{}" if kind == "concat" else "{{{}}}").format(", ".join(map(_value, inner)))
        if kind == "payload" and "field" in inner:
            return f"{inner['protocol']} {inner['field']}"
        if kind in ("meta", "ct") and "key" in inner:
            return f"{kind} {inner['key']}"
        if kind == "elem" and "val" in inner:
            return _value(inner["val"])
        if kind in _VERDICTS:
            return str(kind)
    if isinstance(value, (list, tuple)):
        return ",".join(map(_value, value))
    if isinstance(value, Mapping):
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    return "" if value is None else str(value)
