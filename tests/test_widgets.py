"""The live picture and the explorer as a kernel sees them, without a browser (``tests/browser`` has one)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nsmagic import Lab
from nsmagic.errors import NsmagicError
from tests.conftest import Notebook
from tests.topology import scenes

pytestmark = pytest.mark.sandbox


def until(widget: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first picture of a live view that is as wanted."""
    seen = threading.Event()

    def look(change: Any) -> None:
        if wanted(change["new"]):
            seen.set()

    widget.observe(look, names="frame")
    if not wanted(dict(widget.frame)):
        assert seen.wait(15), "no such picture has come"
    widget.unobserve(look, names="frame")
    return dict(widget.frame)


# The live picture


def test_what_a_notebook_stores_is_the_static_picture(lab: Lab) -> None:
    lab.run(scenes.SCENES["cable"].commands).check()
    live = lab.live()
    bundle = live._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == str(lab.topology())
    assert f'<div data-nsmagic-live="{live.place}"><img alt="Network of the lab: 2 rooms' in bundle["text/html"]
    live.close()
    closed = live._repr_mimebundle_()["text/html"]
    assert closed.startswith("<img alt=")
    assert live.closed


def test_one_for_each_lab_until_it_is_closed(lab: Lab) -> None:
    lab.run("ip netns add red").check()
    live = lab.live()
    assert lab.live() is live
    assert lab.live("red") is not live
    live.close()
    again = lab.live()
    assert again is not live
    again.close()
    lab.live("red").close()


def test_it_shows_the_newest_picture(lab: Lab) -> None:
    live = lab.live()
    first = until(live, lambda frame: bool(frame.get("svg")))
    lab.run("ip netns add red").check()
    later = until(live, lambda frame: "red" in frame["rooms"])
    assert later["number"] > first["number"]
    assert "red" in str(live)
    live.close()


def test_the_styles_have_a_dark_colour_for_each_light_one() -> None:
    from nsmagic.topology import palette
    from nsmagic.widgets.live import Live

    for light, dark in palette.DARK.items():
        assert f'[data-theme="dark"] [fill="{light}"]{{fill:{dark}}}' in Live._css


def test_nothing_is_fetched_from_a_network() -> None:
    from nsmagic.widgets.live import HERE

    for path in (*HERE.glob("*.js"), *HERE.glob("*.css")):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text, path
        assert "import(" not in text
        assert "@import" not in text
        assert "fetch(" not in text


