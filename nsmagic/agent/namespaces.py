"""The lab's network namespaces: made, named, found, given up. What ``netlink/apply.py`` asks when it needs one.

A named namespace is a bind mount in /run/netns as iproute2 makes it (``netns_add`` in iproute2's ip/ipnetns.c), so that the
real tools and we agree; where nothing can be mounted (rootless-nomount) it is a descriptor that the agent holds.
Namespaces that somebody else made (``ip netns add`` in a script, ``unshare``) are found by looking at /run/netns and at the
processes of the lab. An unnamed one is kept open only while a process lives in it: a descriptor of ours would pin it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import time
from collections.abc import Callable, Iterator, Sequence

from nsmagic import syscalls as sys_
from nsmagic.agent import proc
from nsmagic.agent.gate import Gate
from nsmagic.agent.loop import Loop
from nsmagic.agent.nursery import Nursery
from nsmagic.errors import CommandFailed, KernelRefused, LimitReached, NamespaceNotFound
from nsmagic.names import HOST
from nsmagic.netlink import lookup
from nsmagic.netlink.follow import Ready
from nsmagic.netlink.monitor import Monitor
from nsmagic.netlink.socket import RouteSocket
from nsmagic.sentences import say

# Python's own: ``hashlib`` brings a library of 5 MB, and asks it anew each time which one it has.
try:
    from _sha256 import sha256  # type: ignore[import-not-found]  # until 3.11
except ImportError:
    from _sha2 import sha256  # type: ignore[import-not-found]

FOLDER = "/run/netns"
#: How iproute2 spells the folder in its messages.
_SPELLED = "/var/run/netns"
#: Seconds that the kernel may take to free a namespace.
_FREEING = 2.0
#: Fewer namespaces than this are made one by one, when they are asked for.
_MANY = 32


class Entry:
    """A namespace we know: its descriptor, inode, whether it has a name, who lives in it, and whether we hold it on purpose.

    ``further`` says that this is not its first name; the monitor knows it by that."""

    def __init__(
        self,
        fd: int,
        inode: int,
        *,
        named: bool = True,
        held: bool = False,
        pids: tuple[int, ...] = (),
        further: bool = False,
    ) -> None:
        self.fd, self.inode, self.named, self.held, self.pids, self.further = fd, inode, named, held, pids, further


class Namespaces:
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
        self.monitor = monitor
        self.home = home
        self.mounts = mounts
        self._seed = seed
        self._prepare = list(prepare)
        self._used: dict[tuple[str, str], int] = {}
        self._next_index = 2
        self._stamp = (0, 0)
        self._unnamed = 0
        self._prepared: set[int] = set()
        self._freed = float("-inf")
        self.entries: dict[str, Entry] = {HOST: Entry(home, os.fstat(home).st_ino)}
        #: Many are made in a row: the folder need not be looked after each time.
        self.many = False
        self._nursery: Nursery | None = None
        self._more = False
        self._shared = False
        #: Called when a namespace came, went or has another name.
        self.listeners: list[Callable[[], None]] = []
        monitor.attach(HOST, home)

    # What apply() needs.

    def socket(self, ns: str) -> RouteSocket:
        """The kept rtnetlink socket of a namespace."""
        return self.monitor.socket(self.first_name(ns))

    def nsfd(self, name: str) -> int:
        """The descriptor of a namespace.

        Raises
        ------
        NamespaceNotFound
            In iproute2's words.
        """
        entry = self.entries.get(name)
        if entry is None:
            self.scan()
            entry = self.entries.get(name)
        if entry is None:
            raise NamespaceNotFound(
                f'Cannot open network namespace "{name}": No such file or directory', name=name, known=self.names()
            )
        return entry.fd

    def first_name(self, name: str) -> str:
        """The name by which the tables call a namespace: ``ip netns attach`` can give it several.

        Raises
        ------
        NamespaceNotFound
            In iproute2's words.
        """
        self.nsfd(name)
        entry = self.entries[name]
        return self.name_of_inode(entry.inode) if entry.further else name

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

    def names(self) -> list[str]:
        """The names, sorted; ``host`` and unnamed ones left out."""
        return sorted(name for name, entry in self.entries.items() if entry.named and name != HOST)

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

    def _born(self) -> tuple[int, Ready | None]:
        """A new network namespace, not entered: its descriptor, and what was got ready of it in advance."""
        newborn = self._nursery.take() if self._nursery is not None else None
        if newborn is None:
            return self.make(), None
        if self._prepare:
            with self.inside(newborn.fd):
                for write in self._prepare:
                    write(False)
        return newborn

    def make(self) -> int:
        """A new network namespace, not entered: its descriptor."""
        try:
            self._unshare()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise LimitReached(
                    "Failed to create a new network namespace: No space left on device",
                    limit="namespaces",
                    hint=say("limit-namespaces"),
                ) from None
            raise
        try:
            for write in self._prepare:
                write(False)
            return sys_.current_netns()
        finally:
            sys_.setns(self.home, sys_.CLONE_NEWNET)

    @contextlib.contextmanager
    def in_advance(self, count: int, expected: int, *, more: bool) -> Iterator[None]:
        """So many will be made now at most, and ``expected`` in all, with what follows (``more``: something does): a few are made in
        advance, beside other work. 0: each when it is asked for, since settings that it takes may change meanwhile. Of few it is not
        worth it, nor on one processor."""
        if not count:
            self.end_nursery()
        elif self._nursery is None and expected >= _MANY and len(os.sched_getaffinity(0)) > 1:
            with contextlib.suppress(OSError):  # there may be no more processes
                self._nursery = Nursery(self.home, self.monitor.hidden)
        if self._nursery is not None:
            self._nursery.want(count)
        self.many = True
        try:
            yield
        finally:
            self.many, self._more = False, more

    def rest(self) -> None:
        """Nothing is to be done; if more was announced, it is on its way."""
        if not self._more:
            self.end_nursery()
        self._more = False

    def end_nursery(self) -> None:
        """None are made in advance any more."""
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()

    def _unshare(self) -> None:
        """Make a namespace and be in it. One that was deleted a moment ago counts until the kernel's work queue has freed it,
        which it tells nobody: then it is tried again for a while."""
        while True:
            try:
                return sys_.unshare(sys_.CLONE_NEWNET)
            except OSError as error:
                if error.errno != errno.ENOSPC or time.monotonic() > self._freed + _FREEING:
                    raise
            select.poll().poll(5)

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

    def name_of_inode(self, inode: int) -> str:
        """The name of a namespace by its inode, the first if it has several; ``""`` when we do not know it."""
        names = [name for name, entry in self.entries.items() if entry.inode == inode]
        return next((name for name in names if not self.entries[name].further), names[0] if names else "")

    # Looking around

    def scan(self) -> None:
        """Find the namespaces that others made or removed."""
        self.end_nursery()  # it lives in what nobody has a name for yet
        living = self._living()
        if self.mounts:
            stamp = self._folder_stamp()
            if stamp != self._stamp:
                self._stamp = stamp if self._scan_folder() else (0, 0)
        known = {entry.inode for entry in self.entries.values()}
        for name, entry in list(self.entries.items()):
            pids = living.get(entry.inode)
            entry.pids = tuple(sorted(pids)) if pids else ()
            if not entry.named and not entry.held and not entry.pids:
                self._forget(name)
        for inode, pids in sorted(living.items()):
            if inode not in known:
                outer = next(iter(pids.values()))
                with contextlib.suppress(OSError):  # it may have ended meanwhile
                    fd = os.open(f"/proc/{outer}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                    self._unnamed += 1
                    self._know(f"(unnamed-{self._unnamed})", Entry(fd, inode, named=False, pids=tuple(sorted(pids))))

    def guard(self, loop: Loop) -> Gate | None:
        """Where new namespaces have to be prepared, prepare those that scripts make before anybody enters them; where no sysfs can be
        had, let scripts enter them all the same."""
        before, no_sysfs = self._prepare_new if self._prepare else None, not os.path.isdir("/sys/class/net")
        return Gate(loop, before, no_sysfs=no_sysfs) if self.mounts and (before or no_sysfs) else None

    def _prepare_new(self) -> None:
        """Nothing but the defaults, since somebody waits; what else there is to know is found by ``scan``."""
        device = os.fstat(self.home).st_dev
        there = set()
        try:
            present = os.listdir(FOLDER)
        except FileNotFoundError:
            return  # nobody has made a name yet
        for name in set(present) - self.entries.keys():
            with contextlib.suppress(OSError):  # it may be gone
                fd = os.open(f"{FOLDER}/{name}", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    info = os.fstat(fd)
                    if info.st_dev == device:
                        there.add(info.st_ino)
                        if info.st_ino not in self._prepared and not self.name_of_inode(info.st_ino):
                            self._prepare_found(fd)
                finally:
                    os.close(fd)
        self._prepared = there

    def _prepare_found(self, fd: int) -> None:
        """In a namespace that somebody else made, and who may have set things in it already."""
        with self.inside(fd):
            for write in self._prepare:
                write(True)

    def _living(self) -> dict[int, dict[int, int]]:
        """Inode of a namespace → the lab's processes in it (pid → its number in /proc)."""
        found: dict[int, dict[int, int]] = {}
        for each in proc.processes().values():
            with contextlib.suppress(OSError):  # it may end while we look
                found.setdefault(os.stat(f"/proc/{each.entry}/ns/net").st_ino, {})[each.pid] = each.entry
        return found

    def _scan_folder(self) -> bool:
        """Read /run/netns; False when something there was only half made and has to be looked at again."""
        complete = True
        try:
            present = os.listdir(FOLDER)
        except FileNotFoundError:
            present = []
        device = os.fstat(self.home).st_dev
        found = set()
        news: list[tuple[int, str]] = []
        for name in reversed(present):  # a folder in memory lists what is youngest first (libfs.c)
            try:
                info = os.stat(f"{FOLDER}/{name}")
            except OSError:
                continue  # gone, or a link to the namespace of a process that is
            found.add(name)
            if info.st_dev != device or not stat.S_ISREG(info.st_mode):
                complete = False  # the file is there, its mount not yet
                continue
            entry = self.entries.get(name)
            if entry is not None and entry.inode == info.st_ino:
                continue
            if entry is not None:
                self._forget(name)
            news.append((info.st_ctime_ns, name))
        # In the order in which they were made, as their changes are told.
        for _, name in sorted(news, key=lambda each: each[0]):
            with contextlib.suppress(FileNotFoundError):  # gone since
                self._named(name, os.open(f"{FOLDER}/{name}", os.O_RDONLY | os.O_CLOEXEC))
        for name in self.names():
            if name not in found:
                self._forget(name)
        return complete

    def _named(self, name: str, fd: int) -> None:
        """Somebody has given a name to a namespace: to a new one, or to one that we know."""
        inode = os.fstat(fd).st_ino
        known = self.name_of_inode(inode)
        if known and not self.entries[known].named:
            os.close(fd)
            self.entries[name] = self.entries.pop(known)
            self.entries[name].named = True
            self.monitor.rename(known, name)
            self._tell()
            return
        if self._prepare and not known and inode not in self._prepared:
            self._prepare_found(fd)
        self._know(name, Entry(fd, inode, further=bool(known)))

    @contextlib.contextmanager
    def inside(self, fd: int) -> Iterator[None]:
        """Be in a namespace for a moment."""
        sys_.setns(fd, sys_.CLONE_NEWNET)
        try:
            yield
        finally:
            sys_.setns(self.home, sys_.CLONE_NEWNET)

    def _folder_stamp(self) -> tuple[int, int]:
        try:
            info = os.stat(FOLDER)
        except OSError:
            return (0, 1)
        return (info.st_mtime_ns, info.st_ino)

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

    def _know(self, name: str, entry: Entry, *, fresh: bool = False, ready: Ready | None = None) -> None:
        try:
            if not entry.further:
                self.monitor.attach(name, entry.fd, named=entry.named, fresh=fresh, ready=ready)
        except BaseException:
            os.close(entry.fd)
            raise
        self.entries[name] = entry
        self._tell()

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()

    def _forget(self, name: str) -> None:
        entry = self.entries.pop(name)
        os.close(entry.fd)
        if entry.further:
            return
        heir = self.name_of_inode(entry.inode)
        if heir:
            self.entries[heir].further = False
            self.monitor.rename(name, heir)
        else:
            self.monitor.detach(name)
            self._freed = time.monotonic()
        self._tell()


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
