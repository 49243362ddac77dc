"""``ip netns``: add, delete, list, set, attach, identify, pids. (``exec`` is peeled off in ``ip.py``: it is a prefix.)"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.grammar import Beyond, Keywords, Words
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

VERBS = Keywords("list show=list lst=list list-id help add set delete=del identify pids exec monitor attach")
_EXPECTED = ("add", "del", "exec", "list", "identify", "pids", "set", "attach")


def valid_name(name: str) -> bool:
    """What iproute2 takes as the name of a namespace: a file name.

    >>> valid_name("red"), valid_name("a/b"), valid_name(".."), valid_name("")
    (True, False, False, False)
    """
    return (
        bool(name) and len(name.encode(errors="surrogateescape")) < 256 and "/" not in name and name not in (".", "..")
    )


def verb(words: Words) -> str | None:
    """Take the word after ``ip netns`` and say which verb it means; None when there is none.

    A bad name after it is refused here, for every verb alike, as the tool does.
    """
    if not words.more:
        return None
    word = words.next()
    found = VERBS.find(word)
    if words.more and not valid_name(words.word):
        name = words.next()
        hint = say("form-ns-name")
        raise words.fail(f'Invalid netns name "{name}"', hint=hint)
    if found is None:
        raise words.unknown(f'Command "{word}" is unknown, try "ip netns help".', _EXPECTED)
    return found


def parse(words: Words, found: str | None, *, every: bool = False) -> tuple[str, dict[str, Any]]:
    """Read what follows the verb ``found`` of ``ip netns``; ``every``: ``ip -all`` was typed.

    >>> words = Words("ip netns add red".split(), 2)
    >>> parse(words, verb(words))
    ('netns.add', {'name': 'red'})
    """
    match found:
        case None | "list":
            return "netns.list", {}
        case "add":
            return "netns.add", {"name": _name(words)}
        case "del":
            return "netns.del", {"all": True} if every else {"name": _name(words)}
        case "set":
            return "netns.set", _set(words)
        case "attach":
            return "netns.attach", _attach(words)
        case "identify":
            return "netns.identify", _identify(words)
        case "pids":
            name = _name(words)
            if words.more:
                words.next()
                raise words.fail("extra arguments specified", hint=say("form-one-namespace"))
            return "netns.pids", {"name": name}
    raise Beyond(found)


def _name(words: Words) -> str:
    if not words.more:
        raise _missing(words, "No netns name specified", "a name")
    return words.next()


def _missing(words: Words, message: str, what: str) -> CommandSyntaxError:
    return words.missing(message, (what,), say("form-ends-before", what=what))


def _set(words: Words) -> dict[str, Any]:
    name = _name(words)
    if not words.more:
        raise _missing(words, "No nsid specified", "a number, or auto")
    if words.take("auto"):
        return {"name": name, "id": "auto"}
    number = words.integer('Invalid "netnsid" value')
    if number < 0:
        raise words.wrong('"netnsid" value should be >= 0', hint=say("form-nsid"))
    return {"name": name, "id": number}


def _attach(words: Words) -> dict[str, Any]:
    if words.left < 2:
        raise _missing(words, "No netns name and PID specified", "a name and the number of a process")
    name = words.next()
    return {"name": name, "pid": _pid(words)}


def _identify(words: Words) -> dict[str, Any]:
    if words.left > 1:
        words.i += 2
        raise words.fail("extra arguments specified", hint=say("form-one-process"))
    if not words.more:
        return {}
    return {"pid": _pid(words)}


def _pid(words: Words) -> int:
    word = words.next(("a process",))
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise words.fail(f"Specified string '{word}' is not a pid", hint=say("form-pid"))
    return int(word)
