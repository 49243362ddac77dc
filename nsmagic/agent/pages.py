"""Memory taken in advance, in the virtual machine, where a page that a process touches for the first time is dear.

In User Mode Linux each such page costs a trap: two stops of the traced process and a call of ``mmap`` in it, some 45 µs where an ordinary
kernel takes one. The agent's start touches thousands, and as many again after each fork. Taken by the hundred, in one call, a page costs
less than 4 µs. (Measured with Linux 6.1. MADV_POPULATE_WRITE alone is not enough: that makes them the process's own, but its kernel tells
the machine of them only where something about a whole range changes, as ``mprotect`` does.)

That is so for pages of program files as well: after each start and each fork, every page of Python's own code that runs is a trap.

So the guest's Python runs on the C library's ``malloc`` (``PYTHONMALLOC=malloc``, in ``vm.py``), whose memory is one range that can be
asked for ahead. Where any of this cannot be had, pages come one by one, as ever. Standard library only.
"""

from __future__ import annotations

import ctypes
import mmap

_MADV_POPULATE_READ, _MADV_POPULATE_WRITE = 22, 23
_M_MMAP_THRESHOLD, _M_TOP_PAD, _M_TRIM_THRESHOLD = -3, -2, -1
#: What the guest's Python takes until it makes the lab, and what its agent does until it answers.
FOR_A_START, FOR_AN_AGENT = 2 << 20, 5 << 20
#: The largest that malloc takes.
_MOST = 32 << 20

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.argtypes = [ctypes.c_void_p]
_libc.madvise.argtypes = _libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def grow(size: int) -> None:
    """Let ``malloc`` have so many bytes for what this process will ask it for, which are not given back; ``own`` then makes them ready.

    >>> grow(1 << 20)
    """
    try:
        _libc.mallopt(_M_MMAP_THRESHOLD, _MOST)
        _libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)
        _libc.mallopt(_M_TOP_PAD, 1 << 20)
    except AttributeError:  # not the GNU C library
        return
    _libc.free(_libc.malloc(size))


def own() -> None:
    """Have all the pages that this process reads and runs, and copies of those that it can write: after its start, or after a fork.

    >>> own()
    """
    with open("/proc/self/maps") as file:
        lines = file.read().splitlines()
    for line in lines:
        place, rights, *_ = line.split(None, 2)
        if rights[0] == "r" and rights[3] == "p":
            start, end = (int(each, 16) for each in place.split("-"))
            _take(start, end - start, rights)


def _take(start: int, size: int, rights: str) -> None:
    reads, writes, runs = (
        flag if letter in rights else 0
        for letter, flag in (("r", mmap.PROT_READ), ("w", mmap.PROT_WRITE), ("x", mmap.PROT_EXEC))
    )
    if _libc.madvise(start, size, _MADV_POPULATE_WRITE if writes else _MADV_POPULATE_READ) == 0:
        # A change that takes no right away which this very code needs: it lies in these pages.
        _libc.mprotect(
            start,
            size,
            reads | mmap.PROT_WRITE | runs if runs and not writes else reads | writes | (runs ^ mmap.PROT_EXEC),
        )
        _libc.mprotect(start, size, reads | writes | runs)
