"""A situation that may be changed, with what the kernel itself does to its tables when one of their rows changes: addresses bring routes, a
link that goes away takes them along, a switch opens a port whose cable begins to work.

Nothing of this is done to a lab. It answers "what would be read then?", for what comes after a fault that is not mended yet.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nsmagic.model import COLUMNS, IFF_LOWER_UP, IFF_UP, Address, FdbEntry, FirewallRule, Link, Neighbour, Route, Rule
from nsmagic.snapshot import Snapshot, Table
from nsmagic.why.situation import Listener, Situation, Translation

_LOCAL, _MAIN = 255, 254
#: What the kernel gives a route when nobody says it: ``IP6_RT_PRIO_ADDRCONF`` and ``IP6_RT_PRIO_USER``.
_METRIC6_KERNEL, METRIC6 = 256, 1024
#: A range of VLANs of a port, and its flags: ``BRIDGE_VLAN_INFO_PVID``, ``BRIDGE_VLAN_INFO_UNTAGGED``.
Vlan = tuple[int, int, int]
PVID, UNTAGGED = 2, 4
_TENTATIVE, _DAD = 0x40, 0x40 | 0x08


class Draft:
    """The rows of a situation, and which namespaces' routes are no longer those that the kernel has."""

    def __init__(self, s: Situation) -> None:
        self.s = s
        self.links: list[Link] = list(s.snapshot.links)
        self.addrs: list[Address] = list(s.snapshot.addrs)
        self.routes: list[Route] = list(s.snapshot.routes)
        self.rules: list[Rule] = list(s.snapshot.rules)
        self.neighbours: list[Neighbour] = list(s.snapshot.neighbours)
        self.sysctls: dict[str, dict[str, str]] = {ns: dict(each) for ns, each in s.sysctls.items()}
        self.fdb: list[FdbEntry] = list(s.snapshot.fdb)
        self.vlans: dict[str, dict[str, tuple[Vlan, ...]]] = {ns: dict(each) for ns, each in s.vlans.items()}
        self.tables: dict[str, frozenset[str]] = dict(s.tables)
        self.firewall: dict[str, tuple[FirewallRule, ...]] = dict(s.firewall)
        self.listeners: dict[str, tuple[Listener, ...]] = dict(s.listeners)
        self.ended: list[Listener] = []
        self.conntrack: Mapping[str, tuple[Translation, ...]] = s.conntrack
        self.changed: set[str] = set()

    def situation(self) -> Situation:
        """What would be read."""
        tables: dict[str, Table[Any]] = dict(self.s.snapshot.tables)
        for name in ("links", "addrs", "routes", "rules", "neighbours", "fdb"):
            rows = getattr(self, name)
            tables[name] = Table(name, [[getattr(row, column) for column in COLUMNS[name]] for row in rows])
        return replace(
            self.s,
            snapshot=Snapshot(tables),
            sysctls=self.sysctls,
            vlans=self.vlans,
            tables=self.tables,
            firewall=self.firewall,
            listeners=self.listeners,
            conntrack=self.conntrack,
        )

    # Links

    def link(self, ns: str, dev: str) -> Link | None:
        return next((link for link in self.links if (link.ns, link.ifname) == (ns, dev)), None)

    def change(self, link: Link, **values: Any) -> Link:
        """The link with other values, in its place."""
        new = replace(link, **values)
        self.links[self.links.index(link)] = new
        return new

    def switch_on(self, link: Link) -> bool:
        """``ip link set … up``; a vlan cannot be when what it stands on is not (``vlan_dev_open``)."""
        below = self.link(link.peer_ns or link.ns, link.lower) if link.kind == "vlan" else None
        if below is not None and not below.up:
            return False
        if link.up:
            return True
        self.change(link, flags=link.flags | IFF_UP)
        self.changed.add(link.ns)
        if link.kind == "loopback":
            self._own_addresses(link)
        for row in self.addrs:
            if (row.ns, row.ifname) == (link.ns, link.ifname):
                self._routes_of(row)
        self.carriers()
        return True

    def enslave(self, link: Link, above: Link) -> None:
        """``ip link set … master``; a switch that knows VLANs gives its ports its own first one (``nbp_vlan_init``)."""
        self.change(link, master=above.ifname, port={"state": "disabled"})
        first = int(above.info.get("vlan_default_pvid", 1))
        if above.info.get("vlan_filtering") and first:
            self.vlans.setdefault(link.ns, {})[link.ifname] = ((first, first, PVID | UNTAGGED),)
        self.carriers()

    def carry(self, link: Link, tag: int, flags: int) -> None:
        """``bridge vlan add``: of what comes without a tag a port has one VLAN only."""
        rows = self.vlans.setdefault(link.ns, {}).get(link.ifname, ())
        kept = tuple(
            (first, last, own & ~PVID if flags & PVID else own)
            for first, last, own in rows
            if (first, last) != (tag, tag)
        )
        self.vlans[link.ns][link.ifname] = ((tag, tag, flags), *kept)

    def make(self, ns: str, name: str, kind: str, lower: str, info: Mapping[str, Any]) -> bool:
        """``ip link add`` of what stands on another link, a vlan, a macvlan, an ipvlan or a vxlan, or on none, a bridge."""
        below = self.link(ns, lower) if lower else None
        if self.link(ns, name) is not None or (lower and below is None):
            return False
        number = max(link.ifindex for link in self.links) + 1
        mac = below.mac if below is not None and kind in ("vlan", "ipvlan") else _mac(number)
        mtu = below.mtu if below is not None and kind != "vxlan" else 1500
        self.links.append(Link(ns, number, name, kind, 0, "DOWN", mac, mtu, lower=lower, info=info))
        self.changed.add(ns)
        return True

    def _own_addresses(self, lo: Link) -> None:
        """What the kernel gives to a loopback that comes up (``inetdev_event``, ``init_loopback``)."""
        for family, address, length in (("inet", "127.0.0.1", 8), ("inet6", "::1", 128)):
            if not any((row.ns, row.address) == (lo.ns, address) for row in self.addrs):
                self.addrs.append(Address(lo.ns, lo.ifindex, lo.ifname, family, address, length, scope="host"))

    def switch_off(self, link: Link) -> None:
        """``ip link set … down``: its routes go, and its IPv6 addresses (``addrconf_ifdown``)."""
        self.change(link, flags=link.flags & ~(IFF_UP | IFF_LOWER_UP))
        self.changed.add(link.ns)
        self.routes = [row for row in self.routes if (row.ns, row.dev) != (link.ns, link.ifname)]
        self.addrs = [
            row for row in self.addrs if (row.ns, row.ifname) != (link.ns, link.ifname) or row.family == "inet"
        ]
        self.carriers()

    def carriers(self) -> None:
        """Which cables work now; a switch opens a port whose cable begins to (``br_port_carrier_check`` in net/bridge/br_if.c)."""
        for link in list(self.links):
            works = link.up
            if link.kind == "veth":
                peer = self.link(link.peer_ns, link.peer) if link.peer else None
                works = link.up and peer is not None and peer.up
            if works != link.carrier and link.kind != "bridge":
                self.change(link, flags=link.flags ^ IFF_LOWER_UP)
        for link in list(self.links):
            above = self.link(link.ns, link.master) if link.master else None
            if above is None or above.kind != "bridge":
                continue
            before = self.s.link(link.ns, link.ifname)
            was = self.s.link(above.ns, above.ifname)
            worked = (
                before is not None and before.master == link.master and before.carrier and was is not None and was.up
            )
            if link.carrier and above.up and not worked and str(link.port.get("state", "disabled")) == "disabled":
                self.opened(link, above)

    def opened(self, port: Link, above: Link) -> None:
        """A port of a switch that begins to work: at once, or with a spanning tree after listening for a while."""
        state = "listening" if above.info.get("stp_state") else "forwarding"
        self.change(port, port={**port.port, "state": state})

    def remove(self, link: Link) -> None:
        """``ip link del``: the other end of a cable goes with it."""
        gone = {(link.ns, link.ifname), *([(link.peer_ns, link.peer)] if link.kind == "veth" and link.peer else [])}
        self.changed |= {ns for ns, _ in gone}
        self.links = [
            replace(each, master="") if (each.ns, each.master) in gone else each
            for each in self.links
            if (each.ns, each.ifname) not in gone
        ]
        self.addrs = [row for row in self.addrs if (row.ns, row.ifname) not in gone]
        self.routes = [row for row in self.routes if (row.ns, row.dev) not in gone]
        self.neighbours = [row for row in self.neighbours if (row.ns, row.dev) not in gone]
        self.fdb = [row for row in self.fdb if (row.ns, row.dev) not in gone]
        for ns, dev in gone:
            self.vlans.get(ns, {}).pop(dev, None)

    def move(self, link: Link, ns: str) -> bool:
        """``ip link set … netns``: it arrives switched off, and has lost its addresses."""
        if self.link(ns, link.ifname) is not None:
            return False
        self.switch_off(link)
        off = self.link(link.ns, link.ifname)
        assert off is not None
        self.addrs = [row for row in self.addrs if (row.ns, row.ifname) != (link.ns, link.ifname)]
        self.change(off, ns=ns, master="", port={})
        peer = self.link(link.peer_ns, link.peer) if link.peer else None
        if peer is not None and link.kind == "veth":
            self.change(peer, peer_ns=ns)
        self.changed.add(ns)
        return True

    def cable(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        """``ip link add … type veth``: both ends are switched off."""
        if any(self.link(*end) is not None for end in (one, other)):
            return False
        number = max((link.ifindex for link in self.links), default=0) + 1
        for at, (mine, theirs) in enumerate(((one, other), (other, one))):
            mac = _mac(number + at)
            self.links.append(
                Link(mine[0], number + at, mine[1], "veth", 0, "DOWN", mac, 1500, peer=theirs[1], peer_ns=theirs[0])
            )
        self.changed |= {one[0], other[0]}
        return True

    # Addresses

    def add_address(self, link: Link, address: str, length: int) -> bool:
        """``ip addr add``."""
        family = "inet6" if ":" in address else "inet"
        if any((row.ns, row.ifname, row.address) == (link.ns, link.ifname, address) for row in self.addrs):
            return False
        if family == "inet6" and self.sysctls.get(link.ns, {}).get(f"ipv6/conf/{link.ifname}/disable_ipv6") == "1":
            return False
        row = Address(link.ns, link.ifindex, link.ifname, family, address, length)
        self.addrs.append(row)
        self.changed.add(link.ns)
        if link.up:
            self._routes_of(row)
        return True

    def remove_address(self, link: Link, address: str, length: int) -> bool:
        """``ip addr del``: routes that need it go along, with the last IPv4 address all of its link (``fib_inetaddr_event``)."""
        mine = [row for row in self.addrs if (row.ns, row.ifname) == (link.ns, link.ifname)]
        row = next((each for each in mine if (each.address, each.prefixlen) == (address, length)), None)
        if row is None:
            return False
        network = self.s.network(row)
        left = [each for each in mine if each is not row and each.family == row.family]
        if row.family == "inet" and any(self.s.network(each) == network for each in left):
            return False  # the one of a network that came first takes the others along, or not
        self.addrs.remove(row)
        self.changed.add(link.ns)

        def goes(route: Route) -> bool:
            if route.ns != link.ns or route.family != row.family:
                return False
            if row.family == "inet" and not left and route.dev == link.ifname:
                return True
            if route.protocol == "kernel" and route.dst in (address, str(network)) and route.dev == link.ifname:
                return True
            return route.prefsrc == address

        self.routes = [route for route in self.routes if not goes(route)]
        return True

    def _routes_of(self, row: Address) -> None:
        """The routes that an address brings (``fib_add_ifaddr``, ``addrconf_prefix_route``)."""
        network = self.s.network(row)
        four = row.family == "inet"
        kind = "local" if row.scope == "host" else "unicast"
        local = Route(
            row.ns, row.family, row.address, dev=row.ifname, prefsrc=row.address if four else "", protocol="kernel",
            scope="host" if four else "global", table=_LOCAL, type="local",
        )  # fmt: skip
        connected = replace(
            local, dst=str(network), scope="link", metric=0 if four else _METRIC6_KERNEL,
            table=_LOCAL if kind == "local" else _MAIN, type=kind,
        )  # fmt: skip
        new = [local, *([connected] if row.prefixlen < network.max_prefixlen else [])]
        there = {(each.ns, each.dst, each.dev, each.table, each.type) for each in self.routes}
        self.routes += [each for each in new if (each.ns, each.dst, each.dev, each.table, each.type) not in there]

    def settled(self) -> None:
        """Addresses that the kernel asks around for are usable a while later."""
        for row in [row for row in self.addrs if row.flags & _DAD == _TENTATIVE]:
            usable = replace(row, flags=row.flags & ~_TENTATIVE)
            self.addrs[self.addrs.index(row)] = usable
            self.changed.add(row.ns)
            self._routes_of(usable)  # its own comes only now (``addrconf_dad_completed``)

    # Routes

    def device(self, ns: str, gateway: str) -> str:
        """The interface behind which a gateway must be, ``""`` when none is: the kernel refuses the route then."""
        goal = ipaddress.ip_address(gateway)
        fitting = [
            row
            for row in self.addrs
            if row.ns == ns
            and goal in self.s.network(row)
            and (link := self.link(ns, row.ifname)) is not None
            and link.up
            and link.kind != "loopback"
        ]
        return max(fitting, key=lambda row: row.prefixlen).ifname if fitting else ""

    def remove_first(self, table: str, fits: Callable[[Any], bool]) -> bool:
        """Take away the first row that fits."""
        rows = getattr(self, table)
        row = next((each for each in rows if fits(each)), None)
        if row is None:
            return False
        rows.remove(row)
        self.changed.add(row.ns)
        return True

    # Programs

    def listen(self, ns: str, proto: str, address: str, port: int) -> None:
        """A program waits on a port."""
        self.listeners[ns] = (*self.listeners.get(ns, ()), Listener(proto, address, port))

    def end(self, pid: int) -> bool:
        """``kill``: what a program waited for it waits for no more."""
        self.ended += [each for rows in self.listeners.values() for each in rows if each.pid == pid]
        for ns, rows in self.listeners.items():
            self.listeners[ns] = tuple(each for each in rows if each.pid != pid)
        return any(each.pid == pid for each in self.ended)

    # Kernel parameters

    def parameter(self, ns: str, name: str, value: str) -> None:
        """``sysctl -w``; what stands in "all" goes to each interface where the kernel does so."""
        here = self.sysctls.setdefault(ns, {})
        self.changed.add(ns)
        if name == "ipv4/ip_forward":
            name = "ipv4/conf/all/forwarding"
        here[name] = value
        family, _, word = name.partition("/conf/all/")
        if word not in ("forwarding", "disable_ipv6"):
            return
        if (family, word) == ("ipv4", "forwarding"):
            here["ipv4/ip_forward"] = value
        for link in self.links:
            if link.ns == ns:
                here[f"{family}/conf/{link.ifname}/{word}"] = value


def _mac(number: int) -> str:
    return "02:5e:" + number.to_bytes(4, "big").hex(":")
