"""Init of the virtual machine (kind ``vm``): makes it a small Linux system, then the lab in it as on any machine.

Started by the guest's kernel as ``python -P -s -S -B .../guest.py PACK``, as root of the guest, on the machine's own files. What the
guest's root could do to those (it has the user's own rights there) nobody else in it can: the lab is made as the kind
``rootless`` makes it, by the same code, and the person who started it is an ordinary user inside as outside. So files, limits, names and
messages are the same in both kinds.

This process stays in the guest's first namespaces, reaps, and switches the machine off when the agent has ended. The kernel starts
``modprobe`` there too, so that modules load on demand, in a lab as well. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import shlex
import signal
import stat
import sys
from typing import Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from nsmagic.agent import pack, pages

if __name__ == "__main__":
    gc.disable()  # as in the launcher; the agent looks for garbage again when it is ready
    pages.grow(pages.FOR_A_START)
    pack.use(sys.argv[1])
    pages.own()

from nsmagic import syscalls as sys_
from nsmagic.agent import launcher, modprobe, rootfs, vm

#: Loaded at the start: what other programs expect to be there, or ask modprobe for, which in a lab may load nothing. The last one is
#: what makes frames on a bridge go through iptables, as they do wherever Docker or libvirt was started once.
_AT_ONCE = ("ipv6", "veth", "ip_tables", "ip6_tables", "arp_tables", "ebtables", "br_netfilter")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MODPROBE = "/run/nsmagic/modprobe"
_POWER_OFF = 0x4321FEDC
_DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))


def main() -> None:
    """Never returns: the machine is off at its end."""
    try:
        _files()
        control = vm.raw_line(vm.CONTROL)
        config = vm.read_config(control)
        config["missing"] = _modules(config["vm"]["modules"])
        _settings()
        line = vm.raw_line(vm.FRAMES)
        visits = [vm.raw_line(each) for each in vm.VISITS]
        agent = os.fork()
        if agent == 0:
            try:
                _lab(line, visits, config)
            finally:
                os._exit(1)
        for fd in (line, *visits):
            os.close(fd)
        while os.wait()[0] != agent:
            continue
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).reboot(ctypes.c_int(ctypes.c_int32(_POWER_OFF).value))


def _files() -> None:
    """What a kernel gives and no disk holds: /proc, /sys, /dev, and a /run to write in."""
    flags = sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC
    sys_.mount("proc", "/proc", "proc", flags)
    sys_.mount("sysfs", "/sys", "sysfs", flags)
    sys_.mount("nsmagic", "/run", "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, "mode=755,size=4m")
    if not os.path.exists(vm.FRAMES):
        sys_.mount("nsmagic", "/dev", "tmpfs", sys_.MS_NOSUID, "mode=755,size=1m")
    for name, major, minor in (*_DEVICES, *((f"ttyS{at}", 4, 64 + at) for at in range(2 + len(vm.VISITS)))):
        _node(f"/dev/{name}", major, minor, 0o600 if name.startswith("ttyS") else 0o666)
    for name in ("net", "pts", "shm"):
        os.makedirs(f"/dev/{name}", exist_ok=True)
    _node("/dev/net/tun", 10, 200, 0o666)


def _node(path: str, major: int, minor: int, mode: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mknod(path, stat.S_IFCHR | mode, os.makedev(major, minor))
    os.chmod(path, mode)


def _modules(folder: str) -> list[str]:
    """Let the kernel load its modules from where their package lies; what cannot be, in words."""
    release = os.uname().release
    if not os.path.isdir(f"{folder}/{release}"):
        return [f"modules: {folder}/{release} is not there; the lab has no veth"]
    os.makedirs("/run/nsmagic/lib/modules")
    os.symlink(f"{folder}/{release}", f"/run/nsmagic/lib/modules/{release}")
    found = next((f"{each}/modprobe" for each in _PATH.split(":") if os.access(f"{each}/modprobe", os.X_OK)), None)
    if found is not None:
        tool = [found, "-d", "/run/nsmagic"]
    else:
        tool = [sys.executable, "-I", "-S", "-B", os.path.abspath(modprobe.__file__), f"{folder}/{release}"]
    with open(_MODPROBE, "w") as file:
        file.write(f'#!/bin/sh\nexec {shlex.join(tool)} "$@"\n')
    os.chmod(_MODPROBE, 0o755)
    _write("/proc/sys/kernel/modprobe", _MODPROBE)
    # Not by the program: its start alone takes a third of what a boot does.
    return [f"modules: {line}" for line in modprobe.load(f"{folder}/{release}", _AT_ONCE)]


def _settings() -> None:
    """Bounds that a small machine sets lower than a lab does; the lab's own come in its namespaces."""
    for name in ("user", "pid", "net", "mnt", "uts", "ipc", "cgroup", "time"):
        _write(f"/proc/sys/user/max_{name}_namespaces", "65536")
    _write("/proc/sys/kernel/printk", "1")
    _write("/proc/sys/kernel/pid_max", "4194304")  # as on any 64-bit machine: ps makes its columns as wide as that


def _write(path: str, text: str) -> None:
    with contextlib.suppress(FileNotFoundError), open(path, "w") as file:
        file.write(text)


def _lab(line: int, visits: list[int], config: dict[str, Any]) -> None:
    """From the guest's root to the lab's pid 1, by the launcher's steps for a root that becomes a plain user."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.setsid()
    launcher.settle_limits()
    try:
        with rootfs.step("private mounts (as root)"):
            sys_.unshare(sys_.CLONE_NEWNS)
        rootfs.show(config["lab"], config, few=config["few"])
        with rootfs.step("become a plain user"):
            os.setgroups(config["groups"])
            os.setresgid(*[config["gid"]] * 3)
            os.setresuid(*[config["uid"]] * 3)
        launcher.make_dumpable()
        pid = launcher.fork_init(line, config, lines=visits)
    except rootfs.StepFailed as failure:
        launcher.refuse(line, config, failure.step, failure.errno, failure.words)
        return
    for fd in (line, *visits):
        os.close(fd)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
