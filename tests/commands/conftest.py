"""No text may make the reader hang: a test that goes on and on is ended and fails."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fuzz import FACTOR

#: Seconds for the longest test on a busy machine.
_PATIENCE = 240 * FACTOR


@pytest.fixture(autouse=True)
def never_hangs() -> Iterator[None]:
    def over(*_: Any) -> None:
        raise AssertionError(f"still not finished after {_PATIENCE} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(_PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
