"""Situations made by hand: for what this machine's kernel lacks (VLANs, tun devices …), and for what must not be tried on it (a ring of
switches). The kernel's answers come from the tables, by the module that explains them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nsmagic.model import COLUMNS, Address, Link, NamespaceInfo, Route, Rule
from nsmagic.snapshot import Snapshot, Table
from nsmagic.why import fib
from nsmagic.why.situation import Answer, Probe, Question, Sighting, Situation

UP = 0x1 | 0x10000


class Answers(Mapping[Question, Answer]):
    """What the kernel would say, worked out from the tables."""

    def __init__(self) -> None:
        self.situation: Situation | None = None

    def __getitem__(self, question: Question) -> Answer:
        s = self.situation
        assert s is not None
        mine = [row for row in s.owners(question.dst) if row.ns == question.ns and s.is_up(row)]
        if mine:
            return Answer(
                route=Route(
                    question.ns, row_family(question.dst), question.dst, dev="lo", type="local", prefsrc=question.dst
                )
            )
        found = fib.decide(s, question.ns, question.dst, question.src, question.iif).route
        if found is None:
            return Answer(101, "Network is unreachable")
        source = next((row.address for row in s.addresses(question.ns, found.dev)), "")
        return Answer(route=replace(found, prefsrc=found.prefsrc or source))

    def __iter__(self) -> Iterator[Question]:
        return iter(())

    def __len__(self) -> int:
        return 0


def row_family(address: str) -> str:
    return "inet6" if ":" in address else "inet"


def situation(
    links: list[Link], addresses: list[str], *, lost: bool = True, seen: tuple[Sighting, ...] = (), **more: Any
) -> Situation:
    """A situation of links and addresses (``"red eth0 10.0.0.1/24"``); each address brings its route; the probe was lost."""
    rows, routes = [], []
    names = list(dict.fromkeys(link.ns for link in links))
    index = {(link.ns, link.ifname): link.ifindex for link in links}
    for text in addresses:
        ns, dev, prefix = text.split()
        address, _, length = prefix.partition("/")
        rows.append(Address(ns, index[ns, dev], dev, row_family(address), address, int(length)))
        net = ipaddress.ip_network(prefix, strict=False)
        routes.append(
            Route(ns, row_family(address), str(net), dev=dev, prefsrc=address, protocol="kernel", scope="link")
        )
    rules = [Rule(ns, "inet", priority, table=table) for ns in names for priority, table in ((0, 255), (32766, 254))]
    tables = {
        "namespaces": [NamespaceInfo(ns) for ns in names], "links": links, "addrs": rows, "routes": routes, "rules": rules,
        "neighbours": [], "fdb": [],
    }  # fmt: skip
    answers = Answers()
    made = Situation(
        Snapshot({name: table(name, each) for name, each in tables.items()}),
        answers=answers,
        probe=Probe(src=rows[0].address, answer="" if lost else "echo-reply", sightings=seen),
        **more,
    )
    answers.situation = made
    return made


def table(name: str, rows: list[Any]) -> Table[Any]:
    return Table(name, [[getattr(row, column) for column in COLUMNS[name]] for row in rows])


def cable(one: str, other: str, number: int, **more: Any) -> list[Link]:
    """Both ends of a cable: ``"red/eth0"`` and ``"blue/eth0"``; ``more`` for both."""
    (ns, dev), (peer_ns, peer) = one.split("/"), other.split("/")
    first = Link(
        ns, number, dev, "veth", UP, "UP", f"02:00:00:00:00:{number:02x}", 1500, peer=peer, peer_ns=peer_ns, **more
    )
    return [
        first,
        replace(
            first,
            ns=peer_ns,
            ifindex=number + 1,
            ifname=peer,
            mac=f"02:00:00:00:00:{number + 1:02x}",
            peer=dev,
            peer_ns=ns,
        ),
    ]


def bridge(ns: str, name: str, number: int, **info: Any) -> Link:
    return Link(ns, number, name, "bridge", UP, "UP", f"02:00:00:00:01:{number:02x}", 1500, info=info)
