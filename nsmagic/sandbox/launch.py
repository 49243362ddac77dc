"""Start a lab's launcher so that it dies with this process, and end it by handle.

The launcher's PDEATHSIG fires when the *thread* that started it ends, so each launcher is started by a thread of its own
that then waits for it as long as it lives (FAULTS.md 7: a lab made in a short thread would die with that thread).
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from nsmagic.agent import protocol
from nsmagic.errors import SandboxUnavailable
from nsmagic.sandbox import config as config_


class Launched:
    """A running launcher and our end of the socket to its lab."""

    def __init__(
        self, channel: protocol.Channel, sock: socket.socket, process: subprocess.Popen[bytes], gone: threading.Event
    ):
        self.channel = channel
        self._sock = sock
        self._process = process
        self._gone = gone
        self._owner = os.getpid()

    @property
    def pid(self) -> int:
        """The launcher's pid on the machine."""
        return self._process.pid

    def hang_up(self) -> None:
        """Let go of the lab: both its ends see the connection close, and it ends by itself."""
        with contextlib.suppress(OSError):  # the other end may have closed first
            self._sock.shutdown(socket.SHUT_RDWR)

    def end(self, patience: float = 2.0) -> bool:
        """Hang up and wait until the launcher is gone, with SIGKILL when it takes too long; False when even that failed."""
        self.hang_up()
        if self._gone.wait(patience):
            return True
        # Popen.send_signal takes care of a process that was reaped meanwhile.
        self._process.send_signal(signal.SIGKILL)
        return self._gone.wait(patience)


def launch(config: Mapping[str, Any]) -> Launched:
    """Start a launcher.

    Raises
    ------
    SandboxUnavailable
        The process could not even be started.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    gone = threading.Event()
    threading.Thread(target=_spawn, args=(config, answers, gone), name="nsmagic-spawn", daemon=True).start()
    answer = answers.get()
    if isinstance(answer, OSError):
        raise SandboxUnavailable(
            f"the launcher cannot be started: {answer}", kind=str(config["kind"]), step="start", errno=answer.errno or 0
        )
    sock, process = answer
    channel = protocol.Channel(sock)
    launched = Launched(channel, sock, process, gone)
    channel.send({"id": 0, **config})
    return launched


def _spawn(config: Mapping[str, Any], answers: queue.SimpleQueue[Any], gone: threading.Event) -> None:
    ours, theirs = socket.socketpair()
    command, environment = config_.start_command(config_.launcher())
    try:
        pidfd = os.pidfd_open(os.getpid())
        try:
            process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(pidfd)],
                pass_fds=(theirs.fileno(), pidfd),
                stdin=subprocess.DEVNULL,
                # Nothing of the notebook's may stay open in pid 1; what goes wrong is told in frames.
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
                cwd="/",
            )
        finally:
            os.close(pidfd)
    except OSError as error:
        ours.close()
        answers.put(error)
        return
    finally:
        theirs.close()
    answers.put((ours, process))
    # This thread lives as long as the launcher does: its end would be the launcher's.
    process.wait()
    gone.set()
