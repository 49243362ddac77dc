"""Hearing from Python what changes in a lab, as it changes: a callback in a thread of its own.

The agent takes in the kernel's netlink events of all namespaces and sends what each batch of them changed; nothing is polled.
Where this process shares the lab's kernel, the thread also has a socket that hears the same events: a link that goes up or
down is told from there at once, in a third of the time that the agent's word takes (``netlink/early.py``).
Who draws pictures wants fewer and larger notices (``Lab.watch``); this is for a program that reacts: a test that waits for a
carrier, a logger, a little routing daemon.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable

from nsmagic.agent.client import Call, Client
from nsmagic.errors import NsmagicError
from nsmagic.framed import MachineSocket
from nsmagic.model import Change
from nsmagic.netlink.early import Early
from nsmagic.netlink.hidden import waiting

Heard = Callable[[tuple[Change, ...]], object]


#: Seconds from one time that the agent is asked whether it has told of all events to the next at least; and from an event that it has to
#: tell of to the first time, unless it tells something sooner.
_BETWEEN = 0.002


class Events:
    """A callback that hears of one lab until ``close()`` or the lab's end. Made by ``Lab.events``; a context manager.

    ``error`` is what the callback raised, or why the lab ended; the callback is not called after that. ``track`` is told of a
    socket that lives in the lab.
    """

    def __init__(self, client: Client, heard: Heard, states: bool, track: Callable[[socket.socket], object]) -> None:
        self._heard, self._client = heard, client
        self._early = Early(states)
        self._socket: socket.socket | None = None
        self._number = -1
        self._buffer = bytearray(1 << 16)
        self._asked: Call | None = None  # whether the agent has caught up
        self._asked_last = self._ask_at = 0.0  # when it was, and may be next
        self._late = False  # events have come since it was asked
        self.error: Exception | None = None
        self._closed = False
        self._bell = Bell()
        self._poll = select.poll()
        self._poll.register(self._bell.number, select.POLLIN)
        self._call = client.call("events", states=states, early=client.carries_fds)
        self._items = self._call.items()
        self._early.knows(next(self._items).get("links", ()))  # the agent listens from here on
        if self._call.fds:
            self._number = self._call.fds[0]
            self._socket = MachineSocket(fileno=self._number)
            track(self._socket)
            self._poll.register(self._number, select.POLLIN)
        self._call.woken = self._bell.ring
        self._thread = threading.Thread(target=self._follow, name="nsmagic-events", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            while self._take():
                if not self._early.waits or self._asked is not None or self._socket is None or self._closed:
                    self._poll.poll()
                elif (left := self._ask_at - time.monotonic()) <= 0 or not self._poll.poll(left * 1000):
                    self._ask()
        except NsmagicError as error:
            if not self._closed:
                self.error = error
        finally:
            self._bell.close()
            if self._socket is not None:
                self._socket.close()

    def _ask(self) -> None:
        """Ask the agent whether it has told of all events."""
        self._late = False
        self._asked_last = time.monotonic()
        self._asked = self._client.call("caught_up")
        self._asked.woken = self._bell.ring
        self._bell.ring()  # it may have answered before it was told to

    def _take(self) -> bool:
        """Tell what has come, from the kernel and from the agent; False when no more will."""
        self._hear_kernel()
        self._bell.heard()
        # The agent's answers come in order: when this one is there, so is all that it told before.
        asked = self._asked if self._asked is not None and self._asked.ready else None
        while self._call.ready:
            item = next(self._items, None)
            if item is None:
                return False
            self._early.knows(item.get("links", ()))
            self._hear_kernel()  # the agent may have seen more than we had
            self._tell(self._early.relayed(item["changes"], item["facts"] or [None] * len(item["changes"])))
            self._ask_at = self._asked_last + _BETWEEN  # mostly it was that for which we wait
        if asked is not None:
            asked.result()
            self._asked = None
            self._ask_at = self._asked_last + _BETWEEN
            if not self._late:
                self._tell(self._early.caught_up())
        return True

    def _hear_kernel(self) -> None:
        if self._socket is None:
            return
        try:
            for event in waiting(self._socket, self._buffer):
                self._late = True
                waited = self._early.waits
                if event is None:
                    self._early.lost()
                elif change := self._early.event(*event):
                    self._tell((change,))
                if self._early.waits and not waited:
                    self._ask_at = time.monotonic() + _BETWEEN
        except OSError:  # it was closed with the lab
            self._poll.unregister(self._number)
            self._socket = None

    def _tell(self, changes: tuple[Change, ...]) -> None:
        if self._closed or not changes:
            return
        try:
            self._heard(changes)
        except Exception as error:  # noqa: BLE001 - it is the person's own; they find it in .error
            self.error = error
            self._closed = True
            self._call.cancel()

    def close(self, patience: float = 2.0) -> None:
        """Hear no more; waits until a call that is under way has returned, at most ``patience`` seconds. A second time does nothing."""
        if not self._closed:
            self._closed = True
            self._call.cancel()
        if self._thread is not threading.current_thread():
            self._thread.join(patience)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Bell:
    """Wakes a thread that polls: rung by another one, also after the polling thread has gone.

    >>> bell = Bell(); bell.ring(); bell.ring(); bell.heard()
    True
    >>> bell.heard(); bell.close(); bell.ring()
    False
    """

    def __init__(self) -> None:
        self.number = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()

    def ring(self) -> None:
        """Wake it."""
        with self._lock:
            if self.number >= 0:
                os.eventfd_write(self.number, 1)

    def heard(self) -> bool:
        """Whether it was rung since the last time."""
        try:
            return os.eventfd_read(self.number) > 0
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Nobody polls any more."""
        with self._lock:
            os.close(self.number)
            self.number = -1
