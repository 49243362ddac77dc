"""Sockets of a lab that has a kernel of its own (kind ``vm``), for Python in this process: what ``Lab.socket`` gives there.

No descriptor can come from there. So a ``FramedSocket`` holds one end of a pair of ours, and behind the other end two threads carry what
goes out and what comes in (``far.py``; ``agent/framed_socket.py`` is what answers them). What reads and writes, waits, times out and polls
is thereby Python's own, on a descriptor that ``select``, ``asyncio``, ``ssl`` and files made of sockets can use; what a socket is asked
beyond that (``bind``, ``getsockname``, options) is asked there. A stream is a stream here too; of other sockets each message has the
sender's address before it.

What it has not: descriptors and other ancillary data in ``sendmsg``, filters attached to it; ``ioctl`` on its descriptor finds a Unix socket. What
was written is on its way when ``send`` returns, so a connection that breaks is told by the next call.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from nsmagic.agent.protocol import from_data, to_data
from nsmagic.far import MESSAGE, Far, unpacked

if TYPE_CHECKING:
    from nsmagic.agent.client import Client

Got = TypeVar("Got", bytes, int)
#: Python's own, whatever stands in its place by the time we are asked.
MachineSocket = socket.socket
#: Seconds that ``close`` waits for the far side's, so that the address is free again when it returns.
_CLOSING = 1.0
_IP = (socket.AF_INET, socket.AF_INET6)


def open_socket(client: Client, ns: str, family: int, type: int, proto: int) -> FramedSocket:
    """A socket in a namespace of a lab that shares no descriptors.

    Raises
    ------
    NsmagicError
        There is no such namespace, or the kernel there refuses.
    """
    far = Far(client, stream=type & 0xF == socket.SOCK_STREAM)
    made = FramedSocket(family, type, proto, far.open({"ns": ns, "family": family, "type": type, "proto": proto}))
    made._far = far
    if type & socket.SOCK_NONBLOCK:
        made.setblocking(False)  # of a descriptor that is given Python only believes it
    return made


class FramedSocket(MachineSocket):
    """A socket of a lab that has a kernel of its own; without a far side, an ordinary one."""

    _far: Far | None = None

    # Asked over there

    def bind(self, address: Any, /) -> None:
        if self._far is None:
            super().bind(address)
        else:
            self._far.ask("bind", to_data(self._numeric(address)))

    def listen(self, backlog: int = min(socket.SOMAXCONN, 128), /) -> None:
        if self._far is None:
            super().listen(backlog)
        else:
            self._far.ask("listen", backlog)
            self._far.listening = True

    def connect(self, address: Any, /) -> None:
        far = self._far
        if far is None:
            super().connect(address)
            return
        timeout = self.gettimeout()
        begun = far.begin("connect", to_data(self._numeric(address)), timeout)
        if timeout == 0 and far.stream:
            far.connecting = begun
            raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
        far.wait(begun)
        far.connected = True

    def connect_ex(self, address: Any, /) -> int:
        if self._far is None:
            return super().connect_ex(address)
        try:
            self.connect(address)
        except TimeoutError:
            return errno.EAGAIN
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def accept(self) -> tuple[Any, Any]:
        far = self._far
        if far is None:
            return super().accept()
        if not far.listening or not super().recv(1):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        theirs, number, address = far.accept()
        made = type(self)(self.family, self.type, self.proto, number)
        made._far = theirs
        return made, address

    def getsockname(self) -> Any:
        return super().getsockname() if self._far is None else from_data(self._far.ask("getsockname"))

    def getpeername(self) -> Any:
        return super().getpeername() if self._far is None else from_data(self._far.ask("getpeername"))

    def getsockopt(self, level: int, option: int, size: int = 0, /) -> Any:
        far = self._far
        if far is None:
            return super().getsockopt(level, option, size) if size else super().getsockopt(level, option)
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR) and far.connecting is not None:
            begun, far.connecting = far.connecting, None
            try:
                far.wait(begun)
            except OSError as error:
                return error.errno or errno.ETIMEDOUT
            far.connected = True
            return 0
        return from_data(far.ask("getsockopt", level, option, size))

    def setsockopt(self, level: int, option: int, value: Any, size: int | None = None, /) -> None:
        if self._far is None:
            arguments = (value,) if size is None else (value, size)
            super().setsockopt(level, option, *arguments)
        elif value is None:
            raise OSError(errno.EOPNOTSUPP, "an option without a value, on a socket of a lab of kind vm")
        else:
            self._far.ask("setsockopt", level, option, value if isinstance(value, int) else to_data(bytes(value)))

    def shutdown(self, how: int, /) -> None:
        far = self._far
        if far is not None and how == socket.SHUT_RD:
            far.ask("shutdown", how)
        elif far is not None and far.stream and not (far.connected or far.listening):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        super().shutdown(how)  # the thread that carries passes it on behind what was written before

    def dup(self) -> Any:
        made = super().dup()
        made._far = self._far
        return made

    def _real_close(self, *arguments: Any) -> None:
        # Not in typeshed: what socket.socket.close() calls when no file made of it is open any more.
        super()._real_close(*arguments)  # type: ignore[misc]
        if self._far is not None:
            self._far.over.wait(_CLOSING)

    def _numeric(self, address: Any) -> Any:
        """An address with the host's name looked up here, as a socket of this machine would."""
        if (
            self.family not in _IP
            or not isinstance(address, tuple)
            or len(address) < 2
            or not isinstance(address[0], str)
        ):
            return address
        host = address[0]
        if not host or host == "<broadcast>":
            return address
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(self.family, host.partition("%")[0])
            return address
        found = socket.getaddrinfo(host, None, self.family)[0][4]
        return (found[0], *address[1:])

    # What comes in

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        far = self._far
        if far is None:
            return super().recv(size, flags)
        if not far.stream:
            return self._message(flags)[0][:size]
        return self._read(super().recv(size, flags), size)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        far = self._far
        if far is None:
            return super().recv_into(buffer, size, flags)
        if far.stream:
            return self._read(super().recv_into(buffer, size, flags), size or len(buffer))
        return _fill(buffer, size, self._message(flags)[0])

    def recvfrom(self, size: int, flags: int = 0, /) -> tuple[bytes, Any]:
        far = self._far
        if far is None:
            return super().recvfrom(size, flags)
        if far.stream:
            return self.recv(size, flags), None
        data, address = self._message(flags)
        return data[:size], address

    def recvfrom_into(self, buffer: Any, size: int = 0, flags: int = 0) -> tuple[int, Any]:
        far = self._far
        if far is None:
            return super().recvfrom_into(buffer, size, flags)
        if far.stream:
            return self.recv_into(buffer, size, flags), None
        data, address = self._message(flags)
        return _fill(buffer, size, data), address

    def recvmsg(self, size: int, room: int = 0, flags: int = 0, /) -> tuple[bytes, list[Any], int, Any]:
        if self._far is None:
            return super().recvmsg(size, room, flags)
        data, address = self.recvfrom(size, flags)
        return data, [], 0, address

    def recvmsg_into(self, buffers: Iterable[Any], room: int = 0, flags: int = 0, /) -> tuple[int, list[Any], int, Any]:
        if self._far is None:
            return super().recvmsg_into(buffers, room, flags)
        views = [memoryview(each).cast("B") for each in buffers]
        data, address = self.recvfrom(sum(map(len, views)), flags)
        at = 0
        for view in views:
            part = data[at : at + len(view)]
            view[: len(part)] = part
            at += len(part)
        return at, [], 0, address

    def _read(self, got: Got, wanted: int) -> Got:
        """What was read; nothing is the end of the stream, or what went wrong over there."""
        if not got and wanted and self._far is not None:
            if self._far.errors:
                raise self._far.errors.popleft()
            if not self._far.connected:
                raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return got

    def _message(self, flags: int) -> tuple[bytes, Any]:
        data = super().recv(MESSAGE, flags)
        if not data:
            raise OSError(errno.ENETDOWN, "the lab of this socket has ended")
        content, address, error = unpacked(data)
        if error:
            raise OSError(*error)
        return content, from_data(address)

    # What goes out

    def send(self, data: Any, flags: int = 0, /) -> int:
        if self._far is None:
            return super().send(data, flags)
        self._check_connected()
        return super().send(data, flags) if self._far.stream else self._post(data, None)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        if self._far is None:
            super().sendall(data, flags)
            return
        self._check_connected()
        if self._far.stream:
            super().sendall(data, flags)
        else:
            self._post(data, None)

    def sendto(self, data: Any, *flags_and_address: Any) -> int:
        if self._far is None:
            sent: int = MachineSocket.sendto(self, data, *flags_and_address)
            return sent
        if self._far.stream:
            return self.send(data)
        return self._post(data, self._numeric(flags_and_address[-1]))

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        if self._far is None:
            return super().sendmsg(buffers, ancdata, flags, address)
        if list(ancdata):
            raise OSError(errno.EOPNOTSUPP, "ancillary data cannot go into a lab of kind vm")
        data = b"".join(bytes(each) for each in buffers)
        return self.send(data, flags) if address is None else self.sendto(data, address)

    def _post(self, data: Any, address: Any) -> int:
        assert self._far is not None
        message = bytes(data)
        self._far.ask("send", base64.b64encode(message).decode(), to_data(address))
        return len(message)

    def _check_connected(self) -> None:
        far = self._far
        if far is not None and far.stream and not far.connected:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _fill(buffer: Any, size: int, data: bytes) -> int:
    view = memoryview(buffer).cast("B")
    part = data[: size or len(view)][: len(view)]
    view[: len(part)] = part
    return len(part)
