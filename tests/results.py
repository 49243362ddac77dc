"""``RESULTS.md``: what the long runs have shown, with the date and the machine. Written by ``NSMAGIC_RESULTS=1 pytest …`` only.

>>> print(with_row("| heavy | old | |\\n", "heavy", "300 kills", "today"), end="")
| heavy | 300 kills | today |
"""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

FILE = Path(__file__).with_name("RESULTS.md")


def note(title: str, words: str) -> None:
    """Put a result into the table, in place of the one of that title, when the results are asked for."""
    if os.environ.get("NSMAGIC_RESULTS"):
        FILE.write_text(with_row(FILE.read_text(), title, words, f"{datetime.date.today()}, {_machine()}"))


def with_row(text: str, title: str, words: str, when: str) -> str:
    """The file with that row."""
    row = f"| {title} | {words} | {when} |"
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if line.startswith(f"| {title} |")), None)
    if at is None:
        lines.append(row)
    else:
        lines[at] = row
    return "\n".join(lines) + "\n"


def _machine() -> str:
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    return f"Linux {platform.release()}, {os.cpu_count()} CPUs, load {os.getloadavg()[1]:.1f}, {who}"
