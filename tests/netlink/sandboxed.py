"""Run a piece of a test as root of its own user, network and mount namespace, whoever runs pytest.

``sandbox_run(body)`` forks, unshares in the child, runs ``body`` there and gives its value back, or raises what went wrong
with the child's traceback. The child is single-threaded, has its own tmpfs on /run (so that ``ip netns add`` works) and its
own /sys where the kernel allows it. Nothing that the body does can reach the machine's network.

``LocalLab`` is a ``Context`` for ``nsmagic.netlink.apply`` inside such a sandbox: ``host`` is the sandbox itself, other
namespaces are those of ``/run/netns`` (made with ``add``), or unnamed ones.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nsmagic.errors import NamespaceNotFound
from nsmagic.netlink import lookup
from nsmagic.netlink.socket import RouteSocket

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


class SandboxUnavailable(Exception):
    """No user namespace can be made here; the reason in words."""


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int = 0) -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None), f"mount {target}")


def enter() -> None:
    """Make this (single-threaded) process root of its own namespaces."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    except OSError as error:
        raise SandboxUnavailable(f"user and network namespaces cannot be made here: {error}") from None
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    mount("tmpfs", "/run", "tmpfs")
    os.mkdir("/run/netns")
    with contextlib.suppress(OSError):  # masked in some containers; brctl then falls back to ioctls
        mount("sysfs", "/sys", "sysfs")


class Child:
    """A forked process in a sandbox that runs functions for the parent, one after the other, and dies with it."""

    def __init__(self) -> None:
        to_child, self._send = os.pipe()
        self._receive, to_parent = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(self._send)
                os.close(self._receive)
                self._serve(to_child, to_parent)
                status = 0
            finally:
                os._exit(status)
        os.close(to_child)
        os.close(to_parent)
        self._answers = os.fdopen(self._receive, "rb")
        self._calls = os.fdopen(self._send, "wb")

    @staticmethod
    def _serve(source: int, target: int) -> None:
        with os.fdopen(source, "rb") as calls, os.fdopen(target, "wb") as answers:
            try:
                _libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
                enter()
                started: Any = None
            except (OSError, SandboxUnavailable) as error:
                started = error
            while True:
                try:
                    function, args = pickle.load(calls)
                except EOFError:
                    return
                if function is None:
                    return
                try:
                    if started is not None:
                        raise SandboxUnavailable(str(started))
                    answer = ("value", function(*args))
                except BaseException as error:  # noqa: BLE001  whatever it is, the parent raises it
                    skip = isinstance(error, SandboxUnavailable)
                    answer = ("unavailable", str(error)) if skip else ("error", traceback.format_exc())
                pickle.dump(answer, answers)
                answers.flush()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a module-level function in the child."""
        pickle.dump((function, args), self._calls)
        self._calls.flush()
        try:
            what, value = pickle.load(self._answers)
        except EOFError:
            raise AssertionError("the sandboxed process died") from None
        if what == "unavailable":
            raise SandboxUnavailable(value)
        if what == "error":
            raise AssertionError(f"in the sandbox:\n{value}")
        return value

    def close(self) -> None:
        """End the child. It is told so: a sibling forked later also holds the pipe, so closing it says nothing."""
        with contextlib.suppress(BrokenPipeError):  # it has died already
            pickle.dump((None, ()), self._calls)
            self._calls.close()
        self._answers.close()
        os.waitpid(self.pid, 0)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_bodies: dict[int, Callable[[], Any]] = {}


def _run_body(number: int) -> Any:
    return _bodies[number]()


def sandbox_run(body: Callable[[], Any]) -> Any:
    """Run ``body`` (any callable: it travels by fork, not by pickle) in a sandbox of its own; its value must be picklable."""
    _bodies[id(body)] = body
    try:
        with Child() as child:
            return child.call(_run_body, id(body))
    finally:
        del _bodies[id(body)]


def current_netns() -> int:
    """A descriptor of the network namespace we are in."""
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def sh(line: str) -> str:
    """Run a line in the sandbox's shell; its output. Fails loudly."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise AssertionError(f"{line}\n{done.stdout}{done.stderr}")
    return done.stdout


class LocalLab:
    """A lab of one process, for tests: implements ``netlink.context.Context``."""

    def __init__(self, *, indexes: bool = True, macs: bool = True, bridge_macs: bool = True, queues: int = 0) -> None:
        self.queues = queues
        self.home = current_netns()
        self._fds: dict[str, int] = {"host": self.home}
        self._sockets: dict[str, RouteSocket] = {}
        self._indexes, self._macs, self._bridge_macs = indexes, macs, bridge_macs
        self._next = 1000

    def add(self, name: str) -> None:
        """``ip netns add``."""
        sh(f"ip netns add {name}")

    def hold(self, name: str) -> int:
        """An unnamed namespace, known here by a name; its descriptor."""
        unshare(CLONE_NEWNET)
        try:
            self._fds[name] = current_netns()
        finally:
            _check(_libc.setns(self.home, CLONE_NEWNET), "setns")
        return self._fds[name]

    def nsfd(self, name: str) -> int:
        if name not in self._fds:
            try:
                self._fds[name] = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                known = sorted(os.listdir("/run/netns"))
                message = f'Cannot open network namespace "{name}": No such file or directory'
                raise NamespaceNotFound(message, name=name, known=known) from None
        return self._fds[name]

    def socket(self, ns: str) -> RouteSocket:
        if ns not in self._sockets:
            self._sockets[ns] = RouteSocket.open(self.nsfd(ns), self.home)
        return self._sockets[ns]

    def new_ifindex(self, ns: str) -> int:
        self._next += 1
        return self._next if self._indexes else 0

    def mac(self, ns: str, ifname: str, kind: str) -> str | None:
        if kind == "bridge" and not self._bridge_macs:
            return None
        number = sum(f"{ns}/{ifname}".encode(errors="surrogateescape")) & 0xFFFF
        return f"02:aa:00:00:{number >> 8:02x}:{number & 255:02x}" if self._macs else None

    def ifindex(self, ns: str, name: str) -> int:
        return lookup.find(self.socket(ns), name, ns)
