"""What Graphviz wrote, made fit to be seen: readable on light and on dark pages, with tooltips, nothing a browser could run.

Graphviz's SVG has a form of its own that has not changed in many years; it is edited as text, in a few places. A picture stands
on a card of its own colour and follows ``prefers-color-scheme``, which works inside an ``<img>`` too.
"""

from __future__ import annotations

import html
import re

from nsmagic.printable import printable
from nsmagic.topology import palette

_HEAD = re.compile(r'<svg width="(\d[\d.]*)pt" height="(\d[\d.]*)pt"\s+viewBox="([^"]*)"[^>]*>')
_NOT_SHOWN = re.compile(r"<!--.*?-->\n|<title>[^<]*</title>\n")
# Graphviz makes a link without an address of what has a tooltip; browsers show a <title>.
_TIPS = re.compile(r'<g id="a_([^"]*)"><a xlink:title="([^"]*)">')
# The floor and the wall of a box are drawn one after the other.
_TWICE = re.compile(
    r'<(path|polygon) fill="([^"]*)" stroke="none" ((?:d|points)="[^"]*")/>\n<\1 fill="none" (stroke="[^>]*?) \3/>'
)
_COLORS = re.compile(r'"(#[0-9a-f]{6})"')
# In any order; the first is how the Graphviz of today writes the next two.
_SAYING_NOTHING = (
    ' xml:space="preserve" text-anchor="start"', ' xml:space="preserve"', ' text-anchor="start"', ' font-family="Verdana"',
)  # fmt: skip

#: Points that a letter of the corner's size takes, on average.
_LETTER = 4.4
#: Pixels for a point: names are then as large as the code of a notebook.
_SCALE = 1.15
_MONO = '"Cascadia Mono","DejaVu Sans Mono","Liberation Mono",Menlo,Consolas,"Courier New",monospace'
_SANS = "Arial,Helvetica,Liberation Sans,Arimo,Nimbus Sans,sans-serif"


def finish(drawn: str, words: str = "", corner: str = "") -> str:
    """The picture for people. ``words`` describe it, for those who hear it; ``corner`` is written small in its lower right one.

    Raises
    ------
    ValueError
        It is not a picture as Graphviz writes it.
    """
    head = _HEAD.search(drawn)
    if head is None:
        raise ValueError("Graphviz drew nothing that can be shown")
    width, height = (float(text) for text in head.group(1, 2))
    body = _NOT_SHOWN.sub("", drawn[head.end() :])
    # Functions, since Python takes longer for what a template says.
    body = _TIPS.sub(lambda tip: f'<g id="tip/{tip[1]}"><title>{tip[2]}</title>', body).replace("</a>\n</g>", "</g>")
    body = _TWICE.sub(lambda box: f'<{box[1]} fill="{box[2]}" {box[4]} {box[3]}/>', body)
    for text in _SAYING_NOTHING:
        body = body.replace(text, "")
    body = body.replace('.00"', '"')
    badge = ""
    if corner:
        badge, width, height = _badge(corner, width, height)
        words = f"{words} Sandbox: {corner}." if words else words
    said = f' aria-label="{html.escape(printable(words))}"' if words else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * _SCALE:.0f}" height="{height * _SCALE:.0f}"'
        f' viewBox="0 0 {width:g} {height:g}" font-family="{_SANS}" role="img"{said}>\n<style>{_style(body + badge)}</style>\n'
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{palette.CARD}"/>{badge}{body}'
    )


def _badge(corner: str, width: float, height: float) -> tuple[str, float, float]:
    """The words in the corner, below the drawing; and how large the card is with them."""
    shown = printable(corner)
    long = _LETTER * len(shown) + 12
    width, height = max(width, long + 8), height + 14
    x, y = width - long - 6, height - 17
    return (
        f'<g id="sandbox"><title>the lab\'s sandbox; %lab doctor explains</title>'
        f'<rect x="{x:g}" y="{y:g}" width="{long:g}" height="13" rx="6.5" fill="{palette.HOUSE.fill}" stroke="{palette.LINE}"'
        f' stroke-width="0.6"/><text x="{x + long / 2:g}" y="{y + 9.2:g}" text-anchor="middle" font-size="8" fill="{palette.FAINT}">'
        f"{html.escape(shown)}</text></g>\n",
        width,
        height,
    )


def _style(body: str) -> str:
    """Fonts, and the colours of a dark page for those that are used."""
    rules = [
        "text{white-space:pre}",
        f'text[font-family^="Courier"]{{font-family:{_MONO}}}',
        f"text:not([fill]){{fill:{palette.INK}}}",
    ]
    dark = [f"text:not([fill]){{fill:{palette.DARK[palette.INK]}}}"]
    for light in sorted({palette.CARD, *_COLORS.findall(body)} & palette.DARK.keys()):
        dark.append(f'[fill="{light}"]{{fill:{palette.DARK[light]}}}[stroke="{light}"]{{stroke:{palette.DARK[light]}}}')
    return "".join(rules) + "@media (prefers-color-scheme:dark){" + "".join(dark) + "}"
