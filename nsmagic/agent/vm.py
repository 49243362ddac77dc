"""The machine side of the kind ``vm``: User Mode Linux, a Linux kernel that runs as an ordinary process.

It needs no user namespace, no root and no image: its root is the machine's own file system (hostfs, with this user's rights), its
init is ``guest.py``, and the frames of notebook and agent go over its first serial line, whose other end is the notebook's socket.
The second line is the launcher's own: over it the guest asks for its configuration. The others are for visitors (``relay.py``).

How it ends. User Mode Linux is several processes: the kernel, its helpers, and one for each address space inside, which the
kernel traces. All are of one session and one process group, as no ``setsid`` of the guest reaches the machine, so ``killpg``
ends them. When the launcher itself is killed nobody is left to call that, and a traced process whose tracer dies would run
on untraced. So their session has a terminal: Linux sends SIGHUP to the foreground group of a terminal whose session leader ends
(``disassociate_ctty`` in drivers/tty/tty_jobctrl.c), the leader, the kernel's first process, has PDEATHSIG on the launcher, and a
seccomp filter keeps them from ignoring SIGHUP.

Standard library only, as all of the launcher.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import sys
import termios
from collections.abc import Mapping
from typing import Any

from nsmagic import syscalls as sys_
from nsmagic.agent import protocol, relay, retouch, rootfs

#: What the guest asks over the launcher's line: the next so many bytes of its configuration, which may be longer than the line holds
#: (``pace.py``): all of a translation is in it.
ASKS, _PART = b"?", 2048
#: The guest's first line is the notebook's, its second the launcher's.
FRAMES, CONTROL = "/dev/ttyS0", "/dev/ttyS1"
#: Those of visitors.
VISITS = tuple(f"/dev/ttyS{2 + at}" for at in range(relay.LINES))

_OF_SIGNAL_11 = "init! exitcode=0x0000000b"
#: Bytes of the console that are kept, to say why it ended.
_TAIL = 8 << 10
_ADDR_NO_RANDOMIZE = 0x0040000
#: Boot without what measures the machine for things that no lab has (1.5 of 1.6 s): the speed of RAID 6, of the delay loop;
#: 256 old terminals; file systems, compressed swap and security modules.
QUICK = (
    "quiet", "lpj=10000000", "lsm=", "pty.legacy_count=0", "zswap.enabled=0",
    "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,init_jfs_fs,init_btrfs_fs,strp_dev_init",
)  # fmt: skip


def command(config: Mapping[str, Any]) -> list[str]:
    """The command line of the kernel; from 3 on descriptors are its serial lines, 2 is its console.

    >>> config = {"vm": {"kernel": "/usr/bin/linux.uml", "memory": 256 << 20, "pack": ""}}
    >>> command(config)[:3]
    ['/usr/bin/linux.uml', 'mem=256M', 'root=/dev/root']
    """
    vm = config["vm"]
    guest = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest.py")
    return [
        vm["kernel"], f"mem={vm['memory'] >> 20}M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
        # No folder of its own (~/.uml), with a socket in it that commands the kernel.
        "uml_dir=/dev/null/",
        "con=null", "con0=null,fd:2", "ssl=null", *(f"ssl{at}=fd:{3 + at},fd:{3 + at}" for at in range(2 + relay.LINES)), *QUICK,
        # A variable that it does not know is init's. Python is isolated but for this one (pages.py), which one without a GIL refuses.
        *([] if "t" in sys.abiflags else ["PYTHONMALLOC=malloc"]), f"init={_word(sys.executable)}",
        "--", "-P", "-s", "-S", "-B", _word(guest), _word(vm["pack"] or "-"),
    ]  # fmt: skip


def _word(path: str) -> str:
    """A path as one word of a kernel's command line, which knows double quotes and no way to write one.

    >>> _word("/a"), _word("/my files")
    ('/a', '"/my files"')
    """
    if '"' in path:
        raise rootfs.StepFailed("virtual machine", OSError(22, os.strerror(22), path), f"{path}: a quote in a path")
    return f'"{path}"' if " " in path or "\t" in path else path


def memory_folder(folders: list[str], size: int) -> str:
    """The first folder in which so many bytes can be mapped with PROT_EXEC: the guest's memory is a file in it.

    Raises
    ------
    StepFailed
        There is none: all are mounted noexec, are full, or are not ours to write in.
    """
    import tempfile  # which the guest, that reads this module too, has no use for

    why = OSError(2, os.strerror(2))
    for folder in folders:
        try:
            free = os.statvfs(folder)
            if free.f_bavail * free.f_frsize < size:
                raise OSError(28, os.strerror(28), folder)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.truncate(mmap.PAGESIZE)
                mmap.mmap(file.fileno(), mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
            return folder
        except OSError as error:
            why = error
    words = f"{', '.join(folders)}: {why.strerror}"
    raise rootfs.StepFailed("memory of the virtual machine", why, words)


class Machine:
    """The running kernel, as the launcher sees it.

    Raises
    ------
    StepFailed
        It cannot be started.
    """

    def __init__(self, sock: socket.socket, config: Mapping[str, Any]) -> None:
        vm = config["vm"]
        folder = memory_folder(vm["folders"], vm["memory"])
        if not os.access(vm["kernel"], os.X_OK):
            raise rootfs.StepFailed("virtual machine", OSError(13, os.strerror(13), vm["kernel"]))
        self._config = {**config, "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups()}
        self._told = protocol.pack({"id": 0, **self._config})
        self._console = b""
        # Orphans of the kernel's are ours to reap.
        sys_.prctl(sys_.PR_SET_CHILD_SUBREAPER, 1)
        self.control, *theirs = socket.socketpair()
        self.lines = []
        for _ in VISITS:
            ours, guests = socket.socketpair()
            self.lines.append(relay.Line(ours))
            theirs.append(guests)
        self.output, output = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(output, True)
        with rootfs.step("terminal of the virtual machine"):
            self._master, slave = os.openpty()
        words = command(config)
        alive, self._alive = os.pipe()
        traced, tells = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._alive)
                with contextlib.suppress(OSError):  # the kernel cannot trace here either, and says it in its own words
                    sys_.be_traced()
                    os.write(tells, b"t")
                _become(
                    words, folder, [output, output, sock.fileno(), *(each.fileno() for each in theirs), slave], alive
                )
            finally:
                os._exit(127)
        for fd in (alive, output, slave, tells):
            os.close(fd)
        for each in theirs:
            each.close()
        self._ready = not os.read(traced, 1) or retouch.when_it_begins(self.pid, vm["kernel"])
        os.close(traced)

    def hear(self) -> bool:
        """The guest said something on the launcher's line; False when it hung up."""
        said = self.control.recv(4096)
        if ASKS in said:
            with contextlib.suppress(OSError):  # a security module forbids it; then ps of Debian 12 shows no START
                retouch.name_a_core(self.pid, self._config["vm"]["kernel"])
        for _ in range(said.count(ASKS)):
            # Smaller than a socket's buffer, so that nobody has to wait here.
            self.control.sendall(self._told[:_PART])
            self._told = self._told[_PART:]
        return bool(said)

    def read(self) -> bool:
        """The kernel wrote to its console; False at its end."""
        try:
            said = os.read(self.output, 1 << 16)
        except BlockingIOError:
            return True
        self._console = (self._console + said)[-_TAIL:]
        return bool(said)

    def end(self) -> tuple[int, str]:
        """End all its processes and reap them; the last words of its console, and the number of their cause where that is known: EFAULT
        is what the machine's kernel gave to this one for the registers of its init (``retouch.py``), which then died of a signal 11."""
        os.killpg(self.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            self.read()
        words = last_words(self._console.decode(errors="replace"))
        return 0 if self._ready or _OF_SIGNAL_11 not in words else errno.EFAULT, words


def last_words(console: str) -> str:
    """The line of a console that says best why a kernel ended.

    >>> last_words("Checking PROT_EXEC mmap in /tmp...Operation not permitted\\n")
    'Checking PROT_EXEC mmap in /tmp...Operation not permitted'
    >>> last_words("a\\nKernel panic - not syncing: No working init found.\\nCPU: 0\\n")
    'Kernel panic - not syncing: No working init found.'
    """
    lines = [line.strip() for line in console.splitlines() if line.strip()]
    return next((line for line in lines if "panic" in line), lines[-1] if lines else "it said nothing")


def _become(words: list[str], folder: str, descriptors: list[int], alive: int) -> None:
    """In the child: a session with a terminal, death with the launcher, descriptors from 1 on, then the kernel."""
    os.setsid()
    sys_.prctl(sys_.PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([alive], [], [], 0)[0]:
        return  # the launcher has ended before the signal was armed
    fcntl.ioctl(descriptors[-1], termios.TIOCSCTTY, 0)
    away = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in descriptors]
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0, inheritable=True)
    for new, number in enumerate(away, 1):
        os.dup2(number, new, inheritable=True)
    os.closerange(1 + len(away), max(away) + 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    # The kernel ignores SIGHUP, and so would all its processes: without a filter this end needs a launcher that lives.
    with contextlib.suppress(OSError):
        sys_.prctl(sys_.PR_SET_NO_NEW_PRIVS, 1)
        sys_.keep_hangup_deadly()
    # Otherwise the gap between the program and its heap counts as memory of the guest. Some filters forbid it; no matter.
    ctypes.CDLL(None).personality(ctypes.c_ulong(_ADDR_NO_RANDOMIZE))
    os.execve(words[0], words, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "TMPDIR": folder})


def raw_line(path: str) -> int:
    """In the guest: open a serial line that carries bytes as they are.

    Of the two bits that matter and have no obvious name: no signal character is read from it, and its carrier is not asked for.
    """
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    _, _, control, _, speed_in, speed_out, characters = termios.tcgetattr(fd)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    control = (control & ~(termios.CSIZE | termios.PARENB)) | termios.CS8 | termios.CLOCAL | termios.CREAD
    termios.tcsetattr(fd, termios.TCSANOW, [0, 0, control, 0, speed_in, speed_out, characters])
    return fd


def read_config(fd: int) -> dict[str, Any]:
    """In the guest: ask the launcher for the configuration."""
    import json

    os.write(fd, ASKS)
    head = _exactly(fd, 4)
    size = 4 + struct.unpack("!I", head)[0]
    data = head + _exactly(fd, min(size, _PART) - 4)
    while len(data) < size:
        os.write(fd, ASKS)
        data += _exactly(fd, min(size - len(data), _PART))
    found: dict[str, Any] = json.loads(data[4:])
    return found


def _exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            raise SystemExit(0)
        data += more
    return data
