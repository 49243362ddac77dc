"""The columns that the agent knows are the fields of the rows that everybody else does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

from nsmagic.model import FURTHER, ROWS
from nsmagic.sandbox.config import PACKAGE
from nsmagic.shape import COLUMNS, ON_REQUEST


def test_columns_are_the_fields_in_their_order() -> None:
    assert list(COLUMNS.items()) == [
        (name, tuple(each.name for each in fields(row))) for name, row in {**ROWS, **FURTHER}.items()
    ]
    assert tuple(FURTHER) == ON_REQUEST


def test_the_agent_starts_without_what_it_has_no_use_for() -> None:
    """Each lab's start waits for what the agent imports. Classes of rows and of commands were an eighth of that, and so was what
    ``dataclasses`` makes and imports (``inspect`` and more). ``hashlib`` loads 3 MB of OpenSSL."""
    code = f"import sys; sys.path[:0] = [{str(PACKAGE.parent)!r}]\nimport nsmagic.agent.server\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert "nsmagic.netlink.monitor" in loaded
    unused = {
        "nsmagic.model",
        "nsmagic.snapshot",
        "nsmagic.commands.command",
        "nsmagic.commands.options",
        "dataclasses",
        "inspect",
        "traceback",
        "hashlib",
    }
    assert not loaded & unused
