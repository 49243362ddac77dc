"""``ifconfig``: every form by its exact steps, its refusals, and the real tool beside it."""

from __future__ import annotations

import pytest
from tool_checks import checks_of, read, real, sandbox_missing

from nsmagic.commands.command import Sequence
from nsmagic.errors import CommandSyntaxError

globals().update(
    checks_of("ifconfig", not_asked=(
        "ifconfig v0 mtu 1400 txqueuelen 50 promisc",  # SIOCSIFTXQLEN asks for a right on the machine itself
        "ifconfig v0:0 down",  # needs the alias; asked below
    ))
)  # fmt: skip


def test_it_goes_on_after_a_step_that_failed() -> None:
    steps = read("ifconfig", "ifconfig v0 mtu 1400 up")
    assert isinstance(steps, Sequence)
    assert steps.keep_going
    assert len(steps.commands) == 2


@pytest.mark.skipif(bool(sandbox_missing()), reason=f"no sandbox here: {sandbox_missing()}")
def test_the_real_tool_switches_an_alias_off() -> None:
    assert real("ifconfig v0:0 down", "ifconfig v0:0 10.0.0.5") == (0, "")


def test_the_address_comes_first() -> None:
    with pytest.raises(CommandSyntaxError) as caught:
        read("ifconfig", "ifconfig v0 netmask 255.255.255.0 10.0.0.1")
    assert caught.value.hint == "put the address first; netmask and broadcast change the address that is there"


def test_the_length_32_is_not_passed_on() -> None:
    """net-tools 2.10 makes 0.0.0.0 out of it, which nobody means."""
    with pytest.raises(CommandSyntaxError) as caught:
        read("ifconfig", "ifconfig v0 10.0.0.1/32")
    assert caught.value.hint == '"/32": for a single address write netmask 255.255.255.255'


def test_an_ipv6_address_wants_add() -> None:
    with pytest.raises(CommandSyntaxError) as caught:
        read("ifconfig", "ifconfig v0 fd00::1/64")
    assert caught.value.hint == "for IPv6 write add before it: ifconfig v0 add fd00::1/64"
