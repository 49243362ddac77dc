"""The linter: each frequent mistake is found where it stands, and what is right is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nsmagic import NsmagicError
from nsmagic.course import lint as lint_
from nsmagic.course.lint import lint, lint_text
from nsmagic.sentences import FILE, say_lint

TOP = Path(__file__).resolve().parent.parent.parent
RIGHT = """ip netns add red
ip netns add blue
ip link add v-net-0 type bridge
ip link set dev v-net-0 up
ip link add veth-red type veth peer name veth-red-br
ip link add veth-blue type veth peer name veth-blue-br
ip link set veth-red netns red
ip link set veth-red-br master v-net-0
ip link set veth-blue netns blue
ip link set veth-blue-br master v-net-0
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n red link set veth-red up
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n blue link set veth-blue up
ip link set veth-red-br up
ip link set veth-blue-br up
ip addr add 192.168.15.5/24 dev v-net-0
sysctl -w net.ipv4.ip_forward=1
ip -n blue route add default via 192.168.15.5
iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE"""

#: What is changed in the right note (old → new) → the codes that it must give.
MISTAKES = [
    ("192.168.15.1/24 dev", "192.168.15.1 dev", ["prefix-length"]),
    ("ip netns add red", "ip net-ns add red", ["net-ns", "namespace-none"]),
    ("ip -n red link set veth-red up", "ip -n red link set veth-rad up", ["port", "device-none"]),
    ("ip -n red link set veth-red up", "ip link set veth-red up", ["device-elsewhere"]),
    ("ip link set veth-red-br up\n", "", ["port-down"]),
    ("ip -n blue link set veth-blue up\n", "", ["cable-half"]),
    ("ip link set dev v-net-0 up\n", "", ["bridge-down"]),
    ("via 192.168.15.5", "via 192.168.1.2", ["gateway"]),
    ("iptables -t nat", "iptables", ["nat-table"]),
    ("sysctl -w net.ipv4.ip_forward=1\n", "", ["forwarding"]),
    ("ip netns add blue\n", "", ["namespace-none"]),
    (
        "ip link set dev v-net-0 up",
        "ip link set dev v-net-0 up\nip link add v-net-0 type bridge",
        ["link-twice", "bridge-down"],
    ),
    ("ip link set dev v-net-0 up", "ip link set dev 'v-net-0 up", ["unreadable"]),
]


def note(commands: str) -> str:
    return f"# T\n\n```bash\n{commands}\n```\n"


def test_what_is_right_is_left_alone() -> None:
    assert lint_text(note(RIGHT)) == []


@pytest.mark.parametrize(
    ("old", "new", "codes"), MISTAKES, ids=[f"{codes[0]}: {new.strip()}"[:60] for _, new, codes in MISTAKES]
)
def test_mistakes(old: str, new: str, codes: list[str]) -> None:
    changed = RIGHT.replace(old, new, 1)
    assert changed != RIGHT
    found = lint_text(note(changed))
    if codes[0] == "port":
        codes = [*codes[1:], "cable-half"]
    assert set(codes) <= set(found), found
    assert len(found) <= len(codes) + 1, found


def test_places_and_words(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text("# T\n\ntext\n\n```\n$ ip netns add red\n$ ip -n red addr add 10.0.0.1 dev x\nsome output\n```\n")
    (found,) = lint(path)
    assert (found.place.line, str(found.place), found.code) == (7, "line 7", "prefix-length")
    assert (
        found.words
        == "10.0.0.1 without a prefix length is a /32: nobody else is on that cable; did you mean 10.0.0.1/24?"
    )


def test_a_mistake_made_on_purpose_and_mended_is_none() -> None:
    made = "ip netns add red\nip -n red addr add 10.0.0.1 dev eth0\n"
    assert lint_text(note(made)) == ["prefix-length"]
    assert (
        lint_text(note(made + "ip -n red addr del 10.0.0.1/32 dev eth0\nip -n red addr add 10.0.0.1/24 dev eth0")) == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "Use `ip addr add [address] dev [name]` for it.",
        "```python\nip = addr\n```",
        "Docker's `ip link show docker0` and eth0 are there already: `ip addr add 10.0.0.1/24 dev eth0`",
        "```\nip link\n1: lo: <LOOPBACK> mtu 65536\n```",
        "~~~\nip netns\n~~~",
    ],
)
def test_what_is_no_command_or_not_wrong(text: str) -> None:
    assert lint_text(f"# T\n\n{text}\n") == []


def cells(*each: tuple[str, str] | dict[str, Any]) -> dict[str, Any]:
    made = []
    for one in each:
        if isinstance(one, tuple):
            kind, source = one
            one = {"cell_type": kind, "source": source, "metadata": {}}
            if kind == "code":
                one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
        made.append(one)
    return {"cells": made, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}


def in_notebook(tmp_path: Path, *each: tuple[str, str] | dict[str, Any]) -> list[str]:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(cells(("markdown", "# T"), *each)))
    return [finding.code for finding in lint(path)]


def test_notebooks(tmp_path: Path) -> None:
    code = {"cell_type": "code", "metadata": {}, "outputs": []}
    assert in_notebook(tmp_path, ("code", "# a comment\n%%netns\nip link")) == ["magic-first"]
    assert in_notebook(tmp_path, ("code", "ip link set lo up")) == ["magic-missing"]
    assert in_notebook(tmp_path, ("code", "%%netns --out x --quiet\nip netns")) == []
    assert in_notebook(tmp_path, {**code, "source": "%%netns\nip netns"}) == ["no-output"]
    assert in_notebook(tmp_path, {**code, "source": "%%netns\nip netns", "metadata": {"tags": ["no-output"]}}) == []
    assert in_notebook(tmp_path, {**code, "source": "%%netns --fill --quiet\nip netns"}) == []
    assert in_notebook(tmp_path, {**code, "source": "%load_ext nsmagic"}) == []
    error = [{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]
    assert in_notebook(tmp_path, {**code, "source": "1/0", "outputs": error}) == ["error-stored"]
    tagged = {
        **code,
        "source": "%netns ip link set veth-rad up",
        "outputs": error,
        "metadata": {"tags": ["raises-exception"]},
    }
    assert in_notebook(tmp_path, tagged) == []
    assert in_notebook(tmp_path, ("markdown", "# Second\n\n### too deep")) == ["headings", "heading-order"]
    assert in_notebook(tmp_path, ("markdown", "![](x.png) ![alt](y.png)")) == ["image-alt", "image-lost", "image-lost"]
    assert in_notebook(tmp_path, ("code", "%%netns red\nip link")) == []
    assert in_notebook(tmp_path, ("code", "%%netns\nip netns add red"), ("code", "%%netns blue\nip link")) == [
        "namespace-none"
    ]
    assert in_notebook(tmp_path, ("code", "%%netns\nip netns add red"), ("code", "%netns --text blue ip link")) == [
        "namespace-none"
    ]
    # A lab that begins anew has none of what was there.
    assert in_notebook(
        tmp_path, ("code", "%%netns\nip link add b type bridge up"), ("code", "%lab reset"), ("code", "%%netns\nip link add b type bridge up")
    ) == []  # fmt: skip


def test_a_namespace_that_a_loop_made_is_not_missed(tmp_path: Path) -> None:
    loop = "%%netns\nfor n in 1 2; do\n  ip netns add h-$n\ndone"
    assert in_notebook(tmp_path, ("code", loop), ("code", "%netns h-2 ip link")) == []


@pytest.mark.parametrize(
    ("make", "set_", "codes"),
    [
        # As the kernel does it: the netns before type is of the first end only.
        ("ip link add one netns red type veth peer name two", "ip link set two up", []),
        ("ip link add one netns red type veth peer name two", "ip -n red link set two up", ["device-elsewhere"]),
        ("ip link add one netns red type veth peer name two netns blue", "ip -n blue link set two up", []),
        ("ip link add one type veth peer name two netns blue", "ip -n red link set one up", ["device-elsewhere"]),
        ("ip -n red link add one type veth peer name two", "ip -n red link set two up", []),
    ],
)
def test_where_the_ends_of_a_new_cable_are(make: str, set_: str, codes: list[str]) -> None:
    found = lint_text(note(f"ip netns add red\nip netns add blue\n{make}\n{set_}"))
    assert [code for code in found if code != "cable-half"] == codes


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NsmagicError, match="No such file"):
        lint(tmp_path / "no.md")
    bad = tmp_path / "bad.ipynb"
    for text in ("{", "[]", '{"cells": 3}', '{"cells": [{}]}'):
        bad.write_text(text)
        with pytest.raises(NsmagicError, match="not a notebook"):
            lint(bad)


def test_a_translation_of_our_sentences(tmp_path: Path) -> None:
    path = tmp_path / "xx.toml"
    path.write_text(Path(FILE).read_text())
    assert lint(path) == []
    text = (
        Path(FILE)
        .read_text()
        .replace('dev-none = "{ns} has {have}"\n', "")
        .replace("addr-have-none = ", "addr-have-nothing = ")
    )
    path.write_text(text.replace('bytes; "{name}" has {size}', 'bytes; "{name}" has {syze}'))
    assert sorted((found.code, found.words.split()[0]) for found in lint(path)) == [
        ("sentence-fields", "hint.name-long"), ("sentence-missing", "hint.addr-have-none"), ("sentence-missing", "hint.dev-none"),
        ("sentence-unknown", "hint.addr-have-nothing"),
    ]  # fmt: skip
    (wrong,) = [found for found in lint(path) if found.code == "sentence-fields"]
    assert path.read_text().splitlines()[wrong.place.line - 1].startswith("name-long = ")
    assert wrong.words == "hint.name-long must have these fields, each of them, and no other: {name}, {size}"
    path.write_text('title = "a task"')
    with pytest.raises(NsmagicError, match="title is no section of sentences"):
        lint(path)
    path.write_text("title = ")
    with pytest.raises(NsmagicError, match=r"xx\.toml: "):
        lint(path)


@pytest.mark.parametrize("path", sorted((TOP / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_our_own_notebooks_are_clean(path: Path) -> None:
    assert [f"{each.place}: {each.words}" for each in lint(path)] == []


def test_every_sentence_is_reached() -> None:
    """Every code is found by a test above: what cannot be found would be dead words."""
    source = Path(__file__).read_text()
    assert [code for code in say_lint.table() if f'"{code}"' not in source] == []
    assert lint_.__all__ == ["Finding", "lint", "lint_text"]


def test_a_cable_that_nobody_switches_on() -> None:
    text = RIGHT.replace("ip link set veth-red-br up\n", "").replace("ip -n red link set veth-red up\n", "")
    assert lint_text(note(text)) == ["cable-down"]
