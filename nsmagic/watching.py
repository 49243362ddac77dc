"""Following a lab from Python while other things run: a thread that hears the agent's notices.

The agent tells that something is different, or which links packets crossed (``agent/watch.py``); the callback runs in a thread
of its own, so it must print nothing (text of a thread lands in whatever cell runs last), and must not ask the lab for more than
a moment. When the lab ends the thread ends; when the lab starts again, so does the watch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nsmagic.agent.client import Call, Client
from nsmagic.errors import LabError, NsmagicError
from nsmagic.model import COLUMNS, FURTHER, FirewallRule
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Crossed:
    """Packets that a link sent and received since the notice before."""

    ns: str
    ifname: str
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something changed; or packets crossed links; or (``ended``) the lab is gone."""

    changed: bool = False
    crossed: tuple[Crossed, ...] = ()
    ended: bool = False


class Watch:
    """A callback that hears of one lab until ``close()``. Made by ``Lab.watch``."""

    def __init__(self, heard: Callable[[Client, Notice], object]) -> None:
        self._heard = heard
        self._lock = threading.Lock()
        self._call: Call | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self, client: Client) -> None:
        """Hear of the lab behind this connection (called by the lab when it starts)."""
        with self._lock:
            if self._closed:
                return
            self._thread = threading.Thread(target=self._follow, args=(client,), name="nsmagic-watch", daemon=True)
            self._thread.start()

    def _follow(self, client: Client) -> None:
        try:
            call = client.call("watch")
            with self._lock:
                self._call = call
                if self._closed:
                    call.cancel()
            for item in call.items():
                crossed = tuple(Crossed(*each) for each in item["crossed"])
                self._heard(client, Notice(changed=item["changed"], crossed=crossed))
        except NsmagicError:
            # The lab has ended, by reset or by its death; who uses it next hears why.
            self._heard(client, Notice(ended=True))

    def close(self) -> None:
        """Hear no more. Does nothing the second time."""
        with self._lock:
            self._closed = True
            call, thread = self._call, self._thread
        if call is not None:
            call.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)

    def join(self, patience: float) -> None:
        """Wait until the thread has seen the lab's end."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)


def read(client: Client, *tables: str, ns: str | None = None) -> Snapshot:
    """What the kernel has now: the tables asked for (all without an argument), of all namespaces or of one."""
    if unknown := [table for table in tables if table not in COLUMNS]:
        raise LabError(f"there is no table {unknown[0]!r}", hint=say("tables", known=", ".join(COLUMNS)))
    if ns is None and not FURTHER.keys() & set(tables):
        return client.kept.read(client, tables or Snapshot.names)
    call = client.call("snapshot", tables=list(tables or Snapshot.names), ns=None if ns is None else [ns])
    data: dict[str, list[Any]] = {}
    for item in call.items():
        data.setdefault(item["table"], []).extend(item["rows"])
    return Snapshot.from_data({table: data.get(table, []) for table in call.result()["tables"]})


def forwarding(client: Client, names: list[str]) -> set[str]:
    """Those of the namespaces that forward IPv4 packets."""
    return set(client.request("forwarding", ns=names))


def names(client: Client) -> list[str]:
    """The namespaces that there are, the host first."""
    return [row.ns for row in read(client, "namespaces").namespaces]


def rules(client: Client) -> list[FirewallRule]:
    """The firewall rules of all namespaces; none where they cannot be read."""
    try:
        return list(read(client, "firewall").firewall)
    except LabError:
        raise
    except NsmagicError:
        return []


def nat_badges(client: Client) -> dict[str, list[str]]:
    """Namespace → what it translates, in words; nothing where rules cannot be read, as no picture depends on them."""
    from nsmagic.words.typed import nat_badges

    return nat_badges(rules(client))
