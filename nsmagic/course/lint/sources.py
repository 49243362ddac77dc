"""Files read for the linter: commands with the place where they stand, and what concerns the text itself.

A note's commands are the lines of its code blocks (of no language, or a shell's), lines behind a ``$`` prompt, and ``code`` within a
line that begins with a tool of ours. What has placeholders (``[name]``, ``<name>``, ``…``) is an explanation, not a command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nsmagic import magic_line
from nsmagic.commands.packages import NETWORK_TOOLS
from nsmagic.commands.parse import TOOLS
from nsmagic.errors import NsmagicError
from nsmagic.model import HOST
from nsmagic.sentences import complaints
from nsmagic.sentences import say_lint as say

_SHELLS = {"", "bash", "console", "ipython", "netns", "sh", "shell", "shell-session", "text", "zsh"}
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w+-]*)")
_PROMPT = re.compile(r"^\s*[-*]?\s*(?:[\w.-]+@[\w.-]+(?::\S*)?)?[$]\s+(.*)$")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_TOOL = re.compile(r"^(?:sudo\s+)?(?:ip|bridge|brctl|ifconfig|iptables|sysctl)\s+\S")
_PLACEHOLDER = re.compile(r"[\[<]\s*\w[^\]>]*[\]>]|…|\.\.\.|\b(?:NAME|NS|DEV|IF|ADDR|ADDRESS|PID|NUMBER|PORT)\b")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)|!\[\[([^\]|]+)[^\]]*\]\]")
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_CELL = re.compile(r"^\s*%%netns\b(.*)$")
_LINE = re.compile(r"^\s*(?:[\w ,]+=\s*)?%netns\s+(.*)$")
_STARTS = re.compile(r"^\s*%lab\s+(?:reset|world|break)\b|^\s*%%?task\b")


@dataclass(frozen=True)
class Place:
    """Where something stands: a line of a note, or a cell of a notebook (counted from 1) and a line in it."""

    line: int
    cell: int = 0

    def __str__(self) -> str:
        return f"cell {self.cell}, line {self.line}" if self.cell else f"line {self.line}"


@dataclass(frozen=True)
class Block:
    """Commands that are run together in a namespace; ``""`` is the host. ``fresh``: the lab begins anew with it. ``strict``: these
    lines are surely commands."""

    text: str
    place: Place
    ns: str = ""
    fresh: bool = False
    strict: bool = True


@dataclass
class Source:
    """A file, read: its commands, and what was found on the way, as (place, code, words)."""

    blocks: list[Block] = field(default_factory=list)
    found: list[tuple[Place, str, str]] = field(default_factory=list)

    def say(self, place: Place, code: str, **fields: object) -> None:
        self.found.append((place, code, say(code, **fields)))


def read(path: Path) -> Source:
    """A file by its name.

    Raises
    ------
    NsmagicError
        It cannot be read, or is no notebook.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise NsmagicError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NsmagicError(f"{path}: not a text in UTF-8") from None
    if path.suffix == ".toml":
        return translation(path, text)
    if path.suffix != ".ipynb":
        return markdown(text, path.parent)
    try:
        data = json.loads(text)
        return notebook(data, path.parent)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NsmagicError(f"{path}: not a notebook (format 4)") from None


def translation(path: Path, text: str) -> Source:
    """A translation of our sentences: what is missing, and what could not be filled in."""
    source = Source()
    lines = text.splitlines()
    for what, part, code, fields in complaints(path):
        above = f"[{part}]"
        start = lines.index(above) if above in lines else 0
        at = next((n for n, line in enumerate(lines[start:], start) if line.startswith(f"{code} ")), start)
        source.say(Place(at + 1), f"sentence-{what}", name=f"{part}.{code}", fields=fields)
    return source


def markdown(text: str, folder: Path | None = None) -> Source:
    """A note."""
    source = Source()
    prose = list(_code(source, text))
    _about_text(source, prose, 0, folder)
    return source


def _code(source: Source, text: str) -> Iterator[tuple[int, str]]:
    """Put the commands of a note into ``source``; yields the lines of prose with their numbers."""
    fence, kind, block, start = "", "", list[str](), 0
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2]:
                if kind in _SHELLS:
                    _block(source, block, start)
                fence = ""
            else:
                block.append(line)
            continue
        if match:
            fence, kind, block, start = match[1], match[2].lower(), [], number + 1
            continue
        yield number, line
        prompt = _PROMPT.match(line)
        if prompt and _TOOL.match(prompt[1]):
            source.blocks.append(Block(prompt[1], Place(number)))
        else:
            for inline in _INLINE.findall(line):
                if _TOOL.match(inline) and not _PLACEHOLDER.search(inline):
                    source.blocks.append(Block(inline, Place(number), strict=False))


def _block(source: Source, lines: list[str], start: int) -> None:
    """A code block of a note: one of a notebook's cells, or lines of a terminal of which some are output."""
    cell = _CELL.match(lines[0]) if lines else None
    if cell is not None:
        source.blocks.append(Block("\n".join(lines[1:]), Place(start + 1), _namespace(cell[1])))
        return
    prompts = [_PROMPT.match(line) for line in lines]
    for at, line in enumerate(lines):
        prompt = prompts[at]
        command = prompt[1] if prompt else "" if any(prompts) else line
        if _TOOL.match(command.strip()) and not _PLACEHOLDER.search(command):
            source.blocks.append(Block(command.strip(), Place(start + at)))


