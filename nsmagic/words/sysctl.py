"""What ``sysctl`` prints when it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.model import SysctlValue
from nsmagic.words.parts import safe

_NOTHING: Mapping[str, Any] = {}


def text(values: Sequence[SysctlValue], args: Mapping[str, Any] = _NOTHING) -> str:
    """The output of ``sysctl``; ``values_only`` (``-n``) and ``names_only`` (``-N``) in the command's ``args`` are honoured.

    >>> text([SysctlValue("red", "net.ipv4.ip_forward", "0")])
    'net.ipv4.ip_forward = 0\\n'
    """
    if args.get("names_only"):
        return safe("".join(f"{row.name}\n" for row in values))
    if args.get("values_only"):
        return safe("".join(f"{row.value}\n" for row in values))
    return safe("".join(f"{row.name} = {row.value}\n" for row in values))
