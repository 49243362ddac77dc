"""What was asked, and the way out and back as it is read."""

from __future__ import annotations

from dataclasses import dataclass

from nsmagic.why import mending, size, wire
from nsmagic.why.finding import Finding, Hop, inside
from nsmagic.why.situation import Situation, family_of
from nsmagic.why.walk import Packet, Trail, travel


@dataclass(frozen=True)
class Request:
    """What was asked: from which namespace to which address; ``target`` when a namespace was named instead of an address; ``size`` when so
    many bytes of data are to arrive in one packet."""

    ns: str
    dst: str
    proto: str = "icmp"
    port: int = 0
    oif: str = ""
    target: str = ""
    label: str = ""
    size: int = 0

    @property
    def length(self) -> int:
        """Of the IP packet that was asked about, 0 when its length does not matter."""
        return size.whole(family_of(self.dst), self.proto, self.size) if self.size else 0


@dataclass
class Reading:
    """The way out and the way back, as read."""

    out: Trail
    back: Trail | None = None

    @property
    def finding(self) -> Finding | None:
        return self.out.finding or (self.back.finding if self.back else None)

    @property
    def hops(self) -> list[Hop]:
        return self.out.hops + (self.back.hops if self.back else [])

    @property
    def warnings(self) -> list[Finding]:
        return self.out.warnings + (self.back.warnings if self.back else [])

    @property
    def routers(self) -> list[str]:
        return self.out.routers + (self.back.routers if self.back else [])

    @property
    def tunnels(self) -> set[tuple[str, int]]:
        """Where the packets of tunnels go: address and port."""
        paths = (path for _, _, path in self.legs)
        return {(each.remote, each.port) for path in paths for each in path.tunnels} | self.out.tunnels

    @property
    def legs(self) -> list[tuple[str, str, wire.Path]]:
        return [*self.out.legs, *(self.back.legs if self.back else [])]


def read(s: Situation, request: Request) -> Reading:
    """Walk out and, from where that ends, back."""
    src = s.probe.src if s.probe is not None else ""
    sport = s.probe.sport if s.probe is not None else 0
    out = travel(s, request.ns, Packet(src, request.dst, request.proto, request.port, sport), "out", request.oif)
    if out.finding is not None or not out.end or not out.packet.src:
        return Reading(out)
    answer = Packet(out.packet.dst, out.packet.src, request.proto, out.packet.port, sport, answer=True)
    scope = out.end_dev if family_of(request.dst) == "inet6" and request.dst.startswith("fe80") else ""
    back = travel(s, out.end, answer, "back", scope)
    if back.finding is None and back.end != request.ns:
        back.finding = Finding(
            "duplicate-address",
            back.end,
            back.end_dev,
            {"address": answer.dst, "places": f"{request.ns} and {back.end}"},
            way="back",
        )
    if back.finding is not None and out.translated and out.packet.src != out.stages[0].routed.src:
        back.finding = _nat_wrong(s, out, back.finding)
    return Reading(out, back)


def _nat_wrong(s: Situation, out: Trail, found: Finding) -> Finding:
    """The answer does not come back to the address that a router put there, since that is not its own."""
    if any(row.ns == out.translated for row in s.owners(out.packet.src)) or found.code not in (
        "no-return-route",
        "address-not-local",
        "wrong-route",
        "duplicate-address",
        "nat-missing",
        "gateway-unreachable",
    ):
        return found
    ns = out.translated
    facts = {"ns": ns, "address": out.packet.src}
    dev = next((dev for name, dev, _ in out.legs if name == ns), "")
    fix = mending.masqueraded(s, ns, out.packet.src, dev)
    tool = "ip6tables" if ":" in out.packet.src else "iptables"
    return Finding("nat-wrong", ns, "", facts, (inside(ns, tool, "-t", "nat", "-S"),), fix, way="back")
