"""Commands that mend what takes more than one setting: a cable to be made, a translation that names the wrong address, a program to be
started. Links that are made anew are in ``remaking``.

They are typed on the lab's host, one after the other. What comes after them (a new cable has no address yet) is the next verdict's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nsmagic.model import HOST, FirewallRule
from nsmagic.why import wire
from nsmagic.why.finding import inside, ip
from nsmagic.why.situation import Listener, Situation, family_of
from nsmagic.why.situation import ip as parsed

#: Longest name of a link (``IFNAMSIZ`` less its zero).
_LONGEST = 15
#: Ports whose clients expect a web server.
_WEB = frozenset({80, 8000, 8080})
_TARGET = re.compile(r"-j (?:SNAT|DNAT) .*")
_TO_DESTINATION = re.compile(r"(--to-destination )\[?([0-9a-fA-F.:]+?)\]?((?::\d+)?)(?=\s|$)")


# A cable


def plugged(
    s: Situation, ns: str, towards: str, dev: str = "", knows: Callable[[wire.Place], bool] | None = None
) -> tuple[str, ...]:
    """A cable from a namespace (or, with ``dev``, from its switch) to where an address is: into the switch before it, if there is one; else
    into one on which somebody ``knows`` the way; else to the only namespace that has nothing plugged in. Nothing when it cannot be known
    where it should end."""
    switch = _switch_before(s, ns, towards) or (_switch_of(s, ns, knows) if knows is not None else None)
    if switch is not None:
        mine = _name(s, ns, f"veth-{_plain(ns)}")
        theirs = _name(s, switch.ns, f"veth-{_plain(ns)}-br")
        ends = _pair(ns, mine, switch.ns, theirs)
        return (*ends, *_into(ns, mine, dev), *_into(switch.ns, theirs, switch.dev))
    alone = [name for name in s.namespaces() if name not in (ns, HOST) and _typed(name) and not s.cables(name)]
    if len(alone) != 1 or not _typed(ns):
        return ()
    mine, theirs = _name(s, ns, f"veth-{_plain(ns)}"), _name(s, alone[0], f"veth-{_plain(alone[0])}")
    return (*_pair(ns, mine, alone[0], theirs), *_into(ns, mine, dev), *_into(alone[0], theirs, ""))


def _switch_before(s: Situation, ns: str, towards: str) -> wire.Place | None:
    """The switch that whoever has the address is plugged into; ``towards`` may be a namespace too, whose first cable counts."""
    owners = [(row.ns, row.ifname) for row in s.owners(towards)] or [
        (link.ns, link.ifname) for link in s.cables(towards) if not link.master
    ]
    found: list[tuple[int, wire.Place]] = []
    for place in owners:
        if place[0] == ns:
            continue
        for near, path in {wire.Place(*place): wire.Path(wire.Place(*place)), **wire.reach(s, *place)}.items():
            link = s.link(*near)
            if link is not None and link.kind == "bridge" and near.ns != ns and _typed(near.ns, ns):
                # One behind something that is broken too is better than none.
                found.append((path.cost, near))
    return min(found)[1] if found else None


def _switch_of(s: Situation, ns: str, knows: Callable[[wire.Place], bool]) -> wire.Place | None:
    """A switch on which somebody knows the way; one behind something that is broken too is better than none."""
    found = [
        (path.cost + (not link.up), wire.Place(link.ns, link.ifname))
        for link in s.snapshot.links
        if link.kind == "bridge" and link.ns != ns and _typed(link.ns, ns)
        for place, path in wire.reach(s, link.ns, link.ifname).items()
        if place.ns != ns and knows(place)
    ]
    return min(found)[1] if found else None


def _typed(*names: str) -> bool:
    """Whether namespaces have names that can be typed: those outside of a world have none."""
    return not any(name.startswith("(") for name in names)


def _plain(ns: str) -> str:
    return re.sub(r"[^0-9A-Za-z_.-]", "", ns) or "x"


def _name(s: Situation, ns: str, wish: str) -> str:
    """A name for a link that is not taken there."""
    names = [wish[:_LONGEST], *(f"cable{number}" for number in range(1000))]
    return next(name for name in names if s.link(ns, name) is None)


def _pair(ns: str, mine: str, other: str, theirs: str) -> tuple[str]:
    first = ("netns", ns) if ns != HOST else ()
    second = ("netns", other) if other != HOST else ()
    return (ip(HOST, "link", "add", mine, *first, "type", "veth", "peer", "name", theirs, *second),)


def _into(ns: str, dev: str, master: str) -> tuple[str]:
    return (ip(ns, "link", "set", dev, *(("master", master) if master else ()), "up"),)


# Translation


def translating(s: Situation, ns: str, address: str, target: str) -> FirewallRule | None:
    """The rule of a namespace that translates to an address; ``target`` is ``SNAT`` or ``DNAT``.

    Raises
    ------
    Unread
        The rules have to be read first.
    """
    words = re.compile(rf"{target} to \[?{re.escape(address)}\]?(?:$|[:\s,])")
    return next((row for row in s.rules_of(ns) if row.position and words.match(row.target)), None)


def masqueraded(s: Situation, ns: str, address: str, dev: str) -> tuple[str, ...]:
    """The rule that puts a wrong address into packets, with the address that the interface really has in its place."""
    rule = translating(s, ns, address, "SNAT")
    if rule is None:
        return ()
    if rule.tool == "nft":
        new = ("nft", "add", "rule", rule.family, rule.table, rule.chain, "oifname", dev, "masquerade")
        return _deleted(rule), inside(ns, *new)
    return (_replaced(rule, _TARGET.sub("-j MASQUERADE", rule.rule)),)


def redirected(s: Situation, ns: str, address: str, proto: str, port: int) -> tuple[str, ...]:
    """The rule that sends packets to nobody: to the only program of that network that waits on the port, or taken away."""
    rule = translating(s, ns, address, "DNAT")
    if rule is None:
        return ()
    nets = [s.network(row) for row in s.addresses(ns) if parsed(address) in s.network(row)]
    good = [
        row.address
        for row in s.snapshot.addrs
        if row.ns != ns
        and any(parsed(row.address) in net for net in nets)
        and waits(s, row.ns, row.address, proto, port)
    ]
    if len(good) != 1 or rule.tool == "nft":
        return (_deleted(rule),)
    to = f"[{good[0]}]" if ":" in good[0] else good[0]
    return (_replaced(rule, _TO_DESTINATION.sub(lambda found: f"{found[1]}{to}{found[3]}", rule.rule)),)


def waits(s: Situation, ns: str, address: str, proto: str, port: int) -> bool:
    """Whether a program hears what is sent to an address and a port."""
    return any(
        each.proto.rstrip("6") == proto and each.port == port and hears(each, address)
        for each in s.listeners.get(ns, ())
    )


def hears(each: Listener, dst: str) -> bool:
    """A socket of ``::`` hears IPv4 too, unless it was told not to; that is not seen from outside."""
    if each.address in ("0.0.0.0", "::"):
        return each.proto.endswith("6") or family_of(dst) == "inet"
    return each.address in (dst, f"::ffff:{dst}")


def _tool(rule: FirewallRule) -> str:
    return rule.tool.replace("iptables", "ip6tables") if rule.family == "ip6" else rule.tool


def _deleted(rule: FirewallRule) -> str:
    if rule.tool == "nft":
        words = (rule.family, rule.table, rule.chain, *rule.rule.split())
        return inside(rule.ns, "nft", "delete", "rule", *words)
    return inside(rule.ns, _tool(rule), "-t", rule.table, "-D", rule.chain, str(rule.position))


def _replaced(rule: FirewallRule, text: str) -> str:
    """The rule with other words in its place; its text is of a tool that quotes as a shell reads."""
    words = text.split(" ", 2)[2]
    before = inside(rule.ns, _tool(rule), "-t", rule.table, "-R", rule.chain, str(rule.position))
    return f"{before} {words}"


# Programs


def served(ns: str, dst: str, proto: str, port: int) -> tuple[str, ...]:
    """A program that waits on a port."""
    six = family_of(dst) == "inet6"
    if proto == "udp":
        return (f"{inside(ns, 'nc', *(['-6'] if six else []), '-luk', str(port))} &",)
    if port in _WEB:
        at = ("--bind", "::") if six else ()
        return (f"{inside(ns, 'python3', '-m', 'http.server', *at, str(port))} &",)
    return (f"{inside(ns, 'nc', *(['-6'] if six else []), '-lk', str(port))} &",)


def heard(s: Situation, ns: str, dst: str, proto: str, there: Sequence[Listener]) -> tuple[str, ...]:
    """A program that waits at another address: started anew where its command names the address, else what comes is sent to where it waits."""
    each = there[0]
    if each.pid and each.address in each.argv:
        everywhere = "::" if family_of(dst) == "inet6" else "0.0.0.0"
        argv = [everywhere if word == each.address else word for word in each.argv]
        return (f"kill {each.pid}", f"{inside(ns, *argv)} &")
    home = parsed(each.address)
    if home.is_loopback and home.version == 6:
        return ()  # the kernel takes nothing from outside for ::1
    tool = "ip6tables" if home.version == 6 else "iptables"
    local: tuple[str, ...] = ()
    if home.is_loopback:
        # Without it, what came from outside for 127.0.0.0/8 is a martian (Documentation/networking/ip-sysctl.rst).
        devs = sorted({row.ifname for row in s.owners(dst) if row.ns == ns}) or ["all"]
        local = (inside(ns, "sysctl", "-w", *(f"net.ipv4.conf.{dev}.route_localnet=1" for dev in devs)),)
    to = f"[{each.address}]:{each.port}" if home.version == 6 else f"{each.address}:{each.port}"
    rule = ("-t", "nat", "-A", "PREROUTING", "-d", dst, "-p", proto, "--dport", str(each.port), "-j", "DNAT")
    return (*local, inside(ns, tool, *rule, "--to-destination", to))


def lone(s: Situation, places: Sequence[wire.Place], family: str) -> wire.Place | None:
    """The one of some neighbours to whom a missing address must belong: the only one, or the only one that is no switch and has none."""
    if len(places) == 1:
        return places[0]
    without = [
        place
        for place in places
        if not s.addresses(*place, family, automatic=False)
        and (link := s.link(*place)) is not None
        and link.kind != "bridge"
    ]
    return without[0] if len(without) == 1 else None


def networks(s: Situation, ns: str, dev: str, dst: str) -> list[int]:
    """The lengths of the networks of an interface that hold an address."""
    return [row.prefixlen for row in s.addresses(ns, dev, family_of(dst)) if parsed(dst) in s.network(row)]
