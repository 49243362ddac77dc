"""Runs a program that uses nsmagic as a process of its own, where and as whom the test wants: a notebook's kernel in a machine of its
own making.

``OUTER`` are words to put before a program so that its "machine" is a sandbox: nothing it does reaches the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_BEGIN = f"""
import json, os, subprocess, sys, threading, time
sys.path.insert(0, {str(ROOT)!r})
sys.dont_write_bytecode = True
from nsmagic import Lab
from nsmagic.errors import NsmagicError

def say(**facts):
    print("SAID " + json.dumps(facts), flush=True)
"""

#: A machine of one's own: root of it may mount and set up networks. Real root needs no user namespace for that (and one in it
#: would make it an ordinary user's).
OUTER = ("unshare", "-nm") if os.geteuid() == 0 else ("unshare", "-Urnm")
#: The same as an ordinary user's, whoever runs the test.
OUTER_USER = ("unshare", "-Urnm")


def shell(script: str, *arguments: str) -> tuple[str, ...]:
    """Words that run a script and then become the program that follows them.

    >>> shell("umask 022")
    ('sh', '-ec', 'umask 022\\nexec "$@"', 'sh')
    """
    return ("sh", "-ec", f'{script}\nexec "$@"', "sh", *arguments)


def notebook(
    code: str,
    *,
    prefix: Sequence[str] = (),
    cwd: str | Path = "/",
    env: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> dict[str, Any]:
    """Run code that says what it found (``say(name=value)``); everything it said."""
    done = subprocess.run(
        [*prefix, sys.executable, "-P", "-c", _BEGIN + code], cwd=cwd, env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip
    said = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("SAID ")]
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return {name: value for facts in said for name, value in facts.items()} | {"stderr": done.stderr}
