"""Elsewhere than in JupyterLab: Notebook 7, and what nbconvert makes of a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.test_static import stored
from tests.topology import scenes

pytestmark = pytest.mark.notebook

PICTURE = 'img[src^="data:image/svg+xml"]'


def _run_cell(page: Any, number: int) -> None:
    """Run a cell and wait until it says that it has begun. A key pressed while the page still moves is lost, and pressed again."""
    from playwright.sync_api import TimeoutError as Late

    for left in (3, 2, 1, 0):
        page.locator(".jp-Notebook .jp-CodeCell").nth(number).click()
        page.keyboard.press("Shift+Enter")
        try:
            page.wait_for_function(
                "n => /[\\d*]/.test(document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')[n].textContent)",
                arg=number,
                timeout=20_000,
            )
        except Late:
            if not left:
                raise
        else:
            return


def test_notebook_7(jupyterlab: Any, server: Any) -> None:
    """The same server shows it; the static picture and the live one."""
    pytest.importorskip("notebook", reason="Notebook 7 is not installed: pip install notebook")
    lab = jupyterlab()
    cells = [
        "%load_ext nsmagic",
        "%%netns --quiet\n" + scenes.SCENES["cable"].commands,
        "%topology",
        "%topology --live",
    ]
    name = server.notebook("seven.ipynb", *cells)
    page = lab.page
    page.goto(f"{server.url}notebooks/{name}?token={server.token}", timeout=90_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    page.wait_for_selector(
        '.jp-NotebookKernelStatus:has-text("Idle"), .jp-Notebook-ExecutionIndicator[data-status="idle"]',
        state="attached",
        timeout=90_000,
    )
    for number in range(len(cells)):
        _run_cell(page, number)
    page.wait_for_selector('.nsmagic-live [data-name="socket/red/veth-red"]', timeout=60_000)
    assert page.locator(PICTURE).first.is_visible()
    page.locator('.nsmagic-live [data-name="room/red"]').click()
    page.wait_for_selector('.nsmagic-live .panel h3:text-is("red")')
    page.locator(".nsmagic-live").scroll_into_view_if_needed()
    lab.shot("notebook-7")


def test_a_page_of_nbconvert(browser: Any, shots: Any) -> None:
    """Every scene, the live picture's output among them: an image each, with its description."""
    import nbformat

    nbconvert = pytest.importorskip("nbconvert")
    made = nbformat.v4.new_notebook(
        cells=[stored(name) for name in ("room", "cable", "vxlan", "inside", "down", "thirty")]
    )
    live = stored("nat")
    data = live.outputs[0].data
    live.outputs[0].data = {
        "text/plain": data["text/plain"],
        "text/html": f'<div data-nsmagic-live="0123456789abcdef">{data["text/html"]}</div>',
    }
    made.cells.append(live)
    page_text, _ = nbconvert.HTMLExporter(embed_images=True).from_notebook_node(made)
    context = browser.new_context(viewport={"width": 1000, "height": 1400})
    page = context.new_page()
    page.route("**/*", lambda route: route.abort() if route.request.url.startswith("http") else route.continue_())
    page.set_content(page_text, wait_until="domcontentloaded")
    images = page.locator(PICTURE)
    assert images.count() == 7
    for at in range(7):
        images.nth(at).scroll_into_view_if_needed()
        assert images.nth(at).evaluate("async (each) => { await each.decode(); return each.naturalWidth }") > 100
        assert images.nth(at).get_attribute("alt").startswith("Network of the lab: ")
    page.screenshot(path=str(shots / "nbconvert.png"), full_page=True)
    # On paper
    pdf = page.pdf()
    (shots / "nbconvert.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > 30_000
    context.close()
