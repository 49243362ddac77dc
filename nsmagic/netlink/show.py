"""What the ``show`` verbs of ``commands/command.py`` list: the monitor's tables, filtered as the tools filter.

The answer is ``{"table": name, "rows": rows}`` with rows of ``model.py``; where a table is read together with another one
(links have addresses, ``ip addr`` has links) ``more`` has that one: ``{"table": "addrs", "rows": …, "more": {"links": …}}``.
What has no table in the model has ``columns`` of its own; counters and details (``-s``, ``-d``) are such tables, put into ``further``
and shown in place of the rows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nsmagic.netlink import show_bridge, show_ip, show_more
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.show_ip import Args

_VERBS = {**show_ip.VERBS, **show_bridge.VERBS}


def show(monitor: Monitor, ns: str, verb: str, args: Args, wants: Collection[str] = ()) -> dict[str, Any]:
    """What a ``show`` verb lists of a namespace, and what more of it the options want.

    Raises
    ------
    NamespaceNotFound
    KernelRefused
        There is no such device or table, in the tool's words.
    KeyError
        Not a verb that shows something.
    """
    shown = _VERBS[verb](monitor, ns, args)
    if verb == "bridge.link.show" and "stats" not in wants:
        shown["further"] = show_more.ports(shown["rows"], wants)
    elif wants and verb == "link.show":
        shown["further"] = show_more.further(monitor, ns, shown["rows"], wants)
    return shown
