#!/usr/bin/env -S python3 -I -S
"""What a lab needs of this machine, tried step by step in processes of its own: prints one JSON document.

Run as ``python -I -S .../trial.py``, standard library only, as the launcher is; with the word ``features`` only those are tried. It takes the launcher's
steps one by one, each with the kernel's number, where the launcher stops at the first that fails; so ``nsmagic doctor`` can show
how far this machine goes. Everything happens in namespaces that end with this process; the machine keeps nothing of it.

The document: ``{"steps": [{"name", "ok", "errno"}, …], "features": [the same]}``. ``ok`` is null for what could not be tried
because something before it failed. The reading of it is ``doctor.py``; this file only tries.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from nsmagic import syscalls as sys_
from nsmagic.agent.launcher import LAB_UID, plain_outside
from nsmagic.sandbox import features as kernel

#: The steps in the order in which they are tried, named as the launcher names them.
STEPS = (
    "private mounts (as root)", "become a plain user", "user namespace", "uid map", "inner user namespace", "namespaces",
    "lo up", "veth pair", "mount namespace", "mount propagation", "mount tmpfs", "bind the machine's files", "fresh /proc", "fresh /sys",
    "mount devpts", "pivot_root", "named namespace", "sysctl write", "limits",
)  # fmt: skip
_NOT_EVERYBODYS = ("private mounts (as root)", "become a plain user", "inner user namespace")
#: Seconds that all of a child's steps may take.
_PATIENCE = 30.0


class Report:
    """Writes what came of each step to a pipe, a line each, so that what was done before a crash or a hang is known."""

    def __init__(self, fd: int = -1) -> None:
        self._fd = fd  # -1: nobody is told

    def tried(self, name: str, errno: int) -> None:
        if self._fd >= 0:
            os.write(self._fd, json.dumps({"name": name, "errno": errno}).encode() + b"\n")

    def step(self, name: str, action: Callable[[], object]) -> bool:
        """Try one step; True when it worked."""
        try:
            action()
        except OSError as error:
            self.tried(name, error.errno or 5)
            return False
        self.tried(name, 0)
        return True


def main() -> int:
    """Try everything and print what came of it."""
    steps = run_apart(sandbox)
    if sys.argv[1:] == ["features"]:
        print(json.dumps({"features": in_order(kernel.FEATURES, run_apart(features))}))
        return 0
    print(json.dumps({"steps": in_order(STEPS, steps), "features": in_order(kernel.FEATURES, run_apart(features))}))
    return 0


def in_order(names: tuple[str, ...], tried: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All the names, those not reached too. A step that only root takes, or only others, is left out when it was not taken."""
    errnos = {each["name"]: each["errno"] for each in tried}
    rows = []
    for name in names:
        if name in errnos:
            rows.append({"name": name, "ok": errnos[name] == 0, "errno": errnos[name]})
        elif name not in _NOT_EVERYBODYS:
            rows.append({"name": name, "ok": None, "errno": 0})
    return rows


def run_apart(function: Callable[[Report], None]) -> list[dict[str, Any]]:
    """Run a function in a child that dies with us and within its time; what it reported."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
            function(Report(writer))
        finally:
            os._exit(0)
    os.close(writer)
    try:
        text = _read_all(reader, time.monotonic() + _PATIENCE)
    finally:
        os.close(reader)
        os.kill(pid, signal.SIGKILL)  # our own child, not yet waited for
        os.waitpid(pid, 0)
    return [json.loads(line) for line in text.split(b"\n") if line.endswith(b"}")]


def _read_all(fd: int, until: float) -> bytes:
    text = b""
    while select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
        more = os.read(fd, 1 << 16)
        if not more:
            break
        text += more
    return text


# The launcher's steps


def sandbox(report: Report) -> None:
    """What a lab is made of, in order."""
    if not enter(report):
        return
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
        # IFF_UP on interface 1, which lo always is.
        if not report.step(
            "lo up", lambda: kernel.ask(netlink, kernel.RTM_NEWLINK, 5, struct.pack("=BxHiII", 0, 0, 1, 1, 1))
        ):
            return
        report.step("veth pair", lambda: kernel.new_link(netlink, "veth", b""))
    if not report.step("mount namespace", lambda: sys_.unshare(sys_.CLONE_NEWNS)):
        return
    # A new pid namespace begins with the next child.
    pid = os.fork()
    if pid == 0:
        try:
            sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
            files(report)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def enter(report: Report) -> bool:
    """From this user into namespaces of its own; root first becomes the launcher's plain user, where there is one."""
    shown = False
    if os.getuid() == 0 and not plain_outside():

        def private() -> None:
            sys_.unshare(sys_.CLONE_NEWNS)
            sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_PRIVATE)

        shown = report.step("private mounts (as root)", private)
        if not report.step("become a plain user", plain_user):
            return False
    uid, gid = os.getuid(), os.getgid()

    def map_ids(uid: int, gid: int) -> None:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")

    def inner() -> None:
        sys_.unshare(sys_.CLONE_NEWUSER)
        map_ids(0, 0)

    if not report.step("user namespace", lambda: sys_.unshare(sys_.CLONE_NEWUSER)):
        return False
    if not report.step("uid map", lambda: map_ids(uid, gid)):
        return False
    if not shown:
        # The kind rootless locks the machine's files with it; the other does without.
        report.step("inner user namespace", inner)
    others = sys_.CLONE_NEWNET | sys_.CLONE_NEWPID | sys_.CLONE_NEWUTS | sys_.CLONE_NEWIPC
    return report.step("namespaces", lambda: sys_.unshare(others))


