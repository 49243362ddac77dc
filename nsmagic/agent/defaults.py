"""The kernel's own defaults for what a new namespace copies from the machine's (``net/ipv4/devinet.c``)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

_FORWARD = "/proc/sys/net/ipv4/ip_forward"


def deviations() -> list[tuple[str, str]]:
    """What the machine has set otherwise, and the default."""
    with contextlib.suppress(OSError), open(_FORWARD) as file:
        if file.read().strip() != "0":
            return [(_FORWARD, "0")]
    return []


def apply_defaults(found: Sequence[tuple[str, str]]) -> list[str]:
    """Write the defaults in the current namespace; what could not be set, in words."""
    failed = []
    for name, value in found:
        try:
            with open(name, "w") as file:
                file.write(value)
        except OSError as error:
            failed.append(f"{name}: {error.strerror}")
    return failed
