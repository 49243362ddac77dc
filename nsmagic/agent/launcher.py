#!/usr/bin/env -S python3 -I -S
"""The launcher: makes the lab's namespaces, becomes the parent of its pid 1, and dies with the notebook's kernel.

Started as ``python -I -S .../launcher.py SOCKET PIDFD`` by a thread of the notebook's process that never ends, in a session
of its own. It ends when the notebook's process does, in any way, because three things hold at once:

- PDEATHSIG: the kernel kills it with the thread that started it (also when it is stopped);
- the pidfd of the notebook's process becomes readable (also when a forked child holds every descriptor);
- the notebook closes its end of the socket (``lab.close()``, garbage collection).

Pid 1 dies with the launcher (its own PDEATHSIG), everything inside dies with pid 1, and Linux frees the namespaces.
While it watches it also minds the lab's door (``door.py``), which no visitor can hold open against it.
FAULTS.md has the experiments. Standard library only until the agent takes over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

if __name__ == "__main__":
    # What is imported stays: to look for garbage in it, again and again, was a tenth of a lab's start.
    gc.disable()

from nsmagic import syscalls as sys_
from nsmagic.agent import protocol, rootfs, vm
from nsmagic.agent.door import Door

#: The plain user that a lab started by root becomes: systemd's list of uids leaves 65520 to 65533 to nobody.
LAB_UID = 65533

_NAMESPACES = sys_.CLONE_NEWUSER | sys_.CLONE_NEWPID | sys_.CLONE_NEWNET | sys_.CLONE_NEWUTS | sys_.CLONE_NEWIPC


def main(argv: list[str]) -> int:
    """Read the configuration, make the sandbox, fork pid 1, watch, end."""
    sock = socket.socket(fileno=int(argv[1]))
    pidfd = int(argv[2])
    sock.set_inheritable(False)
    os.set_inheritable(pidfd, False)
    config = _read_config(sock)
    door = _open_door(config)  # before there are namespaces, and while we are who the notebook is
    try:
        if config["kind"] == "vm":
            gc.enable()
            return _watch_machine(sock, pidfd, config, door)
        init = _start(sock, pidfd, config, door)
    except rootfs.StepFailed as failure:
        refuse(sock.fileno(), config, failure.step, failure.errno, failure.words)
        return 1
    except OSError as error:
        refuse(sock.fileno(), config, "start", error.errno or 0, str(error))
        return 1
    gc.enable()
    _watch(sock, pidfd, init, door, patience=1.0 if config["kind"] == "host" else 0.0)
    return 0


def _open_door(config: dict[str, Any]) -> Door | None:
    try:
        return Door(config["lab"])
    except OSError as error:
        # No reason to have no lab.
        config["no_door"] = f"nsmagic shell: {error.strerror}"
        return None


def _read_config(sock: socket.socket) -> dict[str, Any]:
    # Exactly one frame: what follows it belongs to the agent.
    header = _read_exactly(sock, 4)
    (length,) = struct.unpack("!I", header)
    if length > protocol.MAX_FRAME:
        raise SystemExit(2)
    config: dict[str, Any] = json.loads(_read_exactly(sock, length))
    return config


def _read_exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise SystemExit(0)
        data += more
    return data


def refuse(line: int, config: dict[str, Any], step: str, errno: int, words: str) -> None:
    """Tell the notebook at the other end of a descriptor why there is no lab."""
    data = {
        "error": "SandboxUnavailable", "message": f"{step}: {words}", "hint": None,
        "kind": config["kind"], "step": step, "errno": errno,
    }  # fmt: skip
    frame = protocol.pack({"id": 0, "error": data})
    try:
        while frame:
            frame = frame[os.write(line, frame) :]
    except OSError:
        return  # the notebook is gone: nobody is left to be told


def _start(sock: socket.socket, pidfd: int, config: dict[str, Any], door: Door | None) -> int:
    kind = config["kind"]
    if kind == "host":
        _tie_to(pidfd)
    else:
        root = os.getuid() == 0 and not plain_outside()
        shown = root and _become_plain_user(config)
        _tie_to(pidfd)
    settle_limits()
    if kind == "host":
        return fork_init(sock.fileno(), config, door)
    if kind == "rootless" and not shown:
        # One more user namespace around the lab's: mounts made out here are locked in there.
        _new_user_namespace()
        with rootfs.step("mount namespace"):
            sys_.unshare(sys_.CLONE_NEWNS)
        rootfs.show(config["lab"], config, few=root)
    return fork_init(sock.fileno(), config, door)


def settle_limits() -> None:
    """No core dumps, and as many descriptors as there may be."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _watch_machine(sock: socket.socket, pidfd: int, config: dict[str, Any], door: Door | None) -> int:
    """The kind ``vm``: start its kernel, answer what that asks, wait for an end, end it."""
    config["few"] = os.getuid() == 0 and not plain_outside()
    if config["few"]:
        _become_plain_user(config)
    _tie_to(pidfd)
    settle_limits()
    machine = vm.Machine(sock, config)
    machine_fd = os.pidfd_open(machine.pid)
    more = {machine.control.fileno(): machine.hear, machine.output: machine.read}
    while True:
        poller = select.poll()
        for fd in (pidfd, machine_fd, *more):
            poller.register(fd, select.POLLIN)
        poller.register(sock.fileno(), select.POLLRDHUP)
        visits = {fd: (line, events) for line in machine.lines for fd, events in line.wanted().items()}
        for fd, (_, events) in visits.items():
            poller.register(fd, events)
        knocks = door is not None and any(line.free for line in machine.lines)
        if door is not None and knocks:
            poller.register(door.fileno(), select.POLLIN)
        ready = {number for number, _ in poller.poll()}
        if ready & {pidfd, machine_fd, sock.fileno()}:
            break
        for fd in ready & set(more):
            if not more[fd]():
                del more[fd]
        for line in {visits[fd][0] for fd in ready & set(visits)}:
            line.turn()
        if door is not None and door.fileno() in ready:
            free = next((line for line in machine.lines if line.free), None)
            visitor = door.accept()
            if visitor is not None and free is not None:
                free.take(visitor)
    ended = machine_fd in ready
    number, words = machine.end()
    if ended:
        # A lab that was ready has nobody who reads this.
        refuse(sock.fileno(), config, "virtual machine", number, words)
    return 0


