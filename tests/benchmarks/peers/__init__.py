"""What a user could take instead of nsmagic. Each peer is a script beside this file that builds and prints its seconds.

Packages that nsmagic itself does not need live in an environment of the benchmarks' own, made by ``run.py --install-peers``;
a peer that is not there is named in the output with the reason.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.place import Absent, environment, folder

HOW = "run.py --install-peers"
#: From PyPI into the benchmarks' own environment.
_PACKAGES = ("mininet", "nest", "munet", "json2netns")
#: From Debian, unpacked into the benchmarks' folder: Mininet's helper in C, and plotnetcfg.
_DEBIAN = ("mininet", "plotnetcfg")

_HERE = Path(__file__).resolve().parent


def python() -> str:
    """The Python of the peers' own environment."""
    return str(folder() / "venv" / "bin" / "python")


@dataclass(frozen=True)
class Peer:
    """A peer that builds. ``module``: what must be installed in the peers' environment (none: it runs with ours, or is bash).
    ``programs``: what it needs on the PATH. ``few``: N → how many rounds it gets when it is slow; 0 is none.
    """

    script: str
    module: str = ""
    programs: tuple[str, ...] = ()
    few: Mapping[int, int] = field(default_factory=dict)

    def rounds(self, count: int) -> int:
        """In how many rounds it takes part with so many namespaces."""
        return self.few.get(count, 1000)

    def command(self, count: int) -> list[str]:
        """The command that builds.

        Raises
        ------
        Absent
            It is not installed.
        """
        path = str(_HERE / self.script)
        for program in self.programs:
            if shutil.which(program, path=environment()["PATH"]) is None:
                raise Absent(f"{program} is not installed ({HOW})")
        if self.script.endswith(".sh"):
            return ["bash", path, str(count)]
        if not self.module:
            return [sys.executable, path, str(count)]
        if not any((folder() / "venv").glob(f"lib/python*/site-packages/{self.module}")):
            raise Absent(f"{self.module} is not installed ({HOW})")
        return [python(), path, str(count)]


BUILDS: dict[str, Peer] = {
    "ip -batch": Peer("ip_batch.sh"),
    "bash, ip -n": Peer("ip_n.sh"),
    "bash, ip netns exec": Peer("netns_exec.sh", few={10: 3, 100: 2}),
    "pyroute2, as documented": Peer("pyroute2_docs.py", few={100: 3}),
    "pyroute2 NDB": Peer("pyroute2_ndb.py", few={10: 2, 100: 0}),
    "Mininet, LinuxBridge": Peer("mininet_bridge.py", "mininet", ("mnexec", "brctl", "ifconfig"), few={10: 3, 100: 2}),
    "json2netns and ip -batch": Peer("json2netns_and_batch.py", "json2netns", few={10: 2, 100: 1}),
    "NeST": Peer("nest_switch.py", "nest", few={10: 2, 100: 1}),
    "munet": Peer("munet_network.py", "munet", few={10: 1, 100: 0}),
}


def install() -> list[str]:
    """Fetch the peers into the benchmarks' folder; what could not be had, a line for each."""
    failed = []
    target = folder() / "venv"
    if not Path(python()).exists():
        venv.create(target, with_pip=True)
    for package in _PACKAGES:
        done = subprocess.run([python(), "-m", "pip", "install", "-q", package], capture_output=True, text=True)
        if done.returncode:
            failed.append(f"{package}: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")
    for package in _DEBIAN:
        if shutil.which("apt-get") is None:
            failed.append(f"{package}: no apt-get here; put its programs into {folder() / 'debian' / 'usr' / 'bin'}")
            continue
        done = subprocess.run(["apt-get", "download", "-q", package], capture_output=True, text=True, cwd=folder())
        for archive in folder().glob(f"{package}_*.deb"):
            done = subprocess.run(
                ["dpkg-deb", "-x", str(archive), str(folder() / "debian")], capture_output=True, text=True
            )
            archive.unlink()
        if done.returncode:
            failed.append(f"{package}: {(done.stderr.strip().splitlines() or ['apt-get failed'])[-1]}")
    return failed
