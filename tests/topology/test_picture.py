"""A picture as an object: what a notebook gets, what a file gets, and what remains when there is no Graphviz."""

from __future__ import annotations

import base64
import html
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nsmagic.errors import NsmagicError
from nsmagic.topology import render
from nsmagic.topology.marks import marks
from nsmagic.topology.picture import Topology
from nsmagic.topology.sample import cable, switch
from tests.topology import reading, scenes


def test_a_notebook_gets_a_picture_with_its_description_and_the_text() -> None:
    picture = Topology(switch())
    bundle = picture._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    assert bundle["text/plain"] == str(picture) == repr(picture)
    found = re.fullmatch(
        r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]*)" style="[^"]*"/>', bundle["text/html"]
    )
    assert found is not None
    assert html.unescape(found[1]) == picture.alt
    assert base64.b64decode(found[2]).decode() == bundle["image/svg+xml"] == picture.svg()
    reading.svg(bundle["image/svg+xml"])


def test_a_description_with_the_worst_names_stays_an_attribute() -> None:
    image = Topology(scenes.hostile())._repr_mimebundle_()["text/html"]
    assert image.count("<") == 1
    assert image.count('"') == 6
    assert "\n" not in image


def test_it_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Topology(cable())
    first = picture._repr_mimebundle_()
    monkeypatch.setattr(render, "svg", None)
    assert picture._repr_mimebundle_() == first


@pytest.mark.parametrize(
    ("setting", "words"),
    [("path", "there is no dot on PATH"), ("nonsense", 'there is no renderer "nonsense"')],
)
def test_without_a_renderer_the_text_and_one_line(setting: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_GRAPHVIZ", setting)
    monkeypatch.setenv("PATH", "/nowhere")
    bundle = Topology(cable())._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    drawing, line = bundle["text/plain"].rsplit("\n", 1)
    assert drawing == str(Topology(cable()))
    assert line.startswith(f"no picture: {words}")


def test_at_once_it_is_drawn_by_what_was_started_before_the_lab_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    started: set[str] = set()

    def make() -> Topology:
        started.update(_children())
        return Topology(cable())

    before = _children()
    picture = Topology.at_once(make)
    assert len(started - before) == 1, "Graphviz starts first"
    assert _children() == before, "and ends with the picture"
    monkeypatch.setattr(render, "_start_worker", None)
    assert "image/svg+xml" in picture._repr_mimebundle_()


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def test_at_once_what_goes_wrong_is_told_where_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_GRAPHVIZ", "nonsense")
    picture = Topology.at_once(lambda: Topology(cable()))
    assert picture._repr_mimebundle_()["text/plain"].splitlines()[-1].startswith("no picture: there is no renderer")
    monkeypatch.delenv("NSMAGIC_GRAPHVIZ")
    with pytest.raises(ZeroDivisionError):
        Topology.at_once(lambda: 1 // 0)  # type: ignore[arg-type, return-value]


def test_without_the_package_that_writes_dot_the_text_and_one_line() -> None:
    program = (
        "import sys; sys.modules['graphviz'] = None\n"
        "from nsmagic.topology.picture import Topology; from nsmagic.topology.sample import cable\n"
        "print(Topology(cable())._repr_mimebundle_()['text/plain'].splitlines()[-1])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "no picture: graphviz is not installed (pip install graphviz)\n"


def test_a_layout_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(NsmagicError, match='no layout "dott"'):
        Topology(cable(), engine="dott")


def test_files(tmp_path: Path) -> None:
    picture = Topology(switch())
    assert picture.save(tmp_path / "a.svg").read_text() == picture.svg()
    assert picture.save(str(tmp_path / "a.dot")).read_text() == picture.dot()
    assert picture.save(tmp_path / "a.TXT").read_text() == f"{picture}\n"
    with pytest.raises(NsmagicError, match="which form") as refused:
        picture.save(tmp_path / "a.pdf")
    assert refused.value.hint == "endings: .svg, .png, .dot, .txt"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.TXT", "a.dot", "a.svg"]


@pytest.mark.skipif(shutil.which("dot") is None, reason="the machine has no dot, which alone makes PNG")
def test_png_by_the_machines_dot(tmp_path: Path) -> None:
    assert Topology(switch()).save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_png_without_a_dot_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(render.RenderError) as refused:
        Topology(cable()).png()
    assert refused.value.hint is not None


def test_chosen_rooms_are_drawn_without_the_house() -> None:
    picture = Topology(switch(), ["red", "blue"])
    read = reading.dot(picture.dot())
    assert read.clusters == []
    assert set(read.nodes) == {"room/red", "room/blue", "outer/host"}
    assert picture.alt.startswith("Network of the lab: 2 rooms, 2 cables. blue: veth-blue up")


def test_a_description_of_many_rooms_ends() -> None:
    alt = Topology(scenes.recorded("thirty").snapshot).alt
    assert alt.startswith("Network of the lab: 30 rooms, 30 cables. host: bridge br0 up 10.0.0.254/24;")
    assert alt.endswith("And 18 rooms more.")


def test_marks_in_the_text_only_when_asked_for() -> None:
    found = scenes.recorded("changed")
    plain = str(Topology(found.snapshot, changes=found.changes))
    assert "←" not in plain
    marked = str(Topology(found.snapshot, changes=found.changes, diff=True))
    assert [" ".join(line.strip("│├└─ ").split()) for line in marked.splitlines() if "←" in line] == [
        "veth-green-br UP ⇄ green/veth-green ← new",
        "veth-gray-br ← gone",
        "veth-orange-br ← gone",
        "default via 192.168.1.1 dev eth0 ← gone",
        "veth-blue UP 192.168.15.2/24, 10.9.9.9/8 ⇄ host/veth-blue-br ← new 10.9.9.9/8",
        "veth-gray ← gone",
        "green ← new",
        "veth-green UP 192.168.15.6/24 ⇄ host/veth-green-br ← new",
        "veth-red DOWN 192.168.15.1/24 ⇄ host/veth-red-br ← changed",
        "orange ← gone",
    ]


def test_where_all_is_new_nothing_is_marked() -> None:
    found = scenes.recorded("cable")
    assert marks(found.changes).rooms == {"red": "new", "blue": "new"}
    assert " new" not in Topology(found.snapshot, changes=found.changes).dot()
    assert " new" in Topology(found.snapshot, changes=found.changes, diff=True).dot()
    assert " new" in Topology(found.snapshot, changes=found.changes[-8:]).dot()
