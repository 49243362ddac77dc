"""What ``apply`` needs to know of the lab around it, as a Protocol (the agent implements it, so do the tests), and what
passes between ``apply`` and its handlers: ``Call`` in, ``Plan`` or ``Outcome`` out.

Namespaces are named as in ``model.py``; ``None`` is never passed on from here: whoever calls ``apply`` with ``ns=None`` means
``host``, and the context is asked for ``"host"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from nsmagic.netlink import refusals
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

    def new_ifindex(self, ns: str) -> int:
        """An interface number that no link of the lab has had; 0 leaves the choice to the kernel."""
        ...

    def mac(self, ns: str, ifname: str, kind: str) -> str | None:
        """The MAC that a new link gets when none was typed, derived from the lab's seed; None leaves it to the kernel.

        Only asked for kinds to which the kernel would give a random one. ``ifname`` is empty when the kernel chooses the name.
        """
        ...

    @property
    def queues(self) -> int:
        """How many queues an end of a new cable gets when nobody typed it; 0 leaves it to the kernel: one for each processor."""
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


class Plan(NamedTuple):
    """The requests of one command, in order, and what the tool writes to stderr although it succeeds (``notes``).

    The first refusal ends the plan.
    """

    messages: tuple[Message, ...]
    notes: tuple[str, ...] = ()


class Outcome:
    """What a command gave.

    ``rows`` (with ``table``, in the model's column order) are those of ``route.get`` and ``neigh.get``; ``lines`` are words
    that the tool prints to stdout, ``notes`` those to stderr although it succeeds; ``count`` is how many entries a flush
    deleted.
    """

    __slots__ = ("count", "lines", "notes", "rows", "table")

    def __init__(
        self,
        *,
        table: str = "",
        rows: Sequence[list[Any]] = (),
        lines: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        count: int = 0,
    ) -> None:
        self.table, self.rows, self.lines, self.notes, self.count = table, list(rows), lines, notes, count


class Call:
    """One command about to be done: the lab, the namespace, the verb with its arguments, the tool that was typed."""

    __slots__ = ("args", "ctx", "ns", "tool", "verb")

    def __init__(self, ctx: Context, ns: str, verb: str, args: Mapping[str, Any], tool: str = "ip") -> None:
        self.ctx, self.ns, self.verb, self.args, self.tool = ctx, ns, verb, args, tool

    @property
    def sock(self) -> RouteSocket:
        """The namespace's kept socket."""
        return self.ctx.socket(self.ns)

    def index(self, name: str, role: str = "dev") -> int:
        """The number of a link.

        Raises
        ------
        KernelRefused
            There is none; worded for its ``role`` in the command (``dev``, ``master`` …).
        """
        try:
            return self.ctx.ifindex(self.ns, name)
        except NoSuchDevice:
            raise refusals.no_device(self.tool, self.verb, self.args, role, name, self.ns) from None

    def plan(self, kind: int, flags: int, body: bytes) -> Plan:
        """A plan of one request on the namespace's socket."""
        return Plan((Message(self.ns, kind, flags, body),), ())

    def send(self, plan: Plan) -> Outcome:
        """Send the requests of a plan one by one, each answered before the next.

        Raises
        ------
        NetlinkError
            The kernel's first refusal.
        """
        for message in plan.messages:
            self.ctx.socket(message.ns).request(message.type, message.flags, message.body)
        return Outcome(notes=plan.notes)
