"""Slips that come from the habits of another tool, a note or a form: told by the words that were typed, before anything else.

Pure. ``hints.hint`` looks at the lab as it is; what stands here is wrong wherever it is typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nsmagic.commands.grammar import close
from nsmagic.commands.packages import MODULES
from nsmagic.commands.values import read_address
from nsmagic.sentences import say

_FOUR = re.compile(r"(\d+)\.(\d+)\.(\d+)\.(\d+)(?:/(\d+))?")
_MASK = re.compile(r"(?:255|254|252|248|240|224|192|128|0)(?:\.(?:255|254|252|248|240|224|192|128|0)){3}")
#: Programs that act on the machine's own services or software, and why a lab has none of those.
_OUTSIDE = {
    **dict.fromkeys(("apt", "apt-get", "aptitude", "dpkg", "yum", "dnf", "apk", "snap", "pip", "pip3"), "outside-software"),
    **dict.fromkeys(("docker", "podman", "kubectl", "ctr", "nerdctl", "lxc", "virsh"), "outside-containers"),
    **dict.fromkeys(("systemctl", "service", "networkctl", "nmcli", "netplan", "ifup", "ifdown", "resolvectl"), "outside-services"),
    **dict.fromkeys(("reboot", "shutdown", "poweroff", "halt"), "outside-power"),
    **dict.fromkeys(("modprobe", "insmod", "rmmod"), "outside-modules"),
}  # fmt: skip


def idiom(argv: Sequence[str]) -> str | None:
    """What to write instead, or None.

    >>> idiom(("ip", "route", "add", "default", "gw", "10.0.0.1"))
    'ip says via where route says gw:  ip route add default via 10.0.0.1'
    >>> idiom(("ip", "addr", "add", "10.0.0.1", "netmask", "255.255.255.0", "dev", "eth0"))
    'the length stands behind the address:  ip addr add 10.0.0.1/24 dev eth0'
    >>> idiom(("ip", "link", "add", "v0", "type", "vteh", "peer", "name", "v1"))
    'the kernel knows no kind "vteh"; did you mean veth?'
    """
    words = list(argv)
    while words[:1] == ["sudo"]:
        words.pop(0)
    if not words:
        return None
    tool = words[0].rpartition("/")[2]
    if tool in _OUTSIDE:
        return say(_OUTSIDE[tool], tool=tool)
    if tool not in ("ip", "route", "ifconfig", "arp", "ping", "bridge"):
        return None
    if (number := wrong_number(words[1:])) is not None:
        return number
    if tool == "ip" and all(word.startswith("-") for word in words[1:]) and words[-1] != "-n":
        return say("ip-alone")
    return _of_ip(words) if tool == "ip" else None


def wrong_number(words: Sequence[str]) -> str | None:
    """The hint for a word that would be an IPv4 address if its numbers were smaller.

    >>> wrong_number(["10.0.0.300/24"]), wrong_number(["10.0.0.3/33"]), wrong_number(["10.0.0.3"])
    ('10.0.0.300: each of the four numbers of an IPv4 address is 0 to 255', None, None)
    """
    for word in words:
        found = _FOUR.fullmatch(word)
        if found and any(int(number) > 255 for number in found.groups()[:4]):
            return say("ipv4-numbers", address=word.partition("/")[0])
    return None


def _of_ip(words: list[str]) -> str | None:
    fixed = list(words)
    if _is(words, "route") and "gw" in words[3:-1] and read_address(words[words.index("gw", 3) + 1]) is not None:
        fixed[words.index("gw", 3)] = "via"
        return say("ip-gw", fixed=" ".join(fixed))
    if _is(words, "route") and len(words) > 4 and words[3:4] == ["default"] and read_address(words[4]) is not None:
        fixed.insert(4, "via")
        return say("ip-via", fixed=" ".join(fixed))
    if _is(words, "addr") and (masks := [at for at in range(3, len(words)) if _MASK.fullmatch(words[at])]):
        at = masks[-1]
        before = at - 1 if words[at - 1] != "netmask" else at - 2
        if before > 2 and read_address(words[before]) is not None and "/" not in words[before]:
            length = sum(bin(int(number)).count("1") for number in words[at].split("."))
            fixed[before : at + 1] = [f"{words[before]}/{length}"]
            return say("ip-netmask", fixed=" ".join(fixed))
    if _is(words, "link") and "type" in words[3:-1]:
        kind = words[words.index("type", 3) + 1]
        near = close(kind, MODULES) if kind not in MODULES else []
        return say("kind-close", kind=kind, near=near[0]) if near else None
    return None


def _is(words: Sequence[str], name: str) -> bool:
    return len(words) > 2 and name.startswith(words[1])


def unreachable_name(words: str) -> str | None:
    """The hint for a ping that could not look its target up, from what it said.

    >>> unreachable_name("ping: 10.0.0.300: Temporary failure in name resolution")
    '10.0.0.300: each of the four numbers of an IPv4 address is 0 to 255'
    """
    found = re.search(r"ping: (\S+): .*(?:name resolution|Name or service not known|not associated)", words)
    return (wrong_number([found[1]]) or say("name-lookup")) if found else None
