"""``sysctl``: every form by its exact arguments, its refusals, the names, and the real tool beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tool_checks import checks_of, read

from nsmagic.commands import sysctl_names
from nsmagic.commands.command import Sequence
from nsmagic.errors import CommandSyntaxError
from tests.fuzz import examples

globals().update(checks_of("sysctl"))


def test_blanks_around_the_equals_sign() -> None:
    with pytest.raises(CommandSyntaxError) as caught:
        read("sysctl", "sysctl -w net.ipv4.ip_forward = 1")
    assert caught.value.hint == "no blanks around the equals sign: sysctl -w net.ipv4.ip_forward=1"


def test_reading_and_writing_goes_on_after_a_refusal() -> None:
    both = read("sysctl", "sysctl net.ipv4.ip_forward net.ipv4.ip_default_ttl=65")
    assert isinstance(both, Sequence)
    assert both.keep_going


def test_a_quoted_value_may_have_blanks() -> None:
    command = read("sysctl", "sysctl -w net.ipv4.tcp_rmem='4096 87380 6291456'")
    assert command.args == {"assignments": [["net.ipv4.tcp_rmem", "4096 87380 6291456"]]}  # type: ignore[union-attr]


@examples(1000)
@given(st.text(alphabet="ab./\0 -", max_size=12) | st.text(max_size=12))
def test_a_name_never_leaves_proc_sys(name: str) -> None:
    known = sysctl_names.canonical(name)
    if known is not None:
        parts = sysctl_names.path(known).split("/")
        assert all(part and part not in (".", "..") and "\0" not in part for part in parts)
        assert sysctl_names.canonical(known) == known
