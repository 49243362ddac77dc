"""How a table is displayed: the same cells in a notebook and in a terminal, whatever the display options of pandas are."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nsmagic.printable import columns as text_columns
from nsmagic.printable import printable

_MISSING: Any = None
_LEFT = ' style="text-align:left;white-space:pre-wrap"'
_WHOLE = ' style="text-align:left;white-space:pre"'
#: Columns of tables of packets that may be broken into lines, so that the others need not be.
_LONG = frozenset({"info", "translated"})


@dataclass(frozen=True, slots=True)
class View:
    """How a table is displayed: its title (``links of red``) and the columns that are left out."""

    title: str = ""
    hidden: frozenset[str] = frozenset()
    caption: bool = False


class NetTable(pd.DataFrame):
    """A DataFrame that displays itself plainly; everything else about it is pandas.

    ``print(table)`` and a notebook show the same cells. Columns that you add are displayed too; ``table.to_string()``
    and ``table.to_html()`` remain those of pandas, with every column.

    >>> from nsmagic.tables import generic
    >>> table = generic(["job", "state"], [[1, "running"], [2, None]], "jobs of red")
    >>> print(table)
    jobs of red
    job  state
    1    running
    2
    >>> type(table[table.job == 1]).__name__
    'DataFrame'
    """

    _metadata = ["_view"]  # noqa: RUF012 (the name and type are pandas' own)
    _view: View = View()

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    @property
    def title(self) -> str:
        """What the caption says, or would say: ``links of red``."""
        return self._view.title

    def _displayed(self) -> list[int]:
        return [at for at, name in enumerate(self.columns) if name not in self._view.hidden]

    def _caption(self) -> str:
        view = self._view
        if not len(self):
            return f"{view.title}: none" if view.title else "none"
        return view.title if view.caption else ""

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and displayed columns as text, printable."""
        all_names = list(self.columns)
        at = self._displayed()
        names = [str(all_names[i]) for i in at]
        columns = _values(self)
        cells = [
            _times(columns[i]) if name == "time" and self.dtypes.iloc[i] == "float64" else _texts(columns[i])
            for name, i in zip(names, at, strict=True)
        ]
        return [printable(name) for name in names], cells

    def __repr__(self) -> str:
        return self._ascell_text(*self._cells())

    __str__ = __repr__

    def _repr_html_(self) -> str | None:
        return self._as_html(*self._cells()) if pd.get_option("display.notebook_repr_html") else None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Text and HTML of the same cells, which are made once for both."""
        made = self._cells()
        bundle = {"text/plain": self._ascell_text(*made)}
        if pd.get_option("display.notebook_repr_html"):
            bundle["text/html"] = self._as_html(*made)
        return bundle

    def _ascell_text(self, header: list[str], cells: list[list[str]]) -> str:
        lines = [printable(self._caption())] if self._caption() else []
        if header:
            lines += text_columns([header, *map(list, zip(*cells, strict=True))])
        return "\n".join(lines)

    def _as_html(self, header: list[str], cells: list[list[str]]) -> str:
        caption = self._caption()
        label = "" if caption or not self._view.title else f' aria-label="{_escape(self._view.title)}"'
        lines = [f"<table{label}>"]
        if caption:
            lines.append(f'<caption style="text-align:left">{_escape(caption)}</caption>')
        head = "".join(f'<th scope="col"{_LEFT}>{_escape(name)}</th>' for name in header)
        lines.append(f"<thead><tr>{head}</tr></thead>")
        lines.append("<tbody>")
        whole = {name for name in header if name not in _LONG} if "time" in header else set()
        styles = [_WHOLE if name in whole else _LEFT for name in header]
        marked = [
            [f"<td{style}>{html.escape(cell)}</td>" for cell in column]
            for style, column in zip(styles, cells, strict=True)
        ]
        lines.extend(f"<tr>{''.join(row)}</tr>" for row in zip(*marked, strict=True))
        lines.append("</tbody>")
        lines.append("</table>")
        return "\n".join(lines)


# IPython asks for each of these at each display, and a frame searches its columns for a name that it has not.
for _name in ("_ipython_canary_method_should_not_exist_", "_ipython_display_", *(
    f"_repr_{kind}_" for kind in ("markdown", "svg", "png", "jpeg", "pdf", "json", "javascript")
)):  # fmt: skip
    setattr(NetTable, _name, None)


def _values(frame: pd.DataFrame) -> list[Sequence[Any]]:
    """The values of each column as Python's objects.

    Public pandas has only ways that take longer to cut out a column than we to write it, or that first make one array of all; its own
    one is taken where it is there.
    """
    try:
        arrays = list(frame._iter_column_arrays())  # type: ignore[operator]
    except (AttributeError, TypeError):
        rows = frame.to_numpy(dtype=object, na_value=_MISSING)
        return list(zip(*rows, strict=True)) if len(rows) else [()] * len(frame.columns)
    return [each.tolist() if isinstance(each, np.ndarray) else each.to_numpy(dtype=object) for each in arrays]


def _escape(text: str) -> str:
    return html.escape(printable(text))


def _texts(values: Sequence[Any]) -> list[str]:
    return [printable(value) if isinstance(value, str) else printable(cell_text(value)) for value in values]


def _times(values: Sequence[Any]) -> list[str]:
    """The times of packets, which are milliseconds."""
    return ["" if value is None or value != value else f"{value:.3f} ms" for value in values]


def cell_text(value: Any) -> str:
    """A cell as text: nothing for a missing value, words for truth values, comma-separated for lists."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(cell_text, value))
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
