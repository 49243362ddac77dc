"""What is changed in the memory of a running User Mode Linux, a process of ours, and never in its file.

Both are places where the kernel of a distribution does not suit the machine or its programs. Each is found by what stands there; where it
does not stand there (another version, another compiler), nothing is changed. Standard library only.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import struct

from nsmagic import syscalls as sys_

#: ``iov_len = HOST_FP_SIZE`` and then ``ptrace(PTRACE_SETREGSET, …``, as machine code: the first group is that size.
_RESTORES = re.compile(rb"\xc7[\x44\x45].{1,2}(\x88\x0a\0\0).{0,24}?\xbf\x05\x42\0\0", re.DOTALL)
_HOST_FP_SIZE = 2696
_NT_X86_XSTATE = 0x202


def when_it_begins(pid: int, kernel: str) -> bool:
    """A child that let itself be traced begins to run this kernel: make it ready for this processor, and let it go.

    Linux wants the registers of a traced process whole (``xstateregs_set`` in arch/x86/kernel/fpu/regset.c), and with AMX they are 11,008
    bytes. User Mode Linux before 6.13 knows 2,696 of them, of which it restores as many: EFAULT, and its init dies of a signal 11. So it
    is made to hand over as many bytes as the machine wants. What lies behind its own is never looked at: the header of what it saved
    says which registers are there, and a process that has not asked for AMX has none of those.

    Returns
    -------
    bool
        Whether it is ready. Not so where the place was not found: then it is of 6.13 or later, or its init dies.
    """
    if os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code != os.CLD_TRAPPED:  # type: ignore[union-attr]
        return True  # it has ended, which is told elsewhere
    os.waitpid(pid, 0)
    try:
        with contextlib.suppress(OSError):  # no such registers: another kind of processor
            size = sys_.size_of_registers(pid, _NT_X86_XSTATE)
            if size > _HOST_FP_SIZE:
                return _restore_so_many(pid, kernel, size)
        return True
    finally:
        sys_.stop_tracing(pid)


def _restore_so_many(pid: int, kernel: str, size: int) -> bool:
    with _image(kernel) as image:
        found = list(_RESTORES.finditer(image))
        address = _address_of(image, found[0].start(1)) if len(found) == 1 else 0
    return _change(pid, address, struct.pack("<I", _HOST_FP_SIZE), struct.pack("<I", size))


def name_a_core(pid: int, kernel: str) -> None:
    """Let the guest's /proc/cpuinfo have a line ``core id``, in place of one that says ``mode``.

    Without one ps of procps 4.0.2 (Debian 12) finds no boot time and stops in mid line. The text is a constant of the kernel
    (``show_cpuinfo`` in arch/um/kernel/um_arch.c).

    Raises
    ------
    OSError
        The machine does not let us write there.
    """
    old, new = b"mode\t\t: skas\n\0", b"core id\t: 00\n\0"
    with _image(kernel) as image:
        offset = image.find(old)
        address = _address_of(image, offset) if offset >= 0 else 0
    _change(pid, address, old, new)


def _image(kernel: str) -> mmap.mmap:
    with open(kernel, "rb") as file:
        return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)


def _change(pid: int, address: int, old: bytes, new: bytes) -> bool:
    if not address:
        return False
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        if memory.read(len(old)) != old:
            return False
        memory.seek(address)
        memory.write(new)
        return True


def _address_of(image: mmap.mmap, offset: int) -> int:
    """Where a byte of a 64-bit program file that is not relocated lies in memory; 0: nowhere."""
    (kind,) = struct.unpack_from("<H", image, 16)
    if image[:5] != b"\x7fELF\x02" or kind != 2:  # ET_EXEC
        return 0
    (start,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for at in range(start, start + size * count, size):
        what, _, first, address, _, length = struct.unpack_from("<IIQQQQ", image, at)
        if what == 1 and first <= offset < first + length:  # PT_LOAD
            return int(address + offset - first)
    return 0
