"""Python whose sockets live in a namespace: what ``%%netns red --python`` and ``lab["red"].python()`` put in place.

Within the block ``socket.socket`` is a subclass that asks the lab for its descriptor, and the look-ups of names ask the lab's
resolver. Sockets of other families (Unix, netlink) stay the machine's. Sockets made after the block are the machine's again;
those made in it stay where they were born.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nsmagic.lab import Lab

_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_PACKET", -1)})
_LOOK_UPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
#: Two blocks at once in two threads would undo each other's patches: one at a time.
_lock = threading.RLock()


@contextmanager
def sockets_in(lab: Lab, ns: str) -> Iterator[None]:
    """Put the block's sockets and look-ups into a namespace; undone at its end, whatever happens in it."""
    machine = socket.socket

    class LabSocket(machine):  # type: ignore[misc,valid-type]
        """A socket of the namespace."""

        def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
            family = socket.AF_INET if family == -1 else family
            if fileno is not None or family not in _FAMILIES:
                super().__init__(family if fileno is None else -1, type, proto, fileno)
                return
            kind = socket.SOCK_STREAM if type == -1 else type
            made = lab.socket(ns, family, kind, 0 if proto == -1 else proto)
            super().__init__(fileno=made.detach())
            lab.track(self)

    def look_up(name: str) -> Any:
        def ask(*arguments: Any, **named: Any) -> Any:
            if name == "getaddrinfo":
                return [_entry(each) for each in lab.resolve(ns, name, *_addrinfo(*arguments, **named))]
            answer = lab.resolve(ns, name, *arguments)
            return tuple(answer) if isinstance(answer, list) else answer

        return ask

    with _lock:
        before = {name: getattr(socket, name) for name in _LOOK_UPS}
        socket.socket = LabSocket  # type: ignore[misc]
        for name in _LOOK_UPS:
            setattr(socket, name, look_up(name))
        try:
            yield
        finally:
            socket.socket = machine  # type: ignore[misc]
            for name, function in before.items():
                setattr(socket, name, function)


def _addrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> tuple[Any, Any, int, int, int, int]:
    host = host.decode("idna") if isinstance(host, bytes) else host
    return host, port, int(family), int(type), int(proto), int(flags)


def _entry(answer: list[Any]) -> tuple[Any, ...]:
    family, kind, proto, name, address = answer
    return socket.AddressFamily(family), socket.SocketKind(kind), proto, name, tuple(address)
