"""The picture as SVG: what is in it, that nothing else is, and that it can be read everywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsmagic.printable import printable
from nsmagic.snapshot import Snapshot
from nsmagic.topology import build, palette
from nsmagic.topology.dot import source
from nsmagic.topology.lines import key, short
from nsmagic.topology.picture import Topology
from nsmagic.topology.render import Renderer
from nsmagic.topology.svg import finish
from tests.topology import reading, scenes


def drawn(name: str, **options: object) -> Topology:
    found = scenes.recorded(name)
    return Topology(found.snapshot, forwarding=found.forwarding, changes=found.changes, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", scenes.SCENES)
@pytest.mark.parametrize("all", [False, True])
def test_every_scene_holds_what_a_picture_may_hold_and_every_socket(name: str, all: bool) -> None:
    picture = drawn(name, all=all, diff=True)
    root = reading.svg(picture.svg())
    said = " ".join(reading.texts(root))
    for path, socket in picture.graph.sockets().items():
        if socket.link.kind == "loopback" and not all:
            continue
        assert socket.link.ifname in said
        assert any(each.get("id") == f"tip/socket/{key(path)}" for each in root.iter() if each.get("id"))
        assert all_in(socket.addresses, said)
    wires = {name for name in reading.groups(root, "edge") if name.startswith("cable/")}
    assert len(wires) == len({cable for cable in picture.graph.cables if cable.seen}) + sum(
        len(outer.ends) for outer in picture.graph.outers
    )


def all_in(texts: tuple[str, ...], where: str) -> bool:
    return all(text in where for text in texts)


def test_hostile_names_are_shown_and_nothing_more() -> None:
    picture = Topology(scenes.hostile())
    root = reading.svg(picture.svg())
    said = reading.texts(root)
    for name in (*scenes.HOSTILE_ROOMS, *scenes.HOSTILE_LINKS):
        assert printable(name) in said
    assert set(reading.groups(root, "node")) == {f"room/{key(ns)}" for ns in scenes.HOSTILE_ROOMS}
    assert len(reading.groups(root, "edge")) == len(scenes.HOSTILE_ROOMS)
    assert "<script" not in picture.svg()


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as made:
        made.svg("graph { started }")
        yield made


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ns=scenes.NAMES, alias=st.text(max_size=20))
def test_any_name_makes_a_picture_that_can_be_read(renderer: Renderer, ns: str, alias: str) -> None:
    links = [[ns, 2, ns, "dummy", 0x10043, "", "", 0, "", "", "", "", alias]]
    graph = build(Snapshot.from_data({"namespaces": [["host"], [ns, 1, True]], "links": links}))
    root = reading.svg(finish(renderer.svg(source(graph).text), ns))
    assert [text.strip() for text in reading.texts(root)].count(short(ns).strip()) >= 1
    assert f"tip/socket/{key(ns)}/{key(ns)}" in {each.get("id") for each in root.iter()}


def test_tooltips_are_titles() -> None:
    root = reading.svg(drawn("cable").svg())
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "red: network namespace" in titles
    assert "blue/veth-blue ⇄ red/veth-red: up" in titles
    assert any(title.startswith("red/veth-red: veth, up, mac 02:") for title in titles if title)
    assert "cluster_host" not in titles


def test_it_stands_on_a_card_and_follows_the_page() -> None:
    text = drawn("nat").svg()
    root = reading.svg(text)
    card = root.find("{http://www.w3.org/2000/svg}rect")
    assert card is not None
    assert card.get("fill") == palette.CARD
    style = root.findtext("{http://www.w3.org/2000/svg}style") or ""
    dark = style.partition("@media (prefers-color-scheme:dark)")[2]
    for element in root.iter():
        for paint in (element.get("fill"), element.get("stroke")):
            if paint and paint.startswith("#"):
                assert f'="{paint}"]' in dark, f"{paint} has no dark counterpart"
            assert paint in (None, "none") or paint.startswith("#"), f"{paint} is no colour of the palette"
    assert dark.count("{") == dark.count("}") - 0


def test_it_says_in_words_what_it_shows() -> None:
    assert reading.svg(drawn("cable").svg()).get("aria-label") == drawn("cable").alt
    assert drawn("cable").alt == (
        "Network of the lab: 2 rooms, 1 cable. host."
        " blue: veth-blue up 192.168.15.2/24, cable to red/veth-red. red: veth-red up 192.168.15.1/24, cable to blue/veth-blue."
    )


def test_the_sandbox_stands_in_the_corner_and_in_nothing_that_is_compared() -> None:
    """Notebooks' outputs are equal in every kind of lab: the text drawing and the words for listeners do not tell it."""
    picture = drawn("cable", sandbox="rootless-nomount: no mounts")
    root = reading.svg(picture.svg())
    assert "rootless-nomount: no mounts" in reading.texts(root)
    assert str(root.get("aria-label")).endswith(" Sandbox: rootless-nomount: no mounts.")
    plain = drawn("cable")
    assert "rootless" not in plain.svg()
    shown, other = picture._repr_mimebundle_(), plain._repr_mimebundle_()
    assert shown["text/plain"] == other["text/plain"]
    assert shown["text/html"].partition("src=")[0] == other["text/html"].partition("src=")[0]


@given(words=st.text(min_size=1, max_size=60))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_corner_holds_any_words(renderer: Renderer, words: str) -> None:
    root = reading.svg(finish(renderer.svg("graph { a }"), "", words))
    assert printable(words) in reading.texts(root)
    badge = next(each for each in root if each.get("id") == "sandbox")
    box = badge.find("{http://www.w3.org/2000/svg}rect")
    assert box is not None
    width, height = (float(each) for each in str(root.get("viewBox")).split()[2:])
    assert float(str(box.get("x"))) >= 0
    assert float(str(box.get("x"))) + float(str(box.get("width"))) <= width
    assert float(str(box.get("y"))) + float(str(box.get("height"))) <= height


def test_the_same_every_time() -> None:
    assert drawn("nat").svg() == drawn("nat").svg()


def test_what_is_no_picture_is_refused() -> None:
    for text in ("", "<html></html>", '<svg width="-2147483648pt" height="1pt"\n viewBox="0 0 1 1">'):
        with pytest.raises(ValueError, match="nothing that can be shown"):
            finish(text)
