"""Shells that a person enters on a line of their own, in a cell of steps and in one that becomes a script.

At a terminal the lines after ``ip netns exec red bash`` are read by that inner shell. A cell of plain commands does the same by
giving its following steps the namespace; a script does it with a here-document: the line gets ``<<'…'`` and the
``exit`` that belongs to it becomes the delimiter, so that every other line stays where it was.
"""

from __future__ import annotations

from nsmagic.commands.command import Program
from nsmagic.commands.lexer import Scan, Simple
from nsmagic.commands.parse import SHELLS, parse, peel, tool_name, without_nsenter

EXIT = frozenset({"exit", "logout"})
_LOGIN_OPTIONS = frozenset({"-l", "-i", "--login", "--norc", "--noprofile"})
_ROOT_SHELLS = frozenset(
    {("sudo", "-i"), ("sudo", "-s"), ("sudo", "su"), ("sudo", "su", "-"), ("sudo", "su", "-l"), ("su",), ("su", "-"), ("su", "-l")}
)  # fmt: skip
_SHELL_WORDS = SHELLS | {"su", "sudo", "nsenter"}
#: Options of unshare and nsenter whose value is a word of its own.
_WITH_VALUE = frozenset(
    ["-t", "--target", "-S", "--setuid", "-G", "--setgid", "-R", "--root", "-w", "--wd", "--propagation", "--setgroups", "--map-user",
     "--map-group"]
)  # fmt: skip
_MARK = "END-OF-SHELL-{}"
#: Where these are, it is not known which lines belong to a larger construct, and so are no lines of an entered shell.
_UNSURE = frozenset({"function", "coproc", "deep nesting", "a heredoc"})


def enters_shell(argv: tuple[str, ...]) -> tuple[bool, str | None]:
    """Whether these words, alone on a line, put a person into a shell; and the namespace that they name.

    >>> enters_shell(("sudo", "ip", "netns", "exec", "red", "bash")), enters_shell(("bash", "-c", "ip a"))
    ((True, 'red'), (False, None))
    """
    if argv in _ROOT_SHELLS:
        return True, None
    if not any(tool_name(word) in _SHELL_WORDS for word in argv):
        return False, None
    argv, ns = peel(argv, None)
    rest, found = without_nsenter(argv)
    if found is not None and not rest:
        return True, found
    if argv and tool_name(argv[0]) == "ip":
        run = parse(argv, ns)
        if not isinstance(run, Program) or run.argv == argv:
            return False, None
        argv, ns = run.argv, run.ns
    if argv in _ROOT_SHELLS:
        return True, ns
    shell = bool(argv) and tool_name(argv[0]) in SHELLS and all(word in _LOGIN_OPTIONS for word in argv[1:])
    return (True, ns) if shell else (False, None)


def opens_shell(argv: tuple[str, ...]) -> bool:
    """Whether these words, alone on a line, put a person into a shell of a namespace that has no name: what follows is for a script.

    >>> opens_shell(("sudo", "unshare", "-n", "bash")), opens_shell(("nsenter", "-t", "17", "-n")), opens_shell(("unshare", "-n", "ip", "a"))
    (True, True, False)
    """
    argv, _ = peel(argv, None)
    if not argv or tool_name(argv[0]) not in ("unshare", "nsenter"):
        return False
    words = list(argv[1:])
    while words and words[0].startswith("-"):
        del words[: 2 if words[0] in _WITH_VALUE else 1]
    return not words or (tool_name(words[0]) in SHELLS and all(word in _LOGIN_OPTIONS for word in words[1:]))


def leaves_shell(simple: Simple) -> bool:
    """Whether the command is ``exit`` (a status may follow)."""
    return simple.argv[0] in EXIT and len(simple.words) < 3


def script_text(found: Scan) -> str:
    """The text for bash: prompts and sudo taken out, shells that are entered fed from here-documents.

    >>> from nsmagic.commands.lexer import scan
    >>> print(script_text(scan("sudo ip netns exec red bash\\necho $USER\\nexit\\nip link | wc -l")))
    ip netns exec red bash <<'END-OF-SHELL-1'
    echo $USER
    END-OF-SHELL-1
    ip link | wc -l
    """
    edits = [(start, end, "") for start, end in found.cuts]
    tail = ""
    if not any(why in _UNSURE for _, why in found.reasons):
        entered, tail = _entered(found)
        edits += entered
    out, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= at:
            out += [found.text[at:start], new]
            at = end
    return "".join([*out, found.text[at:], tail])


def _entered(found: Scan) -> tuple[list[tuple[int, int, str]], str]:
    """The edits for the shells that are entered and left, and what the end of the text needs."""
    text = found.text
    edits: list[tuple[int, int, str]] = []
    marks: list[str] = []
    count = 0
    for simple in found.simples:
        if not simple.alone or simple.inner or simple.background or simple.heredoc is not None:
            continue
        if leaves_shell(simple) and marks:
            start = text.rfind("\n", 0, simple.start) + 1
            end = text.find("\n", simple.end)
            edits.append((start, end if end >= 0 else len(text), marks.pop()))
        elif enters_shell(simple.argv)[0] or opens_shell(simple.argv):
            count += 1
            marks.append(_MARK.format(count))
            if opens_shell(simple.argv) and not any(tool_name(word) in SHELLS for word in simple.argv):
                edits.append((simple.end, simple.end, f" bash <<'{marks[-1]}'"))
            elif simple.argv in _ROOT_SHELLS:
                edits.append((simple.start, simple.end, f"bash <<'{marks[-1]}'"))
            else:
                edits.append((simple.end, simple.end, f" <<'{marks[-1]}'"))
    return edits, "".join(f"\n{mark}" for mark in reversed(marks)) + ("\n" if marks else "")
