"""Commands for links whose number is wrong: the kernel does not change the tag of a vlan or the number of a vxlan in place, so the link is
made anew with all that it had.
"""

from __future__ import annotations

from nsmagic.model import Link
from nsmagic.why.finding import bridge, ip
from nsmagic.why.situation import Situation


def anew(s: Situation, link: Link, name: str = "", **info: int) -> tuple[str, ...]:
    """A vlan or vxlan with another number, which the kernel does not change in place (``vxlan_nl2conf``, ``vlan_changelink``): deleted, and
    made again with all that it had: its switch, addresses, routes, and entries of its forwarding table."""
    info_now = {**link.info, **info}
    name = name or link.ifname
    lines = [ip(link.ns, "link", "del", link.ifname)]
    if link.kind == "vlan":
        words = ["link", "add", "link", link.lower, "name", name, "type", "vlan", "id", str(info_now["id"])]
    else:
        words = ["link", "add", name, "type", "vxlan", "id", str(info_now["id"])]
        for word, plain in (("local", "local"), ("local6", "local"), ("remote", "remote"), ("remote6", "remote")):
            words += [plain, str(info_now[word])] if info_now.get(word) else []
        for word in ("group", "group6"):
            words += ["group", str(info_now[word])] if info_now.get(word) else []
        words += ["dev", link.lower] if link.lower else []
        words += ["dstport", str(info_now["port"])]
        words += ["nolearning"] if info_now.get("learning") is False else []
    lines.append(ip(link.ns, *words))
    if link.master:
        lines.append(ip(link.ns, "link", "set", name, "master", link.master))
    lines += [
        ip(link.ns, "addr", "add", f"{row.address}/{row.prefixlen}", "dev", name)
        for row in s.addresses(link.ns, link.ifname, automatic=False)
    ]
    if link.up:
        lines.append(ip(link.ns, "link", "set", name, "up"))
    for route in s.snapshot.routes:
        if (route.ns, route.dev) == (link.ns, link.ifname) and route.table == 254 and route.protocol != "kernel":
            six = ("-6",) if route.family == "inet6" else ()
            via = ("via", route.gateway) if route.gateway else ()
            lines.append(ip(link.ns, *six, "route", "add", route.dst, *via, "dev", name))
    for entry in s.fdb(link.ns, link.ifname):
        if entry.dst and entry.dst != info_now.get("remote"):
            lines.append(bridge(link.ns, "fdb", "append", entry.mac, "dev", name, "dst", entry.dst))
    return tuple(lines)


def other_name(link: Link, tag: int) -> str:
    """What a vlan is called with another tag: ``eth0.8`` becomes ``eth0.7``, any other name stays."""
    base, dot, number = link.ifname.rpartition(".")
    return f"{base}.{tag}" if dot and number == str(link.info.get("id")) else link.ifname


def moved(s: Situation, ns: str, dev: str, to: str) -> tuple[str, ...]:
    """The addresses of one interface, given to another."""
    lines: tuple[str, ...] = ()
    for row in s.addresses(ns, dev, automatic=False):
        prefix = f"{row.address}/{row.prefixlen}"
        lines += (ip(ns, "addr", "del", prefix, "dev", dev), ip(ns, "addr", "add", prefix, "dev", to))
    return lines


def vlan_of(s: Situation, port: Link, above: Link) -> int:
    """The VLAN of which a port without one should be: its own only one, or the one that most other ports of the switch give to what comes
    without a tag."""
    own = {first for first, last, _ in s.vlans.get(port.ns, {}).get(port.ifname, ()) if first == last}
    if len(own) == 1:
        return own.pop()
    theirs = [
        first
        for each in s.ports.get((above.ns, above.ifname), ())
        for first, _, flags in s.vlans.get(each.ns, {}).get(each.ifname, ())
        if flags & 2
    ]
    return max(sorted(set(theirs)), key=theirs.count, default=1)
