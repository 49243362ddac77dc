"""The words of a rule: what ``iptables`` options match, and what becomes of a packet. A table, and one loop that reads it."""

from __future__ import annotations

from collections.abc import Sequence

#: Option → what it says, with ``{}`` for each of its values; without any, it has none. Unknown options are told as typed.
MATCHES: dict[str, str] = {
    "-s": "from {}", "-d": "to {}", "-i": "in at {}", "-o": "out at {}", "-p": "{}", "-f": "fragments", "-m": "",
    "--sport": "from port {}", "--dport": "to port {}", "--sports": "from ports {}", "--dports": "to ports {}",
    "--ports": "ports {}", "--icmp-type": "{}", "--icmpv6-type": "{}", "--tcp-flags": "flags {1} of {0}",
    "--ctstate": "state {}", "--state": "state {}", "--ctstatus": "status {}", "--comment": '"{}"',
    "--limit": "at most {}", "--limit-burst": "burst {}", "--mark": "mark {}", "--mac-source": "from MAC {}",
    "--uid-owner": "of user {}", "--gid-owner": "of group {}", "--src-type": "from {} addresses",
    "--dst-type": "to {} addresses", "--physdev-in": "in at port {}", "--physdev-out": "out at port {}",
    "--physdev-is-bridged": "bridged", "--match-set": "{1} in set {0}", "--src-range": "from {}",
    "--dst-range": "to {}", "--length": "length {}", "--ttl-eq": "ttl {}", "--hl-eq": "hop limit {}",
    "--probability": "with probability {}",
}  # fmt: skip

#: The same for what stands behind ``-j TARGET``.
TARGETS: dict[str, str] = {
    "--to-destination": "to {}", "--to-source": "to {}", "--to-ports": "to ports {}", "--to": "to {}",
    "--reject-with": "with {}", "--log-prefix": 'with prefix "{}"', "--log-level": "level {}", "--set-mark": "set {}",
    "--set-xmark": "set {}", "--clamp-mss-to-pmtu": "clamp to the path's MTU", "--set-mss": "set {}",
    "--random": "at random", "--random-fully": "at random", "--persistent": "persistent",
}  # fmt: skip

_ICMP = {"0": "echo-reply", "3": "destination-unreachable", "5": "redirect", "8": "echo-request", "11": "time-exceeded"}
_ICMP6 = {"128": "echo-request", "129": "echo-reply", "133": "router-solicitation", "134": "router-advertisement",
          "135": "neighbour-solicitation", "136": "neighbour-advertisement"}  # fmt: skip
_NAMED = {"--icmp-type": _ICMP, "--icmpv6-type": _ICMP6, "-p": {"ipv6-icmp": "icmpv6"}}


def rule_words(options: Sequence[str]) -> tuple[str, str]:
    """What a rule matches and what then happens, of the words behind ``-A CHAIN``.

    >>> rule_words(["-s", "192.168.15.0/24", "-j", "MASQUERADE"])
    ('from 192.168.15.0/24', 'MASQUERADE')
    >>> rule_words(["!", "-i", "eth0", "-p", "tcp", "-m", "tcp", "--dport", "80", "-j", "DNAT", "--to-destination", "10.0.0.2:80"])
    ('not in at eth0, tcp, to port 80', 'DNAT to 10.0.0.2:80')
    """
    said: list[str] = []
    at, negated = 0, False
    while at < len(options):
        option = options[at]
        if option in ("-j", "-g"):
            name = options[at + 1] if at + 1 < len(options) else ""
            more = _told(options[at + 2 :], TARGETS)
            return ", ".join(said), " ".join([*(["goto"] if option == "-g" else []), name, *more]).strip()
        if option == "!":
            negated = True
            at += 1
            continue
        words, at = _one(options, at, MATCHES)
        if words:
            said.append(f"not {words}" if negated else words)
        negated = False
    return ", ".join(said), ""


def _told(options: Sequence[str], table: dict[str, str]) -> list[str]:
    said, at = [], 0
    while at < len(options):
        words, at = _one(options, at, table)
        said += [words] if words else []
    return said


def _one(options: Sequence[str], at: int, table: dict[str, str]) -> tuple[str, int]:
    """The words of the option at a place, and the place behind it and its values."""
    option = options[at]
    template = table.get(option)
    if template is None:
        end = at + 1
        while end < len(options) and not options[end].startswith("-") and options[end] != "!":
            end += 1
        return " ".join([option.lstrip("-"), *options[at + 1 : end]]).strip(), end
    count = 1 if option == "-m" else 2 if "{1}" in template else template.count("{")
    values = [_NAMED.get(option, {}).get(value, value) for value in options[at + 1 : at + 1 + count]]
    if len(values) < count:
        return " ".join([option, *values]), len(options)
    return template.format(*values), at + 1 + count
