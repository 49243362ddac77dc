"""The rules of ``hints.py`` about programs: those that are not there, and what those that failed have said."""

from __future__ import annotations

import re

from nsmagic.commands.case import Case
from nsmagic.commands.grammar import close
from nsmagic.commands.hints_reach import asked_server
from nsmagic.commands.packages import NATIVE, PACKAGES
from nsmagic.errors import CommandFailed, CommandNotFound, CommandTimeout
from nsmagic.sentences import say

_NO_PROGRAM = re.compile(r'(?:exec of "([^"]+)" failed: No such file|(?:^|: )([^\s:]+): (?:command )?not found)')
_NO_NAME = re.compile(
    r"name resolution|no servers could be reached|Name or service not known|[Cc]ould not resolve|Unknown host|Host name lookup failure"
)
#: What programs say when a limit of the lab is used up. The first that fits counts.
_LIMITS = (
    (re.compile(r"new network namespace.*No space left|unshare failed: No space left"), "limit-namespaces"),
    (
        re.compile(r"[Ff]ork: .*Resource temporarily unavailable|[Cc]annot fork|can't start new thread"),
        "limit-processes",
    ),
    (re.compile(r"MemoryError|[Cc]annot allocate memory|memory exhausted|[Oo]ut of memory"), "limit-memory"),
    (re.compile(r"No space left on device"), "limit-files"),
    (re.compile(r"ended by signal 25|File too large|File size limit exceeded"), "limit-file-size"),
    (re.compile(r"ended by signal 24|CPU time limit exceeded"), "limit-cpu"),
)
_NO_TABLE = re.compile(r"can't initialize ip6?tables table|table '?\S* does not exist|Table does not exist")
_NO_NFT = re.compile(
    r"Failed to initialize nft|^Error: Could not process rule: (?:Operation not supported|Protocol not supported)|"
    r"Unable to initialize Netlink socket: Protocol not supported",
    re.MULTILINE,
)
_NO_CHAIN = re.compile(r"No chain/target/match by that name")
_NO_SERVER = re.compile(
    r"curl: \(7\) Failed to connect to (\S+) port (\d+)|wget: can't connect|nc: .*Connection refused"
)
_TABLE = re.compile(r"table '([^']*)' does not exist|can't initialize ip6?tables table [`']([^']*)'")
_CHAIN = re.compile(r"Chain '([^']*)' does not exist|Couldn't load target [`']([^']*)'")
#: Tables of iptables, in the order of its manual page.
TABLES = ("filter", "nat", "mangle", "raw", "security")
#: What ``-j`` is most often followed by.
TARGETS = (
    "ACCEPT", "DROP", "REJECT", "RETURN", "MASQUERADE", "SNAT", "DNAT", "REDIRECT", "LOG", "MARK", "TPROXY", "NOTRACK",
    "INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING",
)  # fmt: skip


def program(case: Case) -> str | None:
    """A program that is not there."""
    package = ""
    name: str | None = None
    if isinstance(case.error, CommandNotFound):
        name, package = case.error.name, case.error.package
    elif isinstance(case.error, CommandFailed) and (match := _NO_PROGRAM.search(case.error.message)):
        name = match[1] or match[2]
    if not name:
        return None
    tool = name.rpartition("/")[2]
    package = package or PACKAGES.get(tool, "")
    if package:
        return say("not-found", name=tool, package=package)
    if name in case.namespaces():
        return say("not-found-namespace", name=name)
    near = close(tool, (*NATIVE, *PACKAGES))
    return say("not-found-close", near=near[0]) if near else None


def failed(case: Case) -> str | None:
    """What programs print when they fail."""
    if isinstance(case.error, CommandTimeout):
        endless = case.argv[:1] and case.argv[0].startswith("ping") and "count" not in case.args
        return say("ping-endless") if endless else say("timeout")
    if "top: failed tty get" in case.words:
        return say("top")
    if limit := of_limits(case.words):
        return limit
    if _NO_NAME.search(case.words):
        return asked_server(case) or say("name-lookup")
    if _NO_CHAIN.search(case.words):
        return say("chain-none")
    if _NO_NFT.search(case.words):
        return say("nft-missing")
    return say("table-missing") if _NO_TABLE.search(case.words) else None


def of_limits(words: str) -> str | None:
    """The hint for a program that said that a limit of the lab is used up.

    >>> of_limits("dd: error writing '/run/x': No space left on device")
    "the lab's /run (16 MiB), /tmp (64 MiB) and /dev/shm (16 MiB) are small; remove what fills them"
    """
    return next((say(code) for pattern, code in _LIMITS if pattern.search(words)), None)


def of_programs(case: Case) -> str | None:
    """What iptables and the programs that connect say most often."""
    if found := _TABLE.search(case.words):
        name = found[1] or found[2]
        if name not in TABLES:
            near = close(name, TABLES)
            return say("table-close" if near else "table-none", near=near[0] if near else "")
    if found := _CHAIN.search(case.words):
        name = found[1] or found[2]
        near = close(name, TARGETS)
        return say("target-close", name=name, near=near[0]) if near else say("target-none", name=name)
    if _NO_SERVER.search(case.words):
        return say("no-server")
    return None
