"""How many made-up examples a test tries. The standard run takes the same ones each time; ``NSMAGIC_FUZZ=50 pytest tests/commands``
takes fifty times as many, new ones each time.

To make one up takes ten times as long as to read it: so most tests read several texts that are made of one example, its words in
another order or behind other commands.
"""

from __future__ import annotations

import os

from hypothesis import settings

FACTOR = int(os.environ.get("NSMAGIC_FUZZ", "1"))
#: Examples of the lexer and the grammar, by test; ``test_fuzz.py`` adds them up.
LANGUAGE: dict[str, int] = {}


def examples(number: int, language: str = "", *, texts: int = 1) -> settings:
    """The settings for a test of so many examples; ``language`` names one that reads what people type, so many texts of each."""
    if language:
        LANGUAGE[language] = number * texts * FACTOR
    return settings(max_examples=number * FACTOR, derandomize=FACTOR == 1, deadline=None, database=None)
