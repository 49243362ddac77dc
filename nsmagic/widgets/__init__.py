"""Widgets: the live picture and the explorer. Optional: they need ipywidgets and anywidget, and a notebook that shows widgets.

What they show is made elsewhere (``feed.py``); here is only the way to the browser and back. The JavaScript and the styles lie beside
the Python, are sent as they are, and ask nothing of the network: anywidget's own front end comes with its wheel, as an extension
of JupyterLab and Notebook.
"""

from __future__ import annotations

import importlib

from nsmagic.errors import NsmagicError
from nsmagic.sentences import say

#: Each is imported by this package alone.
NEEDED = ("ipywidgets", "anywidget")


def need(what: str) -> None:
    """Make sure that the packages for widgets are there.

    Raises
    ------
    NsmagicError
        One is not installed; the hint is the line that installs it.

    >>> need("the live picture")
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise NsmagicError(
                f"{what} needs {name}, which is not installed where this notebook's Python runs",
                hint=say("anywidget"),
            ) from None
