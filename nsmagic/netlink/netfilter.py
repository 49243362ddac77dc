"""What the kernel says of firewalls over NETLINK_NETFILTER: which nft tables a namespace has, its connections, who changed rules.

Rules themselves are read with the tools (``firewall/``). Numbers are those of ``linux/netfilter/nfnetlink.h``, ``nf_tables.h`` and
``nfnetlink_conntrack.h``; in all messages 4 bytes ``nfgenmsg`` stand before the attributes, whose numbers are big-endian.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

from nsmagic.netlink import nftrace
from nsmagic.netlink.socket import RouteSocket, setns

NETLINK_NETFILTER = 12
#: The group that hears of every committed change of nft's rules (iptables-nft is such a change too, legacy iptables is not).
NFNLGRP_NFTABLES = 7
_NFT, _CONNTRACK = 10 << 8, 1 << 8
_GET_TABLE, _GET_CONNTRACK = 1, 1
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 58: "icmpv6", 132: "sctp"}
#: ``enum tcp_conntrack``
_TCP = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2")  # fmt: skip
_SEEN_REPLY, _ASSURED, _SRC_NAT, _DST_NAT = 2, 4, 16, 32
#: nla_type without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_TYPE = 0x3FFF

Values = dict[int, bytes]


def open_socket(nsfd: int, home: int) -> RouteSocket | None:
    """A socket of a namespace; None where the kernel has no netfilter."""
    setns(nsfd)
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    except OSError:
        return None
    finally:
        setns(home)
    for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, limit, struct.pack("@ll", 10, 0))
    sock.bind((0, 0))
    return RouteSocket(sock)


def tables(sock: RouteSocket) -> dict[tuple[str, str], int]:
    """The nft tables of the socket's namespace, and how many chains, sets and so on each has: ``{("ip", "nat"): 2}``. Empty also where
    the kernel has no nft."""
    found: dict[tuple[str, str], int] = {}
    try:
        for _, data, at, end in sock.dump(_NFT | _GET_TABLE, b"\0\0\0\0"):
            values = _attributes(data[at + 4 : end])
            name = values.get(1, b"").rstrip(b"\0").decode(errors="replace")
            # What traces packets for a moment (``%why``, ``%trace``) is none of the namespace's rules.
            if name != nftrace.NAME:
                found[_FAMILIES.get(data[at], str(data[at])), name] = _number(values.get(3))
    except OSError:
        return {}
    return found


def connections(sock: RouteSocket, ns: str) -> list[list[Any]]:
    """The connections that a namespace tracks, in the columns of ``model.Connection``, sorted.

    Raises
    ------
    NetlinkError
        The kernel does not track any (there is no ``nf_conntrack``).
    """
    rows = []
    for _, data, at, end in sock.dump(_CONNTRACK | _GET_CONNTRACK, b"\0\0\0\0"):
        rows.append([ns, *_connection(data[at], _attributes(data[at + 4 : end]))])
    return sorted(rows, key=lambda row: [str(each) for each in row])


def _connection(family: int, values: Values) -> list[Any]:
    original, reply = _tuple(values.get(1, b"")), _tuple(values.get(2, b""))
    status = _number(values.get(3))
    info = _attributes(_attributes(values.get(4, b"")).get(1, b""))
    state = _TCP[info[1][0]] if 1 in info and info[1][0] < len(_TCP) else ""
    flags = "ASSURED" if status & _ASSURED else "" if status & _SEEN_REPLY else "UNREPLIED"
    nat = ", ".join(word for bit, word in ((_SRC_NAT, "source"), (_DST_NAT, "destination")) if status & bit)
    return [
        "inet6" if family == socket.AF_INET6 else "inet", original["protocol"], state, flags, nat,
        original["src"], original["sport"], original["dst"], original["dport"],
        reply["src"], reply["sport"], reply["dst"], reply["dport"],
        _number(values.get(8)), _number(values.get(7)),
    ]  # fmt: skip


def _tuple(data: bytes) -> dict[str, Any]:
    """One direction of a connection. What ICMP has for ports is its number (``sport``); ``dport`` is 0."""
    parts = _attributes(data)
    ip, proto = _attributes(parts.get(1, b"")), _attributes(parts.get(2, b""))
    number = proto.get(1, b"\0")[0]
    return {
        "protocol": _PROTOCOLS.get(number, str(number)),
        "src": _address(ip.get(1) or ip.get(3)),
        "dst": _address(ip.get(2) or ip.get(4)),
        "sport": _number(proto.get(2) or proto.get(4) or proto.get(7)),
        "dport": _number(proto.get(3)),
    }


def _address(data: bytes | None) -> str:
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data) if data else ""


def _number(data: bytes | None) -> int:
    return int.from_bytes(data or b"", "big")


def _attributes(data: bytes) -> Values:
    return dict(_each(data))


def _each(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & _TYPE, data[at + 4 : at + length]
        at += (length + 3) & ~3
