"""What the lab was like after each command that changed it: what a step of its history shows.

The monitor's states are never changed and share what stayed the same, so keeping one costs a reference and what the next command
changes. A command's last consequences (a carrier, a bridge's port) come a moment after its answer; until the next command begins,
or the batch is at rest, its moment follows them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from nsmagic.errors import LabError
from nsmagic.netlink import live, peers
from nsmagic.netlink.facts import Fact, state_after
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.peers import State

#: So many are kept.
MOST = 2000
TABLES = ("namespaces", "links", "addrs", "routes")


class Moments:
    """States of the lab by number, the oldest forgotten."""

    def __init__(self, monitor: Monitor, most: int = MOST) -> None:
        self._monitor, self._most = monitor, most
        self._states: OrderedDict[int, State | tuple[State, list[Fact], int]] = OrderedDict()
        self._last = 0
        self._open = False
        self.facts: list[Fact] = []
        self._base: State = {}

    def keep(self) -> int:
        """Keep the present state; returns its number."""
        return self._keep(self._monitor.state)

    def begin(self) -> None:
        """From the present state on, ``facts`` is a list of what has become known since."""
        self._base, self.facts = self._monitor.state, []

    def keep_of_facts(self) -> int:
        """Keep what follows from the facts so far; it is made when somebody asks for it."""
        return self._keep((self._base, self.facts, len(self.facts)))

    def _keep(self, state: State | tuple[State, list[Fact], int]) -> int:
        self._last += 1
        self._states[self._last] = state
        self._open = True
        if len(self._states) > self._most:
            self._states.popitem(last=False)
        return self._last

    def follow(self) -> None:
        """What happened since is a consequence of the last command."""
        if self._open:
            self._states[self._last] = self._monitor.state

    def rest(self) -> None:
        """The same, and what comes later is not."""
        self.follow()
        self._open = False

    def tables(self, number: int, tables: Sequence[str] = TABLES) -> dict[str, list[Any]]:
        """Rows of these tables as they were.

        Raises
        ------
        LabError
            It is not kept (any more).
        """
        state = self._states.get(number)
        if isinstance(state, tuple):
            state = state_after(state[0], state[1][: state[2]])
        if state is None:
            raise LabError(f"the lab keeps what its last {self._most} commands left; this was before")
        spaces = sorted(state.items(), key=lambda item: peers.order(item[1].name))
        return {
            table: [row for nsid, space in spaces for row in live.made(table, space, state, nsid)] for table in tables
        }
