"""The child of ``nursery.py``: makes network namespaces until nobody wants any more.

A program of its own, started as ``python -I -S`` with this file, which imports only what is there in a few milliseconds. (Of a copy of
the agent, made by ``fork``, the kernel would copy each page of memory that the agent writes to while both live; that takes longer than
what is saved.) Its arguments are three descriptors: the agent's namespace, a socket in the monitor's hidden one, the connection to the
agent; then the options of a socket, three words each: level, number, value in hexadecimal.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import struct
import sys
from _socket import AF_NETLINK, SCM_RIGHTS, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET, socket

#: How many are to be made, and the number of the first.
ORDER = struct.Struct("=ii")
#: What is said of each: its inode, its number; and what is said when there is none.
SAID = struct.Struct("=Qi")
NONE = b"-"

_CLONE_NEWNET = 0x40000000
_SIOCGSKNS = 0x894C
_RTM_NEWNSID, _NLM_F_REQUEST_ACK = 88, 5
#: ``struct nlmsghdr``, ``struct rtgenmsg``, then NETNSA_FD (3) and NETNSA_NSID (1), each with its size and its value.
_NUMBER = struct.Struct("=IHHII 4x HHi HHi")
_ANSWER = struct.Struct("=IHHIIi")

Options = list[tuple[int, int, bytes]]

_libc = ctypes.CDLL(None, use_errno=True)


def serve(home: int, numbering: socket, channel: socket, options: Options) -> None:
    """Answer each order with what was made, two descriptors of each: as many as wanted, unless the kernel refuses more."""
    while order := channel.recv(ORDER.size):
        count, number = ORDER.unpack(order)
        made: list[tuple[int, socket]] = []
        said = b""
        try:
            while len(made) < count:
                nsfd, sock = _make(home, numbering, number, options)
                made.append((nsfd, sock))
                said += SAID.pack(os.fstat(nsfd).st_ino, number)
                number += 1
        except OSError:
            pass  # a limit, say: the agent makes the next one itself, and is told
        fds = array.array("i", [fd for nsfd, sock in made for fd in (nsfd, sock.fileno())])
        channel.sendmsg([said or NONE], [(SOL_SOCKET, SCM_RIGHTS, fds)] if made else [])
        for nsfd, sock in made:
            os.close(nsfd)
            sock.close()


def _make(home: int, numbering: socket, number: int, options: Options) -> tuple[int, socket]:
    """A descriptor of a new namespace that has this number, and a socket in it like those of the agent's."""
    _check(_libc.setns(home, _CLONE_NEWNET))  # what is new may take settings from where it is made
    _check(_libc.unshare(_CLONE_NEWNET))
    sock = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    for level, option, value in options:
        sock.setsockopt(level, option, value)
    sock.bind((0, 0))
    nsfd: int = fcntl.ioctl(sock, _SIOCGSKNS)
    numbering.send(_NUMBER.pack(_NUMBER.size, _RTM_NEWNSID, _NLM_F_REQUEST_ACK, 1, 0, 8, 3, nsfd, 8, 1, number))
    refused = -_ANSWER.unpack_from(numbering.recv(4096))[-1]
    if refused:
        os.close(nsfd)
        raise OSError(refused, os.strerror(refused))
    return nsfd, sock


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    _home, _numbering, _channel = map(int, sys.argv[1:4])
    _words = sys.argv[4:]
    _options = [
        (int(a), int(b), bytes.fromhex(c)) for a, b, c in zip(_words[::3], _words[1::3], _words[2::3], strict=True)
    ]
    try:
        serve(_home, socket(fileno=_numbering), socket(fileno=_channel), _options)
    finally:
        os._exit(0)  # the agent waits for the end
