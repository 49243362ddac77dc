"""Cards: read from notebooks, proved on live labs, opened by Anki itself and read as Obsidian's plugin does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nsmagic import NsmagicError
from nsmagic.course import cards
from nsmagic.course.cards import Card, Proof

TWO = [
    Card(
        "one",
        "What is `lo`, <b>really</b>?",
        "The loopback.",
        Proof("ip link", "lo", "ip netns add red"),
        "02.ipynb",
        "Rooms",
    ),
    Card("two", "Is fe80::1 an address, and a == b?", "Yes,\n\nof `a::b` kind.", None, "03.ipynb", "More"),
]


def notebook(tmp_path: Path, *each: dict[str, Any]) -> Path:
    path = tmp_path / "02-x.ipynb"
    cells = [
        {
            "cell_type": "markdown",
            "source": ["# Title\n", "\n", "## Rooms\n"],
            "metadata": {"nsmagic": {"cards": list(each)}},
        },
        {"cell_type": "code", "source": "1", "metadata": {}, "outputs": []},
    ]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    return path


def test_read(tmp_path: Path) -> None:
    path = notebook(tmp_path, *map(cards.as_data, TWO))
    found = cards.read([tmp_path])
    assert [(card.id, card.question, card.answer, card.proof) for card in found] == [
        (card.id, card.question, card.answer, card.proof) for card in TWO
    ]
    assert {(card.notebook, card.heading) for card in found} == {("02-x.ipynb", "Rooms")}
    assert cards.read([path]) == found


def test_what_is_wrong_with_a_card(tmp_path: Path) -> None:
    for data, words in (
        ({"id": "x", "q": "?"}, "cell 1: not a card: 'a'"),
        ({"id": "x", "q": "?", "a": "!", "proof": {"run": "ip", "show": "x"}}, "not a card: .*'show'"),
    ):
        with pytest.raises(NsmagicError, match=words):
            cards.read([notebook(tmp_path, data)])
    one = cards.as_data(TWO[0])
    with pytest.raises(NsmagicError, match=r"the card 'one' is in 02-x\.ipynb already"):
        cards.read([notebook(tmp_path, one, one)])


@pytest.mark.sandbox
def test_a_proof_that_does_not_hold() -> None:
    with pytest.raises(AssertionError, match="card x: 'blue' is not in"):
        cards.prove(Card("x", "", "", Proof("ip netns", "blue", "ip netns add red")))


def test_obsidian_keeps_the_schedule() -> None:
    text = cards.obsidian(TWO)
    assert text.splitlines()[0] == "#flashcards/kubernetes/cka/networking"
    assert "What is `lo`, <b>really</b>?\n?\nThe loopback.\n`ip netns add red`\n`ip link`\n" in text
    # No separator of the plugin's but ours, outside code.
    outside = re.sub(r"`[^`]*`", "", text)
    assert "::" not in outside
    assert "==" not in outside
    assert parsed(text) == 2
    learned = text.replace("`ip link`\n", "`ip link`\n<!--SR:!2026-01-01,3,250-->\n")
    assert cards.obsidian(TWO, learned) == learned
    # A card that is new comes without one.
    assert cards.obsidian([*TWO, Card("three", "New?", "Yes.", notebook="03.ipynb")], learned).count("<!--SR:") == 1


def parsed(text: str) -> int:
    """How many cards the plugin sees: blocks between empty lines with a line that is a question mark."""
    return sum("?" in block.splitlines()[1:-1] for block in re.split(r"\n\s*\n", text))


def opened(deck: Path, folder: Path) -> dict[str, dict[str, str]]:
    """Import a deck into a collection of Anki's own; guid → fields, and the name of its deck under ``""``."""
    from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

    collection = Collection(str(folder / "collection.anki2"))
    try:
        collection.import_anki_package(
            ImportAnkiPackageRequest(package_path=str(deck), options=ImportAnkiPackageOptions())
        )
        found = {}
        for number in collection.find_notes(""):
            note = collection.get_note(number)
            found[note.guid] = dict(note.items())
        name = next(
            each.name for each in collection.decks.all_names_and_ids() if each.name.startswith("kubernetes::cka::")
        )
        assert len(collection.find_cards(f'deck:"{name}"')) == len(found)
        return {"": {"deck": name}, **found}
    finally:
        collection.close()


def test_anki_opens_the_deck_and_knows_it_again(tmp_path: Path) -> None:
    deck = tmp_path / "deck.apkg"
    cards.anki(TWO, deck)
    first = opened(deck, tmp_path)
    assert first.pop("") == {"deck": "kubernetes::cka::networking"}
    assert len(first) == 2
    assert "What is <code>lo</code>, &lt;b&gt;really&lt;/b&gt;?" in {fields["Question"] for fields in first.values()}
    changed = [TWO[0], Card("two", "Is it?", "Now it is.", None, "03.ipynb", "More")]
    cards.anki(changed, deck)
    second = opened(deck, tmp_path)
    second.pop("")
    assert set(second) == set(first)
    with pytest.raises(NsmagicError, match="No such file or directory"):
        cards.anki(TWO, tmp_path / "no" / "deck.apkg")


OURS = Path(__file__).resolve().parent.parent.parent / "notebooks"


def test_our_cards_are_many_and_all_of_them_arrive(tmp_path: Path) -> None:
    """At least 60, from every notebook; Anki and Obsidian count as many as there are."""
    found = cards.read([OURS])
    assert len(found) >= 60
    assert {card.notebook for card in found} == {path.name for path in OURS.glob("*.ipynb")}
    assert sum(card.proof is not None for card in found) >= 40
    cards.anki(found, tmp_path / "deck.apkg")
    assert len(opened(tmp_path / "deck.apkg", tmp_path)) == len(found) + 1
    assert parsed(cards.obsidian(found)) == len(found)


@pytest.mark.sandbox
def test_every_proof_of_our_cards_holds() -> None:
    assert cards.prove_all(cards.read([OURS])) == []
