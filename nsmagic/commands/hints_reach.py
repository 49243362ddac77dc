"""The offer of ``%why``: what a ping, a curl or an nc that reached nobody is answered with.

Only who was meant is worked out here; why it was not reached is ``%why``'s to say.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsmagic.commands.case import Case, listed
from nsmagic.commands.idioms import unreachable_name
from nsmagic.errors import CommandFailed, CommandTimeout
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.snapshot import Snapshot

#: Tools that take a URL; tools that take a host and a port; with the ports that they use unasked.
_URLS = frozenset({"curl", "wget"})
_HOSTS = {"nc": 0, "ncat": 0, "netcat": 0, "telnet": 23, "ssh": 22}
_SCHEMES = {"http": 80, "https": 443, "ftp": 21}
_UNREACHED = re.compile(
    r"[Nn]etwork is unreachable|[Nn]o route to host|[Cc]onnection refused|timed out|[Cc]ould ?n[o']t connect|[Ff]ailed to connect"
    r"|Could not connect|\(7\)|\(28\)"
)
#: What a tool ends with when it reached nobody, also when it was told to say nothing: of curl 7 no connection, 28 too late.
_STATUSES = {"curl": (7, 28), "wget": (4,), "nc": (1,), "ncat": (1,), "netcat": (1,), "ssh": (), "telnet": (1,)}
#: Bytes of data in a ping unasked, and those that fit into one packet of an Ethernet link.
_USUAL, _WHOLE = 56, 1472
_QUIET = frozenset({"nc", "ncat", "netcat"})
_TAKE_VALUE = {"nc": "IiMmOoPpqsTVWwXx", "ncat": "IiMmOoPpqsTVWwXx", "netcat": "IiMmOoPpqsTVWwXx", "telnet": "EKSXabceklnrtx",
               "ssh": "BbcDEeFIiJLlmOopQRSWw"}  # fmt: skip


def no_reply(ns: str, args: Mapping[str, Any], error: str, snapshot: Callable[..., Snapshot]) -> str | None:
    """What to say when a ping from ``ns`` got no reply. ``args`` are those of the ping: ``address``, ``size``, ``pmtudisc``.

    ``error`` is what ping said beside its statistics, ``snapshot`` gives the named tables.

    >>> no_reply("red", {"address": "10.0.0.9"}, "ping: connect: Network is unreachable", lambda *tables: Snapshot())
    '%why red 10.0.0.9 explains'
    >>> no_reply("red", {"address": "10.0.0.9", "size": 1473, "pmtudisc": "do"}, "", lambda *tables: Snapshot())
    '%why red 10.0.0.9 --size 1473 explains'
    """
    if missing := re.search(r"SO_BINDTODEVICE (\S+): No such device|unknown iface:? (\S+)", error):
        have = listed(link.ifname for link in snapshot("links").links if link.ns == ns)
        return say("dev-none", ns=ns, have=have, dev=missing[1])
    if "not known" in error or "name resolution" in error:
        return unreachable_name(error)
    if "Address family" in error:
        return None  # ping -6 of an IPv4 address: what it said is all there is
    address = str(args.get("address", ""))
    return offer(ns, address, size=_in_one_packet(args)) if address else None


def _in_one_packet(args: Mapping[str, Any]) -> int:
    """How many bytes a ping sends in one packet, when it may be their number that keeps it from arriving; else 0."""
    size = int(args.get("size", 0))
    return size if size > _USUAL and (args.get("pmtudisc") == "do" or size <= _WHOLE) else 0


def offer(ns: str, target: str, port: int = 0, proto: str = "", size: int = 0) -> str:
    """The line that offers it.

    >>> offer("host", "10.0.0.9", 80)
    '%why 10.0.0.9 --port 80 explains'
    """
    words = [
        *([] if ns == HOST else [ns]),
        target,
        *(["--port", str(port)] if port else []),
        *(["--proto", proto] if proto else []),
        *(["--size", str(size)] if size else []),
    ]
    return say("why", words=" ".join(words))


def unreached(case: Case) -> str | None:
    """A program that could not connect."""
    if not isinstance(case.error, (CommandFailed, CommandTimeout)):
        return None
    argv = _without_prefix(case.argv)
    tool = argv[0].rpartition("/")[2] if argv else ""
    if tool not in _URLS and tool not in _HOSTS:
        return None
    said = _UNREACHED.search(case.words) or isinstance(case.error, CommandTimeout)
    if not said and getattr(case.error, "status", 0) not in _STATUSES[tool]:
        return None
    found = _of_url(argv[1:]) if tool in _URLS else _of_words(tool, argv[1:])
    if found is None:
        return None
    target, port = found
    udp = tool in _QUIET and any(re.fullmatch(r"-[a-zA-Z46]*u[a-zA-Z46]*", word) for word in argv[1:])
    return offer(case.ns, target, port, "udp" if udp else "")


def asked_server(case: Case) -> str | None:
    """The offer for a look-up at a server that was named: ``dig red.lab @10.0.0.1``, ``nslookup red.lab 10.0.0.1``."""
    argv = _without_prefix(case.argv)
    tool = argv[0].rpartition("/")[2] if argv else ""
    if tool == "dig":
        servers = [word[1:] for word in argv[1:] if word.startswith("@")]
    else:
        servers = list(argv[2:][-1:]) if tool in ("nslookup", "host") else []
    return offer(case.ns, servers[0], 53, "udp") if servers and _is_address(servers[0]) else None


def _without_prefix(argv: Sequence[str]) -> Sequence[str]:
    """The program itself, behind ``sudo``, ``timeout N`` and ``ip netns exec NS``."""
    words = list(argv)
    while words:
        if words[0] == "sudo":
            del words[0]
        elif words[0] == "timeout" and len(words) > 2:
            del words[:2]
        elif words[:3] == ["ip", "netns", "exec"] and len(words) > 4:
            del words[:4]
        else:
            break
    return words


def _of_url(words: Sequence[str]) -> tuple[str, int] | None:
    for word in words:
        if word.startswith("-"):
            continue
        text = word if "://" in word else f"http://{word}"
        try:
            parts = urllib.parse.urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            continue
        if host and ("://" in word or _is_address(host)):
            return host, port or _SCHEMES.get(parts.scheme, 80)
    return None


def _of_words(tool: str, words: Sequence[str]) -> tuple[str, int] | None:
    plain: list[str] = []
    port = _HOSTS[tool]
    skip = ""
    for word in words:
        if skip:
            port = int(word) if tool == "ssh" and skip == "p" and word.isdigit() else port
            skip = ""
        elif word.startswith("-") and len(word) > 1:
            skip = word[-1] if word[-1] in _TAKE_VALUE[tool] else ""
        else:
            plain.append(word)
    if not plain:
        return None
    if len(plain) > 1 and plain[1].isdigit() and tool != "ssh":
        port = int(plain[1])
    return (plain[0].rpartition("@")[2], port) if port else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
