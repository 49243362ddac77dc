"""A watch: tells whoever looks on that something of the lab is different, and which links packets crossed.

It says *that* something changed, not what: the listener takes a snapshot when it is ready for one, so that a thousand changes
in a row cost it one picture. Changes come from the monitor's events, of all namespaces, carrier included; the kernel sends no event
for a packet, so the counters of the links are read at intervals, which grow where reading them takes long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from nsmagic.agent.loop import Loop, Timer
from nsmagic.errors import NamespaceNotFound
from nsmagic.netlink import dump
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.socket import NetlinkError

#: Seconds between two notices at least.
INTERVAL: Final = 0.1
#: Reading counters may take this part of the agent's time.
_SHARE: Final = 0.05


class Listener(Protocol):
    """Who asked: ``server.Call``, or a test."""

    on_cancel: Callable[[], None] | None

    def item(self, item: Any) -> None: ...

    def done(self, result: Any = None) -> None: ...


class Watch:
    """One listener's watch, from its start until it is cancelled. Each notice is ``{"changed": bool, "crossed": [[namespace,
    link, packets sent, packets received], …]}``; the first one comes at once.

    Parameters
    ----------
    look
        Finds namespaces that nobody announced (a process that unshared).
    interval
        Seconds between two notices at least.
    """

    def __init__(
        self, listener: Listener, loop: Loop, monitor: Monitor, look: Callable[[], object], interval: float = INTERVAL
    ) -> None:
        self._listener, self._loop, self._monitor, self._look = listener, loop, monitor, look
        self._interval = max(interval, 0.02)
        self._told = float("-inf")
        self._timer: Timer | None = None
        self._sampler: Timer | None = None
        self._counters: dict[tuple[str, str], tuple[int, int]] = {}
        self._unsubscribe = monitor.subscribe(lambda deltas: self._changed(), weather=True)
        listener.on_cancel = self.end
        self._changed()
        self._sample()

    def end(self) -> None:
        """No more notices."""
        self._unsubscribe()
        for timer in (self._timer, self._sampler):
            if timer is not None:
                timer.cancel()
        self._listener.done({})

    def _changed(self) -> None:
        if self._timer is None:
            self._timer = self._loop.later(max(0.0, self._told + self._interval - time.monotonic()), self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._told = time.monotonic()
        self._listener.item({"changed": True, "crossed": []})

    def _sample(self) -> None:
        began = time.monotonic()
        self._look()
        # What the search has found is told by the next event otherwise, which may be long in coming.
        self._monitor.drain()
        crossed = self._crossed()
        if crossed:
            self._listener.item({"changed": False, "crossed": crossed})
        taken = time.monotonic() - began
        self._sampler = self._loop.later(max(self._interval, taken / _SHARE), self._sample)

    def _crossed(self) -> list[list[Any]]:
        counters: dict[tuple[str, str], tuple[int, int]] = {}
        crossed = []
        for ns in self._monitor.names():
            try:
                rows = dump.link_stats(self._monitor.socket(ns))
            except (NetlinkError, NamespaceNotFound):
                continue  # it goes, or does not stand still: the next sample sees
            for row in rows:
                now = (row.tx_packets, row.rx_packets)
                counters[ns, row.ifname] = now
                sent, received = self._counters.get((ns, row.ifname), now)
                if now > (sent, received):
                    crossed.append([ns, row.ifname, max(now[0] - sent, 0), max(now[1] - received, 0)])
        self._counters = counters
        return crossed
