"""The notebook's end of the connection: requests out, answers in, matched by number.

A reader thread owns the socket. With ``recv`` in the main thread one KeyboardInterrupt between header and body would lose the
place in the stream (FAULTS.md 25). A waiting request is a queue that the reader fills, so an interrupt leaves nothing half read.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from nsmagic.agent import protocol
from nsmagic.agent.kept import Kept
from nsmagic.errors import LabDied, LabError, NsmagicError, from_data
from nsmagic.sentences import say

_ENDED = object()
#: Seconds after which the main thread looks whether there was an interrupt.
_LOOKS_UP = 0.2
#: Requests that are answered with a descriptor → what brings it: the last word, or the first part that has one.
_WITH_DESCRIPTORS = {"socket": "done", "events": "item"}


def _may_be_large(request: Mapping[str, Any]) -> bool:
    """Whether a request may not fit into one part of a socket's buffer (32 KiB)."""
    text = request.get("script") or ""
    data = (each for each in request.get("arguments", ()) if isinstance(each, str))
    return len(request.get("commands", ())) > 30 or sum(map(len, (text, *request.get("argv", ()), *data))) > 4000


class Transport(Protocol):
    """What carries frames: ``agent.protocol.Channel`` on a socket or a serial line; ``testing.FakeAgent`` without a kernel."""

    def send(self, message: protocol.Message, fds: Sequence[int] = ()) -> None: ...

    def receive(self) -> list[tuple[protocol.Message, list[int]]] | None: ...

    def close(self) -> None: ...

    @property
    def carries_fds(self) -> bool: ...


class Call:
    """A request under way. ``items()`` yields the parts of the answer, ``result()`` waits for its last word."""

    def __init__(self, client: Client, number: int, *, takes_fds: str = "") -> None:
        self._client, self.number = client, number
        #: With what descriptors may come: ``done``, the last word, or ``item``, a part.
        self.takes_fds = takes_fds
        #: Who waits for it; 0: nobody.
        self.thread = threading.get_ident()
        self._lock = threading.Lock()
        self._taker: Callable[[protocol.Message | None], object] | None = None
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # The last word stands here as well as in the queue: an interrupt may come just after something was taken from that.
        self._last: tuple[Any, list[int]] | None = None
        self._result: Any = _ENDED
        #: The descriptors that came with the part or the last word that was taken last.
        self.fds: list[int] = []
        #: Called by the reader when something has come: for who waits for other things too.
        self.woken: Callable[[], object] | None = None

    def items(self, patience: float | None = None) -> Iterator[Any]:
        """The parts as they come; ends with the last word.

        Raises
        ------
        NsmagicError
            What the agent answered, rebuilt.
        LabDied
            The lab ended meanwhile, or said nothing for ``patience`` seconds.
        """
        while self._result is _ENDED:
            try:
                if self._last is not None and self._queue.empty():
                    message, fds = self._last
                else:
                    message, fds = self._take(patience)
            except queue.Empty:
                self._client.die("not answering")
                raise self._client.death() from None
            if message is _ENDED:
                raise self._client.death()
            if "item" in message:
                self.fds = fds
                yield message["item"]
            elif "error" in message:
                self._result = None
                raise from_data(message["error"])
            else:
                self.fds = fds
                self._result = message.get("done")

    def _take(self, patience: float | None) -> Any:
        """What comes next. Python runs the handler of an interrupt only in the main thread and only between two steps of it: one that comes
        just before a wait begins (on a busy machine most do that come upon output), or to another thread, does not end that wait. So
        the main thread looks up from time to time."""
        if threading.current_thread() is not threading.main_thread():
            return self._queue.get(timeout=patience)
        end = None if patience is None else time.monotonic() + patience
        while True:
            left = _LOOKS_UP if end is None else end - time.monotonic()
            try:
                return self._queue.get(timeout=max(0.0, min(left, _LOOKS_UP)))
            except queue.Empty:
                if left <= 0:
                    raise

    @property
    def ready(self) -> bool:
        """Whether ``items()`` would not have to wait."""
        return self._result is not _ENDED or self._last is not None or not self._queue.empty()

    def result(self, patience: float | None = None) -> Any:
        """The last word; parts that nobody took are dropped."""
        for _ in self.items(patience):
            continue
        return self._result

    def cancel(self) -> None:
        """Ask the agent to end it; the last word still comes."""
        self._client.cancel(self.number)

    def hand_over(self, take: Callable[[protocol.Message | None], object]) -> None:
        """Nobody waits for what is still to come: ``take`` gets it, in the reader's thread (None: the lab has ended). No interrupt
        ends it then."""
        with self._lock:
            self.thread = 0
            while not self._queue.empty():
                self._give(take, self._queue.get_nowait()[0])
            self._taker = take

    def _give(self, take: Callable[[protocol.Message | None], object], message: Any) -> None:
        take(None if message is _ENDED else message)

    def put(self, message: Any, fds: list[int]) -> None:
        """Called by the reader."""
        with self._lock:
            if self._taker is not None:
                self._give(self._taker, message)
                return
            if message is _ENDED or "item" not in message:
                self._last = (message, fds)
            self._queue.put((message, fds))
        if self.woken is not None:
            self.woken()


