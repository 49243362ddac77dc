"""What ``ip addr`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import Address, Link
from nsmagic.words import link as link_words
from nsmagic.words.parts import FOREVER, Around, lifetime, refuse, safe

_NOTHING: Mapping[str, Any] = {}

#: IFA_F_* as ``ip addr`` words them, in its order; permanent addresses are the rule and bear no word.
_FLAGS: Sequence[tuple[int, str]] = (
    (0x02, "nodad"), (0x04, "optimistic"), (0x08, "dadfailed"), (0x10, "home"), (0x20, "deprecated"),
    (0x40, "tentative"), (0x100, "mngtmpaddr"), (0x200, "noprefixroute"), (0x400, "autojoin"), (0x800, "stable-privacy"),
)  # fmt: skip
_PERMANENT = 0x80


def _flags(address: Address) -> list[str]:
    words = []
    if address.flags & 0x01:
        words.append("temporary" if address.family == "inet6" else "secondary")
    words += [word for bit, word in _FLAGS if address.flags & bit]
    # A row that does not come from the kernel has no flags at all; it lives for ever and is not "dynamic".
    if not address.flags & _PERMANENT and address.valid_lft != FOREVER:
        words.append("dynamic")
    return words


def text(
    links: Sequence[Link],
    addrs: Sequence[Address],
    display: Mapping[str, Any] = _NOTHING,
    around: Around | None = None,
    *,
    family: str | None = None,
    listed: bool = True,
) -> str:
    """The output of ``ip addr`` for these links and those of ``addrs`` that are theirs.

    ``family`` is ``inet`` or ``inet6`` for ``-4`` and ``-6`` (links without such an address are then left out), ``listed`` is False when a
    device was named.

    Raises
    ------
    NotInModel

    >>> lo = Link("red", 1, "lo", "loopback", 0x10049, "UNKNOWN", "00:00:00:00:00:00", 65536, qdisc="noqueue", txqlen=1000)
    >>> print(text([lo], [Address("red", 1, "lo", "inet", "127.0.0.1", 8, scope="host", label="lo", flags=0x80)]), end="")
    1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
        link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
        inet 127.0.0.1/8 scope host lo
           valid_lft forever preferred_lft forever
    """
    around = around or Around()
    out = []
    for link, own in _grouped(links, addrs, family):
        if display.get("brief"):
            out.append(link_words.brief(link, around) + "".join(f"{_prefix(address)} " for address in own) + "\n")
            continue
        refuse(display, "details", "stats", "human")
        if display.get("oneline"):
            out += [f"{link.ifindex}: {link.ifname}    {chr(92).join(_lines(address)).lstrip()}\n" for address in own]
            continue
        lines = link_words.head(link, around, addr=True, family=family, listed=listed)
        out += [f"{line}\n" for line in (*lines, *(line for address in own for line in _lines(address)))]
    return safe("".join(out))


def _grouped(links: Sequence[Link], addrs: Sequence[Address], family: str | None) -> list[tuple[Link, list[Address]]]:
    """Each link with its addresses, IPv4 first."""
    own: dict[tuple[str, int], list[Address]] = {}
    for address in sorted(addrs, key=lambda address: address.family):
        if family in (None, address.family):
            own.setdefault((address.ns, address.ifindex), []).append(address)
    grouped = [(link, own.get((link.ns, link.ifindex), [])) for link in links]
    return grouped if family is None else [(link, found) for link, found in grouped if found]


def _prefix(address: Address) -> str:
    if address.peer:
        return f"{address.address} peer {address.peer}/{address.prefixlen}"
    return f"{address.address}/{address.prefixlen}"


def _lines(address: Address) -> list[str]:
    words = [address.family, _prefix(address)]
    words += ["brd", address.broadcast] if address.broadcast else []
    words += ["scope", address.scope, *_flags(address)]
    return [
        f"    {' '.join(words)} {address.label}",
        f"       valid_lft {lifetime(address.valid_lft)} preferred_lft {lifetime(address.preferred_lft)}",
    ]


def json_rows(
    links: Sequence[Link],
    addrs: Sequence[Address],
    display: Mapping[str, Any] = _NOTHING,
    around: Around | None = None,
    *,
    family: str | None = None,
    listed: bool = True,
) -> list[dict[str, Any]]:
    """What ``ip -j addr`` prints, as data; parameters and errors as for :func:`text`.

    >>> json_rows([Link("red", 1, "lo", "loopback")], [], {"brief": True})
    [{'ifname': 'lo', 'operstate': 'DOWN', 'addr_info': []}]
    """
    around = around or Around()
    rows = []
    for link, own in _grouped(links, addrs, family):
        if display.get("brief"):
            info = [{"local": address.address, **_peer(address), "prefixlen": address.prefixlen} for address in own]
            rows.append({**link_words.json_brief(link, around), "addr_info": info})
            continue
        refuse(display, "details", "stats", "human")
        head = link_words.json_head(link, around, addr=True, family=family, listed=listed)
        rows.append({**head, "addr_info": [_json(address) for address in own]})
    return rows


def _peer(address: Address) -> dict[str, Any]:
    return {"address": address.peer} if address.peer else {}


def _json(address: Address) -> dict[str, Any]:
    row: dict[str, Any] = {
        "family": address.family,
        "local": address.address,
        **_peer(address),
        "prefixlen": address.prefixlen,
    }
    if address.broadcast:
        row["broadcast"] = address.broadcast
    row["scope"] = address.scope
    row.update(dict.fromkeys(_flags(address), True))
    if address.label:
        row["label"] = address.label
    row["valid_life_time"] = address.valid_lft
    row["preferred_life_time"] = address.preferred_lft
    return row
