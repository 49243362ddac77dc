"""FAULTS.md 5.B, what tests/sandbox/test_death.py does not show: a bug in the agent, an agent that does not answer."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from nsmagic import Lab
from nsmagic.errors import LabDied, NsmagicError
from tests.sandbox import observe

pytestmark = pytest.mark.sandbox


def test_020_a_bug_in_the_agent_ends_one_request(lab: Lab) -> None:
    lab.run("ip netns add red").check()
    for request in (
        {"op": "ping", "ns": "host", "args": {"nonsense": 1}},
        {"op": "snapshot", "tables": [5]},
        {"op": "run", "argv": []},
    ):
        with pytest.raises(NsmagicError) as caught:
            lab.client.request(**request)  # type: ignore[arg-type]
        assert caught.value.message.startswith(
            ("internal error in the agent", "the request cannot be read", "there is no")
        )
        assert lab.names() == ["red"], "and the next one is answered"


def test_021_an_agent_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped for good: the call ends a while after its limit, the lab is ended and says why."""
    monkeypatch.setattr("nsmagic.running._ENDING", 0.5)
    with Lab(sandbox="rootless") as lab:
        lab.run("true").check()
        [init] = observe.children(lab.pid)
        with observe.handle(lab.pid) as launcher, observe.handle(init) as first:
            os.kill(init, signal.SIGSTOP)
            begun = time.monotonic()
            with pytest.raises(LabDied, match="does not answer"):
                lab.run("true", timeout=0.5)
            assert time.monotonic() - begun < 2.5
            assert observe.ended(launcher, 2.0)
            assert observe.ended(first, 2.0)


def test_022_a_stopped_agent_goes_on() -> None:
    """Stopped for a moment: what was asked meanwhile is answered, nothing is lost or mixed up."""
    with Lab(sandbox="rootless") as lab:
        lab.run("ip netns add red").check()
        [init] = observe.children(lab.pid)
        os.kill(init, signal.SIGSTOP)
        timer = threading.Timer(0.5, os.kill, (init, signal.SIGCONT))
        timer.start()
        begun = time.monotonic()
        assert lab.run("echo one", timeout=5).check().text == "one\n"
        assert time.monotonic() - begun >= 0.4
        timer.join()
        assert lab.names() == ["red"]
