"""The lab's network namespaces: named and given up. What ``netlink/apply.py`` asks when it needs one.

A named namespace is a bind mount in /run/netns as iproute2 makes it (``netns_add`` in iproute2's ip/ipnetns.c), so that the
real tools and we agree; where nothing can be mounted (rootless-nomount) it is a descriptor that the agent holds.
``maker.py`` makes them, ``known.py`` has those that are there, whoever made them.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Sequence

from nsmagic import syscalls as sys_
from nsmagic.agent import proc
from nsmagic.agent.known import FOLDER, Entry, Known
from nsmagic.errors import CommandFailed, KernelRefused
from nsmagic.names import HOST
from nsmagic.netlink import lookup
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.socket import RouteSocket

# Python's own: ``hashlib`` brings a library of 5 MB, and asks it anew each time which one it has.
try:
    from _sha256 import sha256  # type: ignore[import-not-found]  # until 3.11
except ImportError:
    from _sha2 import sha256  # type: ignore[import-not-found]

#: How iproute2 spells the folder in its messages.
_SPELLED = "/var/run/netns"


class Namespaces(Known):
    """All namespaces of the lab; implements ``netlink.context.Context``.

    Parameters
    ----------
    monitor
        Follows the events of each namespace given to it.
    seed
        From which MAC addresses are derived.
    mounts
        Whether /run/netns can hold bind mounts.
    prepare
        Called inside each new namespace, to put the kernel's own defaults there.
    """

    #: An end of a cable uses one queue, and has as many as the machine has processors when nobody says otherwise. Made with one, it is
    #: the same on every machine, and the kernel need not wait for all processors when it puts the others away (``veth_init_queues``
    #: in drivers/net/veth.c), twice for each cable.
    queues = 1

    def __init__(
        self, monitor: Monitor, home: int, *, seed: int, mounts: bool, prepare: Sequence[Callable[[bool], object]] = ()
    ) -> None:
        super().__init__(monitor, home, mounts=mounts, prepare=prepare)
        self._seed = seed
        self._used: dict[tuple[str, str], int] = {}
        self._next_index = 2
        self._shared = False

    # What apply() needs.

    def socket(self, ns: str) -> RouteSocket:
        """The kept rtnetlink socket of a namespace."""
        return self.monitor.socket(self.first_name(ns))

    def pidfd_ns(self, pid: int) -> int:
        """A descriptor of the namespace in which a process of the lab lives; the caller closes it.

        Raises
        ------
        ProcessLookupError
            The lab has no such process.
        """
        found = proc.processes().get(pid)
        if found is None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return os.open(f"/proc/{found.entry}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def ifindex(self, ns: str, name: str) -> int:
        """The number of a link by its name or alternative name."""
        ns = self.first_name(ns)
        return self.monitor.ifindex(ns, name) or lookup.find(self.monitor.socket(ns), name, ns)

    def new_ifindex(self, ns: str) -> int:
        """A number that no link of the lab has: a link that moves keeps its number, and no look-up is needed."""
        del ns
        used = self.monitor.ifindexes()
        while self._next_index in used:
            self._next_index += 1
        self._next_index += 1
        return self._next_index - 1

    def mac(self, ns: str, ifname: str, kind: str) -> str | None:
        """The address of a new link, always the same for the same lab: from the seed, the namespace, the name and how
        often that pair was used."""
        del kind
        times = self._used[ns, ifname] = self._used.get((ns, ifname), 0) + 1
        digest: bytes = sha256(f"{self._seed}|{ns}|{ifname}|{times}".encode(errors="surrogateescape")).digest()
        # 02: locally administered, unicast.
        return "02:" + digest[:5].hex(":")

    # ip netns

    def add(self, name: str) -> None:
        """``ip netns add``.

        Raises
        ------
        CommandFailed
            In iproute2's words: the name exists or cannot be one.
        LimitReached
            The lab may have no more namespaces.
        """
        self._check_new(name)
        path = f"{FOLDER}/{name}"
        if self.mounts:
            self._share_folder()
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
            except FileExistsError:
                raise _exists(name) from None
        try:
            fd, ready = self._born()
            if self.mounts:
                _mount_namespace(fd, path)
            self._know(name, Entry(fd, ready.inode if ready else os.fstat(fd).st_ino), fresh=True, ready=ready)
        except BaseException:
            if self.mounts:
                with contextlib.suppress(OSError):  # it may not have come as far as the mount
                    sys_.umount(path, sys_.MNT_DETACH)
                os.unlink(path)
            raise
        self._stamp = self._folder_stamp()

    def _check_new(self, name: str) -> None:
        if not name or name in (".", "..") or "/" in name or len(name.encode(errors="surrogateescape")) > 255:
            raise CommandFailed(f'Invalid netns name "{name}"', command=f"ip netns add {name}")
        if name in self.entries:
            raise _exists(name)

    def delete(self, name: str) -> None:
        """``ip netns del``: the name goes; the namespace lives on while processes are in it, as with iproute2."""
        entry = self.entries.get(name)
        if entry is None:
            self.scan()
            entry = self.entries.get(name)
        if entry is None or not entry.named or name == HOST:
            raise KernelRefused(
                f'Cannot remove namespace file "{_SPELLED}/{name}": No such file or directory',
                errno=errno.ENOENT,
                kernel="No such file or directory",
                subject={"namespace": name},
            )
        if self.mounts:
            with contextlib.suppress(OSError):
                sys_.umount(f"{FOLDER}/{name}", sys_.MNT_DETACH)
            os.unlink(f"{FOLDER}/{name}")
        self._forget(name)
        self._stamp = self._folder_stamp()
        self.scan()

    def attach(self, name: str, pid: int) -> None:
        """``ip netns attach NAME PID``: give a name to the namespace of a process; it may have one already.

        Raises
        ------
        CommandFailed, KernelRefused
            In iproute2's words: the name exists or cannot be one, or there is no such process.
        """
        self._check_new(name)
        path = f"{FOLDER}/{name}"
        if self.mounts and os.path.lexists(path):
            raise _exists(name)
        try:
            fd = self.pidfd_ns(pid)
        except OSError:
            words = os.strerror(errno.ENOENT)
            raise KernelRefused(
                f"Bind /proc/{pid}/ns/net -> {_SPELLED}/{name} failed: {words}", errno=errno.ENOENT, kernel=words
            ) from None
        if self.mounts:
            self._share_folder()
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
            _mount_namespace(fd, path)
            self._stamp = self._folder_stamp()
        self._named(name, fd)
        self.scan()

    def hold(self, name: str) -> int:
        """Make an unnamed namespace that the agent keeps (the outside of a world), shown as ``(name)``."""
        fd = self.make()
        self._know(f"({name})", Entry(fd, os.fstat(fd).st_ino, named=False, held=True))
        return fd

    def _share_folder(self) -> None:
        """Make /run/netns a shared mount, as iproute2 does, so that mounts reach namespaces of ``ip netns exec`` too."""
        if self.many and self._shared:
            return
        self._shared = self.many
        os.makedirs(FOLDER, 0o755, exist_ok=True)
        try:
            sys_.mount("", FOLDER, "none", sys_.MS_SHARED | sys_.MS_REC)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            sys_.mount(FOLDER, FOLDER, "none", sys_.MS_BIND | sys_.MS_REC)
            sys_.mount("", FOLDER, "none", sys_.MS_SHARED | sys_.MS_REC)


def _exists(name: str) -> KernelRefused:
    return KernelRefused(
        f'Cannot create namespace file "{_SPELLED}/{name}": File exists',
        errno=errno.EEXIST,
        kernel="File exists",
        subject={"namespace": name},
    )


def _mount_namespace(fd: int, path: str) -> None:
    with proc.proc_folder():
        sys_.mount(f"self/fd/{fd}", path, "", sys_.MS_BIND)
