"""What an event of the kernel says: which tables of its namespace are to be read again, and whether that is worth a word.

Those of links are in ``follow.py``, since a link may have come from another namespace.
"""

from __future__ import annotations

from collections.abc import Callable

from nsmagic.netlink import decode, delta
from nsmagic.netlink.journal import Journal
from nsmagic.netlink.live import Bit, Live
from nsmagic.netlink.words import (
    AF_BRIDGE,
    RTM_DELADDR,
    RTM_DELNEIGH,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_NEWADDR,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    RTM_NEWRULE,
)

_RTM_F_CLONED = 0x200
_LINK_LOCAL = ("fe80::/64", "ff00::/8")


def addr(journal: Journal, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
    """An address came or went."""
    row = decode.addr(data, at, end)
    journal.touch((live.nsid, "addrs", row.ifindex, row.address))
    live.note(Bit.ADDRS4 if row.family == "inet" else Bit.ADDRS6, worth=not delta.made_by_kernel(row))
    if kind == RTM_DELADDR and row.family == "inet":
        live.note(Bit.ROUTES4, worth=True)  # routes through it or with it as source vanish without a word


def route(journal: Journal, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
    """A route came or went."""
    if decode.RTMSG.unpack_from(data, at)[8] & _RTM_F_CLONED:
        return
    route = decode.route(data, at, end)
    if route.family == "inet":
        # The kernel's own table is nobody's change; but a link that was down for a moment has lost its routes in silence.
        worth = route.table != delta.LOCAL_TABLE or live.has_routes(route.oif, worth=True)
        live.note(Bit.ROUTES4, worth=worth)
    else:
        live.note(Bit.ROUTES6, worth=route.table != delta.LOCAL_TABLE and route.dst not in _LINK_LOCAL)
    journal.touch((live.nsid, "routes", route.family, route.dst, route.table))


def neighbour(journal: Journal, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
    """A neighbour entry came, went or changed: only one that somebody set is worth a word."""
    if decode.NDMSG.unpack_from(data, at)[0] == AF_BRIDGE:
        return
    live.calm = False
    entry = decode.neighbour(data, at, end)
    if delta.fixed((entry,), live.links) or any(
        (old.ifindex, old.address) == (entry.ifindex, entry.address) for old in live.fixed
    ):
        journal.touch((live.nsid, "neighbours", entry.ifindex, entry.address))
        live.note(Bit.FIXED, worth=True)


def rule(journal: Journal, live: Live, kind: int, data: bytearray, at: int, end: int) -> None:
    """A rule came or went."""
    rule = decode.rule(data, at, end)
    journal.touch((live.nsid, "rules", rule.family, rule.priority))
    live.note(Bit.RULES4 if rule.family == "inet" else Bit.RULES6, worth=True)


#: Kind of event → what takes it in.
OF: dict[int, Callable[[Journal, Live, int, bytearray, int, int], None]] = {
    RTM_NEWADDR: addr,
    RTM_DELADDR: addr,
    RTM_NEWROUTE: route,
    RTM_DELROUTE: route,
    RTM_NEWNEIGH: neighbour,
    RTM_DELNEIGH: neighbour,
    RTM_NEWRULE: rule,
    RTM_DELRULE: rule,
}
