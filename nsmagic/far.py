"""The far side of a socket of a lab that has a kernel of its own: the threads that carry, and what is asked there.

``framed.py`` has the socket itself, whose end of the pair these threads serve; ``agent/framed_socket.py`` is what answers over there.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import select
import socket
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from nsmagic.agent.protocol import from_data
from nsmagic.errors import KernelRefused, LabError, NsmagicError

if TYPE_CHECKING:
    from nsmagic.agent.client import Call, Client

_CHUNK = 1 << 16
_HEAD = struct.Struct("!I")
#: A message with what stands before it.
MESSAGE = 1 << 18
_POLL_HANGUP = 0


def _os_error(error: NsmagicError) -> OSError:
    if isinstance(error, KernelRefused):
        if error.errno == errno.ETIMEDOUT:
            return TimeoutError("timed out")
        return OSError(error.errno, error.kernel)
    return OSError(errno.ENETDOWN, error.message)


class Far:
    """The far side of one socket: the threads that carry, and what is asked there."""

    def __init__(self, client: Client, *, stream: bool, connected: bool = False) -> None:
        self._client = client
        self.stream, self.connected, self.listening = stream, connected, False
        #: What went wrong over there, for the next who reads.
        self.errors: deque[OSError] = deque()
        self.accepted: deque[tuple[int, Any]] = deque()
        self.connecting: Call | None = None
        self.over = threading.Event()
        self._number = 0
        self._opened = threading.Event()
        self._refusal: NsmagicError | None = None

    def open(self, request: dict[str, Any]) -> int:
        """Have it made; the descriptor of our end.

        Raises
        ------
        NsmagicError
            It cannot be made.
        """
        kind = socket.SOCK_STREAM if self.stream else socket.SOCK_SEQPACKET
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        try:
            threading.Thread(target=self._carry, args=(theirs, request), name="nsmagic-socket", daemon=True).start()
            self._opened.wait()
            if self._refusal is not None:
                raise self._refusal
        except BaseException:
            ours.close()
            raise
        return ours.detach()

    def begin(self, method: str, *arguments: Any) -> Call:
        """Ask for something, not waiting for the answer."""
        try:
            return self._client.call("socket_do", number=self._number, method=method, arguments=list(arguments))
        except LabError as error:
            raise _os_error(error) from None

    def wait(self, call: Call) -> Any:
        """The answer; an interrupt takes back what was asked."""
        try:
            return call.result().get("value")
        except NsmagicError as error:
            raise _os_error(error) from None
        except BaseException:
            call.cancel()
            raise

    def ask(self, method: str, *arguments: Any) -> Any:
        """Ask for something.

        Raises
        ------
        OSError
        """
        return self.wait(self.begin(method, *arguments))

    def accept(self) -> tuple[Far, int, Any]:
        """The connection that was announced: its far side, the descriptor of our end, and who it is."""
        number, address = self.accepted.popleft()
        try:
            far = Far(self._client, stream=True, connected=True)
            return far, far.open({"accepted": number}), address
        except NsmagicError as error:
            raise _os_error(error) from None
        finally:
            self.ask("more")

    # In threads of its own

    def _carry(self, end: socket.socket, request: dict[str, Any]) -> None:
        """What goes out, until all copies of our end are closed; then its end."""
        bringing = threading.Thread(target=self._bring, args=(end, request), name="nsmagic-socket", daemon=True)
        bringing.start()
        self._opened.wait()
        try:
            with contextlib.suppress(OSError):
                while data := end.recv(_CHUNK):
                    self._put(data, end)
                if self.stream and self.connected:
                    self.ask("shutdown", socket.SHUT_WR)
            poll = select.poll()
            poll.register(end, _POLL_HANGUP)
            poll.poll()
            if self._refusal is None:
                with contextlib.suppress(OSError):  # the lab has ended
                    self.ask("close")
            bringing.join()
        finally:
            end.close()
            self.over.set()

    def _put(self, data: bytes, end: socket.socket) -> None:
        try:
            self.ask("send", base64.b64encode(data).decode())
        except OSError as error:
            self.errors.append(error)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RD)  # who writes on gets EPIPE
            raise

    def _bring(self, end: socket.socket, request: dict[str, Any]) -> None:
        """What comes in, until it is closed over there."""
        try:
            for item in self._client.call("framed_socket", **request).items():
                if "socket" in item:
                    self._number = item["socket"]
                    self._opened.set()
                else:
                    self._take(item, end)
        except NsmagicError as error:
            self._refusal = error
        finally:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._opened.set()

    def _take(self, item: dict[str, Any], end: socket.socket) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more: the thread above sees that too
            if "accepted" in item:
                self.accepted.append((item["accepted"], from_data(item["address"])))
                end.sendall(b"+")  # what is readable can be accepted
                return
            if "end" in item:
                end.shutdown(socket.SHUT_WR)
                return
            if self.stream and "error" in item:
                self.errors.append(OSError(*item["error"]))
                end.shutdown(socket.SHUT_WR)
                return
            data = base64.b64decode(item.get("data", ""))
            if not self.stream:
                data = packed(data, item.get("address"), item.get("error"))
            end.sendall(data)
            self.ask("more")


def packed(data: bytes, address: Any, error: Any) -> bytes:
    """A message with who sent it and what went wrong before it, as it goes through a pair of sockets.

    >>> unpacked(packed(b"data", ["10.0.0.1", 7], None))
    (b'data', ['10.0.0.1', 7], None)
    """
    head = json.dumps([address, error]).encode()
    return _HEAD.pack(len(head)) + head + data


def unpacked(message: bytes) -> tuple[bytes, Any, Any]:
    """The opposite of :func:`packed`."""
    (size,) = _HEAD.unpack_from(message)
    address, error = json.loads(message[_HEAD.size : _HEAD.size + size])
    return message[_HEAD.size + size :], address, error
