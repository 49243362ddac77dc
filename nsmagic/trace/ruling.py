"""What the rules of nftables (and so of ``iptables-nft``) decided over the packets of a journey, joined to their sightings.

The kernel tells the beginnings of a packet's headers (``nft_trace``, net/netfilter/nf_tables_trace.c) and no time. So a ruling is
joined by what neither routing nor NAT changes (:func:`identity`); where several packets have that in common, by their order. What
was dropped before any interface saw it (in ``OUTPUT``) has no sighting. The old iptables tells nothing of a packet; its counters do
(``counters.py``).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nsmagic.snapshot import Snapshot
from nsmagic.trace.decode import Decoded, decode
from nsmagic.trace.frame import Frame
from nsmagic.trace.join import Sighting

_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_TAGS = (0x8100, 0x88A8)
#: The tables that iptables makes; their family is left out, as everybody does.
_IPTABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_ECHOES = {1: (0, 8), 58: (128, 129)}
_TCP, _UDP = 6, 17


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision over a packet.

    ``position`` is the rule's place in its chain, from 1; 0 is the chain's policy, or a rule that went meanwhile (``handle`` is its number in nft).
    ``verdict`` is ``dropped``, ``rejected``, ``accepted``, ``translated``, ``queued`` or ``stolen``. ``rule`` is what its tool calls it, empty when that
    is not known. ``step`` is the sighting it belongs to, 0: no interface had seen the packet. ``what`` is the packet, as far as its headers tell.
    """

    ns: str
    family: str
    table: str
    chain: str
    position: int
    handle: int
    verdict: str
    rule: str
    step: int
    packet: int
    what: Decoded

    @property
    def stops(self) -> bool:
        """Whether the packet's way ends with it."""
        return self.verdict in ("dropped", "rejected")

    @property
    def where(self) -> str:
        """Chain and rule: ``filter INPUT rule 1``."""
        plain = self.family in ("ip", "ip6") and self.table in _IPTABLES
        chain = f"{self.table} {self.chain}" if plain else f"{self.family} {self.table} {self.chain}"
        if self.position:
            return f"{chain} rule {self.position}"
        return f"{chain} handle {self.handle}" if self.handle else f"the policy of {chain}"

    def __str__(self) -> str:
        return f"{self.verdict} by {self.where}"


def identity(network: bytes, transport: bytes, protocol: int) -> tuple[Any, ...]:
    """What of a packet's headers stays the same on its way through a room; ``()`` when they are too short to say.

    >>> identity(bytes(28), b"", 0x0806)[0]
    2054
    """
    if protocol == _ARP:
        return (_ARP, network[:28])
    if protocol == _IPV4 and len(network) >= 20:
        return (_IPV4, network[9], network[4:6], *_of_transport(network[9], transport))
    if protocol == _IPV6 and len(network) >= 40:
        return (_IPV6, network[6], *_of_transport(network[6], transport))
    return ()


def _of_transport(number: int, data: bytes) -> tuple[bytes, ...]:
    if number == _TCP:
        return (data[4:14],)  # its numbers and flags
    if number == _UDP:
        return (data[4:6],)
    if number in _ECHOES and data:
        # NAT may give an echo another identifier.
        return (data[:2], data[6:8] if data[0] in _ECHOES[number] else data[4:20])
    return (data[:8],)


def _headers(frame: Frame) -> tuple[bytes, bytes, int]:
    """Network header, transport header and ethertype of a frame."""
    data, protocol = frame.data, frame.protocol
    if frame.ethernet:
        at = 12
        while int.from_bytes(data[at : at + 2], "big") in _TAGS:
            at += 4
        protocol, data = int.from_bytes(data[at : at + 2], "big"), data[at + 2 :]
    size = (data[0] & 15) * 4 if protocol == _IPV4 and data else 40
    return data[:size], data[size : size + 20], protocol


def _protocol(family: str, network: bytes) -> int:
    if family == "arp":
        return _ARP
    return {4: _IPV4, 6: _IPV6}.get(network[0] >> 4, 0) if network else 0


