"""Which rule of a firewall would drop a packet that has not come to it yet: of rules whose words are all understood, and only when no rule
before them might have accepted it.

What a packet really met is told by the kernel's tracing (``filters``). This is for what stands behind the place where it was stopped.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nsmagic.model import FirewallRule
from nsmagic.why import filters, wire
from nsmagic.why.finding import Finding
from nsmagic.why.situation import Situation, Step, family_of
from nsmagic.why.walk import Packet, Trail

_FAMILIES = {"inet": ("ip", "inet"), "inet6": ("ip6", "inet")}
_ENDS = ("DROP", "REJECT")
#: What rules do besides, without an end of the packet's way through the chain.
_GOES_ON = ("", "LOG", "CONTINUE", "COUNTER", "MARK", "NFLOG", "TCPMSS", "TRACE", "NOTRACK")
_PROTOCOLS = frozenset({"icmp", "icmpv6", "ipv6-icmp", "tcp", "udp", "sctp", "esp", "ah", "gre"})
#: What is found when the packet has arrived.
_AT_THE_END = frozenset({"port-closed", "wrong-listen-address", "echo-ignored"})
_ECHO = {False: "echo-request", True: "echo-reply"}
_PORT = re.compile(r"(from|to) ports? ([\d:,-]+)")


class Unread(Exception):
    """The rules of a namespace have to be read first."""

    def __init__(self, ns: str) -> None:
        super().__init__(ns)
        self.ns = ns


@dataclass(frozen=True)
class Visit:
    """A packet at one of the kernel's hooks. ``known``: the namespace has seen the packet that this one answers."""

    ns: str
    hook: str
    packet: Packet
    iif: str = ""
    oif: str = ""
    known: bool = False
    bridged: bool = False


@dataclass(frozen=True)
class Passage:
    """What becomes of a packet on a way: the rule that drops it, or that it is not known any more what it looks like (``translated``)."""

    finding: Finding | None = None
    translated: bool = False


def along(s: Situation, trail: Trail, way: str, known: Iterable[str] = ()) -> Passage:
    """The first rule on a way that drops the packet for certain.

    Raises
    ------
    Unread
        Rules have to be read first.
    """
    before = set(known)
    if trail.translated:
        return Passage()  # its addresses are others at each end of the way
    for visit in _visits(s, trail, before):
        rules = _rules(s, visit)
        if not rules:
            continue
        for chain in _chains(rules, visit.hook):
            nat = chain[0].type == "nat"
            if nat and s.conntrack.get(visit.ns):
                continue  # what it did to this flow is remembered, and was heeded
            result = _through(rules, chain, visit, depth=0)
            if nat and result != "ACCEPT":
                return Passage(translated=True)
            if isinstance(result, FirewallRule):
                return Passage(_finding(s, result, visit, way))
    return Passage()


def _rules(s: Situation, visit: Visit) -> list[FirewallRule]:
    if not (s.tables.get(visit.ns) or visit.ns in s.legacy):
        return []
    if visit.ns not in s.firewall:
        raise Unread(visit.ns)
    families = _FAMILIES[family_of(visit.packet.dst)]
    return [row for row in s.firewall[visit.ns] if row.family in families and row.chain]


def _chains(rules: list[FirewallRule], hook: str) -> list[list[FirewallRule]]:
    """The chains that the kernel calls at a hook, in its order: each with its policy first."""
    found: dict[tuple[str, str, str, str], list[FirewallRule]] = {}
    for row in rules:
        if row.hook == hook and not row.chain.startswith("@"):
            found.setdefault((row.tool, row.family, row.table, row.chain), []).append(row)
    chains = [sorted(rows, key=lambda row: row.position) for rows in found.values()]
    return sorted(chains, key=lambda rows: rows[0].priority)


def _visits(s: Situation, trail: Trail, known: set[str]) -> list[Visit]:
    """The hooks that a packet passes on its way."""
    packet, visits, iif = trail.packet, list[Visit](), ""
    for number, (at, dev, path) in enumerate(trail.legs):
        seen = at in known
        if number:
            visits.append(Visit(at, "prerouting", packet, iif, known=seen))
            visits.append(Visit(at, "forward", packet, iif, dev, known=seen))
        else:
            visits.append(Visit(at, "output", packet, oif=dev, known=seen))
        visits.append(Visit(at, "postrouting", packet, oif=dev, known=seen))
        visits += _bridges(s, packet, path, known)
        iif = path.end.dev
    if trail.legs and (trail.finding is None or trail.finding.code in _AT_THE_END):
        visits.append(Visit(trail.end, "prerouting", packet, iif, known=trail.end in known))
        visits.append(Visit(trail.end, "input", packet, iif, known=trail.end in known))
    return visits


def _bridges(s: Situation, packet: Packet, path: wire.Path, known: set[str]) -> list[Visit]:
    """The switches that pass frames on and show them to iptables (``br_nf_forward``)."""
    word = "bridge/bridge-nf-call-ip6tables" if ":" in packet.dst else "bridge/bridge-nf-call-iptables"
    visits = []
    for before, (ns, dev), after in zip(path.links, path.links[1:], path.links[2:], strict=False):
        link = s.link(ns, dev)
        ends = [s.link(*each) for each in (before, after)]
        if link is None or link.kind != "bridge" or not s.sysctl(ns, word):
            continue
        if all(each is not None and (each.ns, each.master) == (ns, dev) for each in ends):
            visits.append(Visit(ns, "forward", packet, dev, dev, known=ns in known, bridged=True))
    return visits