def _about_text(source: Source, prose: list[tuple[int, str]], cell: int, folder: Path | None, above: int = 0) -> int:
    for number, line in prose:
        place = Place(number, cell)
        heading = _HEADING.match(line)
        if heading:
            level = len(heading[1])
            if above and level > above + 1:
                source.say(place, "heading-order", text=heading[2], above=above, level=level)
            above = level
        for alt, target, embedded in _IMAGE.findall(line):
            target = target or embedded
            if not alt and not embedded:
                source.say(place, "image-alt", target=target)
            local = folder is not None and not re.match(r"[a-z]+:", target)
            if local and folder is not None and not (folder / unquote(target)).exists():
                source.say(place, "image-lost", target=target)
        # In prose, too: people copy from it.
        if re.search(r"\bip\s+net-ns\b", line) and not _INLINE.search(line):
            source.say(place, "net-ns", text=line.strip()[:60])
    return above


def _namespace(line: str) -> str:
    try:
        ns = magic_line.split_cell_line(line)[1]
    except NsmagicError:
        return ""
    return "" if ns == HOST else ns


def notebook(data: Any, folder: Path | None = None) -> Source:
    """A notebook."""
    source = Source()
    above, titles = 0, 0
    for number, cell in enumerate(data["cells"], 1):
        text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        tags = cell.get("metadata", {}).get("tags", [])
        if "lint-ignore" in tags:
            continue
        if cell["cell_type"] == "markdown":
            scratch = Source()
            prose = list(_code(scratch, text))  # commands in the text explain; those of cells count
            above = _about_text(source, prose, number, folder, above)
            titles += sum(bool(re.match(r"#\s", line)) for _, line in prose)
        elif cell["cell_type"] == "code":
            _cell(source, text, tags, cell.get("outputs", []), number)
    if titles != 1:
        source.say(Place(1, 1), "headings", count=titles)
    return source


def _cell(source: Source, text: str, tags: list[str], outputs: list[Any], number: int) -> None:
    lines = text.splitlines()
    at = next((i for i, line in enumerate(lines) if line.strip()), None)
    if at is None:
        return
    _stored(source, lines, lines[at], tags, outputs, Place(1, number))
    later = next((i for i, line in enumerate(lines) if i > 0 and re.match(r"\s*%%(?:netns|task)\b", line)), None)
    if later is not None:
        source.say(Place(later + 1, number), "magic-first", magic=lines[later].split()[0])
        return
    if _STARTS.match(lines[at]):
        source.blocks.append(Block("", Place(1, number), fresh=True))
    cell = _CELL.match(lines[at])
    if cell is not None:
        if "--python" not in cell[1].split() and "raises-exception" not in tags:
            source.blocks.append(Block("\n".join(lines[at + 1 :]), Place(at + 2, number), _namespace(cell[1])))
        return
    if re.match(r"\s*%%task\b", lines[at]):
        # Task and fault bring rooms and cables along that no command here has made, so its lines are not followed.
        return
    if _TOOL.match(lines[at].strip()) and not re.match(r"\s*\w+\s*(=|\.|\()", lines[at]):
        source.say(Place(at + 1, number), "magic-missing")
        return
    for i, line in enumerate(lines, 1):
        one = _LINE.match(line)
        if one and "raises-exception" not in tags:
            ns, command = _one_line(one[1])
            source.blocks.append(Block(command, Place(i, number), ns))


def _one_line(line: str) -> tuple[str, str]:
    """The namespace (``""``: the host) and the command of a ``%netns`` line."""
    words = line.split()
    while words and words[0].startswith("--"):
        name, equals, _ = words.pop(0).partition("=")
        if words and not equals and magic_line.OPTIONS.get(name, ("", ""))[0]:
            words.pop(0)
    if not words or words[0] in TOOLS or words[0] in NETWORK_TOOLS or words[0] == HOST:
        return "", " ".join(words[1:] if words[:1] == [HOST] else words)
    return words[0], " ".join(words[1:])


def _stored(source: Source, lines: list[str], first: str, tags: list[str], outputs: list[Any], place: Place) -> None:
    silent = bool(re.match(r"\s*(?:%load_ext|%config|import |from |\w+\s*=[^=])", first))
    # Nor has one that was told to say nothing.
    silent = silent or bool(re.match(r"\s*%%?netns\s(?:.*\s)?--quiet(?:\s|$)", first))
    # A cell that is left for the learner has nothing to show.
    silent = silent or all(not line.strip() or line.lstrip().startswith(("#", "%%")) for line in lines)
    if not outputs and not silent and not {"no-output", "skip-execution"} & set(tags):
        source.say(place, "no-output")
    for output in outputs:
        if output.get("output_type") == "error" and "raises-exception" not in tags:
            source.say(place, "error-stored", name=str(output.get("ename")))
