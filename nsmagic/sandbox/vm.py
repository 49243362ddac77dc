"""The kernel of the kind ``vm``: found on this machine, or fetched into the user's cache without root.

It is Debian's package ``user-mode-linux`` (Linux as an ordinary program, and its modules), which Ubuntu has too. In order: the file
that ``NSMAGIC_UML`` names, what ``nsmagic vm install`` unpacked, the program ``linux.uml`` of the machine.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nsmagic.errors import NsmagicError, SandboxUnavailable
from nsmagic.sandbox import packed
from nsmagic.sentences import say as sentence

PACKAGE = "user-mode-linux"
#: Where the modules lie in the package, one folder for each version.
_MODULES = "usr/lib/uml/modules"
_KERNEL = "usr/bin/linux.uml"
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb")
#: Seconds that fetching or unpacking may take.
_PATIENCE = 600.0
#: Less memory than that and the kernel does not boot.
_LEAST = 96 << 20

#: The step that fails where there is no kernel for it.
STEP = "kernel of the virtual machine"

Run = Callable[[Sequence[str], Path], str]


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder into which ``install`` unpacks."""
    base = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "nsmagic" / "uml"


def find(environment: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """The kernel and the folder of its modules; None when there is none here.

    >>> find({"NSMAGIC_UML": "/nowhere", "XDG_CACHE_HOME": "/nowhere"}) is None
    True
    """
    named = environment.get("NSMAGIC_UML")
    if named:
        return (named, _modules_of(Path(named))) if os.access(named, os.X_OK) else None
    unpacked = cache(environment) / _KERNEL
    if os.access(unpacked, os.X_OK):
        return str(unpacked), _modules_of(unpacked)
    from nsmagic.agent.process import executable  # Linux only, and this module is read on any system

    found = executable("linux.uml")
    return (found, _modules_of(Path(found))) if found else None


def _modules_of(kernel: Path) -> str:
    beside = kernel.resolve().parent.parent.parent / _MODULES
    return str(beside if beside.is_dir() else Path("/") / _MODULES)


def settings(memory: int, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What the launcher has to know to boot: the kernel, its modules, its memory in bytes and folders to hold that.

    Raises
    ------
    SandboxUnavailable
        There is no kernel for it here.
    """
    found = find(environment)
    if found is None:
        named = environment.get("NSMAGIC_UML")
        words = f"NSMAGIC_UML={named}: no such program" if named else "there is no User Mode Linux here"
        raise SandboxUnavailable(words, kind="vm", step=STEP, errno=2, hint="nsmagic vm install")
    kernel, modules = found
    folders = [environment.get("TMPDIR", ""), "/dev/shm", "/tmp", "/var/tmp", str(cache(environment).parent)]
    return {
        "kernel": kernel,
        "modules": modules,
        "pack": packed.file(environment),
        "memory": max(memory, _LEAST),
        "folders": [folder for folder in folders if os.path.isdir(folder)],
    }


def can_install() -> bool:
    """Whether ``install`` has a chance here: Debian's tools, and a processor that User Mode Linux is made for."""
    return platform.machine() == "x86_64" and all(map(shutil.which, _TOOLS))


def install(say: Callable[[str], object] = print, run: Run | None = None) -> Path:
    """Fetch the distribution's package and unpack it into the user's cache, without root; the kernel's path.

    The package comes through ``apt-get download``, so from the machine's own sources of packages, whose lists are fetched where there
    are none; what came must have the SHA-256 that those signed lists give for it.

    Raises
    ------
    NsmagicError
        Not a Debian or Ubuntu, no such package, or the file is not the one that the lists name.
    """
    run = run or _run
    for tool in _TOOLS:
        if not shutil.which(tool):
            raise NsmagicError(
                f"there is no {tool} here, so Debian's package {PACKAGE} cannot be fetched",
                hint=sentence("uml-own", machine=platform.machine()),
            )
    target = cache()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="uml-", dir=target.parent) as name:
        folder = Path(name)
        show = ["apt-cache", "--no-all-versions", "show", PACKAGE]
        own: list[str] = []
        try:
            fields = _newest(run(show, folder))
        except NsmagicError:
            # The image of a container has no lists of packages: those of the machine's sources, fetched for us alone.
            (folder / "lists/partial").mkdir(parents=True)
            own = [f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}", "-oDebug::NoLocking=1"]
            say("fetching the lists of packages")
            run(["apt-get", "-q", *own, "update"], folder)
            fields = _newest(run([show[0], *own, *show[1:]], folder))
        say(f"fetching {PACKAGE} {fields['Version']} ({int(fields['Size']) >> 20} MiB)")
        run(["apt-get", "-q", *own, "download", f"{PACKAGE}={fields['Version']}"], folder)
        fetched = next(folder.glob("*.deb"), None)
        if fetched is None:
            raise NsmagicError(f"apt-get fetched no {PACKAGE}", hint=sentence("apt-again"))
        with open(fetched, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != fields["SHA256"]:
            raise NsmagicError(
                f"{fetched.name} is not what the lists of packages name: its SHA-256 is {found}, not {fields['SHA256']}",
                hint=sentence("apt-again-unpacked"),
            )
        run(["dpkg-deb", "--extract", str(fetched), "unpacked"], folder)
        _trim(folder / "unpacked")
        if target.exists():
            target.rename(folder / "before")
        (folder / "unpacked").rename(target)
    say(f"installed in {target}")
    return target / _KERNEL


def _newest(shown: str) -> dict[str, str]:
    """The fields of the first paragraph of ``apt-cache show``.

    >>> _newest("Package: x\\nVersion: 1\\nSize: 10\\nSHA256: ab\\n\\nPackage: y\\n")["SHA256"]
    'ab'
    """
    fields = {}
    for line in shown.strip().partition("\n\n")[0].splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            fields[name] = value
    if not {"Version", "Size", "SHA256"} <= set(fields):
        raise NsmagicError(
            f"the lists of packages here have no {PACKAGE}",
            hint=sentence("apt-universe"),
        )
    return fields


def _trim(unpacked: Path) -> None:
    """Leave out what no lab loads: most of its 105 MiB are drivers of disks and file systems."""
    for folder in (unpacked / _MODULES).glob("*/kernel"):
        for name in ("sound", "drivers/md", "drivers/scsi", "drivers/target", "drivers/mtd", "drivers/iio"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for each in (folder / "fs").glob("*"):
            if each.name not in ("overlayfs", "fuse", "configfs"):
                shutil.rmtree(each, ignore_errors=True)


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NsmagicError(f"{command[0]}: {error}") from None
    if done.returncode:
        words = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise NsmagicError(f"{command[0]}: {words}", hint=sentence("apt-again"))
    return done.stdout
