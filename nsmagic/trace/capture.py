"""A capture on the notebook's side: frames as they arrive, their table, a file for Wireshark.

A thread of its own takes what the agent sends, so that a capture in the background fills while other cells run; it ends with the
capture. The thread never prints.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nsmagic.agent.client import Call, Client
from nsmagic.errors import LabError, NsmagicError
from nsmagic.sentences import say
from nsmagic.trace.frame import Frame

if TYPE_CHECKING:
    import pandas as pd

    from nsmagic.trace.decode import Decoded

#: Bytes of a packet that are kept when nothing else is asked, as tcpdump does: all of it.
SNAPLEN = 262144
#: Packets that are displayed; ``packets`` has all.
_SHOWN = 200
#: Seconds that the end of a capture may take.
_ENDING = 10.0


class Capture:
    """Packets of some interfaces. Made by ``lab.sniff()``; it runs until its ``count``, its ``timeout`` or ``stop()``.

    ``len(capture)`` is the number of packets so far, ``capture[0]`` the first ``Frame``. As a context manager it stops at the end.

    >>> from nsmagic import Lab
    >>> with Lab() as lab, lab.sniff("host:lo", "icmp", background=True) as capture:
    ...     _ = lab.run("ping -c 1 127.0.0.1")
    ...     _ = capture.stop()
    ...     [each.split(" id ")[0] for each in capture.packets["info"]]
    ['ICMP echo request', 'ICMP echo request', 'ICMP echo reply', 'ICMP echo reply']
    """

    def __init__(
        self,
        client: Client,
        where: Sequence[tuple[str, str]],
        *,
        title: str,
        filter: str = "",
        count: int = 0,
        timeout: float | None = None,
        snaplen: int = SNAPLEN,
        rules: bool = False,
    ) -> None:
        self.title, self.filter, self.snaplen = title, filter, snaplen
        self._frames: list[Frame] = []
        self._decoded: list[Decoded] = []
        self._figures: dict[str, Any] = {}
        #: What rules decided meanwhile, as the agent's ``rule_trace.py`` tells it; when that was asked for.
        self.decided: list[dict[str, Any]] = []
        self._error: NsmagicError | None = None
        self._call: Call | None = None
        self._listens, self._ended = threading.Event(), threading.Event()
        self._news = threading.Condition()
        self._asked = False
        request: dict[str, Any] = {
            "where": [list(place) for place in where], "filter": filter, "snaplen": snaplen, "count": count, "timeout": timeout,
            "rules": rules,
        }  # fmt: skip
        self._thread = threading.Thread(target=self._take, args=(client, request), name="nsmagic-capture", daemon=True)
        self._thread.start()
        try:
            self._listens.wait()
        except BaseException:
            self._cancel()
            raise
        if self._error is not None:
            raise self._error

    def _take(self, client: Client, request: dict[str, Any]) -> None:
        # The call is made here: an interrupt of a cell ends the requests of the cell's own thread, and not this one.
        try:
            self._call = client.call("capture", **request)
            for item in self._call.items():
                if "ready" in item:
                    self._listens.set()
                self.decided += item.get("rules", ())
                for row in item.get("frames", ()):
                    self._frames.append(Frame.from_row(row))
                with self._news:
                    self._news.notify_all()
            self._figures = self._call.result()
        except LabError:
            self._figures = {"why": "the lab has ended"}
            if not self._listens.is_set():
                self._error = LabError("the lab has ended", hint=say("lab-closed"))
        except NsmagicError as error:
            self._error = error
        finally:
            self._listens.set()
            self._ended.set()
            with self._news:
                self._news.notify_all()

    # Life

    @property
    def running(self) -> bool:
        """Whether it still listens."""
        return not self._ended.is_set()

    def wait(self, timeout: float | None = None) -> Capture:
        """Wait for its end (its ``count``, its ``timeout``, somebody's ``stop()``), at most so many seconds. An interrupt ends it."""
        try:
            self._ended.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
        return self

    def news(self, known: int) -> bool:
        """Wait until it has more packets than so many, or has ended; whether it still listens."""
        with self._news:
            self._news.wait_for(lambda: len(self._frames) > known or self._ended.is_set())
        return self.running

    def stop(self) -> Capture:
        """End it; what is under way still arrives."""
        self._cancel()
        self._ended.wait(_ENDING)
        return self

    def _cancel(self) -> None:
        if self._call is not None and not self._asked and self.running:
            self._asked = True
            self._call.cancel()

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What it has

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(list(self._frames))

    def __getitem__(self, at: int) -> Frame:
        return self._frames[at]

    def frames(self, start: int, end: int) -> list[Frame]:
        """Some of its packets, in the order in which they came."""
        return self._frames[max(0, start) : end]

    @property
    def dropped(self) -> int:
        """Packets that the kernel had to drop since nobody had taken them in time; known when it has ended."""
        return int(self._figures.get("dropped", 0))

    @property
    def why(self) -> str:
        """Why it ended: ``count``, ``timeout``, ``asked``, ``full`` (it has as many packets as one may have); ``""`` while it runs."""
        return str(self._figures.get("why", ""))

    def decoded(self) -> list[Decoded]:
        """Each packet taken apart (``trace/decode.py``)."""
        from nsmagic.trace.decode import decode

        frames = list(self._frames)
        self._decoded += [decode(frame) for frame in frames[len(self._decoded) :]]
        return self._decoded[: len(frames)]

    @property
    def packets(self) -> pd.DataFrame:
        """A row for each sighting, by time: ``time`` (milliseconds since the first), ``ns``, ``dev``, ``dir`` (in or out), ``proto``, ``src``,
        ``dst``, ``info``, ``length`` (bytes on the wire)."""
        return self._table(None)

    def _table(self, most: int | None) -> pd.DataFrame:
        from nsmagic import tables

        both = sorted(zip(list(self._frames), self.decoded(), strict=False), key=lambda pair: pair[0].time)[:most]
        start = both[0][0].time if both else 0
        rows = [
            (
                (frame.time - start) / 1e6, frame.ns, frame.dev, frame.direction, found.proto, found.src, found.dst,
                found.words, frame.length,
            )
            for frame, found in both
        ]  # fmt: skip
        return tables.packets(rows, self.title)

    def show(self, number: int) -> Tree:
        """A packet in full, layer by layer; they are counted from 1, in the order of ``packets``.

        Raises
        ------
        NsmagicError
            There is no such packet.
        """
        from nsmagic.trace.tree import tree

        frames = sorted(self._frames, key=lambda frame: frame.time)
        if not 1 <= number <= len(frames):
            has = f"packets 1 to {len(frames)}" if frames else "none yet"
            raise NsmagicError(f"there is no packet {number}", hint=say("packet-none", has=has))
        return Tree(tree(frames[number - 1], number))

    def save(self, path: str | Path) -> Path:
        """Write it as pcapng, which Wireshark and tcpdump open; each interface has its name and its namespace.

        Raises
        ------
        NsmagicError
            Another ending than ``.pcapng``, or the file cannot be written.
        """
        from nsmagic.trace import pcapng

        target = Path(path)
        if target.suffix.lower() != ".pcapng":
            raise NsmagicError(f'"{target}": which form?', hint=say("pcapng"))
        try:
            with target.open("wb") as file:
                pcapng.write(file, sorted(self._frames, key=lambda frame: frame.time), self.snaplen, self.title)
        except OSError as error:
            raise NsmagicError(f"{target}: {error.strerror}") from None
        return target

    def to_scapy(self) -> list[Any]:
        """The packets as Scapy's, with their ``time`` and ``sniffed_on`` (``red:veth-red``).

        Raises
        ------
        NsmagicError
            Scapy is not installed.
        """
        try:
            from scapy.layers.inet import IP
            from scapy.layers.inet6 import IPv6
            from scapy.layers.l2 import Ether
            from scapy.packet import Raw
        except ImportError:
            raise NsmagicError("scapy is not installed", hint="pip install scapy") from None
        made = []
        for frame in sorted(self._frames, key=lambda frame: frame.time):
            kind = Ether if frame.ethernet else {0x0800: IP, 0x86DD: IPv6}.get(frame.protocol, Raw)
            packet = kind(frame.data)
            packet.time, packet.sniffed_on, packet.wirelen = frame.time / 1e9, f"{frame.ns}:{frame.dev}", frame.length
            made.append(packet)
        return made

    # As text and as HTML

    @property
    def summary(self) -> str:
        """How many packets, of which none or some were lost; whether it still runs."""
        number = f"{len(self)} packet{'' if len(self) == 1 else 's'}"
        if self.running:
            return f"{self.title}: running, {number} so far"
        if len(self) > _SHOWN:
            number += f" ({_SHOWN} shown, .packets has all)"
        words = {"full": ", as many as one capture may have", "the lab has ended": "; the lab has ended"}.get(
            self.why, ""
        )
        return f"{self.title}: {number}{words}" + (f", {self.dropped} dropped by the kernel" if self.dropped else "")

    def __repr__(self) -> str:
        if self.running or not len(self):
            return self.summary
        return f"{self._table(_SHOWN)!r}\n{self.summary}"

    def _repr_html_(self) -> str | None:
        if self.running or not len(self):
            return None
        table = self._table(_SHOWN)._repr_html_()  # type: ignore[operator]
        return f"{table}\n<p>{html.escape(self.summary)}</p>" if table else None


class Tree(str):
    """A packet layer by layer, shown as it is."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))
