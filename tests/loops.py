"""``asyncio.run`` for tests that may share their process with a browser."""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import Coroutine
from typing import Any, TypeVar

Value = TypeVar("Value")


def run(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """As ``asyncio.run``, also where Playwright's loop counts as running: it stays so between the calls of its synchronous interface, and
    is not turning then."""
    others = events._get_running_loop()
    events._set_running_loop(None)
    try:
        return asyncio.run(coroutine)
    finally:
        events._set_running_loop(others)
