"""A lab: network namespaces of its own that end with it. Everything a magic does is a method here first.

Who creates: ``Lab`` starts its agent at the first use; commands make namespaces inside it. Who owns: the agent, pid 1 of the
lab, holds every namespace; ``Namespace`` is only a name in a lab. Who destroys: the kernel, when pid 1 ends, which it does with
the notebook's process, with ``close()`` and with ``reset()``. There is no clean-up code to forget.

``life.py`` has how a lab begins and ends, ``reading.py`` its tables, ``sockets.py`` what it hands out; commands, and what stands on
them (pictures, traces, verdicts), are here.
"""

from __future__ import annotations

import socket as socket_
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from nsmagic import run as run_
from nsmagic import watching
from nsmagic.commands.cell import split
from nsmagic.commands.command import Cell
from nsmagic.commands.listed import is_list, parts
from nsmagic.commands.slips import is_stub
from nsmagic.environment import default_timeout
from nsmagic.errors import CommandSyntaxError, LabError, NamespaceNotFound, NotDoneYet
from nsmagic.history import Entry
from nsmagic.model import HOST, Change
from nsmagic.reading import Reading, Tables
from nsmagic.result import Both, Gather, Result, Sink
from nsmagic.sandbox import short
from nsmagic.sentences import say
from nsmagic.sockets import Sockets
from nsmagic.steps import begins_natively

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.events import Events, Heard
    from nsmagic.following import Following
    from nsmagic.topology.picture import Topology
    from nsmagic.trace.capture import Capture
    from nsmagic.trace.journey import Journey
    from nsmagic.why.verdict import Verdict
    from nsmagic.widgets.explorer import Explorer
    from nsmagic.widgets.live import Live
    from nsmagic.worlds.description import Source


