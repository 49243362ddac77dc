"""Programs of a lab: the output of a tool that is asked for something, and the program behind a socket that waits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from nsmagic.agent.client import Client
from nsmagic.errors import NsmagicError
from nsmagic.why.situation import Listener

_PID = re.compile(r"pid=(\d+)")


def lines_of(client: Client, ns: str, argv: list[str]) -> list[str]:
    """The output of a tool, none when it is not installed or fails."""
    try:
        call = client.call("run", argv=argv, ns=ns)
        text = "".join(item["text"] for item in call.items())
        return text.splitlines() if call.result()["status"] == 0 else []
    except NsmagicError:
        return []


def known(client: Client, ns: str, listeners: Iterable[Listener]) -> tuple[Listener, ...]:
    """The same sockets, with the programs that wait on them: as ``ss -p`` finds them, which looks through /proc. A program that is not
    of the lab (a socket that was handed out to Python) stays unknown."""
    found: dict[tuple[str, str, int], int] = {}
    for line in lines_of(client, ns, ["ss", "-Hlntup"]):
        fields, pid = line.split(), _PID.search(line)
        if len(fields) > 4 and pid is not None:
            address, _, port = fields[4].rpartition(":")
            address = address.partition("%")[0].strip("[]")
            found[fields[0], address, int(port)] = int(pid[1])
    named = []
    for each in listeners:
        number = found.get((each.proto.rstrip("6"), each.address, each.port), 0)
        text = "\n".join(lines_of(client, ns, ["cat", f"/proc/{number}/cmdline"])) if number else ""
        named.append(replace(each, pid=number, argv=tuple(text.rstrip("\0").split("\0"))))
    return tuple(named)
