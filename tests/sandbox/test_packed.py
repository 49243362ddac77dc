"""The agent's code in one file: made once, made anew when the code is another, used only where it is ours; and imported from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nsmagic.sandbox import packed

IMPORTS = """
import sys
sys.path.append(sys.argv[1])
from nsmagic.agent import pack
pack.use(sys.argv[2])
import nsmagic.agent.server
from nsmagic.agent.server import Agent
loaders = {name: type(module.__spec__.loader).__name__ for name, module in sys.modules.items() if getattr(module, "__spec__", None)}
print(loaders["nsmagic.agent.server"], loaders["json"], nsmagic.agent.server.__file__, nsmagic.netlink.__path__, Agent.__doc__)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


def imported(path: str) -> list[str]:
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORTS, str(packed.PACKAGE.parent), path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(maxsplit=4)


def test_it_is_made_once_and_has_everything(cache: dict[str, str]) -> None:
    path = packed.file(cache)
    assert Path(path).parent == Path(cache["XDG_CACHE_HOME"]) / "nsmagic"
    made = os.stat(path)
    assert made.st_mode & 0o777 == 0o644
    assert packed.file(cache) == path
    assert os.stat(path).st_ino == made.st_ino
    assert [each.name for each in Path(path).parent.iterdir()] == [Path(path).name], "no scratch is left"
    ours, theirs, file, folder, words = imported(path)
    assert (ours, theirs) == ("Pack", "Pack")
    assert (file, folder) == (
        str(packed.PACKAGE / "agent" / "server.py"),
        f"['{packed.PACKAGE / 'netlink'}']",
    )
    assert words == "All of the lab's state, in one process.\n"


def test_another_code_makes_it_anew(tmp_path: Path) -> None:
    package, cache = tmp_path / "nsmagic", {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    shutil.copytree(packed.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "_notebooks"))
    path = packed.file(cache, package)
    stamp = Path(path).read_bytes().partition(b"\n")[0]
    with open(package / "netlink" / "raw.py", "a") as file:
        file.write("\nNEW = 1\n")
    assert packed.file(cache, package) == path
    assert Path(path).read_bytes().partition(b"\n")[0] != stamp


def test_what_others_can_write_is_not_used(cache: dict[str, str]) -> None:
    path = packed.file(cache)
    os.chmod(path, 0o666)
    assert packed.file(cache) == path
    assert os.stat(path).st_mode & 0o777 == 0o644, "made anew"


def test_none_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert packed.file({"XDG_CACHE_HOME": str(tmp_path / "file")}) == ""


@pytest.mark.parametrize("content", [b"", b"stamp\n", b"stamp\n\xff\xff", b"stamp\n" + b"i\0\0\0\0"])
def test_a_broken_one_is_as_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pack"
    path.write_bytes(content)
    assert imported(str(path))[0] == "SourceFileLoader"
