"""What a user could take instead of nsmagic. Each peer is a script beside this file that builds and prints its seconds.

Packages that nsmagic itself does not need live in an environment of the benchmarks' own, made by ``run.py --install-peers``;
a peer that is not there is named in the output with the reason.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.place import Absent, folder

_HERE = Path(__file__).resolve().parent


def python() -> str:
    """The Python of the peers' own environment."""
    return str(folder() / "venv" / "bin" / "python")


@dataclass(frozen=True)
class Peer:
    """A peer that builds. ``module``: what must be installed in the peers' environment (none: it runs with ours, or is bash).
    ``few``: N → how many rounds it gets when it is slow.
    """

    script: str
    module: str = ""
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
        if self.script.endswith(".sh"):
            return ["bash", path, str(count)]
        if not self.module:
            return [sys.executable, path, str(count)]
        if not any((folder() / "venv").glob(f"lib/python*/site-packages/{self.module}")):
            raise Absent(f"{self.module} is not installed (run.py --install-peers)")
        return [python(), path, str(count)]


BUILDS: dict[str, Peer] = {
    "ip -batch": Peer("ip_batch.sh"),
    "bash, ip -n": Peer("ip_n.sh"),
    "bash, ip netns exec": Peer("netns_exec.sh"),
    "pyroute2, as documented": Peer("pyroute2_docs.py"),
    "pyroute2 NDB": Peer("pyroute2_ndb.py", few={100: 1}),
}
