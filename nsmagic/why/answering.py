"""The kernel's answers about routes in a situation that is only supposed: its own where nothing would be otherwise, worked out from the
tables where something would.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import replace

from nsmagic.model import Address, Route
from nsmagic.why import fib
from nsmagic.why.situation import Answer, Question, Situation, family_of
from nsmagic.why.situation import ip as parsed

#: What ``ip_route_output_key`` and ``fib6_rule_lookup`` answer when a route of these types is met.
_REFUSALS = {"blackhole": errno.EINVAL, "unreachable": errno.EHOSTUNREACH, "prohibit": errno.EACCES}


class Supposed(Mapping[Question, Answer]):
    """Answers as they would be. ``changed`` names the namespaces where the kernel cannot be asked."""

    def __init__(self, known: Mapping[Question, Answer], changed: frozenset[str]) -> None:
        self.known, self.changed = known, changed
        self.situation: Situation | None = None

    def __getitem__(self, question: Question) -> Answer:
        if question.ns not in self.changed:
            return self.known[question]
        assert self.situation is not None
        return worked_out(self.situation, question)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


def supposed(s: Situation, changed: frozenset[str]) -> Situation:
    """The situation, with such answers."""
    answers = Supposed(s.answers, changed)
    answers.situation = made = replace(s, answers=answers)
    return made


def worked_out(s: Situation, question: Question) -> Answer:
    """What the kernel would say (``ip_route_output_key``, ``ip_route_input``)."""
    ns, src = question.ns, question.src
    if question.iif and (number := _martian(s, question)):
        return Answer(number)
    match = fib.decide(s, ns, question.dst, src, question.iif, question.transport)
    if question.oif:
        match = fib.Match(match.rule, fib.best(s, ns, question.dst, oif=question.oif))
    if match.refuses:
        return Answer(_REFUSALS[match.refuses])
    route = match.route
    if route is None:
        return Answer(errno.ENETUNREACH)
    if question.iif:
        return Answer(route=route)
    own = question.dst if route.type == "local" else ""
    source = src or route.prefsrc or own or _source(s, route, question.dst)
    return Answer(route=replace(route, prefsrc=source))


def _martian(s: Situation, question: Question) -> int:
    """Whether a source address is not believed (``__fib_validate_source``): it is our own, or its packets would go elsewhere."""
    ns, src, dev = question.ns, question.src, question.iif
    if not src or family_of(src) == "inet6":
        return 0
    if any(row.ns == ns and s.is_up(row) for row in s.owners(src)):
        return errno.EINVAL
    strict = max(s.sysctl(ns, "ipv4/conf/all/rp_filter"), s.sysctl(ns, f"ipv4/conf/{dev}/rp_filter"))
    if not strict:
        return 0
    back = fib.decide(s, ns, src, question.dst).route
    if back is None or back.type != "unicast" or (strict == 1 and dev not in (back.dev, *_several(back))):
        return errno.EINVAL
    return 0


def _several(route: Route) -> list[str]:
    return [str(hop.get("dev", "")) for hop in route.nexthops]


def _source(s: Situation, route: Route, dst: str) -> str:
    """The address with which we send (``inet_select_addr``, ``ipv6_dev_get_saddr``): of the next hop's network, if there is one."""
    goal = parsed(route.gateway or dst)

    def rank(row: Address) -> tuple[bool, bool]:
        return parsed(row.address).is_link_local != parsed(dst).is_link_local, goal not in s.network(row)

    usable = [row for row in s.addresses(route.ns, route.dev, route.family) if s.is_up(row)]
    usable = usable or [
        row for row in s.addresses(route.ns, "", route.family, automatic=False) if s.is_up(row) and row.ifname != "lo"
    ]
    return min(usable, key=rank).address if usable else ""
