"""A class at once under real JupyterHub: real servers, real kernels, each student's own lab. Heavy: ``pytest -m heavy tests/hub``.

Sixty students, or as many as ``NSMAGIC_STUDENTS`` says. Wants ``pip install jupyterhub`` and ``npm install configurable-http-proxy``
(``NSMAGIC_PROXY`` names the program, else it is looked for on the path).
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]


class _Section(SimpleNamespace):
    """A traitlets Config for reading: every name is there."""

    def __getattr__(self, name: str) -> Any:
        made = _Section()
        setattr(self, name, made)
        return made


def test_the_configuration_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without JupyterHub; the heavy test reads it with it."""

    class Spawner:
        def make_preexec_fn(self, name: str) -> Any:
            return lambda: None

    monkeypatch.setitem(sys.modules, "jupyterhub", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "jupyterhub.spawner", SimpleNamespace(LocalProcessSpawner=Spawner))
    monkeypatch.setenv("CLASS_MEMORY_MB", "700")
    config = _Section()
    runpy.run_path(str(TOP / "binder/hub/jupyterhub_config.py"), {"get_config": lambda: config})
    assert config.Spawner.mem_limit == "700M"
    limits = config.Spawner.environment["NSMAGIC_LIMITS"]
    from nsmagic.agent.limits import complete
    from nsmagic.sandbox.config import _limits_of_this_place

    assert complete(_limits_of_this_place({"NSMAGIC_LIMITS": limits}))["namespaces"] == 64
    assert f'NSMAGIC_LIMITS: "{limits}"' in (TOP / "binder/hub/values.yaml").read_text(), "one class, wherever it is"


@pytest.mark.heavy
def test_a_class(tmp_path: Path) -> None:
    count = int(os.environ.get("NSMAGIC_STUDENTS", "60"))
    proxy = os.environ.get("NSMAGIC_PROXY") or shutil.which("configurable-http-proxy")
    assert proxy, "npm install configurable-http-proxy, and NSMAGIC_PROXY=…/node_modules/.bin/configurable-http-proxy"
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("students.py"), str(count), TOP / "notebooks/00-tour.ipynb", tmp_path, proxy],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=3600,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:] + (tmp_path / "hub.log").read_text()[-3000:]
    seen = json.loads(done.stdout)
    print(json.dumps(seen, indent=1))
    assert seen["failures"] == []
    assert seen["all_right"] == count
    assert seen["crossed"] == []
    assert seen["left_of_them"] == 0
    assert seen["seconds_until_gone"] < 2
    assert seen["others_finished"] == seen["others"] == count - count // 3
