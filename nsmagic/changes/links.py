"""Words for what happened to interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nsmagic import rows as ask
from nsmagic.changes.batch import Batch, Said, value
from nsmagic.model import IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, Change, Link

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
_FLAG_WORDS = (
    (IFF_NOARP, "ARP off", "ARP on"),
    (IFF_PROMISC, "promiscuous mode on", "promiscuous mode off"),
    (IFF_ALLMULTI, "all multicast on", "all multicast off"),
    (IFF_MULTICAST, "multicast on", "multicast off"),
)


class LinkWords:
    """Words for what happened to interfaces."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._told: set[str] = set()

    def describe(self, change: Change) -> Said:
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


def _options(old: Mapping[str, Any], new: Mapping[str, Any], hidden: frozenset[str] = frozenset()) -> Iterator[str]:
    """Options of a kind that differ: ``vlan_filtering 0 → 1``."""
    if old == new:
        return
    for name in sorted({*old, *new} - _RUNNING - hidden):
        if not name.endswith("_timer") and old.get(name) != new.get(name):
            yield f"{name} {value(old.get(name))} → {value(new.get(name))}"


def _port_own(old: Link, new: Link) -> frozenset[str]:
    """What of a port's options the bridge sets by itself when carrier comes or goes, and spanning tree as it proceeds."""
    before, now = old.port.get("state"), new.port.get("state")
    if before == "forwarding" and now not in ("forwarding", "disabled"):
        return frozenset()
    return frozenset(["state", "cost"] if before != now or old.flags != new.flags else ["state"])
