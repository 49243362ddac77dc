"""Which rule and which route decide over a packet, worked out from the tables: to say why the kernel answered as it did.

The answer itself is always the kernel's; this walks the rules and tables as ``fib_rules_lookup`` does, to name what it met.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from nsmagic.model import Route, Rule
from nsmagic.why.situation import Situation, family_of, ip

#: Types of routes and actions of rules that end a packet.
REFUSING = frozenset({"blackhole", "unreachable", "prohibit"})
#: The rules that every namespace has: their priorities.
_USUAL = {0, 32766, 32767}


@dataclass(frozen=True)
class Match:
    """What decided: the rule, and the route that it led to (None when the rule itself refuses)."""

    rule: Rule | None
    route: Route | None

    @property
    def refuses(self) -> str:
        """``blackhole`` and the like, or ``""``."""
        if self.route is not None:
            return self.route.type if self.route.type in REFUSING else ""
        return self.rule.action if self.rule is not None and self.rule.action in REFUSING else ""

    @property
    def by_policy(self) -> bool:
        """Whether a rule decided that somebody made."""
        return self.rule is not None and self.rule.priority not in _USUAL


def decide(
    s: Situation, ns: str, dst: str, src: str = "", iif: str = "", transport: tuple[int, int, int] | None = None
) -> Match:
    """The rule and the route that a packet meets."""
    family = family_of(dst)
    for rule in s.rules(ns, family):
        if not _fits(rule, dst, src, iif, transport):
            continue
        if rule.action in REFUSING:
            return Match(rule, None)
        if rule.table:
            route = best(s, ns, dst, rule.table)
            shortest = rule.extra.get("suppress_prefixlength")
            if route is not None and shortest is not None and _length(route) <= int(shortest):
                continue
            if route is not None and route.type != "throw":
                return Match(rule, route)
    return Match(None, None)


def best(s: Situation, ns: str, dst: str, table: int = 254, oif: str = "") -> Route | None:
    """The most specific route of a table, of equal ones that with the least metric; with ``oif``, of those by an interface."""
    goal = ip(dst)
    fitting = []
    for route in s.routes(ns, family_of(dst)):
        if oif and route.dev != oif:
            continue
        if route.table == table and (route.dst == "default" or goal in ipaddress.ip_network(route.dst)):
            if route.family == "inet6" and route.type == "unreachable" and route.metric == 0xFFFFFFFF:
                continue  # the kernel's own last resort
            fitting.append(route)
    return min(fitting, key=lambda route: (-_length(route), route.metric), default=None)


def _length(route: Route) -> int:
    return 0 if route.dst == "default" else ipaddress.ip_network(route.dst).prefixlen


def _fits(rule: Rule, dst: str, src: str, iif: str, transport: tuple[int, int, int] | None) -> bool:
    fits = _inside(dst, rule.dst) and (not rule.src or rule.src == "all" or (bool(src) and _inside(src, rule.src)))
    if rule.iif:
        fits = fits and rule.iif == (iif or "lo")
    if rule.oif:
        fits = False
    if rule.fwmark and int(rule.fwmark.partition("/")[0], 16):
        fits = False
    extra = rule.extra
    if extra.get("ipproto"):
        fits = fits and transport is not None and transport[0] == extra["ipproto"]
    for at, word in ((1, "sport"), (2, "dport")):
        if extra.get(word):
            low, _, high = str(extra[word]).partition("-")
            fits = fits and transport is not None and int(low) <= transport[at] <= int(high or low)
    return fits != rule.invert


def _inside(address: str, prefix: str) -> bool:
    return prefix in ("all", "") or ip(address) in ipaddress.ip_network(prefix)
