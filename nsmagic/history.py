"""What was done in a lab: every command with its cell, what it changed, and who made which thing."""

from __future__ import annotations

import contextlib
import shlex
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from nsmagic.errors import NsmagicError
from nsmagic.late import Late
from nsmagic.model import HOST, Change


@dataclass(frozen=True)
class Entry:
    """A command that succeeded and changed something. ``cell`` is the notebook's cell number, 0 outside one; commands of one
    ``Lab.run`` have the same ``run``. ``moment`` is the agent's number for what the lab was like after it (or after the cell, when that was done in one go)."""

    ns: str
    text: str
    changes: Sequence[Change]
    cell: int = 0
    script: bool = False
    run: int = 0
    moment: int = 0


class History:
    """Entries in order.

    >>> history = History()
    >>> history.add(Entry("host", "ip netns add red", ()))
    >>> history.add(Entry("red", "ip link set lo up", ()))
    >>> print(history.script())
    ip netns add red
    ip netns exec red ip link set lo up
    """

    def __init__(self) -> None:
        #: Counts what was run.
        self.run = 0
        self._entries: list[Entry] = []
        self._later: deque[Callable[[], Iterable[Entry]]] = deque()
        self._late: weakref.WeakSet[Late] = weakref.WeakSet()
        self._lock = threading.RLock()

    @property
    def entries(self) -> list[Entry]:
        """All of them; waits for what is told later."""
        with self._lock:
            while self._later:
                self._entries += self._later[0]()
                self._later.popleft()
        return self._entries

    def add(self, entry: Entry) -> None:
        with self._lock:
            if self._later:
                self._later.append(lambda: (entry,))
            else:
                self._entries.append(entry)

    def add_late(self, late: Late, command: Callable[[int], tuple[str, str]], cell: int) -> None:
        """Those of commands that will turn out to have changed something; ``command`` gives the namespace and the text of each."""
        run = self.run

        def entries() -> list[Entry]:
            try:
                late.wait()
            except NsmagicError:  # the lab has ended, say: nobody knows what they changed
                return [Entry(*command(number), (), cell, False, run) for number in late.changes]
            return [
                Entry(*command(number), changes, cell, False, run, late.moment(number))
                for number, changes in late.changes.items()
                if changes
            ]

        with self._lock:
            self._late.add(late)
            self._later.append(entries)

    def await_late(self, patience: float) -> None:
        """Wait for what is told later, ``patience`` seconds at most for each cell."""
        for late in list(self._late):
            with contextlib.suppress(NsmagicError):
                late.wait(patience)

    def at_rest(self, moment: int) -> None:
        """The last commands were done in one go, and only what the lab was like after all of them is known (0: not even that)."""
        if not moment:
            return
        for at in range(len(self.entries) - 1, -1, -1):
            if self.entries[at].moment:
                break
            self.entries[at] = replace(self.entries[at], moment=moment)

    def last_changes(self) -> tuple[Change, ...]:
        """What the last cell that changed something changed; outside a notebook, the last ``run`` that did."""
        if not self.entries:
            return ()
        last = self.entries[-1]
        same = [each for each in self.entries if (each.cell == last.cell if last.cell else each.run == last.run)]
        return tuple(change for entry in same for change in entry.changes)

    def made_by(self) -> dict[tuple[str, str] | str, str | int]:
        """(namespace, link), or a namespace → the cell that made it last, as ``cell 4``."""
        made: dict[tuple[str, str] | str, str | int] = {}
        for entry in self.entries:
            for change in entry.changes:
                if change.new is None or not entry.cell:
                    continue
                if change.table == "namespaces":
                    made[change.new.ns] = f"cell {entry.cell}"
                elif change.table == "links" and (change.op == "+" or change.old.ns != change.new.ns):
                    made[change.new.ns, change.new.ifname] = f"cell {entry.cell}"
        return made

    def script(self) -> str:
        """All of it as the lines of one cell that rebuilds the lab on its host."""
        return "\n".join(_on_host(entry) for entry in self.entries)

    def clear(self) -> None:
        self._later.clear()
        self._entries.clear()


def _on_host(entry: Entry) -> str:
    if entry.ns == HOST:
        return entry.text
    prefix = f"ip netns exec {shlex.quote(entry.ns)} "
    return prefix + (f"bash -c {shlex.quote(entry.text)}" if entry.script else entry.text)
