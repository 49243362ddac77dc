"""The note for Obsidian, read by parsers that are not ours: obsidiantools finds its tag, a CommonMark parser its cards.

The plugin itself (obsidian-spaced-repetition) runs in Obsidian only and is in no registry; in its words, a card is a paragraph with a line
that is ``?`` between question and answer. The environment is the one that ``NSMAGIC_OBSIDIAN`` names (its Python), else one made for the
test. Run by: ``pytest -m heavy tests/course/test_obsidian.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nsmagic.course import cards

OURS = Path(__file__).resolve().parent.parent.parent / "notebooks"
NEEDED = ("obsidiantools>=0.11,<1", "markdown-it-py>=3,<5")
READ = """
import json, sys
from pathlib import Path
import obsidiantools.api as obsidian
from markdown_it import MarkdownIt

vault = obsidian.Vault(Path(sys.argv[1])).connect(show_nested_tags=True).gather()
tokens = MarkdownIt("commonmark").parse((Path(sys.argv[1]) / "cards.md").read_text())
def kind(name):
    return [token.content for before, token in zip(tokens, tokens[1:]) if before.type == name and token.type == "inline"]
print(json.dumps({
    "tags": vault.get_tags("cards"), "paragraphs": kind("paragraph_open"), "headings": kind("heading_open"),
    "others": sorted({token.type for token in tokens} - {"inline", "paragraph_open", "paragraph_close", "heading_open", "heading_close"}),
}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has the two parsers."""
    if os.environ.get("NSMAGIC_OBSIDIAN"):
        return os.environ["NSMAGIC_OBSIDIAN"]
    folder = tmp_path_factory.mktemp("obsidian") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *NEEDED], check=True, timeout=1500)
    return str(folder / "bin" / "python")


@pytest.mark.heavy
def test_obsidian_counts_as_many_cards_as_there_are(python: str, tmp_path: Path) -> None:
    found = cards.read([OURS])
    (tmp_path / "cards.md").write_text(cards.obsidian(found))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-W", "ignore", "-c", READ, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    read = json.loads(done.stdout)
    # One tag, and nothing in a card that Obsidian takes for another.
    assert read["tags"] == ["flashcards/kubernetes/cka/networking"]
    assert read["headings"] == sorted({card.notebook.removesuffix(".ipynb") for card in found})
    # A list, a heading or a block of code within a card would end its paragraph.
    assert read["others"] == []
    tag, *paragraphs = read["paragraphs"]
    assert tag == "#flashcards/kubernetes/cka/networking"
    halves = [paragraph.split("\n?\n") for paragraph in paragraphs]
    assert [len(each) for each in halves] == [2] * len(found)
    assert [question for question, _ in halves] == [card.question for card in found]
    assert all(answer.startswith(card.answer.splitlines()[0]) for (_, answer), card in zip(halves, found, strict=True))
