"""What ``%lab status`` says, in words: made from the agent's answer, for the notebook and the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UNITS = {"lab_memory": 1 << 20, "memory": 1 << 20, "file_size": 1 << 20, "output": 1 << 10}
_NAMES = {
    "processes": "processes",
    "namespaces": "network namespaces",
    "open_files": "open files of one command",
    "memory": "memory of one command, MiB",
    "file_size": "size of one file, MiB",
    "cpu_time": "CPU time of one command, s",
    "output": "output of one command, KiB",
    "jobs": "background jobs",
    "links": "links",
    "neighbours": "neighbours, told of from",
    "lab_memory": "memory of the whole lab, MiB",
}


def describe(status: Mapping[str, Any]) -> str:
    """The lines of ``%lab status``.

    >>> print(describe({"kind": "rootless", "lab": "ab", "seed": 0, "limits": {"jobs": 64}, "missing": [],
    ...     "namespaces": ["red"], "jobs": [], "processes": []}), end="")
    sandbox     rootless (seed 0)
    namespaces  1: red
    processes   0
    limits      background jobs 64
    """
    names = list(status["namespaces"])
    lines = [
        ("sandbox", f"{status['kind']} (seed {status['seed']})"),
        (
            "namespaces",
            f"{len(names)}" + (f": {', '.join(names[:20])}{' …' if len(names) > 20 else ''}" if names else ""),
        ),
        ("processes", str(len(status["processes"]))),
    ]
    for job in status["jobs"]:
        state = "runs" if job["running"] else f"ended with status {job['status']}"
        lines.append((f"job {job['job']}", f"in {job['ns']}: {job['command']}   ({state})"))
    lines += [("missing", words) for words in status["missing"]]
    limits = [f"{_NAMES[name]} {value // _UNITS.get(name, 1)}" for name, value in status["limits"].items()]
    lines.append(("limits", "; ".join(limits)))
    return "".join(f"{name:<12}{words}\n" for name, words in lines)
