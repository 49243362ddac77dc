"""What mybinder.org, Codespaces and cloud images read of this checkout, and, when asked for (``pytest -m heavy``), the whole build.

repo2docker cannot run here (no Docker, no internet): the heavy test takes its steps, in its order, as its user, in a bare Debian.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nsmagic.sandbox import tools

TOP = Path(__file__).resolve().parents[2]
BINDER = TOP / "binder"
sys.path.append(str(BINDER))
import address  # noqa: E402

#: In every image, or for x86_64 alone and fetched by postBuild.
FIGURE = "the image of mybinder.org's steps (debootstrap, requirements.txt, postBuild, start as jovyan), the tour in it with namespaces forbidden"
_NOT_INSTALLED = {"bash", "python3", "user-mode-linux"}


def packages(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def test_apt_txt_has_the_programs_of_the_lessons() -> None:
    wanted = {debian for debian, _, _ in tools.PACKAGES.values()} - _NOT_INSTALLED
    assert wanted <= set(packages(BINDER / "apt.txt"))
    assert packages(BINDER / "apt.txt") == sorted(set(packages(BINDER / "apt.txt")))
    image = (BINDER / "vm" / "cloud-init.yaml").read_text()
    assert wanted <= set(re.findall(r"^  - ([a-z0-9-]+)$", image, re.MULTILINE))


def test_the_python_is_one_that_nsmagic_runs_on() -> None:
    found = re.fullmatch(r"python-3\.(\d+)\n", (BINDER / "runtime.txt").read_text())
    assert found is not None
    assert int(found[1]) >= 11
    assert packages(BINDER / "requirements.txt") == ["-e .[lab]"]


@pytest.mark.parametrize("name", ["binder/postBuild", "binder/start", ".devcontainer/create"])
def test_scripts(name: str) -> None:
    script = TOP / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", script], check=True)


def test_start_becomes_the_server(tmp_path: Path) -> None:
    said = subprocess.run(
        [BINDER / "start", "sh", "-c", 'echo "$1 $TMPDIR"', "sh", "a b"], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip
    assert said.stdout == "a b /tmp\n"


def test_codespaces() -> None:
    text = (TOP / ".devcontainer" / "devcontainer.json").read_text()
    read = json.loads("\n".join(line for line in text.splitlines() if not line.strip().startswith("//")))
    assert [each for each in read["runArgs"] if "=" in each] == [
        "seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined",
    ]  # fmt: skip
    assert "privileged" not in json.dumps(read)
    assert (TOP / read["postCreateCommand"].split()[-1]).exists()


def test_the_repository_s_address_is_the_same_everywhere() -> None:
    """It stands in pyproject.toml; the badge and the clone follow it."""
    found = address.address()
    for place in address.PLACES:
        text = (TOP / place).read_text()
        assert address.with_address(text, place, found) == text, f"python3 binder/address.py {found}"
        moved = address.with_address(text, place, "https://gitlab.com/ann/notes")
        assert moved != text
        assert address.with_address(moved, place, found) == text
    name = found.removeprefix("https://github.com/")
    for folder in ("binder", ".devcontainer", ".github", "nsmagic"):
        for path in (TOP / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and str(path.relative_to(TOP)) not in address.PLACES:
                assert f"github.com/{name}" not in path.read_text(errors="replace"), path


def test_the_address_can_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in address.PLACES:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / place, tmp_path / place)
    monkeypatch.setattr(address, "TOP", tmp_path)
    assert address.main(["address.py", "https://github.com/ann/notes.git"]) == 0
    assert address.address() == "https://github.com/ann/notes"
    assert "(https://mybinder.org/v2/gh/ann/notes/HEAD?" in (tmp_path / "README.md").read_text()
    assert '"https://github.com/ann/notes", /opt/nsmagic]' in (tmp_path / "binder/vm/cloud-init.yaml").read_text()
    before = (tmp_path / "README.md").read_text()
    assert address.main(["address.py", "ann/notes; rm -rf"]) == 1
    assert (tmp_path / "README.md").read_text() == before


@pytest.mark.heavy
def test_cloud_init_accepts_the_file() -> None:
    """Wants Debian's package cloud-init."""
    tool = shutil.which("cloud-init")
    assert tool, "apt-get install cloud-init"
    done = subprocess.run(
        [tool, "schema", "-c", BINDER / "vm" / "cloud-init.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Valid" in done.stdout


@pytest.mark.heavy
@pytest.mark.root
def test_the_whole_build_and_the_tour_in_it(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """A bare Debian, the packages of apt.txt, then as jovyan: requirements.txt, postBuild, start; and the tour runs in it with
    namespaces forbidden by a filter, and with none left (``user.max_user_namespaces=0``), so the kind vm is what serves.

    Wants debootstrap, and the package sources of this machine. Takes some minutes.
    """
    done = subprocess.run(
        ["bash", Path(__file__).with_name("build.sh"), TOP, tmp_path / "root", sys.executable],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    print(done.stdout[-6000:], done.stderr[-3000:])
    assert done.returncode == 0
    shown = []
    for gate in ("unshare-EPERM", "max-user-namespaces"):
        [line] = [line for line in done.stdout.splitlines() if line.startswith(f"{gate}: ")]
        assert re.fullmatch(rf"{gate}: kind vm, (\d+) of \1 cells of the tour", line), line
        shown.append(line)
    record_property("figure", (FIGURE, "; ".join(shown)))
