"""The programs that lessons start in a lab, the package that has each on three families of Linux, and their installation.

nsmagic does the plain commands of ``ip``, ``ping`` and their kin itself; these programs are for the rest (``iptables``, ``curl``,
``tcpdump`` …) and for forms that its grammar does not know. ``install`` is run by ``nsmagic doctor --install`` and by nothing else.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nsmagic.agent.process import executable
from nsmagic.errors import NsmagicError
from nsmagic.sentences import say as sentence

Packages = Mapping[str, tuple[str, str, str]]
#: Program → packages of Debian and Ubuntu, of Fedora, of Alpine.
PACKAGES: dict[str, tuple[str, str, str]] = {
    "ip": ("iproute2", "iproute", "iproute2"),
    "bridge": ("iproute2", "iproute", "iproute2"),
    "ss": ("iproute2", "iproute", "iproute2-ss"),
    "tc": ("iproute2", "iproute-tc", "iproute2-tc"),
    "ping": ("iputils-ping", "iputils", "iputils-ping"),
    "arp": ("net-tools", "net-tools", "net-tools"),
    "ifconfig": ("net-tools", "net-tools", "net-tools"),
    "route": ("net-tools", "net-tools", "net-tools"),
    "brctl": ("bridge-utils", "bridge-utils", "bridge-utils"),
    "sysctl": ("procps", "procps-ng", "procps"),
    "ps": ("procps", "procps-ng", "procps"),
    "iptables": ("iptables", "iptables-nft", "iptables"),
    "nft": ("nftables", "nftables", "nftables"),
    "conntrack": ("conntrack", "conntrack-tools", "conntrack-tools"),
    "tcpdump": ("tcpdump", "tcpdump", "tcpdump"),
    "curl": ("curl", "curl", "curl"),
    "nc": ("netcat-openbsd", "nmap-ncat", "netcat-openbsd"),
    "bash": ("bash", "bash", "bash"),
    "python3": ("python3", "python3", "python3"),
    "traceroute": ("traceroute", "traceroute", "traceroute"),
    "dig": ("bind9-dnsutils", "bind-utils", "bind-tools"),
}
if platform.machine() in ("x86_64", "i686"):
    # For the kind vm, where a machine gives no namespaces: the kernel, which there is for these processors only, and its loader.
    PACKAGES |= {"linux.uml": ("user-mode-linux", "", ""), "modprobe": ("kmod", "kmod", "kmod")}

#: Seconds that one command of a package manager may take.
PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A program: where it is in the lab (``""``: nowhere) and the packages that have it."""

    name: str
    path: str
    debian: str
    fedora: str
    alpine: str


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: its program, how packages are installed, how its lists are fetched, which column of the table is its."""

    program: str
    install: tuple[str, ...]
    update: tuple[str, ...]
    column: int


MANAGERS = (
    Manager(
        "apt-get",
        ("apt-get", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", "install"),
        ("apt-get", "-o", "DPkg::Lock::Timeout=120", "update"),
        0,
    ),
    Manager("dnf", ("dnf", "-y", "--setopt=install_weak_deps=False", "install"), ("dnf", "-y", "makecache"), 1),
    Manager("apk", ("apk", "add", "--no-progress"), ("apk", "update"), 2),
)


def tools(which: Callable[[str], str | None] = executable, table: Packages = PACKAGES) -> tuple[Tool, ...]:
    """The programs, as the lab would find them."""
    return tuple(Tool(name, which(name) or "", *packages) for name, packages in table.items())


def manager(which: Callable[[str], str | None] = shutil.which) -> Manager:
    """This machine's package manager.

    Raises
    ------
    NsmagicError
        None of the three is there.
    """
    for each in MANAGERS:
        if which(each.program):
            return each
    raise NsmagicError(
        "there is no apt-get, dnf or apk here, so nothing can be installed",
        hint=sentence("own-manager", packages=" ".join(dict.fromkeys(p[0] for p in PACKAGES.values()))),
    )


def missing_packages(found: Sequence[Tool], column: int) -> list[str]:
    """The packages to install, each once, in the table's order; what a system has no package of is left out.

    >>> missing_packages([Tool("ip", "/usr/sbin/ip", "a", "b", "c"), Tool("nc", "", "n1", "n2", "n3")], 1)
    ['n2']
    """
    packages = [(tool.debian, tool.fedora, tool.alpine)[column] for tool in found if not tool.path]
    return [each for each in dict.fromkeys(packages) if each]


def install(say: Callable[[str], object] = print, find: Callable[[], Sequence[Tool]] | None = None) -> None:
    """Install what is missing (``find`` says what there should be: the programs of the lessons), with ``sudo`` where we are not root;
    its output goes to ours as it comes.

    Raises
    ------
    NsmagicError
        No package manager, no rights, or it failed or took too long; the message has the command to type by hand.
    """
    find = find or tools
    chosen = manager()
    packages = missing_packages(find(), chosen.column)
    if not packages:
        say("nothing to install: every program is there")
        return
    prefix = _rights()
    command = [*prefix, *chosen.install, *packages]
    by_hand = shlex.join([*(["sudo"] if os.geteuid() != 0 else []), chosen.program, *_verb(chosen), *packages])
    say(f"installing {' '.join(packages)} with {chosen.program}")
    # The first try fails at once where the lists of packages were never fetched (a fresh container); then they are, once.
    if _run(command, say) != 0 and (_run([*prefix, *chosen.update], say) != 0 or _run(command, say) != 0):
        raise NsmagicError(
            f"{chosen.program} could not install {' '.join(packages)}", hint=sentence("by-hand", command=by_hand)
        )
    still = missing_packages(find(), chosen.column)
    if still:
        raise NsmagicError(f"installed, but still not found: {' '.join(still)}", hint=sentence("doctor-looks"))
    say("installed")


def _verb(chosen: Manager) -> tuple[str, ...]:
    return ("add",) if chosen.program == "apk" else ("install",)


def _rights() -> list[str]:
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        raise NsmagicError("installing needs root, and there is no sudo here", hint=sentence("doctor-root"))
    # Where nobody can type a password, sudo must say so and not wait for one.
    waits = sys.stdin is not None and sys.stdin.isatty()
    # sudo drops the environment, so what must reach the package manager is set behind it.
    return ["sudo", *([] if waits else ["-n"]), "env", "DEBIAN_FRONTEND=noninteractive"]


def _run(command: Sequence[str], say: Callable[[str], object]) -> int:
    say("+ " + shlex.join(command))
    sys.stdout.flush()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=environment)
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        raise NsmagicError(f"{shlex.join(command)} took longer than {PATIENCE:g} s and was ended") from None
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # SIGTERM first, which sudo hands on: a package manager that is killed leaves its lock and half a package.
    process.terminate()
    try:
        process.wait(20.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
