#!/usr/bin/env python3
"""The jail of one submission: ``python -I -S jail.py`` with its configuration as the first frame of standard input.

Like a lab's launcher (``agent/launcher.py``, whose parts it uses), it becomes a plain user, takes everything out of sight but system
folders and Python, and makes namespaces; inside there is one more plain user, without any capability, and a scratch folder on a
tmpfs. Pid 1 then becomes the supervisor, which reads the rest of standard input. Nothing of it outlives the grader: PDEATHSIG,
and pid 1 takes all with it. Standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

sys.path.append(os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 2)))

from nsmagic import syscalls as sys_
from nsmagic.agent import launcher, rootfs

#: Who one is inside, and where one may write.
INSIDE_UID = 1000
SCRATCH = "/student"
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def main() -> int:
    """Make the jail and wait for its end; the supervisor's status."""
    config = _read_config()
    parent = os.getppid()
    try:
        if os.getuid() == 0 and not launcher.plain_outside():
            launcher._become_plain_user(config)
            _tie_to(parent)
        else:
            _tie_to(parent)
            launcher._new_user_namespace()
            with rootfs.step("mount namespace"):
                sys_.unshare(sys_.CLONE_NEWNS)
            rootfs.show(config["lab"], config, few=True)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        uid, gid = os.getuid(), os.getgid()
        with rootfs.step("user namespace"):
            sys_.unshare(sys_.CLONE_NEWUSER)
        map_to(INSIDE_UID, uid, gid)
        with rootfs.step("namespaces"):
            sys_.unshare(
                sys_.CLONE_NEWPID | sys_.CLONE_NEWNET | sys_.CLONE_NEWUTS | sys_.CLONE_NEWIPC | sys_.CLONE_NEWNS
            )
    except rootfs.StepFailed as failure:
        return _refuse(f"{failure.step}: {failure.words}")
    # Our own ends of these pipes: pid 1 has the others.
    alive, ours = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
        os._exit(_init(config, alive))
    os.close(alive)
    # Pid 1 alone holds the grader's pipes now.
    for number in (0, 1):
        os.close(number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def map_to(inside: int, uid: int, gid: int) -> None:
    """In a new user namespace: be ``inside`` in there, and nobody else."""
    with rootfs.step("uid map"):
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{inside} {uid} 1"),
            ("gid_map", f"{inside} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def _read_config() -> dict[str, Any]:
    (length,) = struct.unpack("!I", _read_exactly(4))
    config: dict[str, Any] = json.loads(_read_exactly(length))
    return config


def _read_exactly(size: int) -> bytes:
    # Not through sys.stdin, whose buffer would take what belongs to the supervisor.
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            raise SystemExit(2)
        data += more
    return data


def _tie_to(parent: int) -> None:
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(2)


def _refuse(words: str) -> int:
    os.write(1, json.dumps({"event": "refused", "words": words}).encode() + b"\n")
    return 1


def _init(config: dict[str, Any], alive: int) -> int:
    try:
        os.close(alive)
        os.chdir("/")
        os.umask(0o022)
        tag = f"nsmagic-{config['lab']}"
        missing = rootfs.build(config["lab"], config)
        sys_.set_hostname("host")
        with rootfs.step("scratch folder"):
            os.mkdir(SCRATCH, 0o755)
            flags = sys_.MS_NOSUID | sys_.MS_NODEV
            size = f"size={config['scratch']}m,nr_inodes=16384,mode=755"
            sys_.mount(tag, SCRATCH, "tmpfs", flags, size)
        _loopback_up()
        resource.setrlimit(resource.RLIMIT_NPROC, (config["processes"], config["processes"]))
        os.chdir(SCRATCH)
        if missing:
            os.write(1, json.dumps({"event": "missing", "words": missing}).encode() + b"\n")
        code = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from nsmagic.course.grading import supervisor; supervisor.main()"
        environment = {
            "PATH": f"{os.path.dirname(config['python'])}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": SCRATCH,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            # Each thread of theirs counts as a process.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        os.execve(config["python"], [config["python"], "-I", "-c", code, ":".join(config["code"])], environment)
    except rootfs.StepFailed as failure:
        return _refuse(f"{failure.step}: {failure.words}")
    except OSError as error:
        return _refuse(f"start: {error}")
    return 1


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


if __name__ == "__main__":
    sys.exit(main())
