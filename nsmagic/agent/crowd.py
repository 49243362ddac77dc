"""Says once when a lab has many neighbours: their table is one for the whole machine, and a full one stops everybody.

Asked after whatever may have made some (a program, a ping, a cell of native commands). As long as the whole machine has fewer, or has made
fewer since, than the lab lacks to be told, that is one short message to the kernel; only then are the lab's own counted. (That the machine
has no more than before says nothing: others' may go while the lab's come.)
"""

from __future__ import annotations

from typing import Any

from nsmagic.netlink import crowd
from nsmagic.netlink.monitor import Monitor


class Crowd:
    """``most`` is the number of one family's neighbours in the lab from which on it is told."""

    def __init__(self, monitor: Monitor, most: int) -> None:
        self._monitor, self._most = monitor, most
        self._told: set[str] = set()
        #: Family → how many the machine may have made before the lab can have too many, as it was counted last.
        self._safe: dict[str, int] = {}

    def news(self) -> list[tuple[str, dict[str, Any]]]:
        """What is to be told now: the code of a sentence and its fields. A family that was told is told again after it had
        fallen to half."""
        try:
            tables = crowd.tables(self._monitor.asking)
            self._told = {
                family for family in self._told if family in tables and tables[family].entries > self._most // 2
            }
            if all(family in self._told or self._is_safe(family, table) for family, table in tables.items()):
                return []
            here = crowd.held(self._monitor.socket(name) for name in self._monitor.names())
        except OSError:
            return []  # a kernel that does not tell; no command fails for it
        for family, table in tables.items():
            if table.made is not None:
                self._safe[family] = table.made + max(1, self._most - here[family])
        news: list[dict[str, Any]] = [
            {"family": family, "here": here[family], "machine": table.entries, "most": table.most}
            for family, table in tables.items()
            if here[family] >= self._most and family not in self._told
        ]
        self._told |= {each["family"] for each in news}
        return [("neighbours", each) for each in news]

    def _is_safe(self, family: str, table: crowd.Table) -> bool:
        """Whether the lab cannot have too many, even if all that are there, or all that came since, were its own."""
        if table.entries < self._most:
            return True
        return table.made is not None and table.made < self._safe.get(family, 0)
