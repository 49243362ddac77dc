"""All readers of frames under a fuzzer: ``python -m tests.agent.fuzz_frames SECONDS FOLDER``. Started by ``test_wrong_frames.py``.

atheris (libFuzzer for Python) makes streams by what the readers did with the last ones, and ends when one raises something, takes more than
a minute, or the memory passes a bound; that input is then in the folder. Every ten seconds a line of JSON tells how many there were and
the memory.
"""

from __future__ import annotations

import json
import os
import sys
import time

import atheris

with atheris.instrument_imports(include=["nsmagic.agent.protocol", "nsmagic.agent.relay", "nsmagic.agent.client"]):
    from tests.agent import wrong_frames

TELL = 10.0


class Told:
    """Runs inputs, and tells how it goes."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.runs = 0

    def __call__(self, data: bytes) -> None:
        wrong_frames.through_all(wrong_frames.parts(atheris.FuzzedDataProvider(data)))
        self.runs += 1
        now = time.monotonic()
        if now - self.last >= TELL:
            self.last = now
            print(
                json.dumps({"seconds": round(now - self.began), "inputs": self.runs, "rss_kib": resident()}), flush=True
            )


def resident() -> int:
    """KiB of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 10


def main(seconds: str, folder: str) -> None:
    options = [
        f"-max_total_time={seconds}", "-timeout=60", "-rss_limit_mb=1024", "-max_len=1024", "-len_control=0", f"-artifact_prefix={folder}/", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, folder], Told())
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
