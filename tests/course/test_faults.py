"""Every fault breaks what it says, and its mend restores the house."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nsmagic import Lab, NsmagicError
from nsmagic.course import breaking, checks, practice
from tests.conftest import Notebook

SEED = 5


@pytest.fixture(scope="module")
def house() -> Iterator[Lab]:
    """One house for all: each fault must leave it as it was. One that does not closes it, and the next builds it anew."""
    with Lab() as lab:
        breaking.build(lab, SEED)
        yield lab


def broken(lab: Lab) -> set[str]:
    found = set()
    for name, place in breaking.house(SEED).points.items():
        try:
            checks.run(lab, place.check)
        except checks.NotYet:
            found.add(name)
    return found


@pytest.mark.sandbox
@pytest.mark.parametrize("fault", breaking.faults(SEED), ids=lambda fault: fault.code)
def test_fault(fault: breaking.Fault, house: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = checks.PATIENCE
    monkeypatch.setattr(checks, "PATIENCE", 0.25)
    if not house.running:
        breaking.build(house, SEED)
    house.run("\n".join(fault.inject)).check()
    try:
        assert set(fault.breaks) <= broken(house)
    finally:
        house.run("\n".join(fault.mend)).check()
        monkeypatch.setattr(checks, "PATIENCE", patience)
        left = broken(house)
        if left:
            house.close()
    assert left == set()


def test_faults_are_many_and_of_every_level() -> None:
    there = breaking.faults()
    assert len(there) >= 20
    for level in breaking.LEVELS:
        assert sum(fault.level == level for fault in there) >= 5
    points = set(breaking.house().points)
    for fault in there:
        assert set(fault.breaks) <= points
        assert fault.hints


def test_the_same_seed_gives_the_same_fault() -> None:
    assert [breaking.choose(n, 2).code for n in range(30)] == [breaking.choose(n, 2).code for n in range(30)]
    assert len({breaking.choose(n, 2).code for n in range(60)}) > 8
    with pytest.raises(NsmagicError, match="there is no level 4"):
        breaking.choose(0, 4)


@pytest.mark.sandbox
def test_in_a_notebook(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    began = notebook.cell("%lab break --seed 3 --level 1")
    assert began.ok, began.error
    fault = breaking.choose(3, 1)
    assert fault.title not in began.out
    assert notebook.cell("%lab script").out == "%%netns\n\n"
    monkeypatch.setattr(checks, "PATIENCE", 0.25)
    failed = notebook.cell("%check break")
    assert isinstance(failed.error, practice.CheckFailed)
    assert fault.title not in str(failed.error)
    hints = [notebook.cell("%hint break").out for _ in range(len(fault.hints) + 1)]
    assert hints[0].startswith(fault.hints[0])
    assert fault.title in hints[-1]
    monkeypatch.undo()
    notebook.cell("from nsmagic import course")
    assert began.value.mend() is None
    whole = notebook.cell("%check")
    assert whole.ok, whole.error
    assert f"It was: {fault.title}" in whole.out
    assert "one word too many" in str(notebook.cell("%lab break it").error)
    assert "there is no level 9" in str(notebook.cell("%lab break --level 9").error)
