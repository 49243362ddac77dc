"""``rule.add``, ``rule.del`` as requests, and ``rule.flush``. pyroute2's ``fibmsg`` does the packing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.netlink import decode, dump, prefixes
from nsmagic.netlink.context import Call, Outcome, Plan
from nsmagic.netlink.raw import RawRule
from nsmagic.netlink.socket import NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL
from nsmagic.netlink.words import (
    FAMILIES,
    FIB_RULE_INVERT,
    PROTOCOL_NAMES,
    RT_TABLE_MAIN,
    RTM_DELRULE,
    RTM_GETRULE,
    RTM_NEWRULE,
    RULE_ACTIONS,
    name_of,
)

#: Argument → attribute, for those whose value goes as it is.
_PLAIN = {
    "priority": "FRA_PRIORITY", "iif": "FRA_IIFNAME", "oif": "FRA_OIFNAME", "fwmark": "FRA_FWMARK", "fwmask": "FRA_FWMASK",
    "goto": "FRA_GOTO", "suppress_prefixlength": "FRA_SUPPRESS_PREFIXLEN", "suppress_ifgroup": "FRA_SUPPRESS_IFGROUP",
    "ipproto": "FRA_IP_PROTO", "protocol": "FRA_PROTOCOL",
}  # fmt: skip
_RANGES = {"sport": "FRA_SPORT_RANGE", "dport": "FRA_DPORT_RANGE", "uidrange": "FRA_UID_RANGE"}


def add(call: Call) -> Plan:
    """``ip rule add``."""
    return call.plan(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, _body(call.args, add=True))


def delete(call: Call) -> Plan:
    """``ip rule del``: the first rule that has what was typed."""
    return call.plan(RTM_DELRULE, 0, _body(call.args, add=False))


def _body(args: Mapping[str, Any], *, add: bool) -> bytes:
    from pyroute2.netlink.rtnl.fibmsg import fibmsg

    message = fibmsg()
    message["family"] = FAMILIES[args.get("family", "inet")]
    message["tos"] = args.get("tos", 0)
    message["flags"] = FIB_RULE_INVERT if args.get("invert") else 0
    action = args.get("action", "lookup" if add else "unspec")
    # iproute2 leaves the action of a rule to be deleted open unless it is one of its own.
    message["action"] = RULE_ACTIONS["unspec" if not add and action == "lookup" else action]
    attributes: list[tuple[str, Any]] = []
    for name, attribute in (("src", "FRA_SRC"), ("dst", "FRA_DST")):
        prefix = args.get(name, "all")
        if prefix in ("all", "default", "any"):
            continue
        address, slash, length = prefix.partition("/")
        message[f"{name}_len"] = int(length) if slash else 128 if ":" in address else 32
        attributes.append((attribute, address))
    attributes += [(attribute, args[name]) for name, attribute in _PLAIN.items() if name in args]
    for name, attribute in _RANGES.items():
        if name in args:
            first, _, last = str(args[name]).partition("-")
            attributes.append((attribute, f"{first}:{last or first}"))
    if args.get("l3mdev"):
        attributes.append(("FRA_L3MDEV", 1))
    table = _table(args, action, add)
    if table > 255:
        attributes.append(("FRA_TABLE", table))
    message["table"] = table if table < 256 else 0
    message["attrs"] = attributes
    message.encode()
    return bytes(message.data)[16:]


def _table(args: Mapping[str, Any], action: str, add: bool) -> int:
    """main for a look-up that names none; rules that look nothing up have no table."""
    table = int(args.get("table", RT_TABLE_MAIN if add else 0))
    if table == RT_TABLE_MAIN and add and (action != "lookup" or args.get("l3mdev")):
        return 0
    return table


def flush(call: Call) -> Outcome:
    """``ip rule flush``: all rules that fit but that of priority 0, which leads to the addresses of the machine itself."""
    args = call.args
    family = FAMILIES[args.get("family", "inet")]
    request = decode.RULE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    found = dump.table(
        call.sock, RTM_GETRULE, request, lambda data, at, end: (bytes(data[at:end]), decode.rule(data, at, end))
    )
    doomed = [body for body, row in found if row.priority and fits(row, args)]
    for body in doomed:
        call.sock.request(RTM_DELRULE, NLM_F_ACK, body)
    return Outcome(count=len(doomed))


def fits(row: RawRule, args: Mapping[str, Any]) -> bool:
    """Whether a rule is one that the selectors leave; ``src`` and ``dst`` also choose what lies inside them.

    >>> rule = RawRule("inet", 5, "10.0.0.0/8", "all", "", "", "", 100, "lookup", False, {})
    >>> fits(rule, {"src": "10.0.0.0/7"}), fits(rule, {"table": 101}), fits(rule, {})
    (True, False, True)
    """
    for name in ("src", "dst"):
        if args.get(name, "all") != "all" and not prefixes.inside(getattr(row, name), args[name]):
            return False
    if args.get("invert") and not row.invert:
        return False
    if "protocol" in args and row.extra.get("protocol", "unspec") != name_of(args["protocol"], PROTOCOL_NAMES):
        return False
    if "fwmark" in args and not _mark_fits(row.fwmark, args):
        return False
    if any(name in args and getattr(row, name) != args[name] for name in ("priority", "iif", "oif", "table")):
        return False
    return all(
        row.extra.get(name) == args[name]
        for name in ("tos", "l3mdev", "uidrange", "ipproto", "sport", "dport")
        if name in args
    )


def _mark_fits(mark: str, args: Mapping[str, Any]) -> bool:
    """The rule's mark as ``0x1/0xff``, compared under the mask that was asked for."""
    if not mark:
        return False
    value, _, mask = mark.partition("/")
    asked = args.get("fwmask", 0xFFFFFFFF)
    return not (int(value, 16) ^ args["fwmark"]) & asked and (
        "fwmask" not in args or int(mask or "0xffffffff", 16) == asked
    )


PLANNERS: Mapping[str, Callable[[Call], Plan]] = {"rule.add": add, "rule.del": delete}
DOERS: Mapping[str, Callable[[Call], Outcome]] = {"rule.flush": flush}
