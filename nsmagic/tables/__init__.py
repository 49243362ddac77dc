"""Tables: the rows of a snapshot as pandas DataFrames that read well in a notebook and in a terminal.

The only user of pandas; imported when the first table is shown, never before. The *value* is complete: fixed columns in a
fixed order, fixed dtypes also when there is no row, sorted. Only the *display* of :class:`NetTable` is ours: the columns
that a beginner reads, no index, blanks for what is missing, nothing elided. What one derives from a table (``df[…]``,
``df.head()``) is an ordinary DataFrame.

dtypes are the same under pandas 2.2 and 3: text is ``string`` (kept by Python, whatever else is installed), numbers that
every row has are ``int64``, others ``Int64``; a missing value is ``pd.NA``.

Rules that hold for every function of a table: ``ns=None`` gives all namespaces and displays the column ``ns``; with
``ns="red"`` the column stays in the value and the caption says ``of red`` instead. ``all=True`` displays every column and
keeps the rows that are otherwise left out: those of unnamed namespaces, fallback devices (``tunl0``) and what each
docstring names. ``given=True`` says that the rows are the answer to a typed command, which chose them: none is left out.
Rows are sorted by namespace (the host first), then as the docstring says.

Each table's docstring maps its columns to the names that iproute2's JSON has for them: ``network`` has the tables of what the kernel
has, ``firewall`` and ``traffic`` the others. ``frames`` puts columns (``nsmagic/columns.py``) into frames, which display themselves
(``display``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nsmagic import whole
from nsmagic.snapshot import Snapshot

whole.load("pandas")  # and numpy with it: in the modules below an interrupt would do lasting harm

from nsmagic.tables.display import NetTable, View  # noqa: E402
from nsmagic.tables.frames import DTYPES, SHOWN, generic  # noqa: E402
from nsmagic.tables.network import addrs, fdb, links, namespaces, neighbours, routes, rules, sysctls  # noqa: E402
from nsmagic.tables.traffic import evidence, journey, packets  # noqa: E402

__all__ = [
    "BUILDERS",
    "DTYPES",
    "SHOWN",
    "NetTable",
    "View",
    "addrs",
    "evidence",
    "fdb",
    "generic",
    "journey",
    "links",
    "namespaces",
    "neighbours",
    "of",
    "packets",
    "routes",
    "rules",
    "sysctls",
]

#: Table name → function of ``(snapshot, ns, all, **options)``.
BUILDERS: Mapping[str, Callable[..., NetTable]] = {
    "links": links,
    "addrs": addrs,
    "routes": routes,
    "neighbours": neighbours,
    "rules": rules,
    "fdb": fdb,
    "namespaces": namespaces,
}
_OF_FIREWALLS = frozenset({"firewall", "nat", "conntrack"})


def of(table: str, snapshot: Snapshot, ns: str | None = None, all: bool = False, **options: Any) -> NetTable:
    """A table by its name; ``options`` are those of its function.

    Raises
    ------
    KeyError
        There is no such table.

    >>> of("links", Snapshot()).title
    'links'
    """
    if table in _OF_FIREWALLS:
        from nsmagic.tables import firewall

        builder: Callable[..., NetTable] = getattr(firewall, table)
        return builder(snapshot, ns, all, **options)
    return BUILDERS[table](snapshot, ns, all, **options)
