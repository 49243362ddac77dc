"""A lab: network namespaces of its own that end with it. Everything a magic does is a method here first.

Who creates: ``Lab`` starts its agent at the first use; commands make namespaces inside it. Who owns: the agent, pid 1 of the
lab, holds every namespace; ``Namespace`` is only a name in a lab. Who destroys: the kernel, when pid 1 ends, which it does with
the notebook's process, with ``close()`` and with ``reset()``. There is no clean-up code to forget.
"""

from __future__ import annotations

import os
import socket as socket_
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from nsmagic import run as run_
from nsmagic import watching, worlds
from nsmagic.agent.client import Client
from nsmagic.commands.cell import split
from nsmagic.commands.command import Command
from nsmagic.commands.slips import is_stub
from nsmagic.errors import LabError, NamespaceNotFound, NotDoneYet, from_data
from nsmagic.events import Events, Heard
from nsmagic.history import Entry, History
from nsmagic.model import HOST, Change, Snapshot
from nsmagic.pythonic import HandedOut, MachineSocket
from nsmagic.result import Gather, Result, Sink
from nsmagic.sandbox import choice, launch
from nsmagic.sentences import say
from nsmagic.steps import begins_natively

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.following import Following
    from nsmagic.topology.picture import Topology
    from nsmagic.trace.capture import Capture
    from nsmagic.trace.journey import Journey
    from nsmagic.why.verdict import Verdict
    from nsmagic.widgets.explorer import Explorer
    from nsmagic.widgets.live import Live
    from nsmagic.worlds.description import Source

#: Seconds that a command may take under pytest (nbval) when nothing else is asked; interactively there is no limit.
_UNDER_TEST = 60.0


