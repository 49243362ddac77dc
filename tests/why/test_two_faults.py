"""Two faults at once: the first is named, and after its mending the second, whatever the two are.

Some pairs of cases of the matrix in each network, other ones with other seeds in ``NSMAGIC_PAIRS``: ``NSMAGIC_RESULTS=1 NSMAGIC_PAIRS="2 3"
pytest -m heavy tests/why/test_two_faults.py``. That more follow is said with the first, when they do: the mending of the one may mend the other too.
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
_SEEDS = tuple(map(int, os.environ.get("NSMAGIC_PAIRS", "1").split()))
_NETWORKS = (
    "cable", "switch", "gateway", "gateway6", "routers", "routers6", "nat", "nat-routers", "nat6", "vxlan",
)  # fmt: skip

#: Pairs of which the second was not told, or could not be mended, before what they showed was put right.
ONCE_WRONG = (
    ("not-plugged-own@switch", "wrong-route@switch"),
    ("bridge-down@gateway6", "bridge-netfilter@gateway6"),
    ("bridge-port-blocked-stp@gateway", "nat-wrong@gateway"),
    ("not-enslaved@gateway", "nat-wrong@gateway"),
    ("bridge-netfilter@gateway6", "peer-down@gateway6"),
    ("address-not-local@routers", "nat-wrong@routers"),
    ("no-carrier@cable", "no-route-connected@cable"),
    ("dropped-by-rule-policy@gateway", "nat-wrong@gateway"),
    ("bridge-down@gateway6", "not-plugged@gateway6"),
    ("no-carrier@switch", "wrong-route@switch"),
    ("peer-down@switch", "address-not-local@switch"),
    ("gateway-off-link@routers6", "policy-rule@routers6"),
    ("gateway-off-link@gateway", "bridge-port-blocked-stp@gateway"),
    ("no-address@gateway", "bridge-port-blocked-stp@gateway"),
    ("bridge-down@gateway6", "peer-down@gateway6"),
    ("no-address@gateway6", "peer-down@gateway6"),
    ("prefix-length-wide@routers", "nat-wrong@routers"),
    ("no-route@vxlan", "dropped-by-rule@vxlan"),
    ("no-forwarding@vxlan", "link-down@vxlan"),
)


def pairs(seed: int) -> list[tuple[Case, Case]]:
    """Of different causes in different places."""
    chosen = []
    drawn = random.Random(seed)
    for scene in _NETWORKS:
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


def mended(one: Case, other: Case) -> list[Verdict]:
    """The verdicts in a network with two faults, each mended as it says; none when the one has taken away what the other would break."""
    scene = SCENES[one.scene]
    verdicts: list[Verdict] = []
    with Lab() as lab:
        build(lab, scene)
        settle(lab)
        if not lab.run(f"{one.broken}\n{other.broken}").ok:
            return []
        for _ in range(_MOST):
            verdicts.append(lab.why(scene.src, scene.dst))
            whole = verdicts[-1].reachable and not verdicts[-1].cause
            if whole or not verdicts[-1].fix or not lab.run("\n".join(verdicts[-1].fix)).ok:
                break
    return verdicts


def following(one: Case, other: Case, verdicts: list[Verdict]) -> list[str]:
    """What followed the first. What is only remembered for some seconds, and what came of the probe itself, is no fault of the two."""
    passing = {"", "wrong-static-neighbour"} - {one.cause, other.cause}
    return [each.cause for each in verdicts[1:] if each.cause not in passing]


def wrong(one: Case, other: Case, verdicts: list[Verdict]) -> str:
    """What is wrong with the verdicts, in words; empty when they are right."""
    words = f"{one.id} and {other.id}: {[(each.cause, each.where, each.fix, each.then) for each in verdicts]}"
    later, then = following(one, other, verdicts), verdicts[0].then
    if not verdicts[0].cause or not verdicts[-1].reachable:
        return f"not mended: {words}"
    if later and not any(cause in then for cause in later):
        return f"what followed was not said: {words}"
    return f"nothing followed, and it was said: {words}" if then and not later else ""


@pytest.mark.parametrize("seed", _SEEDS)
def test_the_first_and_then_the_second(seed: int, record_property: Callable[[str, Any], None]) -> None:
    told = asked = several = 0
    complaints = []
    for one, other in pairs(seed):
        if not (verdicts := mended(one, other)):
            continue
        asked += 1
        if following(one, other, verdicts):
            several += 1
            told += bool(verdicts[0].then)
        complaints.append(wrong(one, other, verdicts))
    assert asked >= 20
    assert [each for each in complaints if each] == []
    record_property(
        "figure",
        (
            f"two faults at once, pairs of seed {seed}",
            f"{asked} pairs, each mended verdict after verdict; more followed in {several}, and in {told} that was said at once",
        ),
    )


@pytest.mark.parametrize("names", ONCE_WRONG, ids="+".join)
def test_pairs_that_were_not_told_once(names: tuple[str, str]) -> None:
    one, other = (next(case for case in CASES if case.id == name) for name in names)
    verdicts = mended(one, other)
    assert verdicts, "the two do not go together"
    assert wrong(one, other, verdicts) == ""
