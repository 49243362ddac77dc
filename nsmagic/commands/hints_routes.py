"""The rules of ``hints.py`` about routes and gateways."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Mapping, Sequence

from nsmagic.commands.case import Case, listed
from nsmagic.model import Route
from nsmagic.sentences import say


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
