"""The live picture in JupyterLab: it follows what other cells do, moves what it has, shows tables, and leaves the static picture."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest

from nsmagic.topology import palette
from tests.browser.test_static import rgb
from tests.topology import scenes

pytestmark = pytest.mark.notebook

ROOT = ".nsmagic-live"
PICTURE = 'img[src^="data:image/svg+xml"]'
RED = "socket/red/veth-red"

#: Watch a socket: when it said what, on the clock that Python's ``time.time()`` has too.
_WATCH = """([name]) => {
    const said = () => document.querySelector(`.nsmagic-live [data-name="${name}"]`)?.textContent ?? '';
    window.seen = [[performance.timeOrigin + performance.now(), said()]];
    new MutationObserver(() => {
        const now = said();
        if (now !== window.seen.at(-1)[1]) window.seen.push([performance.timeOrigin + performance.now(), now]);
    }).observe(document.querySelector('.nsmagic-live'), {subtree: true, childList: true, characterData: true});
}"""

#: When the socket said a word first after a moment.
_WHEN = "([from, word]) => window.seen.find((each) => each[0] > from && each[1].includes(`${word} `))[0]"

#: Collect where an element is in each frame, and which elements had which class, however few frames a busy machine draws.
_FOLLOW = """([id]) => {
    const element = window.kept = document.querySelector(`.nsmagic-live [data-id="${id}"]`);
    window.places = [];
    window.classes = new Set();
    const look = () => {
        for (const name of ['come', 'leave', 'busy', 'changed', 'packet'])
            for (const each of document.querySelectorAll(`.nsmagic-live .${name}`))
                window.classes.add(`${name} ${each.dataset.id ?? ''}`.trim());
    };
    new MutationObserver(look).observe(
        document.querySelector('.nsmagic-live'), {subtree: true, childList: true, attributeFilter: ['class']}
    );
    const step = () => {
        window.places.push(Math.round(element.getBoundingClientRect().y * 2 - document.querySelector('.nsmagic-live').getBoundingClientRect().y * 2));
        if (element.isConnected) requestAnimationFrame(step);
    };
    look();
    step();
}"""


def started(lab: Any, server: Any, name: str, *cells: str) -> None:
    """A notebook with four rooms on a bridge and the live picture of them."""
    build = "%%netns --quiet\n" + scenes.SCENES["switch"].commands
    lab.open(server.notebook(name, "%load_ext nsmagic\nimport time", build, "%topology --live", *cells))
    lab.run_all()
    lab.page.wait_for_selector(f'{ROOT} [data-name="{RED}"]')


def until(lab: Any, words: str, *arguments: Any) -> None:
    lab.page.wait_for_function(words, arg=list(arguments), timeout=30_000)


def until_classes(lab: Any, *wanted: str) -> None:
    """Until each was seen on its element, since what follows it was asked to."""
    until(lab, "(wanted) => wanted.every((each) => window.classes.has(each))", *wanted)


def test_it_follows_the_kernel(jupyterlab: Any, server: Any, record_property: Callable[[str, Any], None]) -> None:
    lab = jupyterlab()
    started(lab, server, "follow.ipynb")
    lab.page.evaluate(_WATCH, [RED])
    delays = []
    for turn in range(8):
        word = ("down", "up")[turn % 2]
        written = lab.type(f"began = time.time()\n%netns --quiet ip -n red link set veth-red {word}\nprint(began)")
        began = float(written.split()[-1]) * 1000
        until(lab, "([word]) => window.seen.at(-1)[1].includes(`${word} `)", word)
        delays.append(lab.page.evaluate(_WHEN, [began, word]) - began)
    words = f"from the command to the page {statistics.median(delays):.0f} ms (median; most {max(delays):.0f} ms)"
    record_property("figure", ("live picture", words))
    # While a cell runs, which keeps the notebook's kernel busy.
    lab.begin("%%netns\nip -n red link set veth-red down")
    until(lab, "() => window.seen.at(-1)[1].includes('down ')")
    lab.page.locator(ROOT).scroll_into_view_if_needed()
    lab.shot("live-while-a-cell-runs")
    assert "+" not in lab.interrupt()
    # A new room comes, those that are there keep their elements and glide.
    lab.page.evaluate(_FOLLOW, ["room/orange"])
    lab.type(
        "%%netns --quiet\nip netns add green\nip link add veth-green netns green type veth peer name to-green\nip link set to-green up"
    )
    until(
        lab,
        "() => document.querySelector('[data-id=\"room/green\"]') && !document.querySelector('.nsmagic-live .come')",
    )
    lab.type("%netns --quiet ip netns del green")
    until(lab, "() => !document.querySelector('[data-id=\"room/green\"]')")
    until_classes(lab, "come room/green", "leave room/green")
    seen = lab.page.evaluate("() => [window.kept.isConnected, [...new Set(window.places)]]")
    lab.page.locator(ROOT).scroll_into_view_if_needed()
    lab.shot("live-after")
    assert seen[0], "the element of a room was made anew"
    assert len(seen[1]) > 4, "nothing glided"
    # Packets are seen on their cables.
    lab.page.evaluate("() => window.classes.clear()")
    lab.type("%netns --quiet blue ping -c 3 -i 0.2 192.168.15.3")
    until_classes(
        lab,
        "busy cable/host/veth-blue-br--blue/veth-blue",
        "busy cable/host/veth-orange-br--orange/veth-orange",
        "packet",
    )
    # An empty lab in its place, and the picture follows that one.
    lab.type("%lab reset")
    until(lab, "() => document.querySelector('.nsmagic-live .state').dataset.state === 'stopped'")
    lab.type("%netns ip netns add violet")
    until(lab, "() => document.querySelector('.nsmagic-live [data-name=\"room/violet\"]')")
    assert lab.page.locator(f"{ROOT} .state").inner_text() == "live"


def test_by_hand(jupyterlab: Any, server: Any, axe: Any) -> None:
    """Mouse, keyboard, both themes, and what axe-core says of it."""
    lab = jupyterlab()
    started(lab, server, "hand.ipynb", "%netns --quiet red ping -c 1 192.168.15.2")
    page = lab.page
    assert axe(page, ROOT) == []
    assert page.locator(f"{ROOT} svg").get_attribute("aria-label").startswith("Network of the lab: 4 rooms, 4 cables.")
    # A click on a socket shows what concerns it; the neighbour that the ping has made comes by itself.
    page.locator(f'{ROOT} [data-name="{RED}"]').click()
    page.wait_for_selector(f'{ROOT} .panel h3:text-is("red/veth-red")')
    page.wait_for_selector(f'{ROOT} .panel td:text-is("192.168.15.2")')
    lab.shot("live-socket")
    assert page.locator(f"{ROOT} .panel caption").all_inner_texts() == ["link", "addresses", "routes", "neighbours"]
    assert page.locator(f"{ROOT} .panel tbody").nth(1).inner_text().startswith("veth-red\t192.168.15.1/24")
    assert axe(page, ROOT) == []
    # The keyboard: from the socket to the next room, its tables, and back.
    page.locator(f'{ROOT} [data-name="{RED}"]').focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => document.activeElement.dataset.name") == "socket/blue/veth-blue"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("() => document.activeElement.dataset.name") == "room/red"
    page.keyboard.press("Enter")
    page.wait_for_selector(f'{ROOT} .panel h3:text-is("red")')
    page.keyboard.press("Escape")
    assert page.locator(f"{ROOT} .panel").is_hidden()
    assert page.evaluate("() => document.activeElement.dataset.name") == "room/red"
    # One stop for Tab in the picture, wherever one is.
    assert page.locator(f'{ROOT} [role="button"][tabindex="0"]').count() == 1
    # Zoom and pan, by key and by wheel and mouse; then all of it again.
    box = page.locator(f"{ROOT} svg").get_attribute
    whole = box("viewBox")
    page.keyboard.press("+")
    near = box("viewBox")
    assert float(near.split()[2]) < float(whole.split()[2])
    page.keyboard.press("Shift+ArrowRight")
    assert float(box("viewBox").split()[0]) > float(near.split()[0])
    page.keyboard.press("0")
    until(lab, "([was]) => document.querySelector('.nsmagic-live svg').getAttribute('viewBox') === was", whole)
    place = page.locator(f"{ROOT} svg").bounding_box()
    page.mouse.move(place["x"] + 30, place["y"] + 30)
    page.mouse.down()
    page.mouse.move(place["x"] + 90, place["y"] + 60)
    page.mouse.up()
    assert float(box("viewBox").split()[0]) < float(whole.split()[0])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    until(
        lab,
        "([was]) => Number(document.querySelector('.nsmagic-live svg').getAttribute('viewBox').split(' ')[2]) < was",
        float(whole.split()[2]),
    )
    assert page.locator(f"{ROOT} .panel").is_hidden(), "a drag is no click"
    page.get_by_role("button", name="Show all").click()
    # Dark
    page.locator(f'{ROOT} [data-name="room/red"]').click()
    lab.theme(dark=True)
    until(lab, "() => document.querySelector('.nsmagic-live').dataset.theme === 'dark'")
    lab.shot("live-dark")
    fill = page.evaluate("() => getComputedStyle(document.querySelector('[data-id=\"room/red\"] path')).fill")
    assert fill == "rgb({}, {}, {})".format(*rgb(palette.DARK[palette.shade("red").fill]))
    assert axe(page, ROOT) == []


def test_who_wants_no_movement_sees_none(jupyterlab: Any, server: Any) -> None:
    lab = jupyterlab(reduced_motion="reduce")
    started(lab, server, "still.ipynb")
    lab.page.evaluate(_FOLLOW, ["room/orange"])
    lab.type(
        "%%netns --quiet\nip netns add green\nip link add veth-green netns green type veth peer name to-green\nip link set to-green up"
    )
    until(lab, "() => document.querySelector('[data-id=\"room/green\"]')")
    lab.type("%netns --quiet blue ping -c 2 -i 0.2 192.168.15.1")
    until_classes(lab, "busy cable/host/veth-blue-br--blue/veth-blue")
    places, classes = lab.page.evaluate("() => [[...new Set(window.places)], [...window.classes]]")
    assert len(places) <= 4  # one for each picture, nothing between
    assert "packet" not in classes


def test_what_stays(jupyterlab: Any, server: Any) -> None:
    """Closed, or opened again without its kernel: the static picture, and no trace of a widget."""
    import nbformat

    lab = jupyterlab()
    started(lab, server, "stays.ipynb")
    image = lab.page.locator(PICTURE)
    assert image.count() == 1
    assert not image.is_visible()
    # What is stored is brought up to date after each cell, and the view stays as it is: an enlarged one stays enlarged.
    lab.page.locator(f'{ROOT} [data-name="room/red"]').focus()
    lab.page.keyboard.press("+")
    lab.page.evaluate(
        "() => { window.kept = document.querySelector('.nsmagic-live svg'); window.near = window.kept.getAttribute('viewBox') }"
    )
    lab.type("%netns --quiet ip netns add violet")
    until(lab, "() => document.querySelector('.nsmagic-live [data-name=\"room/violet\"]')")
    lab.type("'another cell'")
    until(lab, "([query]) => document.querySelector(query).alt.includes('violet')", PICTURE)
    assert lab.page.evaluate(
        "() => window.kept.isConnected && window.kept.checkVisibility() && window.kept.getAttribute('viewBox').split(' ')[2] === window.near.split(' ')[2]"
    )
    assert image.count() == 1
    assert not image.is_visible()
    lab.command("docmanager:save")
    lab.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=30_000)
    # Opened by somebody else, without a kernel that knows it.
    written = nbformat.read(server.folder / "stays.ipynb", 4)
    assert set(written.cells[2].outputs[0].data) == {"text/plain", "text/html"}
    assert written.cells[2].outputs[0].data["text/plain"].startswith("host")
    assert "violet" in written.cells[2].outputs[0].data["text/plain"]
    nbformat.write(written, server.folder / "again.ipynb")
    other = jupyterlab()
    other.open("again.ipynb")
    other.page.wait_for_selector(PICTURE, state="visible")
    other.page.locator(PICTURE).scroll_into_view_if_needed()
    other.shot("live-opened-again")
    assert other.page.locator(ROOT).count() == 0
    assert "not found" not in other.page.locator(".jp-Notebook").inner_text()
    # Closed in the notebook where it is.
    lab.type("Out[3].close()")
    lab.page.wait_for_selector(PICTURE, state="visible")
    lab.page.locator(PICTURE).scroll_into_view_if_needed()
    lab.shot("live-closed")
    assert lab.page.locator(ROOT).count() == 0


def test_the_worst_names(jupyterlab: Any, server: Any) -> None:
    lab = jupyterlab()
    said = lab.dialogs()
    names = [name for name in scenes.HOSTILE_ROOMS if "\n" not in name]
    build = (
        "from nsmagic import Lab\nimport shlex\nlab = Lab()\n"
        f"for name in {names!r}: lab.run('ip netns add ' + shlex.quote(name))\n"
        f"lab.run('ip link add ' + shlex.quote({scenes.HOSTILE_LINKS[0]!r}) + ' type veth peer name ' + shlex.quote({scenes.HOSTILE_LINKS[1]!r}))\n"
        "lab.live()"
    )
    lab.open(server.notebook("worst.ipynb", build))
    lab.run_all()
    lab.page.wait_for_selector(f"{ROOT} text[role=button]")
    rooms = lab.page.locator(f"{ROOT} text[role=button]").all_text_contents()
    assert "<script>alert(1)" in rooms
    lab.page.locator(f"{ROOT} text[role=button]").filter(has_text="<script>").click()
    assert lab.page.locator(f"{ROOT} .panel h3").inner_text() == "<script>alert(1)"
    lab.shot("live-worst")
    assert lab.page.evaluate("() => document.querySelectorAll('.nsmagic-live script').length") == 0
    assert said == []
