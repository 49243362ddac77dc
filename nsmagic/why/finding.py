"""What the reasoning hands back: a finding for what stops the packet, hops for the way that it took."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nsmagic.model import HOST


@dataclass(frozen=True)
class Finding:
    """One thing that stops (or, with ``soft``, endangers) the packet.

    ``code`` is stable; ``say`` the key of its sentence where a code has several; ``facts`` fill it. ``see`` shows it to people,
    ``fix`` mends it: commands as typed on the lab's host. ``way`` is ``out`` or ``back``. An ``idle`` one is worth no word unless
    the packet is lost.
    """

    code: str
    ns: str
    dev: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    see: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    say: str = ""
    chain: str = ""
    way: str = "out"
    soft: bool = False
    idle: bool = False

    @property
    def where(self) -> str:
        """``red/veth-red``, ``red``, or ``red: chain INPUT, rule 1``."""
        place = f"{self.ns}/{self.dev}" if self.dev else self.ns
        return f"{place}: {self.chain}" if self.chain else place

    def on_the_way(self, way: str) -> Finding:
        return replace(self, way=way)


@dataclass(frozen=True)
class Hop:
    """One step of the way: in which namespace, at which interface, what happens there."""

    ns: str
    dev: str
    what: str
    ok: bool = True
    way: str = "out"
    routes: bool = False


def ip(ns: str, *words: str) -> str:
    """An ``ip`` command for a namespace.

    >>> ip("red", "route")
    'ip -n red route'
    """
    return shlex.join(["ip", *([] if ns == HOST else ["-n", ns]), *words])


def inside(ns: str, *words: str) -> str:
    """Any command, in a namespace.

    >>> inside("red", "sysctl", "-w", "net.ipv4.ip_forward=1")
    'ip netns exec red sysctl -w net.ipv4.ip_forward=1'
    """
    return shlex.join([*([] if ns == HOST else ["ip", "netns", "exec", ns]), *words])


def bridge(ns: str, *words: str) -> str:
    """A ``bridge`` command for a namespace."""
    return shlex.join(["bridge", *([] if ns == HOST else ["-n", ns]), *words])
