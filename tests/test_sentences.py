"""The one file of sentences: what the source says is in it, nothing in it is left over, and a translation of it is spoken everywhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from nsmagic import Lab, NsmagicError, sentences
from nsmagic.course import checks
from nsmagic.course.checks import NotYet
from nsmagic.course.lint import lint
from nsmagic.sentences import FILE, english, fields, say

PACKAGE = Path(FILE).parent

#: Name of a speaker in ``nsmagic.sentences`` → its part.
PARTS = {
    "say": "hint",
    "say_why": "why",
    "say_look": "look",
    "say_verdict": "verdict",
    "say_cause": "cause",
    "say_task": "task",
    "say_lint": "lint",
}


@cache
def sources() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    """Half a million nodes are gone through by each later collection of garbage, of which a notebook's test makes two."""
    yield
    sources.cache_clear()


def speakers(tree: ast.Module) -> dict[str, str]:
    """How a module calls those that it imports → their part."""
    return {
        alias.asname or alias.name: PARTS[alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "nsmagic.sentences"
        for alias in node.names
        if alias.name in PARTS
    }


def said() -> Iterator[tuple[str, str, str, set[str] | None]]:
    """(where, part, code, names of the fields given, None when they are not known) of every call with a literal code."""
    for path, tree in sources().items():
        names = speakers(tree)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            part = names.get(node.func.id) if isinstance(node.func, ast.Name) else None
            if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "hints.say":
                part = "hint"
            if part:
                given = {each.arg for each in node.keywords if each.arg}
                whole = all(each.arg for each in node.keywords)
                yield f"{path.name}:{node.lineno}", part, str(node.args[0].value), given if whole else None


def test_what_is_said_is_in_the_file_with_its_fields() -> None:
    calls = list(said())
    assert len(calls) > 100
    for where, part, code, given in calls:
        assert code in english()[part], f"{where}: [{part}] has no {code}"
        needed = fields(english()[part][code]) or frozenset()
        assert given is None or needed <= given, f"{where}: {code} lacks {needed - given}"


def test_no_sentence_is_left_over() -> None:
    """Every code stands in the source as a string, or fits an f-string that makes codes, such as ``f"{thing}-exists"``."""
    plain, made = set(), set()
    for tree in sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                plain.add(node.value)
            if isinstance(node, ast.JoinedStr) and len(node.values) == 2:
                pieces = [each.value if isinstance(each, ast.Constant) else None for each in node.values]
                if any(isinstance(piece, str) and re.fullmatch(r"-[a-z-]+|[a-z-]+-", piece) for piece in pieces):
                    made.add("".join(".+" if piece is None else re.escape(str(piece)) for piece in pieces))
            if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):  # _missing(way) + "-no-gateway"
                made.add(f".+{re.escape(str(node.right.value))}")
    made = {pattern for pattern in made if re.search(r"[a-z]{3}", pattern)}
    left = [
        f"{part}.{code}"
        for part, table in english().items()
        for code in table
        if code not in plain and not any(re.fullmatch(pattern, code) for pattern in made)
    ]
    assert left == []


def test_every_sentence_can_be_filled_in_and_every_part_has_a_speaker() -> None:
    assert set(english()) == set(PARTS.values())
    for table in english().values():
        for code, text in table.items():
            assert re.fullmatch(r"[a-z0-9-]+", code)
            assert fields(text) is not None, code
            assert all(name.isidentifier() for name in fields(text) or ()), code


#: Hints that are nothing but a command, an option or an example to type: the same in every language.
_COMMANDS = {
    "pip install --force-reinstall nsmagic", "{} -m pip install 'nsmagic[lab]'", "pip install 'nsmagic[teach]'", "pip install scapy",
    "pip install {}", "nsmagic flashcards notebooks/ -o deck.apkg", "nsmagic vm install", "--out routes", "--timeout 10", "{} {}", "{} 1",
    "{} 10", "--proto {} --port 80", "%netns red ip route", "%netns {} ip link", "%lab break --seed N --level 1..3", "%lab {}",
    "%topology --live --all", "%lab needs {} ps", "%trace red 192.168.15.2, %trace red curl http://192.168.15.2",
    "%sniff red, %sniff red:veth-red, %sniff any", "%why red 192.168.15.2, %why red blue --port 80",
}  # fmt: skip


