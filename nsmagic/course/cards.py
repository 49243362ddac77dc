"""Flashcards: they live in the notebooks, beside the idea they ask for, and come out as an Anki deck or as a note for Obsidian.

A cell's metadata holds them, so that a notebook shows none of it::

    {"nsmagic": {"cards": [{
        "id": "netns-new-lo",                                  # for good: a deck imported anew knows the card by it
        "q": "Which interfaces does a new namespace have?",
        "a": "Only `lo`, switched off.",
        "proof": {"world": "home-lan",                         # all but run and shows may be left out
                  "lab": "ip netns add red",                   # what is there
                  "run": "ip -n red -br link",                 # the command that proves the answer
                  "shows": "^lo +DOWN"}}]}}                    # what its output has (a regular expression)

A proof runs in a fresh lab (``prove``), and in CI for every card that has one.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsmagic.errors import NsmagicError

if TYPE_CHECKING:
    from nsmagic.lab import Lab

#: The deck of the note; Anki separates with ``::`` what Obsidian separates with ``/``.
DECK = "kubernetes/cka/networking"
#: Fixed for good: another number would be another deck, another kind of note.
_DECK_ID, _MODEL_ID = 1734201601, 1734201602
_HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
#: What the spaced repetition plugin of Obsidian writes behind a card.
_SCHEDULE = re.compile(r"^<!--SR:.*-->$")


@dataclass(frozen=True)
class Proof:
    """A command that proves a card's answer: what is there before, the command, what its output has to show."""

    run: str
    shows: str
    lab: str = ""
    world: str = ""


@dataclass(frozen=True)
class Card:
    """A card: ``notebook`` and ``heading`` say where its idea is taught."""

    id: str
    question: str
    answer: str
    proof: Proof | None = None
    notebook: str = ""
    heading: str = ""


def read(paths: Iterable[Path]) -> list[Card]:
    """The cards of notebooks (or of folders of them), in the order of the notebooks.

    Raises
    ------
    NsmagicError
        A file is no notebook, a card lacks something, or two have one id.
    """
    cards: list[Card] = []
    for path in _files(paths):
        cards += _of(path)
    seen: dict[str, str] = {}
    for card in cards:
        if card.id in seen:
            raise NsmagicError(f"{card.notebook}: the card {card.id!r} is in {seen[card.id]} already")
        seen[card.id] = card.notebook
    return cards


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.ipynb")) if path.is_dir() else [path]
    return found


def _of(path: Path) -> list[Card]:
    try:
        cells = json.loads(path.read_text())["cells"]
    except OSError as error:
        raise NsmagicError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise NsmagicError(f"{path}: not a notebook (format 4)") from None
    cards = []
    heading = path.stem
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "markdown":
            heading = ([heading, *_HEADING.findall("".join(cell["source"]))])[-1]
        for data in cell.get("metadata", {}).get("nsmagic", {}).get("cards", ()):
            try:
                proof = Proof(**data["proof"]) if "proof" in data else None
                cards.append(Card(data["id"], data["q"], data["a"], proof, path.name, heading))
            except (KeyError, TypeError) as error:
                raise NsmagicError(f"{path}, cell {number}: not a card: {error}") from None
    return cards


def prove(card: Card) -> str:
    """Run a card's proof in a fresh lab; what it showed.

    >>> prove(Card("x", "", "", Proof("ip netns", "red", lab="ip netns add red"))).split()
    ['ns', 'red']

    Raises
    ------
    AssertionError
        It does not show what the card says.
    """
    assert card.proof is not None, f"the card {card.id} has no proof"
    with _lab(card.proof) as lab:
        return _prove(card, card.proof, lab)


def prove_all(cards: Iterable[Card]) -> list[str]:
    """Run the proofs of all cards that have one; the words of those that do not hold.

    Proofs that begin alike share a lab as long as they only look.
    """
    proofs = [(card, card.proof) for card in cards if card.proof is not None]
    # Sorted: those that begin alike follow each other.
    proofs.sort(key=lambda each: (each[1].world, each[1].lab))
    wrong: list[str] = []
    lab: Lab | None = None
    begun = ("", "")
    try:
        for card, proof in proofs:
            if lab is None or begun != (proof.world, proof.lab):
                if lab is not None:
                    lab.close()
                lab, begun = _lab(proof), (proof.world, proof.lab)
            made = len(lab.history.entries)
            try:
                _prove(card, proof, lab)
            except AssertionError as error:
                wrong.append(str(error))
            if len(lab.history.entries) != made:
                lab.close()
                lab = None
    finally:
        if lab is not None:
            lab.close()
    return wrong


