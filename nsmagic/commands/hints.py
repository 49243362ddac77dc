"""How to put a refusal right: one line for each frequent mistake, made from what the lab has at that moment.

``hint()`` is asked after an error that has no hint of its own; it is pure and never raises for what it does not know:
then it says nothing. ``no_reply()`` is asked after a ping without reply, ``slip()`` and
``machine_warning()`` about the cell as a whole (``slips.py``). All sentences that a learner reads
stand in ``sentences.toml`` by code.

Each rule looks at a ``Case`` and answers with a sentence or nothing; they are tried in the order of ``_RULES``. Those about interfaces,
routes and programs have modules of their own, ``hints_links.py`` and so on.
"""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Callable, Sequence

from nsmagic.commands.case import Case, MadeBy, elsewhere, first_found, listed, split
from nsmagic.commands.command import Command
from nsmagic.commands.grammar import close, place_hint
from nsmagic.commands.hints_links import bad_name, link_exists, link_stays, missing_device, no_port, port, unknown_kind
from nsmagic.commands.hints_programs import failed, of_limits, of_programs, program
from nsmagic.commands.hints_reach import no_reply, unreached
from nsmagic.commands.hints_routes import gateway, route, unreachable
from nsmagic.commands.hints_said import notebook_habit, number_or_mac, of_bash, of_qdisc
from nsmagic.commands.slips import machine_warning, slip
from nsmagic.errors import (
    CommandSyntaxError,
    KernelRefused,
    NamespaceNotFound,
    NsmagicError,
)
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot

__all__ = ["MadeBy", "hint", "machine_warning", "no_reply", "of_limits", "say", "slip"]

_NO_NAMESPACE = (
    re.compile(r'Cannot (?:open network namespace|remove namespace file) "(?:/(?:var/)?run/netns/)?([^"]*)"'),
    re.compile(r'argument "([^"]*)" is wrong: Invalid "netns" value'),
)
_DENIED_PARAMETER = re.compile(r"/proc/sys/([^\s:']+)'?: (?:Permission denied|Read-only file system)")


def hint(
    error: NsmagicError,
    text: str | Sequence[str],
    command: Command | None,
    snapshot: Snapshot,
    ns: str,
    made_by: MadeBy | None = None,
) -> str | None:
    """How to put an error right, one line without the word ``hint:``, or None.

    Parameters
    ----------
    error
        What was refused. One that has a hint keeps it.
    text
        The command as typed, or its words.
    command
        The command as our grammar read it, None for a program.
    snapshot
        What the lab has now; tables that are not in it are taken to be empty.
    ns
        The namespace of the cell.
    made_by
        ``(namespace, interface)`` or namespace → which cell made it.

    >>> snapshot = Snapshot.from_data({"links": [["host", 1, "lo"], ["red", 5, "veth-red"]]})
    >>> refused = KernelRefused('Cannot find device "veth-rad"', errno=19, subject={"dev": "veth-rad"})
    >>> hint(refused, "ip link set veth-rad up", None, snapshot, "host")
    'host has lo; did you mean veth-red? It is in red:  ip -n red link set veth-red up'
    """
    if error.hint:
        return error.hint
    words = tuple(command.argv) if command is not None and command.argv else split(text)
    subject = error.subject if isinstance(error, KernelRefused) else {}
    own = command.ns if command is not None else None
    case = Case(
        error=error,
        argv=words,
        verb=command.verb if command is not None else "",
        args={**subject, **(command.args if command is not None else {}), **({"missing": subject.get("dev")} if subject else {})},
        ns=str(subject.get("ns") or own or elsewhere(words) or ns),
        cell=ns,
        snapshot=snapshot,
        made_by=made_by or {},
    )  # fmt: skip
    for rule in _RULES:
        found = rule(case)
        if found:
            return found
    return None


# -- namespaces ----------------------------------------------------------------------------------------------------------


def _namespace(case: Case) -> str | None:
    name: str | None
    if isinstance(case.error, NamespaceNotFound):
        name, known = case.error.name, [one for one in case.error.known if one != HOST] or case.namespaces()
    else:
        name, known = first_found(_NO_NAMESPACE, case.words), case.namespaces()
    pid = case.args.get("netns")
    if case.errno == errno.ESRCH and isinstance(pid, int):
        return say("ns-pid", pid=pid)
    if "Invalid netns name" in case.words:
        return say("ns-name")
    if not name:
        return None
    if case.verb == "netns.del" and case.errno == errno.EBUSY:
        return say("ns-busy", name=name)
    if name == HOST:
        return say("ns-host")
    if not known:
        return say("ns-none", name=shlex.quote(name))
    near = close(name, known)
    code = "ns-close" if near else "ns-there" if case.verb == "netns.del" else "ns-known"
    return say(code, known=listed(known), near=near[0] if near else "", name=shlex.quote(name))


