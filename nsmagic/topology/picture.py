"""A picture of a lab as an object: shown by a notebook, printed by a terminal."""

from __future__ import annotations

from typing import Any

from nsmagic.model import Snapshot
from nsmagic.topology.text import text


class Topology:
    """A drawing of one snapshot; it does not change when the lab does.

    >>> from nsmagic.topology.sample import cable
    >>> print(Topology(cable()))
    host
    ├─ lo                 UP
    ├─ blue
    │  ├─ lo              DOWN
    │  └─ veth-blue       DOWN  ⇄ red/veth-red
    └─ red
       ├─ lo              DOWN
       └─ veth-red        DOWN  ⇄ blue/veth-blue
    """

    def __init__(self, snapshot: Snapshot, *, all: bool = False) -> None:
        self.snapshot = snapshot
        self._all = all

    def __str__(self) -> str:
        return text(self.snapshot, all=self._all)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self)}
