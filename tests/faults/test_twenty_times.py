"""The faults with random moments, twenty times over: ``pytest -m heavy tests/faults/test_twenty_times.py``.

Each round is a run of pytest of its own, with other seeds (``tests/rounds.py``); it compares the machine before and after, as
every run does. ``NSMAGIC_ROUNDS=1-10`` asks for some of the rounds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.faults.index import RANDOM
from tests.faults.test_index import TOP

pytestmark = pytest.mark.sandbox

FIRST, LAST = map(int, os.environ.get("NSMAGIC_ROUNDS", "1-20").split("-"))


@pytest.mark.heavy
def test_twenty_rounds_of_what_has_random_moments(record_property: Callable[[str, object], None]) -> None:
    passed, seconds, failures = [], [], []
    for number in range(FIRST, LAST + 1):
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib", "--tb=short", *RANDOM],
            cwd=TOP, capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "NSMAGIC_ROUND": str(number)},
        )  # fmt: skip
        seconds.append(time.monotonic() - begun)
        found = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
        passed.append(int(found[1]) if found else 0)
        print(f"round {number}: {done.stdout.strip().splitlines()[-1]}", flush=True)
        # Said at once: the run is long, and may be ended before its end.
        print(*re.findall(r"^(?:FAILED|ERROR|E  ) .*", done.stdout, re.MULTILINE), sep="\n", flush=True)
        # Whether the machine is as it was, the outer run says: another user's file in /tmp is no failure of a round.
        machine_only = done.returncode == 1 and not re.search(r"\b\d+ (?:failed|error)", done.stdout)
        if (done.returncode and not machine_only) or passed[-1] != passed[0]:
            failures.append(f"round {number}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    record_property(
        "figure",
        (
            "faults with random moments, again and again",
            f"{LAST - FIRST + 1} rounds at other moments, {sum(passed)} tests passed, {len(failures)} rounds with a failure; "
            f"{min(seconds):.0f} to {max(seconds):.0f} s a round",
        ),
    )
    assert not failures, "\n\n".join(failures)
