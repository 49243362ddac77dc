"""How many links a lab may have: the kernel has no limit for them, so native commands are held to one here.

Programs of the lab are not asked before they make one; what they made counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.errors import LimitReached
from nsmagic.netlink.monitor import Monitor
from nsmagic.sentences import say

#: Kinds that are made in pairs.
_PAIRS = frozenset({"veth", "vxcan", "netkit"})


class Bound:
    """``most`` links, loopbacks apart. Counted only when it may come to that, for a cell of thousands of commands has no time to lose."""

    def __init__(self, monitor: Monitor, most: int) -> None:
        self._monitor, self._most = monitor, most
        #: Links when they were counted last, and those asked for since: together no fewer than there are of native commands.
        self._counted = self._asked = 0
        self._near = False

    def near(self, commands: Sequence[Mapping[str, Any]]) -> bool:
        """Whether these may make too many: then each is to be asked of with ``check`` before it is done."""
        new = sum(_makes(each["args"]) for each in commands if each["verb"] == "link.add")
        self._asked += new
        if self._counted + self._asked > self._most:
            self._monitor.settle()
            self._counted, self._asked = self._have(), new
        self._near = self._counted + self._asked > self._most
        return self._near

    def check(self, args: Mapping[str, Any]) -> None:
        """One more link is asked for.

        Raises
        ------
        LimitReached
            There are as many as there may be.
        """
        if self._near and (have := self._have()) + _makes(args) > self._most:
            raise LimitReached(
                f"the lab has {have} links and may have {self._most}", limit="links", hint=say("limit-links")
            )

    def _have(self) -> int:
        return sum(len(space.links) - 1 for space in self._monitor.state.values())


def _makes(args: Mapping[str, Any]) -> int:
    return 2 if args.get("kind") in _PAIRS else 1