class Lab:
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

    def __init__(
        self,
        *,
        seed: int = 0,
        sandbox: str | None = None,
        limits: Mapping[str, int] | None = None,
        folder: str | None = None,
        world: str | None = None,
    ) -> None:
        self.seed = seed
        self._world = worlds.read(world) if world else None
        self.history = History()
        self._runs = 0
        self._wanted, self._limits, self._folder = sandbox, dict(limits or {}), folder
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._launched: launch.Launched | None = None
        self._kind = ""
        #: Entered while a virtual machine starts: who uses the lab may show that something is going on.
        self.booting: Callable[[], AbstractContextManager[None]] | None = None
        self._handed_out = HandedOut()
        self._finalizer: weakref.finalize[Any, Lab] | None = None
        self._lives: dict[tuple[tuple[str, ...], bool], Live] = {}
        self._explorer: Explorer | None = None
        self._watches: weakref.WeakSet[watching.Watch] = weakref.WeakSet()

    # Life

    @property
    def client(self) -> Client:
        """The connection to the agent; starts the lab when it is not running."""
        with self._lock:
            if self._client is None:
                self._start()
            assert self._client is not None
            return self._client

    @contextmanager
    def _while_booting(self) -> Iterator[None]:
        """A virtual machine starts, which leaves time for what a first table needs anyway."""
        threading.Thread(target=_import_tables, name="nsmagic-import", daemon=True).start()
        with self.booting() if self.booting is not None else nullcontext():
            yield

    def _start(self) -> None:
        client, launched, kind = choice.start(
            self._wanted, seed=self.seed, limits=self._limits, ended=_ignore, folder=self._folder,
            booting=self._while_booting,
        )  # fmt: skip
        self._client, self._launched, self._kind = client, launched, kind
        self._finalizer = weakref.finalize(self, client.close)
        _LIVE.add(self)
        if self._world is not None:
            self._build(self._world)
        for watch in list(self._watches):
            watch.begin(client)

    @classmethod
    def _around(cls, client: Client, launched: launch.Launched, kind: str, seed: int) -> Lab:
        """A lab that runs already, started by somebody else: the grader's look at a student's."""
        lab = cls(seed=seed)
        lab._client, lab._launched, lab._kind = client, launched, kind
        lab._finalizer = weakref.finalize(lab, client.close)
        _LIVE.add(lab)
        return lab

    def world(self, name: str) -> worlds.World:
        """End the lab and start it again with an outside; it keeps it until ``reset()``.

        Raises
        ------
        LabError
            There is no such world.
        """
        found = worlds.read(name)
        self.close()
        self._world = found
        assert self.client is not None
        return found

    def _build(self, world: worlds.World) -> None:
        assert self._client is not None
        for name in world.outside:
            self._client.request("hold", name=name)
        for cable in world.cables:
            (ns, ifname), (peer_ns, peer) = cable.first, cable.second
            args = {"ifname": ifname, "kind": "veth", "peer": {"ifname": peer, "netns": peer_ns}}
            self._build_with({"tool": "ip", "verb": "link.add", "args": args, "ns": ns}, world)
        for room in world.rooms:
            for text in room.commands:
                for step in split(text, room.name).steps:
                    if not isinstance(step.run, Command):
                        raise LabError(f"world {world.name}: {text!r} is not a command that nsmagic knows")
                    self._build_with({**step.run.to_data(), "ns": room.name}, world)
            if room.names or room.page:
                self._client.request("serve", ns=room.name, names=dict(room.names), page=room.page)
        if world.resolver:
            self._client.request("resolver", address=world.resolver)

    def _build_with(self, command: dict[str, Any], world: worlds.World) -> None:
        assert self._client is not None
        for item in self._client.call("commands", commands=[command]).items():
            if "error" in item:
                error = from_data(item["error"])
                raise LabError(f"world {world.name}, room {command['ns']}: {error.message}", hint=error.hint)

    @property
    def running(self) -> bool:
        """Whether it has started and not ended."""
        return self._client is not None and self._client.alive

    @property
    def kind(self) -> str:
        """The sandbox kind; starts the lab."""
        assert self.client is not None
        return self._kind

    @property
    def pid(self) -> int:
        """The pid of the lab's launcher on the machine; starts the lab."""
        assert self.client is not None
        assert self._launched is not None
        return self._launched.pid

    def close(self) -> None:
        """End the lab: every namespace, process and mount of it. The next use starts a new, empty one.

        Raises
        ------
        LabError
            The kernel still holds it after two seconds and a SIGKILL.
        """
        with self._lock:
            client, launched = self._client, self._launched
            self._client = self._launched = None
            self.history.clear()
            self._handed_out.close(shut=True)
        if client is None or launched is None:
            return
        client.close()
        if client.owner != os.getpid():
            return
        if not launched.end():
            raise LabError(f"the lab's launcher (pid {launched.pid}) has not ended", hint="the kernel still holds it")
        client.join(2.0)
        for watch in list(self._watches):
            watch.join(2.0)

    def reset(self) -> None:
        """End the lab and forget its history and its world; the next command starts a new, empty one."""
        self._world = None
        self.close()

    def _let_go(self) -> None:
        """In a forked copy of the process: close its descriptors, and nothing else."""
        if self._client is not None:
            self._client.let_go()
        self._handed_out.close(shut=False)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

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
        commands changed, and a cell of more than fifty native ones is pipelined: two to four times as fast. A failing line is in ``.errors``;
        ``.check()`` raises it.

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
        if timeout is not None and not timeout > 0:
            raise LabError(f"a timeout is a number of seconds greater than 0, not {timeout!r}")
        where = ns or HOST
        if is_stub(text):
            raise NotDoneYet(say("not-done"), hint=say("not-done-how"))
        cell_read = split(text, where)
        client = self.client
        # The first request of native commands complains by itself of a namespace that is not there.
        known = where == HOST or begins_natively(cell_read, show)
        if not known:
            self._check(where)
        gather = Gather()
        both: Sink = gather if sink is None else _Both(gather, sink)
        options = run_.Options(
            timeout=timeout or _default_timeout(),
            stop=stop,
            background=background,
            show=show,
            changes=changes,
            cell=cell,
        )
        self._runs += 1
        runner = run_.Runner(self, client, where, both, options)
        try:
            runner.run(cell_read)
        except NamespaceNotFound:
            self._check(where)  # in full words
            raise
        return Result(runner.outcomes, gather, told=runner.told)

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

    def note(self, ns: str, text: str, changes: tuple[Change, ...], cell: int, script: bool, moment: int = 0) -> None:
        """Remember a command that changed something (called by the runner)."""
        self.history.add(Entry(ns, text, changes, cell, script, self._runs, moment))

    def script(self) -> str:
        """Every successful changing command so far, as one cell that rebuilds the lab."""
        return self.history.script()

    # Namespaces

    def names(self) -> list[str]:
        """The names that ``ip netns`` lists, sorted."""
        return [row.ns for row in self.snapshot("namespaces").namespaces if row.named and row.ns != HOST]

    def seen(self, name: str) -> bool:
        """Whether a namespace was there when the names were last read; asks nobody."""
        client = self._client
        return client is not None and client.kept.seen(name)

    def __getitem__(self, name: str) -> Namespace:
        """A namespace by its name (``host`` is the lab's own root).

        Raises
        ------
        NamespaceNotFound
        """
        self._check(name)
        return Namespace(self, name)

    def __iter__(self) -> Iterator[Namespace]:
        return iter([Namespace(self, name) for name in self.names()])

    def __contains__(self, name: object) -> bool:
        return name == HOST or name in self.names()

    def _check(self, name: str) -> None:
        if name == HOST:
            return
        known = [row.ns for row in self.snapshot("namespaces").namespaces]
        if name not in known:
            named = [each for each in known if each != HOST and not each.startswith("(")]
            raise NamespaceNotFound(
                f'there is no namespace "{name}"',
                name=name,
                known=named,
                hint=_which_namespaces(name, named),
            )

    # Reading

    def snapshot(self, *tables: str, ns: str | None = None) -> Snapshot:
        """What the kernel has now: the tables asked for (all without an argument), of all namespaces or of one."""
        return watching.read(self.client, *tables, ns=ns)

    def frame(self, table: str, ns: str | None = None, *, display_all: bool = False) -> pd.DataFrame:
        """A table of all namespaces or one as a DataFrame; ``lab.links`` and the like are short for it."""
        from nsmagic import tables

        if ns is not None:
            self._check(ns)
        wanted = {
            "links": ("namespaces", "links", "addrs"),
            "addrs": ("namespaces", "links", "addrs"),
            "nat": ("namespaces", "firewall"),
        }
        snapshot = self.snapshot(
            *wanted.get(table, ("namespaces", table) if table != "namespaces" else (table,)), ns=ns
        )
        return tables.of(table, snapshot, ns=ns, all=display_all)

    @property
    def links(self) -> pd.DataFrame:
        """The network interfaces of all namespaces."""
        return self.frame("links")

    @property
    def addrs(self) -> pd.DataFrame:
        """The IP addresses of all namespaces."""
        return self.frame("addrs")

    @property
    def routes(self) -> pd.DataFrame:
        """The main routing tables of all namespaces."""
        return self.frame("routes")

    @property
    def neighbours(self) -> pd.DataFrame:
        """The neighbour (ARP and NDP) tables of all namespaces."""
        return self.frame("neighbours")

    @property
    def rules(self) -> pd.DataFrame:
        """The routing policy rules of all namespaces."""
        return self.frame("rules")

    @property
    def fdb(self) -> pd.DataFrame:
        """The bridges' forwarding databases."""
        return self.frame("fdb")

    @property
    def firewall(self) -> pd.DataFrame:
        """The firewall rules of all namespaces, whichever tool made them: iptables, iptables-legacy or nft.

        Raises
        ------
        NsmagicError
            There are rules, and the tool that could read them is not installed.
        """
        return self.frame("firewall")

    @property
    def nat(self) -> pd.DataFrame:
        """The rules of the firewall that translate addresses."""
        return self.frame("nat")

    @property
    def conntrack(self) -> pd.DataFrame:
        """The connections that the namespaces track, each with both tuples: as it was sent, and as the answer comes back."""
        return self.frame("conntrack")

    @property
    def namespaces(self) -> pd.DataFrame:
        """The namespaces, the lab's host first."""
        return self.frame("namespaces")

    @property
    def sysctls(self) -> pd.DataFrame:
        """The kernel parameters ``net.*`` of the lab's host; ``lab["red"].sysctls`` has those of a namespace."""
        return Namespace(self, HOST).sysctls

    def status(self) -> dict[str, Any]:
        """Kind, limits, namespaces, jobs, processes, and what this machine cannot give; starts the lab."""
        status: dict[str, Any] = self.client.request("status")
        return {**status, "launcher": self.pid}

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
                forwarding=was.forwarding, badges=was.badges, changes=was.changes,
            )  # fmt: skip
        for name in ns:
            self._check(name)
        snapshot = self.snapshot("namespaces", "links", "addrs", "routes")
        return Topology(
            snapshot, ns or None, all=all, diff=diff, engine=engine, renderer=renderer,
            forwarding=self._forwarding(row.ns for row in snapshot.namespaces), badges=watching.nat_badges(self.client),
            changes=self.history.last_changes(),
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
        known = self._lives.get((ns, all))
        if known is None or known.closed:
            known = self._lives[ns, all] = self._new_live(ns, all)
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
        return [live for live in self._lives.values() if not live.closed]

    def trace(self, ns: str, what: str, *, timeout: float | None = None) -> Journey:
        """Run a command in a namespace (an address stands for one echo to it) while every interface of every namespace is watched, and join
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
        limit = timeout if timeout is not None or background or count else _default_timeout()
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

    def why(self, src: str, dst: str, port: int | None = None, proto: str = "icmp") -> Verdict:
        """Why a packet from the namespace ``src`` arrives at ``dst`` (an address or a namespace), or what stops it first.

        Reads what the kernel has, and sends one packet that is watched on its way: an echo, or with ``port`` a TCP connection
        attempt, or with ``proto="udp"`` a datagram. Changes nothing; ``.fix`` of the verdict are commands that would.

        Raises
        ------
        NsmagicError
            ``dst`` is neither an address nor a namespace, or the port or the protocol is none.

        >>> with Lab() as lab:
        ...     _ = lab.run("ip netns add red")
        ...     lab.why("red", "127.0.0.1").cause
        'loopback-down'
        """
        from nsmagic.why.gather import why

        return why(self, src, dst, port, proto)

    def _forwarding(self, names: Iterable[str]) -> set[str]:
        """The namespaces that forward IPv4 packets."""
        return watching.forwarding(self.client, list(names))

    def watch(self, heard: Callable[[Client, watching.Notice], object]) -> watching.Watch:
        """Have ``heard`` called, in a thread of its own, when something of the lab changed and when packets crossed links, also
        while a command runs; until ``close()`` of what is returned. It starts with the lab, and again after a reset.

        >>> import threading
        >>> crossed = threading.Event()
        >>> with Lab() as lab:
        ...     watch = lab.watch(lambda client, notice: crossed.set() if notice.crossed else None)
        ...     _ = lab.run("ping -c 2 -i 0.2 127.0.0.1")
        ...     print(crossed.wait(5))
        ...     watch.close()
        True
        """
        made = watching.Watch(heard)
        with self._lock:
            self._watches.add(made)
            if self._client is not None and self._client.alive:
                made.begin(self._client)
        return made

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
        return Events(self.client, heard, states)

    # Sockets

    def socket(
        self,
        ns: str = HOST,
        family: int = socket_.AF_INET,
        type: int = socket_.SOCK_STREAM,
        proto: int = 0,
    ) -> socket_.socket:
        """A Python socket that lives in a namespace, also when this process has no rights there: port 80, raw ICMP and
        AF_PACKET work. An open one keeps its namespace alive; ``close()`` of the lab closes them all.

        Raises
        ------
        LabError
            A kind of sandbox that does not share a kernel with the notebook.
        """
        client = self.client
        if not client.carries_fds:
            raise LabError(f"sockets cannot be handed out of a lab of kind {self._kind}")
        call = client.call("socket", ns=ns, family=int(family), type=int(type), proto=int(proto))
        call.result()
        made = MachineSocket(family, type, proto, call.fds[0])
        self.track(made)
        return made

    def track(self, made: socket_.socket) -> None:
        """Remember a socket that lives in the lab: closed with it, and in forked copies of this process."""
        self._handed_out.add(made)

    def track_descriptor(self, number: int) -> None:
        """The same for a socket that an object unknown to us is about to take over."""
        self._handed_out.add_descriptor(number)

    def resolve(self, ns: str, function: str, *arguments: Any) -> Any:
        """A look-up of names (``getaddrinfo`` …) with the hosts file and the name servers of a namespace.

        Raises
        ------
        socket.gaierror, socket.herror
            As the function itself does.
        """
        answer = self.client.request("resolve", ns=ns, function=function, arguments=list(arguments))
        if "error" in answer:
            name, number, words = answer["error"]
            if name == "ValueError":
                raise ValueError(words)
            raise {"gaierror": socket_.gaierror, "herror": socket_.herror}.get(name, OSError)(number, words)
        return answer["value"]


class Namespace:
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

    @property
    def links(self) -> pd.DataFrame:
        return self.lab.frame("links", self.name)

    @property
    def addrs(self) -> pd.DataFrame:
        return self.lab.frame("addrs", self.name)

    @property
    def routes(self) -> pd.DataFrame:
        return self.lab.frame("routes", self.name)

    @property
    def neighbours(self) -> pd.DataFrame:
        return self.lab.frame("neighbours", self.name)

    @property
    def rules(self) -> pd.DataFrame:
        return self.lab.frame("rules", self.name)

    @property
    def fdb(self) -> pd.DataFrame:
        return self.lab.frame("fdb", self.name)

    @property
    def firewall(self) -> pd.DataFrame:
        return self.lab.frame("firewall", self.name)

    @property
    def nat(self) -> pd.DataFrame:
        return self.lab.frame("nat", self.name)

    @property
    def conntrack(self) -> pd.DataFrame:
        return self.lab.frame("conntrack", self.name)

    @property
    def sysctls(self) -> pd.DataFrame:
        from nsmagic import tables
        from nsmagic.model import SysctlValue

        command = {"tool": "sysctl", "verb": "sysctl.read", "args": {"pattern": "^net\\."}, "ns": self.name}
        rows: list[Any] = []
        for item in self.lab.client.call("commands", commands=[command]).items():
            rows += item.get("rows", [])
        return tables.sysctls([SysctlValue.from_values(row) for row in rows], ns=self.name)


class _Both:
    """A sink that tells two."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._sinks = (first, second)

    def text(self, text: str) -> None:
        for sink in self._sinks:
            sink.text(text)

    def changes(self, lines: Any) -> None:
        for sink in self._sinks:
            sink.changes(lines)

    def shown(self, outcome: Any, last: bool) -> None:
        for sink in self._sinks:
            sink.shown(outcome, last)

    def error(self, error: Any, alone: bool) -> None:
        for sink in self._sinks:
            sink.error(error, alone)


_LIVE: weakref.WeakSet[Lab] = weakref.WeakSet()


def _import_tables() -> None:
    from nsmagic import tables

    assert tables is not None


def _ignore(cause: str) -> None:
    """A lab that ended is noticed at its next use."""


def _after_fork_in_child() -> None:
    # The copy of the process must neither keep a lab alive nor close it for the original: it lets go of its descriptors.
    for lab in list(_LIVE):
        lab._let_go()


def default_seed() -> int:
    """The learner's own number: ``NSMAGIC_SEED``, which graders and class rooms set, else 0.

    Raises
    ------
    LabError
        It is no whole number.
    """
    said = os.environ.get("NSMAGIC_SEED", "0")
    if not said.isdecimal():
        raise LabError(f"NSMAGIC_SEED is {said!r}, and must be a whole number")
    return int(said)


def _default_timeout() -> float | None:
    """No limit for people; 60 s under pytest (nbval) and wherever NSMAGIC_TIMEOUT says so."""
    said = os.environ.get("NSMAGIC_TIMEOUT")
    if said:
        return float(said)
    return _UNDER_TEST if "PYTEST_VERSION" in os.environ else None


def _which_namespaces(name: str, known: list[str]) -> str:
    import difflib

    if not known:
        return f"there are none yet: ip netns add {name}"
    close = difflib.get_close_matches(name, known, 1)
    there = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return f"did you mean {close[0]}? There are: {there}" if close else f"there are: {there}"


if hasattr(os, "register_at_fork"):  # Windows, which has no fork, can import this too
    os.register_at_fork(after_in_child=_after_fork_in_child)
