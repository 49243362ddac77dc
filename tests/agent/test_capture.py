"""The end of a capture, with a clock and a loop of the test's own; on the real kernel it is in ``tests/trace/test_capture.py``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nsmagic.agent import capture as module


def test_what_is_there_is_taken_before_the_end_however_slow_its_way_to_the_notebook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    bursts = [True, True, True, False]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    later: list[Any] = []
    capture = module.Capture.__new__(module.Capture)
    capture._ending, capture._ended, capture._timer = "", False, None
    capture._taps = {0: object()}  # type: ignore[dict-item]
    capture._loop = SimpleNamespace(later=lambda seconds, call: later.append(call))  # type: ignore[assignment]
    ended: list[int] = []

    def read(tap: object) -> bool:
        nonlocal now
        got = bursts.pop(0) if bursts else False
        if got:
            capture._last = now
        now += 0.01  # sending takes longer than it is quiet before the end
        return got

    def finish(why: str) -> None:
        capture._ended = True
        ended.append(len(bursts))

    monkeypatch.setattr(capture, "_read", read, raising=False)
    monkeypatch.setattr(capture, "_finish", finish, raising=False)
    capture.end()
    while later:
        later.pop(0)()
    assert ended == [0], "it ended with packets unread"
