"""Read a lab from inside as other tools do: ``python readers.py WAY``, run as a program of the lab; one line of JSON.

Standard library, pandas and pyroute2 alone: the lab shows this file and the Python that runs it, not the repository.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

_TABLES = {
    "links": ["-d", "link"],
    "addrs": ["addr"],
    "routes": ["route", "show", "table", "all"],
    "neighbours": ["neigh"],
}


def _names() -> list[str]:
    return sorted(os.listdir("/run/netns"))


def _asked() -> dict[str, list[Any]]:
    """``ip -j -n NS`` for each table of each namespace, parsed."""
    found: dict[str, list[Any]] = {table: [] for table in _TABLES}
    for ns in ["", *_names()]:
        where = ["-n", ns] if ns else []
        for table, words in _TABLES.items():
            done = subprocess.run(["ip", "-j", *where, *words], capture_output=True, check=True)
            found[table] += [{"ns": ns or "host", **row} for row in json.loads(done.stdout or b"[]")]
    return found


def _at_once() -> dict[str, list[Any]]:
    """``ip -all netns exec ip -j``: one command for a table of all named namespaces, without the host."""
    found: dict[str, list[Any]] = {}
    for table, words in _TABLES.items():
        done = subprocess.run(
            ["ip", "-all", "netns", "exec", "ip", "-j", *words], capture_output=True, check=True, text=True
        )
        rows, ns = [], ""
        for line in done.stdout.splitlines():
            if line.startswith("netns: "):
                ns = line[7:]
            elif line.strip():
                rows += [{"ns": ns, **row} for row in json.loads(line)]
        found[table] = rows
    return found


def _frames() -> dict[str, Any]:
    import pandas as pd

    return {table: pd.DataFrame(rows) for table, rows in _asked().items()}


def _pyroute2() -> dict[str, Any]:
    from pyroute2 import IPRoute, NetNS

    found: dict[str, list[Any]] = {table: [] for table in _TABLES}
    for ns in ["", *_names()]:
        with NetNS(ns) if ns else IPRoute() as route:
            found["links"] += route.get_links()
            found["addrs"] += route.get_addr()
            found["routes"] += route.get_routes()
            found["neighbours"] += route.get_neighbours()
    return found


def _plotnetcfg() -> dict[str, Any]:
    done = subprocess.run(["./plotnetcfg", "-f", "json"], capture_output=True, check=True)
    return {"links": json.loads(done.stdout)}


_WAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "json": _asked, "frames": _frames, "at once": _at_once, "pyroute2": _pyroute2, "plotnetcfg": _plotnetcfg,
}  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "frames":
        import pandas  # noqa: F401 (loaded before the clock starts)
    if sys.argv[1] == "pyroute2":
        import pyroute2  # noqa: F401
    began = time.perf_counter()
    rows = _WAYS[sys.argv[1]]()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, **{table: len(found) for table, found in rows.items()}}))
