"""Kernel parameters (``/proc/sys``) as procps' ``sysctl`` reads, writes and words them.

Called when the process is *in* the network namespace meant: the kernel shows each thread its own ``/proc/sys/net``. Names are
in the form of ``commands/sysctl.py``: dots between the parts, a slash for a dot inside one (``net.ipv4.conf.eth0/100.rp_filter``).

As with the tool, one bad name does not keep the others from being read or written; the refusal comes at the end and its
``subject`` holds what was done: ``rows`` or ``written``.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nsmagic.commands.sysctl_names import canonical, path
from nsmagic.errors import CommandFailed, KernelRefused

ROOT = "/proc/sys"
#: Far more than there is: a lab has some 1500 parameters, and 60 more for each interface.
_MOST_ROWS = 100_000
_MOST_BYTES = 1 << 16
_MOST_FILE = 1 << 20

#: Old names of what has a better one beside it; the tool does not list them.
_DEPRECATED = frozenset({"base_reachable_time", "retrans_time"})
_GLOB = frozenset("*?[")
_UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)
_REG_EXTENDED, _REG_NOSUB = 1, 8


#: Sets a parameter by another way; its new value, or None.
Instead = Callable[[str, str], str | None]


class _Troubles:
    """What went wrong so far, in the tool's words, to be raised at the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.first = 0
        self.key = ""

    def add(self, words: str, number: int = 0, key: str = "") -> None:
        self.lines.append(f"sysctl: {words}")
        if number and not self.first:
            self.first, self.key = number, key

    def settle(self, **done: Any) -> None:
        """Raise when there was trouble; ``done`` is what succeeded all the same."""
        if self.first:
            raise KernelRefused(
                "\n".join(self.lines),
                errno=self.first,
                kernel=os.strerror(self.first),
                subject={"key": self.key, **done},
            )
        if self.lines:
            raise CommandFailed("\n".join(self.lines), command="sysctl")


def read(args: Mapping[str, Any]) -> list[list[str]]:
    """Values: ``[[name, value], …]``.

    ``args`` has ``names`` (each a parameter or a folder of them), ``pattern`` (an extended regular expression over all
    names) or ``all``; with ``ignore``, names that are not there are passed over.

    Raises
    ------
    KernelRefused
        ``sysctl: cannot stat /proc/sys/net/foo: No such file or directory``, and the like.
    CommandFailed
        A pattern that is none.

    >>> read({"names": ["kernel.ostype"]})
    [['kernel.ostype', 'Linux']]
    """
    if "names" not in args:
        names = _matching(args["pattern"], _below("")) if "pattern" in args else _below("")
        return [[name, value] for name in names if (value := _value(name)) is not None]
    troubles, rows = _Troubles(), []
    for name in args["names"]:
        try:
            folder = stat.S_ISDIR(os.stat(_place(name)).st_mode)
        except (OSError, ValueError) as error:
            if not (args.get("ignore") and getattr(error, "errno", 0) == errno.ENOENT):
                _cannot_stat(troubles, name, error)
            continue
        for each in _below(name) if folder else (name,):
            value = _value(each, troubles)
            if value is not None:
                rows.append([each, value])
    troubles.settle(rows=rows)
    return rows


def write(
    assignments: Sequence[Sequence[str]], *, ignore: bool = False, instead: Instead | None = None
) -> list[list[str]]:
    """Set parameters, in order: ``[[name, old, new], …]``, where ``new`` is what the kernel made of the value.

    ``instead(name, value)`` is asked when a file may not be written: it sets the parameter otherwise and returns its new value,
    or None when it cannot.

    Raises
    ------
    KernelRefused
        ``sysctl: setting key "net.ipv4.ip_forward": Invalid argument``, and the like; the others are set.
    """
    troubles = _Troubles()
    written = [
        done for name, value in assignments if (done := _set(name, value, troubles, ignore, instead)) is not None
    ]
    troubles.settle(written=written)
    return written


