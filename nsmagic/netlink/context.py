"""What ``apply`` needs to know of the lab around it, as a Protocol: the agent implements it, so do the tests.

Namespaces are named as in ``model.py``; ``None`` is never passed on from here: whoever calls ``apply`` with ``ns=None`` means
``host``, and the context is asked for ``"host"``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from nsmagic.netlink.socket import RouteSocket


class Context(Protocol):
    """The lab, as far as writing to the kernel needs it."""

    def socket(self, ns: str) -> RouteSocket:
        """The kept socket of a namespace.

        Raises
        ------
        NamespaceNotFound
        """
        ...

    def nsfd(self, name: str) -> int:
        """An open descriptor of the namespace; it stays the context's own and open until the lab ends or the namespace goes.

        Raises
        ------
        NamespaceNotFound
        """
        ...

    def pidfd_ns(self, pid: int) -> int:
        """An open descriptor of the network namespace that a process of the lab is in (``/proc/PID/ns/net``).

        The caller closes it.

        Raises
        ------
        ProcessLookupError
            There is no such process.
        """
        ...

    def new_ifindex(self, ns: str) -> int:
        """An interface number that no link of the lab has had; 0 leaves the choice to the kernel."""
        ...

    def mac(self, ns: str, ifname: str, kind: str) -> str | None:
        """The MAC that a new link gets when none was typed, derived from the lab's seed; None leaves it to the kernel.

        Only asked for kinds to which the kernel would give a random one.
        """
        ...

    def ifindex(self, ns: str, name: str) -> int:
        """The number of the link with that name or alternative name (``lookup.find`` asks the kernel).

        Raises
        ------
        NoSuchDevice
        """
        ...


class NoSuchDevice(LookupError):
    """No link of that name in the namespace; ``apply`` words it as the tool does."""

    def __init__(self, name: str, ns: str) -> None:
        super().__init__(f"no link {name} in {ns}")
        self.name, self.ns = name, ns


class Message(NamedTuple):
    """One netlink request: the namespace on whose socket it goes, its type, its flags and what follows the header."""

    ns: str
    type: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command gave. ``rows`` (with ``table``) for ``route.get`` and ``neigh.get``; ``lines`` are words that the tool
    prints to stdout; ``count`` is how many entries a flush deleted."""

    table: str = ""
    rows: list[list[Any]] = field(default_factory=list)
    lines: tuple[str, ...] = ()
    count: int = 0
