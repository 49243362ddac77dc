"""What only the long runs need: the extra ``long`` of pyproject.toml. A long run installs of it what it misses, so that its one line is enough."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def wanted(name: str) -> str:
    """What pyproject.toml asks for under that name.

    >>> wanted("jupyterhub").startswith("jupyterhub>=")
    True
    """
    extra = tomllib.loads(_PROJECT.read_text())["project"]["optional-dependencies"]["long"]
    [line] = [each for each in extra if re.split(r"[^\w-]", each)[0] == name]
    return str(line)


def install(*names: str) -> None:
    """Put these packages into the environment that runs the tests, where they are not in it yet."""
    missing = [wanted(name) for name in names if not _there(name)]
    if missing:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *missing],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, f"this needs {', '.join(missing)}, and pip says: {done.stderr[-500:]}"
        importlib.invalidate_caches()


def _there(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
