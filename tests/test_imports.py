"""The import direction of DESIGN section 1, read from the source of every module: a layer imports only from layers below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "nsmagic"

#: Layer → what it holds, as dotted prefixes below ``nsmagic``. The longest prefix decides.
LAYERS: dict[str, tuple[str, ...]] = {
    "base": ("collecting", "errors", "model", "names", "printable", "rows", "sentences", "shape", "snapshot", "whole"),
    "system": ("syscalls",),
    "pure": ("commands", "words", "worlds"),
    "netlink": ("netlink",),
    "firewall": ("firewall",),
    "agent": ("agent",),
    "client": ("agent.client", "agent.kept", "agent.protocol", "agent.pace", "agent.limits"),
    "sandbox": ("sandbox",),
    "views": ("columns", "tables", "changes", "topology"),
    "widgets": ("widgets",),
    "trace": ("trace",),
    "reasons": ("why",),
    "engine": (
        "awaiting",
        "building",
        "needs",
        "lab",
        "life",
        "reading",
        "sockets",
        "far",
        "framed",
        "environment",
        "events",
        "result",
        "packets",
        "pictures",
        "programs",
        "run",
        "running",
        "flight",
        "steps",
        "telling",
        "scripted",
        "history",
        "late",
        "pythonic",
        "status",
        "watching",
        "tracing",
        "feed",
        "following",
        "past",
    ),
    "top": (
        "magics",
        "magics_base",
        "magics_course",
        "magics_live",
        "magics_look",
        "completer",
        "magic_line",
        "cli",
        "testing",
        "course",
        "_jupyter",
        "__main__",
    ),
    "door": ("",),
}

#: Layer → the layers that it may import from, beside itself.
BELOW: dict[str, set[str]] = {
    "base": set(),
    "system": set(),
    "pure": {"base"},
    "netlink": {"base", "pure"},
    "firewall": {"base", "pure"},
    "agent": {"base", "system", "pure", "netlink", "firewall", "client"},
    "client": {"base", "system"},
    "sandbox": {"base", "system", "pure", "agent", "client"},
    "views": {"base", "pure"},
    # A capture and a journey are results that the lab hands out: below it, as pictures are.
    "trace": {"base", "pure", "client", "views"},
    # So are verdicts, which read the words of a rule as firewalls are read.
    "reasons": {"base", "pure", "firewall", "client", "views"},
    # Widgets only show: the lab that makes one hands in what they show and what their buttons do.
    "widgets": {"base", "pure", "views"},
    # ``Lab.events`` reads the kernel's events in the notebook's process, from a socket that the agent has lent it.
    "engine": {"base", "pure", "netlink", "client", "sandbox", "views", "trace", "reasons", "widgets"},
    "top": {"base", "pure", "client", "sandbox", "views", "trace", "reasons", "engine", "door"},
    # The door loads what it offers when it is first used.
    "door": {"base", "engine", "top"},
}

#: Other people's package → the only modules that may import it (``import`` for the type checker alone is free).
OWNERS: dict[str, tuple[str, ...]] = {
    "pyroute2": ("netlink",),
    "pandas": ("tables",),
    "IPython": ("magics", "magics_base", "magics_course", "magics_live", "magics_look", "completer"),
    "traitlets": ("magics", "widgets"),
    "anywidget": ("widgets",),
    "ipywidgets": ("widgets",),
    "graphviz": ("topology",),
    "pygraphviz": ("topology",),
    "dpkt": ("trace",),
    "nbclient": ("course",),
    "nbformat": ("course",),
    "genanki": ("course",),
    "jupyter_client": ("course",),
    "zmq": ("course",),
    "jupyterlab": ("cli", "_jupyter"),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """``agent.client`` of ``nsmagic/agent/client.py``; ``""`` of the package itself."""
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return "" if name == "__init__" else name.removesuffix(".__init__")


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@cache
def layer(name: str) -> str | None:
    """The layer of a module of ours, None when the table above does not know it."""
    fitting = [
        (len(prefix), each)
        for each, prefixes in LAYERS.items()
        for prefix in prefixes
        if prefix and _within(name, prefix)
    ]
    return max(fitting)[1] if fitting else ("door" if not name else None)


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules that a file imports when it runs, in a function too; not those for the type checker."""
    return tuple(_imports(ast.parse(path.read_text())))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        for other in node.orelse:
            yield from _imports(other)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "relative imports hide the direction"
        assert node.module is not None
        for alias in node.names:
            assert alias.name != "*", "no star imports"
            inner = f"{node.module}.{alias.name}"
            if inner == "nsmagic.__version__":
                continue  # a constant, which everybody may read
            yield inner if _is_module(inner) else node.module
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


@cache
def _is_module(name: str) -> bool:
    if not _within(name, "nsmagic"):
        return False
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("path", modules(), ids=lambda path: dotted(path) or "nsmagic")
def test_imports_only_from_layers_below(path: Path) -> None:
    name = dotted(path)
    here = layer(name)
    assert here is not None, f"nsmagic.{name} is in no layer: put it into LAYERS"
    for other in imports(path):
        if _within(other, "nsmagic"):
            there = layer(other.removeprefix("nsmagic").removeprefix("."))
            assert there == here or there in BELOW[here], f"{name} ({here}) imports {other} ({there})"
        else:
            top = other.partition(".")[0]
            owners = OWNERS.get(top)
            assert owners is None or any(_within(name, owner) for owner in owners), f"{name} imports {other}"


def test_layers_have_an_order() -> None:
    """No two layers import each other, even by way of others (the door apart, which loads late)."""

    def reach(start: str) -> set[str]:
        found: set[str] = set()
        todo = [start]
        while todo:
            for below in BELOW[todo.pop()] - found - {"door"}:
                found.add(below)
                todo.append(below)
        return found

    assert [each for each in BELOW if each != "door" and each in reach(each)] == []


def test_pyroute2_is_found_where_it_is_expected() -> None:
    """The reading itself works: the netlink layer is seen to import pyroute2, and tables to import pandas."""
    users = {
        top: {dotted(path) for path in modules() if any(_within(each, top) for each in imports(path))} for top in OWNERS
    }
    assert any(name.startswith("netlink.") for name in users["pyroute2"])
    assert users["pandas"] == {"tables.display", "tables.frames"}
    assert "magics" in users["IPython"]
