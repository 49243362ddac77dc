"""The system calls that Python's standard library lacks, through ctypes; and the constants that go with them.

Python has ``os.unshare`` and ``os.setns`` only from 3.12 on, and never ``mount``, ``pivot_root``, ``prctl``.
Numbers are those of ``include/uapi/linux/{sched,mount,prctl,capability}.h``. Standard library only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Sequence

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CAP_SYS_RESOURCE = 24

_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_MOUNT_ATTR_RDONLY = 0x1
_SYS_MOUNT_SETATTR = 442  # the same number on every architecture (it came after the tables were unified)
_SYS_PIDFD_GETFD = 438  # likewise
_SYS_PIVOT_ROOT = {
    "x86_64": 155,
    "aarch64": 41,
    "riscv64": 41,
    "ppc64le": 203,
    "s390x": 217,
    "armv7l": 218,
    "i686": 217,
}
_SYS_INIT_MODULE = {"x86_64": 175, "i686": 128}  # where there is User Mode Linux
_SIOCGSKNS = 0x894C
#: Machine → its number in a seccomp filter (``AUDIT_ARCH_*``), and the numbers of setgroups, setns, seccomp and mount.
_CALLS = {
    "x86_64": (0xC000003E, 116, 308, 317, 165),
    "aarch64": (0xC00000B7, 159, 268, 277, 40),
    "riscv64": (0xC00000F3, 159, 268, 277, 40),
    "ppc64le": (0xC0000015, 81, 350, 358, 21),
    "s390x": (0x80000016, 206, 339, 348, 21),
    "armv7l": (0x40000028, 206, 375, 383, 21),
    "i686": (0x40000003, 206, 346, 354, 21),
}
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3
_SECCOMP_RET_ERRNO = 0x00050000
_SECCOMP_RET_USER_NOTIF = 0x7FC00000
_SECCOMP_RET_ALLOW = 0x7FFF0000

_PTRACE_TRACEME, _PTRACE_DETACH, _PTRACE_GETREGSET = 0, 17, 0x4204

_MACHINE = os.uname().machine
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str = "") -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what or None)
    return result


def unshare(flags: int) -> None:
    """``unshare(2)``. In a process with two threads CLONE_NEWUSER is EINVAL."""
    _check(_libc.unshare(ctypes.c_int(flags)))


def setns(fd: int, kind: int = 0) -> None:
    """``setns(2)``: enter the namespace behind a descriptor."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)))


def getsockopt(sock: socket.socket, level: int, option: int, data: bytearray) -> None:
    """``getsockopt(2)`` of an option that is asked with a question: Python's own gives the kernel an empty buffer."""
    size = ctypes.c_uint(len(data))
    buffer = (ctypes.c_char * len(data)).from_buffer(data)
    _check(_libc.getsockopt(sock.fileno(), level, option, buffer, ctypes.byref(size)))


def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "") -> None:
    """``mount(2)``; the error carries the target as its filename."""
    _check(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            fstype.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        ),
        target,
    )


def umount(target: str, flags: int = 0) -> None:
    """``umount2(2)``."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def pivot_root(new: str, old: str) -> None:
    """``pivot_root(2)``."""
    number = _SYS_PIVOT_ROOT.get(_MACHINE)
    if number is None:
        raise OSError(38, f"pivot_root on {_MACHINE}")
    _check(_libc.syscall(ctypes.c_long(number), os.fsencode(new), os.fsencode(old)), new)


def make_readonly(path: str) -> None:
    """Make a mount and everything below it read-only (``mount_setattr(2)``, Linux 5.12); on older kernels only itself."""
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR), _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, attributes, ctypes.c_size_t(32)
    )
    if result == 0:
        return
    # Flags that came from the parent namespace are locked: they must be repeated.
    locked = os.statvfs(path).f_flag & (
        MS_NOSUID | MS_NODEV | MS_NOEXEC | os.ST_NOATIME | os.ST_RELATIME | os.ST_NODIRATIME
    )
    mount("none", path, "", MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def prctl(option: int, value: int = 0) -> int:
    """``prctl(2)`` with one argument; what it answers."""
    return _check(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def bind_packet(fd: int, protocol: int, ifindex: int) -> None:
    """``bind(2)`` of an AF_PACKET socket to an interface by its number; 0: to all of its namespace, for which Python has no way."""
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(protocol), ifindex, 0, 0, 0, b"")
    _check(_libc.bind(ctypes.c_int(fd), address, ctypes.c_uint(len(address))))


def set_hostname(name: str) -> None:
    """``sethostname(2)``: Python's ``socket.sethostname`` without the audit."""
    socket.sethostname(name)


