"""The lender: starts labs for the student's kernel, keeps hold of them, and lets checks look at them.

A thread of the supervisor. The other end, in the kernel, is ``sandbox/lent.py``. The lender never reads a lab's main connection:
that belongs to the kernel. Checks come in through the lab's door (``agent/door.py``), which only this user's processes reach.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from typing import Any

from nsmagic.agent.client import Client
from nsmagic.errors import NsmagicError, SandboxUnavailable
from nsmagic.lab import Lab
from nsmagic.sandbox import config, launch, lent, running

#: So many labs may one kernel have had, and be holding.
_MOST = 40
_KINDS = ("rootless", "rootless-nomount")


class Lender:
    """Lends labs at a socket, until ``close()``."""

    def __init__(self, path: str, folder: str) -> None:
        self._folder = folder
        self._lent: list[tuple[str, int, launch.Launched]] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        self._listener.bind(path)
        self._listener.listen(8)
        threading.Thread(target=self._serve, name="nsmagic-lender", daemon=True).start()

    def close(self) -> None:
        """End all labs that are left."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for _, _, launched in self._lent:
                launched.end()

    def newest(self) -> Lab:
        """The student's lab, as the grader sees it: the one started last that is alive; a new, empty one when there is none."""
        with self._lock:
            there = list(reversed(self._lent))
        for name, seed, launched in there:
            with suppress(NsmagicError):
                channel, sock = running.Visit(name).hand_over()
                return Lab._around(Client(channel), lent.Lent(channel, sock, launched.pid), "rootless", seed)
        return Lab(folder=self._folder)

    def _serve(self) -> None:
        while True:
            try:
                asking, _ = self._listener.accept()
            except OSError:
                return  # closed
            with asking, suppress(OSError):  # who asks may be gone
                asking.settimeout(2.0)
                self._answer(asking)

    def _answer(self, asking: socket.socket) -> None:
        try:
            request = json.loads(asking.recv(lent.LONGEST))
            name, launched = self._launch(request)
        except NsmagicError as error:
            asking.send(json.dumps({"error": error.to_data()}).encode())
            return
        except (ValueError, KeyError, TypeError):
            asking.send(json.dumps({"error": NsmagicError("the lender cannot read this request").to_data()}).encode())
            return
        with self._lock:
            self._lent.append((name, int(request["seed"]), launched))
        socket.send_fds(asking, [json.dumps({"pid": launched.pid}).encode()], [launched.descriptor])

    def _launch(self, request: dict[str, Any]) -> tuple[str, launch.Launched]:
        with self._lock:
            if len(self._lent) >= _MOST:
                raise NsmagicError(f"this notebook has started {_MOST} labs already")
        if request["kind"] not in _KINDS:
            raise SandboxUnavailable("only labs without rights are lent", kind=str(request["kind"]), step="start")
        settings = config.make(
            str(request["kind"]), seed=int(request["seed"]), limits=dict(request["limits"]), folder=self._folder
        )
        handover = launch.Handover()
        launched = launch.launch(settings, handover)
        # The thread that started it forgets it then: what holds it is ours, and ends with us.
        handover.release()
        return str(settings["lab"]), launched


def socket_path(folder: str) -> str:
    """Where the lender listens."""
    return os.path.join(folder, "nsmagic-lender")
