"""Which rule of a firewall took the packet: what the kernel's tracing told, and for the old iptables its counters."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nsmagic.why.finding import Finding, inside
from nsmagic.why.situation import Situation, Step

_REJECTS = ("reject", "REJECT")


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
    return {"echo-reply": "the answer", "syn-ack": "the answer", "rst": "the answer", "": "the packet"}.get(
        what, "the packet"
    )


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
