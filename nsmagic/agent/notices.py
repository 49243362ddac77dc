"""Who hears of each change (``Lab.events``): what changed, batch by batch, and for those who can have it a socket of their own.

Over the socket a listener in the notebook's process hears the kernel's events of links without us; ``netlink/early.py`` says
what it makes of them and needs to be told: at the beginning all links, and with each of them and beside each change of one the numbers that
only the agent knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from nsmagic.netlink.delta import Delta
from nsmagic.netlink.monitor import Monitor

#: Links told of in one message.
_AT_ONCE: Final = 100


class Listener(Protocol):
    """Who asked: ``call.Call``, or a test."""

    on_cancel: Callable[[], None] | None

    def item(self, item: Any, fds: Sequence[int] = ()) -> None: ...

    def done(self, result: Any = None) -> None: ...


def start(call: Listener, monitor: Monitor, *, states: bool, early: bool) -> None:
    """An item ``{"changes": …, "facts": …}`` for each batch until the call is cancelled; an empty one first, with the socket when
    ``early``. ``facts`` is empty, or has for each change None or what ``Monitor.facts`` says of a link. When ``early``, the first item and
    some after it have ``links`` too: the links that there are, each as ``[row, facts]``."""
    begun = False

    def tell(deltas: list[Delta]) -> None:
        if not begun:
            return  # it is in the links that are told of next
        facts = [monitor.facts(new) if table == "links" and new else None for _, table, _, new in deltas]
        call.item({"changes": deltas, "facts": facts})

    def plainly(deltas: list[Delta]) -> None:
        call.item({"changes": deltas, "facts": []})

    def end() -> None:
        unsubscribe()
        call.done({})

    unsubscribe = monitor.subscribe(tell if early else plainly, weather=states, ahead=early)
    call.on_cancel = end
    nothing: dict[str, Any] = {"changes": [], "facts": []}
    if not early:
        call.item(nothing)
        return
    # The socket hears before the links are read: what happens in between is told rather twice than not at all.
    with monitor.listener() as sock:
        rows = [row for _, part in monitor.parts(("links",))["links"] for row in part]
        links = [[row, fact] for row in rows if (fact := monitor.facts(row)) is not None]
        begun = True
        call.item({**nothing, "links": links[:_AT_ONCE]}, [sock.fileno()])
    for at in range(_AT_ONCE, len(links), _AT_ONCE):
        call.item({**nothing, "links": links[at : at + _AT_ONCE]})
