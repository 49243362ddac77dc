"""What a typed line becomes: a ``Command`` that we do over netlink, or a ``Program`` that the lab runs.

``commands/`` is pure: it reads text and makes these. ``netlink/apply.py`` has one function per *verb* below and gets the
checked ``args`` as they stand here, never loose keywords. All values are JSON-ready. A key that was not typed is absent.

Verbs and their arguments
-------------------------
Numbers are numbers (``table``, ``protocol``, ``scope``, ``metric``, ``mtu``); names of the kernel's fixed lists are words
(``type``: ``unicast``, ``blackhole`` …; ``state``: ``permanent`` …); addresses are strings in canonical form; prefixes are
``"192.168.1.0/24"`` or ``"default"``; devices and namespaces are names, resolved when the command runs.
``family`` is ``"inet"``, ``"inet6"``, ``"bridge"`` or absent.

======================= ==================================================================================================
netns.add               name
netns.del               name · or all=True
netns.list              (none)
netns.set               name, id (int or "auto")
netns.attach            name, pid
netns.identify          pid (absent: the caller)
netns.pids              name
netns.exec_all          command (see ``Command.to_data``) or argv; made by ``ip -all netns exec``
link.add                ifname, kind, data={}, peer={ifname, netns, mac, mtu, up, index, txqlen, …}, up, master, mtu, mac,
                        broadcast_mac, netns (where it is created at last), lower ("link DEV"), index, txqlen, alias, group,
                        numtxqueues, numrxqueues, arp, multicast, …
link.set                dev or group_all (int, "group G"), then any of: up (bool), master (name; "" for nomaster), netns (name or pid
                        as int), name, mtu, mac, broadcast_mac, promisc, arp, multicast, allmulticast, dynamic, trailers, txqlen, alias, group (int),
                        carrier (bool), protodown (bool), addrgenmode (word), kind + data={} ("type bridge …"), port_kind
                        + data={} ("type bridge_slave …")
                        brctl adds what it refuses itself: must_be_free (no master yet), must_have_master (name)
link.del                dev or group_all, kind (optional), must_be_down (brctl: not while it is up)
link.property           dev, add (bool), altnames
link.show               dev, up, master, kind, port_kind, group, novf, nomaster · all optional
addr.add .replace .change .del
                        dev, address, prefixlen (absent on del without a length: the kernel matches any), family, peer, peer_prefixlen,
                        broadcast (an address, "+", "-"), anycast, label, scope (int), metric,
                        valid_lft, preferred_lft (seconds, 4294967295 for ever), flags=[nodad, home, mngtmpaddr, noprefixroute, autojoin]
addr.primary            (``ifconfig``) dev, label and one of address, prefixlen, broadcast, peer, remove (bool): what the ioctls SIOCSIFADDR,
                        SIOCSIFNETMASK, SIOCSIFBRDADDR, SIOCSIFDSTADDR, SIOCSIFFLAGS do to the first address with that label
addr.show .flush        dev, family, scope (int), to (prefix), up, master, kind, label (pattern), flags=[permanent, dynamic, …]
route.add .replace .change .append .prepend .test
                        dst, family, type, gateway, gateway_family, dev, prefsrc, metric, table, protocol, scope, src (IPv6 "from"), tos,
                        onlink (bool), metrics={mtu, advmss, window, rtt, hoplimit, initcwnd, …},
                        nexthops=[{gateway, gateway_family, dev, weight, onlink}], nhid, pref, expires
route.del               as add, everything optional but dst
route.show .flush       dst + match ("exact", "root", "match"; one prefix alone is exact), family, table (int or "all" or "cache"), dev, gateway,
                        protocol, scope, type, prefsrc, metric
route.get               address, family, from, iif, oif, mark, tos, fibmatch (bool), uid, ipproto (int), sport, dport, vrf
neigh.add .replace .change .del
                        address, dev, mac, state, proxy (bool), router (bool), extern_learn (bool), protocol
neigh.show .flush       address (prefix), dev, family, states=[…], proxy (bool), nud_all (bool), unused (bool), master, vrf
neigh.get               address, dev, proxy
rule.add .del           family, priority, src, dst, iif, oif, fwmark, fwmask, table, action ("lookup", "blackhole",
                        "unreachable", "prohibit", "goto", "nop"), goto (int), tos, invert, l3mdev, suppress_prefixlength,
                        suppress_ifgroup, uidrange="1-2", ipproto, sport, dport, protocol
rule.show .flush        family, plus any selector of add
bridge.link.show        dev, master
bridge.link.set         dev, data={} (port attributes), master (bool), self (bool)
bridge.fdb.show         dev, br, brport, vlan, state, dynamic (bool)
bridge.fdb.add .append .replace .del
                        mac, dev, self, master, router, use, extern_learn, sticky, local|static|dynamic|permanent as state,
                        dst, vlan, port, vni, src_vni, via, nhid
bridge.vlan.show        dev, vid
bridge.vlan.add .del    dev, vid, vid_end, pvid, untagged, self, master
bridge.show             (``brctl show``) br
bridge.showstp          br · bridge.showmacs: br
sysctl.read             names=[…] or pattern or all=True, values_only (-n), names_only (-N)
sysctl.write            assignments=[[name, value], …]; ``-p FILE`` is sysctl.load: files=[…] · quiet, ignore
ping                    address, family, count, interval, deadline (-w), wait (-W), size, ttl, source (an address), dev (-I), quiet,
                        numeric, flood, broadcast, tos, pattern, timestamps (-D), audible, record_route, mark
======================= ==================================================================================================

The tools of net-tools and bridge-utils map onto the same verbs (``arp`` → neigh.*, ``route`` → route.*, ``brctl addbr`` →
link.add with kind bridge, ``ifconfig`` → a ``Sequence`` of them); ``Command.tool`` keeps which tool was typed, because its
refusals are worded differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nsmagic.commands.reads import READS
from nsmagic.errors import CommandSyntaxError


@dataclass(frozen=True, slots=True)
class Command:
    """A command that nsmagic does itself, over netlink.

    ``argv`` are the words as typed (without prefixes such as ``sudo`` or ``ip netns exec red``), from which the real tool
    can be started for ``--text``; ``ns`` the namespace named by the prefix, None for the cell's own; ``verb`` and ``args``
    as in the module's table. ``display`` holds the display options typed: ``brief details json pretty stats oneline
    color numeric resolve timestamp human`` → True.
    """

    tool: str
    verb: str
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)
    ns: str | None = None
    argv: tuple[str, ...] = ()
    display: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def changes(self) -> bool:
        """Whether it is meant to change something."""
        return self.verb not in READS

    def to_data(self) -> dict[str, Any]:
        """What the agent needs, JSON-ready; ``wants``: what more is to be shown than the rows (``-s``, ``-d``)."""
        wants = [option for option in ("stats", "details") if self.display.get(option)]
        return {
            "tool": self.tool,
            "verb": self.verb,
            "args": dict(self.args),
            "ns": self.ns,
            **({"wants": wants} if wants else {}),
        }


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several commands from one typed line (``ifconfig eth0 10.0.0.1 up``), done in order; the first refusal ends it, or
    with ``keep_going`` is raised after the last has been tried, as ifconfig and sysctl do."""

    commands: tuple[Command, ...]
    keep_going: bool = False

    @property
    def ns(self) -> str | None:
        return self.commands[0].ns

    @property
    def argv(self) -> tuple[str, ...]:
        return self.commands[0].argv


