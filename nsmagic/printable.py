"""Text that is safe to show, and columns of it: shared by everything that shows names to a person.

Names of namespaces, interfaces and aliases are typed by people and may hold nearly any byte. Shown raw, an escape
sequence recolours the terminal and a right-to-left override makes ``red`` look like ``der``. So whatever is not
printable is shown as its escape, the way Python writes it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def printable(text: str) -> str:
    r"""``text`` with control, formatting (bidi), separator and undecodable characters written as escapes.

    Letters of every script, accents and emoji stay as they are, and so does the backslash.

    >>> print(printable("veth\x1b[31m"), printable("a\u202eb"), printable("two\nlines"), printable("été"))
    veth\x1b[31m a\u202eb two\nlines été
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python's surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Columns that the text takes in a terminal: wide characters take two, combining marks none.

    >>> width("red"), width("網路"), width("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) or char == "\ufe0f" else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, columns: int) -> str:
    """``text`` filled with spaces to a width; longer text stays whole.

    >>> pad("red", 5) + "|"
    'red  |'
    """
    return text + " " * (columns - width(text))


def columns(rows: Iterable[Sequence[str]], gap: int = 2) -> list[str]:
    """Rows of cells as lines with left-aligned columns, without trailing spaces. Cells are made printable.

    >>> columns([["ns", "dev"], ["blue", "veth-blue"]])
    ['ns    dev', 'blue  veth-blue']
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        return []
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    space = " " * gap
    return [space.join(map(pad, row, widths)).rstrip() for row in cells]


__all__ = ["columns", "pad", "printable", "width"]
