"""A word or two about what TCP and UDP carry: names asked for, addresses given out, the first line of HTTP."""

from __future__ import annotations

import re
import struct

import dpkt

_HTTP = re.compile(rb"(?:[A-Z]{3,8} \S{1,60} HTTP/\d\.\d|HTTP/\d\.\d \d{3}[^\r\n]{0,40})")
_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV"}
_FAILURES = {2: "server failure", 3: "no such name", 5: "refused"}
_DHCP = {1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform"}


def of_tcp(payload: bytes) -> str:
    """What to add for a payload, with a blank before it.

    >>> of_tcp(b"GET /index.html HTTP/1.1\\r\\nHost: a"), of_tcp(b"?")
    (' GET /index.html HTTP/1.1', '')
    """
    found = _HTTP.match(payload)
    return " " + found.group().decode(errors="replace") if found else ""


def inside_udp(sport: int, dport: int, payload: bytes) -> tuple[str, str]:
    """Protocol and words; both empty when it is nothing that we know."""
    try:
        if 53 in (sport, dport):
            return "DNS", _dns(payload)
        if {sport, dport} & {67, 68}:
            return "DHCP", _dhcp(payload)
    except (dpkt.UnpackError, ValueError, IndexError, struct.error, UnicodeError, AttributeError):
        pass  # told by its ports
    return "", ""


def _dns(payload: bytes) -> str:
    message = dpkt.dns.DNS(payload)
    asked = message.qd[0] if message.qd else None
    name = asked.name if asked is not None else "?"
    kind = _TYPES.get(asked.type, f"type {asked.type}") if asked is not None else "?"
    if not message.qr:
        return f"DNS {kind}? {name}"
    if message.rcode:
        return f"DNS {kind} {name}: {_FAILURES.get(message.rcode, f'code {message.rcode}')}"
    return f"DNS {kind} {name}: {len(message.an)} answer{'' if len(message.an) == 1 else 's'}"


def _dhcp(payload: bytes) -> str:
    message = dpkt.dhcp.DHCP(payload)
    kind = next((value[0] for code, value in message.opts if code == 53 and value), 0)
    return f"DHCP {_DHCP.get(kind, f'type {kind}')}"
