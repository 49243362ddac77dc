"""One request under way: it can be cancelled at any moment."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from nsmagic.agent import protocol
from nsmagic.agent.call import Call


class _Answers:
    """Keeps what an agent would have sent."""

    def __init__(self) -> None:
        self.sent: list[protocol.Message] = []

    def send(self, channel: protocol.Channel, message: protocol.Message, fds: Sequence[int] = ()) -> None:
        self.sent.append(message)

    def forget(self, call: Call) -> None:
        return


def _call() -> Call:
    here, there = socket.socketpair()
    there.close()
    return Call(_Answers(), protocol.Channel(here), 1)


def test_a_cancel_ends_the_work() -> None:
    call, ended = _call(), list[str]()
    call.on_cancel = lambda: ended.append("job")
    assert not ended
    call.cancel()
    assert ended == ["job"]


def test_a_cancel_before_the_work_has_begun_is_not_lost() -> None:
    """The rules of a firewall are read before a program starts (kind host): a cancel meanwhile ends the program as it starts."""
    call, ended = _call(), list[str]()
    call.cancel()
    call.on_cancel = lambda: ended.append("job")
    assert ended == ["job"]