@dataclass(frozen=True, slots=True)
class Program:
    """Something that the lab runs as a process. ``why`` is our parser's complaint when the tool is one that we know."""

    argv: tuple[str, ...]
    ns: str | None = None
    why: CommandSyntaxError | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Each:
    """``ip -all netns exec CMD``: the same in every named namespace, in order of name."""

    run: Command | Sequence | Program


@dataclass(frozen=True, slots=True)
class Batch:
    """``ip -batch FILE``: the file's lines, read in the lab when the step runs. ``lines`` is given instead when the text
    of the batch stood in the cell (``ip -b -``). ``force`` goes on after a refusal; ``prefix`` are the options typed."""

    file: str = ""
    lines: tuple[str, ...] | None = None
    force: bool = False
    ns: str | None = None
    tool: str = "ip"
    prefix: tuple[str, ...] = ()


Runnable = Command | Sequence | Program | Each | Batch


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a cell. ``line`` is 1-based in the cell as typed; ``text`` what a person typed, without its prompt.

    ``after`` says when it runs: always, only after success (``&&``) or only after failure (``||``) of the step before.
    """

    line: int
    text: str
    run: Runnable
    after: Literal["always", "success", "failure"] = "always"
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A cell with shell syntax: one bash script, run in the cell's namespace. ``text`` keeps the line numbers of the cell
    (prompts and ``sudo`` taken away). ``why`` names the construct that made it one, with its line."""

    text: str
    why: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, read: its steps, or one script. ``skipped`` are the lines that were output, pasted along with prompts."""

    steps: tuple[Step, ...] = ()
    script: Script | None = None
    skipped: tuple[int, ...] = ()
