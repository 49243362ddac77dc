"""FAULTS.md 5.F: names are data wherever they go, and cells of any size and kind of line are read or refused."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsmagic import Lab
from nsmagic.errors import LabError

pytestmark = pytest.mark.sandbox

#: What a shell, a path, DOT or HTML would make something of. The sentinel is a file that must never be there.
NAMES = (
    "a;touch HIT", "$(touch HIT)", "`touch HIT`", "-rf", "--help", "a b", "'q'", '"d"', "*", "|touch HIT", "&", "x\"];b[\"y", "<b>", "{}", "eth%d",
    "all", "日本", "é", "a\\n", "~", "#x", "=x", "x" * 15, "x" * 16,
)  # fmt: skip


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Lab, Path]]:
    with tempfile.TemporaryDirectory(prefix="nsmagic-names.") as name:
        os.chmod(name, 0o777)
        with Lab(folder=name) as lab:
            lab.run("true").check()
            yield lab, Path(name)


def hits(lab: Lab, folder: Path) -> list[str]:
    """The sentinel, wherever a command may have stood when it made one."""
    inside = lab.run("bash -c 'ls /HIT /tmp/HIT /root/HIT HIT 2>/dev/null | cat'").text.split()
    return [*inside, *(str(each) for each in (folder / "HIT", Path("HIT")) if each.exists())]


@pytest.mark.parametrize("name", NAMES)
def test_062_names_are_data(place: tuple[Lab, Path], name: str) -> None:
    lab, folder = place
    quoted = shlex.quote(name)
    made = lab.run(f"ip netns add {quoted}")
    assert made.ok == (name in lab.names()) or name.startswith("-"), "taken as it is, or refused"
    link = lab.run(f"ip link add {quoted} type bridge")
    if link.ok and not name.startswith("-") and "%" not in name:
        assert name in list(lab["host"].links["ifname"])
    if made.ok and name in lab.names():
        assert lab.run("true", name).ok
        assert lab.run("ip link set lo up", name).ok
        assert lab.run(f"ip netns del {quoted}").ok
    lab.run(f"ip link del {quoted}")
    assert hits(lab, folder) == []


def test_063_names_made_by_a_script_are_data(place: tuple[Lab, Path]) -> None:
    lab, folder = place
    names = [name for name in NAMES if not name.startswith("-")]
    lab.run("".join(f"ip netns add {shlex.quote(name)} || true\n" for name in names) + "for i in 1; do :; done\n")
    there = lab.names()
    assert {"a;touch HIT", "$(touch HIT)", "a b"} <= set(there)
    for name in there:
        lab.run("ip link set lo up", name).check()
    assert set(lab.links["ns"]) >= set(there)
    picture = lab.topology()
    bundle = picture._repr_mimebundle_()
    for name in there:
        assert name in str(picture) or name.encode("unicode_escape").decode() in str(picture)
    assert "<b>" not in str(bundle.get("text/html", "")).partition("base64,")[0].replace("&lt;b&gt;", "")
    assert hits(lab, folder) == []
    lab.run("".join(f"ip netns del {shlex.quote(name)}\n" for name in there)).check()


def test_072_a_cell_of_two_megabytes(place: tuple[Lab, Path]) -> None:
    """Run whole, or refused in words; never cut."""
    lab, _ = place
    result = lab.run("true\n" * 20 + "echo the end")
    assert result.text.endswith("the end\n")
    text = "for i in 1; do\n" + f": {'x' * 900}\n" * 2300 + "echo the end\ndone\n"
    assert len(text) > 2_000_000
    with pytest.raises(LabError, match="the request is too large"):
        lab.run(text)
    assert lab.run("echo here").text == "here\n"


def test_072_lines_of_windows(place: tuple[Lab, Path]) -> None:
    lab, _ = place
    assert lab.run("ip netns add red\r\nip -n red link set lo up\r\n").ok
    assert lab.names() == ["red"]
    assert lab.run("for i in 1; do\r\necho $i\r\ndone\r\n").text == "1\n"
    lab.run("ip netns del red").check()
