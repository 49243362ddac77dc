"""Stored outputs are the same under the oldest pandas that we allow: nbval, strict, in an environment with pandas 2.2.

The environment is the one that ``NSMAGIC_PANDAS22`` names (its Python), else one made for the test. Run by:
``pytest -m heavy tests/course/test_versions.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
NEEDED = (
    "pandas==2.2.*", "pyroute2>=0.9.5,<0.10", "ipython>=8.18", "graphviz>=0.20.3,<1", "pygraphviz>=2.0.4,<3", "dpkt>=1.9.8,<2",
    "anywidget>=0.9.13,<1", "ipywidgets>=8.1,<9", "ipykernel>=6.29", "nbval>=0.11", "pytest>=8",
)  # fmt: skip


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment with pandas 2.2."""
    if os.environ.get("NSMAGIC_PANDAS22"):
        return os.environ["NSMAGIC_PANDAS22"]
    folder = tmp_path_factory.mktemp("pandas") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *NEEDED], check=True, timeout=1500)
    return str(folder / "bin" / "python")


@pytest.mark.heavy
@pytest.mark.sandbox
def test_notebooks_under_pandas_2(python: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    asked = [python, "-c", "import pandas; print(pandas.__version__)"]
    version = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True, env=environment).stdout
    assert version.startswith("2.2.")
    done = subprocess.run(
        [
            python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", "--nbval-cell-timeout", "60",
            "--nbval-sanitize-with", "nsmagic/sanitize.cfg", "-c", "/dev/null", "--rootdir", str(TOP), "notebooks",
        ],
        cwd=TOP, env=environment, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert "passed" in done.stdout
