"""``brctl``: every form by its exact arguments, its refusals, and the real tool beside it."""

from __future__ import annotations

import pytest
from tool_checks import checks_of, real, sandbox_missing

globals().update(checks_of("brctl", not_asked=("brctl delbr br0",)))


@pytest.mark.skipif(bool(sandbox_missing()), reason=f"no sandbox here: {sandbox_missing()}")
def test_the_real_tool_deletes_only_what_is_down() -> None:
    assert real("brctl delbr br0") == (1, "bridge br0 is still up; can't delete it\n")
    assert real("brctl delbr br0", "ip link set br0 down") == (0, "")
