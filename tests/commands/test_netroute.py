"""``route``: every form by its exact arguments, its refusals, and the real tool beside it."""

from __future__ import annotations

import pytest
from tool_checks import checks_of, read

from nsmagic.errors import CommandSyntaxError

#: Without -n the real tool waits for names.
globals().update(checks_of("netroute", not_asked=("route", "route -ee", "route -A inet6")))


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("route add -net 10.8.0.0 gw 10.0.0.2", "-net needs a netmask, as in 10.8.0.0/24 or netmask 255.255.255.0"),
        ("route add 10.8.0.0/16 v0", "for a network write -net: route add -net 10.8.0.0/16 …"),
        ("route add -net 10.8.1.0/16 v0", "the network is 10.8.0.0/16"),
        ("route add default gw 10.0.0.2 metrc 5", 'at character 31, "metrc": did you mean "metric"?'),
        ("route dell default", 'at character 7, "dell": did you mean "del"?'),
    ],
)
def test_hints_say_what_was_meant(line: str, hint: str) -> None:
    with pytest.raises(CommandSyntaxError) as caught:
        read("netroute", line)
    assert caught.value.hint == hint
