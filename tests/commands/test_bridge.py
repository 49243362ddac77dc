"""``bridge``: every form by its exact arguments, its refusals, and the real tool beside it."""

from __future__ import annotations

import pytest
from tool_checks import checks_of, read, steps

from nsmagic.commands.command import Batch, Command

globals().update(checks_of("bridge", not_asked=(
    # The kernel here has no VLAN filtering.
    "bridge vlan add vid 10 dev v0", "bridge vlan add dev v0 vid 10 pvid untagged", "bridge vlan add vid 10-20 dev p0 master",
    "bridge vlan a vid 10 dev br0 self",
)))  # fmt: skip


def test_options_before_the_object() -> None:
    command = read("bridge", "bridge -d -s -j -p -o -c -n blue link", "red")
    assert isinstance(command, Command)
    assert command.ns == "blue"
    assert command.display == {name: True for name in ("details", "stats", "json", "pretty", "oneline", "color")}
    assert read("bridge", "bridge --json link").display == {"json": True}  # type: ignore[union-attr]


def test_batch() -> None:
    assert read("bridge", "bridge -force -batch commands", "red") == Batch(
        "commands", force=True, ns="red", tool="bridge"
    )


def test_the_object_may_be_shortened() -> None:
    assert steps(read("bridge", "bridge f")) == [("bridge.fdb.show", {})]
    assert steps(read("bridge", "bridge v l")) == [("bridge.vlan.show", {})]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("bridge link set v0 cost 5", 'write "dev v0"'),
        ("bridge link set dev v0 hairpn on", 'at character 24, "hairpn": did you mean "hairpin"?'),
        ("bridge vlan add vid 10 dev v0 untaged", 'at character 31, "untaged": did you mean "untagged"?'),
        ("bridge fbd", 'at character 8, "fbd": did you mean "fdb"?'),
    ],
)
def test_hints_name_the_place(line: str, hint: str) -> None:
    with pytest.raises(Exception) as caught:
        read("bridge", line)
    assert caught.value.hint == hint  # type: ignore[attr-defined]
