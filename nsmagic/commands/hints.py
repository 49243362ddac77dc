"""How to put a refusal right: one line for each frequent mistake, made from what the lab has at that moment.

``hint()`` is asked after an error that has no hint of its own; it is pure and never raises for what it does not know:
then it says nothing. ``no_reply()`` is asked after a ping without reply, ``slip()`` and
``machine_warning()`` about the cell as a whole (``slips.py``). All sentences that a learner reads
stand in ``sentences.toml`` by code.

Longer than 300 lines, because it is a list of small rules of one kind, tried in the order of ``_RULES``.
"""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence

from nsmagic.commands.case import Case, MadeBy, listed, split
from nsmagic.commands.command import Command
from nsmagic.commands.grammar import close, place_hint, valid_ifname
from nsmagic.commands.hints_reach import no_reply, unreached
from nsmagic.commands.hints_routes import gateway, route, unreachable
from nsmagic.commands.hints_said import notebook_habit, number_or_mac, of_bash, of_programs
from nsmagic.commands.packages import MODULES, NATIVE, PACKAGES
from nsmagic.commands.slips import machine_warning, slip
from nsmagic.errors import (
    CommandFailed,
    CommandNotFound,
    CommandSyntaxError,
    CommandTimeout,
    KernelRefused,
    NamespaceNotFound,
    NsmagicError,
)
from nsmagic.model import HOST, Snapshot
from nsmagic.sentences import say

__all__ = ["MadeBy", "hint", "machine_warning", "no_reply", "say", "slip"]

_MISSING = (
    re.compile(r'Cannot find (?:bridge )?device "([^"]*)"'),
    re.compile(r'Device "([^"]*)" does not exist'),
    re.compile(r'argument "([^"]*)" is wrong: Device does not exist'),
    re.compile(r"(?:interface|bridge|device) (\S+) (?:does not exist|doesn't exist)"),
    re.compile(r"(\S+): (?:ERROR|error) (?:while getting interface flags|fetching interface information)"),
    re.compile(r"SO_BINDTODEVICE (\S+): No such device"),
)
_NO_NAMESPACE = (
    re.compile(r'Cannot (?:open network namespace|remove namespace file) "(?:/(?:var/)?run/netns/)?([^"]*)"'),
    re.compile(r'argument "([^"]*)" is wrong: Invalid "netns" value'),
)
_NO_PROGRAM = re.compile(r'(?:exec of "([^"]+)" failed: No such file|(?:^|: )([^\s:]+): (?:command )?not found)')
_NO_NAME = re.compile(
    r"name resolution|no servers could be reached|Name or service not known|[Cc]ould not resolve|Unknown host|Host name lookup failure"
)
#: What programs say when a limit of the lab is used up. The first that fits counts.
_LIMITS = (
    (re.compile(r"new network namespace.*No space left|unshare failed: No space left"), "limit-namespaces"),
    (
        re.compile(r"[Ff]ork: .*Resource temporarily unavailable|[Cc]annot fork|can't start new thread"),
        "limit-processes",
    ),
    (re.compile(r"MemoryError|[Cc]annot allocate memory|memory exhausted|[Oo]ut of memory"), "limit-memory"),
    (re.compile(r"No space left on device"), "limit-files"),
    (re.compile(r"ended by signal 25|File too large|File size limit exceeded"), "limit-file-size"),
    (re.compile(r"ended by signal 24|CPU time limit exceeded"), "limit-cpu"),
)
_NO_TABLE = re.compile(r"can't initialize ip6?tables table|table '?\S* does not exist|Table does not exist")
_DENIED_PARAMETER = re.compile(r"/proc/sys/([^\s:']+)'?: (?:Permission denied|Read-only file system)")
_NO_NFT = re.compile(
    r"Failed to initialize nft|^Error: Could not process rule: (?:Operation not supported|Protocol not supported)|"
    r"Unable to initialize Netlink socket: Protocol not supported",
    re.MULTILINE,
)
_NO_CHAIN = re.compile(r"No chain/target/match by that name")


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
        ns=str(subject.get("ns") or own or ns),
        cell=ns,
        snapshot=snapshot,
        made_by=made_by or {},
    )  # fmt: skip
    for rule in _RULES:
        found = rule(case)
        if found:
            return found
    return None


def of_limits(words: str) -> str | None:
    """The hint for a program that said that a limit of the lab is used up.

    >>> of_limits("dd: error writing '/run/x': No space left on device")
    "the lab's /run (16 MiB), /tmp (64 MiB) and /dev/shm (16 MiB) are small; remove what fills them"
    """
    return next((say(code) for pattern, code in _LIMITS if pattern.search(words)), None)


def _found(patterns: Iterable[re.Pattern[str]], text: str) -> str | None:
    for pattern in patterns:
        if match := pattern.search(text):
            return match[1]
    return None


