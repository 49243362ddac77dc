"""``table.txt``: what was typed and what was seen, read, run and written. ``python -m tests.bad_input.reading`` prints the table as
it comes out now, to be read and, where it is right, stored."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("table.txt")
TOP = Path(__file__).resolve().parent.parent.parent

#: What every row finds: two rooms and a cable, a third room, a bridge with one port whose other end is free.
SCENE = """
ip netns add red
ip netns add blue
ip netns add router
ip link add veth-red netns red type veth peer name veth-blue netns blue
ip -n red addr add 192.168.15.1/24 dev veth-red
ip -n blue addr add 192.168.15.2/24 dev veth-blue
ip -n red link set veth-red up
ip -n blue link set veth-blue up
ip link add v-net-0 type bridge
ip link set v-net-0 up
ip link add veth-gray type veth peer name veth-gray-br
ip link set veth-gray-br master v-net-0
"""

#: The prompt says where it was typed: a cell in a namespace, a notebook's cell, a shell, Python.
_PROMPT = re.compile(r"(host|red|blue|router|green|In|\$|py)> ?(.*)")
_VARIES = re.compile(r"\bv\d+\.\d+\.\d+\b|Cell In\[\d+\]")


@dataclass(frozen=True)
class Row:
    """One input and what comes of it."""

    where: str
    typed: str
    seen: tuple[str, ...]

    def __str__(self) -> str:
        first, *rest = self.typed.split("\n")
        lines = [
            f"{self.where}> {first}",
            *(f"..> {line}" for line in rest),
            *(f"    {line}".rstrip() for line in self.seen),
        ]
        return "\n".join(lines)


def rows(text: str) -> Iterator[Row]:
    """The rows of the table."""
    where, typed, seen = "", [""], [""]
    for line in [*text.splitlines(), "host> "]:
        if line.startswith("..>"):
            typed.append(line[4:])
        elif found := _PROMPT.fullmatch(line):
            if where:
                while seen and not seen[-1]:
                    seen.pop()
                yield Row(where, "\n".join(typed), tuple(seen))
            where, typed, seen = found[1], [found[2]], []
        elif not line.startswith("#"):
            seen.append(line[4:])


def fits(row: Row, seen: list[str]) -> bool:
    """Whether what was seen is what is stored; a stored line ``…`` stands for any lines (a tool's usage, which
    varies), and ``…`` in a line for any words."""
    pattern = "\n".join(
        "(?:.*\n?)*" if line == "…" else re.escape(line).replace("…", ".*") for line in row.seen
    ).replace("(?:.*\n?)*\n", "(?:.*\n)*")
    return re.fullmatch(pattern, "\n".join(seen)) is not None


def lines(text: str) -> list[str]:
    """Output as lines to compare: without blank ends, and without versions of programs."""
    return (
        [
            _VARIES.sub(lambda found: "v…" if found[0].startswith("v") else "Cell In[…]", line.rstrip())
            for line in text.strip("\n").split("\n")
        ]
        if text.strip()
        else []
    )


def state(lab: Any) -> Any:
    """What a refused input must leave as it is; not what the kernel adds by itself (link-local addresses, carrier)."""
    found = lab.snapshot("namespaces", "links", "addrs", "routes", "rules")
    return (
        [row.ns for row in found.namespaces.rows],
        [(row.ns, row.ifname, row.mac, row.mtu, row.master, row.flags & 1) for row in found.links.rows],
        [(row.ns, row.ifname, row.address, row.prefixlen) for row in found.addrs.rows if row.family == "inet"],
        [(row.ns, row.dst, row.gateway, row.dev) for row in found.routes.rows if row.family == "inet"],
        [(row.ns, row.priority, row.table) for row in found.rules.rows],
    )


def in_lab(lab: Any, row: Row) -> tuple[list[str], bool]:
    """A cell of commands: what is seen, and whether all went well."""
    from nsmagic import NsmagicError

    try:
        result = lab.run(row.typed, row.where)
    except NsmagicError as error:
        return lines(error.render()), False
    return lines(result.text), bool(result.ok)


def in_notebook(notebook: Any, row: Row) -> tuple[list[str], bool]:
    """A notebook's cell, with what IPython shows of the error."""
    ran = notebook.cell(row.typed)
    return lines(ran.text), ran.ok


def in_shell(row: Row, folder: Path) -> tuple[list[str], bool]:
    """A line in a terminal; ``nsmagic`` is this checkout."""
    command = folder / "nsmagic"
    if not command.exists():
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m nsmagic "$@"\n')
        command.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", row.typed], cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(TOP), "COLUMNS": "100"},
    )  # fmt: skip
    return lines(done.stdout + done.stderr), done.returncode == 0


def in_python(row: Row) -> tuple[list[str], bool]:
    """A statement of Python, in which ``lab`` makes and ends a lab; what plain Python shows last."""
    import traceback

    import nsmagic

    try:
        with nsmagic.Lab() as lab:
            exec(compile(row.typed, "<typed>", "exec"), {"Lab": nsmagic.Lab, "lab": lab})
    except Exception as error:  # noqa: BLE001 - what is raised is what is looked at
        return lines("".join(traceback.format_exception_only(error))), False
    return [], True


def main() -> None:
    """Print the table as it comes out now."""
    import tempfile

    from nsmagic import Lab
    from tests import conftest

    shell = conftest.new_shell()
    heads = TABLE.read_text().partition("\nhost> ")[0]
    print(heads.rstrip() + "\n")
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        lab.run(SCENE).check()
        for row in rows(TABLE.read_text()):
            if row.where == "In":
                with conftest.fresh(shell) as notebook:
                    seen, ok = in_notebook(notebook, row)
            elif row.where == "$":
                seen, ok = in_shell(row, Path(folder))
            elif row.where == "py":
                seen, ok = in_python(row)
            else:
                seen, ok = in_lab(lab, row)
            print(
                Row(row.where, row.typed, tuple(row.seen if fits(row, seen) else seen)),
                "\n    !!! OK" if ok else "",
                sep="",
            )


if __name__ == "__main__":
    main()
