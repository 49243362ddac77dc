"""Every cause, each in two networks at least: whole, broken, and mended by the verdict's own commands.

The first case of each cause is in the standard run; all of them: ``pytest -m heavy tests/why/test_matrix.py``, which prints the figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from nsmagic.sentences import say_look
from nsmagic.why.verdict import SURE
from tests.why.matrix import CASES, Case
from tests.why.play import play
from tests.why.scenes import SCENES

pytestmark = pytest.mark.sandbox

#: Causes that no network gives on purpose; their tests are on data.
_ON_DATA = {"unknown", "not-supported"}
_FIRST = {case.cause: case for case in reversed(CASES)}


def marked(case: Case) -> object:
    return pytest.param(case, id=case.id, marks=() if case is _FIRST[case.cause] else pytest.mark.heavy)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_case(case: Case, record_property: Callable[[str, Any], None]) -> None:
    played = play(case)
    assert (played.whole.reachable, played.whole.cause) == (True, ""), played.whole
    assert played.whole.confidence in SURE
    broken = played.broken
    assert broken.cause == case.cause, broken
    assert broken.where.startswith(case.where), broken
    assert broken.reachable == case.soft
    assert broken.confidence in (*SURE, "read"), broken.confidence
    assert broken.explanation.count(". ") >= 1 or case.cause == "prefix-length"
    assert broken.see
    assert broken.fix
    assert (played.mended.reachable, played.mended.cause) == (True, ""), played.mended
    if played.fixes == 1 and not case.soft:
        assert broken.then == "", f"it is said that more follow, and nothing did: {broken}"
    record_property(
        "why_case", case.id
    )  # counted at the end of the run: cause, place, whole and mended network were right


def test_every_cause_is_there_in_two_networks() -> None:
    """Different ones: IPv4 and IPv6 of one shape count as one."""
    shapes = {(case.cause, case.scene.removesuffix("6")) for case in CASES}
    assert {case.scene for case in CASES} == set(SCENES)
    assert {cause for cause, _ in shapes} | _ON_DATA == set(say_look.table())
    networks = Counter(cause for cause, _ in shapes)
    assert [cause for cause, number in networks.items() if number < 2] == []
    assert len(CASES) >= 60
    assert len({case.id for case in CASES}) == len(CASES)


def test_both_families() -> None:
    """What there is in IPv6 is tried in IPv6; the kernel's rp_filter is of IPv4 alone, and of IPv6 alone is what says so."""
    causes: dict[bool, set[str]] = {True: set(), False: set()}
    for case in CASES:
        causes[":" in (case.dst or SCENES[case.scene].dst)].add(case.cause)
    six, four = causes[True], causes[False]
    assert four - six == {"rp-filter"}
    assert six - four == {"ipv6-disabled", "address-tentative"}
