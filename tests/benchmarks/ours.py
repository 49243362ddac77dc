"""nsmagic, measured in a process of its own: ``python -m tests.benchmarks.ours WHAT N`` prints one line of JSON (seconds)."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shlex
import socket
import statistics
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from nsmagic import Lab
from nsmagic.changes import Lines
from nsmagic.errors import NsmagicError
from nsmagic.magics import Netns
from nsmagic.model import Change
from nsmagic.result import Outcome, Result
from tests.benchmarks import place, rooms

_SIOCGIFINDEX = 0x8933
_TICK = os.sysconf("SC_CLK_TCK")
#: What a notebook has used before: modules are loaded, as the floor's are.
_MOST_CHANGES = Netns.most_changes.default_value
_WARM = "ip netns add warm\nip -n warm link\nip -n warm addr\nip -n warm route\nip netns del warm"


def lab_for(count: int) -> Lab:
    """A lab that may hold so many namespaces; it sees the benchmarks' folder."""
    return Lab(limits={"namespaces": max(256, count + 24), "open_files": 4096}, folder=str(place.folder()))


def agent(lab: Lab) -> int:
    """The pid of the lab's agent, seen from the machine."""
    with open(f"/proc/{lab.pid}/task/{lab.pid}/children") as file:
        return int(file.read().split()[0])


def cpu(pid: int) -> tuple[float, float]:
    """Seconds that a process and its children, those of before included, have spent in user code and in the kernel."""
    spent = [0.0, 0.0]
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    for each in (str(pid), *children):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{each}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
            spent[0] += (int(fields[11]) + int(fields[13])) / _TICK
            spent[1] += (int(fields[12]) + int(fields[14])) / _TICK
    return spent[0], spent[1]


def softirq() -> float:
    """Seconds that the whole machine has spent in softirqs: where packets are flooded while ports come up."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[7]) / _TICK


def there(any_socket: int, name: str) -> bool:
    """Whether a link of that name is in the namespace of a socket."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(any_socket, _SIOCGIFINDEX, struct.pack("16s24x", name.encode()))
        return True
    return False


def wait_gone(any_socket: int, count: int, limit: float = 120.0) -> None:
    """Wait as the floor does until all cables are gone."""
    end = time.monotonic() + limit
    for number in range(count):
        while there(any_socket, f"v{number}"):
            if time.monotonic() > end:
                raise TimeoutError("the end of the lab takes too long")
            time.sleep(0.0005)


class Shown:
    """A sink that shows what ``%%netns`` shows, to nobody."""

    def __init__(self) -> None:
        self.words = ""

    def text(self, text: str) -> None:
        self.words += text

    def changes(self, lines: Lines) -> None:
        self.words += "".join(line + "\n" for line in lines.first(_MOST_CHANGES))

    def shown(self, outcome: Outcome, last: bool) -> None:
        raise AssertionError("the cell shows no table")

    def error(self, error: NsmagicError, alone: bool) -> None:
        self.words += error.render()


def build(count: int) -> dict[str, float]:
    """Build by a cell, look whether all is there, and end it. Where the time went, in CPU seconds, beside it."""
    text = rooms.cell(count)
    return _built(count, lambda lab: lab.run(text, sink=Shown()).check())


def quiet(count: int) -> dict[str, float]:
    """The same cell, as ``%%netns --quiet`` runs it."""
    text = rooms.cell(count)
    return _built(count, lambda lab: lab.run(text, changes=False).check())


def described(count: int) -> dict[str, float]:
    """The same from a description."""
    data = rooms.description(count)
    return _built(count, lambda lab: lab.build(data))


