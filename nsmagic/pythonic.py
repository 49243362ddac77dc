"""Python whose sockets live in a namespace: what ``%%netns red --python`` and ``lab["red"].python()`` put in place.

Within the block ``socket.socket`` is ``LabSocket``, which asks the lab for its descriptor, and the look-ups of names ask the lab's
resolver; those of interfaces (``if_nameindex``) know the namespace's. Sockets of other families (Unix, netlink) stay the machine's.
Sockets made after the block are the machine's again; those made in it stay where they were born.

The block belongs to the thread or task that entered it and to the threads that these start, so two threads can be in two
namespaces at once. A thread that is in no block of its own (one of a pool that is older than the block) counts as in the block
that was entered last: what runs on behalf of a block must not reach the machine's network.

``LabSocket`` and our look-ups are made once and, with no block open, do what Python's own do: a module that is imported within a
block and keeps them (``from socket import socket``, as ``ssl`` has it) loses nothing.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nsmagic.errors import KernelRefused
from nsmagic.framed import FramedSocket, MachineSocket

if TYPE_CHECKING:
    from nsmagic.lab import Lab

_IP = frozenset({socket.AF_INET, socket.AF_INET6})
_FAMILIES = _IP | {getattr(socket, "AF_PACKET", -1)}
_LOOK_UPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
_INTERFACES = ("if_nameindex", "if_nametoindex", "if_indextoname")


# Where sockets are made


class _Block:
    """A block that was entered: its lab and namespace, and whether it is still open."""

    def __init__(self, lab: Lab, ns: str) -> None:
        self.lab, self.ns = lab, ns
        self.open = True


_lock = threading.Lock()
_entered: list[_Block] = []
_mine: ContextVar[_Block | None] = ContextVar("nsmagic_block", default=None)
_started_in: weakref.WeakKeyDictionary[threading.Thread, _Block] = weakref.WeakKeyDictionary()


def _current() -> _Block | None:
    """The block that the caller is in: its own, that of who started its thread, or the one entered last."""
    for block in (_mine.get(), _started_in.get(threading.current_thread())):
        if block is not None and block.open:
            return block
    with _lock:
        return _entered[-1] if _entered else None


@contextmanager
def sockets_in(lab: Lab, ns: str) -> Iterator[None]:
    """Put the block's sockets and look-ups into a namespace; undone at its end, whatever happens in it."""
    block, outer = _Block(lab, ns), _mine.get()
    with _lock:
        if not _entered:
            _before.update(_put(_ours))
        _entered.append(block)
    _mine.set(block)
    try:
        yield
    finally:
        block.open = False
        _mine.set(outer)
        with _lock:
            _entered.remove(block)
            if not _entered:
                _put(_before)


def _put(names: dict[str, Any]) -> dict[str, Any]:
    """Put something in the place of what is there; what was there."""
    before = {}
    for name, value in names.items():
        place: Any = threading.Thread if name == "start" else socket
        before[name] = getattr(place, name)
        setattr(place, name, value)
    return before


# What stands in socket's place


