"""Which verbs only read: all that the agent, which makes no commands, needs to know of them."""

from __future__ import annotations

#: Verbs that only read. Everything else changes something (ping changes neighbour entries, which is not counted).
READS = frozenset(
    {
        "netns.list", "netns.identify", "netns.pids", "link.show", "addr.show", "route.show", "route.get", "route.test",
        "neigh.show", "neigh.get", "rule.show", "bridge.link.show", "bridge.fdb.show", "bridge.vlan.show", "bridge.show",
        "bridge.showstp", "bridge.showmacs", "sysctl.read", "ping",
    }
)  # fmt: skip
