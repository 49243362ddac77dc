"""Hearing from Python what changes in a lab, as it changes: a callback in a thread of its own.

The agent takes in the kernel's netlink events of all namespaces and sends what each batch of them changed; nothing is polled.
Who draws pictures wants fewer and larger notices (``Lab.watch``); this is for a program that reacts: a test that waits for a
carrier, a logger, a little routing daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from nsmagic.agent.client import Client
from nsmagic.errors import NsmagicError
from nsmagic.model import Change

Heard = Callable[[tuple[Change, ...]], object]


class Events:
    """A callback that hears of one lab until ``close()`` or the lab's end. Made by ``Lab.events``; a context manager.

    ``error`` is what the callback raised, or why the lab ended; the callback is not called after that.
    """

    def __init__(self, client: Client, heard: Heard, states: bool) -> None:
        self._heard = heard
        self._call = client.call("events", states=states)
        self._items = self._call.items()
        next(self._items)  # the agent listens from here on
        self.error: Exception | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._follow, name="nsmagic-events", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            for item in self._items:
                if self._closed:
                    continue
                try:
                    self._heard(tuple(map(Change.from_data, item)))
                except Exception as error:  # noqa: BLE001 - it is the person's own; they find it in .error
                    self.error = error
                    self._closed = True
                    self._call.cancel()
        except NsmagicError as error:
            if not self._closed:
                self.error = error

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
