"""How much the tests beside this one try of the lexer and the grammar, and that names are data whatever is in them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nsmagic.commands.cell import split
from nsmagic.commands.command import Command
from nsmagic.errors import CommandSyntaxError
from tests.fuzz import LANGUAGE, examples


def test_twenty_thousand_examples(record_property: Callable[[str, Any], None]) -> None:
    """Those of the tests in this folder that read what people type."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        spec = spec_from_file_location(f"counted_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        if path != Path(__file__):
            spec.loader.exec_module(module_from_spec(spec))
    total = sum(LANGUAGE.values())
    words = f"{total} made-up texts read by the lexer and the grammar, no internal error and no hang"
    record_property("figure", ("fuzz", words))
    assert total >= 20_000, LANGUAGE


#: What has a meaning to a shell, in HTML, in paths, in formats and in DOT.
_SPECIAL = st.lists(
    st.sampled_from(
        [
            *"$`;&|<>(){}[]*?!~#'\"\\/.%-=:,@ \t\n",
            "$(id)",
            "`id`",
            "../",
            "</b>",
            "<script>",
            "%s",
            "{0}",
            "\\N",
            "é",
            "\x1b[",
        ]
    ),
    min_size=1,
    max_size=8,
).map("".join)


@examples(1500, "names are data")
@given(
    _SPECIAL,
    st.sampled_from(
        ["ip netns add {}", "ip -n {} link", "ip link add {} type bridge", "ip link set lo alias {}", "brctl addbr {}"]
    ),
)
def test_a_quoted_name_reaches_the_command_as_it_is(name: str, form: str) -> None:
    """It is an argument, or refused; never another word, another command or a script."""
    try:
        cell = split(form.format(shlex.quote(name)))
    except CommandSyntaxError:
        return
    assert cell.script is None
    [step] = cell.steps
    if isinstance(step.run, Command):
        values = [step.run.ns, *step.run.args.values()]
        assert name in values or (form == "ip link set lo alias {}" and name in str(values))
