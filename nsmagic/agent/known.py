"""The namespaces that are known: by name, by inode, by who lives in them; and those that others made, which are found.

Namespaces that somebody else made (``ip netns add`` in a script, ``unshare``) are found by looking at /run/netns and at the
processes of the lab. An unnamed one is kept open only while a process lives in it: a descriptor of ours would pin it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Sequence

from nsmagic.agent import proc
from nsmagic.agent.gate import Gate
from nsmagic.agent.loop import Loop
from nsmagic.agent.maker import Maker
from nsmagic.errors import NamespaceNotFound
from nsmagic.names import HOST
from nsmagic.netlink.follow import Ready
from nsmagic.netlink.monitor import Monitor

FOLDER = "/run/netns"


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


class Known(Maker):
    """What is known of the lab's namespaces; the monitor follows each of them."""

    def __init__(
        self, monitor: Monitor, home: int, *, mounts: bool, prepare: Sequence[Callable[[bool], object]]
    ) -> None:
        super().__init__(monitor, home, prepare)
        self.mounts = mounts
        self._stamp = (0, 0)
        self._unnamed = 0
        self._prepared: set[int] = set()
        self.entries: dict[str, Entry] = {HOST: Entry(home, os.fstat(home).st_ino)}
        #: Called when a namespace came, went or has another name.
        self.listeners: list[Callable[[], None]] = []
        monitor.attach(HOST, home)

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

    def names(self) -> list[str]:
        """The names, sorted; ``host`` and unnamed ones left out."""
        return sorted(name for name, entry in self.entries.items() if entry.named and name != HOST)

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

    def _folder_stamp(self) -> tuple[int, int]:
        try:
            info = os.stat(FOLDER)
        except OSError:
            return (0, 1)
        return (info.st_mtime_ns, info.st_ino)

    # Its settings, when somebody else made it

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

    # What is known

    def _know(self, name: str, entry: Entry, *, fresh: bool = False, ready: Ready | None = None) -> None:
        try:
            if not entry.further:
                self.monitor.attach(name, entry.fd, named=entry.named, fresh=fresh, ready=ready)
        except BaseException:
            os.close(entry.fd)
            raise
        self.entries[name] = entry
        self._tell()

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

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()
