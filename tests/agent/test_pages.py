"""Memory taken in advance: what comes after is no fault of a page, and rights are what they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, resource, sys
sys.path.append(sys.argv[1])
from nsmagic.agent import pages

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def rights():
    return {line.split()[5]: line.split()[1] for line in open("/proc/self/maps") if len(line.split()) > 5}

before = rights()
if "grow" in sys.argv:
    pages.grow(4 << 20)
    pages.own()
begun = faults()
kept = [b"x" * 1000 for _ in range(3000)]
print(json.dumps([faults() - begun, before == rights()]))
"""


def took(*words: str) -> list[int]:
    command = [sys.executable, "-P", "-S", "-c", PROGRAM, str(Path(__file__).resolve().parents[2]), *words]
    done = subprocess.run(command, env={"PYTHONMALLOC": "malloc"}, capture_output=True, text=True, check=True)
    found: list[int] = json.loads(done.stdout)
    return found


def test_what_was_taken_is_there() -> None:
    plain, _ = took()
    ready, same = took("grow")
    assert same
    assert ready * 4 < plain, f"{ready} of {plain} pages were still to be had"
