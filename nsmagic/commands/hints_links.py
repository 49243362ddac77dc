"""The rules of ``hints.py`` about interfaces: which there are, their names, kinds and ports."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping

from nsmagic.commands.case import Case, first_found, listed
from nsmagic.commands.grammar import close, valid_ifname
from nsmagic.commands.packages import MODULES
from nsmagic.errors import KernelRefused
from nsmagic.model import HOST
from nsmagic.sentences import say

_MISSING = (
    re.compile(r'Cannot find (?:bridge )?device "([^"]*)"'),
    re.compile(r'Device "([^"]*)" does not exist'),
    re.compile(r'argument "([^"]*)" is wrong: Device does not exist'),
    re.compile(r"(?:interface|bridge|device) (\S+) (?:does not exist|doesn't exist)"),
    re.compile(r"(\S+): (?:ERROR|error) (?:while getting interface flags|fetching interface information)"),
    re.compile(r"SO_BINDTODEVICE (\S+): No such device"),
)


def missing_device(case: Case) -> str | None:
    """An interface that is not there, or is elsewhere."""
    name = first_found(_MISSING, case.words)
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


def bad_name(case: Case) -> str | None:
    """A name that no interface can have."""
    if case.verb not in ("link.add", "link.set") or case.errno == errno.EEXIST:
        return None
    peer = case.args.get("peer")
    names = [case.arg("ifname"), case.arg("name"), str(peer.get("ifname", "")) if isinstance(peer, Mapping) else ""]
    for name in names:
        size = len(name.encode(errors="surrogateescape"))
        if name and not valid_ifname(name):
            return say("name-long", name=name, size=size) if size > 15 else say("name-bad", name=name)
    return None


def link_exists(case: Case) -> str | None:
    """A name that another interface has."""
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


def link_stays(case: Case) -> str | None:
    """What the kernel does not let one do to an interface as it is."""
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


def unknown_kind(case: Case) -> str | None:
    """A kind of interface, or an option of it, that the kernel has not."""
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


def no_port(case: Case) -> str | None:
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


def port(case: Case) -> str | None:
    """What cannot be plugged into a bridge."""
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