def _new_user_namespace() -> None:
    """A user namespace in which we are root and nobody else is."""
    uid, gid = os.getuid(), os.getgid()
    with rootfs.step("user namespace"):
        sys_.unshare(sys_.CLONE_NEWUSER)
    with rootfs.step("uid map"):
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")


def plain_outside() -> bool:
    """Whether uid 0 here is an ordinary user's own user namespace (``unshare -Ur``) that has no second uid to become.

    Where the namespace has one (a container of Podman's), it becomes that, which costs nothing.
    """
    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    if any(inside <= LAB_UID < inside + count for inside, _, count in ranges):
        return False
    return all(outside != 0 for inside, outside, _ in ranges if inside == 0)


def _become_plain_user(config: dict[str, Any]) -> bool:
    """Root leaves only a few folders in sight, then becomes a uid that owns nothing: root mapped to root could still write
    the machine's files and sysctls. False: a root of few capabilities (a container's), who may not mount and has left all in sight."""
    shown = config["kind"] == "rootless" and _may_mount()
    if shown:
        rootfs.show(config["lab"], config, few=True)
    needed = [folder for folder in config["readonly"] if os.path.isdir(folder)]
    with rootfs.step("become a plain user"):
        os.setgroups([])
        os.setresgid(LAB_UID, LAB_UID, LAB_UID)
        os.setresuid(LAB_UID, LAB_UID, LAB_UID)
    for folder in needed:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise rootfs.StepFailed(
                "agent",
                PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder),
                f"root becomes a plain user for a lab (uid {LAB_UID}), who cannot read {folder}; start it as an ordinary "
                "user, or with a Python in a folder that all may read",
            )
    make_dumpable()
    return shown


def _may_mount() -> bool:
    with rootfs.step("private mounts (as root)"):
        try:
            sys_.unshare(sys_.CLONE_NEWNS)
        except PermissionError:
            return False
    return True


def make_dumpable() -> None:
    """Changing uid makes a process "not dumpable", and then its own /proc/self files belong to root; PR_SET_DUMPABLE gives
    them back, which writing uid_map needs."""
    sys_.prctl(sys_.PR_SET_DUMPABLE, 1)


def _tie_to(pidfd: int) -> None:
    """Die with the notebook. Last of all identity changes: ``setresuid`` clears PDEATHSIG."""
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
    if _readable(pidfd):
        raise SystemExit(0)  # it was gone before the signal was armed


