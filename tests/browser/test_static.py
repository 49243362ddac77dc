"""The static picture in JupyterLab: seen in a trusted and in an untrusted notebook, described, on light and on dark pages."""

from __future__ import annotations

from typing import Any

import pytest

from nsmagic.topology import palette
from nsmagic.topology.picture import Topology
from tests.topology import scenes

pytestmark = pytest.mark.notebook

PICTURE = 'img[src^="data:image/svg+xml"]'

#: What the picture looks like: its size on the page, and the colours of some of its points (fractions of width and height).
_LOOK = """async (image) => {
    await image.decode();
    const box = image.getBoundingClientRect();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    const [red, green, blue] = pen.getImageData(canvas.width / 2, 4, 1, 1).data;
    return {width: box.width, height: box.height, wide: image.naturalWidth, card: [red, green, blue]};
}"""


def stored(scene: str) -> Any:
    """A cell with its picture, as it stands in a notebook of somebody else."""
    import nbformat

    found = scenes.recorded(scene)
    bundle = Topology(found.snapshot, forwarding=found.forwarding, changes=found.changes)._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("%topology", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("execute_result", bundle, execution_count=1)]
    return cell


def rgb(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def look(lab: Any) -> dict[str, Any]:
    image = lab.page.wait_for_selector(PICTURE, timeout=60_000)
    image.scroll_into_view_if_needed()
    return dict(image.evaluate(_LOOK))


def test_a_picture_drawn_by_a_cell(jupyterlab: Any, server: Any) -> None:
    lab = jupyterlab()
    lab.open(
        server.notebook("drawn.ipynb", "%load_ext nsmagic", "%%netns\n" + scenes.SCENES["cable"].commands, "%topology")
    )
    lab.run_all()
    seen = look(lab)
    lab.shot("drawn")
    assert 300 < seen["wide"] < 700
    assert seen["width"] == pytest.approx(seen["wide"], abs=2)
    assert seen["height"] > 80
    alt = lab.page.get_attribute(PICTURE, "alt")
    assert alt.startswith(
        "Network of the lab: 2 rooms, 1 cable. host. blue: veth-blue up 192.168.15.2/24, cable to red/veth-red."
    )
    assert lab.page.locator(PICTURE).count() == 1


def test_a_stored_picture_in_an_untrusted_notebook(jupyterlab: Any, server: Any) -> None:
    lab = jupyterlab()
    lab.open(server.notebook("untrusted.ipynb", stored("nat")))
    seen = look(lab)
    lab.shot("untrusted")
    trusted = lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.model.cells.get(0).trusted")
    assert trusted is False
    assert seen["wide"] > 500
    assert 0 < seen["width"] <= 1100
    assert lab.page.get_attribute(PICTURE, "alt").startswith("Network of the lab: 4 rooms, 5 cables. host: eth0 up")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_follows_the_theme_of_jupyterlab(jupyterlab: Any, server: Any, theme: str, scheme: str) -> None:
    """Not that of the machine: a browser asks the page for its scheme."""
    lab = jupyterlab(color_scheme=scheme)
    lab.open(server.notebook(f"{theme[-4:]}-{scheme}.ipynb", stored("changed"), stored("down")))
    lab.command("apputils:change-theme", theme=theme)
    lab.page.wait_for_function(f"() => document.body.dataset.jpThemeName === {theme!r}", timeout=60_000)
    seen = look(lab)
    lab.shot(f"{theme}-{scheme}".replace(" ", "-").lower())
    assert seen["card"] == rgb(palette.DARK[palette.CARD] if theme == "JupyterLab Dark" else palette.CARD)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_an_exported_page(browser: Any, shots: Any, scheme: str) -> None:
    """As nbconvert writes it: the picture has its own ground, whatever that of the page."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1000, "height": 700})
    page = context.new_page()
    page.set_content(f"<meta name='color-scheme' content='light dark'>{stored('nat').outputs[0].data['text/html']}")
    seen = page.wait_for_selector(PICTURE).evaluate(_LOOK)
    page.screenshot(path=str(shots / f"page-{scheme}.png"))
    context.close()
    assert seen["card"] == rgb(palette.CARD if scheme == "light" else palette.DARK[palette.CARD])


def test_a_wide_picture_is_no_wider_than_its_place(jupyterlab: Any, server: Any) -> None:
    import nbformat

    lab = jupyterlab()
    found = scenes.recorded("nat")
    cell = nbformat.v4.new_code_cell("%topology --all", execution_count=1)
    bundle = Topology(found.snapshot, all=True, forwarding=found.forwarding)._repr_mimebundle_()
    cell.outputs = [nbformat.v4.new_output("execute_result", bundle, execution_count=1)]
    lab.open(server.notebook("wide.ipynb", cell, stored("thirty")))
    seen = look(lab)
    lab.shot("wide")
    assert seen["wide"] > 1100
    assert seen["width"] < 1100
    assert seen["height"] / seen["width"] == pytest.approx(
        lab.page.evaluate(
            f"() => {{ const e = document.querySelector('{PICTURE}'); return e.naturalHeight / e.naturalWidth }}"
        ),
        rel=0.02,
    )


def test_the_worst_names_run_nothing(jupyterlab: Any, server: Any) -> None:
    import nbformat

    lab = jupyterlab()
    said = lab.dialogs()
    cell = nbformat.v4.new_code_cell("%topology", execution_count=1)
    cell.outputs = [
        nbformat.v4.new_output("execute_result", Topology(scenes.hostile())._repr_mimebundle_(), execution_count=1)
    ]
    lab.open(server.notebook("hostile.ipynb", cell))
    assert look(lab)["wide"] > 500
    lab.shot("hostile")
    # The same picture by itself in a page, where scripts of an SVG would run.
    page = lab.page.context.new_page()
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.set_content(Topology(scenes.hostile()).svg())
    assert page.evaluate("() => document.scripts.length") == 0
    titles = page.evaluate("() => [...document.querySelectorAll('title')].map(each => each.textContent)")
    assert any("<script>alert(1)" in title for title in titles)
    assert said == []
