"""New network namespaces: made when they are asked for, or, of many, a few in advance."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
from collections.abc import Callable, Iterator, Sequence

from nsmagic import syscalls as sys_
from nsmagic.agent.nursery import Nursery
from nsmagic.errors import LimitReached
from nsmagic.netlink.follow import Ready
from nsmagic.netlink.monitor import Monitor
from nsmagic.sentences import say

#: Seconds that the kernel may take to free a namespace.
_FREEING = 2.0
#: Fewer namespaces than this are made one by one, when they are asked for.
_MANY = 32


class Maker:
    """Makes namespaces that nobody has a name for yet."""

    def __init__(self, monitor: Monitor, home: int, prepare: Sequence[Callable[[bool], object]]) -> None:
        self.monitor = monitor
        self.home = home
        self._prepare = list(prepare)
        self._freed = float("-inf")  # when a namespace was given up last
        #: Many are made in a row: the folder need not be looked after each time.
        self.many = False
        self._nursery: Nursery | None = None
        self._more = False

    def make(self) -> int:
        """A new network namespace, not entered: its descriptor."""
        try:
            self._unshare()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise LimitReached(
                    "Failed to create a new network namespace: No space left on device",
                    limit="namespaces",
                    hint=say("limit-namespaces"),
                ) from None
            raise
        try:
            for write in self._prepare:
                write(False)
            return sys_.current_netns()
        finally:
            sys_.setns(self.home, sys_.CLONE_NEWNET)

    def _unshare(self) -> None:
        """Make a namespace and be in it. One that was deleted a moment ago counts until the kernel's work queue has freed it,
        which it tells nobody: then it is tried again for a while."""
        while True:
            try:
                return sys_.unshare(sys_.CLONE_NEWNET)
            except OSError as error:
                if error.errno != errno.ENOSPC or time.monotonic() > self._freed + _FREEING:
                    raise
            select.poll().poll(5)

    def _born(self) -> tuple[int, Ready | None]:
        """A new network namespace, not entered: its descriptor, and what was got ready of it in advance."""
        newborn = self._nursery.take() if self._nursery is not None else None
        if newborn is None:
            return self.make(), None
        if self._prepare:
            with self.inside(newborn.fd):
                for write in self._prepare:
                    write(False)
        return newborn

    @contextlib.contextmanager
    def in_advance(self, count: int, expected: int, *, more: bool) -> Iterator[None]:
        """So many will be made now at most, and ``expected`` in all, with what follows (``more``: something does): a few are made in
        advance, beside other work. 0: each when it is asked for, since settings that it takes may change meanwhile. Of few it is not
        worth it, nor on one processor."""
        if not count:
            self.end_nursery()
        elif self._nursery is None and expected >= _MANY and len(os.sched_getaffinity(0)) > 1:
            with contextlib.suppress(OSError):  # there may be no more processes
                self._nursery = Nursery(self.home, self.monitor.hidden)
        if self._nursery is not None:
            self._nursery.want(count)
        self.many = True
        try:
            yield
        finally:
            self.many, self._more = False, more

    def rest(self) -> None:
        """Nothing is to be done; if more was announced, it is on its way."""
        if not self._more:
            self.end_nursery()
        self._more = False

    def end_nursery(self) -> None:
        """None are made in advance any more."""
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()

    @contextlib.contextmanager
    def inside(self, fd: int) -> Iterator[None]:
        """Be in a namespace for a moment."""
        sys_.setns(fd, sys_.CLONE_NEWNET)
        try:
            yield
        finally:
            sys_.setns(self.home, sys_.CLONE_NEWNET)