class _AnySocket(type):
    """Within a block the machine's sockets are instances of ``socket.socket`` too, as they are outside."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, MachineSocket) if cls is LabSocket else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, MachineSocket) if cls is LabSocket else super().__subclasscheck__(subclass)


class LabSocket(FramedSocket, metaclass=_AnySocket):
    """A socket of the namespace of the block in which it was made; outside of any block, an ordinary one."""

    _lab: weakref.ref[Lab] | None = None
    _ns = ""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        block = _current() if fileno is None else None
        if block is None or (family != -1 and family not in _FAMILIES):
            super().__init__(family, type, proto, fileno)
            return
        family = socket.AF_INET if family == -1 else family
        type = socket.SOCK_STREAM if type == -1 else type
        proto = 0 if proto == -1 else proto
        try:
            made = block.lab.socket(block.ns, family, type, proto)
        except KernelRefused as refusal:
            raise OSError(refusal.errno, refusal.kernel) from None
        if isinstance(made, FramedSocket):
            self._far = made._far
        super().__init__(family, type, proto, made.detach())
        self._lab, self._ns = weakref.ref(block.lab), block.ns
        block.lab.track(self)

    def _born_in(self) -> Lab | None:
        return self._lab() if self._lab is not None else None

    def accept(self) -> tuple[Any, Any]:
        made, address = super().accept()
        self._same_place(made)
        return made, address

    def dup(self) -> Any:
        made = super().dup()
        self._same_place(made)
        return made

    def _same_place(self, made: Any) -> None:
        lab = self._born_in()
        if lab is not None:
            lab.track(made)
            if type(made) is LabSocket:
                made._lab, made._ns = self._lab, self._ns

    def detach(self) -> int:
        lab = self._born_in()
        if lab is not None and self.fileno() >= 0:
            # Whoever takes it over (ssl) puts it into an object that we do not see made.
            lab.track_descriptor(self.fileno())
        return super().detach()

    # The C code below these looks up a host's name by itself, at the machine's resolver.

    def connect(self, address: Any, /) -> None:
        super().connect(self._looked_up(address))

    def connect_ex(self, address: Any, /) -> int:
        return super().connect_ex(self._looked_up(address))

    def bind(self, address: Any, /) -> None:
        super().bind(self._looked_up(address))

    def sendto(self, data: Any, *flags_and_address: Any) -> int:
        *flags, address = flags_and_address or (None,)
        return super().sendto(data, *flags, self._looked_up(address))

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        return super().sendmsg(buffers, ancdata, flags, self._looked_up(address))

    def _looked_up(self, address: Any) -> Any:
        """The address with the host's name replaced by what the namespace's resolver says."""
        lab = self._born_in()
        if lab is None or self.family not in _IP or not isinstance(address, tuple) or len(address) < 2:
            return address
        host = address[0]
        if not isinstance(host, (str, bytes, bytearray)) or not host or host == "<broadcast>":
            return address
        text = host if isinstance(host, str) else bytes(host).decode("idna")
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(self.family, text)
            return address
        [first, *_] = lab.resolve(self._ns, "getaddrinfo", text, None, int(self.family), int(self.type), 0, 0)
        found = first[4]
        if self.family == socket.AF_INET6:
            flow, scope = (*address[2:4], 0, 0)[:2]
            return (found[0].partition("%")[0], address[1], flow, scope or found[3])
        return (found[0], *address[1:])


def _look_up(name: str) -> Any:
    machine = getattr(socket, name)

    def ask(*arguments: Any, **named: Any) -> Any:
        block = _current()
        if block is None:
            return machine(*arguments, **named)
        if name == "getaddrinfo":
            answers = block.lab.resolve(block.ns, name, *_addrinfo(*arguments, **named))
            return [_entry(each) for each in answers]
        answer = block.lab.resolve(block.ns, name, *map(_text, arguments))
        return tuple(answer) if isinstance(answer, list) else answer

    ask.__name__ = ask.__qualname__ = name
    ask.__doc__ = machine.__doc__
    return ask


def _interfaces(name: str) -> Any:
    """``if_nameindex`` and its kin, for the namespace of the block."""
    machine = getattr(socket, name)

    def ask(*arguments: Any) -> Any:
        block = _current()
        if block is None:
            return machine(*arguments)
        links = block.lab.snapshot("links", ns=block.ns).links
        numbers = {link.ifindex: link.ifname for link in sorted(links, key=lambda link: link.ifindex)}
        if name == "if_nameindex":
            return list(numbers.items())
        (asked,) = arguments
        found = numbers if name == "if_indextoname" else {ifname: number for number, ifname in numbers.items()}
        key = os.fsdecode(asked) if isinstance(asked, (str, bytes)) else asked
        if key not in found:
            raise OSError(
                errno.ENODEV if name == "if_nametoindex" else errno.ENXIO, f"{block.ns} has no interface {key}"
            )
        return found[key]

    ask.__name__ = ask.__qualname__ = name
    ask.__doc__ = machine.__doc__
    return ask


def _addrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> tuple[Any, Any, int, int, int, int]:
    return _text(host), _text(port), int(family), int(type), int(proto), int(flags)


def _text(value: Any) -> Any:
    return bytes(value).decode("idna") if isinstance(value, (bytes, bytearray)) else value


def _entry(answer: list[Any]) -> tuple[Any, ...]:
    family, kind, proto, name, address = answer
    return socket.AddressFamily(family), socket.SocketKind(kind), proto, name, tuple(address)


def _start(thread: threading.Thread) -> None:
    block = _current()
    if block is not None:
        _started_in[thread] = block
    _before["start"](thread)


#: What stood there when the first block was entered, and what we put there.
_before: dict[str, Any] = {"start": threading.Thread.start}
_ours: dict[str, Any] = {
    "socket": LabSocket, "start": _start, **{name: _look_up(name) for name in _LOOK_UPS},
    **{name: _interfaces(name) for name in _INTERFACES},
}  # fmt: skip


# What was handed out


class HandedOut:
    """The sockets of one lab that this process holds: an open one pins its namespace, so they are closed with the lab and in
    forked copies of the process."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._inodes: set[int] = set()

    def add(self, made: socket.socket) -> None:
        """Remember a socket."""
        self._sockets.add(made)

    def add_descriptor(self, number: int) -> None:
        """Remember the socket behind a descriptor that is about to go to an object we do not know."""
        self._inodes.add(os.fstat(number).st_ino)

    def close(self, *, shut: bool) -> None:
        """Close them all, also where a file made of one still uses it; with ``shut`` both ends are told, and whoever waits in
        one is woken (not in a forked copy, which only lets go)."""
        for made in [*self._sockets, *self._elsewhere()]:
            if shut:
                with contextlib.suppress(OSError):  # not connected, or closed before
                    MachineSocket.shutdown(made, socket.SHUT_RDWR)
            number = MachineSocket.detach(made)
            if number >= 0:
                os.close(number)
        self._sockets.clear()
        self._inodes.clear()

    def _elsewhere(self) -> list[socket.socket]:
        """The objects that took over a descriptor. Looking for them is slow, and hardly ever needed."""
        if not self._inodes:
            return []
        found = []
        for each in gc.get_objects():
            if issubclass(type(each), MachineSocket) and each.fileno() >= 0:
                with contextlib.suppress(OSError):
                    if os.fstat(each.fileno()).st_ino in self._inodes:
                        found.append(each)
        return found
