"""Tables of the old iptables are the same as long as their rules are, in both families, whatever was counted."""

from __future__ import annotations

import pytest
from inlab import inside, shell

from nsmagic.agent import xtables

pytestmark = pytest.mark.sandbox

CASES = {
    "ip": ("iptables-legacy", "icmp", "ping -c 1 127.0.0.1"),
    "ip6": ("ip6tables-legacy", "icmpv6", "ping -c 1 ::1"),
}


@pytest.mark.parametrize("family", CASES)
def test_a_table_is_another_one_when_its_rules_are(family: str) -> None:
    tool, protocol, ping = CASES[family]

    def body() -> list[str]:
        shell("ip link set lo up")
        seen = []

        def look(command: str) -> None:
            shell(command)
            seen.append(xtables.contents(family, "filter").hex())

        look(f"{tool} -A INPUT -p {protocol} -j ACCEPT")
        look(ping)
        assert " 0     0 ACCEPT" not in shell(f"{tool} -L INPUT -v -n"), "nothing was counted"
        look(f"{tool} -A INPUT -m limit --limit 1/s -s {'10.0.0.0/8' if family == 'ip' else 'fd00::/8'} -j DROP")
        look(ping)
        look(f"{tool} -P FORWARD DROP")
        look(f"{tool} -P FORWARD ACCEPT")
        look(f"{tool} -D INPUT 2")
        return seen

    first, counted, limited, limited_on, policy, back, without = inside(body)
    assert first == counted == without
    assert limited == limited_on == back
    assert len({first, limited, policy}) == 3


def test_what_is_no_table() -> None:
    def body() -> None:
        with pytest.raises(OSError, match="No such file"):
            xtables.contents("ip", "nosuch")

    inside(body)
