"""Puts the sandboxes of the netlink tests within reach, and prints how much was compared at the end of the run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests import results

sys.path.append(str(Path(__file__).parents[1] / "netlink"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line: forms and cases, from what the tests noted as properties (this also works under pytest-xdist)."""
    forms: set[str] = set()
    cases = lines = refusals = messages = 0
    for report in terminalreporter.stats.get("passed", []):
        facts = dict(report.user_properties)
        if "first_hundred" in facts:
            terminalreporter.write_line(facts["first_hundred"])
            results.note("the hundred forms that people type most", facts["first_hundred"].partition(": ")[2])
        if "parity_forms" not in facts:
            continue
        forms.update(facts["parity_forms"])
        cases += 1
        lines += facts.get("parity_lines", 0)
        refusals += facts.get("parity_refusals", 0)
        messages += facts.get("parity_messages", 0)
    if cases:
        words = (
            f"{len(forms)} forms in {cases} cases, {lines} lines, of which {refusals} refused alike; "
            f"{messages} requests compared byte by byte"
        )
        terminalreporter.write_line(f"parity with the real tools: {words}")
        if messages:  # the whole of it was run
            results.note("parity with the real tools", words)
