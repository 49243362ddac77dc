"""What of a pasted text is a prompt, what a command, and what a terminal had printed in between.

``$ ``, ``user@host:~$ ``, ``root@host:~# ``, ``[root@h ~]# ``, ``bash-5.1# ``, ``/ # `` (BusyBox) at the start of a line are always prompts,
and so are ``host> ``, ``host$ `` and ``host# `` before a tool that we know. ``# `` could be a comment, which is far more frequent: it is a prompt

- when every line of the text that is not empty begins with ``# `` (or is ``#`` alone) and at least one of them goes on with a
  command word that we know; or when the lines between such commands can be nothing but what they printed;
- below a line with another prompt that entered a shell (``$ sudo -i``, ``$ ip netns exec red bash``), before a command that we can read.

**Output.** Below the first prompt a line without one is what was printed there and is not run, unless it looks like a command: its
first word is a tool or a word of the shell, and nothing says that it was printed. What ``cat`` and its like show is theirs to
the next prompt, commands of a file too. Where no line has a prompt nothing is guessed at.
"""

from __future__ import annotations

import re

from nsmagic.commands.command import Program
from nsmagic.commands.parse import TOOLS, parse, peel, tool_name
from nsmagic.commands.shells import EXIT, enters_shell, opens_shell

#: Words that begin a command line often enough to tell a ``# `` prompt from a comment.
KNOWN = frozenset(TOOLS) | frozenset(
    ["sudo", "iptables", "ip6tables", "iptables-save", "nft", "tcpdump", "nsenter", "unshare", "curl", "wget", "nc", "ncat", "socat",
     "ethtool", "tc", "conntrack", "ss", "netstat", "traceroute", "tracepath", "mtr", "dig", "nslookup", "host", "modprobe", "lsns", "ps",
     "ls", "cat", "echo", "cd", "docker", "ovs-vsctl", "dnsmasq", "dhclient", "iperf", "iperf3", "telnet", "arping", "hostname", "exit",
     "bash"]
)  # fmt: skip
#: More words that begin a line which somebody means to be run. As prose begins with some of them, they make no prompt of a ``# ``.
_COMMANDS = frozenset(
    ["sh", "su", "logout", "python", "python3", "perl", "sleep", "kill", "pkill", "killall", "timeout", "watch", "tee", "mkdir", "rm", "rmdir",
     "cp", "mv", "ln", "touch", "chmod", "chown", "mount", "umount", "grep", "sed", "awk", "head", "tail", "less", "more", "sort", "wc", "tr",
     "cut", "xargs", "seq", "printf", "true", "false", "test", "env", "id", "whoami", "which", "systemctl", "service", "apt", "apt-get", "yum",
     "dnf", "iptables-restore", "ip6tables-save", "ip6tables-restore", "iptables-legacy", "iptables-nft", "ebtables", "arptables", "ipset",
     "nmap", "ssh", "strace", "tshark", "radvd", "dhcpd", "udhcpc", "named", "screen", "tmux", "nohup", "setsid", "chroot", "vtysh", "wg",
     "export", "source", ".", "set", "unset", "eval", "exec", "trap", "wait", "jobs", "read", "declare", "alias", "ulimit", "umask",
     "if", "for", "while", "until", "case", "function", "{", "(", "[", "[[", "!", "time"]
)  # fmt: skip
#: What follows these is the text of a file, or of the person's own.
_SHOWS = frozenset(
    ["cat", "less", "more", "head", "tail", "grep", "egrep", "zgrep", "sed", "awk", "history", "ls", "which", "type", "whereis", "echo",
     "printf", "diff", "find", "env", "printenv", "man", "strings", "journalctl", "dmesg", "alias"]
)  # fmt: skip

_PROMPT = re.compile(
    r"[ \t]*(?:"
    r"\[[^\[\]\s@]{1,40}@[^\[\]\n]{1,80}\][$#%](?:[ \t]+|(?=\n|\Z))"
    r"|(?:\([^()\s]{1,40}\)[ \t]*)?[\w.-]{1,40}@[\w.-]{1,64}(?:[: \t][^\s$#%>]{0,120}[ \t]?)?[$#%>](?:[ \t]+|(?=\n|\Z))"
    r"|(?:ba|z|k|da|a)?sh-\d[\d.]{0,8}[$#%](?:[ \t]+|(?=\n|\Z))"
    r"|(?:/[\w-]{0,40}|~(?:/[\w./-]{0,80})?)[ \t][$#](?:[ \t]+|(?=\n|\Z))"
    r"|[$❯](?:[ \t]+|(?=\n|\Z))"
    r"|%[ \t]+"
    r"|➜[ \t]+\S+[ \t]+(?:git:\(\S+\)[ \t]+(?:✗[ \t]+)?)?"
    r")"
)
_HOST_PROMPT = re.compile(r"[ \t]*[\w.-]{1,40}[>#$][ \t]+(?=([\w./-]{1,40}))")
_ROOT_PROMPT = re.compile(r"[ \t]*#[ \t]+(?=([\w./-]{1,40}))")
_ROOT_LINE = re.compile(r"[ \t]*#(?:[ \t].*)?\Z")

