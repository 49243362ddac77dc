"""Runs a function in a child with user, network, mount and pid namespaces of its own, on the real kernel.

The child may do what root may in its own network and nothing elsewhere. What the function returns comes back as JSON; what it
raises fails the test with the child's traceback. The child is killed at its time limit.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from nsmagic import syscalls as sys_

_NOBODY = 65534


class Child:
    """A function that runs in a child; ``result()`` waits for it."""

    def __init__(self, function: Callable[[], Any], seconds: float = 60.0) -> None:
        self._until = time.monotonic() + seconds
        self._reader, writer = os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            os.close(writer)
            return
        status = 1
        try:
            os.close(self._reader)
            os.setsid()
            answer: Any
            try:
                enter_sandbox()
                become_first()
            except OSError as error:
                answer = {"unavailable": f"no user, network and mount namespaces for this user: {error}"}
            else:
                answer = {"value": function()}
            status = 0
        except BaseException:  # noqa: BLE001 - the parent shows it
            answer = {"raised": traceback.format_exc()}
        try:
            with os.fdopen(writer, "w") as file:
                json.dump(answer, file)
        finally:
            os._exit(status)

    def result(self) -> Any:
        """What the function returned; AssertionError with the child's traceback when it raised or took too long."""
        data = bytearray()
        try:
            while True:
                left = self._until - time.monotonic()
                ready = left > 0 and select.select([self._reader], [], [], left)[0]
                assert ready, "the child took too long"
                piece = os.read(self._reader, 1 << 16)
                if not piece:
                    break
                data += piece
        finally:
            os.close(self._reader)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        answer = json.loads(data)
        if "unavailable" in answer:
            pytest.skip(answer["unavailable"])
        assert "raised" not in answer, answer["raised"]
        return answer["value"]


def become_first() -> None:
    """Go on as the first process of a pid namespace, with which all that the test starts ends; the one before waits."""
    sys_.unshare(sys_.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)


def inside(function: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Run a function in a sandbox of its own and return what it returns."""
    return Child(function, seconds).result()


def enter_sandbox() -> None:
    """New user, network and mount namespaces; /run is empty, so that ``ip netns`` works and touches nothing of the machine.

    Root becomes nobody first: uid 0 mapped to 0 could still write the machine's files and parameters.
    """
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        # The change of user made /proc/self belong to root; dumpable again, it is ours.
        sys_.prctl(sys_.PR_SET_DUMPABLE, 1)
    uid, gid = os.getuid(), os.getgid()
    sys_.unshare(sys_.CLONE_NEWUSER | sys_.CLONE_NEWNET | sys_.CLONE_NEWNS)
    for path, text in (
        ("/proc/self/setgroups", "deny"),
        ("/proc/self/uid_map", f"0 {uid} 1"),
        ("/proc/self/gid_map", f"0 {gid} 1"),
    ):
        with open(path, "w") as file:
            file.write(text)
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
    sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_PRIVATE)
    sys_.mount("none", "/run", "tmpfs")


def shell(script: str) -> str:
    """Run lines of bash; any that fails fails the test. Returns what they printed."""
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def namespace(name: str) -> int:
    """A descriptor of a namespace made with ``ip netns add``."""
    return os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
