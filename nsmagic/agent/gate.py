"""Knows before a command enters a network namespace: the moment to put the kernel's defaults into one that a script has just made.

Only where a new namespace copies settings from the machine that are no defaults (``defaults.py``). A script's ``ip netns add red``
is told to nobody; seen later, a setting in red that is the machine's cannot be told from one that the script's next line made. So
the agent is asked by the kernel at each ``setns`` of a command (a seccomp filter with ``SECCOMP_RET_USER_NOTIF``), looks for new names, and
lets the call go on. Whoever sets something in a namespace by its name has to enter it.

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
from collections.abc import Callable

from nsmagic import syscalls as sys_
from nsmagic.agent.loop import Loop

# include/uapi/linux/seccomp.h: struct seccomp_notif is 80 bytes and begins with the id; the answer is id, value, error, flags.
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_QUESTION = 80
_ANSWER = struct.Struct("=QqiI")
_GO_ON = 1


class Gate:
    """The agent's side: calls ``before`` each time that a command is about to enter a network namespace."""

    def __init__(self, loop: Loop, before: Callable[[], None]) -> None:
        self._loop, self._before = loop, before
        self._arrivals, self._handover = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._arrivals.setblocking(False)
        loop.watch(self._arrivals.fileno(), self._arrived)

    def fileno(self) -> int:
        """What a command's process needs for ``install``."""
        return self._handover.fileno()

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
        question = bytearray(_QUESTION)
        try:
            fcntl.ioctl(number, _RECEIVE, question)
        except OSError:
            return  # who asked has been killed
        try:
            self._before()
        finally:
            (asked,) = struct.unpack_from("=Q", question)
            with contextlib.suppress(OSError):
                fcntl.ioctl(number, _SEND, _ANSWER.pack(asked, 0, 0, _GO_ON))


def install(handover: int) -> None:
    """In a process that becomes a command: be asked about, with all that it starts. ``handover`` is ``Gate.fileno()``."""
    with contextlib.suppress(OSError):
        number = sys_.notify_of_setns()
        with socket.socket(fileno=os.dup(handover)) as out:
            out.sendmsg([b"g"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [number]))])
        os.close(number)
