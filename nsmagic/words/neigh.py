"""What ``ip neigh`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import Neighbour
from nsmagic.words.parts import refuse, safe

_NOTHING: Mapping[str, Any] = {}
_FLAGS: Sequence[tuple[int, str]] = ((0x80, "router"), (0x08, "proxy"), (0x10, "extern_learn"), (0x20, "offload"))


def text(
    neighbours: Sequence[Neighbour], display: Mapping[str, Any] = _NOTHING, args: Mapping[str, Any] = _NOTHING
) -> str:
    """The output of ``ip neigh`` for these entries; with ``dev`` in the command's ``args`` it is not repeated.

    Raises
    ------
    NotInModel

    >>> text([Neighbour("red", "inet", "10.0.0.2", "02:00:00:00:00:02", "e0", "STALE")])
    '10.0.0.2 dev e0 lladdr 02:00:00:00:00:02 STALE \\n'
    """
    refuse(display, "stats")
    lines = []
    for entry in neighbours:
        if display.get("brief"):
            dev = "" if args.get("dev") else f"{entry.dev:<16} "
            lines.append(f"{entry.address:<39} {dev}{entry.mac}\n")
            continue
        words = [entry.address]
        words += [] if args.get("dev") else ["dev", entry.dev]
        words += ["lladdr", entry.mac] if entry.mac else []
        words += [*_flags(entry), *_states(entry)]
        lines.append("".join(f"{word} " for word in words) + "\n")
    return safe("".join(lines))


def json_rows(
    neighbours: Sequence[Neighbour], display: Mapping[str, Any] = _NOTHING, args: Mapping[str, Any] = _NOTHING
) -> list[dict[str, Any]]:
    """What ``ip -j neigh`` prints, as data.

    >>> json_rows([Neighbour("red", "inet", "10.0.0.2", "", "e0", "FAILED")])
    [{'dst': '10.0.0.2', 'dev': 'e0', 'state': ['FAILED']}]
    """
    refuse(display, "stats")
    rows = []
    for entry in neighbours:
        row: dict[str, Any] = {"dst": entry.address}
        if not args.get("dev"):
            row["dev"] = entry.dev
        if entry.mac:
            row["lladdr"] = entry.mac
        if not display.get("brief"):
            row.update(dict.fromkeys(_flags(entry)))
            row["state"] = _states(entry)
            if entry.flags & 0x08:
                del row["state"]
        rows.append(row)
    return rows


def _flags(entry: Neighbour) -> list[str]:
    return [word for bit, word in _FLAGS if entry.flags & bit]


def _states(entry: Neighbour) -> list[str]:
    return [word for word in entry.state.split(",") if word not in ("", "NONE")] if not entry.flags & 0x08 else []
