"""A request under way, and what an exception of the agent's becomes for the notebook."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nsmagic.agent import protocol
from nsmagic.errors import LimitReached, NsmagicError
from nsmagic.sentences import say


class Answers(Protocol):
    """What a call needs of the agent."""

    def send(
        self,
        channel: protocol.Channel,
        message: protocol.Message,
        fds: Sequence[int] = (),
        first: protocol.Message | None = None,
    ) -> None: ...

    def forget(self, call: Call) -> None: ...


class Call:
    """One request under way: where its answers go, and how it is cancelled."""

    def __init__(self, agent: Answers, channel: protocol.Channel, number: int) -> None:
        self._agent, self.channel, self.number = agent, channel, number
        self.finished = False
        self.cancelled = False
        self._on_cancel: Callable[[], None] | None = None

    @property
    def on_cancel(self) -> Callable[[], None] | None:
        """What ends the work. Set when it was cancelled already, while it was got ready say, it is called at once."""
        return self._on_cancel

    @on_cancel.setter
    def on_cancel(self, end: Callable[[], None] | None) -> None:
        self._on_cancel = end
        if self.cancelled and end is not None:
            end()

    def item(self, item: Any, fds: Sequence[int] = ()) -> None:
        """A part of the answer."""
        if not self.finished:
            self._agent.send(self.channel, {"id": self.number, "item": item}, fds)

    def done(self, result: Any = None, fds: Sequence[int] = (), *, item: Any = None) -> None:
        """The last word of the answer; ``item`` is the last part, with which it goes: the notebook's thread then wakes up once."""
        if not self.finished:
            self.finished = True
            self._agent.forget(self)
            first = None if item is None else {"id": self.number, "item": item}
            self._agent.send(self.channel, {"id": self.number, "done": result}, fds, first)

    def fail(self, error: NsmagicError) -> None:
        """The last word when it went wrong."""
        if not self.finished:
            self.finished = True
            self._agent.forget(self)
            self._agent.send(self.channel, {"id": self.number, "error": error.to_data()})

    def cancel(self) -> None:
        self.cancelled = True
        if self._on_cancel is not None:
            self._on_cancel()


def told(error: Exception) -> NsmagicError:
    """An exception that nobody expected, as an error for the notebook: a limit of the process, or a bug of ours."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return LimitReached(
            f"the lab has as many open files as it may have ({most}): {error.strerror}",
            limit="open files of the agent",
            hint=say("limit-descriptors"),
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LimitReached(
            f"{error.filename or 'files'}: {error.strerror}",
            limit="files",
            hint=say("limit-files"),
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOMEM, errno.ENOBUFS):
        return LimitReached(f"this machine has no memory left for it: {error.strerror}", limit="memory of the machine")
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    words = f"{type(error).__name__}: {error}"
    if where is not None:
        words += f" ({os.path.basename(where.tb_frame.f_code.co_filename)}:{where.tb_lineno})"
    return NsmagicError(f"internal error in the agent: {words}", hint=say("bug-lab"))
