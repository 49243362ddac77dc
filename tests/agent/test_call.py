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

    def send(
        self,
        channel: protocol.Channel,
        message: protocol.Message,
        fds: Sequence[int] = (),
        first: protocol.Message | None = None,
    ) -> None:
        self.sent += [message] if first is None else [first, message]

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


def test_the_last_part_goes_with_the_last_word() -> None:
    """Before it, and at once: who waits for the answer wakes up once."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        protocol.Channel(here).send({"id": 1, "done": None}, first={"id": 1, "item": ["a"]})
        read = protocol.Channel(there).receive()
    assert read is not None
    assert [message for message, _ in read] == [{"id": 1, "item": ["a"]}, {"id": 1, "done": None}]
    answers = _Answers()
    call = Call(answers, protocol.Channel(fd=-1), 7)
    call.done("end", item="last")
    call.done("never")
    assert answers.sent == [{"id": 7, "item": "last"}, {"id": 7, "done": "end"}]