def _namespace_exists(case: Case) -> str | None:
    if case.verb != "netns.add" or case.errno != errno.EEXIST:
        return None
    name = case.arg("name")
    return say("ns-exists", name=name, made=case.made(name, ("", name)))


# -- addresses -----------------------------------------------------------------------------------------------------------


def _address(case: Case) -> str | None:
    if not case.verb.startswith("addr."):
        return None
    dev, address = case.arg("dev"), case.arg("address")
    if case.errno == errno.EEXIST:
        return say("addr-exists", dev=dev, address=f"{address}/{case.args.get('prefixlen', 32)}")
    if case.errno in (errno.EACCES, errno.EPERM) and ":" in address:
        return say("ipv6-off", dev=dev)
    if case.verb == "addr.primary" and case.errno == errno.EADDRNOTAVAIL:
        return say("addr-first", dev=dev)
    if case.verb == "addr.del" and case.errno in (errno.EADDRNOTAVAIL, errno.ENOENT):
        on_dev = case.addresses(dev)
        same = next((one for one in on_dev if one.address == address), None)
        if same is not None and same.prefixlen == case.args.get("prefixlen"):
            return None  # it is there by now: a later line of the cell brought it
        if same is not None:
            fixed = case.ip("addr", "del", f"{address}/{same.prefixlen}", "dev", dev)
            return say("addr-length", dev=dev, address=address, prefixlen=same.prefixlen, fixed=fixed)
        other = next((one for one in case.addresses() if one.address == address), None)
        if other is not None:
            return say("addr-elsewhere", address=address, dev=other.ifname)
        have = listed(f"{one.address}/{one.prefixlen}" for one in on_dev)
        return say("addr-have", dev=dev, have=have) if have else say("addr-have-none", dev=dev)
    return None


# -- the rest of the kernel ----------------------------------------------------------------------------------------------


def _entry(case: Case) -> str | None:
    """Neighbours, rules, forwarding database: there already, or not there."""
    thing = {"neigh": "neigh", "rule": "rule", "bridge": "fdb"}.get(case.verb.partition(".")[0])
    if thing is None or case.verb.startswith(("bridge.link", "bridge.vlan")):
        return None
    fields = {
        "ns": case.ns,
        "dev": case.arg("dev") or "the interface",
        "address": case.arg("address"),
        "mac": case.arg("mac"),
    }
    if case.errno == errno.EEXIST:
        return say(f"{thing}-exists", **fields)
    gone = case.errno in (errno.ENOENT, errno.ESRCH) or "No ARP entry" in case.words
    return say(f"{thing}-none", **fields) if gone else None


def _sysctl(case: Case) -> str | None:
    if denied := _DENIED_PARAMETER.search(case.words):
        name = denied[1].replace("/", ".")
        return None if name.startswith("net.") else say("sysctl-machine", name=name)
    if not case.verb.startswith("sysctl.") and case.argv[:1] != ("sysctl",):
        return None
    assignments, names = case.args.get("assignments") or [], case.args.get("names") or []
    first = str(assignments[0][0]) if assignments else str(names[0]) if names else ""
    name = re.split(r"[\s:]", case.words.partition("/proc/sys/")[2])[0].strip('"').replace("/", ".") or first
    if "cannot open" in case.words:
        return None  # a file of settings, not a parameter
    if case.errno == errno.ENOENT or "No such file" in case.words:
        return say("sysctl-none", word=shlex.quote(name.rpartition(".")[2] or "WORD"))
    if case.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and name and not name.startswith("net."):
        return say("sysctl-machine", name=name)
    return None


def _denied(case: Case) -> str | None:
    return say("denied") if case.errno in (errno.EPERM, errno.EACCES, errno.EROFS) else None


def _syntax(case: Case) -> str | None:
    if not isinstance(case.error, CommandSyntaxError) or not case.error.expected:
        return None
    at = case.error.at
    word = case.error.text[at:].split(" ")[0]
    return place_hint(word, at, case.error.expected) if word else None


_RULES: tuple[Callable[[Case], str | None], ...] = (
    _syntax, notebook_habit, program, _namespace_exists, _namespace, bad_name, missing_device, link_exists, link_stays, unknown_kind, port, no_port,
    _address, gateway, route, unreached, unreachable, _entry, number_or_mac, _sysctl, of_bash, of_qdisc, of_programs, failed, _denied,
)  # fmt: skip
