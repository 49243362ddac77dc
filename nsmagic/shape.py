"""The shape of the tables: which there are, and the columns of their rows in the order in which they travel.

What the agent needs to know of rows; here because ``model.py``, which makes classes, took an eighth of a lab's start.
"""

from __future__ import annotations

IFF_UP = 0x1
IFF_BROADCAST = 0x2
IFF_LOOPBACK = 0x8
IFF_POINTOPOINT = 0x10
IFF_NOARP = 0x80
IFF_PROMISC = 0x100
IFF_ALLMULTI = 0x200
IFF_MULTICAST = 0x1000
IFF_LOWER_UP = 0x10000

#: Columns of each table: the fields of its class in ``model.py``. The order is the one in which a full snapshot is sent.
COLUMNS: dict[str, tuple[str, ...]] = {
    "namespaces": ("ns", "inode", "named", "pids"),
    "links": (
        "ns", "ifindex", "ifname", "kind", "flags", "operstate", "mac", "mtu", "master", "lower", "peer", "peer_ns",
        "alias", "qdisc", "txqlen", "group", "promiscuity", "altnames", "info", "port",
    ),
    "addrs": (
        "ns", "ifindex", "ifname", "family", "address", "prefixlen", "broadcast", "scope", "label", "peer", "flags",
        "valid_lft", "preferred_lft",
    ),
    "routes": (
        "ns", "family", "dst", "gateway", "dev", "prefsrc", "protocol", "scope", "metric", "table", "type", "src",
        "flags", "nexthops", "metrics",
    ),
    "neighbours": ("ns", "family", "address", "mac", "dev", "state", "flags"),
    "rules": ("ns", "family", "priority", "src", "dst", "iif", "oif", "fwmark", "table", "action", "invert", "extra"),
    "fdb": ("ns", "mac", "dev", "master", "vlan", "dst", "state", "flags"),
    "firewall": (
        "ns", "tool", "family", "table", "chain", "type", "hook", "priority", "position", "match", "target",
        "packets", "bytes", "rule",
    ),
    "conntrack": (
        "ns", "family", "protocol", "state", "status", "nat", "src", "sport", "dst", "dport", "reply_src",
        "reply_sport", "reply_dst", "reply_dport", "mark", "timeout",
    ),
}  # fmt: skip

#: Tables that a snapshot holds only when they are asked for: no event tells of each of their changes.
ON_REQUEST = ("firewall", "conntrack")
