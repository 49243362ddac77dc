"""Waiting for what the kernel does a moment later.

``ip link set … up`` returns before the link is up: the kernel's *linkwatch* draws its conclusions (operational state, then
carrier of what is stacked above, link-local addresses) in the background, a fraction of a millisecond later. So does the
end of a namespace: the other ends of its veths go 20 ms after it. A table read in between would differ from run to run.

Where nothing is to be gained by haste (a bridge without carrier) linkwatch runs once a second (``linkwatch_urgent_event`` in
net/core/link_watch.c), and until then such a link is up and its state UNKNOWN. Since Linux 6.9 who asks for the link has it done at
once (``rtnl_getlink``); with an older kernel, as that of the kind ``vm``, who wants to show it has to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nsmagic.netlink import peers
from nsmagic.netlink.live import Live
from nsmagic.netlink.peers import PAIRED, State
from nsmagic.netlink.raw import RawLink
from nsmagic.shape import IFF_LOWER_UP, IFF_UP

#: Seconds within which linkwatch runs, and a little for its work.
_LINKWATCH = 1.2
#: ``(namespace id, index)``
Key = tuple[int, int]


class Settling:
    """The links that may still change by themselves.

    Parameters
    ----------
    lives
        The namespaces followed.
    state
        The state as last read.
    reread
        Reads one link again; calls ``moved`` when it differs.
    """

    def __init__(
        self, lives: Mapping[int, Live], state: Callable[[], State], reread: Callable[[Live, int], None]
    ) -> None:
        self._lives, self._state, self._reread = lives, state, reread
        self._moving: set[Key] = set()
        self._doomed: set[Key] = set()

    def moved(self, nsid: int, index: int) -> None:
        """A link differs from before."""
        self._moving.add((nsid, index))

    def gone(self, live: Live) -> None:
        """A namespace is forgotten: the other ends of its veths will go."""
        for _, link in live.links.values():
            end = peers.other_end(self._state(), live.nsid, link) if link.kind in PAIRED else None
            if end is not None and end[0] != live.nsid:
                self._doomed.add(end)

    def give_up(self, *, concluded: bool = False) -> None:
        """Somebody holds the namespace: do not wait for its end again; nor for a conclusion that the kernel does not draw."""
        self._doomed.clear()
        if concluded:
            self._moving = {key for key in self._moving if not _unconcluded(self._link(*key))}

    def restless(self, *, concluded: bool = False) -> bool:
        """Look at what moved and what hangs on it; whether anything is not yet what it must become; ``concluded``: nor what
        linkwatch will make of it when it has the time.

        What is not stays listed for the next look.
        """
        seen: set[Key] = set()
        asked: set[Key] = set()
        while self._moving:  # ends: each turn asks only for what was not asked for
            keys, self._moving = self._moving, set()
            seen |= keys
            for nsid, index in {end for key in keys for end in self._hanging_on(*key)} - asked:
                asked.add((nsid, index))
                self._reread(self._lives[nsid], index)
        late = {key for key in seen | asked if _unconcluded(self._link(*key))}
        early = {key for key in seen | asked if _inconsistent(self._link(*key))}
        self._moving = early | late
        self._doomed = {key for key in self._doomed if self._link(*key) is not None}
        return bool(early or self._doomed or (concluded and late))

    def patience(self) -> float:
        """For how many seconds what was restless at the last look may be waited for."""
        return _LINKWATCH if any(_unconcluded(self._link(*key)) for key in self._moving) else 0.0

    def _link(self, nsid: int, index: int) -> RawLink | None:
        live = self._lives.get(nsid)
        entry = live.links.get(index) if live is not None else None
        return entry[1] if entry is not None else None

    def _hanging_on(self, nsid: int, index: int) -> list[Key]:
        """What a link's change may have changed without an event so far: the two ends of a veth when carrier is not what
        it must be, the bridge of a port, what is stacked upon a link."""
        link = self._link(nsid, index)
        if link is None:
            return []
        found = [(nsid, upper) for upper in self._lives[nsid].stacked.get(index, ())]
        if link.master:
            found.append((nsid, link.master))
        end = peers.other_end(self._state(), nsid, link) if link.kind in PAIRED else None
        other = self._link(*end) if end is not None else None
        if end is not None and other is not None:
            carrier = IFF_LOWER_UP if link.flags & other.flags & IFF_UP else 0
            for key, one in (((nsid, index), link), (end, other)):
                if one.flags & IFF_UP and one.flags & IFF_LOWER_UP != carrier:
                    found.append(key)
        return found


def _inconsistent(link: RawLink | None) -> bool:
    """Whether the kernel has yet to draw its conclusion: carrier but not up, or no carrier but still up."""
    if link is None or not link.flags & IFF_UP:
        return False
    if link.flags & IFF_LOWER_UP:
        return link.operstate in ("DOWN", "LOWERLAYERDOWN", "NOTPRESENT")
    return link.operstate == "UP"


def _unconcluded(link: RawLink | None) -> bool:
    """Whether linkwatch has yet to say what a link that is up and has no carrier is."""
    return link is not None and link.flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP and link.operstate == "UNKNOWN"
