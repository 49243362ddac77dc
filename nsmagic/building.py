"""Making what a description says: its commands in large requests, pipelined by the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsmagic.errors import NsmagicError, from_data
from nsmagic.model import HOST
from nsmagic.worlds.description import Source, read

if TYPE_CHECKING:
    from nsmagic.lab import Lab

#: Commands in one request; between two of them an interrupt has an end.
_AT_ONCE = 2000


def build(lab: Lab, description: Source) -> None:
    """What ``Lab.build`` does.

    Raises
    ------
    NsmagicError
        As that says.
    """
    found = read(description)
    for at in range(0, len(found.commands), _AT_ONCE):
        part = found.commands[at : at + _AT_ONCE]
        call = lab.client.call("commands", commands=[each.data for each in part], several=True, quiet=True)
        refused: NsmagicError | None = None
        try:
            for items in call.items():
                for item in items:
                    typed = part[item["n"]].text
                    if "error" not in item:
                        lab.note(HOST, typed, (), 0, False)
                    elif refused is None:
                        refused = from_data(item["error"]).with_hint(f"in: {typed}")
        except KeyboardInterrupt:
            call.cancel()
            call.result()
            raise
        if refused is not None:
            raise refused
    for room, text in found.texts:
        lab.run(text, room).check()
