"""Closes one of the gates that real machines close, then becomes another program.

``gate.py NAME PROGRAM ARGUMENT…``; NAME is ``unshare-EPERM``, ``mount-EACCES`` and so on (a seccomp filter, as container runtimes
put on), or ``max-KIND-namespaces`` (the limit is 0; ``=1``: 1), ``masked-proc`` or ``masked-proc-and-sys`` (as in a container), for
which a user namespace is made first.
Root becomes an ordinary user before, as no gate stands before root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {"unshare": 272, "mount": 165, "sethostname": 170},
    "aarch64": {"unshare": 97, "mount": 40, "sethostname": 161},
    "riscv64": {"unshare": 97, "mount": 40, "sethostname": 161},
}
NEW_USER, NEW_MOUNT = 0x10000000, 0x00020000
PLAIN = 65534

_PROC = (b"/dev/null", b"/proc/interrupts", None, 4096)
MASKED = {"masked-proc": (_PROC,), "masked-proc-and-sys": (_PROC, (b"none", b"/sys/kernel", b"tmpfs", 1))}

libc = ctypes.CDLL(None, use_errno=True)


def refuse(call: str, number: int) -> None:
    """A seccomp filter: this system call fails with this number, all others pass."""
    instructions = [
        struct.pack("=HBBI", 0x20, 0, 0, 0),  # load the call's number
        struct.pack("=HBBI", 0x15, 0, 1, NUMBERS[platform.machine()][call]),
        struct.pack("=HBBI", 0x06, 0, 0, 0x00050000 | number),  # SECCOMP_RET_ERRNO
        struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    ]
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = struct.pack("=HxxxxxxQ", len(instructions), ctypes.addressof(code))
    for arguments in ((38, 1, 0, 0, 0), (22, 2, program, 0, 0)):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def new_user_namespace(more: int = 0) -> None:
    """As ``unshare -r``."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(NEW_USER | more) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w") as file:
            file.write(text)


def main() -> None:
    name, *program = sys.argv[1:]
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(PLAIN, PLAIN, PLAIN)
        os.setresuid(PLAIN, PLAIN, PLAIN)
        libc.prctl(4, 1, 0, 0, 0)
        os.environ["HOME"] = "/nonexistent"
    if name in MASKED:
        new_user_namespace(NEW_MOUNT)
        for what, where, fstype, flags in MASKED[name]:
            if libc.mount(what, where, fstype, flags, None) != 0:
                raise OSError(ctypes.get_errno(), "mount")
    elif name.startswith("max-"):
        new_user_namespace()
        knob, _, most = name.partition("=")
        with open(f"/proc/sys/user/{knob.replace('-', '_')}", "w") as file:
            file.write(most or "0")
    else:
        call, _, word = name.partition("-")
        refuse(call, getattr(errno, word))
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
