"""No text may make the reader hang: a test that goes on and on is ended and fails. At the end it is said how much was tried."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests import results
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


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("passed", []):
        facts = dict(report.user_properties)
        if "fuzz" in facts:
            words = f"{facts['fuzz']} made-up texts read by the lexer and the grammar, no internal error and no hang"
            terminalreporter.write_line(f"fuzz: {words}")
            results.note("fuzz", words)
