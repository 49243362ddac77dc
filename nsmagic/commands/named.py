"""Does a script or a program call ``ip netns`` by itself? Where nothing can be mounted that cannot work, and is refused before.

In the sandbox kind ``rootless-nomount`` a named namespace is a descriptor that the agent holds; the real ``ip`` looks for it in
/run/netns and finds nothing. Pure: reads text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nsmagic.commands.parse import SHELLS, tool_name

#: Where a command begins in a shell's text. Not merely after a quote: ``echo "ip netns add red"`` calls nothing.
_BEGINS = (
    r"(?:^|[;&|({`]|-c\s*['\"]|!\s|\b(?:then|do|else|elif|if|while|until|sudo|time|exec|env|command|eval|nohup)\s)\s*"
)
#: ``ip netns``, ``ip -br net``, ``ip -n red``; ``ip neigh`` and ``ip -4 n`` are other objects.
_CALLS = re.compile(
    _BEGINS + r"(?:\S*/)?ip\s(?:\s*-\S+)*?\s*(?:net(?:n(?:s)?)?\b|-n(?:e(?:t(?:n(?:s)?)?)?)?\s|-a(?:l|ll)?\s+net)",
    re.MULTILINE,
)
_FOLDER = re.compile(r"/run/netns\b")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
#: What such a program says when it was not seen beforehand.
_COMPLAINTS = re.compile(r"Cannot open network namespace|/run/netns|mkdir .*netns", re.MULTILINE)


def line_of_call(script: str) -> int:
    """The line, from 1, at which a shell's text calls ``ip netns`` (or ``ip -n``, or uses /run/netns); 0: nowhere.

    >>> line_of_call("for n in 1 2; do\\n  sudo ip netns add r$n\\ndone"), line_of_call("x=$(ip -n red link)")
    (2, 1)
    >>> line_of_call("# ip netns add red\\nip neigh; ip -4 n; echo 'ip netns add red' | cat")
    0
    """
    text = _COMMENT.sub("", script)
    found = _CALLS.search(text) or _FOLDER.search(text)
    return text.count("\n", 0, found.end()) + 1 if found else 0


def program_calls(argv: Sequence[str]) -> bool:
    """Whether a program is ``ip netns``, or a shell that is told to call it.

    >>> program_calls(["ip", "netns", "monitor"]), program_calls(["bash", "-c", "ip -n red link"]), program_calls(["ip", "-s", "neigh"])
    (True, True, False)
    """
    if tool_name(argv[0]) in SHELLS:
        return any(line_of_call(word) for word in argv[1:])
    return bool(_CALLS.match(" ".join(argv) + " ")) or any(_FOLDER.search(word) for word in argv)


def complains(output: str) -> bool:
    """Whether a program's last words are about a namespace that it could not find.

    >>> complains('Cannot open network namespace "red": No such file or directory')
    True
    """
    return bool(_COMPLAINTS.search(output))