# -- interfaces ----------------------------------------------------------------------------------------------------------


def _missing_device(case: Case) -> str | None:
    name = _found(_MISSING, case.words)
    if name is None and case.errno == errno.ENODEV:
        name = case.arg("missing") or case.arg("dev")
    if not name or (case.errno not in (0, errno.ENODEV) and isinstance(case.error, KernelRefused)):
        return None
    holders = sorted({link.ns for link in case.links() if name in (link.ifname, *link.altnames)} - {case.ns})
    if holders:
        return _in_other(case, name, holders[0])
    here = [link.ifname for link in case.links(case.ns)]
    near = close(name, here)
    if near:
        return say("dev-close", ns=case.ns, have=case.have(), near=near[0])
    near = close(name, [link.ifname for link in case.links()])
    if near:
        where = next(link.ns for link in case.links() if link.ifname == near[0])
        code = "dev-close-in-host" if where == HOST and case.cell != HOST else "dev-close-elsewhere"
        fixed = case.fixed(where, {name: near[0]})
        if where.startswith("("):
            return say("dev-close", ns=case.ns, have=case.have(), near=f"{near[0]} (in {where})")
        return say(code, ns=case.ns, have=case.have(), near=near[0], where=where, fixed=fixed)
    code = "dev-veth-gone" if case.verb == "link.del" else "dev-none"
    return say(code, ns=case.ns, have=case.have(), dev=name)


def _in_other(case: Case, name: str, where: str) -> str:
    """The interface exists, but in another namespace."""
    if case.verb == "link.set" and case.args.get("netns") == where and case.arg("dev") == name:
        return say("dev-moved-already", dev=name, where=where, made=case.made((where, name)))
    if where.startswith("("):
        return say("dev-elsewhere-plain", dev=name, where=where, ns=case.ns)
    code = "dev-in-host" if where == HOST and case.cell != HOST else "dev-elsewhere"
    return say(code, dev=name, where=where, fixed=case.fixed(where))


def _bad_name(case: Case) -> str | None:
    if case.verb not in ("link.add", "link.set") or case.errno == errno.EEXIST:
        return None
    peer = case.args.get("peer")
    names = [case.arg("ifname"), case.arg("name"), str(peer.get("ifname", "")) if isinstance(peer, Mapping) else ""]
    for name in names:
        size = len(name.encode(errors="surrogateescape"))
        if name and not valid_ifname(name):
            return say("name-long", name=name, size=size) if size > 15 else say("name-bad", name=name)
    return None


def _link_exists(case: Case) -> str | None:
    if case.errno != errno.EEXIST or not case.verb.startswith("link."):
        return None
    if case.verb == "link.set":
        where = case.arg("netns") or case.ns
        name = case.arg("name") or case.arg("dev")
        if case.link(name, where) is None:
            return None
        fixed = case.ip("link", "set", case.arg("dev"), "name", _other_name(name))
        return say("link-exists-there", where=where, name=name, made=case.made((where, name)), fixed=fixed)
    peer = case.args.get("peer")
    first = case.arg("ifname")
    nameless = case.arg("kind") == "veth" and not (isinstance(peer, Mapping) and peer.get("ifname"))
    if case.verb == "link.add" and nameless and first and case.link(first) is None:
        return say("peer-nameless", name=first)  # veth_newlink makes the other end first, and numbers it: veth0
    ends = [(case.arg("netns") or case.ns, case.arg("ifname"))]
    if isinstance(peer, Mapping):
        ends.append((str(peer.get("netns") or ends[0][0]), str(peer.get("ifname", ""))))
    for where, name in ends:
        if name and case.link(name, where) is not None:
            return say("link-exists", name=name, ns=where, made=case.made((where, name)))
    return None


def _other_name(name: str) -> str:
    return f"{name[:13]}-2"


def _link_stays(case: Case) -> str | None:
    dev = case.arg("dev")
    link = case.link(dev)
    if case.verb == "link.set" and "netns" in case.args and "immutable" in case.words:
        return say("link-immutable", dev=dev)
    if (
        case.verb == "link.del"
        and case.errno == errno.EOPNOTSUPP
        and (dev == "lo" or (link and link.kind == "loopback"))
    ):
        return say("link-lo")
    if (
        case.verb == "link.set"
        and case.errno == errno.EBUSY
        and not case.arg("master")
        and link is not None
        and link.up
    ):
        return say("link-busy", dev=dev, fixed=case.ip("link", "set", dev, "down"))
    if case.verb == "link.del" and case.errno == errno.EBUSY and case.args.get("must_be_down"):
        return say("link-busy", dev=dev, fixed=case.ip("link", "set", dev, "down"))
    mac = case.arg("mac")
    if case.errno == errno.EADDRNOTAVAIL and mac and case.verb.startswith("link.") and int(mac[:2] or "0", 16) & 1:
        return say("mac-group")
    return None


