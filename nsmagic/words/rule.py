"""What ``ip rule`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import Rule
from nsmagic.rows import table_name
from nsmagic.words.parts import refuse, safe, tos

_NOTHING: Mapping[str, Any] = {}
_PROTOCOLS: Mapping[int, str] = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}


def text(rules: Sequence[Rule], display: Mapping[str, Any] = _NOTHING) -> str:
    """The output of ``ip rule`` for these rules.

    Raises
    ------
    NotInModel

    >>> text([Rule("red", "inet", 32766, table=254)])
    '32766:\\tfrom all lookup main\\n'
    """
    refuse(display, "stats")
    lines = []
    for rule in rules:
        words = rule_words(rule)
        words += ["proto", str(rule.extra.get("protocol", "unspec"))] if display.get("details") else []
        lines.append(f"{rule.priority}:\t{' '.join(words)}\n")
    return safe("".join(lines))


def rule_words(rule: Rule) -> list[str]:
    """A rule behind its priority.

    >>> " ".join(rule_words(Rule("red", "inet", 100, fwmark="0x1", table=104, extra={"ipproto": 6, "dport": "80"})))
    'from all fwmark 0x1 ipproto tcp dport 80 lookup 104'
    """
    extra = rule.extra
    words = [*(["not"] if rule.invert else []), "from", rule.src, *(["to", rule.dst] if rule.dst != "all" else [])]
    words += ["tos", tos(extra["tos"])] if "tos" in extra else []
    for name in ("fwmark", "iif", "oif"):
        words += [name, getattr(rule, name)] if getattr(rule, name) else []
    words += _further(extra)
    if rule.action == "lookup":
        words += ["lookup", table_name(rule.table)] if rule.table and not extra.get("l3mdev") else []
    elif rule.action != "goto":
        words.append(rule.action)
    return words + _suppressing(rule.action, extra)


def extra_words(action: str, extra: Mapping[str, Any]) -> str:
    """What a rule says beyond its addresses, interfaces, mark and table.

    >>> extra_words("lookup", {"ipproto": 6, "dport": "80"}), extra_words("goto", {"goto": 100}), extra_words("lookup", {})
    ('ipproto tcp dport 80', 'goto 100', '')
    """
    words = ["tos", tos(extra["tos"])] if "tos" in extra else []
    return " ".join([*words, *_further(extra), *_suppressing(action, extra)])


def _further(extra: Mapping[str, Any]) -> list[str]:
    words = ["lookup", "[l3mdev-table]"] if extra.get("l3mdev") else []
    words += ["uidrange", str(extra["uidrange"])] if "uidrange" in extra else []
    words += ["ipproto", _protocol(extra["ipproto"])] if "ipproto" in extra else []
    for name in ("sport", "dport"):
        words += [name, str(extra[name])] if name in extra else []
    return words


def _suppressing(action: str, extra: Mapping[str, Any]) -> list[str]:
    if action == "goto":
        return ["goto", str(extra.get("goto", "none"))]
    names = ("suppress_prefixlength", "suppress_ifgroup") if action == "lookup" else ()
    return [word for name in names if name in extra for word in (name, str(extra[name]))]


def json_rows(rules: Sequence[Rule], display: Mapping[str, Any] = _NOTHING) -> list[dict[str, Any]]:
    """What ``ip -j rule`` prints, as data.

    >>> json_rows([Rule("red", "inet", 100, src="10.0.0.0/8", table=100)])
    [{'priority': 100, 'src': '10.0.0.0', 'srclen': 8, 'table': '100'}]
    """
    refuse(display, "stats")
    rows = []
    for rule in rules:
        extra = rule.extra
        row: dict[str, Any] = {"priority": rule.priority}
        if rule.invert:
            row["not"] = None
        row.update(_prefix("src", rule.src))
        row.update(_prefix("dst", rule.dst) if rule.dst != "all" else {})
        if "tos" in extra:
            row["tos"] = tos(extra["tos"])
        if rule.fwmark:
            mark, _, mask = rule.fwmark.partition("/")
            row["fwmark"] = mark
            row.update({"fwmask": mask} if mask else {})
        for name in ("iif", "oif"):
            row.update({name: getattr(rule, name)} if getattr(rule, name) else {})
        if extra.get("l3mdev"):
            row["l3mdev"] = None
        if "uidrange" in extra:
            first, _, last = str(extra["uidrange"]).partition("-")
            row["uid_start"], row["uid_end"] = int(first), int(last or first)
        if "ipproto" in extra:
            row["ipproto"] = _protocol(extra["ipproto"])
        for name in ("sport", "dport"):
            if name in extra:
                first, dash, last = str(extra[name]).partition("-")
                row.update({f"{name}_start": int(first), f"{name}_end": int(last)} if dash else {name: int(first)})
        if rule.action == "lookup":
            row.update({"table": table_name(rule.table)} if rule.table and not extra.get("l3mdev") else {})
            for name, key in (
                ("suppress_prefixlength", "suppress_prefixlen"),
                ("suppress_ifgroup", "suppress_ifgroup"),
            ):
                row.update({key: extra[name]} if name in extra else {})
        elif rule.action == "goto":
            row["goto"] = extra.get("goto", "none")
        else:
            row["action"] = rule.action
        row.update({"protocol": extra.get("protocol", "unspec")} if display.get("details") else {})
        rows.append(row)
    return rows


def _prefix(name: str, prefix: str) -> dict[str, Any]:
    head, slash, length = prefix.partition("/")
    return {name: head, f"{name}len": int(length)} if slash else {name: head}


def _protocol(number: Any) -> str:
    return _PROTOCOLS.get(int(number)) or f"ipproto-{number}"
