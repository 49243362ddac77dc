"""The running labs of this user, and a connection to one: what ``nsmagic ls`` and ``nsmagic shell`` stand on.

A lab's door (``agent/door.py``) is an abstract Unix socket named ``@nsmagic-UID-LAB``, so ``/proc/net/unix`` lists them and no file
has to be kept. Both ends check who the other is: the launcher lets in nobody but its own user, and we talk to nobody else's
launcher, since anybody may take such a name.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nsmagic import syscalls as sys_
from nsmagic.agent import door, protocol
from nsmagic.agent.launcher import LAB_UID
from nsmagic.errors import LabDied, LabError, NsmagicError, from_data
from nsmagic.sandbox.causes import Read, read_text
from nsmagic.sentences import say

#: Seconds in which a lab answers.
PATIENCE = 5.0

#: A listening socket (``__SO_ACCEPTCON``) with a name of ours. A lab's id is eight hexadecimal digits.
_LINE = re.compile(r"^\S+ \S+ \S+ 00010000 \S+ \S+ +\d+ @nsmagic-(\d+)-([0-9a-f]{8})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Running:
    """A running lab: its id, its launcher's pid, and what it says of itself (``%lab status``); empty when it does not answer."""

    lab: str
    pid: int
    status: dict[str, Any]


def ids(read: Read = read_text, uid: int | None = None) -> list[str]:
    """The ids of this user's labs, sorted.

    >>> line = "0000000000000000: 00000002 00000000 00010000 0001 01 71083 @nsmagic-1000-0badcafe"
    >>> ids(lambda path: line, uid=1000), ids(lambda path: line, uid=1001)
    (['0badcafe'], [])
    """
    mine = str(os.getuid() if uid is None else uid)
    return sorted({lab for owner, lab in _LINE.findall(read("/proc/net/unix")) if owner == mine})


def running() -> list[Running]:
    """The labs of this user, each asked for its status."""
    found = []
    for lab in ids():
        try:
            with Visit(lab) as visit:
                found.append(Running(lab, visit.pid, visit.ask("status")))
        except LabDied:
            continue  # it ended while we looked
        except NsmagicError:
            found.append(Running(lab, 0, {}))
    return found


def choose(wanted: str | None = None, known: Sequence[str] | None = None) -> str:
    """The id of the lab that is meant: the only one, or the one that ``wanted`` begins.

    >>> choose("0b", ["0badcafe", "12345678"])
    '0badcafe'

    Raises
    ------
    LabError
        There is none, or several could be meant.
    """
    known = ids() if known is None else known
    if not known:
        raise LabError("no lab is running", hint=say("lab-first"))
    matching = [lab for lab in known if lab.startswith(wanted or "")]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise LabError(f"there is no lab {wanted}", hint=say("running", known=", ".join(known)))
    raise LabError(f"{len(matching)} labs are running", hint=say("which-lab", known=", ".join(matching)))


