"""The files a lab sees: a new root on a tmpfs, binds of the machine's files read-only, the notebook's folder writable.

Everything is built beside the old root, then ``pivot_root`` and the old root is detached, so that nothing lies underneath
that an ``umount`` inside could uncover. It is done twice, on both sides of making the lab's user namespace:

- ``show()`` before: what of the machine is in sight at all, read-only, without its sockets. The kernel locks these mounts when
  the lab's user namespace gets its copy: in there no ``mount -o remount,rw`` and no ``umount`` has an effect on them. (Tried:
  with one pass, root of the lab made the binds writable again, and with them all that the user owns.)
- ``build()`` inside: the lab's own /proc, /sys, /dev, /etc, /run and /tmp around binds of those.

Every mount carries the source name ``nsmagic-ID``, by which a test finds what would be left behind (nothing).
Standard library only: the launcher runs this before any other folder is on its path.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nsmagic import syscalls as sys_

#: Top folders that are made new or left out; everything else of the machine's root is bound.
_OWN = {
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "etc",
    "var",
    "root",
    "mnt",
    "media",
    "boot",
    "lost+found",
    "efi",
    ".etc",
    ".sys",
}
#: What real root leaves visible for the plain user that it becomes (Debian's /lib*, /bin are links or folders).
_FEW = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix", "gnu"}
#: From this uid on accounts are people's, and ``nobody``'s.
_NOBODY = 65534
_FIRST_PERSON = 1000
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\thost\n"
# Nothing outside is ever asked: with no server behind it, this address refuses at once instead of waiting.
_RESOLV = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
_NSSWITCH = (
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n"
)


class StepFailed(Exception):
    """A step of making the sandbox failed: ``step`` names it, ``errno`` is the kernel's number."""

    def __init__(self, step: str, error: OSError, words: str = "") -> None:
        super().__init__(f"{step}: {error.strerror}")
        self.step, self.errno, self.words = step, error.errno or 0, words or str(error)


@contextlib.contextmanager
def step(name: str) -> Any:
    """Name the step, so that a refusal says where it happened."""
    try:
        yield
    except OSError as error:
        raise StepFailed(name, error) from error


def show(lab_id: str, config: Mapping[str, Any], *, few: bool) -> None:
    """The first pass: move to a root in which only what the lab may see is left.

    Parameters
    ----------
    lab_id
        Eight letters that name this lab's mounts.
    config
        ``readonly``: folders to show in any case (Python, nsmagic, pyroute2); ``writable``: the notebook's folder or "";
        ``hidden``: folders to show empty.
    few
        Done by real root, before it becomes a plain user: only system folders and those named. Otherwise by a plain user: all
        that he may read.
    """
    sockets = _sockets()
    with _new_root(f"nsmagic-{lab_id}", sys_.MS_PRIVATE if few else sys_.MS_SLAVE), step("bind the machine's files"):
        _bind_top(_FEW if few else None)
        # Where we are in a lab or a jail already, the machine's own /etc is at /.etc.
        etc = ("etc", ".etc") if os.path.isdir("/old/.etc") else ("etc",)
        for name in ("proc", "sys", "dev", *etc):
            os.mkdir(f"/new/{name}", 0o755)
            sys_.mount(f"/old/{name}", f"/new/{name}", "", sys_.MS_BIND | sys_.MS_REC)
        for name in etc:
            sys_.make_readonly(f"/new/{name}")
        # The second pass starts on it; a folder that is shown may lie in it already.
        os.makedirs("/new/tmp", exist_ok=True)
        _bind_named(config)
    with step("bind the machine's files"):
        _hide(sockets, config)


def build(lab_id: str, config: Mapping[str, Any]) -> list[str]:
    """The second pass, by pid 1 inside the lab's namespaces: make the lab's root and move into it.

    Returns
    -------
    list of str
        What could not be had, in words (``/sys: Operation not permitted``); the lab works without it.
    """
    tag = f"nsmagic-{lab_id}"
    missing: list[str] = []
    with _new_root(tag, sys_.MS_SLAVE):
        with step("bind the machine's files"):
            _bind_top(None)
        _devices(tag)
        missing += _kernel_files(tag)
        _etc()
        if config["kind"] == "vm":
            _choose_legacy()
        _scratch(tag)
        # Bound after /tmp and the like are there: Python, nsmagic or the notebook may lie in one of them.
        with step("bind the machine's files"):
            _bind_named(config)
    return missing


