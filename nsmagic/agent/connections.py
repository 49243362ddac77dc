"""Who asks the agent: the notebook, and visitors who come through the lab's door or over a line of a virtual machine.

Reads their requests, has each done by the method ``op_NAME`` of the class that is made of this one, and sends what comes of it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from nsmagic.agent import door, protocol
from nsmagic.agent.call import Call, told
from nsmagic.agent.loop import Loop
from nsmagic.errors import NsmagicError

#: Seconds that a visitor (``nsmagic shell``) may leave its connection unread before it is closed: a stopped one must not
#: hold up the lab.
_VISITOR_PATIENCE = 2.0


class Connections:
    """The connections and the requests under way. ``running`` becomes False when the notebook's own one ends.

    A request is a method ``op_NAME(call, …)``: it returns its result, or None when the result comes later through ``call.done``.
    """

    def __init__(self, loop: Loop, channel: protocol.Channel) -> None:
        self.loop = loop
        self.running = True
        self._main = channel
        self._calls: dict[tuple[int, int], Call] = {}
        self._channels: dict[int, protocol.Channel] = {}
        #: Requests that shall end, and who waits for that.
        self._abandoned: list[tuple[set[Call], Call]] = []
        self._ops: dict[str, Callable[..., Any]] = {
            name[3:]: getattr(self, name) for name in dir(self) if name.startswith("op_")
        }

    def open(self, visits: socket.socket | None) -> None:
        """Serve the notebook from now on, and those whom ``visits`` brings (``door.py``)."""
        self.listen(self._main)
        if visits is not None:
            self.loop.watch(visits.fileno(), lambda: self._let_in(visits))

    def listen(self, channel: protocol.Channel) -> None:
        """Serve the requests of one more connection."""
        self._channels[channel.fileno()] = channel
        self.loop.watch(channel.fileno(), lambda: self._receive(channel))

    def _let_in(self, visits: socket.socket) -> None:
        try:
            visitors = door.receive(visits)
        except BlockingIOError:
            return
        if visitors is None:
            self.loop.watch(visits.fileno())  # the launcher is gone, and so shall we be
            return
        for visitor in visitors:
            if len(self._channels) > door.MOST:
                visitor.close()
            else:
                visitor.setblocking(False)
                self.listen(protocol.Channel(visitor, patience=_VISITOR_PATIENCE))

    def send(
        self,
        channel: protocol.Channel,
        message: protocol.Message,
        fds: Sequence[int] = (),
        first: protocol.Message | None = None,
    ) -> None:
        try:
            channel.send(message, fds, first=first)
        except OSError:
            self._hang_up(channel)

    def forget(self, call: Call) -> None:
        self._calls = {key: known for key, known in self._calls.items() if known is not call}
        if self._abandoned:
            self._look_at_abandoned()

    def _receive(self, channel: protocol.Channel) -> None:
        try:
            arrived = channel.receive()
        except (protocol.ProtocolError, OSError):
            arrived = None
        if arrived is None:
            self._hang_up(channel)
            return
        for message, fds in arrived:
            if self._channels.get(channel.fileno()) is channel:
                self._handle(channel, message, fds)
            else:  # it was hung up on meanwhile, and its number may be another's soon
                for fd in fds:
                    os.close(fd)

    def _hang_up(self, channel: protocol.Channel) -> None:
        if channel is self._main:
            self.running = False
            return
        fd = channel.fileno()
        if self._channels.get(fd) is channel:
            del self._channels[fd]
            self.loop.watch(fd)
            for (owner, _), call in list(self._calls.items()):
                if owner == fd:
                    call.cancel()
            channel.close()

    def _handle(self, channel: protocol.Channel, message: protocol.Message, fds: list[int]) -> None:
        call = Call(self, channel, message["id"])
        for fd in fds:
            os.close(fd)  # no request takes any
        request = {key: value for key, value in message.items() if key not in ("id", "op", "fds")}
        op = self._ops.get(str(message.get("op")))
        if op is None:
            call.fail(NsmagicError(f"the agent knows no request {message.get('op')!r}"))
        elif message["op"] == "left":
            self._left(channel)
        elif message["op"] == "cancel":
            wanted = request.get("target")
            target = self._calls.get((channel.fileno(), wanted)) if isinstance(wanted, int) else None
            if target is not None:
                target.cancel()
        elif (channel.fileno(), call.number) in self._calls:
            # The other one could never be cancelled any more: its number would be this one's.
            call.fail(NsmagicError(f"request {call.number} is under way"))
        else:
            self._calls[(channel.fileno(), call.number)] = call
            self.attempt(call, lambda: op(call, **request))

    def _left(self, channel: protocol.Channel) -> None:
        """A visitor over a line of a virtual machine has gone: what that one asked for ends unheard, then the next may come."""
        for (owner, _), call in list(self._calls.items()):
            if owner == channel.fileno():
                call.cancel()
                call.finished = True
                self.forget(call)
        self.send(channel, {"id": 0, "done": {"left": True}})

    def op_left(self, call: Call) -> None:
        """Handled before this is reached; it stands here to be a known request."""

    def attempt(self, call: Call, what: Callable[[], Any]) -> None:
        """Do something for a call; whatever it raises becomes the call's end, never the agent's."""
        try:
            result = what()
            if result is not None:
                call.done(result)
        except NsmagicError as error:
            call.fail(error)
        except Exception as error:  # noqa: BLE001 - a bug must not end the lab; the notebook shows where it was
            call.fail(told(error))

    def op_cancel(self, call: Call, target: int) -> None:
        """Handled before this is reached; it stands here to be a known request."""

    def op_abandon(self, call: Call, targets: list[int]) -> None:
        """End the requests with these numbers, as far as they are under way; the answer comes when none of them is."""
        owner = call.channel.fileno()
        known = {self._calls[owner, number] for number in targets if (owner, number) in self._calls}
        for each in known:
            each.cancel()
        self._abandoned.append((known, call))
        self._look_at_abandoned()

    def _look_at_abandoned(self) -> None:
        """Answer those who wait for the end of requests that have all ended."""
        ended = [(known, call) for known, call in self._abandoned if all(each.finished for each in known)]
        self._abandoned = [each for each in self._abandoned if each not in ended]
        for _, call in ended:
            call.done({})
