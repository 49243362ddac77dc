"""An interface has no address, none that is of use yet, or one of another network than its neighbour's."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from nsmagic.model import Address
from nsmagic.why import wire
from nsmagic.why.finding import Finding, inside, ip
from nsmagic.why.situation import Network, Situation, family_of
from nsmagic.why.situation import ip as parsed


def no_address(s: Situation, ns: str, dev: str, near: Address | None, dst: str = "") -> Finding:
    """An interface without an address of the family: one of its neighbour's network, or, where nobody near has any, of that of ``dst``."""
    fix: tuple[str, ...] = ()
    if near is None and dst and parsed(dst).is_private and not s.owners(dst):
        near = Address(ns, 0, dev, family_of(dst), dst, parsed(dst).max_prefixlen)
    if near is not None:
        network = s.network(near)
        if network.prefixlen == network.max_prefixlen:
            network = ipaddress.ip_network(f"{near.address}/{24 if network.version == 4 else 64}", strict=False)
        free = _free(s, network, dst)
        if free:
            fix = (ip(ns, "addr", "add", f"{free}/{network.prefixlen}", "dev", dev),)
    return Finding("no-address", ns, dev, {}, (ip(ns, "addr", "show", "dev", dev),), fix)


def link_local_only(s: Situation, ns: str, dev: str, src: str, dst: str) -> Finding:
    """The sender has nothing but a link-local address, which a router does not pass on (``ip6_forward`` in net/ipv6/ip6_output.c)."""
    found = no_address(s, ns, dev, somebody(s, ns, dev, "inet6"), dst)
    return replace(found, facts={"address": src}, say="no-address-link-local")


def tentative(row: Address) -> Finding:
    """An IPv6 address that the kernel still asks around for."""
    see = (ip(row.ns, "-6", "addr", "show", "dev", row.ifname),)
    return Finding(
        "address-tentative", row.ns, row.ifname, {"address": row.address}, see, ("sleep 2",), say="tentative"
    )


def ipv6_disabled(ns: str, dev: str) -> Finding:
    words = f"net.ipv6.conf.{dev}.disable_ipv6"
    return Finding(
        "ipv6-disabled",
        ns,
        dev if dev != "all" else "",
        {},
        (inside(ns, "sysctl", words),),
        (inside(ns, "sysctl", "-w", f"{words}=0"),),
    )


def length_or_subnet(s: Situation, ns: str, dev: str, mine: Address, owner: Address, dst: str) -> Finding:
    six = ("-6",) if mine.family == "inet6" else ()
    length = _length(mine, owner)
    if length is not None:
        facts = {
            "address": f"{mine.address}/{mine.prefixlen}", "dst": dst, "ns": ns, "dev": dev,
            "table": "the route table is empty" if not s.routes_of_main(ns, mine.family) else "no route covers " + dst,
        }  # fmt: skip
        full = mine.prefixlen == parsed(mine.address).max_prefixlen
        fix = (
            ip(ns, "addr", "del", f"{mine.address}/{mine.prefixlen}", "dev", dev),
            ip(ns, "addr", "add", f"{mine.address}/{length}", "dev", dev),
        )
        return Finding(
            "prefix-length", ns, dev, facts, (ip(ns, *six, "route"),), fix, say="" if full else "prefix-narrow"
        )
    return _two_networks(s, ns, dev, mine, owner, dst)


def _two_networks(s: Situation, ns: str, dev: str, mine: Address, owner: Address, dst: str) -> Finding:
    """One wire, and the addresses at its ends are of different networks."""
    network = s.network(owner)
    facts = {"address": f"{mine.address}/{mine.prefixlen}", "dst": dst, "other": owner.ns}
    facts["theirs"] = f"{owner.address}/{owner.prefixlen}"
    free = _free(s, network)
    fix: tuple[str, ...] = (ip(ns, "addr", "add", f"{free}/{network.prefixlen}", "dev", dev),) if free else ()
    see = (ip(ns, "addr", "show", "dev", dev), ip(owner.ns, "addr", "show", "dev", owner.ifname))
    return Finding("wrong-subnet", ns, dev, facts, see, fix)


def _length(mine: Address, owner: Address) -> int | None:
    """The length with which ours would cover the other's address; None when they do not look like one network."""
    full = parsed(mine.address).max_prefixlen
    usual = 24 if full == 32 else 64
    for length in dict.fromkeys((owner.prefixlen, usual)):
        if length < full and length < mine.prefixlen:
            network = ipaddress.ip_network(f"{mine.address}/{length}", strict=False)
            if parsed(owner.address) in network:
                return length
    if mine.prefixlen == full and owner.prefixlen == full:
        for length in (16, 8) if full == 32 else (48,):
            if parsed(owner.address) in ipaddress.ip_network(f"{mine.address}/{length}", strict=False):
                return length
    return None


def _free(s: Situation, network: Network, dst: str = "") -> str:
    """An address of a network that nobody has, and that is not the one to be reached."""
    taken = {dst, *(row.address for row in s.snapshot.addrs)}
    for number in range(1, min(network.num_addresses - 1, 512)):
        address = str(network[number])
        if address not in taken:
            return address
    return ""


def somebody(s: Situation, ns: str, dev: str, family: str) -> Address | None:
    """An address on our cable; one behind something that is broken too is better than none."""
    for place, _ in sorted(wire.reach(s, ns, dev).items(), key=lambda each: each[1].cost):
        for row in s.addresses(place.ns, place.dev, family, automatic=False):
            return row
    return None
