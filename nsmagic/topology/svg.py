"""What Graphviz wrote, made fit to be seen: readable on light and on dark pages, with tooltips, nothing a browser could run.

Graphviz's SVG has a form of its own that has not changed in many years; it is edited as text, in a few places. A picture stands
on a card of its own colour and follows ``prefers-color-scheme``, which works inside an ``<img>`` too.
"""

from __future__ import annotations

import html
import re

from nsmagic.topology import palette

_SIZE = re.compile(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"\s+viewBox="([^"]*)"')
#: Pixels for a point: names are then as large as the code of a notebook.
_SCALE = 1.15
_BEFORE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_COMMENTS = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_TITLES = re.compile(r"<title>[^<]*</title>\n?")
# Graphviz makes a link without an address of what has a tooltip; browsers show a <title>.
_TIPS = re.compile(r'<g id="a_([^"]*)"><a xlink:title="([^"]*)">')
_TIPS_END = re.compile(r"</a>\n</g>")
_MONO = '"Cascadia Mono","DejaVu Sans Mono","Liberation Mono",Menlo,Consolas,"Courier New",monospace'
_SANS = 'Arial,Helvetica,"Liberation Sans",Arimo,"Nimbus Sans",sans-serif'


def finish(drawn: str, words: str = "") -> str:
    """The picture for people. ``words`` describe it, for those who hear it.

    Raises
    ------
    ValueError
        It is not what Graphviz writes.
    """
    size = _SIZE.search(drawn)
    if size is None:
        raise ValueError("this is not an SVG of Graphviz")
    wide, high = (f"{float(text) * _SCALE:.0f}" for text in size.group(1, 2))
    body = _COMMENTS.sub("", _BEFORE.sub("", drawn))
    body = body[body.index(">") + 1 :]
    body = _TIPS_END.sub("</g>", _TIPS.sub(_tip, _TITLES.sub("", body)))
    body = body.replace(' xml:space="preserve"', "").replace(' text-anchor="start"', "").replace('.00"', '"')
    said = html.escape(words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="{size.group(3)}" role="img"'
        + (f' aria-label="{said}"' if said else "")
        + f">\n<style>{_style(body)}</style>\n"
        + f'<rect class="card" width="{size.group(1)}" height="{size.group(2)}" rx="8" fill="{palette.CARD}"/>{body}'
    )


def _tip(match: re.Match[str]) -> str:
    return f'<g id="tip/{match.group(1)}"><title>{match.group(2)}</title>'


def _style(body: str) -> str:
    """Fonts, and the colours of a dark page for those that are used."""
    rules = [
        f"text{{font-family:{_SANS};white-space:pre}}",
        f'text[font-family^="Courier"]{{font-family:{_MONO}}}',
        f"text:not([fill]){{fill:{palette.INK}}}",
    ]
    dark = [f"text:not([fill]){{fill:{palette.DARK[palette.INK]}}}"]
    for light, instead in palette.DARK.items():
        if light == palette.CARD or f'fill="{light}"' in body:
            dark.append(f'[fill="{light}"]{{fill:{instead}}}')
        if f'stroke="{light}"' in body:
            dark.append(f'[stroke="{light}"]{{stroke:{instead}}}')
    return "".join(rules) + "@media (prefers-color-scheme:dark){" + "".join(dark) + "}"