def load(files: Sequence[str], *, ignore: bool = False, instead: Instead | None = None) -> list[list[str]]:
    """``sysctl -p FILE…``: the assignments of files, then as :func:`write`.

    A name may be a pattern as in a shell (``net.ipv4.conf.*.rp_filter``); it spares what a line of its own sets and what
    a line ``-name`` leaves out.

    Raises
    ------
    KernelRefused
        A file cannot be read, or as :func:`write`.
    CommandFailed
        A line is no assignment; the others are done.
    """
    troubles = _Troubles()
    entries: list[tuple[str, str]] = []
    spared: set[str] = set()
    for file in files:
        for number, line in enumerate(_file_lines(file, troubles), 1):
            text = line.strip()
            if not text or text[0] in "#;":
                continue
            key, equals, value = text.removeprefix("-").partition("=")
            name = canonical(key.strip())
            if not equals and text[0] == "-":
                spared.add(name or "")
            elif not equals:
                troubles.add(f"{file}({number}): invalid syntax, continuing...")
            else:
                entries.append((name if name is not None else key.strip(), value.strip()))
                spared.add(name or "")
    written = []
    for name, value in entries:
        names = [name]
        if _GLOB & set(name):
            found = sorted(glob.glob(f"{ROOT}/{path(name)}"))[:_MOST_ROWS]
            names = [each for at in found if (each := _name_of(at)) not in spared]
        elif canonical(name) is None:
            troubles.add(f"Path is not under {ROOT}/: {ROOT}/{path(name)}")
            continue
        for each in names:
            done = _set(each, value, troubles, ignore, instead)
            if done is not None:
                written.append(done)
    troubles.settle(written=written)
    return written


def lines(rows: Sequence[Sequence[str]], *, values_only: bool = False, names_only: bool = False) -> list[str]:
    """The lines that the tool prints for ``[name, …, value]``.

    >>> lines([["net.ipv4.ip_forward", "1"]]), lines([["a.b", "1\\n2"]]), lines([["a.b", "1"]], values_only=True)
    (['net.ipv4.ip_forward = 1'], ['a.b = 1', 'a.b = 2'], ['1'])
    """
    if names_only:
        return [row[0] for row in rows]
    return [part if values_only else f"{row[0]} = {part}" for row in rows for part in row[-1].split("\n")]