class Visit:
    """A connection to a running lab, for one thread.

    Raises
    ------
    LabError
        It is not ours, or it does not answer.
    LabDied
        It has ended.
    """

    def __init__(self, lab: str) -> None:
        self.lab = lab
        self._number = 0
        refused: NsmagicError | None = None
        for uid in _faces():
            self._sock = _connect(lab, uid)
            self.channel = protocol.Channel(self._sock)
            self.pid = door.peer(self._sock)[0]
            try:
                hello = self.ask("hello", version=protocol.VERSION)
            except LabDied as error:
                refused = error
                self.channel.close()
                continue
            except NsmagicError:
                self.channel.close()
                raise
            if hello.get("version") != protocol.VERSION:
                self.channel.close()
                raise LabError(f"lab {lab} runs another version of nsmagic", hint=say("same-nsmagic"))
            return
        raise refused or LabDied(f"lab {lab} has ended", cause="connection lost")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *exc: object) -> None:
        self.channel.close()

    def hand_over(self) -> tuple[protocol.Channel, socket.socket]:
        """The connection, for a client that waits as long as it takes; from now on it is that client's to close."""
        self._sock.settimeout(None)
        return self.channel, self._sock

    def send(self, op: str, **request: Any) -> int:
        """Send a request; its number."""
        self._number += 1
        try:
            self.channel.send({"id": self._number, "op": op, **request})
        except protocol.ProtocolError as error:
            raise LabError(f"the request is too large: {error}") from None
        except OSError:
            raise self._gone() from None
        return self._number

    def receive(self) -> list[tuple[protocol.Message, list[int]]]:
        """The next messages, waiting at most the socket's time-out.

        Raises
        ------
        LabDied
            The connection is gone.
        LabError
            Nothing came in time.
        """
        try:
            arrived = self.channel.receive()
        except TimeoutError:
            raise LabError(f"lab {self.lab} does not answer", hint=say("lab-busy")) from None
        except (OSError, protocol.ProtocolError):
            arrived = None
        if arrived is None:
            raise self._gone()
        return arrived

    def ask(
        self, op: str, on_item: Callable[[Any], object] | None = None, *, patient: bool = False, **request: Any
    ) -> Any:
        """Send a request and wait for its last word; ``on_item`` gets the parts. ``patient`` waits as long as it takes.

        A KeyboardInterrupt asks the lab to end the request and waits for that; a second one gives up.
        """
        self._sock.settimeout(None if patient else PATIENCE)
        number = self.send(op, **request)
        interrupted = False
        while True:
            try:
                for message in self._answers(number):
                    if "item" in message:
                        if on_item is not None:
                            on_item(message["item"])
                    elif "error" in message:
                        raise from_data(message["error"])
                    else:
                        if interrupted:
                            raise KeyboardInterrupt
                        return message.get("done")
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                self.send("cancel", target=number)

    def _answers(self, number: int) -> Iterator[protocol.Message]:
        for message, fds in self.receive():
            for fd in fds:
                os.close(fd)  # requests that bring some are not sent this way
            if message["id"] == number:
                yield message

    def _gone(self) -> LabDied:
        return LabDied(f"lab {self.lab} has ended, or lets nobody in", cause="connection lost")


def _faces() -> list[int]:
    """The uids under which we may be known to a launcher: root's launcher becomes the lab's plain user, but of kind host."""
    return [LAB_UID, 0] if os.geteuid() == 0 else [os.geteuid()]


def _connect(lab: str, uid: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        # Python's own time-out would make the socket non-blocking, and then a queue at the door that is full is an error.
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(PATIENCE), int(PATIENCE % 1 * 1e6))
        )
        with _as(uid):
            sock.connect(door.name_of(os.getuid(), lab))
        sock.settimeout(PATIENCE)
        # The name is anybody's to take: the one who listens must be ourselves.
        if door.peer(sock)[1] != os.getuid():
            raise LabError(f"the socket of lab {lab} belongs to another user")
    except ConnectionRefusedError:
        sock.close()
        raise LabDied(f"there is no lab {lab}", cause="connection lost") from None
    except BlockingIOError:
        sock.close()
        raise LabError(f"lab {lab} does not answer", hint=say("lab-busy")) from None
    except OSError as error:
        sock.close()
        raise LabError(f"lab {lab} cannot be reached: {error.strerror or error}") from None
    except LabError:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _as(uid: int) -> Iterator[None]:
    """For the length of the block, the effective uid that a peer sees, where this process may take it."""
    before, dumpable = os.geteuid(), sys_.prctl(sys_.PR_GET_DUMPABLE)
    if uid != before:
        with contextlib.suppress(OSError):  # a user namespace without that uid: the launcher could not take it either
            os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)
        # With a change of uid the kernel takes it away: nobody but root could look into our /proc any more, not even a child.
        sys_.prctl(sys_.PR_SET_DUMPABLE, dumpable)