@pytest.mark.parametrize("missing", ["anywidget", "ipywidgets"])
def test_without_the_packages_it_says_so(
    lab: Lab, notebook: Notebook, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for what in (lab.live, lab.explorer):
        with pytest.raises(NsmagicError, match=f"needs {missing}, which is not installed") as raised:
            what()
        assert "pip install anywidget" in str(raised.value.hint)
    ran = notebook.cell("%topology --live")
    assert isinstance(ran.error, NsmagicError)
    assert notebook.cell("%topology").ok


def test_the_magic(notebook: Notebook) -> None:
    notebook.cell("%netns ip netns add red")
    live = notebook.cell("%topology --live").value
    assert "└─ red" in repr(live)
    assert notebook.cell("%topology --live").value is live
    refused = notebook.cell("%topology --live --diff")
    assert "--diff does not go with --live" in str(refused.error)
    live.close()
    explorer = notebook.cell("%explorer").value
    assert explorer.closed is False
    assert "takes no namespace" in str(notebook.cell("%explorer red").error)
    explorer.close()


# The explorer


@pytest.fixture
def explorer(lab: Lab) -> Any:
    lab.run(scenes.SCENES["cable"].commands).check()
    made = lab.explorer()
    until(made.live, lambda frame: "red" in frame.get("rooms", {}))
    yield made
    made.close()


def test_a_room_and_its_tables(explorer: Any) -> None:
    explorer.room.value = "red"
    explorer.table.value = "addresses"
    assert "<td>192.168.15.1/24</td>" in explorer.shown.value
    assert [value for _, value in explorer.link.options] == ["veth-red", "lo"]
    assert explorer.link.value == "veth-red"


def test_buttons_act_and_write_what_they_did(lab: Lab, explorer: Any) -> None:
    explorer.room.value = "red"
    explorer.press("Down")
    assert not next(link for link in lab.snapshot("links").links if link.ifname == "veth-red").up
    explorer.press("Up")
    explorer.address.value = "10.1.1.1/8"
    explorer.press("Add address")
    assert "10.1.1.1" in list(lab["red"].addrs.address)
    explorer.target.value = "192.168.15.2"
    explorer.press("Ping")
    assert "1 received" in explorer.said.value
    assert explorer.commands.value.splitlines() == [
        "%%netns",
        "ip -n red link set veth-red down",
        "ip -n red link set veth-red up",
        "ip -n red addr add 10.1.1.1/8 dev veth-red",
        "ip netns exec red ping -c 1 192.168.15.2",
    ]


def test_its_commands_do_the_same_in_a_cell(lab: Lab, notebook: Notebook) -> None:
    explorer = lab.explorer()
    for name in ("a", "b"):
        explorer.name.value = name
        explorer.press("Add namespace")
    until(explorer.live, lambda frame: {"a", "b"} <= set(frame.get("rooms", {})))
    explorer.room.value, explorer.other_room.value = "a", "b"
    explorer.end.value, explorer.other_end.value = "one", "two"
    explorer.press("Add cable")
    explorer.room.value = "host"
    explorer.bridge.value = "br0"
    explorer.press("Add bridge")
    assert notebook.cell(explorer.commands.value).ok
    made = notebook.cell("%topology").value
    assert str(made) == str(lab.topology())
    explorer.close()


@pytest.mark.parametrize(
    "name", ["x; ip netns add pwned", "$(ip netns add pwned)", "a'b\"c", "--help", "x && y", "{braces}", "#no"]
)
def test_what_is_typed_is_a_value(lab: Lab, explorer: Any, name: str) -> None:
    explorer.name.value = name
    explorer.press("Add namespace")
    assert "pwned" not in lab.names()
    assert set(lab.names()) <= {"red", "blue", name}


def test_mistakes_are_said(lab: Lab, explorer: Any) -> None:
    explorer.press("Add namespace")
    assert "name: nothing is given" in explorer.said.value
    assert explorer.commands.value == "%%netns"
    explorer.name.value = "red"
    explorer.press("Add namespace")
    assert "File exists" in explorer.said.value
    assert 'class="wrong"' in explorer.said.value
    explorer.name.value = "it's open"
    explorer.press("Add namespace")
    assert "it's open" in lab.names()


def test_steps_come_back(lab: Lab, explorer: Any) -> None:
    labels = [label for label, _ in explorer.steps.options]
    assert len(labels) == len(lab.history.entries)
    assert labels[0].split() == ["1", "ip", "netns", "add", "red", "+", "namespace", "red"]
    explorer.steps.value = 3
    assert "After step 3" in explorer.step.value
    assert 'alt="Network of the lab: 2 rooms, 1 cable. host: veth-red down' in explorer.step.value
    lab.run("ip netns del red").check()
    until(explorer.live, lambda frame: "red" not in frame["rooms"])
    explorer.steps.value = 5
    assert "cable to blue/veth-blue" in explorer.step.value


def test_a_reset_empties_it(lab: Lab, explorer: Any) -> None:
    lab.reset()
    lab.run("ip netns add green").check()
    until(explorer.live, lambda frame: "green" in frame["rooms"] and not frame["ended"])
    until(explorer.live, lambda frame: len(explorer.steps.options) == 1)
    assert [label for label, _ in explorer.room.options] == ["host", "green"]


# Steps


def test_a_step_is_what_the_lab_was(lab: Lab) -> None:
    texts = []
    for line in scenes.SCENES["cable"].commands.strip().splitlines():
        lab.run(line).check()
        lab.snapshot()
        texts.append(str(lab.topology()))
    lab.run("ip netns del red; ip netns add green").check()
    assert [str(lab.topology(step=number)) for number in range(1, len(texts) + 1)] == texts


def test_steps_of_one_cell(lab: Lab) -> None:
    """Consequences that come a moment later belong to the step before."""
    lab.run(scenes.SCENES["cable"].commands).check()
    entries = lab.history.entries
    last = lab.topology(step=len(entries))
    assert str(last) == str(lab.topology())
    before = lab.topology(step=len(entries) - 1)
    assert "veth-red        no carrier" in str(before)
    assert "veth-blue       DOWN" in str(before)


def test_what_is_in_no_table_is_undone(lab: Lab) -> None:
    lab.run("ip netns add router").check()
    lab.run("sysctl -w net.ipv4.ip_forward=1", "router").check()
    lab.run("iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", "router").check()
    lab.run("ip netns add red").check()
    assert "forwards packets" not in str(lab.topology(step=1))
    assert "forwards packets" in str(lab.topology(step=2))
    assert "NAT" not in str(lab.topology(step=2))
    assert "NAT" in str(lab.topology(step=3))
    assert "red" not in str(lab.topology(step=3))


def test_what_a_step_changed_is_marked(lab: Lab) -> None:
    lab.run(scenes.SCENES["cable"].commands).check()
    assert "← new" in str(lab.topology(step=1, diff=True))


@pytest.mark.parametrize("number", [3, -1, 10_000])
def test_no_such_step(lab: Lab, number: int) -> None:
    lab.run("ip netns add red; ip netns add blue").check()
    with pytest.raises(NsmagicError, match=f"there is no step {number}") as raised:
        lab.topology(step=number)
    assert raised.value.hint == "steps: 1 to 2"


def test_a_large_quiet_cell_is_known_at_its_end(lab: Lab) -> None:
    """It is done in one go, without looking at what each of its commands changed."""
    lab.run("ip netns add first").check()
    lab.run("\n".join(f"ip link add br{number} type bridge" for number in range(60)), changes=False).check()
    lab.run("ip netns add last").check()
    assert len(lab.history.entries) == 62
    for number in (2, 61):
        assert "br59" in str(lab.topology(step=number))
        assert "last" not in str(lab.topology(step=number))
    assert "br0" not in str(lab.topology(step=1))


def test_a_program_is_a_step(lab: Lab) -> None:
    lab.run("for name in a b; do ip netns add $name; done").check()
    lab.run("ip netns del a").check()
    assert "├─ a" in str(lab.topology(step=1))