def _built(count: int, make: Callable[[Lab], object]) -> dict[str, float]:
    lab = lab_for(count)
    try:
        lab.run(_WARM).check()
        pid = agent(lab)
        ours, theirs, packets = os.times(), cpu(pid), softirq()
        began = time.perf_counter()
        result = make(lab)
        built = time.perf_counter() - began
        # What its last commands changed is told after the cell has ended.
        changes = len(result.changes) if isinstance(result, Result) else 0
        whole = time.perf_counter() - began
        ours_after, theirs_after, packets_after = os.times(), cpu(pid), softirq()
        lab.run(f"{shlex.quote(place.floor())} check {count}").check()
        # It keeps the lab's own root namespace, in which the cables' other ends are, in sight.
        with lab.socket("host") as inside:
            window = os.dup(inside.fileno())
        began = time.perf_counter()
        lab.close()
        called = time.perf_counter() - began
        wait_gone(window, count)
        gone = time.perf_counter() - began
        os.close(window)
    finally:
        lab.close()
    return {
        "build": built, "call": called, "gone": gone, **({"whole": whole} if changes else {}),
        "notebook user": ours_after.user - ours.user, "notebook system": ours_after.system - ours.system,
        "agent user": theirs_after[0] - theirs[0], "agent system": theirs_after[1] - theirs[1],
        "machine's softirqs": packets_after - packets,
    }  # fmt: skip


def memory(count: int) -> dict[str, float]:
    """Resident memory in bytes of the agent, and of the launcher, of a lab with so many namespaces, after a read of all of it."""
    with built(count) as lab:
        lab.snapshot()
        return {"bytes": _resident(agent(lab)), "launcher": _resident(lab.pid)}


def _resident(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def built(count: int) -> Iterator[Lab]:
    """A lab with all of it built."""
    with lab_for(count) as lab:
        lab.run(rooms.cell(count), changes=False).check()
        yield lab


def events(count: int) -> dict[str, float]:
    """Toggle a link so many times from this process, by a raw socket of the lab: until the kernel's answer, until another raw
    socket of this process has the event (the kernel has put it there before it answers, so no thread has to wake up), until a thread
    that waits at such a socket has it, until a callback of ``lab.events`` has it. Medians, from the request on."""
    seen, times = threading.Semaphore(0), [0.0]

    def hear(changes: tuple[Change, ...]) -> None:
        if any(each.table == "links" and each.new.ifindex == 1000 for each in changes):
            times[0] = time.perf_counter()
            seen.release()

    def wait_at(raw: socket.socket) -> None:
        while data := raw.recv(65536):
            if struct.unpack_from("=HHIIBxHi", data, 4)[-1] == 1000:
                times[0] = time.perf_counter()
                seen.release()
            if over.is_set():
                return

    with Lab() as lab:
        lab.run("ip link add v0 index 1000 type veth peer name v1").check()
        raw, asking = (lab.socket("host", socket.AF_NETLINK, socket.SOCK_RAW, 0) for _ in range(2))
        raw.bind((0, 1))
        spent: dict[str, list[float]] = {"acknowledged": [], "raw": [], "thread": [], "ours": []}
        states = itertools.cycle((1, 0))

        def toggle() -> float:
            message = struct.pack("=IHHIIBxHiII", 32, 16, 5, 1, 0, 0, 0, 1000, next(states), 1)
            began = time.perf_counter()
            asking.send(message)
            asking.recv(4096)
            return began

        for turn in range(12):
            listener = ("raw", "thread", "ours")[turn % 3]
            over = threading.Event()
            listening = lab.events(hear) if listener == "ours" else None
            waiting = threading.Thread(target=wait_at, args=(raw,)) if listener == "thread" else None
            if waiting is not None:
                waiting.start()
            for _ in range(count // 4):
                began = toggle()
                spent["acknowledged"].append(time.perf_counter() - began)
                if listener == "raw":
                    while struct.unpack_from("=HHIIBxHi", raw.recv(65536), 4)[-1] != 1000:
                        continue
                    spent["raw"].append(time.perf_counter() - began)
                else:
                    seen.acquire()
                    spent[listener].append(times[0] - began)
                time.sleep(0.002)  # what follows from it is not to be measured with the next
                while seen.acquire(blocking=False):
                    continue
                if listener != "thread":
                    with contextlib.suppress(BlockingIOError):
                        while raw.recv(65536, socket.MSG_DONTWAIT):
                            continue
            if listening is not None:
                listening.close()
            if waiting is not None:
                over.set()
                toggle()
                waiting.join()
                while seen.acquire(blocking=False):
                    continue
    return {name: statistics.median(values) for name, values in spent.items()}


_WHAT: dict[str, Any] = {"build": build, "quiet": quiet, "described": described, "memory": memory, "events": events}


if __name__ == "__main__":
    print(json.dumps(_WHAT[sys.argv[1]](int(sys.argv[2]))))
