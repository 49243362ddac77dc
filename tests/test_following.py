"""The table that follows a capture, as a kernel sees it, without a browser (``tests/browser`` has one)."""

from __future__ import annotations

import threading

import pytest

from nsmagic import Lab
from nsmagic.errors import NamespaceNotFound
from nsmagic.following import ROWS
from tests.conftest import Notebook

pytestmark = pytest.mark.sandbox


def test_it_follows_while_the_capture_runs(lab: Lab) -> None:
    live = lab.sniff_live("host:lo", "icmp")
    seen = threading.Event()
    live.widget.observe(lambda change: len(change["new"]["rows"]) == 4 and seen.set(), names="table")
    lab.run("ping -c 1 127.0.0.1").check()
    assert seen.wait(10)
    table = live.widget.table
    assert table["running"]
    assert [dict(zip(table["columns"], row, strict=True))["dir"] for row in table["rows"]] == ["out", "in", "out", "in"]
    assert table["words"] == "packets of host:lo: 4 so far"
    assert "running" in live._repr_mimebundle_()["text/html"]
    live.widget.asked = True  # the button
    live.wait(10)
    assert live.closed
    assert not live.widget.table["running"]
    assert live.widget.table["words"] == "packets of host:lo: 4 packets"


def test_what_is_stored_is_a_plain_table_and_its_place(lab: Lab) -> None:
    live = lab.sniff_live("host:lo", "icmp", count=2)
    lab.run("ping -c 1 127.0.0.1").check()
    live.wait(10)
    bundle = live._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == repr(live.capture)
    assert bundle["text/html"].startswith(f'<div data-nsmagic-packets="{live.widget.place}"><table')


def test_its_rows_are_bounded(lab: Lab) -> None:
    number = 2 * ROWS + 4
    live = lab.sniff_live("host:lo", "icmp", count=number)
    lab.run("ping -q -i 0.001 -c 60 127.0.0.1").check()
    live.wait(20)
    table = live.widget.table
    assert (len(table["rows"]), table["first"], len(live.capture)) == (ROWS, number - ROWS + 1, number)
    info = table["columns"].index("info")
    assert table["rows"][-1][info] == live.capture.decoded()[-1].words


def test_names_that_are_no_markup_for_a_terminal(lab: Lab) -> None:
    lab.run("ip netns add '<b>x'; ip -n '<b>x' link set lo up").check()
    live = lab.sniff_live("any", "icmp", count=2)
    lab.run("ping -c 1 127.0.0.1", "<b>x").check()
    live.wait(10)
    assert live.widget.table["rows"][0][1] == "<b>x"  # the script sets it as text
    assert "<b>" not in live._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;x" in live._repr_mimebundle_()["text/html"]


def test_the_magic(notebook: Notebook) -> None:
    ran = notebook.cell("%sniff host:lo icmp --live --count 4 --out capture")
    assert ran.ok
    assert notebook.cell("%netns ping -c 1 127.0.0.1").ok
    ran.value.wait(10)
    assert len(notebook.shell.user_ns["capture"]) == 4
    assert notebook.shell.user_ns["capture"] is ran.value.capture
    with pytest.raises(NamespaceNotFound):
        raise notebook.cell("%sniff nowhere --live").error
