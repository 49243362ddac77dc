"""Python's collector of cycles, kept from looking while there can be none."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """It does not look for cycles among what is only becoming more: commands, rows and states of all that is made. In a notebook's
    process, where pandas and much else is loaded, it would look at all of that again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
