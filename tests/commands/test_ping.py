"""``ping``: every form by its exact arguments, its refusals, and the real tool beside it."""

from __future__ import annotations

import pytest
from tool_checks import checks_of, read
from tool_tables import FORMS, PING_ENDLESS

from nsmagic.errors import CommandSyntaxError

globals().update(checks_of("ping", forms=[*FORMS["ping"], *PING_ENDLESS], not_asked=("ping -R -c 1 127.0.0.1",)))


@pytest.mark.parametrize(
    "line",
    [
        "ping -i x 127.0.0.1",  # ping takes it for 0 and says that this will become an error
        "ping -W x 127.0.0.1",
        "ping -i -1 127.0.0.1",  # ping never sends
        "ping -Q -5 127.0.0.1",
        "ping -p 0123456789abcdef0123456789abcdef0 127.0.0.1",  # longer than what is used
    ],
)
def test_stricter_than_ping(line: str) -> None:
    with pytest.raises(CommandSyntaxError):
        read("ping", line)
