"""Who hears of each change (``Lab.events``): what changed, batch by batch, and for those who can have it a socket of their own.

Over the socket a listener in the notebook's process hears the kernel's events of links without us; ``netlink/early.py`` says
what it makes of them and needs to be told: beside each change of a link the numbers that only the agent knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nsmagic.netlink.delta import Delta
from nsmagic.netlink.monitor import Monitor


class Listener(Protocol):
    """Who asked: ``call.Call``, or a test."""

    on_cancel: Callable[[], None] | None

    def item(self, item: Any, fds: Sequence[int] = ()) -> None: ...

    def done(self, result: Any = None) -> None: ...


def start(call: Listener, monitor: Monitor, *, states: bool, early: bool) -> None:
    """An item ``{"changes": …, "facts": …}`` for each batch until the call is cancelled; an empty one first, with the socket when
    ``early``. ``facts`` is empty, or has for each change None or what ``Monitor.facts`` says of a link."""

    def tell(deltas: list[Delta]) -> None:
        facts = [monitor.facts(new) if table == "links" and new else None for _, table, _, new in deltas]
        call.item({"changes": deltas, "facts": facts})

    def plainly(deltas: list[Delta]) -> None:
        call.item({"changes": deltas, "facts": []})

    def end() -> None:
        unsubscribe()
        call.done({})

    unsubscribe = monitor.subscribe(tell if early else plainly, weather=states)
    call.on_cancel = end
    nothing: dict[str, Any] = {"changes": [], "facts": []}
    if not early:
        call.item(nothing)
        return
    with monitor.listener() as sock:
        call.item(nothing, [sock.fileno()])
