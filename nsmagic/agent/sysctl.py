"""Kernel parameters of the namespace that this process is in, read and written through /proc/sys as procps does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nsmagic.commands.sysctl import path
from nsmagic.errors import KernelRefused


def read(args: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parameters asked for by name."""
    return [(name, _get(name)) for name in args.get("names", ())]


def write(assignments: Iterable[Sequence[str]]) -> list[tuple[str, str, str]]:
    """Set parameters: ``(name, old, new)`` of each."""
    done = []
    for name, value in assignments:
        old = _get(name)
        try:
            with open("/proc/sys/" + path(name), "w") as file:
                file.write(value)
        except OSError as error:
            raise KernelRefused(
                f'sysctl: setting key "{name}": {error.strerror}', errno=error.errno or 0, kernel=error.strerror or ""
            ) from None
        done.append((name, old, _get(name)))
    return done


def load(files: Iterable[str]) -> list[tuple[str, str, str]]:
    """Set what files of ``name = value`` lines say."""
    done = []
    for name in files:
        with open(name) as file:
            lines = [line.split("#")[0].partition("=") for line in file if "=" in line.split("#")[0]]
        done += write([(left.strip(), right.strip()) for left, _, right in lines])
    return done


def _get(name: str) -> str:
    try:
        with open("/proc/sys/" + path(name)) as file:
            return file.read().rstrip("\n")
    except OSError as error:
        raise KernelRefused(
            f"sysctl: cannot stat /proc/sys/{path(name)}: {error.strerror}", errno=error.errno or 0, kernel=error.strerror or ""
        ) from None
