"""What happens to a packet that has arrived: does anybody wait for it."""

from __future__ import annotations

from nsmagic.why.finding import Finding, inside
from nsmagic.why.mending import heard, hears, served
from nsmagic.why.situation import Situation, family_of


def waits(s: Situation, ns: str, dst: str, proto: str, port: int) -> Finding | None:
    """Whether somebody answers: the kernel an echo, a program a connection."""
    if proto == "icmp":
        return _echo(s, ns, dst)
    there = [each for each in s.listeners.get(ns, ()) if each.proto.rstrip("6") == proto and each.port == port]
    if any(hears(each, dst) for each in there):
        return None
    see = (inside(ns, "ss", "-ln" + proto[0]),)
    facts = {"port": port, "proto": proto.upper(), "dst": dst, "ns": ns}
    if there:
        have = ", ".join(sorted({each.address for each in there}))
        fix = heard(s, ns, dst, proto, there)
        return Finding("wrong-listen-address", ns, "", {**facts, "have": have}, see, fix)
    near = sorted({each.port for each in s.listeners.get(ns, ()) if each.proto.rstrip("6") == proto})
    facts["have"] = ", ".join(map(str, near)) or "none"
    return Finding(
        "port-closed", ns, "", facts, see, served(ns, dst, proto, port), say="" if near else "port-closed-none"
    )


def _echo(s: Situation, ns: str, dst: str) -> Finding | None:
    six = family_of(dst) == "inet6"
    if not s.sysctl(ns, "ipv6/icmp/echo_ignore_all" if six else "ipv4/icmp_echo_ignore_all"):
        return None
    word = "net.ipv6.icmp.echo_ignore_all" if six else "net.ipv4.icmp_echo_ignore_all"
    return Finding(
        "echo-ignored",
        ns,
        "",
        {"ns": ns, "name": word},
        (inside(ns, "sysctl", word),),
        (inside(ns, "sysctl", "-w", f"{word}=0"),),
    )
