"""Tests with random moments have the same ones in each run, so that a failure comes again; and others in each round of
``tests/faults/test_twenty_times.py``, which sets ``NSMAGIC_ROUND``."""

from __future__ import annotations

import os
import random

#: 0 in an ordinary run.
ROUND = int(os.environ.get("NSMAGIC_ROUND", "0"))


def seed(number: int) -> int:
    """The seed of a test in this round; in an ordinary run the number itself."""
    return number + 1000 * ROUND


def chance(number: int) -> random.Random:
    """The dice of a test in this round."""
    return random.Random(seed(number))