@contextlib.contextmanager
def _new_root(tag: str, propagation: int) -> Iterator[None]:
    """Within the block the old root is at /old and the new one is made at /new; after it the new one is all there is."""
    with step("mount propagation"):
        sys_.mount("none", "/", "", sys_.MS_REC | propagation)
    with step("mount tmpfs"):
        sys_.mount(tag, "/tmp", "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, "size=4m,nr_inodes=4096,mode=755")
    os.mkdir("/tmp/old", 0o755)
    os.mkdir("/tmp/new", 0o755)
    with step("pivot_root"):
        sys_.pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    with step("mount tmpfs"):
        sys_.mount(tag, "/new", "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, "size=16m,nr_inodes=8192,mode=755")
    yield
    os.chdir("/new")
    with step("pivot_root"):
        sys_.pivot_root(".", ".")
        sys_.umount(".", sys_.MNT_DETACH)
    os.chdir("/")


def _bind_named(config: Mapping[str, Any]) -> None:
    for folder in config["readonly"]:
        _bind(folder, readonly=True)
    if config["writable"]:
        _bind(config["writable"], readonly=False)


def _sockets() -> list[str]:
    """The paths of the Unix sockets of the machine (Docker's, an ssh agent's …), as far as the kernel tells them."""
    try:
        with open("/proc/net/unix", errors="surrogateescape") as file:
            paths = [line.rstrip("\n").split(maxsplit=7)[7:] for line in file]
    except OSError:
        return []
    return sorted({path[0] for path in paths if path and path[0].startswith("/")})


def _hide(sockets: Iterable[str], config: Mapping[str, Any]) -> None:
    """Cover sockets and folders of the machine that are in sight: a read-only file system does not keep one from connecting,
    and who can talk to Docker can change the machine's network."""
    for path in sockets:
        with contextlib.suppress(OSError):  # of another mount namespace, gone, or not in sight
            if stat.S_ISSOCK(os.stat(path).st_mode):
                sys_.mount("/dev/null", path, "", sys_.MS_BIND)
    shown = [config["writable"], *config["readonly"], "/usr"]
    for folder in config.get("hidden", ()):
        with contextlib.suppress(OSError):
            # Never a folder in which something lies that the lab needs.
            if os.path.isdir(folder) and not any(f"{each}/".startswith(f"{folder.rstrip('/')}/") for each in shown):
                flags = sys_.MS_RDONLY | sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC
                sys_.mount(f"nsmagic-{config['lab']}", folder, "tmpfs", flags, "size=4k,nr_inodes=2,mode=755")


def _bind_top(only: Iterable[str] | None) -> None:
    for name in sorted(os.listdir("/old")):
        if (only is None and name in _OWN) or (only is not None and name not in only):
            continue
        old, new = f"/old/{name}", f"/new/{name}"
        mode = os.lstat(old).st_mode
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(old), new)
        elif stat.S_ISDIR(mode):
            os.mkdir(new, 0o755)
            try:
                sys_.mount(old, new, "", sys_.MS_BIND | sys_.MS_REC)
                sys_.make_readonly(new)
            except OSError:
                # A folder that this user may not bind (or a dead network mount) stays an empty folder.
                if name in _FEW:
                    raise


def _bind(folder: str, *, readonly: bool) -> None:
    """Show one folder of the machine at its own path; a folder that is gone or unreadable is left out."""
    old, new = "/old" + folder, "/new" + folder
    if not os.path.isdir(old):
        return
    os.makedirs(new, 0o755, exist_ok=True)
    if readonly and os.path.samestat(os.stat(old), os.stat(new)):
        return  # visible already, through a parent
    sys_.mount(old, new, "", sys_.MS_BIND | sys_.MS_REC)
    if readonly:
        sys_.make_readonly(new)


def _devices(tag: str) -> None:
    os.mkdir("/new/dev", 0o755)
    with step("bind devices"):
        for name in _DEVICES:
            if os.path.exists(f"/old/dev/{name}"):
                _bind_file(f"/old/dev/{name}", f"/new/dev/{name}")
        if os.path.exists("/old/dev/net/tun"):
            os.mkdir("/new/dev/net")
            _bind_file("/old/dev/net/tun", "/new/dev/net/tun")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"/new/dev/{name}")
    os.mkdir("/new/dev/pts")
    os.mkdir("/new/dev/shm")
    with step("mount devpts"):
        sys_.mount(tag, "/new/dev/pts", "devpts", sys_.MS_NOSUID | sys_.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", "/new/dev/ptmx")
    with step("mount tmpfs"):
        sys_.mount(tag, "/new/dev/shm", "tmpfs", sys_.MS_NOSUID | sys_.MS_NODEV, "size=16m,nr_inodes=1024,mode=1777")


def _bind_file(source: str, target: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    sys_.mount(source, target, "", sys_.MS_BIND)


def _kernel_files(tag: str) -> list[str]:
    missing = []
    os.mkdir("/new/proc", 0o555)
    os.mkdir("/new/sys", 0o555)
    os.mkdir("/new/.sys", 0o555)
    flags = sys_.MS_NOSUID | sys_.MS_NODEV | sys_.MS_NOEXEC
    for fstype, target in (("proc", "/new/proc"), ("sysfs", "/new/sys")):
        try:
            sys_.mount(tag, target, fstype, flags)
        except OSError as error:
            # Masked paths (Docker, Kubernetes). The lab works, and the status says what it lacks.
            missing.append(f"{target[4:]} of its own: {error.strerror}")
            if fstype == "proc":
                # Then the one in sight: without any, no namespace can be named and no command ended. The agent reads in it
                # only what is below itself. Not so /sys, which would show the machine's interfaces.
                with contextlib.suppress(OSError):
                    sys_.mount("/old/proc", target, "", sys_.MS_BIND | sys_.MS_REC)
    # `ip netns exec` and `ip -n` take /sys away before they mount the namespace's own, and the kernel mounts a sysfs without
    # real root only where another one is in sight.
    sys_.mount("/new/sys", "/new/.sys", "", sys_.MS_BIND)
    return missing


def _etc() -> None:
    """A tmpfs /etc: links to the machine's files beside a few of our own, so that hosts, resolv.conf, netns/ and the
    names of routing tables can be written.

    The machine's /etc is bound at /.etc: at the same depth, relative links inside it keep their meaning.
    """
    os.mkdir("/new/.etc", 0o755)
    os.mkdir("/new/etc", 0o755)
    with step("bind the machine's files"):
        # In a jail's /etc the links lead to /.etc, and would lead in a circle here.
        machines = "/old/.etc" if os.path.isdir("/old/.etc") else "/old/etc"
        sys_.mount(machines, "/new/.etc", "", sys_.MS_BIND | sys_.MS_REC)
        sys_.make_readonly("/new/.etc")
    own = {
        "hosts": _HOSTS, "resolv.conf": _RESOLV, "nsswitch.conf": _NSSWITCH, "hostname": "host\n", "sysctl.conf": "",
    }  # fmt: skip
    for name, of in (("passwd", accounts), ("group", groups)):
        with contextlib.suppress(OSError), open(f"/new/.etc/{name}", errors="surrogateescape") as file:
            own[name] = of(file.read())
    for name in os.listdir("/new/.etc"):
        if name in own or name in ("netns", "mtab", "sysctl.d", "iproute2"):
            continue
        os.symlink(_target(f"/new/.etc/{name}", f"/.etc/{name}"), f"/new/etc/{name}")
    _table_names()
    for name, text in own.items():
        with open(f"/new/etc/{name}", "w", errors="surrogateescape") as file:
            file.write(text)
    os.mkdir("/new/etc/netns", 0o755)
    os.mkdir("/new/etc/sysctl.d", 0o755)
    os.symlink("/proc/self/mounts", "/new/etc/mtab")


def _table_names() -> None:
    """``/etc/iproute2`` with an ``rt_tables`` and ``rt_tables.d`` of the lab's own: who routes by policy gives the tables names first,
    with ``echo "200 custom" >> /etc/iproute2/rt_tables``. Since iproute2 6.7 the file as shipped is in /usr/share."""
    theirs, ours = "/new/.etc/iproute2", "/new/etc/iproute2"
    os.makedirs(f"{ours}/rt_tables.d", 0o755)
    text = ""
    for path in (f"{theirs}/rt_tables", "/new/usr/share/iproute2/rt_tables"):
        with contextlib.suppress(OSError), open(path, errors="surrogateescape") as file:
            text = file.read()
            break
    with open(f"{ours}/rt_tables", "w", errors="surrogateescape") as file:
        file.write(text)
    for folder in ("", "rt_tables.d/"):
        with contextlib.suppress(OSError):
            for name in os.listdir(f"{theirs}/{folder}"):
                if name not in ("rt_tables", "rt_tables.d"):
                    path = f"iproute2/{folder}{name}"
                    os.symlink(_target(f"/new/.etc/{path}", f"/.etc/{path}"), f"/new/etc/{path}")


def _choose_legacy() -> None:
    """In the virtual machine, whose kernel has no nftables for IPv4, ``iptables`` is iptables-legacy: the choice that
    ``update-alternatives`` makes on Debian and Ubuntu, made in the lab's /etc."""
    theirs, ours = "/new/.etc/alternatives", "/new/etc/alternatives"
    if not os.path.isdir(theirs):
        return
    os.remove(ours)
    os.mkdir(ours, 0o755)
    for name in os.listdir(theirs):
        target = _target(f"{theirs}/{name}", f"/.etc/alternatives/{name}")
        legacy = target.replace("tables-nft", "tables-legacy")
        os.symlink(legacy if legacy != target and os.path.exists(f"/new{legacy}") else target, f"{ours}/{name}")


def _target(path: str, other: str) -> str:
    """Where a link leads; ``other`` for what is none."""
    try:
        return os.readlink(path)
    except OSError:
        return other


def _of_service(number: str) -> bool:
    """Whether this is the uid or gid of a service; ``nobody`` serves whoever has none of its own."""
    return number.isdigit() and (0 < int(number) < _FIRST_PERSON or int(number) == _NOBODY)


def accounts(passwd: str) -> str:
    """The lab's list of accounts: those of services have the one uid and gid that there are in a lab.

    A program that root starts and that goes on as a user of its own (tcpdump, dnsmasq) then goes on as root of the lab.

    >>> accounts("root:x:0:0::/root:/bin/sh\\ntcpdump:x:102:109::/:/bin/false\\nann:x:1000:1000::/home/ann:/bin/sh\\n").split()[1]
    'tcpdump:x:0:0::/:/bin/false'
    """
    lines = []
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) > 3 and _of_service(fields[2]):
            fields[2:4] = "0", "0"
        lines.append(":".join(fields) + "\n")
    return "".join(lines)


def groups(group: str) -> str:
    """The lab's list of groups, likewise: dnsmasq goes on as group ``dip``, unless that is what it has already.

    >>> groups("root:x:0:\\ndip:x:30:ann\\nann:x:1000:\\nnogroup:x:65534:\\n").split()
    ['root:x:0:', 'dip:x:0:ann', 'ann:x:1000:', 'nogroup:x:0:']
    """
    lines = []
    for line in group.splitlines():
        fields = line.split(":")
        if len(fields) > 2 and _of_service(fields[2]):
            fields[2] = "0"
        lines.append(":".join(fields) + "\n")
    return "".join(lines)


def _scratch(tag: str) -> None:
    for name, mode in (
        ("run", 0o755),
        ("tmp", 0o1777),
        ("var", 0o755),
        ("root", 0o700),
        ("mnt", 0o755),
        ("media", 0o755),
    ):
        path = f"/new/{name}"
        if not os.path.isdir(path):
            os.mkdir(path)
        os.chmod(path, mode)
    flags = sys_.MS_NOSUID | sys_.MS_NODEV
    with step("mount tmpfs"):
        sys_.mount(tag, "/new/run", "tmpfs", flags, "size=16m,nr_inodes=2048,mode=755")
        sys_.mount(tag, "/new/tmp", "tmpfs", flags, "size=64m,nr_inodes=8192,mode=1777")
    os.mkdir("/new/run/lock", 0o1777)
    for name in ("cache", "lib", "lib/misc", "log", "spool", "tmp"):
        os.makedirs(f"/new/var/{name}", 0o755, exist_ok=True)
    os.symlink("/run", "/new/var/run")
    os.symlink("/run/lock", "/new/var/lock")