def _kind(case: Case) -> str | None:
    kind = case.arg("kind")
    if case.errno != errno.EOPNOTSUPP or not kind:
        return None
    data = case.args.get("data")
    if case.verb == "link.set" or "Unknown device type" not in case.words:
        if kind == "bridge" and isinstance(data, Mapping) and data:
            return say("feature-missing", feature=f"{listed(map(str, data))} of a bridge")
        return None
    if kind in MODULES:
        return say("kind-missing", kind=kind, module=MODULES[kind])
    near = close(kind, MODULES)
    return say("kind-close", kind=kind, near=near[0]) if near else say("kind-unknown", kind=kind)


def _no_port(case: Case) -> str | None:
    """What only a port of a bridge can have: VLANs, entries of the bridge's forwarding database."""
    dev = case.arg("dev")
    link = case.link(dev)
    if not case.verb.startswith(("bridge.vlan", "bridge.fdb", "bridge.link")) or link is None:
        return None
    if case.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
        return None
    if not link.master and link.kind not in ("bridge", "vxlan"):
        bridge = next((one.ifname for one in case.links(case.ns) if one.kind == "bridge"), "br0")
        return say("port-none", dev=dev, fixed=case.ip("link", "set", dev, "master", bridge))
    return say("feature-missing", feature="vlan_filtering of a bridge") if "vlan" in case.verb else None


def _port(case: Case) -> str | None:
    master, dev = case.arg("master"), case.arg("dev")
    if (
        case.verb != "link.set"
        or not master
        or case.errno not in (errno.EBUSY, errno.EINVAL, errno.ELOOP, errno.EOPNOTSUPP)
    ):
        return None
    link, bridge = case.link(dev), case.link(master)
    if link is not None and link.kind == "loopback":
        return say("port-lo")
    if bridge is not None and bridge.kind not in ("bridge", "bond", "vrf", "team"):
        return say("master-no-bridge", master=master, kind=bridge.kind)
    if link is not None and link.kind == "bridge":
        return say("port-bridge", dev=dev)
    if link is not None and link.master and case.errno == errno.EBUSY:
        fixed = case.ip("link", "set", dev, "nomaster")
        return say("port-taken", dev=dev, master=link.master, fixed=fixed)
    return None


# -- namespaces ----------------------------------------------------------------------------------------------------------


def _namespace(case: Case) -> str | None:
    name: str | None
    if isinstance(case.error, NamespaceNotFound):
        name, known = case.error.name, [one for one in case.error.known if one != HOST] or case.namespaces()
    else:
        name, known = _found(_NO_NAMESPACE, case.words), case.namespaces()
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


# -- programs ------------------------------------------------------------------------------------------------------------


def _program(case: Case) -> str | None:
    package = ""
    name: str | None = None
    if isinstance(case.error, CommandNotFound):
        name, package = case.error.name, case.error.package
    elif isinstance(case.error, CommandFailed) and (match := _NO_PROGRAM.search(case.error.message)):
        name = match[1] or match[2]
    if not name:
        return None
    tool = name.rpartition("/")[2]
    package = package or PACKAGES.get(tool, "")
    if package:
        return say("not-found", name=tool, package=package)
    if name in case.namespaces():
        return say("not-found-namespace", name=name)
    near = close(tool, (*NATIVE, *PACKAGES))
    return say("not-found-close", near=near[0]) if near else None


def _failed(case: Case) -> str | None:
    """What programs print when they fail."""
    if isinstance(case.error, CommandTimeout):
        endless = case.argv[:1] and case.argv[0].startswith("ping") and "count" not in case.args
        return say("ping-endless") if endless else say("timeout")
    if "top: failed tty get" in case.words:
        return say("top")
    if limit := of_limits(case.words):
        return limit
    if _NO_NAME.search(case.words):
        return say("name-lookup")
    if _NO_CHAIN.search(case.words):
        return say("chain-none")
    if _NO_NFT.search(case.words):
        return say("nft-missing")
    return say("table-missing") if _NO_TABLE.search(case.words) else None


def _syntax(case: Case) -> str | None:
    if not isinstance(case.error, CommandSyntaxError) or not case.error.expected:
        return None
    at = case.error.at
    word = case.error.text[at:].split(" ")[0]
    return place_hint(word, at, case.error.expected) if word else None


_RULES: tuple[Callable[[Case], str | None], ...] = (
    _syntax, notebook_habit, _program, _namespace_exists, _namespace, _bad_name, _missing_device, _link_exists, _link_stays, _kind, _port, _no_port,
    _address, gateway, route, unreached, unreachable, _entry, number_or_mac, _sysctl, of_bash, of_programs, _failed, _denied,
)  # fmt: skip
