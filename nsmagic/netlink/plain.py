"""Which commands have their whole effect on what they name, as far as one sees from their words.

What a command like these changed is the difference of one link, or one new thing; ``told.py`` then looks at what hangs on that
link before it believes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_LINK_ADD = frozenset({"kind", "ifname", "peer", "data", "mac"})
_PEER = frozenset({"ifname", "netns", "mac"})
_LINK_SET = frozenset({"dev", "up", "master"})
_ADDRESS6 = frozenset({"dev", "address", "prefixlen", "family", "scope"})
_ROUTE6 = frozenset(
    {"dst", "family", "gateway", "gateway_family", "dev", "metric", "table", "scope", "type", "protocol"}
)


def _makes_plainly(args: Mapping[str, Any]) -> bool:
    """A new link with a name, without a link below it, that is neither plugged in nor switched on by the same command."""
    peer = args.get("peer") or {}
    names = [args.get("ifname", "")] + ([peer.get("ifname", "")] if args["kind"] == "veth" else [])
    return (
        args["kind"] in ("veth", "bridge", "dummy")
        and _LINK_ADD.issuperset(args)
        and _PEER.issuperset(peer)
        and isinstance(peer.get("netns", ""), str)
        and all(name and "%" not in name for name in names)
    )


def _sets_plainly(args: Mapping[str, Any]) -> bool:
    """A link switched on, plugged into something, or both: what that may do to other links is looked at by ``_plain``."""
    return _LINK_SET.issuperset(args) and args.get("up", True) and args.get("master", "-") and "dev" in args


def _addresses_plainly(args: Mapping[str, Any]) -> bool:
    """A new address; of IPv6 one for ever, since a lifetime or a flag may bring others about."""
    return ":" not in args["address"] or _ADDRESS6.issuperset(args)


def _routes_plainly(args: Mapping[str, Any]) -> bool:
    """A new route; of IPv6 one by one way, since several of them are told of, and grow, one by one."""
    if args.get("family", "inet") == "inet" and ":" not in f"{args['dst']}{args.get('gateway')}":
        return True
    return (
        _ROUTE6.issuperset(args)
        and args.get("family") == args.get("gateway_family", "inet6") == "inet6"
        and args.get("type", "unicast") == "unicast"
    )


#: Verb → whether with these arguments its effect is on what it names.
PLAIN: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "link.add": _makes_plainly,
    "link.set": _sets_plainly,
    "addr.add": _addresses_plainly,
    "route.add": _routes_plainly,
}
