"""From ``Lab(sandbox="vm")`` to its first reply, beside a bare boot of the same kernel; and the memory of the whole lab.

``python -m tests.benchmarks.vm_boot [ROUNDS]``. The bare boot is User Mode Linux as its manual starts it, to the first byte that a shell as
init writes on a serial line; and once more with the options that we boot with, which leave out what measures the machine. Rounds alternate,
so that a busy machine is as busy for each. The bar is a ratio of 1.5 to the bare boot.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from nsmagic import Lab
from nsmagic import syscalls as sys_
from nsmagic.agent import retouch
from nsmagic.agent import vm as agent_vm
from nsmagic.sandbox import vm

BAR = 1.5
_SYS_KCMP, _KCMP_VM = 312, 1


def bare(kernel: str, folder: str, options: tuple[str, ...]) -> float:
    """Seconds to the first byte of a boot."""
    ours, theirs = socket.socketpair()
    fd = theirs.fileno()
    words = [
        kernel, "mem=256M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "uml_dir=/dev/null/", "con=null", "con0=null,fd:2",
        f"ssl0=fd:{fd},fd:{fd}", *options, "init=/bin/sh", "--", "-c", '"echo r >/dev/ttyS0; read x"',
    ]  # fmt: skip
    begun = time.monotonic()
    process = subprocess.Popen(
        words, pass_fds=(fd,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env={"HOME": "/", "TMPDIR": folder, "PATH": "/usr/bin:/bin"}, preexec_fn=sys_.be_traced,
    )  # fmt: skip
    try:
        retouch.when_it_begins(process.pid, kernel)  # without which it does not boot on a processor with AMX
        ours.settimeout(60)
        ours.recv(1)
        return time.monotonic() - begun
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        ours.close()
        theirs.close()


def lab(folder: str) -> tuple[float, float]:
    """Seconds to the first reply, and the memory of all its processes in MiB, counted once where they share it."""
    begun = time.monotonic()
    with Lab(sandbox="vm", folder=folder) as made:
        made.client.request("hello", version=1)
        seconds = time.monotonic() - begun
        return seconds, memory(made.pid)


def memory(root: int) -> float:
    """The PSS of a process and all below it. The kernel is several processes with one memory, which counts once."""
    found: dict[int, int] = {}
    front = [root]
    while front:
        pid = front.pop()
        if not any(same_memory(pid, other) for other in found):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found[pid] = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        for task in os.listdir(f"/proc/{pid}/task"):
            front += [int(each) for each in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return sum(found.values()) / 1024


def same_memory(one: int, other: int) -> bool:
    """``kcmp(2)``; their figures do not tell, as they are read one after the other."""
    return ctypes.CDLL(None).syscall(_SYS_KCMP, one, other, _KCMP_VM, 0, 0) == 0


def main(rounds: int) -> int:
    found = vm.find()
    assert found is not None, "no User Mode Linux here: nsmagic vm install"
    folder = agent_vm.memory_folder(["/dev/shm", "/tmp"], 256 << 20)
    times: dict[str, list[float]] = {"bare boot": [], "bare boot, our options": [], "lab": []}
    sizes = []
    for _ in range(rounds):
        times["bare boot"].append(bare(found[0], folder, ("quiet",)))
        times["bare boot, our options"].append(bare(found[0], folder, agent_vm.QUICK))
        seconds, size = lab("/tmp")
        times["lab"].append(seconds)
        sizes.append(size)
    for name, each in times.items():
        print(
            f"{name:<24} median {statistics.median(each):.2f} s   ({min(each):.2f} to {max(each):.2f}, {rounds} rounds)"
        )
    ratio = statistics.median(times["lab"]) / statistics.median(times["bare boot"])
    print(f"lab to bare boot         {ratio:.2f}   (bar {BAR})")
    print(f"memory of the whole lab  {statistics.median(sizes):.0f} MiB   (at most {max(sizes):.0f})")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["10"])[0])))
