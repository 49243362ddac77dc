"""The agent's code in one file (``agent/pack.py``): where it lies, and that it is made anew when the code is another.

In the user's cache, or root's under /var/cache, as the plain user whom root becomes for a lab has to read it. Whoever may not write there
has none, and labs start as they do without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
#: Seconds that making it may take.
_PATIENCE = 60.0


def file(environment: Mapping[str, str] = os.environ, package: Path = PACKAGE) -> str:
    """The file, made when there is none that fits; "" where none can be."""
    stamp = _stamp(package)
    # One for each copy of nsmagic and each Python: two that take turns do not make it again and again.
    whose = hashlib.sha256(os.fsencode(f"{package}\0{sys.executable}")).hexdigest()[:12]
    name = f"agent-{whose}.pack"
    for folder in _folders(environment):
        path = folder / name
        if _fits(path, stamp):
            return str(path)
    for folder in _folders(environment):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _make(folder / name, stamp, package)
            return str(folder / name)
    return ""


def _folders(environment: Mapping[str, str]) -> list[Path]:
    base = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    system = [Path("/var/cache")] if os.geteuid() == 0 and "XDG_CACHE_HOME" not in environment else []
    return [each / "nsmagic" for each in (*system, Path(base))]


def _stamp(package: Path) -> str:
    """Of what it is made: this Python, and each file of ours with its size and time."""
    files = [
        f"{path.relative_to(package)} {status.st_size} {status.st_mtime_ns}"
        for folder in ("", "agent", "commands", "firewall", "netlink")
        for path in sorted((package / folder).glob("*.py"))
        for status in [path.stat()]
    ]
    return hashlib.sha256("\n".join([sys.version, *files]).encode()).hexdigest()


def _fits(path: Path, stamp: str) -> bool:
    """Whether it is ours, nobody else could write it, and it says that it is made of what is here."""
    with contextlib.suppress(OSError), open(path, "rb") as opened:
        status = os.fstat(opened.fileno())
        ours = status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return ours and opened.readline(100).decode(errors="replace") == stamp + "\n"
    return False


def _make(path: Path, stamp: str, package: Path) -> None:
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir()
        path.parent.chmod(0o755)  # root's plain user reads in it, whatever root's umask is
    with tempfile.TemporaryDirectory(prefix="pack-", dir=path.parent) as name:
        made = Path(name) / "pack"
        subprocess.run(
            [sys.executable, "-I", "-S", "-B", str(package / "agent" / "pack.py"), str(made), stamp],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=True, cwd="/",
        )  # fmt: skip
        made.chmod(0o644)
        made.replace(path)
