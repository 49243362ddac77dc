"""The examples in the docstrings, all of them: those that start a lab run on the real kernel."""

from __future__ import annotations

import doctest
import importlib
import io
from functools import cache

import pytest

from tests.test_imports import dotted, modules


@cache
def examples() -> list[doctest.DocTest]:
    """Every docstring that has an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found: list[doctest.DocTest] = []
    for path in modules():
        if path.name == "__main__.py":
            continue  # a program: importing it runs it
        name = dotted(path)
        module = importlib.import_module(f"nsmagic.{name}" if name else "nsmagic")
        found += [test for test in finder.find(module) if test.examples]
    return sorted(found, key=lambda test: test.name)


def _marked(test: doctest.DocTest) -> object:
    starts_a_lab = any("Lab(" in example.source or "RouteSocket.open" in example.source for example in test.examples)
    return pytest.param(test, id=test.name, marks=[pytest.mark.sandbox] if starts_a_lab else [])


@pytest.mark.parametrize("test", [_marked(test) for test in examples()])
def test_example(test: doctest.DocTest) -> None:
    said = io.StringIO()
    results = doctest.DocTestRunner(verbose=False).run(test, out=said.write, clear_globs=False)
    assert results.failed == 0, said.getvalue()
    assert results.attempted > 0


def test_examples_are_many() -> None:
    """The finder sees the package: a change of layout must not make this file empty."""
    assert len(examples()) > 80
    assert any(test.name == "nsmagic.lab.Lab" for test in examples())
