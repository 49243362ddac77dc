"""What a lab is told when it starts: which files it sees, where the agent's code is, its seed and its limits."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsmagic.agent.limits import complete
from nsmagic.errors import LabError, NsmagicError

KINDS = ("rootless", "rootless-nomount", "host")

#: Folders that the lab must not get writable, even when a notebook was started there.
_NEVER_WRITABLE = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
_TOO_WIDE = ("/", "/home", "/opt", "/root", "/srv", "/tmp", "/var", "/var/tmp", "/mnt", "/media")

PACKAGE = Path(__file__).resolve().parent.parent


def launcher() -> str:
    """The launcher's absolute path."""
    return str(PACKAGE / "agent" / "launcher.py")


def make(kind: str, *, seed: int, limits: Mapping[str, int], folder: str | None = None) -> dict[str, Any]:
    """The configuration of a lab of one kind; ``folder`` is the notebook's (default: the current one).

    Raises
    ------
    LabError
        A limit that is none, or pyroute2 is missing.
    """
    try:
        bounds = complete(limits)
    except ValueError as error:
        raise LabError(str(error)) from None
    cwd = folder if folder is not None else current_folder()
    code = [str(PACKAGE.parent), _folder_of("pyroute2")]
    python = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    return {
        "kind": kind,
        "lab": secrets.token_hex(4),
        "seed": seed,
        "limits": bounds,
        "path": code,
        "readonly": sorted({os.path.realpath(each) for each in python} | {*python, *code}),
        "writable": cwd if writable(cwd) else "",
        "cwd": cwd or "/",
    }


def current_folder() -> str:
    """The folder of the notebook; ``""`` when it was deleted under us."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def writable(folder: str) -> bool:
    """Whether the lab may write in this folder of the machine.

    >>> writable("/home/ann/course"), writable("/"), writable("/etc/x")
    (True, False, False)
    """
    if not folder or folder in _TOO_WIDE:
        return False
    return not any(folder == top or folder.startswith(top + "/") for top in _NEVER_WRITABLE)


def _folder_of(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise NsmagicError(f"{package} is not installed", hint="pip install nsmagic, with its dependencies")
    return str(Path(spec.origin).resolve().parent.parent)
