"""What the plugin does for nbval besides skipping (tests/notebooks/test_needs.py has that)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_CELL = "from ipykernel.connect import get_connection_info\nprint(get_connection_info(unpack=True)['transport'])"


@pytest.mark.parametrize(("folder", "transport"), [("short", "ipc"), ("too-long-for-a-socket" * 5, "tcp")])
def test_kernels_take_no_ports(folder: str, transport: str) -> None:
    """Ports that Jupyter found free are taken by others before the kernel does; a socket's file has a name that is nobody else's."""
    import nbformat  # a second of work, which every worker would do when it collects

    with tempfile.TemporaryDirectory() as top:
        scratch = Path(top, folder)
        scratch.mkdir()
        said = nbformat.v4.new_output("stream", text=transport + "\n")
        cell = nbformat.v4.new_code_cell(_CELL, execution_count=1, outputs=[said])
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), Path(top, "a.ipynb"))
        options = ["-p", "nsmagic.testing", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", "a.ipynb"]
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *options],
            cwd=top,
            env=os.environ | {"TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stdout
        assert not list(scratch.glob("nsmagic-kernel-*"))
