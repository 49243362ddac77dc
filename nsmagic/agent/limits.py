"""The limits of a lab: fixed when it starts, inherited by all inside, and not to be raised from inside.

Defaults and reasons are those of FAULTS.md section 3. What bounds the whole lab (namespaces, processes) is set on pid 1 in
its own user namespace and then locked by giving up CAP_SYS_RESOURCE; what bounds one command is set as it starts.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Name in ``Lab(limits=…)`` → (default, hard top). Sizes in bytes, times in seconds.
KNOWN: dict[str, tuple[int, int]] = {
    "processes": (512, 4096),
    "namespaces": (256, 4096),
    "open_files": (1024, 4096),
    "memory": (1 << 30, 16 << 30),
    "file_size": (64 << 20, 1 << 30),
    "cpu_time": (300, 36000),
    "output": (1 << 20, 16 << 20),
    "jobs": (64, 256),
    # Of native commands only: the kernel has no limit for it (``bound.py``).
    "links": (4096, 1 << 16),
    # No bound, as there is none for a lab alone: from so many on it is told that the machine's table fills (``crowd.py``).
    "neighbours": (512, 1 << 20),
    # Of the kind vm only, where it is all there is: of its kernel, of files in memory, and of all processes together.
    "lab_memory": (256 << 20, 16 << 30),
}

#: Limits of one command → the rlimit that holds it.
_OF_COMMANDS = {
    "open_files": "NOFILE", "memory": "AS", "file_size": "FSIZE", "cpu_time": "CPU", "processes": "NPROC",
}  # fmt: skip
#: So many processes more may the agent start than commands may: when those have used theirs up, a cell can still look
#: around and end them.
_RESERVE = 32
#: No cgroup namespace: in one, the machine's cgroups can be mounted, and one made there would outlive the lab.
_OTHER_NAMESPACES = {"user": 8, "pid": 64, "mnt": 4096, "uts": 64, "ipc": 64, "cgroup": 0, "time": 8}


def complete(wanted: Mapping[str, int]) -> dict[str, int]:
    """The limits in force: defaults, what was asked for, at most the hard top.

    >>> complete({"namespaces": 1000})["namespaces"], complete({})["jobs"]
    (1000, 64)

    Raises
    ------
    ValueError
        An unknown name or a number that is no limit.
    """
    for name, value in wanted.items():
        if name not in KNOWN:
            raise ValueError(f"there is no limit {name!r}; there are {', '.join(KNOWN)}")
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"limit {name} must be a number of at least 1, not {value!r}")
    return {name: min(wanted.get(name, default), top) for name, (default, top) in KNOWN.items()}


def enforce(wanted: Mapping[str, int], kind: str, missing: list[str]) -> dict[str, int]:
    """Put the limits of the whole lab in force and lock them; what cannot be is added to ``missing`` in words."""
    # Both are Linux's own, and the notebook's side reads this module on any system.
    import resource

    from nsmagic import syscalls as sys_

    bounds = complete(wanted)
    if kind != "vm":
        del bounds["lab_memory"]
    if kind == "host":
        return bounds
    # The hidden namespace of the monitor and the lab's root come on top.
    counts = {"net": bounds["namespaces"] + 2, **_OTHER_NAMESPACES}
    unset: dict[str, list[str]] = {}
    for name, value in counts.items():
        try:
            with open(f"/proc/sys/user/max_{name}_namespaces", "w") as file:
                file.write(str(value))
        except OSError as error:
            unset.setdefault(error.strerror or str(error), []).append(name)
    missing += [f"limits of namespaces ({', '.join(names)}): {why}" for why, names in unset.items()]
    bound(resource.RLIMIT_NPROC, bounds["processes"] + _RESERVE)
    sys_.drop_capability(sys_.CAP_SYS_RESOURCE)
    sys_.prctl(sys_.PR_SET_NO_NEW_PRIVS, 1)
    return bounds


def bound(number: int, value: int) -> None:
    """Set a limit of this process for good; where the user's own is lower already, that stays."""
    import resource

    hard = resource.getrlimit(number)[1]
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    if number == resource.RLIMIT_CPU:
        # The signal of the soft limit says why it ended; SIGKILL, that of the hard one, would not.
        resource.setrlimit(number, (most, most + 5 if hard == resource.RLIM_INFINITY else min(most + 5, hard)))
        return
    resource.setrlimit(number, (most, most))


def of_commands(bounds: Mapping[str, int]) -> dict[str, int]:
    """The rlimits of one command, by rlimit name."""
    return {rlimit: bounds[name] for name, rlimit in _OF_COMMANDS.items()}
