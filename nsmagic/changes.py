"""What a command changed, in words: one line for each thing, ``+`` new, ``-`` gone, ``~`` changed.

What the kernel does by itself as a consequence is left out, because the line of its cause says enough and because much of
it comes a moment later and would make the output vary: carrier and operational state, link-local addresses, the routes
that an address brings, entries of the local table, what bridges learn, what a namespace just made is born with, everything
in one that was deleted.
The same thing typed by a person, alone in its batch, is shown.

:func:`lines` lays out; ``_Batch`` knows what belongs together and judges all rows but links, ``_Links`` words those. They stay in one
module, although it is long, because what one leaves out depends on what the other says.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nsmagic import rows as ask
from nsmagic.model import (
    IFF_ALLMULTI,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_PROMISC,
    Address,
    Change,
    FdbEntry,
    Link,
    Neighbour,
    Route,
    Snapshot,
)
from nsmagic.printable import pad, printable, width
from nsmagic.sentences import say
from nsmagic.words.typed import fdb_words, firewall_place, firewall_words, neighbour_words, route_words, rule_words

_WORD = {
    "namespaces": "namespace",
    "links": "link",
    "addrs": "addr",
    "routes": "route",
    "neighbours": "neighbour",
    "rules": "rule",
    "fdb": "fdb",
    "sysctls": "sysctl",
    "firewall": "",
}
#: Wider subjects than this do not push the second column of other lines to the right.
_WIDEST = 48
_FOREVER = 0xFFFFFFFF
#: What a bridge and its ports work out by themselves, parts of ``info`` and ``port``.
_RUNNING = frozenset(
    [
        *(
            "topology_change",
            "topology_change_detected",
            "topology_change_ack",
            "config_pending",
            "root_id",
            "root_port",
        ),
        *("root_path_cost", "bridge_id", "designated_port", "designated_cost", "id", "no", "kind", "fdb_n_learned"),
    ]
)
#: Priorities of the rules that every namespace is born with.
_OWN_RULES = frozenset({0, 32766, 32767})
#: A neighbour entry with this flag says for whom an interface answers (proxy ARP).
_NTF_PROXY = 0x08
_MULTICAST_MACS = ("33:33:", "01:00:5e:", "01:80:c2:")
_FLAG_WORDS = (
    (IFF_NOARP, "ARP off", "ARP on"),
    (IFF_PROMISC, "promiscuous mode on", "promiscuous mode off"),
    (IFF_ALLMULTI, "all multicast on", "all multicast off"),
    (IFF_MULTICAST, "multicast on", "multicast off"),
)


#: What a line is made of: what it is about, words, a remark.
Said = tuple[str, str, str]


def lines(
    changes: Sequence[Change], context: Snapshot | None = None, known: Mapping[int, Said] | None = None
) -> list[str]:
    """The lines for a batch of changes, in their order; names and values aligned over the batch.

    Parameters
    ----------
    changes
        What one command, or one cell, changed, in the order in which it happened.
    context
        The lab afterwards. It knows what the changed rows do not say: MACs and kinds of links, addresses beside a new one.
    known
        What ``early`` has said of some of them, by ``id``.

    >>> from nsmagic.model import Link
    >>> down = Link("red", 2, "veth-red", "veth", peer="veth-blue", peer_ns="blue")
    >>> up = Link("red", 2, "veth-red", "veth", flags=1, peer="veth-blue", peer_ns="blue")
    >>> print(*lines([Change("~", "links", down, up)]))
    ~ link red/veth-red  up, no carrier: the other end is down
    """
    batch = _Batch(changes, context)
    known = known if known and not (batch.gone_ns or batch.names) else {}
    shown: list[Said] = []
    for change in batch.changes:
        said = known.get(id(change)) or _said(batch, change)
        if said[0]:
            shown.append(said)
    heads = max((width(head) for head, words, _ in shown if words and width(head) <= _WIDEST), default=0)
    values = max((width(words) for _, words, note in shown if note), default=0)
    return [
        f"{pad(head, heads)}  {pad(words, values if note else 0)}{'   ' if note else ''}{note}".rstrip()
        for head, words, note in shown
    ]


def early(change: Change) -> Said | None:
    """What will be said of a change whose words are the same whatever comes after it, unless a namespace goes or a link gets another
    name; None of any other. Of hundreds of changes most can be worded while the next ones are still made.
    """
    row, new = change.new, change.op == "+"
    if row is None or not (new or change.op == "~"):
        return None
    if change.table == "links":
        alone = row.kind != "loopback" or not new
    elif change.table == "routes":
        alone = new and row.family == "inet" and row.type == "unicast" and row.protocol != "kernel"
    else:
        alone = change.table == "namespaces"
    return _said(_ALONE, change) if alone else None


def _said(batch: _Batch, change: Change) -> Said:
    """The beginning of a line, its words, its remark; nothing for a change that is left out."""
    subject, words, note = batch.describe(change)
    if not subject:
        return "", "", ""
    word = f"{_WORD[change.table]} " if _WORD[change.table] else ""
    return f"{change.op} {word}{printable(subject)}", printable(words), note


class _Batch:
    """The changes that belong together: what happened to which link tells which other changes are consequences."""

    def __init__(self, changes: Sequence[Change], context: Snapshot | None) -> None:
        self.context = context
        self.new_ns: set[str] = set()
        self.gone_ns: set[str] = set()
        self.gone: set[tuple[str, str]] = set()
        self.names: dict[tuple[str, str], tuple[str, str]] = {}
        self.macs: dict[tuple[str, str], str] = {}
        self.kinds: dict[tuple[str, str], str] = {}
        for row in context.links.rows if context else ():
            self._know(row)
        #: Links to which something happened that has consequences: came, went, moved, was switched or plugged.
        self.touched: set[tuple[str, str]] = set()
        for change in changes:
            old, new = change.old, change.new
            if change.table == "links":
                before = self._touch(old) if old is not None else None
                after = self._touch(new) if new is not None else None
                if before is not None and after is None:
                    self.gone.add(before)
                elif before is not None and after is not None and before != after:
                    self.names[before] = after
            elif change.table == "namespaces":
                if old is None:
                    self.new_ns.add(new.ns)
                elif new is None:
                    self.gone_ns.add(old.ns)
        self.changes = self._without_renamed(changes)
        self.tables = {change.table for change in self.changes}
        self.explained = bool(self.tables & {"namespaces", "links", "addrs"})
        self.links = _Links(self)
        self._warned: set[int] = set()
        self._added: list[Address] = []

    def _know(self, row: Link) -> tuple[str, str]:
        place = row.ns, row.ifname
        self.macs[place], self.kinds[place] = row.mac, row.kind
        return place

    def _touch(self, row: Link) -> tuple[str, str]:
        place = self._know(row)
        self.touched.add(place)
        return place

    def _without_renamed(self, changes: Sequence[Change]) -> list[Change]:
        """Without pairs that only say a link's new name or place: ``- route … dev veth0``, ``+ route … dev eth0``."""
        if not self.names:
            return list(changes)
        added = [change for change in changes if change.op == "+"]
        dropped: set[int] = set()
        for change in changes:
            if change.op != "-" or change.table in ("links", "namespaces", "sysctls"):
                continue
            renamed = _renamed(change.old, self.names)
            for other in added:
                if other.table == change.table and id(other) not in dropped and renamed == _plain(other.new):
                    dropped |= {id(change), id(other)}
                    break
        return [change for change in changes if id(change) not in dropped]

    def describe(self, change: Change) -> tuple[str, str, str]:
        """``(subject, words, note)``; an empty subject leaves the change out."""
        row = change.new if change.new is not None else change.old
        if change.table == "namespaces":
            return (row.ns, "", "") if change.op != "~" else self._renamed_ns(change)
        if change.table == "sysctls":
            return row.ns, f"{row.name} {_arrow(change)}", ""
        if change.table == "links":
            return self.links.describe(change)
        if change.table == "firewall":
            return ("", "", "") if row.ns in self.gone_ns else (f"{firewall_place(row)}:", firewall_words(row), "")
        if row.ns in self.gone_ns or (row.ns in self.new_ns and change.table == "rules" and row.priority in _OWN_RULES):
            return "", "", ""
        if change.table == "addrs":
            return self._addr(change, row)
        if change.table == "routes":
            return self._route(change, row)
        if change.table == "neighbours":
            return self._neighbour(change, row)
        if change.table == "fdb":
            return self._fdb(change, row)
        return row.ns, rule_words(row), ""

    @staticmethod
    def _renamed_ns(change: Change) -> tuple[str, str, str]:
        return (change.old.ns, f"named {change.new.ns}", "") if change.old.ns != change.new.ns else ("", "", "")

    # -- addresses ---------------------------------------------------------------------------------------------------

    def _addr(self, change: Change, row: Address) -> tuple[str, str, str]:
        key = (row.ns, row.ifname)
        if key in self.gone or self._automatic(row):
            return "", "", ""
        if row.ifname == "lo" and row.scope == "host" and key in self.touched:
            return "", "", ""
        subject, words, note = ask.path(*key), ask.prefix(row), ""
        if change.op == "+":
            note = self._lonely(row)
            self._added.append(row)
        elif change.op == "-":
            note = f"({say('change-moved')})" if key in self.names else ""
        else:
            told = [
                f"{name} {_value(getattr(change.old, name))} → {_value(getattr(change.new, name))}"
                for name in ("broadcast", "scope", "peer")
                if getattr(change.old, name) != getattr(change.new, name)
            ]
            if (change.old.valid_lft == _FOREVER) != (change.new.valid_lft == _FOREVER):
                forever = change.new.valid_lft == _FOREVER
                told.append("valid for ever" if forever else f"valid for {change.new.valid_lft} s")
            if not told:
                return "", "", ""
            words = f"{words}  {', '.join(told)}"
        return subject, words, note

    def _automatic(self, row: Address) -> bool:
        """Whether the kernel made the address from the MAC; where the MAC is not known, whether it looks so."""
        mac = self.macs.get((row.ns, row.ifname))
        if mac is not None:
            return ask.automatic(row, mac)
        return (
            row.scope == "link"
            and row.family == "inet6"
            and ipaddress.ip_address(row.address).packed[11:13] == b"\xff\xfe"
        )

    def _lonely(self, row: Address) -> str:
        """The remark on an address that was given without its network's length, the first time in full."""
        full, meant = (32, 24) if row.family == "inet" else (128, 64)
        kind = self.kinds.get((row.ns, row.ifname), "ether")
        if row.prefixlen != full or row.peer or row.ifname == "lo" or kind not in _SHARED:
            return ""
        beside = [*self._added, *(self.context.addrs.rows if self.context else ())]
        if any(_covers(other, row) for other in beside):
            return ""
        if full in self._warned:
            return f"({say('change-lonely-too', full=full)})"
        self._warned.add(full)
        return f"({say('change-lonely', full=full, meant=meant)})"

    # -- routes, neighbours, forwarding entries ----------------------------------------------------------------------

    def _route(self, change: Change, row: Route) -> tuple[str, str, str]:
        of_kernel = row.protocol == "kernel" or row.type in ("local", "broadcast", "multicast", "anycast")
        own = row.family == "inet6" and row.dst in ("fe80::/64", "ff00::/8", "multicast")
        if of_kernel and (self.explained or (own and change.op != "-")):
            return "", "", ""
        if change.op == "~":
            before, now = route_words(change.old), route_words(change.new)
            return (row.ns, f"{now}   (was: {before})", "") if before != now else ("", "", "")
        return row.ns, route_words(row), ""

    def _neighbour(self, change: Change, row: Neighbour) -> tuple[str, str, str]:
        sides = [side for side in (change.old, change.new) if side is not None]
        if row.flags & _NTF_PROXY and change.op != "~" and (row.ns, row.dev) not in self.gone:
            return row.ns, f"{row.dev} answers for {row.address}", ""
        if all(side.state in ("NOARP", "NONE") for side in sides) or (row.ns, row.dev) in self.gone:
            return "", "", ""
        if self.tables != {"neighbours"} and all("PERMANENT" not in side.state for side in sides):
            return "", "", ""
        if change.op != "~":
            return row.ns, neighbour_words(row), ""
        told = [f"{a} → {b}" for a, b in ((change.old.mac, row.mac), (change.old.state, row.state)) if a != b]
        return (row.ns, f"{row.address} dev {row.dev}  {', '.join(told)}", "") if told else ("", "", "")

    def _fdb(self, change: Change, row: FdbEntry) -> tuple[str, str, str]:
        own = row.mac in self.macs.values() or row.mac.startswith(_MULTICAST_MACS)
        fixed = row.state in ("permanent", "static")
        if (own and self.tables != {"fdb"}) or (row.ns, row.dev) in self.gone:
            return "", "", ""
        if not fixed and self.tables != {"fdb"}:
            return "", "", ""
        return row.ns, fdb_words(row), ""


