"""What net-tools' ``route`` prints: the IPv4 routes of the main table. Its IPv6 table counts uses, which rows do not have."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from nsmagic.model import Route
from nsmagic.words.parts import safe

_TITLE = "Kernel IP routing table\n"
_HEADER = "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
_HEADER_E = "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
_REJECTS = frozenset(["unreachable", "prohibit"])


def text(routes: Sequence[Route], numeric: bool = False, *, extended: bool = False) -> str:
    """The output of ``route`` or, ``numeric``, of ``route -n``; with ``-e`` when ``extended``. Names are never looked up.

    >>> print(text([Route("red", "inet", "default", "10.0.0.1", "e0")], numeric=True), end="")
    Kernel IP routing table
    Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
    0.0.0.0         10.0.0.1        0.0.0.0         UG    0      0        0 e0
    """
    lines = [_TITLE, _HEADER_E if extended else _HEADER]
    for route in routes:
        if route.family != "inet" or route.table != 254 or route.type in ("broadcast", "multicast"):
            continue
        network = ipaddress.IPv4Network("0.0.0.0/0" if route.dst == "default" else route.dst)
        hop = route.nexthops[0] if route.nexthops else {"gateway": route.gateway, "dev": route.dev}
        gateway, dev = str(hop.get("gateway") or ""), str(hop.get("dev") or "")
        via4 = gateway if ":" not in gateway else ""
        rejects = route.type in _REJECTS
        flags = ("!" if rejects else "U") + ("G" if gateway else "") + ("H" if network.prefixlen == 32 else "")
        destination = "default" if not numeric and network.prefixlen == 0 else str(network.network_address)
        line = f"{destination:<15} {'-' if rejects else via4 or '0.0.0.0':<15} {network.netmask!s:<15} "
        if extended:
            mss = int(route.metrics["advmss"]) + 40 if "advmss" in route.metrics else 0
            window = route.metrics.get("window", 0)
            cells = f"{'-':>5} {'-':<5} {'-':>6} " if rejects else f"{mss:5d} {window:<5d} {0:6d} "
            line += f"{flags:<5} {cells}"
        else:
            line += f"{flags:<5} {route.metric:<6d} {'-' if rejects else 0!s:<2} {0:7d} "
        lines.append(f"{line}{'-' if rejects else dev or '*'}\n")
    return safe("".join(lines))
