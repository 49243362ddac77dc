"""A cell with shell syntax, as bash gets it and as its failures are told: which lines failed, and how to put them right.

bash reads the cell from a descriptor (so that its own messages count the cell's lines) and reports every command that fails
on another, by its ERR trap. ``agent.output.FailedLines`` gathers the reports, this module puts them into words.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence

from nsmagic.commands.cell import split
from nsmagic.commands.command import Command
from nsmagic.commands.lexer import scan
from nsmagic.commands.shells import enters_shell, opens_shell
from nsmagic.errors import CellFailed, CommandFailed, CommandSyntaxError, KernelRefused, NsmagicError

#: The script that bash reads; its messages name it, which tells a reader nothing.
FILE = "/dev/fd/9"
ARGV = ("bash", "--norc", "--noprofile", FILE)

#: How many functions deep (FUNCNAME counts the script itself, but only inside one), how many subshells, which line, which status.
#: ``set -x`` does not show the report, and aliases mean what they mean at a terminal.
_REPORT = (
    "trap '{ echo \"$((${#FUNCNAME[@]} ? ${#FUNCNAME[@]} - 1 : 0)) $BASH_SUBSHELL $LINENO $?\" >&8; } 2>/dev/null' ERR; "
    "set -E; shopt -s expand_aliases; "
)
#: Waits until what a line started in the background has nothing to do any more, 3.5 s at most: a person types the next line later than a server
#: begins to listen, and a cell does not. In /proc's stat (proc(5)) state, parent and times stand behind the name; where /proc is that of another
#: PID namespace, the number is somebody else's, whose parent is another.
_SETTLED = (
    "_nsmagic_settled() { local IFS=' ' f was= n; for n in {1..50}; do { read -r f </proc/$1/stat; } 2>/dev/null || return 0; "
    'f=(${f##*) }); [[ ${f[1]} = "$BASHPID" ]] || return 0; [[ $was = "${f[11]} ${f[12]}" && ${f[0]} = S ]] && return 0; '
    'was="${f[11]} ${f[12]}"; command sleep 0.07 || return 0; done; }; '
)
_WAIT = " { _nsmagic_settled $!; } 2>/dev/null"
#: What of the output of bash is ours and not the cell's.
OURS = (FILE + ": ", _REPORT, _SETTLED, _WAIT)
#: The same in a shell entered by a line of the cell, which counts its own lines and whose end is reported by the outer one.
_INNER = (
    "trap '{{ echo \"$((${{#FUNCNAME[@]}} + {depth})) $BASH_SUBSHELL $((LINENO + {offset})) $?\" >&8; }} 2>/dev/null' ERR; "
    "set -E; shopt -s expand_aliases; "
)
_ENTERED = re.compile(r"\bbash\b.* <<'(END-OF-SHELL-\d+)'$|^bash <<'(END-OF-SHELL-\d+)'$")

_BACKGROUND = re.compile(r"&[ \t]*(?:#.*)?$", re.MULTILINE)
_PING = re.compile(r"\bping[46]?\b")
_TIMEOUT = re.compile(r"\btimeout\b")
_SHOWN = 8
#: The last of a script's output in which the words of a failure are looked for.
_LAST = 30


def for_bash(text: str) -> str:
    """The script with what makes bash report its failing lines; no line changes its number.

    >>> print(for_bash("ip link | wc -l").rpartition("; ")[2])
    ip link | wc -l
    """
    prefix = _REPORT
    if _BACKGROUND.search(text):
        prefix, text = _REPORT + _SETTLED, _settling(text)
    lines = text.split("\n")
    open_marks: list[str] = []
    for at, line in enumerate(lines[:-1]):
        if open_marks and line == open_marks[-1]:
            open_marks.pop()
        found = _ENTERED.search(line)
        if found is not None:
            mark = found[1] or found[2]
            open_marks.append(mark)
            if lines[at + 1] != mark:
                lines[at + 1] = _INNER.format(depth=len(open_marks), offset=at + 1) + lines[at + 1]
    return prefix + "\n".join(lines)


def _settling(text: str) -> str:
    r"""The text with a wait behind each command that ends its line with ``&``.

    >>> _settling("nc -lk 80 &\nsleep 9 & sleep 1").replace(_WAIT, " WAIT")
    'nc -lk 80 & WAIT\nsleep 9 & sleep 1'
    """
    ends = [simple.behind for simple in scan(text).simples if simple.background]
    for end in reversed(ends):
        if _BACKGROUND.match(text, end - 1):
            text = text[:end] + _WAIT + text[end:]
    return text


def shell_at(text: str, number: int, ns: str) -> str:
    r"""The namespace of the shell that reads a line of the cell; "" for one without a name.

    >>> script = "ip netns exec red bash <<'END-OF-SHELL-1'\nip link | cat\nEND-OF-SHELL-1\nip link"
    >>> shell_at(script, 2, "host"), shell_at(script, 4, "host")
    ('red', 'host')
    """
    inside: list[tuple[str, str]] = []
    for line in text.split("\n")[: number - 1]:
        if inside and line == inside[-1][0]:
            inside.pop()
        elif found := _ENTERED.search(line):
            here = inside[-1][1] if inside else ns
            words = tuple(line[: line.index(" <<")].split())
            inside.append((found[1] or found[2], "" if opens_shell(words) else enters_shell(words)[1] or here))
    return inside[-1][1] if inside else ns


def failing(text: str, reports: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The lines that failed with their status. A ping without reply is a result and no failure, and so is what ``timeout`` has ended.

    >>> failing("ping -c1 10.0.0.9\\nfalse\\ntimeout 5 cat -", [[1, 1], [2, 1], [3, 124]])
    [(2, 1)]
    """
    lines = text.split("\n")

    def line_of(number: int) -> str:
        return lines[number - 1] if 0 < number <= len(lines) else ""

    return [
        (number, status)
        for number, status in reports
        if not (status in (1, 2) and _PING.search(line_of(number)))
        and not (status == 124 and _TIMEOUT.search(line_of(number)))
    ]  # fmt: skip


