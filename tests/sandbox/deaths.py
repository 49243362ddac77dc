"""Kill notebooks at random moments and see what is left, in a user namespace of our own whose namespaces can be counted.

``python -m tests.sandbox.deaths RUNS SEED`` must be run as root of such a user namespace (``test_death.unshared``): after each
kill ``max_net_namespaces`` is set to fewer than a lab and the test together would need, so that the test can make and hold that
many only when the kernel has freed every one of the lab's (NS0). Prints one line of JSON: the seconds of each run.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import threading
import time

from tests.sandbox.test_death import NS0_SECONDS, Notebook

COUNT = 20
#: As many as a lab has: its host, the monitor's hidden one, and its rooms.
LIMIT = COUNT + 2
CLONE_NEWNET = 0x40000000


def main(runs: int, seed: int) -> None:
    dice = random.Random(seed)
    gone, freed = [], []
    for _ in range(runs):
        allow(1000)
        kernel = Notebook(COUNT)
        try:
            if dice.random() < 0.6:
                kernel.read()
            threading.Event().wait(dice.uniform(0, 0.25))
            start = time.monotonic()
            kernel.kill()
            kernel.gone()
            gone.append(time.monotonic() - start)
            allow(LIMIT)
            freed.append(all_freed(start + NS0_SECONDS) - start)
        finally:
            kernel.close()
    print(json.dumps({"gone": gone, "freed": freed}))


def allow(namespaces: int) -> None:
    """How many network namespaces there may be, those on their way out included."""
    with open("/proc/sys/user/max_net_namespaces", "w") as file:
        file.write(str(namespaces))


def all_freed(limit: float) -> float:
    """The moment at which all namespaces can be made again; raises when that is not before the limit."""
    held: list[int] = []
    waiter = threading.Event()
    try:
        while len(held) < LIMIT:
            pid = hold_one()
            if pid:
                held.append(pid)
            elif time.monotonic() > limit:
                raise AssertionError(f"only {len(held)} of {LIMIT} namespaces are free")
            else:
                waiter.wait(0.005)
        return time.monotonic()
    finally:
        for pid in held:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def hold_one() -> int:
    """A child that holds one new network namespace; 0 when none could be made."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        made = ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
        os.write(writer, b"1" if made else b"0")
        if made:
            signal.pause()
        os._exit(0)
    made = os.read(reader, 1) == b"1"
    os.close(reader)
    os.close(writer)
    if not made:
        os.waitpid(pid, 0)
    return pid if made else 0


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
