"""What can follow what: whether a sighting of a packet at one interface can be the next one after that at another.

An interface is known by its cable (a veth's other end), its switch, and the interface it stands on. The kernel shows a packet

- going out of an interface, then coming in at the other end of its cable;
- coming in at a port of a bridge, then going out of other ports of it, or coming in at the bridge itself when it is for this room;
- coming in at an interface, then going out of another one of the same room: routed, and perhaps translated between the two;
- going out of a bridge, a vlan or a vxlan, then out of a port of the bridge, the interface below, or wrapped out of any.
"""

from __future__ import annotations

from collections.abc import Iterable

from nsmagic.model import Link
from nsmagic.trace.decode import Decoded
from nsmagic.trace.frame import Frame

_SWITCHES = frozenset({"bridge", "openvswitch"})

Place = tuple[str, str]


class Wiring:
    """The interfaces of a lab, as far as the way of packets is concerned.

    >>> cable = Wiring([Link("red", 2, "a", "veth", peer="b", peer_ns="blue"), Link("blue", 3, "b", "veth", peer="a", peer_ns="red")])
    >>> cable.other_end(("red", "a"))
    ('blue', 'b')
    """

    def __init__(self, links: Iterable[Link]) -> None:
        self._links = {(link.ns, link.ifname): link for link in links}

    def other_end(self, place: Place) -> Place | None:
        """Where what goes out of an interface comes in; None when that cannot be seen."""
        link = self._links.get(place)
        if link is not None and link.kind == "loopback":
            return place
        return (link.peer_ns, link.peer) if link is not None and link.peer and link.kind == "veth" else None

    def switch(self, place: Place) -> str:
        """The bridge of the same room into which an interface is plugged, or ``""``."""
        link = self._links.get(place)
        master = self._links.get((link.ns, link.master)) if link is not None and link.master else None
        return master.ifname if master is not None and master.kind in _SWITCHES else ""

    def lower(self, place: Place) -> str:
        """The interface of the same room on which one stands (a vlan's), or ``""``."""
        link = self._links.get(place)
        return link.lower if link is not None else ""

    def follows(self, before: Frame, what_before: Decoded, after: Frame, what_after: Decoded) -> bool:
        """Whether the second sighting of a packet can come directly after the first."""
        here = before.ns == after.ns
        wrapped = len(what_after.tunnels) - len(what_before.tunnels)
        if wrapped:
            # Into a tunnel on the way out, out of it on the way in; its ends may stand in another room than it does.
            return (before.direction, after.direction) == (("out", "out") if wrapped > 0 else ("in", "in"))
        way = (before.direction, after.direction)
        if way == ("out", "in"):
            end = self.other_end(before.place)
            reaches = end == after.place if end is not None else not here and self.other_end(after.place) is None
            return reaches and what_before.addresses == what_after.addresses
        if not here:
            return False
        if way == ("out", "out"):
            return self.switch(after.place) == before.dev or self.lower(before.place) == after.dev
        if way == ("in", "in"):
            return self.switch(before.place) == after.dev or self.lower(after.place) == before.dev
        # Through the room: switched from port to port, or routed. What comes in at a port and is routed comes in at the bridge first.
        return self.switch(before.place) == self.switch(after.place)
