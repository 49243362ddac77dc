"""What several tools print alike: interface flags, lifetimes, JSON text; and the error for what rows do not hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nsmagic.commands.values import DSFIELDS
from nsmagic.model import HOST, IFF_UP, Link
from nsmagic.printable import printable
from nsmagic.snapshot import Snapshot

FOREVER = 0xFFFFFFFF
IFF_RUNNING = 0x40

#: IFF_* in the order in which iproute2 prints them.
FLAGS: Sequence[tuple[int, str]] = (
    (0x8, "LOOPBACK"), (0x2, "BROADCAST"), (0x10, "POINTOPOINT"), (0x1000, "MULTICAST"), (0x80, "NOARP"),
    (0x200, "ALLMULTI"), (0x100, "PROMISC"), (0x400, "MASTER"), (0x800, "SLAVE"), (0x4, "DEBUG"), (0x8000, "DYNAMIC"),
    (0x4000, "AUTOMEDIA"), (0x2000, "PORTSEL"), (0x20, "NOTRAILERS"), (0x1, "UP"), (0x10000, "LOWER_UP"),
    (0x20000, "DORMANT"), (0x40000, "ECHO"),
)  # fmt: skip

#: What stands behind ``link/`` for kinds that are no Ethernet.
HARDWARE: Mapping[str, str] = {
    "loopback": "loopback", "ipip": "ipip", "sit": "sit", "gre": "gre", "ip6gre": "gre6", "ip6tnl": "tunnel6",
    "vti": "ipip", "vti6": "tunnel6", "wireguard": "none", "ppp": "ppp", "nlmon": "netlink",
}  # fmt: skip

#: Kinds that report the interface below them, ``@NONE`` when there is none.
STACKED = frozenset(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"])
TUNNELS = frozenset(["ipip", "sit", "gre", "gretap", "erspan", "ip6tnl", "ip6gre", "ip6gretap", "vti", "vti6"])
PAIRED = frozenset(["veth", "netkit", "vxcan"])


_DSFIELDS = {number: name for name, number in DSFIELDS.items()}


class NotInModel(Exception):
    """The rows do not hold what the tool would print; the real tool has to be asked.

    An internal signal between ``words`` and its caller, not one of the errors that people see.
    """


def refuse(display: Mapping[str, Any], *options: str) -> None:
    """Raise :class:`NotInModel` for display options whose data the model does not have.

    >>> refuse({"json": True}, "stats")
    """
    for option in options:
        if display.get(option):
            raise NotInModel(f"option {option}")


def flag_names(flags: int) -> list[str]:
    """The words between the angle brackets; ``NO-CARRIER`` is not a flag but its absence.

    >>> flag_names(0x1003), flag_names(0x11043)[-1]
    (['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP'], 'LOWER_UP')
    """
    names = ["NO-CARRIER"] if flags & 1 and not flags & IFF_RUNNING else []
    rest = flags & ~IFF_RUNNING
    for bit, name in FLAGS:
        if rest & bit:
            names.append(name)
            rest &= ~bit
    return [*names, f"{rest:x}"] if rest else names


def safe(text: str) -> str:
    r"""Output as it may be shown: names cannot steer the terminal, the tool's own line breaks and tabs stay.

    >>> safe("veth\x1b[1m\n\tnext")
    'veth\\x1b[1m\n\tnext'
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def dumps(rows: Sequence[Any], pretty: bool = False) -> str:
    r"""JSON text as iproute2 lays it out, compact or with ``-p``, with its final line break.

    >>> dumps([{"dst": "default", "flags": []}])
    '[{"dst":"default","flags":[]}]\n'
    >>> print(dumps([{"dst": "default", "flags": []}], pretty=True), end="")
    [ {
            "dst": "default",
            "flags": [ ]
        } ]
    """
    return (_pretty(rows, 0) if pretty else json.dumps(rows, separators=(",", ":"), ensure_ascii=False)) + "\n"


def _pretty(value: Any, depth: int) -> str:
    if isinstance(value, (list, tuple)):
        return "[ " + ",".join(_pretty(item, depth + 1) for item in value) + (" ]" if value else "]")
    if not isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    if not value:
        return "{}"
    inner = ",".join(
        f"\n{'    ' * (depth + 1)}{json.dumps(name)}: {_pretty(item, depth + 1)}" for name, item in value.items()
    )
    return f"{{{inner}\n{'    ' * depth}}}"


