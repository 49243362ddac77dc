"""Pieces of the explorer: fields and buttons, and tables, pictures and steps as they are shown."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from nsmagic import changes as words_of_changes
from nsmagic.errors import NsmagicError
from nsmagic.printable import printable

if TYPE_CHECKING:
    from nsmagic.history import Entry

#: Fields share a row as wide as it is; their words take the room that they need.
STYLE = {"description_width": "initial"}


def flexible(wide: int) -> Any:
    return w.Layout(width="auto", flex=f"1 1 {wide}px", min_width="90px", max_width="320px", margin="0")


def field(name: str, example: str, wide: int = 150) -> Any:
    return w.Text(placeholder=example, description=name, layout=flexible(wide), style=STYLE)


def choice(name: str, wide: int = 150) -> Any:
    return w.Dropdown(options=[], description=name, layout=flexible(wide), style=STYLE)


def button(words: str, act: Callable[[], None]) -> Any:
    made = w.Button(description=words, layout=w.Layout(width="auto", margin="0"))
    made.on_click(lambda _: act())
    return made


def heading(words: str) -> Any:
    return w.HTML(f"<h3>{html.escape(words)}</h3>")


def row(*parts: Any) -> Any:
    made = w.HBox([*parts])
    made.add_class("nsmagic-row")
    return made


def offer(choice: Any, options: Sequence[tuple[str, str]]) -> None:
    """Other things to choose from; what is chosen stays so as long as it is there, else it is the first."""
    if tuple(options) == tuple(choice.options):
        return
    chosen = choice.value
    choice.options = options
    values = [value for _, value in options]
    choice.value = chosen if chosen in values else values[0] if values else None


def table_html(table: dict[str, Any]) -> str:
    rows, columns = table["rows"], table["columns"]
    if not rows:
        return f"<p>{html.escape(table['title'])}: none</p>"
    seen = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    head = "".join(f'<th scope="col">{html.escape(columns[at])}</th>' for at in seen)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(row[at])}</td>" for at in seen) + "</tr>" for row in rows)
    # What scrolls must be reached by the keyboard.
    place = f'class="wide" tabindex="0" role="region" aria-label="{html.escape(table["title"])}"'
    return f"<div {place}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def said(text: str, *, wrong: bool = False) -> str:
    if not text:
        return ""
    kind = ' class="wrong"' if wrong else ""
    return f"<pre{kind}>{html.escape(text)}</pre>"


def picture(picture: Any) -> str:
    try:
        data = base64.b64encode(picture.svg().encode(errors="backslashreplace")).decode()
    except NsmagicError:
        return said(str(picture))
    return f'<img alt="{html.escape(picture.alt)}" src="data:image/svg+xml;base64,{data}" style="max-width:100%;height:auto"/>'


def one_line(text: str) -> str:
    first, *more = text.strip().splitlines() or [""]
    return printable(first) + (" …" if more else "")


def step_words(number: int, entry: Entry) -> str:
    """A step in a line: its command, and what it changed."""
    lines = [" ".join(line.split()) for line in words_of_changes.lines(entry.changes)]
    return f"{number:>2}  {one_line(entry.text)}    {lines[0] if lines else ''}{' …' if len(lines) > 1 else ''}"


def all_of(widget: Any) -> list[Any]:
    return [widget, *(each for child in getattr(widget, "children", ()) for each in all_of(child))]
