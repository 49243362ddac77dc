"""A lab: network namespaces of its own that end with it. Everything a magic does is a method here first.

Who creates: ``Lab`` starts its agent at the first use; commands make namespaces inside it. Who owns: the agent, pid 1 of the
lab, holds every namespace; ``Namespace`` is only a name in a lab. Who destroys: the kernel, when pid 1 ends, which it does with
the notebook's process, with ``close()`` and with ``reset()``. There is no clean-up code to forget.

``life.py`` has how a lab begins and ends, ``reading.py`` its tables, ``pictures.py`` how it is drawn, ``packets.py`` captures, traces and
verdicts, ``sockets.py`` what it hands out; commands are here.
"""

from __future__ import annotations

import socket as socket_
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

from nsmagic import run as run_
from nsmagic.commands.cell import split
from nsmagic.commands.command import Cell
from nsmagic.commands.listed import is_list, parts
from nsmagic.commands.slips import is_stub
from nsmagic.environment import default_timeout
from nsmagic.errors import LabError, NamespaceNotFound, NotDoneYet
from nsmagic.history import Entry
from nsmagic.model import HOST, Change
from nsmagic.packets import Packets
from nsmagic.pictures import Pictures
from nsmagic.reading import Tables
from nsmagic.result import Both, Gather, Result, Sink
from nsmagic.sentences import say
from nsmagic.sockets import Sockets
from nsmagic.steps import begins_natively

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.events import Events, Heard
    from nsmagic.worlds.description import Source


class Lab(Pictures, Packets, Sockets):
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
        cell_read = split(text, where, behind=background) if not at_once else Cell()
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
        self.history.run += 1
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

        self.history.run += 1
        building.build(self, description)

    def note(self, ns: str, text: str, changes: Sequence[Change], cell: int, script: bool, moment: int = 0) -> None:
        """Remember a command that changed something (called by the runner)."""
        self.history.add(Entry(ns, text, changes, cell, script, self.history.run, moment))

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

    @property
    def sysctls(self) -> pd.DataFrame:
        """The kernel parameters ``net.*`` of the lab's host; ``lab["red"].sysctls`` has those of a namespace."""
        return Namespace(self, HOST).sysctls

    # Events

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
