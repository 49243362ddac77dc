"""All that the reasoning may know: what was read from the kernel, its answers about routes, and what a probe met. Frozen.

An answer that has not been asked for yet is an ``Unasked``: whoever gathers asks the kernel, and the reasoning starts anew. So it
stays pure, and the kernel is asked only for what matters.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from nsmagic.model import Address, FdbEntry, FirewallRule, Link, Neighbour, Route, Rule
from nsmagic.snapshot import Snapshot

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TENTATIVE, _DAD_FAILED = 0x40, 0x08
_What = TypeVar("_What")


@dataclass(frozen=True)
class Question:
    """Where would a packet go? ``iif`` is where it has come in, ``""`` for one of the namespace's own."""

    ns: str
    dst: str
    src: str = ""
    iif: str = ""
    oif: str = ""
    mark: int = 0
    transport: tuple[int, int, int] | None = None

    def to_data(self) -> list[Any]:
        """As it travels to the agent."""
        return [self.ns, self.dst, self.src, self.iif, self.oif, self.mark, self.transport]


@dataclass(frozen=True)
class Answer:
    """The kernel's answer: a route, or the number of its refusal."""

    errno: int = 0
    words: str = ""
    route: Route | None = None


class Missing(Exception, Generic[_What]):
    """The reasoning cannot go on: ``what`` has to be read first. Whoever gathers reads it, and the reasoning starts anew."""

    def __init__(self, what: _What) -> None:
        super().__init__(what)
        self.what = what


class Unasked(Missing[Question]):
    """The kernel has to be asked about a route."""


class Unread(Missing[str]):
    """The rules of a namespace have to be read."""


@dataclass(frozen=True)
class Listener:
    """A socket that waits: ``proto`` is ``tcp``, ``tcp6``, ``udp`` or ``udp6``; ``pid`` and ``argv`` are of its program, where they are known."""

    proto: str
    address: str
    port: int
    pid: int = 0
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sighting:
    """A packet of the probe, or a question for a neighbour, seen on an interface."""

    ms: float
    ns: str
    dev: str
    dir: str
    what: str
    src: str = ""
    dst: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Step:
    """A rule, or the policy, of a chain that the probe met; or, not ``ours``, another packet meanwhile, which may carry it."""

    ns: str
    family: str
    table: str
    chain: str
    handle: int
    type: str
    verdict: str
    what: str = ""
    iif: int = 0
    oif: int = 0
    text: str = ""
    place: int = 0
    tool: str = "nft"
    ours: bool = True
    src: str = ""
    dst: str = ""
    dport: int = 0
    mtu: int = 0


@dataclass(frozen=True)
class Probe:
    """What became of the packet that was sent. ``answer`` is ``echo-reply``, ``syn-ack``, ``rst``, ``udp``, ``error N`` or ``""``."""

    src: str = ""
    errno: int = 0
    words: str = ""
    answer: str = ""
    sport: int = 0
    sightings: tuple[Sighting, ...] = ()
    steps: tuple[Step, ...] = ()
    ms: float = 0.0


@dataclass(frozen=True)
class Translation:
    """What conntrack of a namespace remembers of one flow: its addresses, and those that its answers carry.

    ``port`` is the port that became another, ``back_port`` that other (0: none did); ``ports`` are all that it has.
    """

    src: str
    dst: str
    back_src: str
    back_dst: str
    ports: tuple[str, ...] = ()
    port: int = 0
    back_port: int = 0


