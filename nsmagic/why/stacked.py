"""Links that are part of others: a macvlan and the link that it sits on, which never speak with each other; a bridge and its ports.

What a macvlan sends goes out by its lower link and never up from there, and so does what the lower link sends itself
(``macvlan_queue_xmit`` in drivers/net/macvlan.c; ipvlan is alike). In mode bridge those upon one link reach each other.

What comes in by a port is the bridge's (``br_handle_frame`` in net/bridge/br_input.c), so who sends by a port himself never hears an answer.
"""

from __future__ import annotations

from nsmagic.model import Address, Link
from nsmagic.why.finding import Finding, ip
from nsmagic.why.situation import Situation

#: The mode in which links on the same lower link speak with each other.
_MODE = {"macvlan": "bridge", "ipvlan": "l2"}


def apart(s: Situation, ns: str, dev: str, owner: Address) -> Finding | None:
    """Whether what is sent by ``dev`` never arrives at the link that has the address ``owner``, for one of these reasons."""
    link, target = s.link(ns, dev), s.link(owner.ns, owner.ifname)
    if link is None or target is None:
        return None
    if target.kind in _MODE and s.below(target) == link:
        return _lower(s, link, target, link, owner.address)
    if link.kind in _MODE and s.below(link) == target:
        mine = next((row.address for row in s.addresses(ns, dev, owner.family, automatic=False)), "")
        return _lower(s, link, link, target, mine)
    if link.kind == target.kind == "macvlan" and s.below(link) is not None and s.below(link) == s.below(target):
        return _mode(ns, dev, link, target)
    return None


def _lower(s: Situation, sender: Link, child: Link, lower: Link, address: str) -> Finding:
    """Mended by a link of the lower one's own: that is on the same side as the child."""
    taken = {each.ifname for each in s.links(lower.ns)}
    own = next(name for name in (f"mv{number}" for number in range(len(taken) + 1)) if name not in taken)
    fix = [
        ip(lower.ns, "link", "add", own, "link", lower.ifname, "type", child.kind, "mode", _MODE[child.kind]),
        ip(lower.ns, "link", "set", own, "up"),
    ]
    if address:
        six, length = (("-6",), 128) if ":" in address else ((), 32)
        fix.append(ip(lower.ns, *six, "route", "add", f"{address}/{length}", "dev", own))
    facts = {"child": f"{child.ns}/{child.ifname}", "kind": child.kind, "lower": f"{lower.ns}/{lower.ifname}"}
    see = (ip(child.ns, "-d", "link", "show", child.ifname),)
    return Finding("macvlan-isolated", sender.ns, sender.ifname, facts, see, tuple(fix))


def _mode(ns: str, dev: str, *links: Link) -> Finding | None:
    alone = [link for link in links if link.info.get("mode") in ("private", "vepa")]
    if not alone:
        return None
    first = alone[0]
    facts = {"child": f"{first.ns}/{first.ifname}", "mode": first.info["mode"]}
    see = (ip(first.ns, "-d", "link", "show", first.ifname),)
    fix = tuple(ip(link.ns, "link", "set", link.ifname, "type", "macvlan", "mode", "bridge") for link in alone)
    return Finding("macvlan-isolated", ns, dev, facts, see, fix, say="macvlan-mode")


def port(s: Situation, ns: str, dev: str, family: str) -> Finding | None:
    """Whether ``dev`` is a port of a bridge, and what it has or sends belongs on the bridge."""
    link = s.link(ns, dev)
    bridge = s.link(ns, link.master) if link is not None and link.master else None
    if bridge is None or bridge.kind != "bridge":
        return None
    rows = s.addresses(ns, dev, family, automatic=False)
    six = ("-6",) if family == "inet6" else ()
    fix = [
        ip(ns, "addr", verb, f"{row.address}/{row.prefixlen}", "dev", on)
        for row in rows
        for verb, on in (("del", dev), ("add", bridge.ifname))
    ]
    for route in s.routes(ns, family):
        if route.dev == dev and route.protocol != "kernel":
            way = ("via", route.gateway) if route.gateway else ("dev", bridge.ifname)
            fix.append(ip(ns, *six, "route", "replace", route.dst, *way))
    addresses = ", ".join(f"{row.address}/{row.prefixlen}" for row in rows)
    facts = {"bridge": bridge.ifname, "address": addresses}
    see = (ip(ns, "addr", "show", "dev", dev), ip(ns, "link", "show", "master", bridge.ifname))
    return Finding("address-on-port", ns, dev, facts, see, tuple(fix), say="" if rows else "route-on-port")
