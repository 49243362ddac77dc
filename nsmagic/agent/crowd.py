"""Says once when a lab has many neighbours: their table is one for the whole machine, and a full one stops everybody.

Asked after whatever may have made some (a program, a ping, a cell of native commands). As long as the whole machine has fewer
than the lab is told of, that is one short message to the kernel; only then are the lab's own counted.
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
        #: Family → entries of the machine up to which the lab cannot have too many, as it was counted last.
        self._safe = dict.fromkeys(("IPv4", "IPv6"), most - 1)

    def news(self) -> list[tuple[str, dict[str, Any]]]:
        """What is to be told now: the code of a sentence and its fields. A family that was told is told again after it had
        fallen to half."""
        try:
            tables = crowd.tables(self._monitor.asking)
            self._told = {family for family in self._told if tables.get(family, (0, 0))[0] > self._most // 2}
            if all(entries <= self._safe[family] or family in self._told for family, (entries, _) in tables.items()):
                return []
            here = crowd.held(self._monitor.socket(name) for name in self._monitor.names())
        except OSError:
            return []  # a kernel that does not tell; no command fails for it
        for family, (entries, _) in tables.items():
            self._safe[family] = max(self._most, entries + self._most - here[family]) - 1
        news: list[dict[str, Any]] = [
            {"family": family, "here": here[family], "machine": entries, "most": most}
            for family, (entries, most) in tables.items()
            if here[family] >= self._most and family not in self._told
        ]
        self._told |= {each["family"] for each in news}
        return [("neighbours", each) for each in news]