def _readable(fd: int) -> bool:
    # Not select(): a notebook with more than 1024 open files gives us larger numbers than that can take.
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLHUP)
    return bool(poller.poll(0))


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def fork_init(line: int, config: dict[str, Any], door: Door | None = None, lines: Sequence[int] = ()) -> int:
    """Make the lab's namespaces and its pid 1, whose frames go over ``line``, those of visitors over ``lines``; its pid.

    Raises
    ------
    StepFailed
        The kernel refused one.
    """
    if config["kind"] != "host":
        _new_user_namespace()
        with rootfs.step("namespaces"):
            mounts = 0 if config["kind"] == "rootless-nomount" else sys_.CLONE_NEWNS
            sys_.unshare(_NAMESPACES & ~sys_.CLONE_NEWUSER | mounts)
    alive, ours = os.pipe()  # the child sees EOF when this process is gone before PDEATHSIG is armed
    pid = os.fork()
    if pid:
        os.close(alive)
        if door is not None:
            door.keep_outside()
        # Kept open on purpose, for as long as this process lives.
        return pid
    status = 1
    try:
        os.close(ours)
        sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        if not _readable(alive):
            status = _init(line, config, door, lines)
    finally:
        os._exit(status)


def _init(line: int, config: dict[str, Any], door: Door | None, lines: Sequence[int] = ()) -> int:
    """Pid 1 of the lab: close everything but the socket and the door, make the files, then become the agent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        # Default, not ignored: the kernel keeps pid 1 from signals that have no handler, and children start clean.
        signal.signal(number, signal.SIG_DFL)
    kept = _keep([line, *lines, *([door.keep_inside()] if door is not None else [])])
    visits = socket.socket(fileno=kept[1]) if door is not None else None
    os.chdir("/")
    os.umask(0o022)
    missing: list[str] = config.pop("missing", [])
    try:
        if config["kind"] == "vm":
            from nsmagic.agent import pages

            pages.grow(pages.FOR_AN_AGENT)
            pages.own()
        if config["kind"] in ("rootless", "vm"):
            missing += rootfs.build(config["lab"], config)
        if config["kind"] == "rootless-nomount":
            missing.append("mounts: refused here; programs and bash cells that call ip netns themselves do not work")
        if not os.access(config["cwd"], os.X_OK):
            missing.append(f"folder {config['cwd']}: closed to the user that the lab has; commands start in /")
        if config["kind"] != "host":
            try:
                sys_.set_hostname("host")
            except PermissionError as error:  # Podman's seccomp profile, which lets us do all else
                missing.append(f"hostname of its own: {error.strerror}")
        for folder in config["path"]:
            if folder not in sys.path:
                sys.path.append(folder)
        from nsmagic.agent.server import serve

        gc.freeze()
        gc.enable()
    except rootfs.StepFailed as failure:
        refuse(kept[0], config, failure.step, failure.errno, failure.words)
        return 1
    except (OSError, ImportError) as error:
        refuse(kept[0], config, "agent", getattr(error, "errno", 0) or 0, str(error))
        return 1
    if "no_door" in config:
        missing.append(config["no_door"])
    if config["kind"] == "vm":
        own, *others = [protocol.Channel(fd=number, lenient=number != kept[0]) for number in kept]
        return serve(own, config, missing, lines=others)
    return serve(protocol.Channel(socket.socket(fileno=kept[0])), config, missing, visits)


def _keep(numbers: list[int]) -> list[int]:
    """Move descriptors to 3, 4, …, whatever is there, and close all others; their new numbers."""
    # First out of each other's way.
    away = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3 + len(numbers)) for number in numbers]
    kept = list(range(3, 3 + len(numbers)))
    for number, new in zip(away, kept, strict=True):
        os.dup2(number, new, inheritable=False)
    first = 3 + len(numbers)
    os.closerange(
        first, resource.getrlimit(resource.RLIMIT_NOFILE)[0] if not os.path.isdir("/proc/self/fd") else _highest() + 1
    )
    return kept


def _highest() -> int:
    return max(int(name) for name in os.listdir("/proc/self/fd"))


def _watch(sock: socket.socket, pidfd: int, init: int, door: Door | None, *, patience: float) -> None:
    """Wait for the notebook's end, the connection's end or pid 1's end; then end pid 1 and reap it. Meanwhile let visitors in."""
    init_fd = os.pidfd_open(init)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(init_fd, select.POLLIN)
    # Only the hang-up: the bytes on this socket are the agent's.
    poller.register(sock.fileno(), select.POLLRDHUP)
    if door is not None:
        poller.register(door.fileno(), select.POLLIN)
    while True:
        ready = [number for number, _ in poller.poll()]
        # An end is seen first, however many visitors knock.
        if door is None or ready != [door.fileno()]:
            break
        if not door.let_in():
            poller.unregister(door.fileno())
            door.close()
            door = None
    # Of kind host the agent is no pid 1 with which all ends: it has these seconds to end what it started.
    select.select([init_fd], [], [], patience)
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
        signal.pidfd_send_signal(init_fd, signal.SIGKILL)
    os.waitpid(init, 0)


if __name__ == "__main__":
    # Not sys.exit(): the lab's mounts, and with them its network namespaces, go when this process has ended, and Python tidies up first.
    os._exit(main(sys.argv))
