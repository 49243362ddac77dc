"""How a notebook shows the live picture, the explorer and the table of a running capture, and keeps what is stored of them up to date.

Their output is the static picture, into whose place the browser puts the moving one. After each cell the stored picture is replaced by
the present one, so that a notebook opened again shows how the lab was when it was last worked on, and not when the live picture began.
"""

from __future__ import annotations

from typing import Any

from IPython.display import display

#: What moves, by module and name: none is imported before it is used.
_WIDGETS = (
    ("nsmagic.widgets.live", "Live"), ("nsmagic.widgets.explorer", "Explorer"), ("nsmagic.following", "Following"),
)  # fmt: skip


class Stored:
    """The outputs of one shell that hold a live picture."""

    def __init__(self, shell: Any) -> None:
        self._formatter = shell.display_formatter.ipython_display_formatter
        self._outputs: list[tuple[Any, Any, dict[str, str]]] = []
        for module, name in _WIDGETS:
            self._formatter.for_type_by_name(module, name, self._show)

    def _show(self, widget: Any) -> None:
        bundle = widget._repr_mimebundle_()
        handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._outputs.append((widget, handle, bundle))
        if handle is not None and hasattr(widget, "on_end"):
            # A capture ends by itself, or by its button, when no cell runs.
            widget.on_end(lambda: handle.update(widget._repr_mimebundle_(), raw=True))

    def refresh(self) -> None:
        """Store the pictures of today (called after each cell, when text goes where it belongs)."""
        kept = []
        for widget, handle, stored in self._outputs:
            bundle = widget._repr_mimebundle_()
            if handle is not None and bundle != stored:
                handle.update(bundle, raw=True)
            if not widget.closed:
                kept.append((widget, handle, bundle))
        self._outputs = kept

    def end(self) -> None:
        """Take the ways of display away."""
        for module, name in _WIDGETS:
            self._formatter.pop(f"{module}.{name}", None)
