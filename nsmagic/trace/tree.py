"""A packet in full, as a tree of its layers and their fields, as dpkt reads them."""

from __future__ import annotations

import socket
from typing import Any

import dpkt
from dpkt.ethernet import ETH_TYPE_ARP, ETH_TYPE_IP, ETH_TYPE_IP6

from nsmagic.printable import printable
from nsmagic.trace.frame import Frame

_ADDRESSES = frozenset({"src", "dst", "spa", "tpa", "target"})
_MACS = frozenset({"sha", "tha"})
_HEX = frozenset({"sum", "type", "id"})
_VXLAN_PORTS = (4789, 8472)
#: Bytes of a payload that are shown.
_SHOWN = 64


def tree(frame: Frame, number: int) -> str:
    """The lines.

    >>> print(tree(Frame(0, "red", "veth-red", "in", "us", True, 0x88CC, 16, bytes(12) + b"\\x88\\xcc.."), 1))
    packet 1: in red:veth-red, 16 bytes
    ├─ Ethernet
    │  ├─ dst  00:00:00:00:00:00
    │  ├─ src  00:00:00:00:00:00
    │  └─ type 0x88cc
    └─ data, 2 bytes
       └─ 2e 2e                                            ..
    """
    cut = f" ({len(frame.data)} captured)" if len(frame.data) < frame.length else ""
    head = f"packet {number}: {frame.direction} {frame.ns}:{frame.dev}, {frame.length} bytes{cut}"
    layers = _layers(_first(frame))
    lines = [printable(head)]
    for at, (name, fields) in enumerate(layers):
        last = at == len(layers) - 1
        lines.append(("└─ " if last else "├─ ") + name)
        for place, field in enumerate(fields):
            branch = "└─ " if place == len(fields) - 1 else "├─ "
            lines.append(("   " if last else "│  ") + branch + printable(field))
    return "\n".join(lines)


def _first(frame: Frame) -> Any:
    kinds = {ETH_TYPE_IP: dpkt.ip.IP, ETH_TYPE_IP6: dpkt.ip6.IP6, ETH_TYPE_ARP: dpkt.arp.ARP}
    kind = dpkt.ethernet.Ethernet if frame.ethernet else kinds.get(frame.protocol)
    try:
        return kind(frame.data) if kind is not None else frame.data
    except (dpkt.UnpackError, ValueError, IndexError):
        return frame.data


def _layers(layer: Any) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    while isinstance(layer, dpkt.Packet):
        found.append((type(layer).__name__, _fields(layer)))
        inside = layer.data
        if isinstance(layer, dpkt.udp.UDP) and layer.dport in _VXLAN_PORTS and len(inside) > 22 and inside[0] & 8:
            found.append(("VXLAN", [f"vni {int.from_bytes(inside[4:7], 'big')}"]))
            inside = dpkt.ethernet.Ethernet(inside[8:])
        layer = inside
    if layer:
        data = bytes(layer)
        lines = [_dump(data[at : at + 16]) for at in range(0, min(len(data), _SHOWN), 16)]
        found.append((f"data, {len(data)} bytes", lines + (["…"] if len(data) > _SHOWN else [])))
    return found


def _fields(layer: Any) -> list[str]:
    values: list[tuple[str, str]] = []
    for name, *_ in layer.__hdr__:
        parts = getattr(layer, "__bit_fields__", {}).get(name)
        names = [part for part, _ in parts if not part.startswith("_")] if parts else [name]
        for each in names:
            if not each.startswith("_"):
                values.append((each, _value(layer, each, getattr(layer, each))))
    if isinstance(layer, dpkt.tcp.TCP):
        flags = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
        said = " ".join(flag for bit, flag in enumerate(flags) if layer.flags >> bit & 1)
        values = [(name, f"{value} ({said})" if name == "flags" and said else value) for name, value in values]
    width = max((len(name) for name, _ in values), default=0)
    return [f"{name:<{width}} {value}" for name, value in values]


def _value(layer: Any, name: str, value: Any) -> str:
    if isinstance(value, bytes):
        if name in _MACS or (isinstance(layer, dpkt.ethernet.Ethernet) and name in _ADDRESSES):
            return value.hex(":")
        if name in _ADDRESSES and len(value) in (4, 16):
            return socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)
        return value.hex(" ") or "(empty)"
    return f"0x{value:04x}" if name in _HEX and isinstance(value, int) and value > 255 else str(value)


def _dump(data: bytes) -> str:
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return f"{data.hex(' '):<48} {text}"
