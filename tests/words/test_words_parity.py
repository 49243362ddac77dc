"""Our words against those of the real tools, on the same kernel state."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import nsmagic

SCENE = Path(__file__).with_name("scene.py")
TOOLS = ("unshare", "ip", "bridge", "arp", "route", "ifconfig", "brctl", "sysctl")


def _scene() -> ModuleType:
    spec = importlib.util.spec_from_file_location("words_scene", SCENE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def answers() -> dict[str, list[str]]:
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"}
    env["PYTHONPATH"] = str(Path(nsmagic.__file__).parents[1])
    missing = [tool for tool in TOOLS if shutil.which(tool, path=env["PATH"]) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} to compare with")
    inside = ["unshare", "-Urnm"]
    trial = subprocess.run([*inside, "true"], capture_output=True, text=True, timeout=30, check=False, env=env)
    if trial.returncode:
        pytest.skip(f"no user namespaces here: {trial.stderr.strip()}")
    done = subprocess.run(
        [*inside, sys.executable, str(SCENE)], capture_output=True, text=True, timeout=120, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.sandbox
@pytest.mark.parametrize("case", list(_scene().CASES))
def test_the_same_words(case: str, answers: dict[str, list[str]]) -> None:
    real, ours = answers[case]
    if case.startswith("~"):
        assert sorted(ours.splitlines()) == sorted(real.splitlines())
    else:
        assert ours == real
