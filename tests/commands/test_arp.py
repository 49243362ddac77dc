"""``arp``: every form by its exact arguments, its refusals, and the real tool beside it."""

from __future__ import annotations

from tool_checks import checks_of, read

from nsmagic.commands.command import Command

#: Without -n the real tool waits for names.
globals().update(checks_of("arp", not_asked=("arp", "arp -a", "arp -e -v")))


def test_numeric_is_only_a_matter_of_display() -> None:
    command = read("arp", "arp -n")
    assert isinstance(command, Command)
    assert command.display == {"numeric": True}