def plain_user() -> None:
    """Become the uid that owns nothing, as the launcher does."""
    os.setgroups([])
    os.setresgid(LAB_UID, LAB_UID, LAB_UID)
    os.setresuid(LAB_UID, LAB_UID, LAB_UID)
    sys_.prctl(sys_.PR_SET_DUMPABLE, 1)  # gives back our own /proc/self
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)


def files(report: Report) -> None:
    """Pid 1's steps: mounts, a root of its own, what is written in it."""
    flags = sys_.MS_NOSUID | sys_.MS_NODEV
    report.step("mount propagation", lambda: sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_SLAVE))
    if not report.step("mount tmpfs", lambda: sys_.mount("nsmagic-trial", "/tmp", "tmpfs", flags, "size=1m,mode=755")):
        return
    for name in ("old", "usr", "proc", "sys", "dev", "pts", "run"):
        os.mkdir(f"/tmp/{name}")

    def bind() -> None:
        sys_.mount("/usr", "/tmp/usr", "", sys_.MS_BIND | sys_.MS_REC)
        sys_.make_readonly("/tmp/usr")

    report.step("bind the machine's files", bind)
    noexec = flags | sys_.MS_NOEXEC
    if not report.step("fresh /proc", lambda: sys_.mount("proc", "/tmp/proc", "proc", noexec)):
        with contextlib.suppress(OSError):  # as the lab does then; the steps below show whether it serves
            sys_.mount("/proc", "/tmp/proc", "", sys_.MS_BIND | sys_.MS_REC)
    report.step("fresh /sys", lambda: sys_.mount("sysfs", "/tmp/sys", "sysfs", noexec))
    pts = "newinstance,ptmxmode=0666,mode=620"
    report.step(
        "mount devpts", lambda: sys_.mount("devpts", "/tmp/pts", "devpts", sys_.MS_NOSUID | sys_.MS_NOEXEC, pts)
    )

    def pivot() -> None:
        sys_.pivot_root("/tmp", "/tmp/old")
        os.chdir("/")
        sys_.umount("/old", sys_.MNT_DETACH)

    if not report.step("pivot_root", pivot):
        return
    report.step("named namespace", named_namespace)
    report.step("sysctl write", lambda: write("/proc/sys/net/ipv4/ip_forward", "1"))
    report.step("limits", limits)


def named_namespace() -> None:
    """What ``ip netns add`` does, in a child: a network namespace kept by a bind mount, and entered again by its name."""

    def make() -> None:
        os.makedirs("/run/netns")
        sys_.mount("/run/netns", "/run/netns", "", sys_.MS_BIND | sys_.MS_REC)
        sys_.mount("none", "/run/netns", "", sys_.MS_REC | sys_.MS_SHARED)
        os.close(os.open("/run/netns/trial", os.O_CREAT | os.O_CLOEXEC, 0))
        sys_.unshare(sys_.CLONE_NEWNET)
        sys_.mount("/proc/self/ns/net", "/run/netns/trial", "", sys_.MS_BIND)
        fd = os.open("/run/netns/trial", os.O_RDONLY | os.O_CLOEXEC)
        try:
            sys_.setns(fd, sys_.CLONE_NEWNET)
        finally:
            os.close(fd)

    in_child(make)


def limits() -> None:
    """A bound on namespaces, locked."""
    write("/proc/sys/user/max_net_namespaces", "64")
    resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))
    sys_.drop_capability(sys_.CAP_SYS_RESOURCE)


def in_child(action: Callable[[], object]) -> None:
    """Do something in a child, for what cannot be undone; raises the OSError that it raised there."""
    pid = os.fork()
    if pid == 0:
        number = 5
        try:
            action()
            number = 0
        except OSError as error:
            number = error.errno or 5
        finally:
            os._exit(number)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if number:
        raise OSError(abs(number), os.strerror(abs(number)))


def write(path: str, text: str) -> None:
    """Write a file of the kernel in one go."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


# What this kernel has


def features(report: Report) -> None:
    """Each thing that lessons use and that a kernel may lack, in a network namespace of its own."""
    if not enter(Report()):  # these steps are reported already
        return
    try:
        # iptables keeps a lock under /run: a /run of our own where mounts are possible.
        sys_.unshare(sys_.CLONE_NEWNS)
        sys_.mount("none", "/", "", sys_.MS_REC | sys_.MS_SLAVE)
        sys_.mount("nsmagic-trial", "/run", "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, "size=1m,mode=755")
    except OSError:
        os.environ["XTABLES_LOCKFILE"] = "/dev/null"  # then a lock that nobody else takes
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
        for kind, (data, stands) in kernel.KINDS.items():
            index = kernel.LOWER if kind == "veth" else 0
            report.step(kind, lambda k=kind, d=data, s=stands, i=index: kernel.new_link(netlink, k, d, s, i))  # type: ignore[misc]
        report.step("tun", kernel.tun)
        report.step("netem", lambda: kernel.netem(netlink))
    report.step("nftables", lambda: kernel.nftables(nat=False))
    report.step("nftables nat", lambda: kernel.nftables(nat=True))
    tool = kernel.iptables_tool()
    if tool is not None:
        report.step("iptables nat", lambda: kernel.iptables(tool))
    report.step("packet capture", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close())


if __name__ == "__main__":
    sys.exit(main())
