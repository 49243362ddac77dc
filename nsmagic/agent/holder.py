"""What the agent holds of the lab: its namespaces, the monitor that follows them, and those who work on both.

One thread, one loop. What can be asked of it is in the classes made of this one: ``programs.py``, ``server.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsmagic import sentences
from nsmagic import syscalls as sys_
from nsmagic.agent import defaults, later, limits, proc, process, protocol, series, shelf
from nsmagic.agent.call import told
from nsmagic.agent.capture import Captures
from nsmagic.agent.connections import Connections
from nsmagic.agent.framed_socket import FramedSockets
from nsmagic.agent.loop import Loop
from nsmagic.agent.namespaces import Namespaces
from nsmagic.agent.rules import Rules
from nsmagic.agent.work import Work
from nsmagic.names import HOST
from nsmagic.netlink.monitor import Monitor

#: Seconds that those wait for our word who hear of links from the kernel, too.
_LATER = 0.0005


class Holder(Connections):
    """What there is of the lab, and how its events are taken in."""

    def __init__(self, channel: protocol.Channel, config: Mapping[str, Any], missing: Sequence[str]) -> None:
        self.config = config
        self.missing = list(missing)
        sentences.take(config.get("sentences", {}))
        super().__init__(Loop(on_error=self._bug), channel)
        self.bounds: dict[str, int] = limits.enforce(config["limits"], config["kind"], self.missing)
        home = sys_.current_netns()
        proc.keep_proc()
        self.monitor = Monitor(home)
        plain = config["kind"] != "host"
        prepare = self._defaults() if plain else []
        self.namespaces = Namespaces(
            self.monitor, home, seed=config["seed"], mounts=config["kind"] != "rootless-nomount", prepare=prepare
        )
        self.work = Work(self.loop, self.monitor, self.namespaces, self.bounds["neighbours"], self.bounds["links"])
        self.rules = Rules(self.loop, self.monitor, self.namespaces, self.place)
        self.captures = Captures(self.loop, self.namespaces)
        self.sockets = FramedSockets(self.loop)
        if plain:
            self.work.up_loopback()
        self.shelf = shelf.Shelf()
        self.turns = series.Turns(self.loop, self.namespaces.rest)
        self.later = later.Laters(self.monitor)
        self._tells_later = False
        self.gate = self.namespaces.guard(self.loop)

    def _listen(self, now: bool) -> None:
        """Take in the kernel's events as they come, or leave them until somebody asks."""
        self.loop.watch(self.monitor.fileno(), self._hear if now else None)

    def _hear(self) -> None:
        """Take in the kernel's events. Who hears them from the kernel, too, has the processor first: where there are few, our work for
        the same event would be in the way of that."""
        if self.monitor.hear() and not self._tells_later:
            self._tells_later = True
            self.loop.later(_LATER, self._tell)

    def _tell(self) -> None:
        self._tells_later = False
        self.monitor.drain()

    def _defaults(self) -> list[Callable[[bool], object]]:
        deviations = defaults.deviations()

        def prepare(touched: bool) -> None:
            for words in defaults.apply_defaults(deviations, touched=touched):
                if words not in self.missing:
                    self.missing.append(words)

        prepare(False)
        return [prepare] if deviations else []

    def _bug(self, error: Exception) -> None:
        """A callback of the loop raised: the lab goes on, and ``%lab status`` shows that something was wrong."""
        words = told(error).message
        if words not in self.missing:
            self.missing.append(words)

    def place(self, ns: str, cwd: str | None = None) -> process.Place:
        """Where a command of a namespace runs."""
        nsfd = None if ns == HOST else self.namespaces.nsfd(ns)
        return process.Place(
            nsfd,
            ns if ns != HOST else "",
            cwd or self.config["cwd"],
            self.namespaces.mounts,
            self.config["kind"] != "host",
            limits.of_commands(self.bounds),
            self.gate.handover() if self.gate is not None else None,
        )
