"""Colours of a picture: every one with its counterpart for dark pages.

A room named like a colour has that colour; any other gets one of eight by its name, always the same. The eight differ in
lightness as well as in hue, so that people who confuse red with green tell them apart; besides, every room bears its name and
every state its word, so that nothing is said by colour alone. Texts have a contrast of at least 4.5 to 1 with what is
behind them, on light and on dark pages (a test measures it).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Shade:
    """A room's colours: ``ink`` of its title, wall and cable, ``fill`` of its floor."""

    ink: str
    fill: str


# What is no room
CARD = "#ffffff"
INK = "#0f172a"
FAINT = "#475569"
LINE = "#94a3b8"
HOUSE = Shade("#52627a", "#f8fafc")
SOCKET = "#fefefe"
SWITCH = Shade("#334155", "#e2e8f0")
CABLE = "#4f5f76"
UP = "#15793b"
DOWN = "#b4201f"
NO_CARRIER = "#a84a05"
MARK = "#d97706"
MARK_INK = "#9a4a04"
GHOST = "#64748b"

#: Light colour → its counterpart on a dark page.
DARK: dict[str, str] = {
    CARD: "#0d1420",
    INK: "#e8edf4",
    FAINT: "#b3c0d1",
    LINE: "#5c6b80",
    HOUSE.ink: "#8393a8",
    HOUSE.fill: "#141d2b",
    SOCKET: "#1f2a3a",
    SWITCH.ink: "#9fb0c6",
    SWITCH.fill: "#2b394d",
    CABLE: "#9aa9bd",
    UP: "#6ee7a0",
    DOWN: "#ff9c96",
    NO_CARRIER: "#fdb873",
    MARK: "#f5a524",
    MARK_INK: "#fbbf5c",
    GHOST: "#93a3b8",
}

#: Name → (ink, fill, ink on dark, fill on dark).
_NAMED: dict[str, tuple[str, str, str, str]] = {
    "red": ("#b91c1c", "#fef2f2", "#fca5a5", "#3a1416"),
    "blue": ("#1d4ed8", "#eff6ff", "#93c5fd", "#12233f"),
    "green": ("#14713a", "#f0fdf4", "#86efac", "#102a1b"),
    "orange": ("#b4460e", "#fff5e9", "#fdba74", "#361d0d"),
    "gray": ("#4b5563", "#f1f3f5", "#d1d5db", "#24292f"),
    "purple": ("#7e22ce", "#faf5ff", "#d8b4fe", "#2b1740"),
    "violet": ("#6d28d9", "#f5f1ff", "#c4b5fd", "#241a45"),
    "yellow": ("#854d0e", "#fefbe0", "#fde047", "#2d2709"),
    "gold": ("#7d5a05", "#fdf6d8", "#f2cf5b", "#2c240a"),
    "pink": ("#be185d", "#fdf0f7", "#f9a8d4", "#391226"),
    "brown": ("#78350f", "#f8f1ea", "#d9ab7d", "#2a1c11"),
    "black": ("#111827", "#e4e6ea", "#f3f4f6", "#05070a"),
    "white": ("#55657a", "#fdfdfd", "#f1f5f9", "#263140"),
    "cyan": ("#0b6580", "#e9fbfe", "#67e8f9", "#0a2930"),
    "teal": ("#0f6b63", "#eafaf7", "#5eead4", "#0b2a27"),
    "magenta": ("#a21caf", "#fdf2ff", "#f0abfc", "#331239"),
    "lime": ("#486f0c", "#f5fde4", "#bef264", "#1d290b"),
    "navy": ("#263a8c", "#edf0fc", "#a9b8f5", "#171f40"),
    "indigo": ("#4338ca", "#eef0ff", "#a5b4fc", "#1c1c47"),
}  # fmt: skip
_ALSO = {"grey": "gray", "turquoise": "teal", "aqua": "cyan", "fuchsia": "magenta", "maroon": "brown", "silver": "gray"}

_OTHERS: tuple[tuple[str, str, str, str], ...] = (
    ("#0a5f8f", "#eef6fb", "#7cc4f0", "#0d2433"),
    ("#9a3f02", "#fdf2ea", "#f5b48c", "#331b0d"),
    ("#00654f", "#ebf8f4", "#70dabe", "#0b2a23"),
    ("#86366f", "#faeff7", "#e8a6d7", "#301528"),
    ("#5e5300", "#faf8e6", "#dacb68", "#29260b"),
    ("#483d9c", "#f1f0fc", "#b6aef6", "#1d1939"),
    ("#345c6a", "#eef5f7", "#a4cad7", "#16272e"),
    ("#754530", "#f8f1ed", "#dbb29d", "#2a1b13"),
)

for _ink, _fill, _dark_ink, _dark_fill in (*_NAMED.values(), *_OTHERS):
    DARK[_ink], DARK[_fill] = _dark_ink, _dark_fill


@lru_cache(maxsize=4096)
def shade(ns: str) -> Shade:
    """The colours of a room by its name; of the host, those of the house.

    >>> shade("red").ink, shade("red") == shade("RED"), shade("h1") == shade("h1")
    ('#b91c1c', True, True)
    """
    if ns == "host":
        return HOUSE
    name = ns.lower()
    found = _NAMED.get(_ALSO.get(name, name)) or _OTHERS[zlib.crc32(ns.encode(errors="surrogateescape")) % len(_OTHERS)]
    return Shade(found[0], found[1])
