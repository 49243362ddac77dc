"""Which rule of a firewall took the packet: what the kernel's tracing told, and for the old iptables its counters."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable

from nsmagic.sentences import say_verdict
from nsmagic.why.finding import Finding, inside
from nsmagic.why.situation import Situation, Step

_REJECTS = ("reject", "REJECT")
#: Questions for a neighbour's MAC, and answers to them.
_RESOLVING = frozenset({"ns", "na", "arp-who-has", "arp-is-at"})
_SOLICITED = int(ipaddress.IPv6Address("ff02::1:ff00:0"))


def dropped(s: Situation, routers: Iterable[str], tunnels: Collection[tuple[str, int]] = ()) -> Finding | None:
    """The drop of our packet, or of its answer. ``routers`` are the namespaces in which IP handles it; a drop elsewhere is of a
    frame that a bridge passed to iptables. ``tunnels``: where the packets go that carry ours, of which only the ends are known."""
    probe = s.probe
    if probe is None:
        return None
    drops = [step for step in probe.steps if step.verdict == "drop"]
    drop = next((step for step in drops if step.ours or (step.dst, step.dport) in tunnels), None)
    if drop is None:
        return None
    return finding(s, drop, drop.ns not in set(routers))


def unheard(
    s: Situation, legs: Iterable[tuple[str, str, str, tuple[str, str]]], routers: Iterable[str]
) -> Finding | None:
    """The drop of a question for a neighbour's MAC, or of the answer to it: those of IPv6 are packets too, which rules see.

    ``legs``: the way, the namespace that sends, its interface, and to whom the packet is handed there.
    """
    probe = s.probe
    if probe is None:
        return None
    drops = [step for step in probe.steps if step.verdict == "drop" and step.what in _RESOLVING and step.src != "::"]
    if not drops:
        return None
    left = {(each.ns, each.dev) for each in probe.sightings if each.dir == "out" and each.what not in _RESOLVING}
    for way, ns, dev, end in legs:
        if (ns, dev) in left:
            continue  # the packet went on: its neighbour was known
        asked = {word for row in s.addresses(*end, "inet6") for word in (row.address, solicited(row.address))}
        asking = {row.address for row in s.addresses(ns, dev, "inet6")}
        for step in drops:
            if step.dst in (asked if step.what == "ns" else asking):
                return finding(s, step, step.ns not in set(routers)).on_the_way(way)
    return None


def solicited(address: str) -> str:
    """The group to which one asks for an address (RFC 4291, 2.7.1).

    >>> solicited("fd00::12:3456")
    'ff02::1:ff12:3456'
    """
    low = int(ipaddress.IPv6Address(address)) & 0xFFFFFF
    return str(ipaddress.IPv6Address(_SOLICITED | low))


def finding(s: Situation, step: Step, bridged: bool) -> Finding:
    """A drop in words."""
    way = (
        "back"
        if step.what in ("echo-reply", "syn-ack", "rst") or (not step.what and _had_arrived(s, step.ns))
        else "out"
    )
    number = f"rule {step.place}" if step.place else f"handle {step.handle}"
    place = "the policy" if step.type == "policy" else number
    chain = f"chain {step.chain} of {step.family} {step.table}, {place}"
    text = step.text or ("policy drop" if step.type == "policy" else f"handle {step.handle}")
    facts = {
        "chain": step.chain,
        "table": f"{step.family} {step.table}",
        "rule": text,
        "ns": step.ns,
        "what": _what(step.what),
    }
    see, fix = _commands(step)
    if step.family in ("bridge", "arp"):
        return Finding("dropped-by-rule", step.ns, "", facts, see, fix, chain=chain, way=way)
    if bridged:
        word = "net.bridge.bridge-nf-call-ip6tables" if step.family == "ip6" else "net.bridge.bridge-nf-call-iptables"
        see = (*see, inside(step.ns, "sysctl", word))
        fix = (inside(step.ns, "sysctl", "-w", f"{word}=0"),)
        return Finding("bridge-netfilter", step.ns, "", {**facts, "name": word}, see, fix, chain=chain, way=way)
    if step.type == "policy":
        return Finding("dropped-by-rule", step.ns, "", facts, see, fix, chain=chain, say="dropped-by-policy", way=way)
    rejects = any(word in text for word in _REJECTS)
    return Finding(
        "rejected-by-rule" if rejects else "dropped-by-rule", step.ns, "", facts, see, fix, chain=chain, way=way
    )


def _had_arrived(s: Situation, ns: str) -> bool:
    """Whether an answer of the probe was seen in the namespace."""
    sightings = s.probe.sightings if s.probe is not None else ()
    return any(each.ns == ns and each.dir == "in" and each.what in ("echo-reply", "syn-ack") for each in sightings)


def _what(what: str) -> str:
    if what in _RESOLVING:
        return say_verdict("what-resolving")
    return say_verdict("what-answer" if what in ("echo-reply", "syn-ack", "rst") else "what-packet")


def _commands(step: Step) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What shows the rule, and what takes it away, in the words of the tool that made it."""
    if step.tool != "nft":
        table = () if step.table == "filter" else ("-t", step.table)
        see = (inside(step.ns, step.tool, *table, "-L", step.chain, "-n", "-v", "--line-numbers"),)
        if step.type == "policy":
            return see, (inside(step.ns, step.tool, *table, "-P", step.chain, "ACCEPT"),)
        return see, (inside(step.ns, step.tool, *table, "-D", step.chain, str(step.place)),)
    see = (inside(step.ns, "nft", "-a", "list", "chain", step.family, step.table, step.chain),)
    if step.type == "policy":
        return see, (inside(step.ns, "nft", "chain", step.family, step.table, step.chain, "{ policy accept; }"),)
    return see, (
        inside(step.ns, "nft", "delete", "rule", step.family, step.table, step.chain, "handle", str(step.handle)),
    )
