"""Words for addresses, routes, neighbours and forwarding entries that came, went or changed."""

from __future__ import annotations

import ipaddress

from nsmagic import rows as ask
from nsmagic.changes.batch import Batch, Said, value
from nsmagic.model import Address, Change, FdbEntry, Neighbour, Route
from nsmagic.sentences import say
from nsmagic.words.typed import fdb_words, neighbour_words, route_words

_FOREVER = 0xFFFFFFFF
#: A neighbour entry with this flag says for whom an interface answers (proxy ARP).
_NTF_PROXY = 0x08
_MULTICAST_MACS = ("33:33:", "01:00:5e:", "01:80:c2:")
#: Kinds of links with others on the same wire.
_SHARED = frozenset(["veth", "ether", "bridge", "vlan", "macvlan", "ipvlan", "bond", "vxlan"])


class EntryWords:
    """Words for rows other than links; nothing for what is a consequence of something else in the batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._warned: set[int] = set()
        self._added: list[Address] = []

    def addr(self, change: Change, row: Address) -> Said:
        key = (row.ns, row.ifname)
        if key in self.batch.gone or self._automatic(row):
            return "", "", ""
        if row.ifname == "lo" and row.scope == "host" and key in self.batch.touched:
            return "", "", ""
        subject, words, note = ask.path(*key), ask.prefix(row), ""
        if change.op == "+":
            note = self._lonely(row)
            self._added.append(row)
        elif change.op == "-":
            note = f"({say('change-moved')})" if key in self.batch.names else ""
        else:
            told = [
                f"{name} {value(getattr(change.old, name))} → {value(getattr(change.new, name))}"
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
        mac = self.batch.macs.get((row.ns, row.ifname))
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
        kind = self.batch.kinds.get((row.ns, row.ifname), "ether")
        if row.prefixlen != full or row.peer or row.ifname == "lo" or kind not in _SHARED:
            return ""
        beside = [*self._added, *(self.batch.context.addrs.rows if self.batch.context else ())]
        if any(_covers(other, row) for other in beside):
            return ""
        if full in self._warned:
            return f"({say('change-lonely-too', full=full)})"
        self._warned.add(full)
        return f"({say('change-lonely', full=full, meant=meant)})"

    # -- routes, neighbours, forwarding entries ----------------------------------------------------------------------

    def route(self, change: Change, row: Route) -> Said:
        of_kernel = row.protocol == "kernel" or row.type in ("local", "broadcast", "multicast", "anycast")
        own = row.family == "inet6" and row.dst in ("fe80::/64", "ff00::/8", "multicast")
        if of_kernel and (self.batch.explained or (own and change.op != "-")):
            return "", "", ""
        if change.op == "~":
            before, now = route_words(change.old), route_words(change.new)
            return (row.ns, f"{now}   (was: {before})", "") if before != now else ("", "", "")
        return row.ns, route_words(row), ""

    def neighbour(self, change: Change, row: Neighbour) -> Said:
        sides = [side for side in (change.old, change.new) if side is not None]
        if row.flags & _NTF_PROXY and change.op != "~" and (row.ns, row.dev) not in self.batch.gone:
            return row.ns, f"{row.dev} answers for {row.address}", ""
        if all(side.state in ("NOARP", "NONE") for side in sides) or (row.ns, row.dev) in self.batch.gone:
            return "", "", ""
        if self.batch.tables != {"neighbours"} and all("PERMANENT" not in side.state for side in sides):
            return "", "", ""
        if change.op != "~":
            return row.ns, neighbour_words(row), ""
        told = [f"{a} → {b}" for a, b in ((change.old.mac, row.mac), (change.old.state, row.state)) if a != b]
        return (row.ns, f"{row.address} dev {row.dev}  {', '.join(told)}", "") if told else ("", "", "")

    def fdb(self, change: Change, row: FdbEntry) -> Said:
        own = row.mac in self.batch.macs.values() or row.mac.startswith(_MULTICAST_MACS)
        fixed = row.state in ("permanent", "static")
        if (own and self.batch.tables != {"fdb"}) or (row.ns, row.dev) in self.batch.gone:
            return "", "", ""
        if not fixed and self.batch.tables != {"fdb"}:
            return "", "", ""
        return row.ns, fdb_words(row), ""


def _covers(other: Address, row: Address) -> bool:
    """Whether another address of the link already makes ``row``'s network reachable."""
    if (other.ns, other.ifname, other.family) != (row.ns, row.ifname, row.family) or other.prefixlen >= row.prefixlen:
        return False
    try:
        network = ipaddress.ip_network(f"{other.peer or other.address}/{other.prefixlen}", strict=False)
        return ipaddress.ip_address(row.address) in network
    except ValueError:
        return False
