"""The teacher's subcommands: ``grade``, ``flashcards``, ``lint``, ``refresh``, ``nbval-sanitize``."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

from nsmagic.errors import NsmagicError
from nsmagic.sentences import say

COMMANDS = ("grade", "flashcards", "lint", "refresh", "nbval-sanitize")


def add(commands: Any) -> None:
    """Add them to the command line's grammar."""
    grade = commands.add_parser(
        "grade",
        help="grade notebooks, each in a sandbox of its own",
        description="Run each submission confined (no network, no home, limits), and the checks of the teacher's copy outside of it.",
    )
    grade.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK", help="the submissions")
    grade.add_argument(
        "--teacher",
        required=True,
        type=Path,
        metavar="NOTEBOOK",
        help="the teacher's copy: checks and locked cells are its",
    )
    form = grade.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print the marks as CSV")
    form.add_argument("--json", action="store_true", help="print one JSON document")
    grade.add_argument(
        "--seeds", type=Path, metavar="FILE", help="CSV with columns name, seed: the learners' own numbers"
    )
    grade.add_argument(
        "--file", action="append", default=[], type=Path, metavar="FILE", help="lay a file beside the notebooks"
    )
    grade.add_argument("--time", type=float, default=300.0, metavar="S", help="seconds for a notebook (default: 300)")
    grade.add_argument("--cell-time", type=float, default=30.0, metavar="S", help="seconds for a cell (default: 30)")
    grade.add_argument("--memory", type=int, default=2048, metavar="MIB", help="memory of a notebook (default: 2048)")

    cards = commands.add_parser(
        "flashcards",
        help="the cards in notebooks, as an Anki deck or a note for Obsidian",
        description="Collect the flashcards that notebooks hold, for Anki or for Obsidian.",
    )
    cards.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK", help="notebooks, or folders of them")
    cards.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the file to write (default with --obsidian: print it)"
    )
    cards.add_argument("--obsidian", action="store_true", help="a note in Markdown; a schedule in the file is kept")
    cards.add_argument("--prove", action="store_true", help="first run each card's proof in a fresh lab")

    lint = commands.add_parser(
        "lint",
        help="find frequent mistakes in notes and notebooks",
        description="Find the mistakes that notes on namespaces often have. The exit status is 1 when there are some.",
    )
    lint.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="notes (.md), notebooks (.ipynb), translations of our sentences (.toml)",
    )

    refresh = commands.add_parser(
        "refresh",
        help="execute notebooks anew and store their outputs",
        description="Execute each notebook in a fresh kernel and store its outputs, in a form that does not wander.",
    )
    refresh.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK", help="the notebooks")
    refresh.add_argument("--time", type=int, default=120, metavar="S", help="seconds for a cell (default: 120)")

    commands.add_parser(
        "nbval-sanitize",
        help="print the file that tells nbval what may differ",
        description="Print what truly differs between two runs, for: pytest --nbval --nbval-sanitize-with FILE",
    )


def do(options: argparse.Namespace) -> int:
    """Do what the command line says; the exit status."""
    match options.command:
        case "grade":
            return _grade(options)
        case "flashcards":
            return _flashcards(options)
        case "lint":
            return _lint(options.files)
        case "refresh":
            return _refresh(options.notebooks, options.time)
        case _:
            print((Path(__file__).resolve().parent.parent / "sanitize.cfg").read_text(), end="")
            return 0


def _grade(options: argparse.Namespace) -> int:
    from nsmagic.course.grading import marks

    bounds = marks.Bounds(time=options.time, cell_time=options.cell_time, memory=options.memory)
    try:
        found = marks.grade(
            options.notebooks, options.teacher, seeds=_seeds(options.seeds), bounds=bounds, files=options.file
        )
    except OSError as error:
        raise NsmagicError(f"{error.filename}: {error.strerror}") from None
    form = marks.as_csv if options.csv else marks.as_json if options.json else marks.as_text
    print(form(found), end="")
    return 0


def _seeds(path: Path | None) -> dict[str, int]:
    if path is None:
        return {}
    try:
        with path.open(newline="") as file:
            return {row["name"]: int(row["seed"]) for row in csv.DictReader(file)}
    except OSError as error:
        raise NsmagicError(f"{path}: {error.strerror}") from None
    except (KeyError, TypeError, ValueError):
        raise NsmagicError(f"{path}: not a table of seeds", hint=say("seeds-form")) from None


def _flashcards(options: argparse.Namespace) -> int:
    from nsmagic.course import cards

    found = cards.read(options.notebooks)
    if options.prove:
        wrong = cards.prove_all(found)
        if wrong:
            raise NsmagicError("\n".join(wrong))
    if options.obsidian:
        before = options.output.read_text() if options.output and options.output.exists() else ""
        text = cards.obsidian(found, before)
        if options.output is None:
            print(text)
            return 0
        options.output.write_text(text)
    elif options.output is None:
        raise NsmagicError("there is no file to write", hint="nsmagic flashcards notebooks/ -o deck.apkg")
    else:
        cards.anki(found, options.output)
    print(f"{len(found)} cards in {options.output}")
    return 0


def _lint(files: list[Path]) -> int:
    from nsmagic.course.lint import lint

    count = 0
    for path in files:
        for finding in lint(path):
            count += 1
            print(f"{path}, {finding.place}: {finding.words} [{finding.code}]")
    if not count:
        print("nothing found")
    return 1 if count else 0


def _refresh(notebooks: list[Path], seconds: int) -> int:
    from nsmagic.course.refresh import refresh

    for path in notebooks:
        refresh(path.resolve(), seconds)
        print(f"stored the outputs of {path}", flush=True)
    sys.stdout.flush()
    return 0
