"""Do what a command says: from a verb and its checked arguments to netlink requests, and their refusals to words.

Two kinds of handlers, in one table each. A *planner* only looks up interface numbers and returns the requests as bytes
(``Plan``); whoever pipelines a cell sends many plans before it reads the answers. A *doer* must read before it writes
(flushes, ``route.get``, what brctl and ifconfig check first) and returns an ``Outcome``.

``apply`` does one command at once, either way. The state that it leaves is the one that the tool of ``tool`` would have left;
its refusals have that tool's words. Three deviations are on purpose (DESIGN 4): new links get interface numbers that are
unique in the lab, and MACs derived from its seed where the kernel would draw random ones; cables get one queue where it would count
the machine's processors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from errno import EBUSY, EEXIST
from typing import Any

from nsmagic.errors import KernelRefused, NsmagicError
from nsmagic.names import HOST
from nsmagic.netlink import (
    apply_addr,
    apply_bridge,
    apply_link,
    apply_neigh,
    apply_nettools,
    apply_route,
    apply_rule,
    lookup,
    refusals,
)
from nsmagic.netlink.context import Call, Context, NoSuchDevice, Outcome, Plan
from nsmagic.netlink.socket import NetlinkError

Planner = Callable[[Call], Plan]
Doer = Callable[[Call], Outcome]

PLANNERS: Mapping[str, Planner] = {
    **apply_link.PLANNERS, **apply_addr.PLANNERS, **apply_route.PLANNERS, **apply_neigh.PLANNERS, **apply_rule.PLANNERS,
    **apply_bridge.PLANNERS,
}  # fmt: skip
DOERS: Mapping[str, Doer] = {
    **apply_addr.DOERS, **apply_route.DOERS, **apply_neigh.DOERS, **apply_rule.DOERS,
}  # fmt: skip
_TRIES = 4
VERBS = frozenset(PLANNERS) | frozenset(DOERS) | {verb for _, verb in apply_nettools.DOERS}


def can_pipeline(verb: str, tool: str, args: Mapping[str, Any]) -> bool:
    """Whether the command is requests only, with nothing to read first but interface numbers."""
    return verb in PLANNERS and not apply_nettools.looks_first(tool, verb, args)


def prepare(ctx: Context, ns: str | None, verb: str, args: Mapping[str, Any], tool: str = "ip") -> Plan:
    """The requests of a command whose verb is in ``PLANNERS``.

    Raises
    ------
    KernelRefused
        A device is not there, in the tool's words.
    NamespaceNotFound
    """
    return PLANNERS[verb](Call(ctx, ns or HOST, verb, args, tool))


def refusal(ns: str | None, verb: str, args: Mapping[str, Any], tool: str, error: NetlinkError) -> KernelRefused:
    """The error for a request of the command that the kernel refused, in the tool's words."""
    return refusals.refused(tool, verb, args, error, ns or HOST)


def apply(
    ctx: Context, ns: str | None, verb: str, args: Mapping[str, Any], tool: str = "ip", tried: int = 0
) -> Outcome:  # fmt: skip
    """Do one command and wait for the kernel's answer.

    Parameters
    ----------
    ctx
        The lab.
    ns
        The namespace to act in; None is ``host``.
    verb, args
        As in ``commands/command.py``: verbs of ``link``, ``addr``, ``route``, ``neigh``, ``rule`` and ``bridge`` that change
        something, and ``route.get``, ``neigh.get``.
    tool
        Whose semantics and words: ``ip``, ``bridge``, ``brctl``, ``ifconfig``, ``route``, ``arp``.
    tried
        How often a new link has been refused already for the number that we chose.

    Raises
    ------
    KernelRefused
        In the tool's words, with ``errno``, the kernel's own words and what it was about.
    NamespaceNotFound
    """
    if verb not in VERBS or (verb == "addr.primary" and tool != "ifconfig"):
        raise NsmagicError(f"{verb} is not done over netlink")
    call = Call(ctx, ns or HOST, verb, args, tool)
    try:
        if apply_nettools.looks_first(tool, verb, args):
            return apply_nettools.DOERS[tool, verb](call)
        if verb in DOERS:
            return DOERS[verb](call)
        if verb == "link.add":
            return _add_link(call, tried)
        return call.send(PLANNERS[verb](call))
    except NetlinkError as error:
        raise refusal(ns, verb, args, tool, error) from None


def _add_link(call: Call, tried: int) -> Outcome:
    """Make a link. A real tool may have taken the number meanwhile: then the lab is asked for another one.

    The kernel says EEXIST of a taken number, as of a taken name, and EBUSY of the other end's.
    """
    for _ in range(_TRIES - 1 - tried):
        try:
            return call.send(apply_link.add(call))
        except NetlinkError as error:
            if not _number_taken(call, error):
                raise
    return call.send(apply_link.add(call))


def number_taken(ctx: Context, ns: str | None, args: Mapping[str, Any], tool: str, error: NetlinkError) -> bool:
    """Whether a refused ``link.add`` was refused for the number that we chose, so that it may be done with another."""
    return _number_taken(Call(ctx, ns or HOST, "link.add", args, tool), error)


def _number_taken(call: Call, error: NetlinkError) -> bool:
    if "index" in call.args or error.errno not in (EBUSY, EEXIST):
        return False
    return not (error.errno == EEXIST and any(_exists(call, end) for end in (call.args, call.args.get("peer") or {})))


def _exists(call: Call, end: Mapping[str, Any]) -> bool:
    """Whether the name of a new link, or of its other end, is taken where it shall be made."""
    netns = end.get("netns", call.ns)
    ns = netns if isinstance(netns, str) else call.ns
    try:
        lookup.link(call.ctx.socket(ns), end["ifname"], ns)
    except (KeyError, NoSuchDevice):
        return False
    return True
