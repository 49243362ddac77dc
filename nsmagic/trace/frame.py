"""A frame as it was seen at one interface."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Types of links whose frames begin with an Ethernet header (ARPHRD_ETHER, ARPHRD_LOOPBACK).
_ETHERNET = (1, 772)
#: ``sll_pkttype`` (linux/if_packet.h).
_OUTGOING = 4
_TO = {0: "us", 1: "all", 2: "group", 3: "others", _OUTGOING: "out"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame at one place.

    ``time`` is the kernel's, nanoseconds since 1970. ``direction`` is ``"in"`` or ``"out"``, as the interface sees it. ``to`` says whom
    an incoming one was for: ``"us"``, ``"all"``, ``"group"`` or ``"others"``. ``length`` is the length on the wire in bytes, of which
    ``data`` may be the beginning. ``ethernet``: it begins with an Ethernet header, else with that of ``protocol`` (an ethertype).
    """

    time: int
    ns: str
    dev: str
    direction: str
    to: str
    ethernet: bool
    protocol: int
    length: int
    data: bytes

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Frame:
        """From what the agent sends.

        >>> Frame.from_row([7, "red", "veth-red", 1, 4, 0x0806, 42, "AAE="]).direction
        'out'
        """
        time, ns, dev, link_type, kind, protocol, length, data = row
        return cls(
            int(time), str(ns), str(dev), "out" if kind == _OUTGOING else "in", _TO.get(kind, ""), link_type in _ETHERNET,
            int(protocol), int(length), base64.b64decode(data),
        )  # fmt: skip

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and interface."""
        return self.ns, self.dev
