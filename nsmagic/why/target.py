"""Who is meant by the words of ``%why``: the sender's namespace, and an address, a namespace, or a name of its hosts file."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nsmagic.errors import NamespaceNotFound, NsmagicError
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot
from nsmagic.why.reading import Request
from nsmagic.why.situation import family_of, ip

if TYPE_CHECKING:
    from nsmagic.lab import Lab


def requested(lab: Lab, snapshot: Snapshot, src: str, dst: str, port: int, proto: str) -> Request:
    """What is meant by the words: an address (with its interface), a namespace, or a name of the hosts file."""
    known = [row.ns for row in snapshot.namespaces]
    if src not in known:
        raise NamespaceNotFound(f'there is no namespace "{src}"', name=src, known=known, hint=_names(known))
    address, _, oif = dst.partition("%")
    try:
        # As %addrs and "ip addr" write it, with the length of its network.
        address = str(ipaddress.ip_interface(address).ip) if "/" in address else address
        return Request(src, str(ip(address)), proto, port, oif, label=_owner(snapshot, str(ip(address)), src))
    except ValueError:
        pass
    if dst in known:
        found = address_of(snapshot, src, dst)
        label = f"{found} ({dst})" if found else dst
        return Request(src, found, proto, port, target=dst, label=label)
    try:
        answers = lab.resolve(src, "getaddrinfo", dst, None, 0, socket.SOCK_STREAM)
    except (OSError, ValueError):
        raise NsmagicError(f'"{dst}" is neither an address nor a namespace', hint=_names(known)) from None
    return Request(src, str(ip(answers[0][4][0].partition("%")[0])), proto, port, label=f"{answers[0][4][0]} ({dst})")


def _names(known: Iterable[str]) -> str:
    there = [name for name in known if name != HOST]
    return say("why-namespaces", known=", ".join(there)) if there else say("why-no-namespace")


def _owner(snapshot: Snapshot, address: str, src: str) -> str:
    owners = sorted({row.ns for row in snapshot.addrs if row.address == address})
    if len(owners) != 1 or owners[0] == src:
        return address
    return f"{address} {owners[0]}" if owners[0].startswith("(") else f"{address} ({owners[0]})"


def address_of(snapshot: Snapshot, src: str, dst: str) -> str:
    """The address of a namespace that another would use: on a network of its own if there is one, IPv4 first."""
    theirs = [
        row for row in snapshot.addrs if row.ns == dst and row.ifname != "lo" and not ip(row.address).is_link_local
    ]
    mine = [
        ipaddress.ip_network(f"{row.address}/{row.prefixlen}", strict=False)
        for row in snapshot.addrs
        if row.ns == src and row.ifname != "lo"
    ]
    six_only = bool(mine) and all(net.version == 6 for net in mine)
    theirs.sort(
        key=lambda row: (
            not any(ip(row.address) in net for net in mine if not net.network_address.is_link_local),
            (family_of(row.address) == "inet6") != six_only,
        )
    )
    if theirs:
        return str(theirs[0].address)
    return "127.0.0.1" if src == dst else ""


def together(snapshot: Snapshot, ns: str, dst: str) -> list[str]:
    """The namespaces that have to do with it: those of cables from here on, and those that have the address."""
    near: dict[str, set[str]] = {}
    for link in snapshot.links:
        if link.peer_ns:
            near.setdefault(link.ns, set()).add(link.peer_ns)
            near.setdefault(link.peer_ns, set()).add(link.ns)
    found = [ns, *sorted({row.ns for row in snapshot.addrs if row.address == dst} - {ns})]
    for name in found:
        found += sorted(near.get(name, set()) - set(found))
    return found