class _Links:
    """Words for what happened to interfaces."""

    def __init__(self, batch: _Batch) -> None:
        self.batch = batch
        self._told: set[str] = set()

    def describe(self, change: Change) -> tuple[str, str, str]:
        row: Link = change.new if change.new is not None else change.old
        if change.op == "~":
            words = ", ".join(self._changed(change.old, change.new))
            return (ask.path(change.old.ns, change.old.ifname), words, "") if words else ("", "", "")
        if (
            row.ns in self.batch.gone_ns
            or ask.fallback(row)
            or (row.kind == "loopback" and row.ns in self.batch.new_ns)
        ):
            return "", "", ""
        subject = ask.path(row.ns, row.ifname)
        return subject, ", ".join(self._made(row) if change.op == "+" else self._ended(row, subject)), ""

    def _made(self, link: Link) -> Iterator[str]:
        yield ask.kind_words(link)
        if link.kind == "veth" and link.peer:
            yield f"other end {ask.path(link.peer_ns, link.peer)}"
        if link.master:
            yield f"plugged into {link.master}"
        if link.up:
            yield self._up(link)

    def _ended(self, link: Link, subject: str) -> Iterator[str]:
        if link.kind != "veth" or not link.peer:
            yield ask.kind_words(link)
            return
        other = ask.path(link.peer_ns, link.peer)
        yield f"the other end of {other}" if other in self._told else f"with its other end {other}"
        self._told.add(subject)

    def _changed(self, old: Link, new: Link) -> Iterator[str]:
        moved = old.ns != new.ns
        if moved:
            yield f"moved to {new.ns}"
        if old.ifname != new.ifname:
            yield f"renamed to {new.ifname}"
        if old.master and new.master != old.master and not self._is_rename(old, "master", new):
            yield f"unplugged from {old.master}"
        plugged = bool(new.master) and new.master != old.master and not self._is_rename(old, "master", new)
        if plugged:
            yield f"plugged into {new.master}"
        if old.lower != new.lower and new.lower and not moved and not self._is_rename(old, "lower", new):
            yield f"now on {new.lower}"
        for name, word in (("mac", "mac"), ("mtu", "mtu"), ("txqlen", "txqueuelen"), ("group", "group")):
            if getattr(old, name) != getattr(new, name):
                yield f"{word} {getattr(old, name)} → {getattr(new, name)}"
        if old.alias != new.alias:
            yield f'alias "{new.alias}"' if new.alias else "alias removed"
        for name in sorted({*new.altnames} - {*old.altnames}):
            yield f"also called {name}"
        for name in sorted({*old.altnames} - {*new.altnames}):
            yield f"no longer also called {name}"
        for bit, on, off in _FLAG_WORDS:
            if (old.flags ^ new.flags) & bit:
                yield on if new.flags & bit else off
        yield from _options(old.info, new.info)
        if old.master == new.master:
            yield from _options(old.port, new.port, _port_own(old, new))
        if old.up != new.up:
            yield self._up(new) if new.up else "down, as every link that moves" if moved else self._down(old)

    def _is_rename(self, old: Link, field: str, new: Link) -> bool:
        """Whether the bridge (or parent) only has another name now."""
        return self.batch.names.get((old.ns, getattr(old, field))) == (new.ns, getattr(new, field))

    def _up(self, link: Link) -> str:
        if link.kind == "veth":
            if link.carrier:
                return "up, carrier on both ends"
            return "up, no carrier: the other end is down" if link.peer else "up, no carrier"
        if link.lower and not link.carrier:
            return f"up, no carrier: {link.lower} is down"
        # A bridge's carrier follows its ports a moment later; saying it here would make the line vary.
        return "up"

    @staticmethod
    def _down(old: Link) -> str:
        if old.kind == "veth" and old.carrier and old.peer:
            return f"down, so {ask.path(old.peer_ns, old.peer)} has no carrier"
        return "down"


