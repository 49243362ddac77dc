"""The explorer in JupyterLab: its buttons change the kernel and write the command, its tables follow, a step's picture comes back."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.topology import scenes

pytestmark = pytest.mark.notebook

ROOT = ".nsmagic-explorer"
PICTURE = 'img[src^="data:image/svg+xml"]'


def field(page: Any, name: str, number: int = 0) -> Any:
    return page.locator(ROOT).get_by_label(name, exact=True).nth(number)


def press(page: Any, words: str) -> None:
    page.locator(ROOT).get_by_role("button", name=words, exact=True).click()


def typed(page: Any, words: str) -> None:
    """Wait until the commands end with these."""
    page.wait_for_function(
        "([words]) => document.querySelector('.nsmagic-explorer textarea').value.endsWith(words)",
        arg=[words],
        timeout=30_000,
    )


def test_buttons_tables_and_steps(jupyterlab: Any, server: Any, axe: Any) -> None:
    lab = jupyterlab()
    lab.open(
        server.notebook(
            "explorer.ipynb", "%load_ext nsmagic", "%%netns --quiet\n" + scenes.SCENES["cable"].commands, "%explorer"
        )
    )
    lab.run_all()
    page = lab.page
    page.set_viewport_size({"width": 1250, "height": 1400})
    page.wait_for_selector(f'{ROOT} [data-name="room/red"]')
    # A room's tables, which follow the kernel also while a cell runs.
    field(page, "room").select_option(label="red")
    page.wait_for_selector(f'{ROOT} .nsmagic-part td:text-is("veth-red")')
    page.locator(ROOT).get_by_role("button", name="addresses").click()
    page.wait_for_selector(f'{ROOT} .nsmagic-part td:text-is("192.168.15.1/24")')
    lab.begin("%%netns\nip -n red addr add 10.7.7.7/8 dev veth-red")
    page.wait_for_selector(f'{ROOT} .nsmagic-part td:text-is("10.7.7.7/8")')
    lab.interrupt()
    # What each button does to the kernel is seen in the picture, what it is in the commands.
    press(page, "Down")
    typed(page, "ip -n red link set veth-red down")
    page.wait_for_selector(f'{ROOT} [data-name="socket/red/veth-red"]:has-text("down")')
    press(page, "Up")
    typed(page, "ip -n red link set veth-red up")
    page.wait_for_selector(f'{ROOT} [data-name="socket/red/veth-red"]:has-text("up")')
    field(page, "address", 1).fill("192.168.15.2")
    press(page, "Ping")
    typed(page, "ip netns exec red ping -c 1 192.168.15.2")
    page.wait_for_selector(f'{ROOT} pre:has-text("1 received")')
    # A value is no syntax; what the kernel refuses is said.
    worst = "a b; touch `x` $(id) <script>"
    field(page, "name").fill(worst)
    press(page, "Add namespace")
    typed(page, f"ip netns add {shlex.quote(worst)}")
    page.wait_for_selector(f"{ROOT} [data-name^='room/a%20b']")
    field(page, "name").fill("red")
    press(page, "Add namespace")
    page.wait_for_selector(f'{ROOT} pre.wrong:has-text("File exists")')
    field(page, "room").select_option(label="host")
    field(page, "name", 1).fill("v-net-0")
    press(page, "Add bridge")
    typed(page, "ip link add v-net-0 type bridge\nip link set v-net-0 up")
    page.wait_for_selector(f'{ROOT} [data-name="socket/host/v-net-0"]')
    field(page, "one end").fill("to-blue")
    field(page, "to room").select_option(label="blue")
    field(page, "other end").fill("to-host")
    press(page, "Add cable")
    typed(page, "ip link add to-blue type veth peer name to-host netns blue")
    page.wait_for_selector(f'{ROOT} [data-name="socket/blue/to-host"]')
    # A click in the picture chooses here too.
    page.locator(f'{ROOT} [data-name="socket/host/to-blue"]').click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.nsmagic-explorer select')].some((each) => each.selectedOptions[0]?.label === 'to-blue')"
    )
    field(page, "into").select_option(label="v-net-0")
    press(page, "Plug in")
    typed(page, "ip link set to-blue master v-net-0")
    lab.shot("explorer")
    assert axe(page, ROOT) == []
    # The commands, copied into a cell of another lab, build the same.
    script = page.locator(f"{ROOT} textarea").input_value()
    assert script.startswith("%%netns\n")
    # The steps: what each changed, and the picture of that time.
    steps = field(page, "steps")
    words = steps.locator("option").all_text_contents()
    assert words[0].split() == ["1", "ip", "netns", "add", "red", "+", "namespace", "red"]
    steps.select_option(index=2)
    picture = page.locator(f"{ROOT} {PICTURE}")
    picture.wait_for()
    assert "v-net-0" not in picture.get_attribute("alt")
    assert picture.get_attribute("alt").startswith("Network of the lab: 2 rooms, 1 cable. host: veth-red down")
    steps.select_option(index=len(words) - 1)
    page.wait_for_function(
        "([query]) => document.querySelector(query)?.alt.includes('v-net-0')", arg=[f"{ROOT} {PICTURE}"]
    )
    steps.scroll_into_view_if_needed()
    lab.shot("explorer-step")
    lab.theme(dark=True)
    page.wait_for_function("() => document.querySelector('.nsmagic-live').dataset.theme === 'dark'")
    lab.shot("explorer-dark")
    assert axe(page, ROOT) == []
    # Closed, it leaves the static picture.
    lab.type("Out[3].close()")
    page.locator(ROOT).wait_for(state="detached")
    assert page.locator(PICTURE).is_visible()
