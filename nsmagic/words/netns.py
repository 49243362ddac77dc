"""What ``ip netns`` prints. It lists the names in the order of the directory, which varies; we list them sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import HOST, NamespaceInfo
from nsmagic.words.parts import safe

_NOTHING: Mapping[tuple[str, str], int] = {}


def text(namespaces: Sequence[NamespaceInfo], nsids: Mapping[tuple[str, str], int] = _NOTHING, ns: str = HOST) -> str:
    """The output of ``ip netns`` in ``ns``; ``nsids`` as for :class:`nsmagic.words.parts.Around`.

    >>> text([NamespaceInfo("red"), NamespaceInfo("blue"), NamespaceInfo("host")], {("host", "red"): 0})
    'blue\\nred (id: 0)\\n'
    """
    rows = json_rows(namespaces, nsids, ns)
    return safe("".join(f"{row['name']}{_number(row)}\n" for row in rows))


def json_rows(
    namespaces: Sequence[NamespaceInfo], nsids: Mapping[tuple[str, str], int] = _NOTHING, ns: str = HOST
) -> list[dict[str, Any]]:
    """What ``ip -j netns`` prints, as data.

    >>> json_rows([NamespaceInfo("red")])
    [{'name': 'red'}]
    """
    names = sorted(row.ns for row in namespaces if row.named and row.ns != HOST)
    return [{"name": name, **({"id": nsids[ns, name]} if (ns, name) in nsids else {})} for name in names]


def _number(row: Mapping[str, Any]) -> str:
    return f" (id: {row['id']})" if "id" in row else ""
