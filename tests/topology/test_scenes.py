"""The recorded scenes are what the kernel gives today, and ``%topology`` draws them in a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import CommandSyntaxError, NamespaceNotFound, NsmagicError
from nsmagic.topology.picture import Topology
from tests.topology import draw, reading, scenes

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("name", scenes.SCENES)
def test_a_scene_looks_as_recorded(name: str) -> None:
    scene, then = scenes.SCENES[name], scenes.recorded(name)
    with Lab(world=scene.world) as lab:
        scenes.build(lab, scene)
        now = lab.topology(diff=True)
        recorded = Topology(then.snapshot, forwarding=then.forwarding, changes=then.changes, diff=True)
        assert now.dot() == recorded.dot()
        assert str(now) == str(recorded)
        assert now.alt == recorded.alt
        # The addresses that the kernel gives by itself come when they come.
        everything = reading.dot(lab.topology(all=True).dot())
        as_then = reading.dot(Topology(then.snapshot, all=True, forwarding=then.forwarding).dot())
        assert set(everything.nodes) == set(as_then.nodes)
        assert everything.edges == as_then.edges
        assert everything.clusters == as_then.clusters


@pytest.mark.parametrize("name", draw.SHOWN)
def test_the_pictures_of_the_readme_are_those_of_today(name: str) -> None:
    """``python -m tests.topology.draw`` makes them anew."""
    then = scenes.recorded(name)
    today = Topology(then.snapshot, forwarding=then.forwarding, badges=draw.BADGES.get(name), sandbox="rootless")
    assert (draw.FOLDER / f"{name}.svg").read_text(encoding="utf-8") == today.svg()


def test_an_unnamed_room_says_who_holds_it(lab: Any) -> None:
    scenes.build(lab, scenes.SCENES["inside"])
    room = next(room for room in lab.topology(all=True).graph.rooms if room.ns == "(unnamed-1)")
    assert room.inside == "red"
    assert len(room.pids) == 1
    read = reading.dot(lab.topology(all=True).dot())
    assert read.nodes["room/%28unnamed-1%29"].startswith(f"(unnamed-1)   process {room.pids[0]}")


def test_hostile_names_on_the_real_kernel(lab: Any) -> None:
    """What the kernel and iproute2 take as a name: drawn, and found again in the picture."""
    import shlex

    from nsmagic.topology.lines import key

    taken = [name for name in scenes.HOSTILE_ROOMS if "\n" not in name]
    lab.run("\n".join(f"ip netns add {shlex.quote(name)}" for name in taken)).check()
    ends = [(f"a{at}", name) for at, name in enumerate(scenes.HOSTILE_LINKS) if name not in ("%3C'",)]
    lab.run("\n".join(f"ip link add {peer} type veth peer name {shlex.quote(name)}" for peer, name in ends)).check()
    picture = lab.topology()
    read = reading.dot(picture.dot())
    assert {f"room/{key(name)}" for name in taken} <= set(read.nodes)
    assert {f"unit/host/{key(name)}" for _, name in ends} <= set(read.nodes)
    said = reading.texts(reading.svg(picture.svg()))
    assert {name for _, name in ends} <= set(said)


def test_the_lab_says_who_forwards_and_what_its_last_run_did(lab: Any) -> None:
    lab.run("ip netns add red\nip netns add blue").check()
    lab.run("sysctl -w net.ipv4.ip_forward=1\nip netns add green").check()
    picture = lab.topology()
    assert [room.ns for room in picture.graph.rooms if room.forwards] == ["host"]
    assert picture.marks.rooms == {"green": "new"}
    assert picture.marks.badges == {"host"}
    assert lab.topology("red").graph.rooms[0].ns == "red"
    with pytest.raises(NamespaceNotFound):
        lab.topology("yellow")
    with pytest.raises(NsmagicError, match='no layout "dott"'):
        lab.topology(engine="dott")


# In a notebook


def test_the_magic_draws_all_or_some(notebook: Any) -> None:
    notebook.cell("%%netns\nip netns add red\nip netns add blue")
    whole = notebook.cell("%topology")
    assert isinstance(whole.value, Topology)
    assert [room.ns for room in whole.value.graph.rooms] == ["host", "blue", "red"]
    some = notebook.cell("%topology red blue --engine circo").value
    assert [room.ns for room in some.graph.rooms] == ["blue", "red"]
    assert "<svg" in some.svg()
    assert "← new" in str(notebook.cell("%topology --diff").value)


def test_the_magic_refuses_what_it_does_not_know(notebook: Any) -> None:
    assert isinstance(notebook.cell("%topology --dif").error, CommandSyntaxError)
    assert isinstance(notebook.cell("%topology yellow").error, NamespaceNotFound)
    assert isinstance(notebook.cell("%topology --engine dott").error, NsmagicError)


def test_each_changing_cell_ends_with_its_picture(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nsmagic import magics

    shown: list[Any] = []
    monkeypatch.setattr(magics, "_display", shown.append)
    notebook.cell("%%netns\nip netns add red")
    assert shown == []
    notebook.cell('%config Netns.picture = "after"')
    notebook.cell("%%netns\nip netns add blue")
    assert [type(each) for each in shown] == [Topology]
    assert shown[0].marks.rooms == {"blue": "new"}
    notebook.cell("%%netns\nip netns")
    notebook.cell("%%netns --quiet\nip netns add green")
    assert len(shown) == 1
    failed = notebook.cell("%%netns\nip netns add gray\nip netns add gray")
    assert failed.error is not None
    assert len(shown) == 2
    notebook.cell('%config Netns.picture = "asked"')


def test_what_a_cell_changed_is_what_the_picture_marks(notebook: Any) -> None:
    notebook.cell("%%netns\nip netns add red")
    notebook.cell("%netns ip netns add blue\n%netns ip netns add green")
    assert notebook.cell("%topology").value.marks.rooms == {"blue": "new", "green": "new"}
    notebook.cell("%%netns\nip netns")
    assert notebook.cell("%topology").value.marks.rooms == {"blue": "new", "green": "new"}


def test_no_graphviz_never_fails_a_cell(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSMAGIC_GRAPHVIZ", "path")
    monkeypatch.setenv("PATH", "/nowhere")
    ran = notebook.cell("%%netns\nip netns add red")
    assert ran.ok
    ran = notebook.cell("%topology")
    assert ran.ok
    formatted, _ = notebook.shell.display_formatter.format(ran.value)
    assert set(formatted) == {"text/plain"}
    assert formatted["text/plain"].splitlines()[-1].startswith("no picture: there is no dot on PATH")