def _lab(proof: Proof) -> Lab:
    from nsmagic.lab import Lab

    lab = Lab(world=proof.world or None)
    if proof.lab:
        lab.run(proof.lab).check()
    return lab


def _prove(card: Card, proof: Proof, lab: Lab) -> str:
    text = lab.run(proof.run).text
    assert re.search(proof.shows, text, re.MULTILINE), f"card {card.id}: {proof.shows!r} is not in\n{text}"
    return text


# Anki


def anki(cards: Sequence[Card], out: Path) -> None:
    """Write a deck for Anki. The same cards give the same notes again, so that importing anew keeps what was learned.

    Raises
    ------
    NsmagicError
        genanki is missing, or the file cannot be written.
    """
    try:
        import genanki
    except ImportError:
        raise NsmagicError("genanki is not installed", hint="pip install 'nsmagic[teach]'") from None
    model = genanki.Model(
        _MODEL_ID,
        "nsmagic",
        fields=[{"name": "Question"}, {"name": "Answer"}, {"name": "Command"}, {"name": "Source"}],
        templates=[
            {
                "name": "Card 1",
                "qfmt": "{{Question}}",
                "afmt": "{{FrontSide}}<hr id=answer>{{Answer}}{{#Command}}<pre>{{Command}}</pre>{{/Command}}<small>{{Source}}</small>",
            }
        ],
        css=".card { font-family: sans-serif; font-size: 20px; text-align: left; } pre, code { font-size: 16px; } small { color: #777; }",
    )
    deck = genanki.Deck(_DECK_ID, DECK.replace("/", "::"))
    for card in cards:
        tag = re.sub(r"[^\w-]", "-", card.notebook.removesuffix(".ipynb"))
        deck.add_note(
            genanki.Note(
                model=model,
                fields=[
                    _html(card.question), _html(card.answer), html.escape(_commands(card)),
                    html.escape(f"{card.notebook}: {card.heading}"),
                ],
                guid=hashlib.sha256(f"nsmagic/{card.id}".encode()).hexdigest()[:16],
                tags=[tag],
            )
        )  # fmt: skip
    try:
        genanki.Package(deck).write_to_file(str(out))
    except OSError as error:
        raise NsmagicError(f"{out}: {error.strerror}") from None


def _commands(card: Card) -> str:
    if card.proof is None:
        return ""
    return "\n".join(each for each in (card.proof.lab, card.proof.run) if each)


def _html(text: str) -> str:
    """A card's text, with its backticks and lines.

    >>> _html("`ip link` shows <lo>")
    '<code>ip link</code> shows &lt;lo&gt;'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)).replace("\n", "<br>")


# Obsidian


def obsidian(cards: Sequence[Card], before: str = "") -> str:
    """The cards as a note for Obsidian's spaced repetition plugin; ``before`` is the note as it was, whose schedule is kept.

    >>> print(obsidian([Card("x", "What is `lo`?", "The loopback interface.", notebook="02.ipynb")]))
    #flashcards/kubernetes/cka/networking
    <BLANKLINE>
    ## 02
    <BLANKLINE>
    What is `lo`?
    ?
    The loopback interface.
    <BLANKLINE>
    """
    kept = _schedules(before)
    lines = [f"#flashcards/{DECK}", ""]
    last = ""
    for card in cards:
        if card.notebook != last:
            last = card.notebook
            lines += [f"## {last.removesuffix('.ipynb')}", ""]
        question = _plain(card.question)
        answer = _plain(card.answer)
        if card.proof is not None:
            # Within a card no line may be empty: that would end it.
            answer += "\n" + "\n".join(f"`{line}`" for line in _commands(card).splitlines() if line.strip())
        lines += [question, "?", answer, *kept.get(question, ()), ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A text that holds nothing which the plugin takes for a separator of its own, outside code."""
    parts = re.split(r"(`[^`]*`)", "\n".join(line for line in text.splitlines() if line.strip()))
    return "".join(
        part if part.startswith("`") else part.replace("::", ":\u200b:").replace("==", "=\u200b=") for part in parts
    )


def _schedules(text: str) -> Mapping[str, list[str]]:
    """Question → the plugin's lines behind its card, of a note written before."""
    kept: dict[str, list[str]] = {}
    for block in re.split(r"\n\s*\n", text):
        question, separator, answer = block.strip().partition("\n?\n")
        found = [line for line in answer.splitlines() if _SCHEDULE.match(line)]
        if separator and found:
            kept[question] = found
    return kept


def as_data(card: Card) -> dict[str, Any]:
    """A card as it stands in a cell's metadata."""
    data: dict[str, Any] = {"id": card.id, "q": card.question, "a": card.answer}
    if card.proof is not None:
        data["proof"] = {key: value for key, value in vars(card.proof).items() if value}
    return data
