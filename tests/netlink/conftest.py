"""Fixtures of the netlink tests: each body runs in a sandbox of its own (see ``sandboxed.py``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sandboxed import SandboxUnavailable, sandbox_run


@pytest.fixture
def in_sandbox() -> Callable[[Callable[[], Any]], Any]:
    """``in_sandbox(body)``: run ``body`` as root of its own network; skips with the reason where that cannot be had."""

    def run(body: Callable[[], Any]) -> Any:
        try:
            return sandbox_run(body)
        except SandboxUnavailable as error:
            pytest.skip(str(error))

    return run