# Through a chain


def _through(
    rules: list[FirewallRule], chain: list[FirewallRule], visit: Visit, depth: int
) -> FirewallRule | str | None:
    """What becomes of the packet in a chain: the rule that drops it, ``ACCEPT``, ``RETURN``, or None when that is not certain."""
    if depth > 16:
        return None
    policy = chain[0] if chain and not chain[0].position else None
    for row in chain:
        if not row.position:
            continue
        fits = matches(row, visit)
        if fits is False:
            continue
        word = _word(row)
        if word in _ENDS:
            if fits:
                return row
            continue  # dropped here or not: what comes behind is met only if not
        if word in _GOES_ON:
            continue
        if fits is None:
            return None
        if word == "ACCEPT":
            return "ACCEPT"
        if word == "RETURN":
            break
        further = [each for each in rules if _named(each, row, word)]
        if not further:
            return None  # it does something to the packet that we do not know
        result = _through(rules, sorted(further, key=lambda each: each.position), visit, depth + 1)
        if result != "RETURN":
            return result
        if row.target.startswith("goto"):
            break
    if policy is not None and policy.hook:
        return policy if policy.target == "DROP" else "ACCEPT"
    return "RETURN"


def _word(row: FirewallRule) -> str:
    """What the rule does, in one word: its end, or the chain to which it jumps."""
    words = [part.strip() for part in row.target.split(",")]
    first = next((part for part in words if part.split(" ")[0] not in _GOES_ON), "")
    return first.removeprefix("goto ").split(" ")[0]


def _named(each: FirewallRule, row: FirewallRule, name: str) -> bool:
    return (each.tool, each.family, each.table, each.chain) == (row.tool, row.family, row.table, name)


def matches(row: FirewallRule, visit: Visit) -> bool | None:
    """Whether a rule fits a packet; None when one of its words is not understood."""
    sure = True
    for part in _parts(row.match):
        fits = _one(part.removeprefix("not "), visit)
        if fits is None:
            sure = False
        elif fits is part.startswith("not "):
            return False
    return True if sure else None


def _parts(text: str) -> list[str]:
    """The words of a match, without its remark; a set in braces stays whole."""
    plain = re.sub(r'"[^"]*"', "", text)
    return [part.strip() for part in re.split(r",\s+(?![^{]*\})", plain) if part.strip(" ,")]


def _one(part: str, visit: Visit) -> bool | None:
    packet = visit.packet
    kind, _, value = part.partition(" ")
    if part.startswith(("in at ", "out at ")):
        name = part.split(" ", 2)[2]
        mine = visit.iif if kind == "in" else visit.oif
        return mine.startswith(name[:-1]) if name.endswith(("+", "*")) else mine == name if " " not in name else None
    if (ports := _PORT.fullmatch(part)) is not None:
        return _ports(ports[1], ports[2], packet)
    if kind in ("from", "to"):
        return _inside(packet.src if kind == "from" else packet.dst, value)
    if kind == "state":
        return _state(value, visit)
    if kind in ("ip", "ip6") and value.startswith(("protocol ", "nexthdr ")):
        part = value.partition(" ")[2]
    if part in _PROTOCOLS:
        mine = "icmpv6" if packet.proto == "icmp" and ":" in packet.dst else packet.proto
        return part.replace("ipv6-icmp", "icmpv6") == mine
    if part in ("ipv4", "ipv6"):
        return (part == "ipv6") == (":" in packet.dst)
    if part in ("all", "any"):
        return True
    if packet.proto == "icmp" and part.startswith("echo-"):
        return part == _ECHO[packet.answer]
    return None


def _inside(address: str, prefix: str) -> bool | None:
    try:
        network = ipaddress.ip_network(prefix)
        return ipaddress.ip_address(address) in network if address else None
    except ValueError:
        return None


def _ports(side: str, text: str, packet: Packet) -> bool | None:
    if packet.proto == "icmp":
        return False
    number = packet.port if (side == "to") != packet.answer else packet.sport
    if not number:
        return None
    for each in text.split(","):
        low, _, high = each.replace(":", "-").partition("-")
        if not low.isdigit():
            return None
        if int(low) <= number <= int(high or low):
            return True
    return False


def _state(text: str, visit: Visit) -> bool | None:
    """The state in which conntrack sees the packet, where that is certain."""
    names = {each.strip().upper() for each in text.strip("{}").split(",")}
    if not visit.packet.answer:
        return "NEW" in names
    return "ESTABLISHED" in names if visit.known else None


def _finding(s: Situation, row: FirewallRule, visit: Visit, way: str) -> Finding:
    tool, handle = row.tool, row.rule.removeprefix("handle ")
    if tool != "nft" and row.family == "ip6":
        tool = tool.replace("iptables", "ip6tables")
    step = Step(
        row.ns, row.family, row.table, row.chain, int(handle) if handle.isdigit() else 0, "rule" if row.position else "policy",
        "drop", "echo-reply" if visit.packet.answer else "echo-request",
        text=row.rule if tool != "nft" else row.target, place=row.position if tool != "nft" else 0, tool=tool,
    )  # fmt: skip
    return filters.finding(s, step, visit.bridged).on_the_way(way)
