"""Cells in live Jupyter kernels, timed as a client sees them: sent → idle again.

Two kernels, each with an empty cell to compare with: in ``ours`` nsmagic is loaded; ``theirs`` runs in a private sandbox whose
namespace ``red`` was made by ``ip``, so that ``!ip`` and ``%%bash`` have something to ask. Both ``red`` hold the same.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.benchmarks import place, rounds
from tests.benchmarks.place import Failed
from tests.benchmarks.rounds import Record, Subject

EMPTY = "pass"
OURS = "%netns red ip link"
OURS_TEXT = "%netns --text red ip link"
BANG = "!ip -n red link"
RAW = "kept raw socket to a DataFrame"
PING = "%netns red ping -c1 10.0.0.1"
PING_BANG = "!ip netns exec red ping -c1 10.0.0.1"
API_PING = "lab.run: ping -c1"
FIRST = "nsmagic, first cell"
APART = "python -I, import pyroute2, unshare"
EXEC_PING = "subprocess: ip netns exec red ping -c1"

#: What both kernels have.
_SETUP = """ip netns add red
ip link add veth-red type veth peer name eth0 netns red
ip addr add 10.0.0.1/24 dev veth-red
ip link set veth-red up
ip -n red link set lo up
ip -n red addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 up
"""

#: In the sandboxed kernel: a netlink socket of red, opened by a thread that enters it, and the least that makes a DataFrame of a dump.
_RAW = """
import ctypes, os, socket, struct, threading, pandas as pd
def _open(made):
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.setns(os.open("/run/netns/red", os.O_RDONLY), 0x40000000) == 0
    made.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
_made = []
_thread = threading.Thread(target=_open, args=(_made,)); _thread.start(); _thread.join()
_STATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")
def red_links():
    sock = _made[0]
    sock.send(struct.pack("=IHHIIBxHiII", 32, 18, 0x301, 1, 0, 0, 0, 0, 0, 0))
    rows = []
    while True:
        data = sock.recv(1 << 17)
        at = 0
        while at < len(data):
            size, kind = struct.unpack_from("=IH", data, at)
            if kind == 3:
                return pd.DataFrame(rows, columns=["ifindex", "flags", "ifname", "mac", "mtu", "operstate", "kind"])
            _, _, index, flags, _ = struct.unpack_from("=BxHiII", data, at + 16)
            row = [index, flags, "", "", 0, "", ""]
            step = at + 32
            while step < at + size:
                length, number = struct.unpack_from("=HH", data, step)
                value = data[step + 4 : step + length]
                if number == 3: row[2] = value[:-1].decode()
                elif number == 1: row[3] = value.hex(":")
                elif number == 4: row[4] = int.from_bytes(value, "little")
                elif number == 16: row[5] = _STATES[value[0]]
                elif number == 18: row[6] = value[4 : struct.unpack_from("=H", value)[0]].rstrip(b"\\0").decode()
                step += length + 3 & ~3
            rows.append(row)
            at += size + 3 & ~3
"""

_BASH = "%%bash\nip -n red link"
_SUBPROCESS = """
def exec_ping():
    import subprocess
    return subprocess.run(["ip", "netns", "exec", "red", "ping", "-c1", "10.0.0.1"], stdout=subprocess.PIPE)
"""


class Kernel:
    """A live kernel and a client of it."""

    def __init__(self, folder: str, *, sandboxed: bool) -> None:
        from jupyter_client.manager import KernelManager

        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self._manager = KernelManager(
            transport="ipc", ip=os.path.join(folder, "k"), connection_file=os.path.join(folder, "kernel.json")
        )
        # A kernel of our own making, whatever is installed under the name python3.
        spec = self._manager.kernel_spec
        assert spec is not None
        spec.argv = place.sandboxed(words) if sandboxed else words
        self._manager.start_kernel(env=place.environment(), cwd=str(place.folder()))
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, source: str, limit: float = 60.0) -> float:
        """Run a cell; seconds until the kernel is idle again.

        Raises
        ------
        Failed
            The cell raised.
        """
        began = time.perf_counter()
        number = self._client.execute(source, store_history=False)
        while True:
            message: dict[str, Any] = self._client.get_iopub_msg(timeout=limit)
            if message["parent_header"].get("msg_id") != number:
                continue
            if message["msg_type"] == "error":
                raise Failed(f"{source.splitlines()[0]}: {message['content']['evalue'][:200]}")
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        spent = time.perf_counter() - began
        self._client.get_shell_msg(timeout=limit)
        return spent

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@contextmanager
def kernel(*, sandboxed: bool = False) -> Iterator[Kernel]:
    """A fresh kernel, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="nsmagic-bench.") as folder:
        running = Kernel(folder, sandboxed=sandboxed)
        try:
            yield running
        finally:
            running.close()


