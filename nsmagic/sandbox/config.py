"""What a lab is told when it starts: which files it sees, where the agent's code is, its seed and its limits."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsmagic import sentences
from nsmagic.agent.limits import complete
from nsmagic.errors import LabError, NsmagicError
from nsmagic.sandbox import vm
from nsmagic.sandbox.causes import UBUNTU_SWITCH, Read, read_text
from nsmagic.sentences import say

KINDS = ("rootless", "rootless-nomount", "vm", "host")

#: Folders that the lab must not get writable, even when a notebook was started there.
_NEVER_WRITABLE = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
_TOO_WIDE = ("/", "/home", "/opt", "/root", "/srv", "/tmp", "/var", "/var/tmp", "/mnt", "/media")

PACKAGE = Path(__file__).resolve().parent.parent


#: The whole environment of launcher and trial: nothing of the notebook's own can reach the lab.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}


def start_command(program: str, read: Read = read_text) -> tuple[list[str], dict[str, str]]:
    """How a program of ours is started: its words and its environment.

    By this Python; but where Ubuntu's AppArmor restricts user namespaces, as a script by its own path: AppArmor finds a profile
    by the path that is executed, so only then can an administrator allow the launcher and not every Python program.
    """
    folder = os.path.dirname(sys.executable)
    plain = [sys.executable, "-I", "-S", program], dict(_ENVIRONMENT)
    if read(UBUNTU_SWITCH).strip() != "1" or not os.access(program, os.X_OK):
        return plain
    # The script's first line asks for "python3", which must be this very Python.
    if os.path.realpath(os.path.join(folder, "python3")) != os.path.realpath(sys.executable):
        return plain
    return [program], {**_ENVIRONMENT, "PATH": f"{folder}:{_ENVIRONMENT['PATH']}"}


def launcher() -> str:
    """The launcher's absolute path."""
    return str(PACKAGE / "agent" / "launcher.py")


def make(kind: str, *, seed: int, limits: Mapping[str, int], folder: str | None = None) -> dict[str, Any]:
    """The configuration of a lab of one kind; ``folder`` is the notebook's (default: the current one).

    Raises
    ------
    LabError
        A limit that is none, or pyroute2 is missing.
    SandboxUnavailable
        The kind ``vm`` without a kernel for it.
    """
    try:
        bounds = complete({**_limits_of_this_place(), **limits})
    except ValueError as error:
        raise LabError(str(error)) from None
    cwd = os.path.realpath(folder) if folder is not None else current_folder()
    code = [str(PACKAGE.parent), _folder_of("pyroute2")]
    machine = {"vm": vm.settings(bounds["lab_memory"])} if kind == "vm" else {}
    python = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    return {
        "kind": kind,
        "lab": secrets.token_hex(4),
        "seed": seed,
        "limits": bounds,
        "path": code,
        "readonly": sorted({os.path.realpath(each) for each in python} | {*python, *code}),
        "writable": cwd if writable(cwd) else "",
        "hidden": [_jupyter_runtime()],
        "cwd": cwd or "/",
        "sentences": sentences.translated(),
        **machine,
    }


def _limits_of_this_place(environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The defaults that whoever runs the machine set for everybody: ``NSMAGIC_LIMITS="processes=256 namespaces=64"``.

    >>> _limits_of_this_place({"NSMAGIC_LIMITS": "processes=256 namespaces=64"})
    {'processes': 256, 'namespaces': 64}

    Raises
    ------
    ValueError
        It cannot be read.
    """
    found = {}
    for word in environment.get("NSMAGIC_LIMITS", "").replace(",", " ").split():
        name, _, number = word.partition("=")
        if not number.isdigit():
            raise ValueError(f"NSMAGIC_LIMITS: {word!r} is not NAME=NUMBER")
        found[name] = int(number)
    return found


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


def _jupyter_runtime() -> str:
    """Where Jupyter keeps the keys of running kernels and servers: with them one could act on the machine from a lab."""
    data = os.environ.get("JUPYTER_DATA_DIR") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "jupyter"
    )
    return os.path.realpath(os.environ.get("JUPYTER_RUNTIME_DIR") or os.path.join(data, "runtime"))


def _folder_of(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise NsmagicError(f"{package} is not installed", hint=say("install-whole"))
    return str(Path(spec.origin).resolve().parent.parent)
