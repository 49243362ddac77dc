"""An interrupt that comes while pandas is imported costs the cell, not the kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nsmagic import whole

#: Interrupted again and again while the first table is made, each time a little later; in the end it must be there.
CODE = """
import os, signal, threading, time
from nsmagic.snapshot import Snapshot

signal.signal(signal.SIGINT, signal.default_int_handler)
before = set(threading.enumerate())
interrupts = 0
while True:
    timer = threading.Timer(0.02 + 0.03 * interrupts, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        from nsmagic import tables
        timer.cancel()
        break
    except KeyboardInterrupt:
        interrupts += 1
    finally:
        if timer.ident is not None:  # else it was stopped before it began
            timer.join()
print(interrupts, list(tables.of("links", Snapshot()).columns)[:3])
"""


def test_an_interrupted_import_is_whole_the_next_time() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    interrupts, _, columns = done.stdout.partition(" ")
    assert int(interrupts) > 0
    assert columns == "['ns', 'ifindex', 'ifname']\n"


def test_what_is_not_there_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        whole.load("no_such_package")
