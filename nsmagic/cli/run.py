"""``nsmagic run FILE``: a file as one cell in a fresh lab, its output as text or as one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nsmagic.errors import NsmagicError
from nsmagic.model import HOST

if TYPE_CHECKING:
    from nsmagic.lab import Lab
    from nsmagic.result import Outcome, Result


class Stream:
    """A sink that writes as it hears: output to one stream, what failed to another, as a shell does."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._err = out, err

    def text(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def changes(self, lines: Iterable[str]) -> None:
        self.text("".join(line + "\n" for line in lines))

    def shown(self, outcome: Outcome, last: bool) -> None:
        self.text(outcome.string if outcome.string is not None else f"{outcome.value!r}\n")

    def error(self, error: NsmagicError, alone: bool) -> None:
        self._err.write(error.render() + "\n")
        self._err.flush()


def run(
    file: str,
    *,
    ns: str = HOST,
    then: Sequence[str] = (),
    as_json: bool = False,
    timeout: float | None = None,
    seed: int = 0,
    sandbox: str | None = None,
) -> int:
    """Run a file (``-``: standard input) and then each of ``then`` on the lab's host; 1 when a line failed, else 0.

    A namespace other than ``host`` is made first, since the lab is new.

    Raises
    ------
    NsmagicError
        The file cannot be read, the cell as a whole cannot, or there is no lab.
    """
    from nsmagic.lab import Lab

    text = read(file)
    sink = None if as_json else Stream(sys.stdout, sys.stderr)
    with Lab(seed=seed, sandbox=sandbox) as lab:
        if ns != HOST:
            make_namespace(lab, ns)
        results = [lab.run(text, ns, timeout=timeout, sink=sink)]
        results += [lab.run(command, timeout=timeout, sink=sink) for command in then]
        if as_json:
            document = {
                "kind": lab.kind,
                "ok": all(result.ok for result in results),
                "outcomes": outcomes(results[0]),
                "then": [
                    {"command": text, "outcomes": outcomes(result)}
                    for text, result in zip(then, results[1:], strict=True)
                ],
            }
            json.dump(document, sys.stdout, indent=1)
            print()
    return 0 if all(result.ok for result in results) else 1


def read(file: str) -> str:
    """The text of a file, or of standard input."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as error:
        raise NsmagicError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NsmagicError(f"{file}: not a text in UTF-8") from None


def make_namespace(lab: Lab, ns: str) -> None:
    """Make the namespace that a fresh lab does not have. The name is data: it never becomes part of a command line."""
    command = {"tool": "ip", "verb": "netns.add", "args": {"name": ns}, "ns": None}
    for item in lab.client.call("commands", commands=[command]).items():
        if "error" in item:
            from nsmagic.errors import from_data

            raise from_data(item["error"])


def outcomes(result: Result) -> list[dict[str, Any]]:
    """What came of each line, JSON-ready: line, text, ok, error, changes, output, and the value where there is one."""
    return [_outcome(each) for each in result.outcomes]


def _outcome(outcome: Outcome) -> dict[str, Any]:
    data: dict[str, Any] = {
        "line": outcome.line,
        "text": outcome.text,
        "ok": outcome.ok,
        "error": outcome.error.to_data() if outcome.error is not None else None,
        "changes": [
            {"op": change.op, "table": change.table, "old": _plain(change.old), "new": _plain(change.new)}
            for change in outcome.changes
        ],
        "output": outcome.output,
    }
    if outcome.shown is not None:
        data["table"] = {
            "name": outcome.shown.table,
            "rows": json.loads(outcome.shown.frame().to_json(orient="records")),
        }
    if outcome.ping is not None:
        data["ping"] = asdict(outcome.ping)
    if outcome.string is not None:
        data["output"] = outcome.string
    return data


def _plain(row: Any) -> Any:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else row
