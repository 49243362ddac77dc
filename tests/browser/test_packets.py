"""The table of a running capture in JupyterLab: it grows while a cell runs, its button ends it, and the notebook stores a plain table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.topology import scenes

pytestmark = pytest.mark.notebook

ROOT = ".nsmagic-packets"


def test_it_grows_and_is_ended_and_stored(jupyterlab: Any, server: Any, axe: Any) -> None:
    import nbformat

    lab = jupyterlab()
    build = "%%netns --quiet\n" + scenes.SCENES["switch"].commands
    name = server.notebook("packets.ipynb", "%load_ext nsmagic", build, "%sniff red icmp --live --out capture")
    lab.open(name)
    lab.run_all()
    page = lab.page
    page.wait_for_selector(f"{ROOT} .state")
    # While a cell runs, which keeps the notebook's kernel busy.
    lab.begin("%%netns --quiet red\nping -c 3 -i 0.1 192.168.15.3")
    page.wait_for_function(f"() => document.querySelectorAll('{ROOT} tbody tr').length === 6", timeout=20_000)
    page.evaluate(f"() => {{ window.kept = document.querySelector('{ROOT} tbody tr') }}")
    lab.interrupt()
    page.locator(ROOT).scroll_into_view_if_needed()
    lab.shot("packets-live")
    assert axe(page, ROOT) == []
    lab.type("%netns --quiet red ping -c 1 192.168.15.3")
    page.wait_for_function(f"() => document.querySelectorAll('{ROOT} tbody tr').length === 8", timeout=20_000)
    assert page.evaluate("() => window.kept.isConnected"), "rows that are there were made anew"
    page.locator(f"{ROOT} button").click()
    page.wait_for_function(f"() => document.querySelector('{ROOT} .state').dataset.state === 'stopped'", timeout=20_000)
    assert page.locator(f"{ROOT} .state").inner_text() == "packets of red: 8 packets"
    assert page.locator(f"{ROOT} button").is_hidden()
    assert page.locator(ROOT).count() == 1
    lab.theme(True)
    page.wait_for_function(f"() => document.querySelector('{ROOT}').dataset.theme === 'dark'", timeout=20_000)
    page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')?.checkVisibility()", timeout=20_000)
    lab.shot("packets-stopped")
    # What is stored is the table, without a widget.
    page.wait_for_function(
        "() => document.querySelectorAll('[data-nsmagic-packets] > table tr').length === 9", timeout=20_000
    )
    lab.command("docmanager:save")
    path = server.folder / name
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=20_000)
    outputs = nbformat.read(path, 4).cells[2].outputs
    assert [set(each.data) for each in outputs] == [{"text/plain", "text/html"}]
    assert outputs[0].data["text/plain"].endswith("packets of red: 8 packets")
