"""How a lab begins and ends: the part of ``Lab`` that holds its agent.

Nothing is started before it is needed, and nothing is cleaned up: the kernel ends everything when the agent, pid 1 of the lab, ends.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

from nsmagic import watching, worlds
from nsmagic.agent.client import Client
from nsmagic.building import build_world
from nsmagic.errors import LabError
from nsmagic.history import History
from nsmagic.pythonic import HandedOut
from nsmagic.sandbox import choice, launch
from nsmagic.sentences import say

#: Seconds that the end of a lab waits for what it has still to tell.
_TELLING = 2.0


class Life:
    """A lab that starts at its first use and can be ended and begun again. ``Lab`` says what the parameters are."""

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
        self._wanted, self._limits, self._folder = sandbox, dict(limits or {}), folder
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._launched: launch.Launched | None = None
        self._kind = ""
        #: Entered while a virtual machine starts: who uses the lab may show that something is going on.
        self.booting: Callable[[], AbstractContextManager[None]] | None = None
        self._handed_out = HandedOut()
        self._finalizer: weakref.finalize[Any, Life] | None = None
        self._watches: weakref.WeakSet[watching.Watch] = weakref.WeakSet()

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
            build_world(client, self._world)
        for watch in list(self._watches):
            watch.begin(client)

    @classmethod
    def _around(cls, client: Client, launched: launch.Launched, kind: str, seed: int) -> Self:
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

    def __repr__(self) -> str:
        return f"<lab of kind {self._kind}>" if self.running else "<lab, not started>"

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

        When something outside the lab holds one of its namespaces, so that the kernel must keep it, a warning names who.

        Raises
        ------
        LabError
            The kernel still holds it after two seconds and a SIGKILL.
        """
        if self.running:
            self.history.await_late(_TELLING)  # who has a cell's result may ask for all of it afterwards
        with self._lock:
            client, launched = self._client, self._launched
            self._client = self._launched = None
            self.history.clear()
            self._handed_out.close(shut=True)
        if client is None or launched is None:
            return
        mark = launched.mark() if client.owner == os.getpid() else 0
        client.close()
        if self._finalizer is not None:
            # It holds the client, with every table that was read: one for each lab that this object ever had.
            self._finalizer.detach()
            self._finalizer = None
        if client.owner != os.getpid():
            return
        if not launched.end():
            raise LabError(f"the lab's launcher (pid {launched.pid}) has not ended", hint=say("launcher-held"))
        client.join(2.0)
        for watch in list(self._watches):
            watch.join(2.0)
        if mark:
            launch.warn_of_holders(mark)

    def reset(self) -> None:
        """End the lab and forget its history and its world; the next command starts a new, empty one."""
        self._world = None
        self.close()

    def _let_go(self) -> None:
        """In a forked copy of the process: close its descriptors, and nothing else."""
        if self._client is not None:
            self._client.let_go()
        self._handed_out.close(shut=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def watch(self, heard: Callable[[Client, watching.Notice], object]) -> watching.Watch:
        """Have ``heard`` called, in a thread of its own, when something of the lab changed and when packets crossed links, also
        while a command runs; until ``close()`` of what is returned. It starts with the lab, and again after a reset.

        >>> import threading
        >>> from nsmagic import Lab
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


_LIVE: weakref.WeakSet[Life] = weakref.WeakSet()


def _import_tables() -> None:
    from nsmagic import tables

    assert tables is not None


def _ignore(cause: str) -> None:
    """A lab that ended is noticed at its next use."""


def _after_fork_in_child() -> None:
    # The copy of the process must neither keep a lab alive nor close it for the original: it lets go of its descriptors.
    for lab in list(_LIVE):
        lab._let_go()


if hasattr(os, "register_at_fork"):  # Windows, which has no fork, can import this too
    os.register_at_fork(after_in_child=_after_fork_in_child)
