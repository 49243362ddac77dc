"""What ``arp`` prints. Names are never looked up, so ``arp`` and ``arp -n`` print the same."""

from __future__ import annotations

from collections.abc import Sequence

from nsmagic.model import Neighbour
from nsmagic.words.parts import safe

_HEADER = "Address                  HWtype  HWaddress           Flags Mask            Iface\n"
_VALID = frozenset(["REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT"])
_PROXY = 0x08


def listed(neighbours: Sequence[Neighbour]) -> list[Neighbour]:
    """The entries that ``arp`` knows: IPv4, without ``NOARP``; published ones last, as the kernel lists them."""
    rows = [row for row in neighbours if row.family == "inet" and row.state != "NOARP"]
    return sorted(rows, key=lambda row: bool(row.flags & _PROXY))


def text(neighbours: Sequence[Neighbour]) -> str:
    """The output of ``arp`` (and ``arp -e``); nothing at all for an empty table.

    >>> print(text([Neighbour("red", "inet", "10.0.0.2", "02:00:00:00:00:02", "e0", "STALE")]), end="")
    Address                  HWtype  HWaddress           Flags Mask            Iface
    10.0.0.2                 ether   02:00:00:00:00:02   C                     e0
    """
    rows = []
    for row in listed(neighbours):
        if row.flags & _PROXY:
            kind, mac, flags = "*", "<from_interface>", "MP"
        elif row.state in _VALID and row.mac:
            kind, mac, flags = "ether", row.mac, "CM" if row.state == "PERMANENT" else "C"
        else:
            kind, mac, flags = "", "(incomplete)", ""
        rows.append(f"{row.address:<23}  {kind:<8}{mac:<20}{flags:<6}{'':<15} {row.dev}\n")
    return safe(_HEADER + "".join(rows)) if rows else ""


def bsd_text(neighbours: Sequence[Neighbour]) -> str:
    """The output of ``arp -a``.

    >>> bsd_text([Neighbour("red", "inet", "10.0.0.2", "", "e0", "FAILED")])
    '? (10.0.0.2) at <incomplete> on e0\\n'
    """
    lines = []
    for row in listed(neighbours):
        if row.flags & _PROXY:
            where = "<from_interface> PERM PUB"
        elif row.state in _VALID and row.mac:
            where = f"{row.mac} [ether]{' PERM' if row.state == 'PERMANENT' else ''}"
        else:
            where = "<incomplete>"
        lines.append(f"? ({row.address}) at {where} on {row.dev}\n")
    return safe("".join(lines))
