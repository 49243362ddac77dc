"""What the kernel said, as tuples: one class per table, with interface indexes where ``model.py`` has names.

``decode.py`` makes them, ``peers.py`` turns them into the model's rows, ``delta.py`` compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

#: What a link is called when the kernel names no kind: by its hardware type (ARPHRD_*).
HARDWARE_KIND = {772: "loopback", 1: "ether", 512: "ppp", 65534: "none"}
HARDWARE_KINDS = frozenset({"loopback", "ether", "none"})


class RawLink(NamedTuple):
    """A link as the kernel says it. ``lower`` is the index in IFLA_LINK (0: none; a veth's other end), ``netnsid`` the
    namespace in which that index counts (-1: this one). ``mac`` is ``""`` for a link that has none."""

    ifindex: int
    ifname: str
    kind: str
    flags: int
    operstate: str
    mac: str
    mtu: int
    master: int
    lower: int
    netnsid: int
    alias: str
    qdisc: str
    txqlen: int
    group: int
    promiscuity: int
    altnames: tuple[str, ...]
    info: Mapping[str, Any]
    port: Mapping[str, Any]


def with_netnsid(link: RawLink, netnsid: int) -> RawLink:
    """The same with another number of the namespace in which ``lower`` counts, in a third of the time of ``_replace``."""
    return tuple.__new__(RawLink, (*link[:9], netnsid, *link[10:]))


class RawAddr(NamedTuple):
    """An address. ``origin`` is IFA_PROTO: 0 made by a person (or by a kernel before 5.18, which does not say), 1 the
    loopback's own, 2 from a router advertisement, 3 link-local made by the kernel."""

    ifindex: int
    family: str
    address: str
    prefixlen: int
    broadcast: str
    scope: str
    label: str
    peer: str
    flags: int
    valid_lft: int
    preferred_lft: int
    origin: int


class RawRoute(NamedTuple):
    """A route; ``oif`` is an index (0: none), ``nexthops`` are ``(gateway, oif, weight, flags)``."""

    family: str
    dst: str
    gateway: str
    oif: int
    prefsrc: str
    protocol: str
    scope: str
    metric: int
    table: int
    type: str
    src: str
    flags: int
    nexthops: tuple[tuple[str, int, int, int], ...]
    metrics: Mapping[str, Any]


class RawNeighbour(NamedTuple):
    """A neighbour, or a forwarding entry when ``family`` is ``bridge``. ``address`` is then the remote end of a tunnel.

    ``type`` is the kind of address (RTN_*: 1 unicast, 2 local, 3 broadcast, 5 multicast). ``master``, ``vlan``, ``via`` (an
    index) and ``vni`` (0: none) are of forwarding entries; ``updated`` is the entry's age in hundredths of a second,
    ``refs`` how many routes of the kernel's cache use it.
    """

    family: str
    address: str
    mac: str
    ifindex: int
    state: str
    flags: int
    type: int
    master: int
    vlan: int
    via: int
    vni: int
    updated: int
    refs: int


class RawRule(NamedTuple):
    """A rule; all columns of the model's row after ``ns``."""

    family: str
    priority: int
    src: str
    dst: str
    iif: str
    oif: str
    fwmark: str
    table: int
    action: str
    invert: bool
    extra: Mapping[str, Any]
