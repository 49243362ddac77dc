"""The agent's event loop: descriptors, timers, and tasks that yield; one thread, nothing blocks for long.

Not asyncio: pyroute2 0.9 drives its synchronous calls through a private asyncio loop and refuses to when one is running in
the same thread (FACTS.md), so the agent's own loop is a plain ``epoll``.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import select
import time
from collections import deque
from collections.abc import Callable, Iterator

Callback = Callable[[], None]


class Timer:
    """A call to come; ``cancel()`` takes it back."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callback) -> None:
        self.due = due
        self.call: Callback | None = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """Wait for descriptors and timers, and give each task a turn.

    >>> loop = Loop(); seen = []
    >>> _ = loop.later(0, lambda: seen.append("timer"))
    >>> loop.turn(); seen
    ['timer']

    ``on_error`` gets what a callback or a task raises; the loop goes on without it. Without ``on_error`` the exception gets out.
    """

    def __init__(self, on_error: Callable[[Exception], None] | None = None) -> None:
        self.on_error = on_error
        self._poll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._tasks: deque[Iterator[None]] = deque()
        self._count = itertools.count()

    def watch(self, fd: int, read: Callback | None = None, write: Callback | None = None) -> None:
        """Call when the descriptor can be read or written; both None: no longer."""
        known = fd in self._readers or fd in self._writers
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)
        if read is not None:
            self._readers[fd] = read
        if write is not None:
            self._writers[fd] = write
        events = (select.EPOLLIN if read else 0) | (select.EPOLLOUT if write else 0)
        if not events:
            if known:
                self._poll.unregister(fd)
        elif known:
            self._poll.modify(fd, events)
        else:
            self._poll.register(fd, events)

    def later(self, seconds: float, call: Callback) -> Timer:
        """Call once, after so many seconds."""
        timer = Timer(time.monotonic() + seconds, call)
        heapq.heappush(self._timers, (timer.due, next(self._count), timer))
        return timer

    def task(self, steps: Iterator[None]) -> None:
        """Run a generator, one step a turn, so that a long list of commands can be cancelled between two of them."""
        self._tasks.append(steps)

    def turn(self) -> None:
        """Wait for the next thing and do it."""
        timeout = -1.0
        if self._tasks:
            timeout = 0.0
        elif self._timers:
            timeout = max(0.0, self._timers[0][0] - time.monotonic())
        for fd, event in self._poll.poll(timeout):
            # Each may have been given up by a callback before it. Errors and hang-ups concern reader and writer alike.
            if event & ~select.EPOLLOUT and fd in self._readers:
                self._run(self._readers[fd], fd)
            if event & ~select.EPOLLIN and fd in self._writers:
                self._run(self._writers[fd], fd)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            call = heapq.heappop(self._timers)[2].call
            if call is not None:
                self._run(call)
        for _ in range(len(self._tasks)):
            self._run(functools.partial(self._step, self._tasks.popleft()))

    def _step(self, steps: Iterator[None]) -> None:
        if next(steps, False) is None:
            self._tasks.append(steps)

    def _run(self, call: Callback, fd: int | None = None) -> None:
        try:
            call()
        except Exception as error:
            if self.on_error is None:
                raise
            if fd is not None:
                # It would be called again at once, and for ever.
                self.watch(fd)
            self.on_error(error)
