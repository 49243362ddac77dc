"""What has become known one thing after another, and the lab as it was after so many of them.

A pipelined cell does not stop to keep the state of the lab after each command, as one by one is done. It keeps these; the state is
made when somebody looks back (``agent/moments.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nsmagic.netlink.peers import PAIRED, State
from nsmagic.netlink.raw import RawAddr, RawLink
from nsmagic.shape import IFF_LOWER_UP, IFF_UP

_IFF_RUNNING = 0x40

#: Scopes of IPv6, the wider the greater.
_SCOPES6 = {"host": 1, "link": 2, "site": 5, "global": 14}

#: ``(table, namespace's number, identity of a link, row)``: a new namespace (a ``Space``), a link as it is now, a new address, a new
#: route.
Fact = tuple[str, int, int, Any]


def state_after(state: State, facts: Sequence[Fact]) -> State:
    """The lab after so much was done, for its history.

    What the kernel does by itself a moment later is no fact of these; of that, the carrier of cables and bridges is what anybody
    would look for in a picture.
    """
    spaces = dict(state)
    links = {nsid: dict(space.links) for nsid, space in state.items()}
    for table, nsid, which, row in facts:
        if table == "namespaces":
            spaces[nsid], links[nsid] = row, {}
        elif table == "links":
            links[nsid][row.ifindex] = (which, row)
        elif table == "addrs6":
            spaces[nsid] = spaces[nsid]._replace(addrs6=_with_address6(spaces[nsid].addrs6, row))
        else:
            more: dict[str, Any] = {table: [*getattr(spaces[nsid], table), row]}
            spaces[nsid] = spaces[nsid]._replace(**more)
    touched = {(nsid, row.ifindex) for table, nsid, _, row in facts if table == "links"}
    for nsid, index in touched:
        uid, link = links[nsid][index]
        far = links.get(nsid if link.netnsid < 0 else link.netnsid, {}).get(link.lower) if link.kind in PAIRED else None
        if far is not None and far[1].flags & link.flags & IFF_UP:
            links[nsid][index] = (uid, _with_carrier(link))
    for nsid, index in touched:
        uid, link = links[nsid][index]
        if link.kind == "bridge" and link.flags & IFF_UP:
            ports = [port for _, port in links[nsid].values() if port.master == index]
            if any(port.flags & IFF_LOWER_UP for port in ports):
                links[nsid][index] = (uid, _with_carrier(link))
    return {nsid: space._replace(links=links[nsid]) for nsid, space in spaces.items()}


def _with_address6(rows: Sequence[RawAddr], row: RawAddr) -> list[RawAddr]:
    """With one more where the kernel lists it: before those of its link whose scope is no wider (``ipv6_link_dev_addr``)."""
    found = list(rows)
    rank = _SCOPES6.get(row.scope, 0)
    place = (at for at, each in enumerate(rows) if each.ifindex == row.ifindex and _SCOPES6.get(each.scope, 0) <= rank)
    found.insert(next(place, len(found)), row)
    return found


def _with_carrier(link: RawLink) -> RawLink:
    return link._replace(flags=link.flags | IFF_LOWER_UP | _IFF_RUNNING, operstate="UP")
