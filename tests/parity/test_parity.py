"""The same lines by the real tools and by nsmagic leave the same kernel state, and are refused in the same words.

The real tools must be there (iproute2, net-tools, bridge-utils); a case whose tool is missing is skipped by its name.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
from forms import CASES, Case
from sandboxed import Child, SandboxUnavailable
from sides import Said, prepare, run_ours, run_real, state

#: What is known to differ, line → reason. The state must be equal all the same.
WORDS_DIFFER: dict[str, str] = {
    "brctl hairpin br0 q0 on": "brctl names the bridge too; the arguments of link.set do not hold it",
    "ip addr del 10.2.0.1 dev v0": "iproute2 warns of the wildcard first; the error of ours is the kernel's sentence alone",
}
#: The kernel tells some things (operstate) a moment later; both sides get this long to become equal.
PATIENCE = 6.0


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_parity(case: Case, record_property: Callable[[str, Any], None]) -> None:
    for tool in sorted({line.split()[0] for line in case.lines}):
        if shutil.which(tool) is None:
            pytest.skip(f"the real {tool} is not installed")
    with Child() as real, Child() as ours:
        try:
            real.call(prepare)
            ours.call(prepare)
        except SandboxUnavailable as error:
            pytest.skip(str(error))
        theirs: list[Said] = real.call(run_real, case.lines)
        said: list[Said] = ours.call(run_ours, case.lines)
        _compare_words(theirs, said)
        _compare_state(real, ours, "\n".join(case.lines))
    record_property("parity_forms", sorted({one.form for one in said if one.form}))
    record_property("parity_lines", len(said))
    record_property("parity_refusals", sum(not one.ok for one in said))


def _compare_words(theirs: list[Said], said: list[Said]) -> None:
    wrong = [
        f"{real.line}\n  tool: {'ok' if real.ok else 'refused'} {real.words!r}\n  ours: {'ok' if mine.ok else 'refused'} {mine.words!r}"
        for real, mine in zip(theirs, said, strict=True)
        if real.line not in WORDS_DIFFER and (real.ok != mine.ok or real.words != mine.words or not mine.native)
    ]
    assert not wrong, "\n".join(["said otherwise:", *wrong])


def _compare_state(real: Child, ours: Child, typed: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        a, b = real.call(state, typed), ours.call(state, typed)
        if a == b or time.monotonic() > end:
            break
        time.sleep(0.1)  # no event tells that two sandboxes are equal
    differences = [
        f"{ns} {table}:\n  tool: {a[ns][table]}\n  ours: {b[ns].get(table)}"
        for ns in a
        for table in a[ns]
        if a[ns][table] != b.get(ns, {}).get(table)
    ]
    assert a.keys() == b.keys()
    assert not differences, "\n".join(["state differs:", *_short(a, b)])


def _short(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """The rows that only one side has."""
    lines = []
    for ns in a:
        for table in a[ns]:
            left, right = a[ns][table], b[ns][table]
            if left == right:
                continue
            if isinstance(left, list) and isinstance(right, list):
                only = [row for row in left if row not in right], [row for row in right if row not in left]
                lines += [f"{ns} {table}: only tool: {_diff(row, only[1])}" for row in only[0]]
                lines += [f"{ns} {table}: only ours: {_diff(row, only[0])}" for row in only[1]]
                if only == ([], []):
                    lines.append(f"{ns} {table}: other order or number:\n  tool: {left}\n  ours: {right}")
            else:
                lines.append(f"{ns} {table}: tool {left!r}, ours {right!r}")
    return lines


def _diff(row: Any, others: list[Any]) -> Any:
    """A row, without what it has in common with the one of the same name on the other side."""
    for other in others:
        if isinstance(row, dict) and row.get("ifname") and other.get("ifname") == row["ifname"]:
            return {"ifname": row["ifname"], **{key: value for key, value in row.items() if other.get(key) != value}}
    return row
