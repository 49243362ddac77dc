"""Every sentence that a learner reads, by code: hints, explanations, what checks and the linter say.

They stand in one file, ``sentences.toml`` beside this module, read when the first of them is needed. Its sections are the parts
below; a code is unique within its part. ``NSMAGIC_SENTENCES`` names a translation: the path of a file of the same form. What it lacks
is said in English, and so is a sentence whose fields are not those of ours, since it could not be filled in.

Fields stand in braces. What is filled in is data and never read as a format again; names come from people and from the kernel,
so what cannot be printed is shown as an escape.

>>> say("unreachable", ns="red", address="10.9.9.9")
'no route of red covers 10.9.9.9; %routes red shows them'
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from nsmagic.errors import NsmagicError
from nsmagic.printable import printable

#: The file of the sentences, in English.
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sentences.toml")

Tables = dict[str, dict[str, str]]


class Part:
    """The sentences of one part, called with a code and its fields.

    >>> say_task("up-not", ns="red", ifname="veth-red")
    'red/veth-red is switched off'
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, code: str, /, **fields: object) -> str:
        shown = {name: printable(value) if isinstance(value, str) else value for name, value in fields.items()}
        return _spoken()[self.name][code].format(**shown)

    def table(self) -> Mapping[str, str]:
        """Code → sentence in English, its fields in braces."""
        return english()[self.name]


#: One line that follows an error, and what a cell says that was typed in the wrong place.
say = Part("hint")
#: What a cause of ``%why`` means, and the first nudge of ``%why --hint``, by cause.
say_why, say_look = Part("why"), Part("look")
#: What a verdict says beside its cause.
say_verdict = Part("verdict")
#: Tasks, checks, faults.
say_task = Part("task")
#: Why a lab cannot be started, or lacks something.
say_cause = Part("cause")
#: What ``nsmagic lint`` finds.
say_lint = Part("lint")


@cache
def english() -> Tables:
    """Our own sentences: part → code → sentence."""
    return _read(FILE)


@cache
def translated() -> Tables:
    """The sentences of the translation that ``NSMAGIC_SENTENCES`` names, as far as they can be used; empty without one.

    Raises
    ------
    NsmagicError
        There is no such file, or it is no TOML of sentences.
    """
    named = os.environ.get("NSMAGIC_SENTENCES", "")
    return usable(_read(named)) if named else {}


def usable(theirs: Tables) -> Tables:
    """What of a translation can be said: codes of ours, with our fields."""
    return {
        part: {code: text for code, text in table.items() if code in ours and fields(text) == fields(ours[code])}
        for part, table in theirs.items()
        if (ours := english().get(part)) is not None
    }


def read() -> None:
    """Read them now: who waits until one is needed may be out of descriptors by then, and want to say so."""
    _spoken()


def take(theirs: Tables) -> None:
    """Speak so from now on: inside the lab, where the environment and the translation's folder are not to be seen."""
    global _given
    _given = theirs
    _spoken.cache_clear()


def complaints(path: str | os.PathLike[str]) -> list[tuple[str, str, str, str]]:
    """What is wrong with a translation: (``missing``, ``unknown`` or ``fields``; part; code; the fields that we have there).

    Raises
    ------
    NsmagicError
        It cannot be read.

    >>> complaints(FILE)
    []
    """
    theirs, ours = _flat(_read(path)), _flat(english())
    found = [("missing", key) for key in ours if key not in theirs]
    for key, text in theirs.items():
        if key not in ours:
            found.append(("unknown", key))
        elif fields(text) != fields(ours[key]):
            found.append(("fields", key))
    return [
        (what, *key, ", ".join(f"{{{name}}}" for name in sorted(fields(ours.get(key, "")) or ())))
        for what, key in found
    ]


def _flat(tables: Tables) -> dict[tuple[str, str], str]:
    return {(part, code): text for part, table in tables.items() for code, text in table.items()}


def fields(text: str) -> frozenset[str] | None:
    """The fields of a sentence; None where its braces do not fit.

    >>> sorted(fields("{dev} is in {where}; {{ and }} are braces"))
    ['dev', 'where']
    """
    import string  # only who reads a translation needs it

    try:
        return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    except ValueError:
        return None


_given: Tables | None = None


@cache
def _spoken() -> Tables:
    """Our sentences, under those of the translation."""
    theirs = translated() if _given is None else _given
    return {part: {**table, **theirs.get(part, {})} for part, table in english().items()} if theirs else english()


def _read(path: str | os.PathLike[str]) -> Tables:
    # Only who needs a sentence pays for reading it.
    import tomllib

    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise NsmagicError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # TOML's own, and what is no UTF-8
        raise NsmagicError(f"{path}: {error}") from None
    for part, table in data.items():
        if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
            raise NsmagicError(f"{path}: {part} is no section of sentences")
    return data


__all__ = [
    "FILE",
    "Part",
    "complaints",
    "english",
    "fields",
    "say",
    "say_cause",
    "say_lint",
    "say_look",
    "say_task",
    "say_verdict",
    "say_why",
    "take",
    "translated",
    "usable",
]
