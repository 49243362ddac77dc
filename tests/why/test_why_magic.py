"""``%why`` in a notebook, and the offer of it."""

from __future__ import annotations

import pytest

from nsmagic.why.verdict import Verdict
from tests.conftest import Notebook
from tests.why.scenes import CABLE

pytestmark = pytest.mark.sandbox


def test_the_value_and_what_is_shown(notebook: Notebook) -> None:
    notebook.cell("%%netns --quiet\n" + CABLE.commands)
    ran = notebook.cell("%why red blue")
    assert isinstance(ran.value, Verdict)
    assert ran.value.reachable
    bundle = ran.value._repr_mimebundle_()
    assert bundle["text/plain"] == "✓ red reaches 192.168.15.2 (blue)\nThe echo came back."
    assert "<details>" in bundle["text/html"]
    assert notebook.cell("%why red 192.168.15.2 --port 80").value.cause == "port-closed"
    assert notebook.cell("%why red 192.168.15.2 --port 53 --proto udp").value.cause == "port-closed"


def test_one_step_at_a_time(notebook: Notebook) -> None:
    notebook.cell("%%netns --quiet\n" + CABLE.commands + "\nip -n blue link set veth-blue down")
    said = [str(notebook.cell("%why red 192.168.15.2 --hint").value) for _ in range(4)]
    assert said[0] == (
        "✗ red does not reach 192.168.15.2 (blue)\nhint:     A cable has two ends. Look at both.\nmore:     %why … --hint once more"
    )
    assert said[1].splitlines()[:2] == ["✗ peer-down at blue/veth-blue", "see it:   ip -n blue link show veth-blue"]
    assert "mend it" not in said[1]
    assert "mend it:  ip -n blue link set veth-blue up" in said[2]
    assert said[3] == said[2]


def test_what_cannot_be_read(notebook: Notebook) -> None:
    assert "%why needs a target" in str(notebook.cell("%why").error)
    assert '"x" is one word too many' in str(notebook.cell("%why a b x").error)
    assert "there is no option --prot" in str(notebook.cell("%why a b --prot tcp").error)
    assert '--size "big" is no number of bytes' in str(notebook.cell("%why a b --size big").error)
    assert '--port "http" is no port' in str(notebook.cell("%why a b --port http").error)


def test_it_is_offered(notebook: Notebook) -> None:
    notebook.cell("%%netns --quiet\n" + CABLE.commands + "\nip -n blue link set veth-blue down")
    assert "hint: %why red 192.168.15.2 explains" in notebook.cell("%netns red ping -c 1 -W 0.2 192.168.15.2").out
    ran = notebook.cell("%netns red curl -s -m 1 http://192.168.15.2:8000/")
    assert "%why red 192.168.15.2 --port 8000 explains" in str(ran.error) + ran.text
    ran = notebook.cell("%netns red nc -z -w 1 192.168.15.2 22")
    assert "%why red 192.168.15.2 --port 22 explains" in str(getattr(ran.error, "hint", "")) + ran.text


def test_completion(notebook: Notebook) -> None:
    notebook.cell("%%netns --quiet\n" + CABLE.commands)
    assert {"red", "blue"} <= set(notebook.complete("%why "))
    assert "192.168.15.2" in notebook.complete("%why red 192")
    assert "--port" in notebook.complete("%why red blue --p")
