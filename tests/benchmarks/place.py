"""Where the benchmarks run: their folder, the compiled floor, private sandboxes, and what machine this is."""

from __future__ import annotations

import compileall
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

#: A sandbox of the user who measures: own user, network, mount, pid, uts and ipc namespaces, and an empty /run. It ends with its command.
_SANDBOX = (
    "unshare",
    "-Urnmpfui",
    "--mount-proc",
    "--kill-child",
    "sh",
    "-c",
    'mount -n -t tmpfs tmpfs /run && exec "$@"',
    "sh",
)

#: The programs that do the work of a build beside us are looked for here too.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Absent(Exception):
    """Something to be measured cannot be had here; the message says why."""


class Failed(Exception):
    """Something that was measured did not do its work; the message says how it ended."""


def folder() -> Path:
    """The benchmarks' own folder: ``NSMAGIC_BENCH``, else ``~/.cache/nsmagic/bench``."""
    chosen = Path(os.environ.get("NSMAGIC_BENCH") or Path.home() / ".cache" / "nsmagic" / "bench")
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def floor() -> str:
    """The compiled C floor, made anew when its source is newer.

    Raises
    ------
    Absent
        There is no C compiler.
    """
    source, made = HERE / "floor.c", folder() / "floor"
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise Absent("no C compiler (gcc) for the floor")
        subprocess.run([compiler, "-O2", "-Wall", "-pthread", "-o", f"{made}.new", str(source)], check=True)
        os.replace(f"{made}.new", made)
    return str(made)


def environment() -> dict[str, str]:
    """The environment of everything that is measured: one thread for numpy's libraries, tools where ``ip`` is, compiled modules."""
    debian = folder() / "debian" / "usr"
    path = f"{os.environ.get('PATH', '')}:{_PATH}:{debian / 'bin'}:{debian / 'sbin'}"
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **threads, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


def prepare() -> None:
    """Compile our modules, as an installer does, so that no run measures Python's compiler."""
    compileall.compile_dir(ROOT / "nsmagic", quiet=2)


def sandboxed(words: Sequence[str]) -> list[str]:
    """The command that runs ``words`` in a private sandbox."""
    return [*_SANDBOX, *words]


def call(words: Sequence[str], limit: float, *, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a command; its last line is one JSON object.

    Raises
    ------
    Absent
        Its program is not here.
    Failed
        It ended otherwise, or not within ``limit`` seconds.
    """
    process = subprocess.Popen(
        list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**environment(), **(env or {})}, cwd=folder(), start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failed(f"stopped after {limit:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()  # unshare's --kill-child takes the sandbox with it
            process.communicate()
    lines = out.strip().splitlines()
    if process.returncode == 0 and lines:
        try:
            answer = json.loads(lines[-1])
        except ValueError:
            pass
        else:
            if "absent" in answer:
                raise Absent(answer["absent"])
            return dict(answer)
    words_ = (err.strip() or out.strip() or "no output").splitlines()
    raise Failed(f"exit status {process.returncode}: {words_[-1][:200]}")


def settle() -> None:
    """Wait until the kernel has taken down all namespaces that ended before: it does so in order, and ours is the last."""
    call(sandboxed([floor(), "cycle", "1"]), 120)


def machine() -> list[str]:
    """What this was measured on, a line for each thing."""
    model = re.search(r"model name\s*:\s*(.*)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _text("/proc/meminfo"))
    load = _text("/proc/loadavg").split()[:3]
    return [
        f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs ({model.group(1) if model else 'unknown'}), "
        f"{int(memory.group(1)) >> 20 if memory else 0} GiB, load at the start {' '.join(load)}",
        f"Python {platform.python_version()} ({sys.executable}), measured as uid {os.getuid()}",
        ", ".join(f"{name} {_version(name)}" for name in ("nsmagic", "pyroute2", "pandas", "ipython", "ipykernel")),
        f"{_said('ip', '-V')}; {_said('gcc', '--version')}; {_said('bash', '--version')}; {_said('dot', '-V')}",
        _commit(),
    ]


def _commit() -> str:
    where = ("git", "-C", str(ROOT))
    number = _said(*where, "rev-parse", "--short", "HEAD")
    if not re.fullmatch("[0-9a-f]+", number):
        return "nsmagic from no git checkout"
    return f"nsmagic at commit {number}{' with changes' if _said(*where, 'status', '--porcelain', '--', 'nsmagic') else ''}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if name != "nsmagic":
            return "absent"
        from nsmagic import __version__

        return __version__


def _said(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, env=environment())
    except OSError:
        return f"no {words[0]}"
    return ((done.stdout or done.stderr).strip().splitlines() or [""])[0]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