def rulings(
    told: Iterable[Mapping[str, Any]], steps: Sequence[Sighting], snapshot: Snapshot, rules: Snapshot
) -> list[Ruling]:
    """What the agent tells (``agent/rule_trace.py``), joined to sightings, in their order; ``rules`` has the texts of the rules.

    >>> rulings([], [], Snapshot(), Snapshot())
    []
    """
    devices = {(row.ns, row.ifindex): row.ifname for row in snapshot.links.rows}
    texts = {(row.ns, row.family, row.table, row.chain, row.position): row for row in rules.firewall.rows}
    by_identity: dict[tuple[Any, ...], list[Sighting]] = {}
    for each in steps:
        found = identity(*_headers(each.frame))
        if found:
            by_identity.setdefault((each.frame.ns, *found), []).append(each)
    met: dict[tuple[Any, ...], int] = {}
    made = []
    for data in told:
        network, transport = base64.b64decode(data["network"]), base64.b64decode(data["transport"])
        protocol = _protocol(data["family"], network)
        what = decode(
            Frame(0, data["ns"], "", "in", "", False, protocol, len(network + transport), network + transport)
        )
        key = (data["ns"], *identity(network, transport, protocol))
        place = data["family"], data["table"], data["chain"], data["handle"]
        packets = _alike(by_identity.get(key, []), what) if len(key) > 1 else []
        at = met[key + place] = met.get(key + place, -1) + 1
        row = texts.get((data["ns"], *place[:3], data["position"]))
        sighting = None
        if packets:
            into, out = (devices.get((data["ns"], data[word]), "") for word in ("iif", "oif"))
            if row is not None and row.hook.lower() == "postrouting":
                into = ""  # there the kernel tells both, and what became of the packet is seen where it goes out
            sighting = _nearest(packets[min(at, len(packets) - 1)], into, out)
        elif what.background:
            continue  # the kernel sent it of its own accord, and the journey leaves it out: a group joined, say
        text, target, kind = (row.rule, row.target, row.type) if row is not None and data["position"] else ("", "", "")
        if row is not None and row.tool == "nft" and text:
            text = " ".join(filter(None, (row.match, row.target)))
        made.append(
            Ruling(
                data["ns"],
                *place[:3],
                data["position"],
                data["handle"],
                _word(data["verdict"], target, kind),
                text,
                sighting.step if sighting else 0,
                sighting.packet if sighting else 0,
                what,
            )
        )
    return made


def in_order(made: Iterable[Ruling]) -> tuple[Ruling, ...]:
    """Rulings in the order of the sightings that they belong to; those that no interface saw last."""
    return tuple(sorted(made, key=lambda each: (not each.step, each.step)))


def _alike(candidates: Sequence[Sighting], what: Decoded) -> list[list[Sighting]]:
    """The sightings of each packet that it may be: those with its own addresses, and if there are none, with one of them."""
    same = [each for each in candidates if (each.what.addresses, each.what.ports) == (what.addresses, what.ports)]
    packets = {each.packet for each in same} or {
        each.packet for each in candidates if set(each.what.addresses) & set(what.addresses)
    }
    return [[each for each in candidates if each.packet == packet] for packet in sorted(packets)]


def _nearest(seen: Sequence[Sighting], into: str, out: str) -> Sighting:
    """The sighting next to a hook, of which the kernel tells the interface that the packet came in by, or else is to go out of."""
    way, dev = ("in", into) if into else ("out", out)
    along = [each for each in seen if each.frame.direction == way]
    here = [each for each in along if each.frame.dev == dev]
    return here[-1] if here else along[0 if way == "out" else -1] if along else seen[-1]


def _word(verdict: str, target: str, kind: str) -> str:
    if verdict == "drop":
        return "rejected" if target.lower().startswith("reject") else "dropped"
    if verdict == "accept":
        return "translated" if kind == "nat" and target.lower() != "accept" else "accepted"
    return {"queue": "queued"}.get(verdict, verdict)
