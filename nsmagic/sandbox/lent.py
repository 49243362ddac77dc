"""Labs that another process starts and lends: how a kernel under grading gets one.

The kernel of a submission is confined so far that it could start none, and must not: the grader's supervisor, outside that kernel,
starts the lab, keeps an eye on it, and hands over one end of the connection. So checks look at a lab whose agent no student has
started. ``NSMAGIC_LENDER`` names the lender's socket. A request is one JSON message, the answer too, with the descriptor.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from nsmagic.agent import protocol
from nsmagic.errors import SandboxUnavailable, from_data
from nsmagic.sandbox.launch import Launched

#: Longest message of a request or an answer.
LONGEST = 4096
#: Seconds in which the lender answers.
_PATIENCE = 20.0


def lender() -> str:
    """The path of the lender's socket; ``""`` where labs are started by oneself."""
    return os.environ.get("NSMAGIC_LENDER", "")


class Lent(Launched):
    """A lab that somebody else launched: the same handles, but for the process, which is not ours to end."""

    def __init__(self, channel: protocol.Channel, sock: socket.socket, pid: int) -> None:
        self.channel = channel
        self._sock = sock
        self._pid = pid
        self._owner = os.getpid()

    @property
    def pid(self) -> int:
        """The launcher's pid, as the lender sees it."""
        return self._pid

    def mark(self) -> int:
        """That is its lender's to see."""
        return 0

    def end(self, patience: float = 2.0) -> bool:
        """Hang up: the lab sees that, and its lender reaps it."""
        self.hang_up()
        return True


def borrow(path: str, settings: Mapping[str, Any]) -> Lent:
    """Ask for a lab. Of the settings only kind, seed and limits are the borrower's to choose.

    Raises
    ------
    SandboxUnavailable
        The lender is not there, or cannot start one.
    """
    request = {name: settings[name] for name in ("kind", "seed", "limits")}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as asking:
            asking.settimeout(_PATIENCE)
            asking.connect(path)
            asking.send(json.dumps(request).encode())
            data, fds, _, _ = socket.recv_fds(asking, LONGEST, 1)
            answer = json.loads(data)
    except (OSError, ValueError) as error:
        raise SandboxUnavailable(
            f"no lab was lent: {error}", kind=str(settings["kind"]), step="start", errno=getattr(error, "errno", 0) or 0
        ) from None
    if "error" in answer:
        raise from_data(answer["error"])
    sock = socket.socket(fileno=fds[0])
    vm = settings["kind"] == "vm"
    return Lent(protocol.Channel(sock, shared=not vm, paced=vm), sock, int(answer["pid"]))
