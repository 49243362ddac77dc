"""What ``ifconfig`` prints: one block for each interface, one more for each address with a label of its own (``eth0:1``)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nsmagic.model import Address, Link
from nsmagic.words.parts import NotInModel, hardware, safe

#: IFF_* in ifconfig's order; it sees the low sixteen bits.
_FLAGS: Sequence[tuple[int, str, str]] = (
    (0x1, "UP", ""), (0x2, "BROADCAST", "B"), (0x4, "DEBUG", ""), (0x8, "LOOPBACK", "L"), (0x10, "POINTOPOINT", "P"),
    (0x20, "NOTRAILERS", ""), (0x40, "RUNNING", ""), (0x80, "NOARP", "O"), (0x100, "PROMISC", "P"),
    (0x200, "ALLMULTI", "A"), (0x800, "SLAVE", "s"), (0x400, "MASTER", "m"), (0x1000, "MULTICAST", ""),
    (0x8000, "DYNAMIC", ""),
)  # fmt: skip
_SCOPES: Mapping[str, str] = {"global": "0x0<global>", "host": "0x10<host>", "link": "0x20<link>", "site": "0x40<site>"}


def text(
    links: Sequence[Link],
    addrs: Sequence[Address],
    stats: Mapping[str, Mapping[str, int]] | None = None,
    *,
    all: bool = False,
    only: str = "",
) -> str:
    """The output of ``ifconfig``, of ``ifconfig -a`` when ``all``, of ``ifconfig NAME`` when ``only``, for one namespace.

    ``stats`` are the counters of each link by name: ``rx_packets rx_bytes rx_errors rx_dropped`` and the same of ``tx``.

    Raises
    ------
    NotInModel
        Without the counters of a link that is to be shown.

    >>> counters = {f"{way}_{what}": 0 for way in ("rx", "tx") for what in ("packets", "bytes", "errors", "dropped")}
    >>> print(text([Link("red", 1, "lo", "loopback", 8, mtu=65536, txqlen=1000)], [], {"lo": counters}, all=True), end="")
    lo: flags=8<LOOPBACK>  mtu 65536
            loop  txqueuelen 1000  (Local Loopback)
            RX packets 0  bytes 0 (0.0 B)
            RX errors 0  dropped 0  overruns 0  frame 0
            TX packets 0  bytes 0 (0.0 B)
            TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0
    <BLANKLINE>
    """
    blocks = []
    for name, link, own in _interfaces(links, addrs):
        if (only and name != only) or not (only or all or link.up):
            continue
        lines = [f"{name}: flags={link.flags & 0xFFFF}<{','.join(_names(link.flags))}>  mtu {link.mtu}"]
        lines += [f"        {line}" for line in _addresses(link, own)]
        lines.append(f"        {_hardware(link)}")
        if name == link.ifname:
            if stats is None or name not in stats:
                raise NotInModel(f"counters of {name}")
            lines += [f"        {line}" for line in _counters(stats[name])]
        blocks.append("\n".join(lines) + "\n\n")
    return safe("".join(blocks))


def _interfaces(links: Sequence[Link], addrs: Sequence[Address]) -> Iterator[tuple[str, Link, list[Address]]]:
    """``(name, link, its addresses)`` in ifconfig's order; an address whose label is no link's name is an interface too."""
    found: dict[str, tuple[Link, list[Address]]] = {link.ifname: (link, []) for link in links}
    by_name = {link.ifname: link for link in links}
    for address in addrs:
        name = address.label if address.family == "inet" and address.label else address.ifname
        if address.ifname in by_name:
            found.setdefault(name, (by_name[address.ifname], []))[1].append(address)
    for name in sorted(found, key=_natural):
        yield name, *found[name]


def _natural(name: str) -> tuple[str, int, str]:
    match = re.match(r"(.*?)(\d*)((?::.*)?)$", name, re.DOTALL)
    head, digits, tail = match.groups() if match else (name, "", "")
    return head, int(digits) if digits else -1, tail


def _names(flags: int) -> list[str]:
    return [name for bit, name, _ in _FLAGS if flags & bit]


def _addresses(link: Link, own: Sequence[Address]) -> Iterator[str]:
    first = next((address for address in own if address.family == "inet"), None)
    if first is not None:
        mask = ipaddress.IPv4Network(f"0.0.0.0/{first.prefixlen}").netmask
        line = f"inet {first.address}  netmask {mask}"
        if link.flags & 0x2:
            line += f"  broadcast {first.broadcast or '0.0.0.0'}"
        if link.flags & 0x10:
            line += f"  destination {first.peer or first.address}"
        yield line
    for address in own:
        if address.family == "inet6":
            yield f"inet6 {address.address}  prefixlen {address.prefixlen}  scopeid {_SCOPES.get(address.scope, '0x0<global>')}"


def _hardware(link: Link) -> str:
    word = hardware(link)
    if word == "loopback":
        return f"loop  txqueuelen {link.txqlen}  (Local Loopback)"
    if word == "ether":
        return f"ether {link.mac}  txqueuelen {link.txqlen}  (Ethernet)"
    if word == "none":
        return f"unspec {'-'.join(['00'] * 16)}  txqueuelen {link.txqlen}  (UNSPEC)"
    raise NotInModel(f"hardware of {link.ifname}")


def _counters(stats: Mapping[str, Any]) -> list[str]:
    # Overruns, frame and carrier errors and collisions are counted by network cards; the links of a lab have none.
    return [
        f"RX packets {stats['rx_packets']}  bytes {stats['rx_bytes']} ({_human(stats['rx_bytes'])})",
        f"RX errors {stats['rx_errors']}  dropped {stats['rx_dropped']}  overruns 0  frame 0",
        f"TX packets {stats['tx_packets']}  bytes {stats['tx_bytes']} ({_human(stats['tx_bytes'])})",
        f"TX errors {stats['tx_errors']}  dropped {stats['tx_dropped']} overruns 0  carrier 0  collisions 0",
    ]


def _human(count: int) -> str:
    """Bytes with one decimal that is cut, not rounded, as ifconfig does."""
    size, unit = 1, "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if count < size * 1024 or unit == "PiB":
            break
        size *= 1024
    return f"{count // size}.{count % size * 10 // size} {unit}"
