"""Run a command while everything is watched: what ``Lab.trace`` does."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import TYPE_CHECKING

from nsmagic import watching
from nsmagic.commands.cell import split
from nsmagic.errors import CommandSyntaxError, LabError, NsmagicError
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot
from nsmagic.trace.capture import Capture
from nsmagic.trace.counters import counted
from nsmagic.trace.journey import Journey
from nsmagic.why.target import address_of
from nsmagic.words.typed import nat_badges

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.result import Result


def trace(lab: Lab, ns: str, what: str, timeout: float | None = None) -> Journey:
    """The journey of what a command sends from a namespace; parameters and errors are those of ``Lab.trace``."""
    what = what.strip()
    room = lab[ns]
    address = _address(lab, ns, what)
    command = f"ping -c 1 -W 1 {address}" if address else what
    split(command, ns)  # what cannot be read is said before anything begins
    before = _rules(lab)
    pending = {(row.ns, row.address) for row in lab.snapshot("neighbours").neighbours if row.state == "INCOMPLETE"}
    result: Result | None = None
    # What was seen until an interrupt is the answer.
    with (
        Capture(lab.client, [], title=f"packets of: {command}", rules=True) as capture,
        contextlib.suppress(KeyboardInterrupt),
    ):
        result = room.run(command, timeout=timeout)
    snapshot = lab.snapshot("namespaces", "links", "addrs", "routes")
    after = _rules(lab)
    return Journey(
        ns, command, capture, snapshot, result, counted=counted(before, after), badges=nat_badges(after.firewall.rows),
        forwarding=frozenset(watching.forwarding(lab.client, [row.ns for row in snapshot.namespaces])), pending=pending,
        explains=hasattr(lab, "why"), rules=after,
    )  # fmt: skip


def _address(lab: Lab, ns: str, what: str) -> str:
    """The address that is meant by one word, itself or a namespace's; "" for a command."""
    first, *rest = what.split(maxsplit=1) or [""]
    if is_address(first):
        if rest:
            raise CommandSyntaxError(f"{what}: no command", text=what, hint=say("trace-address", address=first))
        return first
    if rest or first == HOST or first not in lab.names():
        return ""
    address = address_of(lab.snapshot("addrs"), ns, first)
    if not address:
        raise NsmagicError(say("trace-no-address", ns=first), hint=say("why", words=f"{ns} {first}"))
    return address


def is_address(text: str) -> bool:
    """Whether a text is an IP address.

    >>> is_address("8.8.8.8"), is_address("fe80::1%eth0"), is_address("ping 8.8.8.8")
    (True, True, False)
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _rules(lab: Lab) -> Snapshot:
    """The firewall's rules; none where they cannot be read."""
    try:
        return lab.snapshot("firewall")
    except LabError:
        raise
    except NsmagicError:
        return Snapshot()