def hints() -> Iterator[tuple[str, str]]:
    """(where, text) of every literal that becomes a hint: given by that name, set to a variable of it, or as a hint's argument."""

    def literals(node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.IfExp):
            yield from (*literals(node.body), *literals(node.orelse))
        elif isinstance(node, ast.BinOp):
            yield from (*literals(node.left), *literals(node.right))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)

    for path, tree in sources().items():
        for node in ast.walk(tree):
            found: list[ast.expr] = []
            if isinstance(node, ast.keyword) and node.arg == "hint":
                found = [node.value]
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(each, ast.Name) and each.id.lower().strip("_") == "hint" for each in targets):
                    found = [node.value]
            elif isinstance(node, ast.Call):
                called, count = ast.unparse(node.func).rpartition(".")[2], len(node.args)
                if (called, count) in {("error_at", 4), ("_error", 4), ("missing", 3), ("refuse", 3), ("with_hint", 1)}:
                    found = [node.args[-1]]
            elif isinstance(node, ast.FunctionDef) and node.name.endswith(("_hint", "_hints")):
                found = [
                    each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None
                ]
            yield from (
                (f"{path.relative_to(PACKAGE)}:{node.lineno}", text) for each in found for text in literals(each)
            )


def test_no_hint_is_written_elsewhere() -> None:
    found = list(hints())
    assert [(where, text) for where, text in found if text and text not in _COMMANDS] == []
    assert {text for _, text in found if text} | {"%lab {}"} == _COMMANDS  # what is excused is there


def test_there_is_no_second_table() -> None:
    named = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*") if path.stem.endswith(("sentences", "SENTENCES"))
    }
    assert {name for name in named if "__pycache__" not in name} == {
        "sentences.py",
        "sentences.toml",
        "why/sentences.py",
    }
    assert "SENTENCES = {" not in "".join(
        path.read_text() for path in sources() if path.name != "scripted.py"
    )  # there: the kernel's words


# A translation


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translation in which every sentence stands in ⟦brackets⟧."""
    lines = [
        re.sub(r"""^([a-z0-9-]+ = (["']))(.*)\2$""", r"\1⟦\3⟧\2", line) for line in Path(FILE).read_text().splitlines()
    ]
    path = tmp_path_factory.mktemp("sentences") / "marked.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Name a translation in the environment, as somebody does before a notebook's kernel starts."""

    def forget() -> None:
        sentences.translated.cache_clear()
        sentences._spoken.cache_clear()

    def to(path: Path) -> None:
        monkeypatch.setenv("NSMAGIC_SENTENCES", str(path))
        forget()

    yield to
    monkeypatch.undo()
    forget()


@pytest.mark.sandbox
def test_a_translation_is_spoken_in_every_part(marked: Path, speak: Callable[[Path], None]) -> None:
    speak(marked)
    with Lab(limits={"namespaces": 2}) as lab:
        lab.run("ip netns add red\nip netns add blue").check()
        for line in (
            "ip link set veth-rad up",  # of the kernel's refusal
            "ip netns add red",
            "ip netns add green",  # of a limit, made inside the lab
            "for i in 1; do ip link set nope up; done",  # of a script's words
            "iptables -t nut -L",
            "apt install x",  # of the words typed
        ):
            (hint,) = re.findall(r"^hint: (.*)$", lab.run(line).text, re.MULTILINE) or [line]
            assert re.fullmatch(r"⟦.*⟧", hint), hint
        lab.run(
            "ip -n red link add v0 type veth peer name v1 netns blue\nip -n red addr add 10.0.0.1/24 dev v0"
        ).check()
        verdict = lab.why("red", "10.0.0.2")
        assert re.fullmatch(r"⟦.*⟧", verdict.explanation)
        assert "⟦" in str(verdict.hint(1))
        with pytest.raises(NotYet, match=r"⟦red/v0 .*⟧"):
            checks.up(lab, "red", "v0")
    note = marked.with_suffix(".md")
    note.write_text("# T\n\n```\nip -n red addr add 10.0.0.1 dev v0\n```\n")
    assert [re.fullmatch(r"⟦.*⟧", found.words) is not None for found in lint(note)] == [True]


def test_what_a_translation_lacks_is_english(tmp_path: Path, speak: Callable[[Path], None]) -> None:
    path = tmp_path / "xx.toml"
    path.write_text(
        '[hint]\nlink-lo = "lo bleibt"\ndev-none = "{ns} hat {nothing}"\nnew = "x"\n[other]\nlink-lo = "x"\n'
    )
    speak(path)
    assert say("link-lo") == "lo bleibt"
    assert say("dev-none", ns="red", have="lo") == "red has lo"
    assert say("mtu") == english()["hint"]["mtu"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("[hint", "xx.toml: "),
        ("a = 1", "a is no section"),
        ("[hint]\na = 1", "hint is no section"),
    ],
)
def test_a_translation_that_is_none(
    tmp_path: Path, speak: Callable[[Path], None], text: str | None, words: str
) -> None:
    path = tmp_path / "xx.toml"
    if text is not None:
        path.write_text(text)
    speak(path)
    with pytest.raises(NsmagicError, match=words):
        Lab().run("ip link")
