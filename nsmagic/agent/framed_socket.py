"""Sockets whose descriptors cannot leave the lab (kind ``vm``): what arrives at one goes out in frames, what is to be sent and done
comes in frames. The other side is ``nsmagic/framed.py``.

Each socket has one request that lasts as long as it: parts of its answer are what arrived, one at a time; the next is read when the notebook
has taken that (``more``), so a peer that sends much waits as it would for any program that does not read. Everything else is a request of
its own that names the socket's number. Nothing here blocks: connecting and sending end when the kernel says so.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from nsmagic.agent.call import Call
from nsmagic.agent.loop import Loop, Timer
from nsmagic.agent.protocol import from_data, to_data
from nsmagic.errors import KernelRefused, NsmagicError

_CHUNK = 1 << 16
#: Options whose value is an address in the memory of who asks, or a number of a descriptor there.
_POINTERS = frozenset(
    {26, 50, 51, 52}
)  # SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF

Answer = dict[str, Any] | None


def refused(what: str, error: OSError) -> KernelRefused:
    """The kernel's no, for the other side."""
    words = error.strerror or str(error)
    return KernelRefused(f"{what}: {words}", errno=error.errno or 0, kernel=words)


class Framed:
    """One such socket.

    Parameters
    ----------
    call
        The request that lasts as long as the socket.
    park
        Keeps an accepted connection until the notebook asks for it; its number.
    forget
        Called at the end.
    """

    def __init__(
        self,
        loop: Loop,
        call: Call,
        sock: socket.socket,
        park: Callable[[socket.socket, Framed], int],
        forget: Callable[[], None],
        *,
        connected: bool = False,
    ) -> None:
        self._loop, self._call, self._sock, self._park, self._forget = loop, call, sock, park, forget
        self._stream = sock.type == socket.SOCK_STREAM
        self._listening = False
        self._reads = connected or not self._stream
        self._wanted = True
        self._connecting: Call | None = None
        self._sending: Call | None = None
        self._unsent: memoryview = memoryview(b"")
        self._to: Any = None
        self._timer: Timer | None = None
        sock.setblocking(False)
        call.on_cancel = self.close
        self._watch()

    def do(self, call: Call, method: str, arguments: list[Any]) -> Answer:
        """What the notebook's side asks: a method of Python's sockets, ``more`` or ``close``.

        Raises
        ------
        KernelRefused, NsmagicError
        """
        known: dict[str, Callable[..., Answer]] = {
            "bind": self._bind, "listen": self._listen, "connect": self._connect, "send": self._send, "more": self._more,
            "shutdown": self._shutdown, "getsockname": self._name, "getpeername": self._peer, "getsockopt": self._getsockopt,
            "setsockopt": self._setsockopt, "close": self._end,
        }  # fmt: skip
        if method not in known:
            raise NsmagicError(f"a socket of a lab of kind vm has no {method}")
        try:
            return known[method](call, *arguments)
        except OSError as error:
            raise refused(method, error) from None

    def close(self) -> None:
        """Its end; whoever waits for it is told."""
        if self._sock.fileno() < 0:
            return
        self._loop.watch(self._sock.fileno())
        self._sock.close()
        if self._timer is not None:
            self._timer.cancel()
        gone = OSError(errno.EBADF, os.strerror(errno.EBADF))
        for waiting in (self._connecting, self._sending):
            if waiting is not None:
                waiting.fail(refused("socket", gone))
        self._connecting = self._sending = None
        self._forget()
        self._call.done({})

    # What is asked

    def _bind(self, call: Call, address: Any) -> Answer:
        self._sock.bind(from_data(address))
        return {}

    def _listen(self, call: Call, backlog: int) -> Answer:
        self._sock.listen(backlog)
        self._listening = self._reads = True
        self._watch()
        return {}

    def _connect(self, call: Call, address: Any, timeout: float | None) -> Answer:
        number = self._sock.connect_ex(from_data(address))
        if number == errno.EINPROGRESS:
            self._connecting = call
            call.on_cancel = lambda: self._connected(errno.EINTR)
            if timeout:
                self._timer = self._loop.later(timeout, lambda: self._connected(errno.ETIMEDOUT))
            self._watch()
            return None
        if number:
            raise OSError(number, os.strerror(number))
        self._reads = True
        self._watch()
        return {}

    def _connected(self, number: int) -> None:
        waiting, self._connecting = self._connecting, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if waiting is None:
            return
        if number:
            self._watch()
            waiting.fail(refused("connect", OSError(number, os.strerror(number))))
            return
        self._reads = True
        self._watch()
        waiting.done({})

    def _send(self, call: Call, data: str, to: Any = None) -> Answer:
        if self._sending is not None:
            raise OSError(errno.EALREADY, os.strerror(errno.EALREADY))
        self._sending, self._unsent, self._to = call, memoryview(base64.b64decode(data)), from_data(to)
        self._write()
        return None

    def _write(self) -> None:
        waiting = self._sending
        assert waiting is not None
        try:
            if self._to is not None:
                self._sock.sendto(self._unsent, self._to)
            elif not self._stream:
                self._sock.send(self._unsent)
            else:
                while self._unsent:
                    self._unsent = self._unsent[self._sock.send(self._unsent, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            self._watch()
            return
        except OSError as error:
            self._sending = None
            self._watch()
            waiting.fail(refused("send", error))
            return
        self._sending = None
        self._watch()
        waiting.done({})

    def _more(self, call: Call) -> Answer:
        self._wanted = True
        self._watch()
        return {}

    def _shutdown(self, call: Call, how: int) -> Answer:
        self._sock.shutdown(how)
        return {}

    def _name(self, call: Call) -> Answer:
        return {"value": to_data(self._sock.getsockname())}

    def _peer(self, call: Call) -> Answer:
        return {"value": to_data(self._sock.getpeername())}

    def _getsockopt(self, call: Call, level: int, option: int, size: int) -> Answer:
        return {
            "value": to_data(
                self._sock.getsockopt(level, option, size) if size else self._sock.getsockopt(level, option)
            )
        }

    def _setsockopt(self, call: Call, level: int, option: int, value: Any) -> Answer:
        if level == socket.SOL_SOCKET and option in _POINTERS:
            words = "a filter of this process cannot be put on a socket of a lab of kind vm"
            raise OSError(errno.EOPNOTSUPP, words)
        self._sock.setsockopt(level, option, from_data(value))
        return {}

    def _end(self, call: Call) -> Answer:
        self.close()
        return {}

    # What the kernel says

    def _watch(self) -> None:
        if self._sock.fileno() >= 0:
            writes = self._connecting is not None or self._sending is not None
            self._loop.watch(
                self._sock.fileno(),
                self._readable if self._reads and self._wanted else None,
                self._writable if writes else None,
            )

    def _writable(self) -> None:
        if self._connecting is not None:
            self._connected(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        elif self._sending is not None:
            self._write()

    def _readable(self) -> None:
        try:
            item = self._arrived()
        except BlockingIOError:
            return
        except OSError as error:
            item = {"error": [error.errno or 0, error.strerror or str(error)]}
        self._wanted = False
        if self._stream and not self._listening and "data" not in item:
            self._reads = False
        self._watch()
        self._call.item(item)

    def _arrived(self) -> dict[str, Any]:
        if self._listening:
            made, address = self._sock.accept()
            return {"accepted": self._park(made, self), "address": to_data(address)}
        if not self._stream:
            data, address = self._sock.recvfrom(_CHUNK)
            return {"data": base64.b64encode(data).decode(), "address": to_data(address)}
        data = self._sock.recv(_CHUNK)
        return {"data": base64.b64encode(data).decode()} if data else {"end": True}


class FramedSockets:
    """All of a lab, by number."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._open: dict[int, Framed] = {}
        self._parked: dict[int, tuple[socket.socket, Framed]] = {}
        self._numbers = 0

    def start(self, call: Call, sock: socket.socket, *, connected: bool = False) -> None:
        """Take over a socket; the first part of the answer is its number."""
        self._numbers += 1
        number = self._numbers
        self._open[number] = Framed(
            self._loop, call, sock, self._park, lambda: self._forget(number), connected=connected
        )
        call.item({"socket": number})

    def adopt(self, call: Call, number: int) -> None:
        """The same for a connection that was accepted.

        Raises
        ------
        KernelRefused
            Its listening socket was closed meanwhile, and the connection with it.
        """
        if number not in self._parked:
            raise refused("accept", OSError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED)))
        sock, _ = self._parked.pop(number)
        self.start(call, sock, connected=True)

    def do(self, call: Call, number: int, method: str, arguments: list[Any]) -> Answer:
        """What a socket is asked.

        Raises
        ------
        KernelRefused, NsmagicError
        """
        if number not in self._open:
            raise refused(method, OSError(errno.EBADF, os.strerror(errno.EBADF)))
        return self._open[number].do(call, method, arguments)

    def _park(self, sock: socket.socket, listening: Framed) -> int:
        self._numbers += 1
        self._parked[self._numbers] = (sock, listening)
        return self._numbers

    def _forget(self, number: int) -> None:
        gone = self._open.pop(number)
        for each, (sock, listening) in list(self._parked.items()):
            if listening is gone:
                with contextlib.closing(sock):
                    del self._parked[each]
