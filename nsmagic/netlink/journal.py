"""The order in which things were touched, and moments to compare with.

The kernel's events say when; what changed is found by comparing two states (``delta.py``), which also gives the net effect.
Touches are bounded: of very many events the oldest are forgotten, which costs only their order. A mark lives as long as somebody holds it:
whoever follows the lab, or a program that runs for hours, may come back to one after any number of others.
"""

from __future__ import annotations

from typing import NamedTuple

from nsmagic.netlink.delta import Touch
from nsmagic.netlink.peers import State

_MOST_TOUCHES = 50_000


class Mark(NamedTuple):
    """A moment to compare with: the state, and how many touches and differences had been noted."""

    state: State
    touches: int
    differing: int


class Journal:
    """Touches, and marks: a state with the number of touches before it.

    >>> journal = Journal()
    >>> mark = journal.mark({})
    >>> journal.touch((3, "namespaces"))
    >>> journal.since(mark)
    ({}, [(3, 'namespaces')], set())
    """

    def __init__(self) -> None:
        self._touches: list[Touch] = []
        self._forgotten = 0
        self._differing: list[int] = []
        self._differing_forgotten = 0

    def touch(self, key: Touch) -> None:
        """Something happened to this."""
        self._touches.append(key)
        if len(self._touches) > _MOST_TOUCHES:
            half = _MOST_TOUCHES // 2
            del self._touches[:half]
            self._forgotten += half

    def differs(self, nsid: int) -> None:
        """The state has another value for a namespace from now on, or none."""
        self._differing.append(nsid)
        if len(self._differing) > _MOST_TOUCHES:
            half = _MOST_TOUCHES // 2
            del self._differing[:half]
            self._differing_forgotten += half

    def mark(self, state: State) -> Mark:
        """This moment."""
        return Mark(
            state, self._forgotten + len(self._touches), self._differing_forgotten + len(self._differing)
        )  # fmt: skip

    def since(self, mark: Mark) -> tuple[State, list[Touch], set[int] | None]:
        """The state at a mark, what was touched after it, and the namespaces that may differ (None: nobody knows any more)."""
        among = None
        if mark.differing >= self._differing_forgotten:
            among = set(self._differing[mark.differing - self._differing_forgotten :])
        return mark.state, self._touches[max(0, mark.touches - self._forgotten) :], among
