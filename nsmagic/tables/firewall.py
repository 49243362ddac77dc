"""The tables of firewalls: rules of iptables, iptables-legacy and nft alike, what they translate, and tracked connections."""

from __future__ import annotations

from typing import Any

from nsmagic import rows as ask
from nsmagic.model import Connection, FirewallRule
from nsmagic.snapshot import Snapshot
from nsmagic.tables.display import NetTable
from nsmagic.tables.frames import attributes, rows_of, table_of


def firewall(
    snapshot: Snapshot,
    ns: str | None = None,
    all: bool = False,
    *,
    given: bool = False,
    counters: bool = False,
    typed: bool = False,
) -> NetTable:
    """Firewall rules in the order in which packets meet them; a chain's policy stands below its rules.

    ======== ========================== ================================ =================================================
    column   ``iptables-save -c``       ``nft -j list ruleset``          meaning
    ======== ========================== ================================ =================================================
    ns       (none)                     (none)                           the namespace
    tool     (none)                     (none)                           who can read it: ``iptables``, ``iptables-legacy``, ``nft``
    family   ``ip``; ip6tables ``ip6``  rule.family                      ``inet`` of nft is both
    table    ``*nat``                   rule.table                       table
    chain    ``-A POSTROUTING``         rule.chain                       chain; ``@name`` is a set of nft
    hook     by the chain's name        chain.hook                       where the kernel calls it; blank: others jump to it
    position (counted)                  (counted)                        number within the chain, as ``-D CHAIN N`` takes it;
                                                                         blank: the chain's policy
    match    ``-s``, ``-p``, ``-m`` …   match expressions                what a packet must be, in words
    target   ``-j`` and its options     statements                       what becomes of it; a chain's name: it goes on there
    packets  ``[1:84]``                 counter.packets                  how many it was (nft: where it has a ``counter``)
    bytes    ``[1:84]``                 counter.bytes                    how much
    rule     the line itself            ``handle N``                     what one types to name it to its tool
    ======== ========================== ================================ =================================================

    Counters vary, and are displayed with ``all`` (``--all``), as for ``iptables -L -v``. Without ``all``, policies of ACCEPT of chains
    without rules are left out, and so are nft's tables and sets. ``tool`` is displayed when there are several, ``family`` when one
    is not ``ip``. Counters of the policies are those of the tool, and zero with nft.

    >>> rule = FirewallRule("red", "iptables", "ip", "filter", "INPUT", "filter", "input", 0, 1, "icmp", "DROP")
    >>> print(firewall(Snapshot.from_data({"firewall": [[getattr(rule, name) for name in rule.__slots__]]}), "red"))
    firewall rules of red
    table   chain  hook   position  match  target
    filter  INPUT  input  1         icmp   DROP
    """
    rows: list[FirewallRule] = rows_of(snapshot, "firewall", ns, all or given)
    return _of_rules("firewall", _chosen(rows, all, given), ns, all, counters=counters, typed=typed)


def nat(snapshot: Snapshot, ns: str | None = None, all: bool = False, *, given: bool = False) -> NetTable:
    """The rules of :func:`firewall` that stand in a chain of type ``nat``: what is translated. Its columns, without policies.

    >>> print(nat(Snapshot(), "host"))
    NAT rules of host: none
    chain  hook  position  match  target
    """
    rows: list[FirewallRule] = rows_of(snapshot, "firewall", ns, all or given)
    return _of_rules("nat", [row for row in rows if row.type == "nat" and row.position], ns, all)


def _chosen(rows: list[FirewallRule], all: bool, given: bool) -> list[FirewallRule]:
    if all:
        return rows
    used = {(row.ns, row.tool, row.family, row.table, row.chain) for row in rows if row.position}
    return [
        row
        for row in rows
        if row.position
        or (row.chain and not row.chain.startswith("@") and (given or (row.hook and row.target != "ACCEPT")))
        or (row.hook and (row.ns, row.tool, row.family, row.table, row.chain) in used)
    ]


def _of_rules(
    table: str, rows: list[FirewallRule], ns: str | None, all: bool, *, counters: bool = False, typed: bool = False
) -> NetTable:
    rows = sorted(rows, key=lambda row: ask.ns_order(row.ns))  # within one they come sorted
    data: dict[str, list[Any]] = attributes(table, rows)
    data["position"] = [row.position or None for row in rows]
    data["match"] = [
        row.match or ("everything" if row.position else "everything else" if row.hook else "") for row in rows
    ]
    more = {"tool"} if len({row.tool for row in rows}) > 1 else set()
    more |= {"family"} if any(row.family != "ip" for row in rows) else set()
    more |= {"packets", "bytes"} if counters else set()
    more |= {"rule"} if typed else set()
    return table_of(table, data, ns, all, more)


def conntrack(snapshot: Snapshot, ns: str | None = None, all: bool = False, *, given: bool = False) -> NetTable:
    """Tracked connections (``conntrack -L``), with both tuples: as the first packet was sent, and as its answer comes back.

    ``protocol``, ``state`` (TCP's), ``status`` (``UNREPLIED``, ``ASSURED``) are the words of ``conntrack -L``; ``src``, ``sport``, ``dst``, ``dport`` are
    its first tuple, ``reply_…`` its second; ``nat`` says what differs between them (``source``, ``destination``). Ports chosen by
    the kernel, the number of a ping (in ``sport``) and ``timeout`` (seconds) vary, and are displayed with ``all`` only.

    >>> row = Connection("host", "inet", "icmp", nat="source", src="192.168.15.2", dst="8.8.8.8", reply_src="8.8.8.8", reply_dst="192.168.1.2")
    >>> print(conntrack(Snapshot.from_data({"conntrack": [[getattr(row, name) for name in row.__slots__]]}), "host"))
    connections of host
    protocol  state  status  nat     src           dst      dport  reply_src  reply_sport  reply_dst
    icmp                     source  192.168.15.2  8.8.8.8         8.8.8.8                 192.168.1.2
    """
    rows: list[Connection] = rows_of(snapshot, "conntrack", ns, all or given)
    rows.sort(
        key=lambda row: (
            *(ask.ns_order(row.ns), row.family, row.protocol, ask.address_key(row.src), ask.address_key(row.dst)),
            *(row.dport, row.sport),
        )
    )
    data: dict[str, list[Any]] = attributes("conntrack", rows)
    for name in ("sport", "dport", "reply_sport", "reply_dport"):
        data[name] = [getattr(row, name) or None for row in rows]
    # A ping's number stands where others have a port.
    data["reply_sport"] = [row.reply_sport if row.dport else None for row in rows]
    return table_of("conntrack", data, ns, all)
