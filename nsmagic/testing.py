"""For pytest: ``pytest -p nsmagic.testing --nbval …`` skips the rest of a notebook that stopped at ``%lab needs``.

nbval runs on after a cell that failed. Where a lab lacks what a notebook asks for (:class:`nsmagic.errors.LabLacks`), that cell and
those behind it are skipped, and the reason is what the cell said: the sentence, not a dozen differences that follow from it.

nbval's kernels are spoken to through files instead of TCP ports. Jupyter looks for ports that are free and leaves them to the kernel to
take a second later; where notebooks are checked beside each other, one kernel in two hundred found one of its ports taken meanwhile.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

#: The name of the error as a notebook's kernel sends it.
_ENAME = "LabLacks"

#: A Unix socket's path has at most 107 bytes (sun_path in linux/un.h); what Jupyter adds to the folder is shorter than this.
_LONGEST_FOLDER = 90


def pytest_configure(config: pytest.Config) -> None:
    """Have nbval, where it is there, start its kernels with sockets in a folder of their own."""
    if config.pluginmanager.hasplugin("nbval"):
        import nbval.kernel

        nbval.kernel.KernelManager = _with_files(nbval.kernel.KernelManager)


def _with_files(manager: Any) -> type:
    class FileKernelManager(manager):  # type: ignore[misc]
        """A kernel's manager whose sockets are files, in a folder that goes when the kernel is shut down."""

        def __init__(self, **options: Any) -> None:
            self._folder = tempfile.mkdtemp(prefix="nsmagic-kernel-")
            if len(self._folder) <= _LONGEST_FOLDER:
                options |= {"transport": "ipc", "connection_file": f"{self._folder}/kernel.json"}
            super().__init__(**options)

        def cleanup_connection_file(self) -> None:
            super().cleanup_connection_file()
            shutil.rmtree(self._folder, ignore_errors=True)

    return FileKernelManager


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A cell that failed because of ``%lab needs`` is skipped."""
    outcome = yield
    lacks = [each for each in getattr(item, "test_outputs", None) or () if each.get("ename") == _ENAME]
    if call.when == "call" and call.excinfo is not None and lacks:
        reason = str(lacks[0]["evalue"])
        item.parent.nsmagic_stopped = reason  # type: ignore[union-attr]
        report = outcome.get_result()
        report.outcome, report.longrepr = "skipped", (str(Path(item.path)), 0, f"Skipped: {reason}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """So are the cells behind it."""
    reason = getattr(item.parent, "nsmagic_stopped", "")
    if reason:
        pytest.skip(reason)
