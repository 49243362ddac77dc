"""Importing does nothing: no heavy package, no process, no thread, and on other systems than Linux a plain sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "numpy",
    "graphviz",
    "pygraphviz",
    "ipywidgets",
    "anywidget",
    "pyroute2",
    "nsmagic.lab",
    "nsmagic.tables",
)

_LOADED = """
import json, os, sys, threading
{code}
with open(f"/proc/self/task/{{os.getpid()}}/children") as file:
    children = file.read().split()
print(json.dumps([sorted(sys.modules), children, [each.name for each in threading.enumerate()]]))
"""

_SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
assert shell.run_cell("%load_ext nsmagic").success
"""


def after(code: str) -> tuple[set[str], list[str], list[str]]:
    """Modules, children and threads of a fresh interpreter after some code."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(code=code)], capture_output=True, text=True, timeout=60, check=True
    )
    modules, children, threads = json.loads(done.stdout.splitlines()[-1])
    return set(modules), children, threads


@pytest.mark.parametrize(
    "code",
    [
        "import nsmagic",
        _SHELL,
        _SHELL + 'shell.run_cell("%netns?")',
        _SHELL + 'shell.run_cell("1 + 1")',
        _SHELL + 'shell.Completer.complete(line_buffer="%netns --t", cursor_pos=10)',
        _SHELL + 'shell.run_cell("%unload_ext nsmagic")',
        "import nsmagic.cli",
    ],
    ids=["import", "load_ext", "manual", "another cell", "completion", "unload_ext", "command line"],
)
def test_starts_nothing_and_imports_nothing_heavy(code: str) -> None:
    modules, children, threads = after(code)
    assert "nsmagic" in modules
    assert not modules & set(HEAVY)
    assert not any(name.startswith(("pandas.", "pyroute2.", "graphviz.")) for name in modules)
    assert children == []
    assert threads == ["MainThread"]


def test_the_watch_sees_what_it_watches() -> None:
    modules, children, threads = after("import nsmagic.tables, subprocess\nsubprocess.Popen(['sleep', '1'])")
    assert modules >= {"pandas", "nsmagic.tables"}
    assert len(children) == 1
    assert threads == ["MainThread"]


#: What Python lacks on other systems, as far as anything here could want it.
ABSENT = {
    "darwin": (
        ["os.pidfd_open", "signal.pidfd_send_signal", "socket.AF_NETLINK", "socket.AF_PACKET", "socket.SOCK_CLOEXEC",
         "select.epoll", "os.memfd_create", "os.eventfd"], []
    ),
    "win32": (
        ["os.pidfd_open", "os.register_at_fork", "os.fork", "os.getuid", "os.geteuid", "os.setresuid", "os.set_blocking",
         "os.chroot", "os.getpgid", "os.killpg", "signal.pidfd_send_signal", "signal.SIGKILL", "signal.SIGHUP", "signal.SIGCHLD",
         "signal.pthread_sigmask", "signal.set_wakeup_fd", "select.epoll", "select.poll", "os.memfd_create", "os.eventfd",
         "socket.AF_NETLINK", "socket.AF_PACKET", "socket.AF_UNIX", "socket.SOCK_CLOEXEC", "socket.CMSG_SPACE",
         "socket.SCM_RIGHTS", "socket.send_fds", "socket.recv_fds"],
        ["fcntl", "resource", "termios", "pty", "tty", "pwd", "grp"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("platform", ABSENT)
def test_other_systems(platform: str) -> None:
    """The import works anywhere, and the first command says where a lab can run."""
    names, modules = ABSENT[platform]
    code = f"""
import sys
import asyncio, ctypes, multiprocessing, os, pathlib, select, shutil, signal, socket, subprocess, tempfile, threading
for name in {names!r}:
    module, attribute = name.split(".")
    if hasattr(sys.modules[module], attribute):
        delattr(sys.modules[module], attribute)
for name in {modules!r}:
    sys.modules[name] = None
sys.platform = {platform!r}
import nsmagic
try:
    nsmagic.Lab().run("ip link")
except nsmagic.NsmagicError as error:
    print(type(error).__name__)
    print(error.render())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "SandboxUnavailable",
        f"network namespaces are a feature of Linux; this is {platform}",
        "hint: run it in WSL2, a Linux virtual machine, GitHub Codespaces or Binder",
    ], done.stderr
