"""Who still holds a network namespace of a lab that has ended.

The kernel frees a namespace with the last thing that refers to it: a process in it, an open file of ``/proc/PID/ns/net``, a
socket. What lives in the lab goes with its first process; what a process *outside* holds keeps the namespace, its links and
its addresses, invisibly. So a lab that closes looks for such and names them: this process and those that it started with all
they have open; of any other, what namespace it is in.

A network namespace belongs to the user namespace in which it was made. The lab's has a number (an inode) as long as anything of
it is held, so no other one is mistaken for it (ioctl_ns(2): NS_GET_USERNS, NS_GET_PARENT).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from nsmagic import syscalls as sys_
from nsmagic.sandbox.launch import user_namespace

_NS_GET_USERNS, _NS_GET_PARENT = 0xB701, 0xB702
#: User namespaces within each other: the kernel allows 32.
_DEEPEST = 32


def holders(mark: int) -> list[str]:
    """What holds a network namespace of that lab, in words, as far as it can be seen; empty when nothing does.

    >>> holders(0)
    []
    """
    if not mark:
        return []
    own, ours = os.stat("/proc/self/ns/net").st_ino, _descendants(os.getpid())
    found: dict[str, None] = {}
    for pid in (os.getpid(), *ours):
        if pid != os.getpid() and user_namespace(pid):
            continue  # another lab, whose agent has hundreds of sockets of its own
        who = "this process" if pid == os.getpid() else f"process {pid} ({_name(pid)})"
        for number, what in _descriptors(pid, own, mark):
            found[f"descriptor {number} of {who} ({what})"] = None
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _is_of(f"/proc/{entry}/ns/net", own, mark):
            found[f"process {entry} ({_name(int(entry))}), which is in it"] = None
    return list(found)


def _descriptors(pid: int, own: int, mark: int) -> Iterator[tuple[int, str]]:
    """The descriptors of a process that hold such a namespace."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):  # it has ended, or is another user's
        for entry in os.listdir(folder):
            with contextlib.suppress(OSError):
                target = os.readlink(f"{folder}/{entry}")
                if target.startswith("net:[") and _is_of(f"{folder}/{entry}", own, mark):
                    yield int(entry), "the namespace itself"
                elif target.startswith("socket:[") and _socket_is_of(pid, int(entry), own, mark):
                    yield int(entry), "a socket"


def _is_of(path: str, own: int, mark: int) -> bool:
    """Whether the network namespace at a path of /proc is one of the lab's."""
    try:
        if os.stat(path).st_ino == own:
            return False
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    return _belongs(fd, mark)


def _socket_is_of(pid: int, number: int, own: int, mark: int) -> bool:
    fd = number if pid == os.getpid() else sys_.descriptor_of(pid, number)
    try:
        namespace = sys_.netns_of_socket(fd)
    finally:
        if fd != number or pid != os.getpid():
            os.close(fd)
    if os.fstat(namespace).st_ino == own:
        os.close(namespace)
        return False
    return _belongs(namespace, mark)


def _belongs(fd: int, mark: int) -> bool:
    """Whether a namespace was made in the user namespace ``mark`` or in one inside that; closes the descriptor."""
    request = _NS_GET_USERNS
    for _ in range(_DEEPEST):
        try:
            owner = fcntl.ioctl(fd, request)
        except OSError:
            return False  # EPERM: it belongs to a user namespace around ours
        finally:
            os.close(fd)
        fd, request = owner, _NS_GET_PARENT
        if os.fstat(fd).st_ino == mark:
            os.close(fd)
            return True
    os.close(fd)
    return False


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):  # it has ended
            for task in os.listdir(f"/proc/{each}/task"):
                with contextlib.suppress(OSError), open(f"/proc/{each}/task/{task}/children") as file:
                    found += map(int, file.read().split())
    return found[1:]


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"
