"""The way from a bare Python to an environment with nsmagic: where pip comes from, and what is said when it comes from nowhere."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[2]
BINDER = TOP / "binder"

#: A pip that can do the one thing asked of it here: install itself from its wheel.
FAKE_PIP = """
import shutil, sys, sysconfig, zipfile
wheel = sys.argv[-1]
assert sys.argv[1:] == ["install", "--quiet", "--no-index", "--no-deps", wheel], sys.argv
zipfile.ZipFile(wheel).extractall(sysconfig.get_path("purelib"))
"""


def _environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("binder_environment", BINDER / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = _environment()


def index_with(folder: Path, *wheels: str, checksum: str | None = None) -> str:
    """A package index in a folder that has these wheels of pip; its address."""
    (folder / "simple" / "pip").mkdir(parents=True)
    links = ""
    for name in wheels:
        wheel = folder / name
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("pip/__init__.py", f"__version__ = {name!r}\n")
            file.writestr("pip/__main__.py", FAKE_PIP)
        found = checksum or hashlib.sha256(wheel.read_bytes()).hexdigest()
        links += f'<a href="../../{name}#sha256={found}" data-requires-python="&gt;=3.9">{name}</a><br/>\n'
    (folder / "simple" / "pip" / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")
    return f"file://{folder}/simple"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [each for each in os.environ if each.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))


def test_pip_from_the_index_that_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_with(
        tmp_path, "pip-9.0.3-py3-none-any.whl", "pip-26.3-py3-none-any.whl", "pip-27.0b1-py3-none-any.whl"
    )
    monkeypatch.setenv("PIP_INDEX_URL", index)
    venv = tmp_path / "venv"
    environment.by_index(venv)
    assert environment.works(venv)
    said = subprocess.run(
        [venv / "bin/python", "-c", "import pip; print(pip.__version__)"], capture_output=True, text=True
    )
    assert said.stdout == "pip-26.3-py3-none-any.whl\n"


def test_debians_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_with(tmp_path, "pip-23.0.1-py3-none-any.whl")
    monkeypatch.setattr(environment, "DEBIAN_WHEELS", tmp_path)
    environment.by_debian_wheel(tmp_path / "venv")
    assert environment.works(tmp_path / "venv")


def test_an_environment_is_made_by_the_first_way_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_with(tmp_path, "pip-23.0.1-py3-none-any.whl")
    monkeypatch.setattr(environment, "DEBIAN_WHEELS", tmp_path)
    tried = []

    def fails(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").touch()
        tried.append(folder)
        raise environment.Failed("not here")

    monkeypatch.setattr(environment, "WAYS", (fails, environment.by_debian_wheel, fails))
    venv = tmp_path / "venv"
    environment.make(venv)
    assert environment.works(venv)
    assert len(tried) == 1
    assert not (venv / "half").exists()
    environment.make(venv)
    assert len(tried) == 1


def test_when_nothing_works_the_cure_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def by_magic(folder: Path) -> None:
        raise environment.Failed("no wand")

    monkeypatch.setattr(environment, "WAYS", (by_magic,))
    assert environment.main(["environment.py", str(tmp_path / "venv"), "lab"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "pip cannot be had for this Python:",
        "  by_magic: no wand",
        "This mends it:  sudo apt-get install -y python3-venv",
    ]
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("wheels", "checksum", "message"),
    [
        ((), None, "the package index lists no wheel of pip"),
        (("pip-26.3-py3-none-any.whl",), "0" * 64, "is not what the index describes"),
    ],
)
def test_what_the_index_must_have(tmp_path: Path, wheels: tuple[str, ...], checksum: str | None, message: str) -> None:
    index = index_with(tmp_path, *wheels, checksum=checksum)
    with pytest.raises(environment.Failed, match=message):
        environment.download(index, tmp_path)


def test_settings_come_from_where_pip_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.setting("no-such-setting") == ""
    conf = tmp_path / "home/.config/pip/pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("[global]\nindex-url = https://one.example/simple\n[install]\ncert = /a%b\n")
    assert environment.setting("index-url") == "https://one.example/simple"
    assert environment.setting("cert") == "/a%b"
    named = tmp_path / "named.conf"
    named.write_text("[global]\nindex-url = https://two.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(named))
    assert environment.setting("index-url") == "https://two.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://three.example/simple")
    assert environment.setting("index-url") == "https://three.example/simple"


def test_current_is_what_was_installed_of_this_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "works", lambda folder: True)
    assert not environment.current(tmp_path, ["lab"])
    (tmp_path / environment.MARK).write_text(f"{environment._state()}\nlab\ntest\n")
    assert environment.current(tmp_path, ["lab"])
    assert environment.current(tmp_path, ["test", "lab"])
    assert not environment.current(tmp_path, ["other"])
    (tmp_path / environment.MARK).write_text("of another pyproject.toml\nlab\n")
    assert not environment.current(tmp_path, ["lab"])


def python_called(name: str, folder: Path, version: tuple[int, int]) -> Path:
    """A program that answers for its version as Python does."""
    program = folder / name
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c \"import sys; sys.version_info = {version}; exec('''$2''')\"\n"
    )
    program.chmod(0o755)
    return program


def find_python(folder: Path, *names: str, python: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-euc", f'. "{BINDER}/python.sh"; found=$(find_python "$@"); echo "$found"', "sh", *names],
        env={"PATH": str(folder), **({"PYTHON": python} if python else {})}, capture_output=True, text=True, executable="/bin/sh",
    )  # fmt: skip


def test_the_first_python_that_is_new_enough(tmp_path: Path) -> None:
    python_called("python3", tmp_path, (3, 9))
    newer = python_called("python3.12", tmp_path, (3, 12))
    python_called("python3.11", tmp_path, (3, 11))
    assert find_python(tmp_path, "python3").stdout == f"{newer}\n"
    mine = python_called("mine", tmp_path, (3, 13))
    assert find_python(tmp_path, "python3", python=str(mine)).stdout == f"{mine}\n"


def test_no_python_is_new_enough(tmp_path: Path) -> None:
    python_called("python3", tmp_path, (3, 10))
    done = find_python(tmp_path, "python3")
    assert done.returncode != 0
    assert done.stderr == "nsmagic needs Python 3.11 or later (Debian 12, Ubuntu 24.04 and newer have it)\n"


@pytest.mark.parametrize("script", ["binder/notebooks", "binder/test", "binder/python.sh", ".ci/run"])
def test_scripts_are_readable_by_their_shell(script: str) -> None:
    path = TOP / script
    first = path.read_text().splitlines()[0]
    subprocess.run(["bash" if "bash" in first else "sh", "-n", str(path)], check=True)
    if not script.endswith(".sh"):
        assert os.access(path, os.X_OK)


def test_what_is_installed_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "two.py").write_text("x = 2\n")
    (tmp_path / "other.py").write_text("print 'of another Python'\n")
    environment.compile_all(sys.executable, [tmp_path])
    assert {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")} == {"one", "two"}
