"""What commands changed that are done, told after the cell has gone on (``agent/later.py`` is the other end)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from nsmagic.agent.client import Call
from nsmagic.errors import NsmagicError, from_data
from nsmagic.model import Changes

#: Seconds after which the main thread looks whether there was an interrupt (``client.py`` says why).
_LOOKS_UP = 0.2


class Late:
    """The rest of an answer: the changes of the commands with these numbers.

    Parameters
    ----------
    call
        The request; what is still to come of it comes here.
    death
        Makes the error for a lab that has ended before it told all, or that is another process's.
    """

    def __init__(self, call: Call, numbers: Sequence[int], death: Callable[[], NsmagicError]) -> None:
        self._death, self._pid = death, os.getpid()
        self._over = threading.Event()
        self._error: NsmagicError | None = None
        self._moments: dict[int, int] = {}
        self.changes = {number: Changes(None, self.wait) for number in numbers}
        call.hand_over(self._take)

    def moment(self, number: int) -> int:
        """The agent's number for what the lab was like after a command, 0 when it keeps none."""
        return self._moments.get(number, 0)

    @property
    def last_moment(self) -> int:
        """The same after all of them."""
        self.wait()
        return max(self._moments.values(), default=0)

    def wait(self, patience: float | None = None) -> None:
        """Wait until all is told; at most ``patience`` seconds.

        Raises
        ------
        NsmagicError
            The lab has ended before (``LabDied``), or could not read all of it.
        """
        end = None if patience is None else time.monotonic() + patience
        while not self._over.is_set():
            if os.getpid() != self._pid:  # a copy of the process, to which nothing comes
                raise self._death()
            self._over.wait(_LOOKS_UP)
            if end is not None and time.monotonic() > end:
                break
        if self._error is not None:
            raise self._error

    def _take(self, message: dict[str, Any] | None) -> None:
        """A part of the answer, in the reader's thread."""
        if message is not None and "item" in message:
            for item in message["item"]:
                self._moments[item["n"]] = item.get("moment", 0)
                self.changes[item["n"]].become(item.get("changes", ()))
                if "error" in item:  # done all the same; what it changed could not be read
                    self._error = from_data(item["error"])
            return
        if message is None:
            self._error = self._death()
        elif "error" in message:
            self._error = from_data(message["error"])
        self._over.set()