class Lab(Reading, Sockets):
    """A lab of network namespaces on the real kernel, without root.

    Parameters
    ----------
    seed
        From which MAC addresses are derived: the same seed and the same commands give the same lab.
    sandbox
        ``"rootless"``, ``"rootless-nomount"``, ``"vm"`` or ``"host"``; None: ``NSMAGIC_SANDBOX``, else the first that works here.
    limits
        Overrides of the defaults that ``%lab status`` shows (``{"namespaces": 1000}``).
    folder
        The folder of the machine that the lab may write in; None: the current one.
    world
        The outside of the lab, by its name (``"home-lan"``) or its file; None: there is nothing outside.

    Raises
    ------
    SandboxUnavailable
        At the first use: no lab can be started here.

    >>> with Lab() as lab:
    ...     _ = lab.run("ip netns add red")
    ...     list(lab.namespaces["ns"])
    ['host', 'red']
    """

    _runs = 0

    # Commands

    def run(
        self,
        text: str,
        ns: str | None = None,
        *,
        timeout: float | None = None,
        stop: bool = False,
        background: bool = False,
        show: run_.Show = "table",
        changes: bool = True,
        sink: Sink | None = None,
        cell: int = 0,
    ) -> Result:
        """Run commands as a ``%%netns`` cell does, in a namespace (None: the lab's host).

        ``timeout`` is in seconds; ``stop`` ends at the first failing line; ``background`` lets it run on (``.value`` is the
        job); ``show`` is ``"table"``, ``"text"`` (the tool's own words) or ``"both"``. Without ``changes`` nothing is said of what
        commands changed. A failing line is in ``.errors``; ``.check()`` raises it.

        Raises
        ------
        CommandSyntaxError
            The text as a whole cannot be read (an unfinished quote); nothing was run.
        NamespaceNotFound
            There is no namespace ``ns``.
        NotDoneYet
            The text still has the stub of an assignment (nbgrader's, otter-grader's).
        LabDied
            The lab ended meanwhile.

        >>> with Lab() as lab:
        ...     result = lab.run("ip netns add red && ip -n red link")
        ...     print(result.value.ifname[0], result.ok)
        lo True
        """
        if not isinstance(text, str):
            raise TypeError(f"commands are a text, not {type(text).__name__}")
        if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
            raise LabError(f"a timeout is a number of seconds greater than 0, not {timeout!r}")
        if show not in get_args(run_.Show):
            raise LabError(f"show is one of {', '.join(get_args(run_.Show))}, not {show!r}")
        where = ns or HOST
        if is_stub(text):
            raise NotDoneYet(say("not-done"), hint=say("not-done-how"))
        # A long list is read while it runs; anything else has to be known as a whole before.
        at_once = where == HOST and show == "table" and not stop and not background and is_list(text)
        cell_read = split(text, where) if not at_once else Cell()
        client = self.client
        # The first request of native commands complains by itself of a namespace that is not there.
        known = where == HOST or begins_natively(cell_read, show)
        if not known:
            self._check(where)
        gather = Gather()
        both: Sink = gather if sink is None else Both(gather, sink)
        options = run_.Options(
            timeout=timeout or default_timeout(),
            stop=stop,
            background=background,
            show=show,
            changes=changes,
            cell=cell,
        )
        self._runs += 1
        if at_once:
            from nsmagic.flight import ListRunner

            many = ListRunner(self, client, where, both, options)
            many.run_parts(parts(text, where), text.count("\n") + 1)
            return Result(many.outcomes, gather, told=many.told)
        runner = run_.Runner(self, client, where, both, options)
        try:
            runner.run(cell_read)
        except NamespaceNotFound:
            self._check(where)  # in full words
            raise
        return Result(runner.outcomes, gather, told=runner.told)

    async def run_async(self, text: str, ns: str | None = None, **options: Any) -> Result:
        """:meth:`run`, to be awaited: several at once (``asyncio.gather``), or with a limit of time (``asyncio.timeout``). The options are
        those of :meth:`run`. Cancelled, it ends the running command and all that it started, as an interrupt does.

        Raises
        ------
        NsmagicError
            What :meth:`run` raises.

        >>> import asyncio
        >>> async def both(lab):
        ...     first, second = lab.run_async("ip netns add red"), lab.run_async("sleep 0.1 && echo slept")
        ...     return [result.ok for result in await asyncio.gather(first, second)]
        >>> with Lab() as lab:
        ...     asyncio.run(both(lab))
        [True, True]
        """
        from nsmagic import awaiting

        return await awaiting.run(self, text, ns, options)

    def build(self, description: Source) -> None:
        """Make what a description says: rooms, switches, cables, addresses (``nsmagic/worlds/description.py`` has its form). It is
        the path of a TOML file or the same as Python data, and comes on top of what there is.

        All of it goes to the kernel together, switches are switched on last: this is the fast way to hundreds of rooms. What it
        changed is not told; ``script()`` has it.

        Raises
        ------
        LabError
            It is not a description; nothing was made.
        NsmagicError
            The first thing that was refused, as the same typed command is. What could be made before it is there.

        >>> with Lab() as lab:
        ...     lab.build({"switch": [{"name": "br0", "addresses": "10.0.0.1/24"}],
        ...                "room": [{"name": "red", "addresses": {"eth0": "10.0.0.2/24"}, "gateway": "10.0.0.1"}],
        ...                "cable": [{"ends": ["red/eth0", "host/br0"]}]})
        ...     print(lab.run("ping -c 1 10.0.0.1", "red").value.received)
        1
        """
        from nsmagic import building

        self._runs += 1
        building.build(self, description)

    def note(self, ns: str, text: str, changes: Sequence[Change], cell: int, script: bool, moment: int = 0) -> None:
        """Remember a command that changed something (called by the runner)."""
        self.history.add(Entry(ns, text, changes, cell, script, self._runs, moment))

    def script(self) -> str:
        """Every successful changing command so far, as one cell that rebuilds the lab."""
        return self.history.script()

    # Namespaces

    def __getitem__(self, name: str) -> Namespace:
        """A namespace by its name (``host`` is the lab's own root).

        Raises
        ------
        NamespaceNotFound
        """
        self._check(name)
        return Namespace(self, name)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            words = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_") and self.seen(name):
                words += "; " + say("lab-attribute-ns", name=name)
            raise AttributeError(words)

    def __iter__(self) -> Iterator[Namespace]:
        return iter([Namespace(self, name) for name in self.names()])

    def __contains__(self, name: object) -> bool:
        return name == HOST or name in self.names()

    @property
    def sysctls(self) -> pd.DataFrame:
        """The kernel parameters ``net.*`` of the lab's host; ``lab["red"].sysctls`` has those of a namespace."""
        return Namespace(self, HOST).sysctls

    # On top

    @cached_property
    def _open(self) -> dict[tuple[tuple[str, ...], bool], Live]:
        return {}

    _explorer: Explorer | None = None

    def topology(
        self,
        *ns: str,
        all: bool = False,
        diff: bool = False,
        engine: str | None = None,
        renderer: str | None = None,
        step: int = 0,
    ) -> Topology:
        """The lab as a drawing: rooms, interfaces, cables, switches; of these namespaces only, if any are named.

        ``all`` shows the outside, ``lo`` and unnamed namespaces too. What the last cell (else the last ``run``) changed is
        marked; ``diff`` shows what it took away as well. ``engine`` is one of Graphviz's layouts, ``renderer`` is ``"bundled"`` or
        ``"path"`` (the machine's own ``dot``). ``step`` draws the lab as it was after that step of its history (the commands that
        changed something, counted from 1), and marks what this step changed.

        Raises
        ------
        NamespaceNotFound
            There is no such namespace.
        NsmagicError
            There is no such layout, or no such step.
        """
        from nsmagic.topology.picture import Topology

        if step:
            from nsmagic import past

            was = past.step(self.client, self.history.entries, step)
            return Topology(
                was.snapshot, ns or None, all=all, diff=diff, engine=engine, renderer=renderer,
                forwarding=was.forwarding, badges=was.badges, changes=was.changes, sandbox=short.of(self.client.about),
            )  # fmt: skip
        for name in ns:
            self._check(name)
        snapshot = self.snapshot("namespaces", "links", "addrs", "routes")
        return Topology(
            snapshot, ns or None, all=all, diff=diff, engine=engine, renderer=renderer,
            forwarding=self._forwarding(row.ns for row in snapshot.namespaces), badges=watching.nat_badges(self.client),
            changes=self.history.last_changes(), sandbox=short.of(self.client.about),
        )  # fmt: skip

    def live(self, *ns: str, all: bool = False) -> Live:
        """The lab as a picture that moves while commands run: a widget for a notebook. The same one each time, as long as it is
        not closed; ``ns`` and ``all`` as :meth:`topology` takes them.

        Its output holds the static picture, which stays when the widget is closed and when the notebook is opened again.

        Raises
        ------
        NamespaceNotFound
            There is no such namespace.
        NsmagicError
            anywidget is not installed.

        >>> with Lab() as lab:
        ...     _ = lab.run("ip netns add red")
        ...     live = lab.live()
        ...     print(live)
        ...     live.close()
        host
        ├─ lo                 UP
        └─ red
           └─ lo              DOWN
        """
        known = self._open.get((ns, all))
        if known is None or known.closed:
            known = self._open[ns, all] = self._new_live(ns, all)
        return known

    def _new_live(self, ns: tuple[str, ...] = (), all: bool = False) -> Live:
        from nsmagic.widgets import need

        need("the live picture")
        from nsmagic.feed import Feed
        from nsmagic.widgets.live import Live

        made = Live(self.topology(*ns, all=all))
        made.follow(Feed(self, made.show, made.packets, made.alive, ns=ns or None, all=all))
        return made

    def explorer(self) -> Explorer:
        """The live picture with each room's tables, buttons for the frequent things that write the commands they run, and the steps
        of the lab's history with their pictures: widgets for a notebook.

        Raises
        ------
        NsmagicError
            anywidget is not installed.

        >>> with Lab() as lab:
        ...     explorer = lab.explorer()
        ...     explorer.name.value = "red"
        ...     explorer.press("Add namespace")
        ...     print(explorer.commands.value)
        ...     print(lab.names())
        ...     explorer.close()
        %%netns
        ip netns add red
        ['red']
        """
        from nsmagic.widgets import need

        need("the explorer")
        from nsmagic.widgets.explorer import Explorer

        if self._explorer is None or self._explorer.closed:
            self._explorer = Explorer(self, self._new_live())
        return self._explorer

    @property
    def lives(self) -> list[Live]:
        """The live pictures that are open."""
        return [live for live in self._open.values() if not live.closed]

    def trace(self, ns: str, what: str, *, timeout: float | None = None) -> Journey:
        """Run a command in a namespace (an address, or a namespace's name, stands for one echo to it) while every interface of every namespace is watched, and join
        what was seen to the journeys of the packets, and what rules of nft and iptables decided over them, in namespaces that had rules when it
        began. The lab is the same before and after. ``timeout`` in seconds ends the command.

        Raises
        ------
        NamespaceNotFound
            There is no namespace ``ns``.
        CommandSyntaxError
            The command cannot be read.

        >>> with Lab() as lab:
        ...     print(lab.trace("host", "127.0.0.1").answered)
        True
        """
        from nsmagic.tracing import trace

        return trace(self, ns, what, timeout)

    def sniff(
        self,
        where: str = "any",
        filter: str = "",
        *,
        count: int = 0,
        timeout: float | None = None,
        snaplen: int = 0,
        background: bool = False,
    ) -> Capture:
        """Capture packets: of a namespace (``"red"``), of one interface of it (``"red:veth-red"``), or of all there are (``"any"``: the outside of
        a world too, and namespaces that are made meanwhile).

        ``filter`` is in tcpdump's language (``"icmp or arp"``, ``"tcp port 80"``); the kernel applies it. It ends after ``count`` packets, after
        ``timeout`` seconds, or with ``stop()``; ``background`` comes back at once, and else it is waited for. ``snaplen`` keeps only
        so many bytes of each packet.

        Raises
        ------
        NamespaceNotFound, KernelRefused
            There is no such namespace or interface.
        CommandSyntaxError
            The filter cannot be read; in libpcap's words.
        NsmagicError
            A filter, and no libpcap on this machine.

        >>> with Lab() as lab, lab.sniff("host:lo", background=True) as capture:
        ...     _ = lab.run("ping -c 1 127.0.0.1")
        ...     len(capture.stop())
        4
        """
        from nsmagic.trace.capture import SNAPLEN, Capture

        ns, _, dev = where.rpartition(":")
        if where in self or (where == "any" and where not in self):
            ns, dev = where, ""
        everywhere = ns == "any" and ns not in self
        if not everywhere:
            self._check(ns or where)
        if (
            filter
            and not dev
            and not everywhere
            and any(link.ifname == filter for link in self.snapshot("links", ns=ns).links)
        ):
            words = f"{filter} is an interface of {ns}, and no filter"
            raise CommandSyntaxError(words, text=filter, hint=say("sniff-interface", ns=ns, dev=filter))
        limit = timeout if timeout is not None or background or count else default_timeout()
        capture = Capture(
            self.client, [] if everywhere else [(ns, dev)], title="packets" if everywhere else f"packets of {where}",
            filter=filter, count=count, timeout=limit, snaplen=snaplen or SNAPLEN,
        )  # fmt: skip
        return capture if background else capture.wait()

    def sniff_live(
        self, where: str = "any", filter: str = "", *, count: int = 0, timeout: float | None = None, snaplen: int = 0
    ) -> Following:
        """Capture in the background, as :meth:`sniff` does, with a table that follows it in a notebook: the latest packets, and a button
        that ends it. ``.capture`` is the capture.

        Raises
        ------
        NsmagicError
            anywidget is not installed; and what :meth:`sniff` raises.

        >>> with Lab() as lab:
        ...     live = lab.sniff_live("host:lo", "icmp")
        ...     live.stop()
        ...     print(live)
        packets of host:lo: 0 packets
        """
        from nsmagic.widgets import need

        need("the live table")
        from nsmagic.following import Following

        capture = self.sniff(where, filter, count=count, timeout=timeout, snaplen=snaplen, background=True)
        return Following(capture)

    def why(self, src: str, dst: str, port: int | None = None, proto: str = "icmp", size: int | None = None) -> Verdict:
        """Why a packet from the namespace ``src`` arrives at ``dst`` (an address or a namespace), or what stops it first.

        Reads what the kernel has, and sends one packet that is watched on its way: an echo, or with ``port`` a TCP connection
        attempt, or with ``proto="udp"`` a datagram. Changes nothing; ``.fix`` of the verdict are commands that would.

        ``size``: a packet with so many bytes of data follows, which nobody may cut into pieces; it finds what small packets pass. Where a
        router says that it is too large, the sender's kernel remembers that for ten minutes (``ip route get``), as after any such packet.

        Raises
        ------
        NsmagicError
            ``dst`` is neither an address nor a namespace, or the port, the protocol or the size is none.

        >>> with Lab() as lab:
        ...     _ = lab.run("ip netns add red")
        ...     lab.why("red", "127.0.0.1").cause
        'loopback-down'
        """
        from nsmagic.why.gather import why

        return why(self, src, dst, port, proto, size)

    def events(self, heard: Heard, *, states: bool = False) -> Events:
        """Have ``heard`` called with what changes in the lab, a tuple of ``Change`` for each batch of the kernel's events, until
        ``close()`` of what is returned or the lab's end. Starts the lab.

        ``states`` adds what links do by themselves: carrier and operational state. The callback runs in a thread of its own,
        in the order of the events; it may use the lab. What it raises ends it and stands in ``.error``.

        >>> import threading
        >>> heard, up = [], threading.Event()
        >>> def hear(changes):
        ...     heard.extend(f"{each.op}{each.new.ifname}" for each in changes if each.table == "links")
        ...     up.set()
        >>> with Lab() as lab, lab.events(hear):
        ...     _ = lab.run("ip link add br0 type bridge")
        ...     print(up.wait(5), heard)
        True ['+br0']
        """
        from nsmagic.events import Events

        return Events(self.client, heard, states, self.track)


