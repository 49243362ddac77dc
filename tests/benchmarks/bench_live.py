"""The live picture at work: ``python -m tests.benchmarks.bench_live [SECONDS]``.

Thirty rooms on three bridges, links switched down and up without a pause; how many pictures a second the feed gives, what a picture
costs, and how long after a change it is there. Then the same with a picture for each change waited for.
"""

from __future__ import annotations

import itertools
import os
import queue
import statistics
import sys
import threading
import time
from pathlib import Path

from nsmagic import Lab
from nsmagic.feed import INTERVAL, Feed, Frame
from tests.topology import scenes


def main(seconds: float = 10.0) -> None:
    """Print the figures."""
    frames: queue.SimpleQueue[tuple[float, Frame]] = queue.SimpleQueue()
    with Lab() as lab:
        scenes.build(lab, scenes.SCENES["thirty"])
        feed = Feed(lab, lambda frame: frames.put((time.monotonic(), frame)))
        _drain(frames, 2.0)

        over = threading.Event()

        def change() -> None:
            for number in itertools.count():
                if over.is_set():
                    return
                word = ("down", "up")[number // 30 % 2]
                lab.run(f"ip -n h{number % 30:02} link set veth-h{number % 30:02} {word}", changes=False)

        changing = threading.Thread(target=change)
        before, began = _cpu(), time.monotonic()
        changing.start()
        times = [at for at, _ in _drain(frames, seconds)]
        taken = time.monotonic() - began
        busy = {name: seconds - before.get(name, 0.0) for name, seconds in _cpu().items()}
        over.set()
        changing.join()
        apart = [later - earlier for earlier, later in itertools.pairwise(times)]
        print(f"30 rooms on 3 bridges, links changing all the time, {taken:.0f} s")
        print(f"  pictures a second        {len(times) / taken:6.1f}   (at most {1 / INTERVAL:.0f})")
        print(f"  between two, median      {statistics.median(apart) * 1000:6.0f} ms, most {max(apart) * 1000:.0f} ms")
        for name, spent in sorted(busy.items()):
            print(f"  CPU of {name:18}{spent / taken * 100:6.0f} %, {spent / len(times) * 1000:.0f} ms for a picture")
        print(
            "  (the changes themselves included; a picture every 100 ms needs less than 100 ms of all together on one core)"
        )

        delays = []
        for number in range(30):
            _drain(frames, 0.3)
            began = time.monotonic()
            lab.run(
                f"ip -n h{number:02} link set veth-h{number:02} {'down' if number % 2 else 'up'}; ip -n h{number:02} link set veth-h{number:02} mtu {1300 + number}"
            )
            at, _ = frames.get(timeout=5)
            delays.append(at - began)
        print(
            f"  from a command to its picture, median {statistics.median(delays) * 1000:.0f} ms, most {max(delays) * 1000:.0f} ms"
        )
        feed.close()


def _cpu() -> dict[str, float]:
    """Seconds of CPU so far: of this process, of Graphviz, of the lab."""
    found = {"this process": time.process_time()}
    todo = [(os.getpid(), "")]
    while todo:
        pid, kind = todo.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, task.read_text().split()):
                name = kind or (
                    "Graphviz" if b"worker.py" in Path(f"/proc/{child}/cmdline").read_bytes() else "the lab"
                )
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                found[name] = found.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                todo.append((child, name))
    return found


def _drain(frames: queue.SimpleQueue[tuple[float, Frame]], seconds: float) -> list[tuple[float, Frame]]:
    """The pictures of so many seconds."""
    end, found = time.monotonic() + seconds, []
    while (left := end - time.monotonic()) > 0:
        try:
            found.append(frames.get(timeout=left))
        except queue.Empty:
            break
    return found


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
