"""``nsmagic lab``: JupyterLab on the learner's own copy of the notebooks.

The copy is the learner's: what is there is never written over. ``--fresh`` lays new copies beside what they changed, which moves
into a folder with the date in its name.
"""

from __future__ import annotations

import datetime
import filecmp
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nsmagic.errors import NsmagicError
from nsmagic.sentences import say

PACKAGE = Path(__file__).resolve().parent.parent
#: The notebook that opens first.
FIRST = "00-tour.ipynb"
#: Where the copy lies when no folder is named.
DEFAULT = "~/nsmagic-notebooks"


def originals(package: Path = PACKAGE) -> Path:
    """The folder of the notebooks as they come: in an installed package, or in the checkout.

    Raises
    ------
    NsmagicError
        There is none.
    """
    for folder in (package / "_notebooks", package.parent / "notebooks"):
        if folder.is_dir():
            return folder
    raise NsmagicError("the notebooks are not installed", hint="pip install --force-reinstall nsmagic")


def files(folder: Path) -> Iterator[Path]:
    """What is copied: the files below a folder, by relative path; hidden ones and caches are not."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in parts):
            yield path.relative_to(folder)


def copy(source: Path, target: Path) -> list[Path]:
    """Copy what is not there yet; the relative paths of what was.

    Raises
    ------
    NsmagicError
        The folder cannot be written.
    """
    new = []
    try:
        for name in files(source):
            there = target / name
            if there.exists() or there.is_symlink():
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            # Beside it first: an interrupted copy must not pass for the learner's own file the next time.
            half = there.with_name(f".{there.name}.part")
            shutil.copyfile(source / name, half)
            os.rename(half, there)
            new.append(name)
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NsmagicError(f"{error.filename or target}: {error.strerror}", hint=say("folder-other")) from None
    return new


def set_aside(source: Path, target: Path, today: datetime.date) -> Path | None:
    """Move the copies that the learner changed into a folder of today's date; that folder, or None when nothing was changed."""
    changed = [
        name
        for name in files(source)
        if (target / name).is_file() and not filecmp.cmp(source / name, target / name, shallow=False)
    ]
    if not changed:
        return None
    kept = _unused(target / f"kept-{today.isoformat()}")
    try:
        for name in changed:
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            os.rename(target / name, kept / name)
    except OSError as error:
        raise NsmagicError(f"{error.filename or kept}: {error.strerror}") from None
    return kept


def _unused(path: Path) -> Path:
    number, candidate = 2, path
    while candidate.exists():
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate


def command(
    folder: Path, *, port: int | None, browser: bool, more: Sequence[str], environ: Mapping[str, str], root: bool
) -> tuple[list[str], dict[str, str]]:
    """The words and the environment that start JupyterLab.

    >>> command(Path("/x"), port=8899, browser=False, more=[], environ={}, root=False)[0][3:]
    ['--ServerApp.root_dir=/x', '--port=8899', '--no-browser']
    """
    words = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    if (folder / FIRST).is_file():
        words.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if port is not None:
        words.append(f"--port={port}")
    if not browser:
        words.append("--no-browser")
    if root:
        # Jupyter refuses root unless told so. A container's only user is often root, and a lab gives root's rights away first.
        words.append("--allow-root")
    # Of lower rank than the learner's own settings: only turns off the question about news at the first start.
    config = str(PACKAGE / "_jupyter")
    paths = [each for each in (environ.get("JUPYTER_CONFIG_PATH"), config) if each]
    return [*words, *more], {**environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def open_lab(folder: str | None, *, fresh: bool, port: int | None, browser: bool, more: Sequence[str]) -> int:
    """Copy the notebooks and become JupyterLab.

    Raises
    ------
    NsmagicError
        JupyterLab is missing, or the folder cannot be written.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise NsmagicError("JupyterLab is not installed", hint=f"{sys.executable} -m pip install 'nsmagic[lab]'")
    source = originals()
    target = Path(folder or DEFAULT).expanduser().absolute()
    if fresh:
        kept = set_aside(source, target, datetime.date.today())
        if kept is not None:
            print(f"what you changed is in {kept}")
    new = copy(source, target)
    print(f"notebooks: {target}" + (f" ({len(new)} new)" if new else ""), flush=True)
    words, environment = command(
        target, port=port, browser=browser, more=more, environ=os.environ, root=os.geteuid() == 0
    )
    os.execve(words[0], words, environment)
