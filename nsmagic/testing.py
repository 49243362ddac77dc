"""For pytest: ``pytest -p nsmagic.testing --nbval …`` skips the rest of a notebook that stopped at ``%lab needs``.

nbval runs on after a cell that failed. Where a lab lacks what a notebook asks for (:class:`nsmagic.errors.LabLacks`), that cell and
those behind it are skipped, and the reason is what the cell said: the sentence, not a dozen differences that follow from it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

#: The name of the error as a notebook's kernel sends it.
_ENAME = "LabLacks"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A cell that failed because of ``%lab needs`` is skipped."""
    outcome = yield
    lacks = [each for each in getattr(item, "test_outputs", None) or () if each.get("ename") == _ENAME]
    if call.when == "call" and call.excinfo is not None and lacks:
        reason = str(lacks[0]["evalue"])
        item.parent.nsmagic_stopped = reason  # type: ignore[union-attr]
        report = outcome.get_result()
        report.outcome, report.longrepr = "skipped", (str(Path(item.path)), 0, f"Skipped: {reason}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """So are the cells behind it."""
    reason = getattr(item.parent, "nsmagic_stopped", "")
    if reason:
        pytest.skip(reason)
