"""The kernel's own answer to "where would this packet go?": RTM_GETROUTE, for packets of ours and for packets that come in.

With ``iif`` the kernel treats the question as a packet that has arrived there (``inet_rtm_getroute`` in net/ipv4/route.c): it
checks the source address, forwarding and the rules, and refuses as it would drop the packet.
"""

from __future__ import annotations

from typing import Any

from nsmagic.netlink import decode, dump, encode, peers
from nsmagic.netlink.socket import NetlinkError, RouteSocket
from nsmagic.netlink.words import AF_INET, AF_INET6, RTM_GETROUTE

_RTM_F_LOOKUP_TABLE, _ENODEV = 0x1000, 19


def ask(
    sock: RouteSocket,
    ns: str,
    dst: str,
    src: str = "",
    iif: int = 0,
    oif: int = 0,
    mark: int = 0,
    transport: tuple[int, int, int] | None = None,
) -> dict[str, Any]:
    """The route for a packet: ``{"errno": 0, "route": row}`` in the model's column order, or the kernel's refusal.

    ``transport`` is the number of the protocol above IP with its source and destination port, for rules that look at them.

    >>> ask(RouteSocket.open(), "host", "127.0.0.1")["route"][10]
    'local'
    """
    family = AF_INET6 if ":" in dst else AF_INET
    full = 128 if family == AF_INET6 else 32
    values: dict[str, Any] = {"dst": dst}
    values |= {"src": src} if src else {}
    values |= {name: value for name, value in (("iif", iif), ("oif", oif), ("mark", mark)) if value}
    if transport is not None:
        number, sport, dport = transport
        values |= {"ipproto": number}
        values |= {"sport": sport, "dport": dport} if dport else {}
    flags = _RTM_F_LOOKUP_TABLE if family == AF_INET else 0
    request = encode.route_body(values, family, full, full if src else 0, flags=flags)
    try:
        _, body = sock.get(RTM_GETROUTE, 0, request)
    except NetlinkError as error:
        return {"errno": error.errno, "words": str(error)}
    row = decode.route(body, 0, len(body))
    indexes = {row.oif, *(hop[1] for hop in row.nexthops)} - {0}
    links = {index: (index, link) for index in indexes if (link := dump.link(sock, index)) is not None}
    return {"errno": 0, "words": "", "route": peers.route_row(peers.Space(ns, 0, True, links), row)}
