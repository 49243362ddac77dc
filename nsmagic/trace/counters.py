"""Rules whose counters rose while a journey was under way: all that the old iptables tells of a packet."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nsmagic.snapshot import Snapshot
from nsmagic.trace.decode import Decoded
from nsmagic.trace.frame import Frame
from nsmagic.trace.join import Sighting
from nsmagic.trace.ruling import Ruling

_IPV4, _IPV6 = 0x0800, 0x86DD


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule that counted packets meanwhile. ``hook`` is where the kernel calls its chain, ``family`` ``ip``, ``ip6`` or one of nft's own;
    ``tool``, ``position`` and ``target`` are those of ``FirewallRule``."""

    ns: str
    table: str
    chain: str
    rule: str
    packets: int
    hook: str = ""
    family: str = ""
    tool: str = ""
    position: int = 0
    target: str = ""


def counted(before: Snapshot, after: Snapshot) -> list[Counted]:
    """The rules, and policies that drop, whose counters rose, in the order in which the kernel has them."""
    known = {_identity(row): row.packets for row in before.firewall.rows}
    found = []
    for row in after.firewall.rows:
        packets = row.packets - known.get(_identity(row), 0)
        # That a chain's policy lets a packet pass is no rule that it met.
        if packets > 0 and (row.position or row.target != "ACCEPT"):
            place = row.ns, row.table, row.chain, row.rule, packets
            found.append(Counted(*place, row.hook, row.family, row.tool, row.position, row.target))
    return found


def by_counters(counted: Iterable[Counted], steps: Sequence[Sighting]) -> list[Ruling]:
    """What rules of the old iptables stopped, of which the kernel tells nothing but their counters.

    Only where it is certain: one rule of a room that stops packets counted as many as came into that room and were seen nowhere after.

    >>> by_counters([], [])
    []
    """
    stopping: dict[str, list[Counted]] = {}
    for each in counted:
        if each.tool == "iptables-legacy" and each.target.startswith(("DROP", "REJECT")):
            stopping.setdefault(each.ns, []).append(each)
    last = {each.packet: each for each in steps}
    made = []
    for ns, those in stopping.items():
        ended = [each for each in last.values() if each.frame.ns == ns and _went_no_further(each, steps)]
        if len(those) == 1 and those[0].packets == len(ended):
            rule = those[0]
            verdict = "rejected" if rule.target.startswith("REJECT") else "dropped"
            made += [
                Ruling(ns, rule.family, rule.table, rule.chain, rule.position, 0, verdict, rule.rule, each.step, each.packet, each.what)
                for each in ended
            ]  # fmt: skip
    return made


def _went_no_further(sighting: Sighting, steps: Sequence[Sighting]) -> bool:
    """Whether a packet that came in somewhere is one that a rule may have stopped: of IP, and not answered from there."""
    what, frame = sighting.what, sighting.frame
    if frame.direction != "in" or what.request or not what.src or what.background:
        return False
    back = (what.dst, what.src)
    return not any(
        each.step > sighting.step
        and each.frame.ns == frame.ns
        and each.what.addresses == back
        and each.what.quoted is None
        for each in steps
    )


def by_itself(rule: Counted, background: Iterable[tuple[Frame, Decoded]]) -> int:
    """How many packets that the kernel sent of its own accord (``background``) a rule may have counted: groups are joined at any moment,
    and a notebook must say the same every time."""
    way = {"prerouting": "in", "input": "in", "output": "out", "postrouting": "out"}.get(rule.hook.lower())
    kinds = {"ip": (_IPV4,), "ip6": (_IPV6,)}.get(rule.family, (_IPV4, _IPV6))
    seen: dict[bytes, Counter[str]] = {}
    for frame, what in background:
        here = (frame.ns, frame.direction) == (rule.ns, way) and frame.protocol in kinds
        if here and _may_match(rule.rule, frame.dev, *what.addresses):
            # At a bridge and at its ports it is the same packet.
            seen.setdefault(what.key, Counter())[frame.dev] += 1
    return sum(max(each.values()) for each in seen.values())


def _may_match(rule: str, dev: str, src: str, dst: str) -> bool:
    """Whether a packet may be one that a rule of iptables counts, as far as interface and addresses say.

    >>> _may_match("-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE", "eth0", "10.1.1.1", "224.0.0.22")
    True
    """
    for option, value in pairwise(rule.split()):
        if option in ("-i", "-o") and value != dev:
            return False
        address = {"-s": src, "-d": dst}.get(option)
        if address is not None:
            try:
                if ipaddress.ip_address(address) not in ipaddress.ip_network(value, strict=False):
                    return False
            except ValueError:
                continue  # a name, or several networks
    return True


def _identity(row: Any) -> tuple[Any, ...]:
    return (row.ns, row.tool, row.family, row.table, row.chain, row.position, row.rule)
