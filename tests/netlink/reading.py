"""Help for the tests that read: a monitor in a sandbox, and what the real tools say there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from sandboxed import current_netns, sh

from nsmagic.model import COLUMNS
from nsmagic.netlink.monitor import Monitor

__all__ = ["World", "ip", "rows", "sh"]


class World:
    """A monitor that follows the sandbox's own network as ``host``, and namespaces made with ``ip netns add``."""

    def __init__(self) -> None:
        self.home = current_netns()
        self.monitor = Monitor(self.home)
        self.monitor.attach("host", self.home)

    def add(self, *names: str, fresh: bool = True) -> None:
        """``ip netns add``, seen by the monitor."""
        for name in names:
            sh(f"ip netns add {name}")
            self.attach(name, fresh=fresh)

    def attach(self, name: str, fresh: bool = False) -> None:
        fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.monitor.attach(name, fd, fresh=fresh)
        finally:
            os.close(fd)

    def drop(self, name: str) -> None:
        """``ip netns del``, seen by the monitor."""
        self.monitor.detach(name)
        sh(f"ip netns del {name}")

    def after(self, line: str) -> list[str]:
        """Run a line; what it changed, one short text per thing."""
        mark = self.monitor.mark()
        sh(line)
        return self.since(mark)

    def since(self, mark: int) -> list[str]:
        self.monitor.settle()
        return [brief(*delta) for delta in self.monitor.changes_since(mark)]

    def table(self, name: str, *namespaces: str) -> list[dict[str, Any]]:
        """A table as dicts."""
        self.monitor.settle()
        return rows(name, self.monitor.snapshot([name], namespaces or None)[name])


def rows(table: str, values: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in values]


def brief(op: str, table: str, old: list[Any] | None, new: list[Any] | None) -> str:
    """``+ link host/veth-red`` and the like; for ``~`` what differs."""
    facts = {side: dict(zip(COLUMNS[table], row, strict=True)) for side, row in (("old", old), ("new", new)) if row}
    name = " -> ".join(dict.fromkeys(_name(table, fact) for fact in facts.values()))
    text = f"{op} {table.removesuffix('s')} {name}"
    if op == "~":
        keys = [key for key in facts["old"] if facts["old"][key] != facts["new"][key]]
        shown = [key for key in keys if key not in ("ns", "operstate", "qdisc", "promiscuity", "peer_ns", "port")]
        if "flags" in shown and not (facts["old"]["flags"] ^ facts["new"]["flags"]) & 1:
            shown.remove("flags")
        text += f" ({', '.join(shown)})" if shown else ""
    return text


def _name(table: str, fact: Mapping[str, Any]) -> str:
    match table:
        case "namespaces":
            return str(fact["ns"])
        case "links":
            return f"{fact['ns']}/{fact['ifname']}"
        case "addrs":
            return f"{fact['ns']}/{fact['ifname']} {fact['address']}/{fact['prefixlen']}"
        case "routes":
            via = f" via {fact['gateway']}" if fact["gateway"] else ""
            return f"{fact['ns']} {fact['dst']}{via} dev {fact['dev']}"
        case "neighbours":
            return f"{fact['ns']}/{fact['dev']} {fact['address']} {fact['mac']}"
    return f"{fact['ns']} {fact['family']} {fact['priority']} from {fact['src']} table {fact['table']}"


def ip(line: str, ns: str | None = None) -> Any:
    """The JSON that ``ip`` or ``bridge`` prints."""
    tool, _, rest = line.partition(" ")
    prefix = ["ip", "netns", "exec", ns] if ns else []
    done = subprocess.run([*prefix, tool, "-j", *rest.split()], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    return [entry for entry in json.loads(done.stdout or "[]") if entry]
