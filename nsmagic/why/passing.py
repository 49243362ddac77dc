"""Which rule of a firewall would drop a packet that has not come to it yet: of rules whose words are all understood, and only when no rule
before them might have accepted it.

What a packet really met is told by the kernel's tracing (``filters``). This is for what stands behind the place where it was stopped.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from nsmagic.model import FirewallRule
from nsmagic.why import filters, wire
from nsmagic.why.finding import Finding
from nsmagic.why.situation import Situation, Step, Translation, family_of
from nsmagic.why.walk import Packet, Trail

_FAMILIES = {"inet": ("ip", "inet"), "inet6": ("ip6", "inet")}
_ENDS = ("DROP", "REJECT")
#: What rules do besides, without an end of the packet's way through the chain.
_GOES_ON = ("", "LOG", "CONTINUE", "COUNTER", "MARK", "NFLOG", "TCPMSS", "TRACE", "NOTRACK")
_PROTOCOLS = frozenset({"icmp", "icmpv6", "ipv6-icmp", "tcp", "udp", "sctp", "esp", "ah", "gre"})
#: What is found when the packet has arrived.
_AT_THE_END = frozenset({"port-closed", "wrong-listen-address", "echo-ignored"})
#: What rules of NAT do, and from which priority on a chain sees the packet as they have made it (``NF_IP_PRI_NAT_DST``, ``NF_IP_PRI_NAT_SRC``).
_NATS = frozenset({"MASQUERADE", "SNAT", "DNAT"})
_NAT = re.compile(r"(MASQUERADE|SNAT|DNAT)(?: to (\S+))?")
_TRANSLATED, _NEVER = {"prerouting": -100, "output": -100, "postrouting": 100}, 1 << 31
_ECHO = {False: "echo-request", True: "echo-reply"}
_PORT = re.compile(r"(from|to) ports? ([\d:,-]+)")


@dataclass(frozen=True)
class Visit:
    """A packet at one of the kernel's hooks: ``packet`` before its addresses are translated there, ``after`` behind that. ``known``: the
    namespace has seen the packet that this one answers."""

    ns: str
    hook: str
    packet: Packet
    after: Packet
    iif: str = ""
    oif: str = ""
    known: bool = False
    bridged: bool = False


@dataclass(frozen=True)
class Passage:
    """What becomes of a packet on a way: the rule that drops it; or that it is not known any more what it looks like (``translated``), and,
    where that can be known, as what it goes on from there (``visit`` and ``translation``)."""

    finding: Finding | None = None
    translated: bool = False
    visit: Visit | None = None
    translation: Translation | None = None


def along(
    s: Situation, trail: Trail, way: str, known: Iterable[str] = (), heeded: Collection[tuple[str, str]] = ()
) -> Passage:
    """The first rule on a way that drops the packet for certain. ``known``: who has seen the packet that this one answers; ``heeded``: hooks
    (of which namespace) whose translation the way heeds already.

    Raises
    ------
    Unread
        Rules have to be read first.
    """
    before = set(known)
    for visit in _visits(s, trail, before):
        rules = _rules(s, visit)
        if not rules:
            continue
        for chain in _chains(rules, visit.hook):
            nat = chain[0].type == "nat"
            if nat and _remembered(s, visit, heeded):
                continue
            result = _through(rules, chain, visit if nat else _behind(visit, chain[0].priority), depth=0)
            if nat and result != "ACCEPT":
                rule = result if isinstance(result, FirewallRule) else None
                return Passage(None, True, visit, nat_made(s, visit, rule) if rule is not None else None)
            if isinstance(result, FirewallRule):
                return Passage(_finding(s, result, visit, way))
    return Passage()


def _remembered(s: Situation, visit: Visit, heeded: Collection[tuple[str, str]]) -> bool:
    """Whether no rule of NAT is asked any more: what was done to this flow is remembered (only a flow's first packet comes to them), and was
    heeded."""
    if visit.packet.answer and visit.known:
        return True
    mine = [hook for ns, hook in heeded if ns == visit.ns]
    return visit.hook in mine if mine else bool(s.conntrack.get(visit.ns))


def _behind(visit: Visit, priority: int) -> Visit:
    """A visit as a chain sees it that is called behind the translation of its hook."""
    return replace(visit, packet=visit.after) if priority > _TRANSLATED.get(visit.hook, _NEVER) else visit


def nat_made(s: Situation, visit: Visit, rule: FirewallRule) -> Translation | None:
    """What a rule of NAT makes of a packet; None where it is not certain."""
    packet, found = visit.packet, _NAT.fullmatch(rule.target)
    if found is None:
        return None
    address, port = _apart(found[2] or "")
    if found[1] == "MASQUERADE":
        rows = s.addresses(visit.ns, visit.oif, family_of(packet.dst), automatic=False)
        address = rows[0].address if len({s.network(row) for row in rows}) == 1 else ""
    changed = (packet.port, int(port)) if port.isdigit() and port != str(packet.port) else (0, 0)
    certain = not port or (port.isdigit() and (not changed[1] or (packet.port > 0 and found[1] == "DNAT")))
    if not certain or not _plain_address(address):
        return None
    if found[1] == "DNAT":
        return Translation(packet.src, packet.dst, address, packet.src, (), *changed)
    return Translation(packet.src, packet.dst, packet.dst, address)


def _apart(text: str) -> tuple[str, str]:
    """An address and a port, ``10.0.0.1:80`` or ``[fd00::1]:80``."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.removeprefix(":")
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address, port
    return text, ""


def _plain_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False  # a range, or none


def _rules(s: Situation, visit: Visit) -> list[FirewallRule]:
    families = _FAMILIES[family_of(visit.packet.dst)]
    return [row for row in s.rules_of(visit.ns) if row.family in families and row.chain]


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
    visits: list[Visit] = []
    for number, stage in enumerate(trail.stages):
        at, iif, arrived, routed = stage.ns, stage.iif, stage.arrived, stage.routed
        seen = at in known
        if number:
            visits.append(Visit(at, "prerouting", arrived, routed, iif, known=seen))
        if number < len(trail.legs):
            _, dev, path = trail.legs[number]
            sent = trail.stages[number + 1].arrived if number + 1 < len(trail.stages) else trail.packet
            if number:
                visits.append(Visit(at, "forward", routed, routed, iif, dev, known=seen))
            else:
                visits.append(Visit(at, "output", arrived, routed, oif=dev, known=seen))
            visits.append(Visit(at, "postrouting", routed, sent, oif=dev, known=seen))
            for outer in trail.carried.get(number, ()):
                visits += _visits(s, outer, known)
            visits += _bridges(s, sent, path, known)
        elif number and (trail.finding is None or trail.finding.code in _AT_THE_END):
            visits.append(Visit(at, "input", routed, routed, iif, known=seen))
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
            visits.append(Visit(ns, "forward", packet, packet, dev, dev, known=ns in known, bridged=True))
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
        if row.type == "nat" and word in _NATS:
            return row
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
