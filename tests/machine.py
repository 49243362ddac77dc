"""What the machine looks like from outside a lab: its network, sysctls and mounts, to be the same before and after a test run.

The observation HOST of FAULTS.md section 4. Left out is only what moves by itself on any machine: counters, how fresh an
entry of the neighbour table is, and whether one that was learned is still there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

#: sysctls that count, or that the kernel lowers by itself when the machine is busy.
_MOVING = re.compile(
    r"^(fs\.(dentry-state|inode|file-nr|aio-nr)|kernel\.(random\.|ns_last_pid|pty\.nr|perf_event_max_sample_rate|perf_cpu_time)"
    r"|net\.netfilter\.nf_conntrack_count|fs\.quota)"
)
#: Fields of ``ip -j`` that tick, by what is looked at.
_TICKING = {
    "addresses": ("valid_life_time", "preferred_life_time"),
    "IPv6 routes": ("expires",),
    "neighbours": ("used", "confirmed", "updated", "probes", "state"),
}
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

_COMMANDS = {
    "links": "ip -j -d link",
    "addresses": "ip -j -d addr",
    "routes": "ip -j -4 route show table all",
    "IPv6 routes": "ip -j -6 route show table all",
    "rules": "ip -j rule",
    "IPv6 rules": "ip -j -6 rule",
    "neighbours": "ip -j neigh",
    "nftables": "nft list ruleset",
    "iptables": "iptables-save",
    "ip6tables": "ip6tables-save",
}


def observe() -> dict[str, list[str]]:
    """Everything that is compared: what is looked at → its lines."""
    seen = {name: _lines(name, command) for name, command in _COMMANDS.items()}
    seen["sysctls"] = [line for line in _output("sysctl -a") if not _MOVING.match(line)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    seen["mounts"] = sorted(line.split(" ", 2)[2] for line in mounts)
    seen["/run/netns"] = _names("/run/netns")
    seen["/run"] = _names("/run")
    for folder in ("/tmp", "/dev/shm"):
        seen[folder] = [name for name in _names(folder) if "nsmagic" in name and not name.startswith("nsmagic-test.")]
    modules = Path("/proc/modules")
    seen["modules"] = sorted(line.split()[0] for line in modules.read_text().splitlines()) if modules.exists() else []
    return seen


def differences(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> list[str]:
    """What is not as it was, a line for each; empty when all is.

    A module that the kernel loaded meanwhile is no difference, nor are the sysctls that came with it: that is how every first
    use of a kind of interface or of a firewall shows.
    """
    loaded = set(after["modules"]) != set(before["modules"])
    found = []
    for name, old in before.items():
        new = after[name]
        if old == new or name == "modules":
            continue
        gone = [line for line in old if line not in set(new)]
        come = [line for line in new if line not in set(old)]
        if name == "neighbours":
            # What the kernel has learned it also forgets by itself, the entry of the machine's own gateway say.
            gone = [line for line in gone if "PERMANENT" in line]
            come = [line for line in come if not any(f'"{gateway}"' in line for gateway in _gateways(before))]
        if name == "sysctls" and loaded:
            known = {line.partition(" = ")[0] for line in old}
            come = [line for line in come if line.partition(" = ")[0] in known]
        found += [f"{name}: - {line}" for line in gone] + [f"{name}: + {line}" for line in come]
    return found


def _gateways(seen: Mapping[str, list[str]]) -> set[str]:
    """The machine's own routers, whom any other program may ask at any time."""
    return set(re.findall(r'"gateway": "([^"]+)"', "".join([*seen["routes"], *seen["IPv6 routes"]])))


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        return [str(error.strerror)]


def _lines(name: str, command: str) -> list[str]:
    lines = _output(command)
    if " -j " not in command:
        # iptables-save dates its output and counts packets.
        return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#")]
    try:
        rows = json.loads("".join(lines) or "[]")
    except ValueError:
        return lines
    for row in rows:
        if row.get("state") == ["PERMANENT"]:  # the only state that stays
            row["kept"] = row["state"]
    return sorted(json.dumps(_still(row, _TICKING.get(name, ())), sort_keys=True) for row in rows)


def _still(value: object, ticking: Collection[str]) -> object:
    if isinstance(value, dict):
        return {name: _still(each, ticking) for name, each in value.items() if name not in ticking}
    if isinstance(value, list):
        return [_still(each, ticking) for each in value]
    return value


def _output(command: str) -> list[str]:
    words = command.split()
    tool = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:{_SBIN}")
    if tool is None:
        return [f"there is no {words[0]} here"]
    done = subprocess.run([tool, *words[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines() or [f"{words[0]}: exit status {done.returncode}"]
