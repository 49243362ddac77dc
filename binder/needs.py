"""Install what the tests need of the system: the programs of the lessons, a compiler, Graphviz and a browser without a window.

Run by ``binder/test`` with the Python that has nsmagic. Debian and Fedora have Chromium as a package; Ubuntu's is a snap, so there Chrome
is taken when it is installed, and else the build that Playwright downloads.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from nsmagic.agent.process import executable
from nsmagic.errors import NsmagicError
from nsmagic.sandbox import tools

#: Program, or a file, → packages of Debian and Ubuntu, of Fedora, of Alpine.
NEEDED: dict[str, tuple[str, str, str]] = {
    "gcc": ("gcc", "gcc", "gcc"),
    "/usr/include/stdio.h": ("libc6-dev", "glibc-devel", "musl-dev"),
    "dot": ("graphviz", "graphviz", "graphviz"),
    "setpriv": ("util-linux", "util-linux", "setpriv"),
    # Playwright's own program wants it, and a bare Debian has it not.
    "libatomic.so.1": ("libatomic1", "libatomic", "libatomic"),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGE = {"chromium": ("chromium", "chromium", "chromium")}


def find() -> tuple[tools.Tool, ...]:
    """What there should be, found or not."""
    table = {**tools.PACKAGES, **NEEDED, **({} if browser() or ubuntu() else _PACKAGE)}
    return tools.tools(which, table)


def which(name: str) -> str | None:
    """Where a program, a file or a library is."""
    if ".so." in name:
        try:
            ctypes.CDLL(name)
        except OSError:
            return None
        return name
    return name if name.startswith("/") and os.path.exists(name) else executable(name)


def browser() -> str:
    """The browser for the tests, or ``""``."""
    found = os.environ.get("NSMAGIC_CHROMIUM") or next((path for path in map(executable, BROWSERS) if path), "")
    if found:
        return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next((str(path) for path in sorted(cache.glob("chromium-*/chrome-linux*/chrome"))), "")


def ubuntu() -> bool:
    """Whether Chromium's package would be a snap."""
    try:
        return "ID=ubuntu" in Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return False


def main() -> int:
    """Install; exit status 1 with the reason when something is still missing."""
    try:
        tools.install(find=find)
    except NsmagicError as error:
        print(error.render(), file=sys.stderr)
        return 1
    if not browser():
        words = [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]
        return subprocess.run(words, stdin=subprocess.DEVNULL).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
