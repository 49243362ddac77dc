"""Where our time goes: ``python -m tests.benchmarks.spent WORK N`` (``WORKS`` has them), with the agent and this process under a profiler.

The whole stack runs, frames included, but the agent is a plain child of this process in a private sandbox instead of pid 1 of a
lab of its own, so that the profiler's answer can come out. A profiler makes Python slower and leaves the kernel as it is: read
the shares, not the sums; the CPU times beside the builds are measured without it.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from nsmagic import Lab
from nsmagic.agent import protocol
from nsmagic.agent.client import Client
from nsmagic.model import Change
from nsmagic.sandbox import choice, config
from nsmagic.topology.picture import Topology
from tests.benchmarks import place, reads, rooms

#: Waiting is no work.
_WAITING = ("poll of select.epoll", "get of _queue.SimpleQueue", "acquire of _thread.lock")
#: Functions shown of each side.
_SHOWN = 14


class _Child:
    """Stands for a launcher: the agent's process."""

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid, self._sock = pid, sock

    def mark(self) -> int:
        return 0  # nothing to look for after its end

    def end(self) -> bool:
        self._sock.shutdown(socket.SHUT_RDWR)
        os.waitpid(self.pid, 0)
        return True


def _start(result: Path) -> Callable[..., tuple[Client, Any, str]]:
    """In place of ``choice.start``: the agent as a child under a profiler, which writes what it saw when it ends."""

    def start(
        wanted: str | None, *, seed: int, limits: Any, ended: Any, folder: str | None, **_: Any
    ) -> tuple[Client, Any, str]:
        ours, theirs = socket.socketpair()
        told = config.make("rootless", seed=seed, limits=limits, folder=folder)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                ours.close()
                from nsmagic.agent.server import serve

                profile = cProfile.Profile()
                before = os.times()
                profile.enable()
                serve(protocol.Channel(theirs), told, [], None)
                profile.disable()
                after = os.times()
                profile.dump_stats(result)
                Path(f"{result}.cpu").write_text(json.dumps([after.user - before.user, after.system - before.system]))
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        client = Client(protocol.Channel(ours), ended)
        client.wait_ready(10)
        return client, _Child(pid, ours), "rootless"

    return start


def main(what: str, count: int) -> None:
    """Print the shares of one of the works."""
    with tempfile.TemporaryDirectory(prefix="nsmagic-bench.") as folder:
        result = Path(folder, "agent")
        choice.start = _start(result)  # type: ignore[assignment]
        lab = Lab(limits={"namespaces": max(256, count + 24), "open_files": 4096}, folder=str(place.folder()))
        work, times = WORKS[what]
        builds = work in (_build, _described)
        if not builds:
            lab.run(rooms.cell(count), changes=False).check()
            work(lab, 1)
        else:
            assert lab.client
        profile = cProfile.Profile()
        began, before = time.perf_counter(), time.thread_time()
        profile.runcall(work, lab, count)
        wall, own = time.perf_counter() - began, time.thread_time() - before
        lab.close()
        user, system = json.loads(Path(f"{result}.cpu").read_text())
        title = f"{what}, N = {count}" + (f", {times} times" if times > 1 else "")
        before_it = "" if builds else " (with the build before)"
        print(
            f"\n{title}: {wall * 1000:.0f} ms wall under the profiler; the notebook's thread {own * 1000:.0f} ms CPU;"
        )
        print(f"agent {user * 1000:.0f} ms user, {system * 1000:.0f} ms system{before_it}")
        _show("in the agent", pstats.Stats(str(result)))
        _show("in the notebook's process", pstats.Stats(profile))


def _build(lab: Lab, count: int) -> None:
    lab.run(rooms.cell(count)).check()


def _read(lab: Lab, count: int) -> None:
    for _ in range(20):
        reads.frames(lab)


def _cell(lab: Lab, count: int) -> None:
    shell = _shell(lab)
    for _ in range(200 if count > 1 else 5):
        value = shell.run_line_magic("netns", "h0 ip link")
        shell.display_formatter.format(value)


def _described(lab: Lab, count: int) -> None:
    lab.build(rooms.description(count))


def _changed(lab: Lab, count: int) -> None:
    for number in range(20):
        lab.run(f"ip -n h{number % count} link set eth0 mtu {1400 + number}", changes=False).check()
        reads.frames(lab)


def _picture(lab: Lab, count: int) -> None:
    for _ in range(5 if count > 1 else 1):
        Topology.at_once(lab.topology).svg()


def _event(lab: Lab, count: int) -> None:
    heard = threading.Semaphore(0)

    def hear(changes: tuple[Change, ...]) -> None:
        heard.release()

    with lab.events(hear), lab.socket("h0", socket.AF_NETLINK, socket.SOCK_RAW, 0) as asking:
        for number in range(200 if count > 1 else 2):
            # lo of a room, down and up
            asking.send(struct.pack("=IHHIIBxHiII", 32, 16, 5, 1, 0, 0, 0, 1, number % 2, 1))
            asking.recv(4096)
            heard.acquire(timeout=5)


#: What is profiled → how, and how many times it is done.
WORKS: dict[str, tuple[Callable[[Lab, int], None], int]] = {
    "build by a cell": (_build, 1), "build from a description": (_described, 1), "read": (_read, 20),
    "read, one namespace changed": (_changed, 20), "cell": (_cell, 200), "picture": (_picture, 5), "event": (_event, 200),
}  # fmt: skip


@cache
def _shell(lab: Lab) -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from nsmagic import magics

    settings = Config()
    settings.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=settings)
    magics.load(shell)
    # The notebook's lab is the one whose agent is watched.
    shell.magics_manager.registry["Netns"].lab_of = lambda name="": lab
    return shell


def _show(where: str, stats: Any) -> None:
    """Own time by module, then by function."""
    rows = [(spent, calls, _place(name)) for name, (_, calls, spent, _, _) in stats.stats.items()]
    rows = [row for row in rows if row[2][1] not in _WAITING]
    total = sum(spent for spent, _, _ in rows) or 1.0
    modules: Counter[str] = Counter()
    for spent, _, (module, _) in rows:
        modules[module] += spent  # type: ignore[assignment]
    print(
        f"  {where}: own time by module: "
        + ", ".join(f"{name} {spent / total:.0%}" for name, spent in modules.most_common(10))
    )
    for spent, calls, (module, function) in sorted(rows, reverse=True)[:_SHOWN]:
        print(f"    {spent / total:>5.1%} {spent * 1000:>8.1f} ms {calls:>8} calls  {module}  {function}")


def _place(name: tuple[str, int, str]) -> tuple[str, str]:
    file, line, function = name
    if file.startswith("~") or not file:
        return "kernel and built-in", re.sub(r"built-in method |method |[<>']| objects", "", function)
    parts = Path(file).parts
    at = next((parts.index(each) for each in ("nsmagic", "pyroute2", "pandas") if each in parts), len(parts) - 1)
    module = "/".join(parts[at:])
    return module, f"{function}:{line}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