def latency(count: int, say: Callable[[str], None]) -> Record:
    """Round trips of cells. In each round every cell runs once, in another order."""
    with kernel() as ours, kernel(sandboxed=True) as theirs:
        ours.run("%load_ext nsmagic")
        ours.run(f"%%netns\n{_SETUP}")
        ours.run("from nsmagic import Lab\nlab = Lab()")
        ours.run(f"_ = lab.run({_SETUP!r}).check()")
        theirs.run(f"%%bash\nset -e\n{_SETUP}")
        theirs.run(_RAW)
        theirs.run(_SUBPROCESS)
        cells = {
            EMPTY: (ours, EMPTY), f"{EMPTY} (sandboxed kernel)": (theirs, EMPTY), OURS: (ours, OURS), OURS_TEXT: (ours, OURS_TEXT),
            BANG: (theirs, BANG), "x = !ip -n red link": (theirs, "x = !ip -n red link"), "%%bash, ip -n red link": (theirs, _BASH),
            RAW: (theirs, "red_links()"), PING: (ours, PING), PING_BANG: (theirs, PING_BANG),
            API_PING: (ours, "_ = lab.run('ping -c1 10.0.0.1', 'red')"), EXEC_PING: (theirs, "_ = exec_ping()"),
            "!true": (theirs, "!true"),
        }  # fmt: skip
        for where, source in cells.values():
            where.run(source)  # modules are loaded, sockets opened

        def timed(where: Kernel, source: str) -> Callable[[], Mapping[str, float]]:
            return lambda: {"seconds": where.run(source)}

        subjects = [Subject(name, timed(*cell)) for name, cell in cells.items()]
        return rounds.run("cells in a live kernel", subjects, count, say=say)


def over_empty(record: Record) -> dict[str, list[float]]:
    """Each cell's round trip less the median of an empty cell of its kernel, in seconds."""
    theirs = (BANG, "x = !ip -n red link", "%%bash, ip -n red link", RAW, PING_BANG, EXEC_PING, "!true")
    empty = {
        where: statistics.median(record.numbers(name, "seconds"))
        for where, name in ((True, f"{EMPTY} (sandboxed kernel)"), (False, EMPTY))
    }
    return {
        name: [each - empty[name in theirs] for each in record.numbers(name, "seconds")]
        for name in record.values
        if not name.startswith(EMPTY)
    }


def first_cell(count: int, say: Callable[[str], None]) -> Record:
    """The first ``%%netns`` cell of a fresh kernel, and what no lab can do without: a Python, pyroute2, namespaces."""

    def ours() -> Mapping[str, float]:
        with kernel() as fresh:
            loading = fresh.run("%load_ext nsmagic")
            return {"seconds": fresh.run("%%netns\nip netns add red"), "load_ext": loading}

    def apart() -> Mapping[str, float]:
        words = [sys.executable, "-I", "-c", "import pyroute2"]
        began = time.perf_counter()
        subprocess.run(words, check=True)
        middle = time.perf_counter()
        subprocess.run(["unshare", "-Urnmpf", "true"], check=True, env=place.environment())
        return {"seconds": time.perf_counter() - began, "python": middle - began}

    return rounds.run("first cell of a fresh kernel", [Subject(FIRST, ours), Subject(APART, apart)], count, say=say)
