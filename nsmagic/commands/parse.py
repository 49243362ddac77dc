"""From the words of one command to what is to be done: prefixes are peeled off, then the tool's own grammar reads on.

Prefixes: ``sudo`` (with options that mean root), ``ip netns exec NS`` and ``ip -n NS`` (in ``ip.py``), and ``nsenter
--net=/run/netns/NS`` when it enters nothing else. They nest to any depth; the last namespace wins. A tool may be typed
with its path (``/sbin/ip``).

What a grammar refuses becomes a :class:`~nsmagic.commands.command.Program` that carries the refusal: the real tool has
the last word, and the hint follows its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

from nsmagic.commands.command import Program, Runnable
from nsmagic.errors import CommandSyntaxError

#: Tool → the module whose ``parse(argv, ns)`` reads it.
TOOLS: dict[str, str] = {
    "ip": "nsmagic.commands.ip",
    "bridge": "nsmagic.commands.bridge",
    "brctl": "nsmagic.commands.brctl",
    "arp": "nsmagic.commands.arp",
    "route": "nsmagic.commands.netroute",
    "ifconfig": "nsmagic.commands.ifconfig",
    "sysctl": "nsmagic.commands.sysctl",
    "ping": "nsmagic.commands.ping",
    "ping4": "nsmagic.commands.ping",
    "ping6": "nsmagic.commands.ping",
}
SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ash"})

_FOLDERS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/")
_SUDO_FLAGS = re.compile(r"-[EHnPSkb]+\Z|--(?:preserve-env|set-home|non-interactive|stdin)(?:=.*)?\Z")
_SUDO_ROOT = re.compile(r"-[EHnPS]*u(?:root|0|#0)\Z|--user=(?:root|0|#0)\Z")
_NET_FILE = re.compile(r"(?:--net=|-n)/(?:var/)?run/netns/([^/]+)\Z")
#: More prefixes than this are not typed by anybody; it bounds the work.
_MOST_PREFIXES = 64


def tool_name(word: str) -> str:
    """The tool that a command word means: ``/sbin/ip`` is ``ip``.

    >>> tool_name("/usr/bin/ping"), tool_name("/home/me/ip"), tool_name("ip")
    ('ping', '/home/me/ip', 'ip')
    """
    for folder in _FOLDERS:
        if word.startswith(folder) and "/" not in word[len(folder) :]:
            return word[len(folder) :]
    return word


def without_sudo(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The words without a leading ``sudo`` that only asks for root; as they are when it asks for more.

    >>> without_sudo(("sudo", "-E", "-u", "root", "ip", "link"))
    ('ip', 'link')
    >>> without_sudo(("sudo", "-u", "nobody", "id"))
    ('sudo', '-u', 'nobody', 'id')
    """
    if not argv or tool_name(argv[0]) != "sudo":
        return argv
    i = 1
    while i < len(argv) and argv[i].startswith("-"):
        word = argv[i]
        if word == "--":
            i += 1
            break
        if word in ("-u", "--user") and i + 1 < len(argv) and argv[i + 1] in ("root", "0", "#0"):
            i += 2
        elif _SUDO_FLAGS.match(word) or _SUDO_ROOT.match(word):
            i += 1
        else:
            return argv
    if i >= len(argv) or re.match(r"[A-Za-z_][A-Za-z0-9_]*=", argv[i]):
        return argv
    return argv[i:]


def without_nsenter(argv: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """Peel ``nsenter --net=/run/netns/NS``: the words that follow and NS; ``(argv, None)`` when it is anything else.

    >>> without_nsenter(("nsenter", "--net=/var/run/netns/red", "ip", "link"))
    (('ip', 'link'), 'red')
    >>> without_nsenter(("nsenter", "-t", "17", "-n", "ip", "link"))[1] is None
    True
    """
    if len(argv) < 2 or tool_name(argv[0]) != "nsenter":
        return argv, None
    found = _NET_FILE.match(argv[1])
    if found is None:
        return argv, None
    rest = argv[2:]
    if rest[:1] == ("--",):
        rest = rest[1:]
    elif rest and rest[0].startswith("-"):
        return argv, None
    return rest, found[1]


def peel(argv: tuple[str, ...], ns: str | None) -> tuple[tuple[str, ...], str | None]:
    """Take ``sudo`` and ``nsenter`` away, as often as they stand there; a lone ``nsenter`` stays."""
    if argv and argv[0] in TOOLS:  # nothing stands before it, as in most lines
        return argv, ns
    for _ in range(_MOST_PREFIXES):
        shorter = without_sudo(argv)
        rest, found = without_nsenter(shorter)
        if found is not None and rest:
            shorter, ns = rest, found
        if shorter == argv:
            break
        argv = shorter
    return argv, ns


@cache
def _reader(module: str) -> Callable[[tuple[str, ...], str | None], Runnable]:
    read: Callable[[tuple[str, ...], str | None], Runnable] = import_module(module).parse
    return read


def parse(argv: tuple[str, ...], ns: str | None = None) -> Runnable:
    """What the words of one command mean. Never raises for what a person can type.

    >>> parse(("sudo", "ip", "netns", "exec", "red", "ip", "link", "set", "lo", "up")).to_data()
    {'tool': 'ip', 'verb': 'link.set', 'args': {'dev': 'lo', 'up': True}, 'ns': 'red'}
    >>> parse(("ip", "link", "sett")).why.message
    'Command "sett" is unknown, try "ip link help".'
    """
    argv, ns = peel(tuple(argv), ns)
    if not argv:
        return Program(argv, ns)
    name = tool_name(argv[0])
    module = TOOLS.get(name)
    if module is None:
        return Program(argv, ns)
    try:
        return _reader(module)((name, *argv[1:]), ns)
    except CommandSyntaxError as error:
        return Program(argv, ns, error)
    except RecursionError:  # thousands of nested "ip netns exec"
        return Program(argv, ns)
