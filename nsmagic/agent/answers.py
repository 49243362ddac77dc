"""What came of the commands of a series, on its way to who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nsmagic.agent.call import Call, told
from nsmagic.agent.work import Work
from nsmagic.errors import NsmagicError

#: Items, and rows in them, that are sent together at most.
_MOST, _MOST_ROWS = 400, 1000


class Answers:
    """The answers on their way: together, so that not each command costs a message and a turn of the reader."""

    def __init__(self, call: Call, several: bool, *, brief: bool = False) -> None:
        self._call, self._several, self._brief = call, several, brief
        self._items: list[dict[str, Any]] = []
        self._rows = 0
        self.refused = False

    def add(self, number: int, item: Mapping[str, Any]) -> None:
        """What came of a command."""
        self.add_item({"n": number, **item})

    def add_item(self, item: dict[str, Any]) -> None:
        """The same with its number in it."""
        if self._brief and "error" not in item:
            return
        if not self._several:
            self._call.item(item)
            return
        self._items.append(item)
        self._rows += len(item.get("rows", ()))
        if len(self._items) >= _MOST or self._rows >= _MOST_ROWS:
            self.send()

    def refuse(self, number: int, error: Exception) -> None:
        """What went wrong with one: the kernel's refusal, or a bug of ours, which must not end the lab."""
        self.refused = True
        self.add(number, {"error": (error if isinstance(error, NsmagicError) else told(error)).to_data()})

    def send(self) -> None:
        """What has gathered."""
        gathered = self.rest()
        if gathered:
            self._call.item(gathered)

    def rest(self) -> list[dict[str, Any]] | None:
        """What has gathered, for the caller to send; None: nothing."""
        gathered, self._items, self._rows = self._items, [], 0
        return gathered or None

    def alone(
        self, work: Work, number: int, ns: str, verb: str, args: Any, tool: str, wants: Sequence[str] = (), tried: int = 0
    ) -> None:  # fmt: skip
        """Do a command by itself, and take what came of it."""
        try:
            self.add(number, work.do(ns, verb, args, tool, wants, tried))
        except Exception as error:  # noqa: BLE001 - one command fails, the lab goes on
            self.refuse(number, error)
