"""Two faults at once: the first is named, and after its mending the second, whatever the two are.

Some pairs of cases of the matrix in each network, other ones with another ``NSMAGIC_PAIRS``: ``NSMAGIC_RESULTS=1 pytest -m heavy
tests/why/test_two_faults.py``. That more follow is said with the first, when they do: the mending of the one may mend the other too.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.why.verdict import Verdict
from tests.why.matrix import CASES, Case
from tests.why.play import build, settle
from tests.why.scenes import SCENES

pytestmark = [pytest.mark.sandbox, pytest.mark.heavy]

_EACH, _MOST = 6, 9
_SEED = int(os.environ.get("NSMAGIC_PAIRS", "1"))


def pairs() -> list[tuple[Case, Case]]:
    """Of different causes in different places."""
    chosen = []
    drawn = random.Random(_SEED)
    for scene in ("cable", "switch", "gateway", "gateway6", "routers", "routers6"):
        plain = [
            case
            for case in CASES
            if case.scene == scene
            and not (case.dst or case.port or case.size or case.soft)
            and case.cause != "duplicate-mac"
        ]
        both = [
            (one, other)
            for one, other in itertools.combinations(plain, 2)
            if one.cause != other.cause and one.where != other.where
        ]
        chosen += drawn.sample(both, min(_EACH, len(both)))
    return chosen


def _passing(made: set[str]) -> set[str]:
    return {"wrong-static-neighbour"} - made


def test_the_first_and_then_the_second(record_property: Callable[[str, Any], None]) -> None:
    told = asked = several = 0
    silent = []
    for one, other in pairs():
        scene = SCENES[one.scene]
        with Lab() as lab:
            build(lab, scene)
            settle(lab)
            if not lab.run(f"{one.broken}\n{other.broken}").ok:
                continue  # the one has taken away what the other would break
            verdicts: list[Verdict] = []
            for _ in range(_MOST):
                verdicts.append(lab.why(scene.src, scene.dst))
                if verdicts[-1].reachable and not verdicts[-1].cause:
                    break
                assert verdicts[-1].fix, f"{one.id} and {other.id}: {verdicts[-1]}"
                lab.run("\n".join(verdicts[-1].fix)).check()
        words = f"{one.id} and {other.id}: {[(each.cause, each.where) for each in verdicts]}"
        assert verdicts[-1].reachable, words
        assert verdicts[0].cause, words
        asked += 1
        # What is only remembered for some seconds, and what came of the probe itself, is no fault of the two.
        later = [each.cause for each in verdicts[1:] if each.cause not in ("", *_passing({one.cause, other.cause}))]
        if later:
            several += 1
            told += bool(verdicts[0].then)
            if not any(cause in verdicts[0].then for cause in later):
                silent.append(f"{words}: {verdicts[0].then}")
        else:
            assert verdicts[0].then == "", f"nothing followed, and it was said: {words}"
    assert asked >= 20
    assert silent == [], "what followed was not said"
    record_property(
        "figure",
        (
            "two faults at once",
            f"{asked} pairs, each mended verdict after verdict; more followed in {several}, and in {told} that was said at once",
        ),
    )
