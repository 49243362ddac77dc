"""Many commands in few system calls: requests are gathered and sent together, and the kernel's refusals go to their commands.

The kernel does the messages of one datagram in order, before ``send`` returns; only the last asks for an acknowledgement, the
others answer when they are refused. So gathered are requests to one socket, at most ``MOST``: an answer each is then far from
the 166 at which the socket's buffer overflows. What a later command may need ends a gathering: a new link (its number may turn
out to be taken), and whatever can give a name to another link. The result is that of one command after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.errors import NsmagicError
from nsmagic.netlink import apply, lookup
from nsmagic.netlink.context import Context
from nsmagic.netlink.socket import RouteSocket

#: Messages that are sent together at most.
MOST = 100
#: Arguments of ``link.set`` after which a name may mean another link, or a number another name.
_NAMING = frozenset({"name", "netns", "index", "group_all"})

Answered = Callable[[int, NsmagicError | None, tuple[str, ...]], object]


class Pipeline:
    """A series of commands that ``apply.can_pipeline``.

    Parameters
    ----------
    ctx
        The lab.
    answered
        Called for each command in order, with its number, its refusal or None, and its notes.
    """

    def __init__(self, ctx: Context, answered: Answered) -> None:
        self._ahead = Ahead(ctx)
        self._answered = answered
        self._sock: RouteSocket | None = None
        self._data: list[tuple[int, int, bytes]] = []
        self._commands: list[tuple[int, str, str, Mapping[str, Any], str, tuple[str, ...]]] = []

    def do(self, number: int, ns: str, verb: str, args: Mapping[str, Any], tool: str = "ip") -> None:
        """One more command; it may be sent later, with others."""
        self._ahead.taken()
        try:
            plan = apply.prepare(self._ahead, ns, verb, args, tool)
        except NsmagicError as error:
            self.flush()
            self._answered(number, error, ())
            return
        if len(plan.messages) != 1:
            self.flush()
            self._at_once(number, ns, verb, args, tool)
            return
        message = plan.messages[0]
        sock = self._ahead.socket(message.ns)
        if sock is not self._sock or len(self._data) >= MOST:
            self.flush()
            self._sock = sock
        self._data.append((message.type, message.flags, message.body))
        self._commands.append((number, ns, verb, args, tool, plan.notes))
        if verb == "link.add":
            made = self._ahead.taken()
            refused = self.flush()
            if not refused:
                self._ahead.made(ns, args, made)
        elif verb in ("link.del", "link.property") or (verb == "link.set" and not _NAMING.isdisjoint(args)):
            self.flush()
            self._ahead.forget()

    def fresh(self, ns: str) -> None:
        """A namespace was made a moment ago: its loopback is number 1."""
        self._ahead.known[ns, "lo"] = 1

    def forget(self) -> None:
        """Something else was done meanwhile: names may mean other links."""
        self.flush()
        self._ahead.forget()

    def flush(self) -> bool:
        """Send what was gathered, and tell how it went; whether any of it was refused."""
        data, commands, sock = self._data, self._commands, self._sock
        if not data or sock is None:
            return False
        self._data, self._commands, self._sock = [], [], None
        refusals = sock.requests(data)
        for at, (number, ns, verb, args, tool, notes) in enumerate(commands):
            error = refusals.get(at)
            if error is None:
                self._answered(number, None, notes)
            elif verb == "link.add" and apply.number_taken(self._ahead.ctx, ns, args, tool, error):
                self._at_once(number, ns, verb, args, tool, tried=1)
            else:
                self._answered(number, apply.refusal(ns, verb, args, tool, error), ())
        return bool(refusals)

    def _at_once(
        self, number: int, ns: str, verb: str, args: Mapping[str, Any], tool: str, tried: int = 0
    ) -> None:  # fmt: skip
        try:
            outcome = apply.apply(self._ahead.ctx, ns, verb, args, tool, tried)
        except NsmagicError as error:
            self._answered(number, error, ())
        else:
            self._answered(number, None, outcome.notes)


class Ahead:
    """The lab as it is when all that was gathered is done: knows the numbers of new links without asking."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.known: dict[tuple[str, str], int] = {}
        self._taken: list[int] = []
        self.mac = ctx.mac
        self.queues = ctx.queues
        self.nsfd = ctx.nsfd
        self.socket = ctx.socket

    def new_ifindex(self, ns: str) -> int:
        """A number for a new link."""
        self._taken.append(self.ctx.new_ifindex(ns))
        return self._taken[-1]

    def taken(self) -> list[int]:
        """The numbers asked for since the last time."""
        taken, self._taken = self._taken, []
        return taken

    def ifindex(self, ns: str, name: str) -> int:
        """The number of a link, by the kernel's word unless it is known."""
        index = self.known.get((ns, name))
        if index is None:
            index = self.known[ns, name] = lookup.find(self.socket(ns), name, ns)
        return index

    def made(self, ns: str, args: Mapping[str, Any], numbers: list[int]) -> None:
        """A new link, or both ends of a pair, are there under the names that they were given."""
        if "index" in args:
            return
        for end, index in zip((args, args.get("peer") or {}), numbers, strict=False):
            name, where = end.get("ifname"), end.get("netns", ns)
            if "index" in end or not isinstance(where, str):
                return
            if name and "%" not in name:
                self.known[where, name] = index

    def forget(self) -> None:
        """Names may mean other links from now on."""
        self.known.clear()
        self._taken.clear()
