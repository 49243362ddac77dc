"""Is asked by the kernel before a command enters a network namespace, or mounts a /sys, where this machine needs that.

Where a new namespace copies settings from the machine that are no defaults (``defaults.py``), the moment before somebody enters one is
that to put the defaults into it. A script's ``ip netns add red`` is told to nobody; seen later, a setting in red that is the machine's
cannot be told from one that the script's next line made. So the agent is asked at each ``setns`` of a command (a seccomp filter with
``SECCOMP_RET_USER_NOTIF``), looks for new names, and lets the call go on. Whoever sets something in a namespace by its name has to enter it.

Where paths of /sys are masked (in a container), the kernel mounts no other sysfs, and ``ip netns exec`` and ``ip -n`` end there
(``netns_switch`` in iproute2's lib/namespace.c). So a command's mount of a sysfs on /sys is said to have succeeded; there is no /sys then,
as there is none anywhere in such a lab.

A descriptor that brings the questions comes from each command through one socket that all inherit. Where a filter like this cannot
be had, nothing is asked.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import socket
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nsmagic import syscalls as sys_
from nsmagic.agent.loop import Loop

# include/uapi/linux/seccomp.h: struct seccomp_notif is 80 bytes and begins with the id; the answer is id, value, error, flags.
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_QUESTION = struct.Struct("=QIIiIQ6Q")  # id, pid, flags; number of the call, architecture, where it is made, arguments
_ANSWER = struct.Struct("=QqiI")
_GO_ON = 1


class Handover(NamedTuple):
    """What a command's process needs for ``install``: where to send its descriptor, and which calls to ask about."""

    fd: int
    setns: bool
    mount: bool


class Gate:
    """The agent's side.

    Parameters
    ----------
    before
        Called each time that a command is about to enter a network namespace; None: nobody has to know.
    no_sysfs
        No sysfs can be mounted in this lab, and commands shall believe that they did.
    """

    def __init__(self, loop: Loop, before: Callable[[], None] | None, *, no_sysfs: bool = False) -> None:
        self._loop, self._before, self._no_sysfs = loop, before, no_sysfs
        self._arrivals, self._handover = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._arrivals.setblocking(False)
        loop.watch(self._arrivals.fileno(), self._arrived)

    def handover(self) -> Handover:
        """For the processes of commands."""
        return Handover(self._handover.fileno(), self._before is not None, self._no_sysfs)

    def _arrived(self) -> None:
        with contextlib.suppress(BlockingIOError):
            _, ancillary, _, _ = self._arrivals.recvmsg(1, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
            for _, _, data in ancillary:
                numbers = array.array("i")
                numbers.frombytes(data[:4])
                for number in numbers:
                    self._loop.watch(number, lambda number=number: self._asked(number))  # type: ignore[misc]

    def _asked(self, number: int) -> None:
        poller = select.poll()
        poller.register(number, select.POLLIN)
        [(_, event)] = poller.poll(0) or [(number, 0)]
        if not event & select.POLLIN:
            if event:  # nobody is left who could ask
                self._loop.watch(number)
                os.close(number)
            return
        question = bytearray(_QUESTION.size)
        try:
            fcntl.ioctl(number, _RECEIVE, question)
        except OSError:
            return  # who asked has been killed
        asked, pid, _, call, _, _, *arguments = _QUESTION.unpack(question)
        answer = _GO_ON
        try:
            if call == sys_.number_of_mount():
                answer = 0 if _mounts_sys(pid, arguments) else _GO_ON
            elif self._before is not None:
                self._before()
        finally:
            with contextlib.suppress(OSError):
                fcntl.ioctl(number, _SEND, _ANSWER.pack(asked, 0, 0, answer))


def _mounts_sys(pid: int, arguments: Sequence[int]) -> bool:
    """Whether these arguments of ``mount(2)`` in a process put a sysfs on /sys."""
    _, target, fstype, *_ = arguments
    with contextlib.suppress(OSError):  # it has been killed meanwhile
        return all(
            sys_.read_memory(pid, address, len(words)) == words
            for address, words in ((target, b"/sys\0"), (fstype, b"sysfs\0"))
        )
    return False


def install(handover: Handover) -> None:
    """In a process that becomes a command: be asked about, with all that it starts."""
    with contextlib.suppress(OSError):
        number = sys_.notify_of(handover.setns, handover.mount)
        with socket.socket(fileno=os.dup(handover.fd)) as out:
            out.sendmsg([b"g"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [number]))])
        os.close(number)
