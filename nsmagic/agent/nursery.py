"""New network namespaces, made by a thread while the agent does something else.

A sixth of the time of a cell that makes hundreds is the kernel's ``unshare(CLONE_NEWNET)``, which the next commands need not wait for when
one has been made in advance. The thread does nothing but that: it moves only itself into what it makes, and hands over descriptors.
It is woken for several at once: each time that two threads of Python meet, one waits for the other, and both wait for a processor.
"""

from __future__ import annotations

import os
import queue
import threading

from nsmagic import syscalls as sys_

#: So many are made in a row, and two rows of them in advance.
_ROW = 4


class Nursery:
    """So many new namespaces, one after another.

    Parameters
    ----------
    home
        A descriptor of the agent's own namespace, in which each is made.
    wanted
        How many there will be at most.

    >>> home = sys_.current_netns()
    >>> nursery = Nursery(home, 0)
    >>> nursery.take() is None
    True
    >>> nursery.close()
    >>> os.close(home)
    """

    def __init__(self, home: int, wanted: int) -> None:
        self._home, self._wanted = home, wanted
        self._room = threading.Semaphore(2)
        self._made: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._taken = 0
        self._ending = self._empty = False
        self._thread = threading.Thread(target=self._make, name="nsmagic-nursery", daemon=True)
        self._thread.start()

    def _make(self) -> None:
        try:
            for number in range(self._wanted):
                if number % _ROW == 0:
                    self._room.acquire()
                if self._ending:
                    break
                # What is new may take settings from where it is made.
                sys_.setns(self._home, sys_.CLONE_NEWNET)
                sys_.unshare(sys_.CLONE_NEWNET)
                self._made.put(sys_.current_netns())
        except OSError:
            return  # a limit, say: who asks next for one makes it himself, and is told
        finally:
            self._made.put(None)

    def take(self) -> int | None:
        """The descriptor of a new namespace, the caller's from now on; None when there are no more."""
        if self._empty:
            return None
        fd = self._made.get()
        self._empty = fd is None
        self._taken += 1
        if self._taken % _ROW == 0:
            self._room.release()
        return fd

    def close(self) -> None:
        """Make no more; what nobody took is let go of."""
        self._ending = True
        self._room.release()
        self._thread.join()
        while not self._empty:
            fd = self.take()
            if fd is not None:
                os.close(fd)
