"""DOT to SVG: Graphviz as a bounded process, and what to say when it gives no picture.

Two renderers: ``bundled``, the Graphviz that comes with the wheel of pygraphviz (see ``worker.py``), and ``path``, the
machine's own ``dot``, taken only when asked for. Either runs in a process of its own with a time limit, so that no failure of
C code and no endless layout reaches the notebook. What goes wrong is a :class:`RenderError`; who shows a picture makes a line of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from nsmagic.errors import NsmagicError
from nsmagic.sentences import say

ENGINES = ("dot", "neato", "fdp", "sfdp", "circo", "twopi", "osage")
RENDERERS = ("bundled", "path")

#: Seconds for one picture.
LIMIT = 10.0
_CHUNK = 1 << 20
_MOST_OUTPUT = 64 << 20
_WORKER = Path(__file__).with_name("worker.py")


class RenderError(NsmagicError):
    """Graphviz gave no picture: it is not there, it failed, or it took too long."""


class Renderer:
    """A Graphviz that is kept: the first picture starts its process, the next ones find it running.

    Use it with ``with``, or call :meth:`close`; :func:`svg` does both for a single picture.

    Parameters
    ----------
    which
        ``"bundled"`` or ``"path"``; None: what ``NSMAGIC_GRAPHVIZ`` says, else ``"bundled"``.
    limit
        Seconds for one picture.

    >>> with Renderer() as renderer:
    ...     print(renderer.svg("graph { a -- b }").strip()[-6:])
    </svg>
    """

    def __init__(self, which: str | None = None, *, limit: float = LIMIT) -> None:
        self.which = which or os.environ.get("NSMAGIC_GRAPHVIZ") or "bundled"
        self.limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._lock = threading.Lock()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def end_soon(self) -> None:
        """Have the process end while other things are done; :meth:`close` then waits no longer for it. The next picture starts another."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._ending = True

    def start(self) -> None:
        """Start the process now: it loads Graphviz while the text is still being made. Not needed, and no error: who cannot be
        started says so when a picture is asked for."""
        with self._lock, contextlib.suppress(RenderError):
            if self._process is None and self.which == "bundled":
                self._process = _start_worker()

    def svg(self, source: str, engine: str = "dot") -> str:
        """The picture of a text in DOT, as Graphviz writes it.

        Raises
        ------
        RenderError
            There is none; ``hint`` says what helps.
        """
        if engine not in ENGINES:
            raise RenderError(f'there is no layout "{engine}"', hint=say("layouts", known=", ".join(ENGINES)))
        if self.which not in RENDERERS:
            raise RenderError(f'there is no renderer "{self.which}"', hint=say("renderers", known=", ".join(RENDERERS)))
        data = source.encode(errors="backslashreplace")
        if self.which == "path":
            return _run_dot(data, engine, "svg", self.limit).decode(errors="replace")
        with self._lock:
            return self._ask(data, engine)

    def _ask(self, data: bytes, engine: str) -> str:
        if self._ending:
            self._end()
        if self._process is None:
            self._process = _start_worker()
        process = self._process
        try:
            word, answer = _exchange(
                process, b"%s %d\n%s" % (engine.encode(), len(data), data), time.monotonic() + self.limit
            )
        except TimeoutError:
            self._end()
            raise _too_long(self.limit) from None
        except (EOFError, OSError, ValueError):
            status = self._end(grace=1.0)  # it ends by itself: let it have its own status
            said = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise RenderError(f"Graphviz {said}") from None
        except BaseException:  # interrupted: the answer that comes later must not be taken for the next picture's
            self._end()
            raise
        if word != b"ok":
            raise RenderError(
                f"Graphviz: {answer.decode(errors='replace')}", hint=say("graphviz-get") if word == b"missing" else None
            )
        return answer.decode(errors="replace")

    def _end(self, grace: float = 0.0) -> int:
        """End the process; its status. ``grace``: seconds in which it may end by itself."""
        process, self._process, self._ending = self._process, None, False
        if process is None:
            return 0
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        process.kill()
        status = process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        return status


def svg(source: str, engine: str = "dot", *, which: str | None = None, limit: float = LIMIT) -> str:
    """One picture; as :meth:`Renderer.svg`."""
    with Renderer(which, limit=limit) as renderer:
        return renderer.svg(source, engine)


def png(source: str, engine: str = "dot", *, limit: float = LIMIT) -> bytes:
    """One picture as PNG, which only the machine's own ``dot`` can make.

    Raises
    ------
    RenderError
        There is none on PATH, or it failed.
    """
    return _run_dot(source.encode(errors="backslashreplace"), engine, "png", limit)


def _start_worker() -> subprocess.Popen[bytes]:
    found = importlib.util.find_spec("pygraphviz")
    folder = Path(found.origin).parent.with_name("pygraphviz.libs") if found and found.origin else None
    if folder is None or not folder.is_dir():
        raise RenderError("the Graphviz of pygraphviz's wheel is not installed", hint=say("graphviz-get"))
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WORKER), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            env={**kept, "LC_ALL": "C.UTF-8"}, cwd="/",
            # Its own session: an interrupt of the notebook goes to the whole process group.
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise RenderError(f"Graphviz cannot be started: {error.strerror}") from None


def _exchange(process: subprocess.Popen[bytes], request: bytes, until: float) -> tuple[bytes, bytes]:
    """Send a request and read the answer, each byte before the time is over."""
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin.fileno(), process.stdout.fileno()
    os.set_blocking(into, False)
    rest = memoryview(request)
    while rest:
        _wait(into, select.POLLOUT, until)
        rest = rest[os.write(into, rest[:_CHUNK]) :]
    got = bytearray()
    while b"\n" not in got:
        got += _read(out, until)
    head, _, body = bytes(got).partition(b"\n")
    word, length = head.split()
    parts, left = [body], min(int(length), _MOST_OUTPUT) - len(body)
    while left > 0:
        parts.append(_read(out, until))
        left -= len(parts[-1])
    return word, b"".join(parts)


def _read(fd: int, until: float) -> bytes:
    _wait(fd, select.POLLIN, until)
    data = os.read(fd, _CHUNK)
    if not data:
        raise EOFError
    return data


def _wait(fd: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    left = until - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def _run_dot(data: bytes, engine: str, form: str, limit: float) -> bytes:
    """The machine's own ``dot``."""
    program = shutil.which("dot")
    if program is None:
        raise RenderError("there is no dot on PATH", hint=say("dot-package"))
    try:
        done = subprocess.run(
            [program, f"-K{engine}", f"-T{form}"],
            input=data,
            capture_output=True,
            timeout=limit,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise _too_long(limit) from None
    except OSError as error:
        raise RenderError(f"dot cannot be started: {error.strerror}") from None
    if done.returncode or not done.stdout:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise RenderError(f"dot: {words[-1] if words else f'status {done.returncode}'}")
    return done.stdout


def _too_long(limit: float) -> RenderError:
    return RenderError(f"Graphviz was ended after {limit:g} s", hint=say("picture-slow"))
