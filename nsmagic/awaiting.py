"""Commands that are waited for with ``await``: several at once in one notebook cell, and one that is cancelled is ended in the lab.

Each runs in a thread of its own, as ``Lab.run`` would in the caller's. Cancelling it (a task's ``cancel()``, ``asyncio.timeout``, an
interrupt of the cell) is to the lab what an interrupt is: the running command and all that it started end, the lines below do
not run, the lab goes on. What was cancelled has ended when the ``CancelledError`` arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from nsmagic.agent.client import Client

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.result import Result


async def run(lab: Lab, text: str, ns: str | None, options: dict[str, Any]) -> Result:
    """``lab.run`` in a thread, awaited."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()
    running = _Running()

    def work() -> None:
        answer: Result | None = None
        error: BaseException | None = None
        try:
            if running.begin(lab.client):
                answer = lab.run(text, ns, **options)
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is awaited
            error = raised
        finally:
            running.end()
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(tell, answer, error)

    def tell(answer: Result | None, error: BaseException | None) -> None:
        if done.done():
            return
        if answer is not None:
            done.set_result(answer)
        elif error is None or isinstance(error, KeyboardInterrupt):
            done.cancel()
        else:
            done.set_exception(error)

    threading.Thread(target=work, name="nsmagic-await", daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        running.stop()
        # Whoever cancels a second time does not want to wait for a program that refuses to end.
        await asyncio.wait([done])
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio does not complain of one that nobody took
        raise


class _Running:
    """A run under way in a thread, to be stopped by another one at any moment: before it has begun too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._thread = 0
        self._stopped = False

    def begin(self, client: Client) -> bool:
        """Called by the thread; False when it was stopped before."""
        with self._lock:
            self._client, self._thread = client, threading.get_ident()
            return not self._stopped

    def stop(self) -> None:
        """End what the thread has asked for, and let it ask for nothing more."""
        with self._lock:
            self._stopped = True
            if self._client is not None:
                self._client.stop(self._thread)

    def end(self) -> None:
        """Called by the thread as its last: another one may get its number."""
        with self._lock:
            if self._client is not None:
                self._client.go_on(self._thread)
                self._client = None
