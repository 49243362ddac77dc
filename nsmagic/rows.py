"""Questions that every view asks of the rows of a snapshot: what to call a thing, in what order, what a beginner need not see.

Pure; on ``model`` and ``snapshot`` alone. One answer here keeps the tables, the change lines and the drawing of one mind.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache

from nsmagic.model import HOST, Address, Link
from nsmagic.snapshot import Snapshot

#: Routing tables that have a name of their own (``/etc/iproute2/rt_tables`` as iproute2 ships it).
TABLE_NAMES: Mapping[int, str] = {0: "unspec", 253: "default", 254: "main", 255: "local"}

#: Interfaces that the kernel puts into a namespace by itself when a tunnel's module is loaded.
FALLBACK = frozenset(
    ["tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0", "ip6gretap0"]
)


def table_name(number: int) -> str:
    """The word for a routing table: ``main``, ``local``, ``default``, else its number.

    >>> table_name(254), table_name(100)
    ('main', '100')
    """
    return TABLE_NAMES.get(number) or str(number)


def path(ns: str, ifname: str) -> str:
    """How we name an interface everywhere: ``red/veth-red``.

    >>> path("red", "veth-red")
    'red/veth-red'
    """
    return f"{ns}/{ifname}"


def ns_order(ns: str) -> tuple[int, str]:
    """Sort key of namespaces: the host, then by name, unnamed ones last.

    >>> sorted(["red", "(lan)", "host", "blue"], key=ns_order)
    ['host', 'blue', 'red', '(lan)']
    """
    return (0 if ns == HOST else 2 if ns.startswith("(") else 1, ns)


def unnamed(snapshot: Snapshot) -> frozenset[str]:
    """The namespaces that have no name in ``ip netns``; they are shown on request only."""
    if "namespaces" in snapshot.tables:
        return frozenset(row.ns for row in snapshot.namespaces if not row.named and row.ns != HOST)
    seen = {ns for table in snapshot.tables.values() for ns in table.column("ns")}
    return frozenset(ns for ns in seen if ns.startswith("(") and ns.endswith(")"))


def fallback(link: Link) -> bool:
    """Whether the kernel made the link by itself and nobody has used it since.

    >>> fallback(Link("red", 2, "tunl0", "ipip")), fallback(Link("red", 2, "tunl0", "ipip", flags=1))
    (True, False)
    """
    return link.ifname in FALLBACK and not link.up and not link.master


@lru_cache(maxsize=4096)
def link_local_of(mac: str) -> str:
    """The IPv6 link-local address that the kernel derives from a MAC address (modified EUI-64), ``""`` for no MAC.

    >>> link_local_of("02:00:00:00:00:01")
    'fe80::ff:fe00:1'
    """
    try:
        octets = bytes.fromhex(mac.replace(":", ""))
    except ValueError:
        return ""
    if len(octets) != 6:
        return ""
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def automatic(address: Address, mac: str) -> bool:
    """Whether the kernel gave the address by itself: the link-local one made from the link's MAC.

    It comes some moments after the carrier does, so showing it in summaries would make them vary.
    """
    return address.family == "inet6" and address.scope == "link" and address.address == link_local_of(mac)


def prefix(address: Address) -> str:
    """``192.168.15.1/24``; with a peer, ``10.0.0.1 peer 10.0.0.2/32`` as ``ip`` writes it."""
    if address.peer:
        return f"{address.address} peer {address.peer}/{address.prefixlen}"
    return f"{address.address}/{address.prefixlen}"


def addresses(snapshot: Snapshot, *, all: bool = False) -> dict[tuple[str, int], list[str]]:
    """The addresses of each link, ``(ns, ifindex)`` → ``["192.168.15.1/24", …]``, without automatic ones unless ``all``."""
    macs = {(link.ns, link.ifindex): link.mac for link in snapshot.links} if not all else {}
    found: dict[tuple[str, int], list[str]] = {}
    for address in snapshot.addrs:
        key = (address.ns, address.ifindex)
        if all or not automatic(address, macs.get(key, "")):
            found.setdefault(key, []).append(prefix(address))
    return found


@lru_cache(maxsize=65536)
def address_key(text: str) -> tuple[int, int, int, str]:
    """Sort key of an address or prefix: IPv4 first, then by number, then by length; ``default`` before all.

    >>> sorted(["10.0.0.10", "10.0.0.9", "default", "fe80::1"], key=address_key)
    ['default', '10.0.0.9', '10.0.0.10', 'fe80::1']
    """
    if text in ("", "default", "all"):
        return (0, -1, 0, text)
    try:
        head, _, length = text.partition("/")
        address = ipaddress.ip_address(head)
    except ValueError:
        return (9, 0, 0, text)
    return (address.version, int(address), int(length) if length.isdigit() else address.max_prefixlen, "")


def kind_words(link: Link) -> str:
    """A link's kind with what a learner must know of it: ``vlan 10 on eth0``, ``vxlan 42 to 10.0.0.2 port 4789``.

    >>> kind_words(Link("host", 3, "eth0.10", "vlan", lower="eth0", info={"id": 10}))
    'vlan 10 on eth0'
    """
    info = link.info
    words = [link.kind]
    if link.kind in ("vlan", "vxlan") and info.get("id") is not None:
        words.append(str(info["id"]))
    elif link.kind in ("macvlan", "macvtap", "ipvlan", "ipvtap") and info.get("mode"):
        words.append(str(info["mode"]))
    if link.kind == "vxlan":
        local, remote = (_first(info, ("local", "local6")), _first(info, ("remote", "remote6", "group", "group6")))
        words += (["from", local] if local else []) + (["to", remote] if remote else [])
        port = info.get("port") or info.get("dstport")
        words += ["port", str(port)] if port else []
    if link.lower and link.lower != link.peer:
        words += ["on", link.lower]
    return " ".join(words)


def _first(info: Mapping[str, object], names: Sequence[str]) -> str:
    return next((str(info[name]) for name in names if info.get(name)), "")
