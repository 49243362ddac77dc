"""The rules of ``hints.py`` about routes, gateways and pings without reply."""

from __future__ import annotations

import errno
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence

from nsmagic.commands.case import Case, listed, retarget
from nsmagic.commands.idioms import unreachable_name
from nsmagic.commands.sentences import say
from nsmagic.model import Route, Snapshot


def gateway(case: Case) -> str | None:
    """A gateway that the kernel does not take."""
    via = case.arg("gateway")
    nexthops = case.args.get("nexthops")
    if not via and isinstance(nexthops, Sequence) and nexthops and isinstance(nexthops[0], Mapping):
        via = str(nexthops[0].get("gateway", ""))
    if not case.verb.startswith("route.") or case.verb in ("route.show", "route.get") or not via:
        return None
    if case.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL) or (
        case.errno == errno.EINVAL and "gateway" not in case.words
    ):
        return None
    goal = _ip(via)
    if goal is None:
        return None
    on_links = [one for one in case.addresses() if _ip(one.address) is not None]
    if any(_ip(one.address) == goal for one in on_links):
        return say("gateway-own", gateway=via, ns=case.ns)
    for one in on_links:
        link = case.link(one.ifname)
        if (
            link is not None
            and not link.up
            and goal in ipaddress.ip_interface(f"{one.address}/{one.prefixlen}").network
        ):
            fixed = case.ip("link", "set", one.ifname, "up")
            return say("gateway-down", gateway=via, dev=one.ifname, fixed=fixed)
    family = "inet6" if goal.version == 6 else "inet"
    wide = [one for one in on_links if one.family == family and one.scope != "host"]
    networks = [one for one in wide if one.prefixlen < goal.max_prefixlen]
    if networks:
        shown = listed(
            f"{ipaddress.ip_interface(f'{one.address}/{one.prefixlen}').network} ({one.ifname})" for one in networks
        )
        return say("gateway-off-link", gateway=via, ns=case.ns, networks=shown)
    if wide and family == "inet":
        return say("gateway-single", gateway=via, ns=case.ns, single=f"{wide[0].address}/{wide[0].prefixlen}")
    return say("gateway-no-address", gateway=via, ns=case.ns)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def route(case: Case) -> str | None:
    """A route that is there already, or not there, or misses something."""
    if not case.verb.startswith("route.") or case.verb == "route.show":
        return None
    dst, dev = case.arg("dst"), case.arg("dev")
    if case.errno == errno.EEXIST:
        return _route_exists(case, dst)
    if case.errno == errno.ENETDOWN or "not up" in case.words:
        return say("dev-down", dev=dev or "the interface", fixed=case.ip("link", "set", dev or "IF", "up"))
    if case.errno == errno.EINVAL and "Invalid prefix" in case.words:
        typed = next((word for word in case.argv if "/" in word), dst)
        try:
            return say("route-host-bits", dst=typed, network=ipaddress.ip_network(typed, strict=False))
        except ValueError:
            return None
    if case.verb == "route.del" and case.errno in (errno.ESRCH, errno.ENOENT):
        have = listed(_route_words(one) for one in case.routes() if one.type == "unicast")
        return say("route-none", ns=case.ns, have=have) if have else say("route-none-at-all", ns=case.ns)
    if "Egress device not specified" in case.words:
        return say("route-no-egress")
    if case.errno == errno.ENODEV and not dev and not case.arg("gateway") and not case.args.get("nexthops"):
        return say("route-no-dev")
    return None


def _route_exists(case: Case, dst: str) -> str:
    plain = dst.removesuffix("/32").removesuffix("/128")
    metric = case.args.get("metric", 0)
    same = [one for one in case.routes() if one.dst in (dst, plain)]
    same = [one for one in same if one.metric == metric] or same
    if same and same[0].protocol == "kernel":
        return say("route-exists-kernel", ns=case.ns, dst=dst, dev=same[0].dev)
    route = _route_words(same[0]) if same else f"{dst} …"
    return say("route-exists", ns=case.ns, dst=dst, route=route)


def _route_words(route: Route) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.dst}{via}{f' dev {route.dev}' if route.dev else ''}"


def unreachable(case: Case) -> str | None:
    """The route table has nothing for the address."""
    if case.errno != errno.ENETUNREACH and "Network is unreachable" not in case.words:
        return None
    address = case.arg("address")
    if address and _ip(address) is not None:
        return say("unreachable", ns=case.ns, address=address)
    return say("unreachable-any", ns=case.ns)


def no_reply(ns: str, address: str, error: str, snapshot: Callable[..., Snapshot]) -> str | None:
    """What may be the reason when a ping from ``ns`` to ``address`` got no reply, as far as one look at the lab shows.

    ``error`` is what ping said beside its statistics, ``snapshot`` gives the named tables.

    >>> empty = Snapshot.from_data({})
    >>> no_reply("red", "10.0.0.9", "ping: connect: Network is unreachable", lambda *tables: empty)
    'no route of red covers 10.0.0.9; %routes red shows them'
    """
    if missing := re.search(r"SO_BINDTODEVICE (\S+): No such device|unknown iface:? (\S+)", error):
        have = listed(link.ifname for link in snapshot("links").links if link.ns == ns)
        return say("dev-none", ns=ns, have=have, dev=missing[1])
    goal = _ip(address)
    if goal is None:
        return unreachable_name(error)
    if goal.is_loopback and "unreachable" in error:
        return say("lo-down", ns=ns, fixed=retarget(("ip", "link", "set", "lo", "up"), ns, {}))
    if "unreachable" in error:
        return say("unreachable", ns=ns, address=address)
    lab = snapshot("links", "addrs", "routes")
    owner = next((one for one in lab.addrs if _ip(one.address) == goal), None)
    if owner is None:
        return None
    where, dev = owner.ns, owner.ifname
    link = next((one for one in lab.links if (one.ns, one.ifname) == (where, dev)), None)
    if link is not None and not link.up:
        fixed = retarget(("ip", "link", "set", dev, "up"), where, {})
        return say("reply-down", address=address, where=where, dev=dev, fixed=fixed)
    mine = [
        _ip(one.address) for one in lab.addrs if one.ns == ns and one.scope != "host" and one.family == owner.family
    ]
    back = [one for one in lab.routes if one.ns == where and one.family == owner.family and one.table == 254]
    if mine and where != ns and not any(_covers(route, each) for route in back for each in mine if each is not None):
        return say("reply-no-way-back", where=where, ns=ns, address=address)
    return None


def _covers(route: Route, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if route.dst == "default":
        return True
    try:
        return address in ipaddress.ip_network(route.dst)
    except ValueError:
        return False