@dataclass(frozen=True)
class Situation:
    """A lab at one moment, as far as packets are concerned."""

    snapshot: Snapshot
    sysctls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    listeners: Mapping[str, tuple[Listener, ...]] = field(default_factory=dict)
    vlans: Mapping[str, Mapping[str, tuple[tuple[int, int, int], ...]]] = field(default_factory=dict)
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    legacy: frozenset[str] = frozenset()
    firewall: Mapping[str, tuple[FirewallRule, ...]] = field(default_factory=dict)
    #: The word for the old iptables, by family.
    typed: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    conntrack: Mapping[str, tuple[Translation, ...]] = field(default_factory=dict)
    probe: Probe | None = None
    large: Probe | None = None

    def ask(self, question: Question) -> Answer:
        """The kernel's answer.

        Raises
        ------
        Unasked
            It has not been asked.
        """
        try:
            return self.answers[question]
        except KeyError:
            raise Unasked(question) from None

    def rules_of(self, ns: str) -> tuple[FirewallRule, ...]:
        """The rules of a namespace's firewalls.

        Raises
        ------
        Unread
            It has some, and they have not been read.
        """
        if ns not in self.firewall and (self.tables.get(ns) or ns in self.legacy):
            raise Unread(ns)
        return self.firewall.get(ns, ())

    # Links

    @cached_property
    def _links(self) -> dict[str, dict[str, Link]]:
        found: dict[str, dict[str, Link]] = {}
        for link in self.snapshot.links:
            found.setdefault(link.ns, {})[link.ifname] = link
        return found

    def links(self, ns: str) -> list[Link]:
        """The links of a namespace."""
        return list(self._links.get(ns, {}).values())

    def link(self, ns: str, dev: str) -> Link | None:
        return self._links.get(ns, {}).get(dev)

    def below(self, link: Link) -> Link | None:
        """The link on which a vlan, a macvlan sits; wherever that is."""
        return self.link(link.peer_ns or link.ns, link.lower) if link.lower else None

    def cables(self, ns: str) -> list[Link]:
        """Its links but for lo and what the kernel made by itself."""
        from nsmagic.rows import fallback

        return [link for link in self.links(ns) if link.kind != "loopback" and not fallback(link)]

    @cached_property
    def upper(self) -> dict[tuple[str, str], list[Link]]:
        """What is stacked upon a link: vlans, macvlans; wherever they are."""
        found: dict[tuple[str, str], list[Link]] = {}
        for link in self.snapshot.links:
            if link.lower and link.kind != "veth":
                found.setdefault((link.peer_ns or link.ns, link.lower), []).append(link)
        return found

    @cached_property
    def ports(self) -> dict[tuple[str, str], list[Link]]:
        """The ports of each bridge."""
        found: dict[tuple[str, str], list[Link]] = {}
        for link in self.snapshot.links:
            if link.master:
                found.setdefault((link.ns, link.master), []).append(link)
        return found

    # Addresses

    @cached_property
    def _addresses(self) -> dict[str, list[Address]]:
        found: dict[str, list[Address]] = {}
        for row in self.snapshot.addrs:
            found.setdefault(row.ns, []).append(row)
        return found

    def addresses(self, ns: str, dev: str = "", family: str = "", *, automatic: bool = True) -> list[Address]:
        """The addresses of a namespace or of one link; without ``automatic``, link-local ones are left out."""
        return [
            row
            for row in self._addresses.get(ns, [])
            if (not dev or row.ifname == dev)
            and (not family or row.family == family)
            and (automatic or not ipaddress.ip_address(row.address).is_link_local)
        ]

    @cached_property
    def _owners(self) -> dict[str, list[Address]]:
        found: dict[str, list[Address]] = {}
        for row in self.snapshot.addrs:
            found.setdefault(row.address, []).append(row)
        return found

    def owners(self, address: str) -> list[Address]:
        """Who has an address, wherever it is."""
        return self._owners.get(address, [])

    def is_up(self, row: Address) -> bool:
        """Whether the address works: its link is up, and duplicate address detection is over."""
        link = self.link(row.ns, row.ifname)
        return bool(link and link.up) and not row.flags & (
            _DAD_FAILED if row.family == "inet" else _DAD_FAILED | _TENTATIVE
        )

    def tentative(self, row: Address) -> bool:
        """Whether the kernel still asks around if somebody else has it."""
        return row.family == "inet6" and bool(row.flags & _TENTATIVE) and not row.flags & _DAD_FAILED

    def network(self, row: Address) -> Network:
        """The network that an address and its length stand for."""
        return ipaddress.ip_network(f"{row.peer or row.address}/{row.prefixlen}", strict=False)

    # The rest

    def routes(self, ns: str, family: str) -> list[Route]:
        return [row for row in self.snapshot.routes if row.ns == ns and row.family == family]

    def routes_of_main(self, ns: str, family: str) -> list[Route]:
        """What ``ip route`` shows."""
        own = [row for row in self.routes(ns, family) if row.table == 254]
        return [row for row in own if not (row.protocol == "kernel" and ":" in row.dst)]

    def rules(self, ns: str, family: str) -> list[Rule]:
        found = [row for row in self.snapshot.rules if row.ns == ns and row.family == family]
        return sorted(found, key=lambda row: row.priority)

    def neighbour(self, ns: str, dev: str, address: str) -> Neighbour | None:
        """The neighbour entry for an address, those that the namespace answers for left out."""
        rows = self.snapshot.neighbours
        return next((r for r in rows if (r.ns, r.dev, r.address) == (ns, dev, address) and not r.flags & 8), None)

    def proxies(self, ns: str, dev: str) -> Iterable[str]:
        """Addresses that are not its own and that it answers for (``ip neigh add proxy``)."""
        return (r.address for r in self.snapshot.neighbours if (r.ns, r.dev) == (ns, dev) and r.flags & 8)

    def fdb(self, ns: str, dev: str) -> list[FdbEntry]:
        return [row for row in self.snapshot.fdb if (row.ns, row.dev) == (ns, dev)]

    def sysctl(self, ns: str, name: str, default: int = 0) -> int:
        """A kernel parameter by its path below ``net``: ``ipv4/conf/eth0/forwarding``."""
        text = self.sysctls.get(ns, {}).get(name, "")
        return int(text) if text.lstrip("-").isdigit() else default

    def namespaces(self) -> list[str]:
        return [row.ns for row in self.snapshot.namespaces]


def family_of(address: str) -> str:
    """``inet`` or ``inet6``.

    >>> family_of("fe80::1")
    'inet6'
    """
    return "inet6" if ":" in address else "inet"


def ip(text: str) -> IP:
    """An address as an object that compares and belongs to networks."""
    return ipaddress.ip_address(text)
