"""How each tool words a refusal: the kernel's number and sentence, as ``ip``, ``bridge``, ``brctl``, ``ifconfig``, ``route``
and ``arp`` print it.

A person who searches the web for the words must find them, and a real tool in the same cell says the same. Observed with
iproute2 6.1, net-tools 2.10 and bridge-utils 1.7 (the parity tests compare them):

- iproute2 prints the kernel's own sentence as ``Error: SENTENCE.``, else ``RTNETLINK answers: WORDS``. A missing device is
  found by itself, without the kernel's words, and worded by the place where it stands.
- net-tools and brctl name the ioctl or the action that failed, then the words of the number.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from errno import EBUSY, EEXIST, EINVAL, ELOOP, ENODEV, ENOENT, ENXIO, EOPNOTSUPP
from typing import Any

from nsmagic.errors import KernelRefused
from nsmagic.netlink.socket import NetlinkError

#: Roles in which iproute2 says ``Error: argument "x" is wrong: Device does not exist``.
_ARGUMENTS = {"master": "Device does not exist"}
_FLUSHES = {"addr.flush"}

#: tool, verb → what the tool writes before the words of the number.
_CALLS: Mapping[tuple[str, str], str] = {
    ("route", "route.prepend"): "SIOCADDRT", ("route", "route.add"): "SIOCADDRT", ("route", "route.del"): "SIOCDELRT",
    ("arp", "neigh.replace"): "SIOCSARP", ("arp", "neigh.add"): "SIOCSARP", ("arp", "neigh.del"): "SIOCDARP(dontpub)",
    ("ifconfig", "addr.add"): "SIOCSIFADDR", ("ifconfig", "addr.del"): "SIOCDIFADDR",
}  # fmt: skip
#: What ``ifconfig`` sets with an ioctl of its own, by the argument of ``link.set`` and ``addr.primary``.
_IFCONFIG = {
    "mtu": "SIOCSIFMTU", "mac": "SIOCSIFHWADDR", "txqlen": "SIOCSIFTXQLEN", "name": "SIOCSIFNAME",
    "address": "SIOCSIFADDR", "prefixlen": "SIOCSIFNETMASK", "broadcast": "SIOCSIFBRDADDR", "peer": "SIOCSIFDSTADDR",
}  # fmt: skip
#: What ``brctl`` says it failed at, by attribute of the bridge or port.
_BRCTL = {
    "stp_state": "set stp status failed", "ageing_time": "set ageing time failed",
    "forward_delay": "set forward delay failed", "hello_time": "set hello timer failed",
    "max_age": "set max age failed", "priority": "set bridge priority failed", "cost": "set path cost failed",
}  # fmt: skip


def sentence(words: str) -> str:
    """The kernel's own sentence as iproute2 prints it.

    >>> sentence("Nexthop has invalid gateway")
    'Error: Nexthop has invalid gateway.'
    """
    return f"Error: {words}" if words.endswith(".") else f"Error: {words}."


def refused(
    tool: str, verb: str, args: Mapping[str, Any], error: NetlinkError, ns: str, **subject: Any
) -> KernelRefused:
    """The error for a request that the kernel answered with ``error``."""
    number = error.errno or 0
    words = os.strerror(number)
    if tool in ("ifconfig", "route", "arp", "brctl"):
        message = _old_tool(tool, verb, args, number, words)
    elif verb == "link.set" and number == EINVAL and len(args.get("mac", _SIX)) != len(_SIX):
        # iproute2 looks at the link's own length first; ours is asked only when the kernel has said no.
        message = f"Invalid address length {(len(args['mac']) + 1) // 3} - must be 6 bytes"
    else:
        message = sentence(error.ext) if error.ext else f"RTNETLINK answers: {words}"
        if verb == "route.flush":
            message += "\nFlush terminated"
    facts = {"ns": ns, **{key: args[key] for key in _FACTS if key in args}, **subject}
    return KernelRefused(message, errno=number, kernel=error.ext or words, subject=facts)


_SIX = "00:00:00:00:00:00"
_FACTS = ("dev", "ifname", "kind", "master", "name", "netns", "address", "prefixlen", "dst", "gateway", "mac", "lower")


def _old_tool(tool: str, verb: str, args: Mapping[str, Any], number: int, words: str) -> str:
    if tool == "brctl":
        return _brctl(verb, args, number, words)
    if tool == "ifconfig" and verb in ("link.set", "addr.primary"):
        return f"{_ioctl(args)}: {words}"
    if tool == "arp" and verb == "neigh.del" and number in (ENXIO, ENOENT):
        return f"No ARP entry for {args.get('address')}"
    return f"{_CALLS.get((tool, verb), 'RTNETLINK answers')}: {words}"


def _ioctl(args: Mapping[str, Any]) -> str:
    """The ioctl with which ifconfig does a step."""
    return next((ioctl for key, ioctl in _IFCONFIG.items() if key in args), "SIOCSIFFLAGS")


def _brctl(verb: str, args: Mapping[str, Any], number: int, words: str) -> str:
    if verb == "link.add":
        name = args.get("ifname", "")
        if number == EEXIST:
            return f"device {name} already exists; can't create bridge with the same name"
        return f"add bridge failed: {words}"
    if verb == "link.del":
        name = args.get("dev", "")
        if number == EBUSY:
            return f"bridge {name} is still up; can't delete it"
        if number in (ENODEV, ENXIO):
            return f"bridge {name} doesn't exist; can't delete it"
        return f"can't delete bridge {name}: {words}"
    dev = args.get("dev", "")
    if "must_have_master" in args:
        bridge = args["must_have_master"]
        return f"can't delete {dev} from {bridge}: {words}"
    if args.get("master"):
        bridge = args["master"]
        if number == EBUSY:
            return f"device {dev} is already a member of a bridge; can't add it to bridge {bridge}."
        if number == ELOOP:
            return f"device {dev} is a bridge device itself; can't add a bridge device to a bridge device."
        return f"can't add {dev} to bridge {bridge}: {words}"
    data = args.get("data", {})
    if args.get("port_kind") and number == EOPNOTSUPP:
        words = os.strerror(ENOENT)  # brctl looks for the file of a port in /sys
    if "hairpin" in data:
        return f"can't set {dev} to hairpin: {words}"
    if "priority" in data and args.get("port_kind"):
        return f"set port priority failed: {words}"
    return next((f"{text}: {words}" for key, text in _BRCTL.items() if key in data), f"brctl: {words}")


def no_device(tool: str, verb: str, args: Mapping[str, Any], role: str, name: str, ns: str) -> KernelRefused:
    """The error for a device that is not there. ``role`` says where it stood: ``dev``, ``master``, ``iif`` …"""
    words = os.strerror(ENODEV)
    if tool == "ifconfig":
        ioctl = _ioctl(args) if verb in ("link.set", "addr.primary") else _CALLS[tool, verb]
        reads_flags = verb == "link.set" and ioctl == "SIOCSIFFLAGS"
        message = f"{name}: ERROR while getting interface flags: {words}" if reads_flags else f"{ioctl}: {words}"
    elif tool in ("route", "arp"):
        message = f"{_CALLS.get((tool, verb), verb)}: {words}"
    elif tool == "brctl":
        message = _no_bridge(verb, args, role, name, words)
    elif role in _ARGUMENTS:
        message = f'Error: argument "{name}" is wrong: {_ARGUMENTS[role]}'
    elif verb in _FLUSHES:
        message = f'Device "{name}" does not exist.'
    elif verb in ("bridge.link.set", "bridge.vlan.add", "bridge.vlan.del") and role == "dev":
        message = f'Cannot find bridge device "{name}"'
    else:
        message = f'Cannot find device "{name}"' + ("\nError: cannot parse nexthop" if role == "nexthop" else "")
    return KernelRefused(message, errno=ENODEV, kernel=words, subject={"dev": name, "ns": ns, "role": role})


def _no_bridge(verb: str, args: Mapping[str, Any], role: str, name: str, words: str) -> str:
    match verb, role:
        case "link.del", _:
            return f"bridge {name} doesn't exist; can't delete it"
        case _, "master":
            return f"bridge {name} does not exist!"
        case _ if "data" in args and "hairpin" not in args["data"]:
            return _brctl(verb, args, ENODEV, words)
        case _:
            return f"interface {name} does not exist!"


def local(message: str, number: int = 22, **subject: Any) -> KernelRefused:
    """A refusal that the tool makes by itself, before it asks the kernel."""
    return KernelRefused(message, errno=number, kernel=os.strerror(number), subject=subject)
