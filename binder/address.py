"""Where the repository is: ``python3 binder/address.py https://github.com/OWNER/NAME`` writes it into every file that names it.

It stands in ``pyproject.toml`` (``project.urls``); the badge in ``README.md`` and the clone in ``binder/vm/cloud-init.yaml`` follow it, and
a test holds them to it. Without an argument the address is printed. Standard library only.
"""

from __future__ import annotations

import re
import sys
import tomllib
import urllib.parse
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
#: File → what surrounds the address in it.
PLACES = {
    "pyproject.toml": (r'(^urls = \{ Repository = ")[^"]*(")', "{address}"),
    "README.md": (r"(\(https://mybinder\.org/v2/)[^?)]*(/HEAD\?)", "{binder}"),
    "binder/vm/cloud-init.yaml": (r'(\[git, clone, --depth, "1", ")[^"]*(",)', "{address}"),
}


def address() -> str:
    """The one of pyproject.toml."""
    found: str = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    return found


def binder(address: str) -> str:
    """How mybinder.org names a repository.

    >>> binder("https://github.com/ann/notes"), binder("https://git.example/ann/notes")
    ('gh/ann/notes', 'git/https%3A%2F%2Fgit.example%2Fann%2Fnotes')
    """
    host, _, path = address.removeprefix("https://").partition("/")
    short = {"github.com": "gh", "gitlab.com": "gl"}.get(host)
    if short == "gl" and path.count("/") > 1:
        path = urllib.parse.quote(path, safe="")
    return f"{short}/{path}" if short else f"git/{urllib.parse.quote(address, safe='')}"


def with_address(text: str, place: str, new: str) -> str:
    """The text of a file with another address in it."""
    pattern, form = PLACES[place]
    words = form.format(address=new, binder=binder(new))
    changed, count = re.subn(pattern, lambda found: found[1] + words + found[2], text, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"{place}: the address stands there {count} times, not once")
    return changed


def main(argv: list[str]) -> int:
    """Print the address, or put another one everywhere."""
    if len(argv) < 2:
        print(address())
        return 0
    new = argv[1].removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://[\w.-]+(?:/[\w.~-]+){2,}", new):
        print(f"{argv[1]} is no address of a repository, as https://github.com/OWNER/NAME is", file=sys.stderr)
        return 1
    # All are read before one is written.
    texts = {place: with_address((TOP / place).read_text(), place, new) for place in PLACES}
    for place, text in texts.items():
        (TOP / place).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
