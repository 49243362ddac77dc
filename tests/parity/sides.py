"""The two sides of a parity test: the same lines through the real tools, and through nsmagic; and the state they leave.

Our bridges here keep the kernel's MAC: in a lab they get one of their own, which a real bridge does not, and the kernel then
takes the carrier of a bridge without ports away (``tests/netlink/test_apply_link.py`` shows that deviation).

Both sides are sandboxes of their own. Namespaces are made in both by the real ``ip netns add``, with IPv6's automatic
link-local addresses off (they depend on MACs and time); everything else is done by the side's own means.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandboxed import LocalLab

from nsmagic.commands.command import Command, Sequence
from nsmagic.commands.parse import parse
from nsmagic.errors import NsmagicError
from nsmagic.model import IFF_LOWER_UP, IFF_UP
from nsmagic.netlink import dump
from nsmagic.netlink.apply import VERBS, apply
from nsmagic.netlink.raw import RawLink

_QUIET = ("net.ipv6.conf.all.addr_gen_mode=1", "net.ipv6.conf.default.addr_gen_mode=1", "net.ipv6.conf.default.accept_dad=0",
          "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.lo.addr_gen_mode=1", "net.ipv4.ip_forward=0")  # fmt: skip
_TENTATIVE = 0x40
_TIMES = {"used", "confirmed", "updated", "probes", "refcnt", "gc_timer", "hello_timer", "tcn_timer",
          "topology_change_timer", "hold_timer", "message_age_timer", "forward_delay_timer", "topology_change_detected",
          "topology_change_ack"}  # fmt: skip
_NUMBERS = {"ifindex", "link_index", "link_netnsid", "iflink"}
_BRIDGE_IDS = {"bridge_id", "root_id", "designated_bridge", "designated_root"}
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\Z")
#: Tool with options → what is asked of it, by table: at once where the tool takes it so, since most of the time here goes into starting tools.
_COMMANDS = {
    "ip -d -j": {"link": "link show", "addr": "addr show", "neigh": "neigh show nud all", "proxy": "neigh show proxy"},
    "ip -d -j -4": {"route": "route show table all", "rule": "rule show"},
    "ip -d -j -6": {"route6": "route show table all", "rule6": "rule show"},
    "bridge -d -j": {"fdb": "fdb show"},
    # By itself: some kernels refuse it.
    "bridge -j -d": {"vlan": "vlan show"},
}


@dataclass
class Said:
    """What one line gave: whether it was done, its words (stderr), and the form that we read it as ("" by the tool)."""

    line: str
    ok: bool
    words: str
    form: str = ""
    native: bool = True


def prepare() -> None:
    """Called once in each sandbox: quiet its host."""
    _quiet(None)


def _quiet(ns: str | None) -> None:
    prefix = ["ip", "netns", "exec", ns] if ns else []
    subprocess.run([*prefix, "sysctl", "-q", "-w", *_QUIET], check=True, timeout=30, capture_output=True)


def _words(line: str) -> list[str]:
    """The line's words; ``PID`` is a process that is in the sandbox's own network: this one."""
    return [str(os.getpid()) if word == "PID" else word for word in shlex.split(line)]


def _make_namespace(words: list[str]) -> bool:
    """``ip netns add NAME``, the same on both sides; whether the line was one."""
    if words[:3] != ["ip", "netns", "add"]:
        return False
    subprocess.run(words, check=True, timeout=30)
    _quiet(words[3])
    return True


def settle(lab: LocalLab) -> None:
    """Wait until the kernel has told every link of its carrier, which it does a moment after a link is switched on or off, and
    until it has done with new IPv6 addresses: their local routes come from a work queue.

    What it tells depends on where the other end is at that moment. Real tools take so long to start that this is over before
    the next line; ours do not.
    """
    end = time.monotonic() + 3.0
    for ns in ("host", *sorted(os.listdir("/run/netns"))):
        while any(_unsettled(link) for link in dump.links(lab.socket(ns))) or any(
            addr.flags & _TENTATIVE for addr in dump.addrs(lab.socket(ns))
        ):
            assert time.monotonic() < end, f"the links of {ns} do not settle"
            time.sleep(0.002)


def _unsettled(link: RawLink) -> bool:
    return bool(link.flags & IFF_UP) and bool(link.flags & IFF_LOWER_UP) != (link.operstate in ("UP", "UNKNOWN"))


def run_real(lines: list[str]) -> list[Said]:
    """The lines by the real tools."""
    return _each(lines, _run_tool)


def run_ours(lines: list[str]) -> list[Said]:
    """The lines by nsmagic: parsed, then applied over netlink. What the grammar leaves to the tool is marked so."""
    return _each(lines, _run_native)


def _each(lines: list[str], run: Callable[[LocalLab, str, list[str]], Said]) -> list[Said]:
    lab = LocalLab(bridge_macs=False)
    said = []
    for line in lines:
        words = _words(line)
        said.append(Said(line, True, "") if _make_namespace(words) else run(lab, line, words))
        settle(lab)
    return said


def _run_tool(_: LocalLab, line: str, words: list[str]) -> Said:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment, check=False)
    # arp says its one refusal on stdout.
    words_said = done.stderr or (done.stdout if done.returncode and words[0] in ("arp", "ip") else "")
    return Said(line, done.returncode == 0, words_said.strip())


def _run_native(lab: LocalLab, line: str, words: list[str]) -> Said:
    run = parse(tuple(words), None)
    if isinstance(run, Sequence):
        return _run_sequence(lab, line, run)
    if isinstance(run, Command) and run.verb in VERBS:
        return _run_command(lab, line, run)
    return Said(line, False, f"not native: {run}", native=False)


def form(command: Command) -> str:
    """The form of a command: tool, verb, kind and the names of its arguments."""
    keys = sorted(f"{key}.{one}" for key, value in command.args.items() if isinstance(value, dict) for one in value)
    kind = command.args.get("kind") or command.args.get("port_kind", "")
    return " ".join([command.tool, command.verb, str(kind), ",".join(sorted(command.args)), ",".join(keys)])


def _run_command(lab: LocalLab, line: str, command: Command) -> Said:
    try:
        outcome = apply(lab, command.ns, command.verb, command.args, command.tool)
    except NsmagicError as error:
        return Said(line, False, error.message, form(command))
    return Said(line, True, "\n".join(outcome.notes), form(command))


def _run_sequence(lab: LocalLab, line: str, sequence: Sequence) -> Said:
    words = []
    ok = True
    for command in sequence.commands:
        one = _run_command(lab, line, command)
        ok = ok and one.ok
        words += [one.words] if one.words else []
        if not one.ok and not sequence.keep_going:
            break
    return Said(line, ok, "\n".join(words), " + ".join(form(command) for command in sequence.commands))


def state(typed: str) -> dict[str, Any]:
    """The kernel state of all namespaces, with what must differ taken out; ``typed`` are the lines, whose MACs stay."""
    names = [None, *sorted(os.listdir("/run/netns"))]
    return {
        name or "host": {
            table: _table(table, said, typed.lower())
            for start, asked in _COMMANDS.items()
            for table, said in zip(asked, _ask(name, start.split(), list(asked.values())), strict=True)
        }
        for name in names
    }


def _ask(ns: str | None, start: list[str], asked: list[str]) -> list[str | list[Any]]:
    """The rows that a tool prints for each thing asked, or its words where it refuses one."""
    tool, *options = start
    words = [tool, *(["-n", ns] if ns else []), *options]
    if len(asked) == 1:
        done = subprocess.run([*words, *asked[0].split()], capture_output=True, text=True, timeout=30, check=False)
        return [done.stderr if done.returncode else json.loads(done.stdout or "[]")]
    lines = "\n".join(asked) + "\n"
    done = subprocess.run([*words, "-b", "-"], input=lines, capture_output=True, text=True, timeout=30, check=False)
    found: list[str | list[Any]] = []
    at = 0
    while not done.returncode and at < len(done.stdout):
        rows, at = json.JSONDecoder().raw_decode(done.stdout, at)
        found.append(rows)
        at += len(done.stdout[at:]) - len(done.stdout[at:].lstrip())
    if len(found) == len(asked):
        return found
    return [each for one in asked for each in _ask(ns, start, [one])]


def _table(table: str, said: str | list[Any], typed: str) -> Any:
    if isinstance(said, str):
        return said
    rows = [_clean(row, typed) for row in said if row]
    if table == "fdb":
        rows = [row for row in rows if _counts(row)]
    if table == "neigh":  # groups to which packets were sent, which is a matter of time
        rows = [
            row for row in rows if not (row.get("state") == ["NOARP"] and row["dst"].startswith(("224.", "239.", "ff")))
        ]
    if table == "rule" or table == "rule6":
        return rows
    return sorted(rows, key=lambda row: (row.get("ifname", ""), json.dumps(row, sort_keys=True)))


def _counts(row: dict[str, Any]) -> bool:
    """Entries for the bridge's and its ports' own MACs differ: our bridges have a MAC of their own."""
    return not (row.get("mac") == "<mac>" and row.get("state") == "permanent")


def _clean(value: Any, typed: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _clean(inner, typed, name)
            for name, inner in value.items()
            if name not in _TIMES and name not in _NUMBERS
        }
    if isinstance(value, list):
        return [_clean(inner, typed, key) for inner in value]
    if key in ("valid_life_time", "preferred_life_time", "expires") and value not in (0, 4294967295):
        return "<seconds>"
    if key in _BRIDGE_IDS and isinstance(value, str):
        return value.split(".")[0]
    if isinstance(value, str) and _MAC.match(value) and value not in typed and value not in _FIXED:
        return value if value.startswith(("33:33:", "01:")) else "<mac>"
    return value


_FIXED = {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"}