class Around:
    """What a link's line says of others: the index behind ``@if7`` and the ``link-netns`` of its other end.

    ``snapshot`` has the links of all namespaces; ``nsids`` the number by which ``(ns, other namespace)`` is known in ``ns``,
    needed for a namespace without a name (the host is one) and for JSON.
    """

    def __init__(self, snapshot: Snapshot | None = None, nsids: Mapping[tuple[str, str], int] | None = None) -> None:
        self._nsids = nsids or {}
        self._index: dict[tuple[str, str], int] = {}
        self._down: set[tuple[str, str]] = set()
        self._names: dict[tuple[str, int], str] = {}
        self._unnamed: set[str] = {HOST}
        if snapshot is not None:
            self._index = {(link.ns, link.ifname): link.ifindex for link in snapshot.links}
            self._names = {(link.ns, link.ifindex): link.ifname for link in snapshot.links}
            self._down = {(link.ns, link.ifname) for link in snapshot.links if not link.flags & IFF_UP}
            self._unnamed |= {row.ns for row in snapshot.namespaces if not row.named}

    def below(self, link: Link, *, blind: bool = False) -> tuple[str, int, str] | None:
        """``(name, 0, "")`` of the link below or across in the same namespace, ``("", index, ns)`` in another, None: no ``@``.

        ``blind`` is for those answers of the kernel (``bridge link``, ``ip -6 addr``) that leave out the other namespace: the tools then
        take its index for one of their own.

        Raises
        ------
        NotInModel
            There is one, but it cannot be seen.
        """
        name = link.peer if link.kind in PAIRED else link.lower if link.kind in STACKED | TUNNELS else ""
        if not name:
            if link.kind in PAIRED | STACKED:
                raise NotInModel(f"the other end of {link.ifname}")
            return ("NONE", 0, "") if link.kind in TUNNELS else None
        if link.peer_ns in ("", link.ns):
            return name, 0, ""
        index = self._index.get((link.peer_ns, name))
        if index is None:
            raise NotInModel(f"the number of {link.peer_ns}/{name}")
        if blind:
            return self._names.get((link.ns, index), f"if{index}"), 0, ""
        return "", index, link.peer_ns

    def is_down(self, ns: str, name: str) -> bool:
        """Whether a link is there and switched off."""
        return (ns, name) in self._down

    def nsid(self, ns: str, other: str) -> int:
        """The number of a namespace as seen from another.

        Raises
        ------
        NotInModel
        """
        if (ns, other) not in self._nsids:
            raise NotInModel(f"the number of {other} in {ns}")
        return self._nsids[ns, other]

    def netns(self, ns: str, other: str) -> str:
        """``link-netns red`` or, for a namespace without a name, ``link-netnsid 0``."""
        if other in self._unnamed or other.startswith("("):
            return f"link-netnsid {self.nsid(ns, other)}"
        return f"link-netns {other}"


def at(link: Link, around: Around, *, blind: bool = False) -> str:
    """A link's name with what is below it: ``veth-red@if3``, ``eth0.10@eth0``; ``blind`` as for :meth:`Around.below`."""
    below = around.below(link, blind=blind)
    if below is None:
        return link.ifname
    name, index, _ = below
    return f"{link.ifname}@{name or f'if{index}'}"


def flags_of(link: Link, around: Around, *, blind: bool = False) -> list[str]:
    """The words between the angle brackets: the link's flags, and ``M-DOWN`` when what is below or across here is switched off."""
    below = around.below(link, blind=blind)
    down = below is not None and around.is_down(link.ns, below[0])
    return [*flag_names(link.flags), *(["M-DOWN"] if down else [])]


def hardware(link: Link) -> str:
    """The word behind ``link/``."""
    if link.kind == "tun":
        return "ether" if link.mac else "none"
    if link.kind in HARDWARE:
        return HARDWARE[link.kind]
    return "ether" if link.mac else "none"


def broadcast(link: Link) -> str:
    """The hardware broadcast address, which the model leaves out because it never varies."""
    word = hardware(link)
    return "00:00:00:00:00:00" if word == "loopback" else "ff:ff:ff:ff:ff:ff" if word == "ether" else ""


def chunks(words: Sequence[str]) -> Iterator[str]:
    """The words that are there, each followed by a space, as iproute2 prints what may be absent."""
    return (f"{word} " for word in words if word)


def tos(value: Any) -> str:
    """A type of service as iproute2 prints it: its name, else two hexadecimal digits.

    >>> tos(16), tos(0x28)
    ('0x10', 'AF11')
    """
    return _DSFIELDS.get(int(value)) or f"0x{int(value):02x}"


def lifetime(seconds: int) -> str:
    """Seconds of an address's life as ``ip`` words them."""
    return "forever" if seconds == FOREVER else f"{seconds}sec"
