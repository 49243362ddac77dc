"""The order in which things were touched, and moments to compare with.

The kernel's events say when; what changed is found by comparing two states (``delta.py``), which also gives the net effect.
Both are bounded: of very many events the oldest are forgotten, which costs only their order.
"""

from __future__ import annotations

from collections import OrderedDict

from nsmagic.netlink.delta import Touch
from nsmagic.netlink.peers import State

_MOST_MARKS, _MOST_TOUCHES = 256, 50_000


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
        self._marks: OrderedDict[int, tuple[State, int, int]] = OrderedDict()
        self._last = 0

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

    def mark(self, state: State) -> int:
        """Remember this moment; the last 256 are kept."""
        self._last += 1
        self._marks[self._last] = (
            state, self._forgotten + len(self._touches), self._differing_forgotten + len(self._differing)
        )  # fmt: skip
        if len(self._marks) > _MOST_MARKS:
            self._marks.popitem(last=False)
        return self._last

    def since(self, mark: int) -> tuple[State, list[Touch], set[int] | None]:
        """The state at a mark, what was touched after it, and the namespaces that may differ (None: nobody knows any more).

        Raises
        ------
        KeyError
            There is no such mark, or it was too long ago.
        """
        state, position, differing = self._marks[mark]
        among = None
        if differing >= self._differing_forgotten:
            among = set(self._differing[differing - self._differing_forgotten :])
        return state, self._touches[max(0, position - self._forgotten) :], among

    def forget(self, mark: int) -> None:
        """The mark is not needed any more."""
        self._marks.pop(mark, None)