_SHARED = frozenset(["veth", "ether", "bridge", "vlan", "macvlan", "ipvlan", "bond", "vxlan"])


def _options(old: Mapping[str, Any], new: Mapping[str, Any], hidden: frozenset[str] = frozenset()) -> Iterator[str]:
    """Options of a kind that differ: ``vlan_filtering 0 → 1``."""
    if old == new:
        return
    for name in sorted({*old, *new} - _RUNNING - hidden):
        if not name.endswith("_timer") and old.get(name) != new.get(name):
            yield f"{name} {_value(old.get(name))} → {_value(new.get(name))}"


def _port_own(old: Link, new: Link) -> frozenset[str]:
    """What of a port's options the bridge sets by itself when carrier comes or goes, and spanning tree as it proceeds."""
    before, now = old.port.get("state"), new.port.get("state")
    if before == "forwarding" and now not in ("forwarding", "disabled"):
        return frozenset()
    return frozenset(["state", "cost"] if before != now or old.flags != new.flags else ["state"])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in (None, "") else str(value)


def _arrow(change: Change) -> str:
    old, new = (side.value if side is not None else "none" for side in (change.old, change.new))
    return f"{old} → {new}"


def _covers(other: Address, row: Address) -> bool:
    """Whether another address of the link already makes ``row``'s network reachable."""
    if (other.ns, other.ifname, other.family) != (row.ns, row.ifname, row.family) or other.prefixlen >= row.prefixlen:
        return False
    try:
        network = ipaddress.ip_network(f"{other.peer or other.address}/{other.prefixlen}", strict=False)
        return ipaddress.ip_address(row.address) in network
    except ValueError:
        return False


def _plain(row: Any) -> dict[str, Any]:
    # The number of an interface may change when it moves.
    return {name: getattr(row, name) for name in row.__dataclass_fields__ if name not in ("ifindex", "flags")}


def _renamed(row: Any, names: Mapping[tuple[str, str], tuple[str, str]]) -> dict[str, Any]:
    """A row's values as they would be if it only followed the new names of its links."""
    values = _plain(row)
    ns = row.ns
    for field in ("dev", "ifname", "master", "iif", "oif", "label"):
        new = names.get((ns, values.get(field) or ""))
        if new is not None:
            values["ns"], values[field] = new
    return values


#: No changes: what is said beside none of a change is said of it alone.
_ALONE = _Batch((), None)
