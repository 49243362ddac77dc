"""Follow a document's commands as the kernel would, and say where it would not go as its author thinks.

Rough on purpose: only what is sure is said. A document may begin with things it does not make (``eth0``, a bridge of Docker's): a
device is missed only when the document makes devices and one of a very similar name is there.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nsmagic.commands.cell import split
from nsmagic.commands.command import Command, Program, Sequence
from nsmagic.course.lint.sources import Block, Place, Source
from nsmagic.errors import NsmagicError
from nsmagic.model import HOST
from nsmagic.sentences import say_lint as say

_NAT_WORDS = ("MASQUERADE", "SNAT", "DNAT", "PREROUTING", "POSTROUTING", "--to-destination", "--to-source")
_FORWARDS = re.compile(
    r"ip_forward\s*=\s*1|ip_forward\b.*\b1\b|echo\s+1\s*>\s*/proc/sys/net/ipv4/ip_forward|forwarding\s*=\s*1"
)


@dataclass(frozen=True)
class Finding:
    """One finding: where, its code, and what is said."""

    place: Place
    code: str
    words: str


@dataclass
class Device:
    """An interface that the document made."""

    name: str
    ns: str
    kind: str
    place: Place
    peer: str = ""
    master: str = ""
    up: bool = False


@dataclass
class State:
    """What the document has made so far, since its lab began."""

    devices: dict[str, Device] = field(default_factory=dict)
    gone: dict[str, Device] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    addresses: list[tuple[str, ipaddress.IPv4Interface | ipaddress.IPv6Interface]] = field(default_factory=list)
    short: dict[tuple[str, str], Place] = field(default_factory=dict)
    gateways: list[Place] = field(default_factory=list)
    forwards: bool = False


class Rules:
    """The rules, over one document."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found = [Finding(*each) for each in source.found]
        self._state = State()
        # A namespace is missed only in a document that makes some, each of them by its name (not by a loop's variable).
        texts = [block.text for block in source.blocks]
        self._makes_namespaces = any("netns add" in text for text in texts) and not any(
            re.search(r"netns add \S*\$", text) for text in texts
        )

    def run(self) -> list[Finding]:
        """The findings, in order."""
        for block in self._source.blocks:
            if block.fresh:
                self._end()
            else:
                self._block(block)
        self._end()
        return sorted(self._found, key=lambda finding: (finding.place.cell, finding.place.line))

    def _say(self, place: Place, code: str, **fields: object) -> None:
        finding = Finding(place, code, say(code, **fields))
        if finding not in self._found:
            self._found.append(finding)

    # Commands

    def _block(self, block: Block) -> None:
        if block.ns and self._makes_namespaces:
            self._namespace(block.ns, block.place, f"%%netns {block.ns}")
        if _FORWARDS.search(block.text):
            self._state.forwards = True
        for line_number, line in enumerate(block.text.splitlines()):
            if re.search(r"\bip\s+(?:-\S+\s+)*net-ns\b", line):
                self._say(Place(block.place.line + line_number, block.place.cell), "net-ns", text=line.strip())
        try:
            cell = split(block.text, block.ns or HOST)
        except NsmagicError as error:
            self._say(block.place, "unreadable", text=block.text.splitlines()[0][:60], why=error.message)
            return
        for step in cell.steps:
            place = Place(block.place.line + max(step.line, 1) - 1, block.place.cell)
            match step.run:
                case Command():
                    self._command(step.run, step.text, place, block.strict)
                case Sequence(commands=commands):
                    for command in commands:
                        self._command(command, step.text, place, block.strict)
                case Program(argv=argv):
                    self._program(argv, step.text, place)
                case _:
                    continue

    def _program(self, argv: tuple[str, ...], text: str, place: Place) -> None:
        if argv[0].rpartition("/")[2] not in ("iptables", "ip6tables", "iptables-legacy", "iptables-nft"):
            return
        word = next((word for word in _NAT_WORDS if word in argv), None)
        if word and "-t" not in argv and "--table" not in argv:
            self._say(place, "nat-table", text=text, word=word)
        if "MASQUERADE" in argv or "SNAT" in argv:
            self._state.gateways.append(place)

    def _command(self, command: Command, text: str, place: Place, strict: bool) -> None:
        args, ns = command.args, command.ns or HOST
        if ns != HOST and self._makes_namespaces and strict:
            self._namespace(ns, place, text)
        match command.verb:
            case "netns.add":
                self._state.namespaces.add(str(args["name"]))
            case "netns.del":
                self._state.namespaces.discard(str(args["name"]))
                for device in [each for each in self._state.devices.values() if each.ns == args["name"]]:
                    self._remove(device)
            case "link.add":
                self._made(args, ns, text, place)
            case "link.set":
                self._set(args, ns, text, place)
            case "link.del":
                gone = self._device(str(args.get("dev", "")), ns, text, place)
                if gone is not None:
                    self._remove(gone)
            case "addr.add":
                self._address(command, ns, text, place)
            case "addr.del":
                self._state.short.pop((ns, str(args.get("address", ""))), None)
            case "route.add" | "route.replace":
                self._route(args, ns, text, place)

    def _namespace(self, ns: str, place: Place, text: str) -> None:
        # One in brackets is of the outside of a world.
        if ns not in self._state.namespaces and ns != HOST and not ns.startswith("("):
            self._say(place, "namespace-none", text=text, ns=ns)
            self._state.namespaces.add(ns)  # said once

    def _made(self, args: Mapping[str, Any], ns: str, text: str, place: Place) -> None:
        name, kind = str(args.get("ifname", "")), str(args.get("kind", ""))
        peer = dict(args.get("peer") or {})
        ends = [(name, str(args.get("netns") or ns))]
        if kind == "veth" and peer.get("ifname"):
            # The netns before ``type`` is that of this end alone: the kernel's veth makes the other where the command is run.
            ends.append((str(peer["ifname"]), str(peer.get("netns") or ns)))
        for at, (each, where) in enumerate(ends):
            there = self._state.devices.get(each)
            if there is not None and there.ns == where:
                self._say(place, "link-twice", text=text, dev=each, line=str(there.place.line))
            other = ends[1 - at][0] if len(ends) == 2 else ""
            self._state.devices[each] = Device(each, where, kind, place, other, up=bool(args.get("up")) and at == 0)

    def _remove(self, device: Device) -> None:
        for name in (device.name, device.peer):
            if name in self._state.devices:
                self._state.gone[name] = self._state.devices.pop(name)

    def _device(self, name: str, ns: str, text: str, place: Place) -> Device | None:
        """The device that a command means; says so when there is none of that name there."""
        device = self._state.devices.get(name)
        if device is not None:
            if device.ns != ns:
                self._say(place, "device-elsewhere", text=text, dev=name, ns=device.ns, here=ns)
            return device
        near = difflib.get_close_matches(name, self._state.devices, 1, 0.75)
        if near and name not in ("lo", "eth0", "wlan0"):
            other = self._state.devices[near[0]]
            self._say(place, "device-none", text=text, dev=name, ns=ns, other=other.name)
        return None

    def _set(self, args: Mapping[str, Any], ns: str, text: str, place: Place) -> None:
        device = self._device(str(args.get("dev", "")), ns, text, place)
        if device is None:
            return
        if args.get("netns") is not None:
            device.ns = HOST if str(args["netns"]) == "1" else str(args["netns"])
            if self._makes_namespaces and device.ns != HOST and not device.ns.isdigit():
                self._namespace(device.ns, place, text)
            device.up = False  # moving switches an interface off
        if "master" in args:
            device.master = str(args["master"] or "")
        if args.get("up") is True:
            device.up = True
        elif args.get("up") is False:
            device.up = True  # switched off on purpose: its author knows of it
        if args.get("ifname"):
            self._state.devices[str(args["ifname"])] = self._state.devices.pop(device.name)
            device.name = str(args["ifname"])

    def _address(self, command: Command, ns: str, text: str, place: Place) -> None:
        args = command.args
        address, length = str(args.get("address", "")), int(args.get("prefixlen", 0))
        if not address or args.get("family") not in ("inet", "inet6"):
            return
        typed = [word for word in command.argv if word.partition("/")[0] == address]
        short = bool(typed) and all("/" not in word for word in typed) and "peer" not in command.argv
        if short and "ifconfig" not in command.argv[0] and args.get("dev") != "lo":
            self._state.short[ns, address] = place
        self._device(str(args.get("dev", "")), ns, text, place)
        self._state.addresses.append((ns, ipaddress.ip_interface(f"{address}/{length}")))

    def _route(self, args: Mapping[str, Any], ns: str, text: str, place: Place) -> None:
        gateway = str(args.get("gateway") or "")
        if not gateway:
            return
        mine = [interface for where, interface in self._state.addresses if where == ns]
        if mine and not any(ipaddress.ip_address(gateway) in interface.network for interface in mine):
            self._say(place, "gateway", text=text, gateway=gateway, ns=ns)
        if ns != HOST:
            self._state.gateways.append(place)

    # What was never done

    def _end(self) -> None:
        state, self._state = self._state, State()
        for (_, address), place in state.short.items():
            self._say(place, "prefix-length", address=address)
        said: set[str] = set()
        for device in state.devices.values():
            if device.name in said:
                continue
            peer = state.devices.get(device.peer)
            if device.kind == "bridge" and not device.up:
                self._say(device.place, "bridge-down", dev=device.name)
            if peer is None or device.kind != "veth":
                continue
            said.add(peer.name)
            on, off = (device, peer) if device.up else (peer, device)
            if on.up and not off.up:
                code = "port-down" if off.master else "cable-half"
                self._say(off.place, code, dev=off.name if off.master else on.name, peer=off.name, master=off.master)
            elif not on.up and (any(ns in (on.ns, off.ns) for ns, _ in state.addresses) or on.master or off.master):
                self._say(device.place, "cable-down", dev=device.name, peer=peer.name)
        if state.gateways and not state.forwards:
            self._say(state.gateways[0], "forwarding")
