"""The live picture in a notebook: a picture that moves while commands run.

What a notebook stores of it is the static picture, and nothing else. A stored widget whose kernel is gone shows "model not
found", so the output holds no widget: it is a ``<div>`` with the picture in it, and the widget's script, which runs as soon as
the kernel has made the model, puts the moving picture there for as long as the model lives.
"""

from __future__ import annotations

import html
import pathlib
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from nsmagic.printable import printable
from nsmagic.topology import palette

if TYPE_CHECKING:
    from nsmagic.feed import Feed, Flash, Frame
    from nsmagic.topology.picture import Topology

HERE = pathlib.Path(__file__).parent


def _styles() -> str:
    """The stylesheet, with the colours of a dark page for every colour that a picture has on a light one."""
    rules = [(HERE / "live.css").read_text(encoding="utf-8")]
    dark = '.nsmagic-live[data-theme="dark"]'
    for light, counterpart in sorted(palette.DARK.items()):
        rules.append(f'{dark} [fill="{light}"]{{fill:{counterpart}}}{dark} [stroke="{light}"]{{stroke:{counterpart}}}')
    return "\n".join(rules)


class Live(anywidget.AnyWidget):
    """A picture that follows the lab. Made by ``lab.live()``, one for each lab; shown as often as one likes.

    ``close()`` ends it and leaves the static picture in its place.
    """

    _esm = HERE / "live.js"
    _css = _styles()

    #: Which places of a page are its own.
    place = traitlets.Unicode("").tag(sync=True)
    #: The picture shown (``feed.Frame``), and a number that grows with each.
    frame = traitlets.Dict().tag(sync=True)
    #: What packets crossed last: ``[number, [[cable, away, towards], …]]``.
    flash: traitlets.List[Any] = traitlets.List().tag(sync=True)
    #: Grows while the kernel lives; when it stands still, the browser says so.
    beat = traitlets.Int(0).tag(sync=True)
    #: What was clicked: ``room/red`` or ``socket/red/veth-red``, as the picture identifies it.
    chosen = traitlets.Unicode("").tag(sync=True)

    def __init__(self, topology: Topology) -> None:
        super().__init__(place=secrets.token_hex(8))
        self._feed: Feed | None = None
        self._first = topology
        self._flashes = 0
        self._closed = False

    def follow(self, feed: Feed) -> None:
        """Show the pictures of this feed, which calls the three methods below, from its own threads."""
        self._feed = feed

    def show(self, frame: Frame) -> None:
        """A new picture."""
        if not self._closed:
            self.frame = {**frame.to_data(), "number": int(self.frame.get("number", 0)) + 1}

    def packets(self, flashes: Sequence[Flash]) -> None:
        """Cables that packets crossed."""
        if not self._closed:
            self._flashes += 1
            self.flash = [self._flashes, [list(each) for each in flashes]]

    def alive(self) -> None:
        """A sign of life."""
        if not self._closed:
            self.beat += 1

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    def close(self) -> None:
        """End it; the static picture stays where it was shown."""
        self._closed = True
        if self._feed is not None:
            self._feed.close()
        super().close()
        # ipywidgets takes the display of what is closed away; ours is the static picture, which remains.
        self.__dict__.pop("_repr_mimebundle_", None)

    def static(self) -> Topology:
        """The picture as it is now, without the movement."""
        drawn = self._feed.topology if self._feed is not None else None
        return drawn or self._first

    def __repr__(self) -> str:
        return str(self.static())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:  # type: ignore[override]  # a plain bundle, with no widget in it
        return notebook_html(self.static(), "" if self._closed else f'data-nsmagic-live="{self.place}"')


def notebook_html(picture: Topology, place: str) -> dict[str, str]:
    """What a notebook stores: the static picture, in a place (an attribute of a ``<div>``) that a widget fills while it lives."""
    bundle = picture._repr_mimebundle_()
    text = bundle["text/plain"]
    inside = bundle.get("text/html") or f"<pre>{html.escape(printable_lines(text))}</pre>"
    return {"text/plain": text, "text/html": f"<div {place}>{inside}</div>" if place else inside}


def printable_lines(text: str) -> str:
    """Text of several lines, each printable."""
    return "\n".join(map(printable, text.split("\n")))
