"""Many commands in few system calls, each with what it changed: the pipeline of a cell that tells its changes.

``pipeline.py`` sends many requests in one datagram and reads only refusals. Here, what a command changed is asked for in that
same datagram: the kernel does the messages of a datagram in order, so an RTM_GETLINK behind a request is answered with the link
as that one request has left it, and one before it with what was there; a new address or route is echoed by the kernel itself
(NLM_F_ECHO: ``nlmsg_notify`` in net/netlink/af_netlink.c sends the notification to who asked, too). Answers carry the number of
their request, so there is nothing to guess about which command changed what.

That is enough for commands whose whole effect is on the things that they name. Which those are is decided before anything is
sent (``plain.py``, ``_plain``); all others are done by themselves, with the state read before and after (``Work.do``), and so are
told by ``delta.py``. The words are the same either way (tests/agent/test_series.py compares them on random cells).

Reading the answers takes as long as making them. What the first commands changed is read while the others go on (``pause``); what the
others did is read at the end, unless one of them was refused (``tell``, ``finish``).

It is longer than 300 lines because gathering, sending and answering share the state of the commands under way; what could be cut off is
in ``plain``, ``facts`` and ``pipeline``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from nsmagic.errors import NsmagicError
from nsmagic.netlink import apply, decode, delta, dump, encode, peers
from nsmagic.netlink.context import Context, Message
from nsmagic.netlink.delta import Delta
from nsmagic.netlink.facts import Fact
from nsmagic.netlink.live import Live
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.peers import PAIRED, Row, Space, State
from nsmagic.netlink.pipeline import Ahead
from nsmagic.netlink.plain import PLAIN
from nsmagic.netlink.raw import RawLink, with_netnsid
from nsmagic.netlink.socket import Answer, NetlinkError, RouteSocket
from nsmagic.netlink.words import AF_INET6, RTM_GETADDR, RTM_GETLINK

NLM_F_ECHO = 0x8
#: Messages in one datagram at most, and how many of them may be asked to answer: the answers wait in the socket's buffer, and one
#: about a bridge's port takes 4 KiB of the 208 that it has.
_MOST, _MOST_ANSWERS = 60, 24
#: Other tools look before they act.
_TOOL = "ip"
_SIMPLE = frozenset({"veth", "bridge", "dummy", "loopback"})

#: Answers of so many commands are kept unread at most.
_MOST_KEPT = 10_000


class Hears(Protocol):
    """Who hears what came of commands, in order."""

    def answered(
        self, number: int, error: NsmagicError | None, notes: tuple[str, ...], changes: list[Delta]
    ) -> object: ...

    def alone(
        self,
        number: int,
        ns: str,
        verb: str,
        args: Mapping[str, Any],
        tool: str,
        wants: Sequence[str] = (),
        tried: int = 0,
    ) -> object:
        """Do a command by itself and answer it; called when all before it are answered. ``tried`` is as ``apply`` takes it."""

    def broke(self, number: int, error: Exception) -> object:
        """The kernel's answer could not be read: a bug of ours."""


class _Step:
    """One command under way."""

    notes: tuple[str, ...] = ()
    error: NsmagicError | None = None
    #: It was refused for the number that we chose, and is to be done once more.
    again = False
    #: The number of the link that it is about.
    index = 0
    #: What the kernel said: of the link before and after; of a new address or route, or of a new link's other end.
    before: Answer | None = None
    after: Answer | None = None
    row: Answer | None = None
    #: The namespace and the number of a new link's other end.
    peer: tuple[Live, int] | None = None

    def __init__(self, hears: Hears, number: int, live: Live | None, verb: str, args: Mapping[str, Any]) -> None:
        self.hears, self.number, self.live, self.verb, self.args = hears, number, live, verb, args