class Namespace(Tables):
    """One namespace of a lab, by name. Made by ``lab["red"]``; it owns nothing."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def __repr__(self) -> str:
        return f"<namespace {self.name}>"

    def run(self, text: str, **options: Any) -> Result:
        """``lab.run`` in this namespace."""
        return self.lab.run(text, self.name, **options)

    def socket(self, family: int = socket_.AF_INET, type: int = socket_.SOCK_STREAM, proto: int = 0) -> socket_.socket:
        """A Python socket that lives in this namespace; see ``Lab.socket``."""
        return self.lab.socket(self.name, family, type, proto)

    @contextmanager
    def python(self) -> Iterator[None]:
        """Within this block, sockets that Python makes (INET, INET6, PACKET) and look-ups of names are this namespace's.

        >>> with Lab() as lab, lab["host"].python():
        ...     import socket
        ...     socket.create_server(("127.0.0.1", 80)).close()
        """
        from nsmagic.pythonic import sockets_in

        with sockets_in(self.lab, self.name):
            yield

    def _table(self, table: str) -> pd.DataFrame:
        return self.lab.frame(table, self.name)

    @property
    def sysctls(self) -> pd.DataFrame:
        from nsmagic import tables
        from nsmagic.model import SysctlValue

        command = {"tool": "sysctl", "verb": "sysctl.read", "args": {"pattern": "^net\\."}, "ns": self.name}
        rows: list[Any] = []
        for item in self.lab.client.call("commands", commands=[command]).items():
            rows += item.get("rows", [])
        return tables.sysctls([SysctlValue.from_values(row) for row in rows], ns=self.name)
