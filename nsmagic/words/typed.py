"""Routes, neighbours, rules and forwarding entries on one line each, much as one would type them after ``add``.

Shorter than what ``ip`` prints: without what the kernel fills in by itself (protocol, scope, default metric). Used where
something is told about a row, as the change lines do.
"""

from __future__ import annotations

from collections.abc import Iterable

from nsmagic import rows as ask
from nsmagic.model import HOST, FdbEntry, FirewallRule, Neighbour, Route, Rule
from nsmagic.words.rule import rule_words as words_of_rule

#: The metrics that ``ip route`` lets one lock, and their bits (RTAX_* in linux/rtnetlink.h).
_LOCKS = {
    "mtu": 2,
    "window": 3,
    "rtt": 4,
    "rttvar": 5,
    "ssthresh": 6,
    "cwnd": 7,
    "advmss": 8,
    "hoplimit": 10,
    "rto_min": 13,
}


def route_words(route: Route) -> str:
    """A route as one would type it: ``default via 192.168.15.5 dev veth-red``.

    >>> route_words(Route("red", "inet", "10.0.0.0/8", type="blackhole"))
    'blackhole 10.0.0.0/8'
    >>> route_words(Route("red", "inet", "10.0.0.0/8", dev="eth0", metrics={"lock": 4, "mtu": 600}))
    '10.0.0.0/8 dev eth0 mtu lock 600'
    """
    words = [route.type] if route.type not in ("", "unicast") else []
    words += [route.dst, *(["from", route.src] if route.src else [])]
    if route.gateway:
        other = (":" in route.gateway) != (route.family == "inet6")
        words += ["via", *(["inet6" if ":" in route.gateway else "inet"] if other else []), route.gateway]
    # The kernel puts refused IPv6 destinations on lo.
    words += ["dev", route.dev] if route.dev and route.type in ("", "unicast", "local", "multicast") else []
    words += ["src", route.prefsrc] if route.prefsrc else []
    if route.metric and (route.family, route.metric) != ("inet6", 1024):
        words += ["metric", str(route.metric)]
    words += ["table", ask.table_name(route.table)] if route.table != 254 else []
    locked = int(route.metrics.get("lock", 0))  # a bit for each metric that the kernel must not change
    for name, value in route.metrics.items():
        if name != "lock":
            words += [name, *(["lock"] if locked >> _LOCKS.get(name, 0) & 1 else []), str(value)]
    for hop in route.nexthops:
        words.append("nexthop")
        words += ["via", str(hop["gateway"])] if hop.get("gateway") else []
        words += ["dev", str(hop["dev"])] if hop.get("dev") else []
        words += ["weight", str(hop["weight"])] if int(hop.get("weight") or 1) != 1 else []
    return " ".join(words)


def neighbour_words(neighbour: Neighbour) -> str:
    """A neighbour in words.

    >>> neighbour_words(Neighbour("red", "inet", "10.0.0.2", "02:00:00:00:00:02", "veth-red", "PERMANENT"))
    '10.0.0.2 is at 02:00:00:00:00:02 dev veth-red, PERMANENT'
    """
    where = f"is at {neighbour.mac} " if neighbour.mac else "is proxied " if neighbour.flags & 0x08 else ""
    state = f", {neighbour.state}" if neighbour.state and neighbour.mac else ""
    return f"{neighbour.address} {where}dev {neighbour.dev}{state}"


def rule_words(rule: Rule) -> str:
    """A rule as ``ip rule`` words it: ``100: from 10.0.0.0/8 lookup 100``.

    >>> rule_words(Rule("red", "inet", 100, src="10.0.0.0/8", table=100))
    '100: from 10.0.0.0/8 lookup 100'
    """
    return " ".join([f"{rule.priority}:", *words_of_rule(rule)])


def fdb_words(entry: FdbEntry) -> str:
    """A forwarding entry as ``bridge fdb`` words it.

    >>> fdb_words(FdbEntry("host", "02:00:00:00:00:02", "vx0", dst="10.0.0.2", state="permanent"))
    '02:00:00:00:00:02 dev vx0 dst 10.0.0.2 permanent'
    """
    words = [entry.mac, "dev", entry.dev]
    words += ["dst", entry.dst] if entry.dst else []
    words += ["vlan", str(entry.vlan)] if entry.vlan else []
    words += ["master", entry.master] if entry.master else []
    words += [entry.state] if entry.state else []
    return " ".join(words)


def firewall_place(rule: FirewallRule) -> str:
    """Where a rule stands: ``nat POSTROUTING``, of another namespace than the host ``filter INPUT of red``.

    >>> firewall_place(FirewallRule("red", "nft", "inet", "mine", "in", match="icmp", target="DROP"))
    'inet mine in of red'
    """
    words = [rule.table, *([rule.chain] if rule.chain else [])]
    if rule.family != "ip":
        words.insert(0, rule.family)
    if rule.ns != HOST:
        words += ["of", rule.ns]
    return " ".join(words)


def firewall_words(rule: FirewallRule) -> str:
    """A rule, or what is not one: ``from 192.168.15.0/24 → MASQUERADE``.

    >>> firewall_words(FirewallRule("host", "iptables", "ip", "filter", "FORWARD", hook="forward", target="DROP"))
    'policy DROP'
    """
    if rule.position:
        return f"{rule.match or 'everything'} → {rule.target or 'is counted'}"
    if not rule.chain:
        return "table"
    if rule.chain.startswith("@"):
        return f"{rule.type} of {rule.target}: {rule.match or 'empty'}"
    return f"policy {rule.target}" if rule.hook else "chain"


def nat_badges(rules: Iterable[FirewallRule], most: int = 3) -> dict[str, list[str]]:
    """Namespace → remarks for a picture on what it translates.

    >>> rule = FirewallRule("host", "iptables", "ip", "nat", "POSTROUTING", "nat", "postrouting", 100, 1, "from 10.0.0.0/8", "MASQUERADE")
    >>> nat_badges([rule])
    {'host': ['NAT from 10.0.0.0/8 → MASQUERADE']}
    """
    found: dict[str, list[str]] = {}
    for rule in rules:
        if rule.type == "nat" and rule.position and rule.target.split(" ")[0] in _TRANSLATES:
            # What says DNAT or SNAT itself needs no further word.
            said = firewall_words(rule)
            found.setdefault(rule.ns, []).append(said if "NAT" in rule.target else f"NAT {said}")
    return {ns: [*said[:most], *(["…"] if len(said) > most else [])] for ns, said in found.items()}


_TRANSLATES = frozenset({"MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP"})
