"""Follow a capture while it runs: what ``Lab.sniff_live`` returns.

A thread waits for packets and hands the latest to the widget, a few times a second at most, however many there are. It ends with the
capture.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nsmagic.printable import printable
from nsmagic.trace.decode import decode

if TYPE_CHECKING:
    from nsmagic.trace.capture import Capture
    from nsmagic.widgets.packets import Packets

#: Packets that the table holds, and seconds between two of its states: faster than that nobody reads.
ROWS, _PAUSE = 100, 0.2
_COLUMNS = ("time", "ns", "dev", "dir", "src", "dst", "info", "length")


class Following:
    """A capture and its table that moves. ``capture`` has all there is to ask, ``widget`` is what a notebook shows.

    >>> from nsmagic import Lab
    >>> with Lab() as lab:
    ...     live = lab.sniff_live("host:lo", "icmp", count=4)
    ...     _ = lab.run("ping -c 1 127.0.0.1")
    ...     _ = live.capture.wait(5)
    ...     live.wait(5)
    ...     len(live.widget.table["rows"]), live.widget.table["running"]
    (4, False)
    """

    def __init__(self, capture: Capture) -> None:
        from nsmagic.widgets.packets import Packets

        self.capture = capture
        self.widget: Packets = Packets(self, self._state())
        self._end: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._follow, name="nsmagic-following", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        ended = threading.Event()
        running = True
        while running:
            running = self.capture.news(int(self.widget.table["first"]) - 1 + len(self.widget.table["rows"]))
            self.widget.table = self._state()
            if running:
                ended.wait(_PAUSE)  # the eye's time, and others' turn
        for call in self._end:
            call()

    def on_end(self, call: Callable[[], None]) -> None:
        """Have something called at the end, in a thread of its own, when the table shows it."""
        self._end.append(call)

    @property
    def closed(self) -> bool:
        """Whether the capture has ended, and the table shows its end."""
        return not self._thread.is_alive()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the table shows the end of the capture, at most so many seconds."""
        self._thread.join(timeout)

    def stop(self) -> None:
        """End the capture."""
        self.capture.stop()

    def _state(self) -> dict[str, Any]:
        running = self.capture.running
        number = len(self.capture)
        frames = self.capture.frames(number - ROWS, number)
        start = self.capture[0].time if number else 0
        rows = []
        for frame in frames:
            what = decode(frame)
            values = (
                f"{(frame.time - start) / 1e6:.3f} ms", frame.ns, frame.dev, frame.direction, what.src, what.dst, what.words,
                str(frame.length),
            )  # fmt: skip
            rows.append([printable(value) for value in values])
        words = self.capture.summary if not running else f"{self.capture.title}: {number} so far"
        if running and number > ROWS:
            words += f", the last {ROWS} shown"
        return {
            "columns": list(_COLUMNS), "rows": rows, "first": max(0, number - ROWS) + 1, "words": printable(words), "running": running,
        }  # fmt: skip

    def static(self) -> dict[str, str]:
        """The table as it is now, without movement: as text and as HTML."""
        text, markup = repr(self.capture), self.capture._repr_html_()
        return {"text/plain": text, "text/html": markup or f"<p>{html.escape(printable(self.capture.summary))}</p>"}

    def __repr__(self) -> str:
        return repr(self.capture)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.widget.static()
