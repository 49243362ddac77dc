"""Pictures of a lab, still and live: the part of ``Lab`` that draws."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from nsmagic import watching
from nsmagic.reading import Reading
from nsmagic.sandbox import short

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.topology.picture import Topology
    from nsmagic.widgets.explorer import Explorer
    from nsmagic.widgets.live import Live


class Pictures(Reading):
    """A lab that can be drawn."""

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

        >>> from nsmagic import Lab
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
        made.follow(Feed(cast("Lab", self), made.show, made.packets, made.alive, ns=ns or None, all=all))
        return made

    def explorer(self) -> Explorer:
        """The live picture with each room's tables, buttons for the frequent things that write the commands they run, and the steps
        of the lab's history with their pictures: widgets for a notebook.

        Raises
        ------
        NsmagicError
            anywidget is not installed.

        >>> from nsmagic import Lab
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
            self._explorer = Explorer(cast("Lab", self), self._new_live())
        return self._explorer

    @property
    def lives(self) -> list[Live]:
        """The live pictures that are open."""
        return [live for live in self._open.values() if not live.closed]
