"""What tests counted and measured, said at the end of a run: a test notes it as a property, which comes through pytest-xdist too.

``record_property("figure", ("title", "words"))`` is one by itself; those of the parity tests are added up. Printed by the tests'
outermost ``conftest.py``, since that of a folder is not read by the process that hands out the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def of(facts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """Title, words, and whether the whole of it was run, of all properties of tests that passed.

    >>> list(of([{"figure": ("fuzz", "3 texts")}, {"parity_forms": ["ip link"], "parity_lines": 2}]))[1][1]
    '1 forms in 1 cases, 2 lines, of which 0 refused alike; 0 requests compared byte by byte'
    """
    forms: set[str] = set()
    cases = lines = refusals = messages = faults = 0
    for each in facts:
        if "figure" in each:
            title, words = each["figure"]
            yield title, words, True
        faults += "why_case" in each
        if "parity_forms" in each:
            forms.update(each["parity_forms"])
            cases += 1
            lines += each.get("parity_lines", 0)
            refusals += each.get("parity_refusals", 0)
            messages += each.get("parity_messages", 0)
    if cases:
        words = (
            f"{len(forms)} forms in {cases} cases, {lines} lines, of which {refusals} refused alike; "
            f"{messages} requests compared byte by byte"
        )
        yield "parity with the real tools", words, messages > 0
    if faults:
        yield "the fault matrix", f"{faults} causes named right, in their place", False
