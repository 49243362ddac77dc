#!/usr/bin/env -S python3 -I -S
"""``modprobe`` for the guest of the kind ``vm``, where the machine has none: a container's image seldom has the package kmod.

``modprobe.py FOLDER [-q] [-a] [--] NAME…`` loads the modules of those names or aliases from ``FOLDER`` (``…/modules/RELEASE``), each after those that it
depends on, as ``modules.alias`` and ``modules.dep`` say (modprobe(8)). The kernel calls it by itself when a module is wanted
(``call_modprobe`` in kernel/module/kmod.c). Standard library only.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import sys
from collections.abc import Iterator, Sequence

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from nsmagic import syscalls as sys_


def main(argv: Sequence[str]) -> int:
    """Exit status 1, with a line for each, when one could not be loaded."""
    folder, *words = argv
    refused = load(folder, [word for word in words if not word.startswith("-")])
    if "-q" not in words:
        for line in refused:
            print(f"modprobe: {line}", file=sys.stderr)
    return 1 if refused else 0


def load(folder: str, names: Sequence[str]) -> list[str]:
    """Load what each name or alias means, and what that needs; what is loaded or built in already is no error. What could not be
    loaded, in words."""
    built_in = {_plain(_stem(line)) for line in _lines(f"{folder}/modules.builtin")}
    depends = {
        _plain(_stem(file)): (file, needs.split())
        for file, _, needs in (line.partition(":") for line in _lines(f"{folder}/modules.dep"))
    }
    loaded: set[str] = set()  # to be told by the kernel that it has one takes as long as a large one does
    refused = []
    for name in names:
        wanted = _plain(name)
        if wanted in built_in:
            continue
        found = [wanted] if wanted in depends else list(_aliased(folder, name, wanted))
        try:
            if not found:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            for each in found:
                file, needs = depends[each]
                # The list has the nearest first.
                for path in (*reversed(needs), file):
                    if path not in loaded:
                        _insert(f"{folder}/{path}")
                        loaded.add(path)
        except OSError as error:
            refused.append(f"{name}: {error.strerror}")
    return refused


def _aliased(folder: str, name: str, wanted: str) -> Iterator[str]:
    for line in _lines(f"{folder}/modules.alias"):
        _, pattern, module = line.split(maxsplit=2)
        if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(wanted, _plain(pattern)):
            yield _plain(module)


def _insert(path: str) -> None:
    with open(path, "rb") as file:
        try:
            sys_.load_module(_unpacked(path, file.read()))
        except FileExistsError:
            return  # loaded already


def _unpacked(path: str, data: bytes) -> bytes:
    if path.endswith(".xz"):
        import lzma

        return lzma.decompress(data)
    if path.endswith(".gz"):
        import gzip

        return gzip.decompress(data)
    return data


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return [line.strip() for line in file if line.strip() and not line.startswith("#")]
    except FileNotFoundError:
        return []


def _stem(file: str) -> str:
    return os.path.basename(file).partition(".ko")[0]


def _plain(name: str) -> str:
    """In names of modules a dash is an underscore."""
    return name.replace("-", "_")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
