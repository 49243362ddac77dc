"""What a notebook needs and not every machine has, asked for in one line: ``%lab needs mounts ps``.

Where it is missing, that cell fails with a sentence that says what, and what to do; "Run all" stops there, and the cells that
could not work are not tried. Programs are looked up in the lab, which may see fewer folders than its user.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from nsmagic.commands.packages import PACKAGES
from nsmagic.errors import CommandSyntaxError, LabLacks
from nsmagic.sentences import say

if TYPE_CHECKING:
    from nsmagic.lab import Lab


def _mounts(lab: Lab) -> bool:
    return lab.kind != "rootless-nomount"


def _own_proc(lab: Lab) -> bool:
    # Where a container masks parts of /proc, the lab says that it has none of its own, and then nobody in it can have one.
    return _mounts(lab) and not any(words.startswith("/proc ") for words in lab.status()["missing"])


#: What a lab may lack → whether it has it: `ip netns` within scripts; a /proc for a pid namespace. Any other word is the name of a program.
FEATURES: Mapping[str, Callable[[Lab], bool]] = {"mounts": _mounts, "proc": _own_proc}
_PROGRAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def ask(lab: Lab, what: Iterable[str]) -> list[str]:
    """The words, each once, when the lab has all of it.

    Raises
    ------
    CommandSyntaxError
        A word that is no name of a program.
    LabLacks
        Something is missing; ``what`` names it.
    """
    words = list(dict.fromkeys(what))
    for word in words:
        if not _PROGRAM.fullmatch(word):
            raise CommandSyntaxError(
                f'"{word}" is no name of a program', text=word, hint=f"%lab needs {' '.join(FEATURES)} ps"
            )
    for word in words:
        if word in FEATURES and not FEATURES[word](lab):
            raise LabLacks(say(f"lacks-{word}", kind=lab.kind), what=[word], hint=say(f"lacks-{word}-how"))
    programs = [word for word in words if word not in FEATURES]
    missing = [name for name in programs if not _found(lab, name)]
    if missing:
        raise LabLacks(say("lacks-programs", names=", ".join(missing)), what=missing, hint=_cure(missing))
    return words


def _found(lab: Lab, name: str) -> bool:
    return lab.run(f"bash -c 'type -P -- {name} >/dev/null'").ok


def _cure(missing: list[str]) -> str:
    close = [difflib.get_close_matches(name, FEATURES, 1) for name in missing]
    if any(close):
        return say("not-found-close", near=next(near[0] for near in close if near))
    packages = [PACKAGES.get(name, name) for name in missing]
    return say("lacks-programs-how", packages=" ".join(dict.fromkeys(packages)))


__all__ = ["FEATURES", "ask"]
