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

pytestmark = pytest.mark.sandbox

#: Causes that this kernel cannot have (no VLANs of bridges, no bond) or that no network gives on purpose; their tests are on data.
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
    if case.fixed:
        assert broken.fix
        assert played.mended is not None
        assert (played.mended.reachable, played.mended.cause) == (True, ""), played.mended
    record_property(
        "why_case", case.id
    )  # counted at the end of the run: cause, place, whole and mended network were right


def test_every_cause_is_there_in_two_networks() -> None:
    scenes = Counter(cause for cause, _ in {(case.cause, case.scene) for case in CASES})
    assert set(scenes) | _ON_DATA == set(say_look.table())
    # VLANs are not in this kernel, but for the number of a vxlan: the rest of them is tested on data.
    assert [cause for cause, number in scenes.items() if number < 2] == ["vlan-mismatch"]
    assert len(CASES) >= 60
    assert len({case.id for case in CASES}) == len(CASES)