def drop_capability(cap: int) -> None:
    """Take one capability out of the effective, permitted, inheritable and bounding sets of this process."""
    header = struct.pack("=Ii", 0x20080522, 0)
    data = ctypes.create_string_buffer(24)
    _check(_libc.capget(header, data))
    words = list(struct.unpack("=6I", data.raw))
    for at in range(3):
        words[(cap // 32) * 3 + at] &= ~(1 << (cap % 32))
    prctl(PR_CAPBSET_DROP, cap)
    _check(_libc.capset(header, struct.pack("=6I", *words)))


def ignore_setgroups() -> None:
    """Make ``setgroups(2)`` do nothing and succeed, from now on and in all that this process starts.

    The kernel refuses it in a user namespace that a plain user made, where there is only one group anyway; programs that
    begin by giving up their groups (tcpdump) would end there. Wants no_new_privs. On other machines nothing is done.
    """
    if _MACHINE in _CALLS:
        arch, setgroups, _, _, _ = _CALLS[_MACHINE]
        _filter(arch, [setgroups], _SECCOMP_RET_ERRNO, 0)


#: Machine → ``AUDIT_ARCH_*``, the calls that change ids, and those that give a file away with the place of their uid among the arguments.
_GENERIC = ((143, 144, 145, 146, 147, 149), {54: 2, 55: 1})
_OWN_IDS: dict[str, tuple[int, tuple[int, ...], dict[int, int]]] = {
    "x86_64": (0xC000003E, (105, 106, 113, 114, 117, 119), {92: 1, 93: 1, 94: 1, 260: 2}),
    "aarch64": (0xC00000B7, *_GENERIC),
    "riscv64": (0xC00000F3, *_GENERIC),
}
#: Accounts below this number are those of services (``UID_MIN`` of login.defs).
_FIRST_PERSON = 1000


def ignore_other_ids() -> None:
    """Make ``setuid(2)`` and its kin do nothing and succeed, and so ``chown(2)`` to the account of a service, from now on and in all that
    this process starts.

    Where there is one uid, the kernel refuses every other; programs that want to become a service's (tcpdump does) end there. With
    files of its own a lab gives those accounts uid 0; this is for a lab that can mount none. Wants no_new_privs. On other machines
    than these nothing is done.
    """
    if _MACHINE not in _OWN_IDS:
        return
    arch, setters, givers = _OWN_IDS[_MACHINE]
    instructions = [(0x20, 0, 0, 4), (0x15, 1, 0, arch), (0x06, 0, 0, _SECCOMP_RET_ALLOW), (0x20, 0, 0, 0)]
    for call in setters:
        instructions += [(0x15, 0, 1, call), (0x06, 0, 0, _SECCOMP_RET_ERRNO)]
    for call, argument in givers.items():
        instructions += [
            (0x15, 0, 5, call),
            (0x20, 0, 0, 16 + 8 * argument),
            (0x35, 1, 0, _FIRST_PERSON),  # also -1: as it was
            (0x15, 0, 1, 0),
            (0x06, 0, 0, _SECCOMP_RET_ALLOW),
            (0x06, 0, 0, _SECCOMP_RET_ERRNO),
        ]
    _install([*instructions, (0x06, 0, 0, _SECCOMP_RET_ALLOW)], 0)


def keep_hangup_deadly() -> None:
    """Make ``rt_sigaction(SIGHUP, …)`` do nothing and succeed, from now on and in all that this process starts: none of them can
    ignore the hang-up of its terminal. Wants no_new_privs. On other machines than x86_64 nothing is done.
    """
    if _MACHINE == "x86_64":
        _filter(_CALLS["x86_64"][0], [13], _SECCOMP_RET_ERRNO, 0, first=1)


def notify_of(setns: bool, mount: bool) -> int:
    """Have somebody asked before each ``setns(2)``, ``mount(2)`` or both of this process and of all that it starts: the descriptor that
    brings the questions (``seccomp_unotify(2)``). Wants no_new_privs.

    Raises
    ------
    OSError
        The kernel cannot do it, or another one is asked already.
    """
    if _MACHINE not in _CALLS:
        raise OSError(38, f"seccomp on {_MACHINE}")
    arch, _, of_setns, _, of_mount = _CALLS[_MACHINE]
    calls = [number for number, asked in ((of_setns, setns), (of_mount, mount)) if asked]
    number = _filter(arch, calls, _SECCOMP_RET_USER_NOTIF, _SECCOMP_FILTER_FLAG_NEW_LISTENER)
    os.set_inheritable(number, False)
    return number


def number_of_mount() -> int:
    """The number of ``mount(2)`` on this machine; -1 where it is not known."""
    return _CALLS[_MACHINE][4] if _MACHINE in _CALLS else -1


def _filter(arch: int, calls: Sequence[int], action: int, flags: int, first: int | None = None) -> int:
    """Add a seccomp filter that treats a few system calls in its own way, always or with this first argument, and allows all
    others."""
    # Load the low half of the argument; compare it.
    argument = [] if first is None else [(0x20, 0, 0, 16), (0x15, 0, 1, first)]
    instructions = [  # struct sock_filter: code, jump if true, jump if false, value
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 0, 2 + len(calls) + len(argument), arch),
        (0x20, 0, 0, 0),  # load the call's number
        *((0x15, len(calls) - at, 0, call) for at, call in enumerate(calls[:-1], 1)),
        (0x15, 0, 1 + len(argument), calls[-1]),
        *argument,
        (0x06, 0, 0, action),
        (0x06, 0, 0, _SECCOMP_RET_ALLOW),
    ]
    return _install(instructions, flags)


def _install(instructions: Sequence[tuple[int, int, int, int]], flags: int) -> int:
    """Put a filter in force; the descriptor that a listener gets."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
    program = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    number = _CALLS[_MACHINE][3]
    return _check(_libc.syscall(ctypes.c_long(number), _SECCOMP_SET_MODE_FILTER, ctypes.c_uint(flags), program))


def load_module(image: bytes) -> None:
    """``init_module(2)``: put a module into the kernel. EEXIST: it is there."""
    if _MACHINE not in _SYS_INIT_MODULE:
        raise OSError(38, f"init_module on {_MACHINE}")
    number = ctypes.c_long(_SYS_INIT_MODULE[_MACHINE])
    _check(_libc.syscall(number, image, ctypes.c_ulong(len(image)), b""))


def read_memory(pid: int, address: int, size: int) -> bytes:
    """At most so many bytes of another process's memory (``process_vm_readv(2)``), which we might debug."""
    room = ctypes.create_string_buffer(size)
    here, there = (ctypes.c_size_t * 2)(ctypes.addressof(room), size), (ctypes.c_size_t * 2)(address, size)
    none, one = ctypes.c_ulong(0), ctypes.c_ulong(1)
    read = _check(_libc.process_vm_readv(ctypes.c_int(pid), here, one, there, one, none))
    return room.raw[:read]


def be_traced() -> None:
    """``PTRACE_TRACEME``: this process stops when it begins to run another program, and its parent sees it."""
    _check(_libc.ptrace(ctypes.c_long(_PTRACE_TRACEME), ctypes.c_long(0), None, None))


def stop_tracing(pid: int) -> None:
    """``PTRACE_DETACH``: let a traced process that is stopped run on by itself."""
    _check(_libc.ptrace(ctypes.c_long(_PTRACE_DETACH), ctypes.c_long(pid), None, None))


def size_of_registers(pid: int, kind: int) -> int:
    """How many bytes a set of registers (``NT_*``) of a traced process has (``PTRACE_GETREGSET``)."""
    room = ctypes.create_string_buffer(1 << 16)
    where = (ctypes.c_size_t * 2)(ctypes.addressof(room), len(room))  # struct iovec
    _check(_libc.ptrace(ctypes.c_long(_PTRACE_GETREGSET), ctypes.c_long(pid), ctypes.c_long(kind), where))
    return int(where[1])


def current_netns() -> int:
    """A descriptor of the network namespace that this thread is in; needs no /proc (``SIOCGSKNS`` on a socket)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return netns_of_socket(probe.fileno())


def netns_of_socket(fd: int) -> int:
    """A descriptor of the network namespace that a socket lives in; EPERM where we have no say in that."""
    namespace: int = fcntl.ioctl(fd, _SIOCGSKNS)
    os.set_inheritable(namespace, False)
    return namespace


def descriptor_of(pid: int, number: int) -> int:
    """Our own copy of a descriptor of another process (``pidfd_getfd(2)``, Linux 5.6), where we might debug that."""
    process = os.pidfd_open(pid)
    try:
        return _check(_libc.syscall(ctypes.c_long(_SYS_PIDFD_GETFD), process, ctypes.c_int(number), ctypes.c_uint(0)))
    finally:
        os.close(process)
