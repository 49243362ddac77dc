"""Start a lab's launcher so that it dies with this process, and end it by handle.

The launcher's PDEATHSIG fires when the *thread* that started it ends, so each launcher is started by a thread of its own
that then waits for it as long as it lives (FAULTS.md 7: a lab made in a short thread would die with that thread).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import warnings
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

    @property
    def descriptor(self) -> int:
        """Our end of the socket to the lab, to be handed to whom the lab is lent."""
        return self._sock.fileno()

    def mark(self) -> int:
        """By what the namespaces of the lab are known after its end (``pinned.py``); 0: there is nothing to look for."""
        return user_namespace(self.pid)

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


def user_namespace(pid: int) -> int:
    """The number of the user namespace of a process, by which its lab's namespaces are known later; 0 when it is our own (nothing of
    such a lab ends with it) or cannot be read."""
    try:
        found = os.stat(f"/proc/{pid}/ns/user").st_ino
        return found if found != os.stat("/proc/self/ns/user").st_ino else 0
    except OSError:
        return 0


def warn_of_holders(mark: int) -> None:
    """Name who outside a lab that has ended still holds a namespace of it."""
    from nsmagic.sandbox import pinned

    found = pinned.holders(mark)
    if found:
        warnings.warn(
            "the lab has ended, but the kernel keeps a network namespace of it as long as this is there: "
            + "; ".join(found),
            stacklevel=3,
        )


class Handover:
    """What the thread that starts a launcher has to say: our end of its socket and the process, or why there is none.

    Whoever waits may be interrupted at any moment, before the thread has begun as well as when all is there. Then nobody would
    hold the launcher, and it would live as long as the notebook: ``forsake`` ends it, now or as soon as it has started.
    """

    def __init__(self) -> None:
        self.gone = threading.Event()
        self._there = threading.Event()
        self._lock = threading.Lock()
        self._answer: tuple[socket.socket, subprocess.Popen[bytes]] | OSError | None = None
        self._forsaken = False

    def say(self, answer: tuple[socket.socket, subprocess.Popen[bytes]] | OSError) -> None:
        """Called by the thread, once."""
        with self._lock:
            self._answer = answer
            if self._forsaken:
                self._end()
        self._there.set()

    def take(self) -> tuple[socket.socket, subprocess.Popen[bytes]] | OSError:
        """Wait for what the thread has to say."""
        self._there.wait()
        assert self._answer is not None
        return self._answer

    def forsake(self) -> None:
        """Nobody wants it any more. No harm when it was never there or has ended."""
        with self._lock:
            self._forsaken = True
            self._end()

    def release(self) -> None:
        """Somebody holds the launcher: forget it, so that it ends when they drop it."""
        self._answer = None

    def _end(self) -> None:
        if isinstance(self._answer, tuple):
            sock, self._answer = self._answer[0], None
            with contextlib.suppress(OSError):  # the other end may have closed first
                sock.shutdown(socket.SHUT_RDWR)
            # Its channel may be read by a thread: the descriptor is closed when the last one drops it.


def launch(config: Mapping[str, Any], handover: Handover) -> Launched:
    """Start a launcher. Who calls it forsakes the handover when anything goes wrong, and releases it when all is well.

    Raises
    ------
    SandboxUnavailable
        The process could not even be started.
    """
    threading.Thread(target=_spawn, args=(config, handover), name="nsmagic-spawn", daemon=True).start()
    answer = handover.take()
    if isinstance(answer, OSError):
        raise SandboxUnavailable(
            f"the launcher cannot be started: {answer}", kind=str(config["kind"]), step="start", errno=answer.errno or 0
        )
    sock, process = answer
    channel = protocol.Channel(sock, shared=config["kind"] != "vm", paced=config["kind"] == "vm")
    launched = Launched(channel, sock, process, handover.gone)
    channel.send({"id": 0, **config}, to_launcher=True)
    return launched


def _spawn(config: Mapping[str, Any], handover: Handover) -> None:
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
        handover.say(error)
        return
    finally:
        theirs.close()
    handover.say((ours, process))
    gone = handover.gone
    del ours, handover
    # This thread lives as long as the launcher does: its end would be the launcher's.
    process.wait()
    gone.set()
