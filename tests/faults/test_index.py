"""The index of the faults says the truth: each of the 80 is there once, each test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.faults.index import IN_PART, NOT_SHOWN, SHOWN

TOP = Path(__file__).resolve().parents[2]


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((TOP / file).read_text())
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_every_fault_is_shown_or_said_not_to_be() -> None:
    assert set(SHOWN) | set(NOT_SHOWN) == set(range(1, 81))
    assert not set(SHOWN) & set(NOT_SHOWN)
    assert set(IN_PART) <= set(SHOWN)
    assert all(SHOWN.values())


@pytest.mark.parametrize("number", sorted(SHOWN))
def test_its_tests_exist(number: int) -> None:
    for each in SHOWN[number]:
        file, _, name = each.partition("::")
        assert name in functions(file), each


def test_what_the_security_page_names_exists() -> None:
    """Its table says where each promise is kept and which tests show it."""
    table = (TOP / ".github/SECURITY.md").read_text().partition("## Where each promise is kept")[2]
    named = re.findall(r"`([\w/]+\.py)`", table)
    assert len(named) > 20
    for name in named:
        assert any((TOP / folder / name).is_file() for folder in ("nsmagic", "tests", ".")), name


def test_tests_here_are_named_after_their_faults() -> None:
    named = {each for tests in SHOWN.values() for each in tests}
    for path in Path(__file__).parent.glob("test_?_*.py"):
        for name in functions(str(path.relative_to(TOP))):
            if name.startswith("test_"):
                assert f"tests/faults/{path.name}::{name}" in named, name
                assert int(name[5:8]) in SHOWN
