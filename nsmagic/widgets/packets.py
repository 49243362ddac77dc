"""A capture that runs, as a table in a notebook: the latest packets, and a button that ends it.

The output of a cell holds no widget, as with the live picture (``live.py``): it is a ``<div>`` with the table as it was, and the widget's
script puts the table that moves into that place for as long as the model lives.
"""

from __future__ import annotations

import pathlib
import secrets
from typing import Any, Protocol

import anywidget
import traitlets

HERE = pathlib.Path(__file__).parent


class Shown(Protocol):
    """What is followed, as far as the widget shows it (``following.Following``)."""

    def static(self) -> dict[str, str]: ...

    def stop(self) -> None: ...


class Packets(anywidget.AnyWidget):
    """The table of a capture that runs. Made by ``lab.sniff_live()``."""

    _esm = HERE / "packets.js"
    _css = HERE / "packets.css"

    #: Which places of a page are its own.
    place = traitlets.Unicode("").tag(sync=True)
    #: ``columns``, ``rows`` (texts), ``first`` (the number of the packet in the first row, from 1), ``words``, ``running``.
    table = traitlets.Dict().tag(sync=True)
    #: Set by the button.
    asked = traitlets.Bool(False).tag(sync=True)

    def __init__(self, shown: Shown, table: dict[str, Any]) -> None:
        super().__init__(place=secrets.token_hex(8), table=table)
        self._shown = shown
        self.observe(lambda _: self._shown.stop(), names="asked")

    def static(self) -> dict[str, str]:
        """What a notebook stores: the table as it is now, in a place that the widget fills while it lives."""
        bundle = self._shown.static()
        return {**bundle, "text/html": f'<div data-nsmagic-packets="{self.place}">{bundle["text/html"]}</div>'}

    def __repr__(self) -> str:
        return self._shown.static()["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:  # type: ignore[override]  # a plain bundle, with no widget in it
        return self.static()
