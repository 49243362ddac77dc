"""The file of tested versions: it names every package that is installed, and what pyproject.toml asks for allows them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

TOP = Path(__file__).resolve().parent.parent.parent
PINS = dict(
    re.match(r"([a-z0-9-]+)==(\S+)$", line).groups()  # type: ignore[union-attr,misc]
    for line in (TOP / "binder" / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [Requirement(each) for each in (*project["dependencies"], *extras["lab"], *extras["teach"])]
    assert len(asked) > 10
    for each in asked:
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        assert name in PINS, f"{name} is not in binder/constraints.txt"
        assert Version(PINS[name]) in each.specifier, f"{each} does not allow {PINS[name]}"


def test_each_once_and_in_order() -> None:
    lines = [line for line in (TOP / "binder" / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines)
    assert len(lines) == len(PINS) > 60
