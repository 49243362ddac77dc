"""The verdict: what people see and keep of ``%why``."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nsmagic.printable import printable
from nsmagic.sentences import say_verdict

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("step", "way", "ns", "dev", "what", "seen", "ok")


@dataclass(frozen=True)
class Verdict:
    """Why a packet arrives, or does not.

    ``reachable``: the probe was answered (or, of UDP, arrived). ``cause`` is a stable code, ``""`` when nothing is wrong;
    ``where`` names the place, ``explanation`` says it in two sentences. ``see`` are commands that show it, ``fix`` those that mend it
    (never applied by themselves), ``then`` says what comes after it. ``confidence`` says how it is known. ``evidence`` is the
    way as a DataFrame; ``seen`` there tells whether the probe was seen on that interface.

    >>> Verdict("red", "10.0.0.2", True).cause
    ''
    """

    src: str
    dst: str
    reachable: bool
    cause: str = ""
    where: str = ""
    explanation: str = ""
    see: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    then: str = ""
    confidence: str = ""
    nudge: str = ""
    hops: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)
    level: int = 3

    def __bool__(self) -> bool:
        return self.reachable

    @property
    def evidence(self) -> pd.DataFrame:
        """The hops walked: `step, way`` (out or back)``, ns, dev, what, seen, ok."""
        from nsmagic import tables

        return tables.evidence(self.hops, f"the way from {self.src} to {self.dst}")

    def hint(self, level: int) -> Verdict:
        """The same, giving away less: 1 where to look, 2 what shows it, 3 everything."""
        from dataclasses import replace

        return replace(self, level=max(1, min(3, level)))

    # Shown

    @property
    def headline(self) -> str:
        """``✗ prefix-length at red/veth-red``."""
        if not self.cause:
            return self._say("reaches" if self.reachable else "reaches-not")
        if self.level == 1:
            return self._say("reaches-not")
        return self._say("reaches-but" if self.reachable else "cause")

    def _say(self, code: str) -> str:
        return say_verdict(code, src=self.src, dst=self.dst, cause=self.cause, where=self.where)

    def lines(self) -> list[str]:
        """The text, line by line."""
        if self.level == 1 and self.cause:
            return [self.headline, f"hint:     {self.nudge}", "more:     %why … --hint once more"]
        lines = [self.headline]
        if self.level == 2 and self.cause:
            return [*lines, *_block("see it:", self.see), "more:     %why … --hint once more"]
        lines += [self.explanation] if self.explanation else []
        lines += _block("see it:", self.see) + _block("mend it:", self.fix)
        lines += _block("then:", (self.then,) if self.then else ())
        lines += _block("note:", (self.confidence,)) if self._doubtful else []
        return [printable(line) for line in lines]

    @property
    def _doubtful(self) -> bool:
        return self.confidence not in ("", *SURE)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._html()}

    def _html(self) -> str:
        colour = "#1a7f37" if self.reachable and not self.cause else "#9a6700" if self.reachable else "#cf222e"
        parts = [f'<div style="border-left:4px solid {colour};padding:2px 0 2px 12px;max-width:60em">']
        parts.append(f'<div style="font-weight:bold">{html.escape(self.headline)}</div>')
        body = self.lines()[1:]
        if self.level == 3 and self.explanation:
            parts.append(f"<div>{html.escape(printable(self.explanation))}</div>")
            body = body[1:]
        if body:
            # Commands are for copying: monospaced, selectable as they are.
            parts.append(f'<pre style="margin:4px 0">{html.escape(chr(10).join(body))}</pre>')
        if self.hops and self.level == 3:
            table = self.evidence._repr_html_()  # type: ignore[operator]
            if table:
                parts.append(f"<details><summary>the way that it took</summary>{table}</details>")
        return "".join([*parts, "</div>"])


#: How a verdict is known when all is as it should be: not worth a line of its own.
SURE = ("tried and read", "the kernel refused to send")


def _block(title: str, lines: tuple[str, ...]) -> list[str]:
    return [f"{title if not at else '':<10}{line}" for at, line in enumerate(lines)]
