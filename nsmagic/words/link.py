"""What ``ip link`` prints, and the first lines of each link in ``ip addr``.

Not in the model, so refused: what ``-d`` adds. What ``-s`` adds comes with the counters that are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import Link
from nsmagic.words.parts import Around, at, broadcast, flags_of, hardware, refuse, safe

_NOTHING: Mapping[str, Any] = {}


#: Name of a link → its counters, as ``netlink.dump.Stats`` names them.
Counters = Mapping[str, Mapping[str, int]]


def text(
    links: Sequence[Link],
    display: Mapping[str, Any] = _NOTHING,
    around: Around | None = None,
    counters: Counters | None = None,
) -> str:
    """The output of ``ip link``; ``display`` as in ``Command.display``.

    Raises
    ------
    NotInModel

    >>> print(text([Link("red", 1, "lo", "loopback", 8, mac="00:00:00:00:00:00", mtu=65536, qdisc="noop", txqlen=1000)]), end="")
    1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000
        link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    """
    around = around or Around()
    if display.get("brief"):
        return safe("".join(brief(link, around) + _brief_end(link, around) + "\n" for link in links))
    refuse(display, "details", "human", *([] if counters is not None else ["stats"]))
    joint = "\\" if display.get("oneline") else "\n"
    more = counters if display.get("stats") and counters is not None else {}
    return safe("".join(joint.join(_with_counters(link, head(link, around), more)) + "\n" for link in links))


def _with_counters(link: Link, lines: list[str], counters: Counters) -> list[str]:
    """The counters stand before the alternative names."""
    end = len(lines) - len(link.altnames)
    return [*lines[:end], *_counted(counters.get(link.ifname)), *lines[end:]]


def _counted(row: Mapping[str, int] | None) -> list[str]:
    """Counters in columns (``print_stats64`` of iproute2's ip/ipaddress.c)."""
    if row is None:
        return []
    sides = {
        "RX": ("rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "rx_missed", "rx_multicast"),
        "TX": ("tx_bytes", "tx_packets", "tx_errors", "tx_dropped", "tx_carrier", "tx_collisions"),
    }
    heads = {
        "RX": ("bytes", "packets", "errors", "dropped", "missed", "mcast"),
        "TX": ("bytes", "packets", "errors", "dropped", "carrier", "collsns"),
    }
    widths = [
        max(least, *(len(str(row[names[i]])) for names in sides.values()))
        for i, least in enumerate((10, 7, 6, 7, 7, 7))
    ]
    lines = []
    for side, names in sides.items():
        first, *rest = heads[side]
        words = [
            f"{first:>{widths[0] - 4}}",
            *(f"{word:>{width}}" for word, width in zip(rest, widths[1:], strict=True)),
        ]
        lines.append(f"    {side}: {' '.join(words)} {'':10}")
        lines.append("    " + "".join(f"{row[name]:>{width}} " for name, width in zip(names, widths, strict=True)))
    return lines


def brief(link: Link, around: Around) -> str:
    """The start of a ``-br`` line: name and state."""
    return f"{at(link, around):<16} {link.operstate:<14} "


def _brief_end(link: Link, around: Around) -> str:
    mac = f"{link.mac} " if link.mac else ""
    return f"{mac}<{','.join(flags_of(link, around))}> "


def head(
    link: Link, around: Around, *, addr: bool = False, family: str | None = None, listed: bool = False
) -> list[str]:
    """The lines of a link, those of ``ip addr`` when ``addr``.

    ``family`` is the one that was asked for (``-4``), ``listed`` that no device was named: ``ip -6 addr`` then asks the kernel in a
    way that leaves some facts out.
    """
    poor = addr and family == "inet6" and listed
    words = [
        f"{link.ifindex}: {at(link, around, blind=poor)}: <{','.join(flags_of(link, around, blind=poor))}> mtu {link.mtu}"
    ]
    words += [f"qdisc {link.qdisc}"] if link.qdisc and not poor else []
    words += [f"master {link.master}"] if link.master and not poor else []
    words += [f"state {link.operstate}"]
    words += [] if addr else ["mode DEFAULT"]
    words += [] if poor else [f"group {group(link)}"]
    words += [f"qlen {link.txqlen}"] if link.txqlen else []
    lines = [" ".join(words)]
    if family is None:
        lines.append(_address(link, around))
    if link.alias and not addr:
        lines.append(f"    alias {link.alias}")
    if not poor:
        lines += [f"    altname {name}" for name in link.altnames]
    return lines


def group(link: Link) -> str:
    """The name of a link's group: ``default`` or a number."""
    return str(link.group) if link.group else "default"


def _address(link: Link, around: Around) -> str:
    words = f"    link/{hardware(link)} "
    if link.mac:
        words += link.mac
        if broadcast(link):
            words += f" {'peer' if link.flags & 0x10 else 'brd'} {broadcast(link)}"
    below = around.below(link)
    if below is not None and below[2]:
        words += f" {around.netns(link.ns, below[2])}"
    return words


def json_rows(
    links: Sequence[Link],
    display: Mapping[str, Any] = _NOTHING,
    around: Around | None = None,
    counters: Counters | None = None,
) -> list[dict[str, Any]]:
    """What ``ip -j link`` prints, as data in its order of keys.

    Raises
    ------
    NotInModel

    >>> json_rows([Link("red", 1, "lo", "loopback", 8)], {"brief": True})
    [{'ifname': 'lo', 'operstate': 'DOWN', 'flags': ['LOOPBACK']}]
    """
    around = around or Around()
    if display.get("brief"):
        return [{**json_brief(link, around), **_mac(link), "flags": flags_of(link, around)} for link in links]
    refuse(display, "details", "human", *([] if counters is not None else ["stats"]))
    more = counters if display.get("stats") and counters is not None else {}
    rows = []
    for link in links:
        row = json_head(link, around)
        names = {"altnames": row.pop("altnames")} if "altnames" in row else {}
        rows.append({**row, **_json_counted(more.get(link.ifname)), **names})
    return rows


def _json_counted(row: Mapping[str, int] | None) -> dict[str, Any]:
    if row is None:
        return {}
    received = {"bytes": "rx_bytes", "packets": "rx_packets", "errors": "rx_errors", "dropped": "rx_dropped",
                "over_errors": "rx_over", "multicast": "rx_multicast"}  # fmt: skip
    sent = {"bytes": "tx_bytes", "packets": "tx_packets", "errors": "tx_errors", "dropped": "tx_dropped",
            "carrier_errors": "tx_carrier", "collisions": "tx_collisions"}  # fmt: skip
    return {
        "stats64": {
            "rx": {word: row[key] for word, key in received.items()},
            "tx": {word: row[key] for word, key in sent.items()},
        }
    }


def json_brief(link: Link, around: Around) -> dict[str, Any]:
    """The start of a link in ``-br -j``."""
    return {**_below(link, around), "ifname": link.ifname, "operstate": link.operstate}


def json_head(
    link: Link, around: Around, *, addr: bool = False, family: str | None = None, listed: bool = False
) -> dict[str, Any]:
    """A link in JSON; parameters as for :func:`head`."""
    poor = addr and family == "inet6" and listed
    row: dict[str, Any] = {
        "ifindex": link.ifindex,
        **_below(link, around, blind=poor),
        "ifname": link.ifname,
        "flags": flags_of(link, around, blind=poor),
        "mtu": link.mtu,
    }
    if link.qdisc and not poor:
        row["qdisc"] = link.qdisc
    if link.master and not poor:
        row["master"] = link.master
    row["operstate"] = link.operstate
    if not addr:
        row["linkmode"] = "DEFAULT"
    if not poor:
        row["group"] = group(link)
    if link.txqlen:
        row["txqlen"] = link.txqlen
    if family is None:
        row["link_type"] = hardware(link)
        row.update(_mac(link))
        if link.mac and broadcast(link):
            row["broadcast"] = broadcast(link)
        below = around.below(link)
        if below is not None and below[2]:
            row["link_netnsid"] = around.nsid(link.ns, below[2])
    if link.alias and not addr:
        row["ifalias"] = link.alias
    if link.altnames and not poor:
        row["altnames"] = list(link.altnames)
    return row


def _mac(link: Link) -> dict[str, Any]:
    return {"address": link.mac} if link.mac else {}


def _below(link: Link, around: Around, blind: bool = False) -> dict[str, Any]:
    below = around.below(link, blind=blind)
    if below is None:
        return {}
    name, index, _ = below
    return {"link_index": index} if index else {"link": None if name == "NONE" else name}