def failure(text: str, failed: Sequence[tuple[int, int]]) -> CellFailed:
    """The error of a script of which lines failed.

    >>> print(failure("true\\nip link set x up", [(2, 1)]))
    line 2 failed (exit status 1): ip link set x up
    """
    lines = text.split("\n")
    told = [
        (number, f"(exit status {status}): {_shown(lines[number - 1]) if 0 < number <= len(lines) else ''}")
        for number, status in sorted(failed)
    ]
    numbers = [number for number, _ in told]
    if len(told) == 1:
        return CellFailed(f"line {told[0][0]} failed {told[0][1]}", lines=numbers)
    shown = "".join(f"\n  line {number} {words}" for number, words in told[:_SHOWN])
    return CellFailed(f"{len(told)} lines failed:{shown}" + ("\n  …" if len(told) > _SHOWN else ""), lines=numbers)


def _shown(line: str) -> str:
    """A line in a sentence; bash counts a subshell to the line that closes it."""
    line = line.strip()
    return f"… {line}" if line in (")", "}", "done", "fi", "esac") else line


def first_line(text: str) -> str:
    """What names a script in a sentence: its first line that is no comment."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return line.strip()
    return "script"


def command_of(line: str, ns: str) -> Command | None:
    """A line of a script as our grammar reads it, when it is one plain command."""
    try:
        steps = split(line.strip(), ns).steps
    except CommandSyntaxError:
        return None
    return steps[0].run if len(steps) == 1 and isinstance(steps[0].run, Command) else None


#: The kernel's own sentences → the number that came with them, which iproute2 does not print.
_SENTENCES = {
    "Nexthop has invalid gateway": errno.ENETUNREACH,
    "Device for nexthop is not up": errno.ENETDOWN,
    "Unknown device type": errno.EOPNOTSUPP,
    "Invalid prefix for given prefix length": errno.EINVAL,
}
_NUMBERS = {os.strerror(number): number for number in errno.errorcode}
_ANSWER = re.compile(r"(?:RTNETLINK answers|^SIOC\w+|File exists|Cannot \w+[^:]*): ([A-Z][\w ',-]+)$", re.MULTILINE)


def said(output: str, command: str) -> NsmagicError:
    """The error that the last words of a real tool mean, so that hints can be found for it as for our own.

    >>> said("RTNETLINK answers: File exists", "ip link add a type veth").errno == errno.EEXIST
    True
    """
    words = "\n".join(output.splitlines()[-_LAST:])
    for sentence, number in _SENTENCES.items():
        if f"Error: {sentence}" in words:
            return KernelRefused(words, errno=number, kernel=sentence, command=command)
    answers = [found for found in _ANSWER.findall(words) if found in _NUMBERS]
    if answers:
        return KernelRefused(words, errno=_NUMBERS[answers[-1]], kernel=answers[-1], command=command)
    return CommandFailed(words, command=command)


_ELSEWHERE = re.compile(r"\bnetns\b|\bnsenter\b|\s-n(?:etns)?\s|^[A-Za-z_]\w*$")


def elsewhere(line: str) -> bool:
    """Whether a line that we could not read may act in another namespace than the cell's.

    >>> elsewhere("ip -n $ns link set x up"), elsewhere("ip link set x$i up")
    (True, False)
    """
    return bool(_ELSEWHERE.search(line.strip()))
