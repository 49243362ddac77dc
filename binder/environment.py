"""Make a Python environment for nsmagic: ``python3 environment.py FOLDER EXTRA…``; nothing to do costs nothing.

Debian and Ubuntu ship a Python that has ``venv`` but neither pip nor ``ensurepip``. So pip comes from the first of these that
works: ensurepip, virtualenv, the pip of this Python, Debian's wheels, the wheel of the package index that pip is set up for.
Standard library only, and no system package is needed.
"""

from __future__ import annotations

import configparser
import hashlib
import html.parser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
DEBIAN_WHEELS = Path("/usr/share/python-wheels")
#: Says in an environment what was installed there: the state of pyproject.toml, then the extras.
MARK = "nsmagic-installed"


class Failed(Exception):
    """A way to an environment that does not work here, in words."""


def main(argv: list[str]) -> int:
    """Make or complete the environment; exit status 1 with the one line that helps when nothing works."""
    folder, extras = Path(argv[1]), set(argv[2:])
    if current(folder, extras):
        return 0
    try:
        make(folder)
        install(folder, extras)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def current(folder: Path, extras: Iterable[str]) -> bool:
    """Whether the environment has this checkout with these extras already."""
    try:
        state, *installed = (folder / MARK).read_text().split()
    except (OSError, ValueError):
        return False
    return state == _state() and set(extras) <= set(installed) and works(folder)


def _state() -> str:
    return hashlib.sha256(f"{TOP}\n".encode() + (TOP / "pyproject.toml").read_bytes()).hexdigest()


def works(folder: Path) -> bool:
    """Whether there is an environment whose Python runs and has pip."""
    try:
        return subprocess.run([_python(folder), "-c", "import pip"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def make(folder: Path) -> None:
    """Make the environment, with pip in it, by the first way that works."""
    if works(folder):
        return
    said: list[str] = []
    for way in WAYS:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            way(folder)
        except (Failed, OSError) as failure:
            said.append(f"  {way.__name__}: {failure}")
            continue
        if works(folder):
            return
        said.append(f"  {way.__name__}: no working pip")
    shutil.rmtree(folder, ignore_errors=True)
    mend = "This mends it:  sudo apt-get install -y python3-venv"
    raise Failed("\n".join(["pip cannot be had for this Python:", *said, mend]))


def by_venv(folder: Path) -> None:
    """The ordinary way."""
    _run([sys.executable, "-m", "venv", str(folder)])


def by_virtualenv(folder: Path) -> None:
    """virtualenv, where it is installed."""
    _run([sys.executable, "-m", "virtualenv", str(folder)])


def by_own_pip(folder: Path) -> None:
    """This Python's pip (22.3 or later) installs another one in the environment."""
    _run([sys.executable, "-m", "pip", "--python", _bare(folder), "install", "--quiet", "pip"])


def by_debian_wheel(folder: Path) -> None:
    """The wheel that Debian's own packages keep for this."""
    wheels = sorted(DEBIAN_WHEELS.glob("pip-*.whl"))
    if not wheels:
        raise Failed(f"no pip in {DEBIAN_WHEELS}")
    _from_wheel(_bare(folder), wheels[-1])


def by_index(folder: Path) -> None:
    """The newest wheel of the package index, compared with the index's checksum."""
    python = _bare(folder)
    with tempfile.TemporaryDirectory(prefix="nsmagic-pip-") as scratch:
        _from_wheel(python, download(setting("index-url") or "https://pypi.org/simple", Path(scratch)))


def _bare(folder: Path) -> str:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    return _python(folder)


def _from_wheel(python: str, wheel: Path) -> None:
    # A wheel is a zip file, and Python runs a package inside one.
    _run([python, f"{wheel}/pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)])


def setting(name: str) -> str:
    """A setting of pip: from the environment, else from its configuration files (the user's before the machine's)."""
    said = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if said:
        return said
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    named = os.environ.get("PIP_CONFIG_FILE")
    places = [home / "pip/pip.conf", Path.home() / ".pip/pip.conf", Path("/etc/pip.conf")]
    for place in [Path(named), *places] if named else places:
        parser = configparser.RawConfigParser()
        parser.read(place)
        for section in ("install", "global"):
            if parser.has_option(section, name):
                return parser.get(section, name)
    return ""


class _Links(html.parser.HTMLParser):
    """The links of an index page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def newest(links: Iterable[str]) -> str:
    """The link to the newest final release of pip's wheel.

    >>> newest(["../pip-9.0-py3-none-any.whl#sha256=a", "../pip-26.3-py3-none-any.whl#sha256=b", "../pip-27.0b1-py3-none-any.whl"])
    '../pip-26.3-py3-none-any.whl#sha256=b'
    """
    wheels: list[tuple[tuple[int, ...], str]] = []
    for link in links:
        match = re.search(r"/pip-(\d+(?:\.\d+)*)-py3-none-any\.whl(?:#|$)", "/" + link)
        if match:
            wheels.append((tuple(int(number) for number in match.group(1).split(".")), link))
    if not wheels:
        raise Failed("the package index lists no wheel of pip")
    return max(wheels)[1]


def download(index: str, scratch: Path) -> Path:
    """Fetch pip's wheel from a package index."""
    if setting("cert"):
        os.environ.setdefault("SSL_CERT_FILE", setting("cert"))
    page = index.rstrip("/") + "/pip/" + ("index.html" if index.startswith("file:") else "")
    links = _Links()
    links.feed(_fetch(page).decode())
    address, _, fragment = urllib.parse.urljoin(page, newest(links.found)).partition("#")
    data = _fetch(address)
    name, _, wanted = fragment.partition("=")
    if name != "sha256" or hashlib.sha256(data).hexdigest() != wanted:
        raise Failed(f"{address} is not what the index describes")
    wheel = scratch / urllib.parse.unquote(address.rpartition("/")[2])
    wheel.write_bytes(data)
    return wheel


def _fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        data: bytes = answer.read()
    return data


def install(folder: Path, extras: set[str]) -> None:
    """Install the checkout, editable, with its extras and those that were there before."""
    mark = folder / MARK
    if mark.exists():
        extras |= set(mark.read_text().split()[1:])
        mark.unlink()
    wanted = f"{TOP}[{','.join(sorted(extras))}]"
    print(f"Installing nsmagic in {folder} (the first time takes a minute or two)", file=sys.stderr, flush=True)
    pip = [_python(folder), "-m", "pip", "--disable-pip-version-check"]
    if subprocess.run([*pip, "install", "--quiet", "--no-compile", "-e", wanted]).returncode:
        raise Failed("pip could not install nsmagic; its own words are above")
    compile_all(_python(folder), [TOP / "nsmagic", *folder.glob("lib/python3*/site-packages")])
    mark.write_text("\n".join([_state(), *sorted(extras)]) + "\n")


def compile_all(python: str, folders: Iterable[Path]) -> None:
    """Compile Python's files once, on all processors (pip takes one), for those who read them and can write nothing there: labs, and
    other users. What does not compile (examples for another Python) is left as it is, as pip leaves it."""
    words = [python, "-m", "compileall", "-q", "-j", "0", *map(str, folders)]
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = done.stdout.strip().splitlines()
        raise Failed(last[-1] if last else f"exit status {done.returncode}")


#: The ways to an environment, as a test tries them one by one.
WAYS: tuple[Callable[[Path], None], ...] = (by_venv, by_virtualenv, by_own_pip, by_debian_wheel, by_index)

if __name__ == "__main__":
    sys.exit(main(sys.argv))
