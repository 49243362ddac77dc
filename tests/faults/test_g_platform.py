"""FAULTS.md 5.G, what the doctor's tests do not show."""

from __future__ import annotations

import os
import sys
import time

import pytest

from nsmagic import Lab
from tests.sandbox import observe
from tests.sandbox.outside import notebook

pytestmark = pytest.mark.sandbox


def test_076_no_unshare_in_python() -> None:
    """Python before 3.12 has no os.unshare: ours are system calls through ctypes, whichever Python it is."""
    said = notebook(
        """
for name in ("unshare", "setns"):
    if hasattr(os, name):
        delattr(os, name)
with Lab() as lab:
    say(ok=lab.run("ip netns add red; ip netns exec red ip link").ok)
"""
    )
    assert said["ok"]
    assert sys.version_info >= (3, 11)


def test_078_somebody_else_holds_a_namespace() -> None:
    """A descriptor outside pins the lab's network: close() ends everything else and does not wait for that."""
    lab = Lab(sandbox="rootless")
    lab.run("ip netns add red").check()
    [init] = observe.children(lab.pid)
    held = os.open(f"/proc/{init}/ns/net", os.O_RDONLY)
    try:
        begun = time.monotonic()
        with observe.handle(init) as first:
            lab.close()
            assert time.monotonic() - begun < 2.0
            assert observe.ended(first, 1.0)
    finally:
        os.close(held)