#: Lines that programs print and nobody types, stripped of the blanks around them.
_PRINTED = re.compile(
    r"\d"  # 3: veth-red@if2: …, 10.0.0.0/24 dev …, 64 bytes from …
    r"|[0-9a-f]{0,4}:[0-9a-f:]*(?:[/\s]|\Z)"  # fe80::/64 dev …
    r"|[A-Z][\w-]*(?![\w=(-])"  # PING …, RTNETLINK answers: …
    r"|\^[A-Z]|---|-[A-Z]\s|:[A-Z]|\*\w+\Z"  # ^C, --- 10.0.0.2 ping statistics ---, -A INPUT …, *nat
    r"|[\[{]\s*(?:[\]}\"{]|\Z)|[\]}],?\Z|\"|\{$|\},"  # JSON, } of nft
    r"|\S+:(?:\s|\Z)"  # ping: …, eth0: flags=…
    r"|rtt |round-trip |valid_lft |link/|inet6? |icmp_seq=|traceroute to |bridge name\s|\.\.\."
    r"|(?:local|broadcast|multicast|anycast|unreachable|blackhole|throw|prohibit|default) (?:[\d:]|default|via|dev|[0-9a-f]{1,4}:|proto)"
    r"|(?:table|chain|set|map|type) \S.*(?:\{|;)\Z|(?:tcp|udp|icmp|icmpv6|raw|u_str|u_dgr|u_seq)6?\s"
    r"|\S+(?:@\S+)?\s+(?:UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT)(?:\s|\Z)"  # ip -br
    r"|\S+ \(id: \d+\)|\S+\.\S+\s=\s|\S+\s+8000\.|nsid \d"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=\S*\Z")
_FUNCTION = re.compile(r"[A-Za-z_][\w-]*[ \t]*\([ \t]*\)")
_NAMED = re.compile(r"(\S+)(?: \(id: \d+\))?\Z")


class Prompts:
    """The lines of one text, asked for in order: ``prompt`` and then ``output`` at the start of each at which a command may begin.

    >>> pasted = "$ ip netns add red\\n$ ip netns\\nred\\n"
    >>> lines = Prompts(pasted)
    >>> lines.prompt(0), lines.prompt(19), lines.prompt(30), lines.output(30)
    (2, 2, 0, True)
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._roots = _has_root_prompts(text)
        #: A prompt was there: the text is what a terminal showed.
        self.seen = False
        self._shells = 0
        #: What the last command shows is text; it was the ``exit`` of a shell, which that repeats.
        self._shows = self._left = False
        self._behind_output = False

    def prompt(self, at: int) -> int:
        """How many characters at the start of a line are a prompt."""
        size = self._size(at)
        if size:
            self.seen, self._behind_output = True, False
            self._typed(self._line(at)[size:])
        return size

    def output(self, at: int) -> bool:
        """Whether a line that has no prompt was printed, and is not to be run."""
        if not self.seen:
            return False
        line = self._line(at)
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            return False
        nested = self._behind_output and line[0] in " \t"
        echoed = self._left and stripped in EXIT
        self._behind_output = self._shows or nested or echoed or not _is_command(stripped)
        return self._behind_output

    def _line(self, at: int) -> str:
        end = self._text.find("\n", at)
        return self._text[at : end if end >= 0 else len(self._text)]

    def _size(self, at: int) -> int:
        if found := _PROMPT.match(self._text, at):
            return found.end() - at
        if (found := _HOST_PROMPT.match(self._text, at)) and tool_name(found[1]) in KNOWN:
            return found.end() - at
        if not (found := _ROOT_PROMPT.match(self._text, at)) or tool_name(found[1]) not in KNOWN:
            return 0
        below_shell = self.seen and self._shells > 0 and _accepted(self._line(found.end()))
        return found.end() - at if self._roots or below_shell else 0

    def _typed(self, command: str) -> None:
        """Take note of a command behind a prompt."""
        words = tuple(command.split())
        leaves = bool(words) and words[0] in EXIT
        self._left = leaves and self._shells > 0
        self._shows = not {"<<", ">"} & set(re.findall(r"<<|>", command)) and any(
            tool_name(word) in _SHOWS for word in words
        )
        if leaves:
            self._shells = max(self._shells - 1, 0)
        elif words and (enters_shell(words)[0] or opens_shell(words)):
            self._shells += 1


def _is_command(line: str) -> bool:
    """Whether a line without a prompt is most likely meant to be run."""
    if _PRINTED.match(line):
        return False
    if _FUNCTION.match(line):
        return True
    word = line.split()[0]
    if "/" in word:
        return tool_name(word) in KNOWN or word.startswith(("./", "../", "~/", "/"))
    return word.strip(";&|") in KNOWN | _COMMANDS or bool(_ASSIGNMENT.match(word))


def _accepted(command: str) -> bool:
    """Whether a command is one that we can read, or of a tool that we do not read."""
    words, _ = peel(tuple(command.split()), None)
    if not words or tool_name(words[0]) not in KNOWN | _COMMANDS:
        return False
    run = parse(words)
    return not isinstance(run, Program) or run.why is None


def _has_root_prompts(text: str) -> bool:
    """Whether the ``# `` of this text are prompts."""
    lines = [line for line in text.split("\n") if line.strip()]
    commands = [found for line in lines if (found := _ROOT_PROMPT.match(line)) and tool_name(found[1]) in KNOWN]
    if not commands:
        return False
    rest = [line for line in lines if not _ROOT_LINE.match(line)]
    return not rest or _all_printed(lines)


def _all_printed(lines: list[str]) -> bool:
    """Whether the lines without ``#`` can only be what the commands behind ``# `` printed: each looks so, and stands below one that we
    can read. A comment above a command, and a command that was commented out, have something below them that is none."""
    names: set[str] = set()
    commanded = behind = False
    for line in lines:
        if _ROOT_LINE.match(line):
            command = line.strip()[1:].strip()
            names.update(command.split())
            found = _ROOT_PROMPT.match(line)
            commanded, behind = found is not None and tool_name(found[1]) in KNOWN and _accepted(command), False
            continue
        stripped = line.strip()
        named = _NAMED.match(stripped)
        printed = _PRINTED.match(stripped) or (behind and line[0] in " \t") or (named is not None and named[1] in names)
        if not commanded or not printed:
            return False
        behind = True
    return True