def _place(name: str) -> str:
    """Where a parameter lies; raises FileNotFoundError for a name that would lead elsewhere."""
    place = f"{ROOT}/{path(name)}"
    if ".." in place.split("/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return place


def _name_of(place: str) -> str:
    return place.removeprefix(ROOT + "/").translate(str.maketrans("./", "/."))


def _below(folder: str) -> Iterator[str]:
    """The names of all parameters in a folder and its folders, sorted as the tool shows them."""
    waiting = [f"{ROOT}/{path(folder)}".rstrip("/")]
    count = 0
    while waiting and count < _MOST_ROWS:
        at = waiting.pop()
        try:
            with os.scandir(at) as entries:
                inside = sorted(entries, key=lambda entry: os.fsencode(entry.name), reverse=True)
        except NotADirectoryError:
            count += 1
            yield _name_of(at)
        except OSError:
            continue  # an interface that went while we looked, or a folder of another owner
        else:
            waiting.extend(entry.path for entry in inside if entry.name not in _DEPRECATED)


def _value(name: str, troubles: _Troubles | None = None) -> str | None:
    """The value of one parameter; None when it cannot be read, which the tool passes over or complains about."""
    place = f"{ROOT}/{path(name)}"
    try:
        if not os.stat(place).st_mode & stat.S_IRUSR:
            return None  # only to be written, as net.ipv4.route.flush
        with open(place, "rb", buffering=0) as file:
            return file.read(_MOST_BYTES).decode(errors="replace").removesuffix("\n")
    except PermissionError as error:
        if troubles is not None:
            troubles.add(f"permission denied on key '{name}'", error.errno or errno.EACCES, name)
    except OSError as error:
        # EIO is how IPv6 says that its stable secret is not set.
        if troubles is not None and error.errno != errno.EIO:
            troubles.add(f'reading key "{name}": {error.strerror}', error.errno or errno.EIO, name)
    return None


def _set(name: str, value: str, troubles: _Troubles, ignore: bool, instead: Instead | None = None) -> list[str] | None:
    """Write one parameter: ``[name, old, new]``, or None and a complaint."""
    try:
        place = _place(name)
        mode = os.stat(place).st_mode
    except (OSError, ValueError) as error:
        if not (ignore and getattr(error, "errno", 0) == errno.ENOENT):
            _cannot_stat(troubles, name, error)
        return None
    if stat.S_ISDIR(mode) or not mode & stat.S_IWUSR:
        troubles.add(f'setting key "{name}": {os.strerror(errno.EINVAL)}', errno.EINVAL, name)
        return None
    old = _value(name)
    try:
        fd = os.open(place, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, f"{value}\n".encode(errors="surrogateescape"))
        finally:
            os.close(fd)
    except OSError as error:
        number = error.errno or errno.EIO
        otherwise = instead(name, value) if instead is not None and number in _UNWRITABLE else None
        if otherwise is not None:
            return [name, old if old is not None else "", otherwise]
        if number == errno.EACCES:
            troubles.add(f'permission denied on key "{name}"', number, name)
        else:
            troubles.add(f'setting key "{name}": {error.strerror}', number, name)
        return None
    new = _value(name)
    return [name, old if old is not None else "", new if new is not None else value]


def _cannot_stat(troubles: _Troubles, name: str, error: Exception) -> None:
    # A name with a NUL is no name to Python, which raises a ValueError.
    number = getattr(error, "errno", None) or errno.ENOENT
    troubles.add(f"cannot stat {ROOT}/{path(name)}: {os.strerror(number)}", number, name)


def _file_lines(file: str, troubles: _Troubles) -> list[str]:
    try:
        with open(file, "rb") as opened:
            return opened.read(_MOST_FILE).decode(errors="surrogateescape").splitlines()
    except IsADirectoryError:
        return []
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or errno.ENOENT
        troubles.add(f'cannot open "{file}": {os.strerror(number)}', number, file)
        return []


def _matching(pattern: str, names: Iterator[str]) -> Iterator[str]:
    """The names in which an extended regular expression is found, matched by the C library as in the tool.

    Python's own matcher goes back and tries again; a pattern like ``(a+)+`` would keep the agent busy for ever. The C
    library's does not, as long as there are no counts (which it writes out in memory) and no references back.
    """
    if (
        "{" in pattern
        or any(f"\\{digit}" in pattern for digit in range(1, 10))
        or len(pattern) > 200
        or "\0" in pattern
    ):
        raise CommandFailed(
            f"sysctl: pattern {pattern!r} is not read: no counts in braces, no references back, at most 200 characters",
            command="sysctl",
        )
    libc = ctypes.CDLL(None)
    # regex_t: 64 bytes in glibc, 56 in musl.
    compiled = ctypes.create_string_buffer(256)
    code = libc.regcomp(compiled, pattern.encode(errors="replace"), _REG_EXTENDED | _REG_NOSUB)
    if code:
        words = ctypes.create_string_buffer(256)
        libc.regerror(code, compiled, words, ctypes.c_size_t(256))
        raise CommandFailed(f"sysctl: {pattern}: {words.value.decode(errors='replace')}", command="sysctl")
    try:
        for name in names:
            if libc.regexec(compiled, name.encode(errors="surrogateescape"), ctypes.c_size_t(0), None, 0) == 0:
                yield name
    finally:
        libc.regfree(compiled)