class Told:
    """A series of commands that are answered, in order, with what each changed.

    Parameters
    ----------
    ctx
        The lab.
    monitor
        Follows it; its state is current when the series begins, and takes in what the kernel answers.
    facts
        Where what is done is noted.
    most
        When so many changes have been told, the others wait for the end.
    """

    def __init__(self, ctx: Context, monitor: Monitor, facts: list[Fact], most: float) -> None:
        self._ahead = Ahead(ctx)
        self._monitor, self._most = monitor, most
        # A Live has the name and the links of a namespace, which is all that a row needs of a state.
        self._state = cast(State, monitor.lives)
        #: What was done, for the moments of the history.
        self.facts = facts
        self._queue: deque[_Step] = deque()
        #: How many changes were told, and whether one of those who wait has something to say that cannot.
        self._told, self._pressing = 0, False
        self._sock: RouteSocket | None = None
        self._data: list[tuple[int, int, bytes]] = []
        #: What is asked about in this datagram: place, for which command, what of it.
        self._asked: list[tuple[int, _Step, str]] = []
        self._sent: dict[int, _Step] = {}
        self._here: set[int] = set()
        self._owed: dict[RouteSocket, list[tuple[_Step, int, str]]] = {}
        #: (namespace, index) → kind, master, MTU, as they will be when all is done.
        self._links: dict[tuple[int, int], list[Any]] = {}
        #: Links made here that nobody has switched on: nothing happens to them by itself.
        self._still: set[tuple[int, int]] = set()
        self._below: set[tuple[int, int]] | None = None
        #: The rows made last, and of what: what was new to one command is old to the next.
        self._rows: dict[tuple[int, int], tuple[RawLink, Row]] = {}

    # Commands

    def do(self, hears: Hears, number: int, live: Live, verb: str, args: Mapping[str, Any], tool: str) -> bool:
        """One more command; False when it has to be done by itself (then nothing was done)."""
        plain = PLAIN.get(verb)
        if plain is None or tool != _TOOL or not plain(args):
            return False
        step = _Step(hears, number, live, verb, args)
        self._ahead.taken()
        try:
            plan = apply.prepare(self._ahead, live.name, verb, args, tool)
            if verb == "link.set" and not self._plain(step, live):
                return False
        except NsmagicError as error:
            self.refuse(hears, number, error)
            return True
        (message,) = plan.messages
        step.notes = plan.notes
        self._pressing = self._pressing or bool(plan.notes)
        sock = live.sock
        if sock is not self._sock or len(self._data) >= _MOST or len(self._asked) >= _MOST_ANSWERS:
            self._send()
            self._begin(sock)
        self._queue.append(step)
        if verb == "link.add":
            self._add(step, live, message)
        elif verb == "link.set":
            self._set(step, live, message)
        elif verb == "addr.add" and ":" in args["address"]:
            # Of these the kernel sends no echo: one asks for it.
            self._put(step, message.type, message.flags, message.body)
            self._ask(step, RTM_GETADDR, _address_request(message.body, args["address"]), "row")
        else:
            self._asked.append((len(self._data), step, "row"))
            self._put(step, message.type, message.flags | NLM_F_ECHO, message.body)
        return True

    def refuse(self, hears: Hears, number: int, error: NsmagicError) -> None:
        """A command was refused without having been sent."""
        step = _Step(hears, number, None, "", {})
        step.error, self._pressing = error, True
        self._queue.append(step)

    def made(self, hears: Hears, number: int, name: str) -> None:
        """A namespace was made. Its loopback is number 1."""
        live = self._monitor.live(name)
        step = _Step(hears, number, live, "netns.add", {})
        self._ahead.known[name, "lo"] = 1
        self._links[live.nsid, 1] = ["loopback", 0, 0]
        self._still.add((live.nsid, 1))
        if self._monitor.new_loopback is None:
            self._owe(step, live, 1, "after")
        self._queue.append(step)

    def waiting(self, hears: Hears | None = None) -> int:
        """How many commands are not told yet; of one who hears, or of all."""
        return len(self._queue) if hears is None else sum(step.hears is hears for step in self._queue)

    def pause(self) -> None:
        """Send all, and tell what is not to wait for the end."""
        self._send_all()
        if self._pressing:
            self._tell(max((at for at, step in enumerate(self._queue, 1) if step.error or step.notes), default=0))
            self._pressing = False
        while self._queue and self._told < self._most:
            self._tell(1)
        self._tell(len(self._queue) - _MOST_KEPT)

    def tell(self, most: int) -> None:
        """Tell of so many commands that wait."""
        self._tell(min(most, len(self._queue)))

    def finish(self) -> None:
        """Send and answer all."""
        self._send_all()
        self._tell(len(self._queue))

    def _send_all(self) -> None:
        self._send()
        for sock in list(self._owed):
            self._begin(sock)
            self._send()

    def forget(self) -> None:
        """Something else was done meanwhile: names may mean other links."""
        self._ahead.forget()
        self._links.clear()
        self._still.clear()
        self._rows.clear()
        self._below = None

    # What is plain

    def _plain(self, step: _Step, live: Live) -> bool:
        """Whether nothing but the link itself is different afterwards, as far as anybody would say.

        Not when something is stacked upon it (a vlan goes up with it), when its master is no bridge, or when the MTU of a bridge
        would follow that of a new port.
        """
        nsid, args = live.nsid, step.args
        step.index = self._ahead.ifindex(live.name, args["dev"])
        link = self._seen(live, step.index)
        if link is None or link[0] not in _SIMPLE or (nsid, step.index) in self._lowers():
            return False
        if "master" not in args:
            master = self._seen(live, link[1]) if link[1] else None
            return not link[1] or (master is not None and master[0] == "bridge")
        index = self._ahead.ifindex(live.name, args["master"])
        bridge = self._seen(live, index)
        if (
            link[1]
            or link[0] not in ("veth", "dummy")
            or bridge is None
            or bridge[0] != "bridge"
            or bridge[2] != link[2]
        ):
            return False
        link[1] = index
        return True

    def _seen(self, live: Live, index: int) -> list[Any] | None:
        """Kind, master and MTU of a link."""
        found = self._links.get((live.nsid, index))
        if found is None and index in live.links:
            link = live.links[index][1]
            found = self._links[live.nsid, index] = [link.kind, link.master, link.mtu]
        return found

    def _lowers(self) -> set[tuple[int, int]]:
        """The links upon which others are stacked, in whichever namespace."""
        if self._below is None:
            self._below = {
                (nsid if link.netnsid < 0 else link.netnsid, link.lower)
                for nsid, live in self._monitor.lives.items()
                for _, link in live.links.values()
                if link.lower and link.kind not in PAIRED
            }
        return self._below

    # Sending

    def _begin(self, sock: RouteSocket) -> None:
        """A new datagram; it begins with what is still to be asked there."""
        self._sock = sock
        for step, index, name in self._owed.pop(sock, ()):
            self._look(step, index, name)

    def _put(self, step: _Step, kind: int, flags: int, body: bytes) -> None:
        """What a command does."""
        self._sent[len(self._data)] = step
        self._data.append((kind, flags, body))

    def _ask(self, step: _Step, kind: int, body: bytes, name: str) -> None:
        self._asked.append((len(self._data), step, name))
        self._data.append((kind, 0, body))

    def _look(self, step: _Step, index: int, name: str) -> None:
        """Ask about a link."""
        self._ask(step, RTM_GETLINK, dump.link_request(None, index), name)
        self._here.add(index)

    def _owe(self, step: _Step, live: Live, index: int, name: str) -> None:
        """Ask about a link with whatever is sent to its namespace next: nothing that is done before that changes it."""
        self._owed.setdefault(live.sock, []).append((step, index, name))

    def _set(self, step: _Step, live: Live, message: Message) -> None:
        key = (live.nsid, step.index)
        if key not in self._still and step.index not in self._here:
            self._look(step, step.index, "before")
        self._put(step, message.type, message.flags, message.body)
        self._look(step, step.index, "after")
        if "up" in step.args:
            self._still.discard(key)

    def _add(self, step: _Step, live: Live, message: Message) -> None:
        """A new link. Its number may turn out to be taken, so nothing is sent with it that needs it."""
        numbers = self._ahead.taken()
        self._put(step, message.type, message.flags, message.body)
        step.index = numbers[0]
        self._look(step, step.index, "after")
        ends = [(live, step.index)]
        if step.args["kind"] == "veth":
            there = self._monitor.live(step.args["peer"].get("netns", live.name))
            step.peer = (there, numbers[1])
            ends.append(step.peer)
            if there is live:
                self._look(step, numbers[1], "row")
        self._send()
        if step.again:
            self.finish()
        elif step.error is None:
            self._ahead.made(live.name, step.args, numbers)
            for end, index in ends:
                self._links[end.nsid, index] = [step.args["kind"], 0, 1500]
                self._still.add((end.nsid, index))
            if step.peer is not None and step.peer[0] is not live:
                self._owe(step, step.peer[0], numbers[1], "row")

    def _send(self) -> None:
        """Send what was gathered and keep the answers with the commands to which they belong: they are read together (``_tell``),
        which takes half the time of reading each between two visits to the kernel."""
        data, asked, sent, sock = self._data, self._asked, self._sent, self._sock
        if not data or sock is None:
            return
        self._data, self._asked, self._sent, self._sock = [], [], {}, None
        self._here = set()
        answers: dict[int, Answer] = {}
        for place, error in sock.requests(data, answers).items():
            if place in sent:
                self._refused(sent[place], error)
        for place, step, name in asked:
            if place in answers:
                setattr(step, name, answers[place])

    def _refused(self, step: _Step, error: NetlinkError) -> None:
        assert step.live is not None
        if step.verb == "link.add" and apply.number_taken(
            self._ahead.ctx, step.live.name, step.args, _TOOL, error
        ):  # fmt: skip
            step.again = True
            return
        step.error, self._pressing = apply.refusal(step.live.name, step.verb, step.args, _TOOL, error), True

    # Answering

    def _tell(self, count: int) -> None:
        """Answer the first of the commands that were sent, in order."""
        last = len(self._queue) - count
        while len(self._queue) > max(last, 0):
            step = self._queue.popleft()
            if step.again:
                assert step.live is not None
                step.hears.alone(step.number, step.live.name, step.verb, step.args, _TOOL, tried=1)
                self.forget()
                continue
            try:
                changes = self._changes(step)
            except Exception as error:  # noqa: BLE001 - the others have their answers all the same
                step.hears.broke(step.number, error)
            else:
                self._told += len(changes)
                step.hears.answered(step.number, step.error, () if step.error else step.notes, changes)

    def _changes(self, step: _Step) -> list[Delta]:
        """What a command changed; the monitor learns it."""
        live = step.live
        if live is None:
            return []
        if step.verb == "link.set":
            return self._changes_of_link(step, live)
        if step.error is not None:
            return []
        if step.verb == "link.add":
            return self._changes_of_new_link(step, live)
        if step.verb == "netns.add":
            return self._changes_of_new_namespace(step, live)
        if step.row is None:
            raise NsmagicError("the kernel did not say what it has made")
        if step.verb == "addr.add":
            address = decode.addr(*step.row)
            self.facts.append(("addrs6" if address.family == "inet6" else "addrs4", live.nsid, 0, address))
            hidden = delta.made_by_kernel(address)
            return [] if hidden else [["+", "addrs", None, peers.addr_row(self._state[live.nsid], address)]]
        route = decode.route(*step.row)
        self.facts.append(("routes6" if route.family == "inet6" else "routes4", live.nsid, 0, route))
        hidden = delta.by_kernel(route)
        return [] if hidden else [["+", "routes", None, peers.route_row(self._state[live.nsid], route)]]

    def _changes_of_new_namespace(self, step: _Step, live: Live) -> list[Delta]:
        space = Space(live.name, live.inode, live.named, {})
        self.facts.append(("namespaces", live.nsid, 0, space))
        loopback = self._monitor.new_loopback if step.after is None else _link(step.after)
        if loopback is not None:
            self._monitor.new_loopback = self._take(live, loopback)
        return [["+", "namespaces", None, peers.namespace_row(space)]]

    def _changes_of_link(self, step: _Step, live: Live) -> list[Delta]:
        if step.before is not None:
            self._take(live, _link(step.before))
        known = live.links.get(step.index)
        if step.after is None or known is None:  # somebody else has taken it away meanwhile
            self._monitor.touch(live.name, "links")
            return []
        was = known[1]
        row = self._row(live, was)
        now = self._take(live, _link(step.after))
        if step.error is not None or not delta.decided(was, now):
            return []
        return [["~", "links", row, self._row(live, now)]]

    def _changes_of_new_link(self, step: _Step, live: Live) -> list[Delta]:
        if step.after is None or (step.peer is not None and step.row is None):
            self._monitor.touch(live.name, "links")
            return []
        if step.peer is None:
            new = [(live, self._take(live, _link(step.after)))]
        else:
            assert step.row is not None
            there = step.peer[0]
            # The kernel makes the other end first.
            other = self._take(there, _link(step.row), live.nsid)
            new = [(live, self._take(live, _link(step.after), there.nsid)), (there, other)]
        return [["+", "links", None, self._row(each, link)] for each, link in new]

    def _row(self, live: Live, link: RawLink) -> Row:
        """The row of a link. Nothing that a row shows of other links is changed by what is done here."""
        key = (live.nsid, link.ifindex)
        known = self._rows.get(key)
        if known is None or known[0] is not link:
            known = self._rows[key] = (link, peers.link_row(self._state, live.nsid, link))
        return known[1]

    def _take(self, live: Live, row: RawLink, far: int = -1) -> RawLink:
        """Have the monitor know a link. A namespace's own socket counts other namespaces by numbers of its own: ``far`` is the
        right one."""
        if row.netnsid >= 0:
            known = live.links.get(row.ifindex)
            row = with_netnsid(row, known[1].netnsid if known is not None else far)
        self._monitor.take(live, row)
        self.facts.append(("links", live.nsid, live.links[row.ifindex][0], row))
        return row


def _address_request(body: bytes, address: str) -> bytes:
    """The body of an RTM_GETADDR for the address that a request made."""
    index: int = decode.IFADDR.unpack_from(body)[-1]
    return encode.address_body({"local": address}, AF_INET6, 0, index)


def _link(answer: Answer) -> RawLink:
    """A link as answered. No two answers are alike (they have times in them), so none is looked for among those read before."""
    data, at, end = answer
    return decode.link(data[at:end], 0, end - at)