class Client:
    """Requests to one agent, from any thread of the process that made it.

    Parameters
    ----------
    transport
        Where the agent is.
    ended
        Called once when the connection is gone, with the reason; the sandbox ends what is left by then.
    """

    def __init__(self, transport: Transport, ended: Callable[[str], None] | None = None) -> None:
        self._transport = transport
        #: What was read of the lab last.
        self.kept = Kept()
        self._ended = ended
        self._numbers = itertools.count(1)
        self._calls: dict[int, Call] = {}
        self._lock = threading.Lock()
        # Apart from the other: while a large message waits for the agent to read, what it answers must be taken.
        self._sending = threading.Lock()
        self._stopped: set[int] = set()
        #: What the agent said of itself when it was ready: ``kind``, ``missing``, ``kernel``.
        self.about: dict[str, Any] = {}
        self._cause = ""
        self._closing = False
        self._pid = os.getpid()
        self._ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._heard = False
        self._live: weakref.WeakSet[Any] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._read, name="nsmagic-reader", daemon=True)
        self._thread.start()

    def wait_ready(self, patience: float) -> None:
        """Wait for the agent's first words.

        Raises
        ------
        SandboxUnavailable
            It says why there is no lab.
        LabDied
            It said nothing.
        """
        try:
            message = self._ready.get(timeout=patience)
        except queue.Empty:
            self.die("not answering")
            raise self.death() from None
        if message is None:
            raise self.death()
        if "error" in message:
            raise from_data(message["error"])
        ready = message.get("done")
        if not isinstance(ready, dict) or ready.get("ready") != protocol.VERSION:
            self.die("protocol")
            raise LabError("the notebook and the lab run different versions of nsmagic", hint=say("kernel-restart"))
        self.about = ready

    def call(self, op: str, **request: Any) -> Call:
        """Send a request."""
        if os.getpid() != self._pid:
            raise self.death()
        with self._lock:
            if self._cause:
                raise self.death()
            if threading.get_ident() in self._stopped and op != "abandon":
                raise KeyboardInterrupt
            call = Call(self, next(self._numbers), takes_fds=_WITH_DESCRIPTORS.get(op, ""))
            self._calls[call.number] = call
        message = {"id": call.number, "op": op, **request}
        try:
            # Into a virtual machine even less goes at once.
            parts = not self._transport.carries_fds or _may_be_large(request)
            if parts and threading.current_thread() is threading.main_thread():
                self._send_aside(message)
            else:
                self._send(message)
        except NsmagicError:
            self._calls.pop(call.number, None)
            raise
        if call.thread in self._stopped and op != "abandon":
            call.cancel()  # the word of it may have gone out before the request
        return call

    def _send(self, message: protocol.Message) -> None:
        with self._sending:
            try:
                self._transport.send(message)
            except protocol.ProtocolError as error:
                raise LabError(f"the request is too large: {error}", hint=say("request-large")) from None
            except OSError:
                self._cause = self._cause or "connection lost"
                raise self.death() from None

    def _send_aside(self, message: protocol.Message) -> None:
        """Send from a thread of its own: the kernel takes a large message in several parts, and a KeyboardInterrupt between
        two of them, which only ever comes to the main thread, would leave half a frame in the stream."""
        sent = threading.Event()
        refused: list[NsmagicError] = []

        def send() -> None:
            try:
                self._send(message)
            except NsmagicError as error:
                refused.append(error)
            finally:
                sent.set()

        threading.Thread(target=send, name="nsmagic-send", daemon=True).start()
        try:
            sent.wait()
        except BaseException:
            sent.wait()
            raise
        if refused:
            raise refused[0]

    def request(self, op: str, patience: float | None = None, **request: Any) -> Any:
        """Send a request and wait for its last word."""
        return self.call(op, **request).result(patience)

    def cancel(self, number: int) -> None:
        with self._sending:
            if not self._cause and os.getpid() == self._pid:
                with contextlib.suppress(OSError):  # the lab ends meanwhile: then that is cancelled too
                    self._transport.send({"id": next(self._numbers), "op": "cancel", "target": number})

    def stop(self, thread: int) -> None:
        """Interrupt another thread: what it has asked for is ended, and what it asks for from now on is a KeyboardInterrupt."""
        with self._lock:
            self._stopped.add(thread)
            theirs = [number for number, call in self._calls.items() if call.thread == thread]
        for number in theirs:
            self.cancel(number)

    def go_on(self, thread: int) -> None:
        """The thread of that number may ask again."""
        with self._lock:
            self._stopped.discard(thread)

    def abandon(self, patience: float) -> None:
        """End what this thread has asked for and not waited for, as an interrupt between two steps leaves it; so that the
        next request does not find it still under way."""
        with self._lock:
            mine = [number for number, call in self._calls.items() if call.thread == threading.get_ident()]
        if mine and self.alive:
            # It may be that the request was not even sent: the agent answers once it has none of these.
            self.request("abandon", patience, targets=mine)
        for number in mine:
            self._calls.pop(number, None)

    def death(self) -> LabError:
        """The error for a lab that is gone, or was never this process's."""
        if os.getpid() != self._pid:
            return LabError(
                f"this lab belongs to process {self._pid}, not to this copy of it ({os.getpid()})",
                hint=say("lab-fork"),
            )
        if self._closing:
            return LabError("the lab is closed", hint=say("lab-closed"))
        words = {
            "protocol": "the lab sent something that is not an answer and was ended",
            "not answering": "the lab does not answer and was ended",
        }.get(self._cause, "the lab has ended: its first process is gone")
        return LabDied(words, cause=self._cause, hint=say("lab-died"))

    @property
    def alive(self) -> bool:
        return not self._cause and os.getpid() == self._pid

    def die(self, cause: str) -> None:
        """End the connection for a reason."""
        with self._lock:
            first = not self._cause
            self._cause = self._cause or cause
        if first and self._ended is not None:
            self._ended(cause)

    def close(self) -> None:
        """End the connection on purpose; in a forked copy of the process nothing: the lab is not its own."""
        if os.getpid() == self._pid:
            self._closing = True
            self.die("closed")

    def let_go(self) -> None:
        """In a forked copy of the process: close its copy of the socket, which leaves the connection as it is."""
        self._transport.close()

    @property
    def owner(self) -> int:
        """The pid of the process that the lab belongs to."""
        return self._pid

    @property
    def carries_fds(self) -> bool:
        return self._transport.carries_fds

    def join(self, patience: float) -> None:
        """Wait for the reader to see the end."""
        self._thread.join(patience)

    def _read(self) -> None:
        cause = "connection lost"
        try:
            while True:
                arrived = self._transport.receive()
                if arrived is None:
                    break
                self._take(arrived)
        except protocol.ProtocolError:
            cause = "protocol"
        except OSError:
            pass  # closed under us: the same as the end of the stream
        self.die(cause)
        self._ready.put(None)
        with self._lock:
            waiting, self._calls = list(self._calls.values()), {}
        for call in waiting:
            call.put(_ENDED, [])
        self._transport.close()

    def _take(self, arrived: list[tuple[protocol.Message, list[int]]]) -> None:
        for at, (message, fds) in enumerate(arrived):
            try:
                self._deliver(message, fds)
            except protocol.ProtocolError:
                for _, later in arrived[at + 1 :]:
                    for fd in later:
                        os.close(fd)
                raise

    def _deliver(self, message: protocol.Message, fds: list[int]) -> None:
        last = "item" not in message
        with self._lock:
            call = self._calls.pop(message["id"], None) if last else self._calls.get(message["id"])
        answers = _answers(message)
        if fds and not (answers and call is not None and call.takes_fds in message):
            for fd in fds:
                os.close(fd)
            fds = []
        elif fds and call is not None:
            call.takes_fds = ""  # once
        if not answers:
            if call is not None:
                call.put(_ENDED, [])
            raise protocol.ProtocolError("a frame is not an answer")
        if message["id"] == 0:
            # The agent's first words, once.
            if not self._heard:
                self._heard = True
                self._ready.put(message)
        elif call is not None:
            call.put(message, fds)


def _answers(message: Mapping[str, Any]) -> bool:
    """Whether a message is a part of an answer, or its last word.

    >>> _answers({"id": 1, "done": None}), _answers({"id": 1, "error": "x"}), _answers({"id": 1, "item": 1, "done": 1})
    (True, False, False)
    """
    if "error" in message and not isinstance(message["error"], dict):
        return False
    return ("item" in message) + ("done" in message) + ("error" in message) == 1
