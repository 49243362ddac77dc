"""Which of the most frequent forms (COMMANDS.md) the grammars of the other tools cover; the count is printed."""

from __future__ import annotations

import pytest
from tool_tables import FORMS, LEFT, PING_ENDLESS, REFUSED, ROWS


def test_all_rows_are_covered(capsys: pytest.CaptureFixture[str]) -> None:
    tables = [*FORMS.values(), PING_ENDLESS]
    covered = {row for table in tables for row, _, _ in table} - {0}
    forms = sum(len(table) for table in tables)
    with capsys.disabled():
        print(f"\nother tools: {len(covered)} of {len(ROWS)} rows of COMMANDS.md, {forms} forms, ", end="")
        print(f"{sum(map(len, REFUSED.values()))} refusals, {sum(map(len, LEFT.values()))} left to the real tools")
    assert covered == ROWS
