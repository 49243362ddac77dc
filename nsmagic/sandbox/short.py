"""The doctor's verdict in a few words, for the corner of a picture: the kind of sandbox, and what it lacks on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.printable import printable

#: What is said at most: so many things, so many characters of each.
_MOST, _LONGEST = 2, 32


def short(kind: str, missing: Sequence[str] = (), kernel: str = "") -> str:
    """``missing`` as ``%lab status`` shows it, ``kernel`` the release of the lab's.

    >>> short("rootless")
    'rootless'
    >>> short("rootless-nomount", ["mounts: refused here; programs and bash cells …", "limits of namespaces (net): Permission denied"])
    'rootless-nomount: no mounts, no limits of namespaces'
    >>> short("vm", kernel="6.1.124")
    'vm, Linux 6.1'
    """
    words = kind
    if kind == "vm" and kernel:
        words += f", Linux {'.'.join(kernel.split('.')[:2])}"
    lacks = list(dict.fromkeys(f"no {_thing(each)}" for each in missing))
    more = len(lacks) - _MOST
    said = [*lacks[:_MOST], *([f"and {more} more"] if more > 0 else [])]
    return printable(f"{words}: {', '.join(said)}" if said else words)


def _thing(words: str) -> str:
    """What is missing, without why; of a folder not its whole path."""
    thing = words.partition(":")[0].partition(" (")[0]
    if thing.startswith("folder "):
        return "way into the notebook's folder"
    return thing if len(thing) <= _LONGEST else thing[: _LONGEST - 1] + "…"


def of(about: Mapping[str, Any]) -> str:
    """The same of what an agent said of itself when it was ready; ``""`` when it said nothing.

    >>> of({"kind": "rootless", "missing": ["/proc of its own: Operation not permitted"]}), of({})
    ('rootless: no /proc of its own', '')
    """
    kind = str(about.get("kind", ""))
    return short(kind, about.get("missing", ()), str(about.get("kernel", ""))) if kind else ""
