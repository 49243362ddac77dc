"""What IPv6 says over ICMP beside echoes: neighbours and routers looked for, groups joined, and errors; in tcpdump's words."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_ERRORS = {
    (1, 0): "{dst} unreachable route", (1, 1): "{dst} unreachable prohibited", (1, 2): "{dst} beyond scope",
    (1, 3): "{dst} unreachable address", (1, 4): "{dst} {protocol} port {port} unreachable",
    (1, 5): "{dst} unreachable source address failed policy", (1, 6): "{dst} unreachable reject route",
    (2, 0): "packet too big, mtu {mtu}", (3, 0): "time exceeded in-transit", (3, 1): "reassembly time exceeded",
    (4, 0): "parameter problem", (4, 1): "parameter problem, next header", (4, 2): "parameter problem, option",
}  # fmt: skip
_PROTOCOLS = {6: "tcp", 17: "udp", 58: "icmp6"}


@dataclass(frozen=True, slots=True)
class Read:
    """A message. ``request``, ``subject``, ``quoted`` and ``background`` are those of ``decode.Decoded``."""

    words: str
    request: str = ""
    subject: str = ""
    quoted: tuple[str, str] | None = None
    background: bool = False


def read(kind: int, code: int, data: bytes, src: str, dst: str) -> Read:
    """A message that is no echo; ``data`` is all of it, at least 8 bytes.

    >>> read(133, 0, bytes(8), "fe80::1", "ff02::2").words
    'router solicitation'
    """
    target = socket.inet_ntop(socket.AF_INET6, data[8:24]) if len(data) >= 24 else "?"
    match kind:
        case 135 if src == "::":
            return Read(f"neighbor solicitation who has {target}? (is it taken?)", "asks", target, background=True)
        case 135:
            return Read(f"neighbor solicitation who has {target}? tell {src}", "asks", target)
        case 136:
            mac = _option(data[24:], 2)
            words = f"neighbor advertisement {target}" + (f" is at {mac}" if mac else " is here")
            return Read(words, "answers", target, background=dst.startswith("ff02:"))
        case 133:
            return Read("router solicitation", background=True)
        case 134:
            return Read("router advertisement", background=True)
        case 130 | 131 | 132 | 143:
            names = {130: "query", 131: "report", 132: "done", 143: "report v2"}
            return Read(f"multicast listener {names[kind]}", background=True)
        case 137:
            return Read(f"redirect to {target}")
    error = _ERRORS.get((kind, code))
    return _error(error, data) if error is not None else Read(f"type {kind}, code {code}")


def _error(words: str, data: bytes) -> Read:
    """An error quotes the packet that it is about."""
    quoted: tuple[str, str] | None = None
    facts = {"dst": "?", "protocol": "?", "port": "?", "mtu": str(struct.unpack_from("!I", data, 4)[0])}
    inner = data[8:]
    if len(inner) >= 40:
        quoted = (socket.inet_ntop(socket.AF_INET6, inner[8:24]), socket.inet_ntop(socket.AF_INET6, inner[24:40]))
        facts |= {"dst": quoted[1], "protocol": _PROTOCOLS.get(inner[6], f"protocol {inner[6]}")}
        if inner[6] in (6, 17) and len(inner) >= 44:
            facts["port"] = str(struct.unpack_from("!H", inner, 42)[0])
    return Read(words.format(**facts), quoted=quoted)


def _option(data: bytes, wanted: int) -> str:
    """A link-layer address among the options (RFC 4861, 4.6.1)."""
    while len(data) >= 8 and data[1]:
        size = data[1] * 8
        if data[0] == wanted:
            return data[2:8].hex(":")
        data = data[size:]
    return ""
