"""No reader of frames can be fooled, kept waiting or made to grow by what it is sent: the notebook's, the serial line's, a real agent's.

The long one: ``pytest -m heavy tests/agent/test_wrong_frames.py`` (ten minutes, or ``NSMAGIC_FUZZ_SECONDS``).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.agent import protocol, server
from nsmagic.sandbox import running
from tests import further

from . import wrong_frames

TOP = Path(__file__).resolve().parents[2]
OPS = [name[3:] for name in dir(server.Agent) if name.startswith("op_")]
#: What the memory of a reader may differ by between a third of the time and its end, in KiB: a frame of the largest size, read in
#: pieces, decoded and taken apart, is a few MiB that the allocator keeps.
FLAT = 8 << 10


def test_all_readers_agree_and_leave_nothing() -> None:
    for seed in range(150):
        wrong_frames.through_all(wrong_frames.parts(wrong_frames.Dice(seed)))


def test_an_answer_that_is_none_ends_the_connection_with_its_descriptors() -> None:
    """In one read: descriptors with an answer that takes none, then what is no answer, then one more with descriptors."""
    good, bad = protocol.pack({"id": 1, "done": 1, "fds": 1}), protocol.pack({"id": 2, "error": "no object"})
    wrong_frames.through_all([(good, 1), (bad, 0), (good, 1)])
    wrong_frames.through_all(
        [(good, 1), (protocol.pack({"id": 2}), 0), (protocol.pack({"id": 0, "item": 1, "fds": 2}), 2)]
    )


# A real agent


class Visitors:
    """Visitors who send nonsense to a lab, one after the other; after each few the lab is asked whether it is well."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self._lab = lab
        self._id = str(lab.status()["lab"])
        self._dice = wrong_frames.Dice(seed)
        self.sent = 0
        self.slowest = 0.0

    def some(self, count: int) -> None:
        for _ in range(count):
            with running._connect(self._id, running._faces()[0]) as visitor:
                try:
                    for data, _ in self._stream():
                        visitor.sendall(data)
                    visitor.shutdown(socket.SHUT_WR)
                    while visitor.recv(1 << 16):
                        continue
                except OSError:
                    pass  # it was hung up on, which is an answer too
            self.sent += 1
        began = time.monotonic()
        assert self._lab.run("echo well").text == "well\n"
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _stream(self) -> list[wrong_frames.Part]:
        if self._dice.ConsumeIntInRange(0, 2):
            return [(wrong_frames.request(self._dice, OPS), 0) for _ in range(self._dice.ConsumeIntInRange(1, 4))]
        return wrong_frames.parts(self._dice)

    def memory(self) -> int:
        """KiB of the agent."""
        return int(self._lab.run("grep VmRSS /proc/1/status").text.split()[1])


@pytest.mark.sandbox
def test_visitors_who_send_nonsense_do_no_harm(lab: Lab) -> None:
    Visitors(lab, 1).some(40)


@pytest.mark.heavy
@pytest.mark.sandbox
def test_ten_minutes_of_nonsense(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The fuzzer with all readers in one process; beside it a real agent, and one behind the serial lines of a virtual machine."""
    further.install("atheris")
    seconds = int(os.environ.get("NSMAGIC_FUZZ_SECONDS", "600"))
    end = time.monotonic() + seconds
    (found := tmp_path / "found").mkdir()
    fuzzer = subprocess.Popen(
        [sys.executable, "-m", "tests.agent.fuzz_frames", str(seconds), str(found)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=(tmp_path / "libfuzzer.txt").open("w"), text=True, cwd=TOP,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )  # fmt: skip
    told: list[dict[str, Any]] = []
    said: list[str] = []

    def listen() -> None:
        assert fuzzer.stdout is not None
        for line in fuzzer.stdout:
            if line.startswith("{"):
                told.append(json.loads(line))
                print(f"readers: {line.strip()}", flush=True)
            else:
                said.append(line)

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        agents = {kind: _nonsense_to(kind, seconds / 2) for kind in ("rootless", "vm")}
        assert fuzzer.wait(max(60.0, end - time.monotonic() + 60)) == 0, (tmp_path / "libfuzzer.txt").read_text()[
            -3000:
        ]
    finally:
        fuzzer.kill()
        fuzzer.wait()
        listening.join()
    memory = [each["rss_kib"] for each in told]
    assert abs(memory[-1] - memory[len(memory) // 3]) < FLAT
    words = (
        f"{told[-1]['inputs']} streams through reader, socket, serial line, relay and client in {told[-1]['seconds']} s: no exception, no"
        f" hang, no descriptor left; memory {memory[len(memory) // 3] / 1024:.0f} MiB after a third, {memory[-1] / 1024:.0f} at the end"
    )
    for kind, (sent, slowest, kept) in agents.items():
        words += (
            f"; agent of kind {kind}: {sent} visitors with nonsense, it answered the notebook within {slowest:.1f} s,"
            f" memory {kept[len(kept) // 3] / 1024:.1f} MiB after a third, {kept[-1] / 1024:.1f} at the end"
        )
    record_property("figure", (f"{seconds} s of fuzzing of the readers of frames", words))


def _nonsense_to(kind: str, seconds: float) -> tuple[int, float, list[int]]:
    end, memory = time.monotonic() + seconds, []
    with Lab(sandbox=kind) as lab:
        visitors = Visitors(lab, 2)
        told = time.monotonic()
        while time.monotonic() < end:
            visitors.some(25)
            if time.monotonic() - told > 5:
                told = time.monotonic()
                memory.append(visitors.memory())
                print(f"agent, {kind}: {visitors.sent} visitors, {memory[-1]} KiB", flush=True)
        assert abs(memory[-1] - memory[len(memory) // 3]) < FLAT
    return visitors.sent, visitors.slowest, memory
