"""What a lab reads from the kernel, as snapshots and as DataFrames: the part of ``Lab`` (and of its namespaces) that only looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from nsmagic import watching
from nsmagic.errors import NamespaceNotFound
from nsmagic.life import Life
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.lab import Lab


class Tables:
    """The tables of a lab, or of one namespace of it, as DataFrames."""

    def _table(self, table: str) -> pd.DataFrame:
        raise NotImplementedError

    @property
    def links(self) -> pd.DataFrame:
        """The network interfaces."""
        return self._table("links")

    @property
    def addrs(self) -> pd.DataFrame:
        """The IP addresses."""
        return self._table("addrs")

    @property
    def routes(self) -> pd.DataFrame:
        """The main routing tables."""
        return self._table("routes")

    @property
    def neighbours(self) -> pd.DataFrame:
        """The neighbour (ARP and NDP) tables."""
        return self._table("neighbours")

    @property
    def rules(self) -> pd.DataFrame:
        """The routing policy rules."""
        return self._table("rules")

    @property
    def fdb(self) -> pd.DataFrame:
        """The bridges' forwarding databases."""
        return self._table("fdb")

    @property
    def firewall(self) -> pd.DataFrame:
        """The firewall rules, whichever tool made them: iptables, iptables-legacy or nft.

        Raises
        ------
        NsmagicError
            There are rules, and the tool that could read them is not installed.
        """
        return self._table("firewall")

    @property
    def nat(self) -> pd.DataFrame:
        """The rules of the firewall that translate addresses."""
        return self._table("nat")

    @property
    def conntrack(self) -> pd.DataFrame:
        """The connections that the namespaces track, each with both tuples: as it was sent, and as the answer comes back."""
        return self._table("conntrack")


class Reading(Life, Tables):
    """A lab that can be looked at. Nothing here changes it."""

    def names(self) -> list[str]:
        """The names that ``ip netns`` lists, sorted."""
        return [row.ns for row in self.snapshot("namespaces").namespaces if row.named and row.ns != HOST]

    def __contains__(self, name: object) -> bool:
        return name == HOST or name in self.names()

    def seen(self, name: str) -> bool:
        """Whether a namespace was there when the names were last read; asks nobody."""
        client = self._client
        return client is not None and client.kept.seen(name)

    def _check(self, name: str) -> None:
        if name == HOST:
            return
        if not isinstance(name, str):
            raise TypeError(f"a namespace is named by a text, as in lab['red'], not by {type(name).__name__}")
        known = [row.ns for row in self.snapshot("namespaces").namespaces]
        if name not in known:
            named = [each for each in known if each != HOST and not each.startswith("(")]
            raise NamespaceNotFound(
                f'there is no namespace "{name}"',
                name=name,
                known=named,
                hint=_which_namespaces(name, named),
            )

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

    def _table(self, table: str) -> pd.DataFrame:
        return self.frame(table)

    @property
    def namespaces(self) -> pd.DataFrame:
        """The namespaces, the lab's host first."""
        return self.frame("namespaces")

    def status(self) -> dict[str, Any]:
        """Kind, limits, namespaces, jobs, processes, and what this machine cannot give; starts the lab."""
        status: dict[str, Any] = self.client.request("status")
        return {**status, "launcher": self.pid}

    def needs(self, *what: str) -> list[str]:
        """Make sure that the lab has what comes after: ``mounts``, or programs by their names. Starts the lab.

        Raises
        ------
        LabLacks
            It has not; the error says what is missing and what to do, and ends a "Run all" there.

        >>> from nsmagic import Lab
        >>> with Lab() as lab:
        ...     lab.needs("sh")
        ['sh']
        """
        from nsmagic.needs import ask

        return ask(cast("Lab", self), what)

    def _forwarding(self, names: Iterable[str]) -> set[str]:
        """The namespaces that forward IPv4 packets."""
        return watching.forwarding(self.client, list(names))


def _which_namespaces(name: str, known: list[str]) -> str:
    import difflib

    if not known:
        return say("lab-ns-none", name=name)
    close = difflib.get_close_matches(name, known, 1)
    there = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return say("lab-ns-close", near=close[0], known=there) if close else say("known", known=there)
