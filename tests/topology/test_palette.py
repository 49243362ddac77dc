"""Colours that can be read, on light and on dark pages."""

from __future__ import annotations

import pytest

from nsmagic.topology import palette
from nsmagic.topology.palette import DARK, shade


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


NAMES = [*palette._NAMED, *palette._ALSO, *(f"h{number}" for number in range(40)), "host"]


@pytest.mark.parametrize("name", NAMES)
def test_titles_can_be_read_on_their_floor(name: str) -> None:
    found = shade(name)
    assert contrast(found.ink, found.fill) >= 4.5
    assert contrast(DARK[found.ink], DARK[found.fill]) >= 4.5


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_in_a_room_can_be_read(name: str) -> None:
    for floor in (shade(name).fill, palette.SOCKET, palette.CARD):
        for ink in (palette.FAINT, palette.MARK_INK, palette.UP, palette.DOWN, palette.NO_CARRIER, palette.INK):
            if floor == palette.SOCKET or ink in (palette.FAINT, palette.MARK_INK, palette.INK):
                assert contrast(ink, floor) >= 4.5, (ink, floor)
                assert contrast(DARK[ink], DARK[floor]) >= 4.5, (ink, floor)


def test_cables_can_be_seen() -> None:
    for name in NAMES:
        for floor in (palette.HOUSE.fill, palette.CARD):
            assert contrast(shade(name).ink, floor) >= 3
            assert contrast(DARK[shade(name).ink], DARK[floor]) >= 3


def test_a_name_keeps_its_colour() -> None:
    assert shade("red") != shade("blue")
    assert shade("grey") == shade("gray")
    assert shade("web") == shade("web")
    assert len({shade(f"h{number}") for number in range(40)}) == 8


def test_every_light_colour_has_one_dark_counterpart() -> None:
    used = [each[at] for each in (*palette._NAMED.values(), *palette._OTHERS) for at in (0, 1)]
    assert len(set(used)) == len(used)
    assert set(used) <= set(DARK)
