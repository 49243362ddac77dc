"""Something that may wait or crash, done in a child of the agent, in a namespace: a look-up of names, a filter by libpcap."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from nsmagic.agent import process
from nsmagic.agent.loop import Loop
from nsmagic.errors import LimitReached


def aside(loop: Loop, place: process.Place, what: Callable[[], Any], answer: Callable[[Any], None]) -> None:
    """Call ``what`` in a child that has entered a namespace; ``answer`` gets its value, later, and None when it gave none.

    The value must be what JSON can carry; bytes become text.

    Raises
    ------
    LimitReached
        The lab has as many processes as it may have.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        pid = process.fork()
    except LimitReached:
        os.close(reader)
        os.close(writer)
        raise
    if pid == 0:
        status = 1
        try:
            process.enter(place)
            data = memoryview(json.dumps(what(), default=_text).encode())
            while data:
                data = data[os.write(writer, data) :]
            # Not left to the end of the process, which may take a while: it lets go of sockets of the agent as well.
            os.close(writer)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    gathered = bytearray()

    def read() -> None:
        data = os.read(reader, 1 << 16)
        if data:
            gathered.extend(data)
            return
        loop.watch(reader)
        os.close(reader)
        try:
            value = json.loads(gathered)
        except ValueError:
            value = None  # it ended before its last word
        answer(value)

    loop.watch(reader, read)


def _text(value: Any) -> Any:
    """Bytes as text that JSON can carry (``gethostbyaddr`` may give them)."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
